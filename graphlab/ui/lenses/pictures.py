"""Pictures side by side, each with a word under it: what a network was shown, and what it makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from graphlab.engine.op import Array
from graphlab.ui import theme


def as_picture(sample: Array) -> Array:
    """Return one sample as a picture, (H, W) or (3, H, W): a vector of n·n numbers is a square, others a strip."""
    v = np.asarray(sample, np.float64)
    if v.ndim == 3 and v.shape[0] in (1, 3):
        return v[0] if v.shape[0] == 1 else v
    if v.ndim == 2:
        return v
    flat = v.reshape(-1)
    side = math.isqrt(flat.size)
    return flat.reshape(side, side) if side * side == flat.size else flat.reshape(1, -1)


def picture_image(picture: Array, low: float = 0.0, high: float = 1.0) -> QImage:
    """Draw a picture in greys, or in colours, from ``low`` to ``high``; what lies outside is cut off."""
    level = np.clip(np.nan_to_num((picture - low) / (high - low or 1.0)), 0, 1)
    if level.ndim == 3:
        rgb = np.rint(np.moveaxis(level, 0, -1) * 255).astype(np.uint8)
        pixels = np.dstack([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)])
    else:
        pixels = theme.grey_table()[np.rint(level * 255).astype(int)]
    data = np.ascontiguousarray(pixels, np.uint8)
    return QImage(data.data, data.shape[1], data.shape[0], 4 * data.shape[1], QImage.Format.Format_RGBA8888).copy()


@dataclass(frozen=True)
class Picture:
    """One picture: its numbers, the word under it, what its tooltip says, and whether it is framed."""

    values: Array
    word: str = ""
    hint: str = ""
    framed: bool = False


class PictureGrid(QWidget):
    """Rows of pictures of one size, as large as fits."""

    clicked = Signal(int, int)

    def __init__(self, name: str, smallest: int = 26, largest: int = 120, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[list[Picture]] = []
        self.range = (0.0, 1.0)
        self._smallest, self._largest = smallest, largest
        self._images: dict[tuple[int, int], QImage] = {}
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        theme.signals.changed.connect(self._forget)

    def show_rows(self, rows: Sequence[Sequence[Picture]], low: float = 0.0, high: float = 1.0) -> None:
        """Show pictures; all of them are drawn from ``low`` (dark) to ``high`` (bright)."""
        self.rows, self.range = [list(row) for row in rows], (low, high)
        self._images.clear()
        self.setAccessibleDescription("; ".join(p.hint or p.word for row in self.rows for p in row)[:400])
        self.setMinimumSize(self.minimumSizeHint())
        self.update()

    def _forget(self) -> None:
        self._images.clear()
        self.update()

    # --- geometry ---------------------------------------------------------------------------------------

    def _text(self, row: int) -> int:
        return 15 if any(p.word for p in self.rows[row]) else 3

    def _columns(self) -> int:
        return max((len(row) for row in self.rows), default=1)

    def side(self) -> float:
        """Return the width and height of one picture."""
        texts = sum(self._text(i) for i in range(len(self.rows)))
        down = (self.height() - texts) / max(1, len(self.rows))
        return max(8.0, min(self._largest, down, self.width() / self._columns() - 4))

    def place(self, row: int, column: int) -> QRectF:
        """Return where a picture stands."""
        side, gap = self.side(), 4.0
        wide = (side + gap) * self._columns() - gap
        y = sum(side + self._text(i) for i in range(row))
        return QRectF((self.width() - wide) / 2 + column * (side + gap), y, side, side)

    def at(self, position: QPointF) -> tuple[int, int] | None:
        """Return which picture is under a position."""
        for i, row in enumerate(self.rows):
            for j in range(len(row)):
                if self.place(i, j).contains(position):
                    return i, j
        return None

    def minimumSizeHint(self) -> QSize:
        texts = sum(self._text(i) for i in range(len(self.rows)))
        return QSize((self._smallest + 4) * self._columns(), self._smallest * max(1, len(self.rows)) + texts)

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    # --- painting and pointing -------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, now = QPainter(self), theme.current()
        painter.setFont(theme.font(10.5))
        for i, row in enumerate(self.rows):
            for j, picture in enumerate(row):
                if (i, j) not in self._images:
                    self._images[i, j] = picture_image(picture.values, *self.range)
                image, box = self._images[i, j], self.place(i, j)
                tall = min(1.0, image.height() / image.width())
                wide = min(1.0, image.width() / image.height())
                inner = QRectF(0, 0, box.width() * wide, box.height() * max(tall, 0.1))
                inner.moveCenter(box.center())
                painter.drawImage(inner, image)
                painter.setPen(QPen(now.accent, 2) if picture.framed else QPen(now.hairline, 1))
                painter.drawRect(inner)
                painter.setPen(now.text if picture.framed else now.muted)
                below = QRectF(box.x() - 2, box.bottom() + 1, box.width() + 4, 14)
                text = painter.fontMetrics().elidedText(picture.word, Qt.TextElideMode.ElideRight, int(below.width()))
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.at(event.position())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(*found)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.at(QPointF(event.pos()))
            picture = self.rows[found[0]][found[1]] if found else None
            QToolTip.showText(event.globalPos(), (picture.hint or picture.word) if picture else "", self)
            return True
        return super().event(event)
