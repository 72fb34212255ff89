"""What a unit would like to see best: gradient ascent on the input, from seeded noise, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.graph import Input
from graphlab.engine.maximise import Ascent, Unit, ascend, noise
from graphlab.engine.op import Array
from graphlab.engine.run import RunError
from graphlab.ui import theme
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.flow import Flow
from graphlab.ui.plots import Plot, pen, span
from graphlab.ui.tensor_view import picture_of
from graphlab.ui.tensor_view_heat import HeatMap
from graphlab.ui.tensor_view_model import largest_of
from graphlab.ui.tensor_view_slice import Slice


def real_inputs(view: View) -> list[str]:
    """Return the Inputs of real numbers, which a gradient can climb on."""
    plan = view.plan
    return [s.path for s in plan.inputs if plan.slots[s.outputs["y"]].spec.kind == "real"]


def has_units(view: View) -> list[str]:
    """Fit nodes behind an Input whose output has channels or units."""
    plan, step = view.plan, view.step
    if step is None or isinstance(step.op, Input) or not real_inputs(view):
        return []
    spec = plan.slots[next(iter(step.outputs.values()))].spec
    return [view.path] if spec.kind == "real" and spec.rank >= 2 else []


@lens(match=has_units)
class Maximise(Lens):
    """The input on its way from noise to what excites a unit most, and how the activation rises."""

    title = "What excites a unit"
    about = "Gradient ascent on the input: x ← x + η ∂a/∂x, from noise, while the weights stay."
    look_for = ("Early filters like edges and blots, units of the last layer like whole shapes. The picture is one "
                "that the network has never seen and yet is sure about. λ shrinks it at every step.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.ascent: Ascent | None = None
        self._known = ""
        self.unit = _spin("unit ", "The channel or unit whose activation is raised")
        self.source = QComboBox()
        self.source.setAccessibleName("Input that is changed")
        self.steps = _spin("steps ", "Steps of gradient ascent")
        self.steps.setRange(1, 400)
        self.steps.setValue(40)
        self.seed = _spin("seed ", "Seed of the noise that it starts from")
        self.seed.setMaximum(999_999)
        self.rule = QComboBox()
        self.rule.addItems(["η ∂a/∂x", "η ∂a/∂x ÷ its size"])
        self.rule.setCurrentIndex(1)
        self.rule.setAccessibleName("Step rule")
        self.rule.setToolTip("The plain gradient, or one divided by its root mean square so that η is a step's size")
        self.rate = QDoubleSpinBox()
        self.decay = QDoubleSpinBox()
        for box, prefix, about, top in ((self.rate, "η = ", "Size of a step", 1e4),
                                        (self.decay, "λ = ", "L2 decay", 20.0)):
            box.setPrefix(prefix)
            box.setDecimals(3)
            box.setRange(0, top)
            box.setSingleStep(0.05)
            box.setToolTip(about)
            box.setAccessibleName(about)
        top_row = QWidget()
        flow = Flow(top_row, 6)
        for widget in (self.unit, self.source, self.rule, self.rate, self.decay, self.steps, self.seed):
            flow.addWidget(widget)
        self.before, self.now = HeatMap(), HeatMap()
        self.plot = Plot("Activation at each step", bottom="step")
        self.plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.plot.setMinimumHeight(140)
        row = QHBoxLayout()
        for title, heat in (("noise", self.before), ("x now", self.now)):
            column = QVBoxLayout()
            column.addWidget(QLabel(title))
            column.addWidget(heat)
            column.addStretch()
            heat.setAccessibleName(title)
            row.addLayout(column, 1)
        row.addWidget(self.plot, 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(top_row)
        whole.addLayout(row, 1)
        self.curve = pg.PlotDataItem()
        self.dot = pg.ScatterPlotItem(size=9)
        self.plot.addItem(self.curve)
        self.plot.addItem(self.dot)
        self._tint()
        theme.signals.changed.connect(self._tint)
        for spin in (self.unit, self.steps, self.seed, self.rate, self.decay):
            spin.valueChanged.connect(self._again)
        for combo in (self.source, self.rule):
            combo.activated.connect(self._again)

    def _tint(self) -> None:
        now = theme.current()
        self.curve.setPen(pen(now.accent, 2))
        self.dot.setBrush(now.now)
        self.dot.setPen(pen(now.base, 1))

    # --- numbers ----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        names = real_inputs(self.view)
        if names != [self.source.itemText(i) for i in range(self.source.count())]:
            with QSignalBlocker(self.source):
                self.source.clear()
                self.source.addItems(names)
            self.source.setVisible(len(names) > 1)
        path = names[max(0, self.source.currentIndex())]
        record = self.view.record()
        output = next(iter(record.outputs))
        with QSignalBlocker(self.unit):
            self.unit.setRange(0, record[output].shape[1] - 1)
        data = np.asarray(self.view.feeds(32)[path], float)
        middle, scale = float(data.mean()), float(data.std()) or 1.0
        if path != self._known:
            self._known = path
            with QSignalBlocker(self.rate):
                self.rate.setValue(max(0.001, round(0.1 * scale, 3)))
        start = noise(self.view.plan, path, self.seed.value(), 0.3 * scale) + middle
        unit = Unit(self.view.path, self.unit.value(), output)
        self.ascent = ascend(
            self.view.plan, self.view.weights, self.view.feeds(1), path, unit, start,
            self.rate.value(), self.steps.value(), self.decay.value(), self.rule.currentIndex() == 1)
        activations = self.ascent.activations
        self.curve.setData(np.arange(len(activations)), activations)
        self.plot.set_ranges((0, len(activations) - 1), span(activations))
        self._picture(self.before, self.ascent.inputs[0])

    def _again(self) -> None:
        try:
            self.refresh()
        except RunError as e:
            self.caption_changed.emit(str(e))
            return
        self.show_frame(self.progress)
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    def _picture(self, heat: HeatMap, x: Array) -> None:
        picture = picture_of(x, Slice.of(x.shape))
        if picture is None:
            row = x.reshape(1, -1)
            heat.set_matrix(row, largest_of(row), False)
        else:
            plane = picture if picture.ndim == 2 else picture[0]
            heat.set_matrix(plane, largest_of(picture), False, picture)

    @property
    def frames(self) -> int:
        return 1 if self.ascent is None else len(self.ascent.inputs)

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        if self.ascent is not None:
            frame = self.frame_index()
            self._picture(self.now, self.ascent.inputs[frame])
            self.dot.setData([frame], [self.ascent.activations[frame]])

    def caption(self) -> str:
        if self.ascent is None:
            return ""
        frame, a = self.frame_index(), self.ascent
        text = (f"Step {frame}: the activation of unit {self.unit.value()} is {number_text(a.activations[frame])} "
                f"(at first {number_text(a.activations[0])}); ‖∂a/∂x‖ = {number_text(a.lengths[frame], 3)}")
        return text + (". Without a gradient there is no way up: try another seed." if not a.lengths[frame] else ".")

    def shown(self) -> Mapping[str, Array]:
        if self.ascent is None:
            return {}
        return {"input": self.ascent.inputs[self.frame_index()], "activations": self.ascent.activations,
                "lengths": self.ascent.lengths}

    def tries(self) -> Iterator[Try]:
        yield Try("Other noise", partial(self._add, self.seed), "Does it end in the same picture?")
        yield Try("Next unit", partial(self._add, self.unit), "What does another one like?")

    def _add(self, spin: QSpinBox) -> None:
        spin.setValue(spin.value() + 1 if spin.value() < spin.maximum() else spin.minimum())


def _spin(prefix: str, about: str) -> QSpinBox:
    out = QSpinBox()
    out.setPrefix(prefix)
    out.setKeyboardTracking(False)
    out.setToolTip(about)
    out.setAccessibleName(about)
    return out
