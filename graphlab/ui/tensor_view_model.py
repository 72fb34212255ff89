"""A tensor's slice as a table: only the cells on the screen are ever written down, however large it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from graphlab.engine.expr import Index
from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.numbers import exact_text, number_text, place_text, read_number
from graphlab.ui.tensor_view_slice import Slice

AnyIndex = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
#: Gradients fade over this many powers of ten.
DECADES = 4.0


def strength(values: Array, largest: float, log: bool) -> Array:
    """Return how strongly numbers are coloured, −1…1: by size, or by its logarithm over 4 powers of ten."""
    v = np.asarray(values, np.float64)
    if not largest or not np.isfinite(largest):
        return np.nan_to_num(np.sign(v)) if largest else np.zeros(v.shape)
    share = np.nan_to_num(v / largest, nan=0.0, posinf=1.0, neginf=-1.0)
    if log:
        size = np.abs(share)
        with np.errstate(divide="ignore"):
            faded = np.clip(1 + np.log10(size, where=size > 0, out=np.full(size.shape, -np.inf)) / DECADES, 0, 1)
        share = np.sign(share) * faded
    return np.clip(share, -1, 1)


def largest_of(array: Array) -> float:
    """Return the largest finite size of an array's elements."""
    if not array.size:
        return 0.0
    low, high = float(np.min(array)), float(np.max(array))
    if not (np.isfinite(low) and np.isfinite(high)):
        size = np.abs(array[np.isfinite(array)].astype(np.float64))
        return float(size.max()) if size.size else 0.0
    return max(abs(low), abs(high))


class TensorModel(QAbstractTableModel):
    """The cells of one slice, tinted by sign and size. Editable where the array is a weight or an input."""

    typed = Signal(object, object)  # index in the tensor, new number
    refused = Signal(str)  # a sentence on what was typed

    def __init__(self, name: str, log: bool = False) -> None:
        super().__init__()
        self.name = name
        self.log = log
        self.array: Array = np.zeros(0)
        self.matrix: Array = self.array.reshape(0, 0)
        self.slice = Slice.of((0,))
        self.largest = 0.0
        self.editable = False

    def set_array(self, array: Array, at: Slice, editable: bool) -> None:
        """Show a slice of another array."""
        same = at == self.slice and array.shape == self.array.shape
        if not same:
            self.beginResetModel()
        self.array, self.slice, self.editable = array, at, editable
        self.matrix = at.matrix(array)
        self.largest = largest_of(array)
        if not same:
            self.endResetModel()
        elif self.matrix.size:
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def rowCount(self, parent: AnyIndex = _NONE) -> int:
        return 0 if parent.isValid() else self.matrix.shape[0]

    def columnCount(self, parent: AnyIndex = _NONE) -> int:
        return 0 if parent.isValid() else self.matrix.shape[1]

    def place(self, index: AnyIndex) -> Index:
        """Return the element of the tensor that a cell shows."""
        return self.slice.index(index.row(), index.column())

    def tint(self, value: Any) -> QColor | None:
        """Return the background of a number: towards its sign's colour by its size; none for zero."""
        if self.array.dtype.kind == "b":
            return theme.mix(theme.current().base, theme.current().positive, 0.25) if value else None
        if not np.isfinite(value):
            return theme.mix(theme.current().base, theme.current().problem, 0.35)
        share = float(strength(np.asarray(value), self.largest, self.log))
        if not share:
            return None
        now = theme.current()
        return theme.mix(now.base, now.sign(share), 0.05 + 0.37 * abs(share))

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        value = self.matrix[index.row(), index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return number_text(value)
            case Qt.ItemDataRole.EditRole:
                return exact_text(value)
            case Qt.ItemDataRole.BackgroundRole:
                return self.tint(value)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleDescriptionRole:
                return f"{place_text(self.name, self.place(index))} = {exact_text(value)}"
            case Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return str(section) if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if self.editable else flags

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not self.editable:
            return False
        at = self.place(index)
        try:
            number = read_number(str(value), self.array, place_text(self.name, at))
        except ValueError as e:
            self.refused.emit(str(e))
            return False
        if number != self.array[at]:
            self.typed.emit(at, number)
        return True
