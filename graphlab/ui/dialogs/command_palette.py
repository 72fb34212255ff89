"""The command palette: every command with its key, every operation, every example, and the nodes of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QIcon, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
)
from shiboken6 import isValid

from graphlab.document.examples import GALLERY
from graphlab.ui import icons, theme
from graphlab.ui.panels.palette_search import library, score
from graphlab.ui.panels.panel import Sentence

if TYPE_CHECKING:
    from graphlab.ui.window_commands import WindowCommands

Index = QModelIndex | QPersistentModelIndex
_ENTRY = Qt.ItemDataRole.UserRole + 1
#: More lines than this are not looked through.
MOST = 60


@dataclass(frozen=True)
class Entry:
    """One line: what it is called and how else, what it does, its key, and what happens."""

    names: tuple[str, ...]
    about: str
    hint: str
    run: Callable[[], object]
    icon: QIcon
    enabled: bool = True
    weight: float = 1.0


class EntryDelegate(QStyledItemDelegate):
    """Paints name, what it does, and the key at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(300, 30)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry = index.data(_ENTRY)
        rect: QRect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        now = theme.current()
        strong = now.on_accent if chosen else now.text if entry.enabled else now.muted
        weak = now.on_accent if chosen else now.muted
        painter.save()
        if chosen:
            painter.fillRect(rect, now.accent)
        mode = QIcon.Mode.Selected if chosen else QIcon.Mode.Normal if entry.enabled else QIcon.Mode.Disabled
        entry.icon.paint(painter, QRect(rect.x() + 8, rect.y() + 6, 18, 18), Qt.AlignmentFlag.AlignCenter, mode)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(bold=True))
        metrics = painter.fontMetrics()
        painter.setPen(strong)
        name = rect.adjusted(34, 0, -8, 0)
        painter.drawText(name, middle, entry.names[0])
        taken = metrics.horizontalAdvance(entry.names[0])
        painter.setFont(theme.font(12))
        metrics = painter.fontMetrics()
        right = metrics.horizontalAdvance(entry.hint) + 12 if entry.hint else 0
        painter.setPen(weak)
        painter.drawText(name, middle | Qt.AlignmentFlag.AlignRight, entry.hint)
        about = name.adjusted(taken + 12, 0, -right, 0)
        if about.width() > 40:
            painter.drawText(about, middle, metrics.elidedText(entry.about, Qt.TextElideMode.ElideRight, about.width()))
        painter.restore()


class Finder(QFrame):
    """A search field over a list, above everything in the window; Enter carries out the line that is marked.

    It goes away when the keyboard goes elsewhere, and gives it back to where it came from.
    """

    def __init__(self, window: WindowCommands, title: str, entries: list[Entry]) -> None:
        super().__init__(window)
        self.setAccessibleName(title)
        self.entries = entries
        self._came_from = QApplication.focusWidget()
        self._gone = False
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        self.field = QLineEdit()
        self.field.setPlaceholderText(title)
        self.field.setAccessibleName(title)
        self.field.setFont(theme.font(15))
        self.field.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.field.textChanged.connect(self.fill)
        column.addWidget(self.field)
        self.list = QListWidget()
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setItemDelegate(EntryDelegate(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setAccessibleName("What fits")
        self.list.itemClicked.connect(lambda _item: self.accept_current())
        column.addWidget(self.list)
        self.nothing = Sentence("Nothing is called like that.", "muted")
        self.nothing.hide()
        column.addWidget(self.nothing, 1, Qt.AlignmentFlag.AlignTop)
        self.resize(min(620, window.width() - 40), min(440, window.height() - 120))
        self.move((window.width() - self.width()) // 2, 60)
        self.fill("")
        self.field.installEventFilter(self)
        self.raise_()
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def dismiss(self) -> None:
        """Go away."""
        if not self._gone:
            self._gone = True
            self.hide()
            if self._came_from is not None and isValid(self._came_from):
                self._came_from.setFocus(Qt.FocusReason.OtherFocusReason)
            self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.dismiss()
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            # Escape and the arrows belong to the search while it is open.
            if event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
        return super().eventFilter(watched, event)

    def fill(self, query: str) -> None:
        """Show what fits, the best first; everything in its own order for an empty query."""
        self.list.clear()
        for entry in self.matching(query):
            item = QListWidgetItem(entry.names[0])
            item.setData(_ENTRY, entry)
            item.setToolTip(entry.about)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(self.list.count() > 0)
        self.nothing.setVisible(self.list.count() == 0)

    def matching(self, query: str) -> list[Entry]:
        """Return the lines that fit a query, the best first; all of them for an empty one."""
        if not query.strip():
            return self.entries
        found = [(score(query, e.names, e.about) * e.weight * (1.0 if e.enabled else 0.7), e) for e in self.entries]
        return [e for s, e in sorted(found, key=lambda pair: -pair[0]) if s > 0][:MOST]

    def current(self) -> Entry | None:
        """Return the marked line."""
        items = self.list.selectedItems()
        entry: Entry | None = items[0].data(_ENTRY) if items else None
        return entry

    def accept_current(self) -> None:
        """Carry out the marked line, after this window has gone."""
        entry = self.current()
        if entry is not None and entry.enabled:
            self.dismiss()
            entry.run()

    def _key(self, event: QKeyEvent) -> bool:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
        key = Qt.Key(event.key())
        if key in step and self.list.count():
            row = min(max(self.list.currentRow() + step[key], 0), self.list.count() - 1)
            self.list.setCurrentRow(row)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept_current()
        elif key == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            return False
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), now.card)
        painter.setPen(QPen(now.border, 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))


def commands(window: WindowCommands) -> list[Entry]:
    """Return every command."""
    out = []
    window.actions_.refresh()
    for id, action in window.actions_.table.items():
        made = window.actions_.by_id[id]
        icon = icons.icon(action.icon) if action.icon else QIcon()
        name = action.text.replace("&", "").rstrip("…")
        out.append(Entry((name, id.replace("_", " ")), action.tooltip, action.shortcut, made.trigger, icon,
                         made.isEnabled(), 1.05))
    return out


def ops(window: WindowCommands) -> list[Entry]:
    """Return every operation."""
    def adder(name: str) -> Callable[[], object]:
        return lambda: window.add_op(name)
    return [Entry((op.title, op.name(), *op.also), op.sentence(), "add", adder(op.name()),
                  icons.category_icon(op.category)) for op in library()]


def examples(window: WindowCommands) -> list[Entry]:
    """Return every example."""
    def opener(name: str) -> Callable[[], object]:
        return lambda: window.files.open_example(name)
    return [Entry((e.title, e.name, e.topic), e.line, "open example", opener(e.name), icons.icon("open"), weight=0.95)
            for e in GALLERY]


def nodes(window: WindowCommands) -> list[Entry]:
    """Return every node of the network, those inside blocks included; before them those of an opened op."""
    def shower(path: str) -> Callable[[], object]:
        return lambda: window.session.show_node(path)
    out = []
    scope = window.session.scope
    graph, editable = window.session.graph_at(scope)
    if not editable:
        for part in graph.nodes.values():
            path = f"{scope}/{part.id}"
            out.append(Entry((part.name, path, part.op.title), f"{part.op.title} · {path}", "", shower(path),
                             icons.category_icon(part.op.category)))
    for path in window.session.plan.where:
        node = window.session.document.node(path)
        if node is not None:
            spec = window.session.plan.spec(path)
            about = f"{node.op.title} · {path}"
            out.append(Entry((node.name, path, node.op.title), about, str(spec or ""), shower(path),
                             icons.category_icon(node.op.category)))
    return out


def show_everything(window: WindowCommands) -> Finder:
    """Open the palette with all there is."""
    return Finder(window, "Find a command, an operation or an example",
                  [*commands(window), *ops(window), *examples(window)])


def show_nodes(window: WindowCommands) -> Finder:
    """Open the palette with the nodes of the network."""
    return Finder(window, "Find a node by its name or kind", nodes(window))
