"""A window slides over the picture: one output pixel at a time, or one product at a time, with its arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from graphlab.document.edits import EditError, set_attributes
from graphlab.engine.op import Array
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.sliding import CONVOLUTIONS, POOLS, Sliding
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.convolution_board import ConvolutionBoard, Scene, flat
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text

#: Arithmetic is written out for at most this many terms.
_WRITTEN = 9
#: Kernels that everybody knows, to be written over a filter.
KERNELS = {
    "vertical edges": [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]],
    "horizontal edges": [[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]],
    "blur": [[1 / 9] * 3] * 3,
}


@lens(*CONVOLUTIONS, *POOLS)
class Convolution(Lens):
    """The window on the input, patch × kernel = products, their sum, and the output as far as it has come."""

    title = "Sliding window"
    about = "One output pixel at a time: what lies under the window, the products with the kernel, and their sum."
    look_for = ("The same few weights are used at every place. Hatched cells are padding, which a filter sees as 0 and "
                "a maximum leaves out. Click an output pixel to go there, or let single products run.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.sliding: Sliding | None = None
        self.number = -1
        self.taps = -1
        self.sample = _spin("b = ", "The sample of the batch that is looked at")
        self.filter = _spin("f_o = ", "The filter, which is the channel of the output")
        self.channel = _spin("f_i = ", "The channel of the input, of those that the filter sees")
        self.kind = QComboBox()
        self.kind.addItems(["an output pixel a frame", "a product a frame"])
        self.kind.setAccessibleName("What a frame is")
        self.kind.setToolTip("Slide the window over the picture, or add up the products of one place")
        self.kind.activated.connect(self._other_kind)
        row = QHBoxLayout()
        for widget in (self.sample, self.filter, self.channel, self.kind):
            row.addWidget(widget)
        row.addStretch()
        self.board = ConvolutionBoard()
        self.board.picked.connect(self.go_to)
        self.board.channel_picked.connect(self.channel.setValue)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.board, 1)
        for spin in (self.sample, self.filter):
            spin.valueChanged.connect(self._again)
        self.channel.valueChanged.connect(self._draw)

    # --- reading ----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        record = self.view.record()
        y = record["y"]
        for spin, count in ((self.sample, y.shape[0]), (self.filter, y.shape[1])):
            with QSignalBlocker(spin):
                spin.setRange(0, count - 1)
        self.sliding = Sliding(record, self.sample.value(), self.filter.value())
        with QSignalBlocker(self.channel):
            self.channel.setRange(0, len(self.sliding.padded) - 1)
        self.channel.setEnabled(len(self.sliding.padded) > 1)
        if not 0 <= self.number < self.sliding.count:
            self.number = self.sliding.count - 1
        self.kind.setEnabled(self.sliding.adds)

    def _again(self) -> None:
        self.refresh()
        self.show_frame(self.progress)
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    def _other_kind(self) -> None:
        here = self.number
        self.show_frame(0.0 if self.by_product else here / max(1, self.frames - 1))
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    @property
    def by_product(self) -> bool:
        """Whether a frame is one product of one place, rather than one place."""
        return self.kind.currentIndex() == 1 and self.sliding is not None and self.sliding.adds

    # --- frames -----------------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        if self.sliding is None:
            return 1
        return self.sliding.place(self.sliding.at(0)).products.size if self.by_product else self.sliding.count

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        if self.sliding is None:
            return
        if self.by_product:
            self.taps = self.frame_index() + 1
            channel = self.sliding.place(self.sliding.at(self.number)).taps()[self.taps - 1][0]
            with QSignalBlocker(self.channel):
                self.channel.setValue(channel)
        else:
            self.number = self.frame_index()
            self.taps = -1
        self._draw()

    def _draw(self) -> None:
        self.board.set_scene(self.scene())
        self.caption_changed.emit(self.caption())

    def scene(self) -> Scene | None:
        """Return what is drawn now."""
        if self.sliding is None:
            return None
        place = self.sliding.place(self.sliding.at(self.number))
        return Scene(self.sliding, place, self.number, self.channel.value(),
                     place.products.size if self.taps < 0 else self.taps)

    def go_to(self, number: int) -> None:
        """Show one output pixel."""
        if self.sliding is None:
            return
        with QSignalBlocker(self.kind):
            self.kind.setCurrentIndex(0)
        self.show_frame(number / max(1, self.frames - 1))
        self.frames_changed.emit()

    # --- words ------------------------------------------------------------------------------------------

    def caption(self) -> str:
        scene = self.scene()
        if scene is None:
            return ""
        place, s = scene.place, scene.sliding
        names = ("r", "c") if len(place.at) == 2 else ("r",)
        where = ", ".join(f"{n} = {v}" for n, v in zip(names, place.at, strict=True))
        head = f"b = {self.sample.value()}, f_o = {self.filter.value()}, {where}"
        if s.pool:
            return f"{head}: {self._pooled(scene)}"
        inner = ("i", "j") if len(place.at) == 2 else ("i",)
        if self.by_product:
            channel, tap = place.taps()[scene.taps - 1]
            at = (channel, *tap)
            indices = ", ".join(f"{n} = {v}" for n, v in zip(("f_i", *inner), at, strict=True))
            product = f"{_in(place.kernel[at])}·{_in(place.patch[at])} = {_of(place.products[at])}"
            return (f"{head}, {indices}: add {product}, which makes {_of(scene.running())} after {scene.taps} of "
                    f"{place.products.size} products.")
        loops = ", ".join(f"{n} = 0…{v - 1}" for n, v in zip(
            ("f_i", *inner), place.products.shape, strict=True))
        total = f"{_of(float(place.sums.sum()))}"
        if place.bias:
            total += f"; + b {_of(place.bias)} = {_of(place.value)}"
        c = scene.channel
        return (f"{head}: {place.products.size} products over {loops} add up to {total}. "
                f"Channel f_i = {c}: {self._terms(scene)} = "
                f"{_of(float(place.sums[c]))}.")

    def _terms(self, scene: Scene) -> str:
        w, x = (a[scene.channel].reshape(-1) for a in (scene.place.kernel, scene.place.patch))
        shown = [f"{_in(a)}·{_in(b)}" for a, b in itertools.islice(zip(w, x, strict=True), _WRITTEN)]
        return " + ".join(shown) + (" + …" if w.size > _WRITTEN else "")

    def _pooled(self, scene: Scene) -> str:
        place, s = scene.place, scene.sliding
        own = place.patch[0][place.inside]
        numbers = ", ".join(map(_of, own[:_WRITTEN])) + (", …" if own.size > _WRITTEN else "")
        if s.largest_only:
            at = np.unravel_index(int(np.argmax(place.kernel[0])), place.inside.shape)
            return (f"the largest of {numbers} is {_of(place.value)}, at {', '.join(map(str, map(int, at)))} of the "
                    "window; the gradient goes to it alone.")
        if s.adds:
            shares = np.unique(place.kernel[0][place.inside])
            if shares.size == 1:
                return f"{numbers}, each times {_of(shares[0])}, add up to {_of(place.value)}."
            return f"{numbers}, weighed by ∂y/∂x, add up to {_of(place.value)}."
        return f"{numbers} give {_of(place.value)}; ∂y/∂x is their softmax and adds up to 1."

    def shown(self) -> Mapping[str, Array]:
        scene = self.scene()
        if scene is None:
            return {}
        place, c = scene.place, scene.channel
        return {"input": flat(scene.sliding.padded[c]), "patch": flat(place.patch[c]),
                "kernel": flat(place.kernel[c]), "products": flat(place.products[c]), "sums": place.sums,
                "running": np.array(scene.running()), "value": np.array(place.value),
                "output": flat(scene.output())}

    # --- tries ------------------------------------------------------------------------------------------

    def tries(self) -> Iterator[Try]:
        node = self.view.node
        if node is None:
            return
        values = node.op.values()
        if values.get("padding") == "valid":
            yield Try("Pad: same size", partial(self._set, padding="same"), "Padding keeps the size of the picture")
        elif "padding" in values:
            yield Try("No padding", partial(self._set, padding="valid"), "Every layer makes the picture smaller")
        if isinstance(node.op, CONVOLUTIONS):
            wide = 1 if set(values["stride"]) != {1} else 2
            yield Try(f"Stride {wide}", partial(self._set, stride=(wide,)), "How far the window moves between places")
        step = self.view.step
        if isinstance(node.op, Conv2D) and step is not None and self.sliding is not None and (
                self.sliding.window.kernel == (3, 3)):
            for name, kernel in KERNELS.items():
                yield Try(f"Filter {self.filter.value()}: {name}", partial(self._write, np.array(kernel)),
                          "Write a well-known kernel over this filter, for every channel")

    def _set(self, **values: object) -> None:
        scope, _, id = self.view.path.rpartition("/")
        label = ", ".join(f"{k} {v}" for k, v in values.items())
        try:
            self.view.edit(f"Set {label}", set_attributes(self.view.document, id, values, scope))
        except EditError as e:
            self.view.session.message.emit(str(e), "warning")

    def _write(self, kernel: Array) -> None:
        step = self.view.step
        if step is None:
            return
        slot = step.inputs["W"]
        key = next((k for k, s in self.view.plan.keys.items() if s == slot), None)
        if key is None:
            return
        W = np.array(self.view.weights[key], copy=True)
        W[self.filter.value()] = kernel / W.shape[1]
        self.view.set_weight(key, W)


def _of(value: float) -> str:
    return number_text(value, 3)


def _in(value: float) -> str:
    """Write a factor; a negative one in parentheses."""
    return f"({_of(value)})" if value < 0 else _of(value)


def _spin(prefix: str, about: str) -> QSpinBox:
    out = QSpinBox()
    out.setPrefix(prefix)
    out.setToolTip(about)
    out.setAccessibleName(about)
    out.setRange(0, 0)
    return out
