"""A quadratic in two variables as a playground: Hessian, eigenvectors, condition, and the paths of optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from graphlab.engine.jacobian import curvature
from graphlab.engine.op import Array
from graphlab.engine.optim import SGD, AdaGrad, Adam, Momentum, Nesterov, Optimiser, RMSProp
from graphlab.engine.surface import Quadratic, descend
from graphlab.ui import theme
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.surface_plot import SurfacePlot
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.flow import Flow
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.plots import Plot, pen

_REACH = 2.4
#: Names, hues of their lines and whether they are dashed; Newton's method makes one step.
PATHS: tuple[tuple[str, float, bool], ...] = (
    ("SGD", 250, False), ("Momentum A", 25, False), ("Momentum B", 60, True), ("Nesterov", 350, False),
    ("AdaGrad", 145, False), ("RMSProp", 100, False), ("Adam", 310, False), ("Newton", 200, True))


def optimiser(name: str, rate: float, momentum: float) -> Optimiser:
    """Return the engine's optimiser of a name."""
    kinds: dict[str, Optimiser] = {
        "SGD": SGD(rate=rate), "Momentum A": Momentum(rate=rate, momentum=momentum),
        "Momentum B": Momentum(rate=rate, momentum=momentum, form="B"),
        "Nesterov": Nesterov(rate=rate, momentum=momentum), "AdaGrad": AdaGrad(rate=rate),
        "RMSProp": RMSProp(rate=rate), "Adam": Adam(rate=rate)}
    return kinds[name]


def everywhere(view: View) -> list[str]:
    """Fit the whole network: the playground needs nothing of it."""
    return [""]


@lens(match=everywhere)
class QuadraticLens(Lens):
    """Contours of ax² + bxy + cy², its Hessian and eigenvectors, and optimisers that run down it."""

    title = "Quadratic bowl"
    about = "f = ax² + bxy + cy²: its Hessian, its condition, and how optimisers run down it."
    look_for = ("A large κ makes a long valley: plain descent zig-zags across it and creeps along it. Above "
                "η = 2/λ_max it diverges. Newton's step lands on the stationary point at once, be it minimum or "
                "saddle. Click to begin elsewhere.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.start = np.array([-2.0, 1.2])
        self.numbers = {n: self._spin(f"{n} = ", v, -20, 20, 0.25, about) for n, v, about in (
            ("a", 0.5, "Factor of x²"), ("b", 0.0, "Factor of xy"), ("c", 5.0, "Factor of y²"))}
        self.rate = self._spin("η = ", 0.08, 0.0, 10, 0.01, "Learning rate of every optimiser")
        self.momentum = self._spin("α = ", 0.9, 0.0, 1.0, 0.05, "Momentum, of those that have it")
        self.rate.setDecimals(3)
        self.steps = QSpinBox()
        self.steps.setRange(1, 400)
        self.steps.setValue(60)
        self.steps.setPrefix("steps ")
        self.steps.setAccessibleName("Steps of every optimiser")
        self.steps.valueChanged.connect(self._again)
        top = QWidget()
        flow = Flow(top, 6)
        for widget in (*self.numbers.values(), self.rate, self.momentum, self.steps):
            flow.addWidget(widget)
        self.boxes: dict[str, QCheckBox] = {}
        for name, _, _ in PATHS:
            box = QCheckBox(name)
            box.setChecked(name in ("SGD", "Momentum A", "Adam", "Newton"))
            box.toggled.connect(self._again)
            self.boxes[name] = box
            flow.addWidget(box)
        self.says = Sentence("")
        self.plot = SurfacePlot("", "y", "x", on_theme=self._tint)
        self.plot.clicked.connect(self._begin_at)
        self.heights = Plot("|f| at each step, log scale", bottom="step")
        self.heights.getPlotItem().setLogMode(y=True)
        row = QHBoxLayout()
        row.addWidget(self.plot, 3)
        row.addWidget(self.heights, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(top)
        column.addWidget(self.says)
        column.addLayout(row, 1)
        for plot in (self.plot, self.heights):
            plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
            plot.setMinimumHeight(150)
        self.lines = {n: pg.PlotDataItem(connect="finite", symbol="o", symbolSize=4, symbolPen=None)
                      for n, _, _ in PATHS}
        self.tips = {n: pg.TextItem(n, anchor=(0, 1)) for n, _, _ in PATHS}
        self.curves = {n: pg.PlotDataItem(connect="finite") for n, _, _ in PATHS}
        self.axes = [pg.PlotDataItem() for _ in range(2)]
        self.axis_words = [pg.TextItem("", anchor=(0.5, 0.5)) for _ in range(2)]
        for item in (*self.axes, *self.axis_words, *self.lines.values(), *self.tips.values()):
            self.plot.addItem(item, ignoreBounds=True)
        for curve in self.curves.values():
            self.heights.addItem(curve)
        self.paths: dict[str, Array] = {}
        self._drawn: Quadratic | None = None
        self._tint()

    def _spin(self, prefix: str, value: float, low: float, high: float, step: float, about: str) -> QDoubleSpinBox:
        out = QDoubleSpinBox()
        out.setPrefix(prefix)
        out.setRange(low, high)
        out.setSingleStep(step)
        out.setValue(value)
        out.setToolTip(about)
        out.setAccessibleName(about)
        out.valueChanged.connect(self._again)
        return out

    def _tint(self) -> None:
        if not hasattr(self, "axis_words"):
            return
        now = theme.current()
        for name, hue, dashed in PATHS:
            colour = theme.oklch(0.78 if now.dark else 0.5, 0.14, hue)
            style = {"style": Qt.PenStyle.DashLine} if dashed else {}
            for item in (self.lines[name], self.curves[name]):
                item.setPen(pen(colour, 2, **style))
            self.lines[name].setSymbolBrush(colour)
            self.tips[name].setColor(colour)
            palette = self.boxes[name].palette()
            palette.setColor(QPalette.ColorRole.WindowText, colour)
            self.boxes[name].setPalette(palette)
        for line, word in zip(self.axes, self.axis_words, strict=True):
            line.setPen(pen(now.text, 1.5, style=Qt.PenStyle.DotLine))
            word.setColor(now.text)

    # --- numbers ----------------------------------------------------------------------------------------

    @property
    def quadratic(self) -> Quadratic:
        """The quadratic that is shown."""
        return Quadratic(*(self.numbers[n].value() for n in "abc"))

    def refresh(self) -> None:
        f, steps = self.quadratic, self.steps.value()
        self.paths = {}
        for name, _, _ in PATHS:
            if not self.boxes[name].isChecked():
                continue
            if name != "Newton":
                self.paths[name] = descend(f.gradient, self.start, optimiser(
                    name, self.rate.value(), self.momentum.value()), steps)
            elif (landed := f.newton(self.start)) is not None:
                self.paths[name] = np.concatenate([self.start[None], np.tile(landed, (steps, 1))])
        if f != self._drawn:
            x = np.linspace(-_REACH, _REACH, 49)
            grid = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1)
            self.plot.set_surface(x, x, f.value(grid), smooth=True)
            self._draw_axes(f)
            self._drawn = f
        self._say(f)
        heights = [np.abs(f.value(p)) for p in self.paths.values()]
        good = np.concatenate([h[np.isfinite(h) & (h > 1e-12)] for h in heights] or [np.ones(1)])
        good = good if good.size else np.ones(1)
        low, high = max(1e-12, float(good.min()) * 0.5), float(good.max()) * 2
        self.heights.set_ranges((0, steps), (np.log10(low), np.log10(high)))

    def _draw_axes(self, f: Quadratic) -> None:
        values, vectors = np.linalg.eigh(f.hessian)
        for i, (line, word) in enumerate(zip(self.axes, self.axis_words, strict=True)):
            v = vectors[:, i] * 1.5
            line.setData([-v[0], v[0]], [-v[1], v[1]])
            word.setText(f"λ = {number_text(values[i], 3)}")
            word.setPos(*(v * 1.16))

    def _say(self, f: Quadratic) -> None:
        h = f.hessian
        text = (f"H = [[{number_text(h[0, 0])}, {number_text(h[0, 1])}], [{number_text(h[1, 0])}, "
                f"{number_text(h[1, 1])}]]; {curvature(h).sentence}")
        top = float(np.abs(np.linalg.eigvalsh(h)).max())
        if curvature(h).kind == "bowl":
            rate = self.rate.value()
            word = "diverges" if rate > 2 / top else "converges"
            text += (f" Plain descent needs η < 2/λ_max = {number_text(2 / top, 3)}; with η = "
                     f"{number_text(rate, 3)} it {word}.")
        self.says.setText(text)

    def _again(self) -> None:
        self.refresh()
        self.show_frame(self.progress)
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    def _begin_at(self, x: float, y: float) -> None:
        self.start = np.array([x, y])
        self._again()

    # --- frames -----------------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        return self.steps.value() + 1

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        step, f = self.frame_index(), self.quadratic
        taken: list[Array] = []
        for name, line in self.lines.items():
            path = self.paths.get(name)
            shown = np.zeros((0, 2)) if path is None else path[:step + 1]
            line.setData(shown[:, 0], shown[:, 1])
            here = shown[np.isfinite(shown).all(axis=1)]
            inside = len(here) > 0 and bool((np.abs(here[-1]) < _REACH).all())
            # Names of paths that have met would cover each other.
            inside = inside and all(np.abs((here[-1] - t) / [1.0, 0.35]).max() > 0.6 for t in taken)
            self.tips[name].setVisible(inside)
            if inside:
                self.tips[name].setPos(*here[-1])
                taken.append(here[-1])
            height = np.abs(f.value(shown))
            with np.errstate(invalid="ignore"):
                self.curves[name].setData(np.arange(len(shown)), np.where(height > 1e-12, height, np.nan))

    def caption(self) -> str:
        step, f = self.frame_index(), self.quadratic
        parts = []
        for name, path in self.paths.items():
            p = path[min(step, 1) if name == "Newton" else step]
            where = f"({number_text(p[0], 3)}, {number_text(p[1], 3)})"
            parts.append(f"{name} at {where}, f = {number_text(float(f.value(p)), 3)}" if np.isfinite(p).all()
                         else f"{name} has diverged")
        return f"Step {step}: {'; '.join(parts)}." if parts else "Choose an optimiser to let it run."

    def shown(self) -> Mapping[str, Array]:
        step = self.frame_index()
        return {"hessian": self.quadratic.hessian, **{n: p[:step + 1] for n, p in self.paths.items()}}

    # --- tries ------------------------------------------------------------------------------------------

    def tries(self) -> Iterator[Try]:
        for label, values, hint in (
            ("Round bowl", (1.0, 0.0, 1.0), "κ = 1: the gradient points to the minimum"),
            ("Long valley", (0.5, 0.0, 5.0), "κ = 10"), ("Tilted valley", (2.5, 4.0, 2.5), "b turns the axes"),
            ("Saddle", (1.0, 0.0, -1.0), "Newton's step goes to the saddle; descent runs away from it"),
        ):
            yield Try(label, partial(self._set, values), hint)
        f = self.quadratic
        low, high = (float(v) for v in np.linalg.eigvalsh(f.hessian))
        if low > 0:
            yield Try("Best η", partial(self._rate, 2 / (low + high)),
                      "2 / (λ_min + λ_max): the fastest that plain descent can be")
            yield Try("Too large an η", partial(self._rate, 2.1 / high), "Above 2/λ_max plain descent diverges")

    def _set(self, values: tuple[float, float, float]) -> None:
        for name, value in zip("abc", values, strict=True):
            self.numbers[name].blockSignals(True)
            self.numbers[name].setValue(value)
            self.numbers[name].blockSignals(False)
        self._again()

    def _rate(self, value: float) -> None:
        self.rate.setValue(value)
