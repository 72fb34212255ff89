"""A slice through the network's own loss around its weights, with the path that training takes over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.op import Array
from graphlab.engine.record import Mode, stream
from graphlab.engine.run import RunError
from graphlab.engine.surface import (
    Slice,
    coarse_to_fine,
    flatten,
    loss_at,
    path_directions,
    random_directions,
    unflatten,
)
from graphlab.ui import theme
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.surface_plot import SurfacePlot
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.plots import Plot, pen, span

#: Whole weights are followed up to this many; of larger networks only the place on the slice.
MOST_FOLLOWED = 20_000
_BUDGET_MS, _GRIDS = 14, (17, 25, 41)


def has_loss(view: View) -> list[str]:
    """Fit a network that has a loss and weights to train."""
    return [""] if view.session.loss_nodes() and view.plan.trainable() else []


@lens(match=has_loss)
class LossSurface(Lens):
    """The loss over a plane through the weights, as shades and contours, with the training path on it."""

    title = "Loss surface"
    about = "The loss of this network over a plane through its weights, and the path that training takes."
    look_for = ("A path runs down across the contours and turns where the valley bends. The plane shows 2 of all the "
                "directions there are: the caption says how far from it the weights are. Biases stay where they are "
                "along random directions, and every filter moves in proportion to its own length.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.plane: Slice | None = None
        self.keys: tuple[str, ...] = ()
        self.grid: Array = np.full((_GRIDS[1],) * 2, np.nan)
        self.rough = self.grid.copy()
        self.alphas = self.betas = np.linspace(-1, 1, _GRIDS[1])
        self._todo: Iterator[tuple[int, int, int]] = iter(())
        self._base: dict[str, Array] = {}
        self._feeds: Mapping[str, Array] = {}
        self._signature: object = None
        self._places: dict[int, tuple[float, float, float]] = {}
        self._shares = ""
        self.busy = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._work)
        self._build()

    def _build(self) -> None:
        self.kind = QComboBox()
        self.kind.addItems(["two random directions", "directions of the path (PCA)"])
        self.kind.setAccessibleName("Directions of the slice")
        self.kind.setToolTip("Random: filter-normalised. PCA: the two directions that training has moved along most")
        self.seed = QSpinBox()
        self.seed.setPrefix("seed ")
        self.seed.setAccessibleName("Seed of the random directions")
        self.reach = QDoubleSpinBox()
        self.reach.setRange(0.05, 20)
        self.reach.setValue(1.0)
        self.reach.setSingleStep(0.25)
        self.reach.setPrefix("± ")
        self.reach.setAccessibleName("How far the slice reaches, in lengths of the filters")
        self.reach.setToolTip("How far the slice reaches; 1 is as far as each filter is long")
        self.fineness = QComboBox()
        self.fineness.addItems([f"{n} × {n}" for n in _GRIDS])
        self.fineness.setCurrentIndex(1)
        self.fineness.setAccessibleName("Points of the slice")
        self.samples = QSpinBox()
        self.samples.setRange(1, 4096)
        self.samples.setValue(128)
        self.samples.setPrefix("B = ")
        self.samples.setKeyboardTracking(False)
        self.samples.setAccessibleName("Samples that the loss is taken over")
        self.samples.setToolTip("Training samples that the loss is taken over, the same at every point")
        self.here = QPushButton("Around the weights of now")
        self.here.setToolTip("Compute the slice again, around the weights that the network has now")
        row = QHBoxLayout()
        for widget in (self.kind, self.seed, self.reach, self.fineness, self.samples, self.here):
            row.addWidget(widget)
        row.addStretch()
        self.says = Sentence("", "muted")
        self.plot = SurfacePlot("", "β, second direction", "α, first direction", on_theme=self._tint)
        self.cuts = Plot("Cuts through the middle", bottom="α (solid), β (dashed)")
        plots = QHBoxLayout()
        plots.addWidget(self.plot, 3)
        plots.addWidget(self.cuts, 2)
        for plot in (self.plot, self.cuts):
            plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
            plot.setMinimumHeight(150)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.says)
        column.addLayout(plots, 1)
        self.path_line = pg.PlotDataItem(connect="all", symbol="o", symbolSize=4, symbolPen=None)
        self.dot = pg.ScatterPlotItem(size=12, symbol="star")
        self.lines = [pg.PlotDataItem(connect="finite") for _ in range(2)]
        for item in (self.path_line, self.dot):
            self.plot.addItem(item)
        for line in self.lines:
            self.cuts.addItem(line)
        self._tint()
        self.here.clicked.connect(self.rebuild)
        for box in (self.kind, self.fineness):
            box.activated.connect(self.rebuild)
        for spin in (self.seed, self.reach, self.samples):
            spin.valueChanged.connect(self.rebuild)

    def _tint(self) -> None:
        if not hasattr(self, "lines"):
            return
        now = theme.current()
        self.path_line.setPen(pen(now.now, 2))
        self.path_line.setSymbolBrush(now.now)
        self.dot.setBrush(now.now)
        self.dot.setPen(pen(now.base, 1))
        self.lines[0].setPen(pen(now.accent, 2))
        self.lines[1].setPen(pen(now.text, 1.5, dash=[4, 3]))

    # --- the slice --------------------------------------------------------------------------------------

    def losses(self) -> list[tuple[str, float]]:
        """Return the losses of the first phase with their coefficients: what it lowers, or raises."""
        phases = self.view.document.setup.phases
        named = [(p, c) for p, c in phases[0].losses if p in self.view.plan.where] if phases else []
        return named or [(p, 1.0) for p in self.view.session.loss_nodes()]

    def _sampled(self) -> Mapping[str, Array]:
        """Return the same training samples for every point of the slice."""
        prepared, seed = self.view.session.prepared, self.view.document.setup.seed
        rows = np.zeros(0, np.int64) if prepared is None else np.asarray(prepared.rows["train"])
        count = min(self.samples.value(), len(rows)) if len(rows) else self.samples.value()
        feeds = self.view.feeds(count)
        if prepared is not None and len(rows):
            chosen = stream("surface/samples", Mode(seed=seed)).choice(rows, count, replace=False)
            feeds |= prepared.feeds(np.sort(chosen))
        return feeds

    def rebuild(self) -> None:
        """Compute the slice anew, around the weights of now or along the path."""
        view = self.view
        self.keys = tuple(view.plan.trainable())
        self._signature = self._signed()
        self._base = {k: np.array(v, copy=True) for k, v in view.weights.items()}
        self._feeds = self._sampled()
        centre, n = flatten(self._base, self.keys), _GRIDS[self.fineness.currentIndex()]
        reach, self._shares = self.reach.value(), ""
        directions = random_directions(self._base, self.keys, self.seed.value())
        self.alphas = self.betas = np.linspace(-reach, reach, n)
        by_path = self.kind.currentIndex() == 1
        if by_path:
            try:
                path = self._followed_weights()
                directions, shares = path_directions(path, centre)
                places = (path - centre) @ directions.T
                self.alphas, self.betas = (np.linspace(*span(np.append(places[:, i], 0.0), 0.25), n) for i in range(2))
                self._shares = f" They hold {shares[0]:.0%} and {shares[1]:.0%} of the path’s variation."
            except RunError as e:
                self._shares = f" Along random directions, for now: {e}"
        self.seed.setEnabled(not by_path)
        self.reach.setEnabled(not by_path)
        self.plane = Slice(centre, directions)
        self._places.clear()
        self.grid = np.full((n, n), np.nan)
        self.rough = self.grid.copy()
        self._todo = coarse_to_fine(n)
        self.busy = True
        self._timer.start(0)
        self._note_start()
        self._show_path()

    def _note_start(self) -> None:
        """Begin the path with the weights that there are before training."""
        training = self.view.training
        done = training.curves.updates[-1] if training is not None and training.curves.updates else 0
        if not self.view.session.live:
            self.view.follow(done, self.followed())

    def _signed(self) -> object:
        plan = self.view.plan
        return (tuple((k, plan.weights[k].shape) for k in plan.trainable()), tuple(self.losses()))

    def _followed_weights(self) -> Array:
        values = [v for v in self.view.history("weights").values if v.size == flatten(self._base, self.keys).size]
        if not values and flatten(self._base, self.keys).size > MOST_FOLLOWED:
            raise RunError(f"Whole weights are followed up to {MOST_FOLLOWED:,} numbers; this network trains "
                           f"{flatten(self._base, self.keys).size:,}.")
        return np.array(values, np.float64).reshape(len(values), -1)

    def _work(self) -> None:
        """Compute points of the slice for a moment, so that the window stays free."""
        clock = QElapsedTimer()
        clock.start()
        while clock.elapsed() < _BUDGET_MS:
            if not self._points(1):
                break
        self._draw_surface()

    def finish(self) -> None:
        """Compute what is left of the slice at once."""
        while self._points(64):
            pass
        self._draw_surface()

    def _points(self, count: int) -> bool:
        assert self.plane is not None
        made = False
        for i, j, step in islice(self._todo, count):
            made = True
            moved = {**self._base, **unflatten(self.plane.at(self.alphas[i], self.betas[j]), self._base, self.keys)}
            try:
                value = loss_at(self.view.plan, moved, self._feeds, self.losses(),
                                Mode(seed=self.view.document.setup.seed))
            except RunError as e:
                self.says.setText(str(e))
                made = False
                break
            self.grid[i, j] = value
            self.rough[i:i + step, j:j + step] = value
        if not made:
            self.busy = False
            self._timer.stop()
        return made

    def _draw_surface(self) -> None:
        self.plot.set_surface(self.alphas, self.betas, self.rough, smooth=not self.busy)
        done = int(np.isfinite(self.grid).sum())
        batch = max((len(v) for v in self._feeds.values() if v.ndim), default=1)
        good = self.grid[np.isfinite(self.grid)]
        if good.size and self.plane is not None:
            word = "" if not self.busy else f" {done} of {self.grid.size} points are computed."
            self.says.setText(f"Loss from {number_text(good.min(), 3)} to {number_text(good.max(), 3)} over {batch} "
                              f"samples, shaded on a log scale.{self._shares}{word}")
        i, j = (int(np.argmin(np.abs(a))) for a in (self.alphas, self.betas))
        cuts = (self.rough[:, j], self.rough[i])
        for line, axis, values in zip(self.lines, (self.alphas, self.betas), cuts, strict=True):
            line.setData(axis, values)
        both = np.concatenate(cuts)
        if np.isfinite(both).any():
            edges = np.concatenate([self.alphas, self.betas])
            self.cuts.set_ranges((edges.min(), edges.max()), span(both))

    # --- following --------------------------------------------------------------------------------------

    def followed(self) -> Mapping[str, Callable[[View], Array]]:
        if self.plane is None:
            return {}
        keys, plane = self.keys, self.plane
        if len(plane.centre) <= MOST_FOLLOWED:
            return {"weights": lambda v: flatten(v.weights, keys).astype(np.float32)}
        return {"place": lambda v: self._project(flatten(v.weights, keys))}

    def _project(self, flat: Array) -> Array:
        assert self.plane is not None
        place, away = self.plane.project(flat)
        return np.array([*place, away])

    def path(self) -> tuple[list[int], Array]:
        """Return the updates that were seen, and (α, β, distance from the plane) at each."""
        if self.plane is None:
            return [], np.zeros((0, 3))
        whole = self.view.history("weights")
        if len(self.plane.centre) > MOST_FOLLOWED:
            near = self.view.history("place")
            return list(near.updates), np.array(near.values).reshape(-1, 3)
        updates = [u for u, v in zip(whole.updates, whole.values, strict=True) if v.size == len(self.plane.centre)]
        for update, flat in zip(whole.updates, whole.values, strict=True):
            if update not in self._places and flat.size == len(self.plane.centre):
                a, b, away = self._project(flat)
                self._places[update] = (float(a), float(b), float(away))
        return updates, np.array([self._places[u] for u in updates]).reshape(-1, 3)

    def refresh(self) -> None:
        if self.plane is None or self._signed() != self._signature:
            for name in ("weights", "place"):
                self.view.histories.pop(name, None)
            self.rebuild()
        else:
            self._note_start()

    @property
    def frames(self) -> int:
        return max(1, len(self.path()[0]))

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        self._show_path()

    def _show_path(self) -> None:
        if self.plane is None:
            return
        points = self.path()[1][:self.frame_index() + 1]
        self.path_line.setData(points[:, 0], points[:, 1])
        here = self.place_now()
        self.dot.setData([here[0]], [here[1]])

    def place_now(self) -> Array:
        """Return (α, β, distance) of what the frame shows: a point of the path, at the end the weights of now."""
        assert self.plane is not None
        points = self.path()[1]
        if len(points) and self.frame_index() < len(points) - 1:
            now: Array = points[self.frame_index()]
            return now
        return self._project(flatten(self.view.weights, self.keys))

    def caption(self) -> str:
        if self.plane is None:
            return ""
        updates, _ = self.path()
        a, b, away = self.place_now()
        head = f"After update {updates[self.frame_index()]:,}: α" if updates else "The weights are at α"
        text = f"{head} = {number_text(a, 3)}, β = {number_text(b, 3)}, {number_text(away, 3)} away from the plane"
        if self.frame_index() >= len(updates) - 1:
            loss = loss_at(self.view.plan, self.view.weights, self._feeds, self.losses())
            text += f"; the loss there is {number_text(loss, 3)}"
        return f"{text}."

    def shown(self) -> Mapping[str, Array]:
        return {"alpha": self.alphas, "beta": self.betas, "loss": self.grid, "path": self.path()[1],
                **({} if self.plane is None else {"directions": self.plane.directions, "centre": self.plane.centre})}

    def tries(self) -> Iterator[Try]:
        training = self.view.training
        if training is not None and not training.active:
            yield Try("Train slowly", self._train, "100 updates a second: watch the weights run over the slice")
        if len(self.path()[0]) >= 3:
            yield Try("Along the path", self._along, "Cut along the two directions that training moved along most")

    def _along(self) -> None:
        self.kind.setCurrentIndex(1)
        self.rebuild()

    def _train(self) -> None:
        training = self.view.training
        if training is not None:
            training.pace = "100 updates/s"
            training.start()
