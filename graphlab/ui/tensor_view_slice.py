"""Which two axes of a tensor a table or picture shows, and where the others stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QWidget

from graphlab.engine.expr import Index
from graphlab.engine.op import Array
from graphlab.engine.spec import show_shape


@dataclass(frozen=True)
class Slice:
    """A matrix cut out of a tensor: the axes that run down and across (−1: none), and the index of every axis."""

    shape: tuple[int, ...]
    down: int
    across: int
    at: Index

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Slice:
        """Return the first matrix of the last two axes; a vector is one row, a number one cell."""
        rank = len(shape)
        return cls(shape, rank - 2 if rank > 1 else -1, rank - 1, (0,) * rank)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.shape[self.down] if self.down >= 0 else 1

    @property
    def columns(self) -> int:
        """The number of columns."""
        return self.shape[self.across] if self.across >= 0 else 1

    @property
    def fixed(self) -> tuple[int, ...]:
        """The axes that stand still."""
        return tuple(a for a in range(len(self.shape)) if a not in (self.down, self.across))

    def index(self, row: int, column: int) -> Index:
        """Return the element of the tensor behind a cell."""
        put = {self.down: row, self.across: column}
        return tuple(put.get(axis, i) for axis, i in enumerate(self.at))

    def cell(self, index: Index) -> tuple[int, int] | None:
        """Return the cell that shows an element, or None where it lies in another slice."""
        if len(index) != len(self.shape) or any(index[a] != self.at[a] for a in self.fixed):
            return None
        return (index[self.down] if self.down >= 0 else 0), (index[self.across] if self.across >= 0 else 0)

    def matrix(self, array: Array) -> Array:
        """Cut the matrix out, as a view."""
        if not array.ndim:
            return array.reshape(1, 1)
        if array.ndim == 1:
            return array.reshape(1, -1)
        cut = array[tuple(slice(None) if a in (self.down, self.across) else i for a, i in enumerate(self.at))]
        return cut if self.down < self.across else cut.T

    def towards(self, index: Index) -> Slice:
        """Return the slice in which an element is seen."""
        return replace(self, at=tuple(index)) if len(index) == len(self.shape) else self


class SliceBar(QWidget):
    """Chooses rows, columns and the place on every other axis; hidden where there is nothing to choose."""

    changed = Signal(object)  # the new Slice

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slice = Slice.of(())
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self.down, self.across = QComboBox(), QComboBox()
        self._axes: list[QWidget] = []
        self.places: dict[int, QSpinBox] = {}
        for box, text, name in ((self.down, "↓", "axis that runs down"), (self.across, "→", "axis that runs across")):
            label = QLabel(text)
            label.setToolTip(name)
            self._row.addWidget(label)
            self._row.addWidget(box)
            self._axes += [label, box]
            box.setMaximumWidth(72)
            box.setMinimumWidth(48)
            box.setAccessibleName(name)
            box.setToolTip(f"The {name}")
            box.activated.connect(lambda _i, which=box: self._choose(which))
        self._spins = QHBoxLayout()
        self._spins.setSpacing(4)
        self._row.addLayout(self._spins)
        self._row.addStretch()

    def set_slice(self, new: Slice) -> None:
        """Show which slice it is; nobody is told."""
        old, self.slice = self.slice, new
        self.setVisible(bool(new.fixed))
        for widget in self._axes:
            widget.setVisible(len(new.shape) > 2)
        if not new.fixed:
            return
        if old.shape != new.shape or not self.down.count():
            for box in (self.down, self.across):
                box.clear()
                box.addItems([f"axis {a}" for a in range(len(new.shape))])
        self.down.setCurrentIndex(new.down)
        self.across.setCurrentIndex(new.across)
        if old.shape != new.shape or old.fixed != new.fixed or len(self.places) != len(new.fixed):
            self._rebuild(new)
        for axis, spin in self.places.items():
            blocked = spin.blockSignals(True)
            spin.setValue(new.at[axis])
            spin.blockSignals(blocked)

    def _rebuild(self, new: Slice) -> None:
        while (item := self._spins.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.places = {}
        for axis in new.fixed:
            spin = QSpinBox()
            spin.setRange(0, max(0, new.shape[axis] - 1))
            spin.setKeyboardTracking(False)
            spin.setAccessibleName(f"place on axis {axis}")
            spin.setToolTip(f"The place on axis {axis}, of {new.shape[axis]}; the shape is {show_shape(new.shape)}")
            spin.setPrefix(f"{axis}: ")
            spin.valueChanged.connect(lambda value, axis=axis: self._move(axis, value))
            self._spins.addWidget(spin)
            self.places[axis] = spin

    def _move(self, axis: int, value: int) -> None:
        at = tuple(value if a == axis else i for a, i in enumerate(self.slice.at))
        self.slice = replace(self.slice, at=at)
        self.changed.emit(self.slice)

    def _choose(self, which: QComboBox) -> None:
        now = self.slice
        down, across = self.down.currentIndex(), self.across.currentIndex()
        if down == across:
            # The other one takes the place that became free.
            down, across = (down, now.down) if which is self.down else (now.across, across)
        at = tuple(0 if a in (down, across) else i for a, i in enumerate(now.at))
        new = replace(now, down=down, across=across, at=at)
        self.set_slice(new)
        self.changed.emit(new)
