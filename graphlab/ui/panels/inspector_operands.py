"""The numbers that went into a number, as a list: operands, or the terms of the chain rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView, QWidget

from graphlab.engine.derive import ChainTerm, Operand
from graphlab.ui import theme
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.panels.inspector_arithmetic import place_of

AnyIndex = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
_ROW, _MOST = 20, 6


class OperandModel(QAbstractTableModel):
    """Operands with their values and nodes; or terms: incoming × local = outgoing."""

    def __init__(self) -> None:
        super().__init__()
        self.operands: Sequence[Operand] = ()
        self.terms: Sequence[ChainTerm] = ()
        self.label: Callable[[str], str] = str

    def show_operands(self, operands: Sequence[Operand], label: Callable[[str], str]) -> None:
        """List operands."""
        self.beginResetModel()
        self.operands, self.terms, self.label = operands, (), label
        self.endResetModel()

    def show_terms(self, path: str, terms: Sequence[ChainTerm], label: Callable[[str], str]) -> None:
        """List the terms of the chain rule at the step ``path``; a row stands for its incoming gradient."""
        self.beginResetModel()
        self.operands = tuple(Operand(path, t.upstream.name, t.upstream.index, t.incoming, True) for t in terms)
        self.terms, self.label = terms, label
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = _NONE) -> int:
        return 0 if parent.isValid() else len(self.operands)

    def columnCount(self, parent: AnyIndex = _NONE) -> int:
        return 0 if parent.isValid() else 4 if self.terms else 3

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = section == 0 or (section == 2 and not self.terms)
            side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole or way == Qt.Orientation.Vertical:
            return None
        return (("from", "incoming", "× local", "= outgoing") if self.terms else ("operand", "value", "of"))[section]

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        operand, column = self.operands[index.row()], index.column()
        term = self.terms[index.row()] if self.terms else None
        number = None if column == 0 else operand.value if column == 1 else (
            None if term is None else term.slope if column == 2 else term.outgoing)
        match role:
            case Qt.ItemDataRole.DisplayRole if number is not None:
                return number_text(number)
            case Qt.ItemDataRole.DisplayRole:
                return place_of(operand) if column == 0 else self.label(operand.path)
            case Qt.ItemDataRole.ToolTipRole:
                return exact_text(number) if number is not None else f"{place_of(operand)} of ‘{operand.path}’"
            case Qt.ItemDataRole.TextAlignmentRole if number is not None:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.ForegroundRole if number is not None:
                return theme.current().sign(number)
        return None


class OperandTable(QTableView):
    """Lists operands; hovering one lights it up, clicking it (or Enter) goes to where it came from."""

    hovered = Signal(int)  # the row's number from 1, 0 for none
    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = OperandModel()
        self.setModel(self.rows)
        self.setFont(theme.font(12, tabular=True))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Operands")
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(_ROW)
        self.verticalHeader().setDefaultSectionSize(_ROW)
        head = self.horizontalHeader()
        head.setFont(theme.font(11))
        head.setFixedHeight(_ROW)
        head.setHighlightSections(False)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.entered.connect(lambda i: self.hovered.emit(i.row() + 1))
        self.clicked.connect(lambda i: self.chosen.emit(i.row() + 1))
        self.rows.modelReset.connect(self.fit)
        self.fit()

    def fit(self) -> None:
        """Share the width among the columns, and be as tall as the rows need, up to six of them."""
        room, columns = self.viewport().width(), self.rows.columnCount()
        shares = (0.25, 0.25, 0.25, 0.25) if columns == 4 else (0.4, 0.26, 0.34)
        for column in range(columns):
            self.setColumnWidth(column, int(room * shares[column]))
        self.setFixedHeight(_ROW * (1 + min(_MOST, max(1, self.rows.rowCount()))) + 2)

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hovered.emit(0)

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex().row() + 1)
            return
        super().keyPressEvent(event)
