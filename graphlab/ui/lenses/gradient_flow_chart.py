"""The chart of gradient flow: sizes on a log scale by layer or time step, over a strip of the factors between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.training_plots import line_colour

#: Symbols and pens that tell quantities apart without colour.
SYMBOLS = {"activation": "o", "gradient": "t", "update": "s"}
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
#: A factor of this size (or its inverse) has the full colour.
_STRONGEST = 10.0
_LOWEST, _HIGHEST = -30, 12


@dataclass(frozen=True)
class Series:
    """One line: the sizes at places 0, 1, …, the range that most numbers lie in, and what a tooltip says there."""

    name: str
    quantity: str
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    notes: tuple[str, ...]
    paths: tuple[str, ...]
    colour: int
    dash: int = 0


@dataclass(frozen=True)
class Factors:
    """One row of the strip: by what the gradient is multiplied between place i + 1 and i."""

    name: str
    values: tuple[float, ...]


class LogAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis of powers of ten whose values are logarithms; ``zero`` is where exact zeros are drawn."""

    zero: float = math.nan

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Return one tick for each power of ten, or for every second, fifth, tenth."""
        room = max(1.0, size / 22)
        step = next((s for s in (1, 2, 3, 5, 10, 20) if (high - low) / s <= room), 40)
        first = math.ceil(low / step) * step
        zero = [self.zero] if low <= self.zero <= high else []
        ticks = [float(v) for v in range(first, math.floor(high) + 1, step)]
        return [(float(step), zero + [v for v in ticks if not zero or v >= self.zero + step])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Write 10ⁿ."""
        return ["0" if v == self.zero else "1" if not v else f"10{str(round(v)).translate(_UP)}" for v in values]


_UP = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Strip(pg.GraphicsObject):  # type: ignore[misc]
    """Rows of cells, one for each factor: orange where the gradient shrinks, blue where it grows, with the number."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Factors, ...] = ()
        self.first = 0
        self._box = QRectF(0, 0, 1, 1)

    def show_rows(self, rows: Sequence[Factors], first: int) -> None:
        """Draw other factors; those before place ``first`` are not there yet."""
        self.prepareGeometryChange()
        self.rows, self.first = tuple(rows), first
        longest = max((len(r.values) for r in rows), default=1)
        self._box = QRectF(0, 0, max(1, longest), max(1, len(rows)))
        self.update()

    def boundingRect(self) -> QRectF:
        return self._box

    def paint(self, painter: QPainter, *_: Any) -> None:
        across = painter.transform()
        painter.save()
        painter.resetTransform()
        painter.setFont(theme.font(10, tabular=True))
        cells = [(across.mapRect(QRectF(i, row, 1, 1)).adjusted(1, 1, -1, -1), value)
                 for row, factors in enumerate(self.rows)
                 for i, value in enumerate(factors.values) if i >= self.first and math.isfinite(value)]
        texts = [factor_text(v) for r in self.rows for v in r.values if math.isfinite(v)]
        widest = max(map(painter.fontMetrics().horizontalAdvance, texts), default=0)
        painter.setPen(theme.current().text)
        for cell, value in cells:
            painter.fillRect(cell, self.colour(value))
            if widest <= cell.width():
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, factor_text(value))
        painter.restore()

    @staticmethod
    def colour(value: float) -> QColor:
        """Return the colour of a factor: its logarithm's sign and size."""
        now = theme.current()
        share = math.log10(value) / math.log10(_STRONGEST) if value > 0 else -1.0
        return theme.mix(now.base, now.positive if share > 0 else now.negative, 0.1 + 0.4 * min(1.0, abs(share)))


def factor_text(value: float) -> str:
    """Write a factor in three or four characters: 0.31, 12, 10⁻⁵."""
    if value == 0:
        return "0"
    if 0.01 <= value < 1000:
        return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
    return f"10{str(round(math.log10(value))).translate(_UP)}"


class FlowChart(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """Draws `Series` and `Factors`. Ranges stay until something leaves them, so that nothing jumps while training."""

    place_clicked = Signal(str)  # the path of a point

    def __init__(self) -> None:
        super().__init__()
        self.series: tuple[Series, ...] = ()
        self.factors: tuple[Factors, ...] = ()
        self.ci.setSpacing(0)
        self.ci.setContentsMargins(2, 2, 8, 2)
        self.plot = self.addPlot(row=0, col=0, axisItems={"left": LogAxis("left")})
        self.below = self.addPlot(row=1, col=0)
        self.strip = Strip()
        self.below.addItem(self.strip)
        self.wave = pg.LinearRegionItem(values=(0, 1), movable=False)
        self.wave.setZValue(-10)
        self.plot.addItem(self.wave, ignoreBounds=True)
        self._items: list[tuple[Any, Any, Any]] = []
        self._range = (0, 0)
        for each in (self.plot, self.below):
            each.hideButtons()
            each.setMenuEnabled(False)
            each.setMouseEnabled(False, False)
            each.disableAutoRange()
        self.plot.hideAxis("bottom")
        self.plot.showGrid(y=True, alpha=0.25)
        self.below.getViewBox().invertY(True)
        self.below.getAxis("left").setTicks([])
        self.below.getAxis("bottom").setStyle(tickLength=0, tickTextOffset=3)
        self.setMinimumSize(240, 150)
        self.setAccessibleName("Sizes by layer, on a log scale")
        self.restyle()

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        self.setBackground(now.base)
        for each in (self.plot, self.below):
            for side in ("left", "bottom"):
                axis = each.getAxis(side)
                axis.setPen(now.border)
                axis.setTextPen(now.muted)
                axis.setTickFont(theme.font(10.5, tabular=True))
        glow = QColor(now.now)
        glow.setAlpha(46)
        self.wave.setBrush(glow)
        for line in self.wave.lines:
            line.setPen(pg.mkPen(None))
        if self.series:
            self._make()
        self.strip.update()

    # --- what is drawn ------------------------------------------------------------------------------------

    def show_series(self, series: Sequence[Series], factors: Sequence[Factors], ticks: Sequence[str]) -> None:
        """Draw other lines; ``ticks`` name the places."""
        same = [(s.name, s.quantity, s.colour, s.dash) for s in series] == [
            (s.name, s.quantity, s.colour, s.dash) for s in self.series]
        self.series, self.factors, self._ticks = tuple(series), tuple(factors), tuple(ticks)
        if not same:
            self._make()
            self._range = (0, 0)
        n = max(1, len(ticks))
        self._fit()
        self.plot.setXRange(-0.5, n - 0.5, padding=0)
        self.below.setXRange(-0.5, n - 0.5, padding=0)
        self._name_places()
        rows = max(1, len(factors))
        self.below.setYRange(0, rows, padding=0)
        self.below.getAxis("left").setTicks([[(i + 0.5, f.name) for i, f in enumerate(factors)]])
        metrics = QFontMetricsF(theme.font(10.5, tabular=True))
        width = 12 + max([34.0, *(metrics.horizontalAdvance(f.name) for f in factors)])
        for each in (self.plot, self.below):
            each.getAxis("left").setWidth(min(width, 120))
        self.ci.layout.setRowFixedHeight(1, 19.0 * rows + 21)
        self.show_until(n, n, None)

    def _make(self) -> None:
        for items in self._items:
            for item in items:
                self.plot.removeItem(item)
        self._items = []
        for s in self.series:
            colour = line_colour(s.colour)
            faint = QColor(colour)
            faint.setAlpha(90)
            bars = pg.PlotDataItem(pen=pg.mkPen(faint, width=5), connect="pairs", antialias=False)
            line = pg.PlotDataItem(pen=pg.mkPen(colour, width=1.5, style=_DASHES[s.dash % 4]), connect="finite",
                                   antialias=False)
            points = pg.ScatterPlotItem(symbol=SYMBOLS.get(s.quantity, "o"), size=9, brush=colour, pen=None,
                                        hoverable=True, tip=_tip, hoverSize=12)
            points.sigClicked.connect(self._clicked)
            for item in (bars, line, points):
                self.plot.addItem(item)
            self._items.append((bars, line, points))

    def _clicked(self, _item: object, points: Sequence[Any]) -> None:
        if len(points):
            self.place_clicked.emit(points[0].data()[1])

    def _fit(self) -> None:
        """Choose the powers of ten between which everything lies; widen at once, narrow only when much is empty."""
        every = np.array([v for s in self.series for v in s.values] or [1.0], float)
        tops = np.array([v for s in self.series for v in s.high] or [1.0], float)
        zero = bool((every == 0).any())
        every = np.concatenate([every, tops])
        every = every[np.isfinite(every) & (every > 0)]
        if not every.size:
            every = np.ones(1)
        low = max(_LOWEST, math.floor(math.log10(every.min()) - 0.3)) - zero
        high = max(low + 2, min(_HIGHEST, math.ceil(math.log10(every.max()) + 0.05)))
        a, b = self._range
        if a == b or low < a or high > b or (high - low) < 0.6 * (b - a):
            self._range = (low, high)
            self.plot.setYRange(low, high, padding=0.02)
        self.plot.getAxis("left").zero = float(self._range[0]) if zero else math.nan

    def _name_places(self) -> None:
        """Write as many of the places' names as there is room for."""
        n = max(1, len(self._ticks))
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(t) for t in self._ticks), default=1) * 0.85 + 8
        every = max(1, math.ceil(n * widest / max(60, self.width() - 70)))
        self.below.getAxis("bottom").setTicks([[(i, t) for i, t in enumerate(self._ticks) if i % every == 0]])

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self.__dict__.get("_ticks"):
            self._name_places()

    def show_until(self, forward: int, backward: int, at: int | None) -> None:
        """Show activations of the first ``forward`` places, gradients of the last ``backward``, and the wave at one."""
        n = len(self._ticks)
        for s, (bars, line, points) in zip(self.series, self._items, strict=True):
            here = [i < forward if s.quantity == "activation" else i >= n - backward for i in range(len(s.values))]
            x, y = self.drawn(s, np.array(here, bool))
            line.setData(x, y)
            points.setData(x=x[np.isfinite(y)], y=y[np.isfinite(y)],
                           data=[(s.notes[i], s.paths[i]) for i in np.flatnonzero(np.isfinite(y))])
            ends = np.stack([np.array(s.low, float), np.array(s.high, float)], axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                ends = np.maximum(np.log10(ends), self._range[0])
            whole = np.isfinite(ends).all(axis=1) & np.array(here, bool)
            bars.setData(np.repeat(x[whole], 2), ends[whole].ravel())
        self.strip.show_rows(self.factors, max(0, n - backward))
        self.wave.setVisible(at is not None)
        if at is not None:
            self.wave.setRegion((at - 0.5, at + 0.5))

    def drawn(self, s: Series, here: Array) -> tuple[Array, Array]:
        """Return where the points of a line are: log₁₀ of the sizes, zeros at the bottom, gaps where nothing is yet."""
        values = np.array(s.values, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.where(values == 0, self._range[0], np.log10(values))
        y = np.where(np.isnan(y), y, np.clip(y, self._range[0], self._range[1]))
        return np.arange(len(values), dtype=float), np.where(here, y, np.nan)

    def point(self, s: int, place: int) -> QPointF:
        """Return where a point is seen, in the widget's pixels."""
        x, y = self.drawn(self.series[s], np.ones(len(self.series[s].values), bool))
        return QPointF(self.mapFromScene(self.plot.vb.mapViewToScene(QPointF(x[place], y[place]))))


def _tip(x: float, y: float, data: tuple[str, str]) -> str:
    return data[0]


def note(name: str, quantity: str, value: float) -> str:
    """Write a tooltip: what, where, and every digit."""
    return f"{name}: {quantity} {number_text(value)}\n{value!r}"
