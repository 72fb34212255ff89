"""The slider of the timeline: forward on the left, backward on the right, breakpoints as marks."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSlider

from graphlab.ui import theme

_EDGE = 9.0


class TimelineSlider(QSlider):
    """Goes from −1 (nothing has run) to the last event; the line is split where backward begins."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._forward = 0
        self._marks: tuple[int, ...] = ()
        self.setRange(-1, -1)
        self.setPageStep(5)
        self.setAccessibleName("Position in the run")
        self.setMinimumWidth(160)
        theme.signals.changed.connect(self.update)

    def set_line(self, forward: int, count: int, marks: tuple[int, ...] = ()) -> None:
        """Say how many events there are, how many of them go forward, and where breakpoints stand."""
        self._forward, self._marks = forward, marks
        self.setRange(-1, count - 1)
        self.setEnabled(count > 0)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, 28)

    def _x(self, value: float) -> float:
        span = max(1, self.maximum() - self.minimum())
        return _EDGE + (self.width() - 2 * _EDGE) * (value - self.minimum()) / span

    def _value(self, x: float) -> int:
        span = max(1, self.maximum() - self.minimum())
        share = (x - _EDGE) / max(1.0, self.width() - 2 * _EDGE)
        return self.minimum() + round(min(max(share, 0.0), 1.0) * span)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        y = self.height() / 2
        if self.maximum() <= self.minimum():
            painter.fillRect(QRectF(_EDGE, y - 2, self.width() - 2 * _EDGE, 4), now.hairline)
            return
        middle = self._x(self._forward - 0.5)
        here = self._x(self.value())
        both = self.maximum() >= self._forward
        for left, right, colour in (
            (_EDGE, min(middle, self.width() - _EDGE), now.positive),
            (middle, self.width() - _EDGE, now.now),
        ):
            if right <= left or (left == middle and not both):
                continue
            painter.fillRect(QRectF(left, y - 2, right - left, 4), theme.mix(now.window, colour, 0.3))
            if here > left:
                painter.fillRect(QRectF(left, y - 2, min(here, right) - left, 4), colour)
        count = self.maximum() - self.minimum()
        if count and (self.width() - 2 * _EDGE) / count > 5:
            painter.setPen(QPen(now.border, 1))
            for value in range(self.minimum(), self.maximum() + 1):
                x = self._x(value)
                painter.drawLine(QPointF(x, y + 5), QPointF(x, y + 7))
        if both:
            painter.setPen(QPen(now.text, 1.5))
            painter.drawLine(QPointF(middle, y - 9), QPointF(middle, y + 9))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.problem)
        for mark in self._marks:
            painter.drawEllipse(QPointF(self._x(mark), y - 8), 3, 3)
        painter.setBrush(now.card)
        painter.setPen(QPen(now.accent if self.hasFocus() else now.text, 2))
        painter.drawEllipse(QPointF(here, y), 6.5, 6.5)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            self.setSliderDown(True)
            self.setSliderPosition(self._value(event.position().x()))
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderPosition(self._value(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)
