"""Moving about: zoom, pan, fit, into blocks and out again, and along the wires by keyboard."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QMarginsF, QPoint, QPointF, QRectF
from PySide6.QtGui import QTransform

from graphlab.ui.canvas.base import CanvasBase
from graphlab.ui.canvas.geometry import Card

SMALLEST, LARGEST = 0.02, 4.0
#: Fitting never enlarges beyond this; what is opened is not shown smaller than the second.
FIT_LARGEST, READABLE = 1.25, 0.6
Direction = Literal["left", "right", "up", "down"]


class Navigation(CanvasBase):
    """The canvas, with everything that changes what is seen and nothing that changes the document."""

    def pan(self, dx: float, dy: float) -> None:
        """Move the view by screen pixels."""
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setValue(across.value() + round(dx))
        down.setValue(down.value() + round(dy))
        self.place_editor()

    def place_editor(self) -> None:
        """Keep an inline editor on what it edits when the view moves."""

    def zoom_at(self, on_screen: QPointF, factor: float) -> None:
        """Zoom by a factor; what is under a point of the screen stays there."""
        now = self.scale_now()
        scale = min(max(now * factor, SMALLEST), LARGEST)
        if scale == now:
            return
        at = self.mapToScene(on_screen.toPoint())
        self.setTransform(QTransform.fromScale(scale, scale))
        d = self.mapFromScene(at) - on_screen.toPoint()
        self.pan(d.x(), d.y())
        self.zoomed.emit(scale)

    def _middle(self) -> QPointF:
        return QPointF(self.viewport().rect().center())

    def zoom_in(self) -> None:
        """Zoom in at the middle."""
        self.zoom_at(self._middle(), 1.25)

    def zoom_out(self) -> None:
        """Zoom out at the middle."""
        self.zoom_at(self._middle(), 0.8)

    def zoom_reset(self) -> None:
        """Show everything at its own size, one screen pixel a pixel."""
        self.zoom_at(self._middle(), 1 / self.scale_now())

    def fit_rect(self, rect: QRectF) -> None:
        """Bring a rectangle of the scene into view, as large as it fits."""
        if rect.isEmpty():
            self.setTransform(QTransform())
            self.centerOn(0, 0)
            self.zoomed.emit(1.0)
            return
        rect = rect.marginsAdded(QMarginsF(40, 48, 40, 48))
        area = self.viewport().rect()
        scale = min(area.width() / rect.width(), area.height() / rect.height(), FIT_LARGEST)
        scale = max(scale, SMALLEST)
        self.setTransform(QTransform.fromScale(scale, scale))
        self.centerOn(rect.center())
        self.place_editor()
        self.zoomed.emit(scale)
        self.viewport().update()

    def show_all(self) -> None:
        """Bring everything into view."""
        self.fit_rect(self.board.bounds)

    def show_start(self) -> None:
        """Bring everything into view; where it would be too small to read, its beginning."""
        bounds, area = self.board.bounds, self.viewport().rect()
        self.show_all()
        if self.scale_now() < READABLE:
            self.setTransform(QTransform.fromScale(READABLE, READABLE))
            tall = area.height() / READABLE
            y = bounds.center().y() if bounds.height() < tall else bounds.top() + tall / 2 - 24
            self.centerOn(bounds.left() - 24 + area.width() / READABLE / 2, y)
            self.zoomed.emit(READABLE)

    def follow(self) -> None:
        """Move the view, where that is needed, so that the debugger's current card is in it."""
        position = self.session.player.position
        if position is not None:
            path = self.session.player.card(position.path)
            outer, _, id = path.rpartition("/")
            if outer == self.scope and id in self.board.cards:
                self.ensure_seen(self.board.cards[id].rect)

    def fit_selection(self) -> None:
        """Bring the selection into view; everything where nothing is selected."""
        rect = QRectF()
        for id in self.selected_ids():
            rect = rect.united(self.board.cards[id].rect)
        for id in self.selected_notes:
            note = self.board.notes[id]
            rect = rect.united(QRectF(note.x, note.y, note.width, note.height))
        self.fit_rect(rect if not rect.isEmpty() else self.board.bounds)

    def ensure_seen(self, rect: QRectF) -> None:
        """Move the view just so far that a rectangle is in it."""
        seen = self.visible_rect().marginsRemoved(QMarginsF(24, 24, 24, 24))
        dx = min(rect.left() - seen.left(), 0) + max(rect.right() - seen.right(), 0)
        dy = min(rect.top() - seen.top(), 0) + max(rect.bottom() - seen.bottom(), 0)
        scale = self.scale_now()
        if dx or dy:
            self.pan(dx * scale, dy * scale)

    def cursor_point(self) -> QPointF:
        """Return the place in the scene where something new goes: under the pointer, or in the middle."""
        at = self.viewport().mapFromGlobal(self.cursor().pos())
        return self.mapToScene(at if self.viewport().rect().contains(at) else self.viewport().rect().center())

    # --- into and out of ------------------------------------------------------------------------------------

    def enter_selection(self) -> bool:
        """Show the inside of the selected block or op."""
        ids = self.selected_ids()
        return len(ids) == 1 and self.enter(self.board.cards[ids[0]])

    def open_selection(self) -> bool:
        """Open the selected node, as a double click does."""
        ids = self.selected_ids()
        return len(ids) == 1 and self.open_card(self.board.cards[ids[0]])

    def open_card(self, card: Card) -> bool:
        """Show the inside of a block or op; of an elementary op, which has none, the settings."""
        if card.content.enterable or not self.editable or not card.node.op.attributes():
            return self.enter(card)
        self.settings_wanted.emit(card.path)
        return True

    def enter(self, card: Card) -> bool:
        """Show the inside of a block or op; say so where it has none."""
        if self.session.player.enter(card.path):
            return True
        op = card.node.op
        if card.content.enterable:
            self.tell(f"{op.title} ‘{card.node.name}’ can be opened once it runs: wire its inputs first.")
        else:
            self.tell(f"{op.title} ‘{card.node.name}’ is one elementary operation; there is nothing smaller inside it.")
        return False

    def leave(self) -> bool:
        """Leave the block or op that is shown, and select it outside."""
        inner = self.scope
        if not inner or not self.session.player.out():
            return False
        self.session.select([inner])
        return True

    # --- along the wires ---------------------------------------------------------------------------------------

    def walk(self, direction: Direction) -> None:
        """Select the next node along the wires (left, right) or beside (up, down)."""
        board, ids = self.board, self.selected_ids()
        if not board.cards:
            return
        if not ids:
            first = min(board.cards.values(), key=lambda c: (c.rect.x(), c.rect.y()))
            self._go(first)
            return
        here = board.cards[ids[-1]]
        middle = here.rect.center()
        near: list[str] = []
        if direction == "right":
            near = [t.node for t, s in board.graph.wires.items() if s.node == here.id]
        elif direction == "left":
            near = [s.node for t, s in board.graph.wires.items() if t.node == here.id]
        found = [board.cards[id] for id in dict.fromkeys(near) if id in board.cards] or self._beside(here, direction)
        if found:
            self._go(min(found, key=lambda c: (c.rect.center() - middle).manhattanLength()))

    def _beside(self, here: Card, direction: Direction) -> list[Card]:
        """Return the cards that lie in a direction, within 45° of it."""
        out = []
        for card in self.board.cards.values():
            d = card.rect.center() - here.rect.center()
            along, across = (d.x(), d.y()) if direction in ("left", "right") else (d.y(), d.x())
            along = -along if direction in ("left", "up") else along
            if card.id != here.id and along > 0 and abs(across) <= along + 80:
                out.append(card)
        return out

    def _go(self, card: Card) -> None:
        self.select_ids([card.id])
        self.ensure_seen(card.rect)

    def _on_reveal(self, path: str, name: str, index: object) -> None:
        outer, _, id = path.rpartition("/")
        if outer == self.scope and id in self.board.cards:
            self.ensure_seen(self.board.cards[id].rect)

    def screen_point(self, at: QPointF) -> QPoint:
        """Return where a point of the scene is in the viewport."""
        return self.mapFromScene(at)
