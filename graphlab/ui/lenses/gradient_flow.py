"""The gradient-flow lens: how large activations, gradients and updates are from layer to layer, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QSpinBox, QVBoxLayout

from graphlab.engine.anatomy import Anatomy, anatomy
from graphlab.engine.doctor import Finding, examine
from graphlab.engine.flow import Survey, survey
from graphlab.engine.op import Array
from graphlab.engine.run import Run
from graphlab.ui import icons, theme
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.gradient_flow_chart import FlowChart
from graphlab.ui.lenses.gradient_flow_lines import (
    NAMES,
    QUANTITIES,
    layer_lines,
    legend,
    moment,
    summary,
    time_lines,
)
from graphlab.ui.lenses.gradient_flow_tries import tries_for
from graphlab.ui.lenses.view import View

_ICONS = {"problem": "error", "warning": "warning", "good": "check"}


def has_layers(view: View) -> Sequence[str]:
    """Fit any network that has a layer with weights."""
    return [""] if anatomy(view.plan).parts else []


@lens(match=has_layers)
class GradientFlow(Lens):
    """Gradient flow through layers and through time, with a doctor's findings."""

    title = "Gradient flow"
    about = "How large activations, gradients and updates are, from layer to layer or through time, on a log scale."
    look_for = ("A line that falls from right to left is a gradient that vanishes on its way back; the strip below "
                "shows the factor between neighbouring layers. Bars reach from the 10 % to the 90 % quantile. About "
                "10⁻³ is usual for update / weight. Play to see the wave run forward, then back.")

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.survey: Survey | None = None
        self.findings: tuple[Finding, ...] = ()
        self._anatomy: Anatomy | None = None
        self.what = self._combo("Quantity", "Which sizes are drawn")
        self.along = self._combo("Along", "From layer to layer, or from time step to time step")
        self.batch = QSpinBox()
        self.batch.setRange(2, 512)
        self.batch.setPrefix("B = ")
        self.batch.setKeyboardTracking(False)
        self.batch.setValue(max(8, min(64, view.document.setup.batch)))
        self.batch.setToolTip("Samples that the sizes are measured on, as in training")
        self.batch.setAccessibleName("Samples that are measured")
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setToolTip("Root mean squares on a log scale; bars reach from the 10 % to the 90 % quantile")
        self.legend.setSizePolicy(self.legend.sizePolicy().Policy.Ignored, self.legend.sizePolicy().Policy.Preferred)
        self.chart = FlowChart()
        self.doctor = QListWidget()
        self._build()
        theme.signals.changed.connect(self._retint)

    def _combo(self, name: str, about: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(about)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.activated.connect(lambda _i: self._draw())
        return box

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.what, self.along, self.batch):
            top.addWidget(widget)
        top.addWidget(self.legend, 1)
        self.doctor.setWordWrap(True)
        self.doctor.setAccessibleName("What the doctor says")
        self.doctor.setToolTip("Double-click or Enter shows the node")
        self.doctor.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.doctor.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.doctor.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.doctor.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.doctor.setMinimumWidth(220)
        self.doctor.itemActivated.connect(self._reveal)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.chart, 5)
        row.addWidget(self.doctor, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(row, 1)
        self.batch.valueChanged.connect(lambda _v: self._again())
        self.chart.place_clicked.connect(self.view.session.show_node)
        self.setMinimumHeight(190)

    # --- reading ----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Run the network on the samples looked at, as an update would, once for each phase of training."""
        view = self.view
        if self._anatomy is None or self._anatomy.plan is not view.plan:
            self._anatomy = anatomy(view.plan)
        feeds = view.feeds(self.batch.value())

        def make(losses: Mapping[str, float]) -> Run:
            seeds = {(p, next(iter(view.plan.where[p]))): c for p, c in losses.items()}
            return view.evaluate(feeds, training=True, seeds=seeds)

        self.survey = survey(self._anatomy, view.document.setup, make)
        self.findings = examine(self.survey)
        self._offer()
        self._write_findings()
        self._draw()

    def _again(self) -> None:
        self.view.invalidate()
        self.refresh()

    def _offer(self) -> None:
        """Offer the quantities, and time where there are recurrent layers; what was chosen stays."""
        if self.survey is None:
            return
        time = bool(self.survey.passages) and len(self.survey.passages[0].values) > 1
        several = len(self.survey.chains) > 1
        whats = [("All three", "")] + [(NAMES[q].capitalize(), q) for q in QUANTITIES]
        alongs = [("layer by layer", "layers")] + ([("through time", "time")] if time else [])
        for box, wanted, first in ((self.what, whats, "gradient" if several or time else ""),
                                   (self.along, alongs, "time" if time else "layers")):
            if [box.itemData(i) for i in range(box.count())] != [key for _, key in wanted]:
                with QSignalBlocker(box):
                    box.clear()
                    for text, key in wanted:
                        box.addItem(text, key)
                    box.setCurrentIndex(max(0, box.findData(first)))
        self.along.setVisible(time)

    @property
    def through_time(self) -> bool:
        """Whether the places are time steps, rather than layers."""
        return bool(self.along.currentData() == "time")

    @property
    def quantities(self) -> tuple[str, ...]:
        """Which sizes are drawn. Through time there are no updates: the steps share their weights."""
        chosen = self.what.currentData()
        every = QUANTITIES[:2] if self.through_time else QUANTITIES
        return (chosen,) if chosen in every else every

    # --- drawing ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.survey is None:
            return
        draw = time_lines if self.through_time else layer_lines
        self.chart.show_series(*draw(self.survey, self.quantities))
        self.legend.setText(legend(self.chart.series))
        self.frames_changed.emit()
        self.show_frame(self.progress)

    def _write_findings(self) -> None:
        with QSignalBlocker(self.doctor):
            while self.doctor.count() > len(self.findings):
                self.doctor.takeItem(self.doctor.count() - 1)
            while self.doctor.count() < len(self.findings):
                self.doctor.addItem(QListWidgetItem())
            for i, finding in enumerate(self.findings):
                item = self.doctor.item(i)
                if item.text() != finding.message:
                    item.setText(finding.message)
                item.setIcon(icons.icon(_ICONS[finding.level], finding.level))
                item.setData(Qt.ItemDataRole.UserRole, finding.path)

    def _reveal(self, item: QListWidgetItem) -> None:
        if path := item.data(Qt.ItemDataRole.UserRole):
            self.view.session.show_node(path)

    def _retint(self) -> None:
        self.chart.restyle()
        self._draw()

    # --- the wave -------------------------------------------------------------------------------------------------

    @property
    def places(self) -> int:
        """The number of layers, or of time steps, of the longest line."""
        return max((len(s.values) for s in self.chart.series), default=0)

    @property
    def frames(self) -> int:
        """One before anything, one for each place forward, one for each back, and one at rest."""
        return 2 * self.places + 2 if self.places else 1

    def show_frame(self, progress: float) -> None:
        """Draw the wave at 0…1: forward through all places, then back; at 1 everything is there."""
        self.progress = progress
        n, i = self.places, self.frame_index()
        at = None if i in (0, self.frames - 1) else i - 1 if i <= n else 2 * n - i
        self.chart.show_until(min(i, n), max(0, min(i - n, n)), at)

    def caption(self) -> str:
        """Say what the wave does now; at rest, what becomes of the gradient in all."""
        if self.survey is None or not self.places:
            return ""
        n, i = self.places, self.frame_index()
        if i in (0, self.frames - 1):
            return summary(self.survey, self.through_time) if i else "Nothing has run yet."
        return moment(self.chart.series, i <= n, i - 1 if i <= n else 2 * n - i, n, self.through_time)

    # --- for tests and files --------------------------------------------------------------------------------------

    def shown(self) -> Mapping[str, Array]:
        """Return the sizes that are drawn, by ‘name quantity’, and the factors by ‘name factor’."""
        out = {f"{s.name} {s.quantity}": np.array(s.values) for s in self.chart.series}
        return out | {f"{f.name} factor": np.array(f.values) for f in self.chart.factors}

    def tries(self) -> Iterable[Try]:
        """Return other initial weights, nonlinearities, and the network without its skips."""
        return tries_for(self.view, frozenset() if self._anatomy is None else self._anatomy.answers)

