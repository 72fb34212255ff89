"""Everything that a user can trigger, as one table: menus, toolbar, keys, command palette and tests come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QMenu, QMenuBar, QToolBar, QWidget

from graphlab.document.files import FileError
from graphlab.document.paths import EditError
from graphlab.engine.data import DataError
from graphlab.engine.run import RunError
from graphlab.ui import icons

if TYPE_CHECKING:
    from graphlab.ui.main_window import MainWindow

Test = Callable[["MainWindow"], bool]


@dataclass(frozen=True)
class Action:
    """One command. The keys of one with ``canvas`` are handled by the canvas itself, those of others work everywhere.

    ``enabled`` tells whether it can be triggered now, ``checked`` (where there is one) whether it is switched on.
    """

    id: str
    text: str
    tooltip: str
    run: Callable[[MainWindow], object]
    keys: tuple[str, ...] = ()
    icon: str = ""
    enabled: Test | None = None
    checked: Test | None = None
    canvas: bool = False

    @property
    def shortcut(self) -> str:
        """The first key, as the user's system writes it."""
        native = QKeySequence.SequenceFormat.NativeText
        return QKeySequence(self.keys[0]).toString(native) if self.keys else ""


#: What went wrong, in words, for which the status bar is the right place.
EXPECTED = (EditError, FileError, RunError, DataError)


class Actions(QObject):
    """The table bound to one window: a QAction for each line, kept enabled and checked as the window is."""

    def __init__(self, window: MainWindow, table: tuple[Action, ...]) -> None:
        super().__init__(window)
        self.window = window
        self.table = {a.id: a for a in table}
        self.by_id: dict[str, QAction] = {}
        for action in table:
            self.by_id[action.id] = self._make(action)

    def _make(self, action: Action) -> QAction:
        made = QAction(action.text, self)
        made.setObjectName(action.id)
        if action.icon:
            made.setIcon(icons.icon(action.icon))
        made.setShortcuts([QKeySequence(k) for k in action.keys])
        made.setToolTip(f"{action.tooltip} ({action.shortcut})" if action.shortcut else action.tooltip)
        made.setStatusTip(action.tooltip)
        if action.checked is not None:
            made.setCheckable(True)
        if action.canvas:
            # The menu shows the keys; the canvas answers to them, since it knows what is being dragged or typed.
            made.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        made.triggered.connect(partial(self.trigger, action.id))
        return made

    def attach(self) -> None:
        """Make the keys work everywhere in the window."""
        for id, made in self.by_id.items():
            if not self.table[id].canvas:
                self.window.addAction(made)

    def trigger(self, id: str, _checked: bool = False) -> None:
        """Carry out an action, after whatever is being typed has been taken over."""
        finish_typing(QApplication.focusWidget() or self.window.focusWidget())
        try:
            self.table[id].run(self.window)
        except EXPECTED as e:
            self.window.session.message.emit(str(e), "warning")
        self.refresh()

    def refresh(self) -> None:
        """Enable, disable and check the actions as things are now."""
        for id, action in self.table.items():
            made = self.by_id[id]
            if action.enabled is not None:
                made.setEnabled(action.enabled(self.window))
            if action.checked is not None:
                made.setChecked(action.checked(self.window))

    # --- where they are shown --------------------------------------------------------------------------

    def fill_menu(self, menu: QMenu, ids: tuple[str, ...]) -> None:
        """Add actions to a menu; ``-`` stands for a line."""
        menu.setToolTipsVisible(False)
        for id in ids:
            if id == "-":
                menu.addSeparator()
            else:
                menu.addAction(self.by_id[id])

    def fill_bar(self, bar: QMenuBar, menus: Mapping[str, tuple[str, ...]]) -> dict[str, QMenu]:
        """Build the menu bar; returns the menus by title."""
        made: dict[str, QMenu] = {}
        for title, ids in menus.items():
            menu = QMenu(title, bar)
            self.fill_menu(menu, ids)
            bar.addMenu(menu)
            made[title.replace("&", "")] = menu
        return made

    def fill_toolbar(self, bar: QToolBar, ids: tuple[str, ...]) -> None:
        """Add actions to a toolbar; ``-`` stands for a line."""
        for id in ids:
            if id == "-":
                bar.addSeparator()
            else:
                bar.addAction(self.by_id[id])


def finish_typing(widget: QWidget | None) -> None:
    """Take over what stands in the field that has the keyboard, as leaving it would."""
    if isinstance(widget, QAbstractSpinBox):
        widget.interpretText()
    elif isinstance(widget, QLineEdit) and widget.isModified():
        widget.setModified(False)
        widget.editingFinished.emit()
