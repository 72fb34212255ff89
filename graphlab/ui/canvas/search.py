"""Quick add: the search that opens where something is to be added, with the best match chosen already."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from graphlab.engine.op import Op
from graphlab.ui import icons, theme
from graphlab.ui.canvas.inline import typing
from graphlab.ui.panels.palette import NAME, SENTENCE, OpDelegate
from graphlab.ui.panels.palette_search import find_ops

ROW, ROWS, WIDTH = 38, 8, 360
_RECENT = 8


class Search(QFrame):
    """A field and the ops that fit what is typed into it. Enter takes the chosen one, Esc or a click elsewhere none."""

    #: Names of the ops that were added last, newest first; shared by all windows.
    recent: ClassVar[list[str]] = []

    def __init__(
        self, parent: QWidget, ops: Iterable[type[Op]], chosen: Callable[[type[Op]], None], closed: Callable[[], None],
        about: str = "",
    ) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAccessibleName("Add an operation")
        ops = list(ops)
        rank = {name: i for i, name in enumerate(self.recent)}
        self.ops = sorted(ops, key=lambda c: rank.get(c.name(), len(rank)))
        self._chosen, self._closed = chosen, closed
        self._open = True
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search for an operation")
        self.field.setAccessibleName("Search for an operation")
        self.field.setClearButtonEnabled(True)
        self.field.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.field.textChanged.connect(self.fill)
        self.field.installEventFilter(self)
        self.model = QStandardItemModel(self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.delegate = OpDelegate(self.list)
        self.list.setItemDelegate(self.delegate)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.setAccessibleName("Operations that fit")
        self.list.clicked.connect(self.take)
        self.nothing = QLabel("No operation is called like that.")
        self.nothing.setFont(theme.font(12))
        self.nothing.setMargin(8)
        self._around = parent
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        if about:
            what = QLabel(about)
            what.setFont(theme.font(11))
            column.addWidget(what)
        column.addWidget(self.field)
        column.addWidget(self.list)
        column.addWidget(self.nothing)
        self.setFixedWidth(WIDTH)
        self.fill("")

    def open_at(self, at: QPoint) -> None:
        """Show it near a point of the parent, inside of it, with the caret in the field."""
        area = self._around.rect()
        self.setFixedHeight(min(self._column.minimumSize().height() - self.list.minimumSizeHint().height()
                                + ROW * ROWS + 8, area.height() - 16))
        x = max(8, min(at.x() - 20, area.right() - self.width() - 8))
        y = max(8, min(at.y() - 20, area.bottom() - self.height() - 8))
        self.move(x, y)
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def fill(self, query: str) -> None:
        """Show what fits, the best chosen; recent ones first while nothing is typed."""
        self.model.clear()
        found = find_ops(query, self.ops)
        for op in found:
            item = QStandardItem(icons.category_icon(op.category), op.title)
            item.setData(op.name(), NAME)
            item.setData(op.sentence(), SENTENCE)
            item.setData(f"{op.title}: {op.sentence()}", Qt.ItemDataRole.AccessibleTextRole)
            self.model.appendRow(item)
        self.list.setVisible(bool(found))
        self.nothing.setVisible(not found)
        if found:
            self.list.setCurrentIndex(self.model.index(0, 0))

    def current(self) -> type[Op] | None:
        """Return the op that is chosen at the moment."""
        name = self.list.currentIndex().data(NAME)
        return next((op for op in self.ops if op.name() == name), None)

    def take(self, index: QModelIndex | None = None) -> None:
        """Take the chosen op, and close."""
        op = self.current()
        if op is not None and self._open:
            name = op.name()
            Search.recent[:] = [name, *(n for n in Search.recent if n != name)][:_RECENT]
            self.close_search()
            self._chosen(op)

    def close_search(self) -> None:
        """Close without taking anything."""
        if self._open:
            self._open = False
            self.hide()
            self.deleteLater()
            self._closed()

    def _step(self, by: int) -> None:
        rows = self.model.rowCount()
        if rows:
            row = max(0, min(self.list.currentIndex().row() + by, rows - 1))
            self.list.setCurrentIndex(self.model.index(row, 0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and typing(event):
            event.accept()
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS,
                     Qt.Key.Key_Tab: 1, Qt.Key.Key_Backtab: -1}
            key = Qt.Key(event.key())
            if key in steps:
                self._step(steps[key])
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.take()
                return True
            if key == Qt.Key.Key_Escape:
                self.close_search()
                return True
        if isinstance(event, QFocusEvent) and event.type() == QEvent.Type.FocusOut:
            if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
                self.close_search()
        return super().eventFilter(watched, event)
