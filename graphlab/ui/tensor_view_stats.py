"""What a tensor is like as a whole: its statistics and its histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.numbers import number_text


@dataclass(frozen=True)
class Statistics:
    """Counts of all elements; minimum, maximum, mean and standard deviation (divided by n) of the finite ones."""

    count: int
    zeros: int
    nans: int
    infinite: int
    low: float
    high: float
    mean: float
    std: float

    def text(self) -> str:
        """Write them as one line."""
        if not self.count:
            return "no elements"
        strange = self.nans + self.infinite
        parts = [] if strange == self.count else [
            f"min {number_text(self.low, 3)}", f"max {number_text(self.high, 3)}",
            f"mean {number_text(self.mean, 3)}", f"std {number_text(self.std, 3)}"]
        if self.zeros:
            parts.append(f"{self.zeros} zero" + "s" * (self.zeros != 1))
        if self.nans:
            parts.append(f"{self.nans} NaN")
        if self.infinite:
            parts.append(f"{self.infinite} infinite")
        return "  ".join(parts)


def statistics(array: Array) -> Statistics:
    """Measure an array of any kind."""
    values = np.asarray(array)
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if not values.size:
        return Statistics(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    nans = int(np.isnan(values).sum())
    infinite = int(np.isinf(values).sum())
    finite = values if not nans and not infinite else values[np.isfinite(values)]
    zeros = values.size - int(np.count_nonzero(values))
    if not finite.size:
        return Statistics(values.size, zeros, nans, infinite, np.nan, np.nan, np.nan, np.nan)
    return Statistics(values.size, zeros, nans, infinite, float(finite.min()), float(finite.max()),
                      float(finite.mean()), float(finite.std()))


def bins(array: Array, most: int = 25) -> tuple[Array, Array]:
    """Count the finite elements in bins of equal width, as (counts, edges); 0 is an edge where both signs occur."""
    values = np.asarray(array, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return np.zeros(0, np.int64), np.zeros(1)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([values.size]), np.array([low - 0.5, low + 0.5])
    if low < 0 < high:
        width = (high - low) / most
        below, above = int(np.ceil(-low / width)), int(np.ceil(high / width))
        edges = np.arange(-below, above + 1) * width
    else:
        edges = np.linspace(low, high, most + 1)
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    counts, edges = np.histogram(values, edges)
    return counts, edges


class Histogram(QWidget):
    """Bars of how often values occur: orange below zero, blue above."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts, self.edges = bins(np.zeros(0))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_array(self, array: Array) -> None:
        """Show another array."""
        self.counts, self.edges = bins(array)
        self.setToolTip(f"{len(self.counts)} bins; the tallest holds {int(self.counts.max(initial=0))} values")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 96)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme.current()
        font = theme.font(11, tabular=True)
        painter.setFont(font)
        painter.setPen(colours.muted)
        area = QRectF(self.rect()).adjusted(4, 4, -4, -18)
        if not len(self.counts):
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "no finite numbers")
            painter.end()
            return
        span = self.edges[-1] - self.edges[0]
        top = self.counts.max()
        for n, left, right in zip(self.counts, self.edges[:-1], self.edges[1:], strict=True):
            x = area.x() + area.width() * (left - self.edges[0]) / span
            wide = area.width() * (right - left) / span
            high = area.height() * n / top
            colour = colours.negative if right <= 1e-12 * span else colours.positive
            painter.fillRect(QRectF(x + 0.5, area.bottom() - high, max(1.0, wide - 1), high), colour)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        below = QRectF(area.x(), area.bottom() + 2, area.width(), 15)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, number_text(self.edges[0]))
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, number_text(self.edges[-1]))
        if self.edges[0] < 0 < self.edges[-1]:
            x = area.x() - area.width() * self.edges[0] / span
            if area.x() + 60 < x < area.right() - 60:
                painter.drawText(QRectF(x - 20, below.y(), 40, 15), Qt.AlignmentFlag.AlignHCenter, "0")
        painter.end()
