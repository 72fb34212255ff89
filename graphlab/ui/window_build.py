"""Filling a main window: the session and its parts, the panels in their docks, menus and toolbar."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from graphlab.ui.action_table import ACTIONS, MENUS, TOOLBAR
from graphlab.ui.actions import Actions
from graphlab.ui.canvas.view import CanvasView
from graphlab.ui.docks import make_dock
from graphlab.ui.export_commands import ExportCommands
from graphlab.ui.file_commands import FileCommands
from graphlab.ui.panels.calculators import Calculators
from graphlab.ui.panels.data import DataPanel
from graphlab.ui.panels.history import History
from graphlab.ui.panels.inspector import Inspector
from graphlab.ui.panels.lens_later import LensLater
from graphlab.ui.panels.palette import Palette
from graphlab.ui.panels.panel import Panel
from graphlab.ui.panels.problems import Problems
from graphlab.ui.panels.samples import Breadcrumb, SampleBar
from graphlab.ui.panels.setup import SetupPanel
from graphlab.ui.panels.timeline import Timeline
from graphlab.ui.panels.training import TrainingPanel
from graphlab.ui.session import Session
from graphlab.ui.start_page import StartPage
from graphlab.ui.status_bar import Status
from graphlab.ui.training import Training

if TYPE_CHECKING:
    from graphlab.ui.main_window import MainWindow

_LEFT, _RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
_BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea


def build_window(window: MainWindow) -> None:
    """Make everything that a window shows, and connect it."""
    window.session = Session(window)
    window.training = Training(window.session, window)
    window.canvas = CanvasView(window.session)
    window.files = FileCommands(window)
    window.exports = ExportCommands(window)
    window.actions_ = Actions(window, ACTIONS)
    window.start_page = StartPage(window)
    window.setDockOptions(window.DockOption.AllowTabbedDocks | window.DockOption.AllowNestedDocks)
    window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
    # The plots below need width, the arithmetic on the right needs height.
    window.setCorner(Qt.Corner.BottomLeftCorner, _BOTTOM)
    window.setCorner(Qt.Corner.BottomRightCorner, _RIGHT)
    _centre(window)
    _docks(window)
    _menus(window)
    _toolbar(window)
    window.status = Status(window.session)
    window.setStatusBar(window.status)
    window.actions_.attach()
    _connect(window)


def _centre(window: MainWindow) -> None:
    by_id = window.actions_.by_id
    window.editor = QWidget()
    column = QVBoxLayout(window.editor)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    head = QHBoxLayout()
    head.setContentsMargins(6, 3, 6, 3)
    head.addWidget(Breadcrumb(window.session))
    head.addWidget(SampleBar(window.session, by_id), 1)
    window.timeline = Timeline(window.session, by_id)
    column.addLayout(head)
    column.addWidget(window.canvas, 1)
    column.addWidget(window.timeline)
    window.stack = QStackedWidget()
    window.stack.addWidget(window.editor)
    window.stack.addWidget(window.start_page)
    window.setCentralWidget(window.stack)


def _docks(window: MainWindow) -> None:
    by_id, session = window.actions_.by_id, window.session
    window.library = Palette()
    window.history = History(session, by_id["quick_add"])
    window.problems = Problems(session)
    window.training_panel = TrainingPanel(window.training, by_id)
    window.lens = LensLater(session, window.training)
    window.inspector = Inspector(session)
    left: tuple[Panel, ...] = (window.library, window.history)
    right: tuple[Panel, ...] = (window.inspector, DataPanel(session), SetupPanel(session, by_id["start"]))
    bottom: tuple[Panel, ...] = (window.problems, window.training_panel, window.lens, Calculators())
    for area, panels in ((_LEFT, left), (_RIGHT, right), (_BOTTOM, bottom)):
        first: QDockWidget | None = None
        for panel in panels:
            dock = make_dock(panel.name, panel.about, panel, window)
            window.addDockWidget(area, dock)
            window.docks[panel.name] = dock
            if panel.share:
                # While the window is put together, panels are seen for a moment before another tab covers them.
                dock.visibilityChanged.connect(
                    lambda on, name=panel.name: QTimer.singleShot(80 * on, window, partial(window.make_room, name)))
            dock.show()  # now rather than soon: the arrangement is saved before the event loop comes to it
            if first is None:
                first = dock
            else:
                window.tabifyDockWidget(first, dock)
        if first is not None:
            first.raise_()
    window.docks["Calculators"].hide()


def _menus(window: MainWindow) -> None:
    menus = window.actions_.fill_bar(window.menuBar(), MENUS)
    window.recent_menu = menus["File"].addMenu("Recent files")
    window.recent_menu.aboutToShow.connect(window.fill_recent)
    panels = menus["View"].addMenu("Panels")
    for dock in window.docks.values():
        panels.addAction(dock.toggleViewAction())


def _toolbar(window: MainWindow) -> None:
    actions, session = window.actions_, window.session
    bar = window.toolbar = QToolBar("Tools")
    bar.setObjectName("tools")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    actions.fill_toolbar(bar, TOOLBAR)
    window.seed = _number(bar, "seed", "Seed of initial weights, shuffling and dropout", 0, 2**31 - 1)
    window.seed.valueChanged.connect(lambda v: session.update_setup("Change the seed", seed=v))
    bar.addSeparator()
    window.view_batch = _number(bar, "batch B =", "Samples that are looked at together while stepping", 1, 256)
    window.view_batch.valueChanged.connect(session.set_view_batch)
    space = QWidget()
    space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(space)
    for id in ("palette", "export"):
        bar.addAction(actions.by_id[id])
    for id in ("run", "train", "palette"):
        button = bar.widgetForAction(actions.by_id[id])
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            if id == "palette":
                button.setText(f"Commands  {actions.table[id].shortcut}")
    window.addToolBar(bar)
    bar.show()
    window.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)


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


def _connect(window: MainWindow) -> None:
    session, refresh = window.session, window.actions_.refresh
    for signal in (session.changed, session.planned, session.run_changed, session.selection_changed,
                   session.scope_changed, session.file_changed, session.data_changed, session.player.moved,
                   session.player.playing_changed, session.undo_stack.indexChanged, window.training.state_changed):
        signal.connect(lambda *_: refresh())
    session.file_changed.connect(window.say_title)
    session.replaced.connect(window.say_title)
    session.planned.connect(window.show_numbers)
    session.player.playing_changed.connect(window.playing_changed)
    window.training.state_changed.connect(window.training_changed)
    window.lens.export_asked.connect(window.exports.lens)
    window.library.chosen.connect(window.add_op)
    window.problems.counted.connect(window.count_problems)
    window.status.problems.clicked.connect(lambda: window.show_dock("Problems"))
    window.canvas.help_wanted.connect(window.show_help)
    window.canvas.settings_wanted.connect(lambda _path: _show_settings(window))
    window.inspector.properties.finished.connect(window.canvas.setFocus)
    window.canvas.problem_clicked.connect(lambda _path: window.show_dock("Problems"))
    window.settings.changed.connect(window.follow_settings)


def _show_settings(window: MainWindow) -> None:
    window.show_dock("Inspector")
    window.inspector.show_settings()
