"""A surface over a plane: its height as shades and contour lines, with paths and points on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.plots import Plot, pen

_FINE, _LEVELS = 121, 11


class SurfacePlot(Plot):
    """``clicked`` comes with the place (x, y) of a click."""

    clicked = Signal(float, float)

    def __init__(self, title: str, left: str, bottom: str, on_theme: Callable[[], None] | None = None) -> None:
        self.image: pg.ImageItem | None = None
        super().__init__(title, left, bottom, on_theme=self._tint)
        self._also = on_theme
        self.image = pg.ImageItem()
        self.image.setZValue(-20)
        self.addItem(self.image)
        self.lines = [pg.PlotDataItem(connect="finite") for _ in range(_LEVELS)]
        for line in self.lines:
            line.setZValue(-10)
            self.addItem(line)
        self.scene().sigMouseClicked.connect(self._clicked)
        self._tint()

    def _tint(self) -> None:
        if self.image is None:
            return
        now = theme.current()
        low, high = theme.mix(now.base, now.accent, 0.62), now.base
        table = np.array([theme.rgba(theme.mix(low, high, s)) for s in np.linspace(0, 1, 256)], np.uint8)
        self.image.setLookupTable(table)
        for line in self.lines:
            line.setPen(pen(theme.mix(now.base, now.muted, 0.6), 1))
        if self._also is not None:
            self._also()

    def _clicked(self, event: object) -> None:
        item = self.getPlotItem()
        where = event.scenePos()  # type: ignore[attr-defined]
        if item.vb.sceneBoundingRect().contains(where):
            point = item.vb.mapSceneToView(where)
            self.clicked.emit(point.x(), point.y())

    def set_surface(self, x: Array, y: Array, values: Array, *, smooth: bool) -> None:
        """Show heights (len(x), len(y)); ``smooth`` draws between the samples, and contour lines."""
        shades = shade(values)
        assert self.image is not None
        fine = refine(shades, _FINE) if smooth else shades
        dx, dy = (x[1] - x[0], y[1] - y[0]) if not smooth else (0.0, 0.0)
        self.image.setImage(np.nan_to_num(fine, nan=1.0), levels=(0.0, 1.0), autoLevels=False)
        self.image.setRect(QRectF(x[0] - dx / 2, y[0] - dy / 2, x[-1] - x[0] + dx, y[-1] - y[0] + dy))
        self.set_ranges((x[0], x[-1]), (y[0], y[-1]))
        levels: Sequence[float] = np.linspace(0, 1, _LEVELS + 2)[1:-1].tolist()
        for line, level in zip(self.lines, levels, strict=True):
            px, py = contour(shades, level, x, y) if smooth else (np.zeros(0), np.zeros(0))
            line.setData(px, py)


def shade(values: Array) -> Array:
    """Turn heights into 0 … 1, on a log scale above the lowest, so that a valley's floor can be seen."""
    finite = values[np.isfinite(values)]
    if not finite.size or finite.max() == finite.min():
        return np.where(np.isfinite(values), 0.5, np.nan)
    low, high = float(finite.min()), float(finite.max())
    with np.errstate(invalid="ignore"):
        out: Array = np.log1p((values - low) / (high - low) * 50) / np.log(51)
    return np.where(np.isfinite(values), out, np.nan)


def refine(values: Array, n: int) -> Array:
    """Draw values on a finer grid of n×n, linearly between the samples."""
    for axis in (0, 1):
        size = values.shape[axis]
        at = np.linspace(0, size - 1, n)
        low = np.minimum(at.astype(int), size - 2)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        values = np.take(values, low, axis) * (1 - share) + np.take(values, low + 1, axis) * share
    return values


def contour(values: Array, level: float, x: Array, y: Array) -> tuple[Array, Array]:
    """Return a contour line as points, with NaN between its parts."""
    parts = pg.functions.isocurve(np.nan_to_num(values, nan=1.0), level, connected=True)
    points: list[Array] = []
    for part in parts:
        points += [np.asarray(part, float), np.full((1, 2), np.nan)]
    if not points:
        return np.zeros(0), np.zeros(0)
    p = np.concatenate(points)
    # Corners of the drawn cells lie half a cell beyond the samples.
    return tuple((a[0] + (p[:, i] - 0.5) * (a[1] - a[0])) for i, a in enumerate((x, y)))
