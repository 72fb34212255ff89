"""An activation as a curve: f and f′, with the numbers that go through it now marked on both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from graphlab.engine.op import Array, Op, Record
from graphlab.engine.ops.common import Elementwise
from graphlab.engine.record import Mode
from graphlab.ui import theme
from graphlab.ui.lenses.base import Lens, lens
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.plots import Plot, pen, span

#: A unit is saturated where the slope is below this share of the steepest one on the plot.
FLAT = 0.05
_POINTS = 401


def curve(op: Op, x: Array, others: Mapping[str, Array | None] | None = None) -> tuple[Array, Array]:
    """Return f(x) and f′(x) of an element-wise op, from its own forward and backward."""
    record = Record(op, "curve", {"x": x, **(others or {})}, Mode())
    with np.errstate(all="ignore"):
        y = np.asarray(op.forward(record, *record.inputs.values()))
        record.outputs["y"] = y
        slope = op.backward(record, np.ones_like(y))["x"]
    return y, np.asarray(slope)


@lens(Elementwise)
class Activation(Lens):
    """The curve of the function and its derivative, with this batch's inputs on it."""

    title = "Function and slope"
    about = "The function, its derivative, and the numbers that pass through it now."
    look_for = ("Where the slope is near 0 no gradient returns: saturated units learn slowly, and a ReLU whose inputs "
                "are all negative is dead.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        self.value_plot = Plot("f(x)", bottom="x", on_theme=self._tint)
        self.slope_plot = Plot("f′(x)", bottom="x")
        row.addWidget(self.value_plot)
        row.addWidget(self.slope_plot)
        column.addLayout(row, 1)
        self.says = Sentence("")
        column.addWidget(self.says)
        self._curves = [p.plot([], []) for p in (self.value_plot, self.slope_plot)]
        self._dots = [pg.ScatterPlotItem(size=6, pen=None, pxMode=True) for _ in range(2)]
        for plot, dots in zip((self.value_plot, self.slope_plot), self._dots, strict=True):
            plot.addItem(dots)
            plot.addItem(pg.InfiniteLine(0, angle=0, pen=pen(theme.current().border, 1)))
        self._numbers: dict[str, Array] = {}
        self._tint()

    def _tint(self) -> None:
        if not hasattr(self, "_dots"):
            return
        now = theme.current()
        for line in self._curves:
            line.setPen(pen(now.accent, 2))
        for dots in self._dots:
            dots.setBrush(pg.mkBrush(*theme.rgba(now.now)[:3], 130))

    def refresh(self) -> None:
        record = self.view.record()
        x = np.asarray(record["x"], float).reshape(-1)
        low, high = span(x) if x.size else (-1.0, 1.0)
        grid = np.linspace(min(low, -6.0), max(high, 6.0), _POINTS)
        others = {n: v for n, v in record.inputs.items() if n != "x"}
        if any(v is not None and v.size > 1 for v in others.values()):
            others = {n: None if v is None else v.reshape(-1)[:1] for n, v in others.items()}
        y, slope = curve(record.op, grid, others)
        at, at_slope = curve(record.op, x, others)
        self._numbers = {"x": x, "y": at, "slope": at_slope, "grid": grid, "f": y, "df": slope}
        for plot, line, dots, values, points in (
            (self.value_plot, self._curves[0], self._dots[0], y, at),
            (self.slope_plot, self._curves[1], self._dots[1], slope, at_slope),
        ):
            line.setData(grid, values)
            dots.setData(x=x[:4000], y=points[:4000])
            plot.set_ranges((grid[0], grid[-1]), span(np.concatenate([values, points])))
        self.says.setText(self.sentence())

    def sentence(self) -> str:
        """Say how many inputs are where no gradient comes back."""
        slope, df = self._numbers["slope"], self._numbers["df"]
        steepest = float(np.nanmax(np.abs(df))) if df.size else 0.0
        if not slope.size:
            return ""
        if steepest == 0:
            return "The slope is 0 everywhere: no gradient comes back, so nothing before this node can be trained."
        flat = int((np.abs(slope) <= FLAT * steepest).sum())
        words = (f"{flat} of {slope.size} inputs ({flat / slope.size:.0%}) stand where the slope is under "
                 f"{FLAT:.0%} of its steepest, {number_text(steepest)}")
        units = self._dead_units()
        if units is None:
            return f"{words}."
        return f"{words}; {units[0]} of {units[1]} units send no gradient for any sample looked at."

    def _dead_units(self) -> tuple[int, int] | None:
        shape = np.asarray(self.view.record()["x"]).shape
        if len(shape) < 2 or shape[0] < 2:
            return None
        dead = (self._numbers["slope"].reshape(shape[0], -1) == 0).all(axis=0)
        return int(dead.sum()), int(dead.size)

    def shown(self) -> Mapping[str, Array]:
        return self._numbers

