"""The data panel: which samples there are, how they are split, and which column feeds which Input."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from graphlab.document.datasets import Loaded
from graphlab.engine.data import DataSource, Split, sources
from graphlab.engine.plan import Step
from graphlab.ui.forms import Form
from graphlab.ui.panels.data_preview import Balance, PreviewModel, is_picture
from graphlab.ui.panels.family import FamilyForm, Heading, scrolled
from graphlab.ui.panels.panel import Panel, Sentence
from graphlab.ui.session import Session

_MADE = ("noise:normal", "noise:uniform", "fill:1", "fill:0")


class Feeds(QWidget):
    """For every Input, the column it receives, and why not where it does not fit."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.choices: dict[str, QComboBox] = {}
        self._key: object = None
        self._notes: dict[str, Sentence] = {}

    def refresh(self) -> None:
        """Show the Inputs of the network."""
        session = self.session
        inputs = session.plan.inputs
        columns = tuple(session.table.columns) if session.table is not None else ()
        key = tuple((s.path, s.node.name, str(session.plan.spec(s.path))) for s in inputs), columns
        if key != self._key:
            self._key = key
            self._build(inputs, columns)
        given = dict(session.document.setup.feed)
        prepared = session.prepared
        for path, choice in self.choices.items():
            found = prepared.columns.get(path) or prepared.drawn.get(path) if prepared is not None else None
            with QSignalBlocker(choice):
                choice.setItemText(0, f"automatic ({found})" if found and path not in given else "automatic")
                at = choice.findText(given[path]) if path in given else 0
                if at < 0:
                    choice.addItem(given[path])
                    at = choice.count() - 1
                choice.setCurrentIndex(at)
            wrong = prepared.problems.get(path, "") if prepared is not None else ""
            self._notes[path].setText(wrong)
            self._notes[path].setVisible(bool(wrong))

    def _build(self, inputs: tuple[Step, ...], columns: tuple[str, ...]) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        self.choices, self._notes = {}, {}
        for step in inputs:
            choice = QComboBox()
            choice.addItems(["automatic", *columns, *_MADE])
            choice.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            choice.setToolTip("The column that this Input receives; noise and fill are made up for each batch")
            choice.setAccessibleName(f"Column for the Input {step.node.name}")
            choice.activated.connect(self._chooser(step.path))
            label = QLabel(f"{step.node.name}  {self.session.plan.spec(step.path)}")
            label.setBuddy(choice)
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            column.addWidget(choice)
            note = Sentence("", "problem")
            note.hide()
            column.addWidget(note)
            self._form.addRow(label, cell)
            self.choices[step.path], self._notes[step.path] = choice, note

    def _chooser(self, path: str) -> Callable[[int], None]:
        return lambda index: self.feed(path, "" if index == 0 else self.choices[path].itemText(index))

    def feed(self, path: str, source: str) -> None:
        """Feed an Input from a column, from something made up, or ('') from what fits."""
        rest = tuple(f for f in self.session.document.setup.feed if f[0] != path)
        feed = (*rest, (path, source)) if source else rest
        self.session.update_setup(f"Feed {path} from {source or 'what fits'}", feed=feed)


class DataPanel(Panel):
    """Everything about the samples."""

    name = "Data"
    about = "The samples: where they come from, how they are split, and which Input receives what."
    icon = "data"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        setup = session.document.setup
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(10, 4, 10, 10)
        column.setSpacing(4)
        column.addWidget(Heading("Data set"))
        self.source = FamilyForm("from", sources(), setup.data, "where the samples come from")
        self.source.changed.connect(self._source_changed)
        column.addWidget(self.source)
        self.said = Sentence("", "text")
        column.addWidget(self.said)
        column.addWidget(Heading("Split", "Training takes what validation and test leave"))
        self.split = Form.of(setup.split)
        self.split.changed.connect(self._split_changed)
        column.addWidget(self.split)
        self.counts = Sentence("", "muted")
        column.addWidget(self.counts)
        self.standardise = QCheckBox("Standardise the features")
        self.standardise.setToolTip("Bring every feature to mean 0 and variance 1, as measured on the training samples")
        self.standardise.toggled.connect(lambda on: session.update_setup(
            "Standardise" if on else "Do not standardise", standardise=on))
        column.addWidget(self.standardise)
        self.feeds_title = Heading("Inputs", "Which column of the data feeds which Input")
        column.addWidget(self.feeds_title)
        self.feeds = Feeds(session)
        column.addWidget(self.feeds)
        self.balance_title = Heading("Classes", "How many samples each class has")
        column.addWidget(self.balance_title)
        self.balance = Balance()
        column.addWidget(self.balance)
        column.addWidget(Heading("Samples", "Click a row to look at that sample"))
        self.model = PreviewModel(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setMinimumHeight(190)
        self.table.setIconSize(QSize(28, 28))
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setAccessibleName("Samples")
        self.table.setToolTip("The samples as they came; click a row to look at that sample")
        self.table.clicked.connect(self._row_clicked)
        self.table.activated.connect(self._row_clicked)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        column.addWidget(self.table, 1)
        outer = QVBoxLayout(self.content)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inside))
        self._shown: Loaded | None = None
        session.data_changed.connect(self.refresh)
        session.planned.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the data of the session."""
        session, setup = self.session, self.session.document.setup
        data = session.data
        self.source.set_value(setup.data)
        self.split.set_values(setup.split.values())
        with QSignalBlocker(self.standardise):
            self.standardise.setChecked(setup.standardise)
        self.feeds.refresh()
        self.feeds_title.setVisible(bool(self.feeds.choices))
        if data is None:
            self.said.setText(self.session.data_problem
                              or "There are no samples: choose a data set, or the file that holds them.")
            self.said.set_tone("problem")
            self.counts.setText("")
        else:
            columns = ", ".join(f"{name} {'×'.join(map(str, c.size)) or 'one number'}"
                                + (f" of {len(c.classes)} classes" if c.classes else "")
                                for name, c in data.table.columns.items())
            self.said.setText(f"{len(data):,} samples; columns: {columns}.")
            self.said.set_tone("text")
            self.counts.setText(" · ".join(f"{len(rows):,} for {part}" for part, rows in data.rows.items()))
        if data is not self._shown:
            self._shown = data
            self.model.show(data)
            self.balance.show_data(data)
            self.balance_title.setVisible(not self.balance.isHidden())
            pictures = data is not None and any(is_picture(c) for c in data.table.columns.values())
            self.table.verticalHeader().setDefaultSectionSize(32 if pictures else 22)
            for i in range(self.model.columnCount()):
                self.table.setColumnWidth(i, 72)

    def _source_changed(self, value: DataSource) -> None:
        feed = self.session.document.setup.feed if type(value) is type(self.session.document.setup.data) else ()
        self.session.update_setup(f"Use the data set {value.title}", data=value, feed=feed)

    def _split_changed(self, name: str, value: object) -> None:
        split: Split = self.session.document.setup.split.replace(**{name: value})
        wrong = split.problems()
        if wrong:
            self.session.message.emit(f"The split cannot be used: {wrong[-1]}.", "warning")
            self.split.set_values(self.session.document.setup.split.values())
        else:
            self.session.update_setup("Change the split", split=split)

    def _row_clicked(self, index: QModelIndex) -> None:
        self.session.set_sample(index.row())
