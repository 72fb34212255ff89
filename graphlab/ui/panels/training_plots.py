"""The plots of training: loss, accuracy and gradient norms by update. Imported when they are first shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QResizeEvent

from graphlab.ui import theme
from graphlab.ui.training import Curves

#: Lines of one plot beyond this many cannot be told apart; the first ones are drawn.
MOST_LINES = 10


def nice_ceiling(value: float) -> float:
    """Return the next of 1, 2, 5 × 10ⁿ that is not below a value."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1.0, 2.0, 5.0, 10.0) if value <= step * size * 1.000001)


def line_colour(index: int) -> QColor:
    """Return one of ten colours of equal lightness that are neither of the signs' nor red."""
    angles = (190, 300, 130, 340, 95, 270, 160, 320, 75, 215)
    dark = theme.current().dark
    return theme.oklch(0.77 if dark else 0.52, 0.11, angles[index % len(angles)])


class CurvePlot(pg.PlotWidget):  # type: ignore[misc]
    """Lines over the number of updates, in ranges that only grow in steps, so that nothing jumps while live."""

    def __init__(self, title: str, unit: str = "", top: float | None = None, log: bool = False) -> None:
        super().__init__()
        self._title, self._unit, self._top, self._log = title, unit, top, log
        self.lines: dict[str, Any] = {}
        self._styles: dict[str, tuple[int, Qt.PenStyle, float]] = {}
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.disableAutoRange()
        item.getAxis("left").setWidth(38)
        item.getAxis("bottom").setStyle(maxTickLevel=0)
        item.getAxis("bottom").setTickDensity(0.5)
        item.setContentsMargins(2, 0, 6, 2)
        self.legend = item.addLegend(offset=(-4, 4), labelTextSize="8pt", verSpacing=-8)
        self.setMinimumSize(96, 80)
        self.setAccessibleName(title)
        if log:
            item.setLogMode(y=True)
            item.getAxis("left").setStyle(maxTickLevel=0)
        self.restyle()
        theme.signals.changed.connect(self.restyle)

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        self.setBackground(now.base)
        item = self.getPlotItem()
        item.setTitle(self._title, color=now.text.name(), size="9pt")
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setPen(now.border)
            axis.setTextPen(now.muted)
            axis.setTickFont(theme.font(10.5, tabular=True))
        self.legend.setLabelTextColor(now.text)
        for name, line in self.lines.items():
            line.setPen(self._pen(name))
        for _sample, label in self.legend.items:
            label.setText(label.text, color=now.text)

    def _pen(self, name: str) -> Any:
        index, style, width = self._styles[name]
        return pg.mkPen(line_colour(index), width=width, style=style)

    def line(self, name: str, index: int, style: Qt.PenStyle = Qt.PenStyle.SolidLine, width: float = 1.5) -> Any:
        """Return the line of a name, made on first use."""
        if name not in self.lines:
            self._styles[name] = (index, style, width)
            self.lines[name] = self.plot([], [], pen=self._pen(name), name=name, antialias=False, connect="finite")
        return self.lines[name]

    def clear_lines(self) -> None:
        """Remove all lines."""
        self.getPlotItem().clear()
        self.legend.clear()
        self.lines, self._styles = {}, {}

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "legend"):
            self.show_legend()

    def show_legend(self) -> None:
        """Show the legend where it leaves room for the lines."""
        self.legend.setVisible(self.width() >= 165 and len(self.lines) <= 6)

    def fit(self, last: float, values: Sequence[Sequence[float]]) -> None:
        """Widen the ranges to what is drawn; they stay as they are while it fits."""
        item = self.getPlotItem()
        (x0, x1), (y0, y1) = item.viewRange()
        right = nice_ceiling(max(last, 10.0))
        flat = np.concatenate([np.asarray(v, float) for v in values if len(v)]) if any(map(len, values)) else np.ones(1)
        flat = flat[np.isfinite(flat) & ((flat > 0) | (not self._log))]
        low, high = (float(flat.min()), float(flat.max())) if len(flat) else (0.1, 1.0)
        if self._log:
            bottom, top = float(math.floor(math.log10(low))), float(math.ceil(math.log10(high) + 1e-9))
            top = max(top, bottom + 1)
        else:
            bottom = 0.0 if low >= 0 else -nice_ceiling(-low)
            # A first loss far above the rest must not press the others flat: most of the points decide.
            usual = float(np.quantile(flat, 0.98)) if len(flat) > 50 else high
            top = self._top if self._top is not None else nice_ceiling(usual * 1.02)
        if (x0, x1, y0, y1) != (0.0, right, bottom, top):
            item.setRange(xRange=(0.0, right), yRange=(bottom, top), padding=0, disableAutoRange=True)


class LossPlot(CurvePlot):
    """The loss of the batches, and as measured on training and validation samples."""

    def __init__(self) -> None:
        super().__init__("Loss")
        self.setToolTip("Mean loss of the batches, and as measured on the training and validation samples")

    def show_curves(self, curves: Curves) -> None:
        """Draw the curves."""
        several = len(curves.losses) > 1
        for i, (name, values) in enumerate(list(curves.losses.items())[:MOST_LINES]):
            batch = f"batches, {name}" if several else "batches"
            self.line(batch, 4 + i, Qt.PenStyle.SolidLine, 1.0).setData(curves.updates, values)
        self.line("training", 0).setData(curves.scored, curves.train_loss)
        drawn = [*curves.losses.values(), curves.train_loss]
        if np.isfinite(curves.validation_loss).any():
            self.line("validation", 1, Qt.PenStyle.DashLine, 2.0).setData(curves.scored, curves.validation_loss)
            drawn.append(curves.validation_loss)
        self.fit(curves.updates[-1] if curves.updates else 0, drawn)


class AccuracyPlot(CurvePlot):
    """The share of samples whose class is right."""

    def __init__(self) -> None:
        super().__init__("Accuracy", top=1.0)
        self.setToolTip("Share of the samples whose class is right, on training and validation samples")
        self.legend.setOffset((-4, -4))

    def show_curves(self, curves: Curves) -> None:
        """Draw the curves."""
        self.line("training", 0).setData(curves.scored, curves.train_accuracy)
        if np.isfinite(curves.validation_accuracy).any():
            self.line("validation", 1, Qt.PenStyle.DashLine, 2.0).setData(curves.scored, curves.validation_accuracy)
        self.fit(curves.updates[-1] if curves.updates else 0, [[0.0, 1.0]])


class NormPlot(CurvePlot):
    """The length of the gradient of each node's weights."""

    def __init__(self) -> None:
        super().__init__("Gradient norm", log=True)
        self.setToolTip("Length of the last update's gradient by node, before clipping, on a log scale")

    def show_curves(self, curves: Curves) -> None:
        """Draw the curves."""
        shown = list(curves.norms.items())[:MOST_LINES]
        styles = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
        for i, (path, values) in enumerate(shown):
            positive = np.asarray(values, float)
            positive = np.where(positive > 0, positive, np.nan)
            self.line(path, i, styles[i % 3]).setData(curves.updates, positive)
        self.show_legend()
        self.fit(curves.updates[-1] if curves.updates else 0, [v for _, v in shown])
