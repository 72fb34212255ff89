"""The library: every op by category, to search, to drag onto the canvas, or to add with Enter."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMimeData, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QIcon, QKeyEvent, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
)

from graphlab.engine.op import Op, registry
from graphlab.ui import icons, theme
from graphlab.ui.panels.palette_search import MIME, find_ops, library
from graphlab.ui.panels.panel import Empty, Panel

NAME = Qt.ItemDataRole.UserRole + 1
SENTENCE = Qt.ItemDataRole.UserRole + 2
Index = QModelIndex | QPersistentModelIndex


class OpModel(QStandardItemModel):
    """Categories with their ops; a dragged op carries its name."""

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.data(NAME):
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled
        return Qt.ItemFlag.ItemIsEnabled

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        names = [str(i.data(NAME)) for i in indexes if i.data(NAME)]
        if names:
            data.setData(MIME, names[0].encode())
            data.setText(names[0])
        return data


class OpDelegate(QStyledItemDelegate):
    """Paints an op as its icon and name, and under them the one sentence of what it does."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, 38 if index.data(NAME) else 26)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if not index.data(NAME):
            super().paint(painter, option, index)
            return
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        rect: QRect = option.rect
        now = theme.current()
        painter.save()
        if chosen:
            painter.fillRect(rect, now.accent)
        elif hovered:
            painter.fillRect(rect, theme.mix(now.base, now.accent, 0.12))
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        mode = QIcon.Mode.Selected if chosen else QIcon.Mode.Normal
        icon.paint(painter, QRect(rect.x() + 2, rect.y() + 10, 18, 18), Qt.AlignmentFlag.AlignCenter, mode)
        left, width = rect.x() + 27, rect.width() - 31
        for text, bold, top, colour in (
            (str(index.data(Qt.ItemDataRole.DisplayRole)), True, 2, now.text),
            (str(index.data(SENTENCE)), False, 19, now.muted),
        ):
            font = theme.font(13 if bold else 11.5, bold=bold)
            painter.setFont(font)
            painter.setPen(now.on_accent if chosen else colour)
            line = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRect(left, rect.y() + top, width, 17), Qt.AlignmentFlag.AlignVCenter, line)
        painter.restore()


class OpTree(QTreeView):
    """The list itself; Enter and double-click choose."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setIndentation(12)
        self.setMouseTracking(True)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setExpandsOnDoubleClick(True)
        self.setItemDelegate(OpDelegate(self))
        self.setAccessibleName("Operations")
        self.doubleClicked.connect(self._choose)

    def _choose(self, index: Index) -> None:
        name = index.data(NAME)
        if name:
            self.chosen.emit(str(name))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            index = self.currentIndex()
            if index.data(NAME):
                self._choose(index)
            elif index.isValid():
                self.setExpanded(index, not self.isExpanded(index))
            return
        super().keyPressEvent(event)


class SearchBox(QLineEdit):
    """A search field whose arrows move in the list below it."""

    def __init__(self, tree: OpTree) -> None:
        super().__init__()
        self._tree = tree
        self.setPlaceholderText("Search, such as relu or loss")
        self.setClearButtonEnabled(True)
        self.setAccessibleName("Search the library")
        self.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tree.keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class Palette(Panel):
    """The library panel. ``chosen`` comes with the op that Enter or a double-click picked."""

    name = "Library"
    about = "Every operation, by category. Drag one onto the canvas, or choose it with Enter."
    icon = "library"
    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.model = OpModel()
        self.tree = OpTree()
        self.search = SearchBox(self.tree)
        column = QVBoxLayout(self.content)
        column.setContentsMargins(6, 6, 6, 0)
        column.setSpacing(6)
        column.addWidget(self.search)
        column.addWidget(self.tree)
        self.tree.setModel(self.model)
        self.tree.chosen.connect(self.chosen)
        self.search.textChanged.connect(self.fill)
        self.nothing = Empty("search", "No operation is called like that. Try a shorter word: conv, norm, loss.")
        column.addWidget(self.nothing)
        self.fill("")
        theme.signals.changed.connect(self.tree.viewport().update)

    def fill(self, query: str) -> None:
        """Show what fits a query: by category where it is empty, the best first where not."""
        self.model.clear()
        found = find_ops(query)
        if query.strip():
            for op in found:
                self.model.appendRow(self._op(op))
            if found:
                self.tree.setCurrentIndex(self.model.index(0, 0))
        else:
            for category in dict.fromkeys(op.category for op in library()):
                head = QStandardItem(icons.category_icon(category), category)
                head.setFont(theme.font(bold=True))
                head.setToolTip(f"Operations of the category {category}")
                for op in found:
                    if op.category == category:
                        head.appendRow(self._op(op))
                self.model.appendRow(head)
            self.tree.expandAll()
        self.tree.setVisible(bool(found))
        self.nothing.setVisible(not found)

    @staticmethod
    def _op(op: type[Op]) -> QStandardItem:
        item = QStandardItem(icons.category_icon(op.category), op.title)
        item.setData(op.name(), NAME)
        item.setData(op.sentence(), SENTENCE)
        also = f"\nAlso called: {', '.join(op.also)}." if op.also else ""
        item.setToolTip(f"{op.sentence()}{also}\nDrag it onto the canvas, or press Enter.")
        item.setData(f"{op.title}: {op.sentence()}", Qt.ItemDataRole.AccessibleTextRole)
        return item

    def current(self) -> type[Op] | None:
        """Return the op that is marked in the list."""
        name = self.tree.currentIndex().data(NAME)
        return registry().get(str(name)) if name else None

    def focus_first(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

