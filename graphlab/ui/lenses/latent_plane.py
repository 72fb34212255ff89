"""The plane of codes: samples where the encoder puts them, what the decoder makes of every place, a point to drag."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QTransform
from PySide6.QtWidgets import QGraphicsEllipseItem

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.latent_numbers import Draw
from graphlab.ui.panels.training_plots import line_colour
from graphlab.ui.plots import tint_axes

#: A marker for each class, so that colour is not the only cue.
MARKS = ("o", "s", "t", "d", "+", "x", "star", "p", "h", "t1")


def ink_table() -> Array:
    """Return 256 RGBA rows from the ground of a plot to half-strong ink, so that marks stand out on pictures."""
    now = theme.current()
    ends = [np.array(theme.rgba(c), float) for c in (now.base, theme.mix(now.base, now.text, 0.5))]
    share = np.linspace(0, 1, 256)[:, None]
    return np.asarray(np.rint(ends[0] * (1 - share) + ends[1] * share), np.uint8)


class Plane(pg.PlotWidget):  # type: ignore[misc]
    """Two entries of the code as a plane. The point can be dragged, or moved with the arrow keys."""

    moved = Signal(float, float)
    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.disableAutoRange()
        item.setAspectLocked(True)
        for side in ("left", "bottom"):
            item.getAxis(side).setStyle(maxTickLevel=0)
        self.mosaic = pg.ImageItem(axisOrder="row-major")
        self.path = pg.PlotDataItem(antialias=False)
        self.samples = pg.ScatterPlotItem(size=7, pxMode=True)
        self.book = pg.ScatterPlotItem(size=9, symbol="+", pxMode=True)
        self.spread = QGraphicsEllipseItem()
        self.noise = pg.PlotDataItem(antialias=True)
        self.drawn = pg.ScatterPlotItem(size=11, pxMode=True)
        self.target = pg.TargetItem(movable=False, size=15)
        self._parts = (self.mosaic, self.samples, self.book, self.path, self.noise, self.drawn, self.target)
        for part in self._parts:
            item.addItem(part)
        item.addItem(self.spread, ignoreBounds=True)
        for depth, part in enumerate((self.mosaic, self.samples, self.book, self.path, self.spread, self.noise,
                                      self.drawn, self.target)):
            part.setZValue(depth)
        self.names: list[Any] = []
        self.radius = 0.0
        self._moving = self._held = False
        self.setMinimumSize(230, 200)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Plane of codes")
        self.setAccessibleDescription("Drag the point, or move it with the arrow keys; click a sample to look at it")
        self.target.sigPositionChanged.connect(self._dragged)
        self.samples.sigClicked.connect(self._clicked)
        self.restyle()
        theme.signals.changed.connect(self.restyle)

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        tint_axes(self)
        self.path.setPen(pg.mkPen(now.text, width=1.5, style=Qt.PenStyle.DashLine))
        self.noise.setPen(pg.mkPen(now.now, width=2))
        self.spread.setPen(pg.mkPen(now.now, width=1.5))
        self.drawn.setPen(pg.mkPen(now.base, width=1))
        self.drawn.setBrush(pg.mkBrush(now.now))
        self.book.setPen(pg.mkPen(now.text, width=1.5))
        self.target.setPen(pg.mkPen(now.accent, width=2.5))
        self.target.setHoverPen(pg.mkPen(now.now, width=3))
        self.target.setBrush(pg.mkBrush(theme.mix(now.base, now.accent, 0.25)))
        self.mosaic.setLookupTable(ink_table())

    def set_frame(self, radius: float, names: tuple[str, str]) -> None:
        """Choose how much of the plane is seen, and what its axes are called."""
        now = theme.current()
        for side, name in zip(("bottom", "left"), names, strict=True):
            self.getPlotItem().setLabel(side, name, color=now.muted.name(), **{"font-size": "9pt"})
        if radius != self.radius:
            self.radius = radius
            self.getPlotItem().setRange(xRange=(-radius, radius), yRange=(-radius, radius), padding=0)

    def set_mosaic(self, pictures: Array | None, n: int, high: float) -> None:
        """Draw n·n pictures, (n·n, H, W) from the top left, over the whole plane; None: no pictures."""
        self.mosaic.setVisible(pictures is not None)
        if pictures is None:
            return
        pictures = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
        h, w = pictures.shape[1:3]
        whole = pictures.reshape(n, n, h, w).transpose(0, 2, 1, 3).reshape(n * h, n * w)
        self.mosaic.setImage(whole, autoLevels=False, levels=(0.0, high))
        r = self.radius
        # The first row of the picture is at the top.
        self.mosaic.setTransform(QTransform(2 * r / (n * w), 0, 0, -2 * r / (n * h), -r, r))

    def set_samples(
        self, points: Array | None, rows: Array, labels: Array | None, classes: tuple[str, ...],
    ) -> None:
        """Draw encoded samples, (n, 2), with a colour and a mark for each class, and each class's name at its mean."""
        for name in self.names:
            self.getPlotItem().removeItem(name)
        self.names = []
        self.samples.setVisible(points is not None)
        if points is None:
            return
        now = theme.current()
        known = np.zeros(len(points), int) if labels is None else labels
        pens = {k: pg.mkPen(line_colour(k), width=1.2) for k in set(known.tolist())}
        fills = {k: pg.mkBrush(theme.mix(now.base, line_colour(k), 0.55)) for k in pens}
        self.samples.setData(
            pos=points, data=rows, symbol=[MARKS[k % len(MARKS)] for k in known], pen=[pens[k] for k in known],
            brush=[fills[k] for k in known])
        if labels is None or len(classes) < 2:
            return
        for k in sorted(pens):
            ground = theme.mix(now.base, line_colour(k), 0.12)
            text = pg.TextItem(classes[k], color=now.text, anchor=(0.5, 0.5), fill=pg.mkBrush(ground),
                               border=pg.mkPen(line_colour(k), width=1.5))
            text.setFont(theme.font(12, bold=True))
            text.setPos(QPointF(*points[labels == k].mean(axis=0)))
            text.setZValue(3)
            self.getPlotItem().addItem(text, ignoreBounds=True)
            self.names.append(text)

    def set_book(self, entries: Array | None) -> None:
        """Draw the entries of a codebook, (codes, 2)."""
        self.book.setVisible(entries is not None)
        if entries is not None:
            self.book.setData(pos=entries)

    def set_draw(self, draw: Draw, axes: tuple[int, int]) -> None:
        """Draw μ with an ellipse of one σ, and the way from there to z."""
        shown = draw.sigma is not None
        for part in (self.spread, self.noise, self.drawn):
            part.setVisible(shown)
        if draw.sigma is None:
            return
        at, z, wide = draw.mu[list(axes)], draw.z[list(axes)], draw.sigma[list(axes)]
        self.spread.setRect(QRectF(at[0] - wide[0], at[1] - wide[1], 2 * wide[0], 2 * wide[1]))
        self.noise.setData([at[0], z[0]], [at[1], z[1]])
        self.drawn.setData(pos=z[None])

    def set_path(self, points: Array) -> None:
        """Draw the way between two codes, (frames, 2)."""
        self.path.setData(points[:, 0], points[:, 1])

    def set_point(self, x: float, y: float) -> None:
        """Put the point somewhere; nobody is told."""
        self._moving = True
        self.target.setPos(x, y)
        self._moving = False

    def _dragged(self) -> None:
        if not self._moving:
            self.moved.emit(self.target.pos().x(), self.target.pos().y())

    def _grasp(self, event: QMouseEvent) -> bool:
        """Whether a press takes the point: at it, or where no sample is that could be meant."""
        at = self._place(event)
        gap = self.getPlotItem().vb.mapViewToScene(at) - self.getPlotItem().vb.mapViewToScene(self.target.pos())
        inside = self.getPlotItem().vb.viewRect().contains(at)
        sample = self.samples.isVisible() and len(self.samples.pointsAt(at))
        return bool(inside and (gap.manhattanLength() < 16 or not sample))

    def _place(self, event: QMouseEvent) -> QPointF:
        return QPointF(self.getPlotItem().vb.mapSceneToView(self.mapToScene(event.position().toPoint())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._held = event.button() == Qt.MouseButton.LeftButton and self._grasp(event)
        if self._held:
            self.setFocus()
            self.target.setPos(self._place(event))
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self.target.setPos(self._place(event))
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self._held = False
        else:
            super().mouseReleaseEvent(event)

    def _clicked(self, _scatter: object, points: Any) -> None:
        if len(points):
            self.picked.emit(int(points[0].data()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = self.radius / 30
        by = {Qt.Key.Key_Left: (-step, 0), Qt.Key.Key_Right: (step, 0), Qt.Key.Key_Up: (0, step),
              Qt.Key.Key_Down: (0, -step)}.get(Qt.Key(event.key()))
        if by is None:
            super().keyPressEvent(event)
            return
        self.target.setPos(self.target.pos().x() + by[0], self.target.pos().y() + by[1])
