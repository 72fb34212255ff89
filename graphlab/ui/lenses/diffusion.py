"""The diffusion lens: data drown in noise step by step, and noise becomes data again by what was learned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from graphlab.engine.diffusion import Denoised, Diffusion, denoise, find_diffusions, named_noise
from graphlab.engine.op import Array
from graphlab.engine.run import Run, RunError
from graphlab.ui import theme
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.gan_numbers import arrows, places
from graphlab.ui.lenses.latent_numbers import need, run_rows
from graphlab.ui.lenses.latent_tries import change
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.training_plots import CurvePlot
from graphlab.ui.plots import tint_axes

#: Points that are drawn, and arrows along each side of the plane.
SAMPLES, FIELD = 300, 15
#: T and β_T that suit each other: after T steps little of the data is left.
SPEEDS = ((10, 0.8), (40, 0.25), (100, 0.1))


def matches(view: View) -> list[str]:
    """Return where diffusion models on points of the plane are."""
    return [path for model in flat(view) for path in model.paths]


def flat(view: View) -> Iterator[Diffusion]:
    """Yield the diffusion models whose data are points of the plane."""
    for model in find_diffusions(view.plan):
        spec = view.plan.spec(*model.data)
        if spec is not None and spec.shape[1:] == (2,):
            yield model


def rows_of(view: View) -> Array:
    """Return the samples that are drawn. Raises `RunError` where there are none."""
    n = view.session.samples
    if not n or view.session.prepared is None:
        raise RunError("The diffusion needs data: choose a data set in the Data panel.")
    return np.unique(np.linspace(0, n - 1, min(n, SAMPLES)).astype(int))


class Cloud(pg.PlotWidget):  # type: ignore[misc]
    """Points of the plane, each with a line to where it came from, and a field of arrows behind them."""

    def __init__(self, title: str) -> None:
        super().__init__()
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.disableAutoRange()
        item.setAspectLocked(True)
        for side in ("left", "bottom"):
            item.getAxis(side).setStyle(maxTickLevel=0)
        self.field = pg.PlotDataItem(connect="pairs", antialias=False)
        self.points = pg.ScatterPlotItem(size=5, pxMode=True)
        for part in (self.field, self.points):
            item.addItem(part)
        self.name = title
        self.radius = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setMinimumSize(190, 190)
        self.setAccessibleName(title)
        self.restyle()
        theme.signals.changed.connect(self.restyle)

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        tint_axes(self)
        self.field.setPen(pg.mkPen(theme.mix(now.base, now.now, 0.6), width=1))
        self.points.setPen(None)
        self.points.setBrush(pg.mkBrush(now.accent))
        self.say(self.name)

    def say(self, title: str) -> None:
        """Write the title."""
        self.name = title
        self.getPlotItem().setTitle(title, color=theme.current().text.name(), size="9pt")

    def show_points(self, points: Array, radius: float, field: Array | None = None) -> None:
        """Draw points (n, 2) and arrows (m, 6, 2) in −radius … radius."""
        if radius != self.radius:
            self.radius = radius
            self.getPlotItem().setRange(xRange=(-radius, radius), yRange=(-radius, radius), padding=0)
        self.points.setData(pos=points)
        ways = np.zeros((0, 2)) if field is None else field.reshape(-1, 2)
        self.field.setData(ways[:, 0], ways[:, 1])


@lens(match=matches)
class DiffusionLens(Lens):
    """Two clouds: one that noise dissolves, one that the network draws out of noise."""

    title = "Diffusion"
    about = "Data become noise in T known steps; the network learns to name the noise, and walks the steps backward."
    look_for = ("Play: on the left the data dissolve, x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε. On the right the walk begins at pure "
                "noise; at each step the arrows show −ε̂, the way out of the noise that the network names everywhere. "
                "Before training they are arbitrary and nothing comes of the walk.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.progress = 0.0
        self.model: Diffusion | None = None
        self.base: Run | None = None
        self.data = self.noise = self.noised = self.field = np.zeros((0, 2))
        self.walk: list[Denoised] = []
        self.radius = 3.0
        self.loss = 0.0
        self.forward_plane, self.backward_plane = Cloud("Forward"), Cloud("Backward")
        self.fresh = QCheckBox("fresh noise at every step back")
        self.fresh.setToolTip("On: the random walk of Ho, Jain & Abbeel 2020. Off: the straight one of Song, Meng & "
                              "Ermon 2021")
        self.fresh.toggled.connect(self._again)
        self.schedule, self.curve = CurvePlot("Signal and noise by step t", top=1.0), CurvePlot("Loss")
        self.mark = pg.InfiniteLine(0, angle=90)
        self.schedule.addItem(self.mark, ignoreBounds=True)
        right = QVBoxLayout()
        right.setSpacing(4)
        for plot in (self.schedule, self.curve):
            plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
            right.addWidget(plot, 1)
        right.addWidget(self.fresh)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.forward_plane, 0, 0)
        grid.addWidget(self.backward_plane, 0, 1)
        grid.addLayout(right, 0, 2)
        for column, stretch in enumerate((4, 4, 3)):
            grid.setColumnStretch(column, stretch)

    @property
    def frames(self) -> int:
        return 1 if self.model is None else self.model.op.steps + 1

    def refresh(self) -> None:
        every = list(flat(self.view))
        if not every:
            raise RunError("The network has no diffusion of points of the plane whose noise a loss asks for.")
        self.model = model = next((m for m in every if self.view.path in m.paths), every[0])
        self.base = run_rows(self.view, rows_of(self.view))
        self.data, self.noise = need(self.base, model.data), need(self.base, model.noise)
        self.loss = float(need(self.base, (model.loss, "y")))
        self.radius = max(3.0, 1.25 * float(np.quantile(np.abs(self.data), 0.99)))
        rng = np.random.default_rng([self.view.document.setup.seed, 1])
        start = rng.standard_normal(self.data.shape)
        fresh = rng.standard_normal((model.op.steps, *self.data.shape)) if self.fresh.isChecked() else None
        self.walk = list(denoise(self.base, model, start, fresh))
        share = model.op.kept_share()
        for i, (name, values) in enumerate((("√ᾱ: data", np.sqrt(share)), ("√(1−ᾱ): noise", np.sqrt(1 - share)))):
            style = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine)[i]
            self.schedule.line(name, i, style).setData(np.arange(len(share)), values)
        self.schedule.show_legend()
        self.schedule.getPlotItem().setRange(xRange=(0, len(share) - 1), yRange=(0, 1.02), padding=0)
        self.mark.setPen(pg.mkPen(theme.current().text, width=1.5))
        history = self.view.history("loss")
        values = [float(v) for v in history.values]
        self.curve.line("loss", 0).setData(history.updates, values)
        self.curve.fit(history.updates[-1] if history.updates else 0, [values])

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        model, base = self.model, self.base
        if model is None or base is None:
            return
        at, last = self.frame_index(), model.op.steps
        share = model.op.kept_share()
        self.noised = np.sqrt(share[at]) * self.data + np.sqrt(1 - share[at]) * self.noise
        self.forward_plane.show_points(self.noised, self.radius)
        self.forward_plane.say(f"Forward: t = {at} of {last}")
        t = last - at
        r = self.radius
        grid = places((-r, -r, r, r), FIELD)
        self.field = arrows(grid, named_noise(base, model, grid, max(t, 1)), 1.6 * r / FIELD)[0]
        self.backward_plane.show_points(self.reached(), r, self.field)
        self.backward_plane.say(f"Backward: t = {t}" if t else "Backward: x₀, made of noise")
        self.mark.setValue(at)

    def reached(self) -> Array:
        """Return the points of the walk backward at the frame that is shown."""
        at = self.frame_index()
        return self.walk[0].before if not at else self.walk[at - 1].after

    def _again(self, _on: bool) -> None:
        try:
            self.refresh()
            self.show_frame(self.progress)
        except RunError as e:
            self.view.session.message.emit(str(e), "warning")
        self.caption_changed.emit(self.caption())

    def caption(self) -> str:
        model = self.model
        if model is None:
            return ""
        at = self.frame_index()
        share = model.op.kept_share()[at]
        left, right = number_text(np.sqrt(share), 3), number_text(np.sqrt(1 - share), 3)
        t = model.op.steps - at
        text = f"Forward, t = {at}: x_t = {left}·x₀ + {right}·ε. "
        text += (f"Backward, t = {t}: the arrows are −ε̂(x, {t})." if t else
                 "Backward: the walk has arrived at x₀.")
        return f"{text} Mean squared error of ε̂ on {len(self.data)} samples: {number_text(self.loss)}."

    def shown(self) -> Mapping[str, Array]:
        if self.model is None:
            return {}
        return {"data": self.data, "noise": self.noise, "noised": self.noised, "walk": self.reached(),
                "field": self.field, "loss": np.asarray(self.loss)}

    def followed(self) -> Mapping[str, Callable[[View], Array]]:
        model = self.model
        return {} if model is None else {"loss": lambda view: need(run_rows(view, rows_of(view)), (model.loss, "y"))}

    def tries(self) -> Iterable[Try]:
        model = self.model
        if model is None or self.view.document.node(model.path) is None:
            return
        for steps, last in SPEEDS:
            if steps != model.op.steps:
                run = partial(change, self.view, f"{steps} steps", model.path, steps=steps, last=last)
                hint = f"{steps} steps with β_T = {last:g}; train again. Fewer steps are faster and coarser."
                yield Try(f"T = {steps}", run, hint)
