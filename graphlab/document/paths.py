"""What all edits stand on: readable unique ids, and keeping every reference to a node right when its path changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphlab.document.model import Document
from graphlab.document.references import forget_in_setup, rename_in_setup
from graphlab.engine.graph import Graph, Node, Source, Target
from graphlab.engine.loop import Block, Loop
from graphlab.engine.op import Op
from graphlab.engine.wiring import face

MAX_ID = 80
_LONG_NAME = 8
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")


class EditError(Exception):
    """An edit that was asked for cannot be made: a sentence for the user that says why."""


def valid_id(id: str) -> bool:
    """Tell whether a text can name a node: letters, digits, ``_`` and ``-``, since paths and keys split at / and ."""
    return len(id) <= MAX_ID and _ID.fullmatch(id) is not None


def join(scope: str, id: str) -> str:
    """Return the path of a node in a scope."""
    return f"{scope}/{id}" if scope else id


def inner_graphs(op: Op) -> Iterator[Graph]:
    """Yield the graphs that an op holds as attributes."""
    if isinstance(op, Block):
        yield op.graph
    elif isinstance(op, Loop):
        yield op.cell


def walk(graph: Graph) -> Iterator[Node]:
    """Yield every node, those inside blocks and loops included."""
    for node in graph.nodes.values():
        yield node
        for inner in inner_graphs(node.op):
            yield from walk(inner)


def all_ids(document: Document) -> set[str]:
    """Return the ids of all nodes, wherever they stand."""
    return {n.id for n in walk(document.graph)}


def stem_of(op: Op) -> str:
    """Return what ids of an op begin with: its name, but ``loss`` for losses whose names are long to read."""
    name = op.name()
    return "loss" if op.category == "Losses" and len(name) > _LONG_NAME else name


def fresh_id(stem: str, taken: Collection[str]) -> str:
    """Return a free id made of a stem and a number: ``linear1``, ``conv2d_1``."""
    stem = re.sub(r"[^a-z0-9_]", "", stem.lower()) or "node"
    stem = stem if not stem[0].isdigit() else f"n{stem}"
    stem = f"{stem[:MAX_ID - 8]}{'_' if any(c.isdigit() for c in stem) and stem[-1] != '_' else ''}"
    number = 1
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def free_id(wanted: str, taken: Collection[str]) -> str:
    """Return the wanted id where it is free, else one like it with the next free number."""
    return wanted if wanted not in taken else fresh_id(re.sub(r"_?\d+$", "", wanted) or wanted, taken)


def scope_of(document: Document, scope: str) -> Graph:
    """Return the graph of a scope. Raises `EditError` where there is no such block."""
    graph = document.scope(scope)
    if graph is None:
        raise EditError(f"There is no block ‘{scope}’ in this document.")
    return graph


def node_of(document: Document, id: str, scope: str) -> Node:
    """Return a node of a scope. Raises `EditError` where there is none."""
    node = scope_of(document, scope).nodes.get(id)
    if node is None:
        raise EditError(f"There is no node ‘{join(scope, id)}’ in this document.")
    return node


def twins(document: Document, scope: str) -> list[str]:
    """Return the other blocks, by path, that share the insides of the block at ``scope``."""
    outer, _, id = scope.rpartition("/")
    graph = document.scope(outer)
    if not scope or graph is None or id not in graph.nodes:
        return []
    root = graph.nodes[id].shares or id
    return [join(outer, n.id) for n in graph.nodes.values()
            if n.id != id and isinstance(n.op, Block) and root in (n.id, n.shares)]


def write(document: Document, scope: str, graph: Graph) -> Document:
    """Replace the graph of a scope, in blocks that share it as well, and drop wires to ports that went away."""
    document = document.with_scope(scope, graph)
    if not scope:
        return document
    others = twins(document, scope)
    layout = dict(document.layout)
    for other in others:
        document = document.with_scope(other, graph)
        for id in graph.nodes:
            if (place := layout.get(join(scope, id))) is not None:
                layout.setdefault(join(other, id), place)
    outer = scope.rpartition("/")[0]
    around = scope_of(document, outer)
    pruned = prune(around)
    document = replace(document, layout=layout) if others else document
    return document if pruned is around else write(document, outer, pruned)


def prune(graph: Graph) -> Graph:
    """Return the graph without wires that begin or end at nothing; the same object where all are sound.

    Wires at a node whose attributes are wrong stay: which ports it has is known once they are mended.
    """
    faces = {n.id: face(n) for n in graph.nodes.values()}

    def ends(target: Target) -> bool:
        at = faces.get(target.node)
        return at is not None and (bool(at.faults) or any(p.name == target.port for p in at.ports))

    def begins(source: Source) -> bool:
        at = faces.get(source.node)
        return at is not None and (bool(at.faults) or source.output in at.outputs)
    wires = {t: s for t, s in graph.wires.items() if ends(t) and begins(s)}
    return graph if len(wires) == len(graph.wires) else replace(graph, wires=wires)


def rename(paths: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that maps a path, or what lies below it, by the table old → new."""
    def to(path: str) -> str:
        head, tail = path, ""
        while head:
            if head in paths:
                return paths[head] + tail
            head, slash, last = head.rpartition("/")
            tail = slash + last + tail
        return path
    return to


def rebase(document: Document, moved: Mapping[str, str]) -> Document:
    """Follow nodes to their new paths in the layout, the notes and the setup."""
    to = rename(moved)
    return replace(
        document,
        layout={to(path): place for path, place in document.layout.items()},
        notes={id: replace(note, scope=to(note.scope)) if note.scope else note for id, note in document.notes.items()},
        setup=rename_in_setup(document.setup, to),
        extra=_with_nodes(document.extra, {to(path): kept for path, kept in document.extra.get("nodes", {}).items()}),
    )


def _with_nodes(extra: Mapping[str, Any], nodes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace what is kept for nodes of files from other versions."""
    return extra if nodes == extra.get("nodes", {}) else {**extra, "nodes": nodes}


def forget(document: Document, gone: Iterable[str]) -> Document:
    """Drop removed nodes, and what lay in them, from the layout, the notes and the setup."""
    lost = set(gone)

    def under(path: str) -> bool:
        while path:
            if path in lost:
                return True
            path = path.rpartition("/")[0]
        return False
    return replace(
        document,
        layout={path: place for path, place in document.layout.items() if not under(path)},
        notes={id: note for id, note in document.notes.items() if not under(note.scope)},
        setup=forget_in_setup(document.setup, under),
        extra=_with_nodes(document.extra, {p: k for p, k in document.extra.get("nodes", {}).items() if not under(p)}),
    )
