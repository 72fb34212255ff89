"""The bar above the canvas: where one is in the network, and which sample is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QSignalBlocker, QSize
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QToolButton, QWidget

from graphlab.ui import theme
from graphlab.ui.panels.elided import Elided
from graphlab.ui.panels.samples_find import class_names, describe, rows_of_class
from graphlab.ui.session import Session


class Breadcrumb(QWidget):
    """The way from the whole network to the block or op that is shown; each part leads back to itself."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.setAccessibleName("Where you are in the network")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self.buttons: list[QToolButton] = []
        session.scope_changed.connect(self.refresh)
        session.replaced.connect(self.refresh)
        session.file_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the parts of the scope."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = []
        parts = self.session.scope.split("/") if self.session.scope else []
        title = self.session.document.title or (self.session.path.stem if self.session.path else "Network")
        self._part(title, "")
        for i, part in enumerate(parts):
            path = "/".join(parts[:i + 1])
            node = self.session.document.node(path)
            self._row.addWidget(QLabel("›"))
            self._part(node.name if node is not None else part, path)
        if parts and not self.session.graph_at(self.session.scope)[1]:
            note = Elided("inside an operation: to look at, not to edit", "muted")
            self._row.addSpacing(8)
            self._row.addWidget(note, 1)
        else:
            self._row.addStretch()

    def _part(self, text: str, path: str) -> None:
        button = QToolButton()
        button.setText(text)
        button.setAutoRaise(True)
        button.setMinimumWidth(32)
        here = path == self.session.scope
        if here:
            button.setFont(theme.font(bold=True))
        button.setToolTip("You are here" if here else f"Go back to {text}")
        button.clicked.connect(self._leave_to(path))
        self.buttons.append(button)
        self._row.addWidget(button)

    def _leave_to(self, path: str) -> Callable[[], None]:
        return lambda: self.session.player.leave_to(path)


class SampleBar(QWidget):
    """Chooses the sample: by its number, by class, the next one; typed inputs are said and can be taken back."""

    def __init__(self, session: Session, actions: Mapping[str, QAction]) -> None:
        super().__init__()
        self.session = session
        self.setAccessibleName("Sample")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.said = Elided("", "muted")
        row.addWidget(self.said, 1)
        row.addSpacing(8)
        self.parts: list[QWidget] = []
        label = QLabel("Sample")
        self._add(row, label)
        self._add(row, self._button(actions["sample_previous"]))
        self.index = QSpinBox()
        self.index.setAccessibleName("Number of the sample")
        self.index.setToolTip("Number of the sample that is looked at, from 0")
        self.index.setKeyboardTracking(False)
        self.index.valueChanged.connect(session.set_sample)
        label.setBuddy(self.index)
        self._add(row, self.index)
        self.total = QLabel()
        self._add(row, self.total)
        self._add(row, self._button(actions["sample_next"]))
        self.classes = QComboBox()
        self.classes.setAccessibleName("Class")
        self.classes.setToolTip("Go to the next sample of a class")
        self.classes.activated.connect(self._to_class)
        self._add(row, self.classes)
        self._add(row, self._button(actions["sample_wrong"]))
        self.own = QToolButton()
        self.own.setText("Own input")
        self.own.setToolTip("Numbers were typed into an Input. Click to go back to the data.")
        self.own.clicked.connect(self._back_to_data)
        row.addWidget(self.own)
        session.data_changed.connect(self.refresh)
        session.replaced.connect(self.refresh)
        session.planned.connect(self.refresh)
        self.refresh()

    def _add(self, row: QHBoxLayout, widget: QWidget) -> None:
        row.addWidget(widget)
        self.parts.append(widget)

    @staticmethod
    def _button(action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setAutoRaise(True)
        button.setIconSize(QSize(16, 16))
        return button

    def refresh(self) -> None:
        """Show which sample is looked at."""
        count = self.session.samples if self.session.plan.inputs else 0  # without an Input, no sample is looked at
        for part in self.parts:
            part.setVisible(count > 0)
        self.own.setVisible(bool(self.session.typed))
        names = class_names(self.session.table)
        self.classes.setVisible(bool(names))
        with QSignalBlocker(self.index), QSignalBlocker(self.classes):
            self.index.setRange(0, max(0, count - 1))
            self.index.setValue(self.session.sample)
            if [self.classes.itemText(i) for i in range(self.classes.count())] != ["any class", *names]:
                self.classes.clear()
                self.classes.addItems(["any class", *names])
        self.total.setText(f"of {count:,}")
        self.said.setText("" if count == 0 else describe(self.session))

    def _to_class(self, chosen: int) -> None:
        if chosen > 0:
            rows = rows_of_class(self.session.table, chosen - 1)
            after = rows[rows > self.session.sample]
            if len(rows):
                self.session.set_sample(int(after[0] if len(after) else rows[0]))

    def _back_to_data(self) -> None:
        for path in list(self.session.typed):
            self.session.type_input(path, None)
