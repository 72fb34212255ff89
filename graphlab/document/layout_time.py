"""Layout of a cell that was unrolled over time: its steps in a row, each with its slice of the sequence below."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from graphlab.engine.graph import Graph
from graphlab.engine.loop import Block, TimeStep

Size = tuple[float, float]
Point = tuple[float, float]

_STEP = re.compile(r"t\d+")
_FEWEST = 2
_GAP_X, _GAP_Y = 48.0, 40.0


def in_time(
    graph: Graph, size: Callable[[str], Size], rest: Callable[[Graph], Mapping[str, Point]],
) -> dict[str, Point] | None:
    """Return the top left corner of each card, or None where the graph is no unrolled cell.

    ``rest`` lays out what comes before the first step, and what comes after the last one.
    """
    steps = _steps(graph)
    if len(steps) < _FEWEST:
        return None
    row = set(steps)
    slices = {t.node: s.node for t, s in graph.wires.items()
              if t.node in row and isinstance(graph.nodes[s.node].op, TimeStep)}
    wide = max((size(i)[0] for i in slices.values()), default=0.0)
    pitch = max(size(i)[0] for i in steps) + _GAP_X + (wide + _GAP_X if slices else 0.0)
    below = max(size(i)[1] for i in steps) + _GAP_Y
    found: dict[str, Point] = {}
    for number, id in enumerate(steps):
        found[id] = (number * pitch, 0.0)
        if id in slices:
            found[slices[id]] = (number * pitch - _GAP_X - wide, below)
    after = _reached(graph, row) - found.keys()
    before = graph.nodes.keys() - found.keys() - after
    left = min(x for x, _ in found.values()) - _GAP_X
    right = max(x + size(i)[0] for i, (x, _) in found.items()) + _GAP_X
    for ids, edge, ends in ((before, left, True), (after, right, False)):
        part = rest(_part(graph, ids))
        if not part:
            continue
        far = max(x + size(i)[0] for i, (x, _) in part.items()) if ends else min(x for x, _ in part.values())
        top = min(y for _, y in part.values())
        found |= {i: (x - far + edge, y - top) for i, (x, y) in part.items()}
    return found


def _steps(graph: Graph) -> list[str]:
    """Return the steps in the order in which they run, or nothing where they form no chain."""
    cells = [i for i, n in graph.nodes.items() if isinstance(n.op, Block) and _STEP.fullmatch(i)]
    after = {s.node: t.node for t, s in graph.wires.items() if t.node in cells and s.node in cells}
    first = [i for i in cells if i not in after.values()]
    if len(first) != 1:
        return []
    chain = first
    while (next_ := after.get(chain[-1])) is not None and len(chain) <= len(cells):
        chain.append(next_)
    return chain if len(chain) == len(cells) else []


def _reached(graph: Graph, begin: Iterable[str]) -> set[str]:
    ways: dict[str, list[str]] = {}
    for target, source in graph.wires.items():
        ways.setdefault(source.node, []).append(target.node)
    seen, todo = set(begin), list(begin)
    while todo:
        for id in ways.get(todo.pop(), ()):
            if id not in seen:
                seen.add(id)
                todo.append(id)
    return seen


def _part(graph: Graph, ids: Iterable[str]) -> Graph:
    kept = set(ids)
    return Graph({i: n for i, n in graph.nodes.items() if i in kept},
                 {t: s for t, s in graph.wires.items() if t.node in kept and s.node in kept})
