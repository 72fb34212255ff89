"""Sliders for the directions of features: how much of the mean code of a class is added."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QVBoxLayout, QWidget

from graphlab.engine.op import Array
from graphlab.ui import theme

#: More classes than this have no slider.
MOST = 12


class Directions(QWidget):
    """One slider a class, from −2 to 2 times its direction, mean(with) − mean(without)."""

    changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QLabel("add: mean code with − mean code without")
        head.setFont(theme.font(11))
        head.setToolTip("The direction of a feature, added to where the point stood; to the right adds more of it")
        column.addWidget(head)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(0)
        column.addLayout(self._grid)
        self.sliders: dict[int, QSlider] = {}
        self._labels: list[QLabel] = []
        self._classes: tuple[str, ...] | None = None
        self._start: Array | None = None
        self.hide()

    def show_classes(self, classes: tuple[str, ...]) -> None:
        """Show a slider for each class; the same ones as before stay as they are."""
        if classes == self._classes:
            return
        self._classes = classes
        for widget in (*self.sliders.values(), *self._labels):
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.sliders, self._labels = {}, []
        half = -(-min(len(classes), MOST) // 2)
        for k, name in enumerate(classes[:MOST]):
            label, slider = QLabel(name), QSlider(Qt.Orientation.Horizontal)
            slider.setRange(-20, 20)
            slider.setMinimumWidth(60)
            slider.setFixedHeight(18)
            slider.setAccessibleName(f"Add the direction of class {name}")
            slider.setToolTip(f"Add −2 to 2 times the direction of class {name}")
            slider.valueChanged.connect(self.changed.emit)
            label.setBuddy(slider)
            row, side = k % half, 2 * (k // half)
            self._grid.addWidget(label, row, side)
            self._grid.addWidget(slider, row, side + 1)
            self.sliders[k] = slider
            self._labels.append(label)
        self.setVisible(bool(classes))

    def begin(self, point: Array) -> Array:
        """Return where the point stood before a slider was moved: ``point``, if none was."""
        if self._start is None:
            self._start = np.array(point)
        return self._start

    def amounts(self) -> dict[int, float]:
        """Return how much of every class is added."""
        return {k: slider.value() / 10 for k, slider in self.sliders.items()}

    def reset(self) -> None:
        """Put all sliders back to 0; nobody is told."""
        self._start = None
        for slider in self.sliders.values():
            with QSignalBlocker(slider):
                slider.setValue(0)
