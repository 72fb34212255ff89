"""Tensors as pictures: a heat map of signs and sizes, or the grey or coloured image that a tensor holds."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.tensor_view_model import strength

_TALLEST, _LARGEST_CELL, _FINEST, _LEGEND = 220.0, 22.0, 1024, 18
Cell = tuple[int, int]


def coarse(matrix: Array, most: int = _FINEST) -> Array:
    """Shrink a matrix to at most ``most`` cells a side; each keeps the number of largest size it stands for."""
    for axis in (0, 1):
        n = matrix.shape[axis]
        if n <= most:
            continue
        starts = np.linspace(0, n, most, endpoint=False).astype(int)
        low, high = (f.reduceat(matrix, starts, axis=axis) for f in (np.minimum, np.maximum))
        matrix = np.where(-low > high, low, high)
    return matrix


def heat_image(matrix: Array, largest: float, log: bool) -> QImage:
    """Colour a matrix by sign and size."""
    table = theme.sign_table()
    colours = table[np.rint(strength(coarse(matrix), largest, log) * 127).astype(int) + 127]
    return _image(colours)


def grey_image(picture: Array) -> QImage:
    """Draw a picture (H, W) in greys from its smallest to its largest number, or (3, H, W) in red, green and blue."""
    v = np.asarray(picture, np.float64)
    finite = v[np.isfinite(v)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    level = np.nan_to_num((v - low) / (high - low or 1.0), nan=0.0, posinf=1.0, neginf=0.0)
    if v.ndim == 3:
        rgb = np.rint(np.clip(np.moveaxis(level, 0, -1), 0, 1) * 255).astype(np.uint8)
        return _image(np.dstack([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)]))
    return _image(theme.grey_table()[np.rint(np.clip(level, 0, 1) * 255).astype(int)])


def _image(colours: Array) -> QImage:
    high, wide = colours.shape[:2]
    data = np.ascontiguousarray(colours, np.uint8)
    return QImage(data.data, wide, high, 4 * wide, QImage.Format.Format_RGBA8888).copy()


class HeatMap(QWidget):
    """A matrix as coloured cells, with a legend; cells can be clicked, hovered and lit up."""

    clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix: Array = np.zeros((0, 0))
        self.largest = 0.0
        self.log = False
        self.grey: Array | None = None
        self._picture: QImage | None = None
        self._lit: list[Cell] = []
        self._chosen: Cell | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.CrossCursor)
        theme.signals.changed.connect(self._forget)

    def set_matrix(self, matrix: Array, largest: float, log: bool, grey: Array | None = None) -> None:
        """Show a matrix; ``largest`` is the size that gets the full colour. ``grey`` paints it as a picture instead."""
        self.matrix, self.largest, self.log, self.grey = matrix, largest, log, grey
        self._picture = None
        self._fit()
        self.update()

    def light(self, lit: list[Cell], chosen: Cell | None) -> None:
        """Frame cells: operands, and the one that is explained."""
        self._lit, self._chosen = lit, chosen
        self.update()

    def _forget(self) -> None:
        self._picture = None
        self.update()

    # --- geometry ---------------------------------------------------------------------------------------

    def area(self) -> QRectF:
        """Return where the cells stand: squares where that fits, flatter or narrower ones where it does not."""
        rows, columns = self.matrix.shape
        wide = float(self.width())
        if not rows or not columns:
            return QRectF(0, 0, wide, 0)
        side = min(_LARGEST_CELL, wide / columns)
        across = side * columns
        down = min(_TALLEST, max(side, 3.0 if rows < 60 else 0.0) * rows)
        if rows > columns and side * rows > _TALLEST:
            across = max(min(wide, 80.0), _TALLEST * columns / rows)
        return QRectF(0, 0, across, max(down, 8.0))

    def _fit(self) -> None:
        self.setFixedHeight(math.ceil(self.area().height()) + (_LEGEND if self.grey is None else 2))

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def cell_at(self, position: QPointF) -> Cell | None:
        """Return the cell under a position."""
        area, (rows, columns) = self.area(), self.matrix.shape
        if not area.contains(position) or not self.matrix.size:
            return None
        return (min(rows - 1, int(position.y() / area.height() * rows)),
                min(columns - 1, int(position.x() / area.width() * columns)))

    def cell_rect(self, cell: Cell) -> QRectF:
        """Return where a cell stands."""
        area, (rows, columns) = self.area(), self.matrix.shape
        wide, high = area.width() / columns, area.height() / rows
        return QRectF(cell[1] * wide, cell[0] * high, wide, high)

    # --- painting and pointing -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, now = QPainter(self), theme.current()
        area = self.area()
        if self.matrix.size:
            if self._picture is None:
                self._picture = heat_image(self.matrix, self.largest, self.log) if self.grey is None else (
                    grey_image(self.grey))
            painter.drawImage(area, self._picture)
            painter.setPen(QPen(now.hairline, 1))
            painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for cells, colour in ((self._lit, now.accent), ([self._chosen] if self._chosen else [], now.now)):
                painter.setPen(QPen(colour, 2))
                for cell in cells:
                    if cell[0] < self.matrix.shape[0] and cell[1] < self.matrix.shape[1]:
                        painter.drawRect(_at_least(self.cell_rect(cell), 6).adjusted(1, 1, -1, -1))
        if self.grey is None:
            self._legend(painter, QRectF(0, area.bottom() + 5, min(self.width(), 220), _LEGEND - 5))
        painter.end()

    def _legend(self, painter: QPainter, rect: QRectF) -> None:
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(theme.current().muted)
        if not self.largest:
            painter.drawText(rect, Qt.AlignmentFlag.AlignLeft, "all zero")
            return
        text = number_text(self.largest)
        wide = painter.fontMetrics().horizontalAdvance("−" + text) + 6
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "−" + text)
        bar = QRectF(rect.x() + wide, rect.y() + 3, 64, rect.height() - 6)
        ramp = heat_image(np.linspace(-1, 1, 64)[None, :], 1.0, self.log)
        painter.drawImage(bar, ramp)
        painter.drawText(rect.adjusted(wide + 70, 0, 80, 0), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                         text + ("  log scale" if self.log else ""))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(*cell)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.cell_at(QPointF(event.pos()))
            text = "" if cell is None else f"[{cell[0]}, {cell[1]}] = {exact_text(self.matrix[cell])}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)


def _at_least(rect: QRectF, side: float) -> QRectF:
    """Grow a rectangle around its centre."""
    more_x, more_y = max(0.0, side - rect.width()) / 2, max(0.0, side - rect.height()) / 2
    return rect.adjusted(-more_x, -more_y, more_x, more_y)
