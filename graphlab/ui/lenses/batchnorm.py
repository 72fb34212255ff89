"""The BatchNorm lens: one channel before, normalised and after, its statistics over training, and its gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QVBoxLayout,
)

from graphlab.engine.op import Array
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.record import Record
from graphlab.ui import theme
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.batchnorm_channel import Channel, channel_of, statistics
from graphlab.ui.lenses.batchnorm_plots import Handles, Histogram, Plot, Terms, Trail, rounded
from graphlab.ui.lenses.batchnorm_words import sentence, tries_for
from graphlab.ui.lenses.view import View

#: Frames from one stage to the next, and the stages: four forward, three for the terms of the gradient.
PER_STAGE, STAGES = 6, 7
#: Ranges that differ by more than this are not drawn on one scale: the narrow one would be a line.
_COMPARABLE = 12.0


@lens(BatchNorm)
class BatchNormLens(Lens):
    """BatchNorm, channel by channel."""

    title = "BatchNorm"
    about = ("What batch normalisation does to one channel: shift by μ, divide by √(σ² + ε), scale by γ, shift by β; "
             "and the three terms of its gradient.")
    look_for = ("The histogram in the middle always has mean 0 and variance 1 in training, whatever comes in. Train, "
                "and the trail shows how the batch's μ and σ² wander while the running ones follow slowly. Drag the "
                "lines β and β + γ. In evaluation the running statistics are used: with few samples they differ from "
                "the batch's. The first term of the gradient loses its mean and its part along xˆ.")

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.channel: Channel | None = None
        self._columns = 0
        self._key = {"gamma": "", "beta": ""}
        self._controls()
        self.before = Histogram("before: x", "The numbers that come in; solid: their mean μ with ±σ, dashed: the "
                                "running mean", 0)
        self.normalised = Histogram("normalised: xˆ", "After subtracting μ and dividing by √(σ² + ε)", 1)
        self.after = Handles("after: y = γxˆ + β", "What goes out; drag β to shift it, β + γ to scale it", 2)
        solid, dash, dot = Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
        self.means = Trail("mean:", "Solid: μ of this batch, before; dashed: the running mean; "
                           "dotted: the mean after", (("batch", 0, solid), ("running", 3, dash), ("after", 2, dot)))
        self.variances = Trail("variance:", "Solid: σ² of this batch, before; dashed: the running "
                               "variance; dotted: the variance after",
                               (("batch", 0, solid), ("running", 3, dash), ("after", 2, dot)))
        self.terms = Terms("∂L/∂x:", "Rings: m·dxˆ; dashed: −Σdxˆ; dotted: −xˆ·Σ(dxˆ·xˆ), each over "
                           "m√(σ² + ε); diamonds: their sum, ∂L/∂x")
        self.plots: tuple[Plot, ...] = (
            self.before, self.normalised, self.after, self.means, self.variances, self.terms)
        self._arrange()
        self.after.moved.connect(self._set)
        theme.signals.changed.connect(self._retint)

    # --- building -------------------------------------------------------------------------------------------

    def _controls(self) -> None:
        self.choice = QSpinBox()
        self.choice.setAccessibleName("Channel")
        self.choice.setToolTip("Which feature, or which channel of an image, is looked at")
        self.of = QLabel()
        self.mode = QComboBox()
        self.mode.addItem("training: this batch", True)
        self.mode.addItem("evaluation: running", False)
        self.mode.setAccessibleName("Training or evaluation")
        self.mode.setToolTip("Which mean and variance it normalises with")
        self.batch = QSlider(Qt.Orientation.Horizontal)
        self.batch.setRange(2, 256)
        self.batch.setValue(max(2, min(256, self.view.document.setup.batch)))
        self.batch.setAccessibleName("Batch size")
        self.batch.setToolTip("How many samples are looked at")
        self.batch.setMinimumWidth(60)
        self.size_ = QLabel()
        self.gamma, self.beta = (self._number(n) for n in ("gamma", "beta"))
        self.choice.valueChanged.connect(lambda _v: self._again())
        self.mode.activated.connect(lambda _i: self._again())
        self.batch.valueChanged.connect(lambda _v: self._again())

    def _number(self, name: str) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setRange(-1e6, 1e6)
        box.setDecimals(3)
        box.setSingleStep(0.1)
        box.setKeyboardTracking(False)
        box.setMaximumWidth(112)
        letter = "γ" if name == "gamma" else "β"
        box.setPrefix(f"{letter} = ")
        box.setAccessibleName(f"{letter} of this channel")
        box.setToolTip(f"{letter} of this channel; the line in the histogram can be dragged as well")
        box.valueChanged.connect(lambda v: self._set(name, v))
        return box

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        label = QLabel("channel")
        label.setBuddy(self.choice)
        for widget in (label, self.choice, self.of, self.mode, self.size_):
            top.addWidget(widget)
        top.addWidget(self.batch, 1)
        top.addWidget(self.gamma)
        top.addWidget(self.beta)
        self.grid = QGridLayout()
        self.grid.setSpacing(4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(self.grid, 1)
        self._place(3)

    def _place(self, columns: int) -> None:
        """Put the plots into so many columns."""
        if columns == self._columns:
            return
        self._columns = columns
        for i, plot in enumerate(self.plots):
            self.grid.addWidget(plot, i // columns, i % columns)
        rows = len(self.plots) // columns
        for row in range(6):
            self.grid.setRowStretch(row, int(row < rows))
        for at in range(6):
            self.grid.setColumnStretch(at, int(at < columns))
        self.setMinimumHeight(32 + rows * 126)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place(6 if self.width() >= 1100 else 3)

    # --- reading ----------------------------------------------------------------------------------------------

    @property
    def training(self) -> bool:
        """Whether the statistics of the batch are used."""
        return bool(self.mode.currentData())

    def _record(self, view: View | None = None) -> Record:
        return (view or self.view).record(batch=self.batch.value(), training=self.training)

    def refresh(self) -> None:
        """Run the network on the samples looked at, and pick the channel."""
        record = self._record()
        step, count = self.view.step, record["x"].shape[1]
        with QSignalBlocker(self.choice):
            self.choice.setRange(0, count - 1)
        self.of.setText(f"of {count}")
        self.channel = c = channel_of(record, self.choice.value())
        self.size_.setText(f"B = {self.batch.value()}, m = {c.m}")
        plan = self.view.plan
        for name, box, value in (("gamma", self.gamma, c.gamma), ("beta", self.beta, c.beta)):
            slot = None if step is None else step.inputs.get(name)
            self._key[name] = "" if slot is None else plan.slots[slot].key
            box.setEnabled(bool(self._key[name]))
            with QSignalBlocker(box):
                box.setValue(value)
        self._draw_trails(record)

    def _again(self) -> None:
        self.refresh()
        self.show_frame(self.progress)
        self.caption_changed.emit(self.caption())

    def _set(self, name: str, value: float) -> None:
        """Write γ or β of the channel over, undoably; a drag is one entry."""
        key, c = self._key[name], self.channel
        if not key or c is None:
            return
        whole = np.array(self.view.weights[key], copy=True)
        if float(whole[c.index]) != value:
            whole[c.index] = value
            self.view.set_weight(key, whole)

    def followed(self) -> Mapping[str, Callable[[View], Array]]:
        """Return μ and σ² of the batch before and after, and the running ones, for every channel."""
        def of(port: str, which: int) -> Callable[[View], Array]:
            return lambda view: statistics(self._record(view)[port])[which]

        def running(port: str) -> Callable[[View], Array]:
            return lambda view: self._record(view)[port]

        return {"batch mean": of("x", 0), "batch variance": of("x", 1), "running mean": running("mean"),
                "running variance": running("var"), "after mean": of("y", 0), "after variance": of("y", 1)}

    # --- drawing ----------------------------------------------------------------------------------------------

    def _draw_trails(self, record: Record) -> None:
        now = {"batch": statistics(record["x"]), "running": (record["mean"], record["var"]),
               "after": statistics(record["y"])}
        for i, (plot, what) in enumerate(((self.means, "mean"), (self.variances, "variance"))):
            series, updates = {}, [0]
            for name, value in now.items():
                history = self.view.history(f"{name} {what}")
                every = [v[self.choice.value()] for v in history.values if len(v) == len(value[i])]
                updates = list(history.updates) if len(every) > 1 else [0]
                series[name] = np.array(every if len(every) > 1 else [value[i][self.choice.value()]], float)
            plot.show_trail(updates, series)

    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Return what the three histograms span: the same, where none of them would become a mere line."""
        c = self.channel
        assert c is not None
        spans = [(float(v.min()), float(v.max())) for v in (c.x, c.xhat, c.y)]
        spans[2] = min(spans[2][0], c.beta, c.beta + c.gamma), max(spans[2][1], c.beta, c.beta + c.gamma)
        if self._now < 2:
            spans[1] = min(spans[0][0], spans[1][0]), max(spans[0][1], spans[1][1])
        widths = [b - a for a, b in spans]
        low, high = min(a for a, _ in spans), max(b for _, b in spans)
        if high - low < _COMPARABLE * max(min(widths), 1e-12):
            spans = [(low, high)] * 3
        return tuple(rounded(*s) for s in spans)

    @property
    def frames(self) -> int:
        """Six for each stage, and one to begin with."""
        return PER_STAGE * STAGES + 1

    @property
    def _now(self) -> float:
        return self.progress * STAGES

    def show_frame(self, progress: float) -> None:
        """Draw the stage at 0…1: x, x − μ, xˆ, γxˆ, y, and then the gradient's three terms, one added to the other."""
        super().show_frame(progress)
        c = self.channel
        if c is None:
            return
        x, middle, y = self.ranges()
        now = self._now
        self.before.show_numbers(c.x, x, c.mean, c.deviation, c.running_mean)
        values = c.stage(min(now, 2.0))
        self.normalised.show_numbers(values, middle, float(values.mean()), float(values.std()))
        self.normalised.set_title("x" if now == 0 else "x − μ" if now <= 1 else "normalised: xˆ")
        out = c.stage(min(max(now, 2.0), 4.0))
        self.after.set_title("xˆ" if now <= 2 else "γxˆ" if now <= 3 else "after: y = γxˆ + β")
        self.after.show_numbers(out, y, float(out.mean()), float(out.std()))
        self.after.show_handles(c.gamma, c.beta, bool(self._key["gamma"] and self._key["beta"]))
        shares = [min(1.0, max(0.0, now - 4 - i)) for i in range(3)]
        self.terms.show_terms(c, (shares[0], shares[1], shares[2]))

    def caption(self) -> str:
        """Say what the stage does, with its numbers."""
        return "" if self.channel is None else sentence(self.channel, self._now)

    def shown(self) -> Mapping[str, Array]:
        """Return the numbers behind the histograms, the trail and the terms."""
        c = self.channel
        if c is None:
            return {}
        trails = {f"{name} {what}": np.array(line.getData()[1]) for plot, what in (
            (self.means, "mean"), (self.variances, "variance")) for name, line in plot.lines.items()}
        return {"x": c.x, "xhat": c.xhat, "y": c.y, "terms": c.terms, "dx": c.dx,
                "normalised now": c.stage(min(self._now, 2.0)), **trails}

    def tries(self) -> Iterable[Try]:
        """Return what to do to this channel, and to what comes in."""
        every = list(tries_for(self.view, self.channel, self._key))
        return [*every, *(Try(f"Batch of {n}", partial(self.batch.setValue, n), "Look at fewer or more samples")
                          for n in (4, 256))]

    def _retint(self) -> None:
        for plot in self.plots:
            plot.restyle()
        self.show_frame(self.progress)

