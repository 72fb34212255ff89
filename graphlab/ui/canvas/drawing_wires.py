"""Drawing a wire, from either end, by mouse or by keyboard, with the reason where it does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPainter

from graphlab.document import edits
from graphlab.document.model import Document
from graphlab.document.wiring import check_connection
from graphlab.engine.graph import Source, Target
from graphlab.ui.canvas.geometry import Card, Spot
from graphlab.ui.canvas.gesture import Gesture, Modifiers
from graphlab.ui.canvas.painting import paint_spot
from graphlab.ui.canvas.routing import direct

if TYPE_CHECKING:
    from graphlab.ui.canvas.view import CanvasView

End = Source | Target
REACH = 20.0
SHIFT = Qt.KeyboardModifier.ShiftModifier
#: So many nodes and the ports that fit are all looked up while the wire is drawn; beyond, only the one pointed at.
LOOK_UP = 80


class DrawWire(Gesture):
    """Pulls a wire from ``fixed`` to a port of the other side. ``old`` is the wire whose end was picked up.

    Let go over nothing, a new wire asks what to add there; one that was picked up is removed.
    """

    offers_ports: ClassVar[bool] = True
    cursor: ClassVar[Qt.CursorShape | None] = Qt.CursorShape.CrossCursor

    def __init__(self, view: CanvasView, fixed: End, at: QPointF, old: Target | None = None) -> None:
        super().__init__(view)
        self.fixed, self.old, self.at = fixed, old, at
        view.hidden_wire = old
        self.wanted: Literal["in", "out"] = "in" if isinstance(fixed, Source) else "out"
        self.over: tuple[Card, Spot] | None = None
        self.reasons: dict[End, str] = {}
        document = view.session.document
        self.document = edits.disconnect(document, old, view.scope) if old is not None else document
        self._candidates = self._ends()
        self._timer = QTimer(view)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._look_up_next)
        if len(view.board.cards) <= LOOK_UP:
            self._timer.start()

    # --- what fits ------------------------------------------------------------------------------------

    def _ends(self) -> list[End]:
        out: list[End] = []
        for card in self.view.board.cards.values():
            if card.id != self.fixed.node:
                out += [self._end(card, s) for s in card.spots if s.side == self.wanted and not s.stored]
        return out

    def _end(self, card: Card, spot: Spot) -> End:
        return Target(card.id, spot.name) if self.wanted == "in" else Source(card.id, spot.name)

    def pair(self, end: End) -> tuple[Source, Target]:
        """Return the wire between the fixed end and another."""
        if isinstance(self.fixed, Source):
            assert isinstance(end, Target)
            return self.fixed, end
        assert isinstance(end, Source)
        return end, self.fixed

    def reason(self, end: End) -> str:
        """Say why a wire to this end does not fit; '' where it does."""
        if end not in self.reasons:
            self.reasons[end] = check_connection(self.document, *self.pair(end), self.view.scope)
        return self.reasons[end]

    def _look_up_next(self) -> None:
        if not self._candidates or self.view.gesture is not self:
            self._timer.stop()
            return
        self.reason(self._candidates.pop())
        self.view.viewport().update()

    # --- the pointer ------------------------------------------------------------------------------------

    def _find(self, at: QPointF) -> tuple[Card, Spot] | None:
        """Return the port that is meant: the nearest of the right side, or the first free one of the card below."""
        board = self.view.shown
        best: tuple[float, Card, Spot] | None = None
        reach = REACH / min(self.view.scale_now(), 1.0)
        for card in board.cards_in(QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach)):
            inside = card.rect.contains(at)
            for spot in card.spots:
                d = (spot.at - at).manhattanLength()
                if spot.side != self.wanted or (d > reach and not inside):
                    continue
                if d > reach:
                    # Anywhere on the card: its free ports that take wires by nature come first.
                    d = 1000 + d + 500 * spot.wired + 2000 * spot.stored
                if best is None or d < best[0]:
                    best = (d, card, spot)
        return None if best is None else (best[1], best[2])

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        self.at, self.over = at, self._find(at)
        if self.over is None:
            self.view.hint.hide()
        else:
            end = self._end(*self.over)
            why = self.reason(end)
            if why:
                self.view.hint.say(f"{why}\nWith Shift it is wired all the same.", on_screen, "problem")
            else:
                self.view.hint.say(self._what(end), on_screen)
        self.view.viewport().update()

    def _what(self, end: End) -> str:
        source, target = self.pair(end)
        spec = self.view.board.specs.get(source) or self.view.spec_text(source)
        port = f"{self.view.board.cards[target.node].node.name} · {target.port}"
        return f"{spec} → {port}" if spec else port

    def release(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        self._timer.stop()
        self.over = self._find(at)
        if self.over is not None:
            self.connect(self._end(*self.over), bool(modifiers & SHIFT), on_screen)
            return
        view = self.view
        view.hidden_wire = None
        view.hint.hide()
        if self.old is not None:
            old = self.old
            view.edit("Remove wire", lambda d: edits.disconnect(d, old, view.scope))
        elif (at - self._start()).manhattanLength() > 24:
            view.open_search(at, self.fixed)

    def connect(self, end: End, force: bool = False, on_screen: QPoint | None = None) -> bool:
        """Draw the wire to an end in one edit, unless it does not fit and is not forced; False where it is not."""
        view, why = self.view, self.reason(end)
        view.hidden_wire = None
        view.hint.hide()
        source, target = self.pair(end)
        if self.old == target and view.board.graph.wires.get(target) == source:
            return True
        if why and not force:
            view.tell(why, on_screen)
            return False

        def change(document: Document) -> Document:
            document = edits.disconnect(document, self.old, view.scope) if self.old is not None else document
            return edits.connect(document, source, target, view.scope)

        return view.edit("Re-plug wire" if self.old is not None else "Draw wire", change)

    def cancel(self) -> None:
        self._timer.stop()
        self.view.hidden_wire = None
        self.view.hint.hide()

    # --- painting -----------------------------------------------------------------------------------------

    def _start(self) -> QPointF:
        return self.view.shown.end(self.fixed) or self.at

    def paint(self, painter: QPainter) -> None:
        view, style, now = self.view, self.view.style_, self.view.style_.theme
        for end, why in self.reasons.items():
            card = view.shown.cards.get(end.node)
            name = end.port if isinstance(end, Target) else end.output
            if not why and card is not None and (spot := card.spot(self.wanted, name)) is not None:
                paint_spot(painter, spot, style, now.accent, big=True)
        a, b = self._start(), self.at
        bad = False
        if self.over is not None:
            b, bad = self.over[1].at, bool(self.reason(self._end(*self.over)))
        if isinstance(self.fixed, Target):
            a, b = b, a
        painter.setPen(style.pen(now.problem if bad else now.accent, 2.0, dashed=bad))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(direct(a.x(), a.y(), b.x(), b.y()).path)
        if self.over is not None:
            paint_spot(painter, self.over[1], style, now.problem if bad else now.accent, big=True)


class KeyboardWire(DrawWire):
    """A wire drawn by keyboard: W starts it, arrows or W go through the ports that fit, Enter ends it, Esc drops it."""

    def __init__(self, view: CanvasView, outputs: list[Source]) -> None:
        self.outputs = outputs
        start = view.board.end(outputs[0])
        super().__init__(view, outputs[0], start if start is not None else QPointF())
        self.choices = self._fitting()
        self.chosen = 0
        self._show()

    def _fitting(self) -> list[tuple[Card, Spot]]:
        """Return the ports that fit, free ones first, then by their distance to the right."""
        start, board = self._start(), self.view.board
        found = []
        for end in self._ends():
            card = board.cards[end.node]
            spot = card.spot("in", end.port) if isinstance(end, Target) else None
            if spot is not None and not self.reason(end):
                d = spot.at - start
                found.append((spot.wired, d.x() < 0, abs(d.x()) + abs(d.y()), card, spot))
        return [(card, spot) for *_, card, spot in sorted(found, key=lambda f: f[:3])]

    def _show(self) -> None:
        view = self.view
        if not self.choices:
            view.hint.say("No free port fits this output. W goes to the next output, Esc gives up.",
                          view.screen_point(self._start()), "warning")
            self.over, self.at = None, self._start()
        else:
            self.over = self.choices[self.chosen % len(self.choices)]
            self.at = self.over[1].at
            view.ensure_seen(self.over[0].rect)
            view.hint.say(f"{self._what(self._end(*self.over))}\nArrows choose · Enter wires · Esc gives up",
                          view.screen_point(self.at))
        view.viewport().update()

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        """The pointer does not lead this wire."""

    def key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Tab):
            self.chosen += 1
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Backtab):
            self.chosen -= 1
        elif key == Qt.Key.Key_W:
            self.outputs = [*self.outputs[1:], self.outputs[0]]
            assert isinstance(self.outputs[0], Source)
            self.fixed, self.chosen = self.outputs[0], 0
            self.reasons.clear()
            self.choices = self._fitting()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.view.end_gesture()
            if self.over is not None:
                card = self.over[0]
                if self.connect(self._end(*self.over)):
                    self.view.select_ids([card.id])
            self.cancel()
            return True
        else:
            return False
        self._show()
        return True

    def release(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        """A click ends it without a wire."""
        self.cancel()
