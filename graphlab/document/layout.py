"""Layered layout from left to right with the cards' real sizes: columns by layer, few crossings, no overlaps.

Layers and their order are those of Sugiyama, Tagawa, Toda 1981; cards are then spaced by their sizes and pulled level
with what they are wired to, exactly (least squares under the order, by pooling neighbours that would overlap).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from graphlab.document.layout_time import in_time
from graphlab.document.model import Document, Place
from graphlab.document.paths import join, scope_of
from graphlab.engine.graph import Graph
from graphlab.engine.plan import order

Size = tuple[float, float]
Point = tuple[float, float]

GAP_X, GAP_Y = 72.0, 32.0
USUAL: Size = (168.0, 72.0)
#: Above this many nodes the library holds the interpreter for too long; the simpler way takes over.
LARGE = 1500
_BEND: Size = (0.0, 8.0)
_SWEEPS = 8
#: How much more a card's own place counts than a bend's.
_STIFF = 100.0


@dataclass(frozen=True)
class Layers:
    """Columns of node numbers in their order, and the edges between neighbouring columns.

    Numbers from ``count`` on are bends: places where a long wire passes through a column.
    """

    count: int
    columns: list[list[int]]
    edges: list[tuple[int, int]]


def arrange(
    document: Document, sizes: Mapping[str, Size] | None = None, scope: str = "", ids: Collection[str] | None = None,
) -> Document:
    """Return the document with the cards of a scope (or only ``ids``) laid out; pinned cards stay where they are.

    ``sizes`` are the cards' widths and heights by id, in scene pixels.
    """
    graph = scope_of(document, scope)
    chosen = set(graph.nodes if ids is None else ids)
    part = Graph({i: n for i, n in graph.nodes.items() if i in chosen},
                 {t: s for t, s in graph.wires.items() if t.node in chosen and s.node in chosen})
    places = {i: p for i in part.nodes if (p := document.layout.get(join(scope, i))) is not None}
    at = layout(part, sizes or {}, {i: (p.x, p.y) for i, p in places.items()},
                [i for i, p in places.items() if p.pinned])
    moved = {join(scope, i): Place(x, y, i in places and places[i].pinned) for i, (x, y) in at.items()}
    return replace(document, layout={**document.layout, **moved})


def layout(
    graph: Graph, sizes: Mapping[str, Size], places: Mapping[str, Point] | None = None, pinned: Iterable[str] = (),
) -> dict[str, Point]:
    """Return the top left corner of each card. Doing it again changes nothing.

    ``places`` is where cards stand now: the result begins at their top left corner, and ``pinned`` ones stay.
    """
    places = places or {}
    if not places:
        over_time = in_time(graph, lambda id: sizes.get(id, USUAL), lambda part: layout(part, sizes))
        if over_time is not None:
            return over_time
    ids = list(graph.nodes)
    number = {id: i for i, id in enumerate(ids)}
    size = [sizes.get(id, USUAL) for id in ids]
    edges = [(number[s.node], number[t.node]) for t, s in graph.wires.items() if s.node in number and t.node in number]
    top, found = 0.0, dict[str, Point]()
    for component in components(len(ids), edges):
        members = set(component)
        part = one_component(component, [e for e in edges if e[0] in members], size, order(graph)[0], number)
        low = min(y for _, y in part.values())
        found |= {ids[i]: (x, y - low + top) for i, (x, y) in part.items()}
        top += max(y + size[i][1] for i, (_, y) in part.items()) - low + GAP_Y
    fixed = {id: places[id] for id in dict.fromkeys(pinned) if id in places and id in found}
    anchor = fixed or {id: places[id] for id in found if id in places}
    if not anchor or not found:
        return found
    if fixed:
        dx = sum(p[0] - found[i][0] for i, p in fixed.items()) / len(fixed)
        dy = sum(p[1] - found[i][1] for i, p in fixed.items()) / len(fixed)
    else:
        dx = min(p[0] for p in anchor.values()) - min(p[0] for p in found.values())
        dy = min(p[1] for p in anchor.values()) - min(p[1] for p in found.values())
    found = {id: (round(x + dx, 3), round(y + dy, 3)) for id, (x, y) in found.items()}
    return clear_of(fixed, found, sizes)


def components(count: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the connected parts, each sorted, in the order of their first members."""
    near: list[set[int]] = [set() for _ in range(count)]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    seen: set[int] = set()
    out = []
    for start in range(count):
        if start in seen:
            continue
        part, todo = {start}, [start]
        while todo:
            for other in near[todo.pop()] - part:
                part.add(other)
                todo.append(other)
        seen |= part
        out.append(sorted(part))
    return out


def one_component(
    members: list[int], edges: list[tuple[int, int]], size: list[Size], sorted_ids: list[str], number: dict[str, int],
) -> dict[int, Point]:
    """Lay out one connected part; returns points by node number."""
    local = {n: i for i, n in enumerate(members)}
    # The library can hang on an edge given twice, in either direction, and aborts on a loop.
    once: dict[tuple[int, int], tuple[int, int]] = {}
    for a, b in ((local[a], local[b]) for a, b in edges if a != b):
        once.setdefault((min(a, b), max(a, b)), (a, b))
    simple = list(once.values())
    rank = {local[number[id]]: i for i, id in enumerate(sorted_ids) if number[id] in local}
    acyclic = [(a, b) for a, b in simple if rank.get(a, -1) < rank.get(b, -1)]
    layers = sugiyama(len(members), simple) if simple and len(members) <= LARGE else None
    layers = layers or generations(len(members), acyclic)
    return {members[i]: p for i, p in spaced(layers, [size[m] for m in members]).items() if i < len(members)}


def sugiyama(count: int, edges: list[tuple[int, int]]) -> Layers | None:
    """Ask fast-sugiyama for layers and their order; None where it does not place every node."""
    from fast_sugiyama import from_edges  # slow to import, and rarely needed

    ranks: dict[float, list[tuple[float, int]]] = {}
    links: list[tuple[int, int]] = []
    for points, _, _, part in from_edges(edges, dummy_vertices=True, ranking_type="minimize"):
        for node, (x, y) in points:
            ranks.setdefault(-y, []).append((x, node))
        links += part
    columns = [[n for _, n in sorted(ranks[y])] for y in sorted(ranks)]
    if sorted(n for c in columns for n in c if n < count) != list(range(count)):
        return None
    return Layers(count, columns, links)


def generations(count: int, edges: list[tuple[int, int]]) -> Layers:
    """Layer by topological generations, sources as far right as they can, ordered by barycentre sweeps."""
    import networkx as nx  # slow to import, and rarely needed

    net: nx.DiGraph[int] = nx.DiGraph()
    net.add_nodes_from(range(count))
    net.add_edges_from(edges)
    level = {n: i for i, generation in enumerate(nx.topological_generations(net)) for n in generation}
    for n in range(count):
        if net.in_degree(n) == 0 and net.out_degree(n):
            level[n] = min(level[m] for m in net.successors(n)) - 1
    columns: list[list[int]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for n in range(count):
        columns[level[n]].append(n)
    links, bend = [], count
    for a, b in edges:
        before = a
        for between in range(level[a] + 1, level[b]):
            columns[between].append(bend)
            links.append((before, bend))
            before, bend = bend, bend + 1
        links.append((before, b))
    into: dict[int, list[int]] = {}
    out: dict[int, list[int]] = {}
    for a, b in links:
        into.setdefault(b, []).append(a)
        out.setdefault(a, []).append(b)
    at = {n: i for c in columns for i, n in enumerate(c)}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        near = into if forward else out
        for column in columns if forward else reversed(columns):
            column.sort(key=lambda n: sum(at[m] for m in near[n]) / len(near[n]) if near.get(n) else at[n])
            at.update((n, i) for i, n in enumerate(column))
    return Layers(count, columns, links)


def spaced(layers: Layers, size: list[Size]) -> dict[int, Point]:
    """Turn layers into points: columns as wide as their widest card, cards level with what they are wired to."""
    def height(n: int) -> float:
        return (size[n] if n < layers.count else _BEND)[1]

    into: dict[int, list[int]] = {}
    out: dict[int, list[int]] = {}
    for a, b in layers.edges:
        out.setdefault(a, []).append(b)
        into.setdefault(b, []).append(a)
    middle: dict[int, float] = {}
    for column in layers.columns:
        y = -sum(height(n) + GAP_Y for n in column) / 2
        for n in column:
            middle[n] = y + height(n) / 2
            y += height(n) + GAP_Y

    def pull(column: list[int], sides: tuple[dict[int, list[int]], ...]) -> None:
        near = {n: [m for side in sides for m in side.get(n, ())] for n in column}
        wished = [sum(middle[m] for m in near[n]) / len(near[n]) if near[n] else middle[n] for n in column]
        # What reads a card before it stands as straight behind it as it can; bends and sources give way.
        weight = [_STIFF if n < layers.count and into.get(n) else 1.0 for n in column]
        middle.update(zip(column, apart(wished, [height(n) for n in column], weight), strict=True))

    for sweep in range(_SWEEPS):
        for column in layers.columns if sweep % 2 == 0 else reversed(layers.columns):
            pull(column, (into, out))
    # The main line stays straight: an Input that joins it late comes from below or above.
    behind = {n: [m for m in before if into.get(m)] or before for n, before in into.items()}
    for column in layers.columns:
        pull(column, (behind,))
    for column in reversed(layers.columns):
        if any(not into.get(n) for n in column):
            pull(column, ({n: into.get(n) or out.get(n, []) for n in column},))
    points: dict[int, Point] = {}
    x = 0.0
    for column in layers.columns:
        width = max((size[n][0] for n in column if n < layers.count), default=0.0)
        points |= {n: (x + (width - size[n][0]) / 2 if n < layers.count else x, middle[n] - height(n) / 2)
                   for n in column}
        x += width + (GAP_X if width else 0.0)
    return points


def apart(wished: list[float], heights: list[float], weights: list[float]) -> list[float]:
    """Return the middles closest to the wished ones (weighted least squares) that keep the order and the gaps."""
    offsets = [0.0]
    for above, below in pairwise(heights):
        offsets.append(offsets[-1] + (above + below) / 2 + GAP_Y)
    pools: list[tuple[float, float, int]] = []
    for w, o, weight in zip(wished, offsets, weights, strict=True):
        value, mass, count = w - o, weight, 1
        while pools and pools[-1][0] > value:
            v, m, c = pools.pop()
            value, mass, count = (v * m + value * mass) / (m + mass), m + mass, c + count
        pools.append((value, mass, count))
    flat = [v for v, _, c in pools for _ in range(c)]
    return [v + o for v, o in zip(flat, offsets, strict=True)]


def clear_of(fixed: Mapping[str, Point], found: dict[str, Point], sizes: Mapping[str, Size]) -> dict[str, Point]:
    """Put pinned cards back, and what would then overlap below the obstacle, from top to bottom."""
    if not fixed:
        return found
    out = dict(fixed)
    for id in sorted((i for i in found if i not in fixed), key=lambda i: (found[i][1], found[i][0])):
        (x, y), (w, h) = found[id], sizes.get(id, USUAL)
        blocked = True
        while blocked:
            blocked = False
            for other, (ox, oy) in out.items():
                ow, oh = sizes.get(other, USUAL)
                if x < ox + ow and ox < x + w and y < oy + oh and oy < y + h:
                    y, blocked = oy + oh + GAP_Y, True
        out[id] = (x, y)
    return {id: out[id] for id in found}
