"""The plane of a GAN: real and generated points, what the discriminator says everywhere, and where points are sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSizePolicy

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.gan_numbers import Box
from graphlab.ui.plots import tint_axes


def opinion_table() -> Array:
    """Return 255 RGBA rows from 0, judged made up (orange), over ½ to 1, judged real (blue), faint enough for marks."""
    now = theme.current()
    ground = np.array(theme.rgba(now.base), float)
    return np.asarray(np.rint(0.45 * ground + 0.55 * theme.sign_table().astype(float)), np.uint8)


class GamePlane(pg.PlotWidget):  # type: ignore[misc]
    """Points of the plane. While ``drawing``, the mouse draws real data: ``drawn`` has the stroke, (n, 2)."""

    drawn = Signal(object)
    resized = Signal()

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
        self.image = pg.ImageItem(axisOrder="row-major")
        self.contour = pg.IsocurveItem(level=0.5, axisOrder="row-major")
        self.contour.setParentItem(self.image)
        self.real = pg.ScatterPlotItem(size=6, symbol="o", pxMode=True)
        self.made = pg.ScatterPlotItem(size=7, symbol="t1", pxMode=True)
        self.ways = pg.PlotDataItem(connect="pairs", antialias=False)
        self.stroke = pg.ScatterPlotItem(size=7, symbol="o", pxMode=True)
        self._parts = (self.image, self.ways, self.made, self.real, self.stroke)
        for part in self._parts:
            item.addItem(part)
        self.drawing = False
        item.vb.sigRangeChanged.connect(lambda *_: self.resized.emit())
        self._points: list[tuple[float, float]] = []
        self._box: Box | None = None
        free = QSizePolicy.Policy.Ignored
        self.setSizePolicy(free, free)
        self.setMinimumSize(230, 200)
        self.setAccessibleName("Real and generated points")
        self.restyle()
        theme.signals.changed.connect(self.restyle)

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        tint_axes(self)
        self.image.setLookupTable(opinion_table())
        self.contour.setPen(pg.mkPen(now.text, width=1.5))
        self.real.setPen(pg.mkPen(now.text, width=1))
        self.real.setBrush(None)
        self.made.setPen(pg.mkPen(now.base, width=0.5))
        self.made.setBrush(pg.mkBrush(now.now))
        self.ways.setPen(pg.mkPen(now.now, width=1))
        self.stroke.setPen(pg.mkPen(now.base, width=0.8))
        self.stroke.setBrush(pg.mkBrush(now.accent))

    def set_box(self, box: Box) -> None:
        """Choose the part of the plane that has to be seen; there may be more beside it."""
        if box != self._box:
            self._box = box
            self.getPlotItem().setRange(xRange=(box[0], box[2]), yRange=(box[1], box[3]), padding=0)

    def extent(self) -> Box:
        """Return what is seen of the plane."""
        (x0, x1), (y0, y1) = self.getPlotItem().vb.viewRange()
        return float(x0), float(y0), float(x1), float(y1)

    def set_surface(self, opinions: Array, box: Box) -> None:
        """Draw D over a box, (n, n) from its lower left, and the line where it is ½."""
        x0, y0, x1, y1 = box
        self.image.setImage(opinions, autoLevels=False, levels=(0.0, 1.0))
        self.image.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))
        self.contour.setData(opinions)

    def set_points(self, real: Array, made: Array) -> None:
        """Draw both kinds of points."""
        self.real.setData(pos=real)
        self.made.setData(pos=made)

    def set_ways(self, ways: Array) -> None:
        """Draw arrows: (n, 6, 2), three lines each."""
        flat = ways.reshape(-1, 2)
        self.ways.setData(flat[:, 0], flat[:, 1])

    # --- drawing by hand ------------------------------------------------------------------------------

    def set_drawing(self, on: bool) -> None:
        """Let the mouse draw data, or not."""
        self.drawing = on
        self.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def _add(self, event: QMouseEvent) -> None:
        at = self.getPlotItem().vb.mapSceneToView(self.mapToScene(event.position().toPoint()))
        point = (at.x(), at.y())
        x0, y0, x1, y1 = self.extent()
        inside = x0 <= point[0] <= x1 and y0 <= point[1] <= y1
        last: Any = self._points[-1] if self._points else None
        # Points of a stroke stand apart, however slowly the mouse moves.
        if inside and (last is None or np.hypot(point[0] - last[0], point[1] - last[1]) >= (x1 - x0) / 100):
            self._points.append(point)
            self.stroke.setData(pos=np.array(self._points))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.drawing and event.button() == Qt.MouseButton.LeftButton:
            self._points = []
            self._add(event)
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.drawing and event.buttons() & Qt.MouseButton.LeftButton:
            self._add(event)
            return
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.drawing and event.button() == Qt.MouseButton.LeftButton:
            points, self._points = self._points, []
            self.stroke.setData(pos=np.zeros((0, 2)))
            if points:
                self.drawn.emit(np.array(points))
            return
        super().mouseReleaseEvent(event)
