"""The training panel: controls, numbers and plots of the training that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QElapsedTimer, QEvent, QSize, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.progress import Progress, Scores
from graphlab.ui import theme
from graphlab.ui.panels.panel import Panel, Sentence
from graphlab.ui.training import PACES, Training

if TYPE_CHECKING:
    from graphlab.ui.panels.training_map import MapPlot
    from graphlab.ui.panels.training_plots import AccuracyPlot, LossPlot, NormPlot

BUTTONS = ("train", "train_pause", "train_single", "train_stop", "train_restart")


def duration(seconds: float) -> str:
    """Write a time as people do: 8 s, 3 min 20 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def percent(score: Scores | None) -> str:
    """Write an accuracy, or a dash where there is none."""
    return "–" if score is None or score.accuracy is None else f"{score.accuracy * 100:.1f} %"


class TrainingPanel(Panel):
    """Starts and stops training, and draws how it goes."""

    name = "Training"
    about = "Trains the network and draws loss, accuracy, gradients and the decision boundary while it learns."
    icon = "training"

    def __init__(self, training: Training, actions: Mapping[str, QAction]) -> None:
        super().__init__()
        self.training = training
        self._plot_cost_ms = 0
        self._since_plots = QElapsedTimer()
        self._since_plots.start()
        self._map_cost_ms = 0
        self._since_map = QElapsedTimer()
        self._since_map.start()
        self.loss: LossPlot | None = None
        self.accuracy: AccuracyPlot | None = None
        self.norms: NormPlot | None = None
        self.map: MapPlot | None = None
        row = QHBoxLayout(self.content)
        row.setContentsMargins(8, 4, 4, 4)
        row.setSpacing(8)
        row.addWidget(self._controls(actions))
        self._plots = QHBoxLayout()
        self._plots.setSpacing(4)
        row.addLayout(self._plots, 1)
        self.hint = Sentence("", "muted")
        self._plots.addWidget(self.hint)
        training.progressed.connect(self.refresh)
        training.state_changed.connect(self.refresh)
        session = training.session
        session.planned.connect(self._network_changed)
        session.data_changed.connect(self._network_changed)
        session.weights_changed.connect(self._redraw_map)
        self.refresh()

    def _controls(self, actions: Mapping[str, QAction]) -> QWidget:
        box = QWidget()
        box.setFixedWidth(272)
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for id in BUTTONS:
            button = QToolButton()
            button.setDefaultAction(actions[id])
            button.setIconSize(QSize(18, 18))
            button.setAutoRaise(True)
            buttons.addWidget(button)
        self.pace = QComboBox()
        self.pace.addItems(list(PACES))
        self.pace.setToolTip("How fast updates are made: slow enough to watch, or as fast as it goes")
        self.pace.setAccessibleName("Pace of training")
        self.pace.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pace.setMinimumContentsLength(9)
        self.pace.textActivated.connect(self._set_pace)
        buttons.addWidget(self.pace, 1)
        column.addLayout(buttons)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setAccessibleName("Progress of training")
        column.addWidget(self.bar)
        self.cells: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(1)
        for i, (name, about) in enumerate((
            ("epoch", "epochs that are done, and updates of the weights"),
            ("loss", "mean loss on the training samples, and on the validation samples"),
            ("accuracy", "share of right classes among the training samples, and the validation samples"),
            ("rate", "learning rate of now"),
            ("time", "time spent, and time left"),
        )):
            head = Sentence(name, "muted", wrap=False)
            head.setToolTip(about)
            value = QLabel("–")
            value.setFont(theme.font(tabular=True))
            value.setToolTip(about)
            value.setAccessibleName(name)
            grid.addWidget(head, i, 0)
            grid.addWidget(value, i, 1)
            self.cells[name] = value
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        column.addStretch()
        return box

    def _set_pace(self, pace: str) -> None:
        self.training.pace = pace

    # --- plots, made on first use --------------------------------------------------------------------

    def seen(self, visible: bool) -> None:
        if visible:
            # The window appears first; pyqtgraph takes a moment to load.
            QTimer.singleShot(100, self, self._catch_up)

    def _catch_up(self) -> None:
        if self.is_seen:
            self.make_plots()
            self._network_changed()
            self.refresh()

    def make_plots(self) -> None:
        """Load pyqtgraph and make the plots, once."""
        if self.loss is not None:
            return
        from graphlab.ui.panels.training_map import MapPlot
        from graphlab.ui.panels.training_plots import AccuracyPlot, LossPlot, NormPlot

        self.loss, self.accuracy, self.norms = LossPlot(), AccuracyPlot(), NormPlot()
        self.map = MapPlot(self.training.session)
        for plot in (self.loss, self.accuracy, self.norms, self.map):
            self._plots.addWidget(plot, 1)
        self._network_changed()
        self.refresh()

    def _drawn(self) -> list[Any]:
        return [p for p in (self.loss, self.accuracy, self.norms) if p is not None]

    def _network_changed(self) -> None:
        if self.map is not None:
            self.map.setVisible(self.map.ask())
            self.hint.setVisible(not self.training.curves.updates and self.map.isHidden())

    def _redraw_map(self) -> None:
        """Draw the map anew, in at most a tenth of the window's time."""
        if self.map is None or self.map.isHidden() or not self.is_seen:
            return
        if self.training.active and self._since_map.elapsed() < max(100, 10 * self._map_cost_ms):
            return
        self._since_map.restart()
        self.map.redraw()
        self._map_cost_ms = self._since_map.restart()

    # --- what it says ------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show where training stands."""
        curves, latest = self.training.curves, self.training.latest
        self.hint.setText("Train with Ctrl+F5: the curves of the loss appear here."
                          if self.training.session.loss_nodes() else
                          "Training needs a loss: add one from the library, such as softmax with cross-entropy.")
        self._say(latest)
        if self.loss is None or not self.is_seen:
            return
        if self.training.state == "running" and self._since_plots.elapsed() < 8 * self._plot_cost_ms:
            return
        self._since_plots.restart()
        for plot in self._drawn():
            if not curves.updates:
                plot.clear_lines()
            plot.show_curves(curves)
        classified = any(a == a for a in curves.train_accuracy)
        started = bool(curves.updates)
        for plot, wanted in ((self.loss, started), (self.accuracy, classified), (self.norms, started)):
            if plot is not None:
                plot.setVisible(wanted)
        self.hint.setVisible(not started and (self.map is None or self.map.isHidden()))
        self._plot_cost_ms = self._since_plots.elapsed()

    def _say(self, latest: Progress | None) -> None:
        if latest is None:
            for cell in self.cells.values():
                cell.setText("–")
            self.bar.setValue(0)
            return
        self.bar.setRange(0, max(1, latest.updates))
        self.bar.setValue(latest.update)
        losses = " / ".join("–" if s is None else f"{s.loss:.4g}" for s in (latest.train, latest.validation))
        left = f", {duration(latest.eta)} left" if latest.eta and self.training.active else ""
        state = " (paused)" if self.training.state == "paused" else ""
        for name, text in (
            ("epoch", f"{latest.epoch:,} / {latest.epochs:,}{state}"),
            ("loss", losses),
            ("accuracy", f"{percent(latest.train)} / {percent(latest.validation)}"),
            ("rate", f"{latest.rate:.4g}"),
            ("time", f"{duration(latest.seconds)}{left}"),
        ):
            self.cells[name].setText(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            for cell in self.cells.values():
                cell.setFont(theme.font(tabular=True))
