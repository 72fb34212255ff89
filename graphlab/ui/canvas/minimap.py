"""The small map of the whole scope, with the part that is seen; a click or drag moves there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPixmap, QRegion
from PySide6.QtWidgets import QWidget

from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.looks import Plain
from graphlab.ui.canvas.picture import paint_far

if TYPE_CHECKING:
    from graphlab.ui.canvas.view import CanvasView

#: Its size in a large window; in a small one it is smaller.
LARGEST, SMALLEST = 176, 112
MARGIN = 12


class Minimap(QWidget):
    """A map in the lower right corner of the canvas. The drawing is kept as pixels until the board is another."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view.viewport())
        self.view = view
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Minimap")
        self.setToolTip("The whole network; click to go there")
        self._drawn: tuple[Board, QPixmap] | None = None
        view.viewport().installEventFilter(self)
        self.place()

    def place(self) -> None:
        """Stand in the lower right corner; step aside where the canvas is small, or everything is in view."""
        area = self.view.viewport().rect()
        wide = max(SMALLEST, min(area.width() // 7, LARGEST))
        size = QSize(wide, wide * 5 // 8)
        if size != self.size():
            self.setFixedSize(size)
            self._drawn = None
        self.move(area.right() - size.width() - MARGIN, area.bottom() - size.height() - MARGIN)
        bounds = self.view.board.bounds
        room = area.width() > 3 * size.width() and area.height() > 2 * size.height()
        more = not bounds.isEmpty() and not self.view.visible_rect().contains(bounds)
        self.setVisible(self.view.minimap_wanted and room and more)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False

    def _scale(self) -> tuple[float, QRectF]:
        """Return pixels a scene pixel, and the part of the scene that the map shows."""
        whole = self.view.board.bounds.adjusted(-60, -60, 60, 60)
        scale = min(self.width() / max(whole.width(), 1), self.height() / max(whole.height(), 1))
        extra = QPointF(self.width() / scale - whole.width(), self.height() / scale - whole.height()) / 2
        return scale, whole.adjusted(-extra.x(), -extra.y(), extra.x(), extra.y())

    def paintEvent(self, event: QPaintEvent) -> None:
        board, now = self.view.board, self.view.style_.theme
        scale, whole = self._scale()
        painter = QPainter(self)
        if self._drawn is None or self._drawn[0] is not board:
            ratio = self.devicePixelRatioF()
            picture = QPixmap(self.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(now.card)
            inner = QPainter(picture)
            inner.scale(scale, scale)
            inner.translate(-whole.topLeft())
            paint_far(inner, board, Plain(), whole, scale)
            inner.end()
            self._drawn = (board, picture)
        painter.drawPixmap(0, 0, self._drawn[1])
        seen = self.view.visible_rect()
        frame = QRectF((seen.x() - whole.x()) * scale, (seen.y() - whole.y()) * scale, seen.width() * scale,
                       seen.height() * scale).intersected(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        shade = QColor(now.canvas)
        shade.setAlpha(150)
        outside = QRegion(self.rect()) - QRegion(frame.toAlignedRect())
        painter.setClipRegion(outside)
        painter.fillRect(self.rect(), shade)
        painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(now.accent)
        painter.drawRect(frame)
        painter.setPen(now.border)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _go(self, at: QPointF) -> None:
        scale, whole = self._scale()
        self.view.centerOn(whole.x() + at.x() / scale, whole.y() + at.y() / scale)
        self.view.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())
