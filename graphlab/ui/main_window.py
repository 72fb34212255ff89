"""The main window: canvas in the centre, panels around it, one table of actions over everything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from graphlab.ui import icons
from graphlab.ui.action_table import ACTIONS, MENUS, TOOLBAR
from graphlab.ui.actions import Actions
from graphlab.ui.canvas.view import CanvasView
from graphlab.ui.docks import make_dock
from graphlab.ui.file_commands import FileCommands
from graphlab.ui.panels.calculators import Calculators
from graphlab.ui.panels.data import DataPanel
from graphlab.ui.panels.history import History
from graphlab.ui.panels.inspector import Inspector
from graphlab.ui.panels.palette import Palette
from graphlab.ui.panels.panel import Panel
from graphlab.ui.panels.problems import Problems
from graphlab.ui.panels.samples import Breadcrumb, SampleBar
from graphlab.ui.panels.setup import SetupPanel
from graphlab.ui.panels.timeline import Timeline
from graphlab.ui.panels.training import TrainingPanel
from graphlab.ui.session import Session
from graphlab.ui.settings import Settings
from graphlab.ui.start_page import StartPage
from graphlab.ui.status_bar import Status
from graphlab.ui.training import Training
from graphlab.ui.window_commands import WindowCommands

if TYPE_CHECKING:
    from graphlab.ui.app import Application

#: Raised when the docks change, so that an older arrangement is not forced on them.
ARRANGEMENT = 1
_LEFT, _RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
_BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea


class MainWindow(WindowCommands):
    """One document with everything to draw, run, train and look at it."""

    def __init__(self, application: Application, settings: Settings) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.application = application
        self.settings = settings
        self.session = Session(self)
        self.training = Training(self.session, self)
        self.canvas = CanvasView(self.session)
        self.files = FileCommands(self)
        self.actions_ = Actions(self, ACTIONS)
        self.start_page = StartPage(self)
        self.docks: dict[str, QDockWidget] = {}
        self._arrangement: QByteArray | None = None  # that of the editor, while the start page is shown
        self.setDockOptions(self.DockOption.AllowTabbedDocks | self.DockOption.AllowNestedDocks)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._build_centre()
        self._build_docks()
        self._build_bars()
        self.actions_.attach()
        self._listen()
        self.setWindowIcon(icons.application_icon())
        self.setMinimumSize(800, 520)
        self._first_arrangement = self.saveState(ARRANGEMENT)
        self._restore()
        self._apply_settings()
        self._say_title()
        self.actions_.refresh()

    # --- building ----------------------------------------------------------------------------------------

    def _build_centre(self) -> None:
        by_id = self.actions_.by_id
        editor = QWidget()
        column = QVBoxLayout(editor)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.samples = SampleBar(self.session, by_id)
        self.breadcrumb = Breadcrumb(self.session)
        head = QHBoxLayout()
        head.setContentsMargins(6, 3, 6, 3)
        head.addWidget(self.breadcrumb)
        head.addWidget(self.samples, 1)
        self.timeline = Timeline(self.session, by_id)
        column.addLayout(head)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.timeline)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start_page)
        self.stack.addWidget(editor)
        self.editor = editor
        self.setCentralWidget(self.stack)

    def _build_docks(self) -> None:
        by_id = self.actions_.by_id
        # The side panels reach down to the status bar, so that the bottom one stays as wide as the canvas.
        self.setCorner(Qt.Corner.BottomLeftCorner, _LEFT)
        self.setCorner(Qt.Corner.BottomRightCorner, _RIGHT)
        self.library = Palette()
        self.history = History(self.session, by_id["quick_add"])
        self.inspector = Inspector(self.session)
        self.data = DataPanel(self.session)
        self.setup = SetupPanel(self.session, by_id["start"])
        self.calculators = Calculators()
        self.problems = Problems(self.session)
        self.training_panel = TrainingPanel(self.training, by_id)
        for area, panels in (
            (_LEFT, (self.library, self.history)),
            (_RIGHT, (self.inspector, self.data, self.setup)),
            (_BOTTOM, (self.problems, self.training_panel, self.calculators)),
        ):
            first: QDockWidget | None = None
            for panel in panels:
                dock = self._dock(panel, area)
                if first is None:
                    first = dock
                else:
                    self.tabifyDockWidget(first, dock)
            if first is not None:
                first.raise_()
        self.docks[self.calculators.name].hide()

    def _dock(self, panel: Panel, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = make_dock(panel.name, panel.about, panel, self)
        self.addDockWidget(area, dock)
        self.docks[panel.name] = dock
        return dock

    def _build_bars(self) -> None:
        menus = self.actions_.fill_bar(self.menuBar(), MENUS)
        self.recent_menu = menus["File"].addMenu("Recent files")
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        panels = menus["View"].addMenu("Panels")
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())
        bar = QToolBar("Tools")
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(20, 20))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.actions_.fill_toolbar(bar, TOOLBAR)
        for id in ("run", "train"):
            button = bar.widgetForAction(self.actions_.by_id[id])
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.seed = self._number(bar, "seed", "Seed of initial weights, shuffling and dropout", 0, 2**31 - 1)
        self.seed.valueChanged.connect(lambda v: self.session.update_setup("Change the seed", seed=v))
        bar.addSeparator()
        self.view_batch = self._number(bar, "batch B =", "Samples that are looked at together while stepping", 1, 256)
        self.view_batch.valueChanged.connect(self.session.set_view_batch)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        for id in ("palette", "export"):
            bar.addAction(self.actions_.by_id[id])
        palette = bar.widgetForAction(self.actions_.by_id["palette"])
        if isinstance(palette, QToolButton):
            palette.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            palette.setText(f"Commands  {self.actions_.table['palette'].shortcut}")
        self.toolbar = bar
        self.addToolBar(bar)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.status = Status(self.session)
        self.setStatusBar(self.status)

    @staticmethod
    def _number(bar: QToolBar, text: str, about: str, low: int, high: int) -> QSpinBox:
        cell = QWidget()
        row = QHBoxLayout(cell)
        row.setContentsMargins(6, 0, 6, 0)
        row.setSpacing(5)
        label = QLabel(text)
        row.addWidget(label)
        box = QSpinBox()
        box.setRange(low, high)
        box.setMaximumWidth(72)
        box.setKeyboardTracking(False)
        box.setToolTip(about)
        box.setAccessibleName(about)
        label.setBuddy(box)
        row.addWidget(box)
        bar.addWidget(cell)
        return box

    def _listen(self) -> None:
        session, refresh = self.session, self.actions_.refresh
        for signal in (session.changed, session.planned, session.run_changed, session.selection_changed,
                       session.scope_changed, session.file_changed, session.data_changed, session.player.moved,
                       session.player.playing_changed, session.undo_stack.indexChanged, self.training.state_changed):
            signal.connect(lambda *_: refresh())
        session.file_changed.connect(self._say_title)
        session.replaced.connect(self._say_title)
        session.planned.connect(self._show_numbers)
        session.player.playing_changed.connect(self._playing_changed)
        self.training.state_changed.connect(self._training_changed)
        self.library.chosen.connect(self.add_op)
        self.problems.counted.connect(self._problems_counted)
        self.status.problems.clicked.connect(lambda: self.show_dock("Problems"))
        self.canvas.help_wanted.connect(self.show_help)
        self.canvas.problem_clicked.connect(lambda _path: self.show_dock("Problems"))
        self.settings.changed.connect(self._apply_settings)

    # --- following the session ---------------------------------------------------------------------------

    def _say_title(self) -> None:
        self.setWindowTitle(f"{self.files.name}[*] – GraphLab")
        self.setWindowModified(self.session.modified)

    def _show_numbers(self) -> None:
        with QSignalBlocker(self.seed):
            self.seed.setValue(self.session.document.setup.seed)

    def _problems_counted(self, count: int) -> None:
        self.docks["Problems"].setWindowTitle(f"Problems ({count})" if count else "Problems")

    def _training_changed(self) -> None:
        self.history.set_locked(self.training.active)
        if self.training.state == "running":
            self.show_dock("Training")

    def _playing_changed(self, playing: bool) -> None:
        self.actions_.by_id["play"].setIcon(icons.icon("pause" if playing else "play"))

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for path in self.settings.recent:
            self.recent_menu.addAction(path).triggered.connect(partial(self._open_recent, path))
        if not self.settings.recent:
            self.recent_menu.addAction("No recent files").setEnabled(False)

    def _open_recent(self, path: str, _checked: bool = False) -> None:
        self.application.open_in(self, path)

    def _apply_settings(self) -> None:
        preferences = self.settings.preferences
        self.canvas.reduce_motion = preferences.reduce_motion
        self.canvas.wheel_zooms = preferences.wheel == "zoom"
        self.training.set_rate(preferences.frame_rate)
        if self.view_batch.value() != preferences.view_batch and self.session.view_batch != preferences.view_batch:
            self.session.view_batch = preferences.view_batch
        with QSignalBlocker(self.view_batch):
            self.view_batch.setValue(self.session.view_batch)

    # --- start page and editor ---------------------------------------------------------------------------

    @property
    def on_start_page(self) -> bool:
        """Whether the start page is shown instead of the canvas."""
        return self.stack.currentWidget() is self.start_page

    def show_start_page(self) -> None:
        """Show examples and recent files, and nothing else."""
        if self._arrangement is None:
            # Before the window is seen nothing is laid out: what is remembered holds.
            self._arrangement = self.saveState(ARRANGEMENT) if self.isVisible() else self._remembered
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
            QTimer.singleShot(0, self, self._settle)
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def _settle(self) -> None:
        """Once the panels stand, give them their first sizes, and show the whole network in what is left."""
        if self._remembered is self._first_arrangement:
            self._remembered = QByteArray()
            self._size_docks()
        QTimer.singleShot(20, self.canvas, self.canvas.show_all)

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

    def _arrange(self, state: QByteArray) -> None:
        # Qt makes tab bars anew and leaves those from before standing where they were.
        for bar in self.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.hide()
        self.restoreState(state, ARRANGEMENT)

    # --- remembering ---------------------------------------------------------------------------------------

    def _restore(self) -> None:
        store = self.settings.store
        geometry, state = store.value("window/geometry"), store.value("window/state")
        self._remembered = state if isinstance(state, QByteArray) else self._first_arrangement
        self.resize(1280, 800)
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        self._arrange(self._remembered)

    def _remember(self) -> None:
        store = self.settings.store
        store.setValue("window/geometry", self.saveGeometry())
        state = self.saveState(ARRANGEMENT) if self._arrangement is None else self._arrangement
        store.setValue("window/state", state)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.may_leave():
            event.ignore()
            return
        self.training.finish()
        self.session.player.pause()
        self._remember()
        self.files.close()
        # The undo stack still speaks while Qt takes it down, and nobody should listen any more.
        self.session.undo_stack.blockSignals(True)
        self.application.forget(self)
        super().closeEvent(event)
