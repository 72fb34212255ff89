"""Gestures: one class each, one active at a time, ending in at most one edit. Here the base, panning and selecting."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from graphlab.ui.canvas.board import note_rect

if TYPE_CHECKING:
    from graphlab.ui.canvas.view import CanvasView

Modifiers = Qt.KeyboardModifier
NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class Gesture:
    """What the pointer is doing. ``offers_ports`` shows the hidden ports of stored weights meanwhile."""

    offers_ports: ClassVar[bool] = False
    cursor: ClassVar[Qt.CursorShape | None] = None

    def __init__(self, view: CanvasView) -> None:
        self.view = view

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        """Follow the pointer."""

    def release(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        """Finish, with at most one edit. The gesture is no longer the view's when this is called."""

    def cancel(self) -> None:
        """Leave everything as it was."""

    def key(self, event: QKeyEvent) -> bool:
        """Handle a key; return False where it is none of the gesture's."""
        return False

    def paint(self, painter: QPainter) -> None:
        """Draw what belongs to the gesture alone, over everything else."""


class Pan(Gesture):
    """Moves the paper under the pointer."""

    cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self, view: CanvasView, on_screen: QPoint) -> None:
        super().__init__(view)
        self.last = on_screen
        self.moved = False

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        d = on_screen - self.last
        self.moved = self.moved or d.manhattanLength() > 0
        self.view.pan(-d.x(), -d.y())
        self.last = on_screen


class Rubber(Gesture):
    """Selects what a rectangle touches; with Ctrl or Shift in addition to what is selected."""

    def __init__(self, view: CanvasView, at: QPointF, keep: bool) -> None:
        super().__init__(view)
        self.start = self.end = at
        self.before = view.selected_ids() if keep else []
        self.notes_before = set(view.selected_notes) if keep else set()

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        self.end = at
        board, rect = self.view.board, self.rect
        ids = [c.id for c in board.cards_in(rect)]
        notes = {n.id for n in board.notes.values() if rect.contains(note_rect(n))}
        if ids + self.before != self.view.selected_ids() or notes | self.notes_before != self.view.selected_notes:
            self.view.select_ids([*self.before, *ids], notes | self.notes_before)

    @property
    def rect(self) -> QRectF:
        """The rectangle between where the drag began and the pointer."""
        return QRectF(self.start, self.end).normalized()

    def cancel(self) -> None:
        self.view.select_ids(self.before, self.notes_before)

    def paint(self, painter: QPainter) -> None:
        style = self.view.style_
        tint = QColor(style.theme.accent)
        tint.setAlpha(28)
        pen = QPen(style.pen(style.theme.accent, 1.0))
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(tint)
        painter.drawRect(self.rect)
