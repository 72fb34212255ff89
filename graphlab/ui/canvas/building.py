"""From a graph and its places to a board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphlab.document.layout import layout
from graphlab.document.model import Document, Note, Place
from graphlab.engine.graph import Graph
from graphlab.engine.plan import Plan
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.geometry import Card, Content, content_of, counts, make_card, sizes
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
    last = previous if previous is not None and previous.style is style and previous.scope == scope else None
    old = {} if last is None else last.cards
    auto = {} if last is None else {
        p: at for p, at in last.auto.items() if p not in places and p[len(prefix):] in graph.nodes}
    places = {**auto, **places}
    same = last is not None and last.graph is graph and last.plan is plan
    contents = {id: c.content for id, c in old.items()} if same else contents_of(graph, plan, prefix)
    cards: dict[str, Card] = {}
    for id, node in graph.nodes.items():
        place, have, content = places.get(prefix + id, _FREE), old.get(id), contents[id]
        if have is not None and have.node is node and have.content == content and (
                have.rect.x(), have.rect.y(), have.pinned) == (place.x, place.y, place.pinned):
            cards[id] = have
        else:
            cards[id] = make_card(id, prefix + id, node, content, place.x, place.y, style, place.pinned)
    if any(prefix + id not in places for id in cards):
        known = {id: (p.x, p.y) for id in cards if (p := places.get(prefix + id)) is not None}
        for id, (x, y) in layout(graph, sizes(cards), known, known).items():
            if id not in known:
                cards[id] = make_card(id, prefix + id, graph.nodes[id], contents[id], x, y, style)
                auto[prefix + id] = Place(x, y)
    specs = last.specs if same and last is not None else {
        s: str(spec) for s in set(graph.wires.values()) if (spec := plan.spec(prefix + s.node, s.output)) is not None}
    board = Board(scope, graph, cards, {n.id: n for n in notes if n.scope == scope}, specs, style, editable,
                  auto, plan)
    if last is not None:
        board.inherit(last)
    return board


def contents_of(graph: Graph, plan: Plan, prefix: str) -> dict[str, Content]:
    """Gather what every card says."""
    totals = counts(plan)
    wired_in: dict[str, set[str]] = {}
    wired_out: dict[str, set[str]] = {}
    for target, source in graph.wires.items():
        wired_in.setdefault(target.node, set()).add(target.port)
        wired_out.setdefault(source.node, set()).add(source.output)
    return {id: content_of(node, wired_in.get(id, ()), wired_out.get(id, ()), totals.get(prefix + id, (0, 0)))
            for id, node in graph.nodes.items()}


def board_of(document: Document, plan: Plan, style: Style, scope: str = "") -> Board:
    """Lay out a scope of a document, for a picture of it."""
    return build(document.scope(scope) or Graph(), document.layout, document.notes.values(), plan, scope, style)
