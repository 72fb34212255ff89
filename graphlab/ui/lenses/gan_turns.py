"""Whose turn it is: noise → generator → discriminator ← data, with the one that stands still greyed."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from graphlab.ui import theme


class Turns(QWidget):
    """Two cards and what flows between them; ``moving`` is "D", "G", "both", or "" before the first update."""

    def __init__(self) -> None:
        super().__init__()
        self.moving = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Whose turn it is")
        theme.signals.changed.connect(self.update)
        self.show_moving("")

    def show_moving(self, moving: str) -> None:
        """Show who moves."""
        self.moving = moving
        said = {"D": "The discriminator learns, the generator is frozen.",
                "G": "The generator learns, the discriminator is frozen; gradients pass through it.",
                "both": "Both have learned, one after the other.", "": "Nobody has moved yet."}[moving]
        self.setAccessibleDescription(said)
        self.setToolTip(said)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(284, 62)

    def minimumSizeHint(self) -> QSize:
        return QSize(284, 62)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, now = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = min(104.0, (self.width() - 74) / 2)
        left = (self.width() - 2 * wide - 74) / 2
        maker = QRectF(left + 22, 10, wide, 42)
        judge = QRectF(maker.right() + 30, 10, wide, 42)
        y = maker.center().y()
        hues = (now.hue("Generative").line, now.hue("Losses").line)
        for box, who, name, hue in ((maker, "G", "Generator", hues[0]), (judge, "D", "Discriminator", hues[1])):
            self._card(painter, box, name, self.moving in (who, "both"), self.moving not in (who, "both", ""), hue)
        painter.setFont(theme.font(12))
        for text, x, end in (("z", left, maker.left()), ("", maker.right(), judge.left())):
            self._arrow(painter, QPointF(x + (11 if text else 3), y), QPointF(end - 2, y), now.wire)
            painter.setPen(now.text)
            painter.drawText(QRectF(x - 2, y - 9, 12, 18), Qt.AlignmentFlag.AlignCenter, text)
        right = judge.right() + 22
        self._arrow(painter, QPointF(right - 11, y), QPointF(judge.right() + 2, y), now.wire)
        painter.setPen(now.text)
        painter.drawText(QRectF(right - 10, y - 9, 12, 18), Qt.AlignmentFlag.AlignCenter, "x")
        painter.end()

    def _card(self, painter: QPainter, box: QRectF, name: str, learns: bool, frozen: bool, hue: QColor) -> None:
        now = theme.current()
        painter.setPen(QPen(hue if learns else now.border, 2.5 if learns else 1))
        painter.setBrush(now.card if not frozen else now.window)
        painter.drawRoundedRect(box, 6, 6)
        if frozen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(now.hairline, Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 6, 6)
        painter.setPen(now.muted if frozen else now.text)
        painter.setFont(theme.font(12, bold=True))
        name = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(box.width() - 4))
        painter.drawText(box.adjusted(0, 4, 0, -18), Qt.AlignmentFlag.AlignCenter, name)
        painter.setFont(theme.font(11))
        painter.drawText(box.adjusted(0, 20, 0, -3), Qt.AlignmentFlag.AlignCenter,
                         "learns" if learns else "frozen" if frozen else "waits")

    @staticmethod
    def _arrow(painter: QPainter, start: QPointF, end: QPointF, colour: QColor) -> None:
        painter.setPen(QPen(colour, 1.5))
        painter.drawLine(start, end)
        back = 5.0 if end.x() > start.x() else -5.0
        for side in (-4.0, 4.0):
            painter.drawLine(end, QPointF(end.x() - back, end.y() + side))
