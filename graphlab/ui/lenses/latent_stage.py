"""The widgets of the latent lens, side by side: the plane, the pictures, the way with the sliders, the curves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.latent_directions import Directions
from graphlab.ui.lenses.latent_numbers import FRAMES, Draw, Seen
from graphlab.ui.lenses.latent_plane import Plane
from graphlab.ui.lenses.pictures import Picture, PictureGrid, as_picture
from graphlab.ui.lenses.view import History
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.panels.training_plots import CurvePlot

#: Frames of the way that are shown side by side.
PICKS = np.linspace(0, FRAMES - 1, 7).astype(int)


def written(code: Array, most: int = 4) -> str:
    """Write a code: (0.31, −1.20), the first entries of long ones."""
    return "(" + ", ".join(number_text(v, 3) for v in code[:most]) + (", …)" if len(code) > most else ")")


class AxisChoice(QWidget):
    """Which two entries of a long code the plane shows, and what is drawn on it."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.boxes = (QComboBox(), QComboBox())
        self.labels = (QLabel("across"), QLabel("up"))
        for box, label in zip(self.boxes, self.labels, strict=True):
            box.setAccessibleName(f"Entry of the code {label.text()}")
            box.setToolTip("Which entry of the code this axis of the plane shows")
            box.activated.connect(lambda _index: self.changed.emit())
            label.setBuddy(box)
            row.addWidget(label)
            row.addWidget(box)
        self.grid, self.samples = QCheckBox("pictures"), QCheckBox("samples")
        self.grid.setToolTip("What the decoder makes of every place of the plane")
        self.samples.setToolTip("Where the encoder puts samples; the name of each class stands at its mean")
        for check in (self.grid, self.samples):
            check.setChecked(True)
            check.toggled.connect(lambda _on: self.changed.emit())
            row.addWidget(check)
        row.addStretch(1)

    def set_size(self, size: int) -> None:
        """Offer the entries of codes of some size; two need no choice."""
        for at, (box, label) in enumerate(zip(self.boxes, self.labels, strict=True)):
            with QSignalBlocker(box):
                box.clear()
                box.addItems([f"z{i + 1}" for i in range(size)])
                box.setCurrentIndex(at)
            box.setVisible(size > 2)
            label.setVisible(size > 2)

    @property
    def axes(self) -> tuple[int, int]:
        """The entries of the code that the plane shows."""
        a, b = (max(0, box.currentIndex()) for box in self.boxes)
        return a, b


class Stage:
    """The widgets of the lens, laid out in it."""

    def __init__(self, lens: QWidget) -> None:
        self.plane = Plane()
        self.choice = AxisChoice()
        left = _column(self.plane, self.choice)
        self.pictures = PictureGrid("Input and reconstruction", 40)
        self.point = PictureGrid("What the decoder makes of the point", 72, 300)
        self.formula = QLabel()
        self.formula.setFont(theme.font(12, tabular=True))
        middle = _column(self.pictures, self.point, self.formula)
        middle.setStretch(0, 2)
        middle.setStretch(1, 3)
        self.start, self.other = QLabel(), QSpinBox()
        self.other.setAccessibleName("The sample at the end of the way")
        self.other.setToolTip("The way begins at the sample that is looked at, and ends at this one")
        self.other.setKeyboardTracking(False)
        self.other.setValue(1)
        head = QHBoxLayout()
        head.addWidget(self.start)
        head.addWidget(self.other)
        head.addStretch(1)
        self.strip = PictureGrid("The way between two codes", 26, 64)
        self.directions = Directions()
        right = QVBoxLayout()
        right.setSpacing(2)
        right.addLayout(head)
        right.addWidget(self.strip, 1)
        right.addWidget(self.directions)
        self.curves = QWidget()
        self.plots = {"error": CurvePlot("Reconstruction error"), "KL": CurvePlot("KL divergence")}
        column = QVBoxLayout(self.curves)
        column.setContentsMargins(0, 0, 0, 0)
        free = QSizePolicy.Policy.Ignored  # plots would like 640×480
        self.plane.setSizePolicy(free, free)
        for plot in self.plots.values():
            plot.setSizePolicy(free, free)
            column.addWidget(plot)
        grid = QGridLayout(lens)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        for at, (layout, stretch) in enumerate(((left, 6), (middle, 3), (right, 5))):
            grid.addLayout(layout, 0, at)
            grid.setColumnStretch(at, stretch)
        grid.addWidget(self.curves, 0, 3)
        grid.setColumnStretch(3, 4)

    def show_curves(self, histories: Mapping[str, History | None]) -> None:
        """Draw what was followed over training; a curve of None is not there."""
        for name, history in histories.items():
            plot = self.plots[name]
            plot.setVisible(history is not None)
            if history is not None:
                values = [float(v) for v in history.values]
                plot.line(name, 0).setData(history.updates, values)
                plot.legend.hide()
                plot.fit(history.updates[-1] if history.updates else 0, [values])
        self.curves.setVisible(any(h is not None for h in histories.values()))

    def show_draw(self, draw: Draw) -> None:
        """Write how the sample's code came about."""
        if draw.sigma is None or draw.eps is None:
            self.formula.setText(f"code of the sample: {written(draw.z)}")
            self.formula.setToolTip("  ".join(exact_text(v) for v in draw.z))
            return
        lines = [[number_text(v[i], 3) for v in (draw.z, draw.mu, draw.sigma, draw.eps)]
                 for i in range(min(2, len(draw.z)))]
        self.formula.setText("z = μ + σ⊙ε\n" + "\n".join(f"{z} = {mu} + {s}·({e})" for z, mu, s, e in lines))
        self.formula.setToolTip("\n".join(f"z = {exact_text(draw.z[i])}, μ = {exact_text(draw.mu[i])}, "
                                          f"σ = {exact_text(draw.sigma[i])}, ε = {exact_text(draw.eps[i])}"
                                          for i in range(len(draw.z))))

    def show_pictures(self, seen: Seen, point: Array, decoded: Array, high: float) -> None:
        """Show the sample, what the network makes of it, and what the decoder makes of the point."""
        row = []
        if seen.input is not None:
            row.append(Picture(as_picture(seen.input), "input", "What the loss compares with"))
            if seen.noisy is not None:
                row.append(Picture(as_picture(seen.noisy), "noisy", "What the encoder sees: the input with noise"))
            row.append(Picture(as_picture(seen.rebuilt), "rebuilt", "What the network makes of the sample"))
        self.pictures.show_rows([row] if row else [], 0.0, high)
        self.pictures.setVisible(bool(row))
        self.point.show_rows([[Picture(as_picture(decoded), f"z = {written(point, 2)}",
                                       f"What the decoder makes of {written(point, 64)}", True)]], 0.0, high)

    def show_strip(
        self, codes: Array, made: Array, ends: tuple[Array, Array] | None, frame: int | None, high: float,
    ) -> None:
        """Show pictures along the way; below, the same way through the pixels. ``frame`` is where the point is."""
        near = -1 if frame is None else int(np.abs(PICKS - frame).argmin())
        rows = [[Picture(as_picture(made[k]), "codes" if not i else "", f"z = {written(codes[k])}", i == near)
                 for i, k in enumerate(PICKS)]]
        if ends is not None:
            a, b = ends
            rows.append([Picture(as_picture((1 - s) * a + s * b), "pixels" if not i else "",
                                 f"{1 - s:.0%} of the first picture and {s:.0%} of the second", i == near)
                         for i, s in enumerate(PICKS / (FRAMES - 1))])
        self.strip.show_rows(rows, 0.0, high)


def _column(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(2)
    for i, widget in enumerate(widgets):
        column.addWidget(widget, int(i == 0))
    return column
