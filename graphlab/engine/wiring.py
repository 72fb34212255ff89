"""What can be wrong with the nodes and wires of a graph before any shape is known, said in sentences."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from graphlab.engine.graph import Graph, Input, Node, Source, Target
from graphlab.engine.op import Fix, Port, ShapeError


@dataclass(frozen=True)
class Problem:
    """What is wrong, as a sentence with both ends and both shapes; where; and what would mend it."""

    path: str
    message: str
    port: str = ""
    axis: int | None = None
    fixes: tuple[Fix, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Face:
    """What a node shows to its wires: its ports, its outputs' names, and what is wrong with its attributes.

    With ``faults`` the attributes cannot be trusted, so ports and outputs are not asked for.
    """

    ports: tuple[Port, ...] = ()
    outputs: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def face(node: Node) -> Face:
    """Look at a node without ever raising."""
    op = node.op
    try:
        # Values of a wrong type are found first, so that the op's own checks see none.
        faults = [p for a in op.attributes() if (p := a.problem(getattr(op, a.name)))] or op.problems()
        if "/" in node.id or not node.id:
            faults.append("has an id that is empty or has a slash in it, so no path leads to it")
        return Face(faults=tuple(faults)) if faults else Face(op.ports(), op.output_names())
    except Exception as e:  # an op from another package may fail in any way; the rest has to stay alive
        return Face(faults=(f"cannot be looked at: {type(e).__name__}: {e}",))


def show(node: Node) -> str:
    """Write a node as messages name it: its kind and its name."""
    return f"{node.op.title} ‘{node.name}’"


def order(graph: Graph, without: frozenset[Target] = frozenset()) -> tuple[list[str], list[str]]:
    """Sort nodes so that each comes after what it reads; also return those on or behind a cycle, left out."""
    waiting = {n: set[str]() for n in graph.nodes}
    readers: dict[str, list[str]] = {n: [] for n in graph.nodes}
    for target, source in graph.wires.items():
        if target in without or target.node not in waiting or source.node not in waiting:
            continue
        if source.node not in waiting[target.node]:
            waiting[target.node].add(source.node)
            readers[source.node].append(target.node)
    rank = {n: i for i, n in enumerate(graph.nodes)}
    count = {n: len(w) for n, w in waiting.items()}
    ready = [(rank[n], n) for n, c in count.items() if c == 0]
    heapq.heapify(ready)
    done: list[str] = []
    while ready:
        _, n = heapq.heappop(ready)
        done.append(n)
        for r in readers[n]:
            count[r] -= 1
            if count[r] == 0:
                heapq.heappush(ready, (rank[r], r))
    placed = set(done)
    return done, [n for n in graph.nodes if n not in placed]


def on_cycle(graph: Graph, left: list[str], without: frozenset[Target] = frozenset()) -> list[Target]:
    """Walk backwards from nodes that could not be sorted until one repeats; return that cycle's wires in order."""
    into: dict[str, Target] = {}
    rest = set(left)
    for target, source in graph.wires.items():
        if target.node in rest and source.node in rest and target not in without:
            into.setdefault(target.node, target)
    here, seen = left[0], list[str]()
    while here not in seen:
        seen.append(here)
        here = graph.wires[into[here]].node
    return [into[n] for n in seen[seen.index(here):][::-1]]


def cycles(graph: Graph, path: str, left: list[str]) -> Iterator[Problem]:
    """Name cycles one by one until none is left; each proposes to remove the wire that was drawn last."""
    without = frozenset[Target]()
    age = {t: i for i, t in enumerate(graph.wires)}
    while left and len(without) < 20:  # more sentences than that help nobody
        ring = on_cycle(graph, left, without)
        last = max(range(len(ring)), key=lambda i: age[ring[i]])
        ring = ring[last:] + ring[:last]  # it starts at the end of the wire that is to go
        to, origin = graph.nodes[ring[0].node], graph.nodes[graph.wires[ring[0]].node]
        names = " → ".join(f"‘{graph.nodes[t.node].name}’" for t in [*ring, ring[0]])
        yield Problem(
            path + to.id, f"The wires {names} form a cycle; a network has to run from inputs to outputs.",
            port=ring[0].port, source=origin.id,
            fixes=(Fix(f"remove the wire {origin.name} → {to.name}", "disconnect", path + to.id, ring[0].port),))
        without |= {ring[0]}
        left = order(graph, without)[1]


def stray_wires(graph: Graph, path: str, faces: dict[str, Face]) -> Iterator[Problem]:
    """Report wires whose end is no node, no port or no output."""
    for target, source in graph.wires.items():
        to, origin = graph.nodes.get(target.node), graph.nodes.get(source.node)
        fix = (Fix("remove the wire", "disconnect", path + target.node, target.port),)
        if to is None or origin is None:
            missing, at = (target.node, source.node) if to is None else (source.node, target.node)
            yield Problem(path + at, f"A wire names the node ‘{missing}’, which does not exist.", target.port,
                          fixes=fix)
            continue
        end, begin = faces[to.id], faces[origin.id]
        if not end.faults and target.port not in [p.name for p in end.ports]:
            yield Problem(path + to.id, f"{show(to)} has no input called ‘{target.port}’.", target.port, fixes=fix)
        elif not begin.faults and source.output not in begin.outputs:
            yield Problem(path + to.id, f"{show(origin)} has no output called ‘{source.output}’.", target.port,
                          fixes=fix, source=origin.id)


def unwired(graph: Graph, path: str, node: Node, port: str) -> Problem:
    """Report an input that needs a wire; propose Inputs that nobody uses yet, or a new one."""
    used = {s.node for s in graph.wires.values()}
    free = [n for n in graph.nodes.values() if isinstance(n.op, Input) and n.id not in used]
    here = path + node.id
    fixes = tuple(Fix(f"wire ‘{n.name}’ into {port}", "connect", here, port, source=Source(n.id, "y"))
                  for n in free[:2]) or (Fix("add an Input", "add", here, port, op="Input"),)
    return Problem(here, f"{show(node)} needs a wire into its input ‘{port}’; nothing is connected there.",
                   port, fixes=fixes)


class SharingError(ShapeError):
    """Weights that cannot be shared: a sentence that is complete without the shapes that came."""


def lender(graph: Graph, node: Node) -> Node:
    """Return the node whose weights a node uses, through any number of shares. Raises `SharingError` in words."""
    chain = [node]
    while (name := chain[-1].shares):
        if name not in graph.nodes:
            raise SharingError(f"shares the weights of ‘{name}’, which does not exist", fixes=(
                Fix("use weights of its own", "set", attributes=(("shares", ""),)),))
        if name in [n.id for n in chain]:
            names = " → ".join(f"‘{n.name}’" for n in [*chain, graph.nodes[name]])
            raise SharingError(f"shares its weights in a circle, {names}: nobody owns them", fixes=(
                Fix("use weights of its own", "set", attributes=(("shares", ""),)),))
        chain.append(graph.nodes[name])
    have = {p.name for p in chain[-1].op.ports() if not p.data}
    for port in node.op.ports():
        if not port.data and port.name not in have:
            raise SharingError(f"shares the weights of ‘{chain[-1].name}’, which has no {port.name}")
    return chain[-1]
