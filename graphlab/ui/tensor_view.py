"""One tensor for reading: numbers, heat map, picture or histogram, with its statistics and the choice of a slice."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Literal

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from graphlab.document.export import tensor as written
from graphlab.engine.expr import Index
from graphlab.engine.op import Array
from graphlab.engine.spec import show_shape
from graphlab.ui import icons, theme
from graphlab.ui.numbers import exact_text, place_text
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.tensor_view_heat import HeatMap
from graphlab.ui.tensor_view_model import TensorModel, largest_of
from graphlab.ui.tensor_view_slice import Slice, SliceBar
from graphlab.ui.tensor_view_stats import Histogram, statistics
from graphlab.ui.tensor_view_table import TensorTable

Face = Literal["numbers", "heat", "picture", "histogram"]
FACES: dict[Face, tuple[str, str]] = {
    "numbers": ("table", "Numbers"), "heat": ("heatmap", "Heat map"), "picture": ("picture", "Picture"),
    "histogram": ("histogram", "Histogram"),
}
_SMALL = 400  # elements that are read as numbers rather than as a heat map


def picture_of(array: Array, at: Slice) -> Array | None:
    """Return what a tensor shows as a picture at a slice: (H, W), or (3, H, W) in colour; None where it is none.

    A row of n² ≥ 16 numbers is read as n × n, as flattened pictures are.
    """
    if array.ndim >= 3 and at.rows >= 3 and at.columns >= 3:
        channel = array.ndim - 3
        if array.shape[channel] == 3 and (at.down, at.across) == (array.ndim - 2, array.ndim - 1):
            colour: Array = array[at.at[:channel]]
            return colour
        return at.matrix(array)
    if array.ndim in (1, 2) and array.shape[-1] >= 16:
        side = math.isqrt(array.shape[-1])
        if side * side == array.shape[-1]:
            row: Array = array if array.ndim == 1 else array[at.at[0]]
            return row.reshape(side, side)
    if array.ndim == 2 and min(array.shape) >= 8:
        return array
    return None


class TensorView(QWidget):
    """Shows one array under its name. Small ones open as numbers, large ones as a heat map.

    ``picked`` comes with the index of a number that was clicked, ``typed`` with an index and the new number,
    ``refused`` with a sentence on what was typed.
    """

    picked = Signal(object)
    typed = Signal(object, object)
    refused = Signal(str)

    def __init__(self, name: str, role: str = "", gradient: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.role, self.gradient = name, role, gradient
        self.label = f"∂L/∂{name}" if gradient else name
        self.array: Array = np.zeros(0)
        self.slice = Slice.of((0,))
        self.face: Face | None = None
        self._editable = False
        self._stale = True
        self._lit: frozenset[Index] = frozenset()
        self._chosen: frozenset[Index] = frozenset()
        self.model = TensorModel(self.label, gradient)
        self.table = TensorTable(self.model)
        self.heat, self.histogram, self.slices = HeatMap(), Histogram(), SliceBar()
        self.title, self.measures, self.note = Sentence(wrap=False), Sentence("", "muted"), Sentence("", "problem")
        self.buttons: dict[Face, QToolButton] = {}
        self._build()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 6)
        column.setSpacing(3)
        head = QHBoxLayout()
        head.setSpacing(0)
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head.addWidget(self.title, 1)
        for face, (icon, text) in FACES.items():
            button = _tool(icon, f"{text} of {self.label}")
            button.setCheckable(True)
            button.clicked.connect(partial(self.show_face, face))
            head.addWidget(button)
            self.buttons[face] = button
        self.copy = _tool("copy", f"Copy {self.label} as CSV, Python or LaTeX")
        menu = QMenu(self.copy)
        for text, write in (("Copy as CSV", written.csv), ("Copy as Python", written.python),
                            ("Copy as LaTeX", written.latex)):
            menu.addAction(text, partial(self._copy, write))
        self.copy.setMenu(menu)
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        head.addWidget(self.copy)
        column.addLayout(head)
        self.measures.setFont(theme.font(11, tabular=True))
        self.note.hide()
        for widget in (self.slices, self.table, self.heat, self.histogram, self.measures, self.note):
            column.addWidget(widget)
        self.table.picked.connect(self.picked)
        self.heat.clicked.connect(self._picked_in_heat)
        self.slices.changed.connect(self._resliced)
        self.model.typed.connect(self._typed)
        self.model.refused.connect(self._refuse)

    # --- what is shown ----------------------------------------------------------------------------------

    def set_array(self, array: Array, *, editable: bool = False, note: str = "") -> None:
        """Show an array; the slice and the face stay where the shape stays."""
        new = np.asarray(array)
        if new is self.array and editable == self._editable and note == self.note.text():
            return
        if new.shape != self.array.shape or self.face is None:
            self.slice = Slice.of(new.shape)
            self.face = self._natural(new)
        self.array, self._editable = new, editable
        self._say(note, "muted")
        self._refresh()

    def _natural(self, array: Array) -> Face:
        data = self.role.startswith(("input", "data")) and array.ndim != 2
        flat = self.role == "data" and array.ndim == 2 and array.shape[1] >= 64
        if (data or flat) and picture_of(array, Slice.of(array.shape)) is not None:
            return "picture"
        return "numbers" if array.size <= _SMALL else "heat"

    def show_face(self, face: Face) -> None:
        """Show the tensor as numbers, heat map, picture or histogram."""
        self.face = face
        self._refresh()

    def _refresh(self) -> None:
        self._stale = not self.isVisible()
        if not self._stale:
            self._show_now()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._stale = False
            self._show_now()

    def _show_now(self) -> None:
        role = f" · {self.role}" if self.role else ""
        shape = show_shape(self.array.shape) if self.array.ndim else "· one number"
        self.title.setText(f"<b>{self.label}</b> {shape}{role}")
        self.title.setToolTip(f"{self.label}: shape {show_shape(self.array.shape)}, {self.array.size:,} numbers{role}")
        picture = picture_of(self.array, self.slice)
        if picture is None and self.face == "picture":
            self.face = "heat"
        for face, button in self.buttons.items():
            button.setChecked(face == self.face)
            button.setVisible(face != "picture" or picture is not None)
        flat = self.face == "picture" and self.array.ndim == 2 and picture is not None and picture.ndim == 2
        self.slices.set_slice(Slice(self.array.shape, -1, 1, self.slice.at) if flat and picture is not self.array
                              else self.slice)
        self.table.setVisible(self.face == "numbers")
        self.heat.setVisible(self.face in ("heat", "picture"))
        self.histogram.setVisible(self.face == "histogram")
        if self.face == "numbers":
            self.model.set_array(self.array, self.slice, self._editable)
            self.table.fit()
        elif self.face == "heat":
            self.heat.set_matrix(self.slice.matrix(self.array), largest_of(self.array), self.gradient)
        elif picture is not None and self.face == "picture":
            plane = picture if picture.ndim == 2 else picture[0]
            self.heat.set_matrix(plane, largest_of(picture), False, picture)
        else:
            self.histogram.set_array(self.array)
        self.measures.setText(statistics(self.array).text() if self.array.size > 1 else "")
        self.measures.setVisible(self.array.size > 1)
        self._show_lights()

    def _resliced(self, new: Slice) -> None:
        # While a row is read as a picture, only the place on axis 0 can be chosen.
        self.slice = new if new.down >= 0 or len(new.shape) < 2 else Slice(new.shape, 0, 1, new.at)
        self._refresh()

    # --- numbers that are pointed at -----------------------------------------------------------------------

    def light(self, lit: Iterable[Index], chosen: Iterable[Index] = ()) -> None:
        """Frame numbers: operands, and the one that is explained. Another slice is shown where none would be seen."""
        self._lit, self._chosen = frozenset(lit), frozenset(chosen)
        wanted = [i for i in (*self._chosen, *self._lit) if len(i) == self.array.ndim]
        if wanted and all(self.slice.cell(i) is None for i in wanted):
            self.slice = self.slice.towards(wanted[0])
            self._refresh()
        elif not self._stale:
            self._show_lights()

    @property
    def lit(self) -> frozenset[Index]:
        """The operands that are framed."""
        return self._lit

    @property
    def chosen(self) -> frozenset[Index]:
        """The numbers that are explained."""
        return self._chosen

    def _show_lights(self) -> None:
        self.table.light(self._lit, self._chosen)
        if self.face == "heat":
            cells = [c for i in self._lit if (c := self.slice.cell(i)) is not None]
            chosen = next((c for i in self._chosen if (c := self.slice.cell(i)) is not None), None)
            self.heat.light(cells, chosen)
        else:
            self.heat.light([], None)

    def _picked_in_heat(self, row: int, column: int) -> None:
        if self.face == "heat":
            self.picked.emit(self.slice.index(row, column))
            return
        picture = picture_of(self.array, self.slice)
        if picture is None:
            return
        if self.array.ndim in (1, 2) and picture.shape != self.array.shape:
            self.picked.emit((*self.slice.at[:-1], row * picture.shape[1] + column))
        else:
            self.picked.emit(self.slice.index(row, column))

    def _typed(self, index: Index, value: object) -> None:
        self._say("")
        self.typed.emit(index, value)

    def _refuse(self, sentence: str) -> None:
        self._say(sentence)
        self.refused.emit(sentence)

    def _say(self, text: str, tone: str = "problem") -> None:
        self.note.set_tone(tone)
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def _copy(self, write: written.Writer) -> None:
        try:
            QGuiApplication.clipboard().setText(write(self.array, self.name))
            self._say("")
        except ValueError as e:
            self._refuse(str(e))

    def describe(self, index: Index) -> str:
        """Write one number with every digit: ``W[0, 2] = 0.25``."""
        return f"{place_text(self.label, index)} = {exact_text(self.array[index])}"


def _tool(icon: str, text: str) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setIcon(icons.icon(icon))
    button.setIconSize(QSize(15, 15))
    button.setToolTip(text)
    button.setAccessibleName(text)
    button.setStyleSheet("QToolButton::menu-indicator { image: none; width: 0; }")
    return button
