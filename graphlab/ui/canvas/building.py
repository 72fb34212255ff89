"""From a graph and its places to a board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphlab.document.layout import layout
from graphlab.document.model import Document, Note, Place
from graphlab.engine.graph import Graph
from graphlab.engine.plan import Plan
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.geometry import Card, content_of, counts, make_card, sizes
from graphlab.ui.canvas.style import Style

_FREE = Place(0.0, 0.0)


def build(
    graph: Graph, places: Mapping[str, Place], notes: Iterable[Note], plan: Plan, scope: str, style: Style,
    editable: bool = True, previous: Board | None = None,
) -> Board:
    """Lay out a graph. ``places`` goes by path; what has none is laid out automatically.

    Cards and ways of a ``previous`` board are taken over where nothing about them has changed.
    """
    prefix = f"{scope}/" if scope else ""
    totals = counts(plan)
    wired_in: dict[str, set[str]] = {}
    wired_out: dict[str, set[str]] = {}
    for target, source in graph.wires.items():
        wired_in.setdefault(target.node, set()).add(target.port)
        wired_out.setdefault(source.node, set()).add(source.output)
    old = previous.cards if previous is not None and previous.style is style and previous.scope == scope else {}
    auto = {} if previous is None or previous.scope != scope else {
        p: at for p, at in previous.auto.items() if p not in places and p[len(prefix):] in graph.nodes}
    places = {**auto, **places}
    cards: dict[str, Card] = {}
    for id, node in graph.nodes.items():
        path = prefix + id
        content = content_of(node, wired_in.get(id, ()), wired_out.get(id, ()), totals.get(path, (0, 0)))
        place = places.get(path, _FREE)
        have = old.get(id)
        if have is not None and have.node is node and have.content == content:
            dx, dy = place.x - have.rect.x(), place.y - have.rect.y()
            if dx or dy or have.pinned != place.pinned:
                have = have.moved(dx, dy)
                have = Card(id, path, node, content, have.rect, have.spots, place.pinned)
            cards[id] = have
        else:
            cards[id] = make_card(id, path, node, content, place.x, place.y, style, place.pinned)
    if any(prefix + id not in places for id in cards):
        known = {id: (p.x, p.y) for id in cards if (p := places.get(prefix + id)) is not None}
        for id, (x, y) in layout(graph, sizes(cards), known, known).items():
            if id not in known:
                r = cards[id].rect
                cards[id] = cards[id].moved(x - r.x(), y - r.y())
                auto[prefix + id] = Place(x, y)
    specs = {s: str(spec) for s in set(graph.wires.values())
             if (spec := plan.spec(prefix + s.node, s.output)) is not None}
    board = Board(scope, graph, cards, {n.id: n for n in notes if n.scope == scope}, specs, style, editable,
                  auto)
    if old and previous is not None and graph.wires == previous.graph.wires and specs == previous.specs and all(
            c.rect == cards[id].rect for id, c in old.items() if id in cards) and len(old) == len(cards):
        board._routes, board._detours = previous._routes, previous._detours
        board._lanes, board._labels = previous._lanes, previous._labels
    return board


def board_of(document: Document, plan: Plan, style: Style, scope: str = "") -> Board:
    """Lay out a scope of a document, for a picture of it."""
    return build(document.scope(scope) or Graph(), document.layout, document.notes.values(), plan, scope, style)
