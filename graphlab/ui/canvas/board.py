"""What the canvas shows of one scope, as values: cards, wires, notes, and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF

from graphlab.document.model import Note, Place
from graphlab.engine.graph import Graph, Source, Target
from graphlab.engine.plan import Plan
from graphlab.ui.canvas.geometry import Card, Spot
from graphlab.ui.canvas.routing import Labels, Points, Route, direct, place_label, route
from graphlab.ui.canvas.style import PLATE_HEIGHT, PORT_REACH, Style

#: Up to this many wires find their ways together, so that they share out the lanes; beyond, each by itself when seen.
TOGETHER = 400


@dataclass
class Board:
    """One scope, laid out. ``specs`` are the texts on the wires by source; ``editable`` is false inside an op."""

    scope: str
    graph: Graph
    cards: dict[str, Card]
    notes: dict[str, Note]
    specs: Mapping[Source, str]
    style: Style
    editable: bool = True
    #: Where the automatic layout put what the document has no place for, by path.
    auto: dict[str, Place] = field(default_factory=dict)
    #: The plan that counts and shapes were taken from.
    plan: Plan | None = None
    _routes: dict[Target, Route] = field(default_factory=dict)
    _plain: dict[Target, Route] = field(default_factory=dict)
    _detours: list[Target] = field(default_factory=list)
    _lanes: list[tuple[float, float, float]] = field(default_factory=list)
    _labels: Labels = field(default_factory=Labels)

    # --- arrays ------------------------------------------------------------------------------------

    @cached_property
    def ids(self) -> list[str]:
        """The nodes in the order of the arrays."""
        return list(self.cards)

    @cached_property
    def index(self) -> dict[str, int]:
        """Where a node is in the arrays."""
        return {id: i for i, id in enumerate(self.ids)}

    @cached_property
    def boxes(self) -> Points:
        """Left, top, right and bottom of every card."""
        flat = [(r.left(), r.top(), r.right(), r.bottom()) for c in self.cards.values() for r in (c.rect,)]
        return np.array(flat, float).reshape(-1, 4)

    @cached_property
    def links(self) -> list[tuple[Target, Source, QPointF, QPointF]]:
        """The wires whose both ends are there, with the points where they begin and end."""
        found = []
        for t, s in self.graph.wires.items():
            a, b = self.end(s), self.end(t)
            if a is not None and b is not None:
                found.append((t, s, a, b))
        return found

    @cached_property
    def ends(self) -> Points:
        """The coordinates of every link's beginning and end: x0, y0, x1, y1."""
        return np.array([(a.x(), a.y(), b.x(), b.y()) for _, _, a, b in self.links], float).reshape(-1, 4)

    @cached_property
    def far_lines(self) -> list[QLineF]:
        """The wires as lines, as they are seen from far away."""
        return [QLineF(a, b) for _, _, a, b in self.links]

    @cached_property
    def far_rects(self) -> list[QRectF]:
        """The cards' rectangles, as they are seen from far away."""
        return [card.rect for card in self.cards.values()]

    @cached_property
    def categories(self) -> dict[str, list[int]]:
        """The numbers of the cards by category."""
        out: dict[str, list[int]] = {}
        for i, card in enumerate(self.cards.values()):
            out.setdefault(card.content.category, []).append(i)
        return out

    @property
    def bounds(self) -> QRectF:
        """The rectangle around everything."""
        out = QRectF()
        if len(self.boxes):
            (left, top), (right, bottom) = self.boxes[:, :2].min(0), self.boxes[:, 2:].max(0)
            out = QRectF(left, top, right - left, bottom - top)
        for note in self.notes.values():
            out = out.united(note_rect(note))
        return out

    # --- wires ---------------------------------------------------------------------------------------

    def end(self, at: Source | Target) -> QPointF | None:
        """Return where a wire's end is, or None where there is no such port."""
        card = self.cards.get(at.node)
        if card is None:
            return None
        spot = card.spot("out", at.output) if isinstance(at, Source) else card.spot("in", at.port)
        return None if spot is None else spot.at

    def route(self, target: Target) -> Route:
        """Return the way of the wire that ends at ``target``; found when it is first asked for."""
        if target not in self._routes:
            if len(self.links) <= TOGETHER:
                for t, source, a, b in self.links:
                    if t not in self._routes:
                        self._find(t, source, a, b)
            else:
                i = self._link_index[target]
                self._find(*self.links[i])
        return self._routes[target]

    def quick_route(self, target: Target) -> Route:
        """Return a wire's way as it is seen from some distance: in a large network without looking for detours."""
        if target in self._routes or len(self.links) <= TOGETHER:
            return self.route(target)
        if target not in self._plain:
            _, _, a, b = self.links[self._link_index[target]]
            self._plain[target] = direct(a.x(), a.y(), b.x(), b.y())
        return self._plain[target]

    @cached_property
    def _link_index(self) -> dict[Target, int]:
        return {link[0]: i for i, link in enumerate(self.links)}

    def _find(self, target: Target, source: Source, a: QPointF, b: QPointF) -> None:
        own = (self.index[source.node], self.index[target.node])
        taken = len(self._lanes)
        way = route(a, b, self.boxes, own, self._lanes)
        if len(self._lanes) > taken:
            self._detours.append(target)
        self._routes[target] = self._labelled(way, source, self.boxes, self._labels)

    def _labelled(self, way: Route, source: Source, boxes: Points, labels: Labels) -> Route:
        text = self.specs.get(source, "")
        if not text or not self.style.shapes:
            return way
        return place_label(way, self.style.width(text, "small") + 10, PLATE_HEIGHT, boxes, labels)

    def wires_in(self, rect: QRectF) -> list[tuple[Target, Source]]:
        """Return the wires that may be seen in a rectangle."""
        if not self.links:
            return []
        e, margin = self.ends, 160.0
        near = ((np.minimum(e[:, 0], e[:, 2]) - margin < rect.right())
                & (np.maximum(e[:, 0], e[:, 2]) + margin > rect.left())
                & (np.minimum(e[:, 1], e[:, 3]) - margin < rect.bottom())
                & (np.maximum(e[:, 1], e[:, 3]) + margin > rect.top()))
        for target in self._detours:
            # Ways that go around are elsewhere than their ends.
            if self._routes[target].bounds.intersects(rect):
                near[self._link_index[target]] = True
        return [self.links[i][:2] for i in np.flatnonzero(near)]

    # --- what is where -----------------------------------------------------------------------------------

    def cards_in(self, rect: QRectF) -> list[Card]:
        """Return the cards that touch a rectangle, the topmost last."""
        b = self.boxes
        hit = (b[:, 0] < rect.right()) & (b[:, 2] > rect.left()) & (b[:, 1] < rect.bottom()) & (b[:, 3] > rect.top())
        return [self.cards[self.ids[i]] for i in np.flatnonzero(hit)]

    def card_at(self, at: QPointF) -> Card | None:
        """Return the topmost card under a point."""
        found = self.cards_in(QRectF(at.x() - 0.01, at.y() - 0.01, 0.02, 0.02))
        return found[-1] if found else None

    def spot_at(self, at: QPointF, reach: float = PORT_REACH, stored: bool = True) -> tuple[Card, Spot] | None:
        """Return the port nearest to a point, within reach; ``stored`` tells whether hidden ones count."""
        best: tuple[float, Card, Spot] | None = None
        for card in self.cards_in(QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach)):
            for spot in card.spots:
                if spot.stored and not (stored or spot.wired):
                    continue
                d = (spot.at - at).manhattanLength()
                if d <= reach * 1.4 and (best is None or d < best[0]):
                    best = (d, card, spot)
        return None if best is None else (best[1], best[2])

    def wire_at(self, at: QPointF, reach: float = 6.0) -> Target | None:
        """Return the wire under a point, by its target."""
        best: tuple[float, Target] | None = None
        square = QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach)
        for target, _ in self.wires_in(square):
            way = self.route(target)
            if way.bounds.intersects(square) and (d := way.distance(at)) <= reach and (best is None or d < best[0]):
                best = (d, target)
        return None if best is None else best[1]

    def note_at(self, at: QPointF) -> Note | None:
        """Return the note or frame under a point; of a frame only its title counts."""
        for note in reversed(self.notes.values()):
            grip = note.kind == "note" or at.y() < note.y + 28 or corner(note).contains(at)
            if grip and note_rect(note).contains(at):
                return note
        return None

    # --- while something is dragged -----------------------------------------------------------------------

    def shifted(self, offsets: Mapping[str, tuple[float, float]]) -> Board:
        """Return the same board with some cards and notes elsewhere; their wires take the plain way meanwhile."""
        cards = {**self.cards, **{id: self.cards[id].moved(dx, dy) for id, (dx, dy) in offsets.items()
                                  if id in self.cards}}
        notes = {**self.notes, **{id: replace(n, x=n.x + dx, y=n.y + dy) for id, (dx, dy) in offsets.items()
                                  if (n := self.notes.get(id)) is not None}}
        out = Board(self.scope, self.graph, cards, notes, self.specs, self.style, self.editable, self.auto,
                    self.plan)
        # What stays is taken over, so that a drag costs as much as what is dragged.
        out.ids, out.index, out.categories = self.ids, self.index, self.categories
        out._link_index, out._touching = self._link_index, self._touching
        out.boxes, out.far_rects = self.boxes.copy(), list(self.far_rects)
        out.links, out.ends, out.far_lines = list(self.links), self.ends.copy(), list(self.far_lines)
        out._routes, out._detours = dict(self._routes), self._detours
        touched = set[int]()
        for id in offsets:
            if id in self.index:
                i, r = self.index[id], cards[id].rect
                out.boxes[i], out.far_rects[i] = (r.left(), r.top(), r.right(), r.bottom()), r
                touched.update(self._touching.get(id, ()))
        for i in touched:
            target, source, *_ = self.links[i]
            a, b = out.end(source), out.end(target)
            if a is not None and b is not None:
                out.links[i], out.far_lines[i] = (target, source, a, b), QLineF(a, b)
                out.ends[i] = (a.x(), a.y(), b.x(), b.y())
                out._routes[target] = out._labelled(direct(a.x(), a.y(), b.x(), b.y()), source, out.boxes[:0], Labels())
        return out

    def inherit(self, old: Board) -> None:
        """Take over the ways that an edit has left alone: same ends, same label, and no card moved on or off them."""
        boxes = {id: c.rect for id, c in old.cards.items()}
        changed = [r for id, r in boxes.items() if id not in self.cards or self.cards[id].rect != r]
        changed += [c.rect for id, c in self.cards.items() if id not in boxes or boxes[id] != c.rect]
        if len(changed) > 200:
            return
        off = np.array([(r.left() - 8, r.top() - 8, r.right() + 8, r.bottom() + 8) for r in changed]).reshape(-1, 4)
        lanes = set(old._detours)
        for target, source, a, b in self.links:
            way = old._routes.get(target)
            if way is None or old.graph.wires.get(target) != source or self.specs.get(source) != old.specs.get(source):
                continue
            if (old.end(source), old.end(target)) != (a, b):
                continue
            r = way.bounds
            if ((off[:, 0] < r.right()) & (off[:, 2] > r.left()) & (off[:, 1] < r.bottom())
                    & (off[:, 3] > r.top())).any():
                continue
            self._routes[target] = way
            if not way.label_rect.isEmpty():
                self._labels.add(way.label_rect)
            if target in lanes:
                self._detours.append(target)
                self._lanes.append((float(way.points[len(way.points) // 2, 1]), r.left(), r.right()))

    @cached_property
    def _touching(self) -> dict[str, list[int]]:
        out: dict[str, list[int]] = {}
        for i, (target, source, *_) in enumerate(self.links):
            out.setdefault(target.node, []).append(i)
            if source.node != target.node:
                out.setdefault(source.node, []).append(i)
        return out


def note_rect(note: Note) -> QRectF:
    """Return the rectangle of a note or frame."""
    return QRectF(note.x, note.y, note.width, note.height)


def corner(note: Note) -> QRectF:
    """Return where a note's size is dragged: its lower right corner."""
    return QRectF(note.x + note.width - 14, note.y + note.height - 14, 16, 16)
