"""Forms from declarations: whatever is declared with `attr` gets its fields, limits, help and messages here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QVBoxLayout, QWidget

from graphlab.engine.declared import Attribute, Declared
from graphlab.ui.fields import Field, editable, hint
from graphlab.ui.panels.panel import Sentence


class Form(QWidget):
    """Fields for some attributes, one a line, with a sentence under the one that cannot be used.

    ``changed(name, value)`` comes once for each finished entry whose value passes the attribute's own check.
    """

    changed = Signal(str, object)

    def __init__(
        self, attributes: Iterable[Attribute], values: Mapping[str, Any] | None = None, parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(12)
        self._layout.setVerticalSpacing(6)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.fields: dict[str, Field] = {}
        self._notes: dict[str, QLabel] = {}
        self._values: dict[str, Any] = {}
        for attribute in attributes:
            if editable(attribute):
                self._add(attribute)
        self.set_values({n: f.attribute.default for n, f in self.fields.items()} | dict(values or {}))

    @classmethod
    def of(cls, declared: Declared, parent: QWidget | None = None) -> Form:
        """Make the form of a declared value: an op, an optimiser, a schedule, a data set."""
        return cls(declared.attributes(), declared.values(), parent)

    def _add(self, attribute: Attribute) -> None:
        name = attribute.name
        field = Field(attribute, partial(self._edited, name), partial(self._failed, name))
        cell = QWidget()
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(field.widget)
        note = Sentence("", "problem")
        note.hide()
        column.addWidget(note)
        label = QLabel(name.replace("_", " "))
        label.setToolTip(hint(attribute))
        label.setBuddy(field.widget)
        self._layout.addRow(label, cell)
        self.fields[name] = field
        self._notes[name] = note

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show these values; nobody is told. A field that already shows its value is left alone."""
        for name, value in values.items():
            field = self.fields.get(name)
            if field is not None and (name not in self._values or self._values[name] != value):
                self._values[name] = value
                field.show(value)
                self._say(name, "")

    def problem(self, name: str) -> str:
        """Return the sentence that stands under a field, or nothing."""
        note = self._notes[name]
        return note.text() if not note.isHidden() else ""

    def _edited(self, name: str, value: object) -> None:
        self._say(name, "")
        if self._values.get(name) != value or type(self._values.get(name)) is not type(value):
            self._values[name] = value
            self.changed.emit(name, value)

    def _failed(self, name: str, message: str) -> None:
        self._say(name, message)

    def _say(self, name: str, message: str) -> None:
        note = self._notes[name]
        note.setText(message)
        note.setVisible(bool(message))
        note.setAccessibleName(message)
