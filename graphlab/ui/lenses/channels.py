"""A value channel by channel: feature maps, statistics, dead channels, and the whole tensor with its gradient."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QModelIndex, QSignalBlocker
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QSplitter, QVBoxLayout, QWidget

from graphlab.engine.channels import Channels, channels, maps, verdict
from graphlab.engine.op import Array, Op
from graphlab.engine.run import RunError
from graphlab.ui.lenses.base import Lens, lens
from graphlab.ui.lenses.channels_widgets import ChannelGrid, ChannelModel, ChannelTable, words_of
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.tensor_view import TensorView
from graphlab.ui.tensor_view_model import largest_of

#: Whether a channel is dead is judged by this many samples, unless inputs have been typed.
SAMPLES = 64


@lens(Op)
class ChannelLens(Lens):
    """Feature maps, statistics of each channel, and the tensor with its gradient."""

    title = "Channels"
    about = "The value and its gradient, channel by channel: pictures, statistics, and which channels are dead."
    look_for = ("A dead channel is 0 whatever comes in: behind a ReLU no gradient reaches its weights, and it stays "
                "dead. Channels of pictures are drawn as feature maps, all on one scale.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.which = QComboBox()
        self.which.setAccessibleName("Which value")
        self.which.setToolTip("An output or an input of this node")
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.of = QComboBox()
        self.of.addItems(["value", "gradient ∂L"])
        self.of.setAccessibleName("What the feature maps show")
        self.sample = QSpinBox()
        self.sample.setPrefix("b = ")
        self.sample.setAccessibleName("Sample whose feature maps are shown")
        self.sample.setToolTip("The sample whose feature maps are shown")
        self.says = Sentence("")
        top = QHBoxLayout()
        self.label = QLabel("maps of the")
        for widget in (self.which, self.label, self.of, self.sample):
            top.addWidget(widget)
        top.addWidget(self.says, 1)
        self.grid, self.model = ChannelGrid(), ChannelModel()
        self.table = ChannelTable(self.model)
        self.panes = QSplitter()
        self.panes.addWidget(self.grid)
        self.panes.addWidget(self.table)
        self.panes.setSizes([500, 620])
        self.panes.setChildrenCollapsible(False)
        self.value, self.gradient = TensorView("y"), TensorView("y", gradient=True)
        below = QHBoxLayout()
        below.addWidget(self.value)
        below.addWidget(self.gradient)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.panes, 1)
        column.addLayout(below)
        self._numbers: dict[str, Array] = {}
        for box in (self.which, self.of):
            box.activated.connect(self._again)
        self.sample.valueChanged.connect(self._again)
        self.grid.clicked.connect(self.choose)
        self.table.selectionModel().currentRowChanged.connect(self._row)

    def choose(self, channel: int) -> None:
        """Select one channel, in the grid and in the table."""
        self.grid.choose(channel)
        self.table.selectRow(channel)

    def _row(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.grid.choose(current.row())

    def _again(self) -> None:
        try:
            self.refresh()
        except RunError as e:
            self.says.setText(str(e))

    def _names(self) -> list[str]:
        record = self.view.record()
        given = [p.name for p in record.op.ports() if p.data and record.get(p.name) is not None]
        return [*record.outputs, *(n for n in given if n not in record.outputs)]

    def refresh(self) -> None:
        names = self._names()
        if names != [self.which.itemText(i) for i in range(self.which.count())]:
            with QSignalBlocker(self.which):
                self.which.clear()
                self.which.addItems(names)
        name = names[max(0, self.which.currentIndex())]
        looked = self.view.record()
        wide = looked
        if not self.view.session.typed and self.view.session.samples > self.view.session.view_batch:
            wide = self.view.record(batch=max(SAMPLES, self.view.session.view_batch))
        value, slope = self._laid(wide[name]), wide.gradients.get(name)
        output = channels(value)
        back = None if slope is None else channels(self._laid(slope))
        words = words_of(output, back)
        samples = len(value) if value.ndim > 1 else 1
        self.says.setText(verdict(output, back, samples))
        self.model.show_channels([output] if back is None else [output, back], words)
        with QSignalBlocker(self.sample):
            shape = looked[name].shape
            self.sample.setRange(0, max(0, shape[0] - 1) if len(shape) > 2 else 0)
        source = looked[name] if self.of.currentIndex() == 0 else looked.gradients.get(name)
        pictures = [] if source is None else maps(self._laid(source), self.sample.value())
        largest = largest_of(np.asarray(pictures)) if pictures else 0.0
        for widget in (self.grid, self.label, self.of, self.sample):
            widget.setVisible(bool(maps(self._laid(looked[name]), 0)))
        self.grid.show_maps(pictures, words, largest)
        for tensor in (self.value, self.gradient):
            tensor.name = name
            tensor.label = f"∂L/∂{name}" if tensor.gradient else name
        self.value.set_array(looked[name])
        back_here = looked.gradients.get(name)
        self.gradient.setVisible(back_here is not None)
        if back_here is not None:
            self.gradient.set_array(back_here)
        self._numbers = {"value": looked[name], **self._named("value ", output)}
        if back is not None and back_here is not None:
            self._numbers |= {"gradient": back_here, **self._named("gradient ", back)}
        self._numbers |= {f"map {i}": m for i, m in enumerate(self.grid.maps)}

    def _laid(self, value: Array) -> Array:
        """Lay sequences of channels (B, C, T) out as (B, T, C), as other sequences are."""
        op = self.view.record().op
        return np.moveaxis(value, 1, 2) if value.ndim == 3 and op.category in ("Convolution", "Pooling") else value

    def _named(self, prefix: str, c: Channels) -> dict[str, Array]:
        return {prefix + k: v for k, v in (("min", c.low), ("mean", c.mean), ("max", c.high), ("std", c.std),
                                           ("dead", c.dead))}


    def shown(self) -> Mapping[str, Array]:
        return self._numbers
