"""The plots of the BatchNorm lens: histograms with handles, trails over training, and the terms of the gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.batchnorm_channel import Channel
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.training_plots import line_colour

BINS = 36
#: Points of the gradient's plot at most; from more numbers every k-th is drawn.
MOST_POINTS = 300
#: Up to this many numbers are drawn one by one below their histogram.
MOST_TICKS = 128
_MARKS = {Qt.PenStyle.SolidLine: " —", Qt.PenStyle.DashLine: " - -", Qt.PenStyle.DotLine: " ···"}


def rounded(low: float, high: float, pad: float = 0.06) -> tuple[float, float]:
    """Return a range with round ends around another one, so that small changes leave it as it is."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return -1.0, 1.0
    size = max(high - low, 1e-9 * max(1.0, abs(low), abs(high)), 1e-12) * (1 + 2 * pad)
    step = 10.0 ** math.floor(math.log10(size)) / 2
    return math.floor((low - pad * size) / step) * step, math.ceil((high + pad * size) / step) * step


def coloured(text: str, colour: int) -> str:
    """Return rich text in the colour of a line."""
    return f" <span style='color:{line_colour(colour).name()}'>{text}</span>"


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """A small plot with a title, in the theme's colours, that only code moves."""

    def __init__(self, title: str, tip: str) -> None:
        super().__init__()
        self._title = title
        self._lines: list[tuple[Any, Any]] = []
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.disableAutoRange()
        item.setContentsMargins(2, 0, 6, 2)
        item.getAxis("left").setWidth(40)
        self.setMinimumSize(150, 118)
        self.setAccessibleName(title)
        self.setToolTip(tip)
        self._range: tuple[float, float, float, float] | None = None

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        self.setBackground(now.base)
        self.set_title(self._title)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(now.border)
            axis.setTextPen(now.muted)
            axis.setTickFont(theme.font(10, tabular=True))

    def set_title(self, title: str) -> None:
        """Write another title."""
        self._title = title
        self.getPlotItem().setTitle(title + self.legend(), color=theme.current().text.name(), size="9pt")

    def legend(self) -> str:
        """Return the names of the lines in their colours, to stand after the title."""
        return ""

    def frame(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show these ranges, where they are others."""
        if self._range != (*x, *y):
            self._range = (*x, *y)
            self.getPlotItem().setRange(xRange=x, yRange=y, padding=0, disableAutoRange=True)


def faint(colour: QColor, alpha: int) -> QColor:
    """Return a colour that lets the ground through."""
    out = QColor(colour)
    out.setAlpha(alpha)
    return out


class Histogram(Plot):
    """How often numbers lie where, in per cent, with their mean and deviation."""

    def __init__(self, title: str, tip: str, colour: int) -> None:
        super().__init__(title, tip)
        self._colour = colour
        self.counts: Array = np.zeros(BINS)
        self.edges: Array = np.linspace(0, 1, BINS + 1)
        self.bars = pg.BarGraphItem(x0=[], x1=[], height=[])
        self.rug = pg.ScatterPlotItem(symbol="|", size=7)
        self.spread = pg.LinearRegionItem(values=(0, 1), movable=False)
        self.mean = pg.InfiniteLine(0.0, angle=90)
        self.other = pg.InfiniteLine(0.0, angle=90)
        self.spread.setZValue(-10)
        for item in (self.spread, self.bars, self.rug, self.other, self.mean):
            self.addItem(item, ignoreBounds=True)
        self.other.hide()
        self.restyle()

    def restyle(self) -> None:
        super().restyle()
        now, colour = theme.current(), line_colour(self._colour)
        self.bars.setOpts(brush=faint(colour, 150), pen=pg.mkPen(theme.current().base, width=0.5))
        self.rug.setPen(pg.mkPen(faint(colour, 200)))
        self.spread.setBrush(faint(now.muted, 34))
        for line in self.spread.lines:
            line.setPen(pg.mkPen(None))
        self.mean.setPen(pg.mkPen(now.text, width=1.5))
        self.other.setPen(pg.mkPen(now.muted, width=1.5, style=Qt.PenStyle.DashLine))

    def show_numbers(
        self, values: Array, x: tuple[float, float], mean: float, deviation: float, other: float | None = None,
    ) -> None:
        """Draw numbers in a range; ``other`` is a second mean, dashed."""
        self.edges = np.linspace(*x, BINS + 1)
        self.counts = np.histogram(np.clip(values, *x), self.edges)[0] * (100.0 / max(1, values.size))
        self.bars.setOpts(x0=self.edges[:-1], x1=self.edges[1:], height=self.counts)
        few = values[:MOST_TICKS] if values.size <= MOST_TICKS else values[:0]
        top = max(10.0, 10.0 * math.ceil(float(self.counts.max()) / 10))
        self.rug.setData(x=few, y=np.full(few.size, -0.04 * top))
        self.mean.setValue(mean)
        self.spread.setRegion((mean - deviation, mean + deviation))
        self.other.setVisible(other is not None)
        if other is not None:
            self.other.setValue(other)
        self.frame(x, (-0.09 * top, top))


class Handles(Histogram):
    """The histogram of what goes out, with γ and β as lines that can be dragged."""

    moved = Signal(str, float)  # "gamma" or "beta", and its new value

    def __init__(self, title: str, tip: str, colour: int) -> None:
        super().__init__(title, tip, colour)
        self.values = {"gamma": 1.0, "beta": 0.0}
        self.mean.hide()
        self.beta = pg.InfiniteLine(0.0, angle=90, movable=True, label="β", labelOpts={"position": 0.93})
        self.gamma = pg.InfiniteLine(1.0, angle=90, movable=True, label="β + γ", labelOpts={"position": 0.78})
        for line in (self.beta, self.gamma):
            self.addItem(line, ignoreBounds=True)
            line.setCursor(Qt.CursorShape.SizeHorCursor)
        self.beta.sigPositionChanged.connect(lambda line: self._dragged("beta", line.value()))
        self.gamma.sigPositionChanged.connect(lambda line: self._dragged("gamma", line.value() - self.values["beta"]))
        self.restyle()

    def restyle(self) -> None:
        super().restyle()
        now = theme.current()
        for line in (self.__dict__.get("beta"), self.__dict__.get("gamma")):
            if line is not None:
                line.setPen(pg.mkPen(now.accent, width=2.5))
                line.setHoverPen(pg.mkPen(now.accent, width=4))
                line.label.setColor(now.accent)
                line.label.fill = pg.mkBrush(faint(now.base, 200))

    def show_handles(self, gamma: float, beta: float, movable: bool) -> None:
        """Put the handles where γ and β are."""
        self.values = {"gamma": gamma, "beta": beta}
        for line, at in ((self.beta, beta), (self.gamma, beta + gamma)):
            line.setMovable(movable)
            if not line.moving:
                with QSignalBlocker(line):
                    line.setValue(at)

    def _dragged(self, name: str, value: float) -> None:
        self.values[name] = value
        self.moved.emit(name, value)


class Trail(Plot):
    """Numbers over the updates of training: of the batch before and after, and the running one."""

    def __init__(self, title: str, tip: str, names: Sequence[tuple[str, int, Qt.PenStyle]]) -> None:
        super().__init__(title, tip)
        # From here on the legend knows the lines.
        self.styles = {name: (colour, style) for name, colour, style in names}
        self.lines = {name: self.plot([], [], antialias=False, connect="finite") for name in self.styles}
        self.restyle()

    def legend(self) -> str:
        return "".join(coloured(f"{name}{_MARKS[style]}", colour) for name, (colour, style) in
                       self.__dict__.get("styles", {}).items())

    def restyle(self) -> None:
        super().restyle()
        for name, line in self.__dict__.get("lines", {}).items():
            colour, style = self.styles[name]
            line.setPen(pg.mkPen(line_colour(colour), width=1.5, style=style))

    def show_trail(self, updates: Sequence[int], series: Mapping[str, Array]) -> None:
        """Draw the lines; with one update a point would not be seen, so that it becomes a short level line."""
        x = np.array(updates if len(updates) > 1 else [0, 1], float)
        drawn = []
        for name, values in series.items():
            y = values if len(updates) > 1 else np.repeat(values[-1:], 2)
            self.lines[name].setData(x[-len(y):], y)
            drawn.append(y[np.isfinite(y)])
        flat = np.concatenate(drawn) if drawn else np.zeros(1)
        low, high = (float(flat.min()), float(flat.max())) if flat.size else (0.0, 1.0)
        self.frame((float(x[0]), rounded(float(x[0]), float(max(x[-1], x[0] + 1)), 0.0)[1]), rounded(low, high))


class Terms(Plot):
    """∂L/∂x over xˆ: the first term as points, the second a level line, the third a sloped one, and their sum."""

    names = ("m·dxˆ", "−Σdxˆ", "−xˆ·Σ(dxˆ·xˆ)")

    def __init__(self, title: str, tip: str) -> None:
        super().__init__(title, tip)
        self.first = pg.ScatterPlotItem(symbol="o", size=6, hoverable=True, hoverSize=8, tip=_tip)
        self.second = pg.PlotDataItem(antialias=False)
        self.third = pg.PlotDataItem(antialias=False)
        self.total = pg.ScatterPlotItem(symbol="d", size=8, hoverable=True, hoverSize=10, tip=_tip)
        for item in (self.second, self.third, self.first, self.total):
            self.addItem(item, ignoreBounds=True)
        self.getPlotItem().showGrid(y=True, alpha=0.2)
        self.restyle()

    def restyle(self) -> None:
        super().restyle()
        if "total" in self.__dict__:
            self.first.setPen(pg.mkPen(line_colour(0), width=1))
            self.first.setBrush(pg.mkBrush(None))
            self.second.setPen(pg.mkPen(line_colour(1), width=2, style=Qt.PenStyle.DashLine))
            self.third.setPen(pg.mkPen(line_colour(2), width=2, style=Qt.PenStyle.DotLine))
            self.total.setBrush(pg.mkBrush(theme.current().text))
            self.total.setPen(pg.mkPen(None))

    def legend(self) -> str:
        return "".join(coloured(name, i) for i, name in enumerate(self.names))

    def show_terms(self, c: Channel, shares: tuple[float, float, float]) -> None:
        """Draw the terms; ``shares`` of each have been added to the sum so far."""
        every = max(1, math.ceil(c.m / MOST_POINTS))
        terms, xhat = c.terms[:, ::every], c.xhat[::every]
        total = np.tensordot(np.array(shares), terms, 1)
        places = np.arange(0, c.m, every)
        data = [(int(i), *terms[:, k], c.dx[i]) for k, i in enumerate(places)]
        self.first.setData(x=xhat, y=terms[0], data=data)
        self.total.setData(x=xhat, y=total, data=data)
        self.total.setVisible(shares[0] > 0)
        x = rounded(float(c.xhat.min()), float(c.xhat.max()))
        _, other = c.sums if c.training else (0.0, 0.0)
        ends = np.array(x)
        self.second.setData(ends, np.full(2, float(c.terms[1, 0])))
        self.third.setData(ends, -ends * other / (c.m * c.deviation))
        self.second.setVisible(shares[1] > 0 and c.training)
        self.third.setVisible(shares[2] > 0 and c.training)
        size = float(np.abs(np.concatenate([c.terms.ravel(), c.dx])).max()) or 1.0
        self.frame(x, rounded(-size, size))


def _tip(x: float, y: float, data: tuple[float, ...]) -> str:
    place, first, second, third, dx = data
    parts = f"{number_text(first)} + {number_text(second)} + {number_text(third)}".replace("+ −", "− ")
    return (f"number {place}: xˆ = {number_text(x)}\n{parts} = {number_text(first + second + third)}\n"
            f"∂L/∂x of the engine: {dx!r}")
