"""The calculators: choose one, type the numbers, read the working."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QGridLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

import graphlab.engine.calculators  # noqa: F401  (registers the calculators)
from graphlab.engine.calculators.base import CalcError, Calculator, calculators
from graphlab.ui.forms import Form
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.panels.panel import Panel, Sentence

_NAME = Qt.ItemDataRole.UserRole


class Calculators(Panel):
    """A list of calculators by topic, the form of the chosen one, and its working line by line."""

    name: ClassVar[str] = "Calculators"
    about: ClassVar[str] = "Sums that are done by hand in an exam, with your numbers put in."
    icon: ClassVar[str] = "formula"
    share: ClassVar[float] = 0.56

    def __init__(self) -> None:
        super().__init__()
        self.chosen: Calculator | None = None
        self.working_latex: tuple[str, ...] = ()
        self.form: Form | None = None
        self.topics: dict[str, QTreeWidgetItem] = {}
        self.items: dict[str, list[QTreeWidgetItem]] = {}
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search calculators")
        self.search.setAccessibleName("Search calculators")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setAccessibleName("Calculators by topic")
        self.tree.currentItemChanged.connect(self._picked)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.search)
        column.addWidget(self.tree)

        self.page = QWidget()
        self.rows = QVBoxLayout(self.page)
        self.rows.setContentsMargins(12, 8, 12, 8)
        self.rows.setSpacing(8)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(self.page)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(scroll)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([220, 600])
        outer = QVBoxLayout(self.content)
        outer.setContentsMargins(6, 6, 6, 6)
        outer.addWidget(splitter)
        self._fill()

    def _fill(self) -> None:
        for name, cls in sorted(calculators().items(), key=lambda i: (i[1].topic, i[1].title)):
            if cls.topic not in self.topics:
                self.topics[cls.topic] = QTreeWidgetItem(self.tree, [cls.topic])
                self.topics[cls.topic].setFlags(Qt.ItemFlag.ItemIsEnabled)
            item = QTreeWidgetItem(self.topics[cls.topic], [cls.title])
            self.items.setdefault(cls.topic, []).append(item)
            item.setData(0, _NAME, name)
            item.setToolTip(0, cls.sentence())
        self.tree.expandAll()
        self.tree.setCurrentItem(next(iter(self.items.values()))[0])

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for topic in self.topics.values():
            shown = 0
            for item in self.items[topic.text(0)]:
                cls = calculators()[item.data(0, _NAME)]
                found = " ".join((cls.title, cls.topic, cls.sentence(), *cls.also)).lower()
                item.setHidden(not all(w in found for w in words))
                shown += not item.isHidden()
            topic.setHidden(not shown)

    def _picked(self, item: QTreeWidgetItem | None) -> None:
        name = None if item is None else item.data(0, _NAME)
        if name:
            self.choose(name)

    def choose(self, name: str, **values: Any) -> None:
        """Show a calculator, with some of its numbers typed in."""
        self.chosen = calculators()[name](**values)
        while self.rows.count():
            item = self.rows.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.rows.addWidget(Sentence(self.chosen.title, bold=True))
        self.rows.addWidget(Sentence(self.chosen.sentence(), "muted"))
        self.formula = FormulaLabel(self.chosen.formula(), 15)
        self.rows.addWidget(self.formula)
        self.form = Form.of(self.chosen)
        self.form.changed.connect(self._edited)
        self.rows.addWidget(self.form)
        self.problem = Sentence("", "problem")
        self.rows.addWidget(self.problem)
        self.lines = QWidget()
        self.grid = QGridLayout(self.lines)
        self.grid.setContentsMargins(0, 4, 0, 4)
        self.grid.setHorizontalSpacing(16)
        self.grid.setColumnStretch(1, 1)
        self.rows.addWidget(self.lines)
        self.copy = QPushButton("Copy as LaTeX")
        self.copy.setToolTip("Copy the working, line by line, for your notes")
        self.copy.clicked.connect(self._copy)
        self.rows.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignLeft)
        self.rows.addStretch()
        self._work()

    def _edited(self, name: str, value: object) -> None:
        if self.chosen is not None:
            self.chosen = self.chosen.replace(**{name: value})
            self.formula.set_latex(self.chosen.formula())
            self._work()

    def _work(self) -> None:
        assert self.chosen is not None
        while self.grid.count():
            item = self.grid.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        try:
            lines = self.chosen.work().lines
            self.problem.setText("")
        except CalcError as e:
            lines = ()
            self.problem.setText(str(e))
        self.problem.setVisible(bool(self.problem.text()))
        self.copy.setEnabled(bool(lines))
        self.working_latex = tuple(line.latex for line in lines)
        for row, line in enumerate(lines):
            what = Sentence(line.what, "muted", wrap=False)
            self.grid.addWidget(what, row, 0, Qt.AlignmentFlag.AlignTop)
            self.grid.addWidget(FormulaLabel(line.latex, 15), row, 1)

    def _copy(self) -> None:
        body = " \\\\\n".join(f"  &{latex}" for latex in self.working_latex)
        QGuiApplication.clipboard().setText(f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n")
