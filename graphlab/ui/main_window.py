"""The main window: first a frame that appears at once, then canvas and panels, and what is remembered of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QLabel, QTabBar

from graphlab.ui import icons
from graphlab.ui.settings import Settings
from graphlab.ui.window_commands import WindowCommands

if TYPE_CHECKING:
    from graphlab.ui.app import Application

#: Raised when the docks change, so that an older arrangement is not forced on them.
ARRANGEMENT = 1
#: What a title bar takes at most: its real height is only known once the window stands.
_TITLE_BAR = 48


class MainWindow(WindowCommands):
    """One document with everything to draw, run, train and look at it.

    Made with Qt alone, so that it can be seen before anything else is loaded; `build` fills it.
    """

    def __init__(self, application: Application, settings: Settings) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.application = application
        self.settings = settings
        self.built = False
        self.docks = {}
        self._remembered = QByteArray()
        self._first_arrangement = QByteArray()
        self._arrangement: QByteArray | None = None  # that of the editor, while the start page is shown
        self.setWindowTitle("GraphLab")
        self.setWindowIcon(icons.application_icon())
        self.setMinimumSize(800, 520)
        self.resize(1280, 800)
        geometry = settings.store.value("window/geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        logo = QLabel()
        logo.setAlignment(Qt.AlignmentFlag.AlignCenter)
        logo.setPixmap(icons.application_icon().pixmap(QSize(96, 96)))
        self.setCentralWidget(logo)

    def fit_screen(self) -> None:
        """Fill a screen that cannot hold the window with its frame; else the lower edge is out of sight."""
        room = self.screen().availableGeometry()
        if self.width() > room.width() - 4 or self.height() > room.height() - _TITLE_BAR:
            self.setWindowState(self.windowState() | Qt.WindowState.WindowMaximized)

    def build(self) -> None:
        """Load everything and fill the window, once."""
        if self.built:
            return
        from graphlab.ui.window_build import build_window

        self.built = True
        build_window(self)
        self._first_arrangement = self.saveState(ARRANGEMENT)
        state = self.settings.store.value("window/state")
        self._remembered = state if isinstance(state, QByteArray) else self._first_arrangement
        self._arrange(self._remembered)
        self.follow_settings()
        self.say_title()
        self.actions_.refresh()

    # --- following the session ---------------------------------------------------------------------------

    def say_title(self) -> None:
        """Name the document in the title, and mark it where it is not saved."""
        self.setWindowTitle(f"{self.files.name}[*] – GraphLab")
        self.setWindowModified(self.session.modified)

    def show_numbers(self) -> None:
        """Show the seed of the document in the toolbar."""
        with QSignalBlocker(self.seed):
            self.seed.setValue(self.session.document.setup.seed)

    def count_problems(self, count: int) -> None:
        """Show the number of problems in the tab of their panel."""
        self.docks["Problems"].setWindowTitle(f"Problems ({count})" if count else "Problems")

    def training_changed(self) -> None:
        """Show the training panel when training begins, unless a lens is watched; the history stays still meanwhile."""
        self.history.set_locked(self.training.active)
        if self.training.state == "running" and self.lens.visibleRegion().isEmpty():
            self.show_dock("Training")

    def playing_changed(self, playing: bool) -> None:
        """Let the play button show what it does next."""
        self.actions_.by_id["play"].setIcon(icons.icon("pause" if playing else "play"))

    def fill_recent(self) -> None:
        """Fill the menu of recent files."""
        self.recent_menu.clear()
        for path in self.settings.recent:
            self.recent_menu.addAction(path).triggered.connect(partial(self._open_recent, path))
        if not self.settings.recent:
            self.recent_menu.addAction("No recent files").setEnabled(False)

    def _open_recent(self, path: str, _checked: bool = False) -> None:
        self.application.open_in(self, path)

    def follow_settings(self) -> None:
        """Bring the window into the state that the preferences ask for."""
        preferences = self.settings.preferences
        self.canvas.reduce_motion = preferences.reduce_motion
        self.canvas.wheel_zooms = preferences.wheel == "zoom"
        self.training.set_rate(preferences.frame_rate)
        if preferences.view_batch != self._preferred_batch:
            self._preferred_batch = preferences.view_batch
            self.session.set_view_batch(preferences.view_batch)
        with QSignalBlocker(self.view_batch):
            self.view_batch.setValue(self.session.view_batch)

    _preferred_batch = 0

    # --- start page and editor ---------------------------------------------------------------------------

    @property
    def on_start_page(self) -> bool:
        """Whether the start page is shown instead of the canvas."""
        return self.stack.currentWidget() is self.start_page

    def show_start_page(self) -> None:
        """Show examples and recent files, and nothing else."""
        if self._arrangement is None:
            # Before the panels are laid out, what is remembered of them holds.
            laid_out = self.isVisible() and self._remembered.isEmpty()
            self._arrangement = self.saveState(ARRANGEMENT) if laid_out else self._remembered
            for dock in self.docks.values():
                dock.hide()
            self.toolbar.hide()
        self.start_page.refresh()
        self.stack.setCurrentWidget(self.start_page)

    def show_editor(self) -> None:
        """Show the canvas with its panels."""
        self.stack.setCurrentWidget(self.editor)
        if self._arrangement is not None:
            self._arrange(self._arrangement)
            self.toolbar.show()
            self._arrangement = None
        if not self._remembered.isEmpty():
            QTimer.singleShot(0, self, self._settle)
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def _settle(self) -> None:
        """Once the panels stand, give them their first sizes, and show the network in what is left."""
        if self._remembered == self._first_arrangement:
            self._size_docks()
        else:
            # Restored before the window has its size, the panels would be a little larger at every start.
            self._arrange(self._remembered)
        self._remembered = QByteArray()
        QTimer.singleShot(20, self.canvas, self.canvas.show_start)

    def reset_panels(self) -> None:
        """Put all panels back where they were at first."""
        self.show_editor()
        self._arrange(self._first_arrangement)
        self._size_docks()

    def _size_docks(self) -> None:
        """Give the panels the widths and the height that suit most windows."""
        wide = self.width() >= 1600
        self.resizeDocks([self.docks["Library"], self.docks["Inspector"]], [280, 380] if wide else [226, 316],
                         Qt.Orientation.Horizontal)
        self.resizeDocks([self.docks["Problems"]], [260 if wide else 216], Qt.Orientation.Vertical)

    def make_room(self, name: str) -> None:
        """Give a panel below the canvas the share of the window's height that it asks for; it is not made lower."""
        from graphlab.ui.panels.panel import Panel

        dock = self.docks[name]
        panel = dock.widget()
        if isinstance(panel, Panel) and panel.is_seen and not dock.isFloating():
            wanted = round(self.height() * panel.share)
            if dock.height() < wanted:
                self.resizeDocks([dock], [wanted], Qt.Orientation.Vertical)

    def _arrange(self, state: QByteArray) -> None:
        # Qt makes tab bars anew and leaves those from before standing where they were.
        for bar in self.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.hide()
        self.restoreState(state, ARRANGEMENT)

    # --- the end -------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        store = self.settings.store
        store.setValue("window/geometry", self.saveGeometry())
        state = self.saveState(ARRANGEMENT) if self._arrangement is None else self._arrangement
        if state != self._first_arrangement:
            store.setValue("window/state", state)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.built:
            if not self.files.may_leave():
                event.ignore()
                return
            self.training.finish()
            self.session.player.pause()
            self._remember()
            self.files.close()
            self.exports.close()
            # The undo stack still speaks while Qt takes it down, and nobody should listen any more.
            self.session.undo_stack.blockSignals(True)
            # Its commands must not be left to Python's garbage collector: it would end them in any order.
            self.session.undo_stack.clear()
        self.application.forget(self)
        super().closeEvent(event)
