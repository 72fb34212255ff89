"""A picture with boxes on it: each with a name, a style that tells what became of it, and a hatched overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QSizePolicy

from graphlab.engine.detection import Box
from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.plots import Plot

Style = Literal["waiting", "kept", "pivot", "compared", "gone", "leaving", "truth", "chosen"]
#: Theme colour, width, dashes (in widths; none: a full line), and whether the box is crossed out.
STYLES: dict[Style, tuple[str, float, tuple[float, ...], bool]] = {
    "waiting": ("text", 1.2, (), False), "kept": ("good", 2.6, (), False), "pivot": ("accent", 3.4, (), False),
    "compared": ("now", 2.4, (5, 2), False), "gone": ("muted", 1.0, (1, 3), True),
    "leaving": ("now", 2.0, (5, 2), True), "truth": ("warning", 1.6, (1, 2), False),
    "chosen": ("accent", 2.6, (), False),
}
#: A drag shorter than this is a click, in pixels of the picture.
_SHORTEST = 0.5


@dataclass(frozen=True)
class Mark:
    """One box to draw: its style, the words at its corner, and its tooltip."""

    box: Box
    style: Style
    label: str = ""
    hint: str = ""
    corner: int = 0


def spots(box: Box) -> tuple[tuple[float, float], ...]:
    """Return the corners of a box from the upper left on, clockwise."""
    return (box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)


def corners(boxes: Sequence[Box]) -> list[int]:
    """Choose a corner for the label of each box, the best first, as far from the labels before as it goes."""
    out = [0] * len(boxes)
    taken: list[tuple[float, float]] = []
    for i in sorted(range(len(boxes)), key=lambda i: -boxes[i].score):
        def room(k: int, i: int = i) -> float:
            x, y = spots(boxes[i])[k]
            return min((abs(x - u) + 2 * abs(y - v) for u, v in taken), default=0.0)

        out[i] = max(range(4), key=lambda k: (room(k), -k))
        taken.append(spots(boxes[i])[out[i]])
    return out


class _Item:
    """The graphics of one box: a wide line below, so that it stands out from any picture, the line, and its label."""

    def __init__(self, view: Any) -> None:
        self.halo, self.line = QGraphicsPathItem(), QGraphicsPathItem()
        self.label = pg.TextItem(anchor=(0, 1))
        self.label.setFont(theme.font(11, tabular=True))
        for item in (self.halo, self.line, self.label):
            view.addItem(item, ignoreBounds=True)

    def show(self, mark: Mark | None, rank: int, sheet: tuple[float, float]) -> None:
        """Draw a mark, or nothing."""
        for item in (self.halo, self.line, self.label):
            item.setVisible(mark is not None and (item is not self.label or bool(mark.label)))
        if mark is None:
            return
        now = theme.current()
        name, width, dashes, crossed = STYLES[mark.style]
        b, path = mark.box, QPainterPath()
        path.addRect(QRectF(b.left, b.top, b.right - b.left, b.bottom - b.top))
        if crossed:
            for x, y, u, v in ((b.left, b.top, b.right, b.bottom), (b.left, b.bottom, b.right, b.top)):
                path.moveTo(x, y)
                path.lineTo(u, v)
        colour = getattr(now, name)
        ground = QColor(now.base)
        ground.setAlpha(200 if mark.style != "gone" else 90)
        for item, tint, wide in ((self.halo, ground, width + 2.4), (self.line, colour, width)):
            pen = QPen(tint, wide)
            pen.setCosmetic(True)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            if dashes and item is self.line:
                pen.setDashPattern(list(dashes))
            item.setPen(pen)
            item.setPath(path)
            item.setZValue(10 + rank + (0.5 if item is self.line else 0))
            item.setToolTip(mark.hint)
        self.label.setText(mark.label, color=now.text)
        self.label.fill = pg.mkBrush(ground)
        self.label.setPos(*spots(b)[mark.corner])
        left, above = mark.corner in (0, 3), mark.corner in (0, 1)
        # At the edges of the picture there is no room outside the box.
        above = above if 0.12 * sheet[0] < b.top and b.bottom < 0.88 * sheet[0] else b.bottom > 0.5 * sheet[0]
        self.label.setAnchor((0 if left else 1, 1 if above else 0))
        self.label.setZValue(200 + rank)


class BoxPicture(Plot):
    """A picture in its own pixels, x to the right and y down. The mouse clicks it, or draws a box where that is on."""

    clicked = Signal(float, float)
    drawn = Signal(float, float, float, float)  # left, top, right, bottom
    moved = Signal(int, int)  # arrow keys: columns and rows

    def __init__(self, name: str) -> None:
        self._items: list[_Item] = []
        self._cells: list[Any] = []
        super().__init__(on_theme=self._tint)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 200)
        item = self.getPlotItem()
        item.hideAxis("left")
        item.hideAxis("bottom")
        item.setContentsMargins(0, 0, 0, 0)
        self.box = item.getViewBox()
        self.box.setAspectLocked(True)
        self.box.invertY(True)
        self.box.setDefaultPadding(0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.addItem(self.image)
        self.frame, self.grid, self.overlap, self.band = (QGraphicsPathItem() for _ in range(4))
        for z, each in enumerate((self.frame, self.grid, self.overlap, self.band)):
            each.setZValue((1, 2, 9, 300)[z])
            self.box.addItem(each, ignoreBounds=True)
        self.heat = pg.ImageItem(axisOrder="row-major")
        self.heat.setZValue(1.5)
        self.heat.hide()
        self.addItem(self.heat)
        self.drawing = False
        self._shares: Array | None = None
        self.marks: tuple[Mark, ...] = ()
        self.shade: Box | None = None
        self.sheet: tuple[float, float] = (24.0, 24.0)
        self._picture: Array | None = None
        self._lines: tuple[int, int] = (0, 0)
        self._start: QPointF | None = None
        self._tint()

    # --- what is shown ------------------------------------------------------------------------------

    def set_picture(self, picture: Array | None, size: tuple[float, float]) -> None:
        """Show a picture (H, W) or (3, H, W), or an empty sheet, ``size`` (height, width) large."""
        self._picture, self.sheet = picture, size
        self.image.setVisible(picture is not None)
        if picture is not None:
            v = np.moveaxis(picture, 0, -1) if picture.ndim == 3 else picture
            low, high = float(np.nanmin(v)), float(np.nanmax(v))
            self.image.setImage(np.nan_to_num(v), levels=(low, high if high > low else low + 1), autoLevels=False)
            self.image.setRect(QRectF(0, 0, size[1], size[0]))
        path = QPainterPath()
        path.addRect(QRectF(0, 0, size[1], size[0]))
        self.frame.setPath(path)
        margin = 0.02 * max(size)
        self.set_ranges((-margin, size[1] + margin), (-margin, size[0] + margin))

    def set_marks(self, marks: Sequence[Mark], shade: Box | None = None) -> None:
        """Draw boxes, the later ones above, and hatch ``shade``, what two of them share."""
        self.marks, self.shade = tuple(marks), shade
        while len(self._items) < len(marks):
            self._items.append(_Item(self.box))
        for rank, item in enumerate(self._items):
            item.show(marks[rank] if rank < len(marks) else None, rank, self.sheet)
        path = QPainterPath()
        if shade is not None:
            path.addRect(QRectF(shade.left, shade.top, shade.right - shade.left, shade.bottom - shade.top))
        self.overlap.setPath(path)

    def set_grid(self, rows: int, columns: int) -> None:
        """Draw the lines between cells; 0: none."""
        self._lines = (rows, columns)
        path = QPainterPath()
        high, wide = self.sheet
        for i in range(1, rows):
            path.moveTo(0, i * high / rows)
            path.lineTo(wide, i * high / rows)
        for i in range(1, columns):
            path.moveTo(i * wide / columns, 0)
            path.lineTo(i * wide / columns, high)
        self.grid.setPath(path)

    def set_heat(self, shares: Array) -> None:
        """Lay a colour over each cell, the stronger the nearer its number (rows, columns) is to 1."""
        self._shares = shares
        r, g, b, _ = theme.rgba(theme.current().accent)
        image = np.empty((*shares.shape, 4), np.uint8)
        image[..., :3] = (r, g, b)
        image[..., 3] = np.rint(130 * np.clip(np.nan_to_num(shares), 0, 1))
        self.heat.setImage(image, levels=(0, 255), autoLevels=False)
        self.heat.setRect(QRectF(0, 0, self.sheet[1], self.sheet[0]))
        self.heat.show()

    def set_cell(self, cell: tuple[int, int] | None) -> None:
        """Frame one cell (row, column) of the grid, or none."""
        path = QPainterPath()
        if cell is not None and all(self._lines):
            high, wide = self.sheet[0] / self._lines[0], self.sheet[1] / self._lines[1]
            path.addRect(QRectF(cell[1] * wide, cell[0] * high, wide, high))
        self.band.setPath(path)

    def _tint(self) -> None:
        if not hasattr(self, "_lines"):
            return
        if self._shares is not None:
            self.set_heat(self._shares)
        now = theme.current()
        self.image.setLookupTable(theme.grey_table())
        for item, colour, width in ((self.frame, now.border, 1.0), (self.grid, now.border, 1.0),
                                    (self.band, now.accent, 2.0)):
            pen = QPen(colour, width)
            pen.setCosmetic(True)
            item.setPen(pen)
        hatch = QColor(now.now)
        hatch.setAlpha(210)
        self.overlap.setPen(QPen(Qt.PenStyle.NoPen))
        self.overlap.setBrush(QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        self.set_marks(self.marks, self.shade)

    def sizeHint(self) -> QSize:
        return QSize(240, 200)

    # --- mouse and keys ---------------------------------------------------------------------------------

    def at(self, position: QPointF) -> QPointF:
        """Return the place in the picture under a position of the widget, kept inside the picture."""
        place = self.box.mapSceneToView(self.mapToScene(position.toPoint()))
        return QPointF(min(max(place.x(), 0.0), self.sheet[1]), min(max(place.y(), 0.0), self.sheet[0]))

    def mousePressEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._start = self.at(event.position())
        event.accept()

    def mouseMoveEvent(self, event: Any) -> None:
        if self._start is not None and self.drawing:
            path = QPainterPath()
            path.addRect(QRectF(self._start, self.at(event.position())).normalized())
            self.band.setPath(path)
        event.accept()

    def mouseReleaseEvent(self, event: Any) -> None:
        if self._start is None or event.button() != Qt.MouseButton.LeftButton:
            return
        rect = QRectF(self._start, self.at(event.position())).normalized()
        start, self._start = self._start, None
        self.band.setPath(QPainterPath())
        if self.drawing and rect.width() >= _SHORTEST and rect.height() >= _SHORTEST:
            self.drawn.emit(rect.left(), rect.top(), rect.right(), rect.bottom())
        else:
            self.clicked.emit(start.x(), start.y())
        event.accept()

    def wheelEvent(self, event: Any) -> None:
        event.ignore()  # the panel scrolls

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            event.ignore()
        else:
            self.moved.emit(*step)
