"""The table of a tensor's numbers: it lights cells up, is typed into, and is as tall as it needs to be."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from graphlab.engine.expr import Index
from graphlab.ui import theme
from graphlab.ui.tensor_view_model import TensorModel

ROW, _MOST_ROWS, _SAMPLE = 21, 8, 12


class _Cells(QStyledItemDelegate):
    """Paints a number on its tint, with a frame where it is an operand or the one that is explained."""

    def __init__(self, table: TensorTable) -> None:
        super().__init__(table)
        self.table = table

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        rect: QRect = option.rect
        now, model = theme.current(), self.table.tensor
        tint = index.data(Qt.ItemDataRole.BackgroundRole)
        painter.fillRect(rect, tint if isinstance(tint, QColor) else now.base)
        place = model.place(index)
        painter.save()
        painter.setFont(self.table.font())
        painter.setPen(now.text)
        painter.drawText(rect.adjusted(2, 0, -5, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                         str(index.data()))
        for frame, colour, width in ((self.table.lit, now.accent, 2.0), (self.table.chosen, now.now, 2.0)):
            if place in frame:
                painter.setPen(QPen(colour, width))
                painter.drawRect(rect.adjusted(1, 1, -1, -1))
        if self.table.hasFocus() and self.table.currentIndex() == index:
            painter.setPen(QPen(now.accent, 1, Qt.PenStyle.DotLine))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        painter.restore()

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex,
    ) -> QWidget:
        editor = super().createEditor(parent, option, index)
        editor.setMinimumWidth(90)
        return editor

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        rect: QRect = option.rect
        room = self.table.viewport().width()
        wide = min(room, max(rect.width(), 90))
        editor.setGeometry(max(0, min(rect.x(), room - wide)), rect.y(), wide, rect.height())


class TensorTable(QTableView):
    """A table of one slice. Cells that are not visible cost nothing."""

    picked = Signal(object)  # the index of a number that was clicked, or chosen with Enter

    def __init__(self, tensor: TensorModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tensor = tensor
        self.lit: frozenset[Index] = frozenset()
        self.chosen: frozenset[Index] = frozenset()
        self.setModel(tensor)
        self.setItemDelegate(_Cells(self))
        self.setFont(theme.font(12, tabular=True))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.AnyKeyPressed
                             | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setHighlightSections(False)
            header.setSectionsClickable(False)
            header.setFont(theme.font(10, tabular=True))
            header.setMinimumSectionSize(12)
            header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setFixedHeight(16)
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.clicked.connect(lambda i: self.picked.emit(tensor.place(i)))
        self._recolour()
        theme.signals.changed.connect(self._recolour)

    def _recolour(self) -> None:
        now = theme.current()
        for header in (self.horizontalHeader(), self.verticalHeader()):
            palette = QPalette(header.palette())
            palette.setColor(QPalette.ColorRole.ButtonText, now.muted)
            palette.setColor(QPalette.ColorRole.Button, now.base)
            palette.setColor(QPalette.ColorRole.Window, now.base)
            header.setPalette(palette)
            header.setStyleSheet(
                f"QHeaderView {{ background: {now.base.name()}; }} QHeaderView::section {{ background: "
                f"{now.base.name()}; color: {now.muted.name()}; border: 0; padding-right: 4px; }}")
        self.setStyleSheet(f"QTableView {{ background: {now.base.name()}; }} "
                           f"QTableCornerButton::section {{ background: {now.base.name()}; border: 0; }}")
        self.viewport().update()

    def fit(self) -> None:
        """Make the columns as wide as their numbers, and the table as tall as its rows, up to eight of them."""
        metrics = QFontMetrics(self.font())
        rows, columns = self.tensor.matrix.shape
        widest = max((metrics.horizontalAdvance(str(self.tensor.data(self.tensor.index(r, c))))
                      for r in _some(rows) for c in _some(columns)), default=20)
        self.horizontalHeader().setDefaultSectionSize(widest + 14)
        digits = QFontMetrics(self.verticalHeader().font()).horizontalAdvance("0" * len(str(max(rows - 1, 0))))
        self.verticalHeader().setFixedWidth(digits + 12)
        self.updateGeometry()
        self._tall()

    def _tall(self) -> None:
        rows, columns = self.tensor.matrix.shape
        need = columns * self.horizontalHeader().defaultSectionSize() + self.verticalHeader().width()
        bar = self.horizontalScrollBar().sizeHint().height() if need > self.width() else 0
        self.setFixedHeight(16 + ROW * max(1, min(rows, _MOST_ROWS)) + bar + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tall()

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def light(self, lit: frozenset[Index], chosen: frozenset[Index]) -> None:
        """Frame numbers: operands, and the one that is explained; scroll to the first that is lit."""
        self.lit, self.chosen = lit, chosen
        for index in (*lit, *chosen):
            if (cell := self.tensor.slice.cell(index)) is not None:
                self.scrollTo(self.tensor.index(*cell))
                break
        self.viewport().update()

    def keyPressEvent(self, event: Any) -> None:
        at = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and at.isValid() and (
                self.state() != QAbstractItemView.State.EditingState):
            self.picked.emit(self.tensor.place(at))
            return
        super().keyPressEvent(event)


def _some(n: int) -> list[int]:
    """Return a few places of a range, the ends among them: enough to measure by."""
    return list(range(n)) if n <= _SAMPLE else [*range(_SAMPLE // 2), n // 2, *range(n - _SAMPLE // 2 + 1, n)]
