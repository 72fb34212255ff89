"""Edits: pure functions from a document to the next one. Grouping is in `blocks`, copying in `clipboard`.

Each takes the ``scope`` (the path of the block that is edited, '' at the top) last, and raises `EditError`, a
sentence, where what it is asked for cannot be done. What refers to a removed node goes with it: wires, places,
notes inside a block, and the setup's losses and feeds.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from graphlab.document.codec import FormatError, typed, write_value
from graphlab.document.model import Document, Note, Place
from graphlab.document.paths import (
    EditError,
    all_ids,
    forget,
    free_id,
    fresh_id,
    join,
    node_of,
    prune,
    scope_of,
    stem_of,
    valid_id,
    write,
)
from graphlab.engine.graph import Graph, Node, Source, Target
from graphlab.engine.op import Op
from graphlab.engine.plan import compile
from graphlab.engine.train import Setup

__all__ = [
    "EditError", "add_after", "add_node", "add_note", "change_note", "connect", "disconnect", "insert_on_wire", "move",
    "remove", "remove_and_heal", "remove_notes", "rename", "replace_setup", "set_attributes", "set_bypassed",
    "set_frozen", "set_pinned", "set_text",
]

#: How far apart edits put cards: the width or height of a usual card and the gap beside it, in scene pixels.
STEP_X, STEP_Y = 240.0, 120.0


def add_node(
    document: Document, op: Op, x: float, y: float, scope: str = "", label: str = "", id: str = "",
) -> tuple[Document, str]:
    """Add a node with its card's top left corner at (x, y); returns its id, ``id`` itself where that is free."""
    if id and not valid_id(id):
        raise EditError(f"‘{id}’ cannot name a node: a name is made of letters, digits, _ and -.")
    taken = all_ids(document)
    new = free_id(id, taken) if id else fresh_id(stem_of(op), taken)
    graph = scope_of(document, scope)
    document = place(document, {new: (x, y)}, scope)
    return write(document, scope, replace(graph, nodes={**graph.nodes, new: Node(new, op, label)})), new


def place(document: Document, positions: Mapping[str, tuple[float, float]], scope: str = "") -> Document:
    """Set where cards stand, those of new nodes included; pins stay."""
    layout = dict(document.layout)
    for id, (x, y) in positions.items():
        old = layout.get(join(scope, id))
        layout[join(scope, id)] = Place(float(x), float(y), old is not None and old.pinned)
    return replace(document, layout=layout)


def remove(document: Document, ids: Iterable[str], scope: str = "") -> Document:
    """Remove nodes and everything that refers to them."""
    lost = set(ids)
    graph = scope_of(document, scope)
    for id in lost:
        node_of(document, id, scope)
    kept = {id: node if node.shares not in lost else _orphan(graph, node, lost)
            for id, node in graph.nodes.items() if id not in lost}
    wires = {t: s for t, s in graph.wires.items() if t.node not in lost and s.node not in lost}
    document = forget(document, (join(scope, id) for id in lost))
    return write(document, scope, Graph(kept, wires))


def _orphan(graph: Graph, node: Node, lost: set[str]) -> Node:
    """Let the first of those that shared a removed node's weights own them, and the others share its."""
    heir = next(n.id for n in graph.nodes.values() if n.shares == node.shares and n.id not in lost)
    return replace(node, shares="" if heir == node.id else heir)


def remove_and_heal(document: Document, ids: Iterable[str], scope: str = "") -> Document:
    """Remove nodes and wire what read them to what they read: the input of the output's shape, or the first."""
    ids = list(ids)
    graph = scope_of(document, scope)
    plan = compile(document.graph)
    for id in ids:
        node = node_of(document, id, scope)
        sources = [s for p in node.op.ports() if p.data and (s := graph.wires.get(Target(id, p.name))) is not None]
        wires = dict(graph.wires)
        for target, source in graph.wires.items():
            if source.node == id and sources:
                spec = plan.spec(join(scope, id), source.output)
                same = [s for s in sources if spec is not None and plan.spec(join(scope, s.node), s.output) == spec]
                wires[target] = (same or sources)[0]
        graph = replace(graph, wires={t: s for t, s in wires.items() if id not in (t.node, s.node)})
    return remove(write(document, scope, graph), ids, scope)


def connect(document: Document, source: Source, target: Target, scope: str = "") -> Document:
    """Draw a wire; one that ended at the same port is replaced. `wiring.check_connection` says whether it fits."""
    graph = scope_of(document, scope)
    source, target = Source(*source), Target(*target)
    if source.output not in (names := node_of(document, source.node, scope).op.output_names()):
        raise EditError(f"‘{source.node}’ has no output {source.output!r}; it has {', '.join(names) or 'none'}.")
    if target.port not in (ports := [p.name for p in node_of(document, target.node, scope).op.ports()]):
        raise EditError(f"‘{target.node}’ has no input {target.port!r}; it has {', '.join(ports) or 'none'}.")
    return write(document, scope, replace(graph, wires={**graph.wires, target: source}))


def disconnect(document: Document, target: Target, scope: str = "") -> Document:
    """Remove the wire that ends at a port."""
    graph = scope_of(document, scope)
    return write(document, scope, replace(graph, wires={t: s for t, s in graph.wires.items() if t != target}))


def move(document: Document, positions: Mapping[str, tuple[float, float]], scope: str = "") -> Document:
    """Put cards, notes and frames somewhere else, by id."""
    notes = dict(document.notes)
    nodes = {}
    for id, (x, y) in positions.items():
        if id in notes and notes[id].scope == scope:
            notes[id] = replace(notes[id], x=float(x), y=float(y))
        else:
            node_of(document, id, scope)
            nodes[id] = (x, y)
    return place(replace(document, notes=notes), nodes, scope)


def _with_node(document: Document, node: Node, scope: str) -> Document:
    graph = scope_of(document, scope)
    return write(document, scope, prune(replace(graph, nodes={**graph.nodes, node.id: node})))


def set_attributes(document: Document, id: str, values: Mapping[str, Any], scope: str = "") -> Document:
    """Give an op other attribute values; wires at ports that the op then lacks are removed."""
    node = node_of(document, id, scope)
    known = [a.name for a in node.op.attributes()]
    for name in values:
        if name not in known:
            raise EditError(f"{node.op.title} ‘{node.name}’ has no attribute {name!r}; it has {', '.join(known)}.")
    hints = typing.get_type_hints(type(node.op))
    where = f"{node.op.title} ‘{node.name}’ needs its attribute"
    try:
        # A value out of its limits is a problem that `compile` reports; one of a wrong type would not survive a file.
        given = {k: v if isinstance(v, Graph) else typed(write_value(v), hints[k], f"{where} {k}")
                 for k, v in values.items()}
    except FormatError as e:
        raise EditError(f"{e}.") from None
    return _with_node(document, replace(node, op=node.op.replace(**given)), scope)


def rename(document: Document, id: str, label: str, scope: str = "") -> Document:
    """Give a node another label ('' brings its id back). The id and with it the weights' keys stay."""
    return _with_node(document, replace(node_of(document, id, scope), label=" ".join(label.split())), scope)


def set_frozen(document: Document, ids: Iterable[str], frozen: bool, scope: str = "") -> Document:
    """Keep nodes from being trained, or let them be trained again."""
    for id in ids:
        document = _with_node(document, replace(node_of(document, id, scope), frozen=frozen), scope)
    return document


def set_bypassed(document: Document, ids: Iterable[str], bypassed: bool, scope: str = "") -> Document:
    """Let nodes pass their input through, or switch them on again."""
    for id in ids:
        document = _with_node(document, replace(node_of(document, id, scope), bypassed=bypassed), scope)
    return document


def set_pinned(document: Document, ids: Iterable[str], pinned: bool, scope: str = "") -> Document:
    """Keep the automatic layout from moving cards, or let it."""
    layout = dict(document.layout)
    for id in ids:
        node_of(document, id, scope)
        old = layout.get(join(scope, id), Place(0.0, 0.0))
        layout[join(scope, id)] = replace(old, pinned=pinned)
    return replace(document, layout=layout)


def _free_port(graph: Graph, node: Node, skip: Iterable[str] = ()) -> str:
    """Return the first data input without a wire, or the first data input."""
    ports = [p.name for p in node.op.ports() if p.data and p.name not in skip]
    if not ports:
        raise EditError(f"{node.op.title} ‘{node.name}’ has no input that a wire could end at.")
    return next((p for p in ports if Target(node.id, p) not in graph.wires), ports[0])


def _output(node: Node) -> str:
    names = node.op.output_names()
    if not names:
        raise EditError(f"{node.op.title} ‘{node.name}’ has no output that a wire could begin at.")
    return names[0]


def downstream(graph: Graph, id: str) -> set[str]:
    """Return the nodes that read a node, directly or through others, and itself."""
    readers: dict[str, set[str]] = {}
    for target, source in graph.wires.items():
        readers.setdefault(source.node, set()).add(target.node)
    seen, todo = {id}, [id]
    while todo:
        for reader in readers.get(todo.pop(), set()) - seen:
            seen.add(reader)
            todo.append(reader)
    return seen


def insert_on_wire(document: Document, target: Target, what: Op | str, scope: str = "") -> tuple[Document, str]:
    """Put a new op, or a node that stands free, on the wire that ends at ``target``; returns its id.

    A new card stands between both ends, and what comes after it makes room.
    """
    graph = scope_of(document, scope)
    target = Target(*target)
    source = graph.wires.get(target)
    if source is None:
        raise EditError(f"No wire ends at the input {target.port!r} of ‘{target.node}’.")
    if isinstance(what, str):
        id = what
        around = downstream(graph, target.node) | {n for n in graph.nodes if source.node in downstream(graph, n)}
        if id in around:
            raise EditError(f"‘{node_of(document, id, scope).name}’ is already before or after this wire; putting it "
                            "on the wire would form a cycle.")
    else:
        begin = document.layout.get(join(scope, source.node), Place(0.0, 0.0))
        end = document.layout.get(join(scope, target.node), Place(begin.x + STEP_X, begin.y))
        document, id = add_node(document, what, max(begin.x + STEP_X, (begin.x + end.x) / 2), (begin.y + end.y) / 2,
                                scope)
        document = _make_room(document, id, target.node, scope)
    node = node_of(document, id, scope)
    port, output = _free_port(graph, node), _output(node)
    document = connect(document, source, Target(id, port), scope)
    return connect(document, Source(id, output), target, scope), id


def _make_room(document: Document, id: str, target: str, scope: str) -> Document:
    """Push what comes after a new card to the right until it stands clear of it; pinned cards stay."""
    new, end = document.layout[join(scope, id)], document.layout.get(join(scope, target))
    if end is None or (lack := new.x + STEP_X - end.x) <= 0:
        return document
    layout = dict(document.layout)
    for other in downstream(scope_of(document, scope), target):
        at = layout.get(join(scope, other))
        if at is not None and not at.pinned and at.x >= end.x:
            layout[join(scope, other)] = replace(at, x=at.x + lack)
    return replace(document, layout=layout)


def add_after(document: Document, id: str, op: Op, scope: str = "") -> tuple[Document, str]:
    """Add a new op to the right of a node and wire the node's first output into its first input."""
    output = _output(node_of(document, id, scope))
    at = document.layout.get(join(scope, id), Place(0.0, 0.0))
    here = [document.layout.get(join(scope, n)) for n in scope_of(document, scope).nodes]
    x, y = at.x + STEP_X, at.y
    while any(p is not None and abs(p.x - x) < STEP_X / 2 and abs(p.y - y) < STEP_Y / 2 for p in here):
        y += STEP_Y
    document, new = add_node(document, op, x, y, scope)
    graph, node = scope_of(document, scope), node_of(document, new, scope)
    if not any(p.data for p in op.ports()):
        return document, new
    return connect(document, Source(id, output), Target(new, _free_port(graph, node)), scope), new


def add_note(
    document: Document, kind: Literal["note", "frame"], x: float, y: float, width: float, height: float,
    text: str = "", scope: str = "",
) -> tuple[Document, str]:
    """Write a note on the canvas, or draw a titled frame; returns its id."""
    scope_of(document, scope)
    id = fresh_id(kind, {*document.notes, *all_ids(document)})
    note = Note(id, kind, float(x), float(y), float(width), float(height), text, scope)
    return replace(document, notes={**document.notes, id: note}), id


def change_note(document: Document, id: str, **changes: Any) -> Document:
    """Change the text, the place or the size of a note or frame."""
    if id not in document.notes:
        raise EditError(f"There is no note ‘{id}’ in this document.")
    return replace(document, notes={**document.notes, id: replace(document.notes[id], **changes)})


def remove_notes(document: Document, ids: Iterable[str]) -> Document:
    """Remove notes and frames; what stands in a frame stays."""
    lost = set(ids)
    return replace(document, notes={id: n for id, n in document.notes.items() if id not in lost})


def replace_setup(document: Document, setup: Setup) -> Document:
    """Train in another way: data, phases, losses, seed."""
    return replace(document, setup=setup)


def set_text(document: Document, title: str | None = None, text: str | None = None) -> Document:
    """Set the title and the description of the document; None leaves one as it is."""
    return replace(document, title=document.title if title is None else title,
                   text=document.text if text is None else text)
