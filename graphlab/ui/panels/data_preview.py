"""What the data look like: a table of the samples, and how many there are of each class."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from graphlab.document.datasets import Loaded
from graphlab.engine.data import Column
from graphlab.ui import theme

Index = QModelIndex | QPersistentModelIndex
#: Wider columns are shown as their shape, or as a picture.
MOST_ENTRIES = 64


def is_picture(column: Column) -> bool:
    """Tell whether a sample of a column can be drawn: one grey channel of at least 4×4."""
    size = column.size[1:] if len(column.size) == 3 and column.size[0] == 1 else column.size
    return len(size) == 2 and min(size) >= 4


def picture(column: Column, row: int, side: int) -> QPixmap:
    """Return one sample of a column as a picture."""
    values = np.asarray(column.values[row], float).reshape(column.size[-2:])
    low, high = float(column.values.min()), float(column.values.max())
    grey = np.ascontiguousarray(np.clip((values - low) / max(high - low, 1e-12) * 255, 0, 255).astype(np.uint8))
    height, width = grey.shape
    image = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8).copy()
    return QPixmap.fromImage(image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio))


class PreviewModel(QAbstractTableModel):
    """The samples as they came: a row each, with their part of the split first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.data_set: Loaded | None = None
        self._heads: list[tuple[str, str, int | None]] = []
        self._parts: list[str] = []
        self._picture = lru_cache(maxsize=512)(self._make_picture)

    def show(self, data: Loaded | None) -> None:
        """Show another data set."""
        self.beginResetModel()
        self.data_set = data
        self._heads, self._parts = [], []
        self._picture.cache_clear()
        if data is not None:
            parts = np.full(len(data), "", dtype=object)
            for name, rows in data.rows.items():
                parts[rows] = name
            self._parts = [str(p) for p in parts]
            for name, column in data.table.columns.items():
                self._heads += self._heads_of(name, column)
        self.endResetModel()

    @staticmethod
    def _heads_of(name: str, column: Column) -> list[tuple[str, str, int | None]]:
        if len(column.size) == 1 and column.size[0] <= MOST_ENTRIES:
            titles = column.features or tuple(f"{name}{i}" for i in range(column.size[0]))
            return [(name, title, i) for i, title in enumerate(titles)]
        return [(name, name, None)]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or self.data_set is None else len(self.data_set)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or self.data_set is None else 1 + len(self._heads)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            if orientation == Qt.Orientation.Vertical:
                return str(section)
            return "part" if section == 0 else self._heads[section - 1][1]
        if role == Qt.ItemDataRole.ToolTipRole and orientation == Qt.Orientation.Horizontal and section:
            name = self._heads[section - 1][0]
            column = self.data_set.table.columns[name] if self.data_set is not None else None
            return "" if column is None else f"column {name}, {'to learn' if column.target else 'a feature'}"
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.data_set is None or not index.isValid():
            return None
        row = index.row()
        if index.column() == 0:
            return self._parts[row] if role == Qt.ItemDataRole.DisplayRole else None
        name, _, entry = self._heads[index.column() - 1]
        column = self.data_set.table.columns[name]
        if role == Qt.ItemDataRole.DecorationRole and entry is None and is_picture(column):
            return self._picture(name, row)
        if role == Qt.ItemDataRole.TextAlignmentRole and column.kind == "real":
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return self._text(column, row, entry, full=role == Qt.ItemDataRole.ToolTipRole)

    def _make_picture(self, name: str, row: int) -> QPixmap:
        assert self.data_set is not None
        return picture(self.data_set.table.columns[name], row, 28)

    @staticmethod
    def _text(column: Column, row: int, entry: int | None, full: bool) -> str:
        if entry is None and column.size:
            return "" if is_picture(column) and not full else "×".join(map(str, column.size))
        value = column.values[row] if entry is None else column.values[row, entry]
        if column.kind == "index" and column.classes:
            return column.classes[int(value)]
        return repr(float(value)) if full else f"{value:.4g}"


class Balance(QWidget):
    """A bar for each class: how many samples it has, training and validation apart."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, int, int]] = []
        self.setAccessibleName("Class balance")
        theme.signals.changed.connect(self.update)

    def show_data(self, data: Loaded | None) -> None:
        """Count the classes of a data set."""
        self._rows = []
        labels = None if data is None else data.labels
        if data is not None and labels is not None and labels.ndim == 1:
            count = len(data.classes)
            train = np.bincount(labels[data.rows["train"]], minlength=count)
            everything = np.bincount(labels, minlength=count)
            self._rows = [(name, int(everything[i]), int(train[i])) for i, name in enumerate(data.classes[:20])]
        told = ", ".join(f"{name}: {n}" for name, n, _ in self._rows)
        self.setToolTip(f"Samples of each class; the dark part is for training. {told}")
        self.setAccessibleDescription(told)
        self.setVisible(bool(self._rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 16 * len(self._rows))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 16 * len(self._rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setFont(theme.font(11.5, tabular=True))
        most = max((n for _, n, _ in self._rows), default=1) or 1
        wide = max((painter.fontMetrics().horizontalAdvance(name) for name, _, _ in self._rows), default=0)
        left = min(wide + 8, self.width() // 3)
        room = self.width() - left - 48
        for i, (name, everything, train) in enumerate(self._rows):
            y = 16 * i
            painter.setPen(now.text)
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, left - 6)
            painter.drawText(QRectF(0, y, left - 6, 16), Qt.AlignmentFlag.AlignVCenter, text)
            painter.fillRect(QRectF(left, y + 3, room * everything / most, 10), theme.mix(now.window, now.accent, 0.35))
            painter.fillRect(QRectF(left, y + 3, room * train / most, 10), now.accent)
            painter.setPen(now.muted)
            painter.drawText(QRectF(left + room * everything / most + 5, y, 44, 16), Qt.AlignmentFlag.AlignVCenter,
                             f"{everything:,}")
