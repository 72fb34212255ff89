"""Grouping nodes into a block and taking it apart again. Ids stay, so trained weights keep their keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from graphlab.document.edits import STEP_X, STEP_Y, downstream, place
from graphlab.document.model import Document, Place
from graphlab.document.paths import (
    EditError,
    all_ids,
    forget,
    free_id,
    fresh_id,
    join,
    node_of,
    rebase,
    scope_of,
    twins,
    write,
)
from graphlab.engine.graph import Graph, Input, Node, Output, Source, Target
from graphlab.engine.loop import Block
from graphlab.engine.plan import compile


def group(document: Document, ids: Iterable[str], scope: str = "", label: str = "") -> tuple[Document, str]:
    """Put nodes into a new block, with a port for each wire that crosses its edge; returns the block's id.

    Inputs and Outputs stay outside: they are the network's own ends, or those of the block around.
    """
    graph = scope_of(document, scope)
    chosen = [id for id in dict.fromkeys(ids) if not isinstance(node_of(document, id, scope).op, Input | Output)]
    if not chosen:
        raise EditError("There is nothing to group: select at least one node that is not an Input or Output.")
    inside = set(chosen)
    _refuse_detour(graph, inside)
    taken = all_ids(document)
    block = fresh_id("block", taken)
    taken.add(block)
    plan = compile(document.graph)
    nodes = {id: graph.nodes[id] for id in graph.nodes if id in inside}
    wires = {t: s for t, s in graph.wires.items() if t.node in inside and s.node in inside}
    outer = {t: s for t, s in graph.wires.items() if t.node not in inside and s.node not in inside}
    entries: dict[Source, str] = {}
    exits: dict[Source, str] = {}
    for target, source in graph.wires.items():
        if target.node in inside and source.node not in inside:
            if source not in entries:
                entries[source] = port = free_id(target.port, taken)
                taken.add(port)
                spec = plan.spec(join(scope, source.node), source.output)
                size = tuple(d for d in spec.shape[1:] if isinstance(d, int)) if spec and spec.batched else (2,)
                nodes[port] = Node(port, Input(size=size, kind=spec.kind if spec else "real"))
                outer[Target(block, port)] = source
            wires[Target(target.node, target.port)] = Source(entries[source])
        elif source.node in inside and target.node not in inside:
            if source not in exits:
                exits[source] = port = free_id(source.output, taken)
                taken.add(port)
                nodes[port] = Node(port, Output())
                wires[Target(port, "x")] = source
            outer[target] = Source(block, exits[source])
    # What nobody reads yet would otherwise be out of reach.
    read = {s.node for s in graph.wires.values()}
    for id in chosen:
        names = graph.nodes[id].op.output_names()
        if id not in read and names:
            exits[Source(id, names[0])] = port = free_id(names[0], taken)
            taken.add(port)
            nodes[port] = Node(port, Output())
            wires[Target(port, "x")] = Source(id, names[0])
    kept: dict[str, Node] = {}
    for id, node in graph.nodes.items():
        if id not in inside:
            kept[id] = node
        elif block not in kept:
            kept[block] = Node(block, Block(graph=Graph(nodes, wires)), label)
    document = rebase(document, {join(scope, id): f"{join(scope, block)}/{id}" for id in chosen})
    document = write(document, scope, Graph(kept, outer))
    return _place_group(document, block, chosen, list(entries.values()), list(exits.values()), scope), block


def _refuse_detour(graph: Graph, inside: set[str]) -> None:
    """Raise where a path leaves the group and comes back: the block would read its own output."""
    left = {t.node for t, s in graph.wires.items() if s.node in inside and t.node not in inside}
    for id in sorted(left):
        back = downstream(graph, id) & inside
        if back:
            raise EditError(
                f"These nodes cannot become one block: a path leaves them through ‘{graph.nodes[id].name}’ and comes "
                f"back at ‘{graph.nodes[min(back)].name}’. Select ‘{graph.nodes[id].name}’ as well.")


def _place_group(
    document: Document, block: str, ids: list[str], entries: list[str], exits: list[str], scope: str,
) -> Document:
    at = [p for id in ids if (p := document.layout.get(f"{join(scope, block)}/{id}")) is not None] or [Place(0.0, 0.0)]
    left, right, top = min(p.x for p in at), max(p.x for p in at), min(p.y for p in at)
    document = place(document, {block: ((left + right) / 2, sum(p.y for p in at) / len(at))}, scope)
    ends = {id: (left - STEP_X, top + i * STEP_Y) for i, id in enumerate(entries)}
    ends |= {id: (right + STEP_X, top + i * STEP_Y) for i, id in enumerate(exits)}
    return place(document, ends, join(scope, block))


def ungroup(document: Document, id: str, scope: str = "") -> tuple[Document, list[str]]:
    """Take a block apart: its nodes, notes and places move out; returns the ids of the nodes."""
    graph, node = scope_of(document, scope), node_of(document, id, scope)
    if not isinstance(node.op, Block):
        raise EditError(f"{node.op.title} ‘{node.name}’ is not a block; only a block can be taken apart.")
    path = join(scope, id)
    if others := twins(document, path):
        raise EditError(f"The block ‘{node.name}’ shares its weights with ‘{others[0]}’; taking it apart would tear "
                        "them from each other. Remove the other block first.")
    inner = node.op.graph
    ends = {n.id for n in inner.nodes.values() if isinstance(n.op, Input | Output)}
    nodes: dict[str, Node] = {}
    for other in graph.nodes.values():
        if other.id != id:
            nodes[other.id] = other
            continue
        for child in inner.nodes.values():
            if child.id not in ends:
                nodes[child.id] = replace(child, frozen=child.frozen or node.frozen)

    def real(source: Source | None) -> Source | None:
        """Follow a source through the block's own ports to the node that gives the value."""
        seen: set[Source] = set()
        while source is not None and source not in seen:
            seen.add(source)
            if source.node == id:
                source = inner.wires.get(Target(source.output, "x"))
            elif source.node in ends:
                at = Target(id, source.node) if isinstance(inner.nodes[source.node].op, Input) else None
                source = graph.wires.get(at) if at else inner.wires.get(Target(source.node, "x"))
            else:
                return source
        return None

    wires: dict[Target, Source] = {}
    for target, source in (*graph.wires.items(), *inner.wires.items()):
        if target.node != id and target.node not in ends and (begin := real(source)) is not None:
            wires[target] = begin
    children = [n for n in inner.nodes if n not in ends]
    document = _place_children(document, id, children, scope)
    document = rebase(document, {f"{path}/{n}": join(scope, n) for n in children})
    notes = {k: replace(n, scope=scope) if n.scope == path else n for k, n in document.notes.items()}
    document = forget(replace(document, notes=notes), [path])
    return write(document, scope, Graph(nodes, wires)), children


def _place_children(document: Document, id: str, children: list[str], scope: str) -> Document:
    """Move what stood in a block so that its middle is where the block stood."""
    path = join(scope, id)
    at = {c: p for c in children if (p := document.layout.get(f"{path}/{c}")) is not None}
    block = document.layout.get(path)
    if not at or block is None:
        return document
    dx = block.x - (min(p.x for p in at.values()) + max(p.x for p in at.values())) / 2
    dy = block.y - sum(p.y for p in at.values()) / len(at)
    return place(document, {c: (p.x + dx, p.y + dy) for c, p in at.items()}, path)
