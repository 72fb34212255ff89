"""A chooser for one member of a declared family, such as an optimiser, with the form of its attributes."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.declared import Declared
from graphlab.ui import theme
from graphlab.ui.forms import Form
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.panels.panel import Sentence


class FamilyForm(QWidget):
    """Shows one declared value. ``changed`` comes with the new value when a member or an attribute is changed."""

    changed = Signal(object)

    def __init__(self, label: str, family: Mapping[str, type[Declared]], value: Declared, about: str = "") -> None:
        super().__init__()
        self._members = list(family.values())
        self._value = value
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        name = QLabel(label)
        row.addWidget(name)
        self.choice = QComboBox()
        self.choice.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.choice.setAccessibleName(label)
        for i, member in enumerate(self._members):
            self.choice.addItem(member.title)
            self.choice.setItemData(i, member.sentence(), Qt.ItemDataRole.ToolTipRole)
        self.choice.activated.connect(self._chosen)
        name.setBuddy(self.choice)
        name.setToolTip(about)
        row.addWidget(self.choice, 1)
        column.addLayout(row)
        self.said = Sentence("", "muted")
        column.addWidget(self.said)
        self.formula = FormulaLabel(size=15)
        column.addWidget(self.formula)
        self._place = QVBoxLayout()
        self._place.setContentsMargins(12, 0, 0, 0)
        column.addLayout(self._place)
        self.form: Form | None = None
        self._browse: QPushButton | None = None
        self._build()

    @property
    def value(self) -> Declared:
        """What is shown."""
        return self._value

    def set_value(self, value: Declared) -> None:
        """Show another value; nobody is told."""
        if value == self._value:
            return
        other = type(value) is not type(self._value)
        self._value = value
        if other:
            self._build()
        else:
            if self.form is not None:
                self.form.set_values(value.values())
            self._say()

    def _build(self) -> None:
        with QSignalBlocker(self.choice):
            self.choice.setCurrentIndex(self._members.index(type(self._value)))
        for old in (self.form, self._browse):
            if old is not None:
                self._place.removeWidget(old)
                old.hide()
                old.deleteLater()
        self.form = Form.of(self._value)
        self.form.changed.connect(self._edited)
        self._place.addWidget(self.form)
        self.form.setVisible(bool(self.form.fields))
        self._browse = None
        if "path" in self.form.fields:
            self._browse = QPushButton("Choose a file…")
            self._browse.setToolTip("Choose the file that holds the samples")
            self._browse.clicked.connect(self._choose_file)
            self._place.addWidget(self._browse)
        self._say()

    def _say(self) -> None:
        self.said.setText(self._value.sentence())
        self.said.setVisible(bool(self._value.sentence()))
        self.formula.set_latex(self._value.formula())
        self.choice.setToolTip(self._value.sentence())

    def _chosen(self, index: int) -> None:
        member = self._members[index]
        if member is not type(self._value):
            self._value = member()
            self._build()
            self.changed.emit(self._value)

    def _edited(self, name: str, value: object) -> None:
        self._value = self._value.replace(**{name: value})
        self._say()
        self.changed.emit(self._value)

    def _choose_file(self) -> None:
        kinds = {"CSV": "Tables (*.csv *.tsv *.txt)", "NPZ": "NumPy archives (*.npz)"}
        kind = kinds.get(self._value.name(), "All files (*)")
        path, _ = QFileDialog.getOpenFileName(self, "Choose the data", "", f"{kind};;All files (*)")
        if path:
            self._edited("path", path)
            if self.form is not None:
                self.form.set_values({"path": path})


class Heading(QLabel):
    """A small title over a part of a panel."""

    def __init__(self, text: str, about: str = "") -> None:
        super().__init__(text)
        self.setFont(theme.font(bold=True))
        self.setToolTip(about)
        self.setContentsMargins(0, 8, 0, 2)


def scrolled(inside: QWidget) -> QScrollArea:
    """Put a widget into an area that scrolls up and down only."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area
