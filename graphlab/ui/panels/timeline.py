"""The timeline under the canvas: step, play and scrub through the run, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from graphlab.ui import theme
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.panels.timeline_slider import TimelineSlider
from graphlab.ui.session import Session

#: What the speed menu offers, in steps a second.
SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BUTTONS = ("play", "step_back", "step", "step_into", "step_out")


class Timeline(QWidget):
    """One line of controls; the actions are the window's own, so that keys and buttons do the same."""

    def __init__(self, session: Session, actions: Mapping[str, QAction]) -> None:
        super().__init__()
        self.session = session
        self.setAccessibleName("Timeline")
        self.setWhatsThis("Step, play and scrub through the run: forward on the left, backward on the right.")
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 8, 2)
        row.setSpacing(2)
        for id in BUTTONS:
            button = QToolButton()
            button.setDefaultAction(actions[id])
            button.setIconSize(QSize(18, 18))
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(button)
        self.slider = TimelineSlider()
        self.slider.setToolTip("Scrub through the run: forward on the left of the bar, backward on its right")
        self.slider.valueChanged.connect(self._scrub)
        row.addSpacing(6)
        row.addWidget(self.slider, 1)
        row.addSpacing(6)
        self.where = Sentence("", "text", wrap=False)
        self.where.setMinimumWidth(90)
        self.where.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        row.addWidget(self.where)
        self.counts = QLabel()
        self.counts.setFont(theme.font(tabular=True))
        self.counts.setToolTip("Steps that have run, of all steps of this level")
        row.addSpacing(10)
        row.addWidget(self.counts)
        self.speed = QComboBox()
        self.speed.addItems([f"{s:g}×" for s in SPEEDS])
        self.speed.setCurrentIndex(SPEEDS.index(2.0))
        self.speed.setToolTip("Speed of playing, in steps a second")
        self.speed.setAccessibleName("Speed of playing")
        self.speed.activated.connect(lambda i: session.player.set_speed(SPEEDS[i]))
        row.addSpacing(8)
        row.addWidget(self.speed)
        session.player.moved.connect(self.refresh)
        session.run_changed.connect(self.refresh)
        session.planned.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show where the debugger stands."""
        player = self.session.player
        with QSignalBlocker(self.slider):
            stops = player.breakpoints
            marks = [i for i in range(player.count if stops else 0)
                     if {(path := player.event_at(i).path), player.card(path)} & stops]
            self.slider.set_line(player.forward_count, player.count, tuple(marks))
            self.slider.setValue(player.cursor)
        if player.run is None:
            runnable = bool(self.session.plan.steps)
            self.where.setText("F5 runs the network, F10 steps" if runnable else "Add an Input to run something")
            self.where.set_tone("muted")
            self.counts.setText("")
            return
        done = player.cursor + 1
        forward = player.forward_count
        backward = player.count - forward
        behind = f" │ backward {max(0, done - forward)}/{backward}" if backward else " │ no loss, no backward"
        self.counts.setText(f"forward {min(done, forward)}/{forward}{behind}")
        at = player.position
        self.where.set_tone("text")
        if at is None:
            self.where.setText("at the start")
        else:
            arrow = "→" if at.direction == "forward" else "←"
            self.where.setText(f"{arrow} {self._name(at.path)}")

    def _name(self, path: str) -> str:
        level = self.session.player.level
        node = self.session.document.node(path)
        if node is not None and node.label:
            return node.label
        return path.removeprefix(f"{level}/") if level else path

    def _scrub(self, value: int) -> None:
        self.session.player.pause()
        self.session.player.scrub(value)
