"""What the pointer and the selection add to the look of things."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor

from graphlab.engine.graph import Source, Target
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.geometry import Card, Spot
from graphlab.ui.canvas.looks import CardLook, Played, SumLook, WireLook


@dataclass(frozen=True)
class Hit:
    """What is under the pointer. ``target`` is the wire's, ``free_end`` which end of it is near enough to be pulled."""

    kind: Literal["port", "badge", "card", "wire", "note", "empty"] = "empty"
    card: Card | None = None
    spot: Spot | None = None
    target: Target | None = None
    free_end: Literal["", "source", "target"] = ""
    note: str = ""


NOTHING = Hit()


@dataclass
class Pointed:
    """The looks of the canvas on the screen: those of the run, and on top what is selected or pointed at."""

    played: Played
    board: Board
    selected: Collection[str] = ()
    notes: Collection[str] = ()
    wire_selected: Target | None = None
    hit: Hit = NOTHING
    #: A wire that would take the node that is being dropped, and ports that could take the wire being drawn.
    drop_on: Target | None = None
    offering: bool = False

    def _focus(self) -> Target | None:
        return self.drop_on or (self.hit.target if self.hit.kind == "wire" else None)

    def card(self, card: Card) -> CardLook:
        look = self.played.card(card)
        selected, hovered = card.id in self.selected, self.hit.card is not None and self.hit.card.id == card.id
        focus = self._focus()
        if not (selected or hovered or focus or self.offering):
            return look
        lit = focus is not None and card.id in (focus.node, self.board.graph.wires[focus].node)
        return replace(look, selected=selected, hovered=hovered, lit=lit, dimmed=focus is not None and not lit,
                       offered=self.offering or hovered)

    def wire(self, target: Target, source: Source) -> WireLook:
        look = self.played.wire(target, source)
        focus = self._focus()
        if focus is None and target != self.wire_selected:
            return look
        return replace(look, selected=target == self.wire_selected, lit=target == focus,
                       dimmed=focus is not None and target != focus)

    def sums(self) -> Mapping[Source, SumLook]:
        sums = self.played.sums()
        if self.hit.card is None:
            return sums
        return {s: replace(look, open=look.open or s.node == self.hit.card.id) for s, look in sums.items()}

    def note(self, id: str) -> bool:
        return id in self.notes

    def marks(self) -> Mapping[str, QColor]:
        chosen = dict.fromkeys(self.selected, self.played.colours.accent)
        return {**self.played.marks(), **chosen}


def what_is_at(board: Board, x: float, y: float, scale: float, selected: Collection[str] = ()) -> Hit:
    """Find what is under a point: ports before cards before wires before notes."""
    at = QPointF(x, y)
    near = min(max(1.0, 1.0 / scale), 2.0)
    under = board.card_at(at)
    found = board.spot_at(at, 10 * near, stored=under is not None and under.id in selected)
    if found is not None and scale > 0.3:
        card, spot = found
        # Inside a card only the very edge belongs to the port, so that a small card can still be dragged.
        if under is None or under.id != card.id or abs(spot.at.x() - x) <= 8:
            return Hit("port", card, spot)
    if under is not None:
        return Hit("badge" if under.badge.contains(at) else "card", under)
    target = board.wire_at(at, 6 * near) if scale > 0.3 else None
    if target is not None:
        source = board.graph.wires[target]
        a, b = board.end(source), board.end(target)
        end: Literal["", "source", "target"] = ""
        if b is not None and (b - at).manhattanLength() < 28 * near:
            end = "target"
        elif a is not None and (a - at).manhattanLength() < 28 * near:
            end = "source"
        return Hit("wire", target=target, free_end=end)
    note = board.note_at(at)
    return Hit("note", note=note.id) if note is not None else NOTHING
