"""What the network says everywhere: the decision boundary of data in a plane, the curve of data on a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, RunError, forward
from graphlab.engine.scoring import Verdict
from graphlab.engine.stage import losses_of
from graphlab.ui import theme
from graphlab.ui.panels.training_plots import line_colour
from graphlab.ui.plots import tint_axes
from graphlab.ui.session import Session

#: Points of the grid along each axis, and of the curve.
GRID, CURVE = 44, 200
#: Samples that are drawn at most.
MOST_POINTS = 800


@dataclass(frozen=True)
class Question:
    """What can be drawn of a network: which Input takes the plane (or the line), and where the answer is read."""

    path: str
    answer: tuple[str, str]
    dimensions: int
    points: Array
    labels: Array
    threshold: float = 0.5
    others: tuple[str, ...] = field(default=())


def question(session: Session) -> Question | None:
    """Find out whether the network maps a plane to classes, or a line to a number."""
    prepared, setup = session.prepared, session.document.setup
    if prepared is None or not setup.phases:
        return None
    losses = [path for path in losses_of(session.plan, setup.phases[0]) if session.plan.step(path) is not None]
    if not losses:
        return None
    table = prepared.table
    features = [(p, table.columns[c]) for p, c in prepared.columns.items() if not table.columns[c].target]
    if len(features) != 1 or features[0][1].size not in ((1,), (2,)):
        return None
    path, column = features[0]
    verdict = Verdict(session.plan, prepared, losses[0])
    points = np.asarray(prepared.arrays[path], float).reshape(len(column.values), -1)
    if points.shape[1] == 2 and verdict.prediction is not None:
        return Question(path, verdict.prediction, 2, points, verdict.labels, verdict.threshold)
    step = session.plan.step(losses[0])
    targets = [c for c in table.columns.values() if c.target and c.kind == "real" and c.size in ((), (1,))]
    if points.shape[1] == 1 and step is not None and targets:
        slot = step.inputs[next(p.name for p in step.op.ports() if p.data)]
        if slot is not None:
            said = session.plan.slots[slot]
            return Question(path, (said.path, said.name), 1, points, targets[0].values.reshape(-1))
    return None


def answers(session: Session, asked: Question, points: Array) -> Array | None:
    """Run the network on points that no sample has; None where it cannot run."""
    prepared = session.prepared
    if prepared is None or not prepared.table.n:
        return None
    feeds = prepared.feeds(np.zeros(len(points), np.int64), Mode(seed=session.document.setup.seed))
    feeds[asked.path] = points.reshape(len(points), *feeds[asked.path].shape[1:])
    run = Run(session.plan, session.weights, feeds, Mode(seed=session.document.setup.seed), np.float32)
    try:
        for _ in forward(run):
            pass
    except RunError:
        return None
    value = run.value(*asked.answer)
    return None if value is None else np.asarray(value, float).reshape(len(points), -1)


def probabilities(said: Array, threshold: float) -> Array:
    """Turn scores into probabilities of classes: as they are where they are some, else by softmax or sigmoid."""
    if said.shape[1] == 1:
        one = np.clip(said, 0.0, 1.0) if threshold == 0.5 else 1.0 / (1.0 + np.exp(-np.clip(said, -50, 50)))
        return np.concatenate([1.0 - one, one], axis=1)
    if (said >= 0).all() and np.allclose(said.sum(axis=1), 1.0, atol=1e-3):
        return said
    e = np.exp(said - said.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


class MapPlot(pg.PlotWidget):  # type: ignore[misc]
    """Draws the plane in the colours of the classes, or the curve, with the samples on it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.asked: Question | None = None
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.disableAutoRange()
        self.image = pg.ImageItem(axisOrder="row-major")
        self.curve = pg.PlotDataItem(antialias=False)
        self.points = pg.ScatterPlotItem(size=4, pxMode=True)
        for part in (self.image, self.points, self.curve):
            item.addItem(part)
        self.setMinimumSize(96, 80)
        self._box = (-1.0, -1.0, 1.0, 1.0)
        self.restyle()
        theme.signals.changed.connect(self.restyle)

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        tint_axes(self)
        self.curve.setPen(pg.mkPen(now.accent, width=2))
        self.ask()

    def ask(self) -> bool:
        """Look at the network and the data anew; tell whether there is something to draw."""
        self.asked = asked = question(self.session)
        if asked is None:
            return False
        now = theme.current()
        both = asked.dimensions == 2
        name = "Decision boundary" if both else "Fit"
        self.getPlotItem().setTitle(name, color=now.text.name(), size="9pt")
        self.setAccessibleName(name)
        self.setToolTip("What the network says at every point, and the samples" if both
                        else "What the network says for every x, and the samples")
        rows = np.linspace(0, len(asked.points) - 1, min(len(asked.points), MOST_POINTS)).astype(int)
        shown = asked.points[rows] if both else np.stack([asked.points[rows, 0], asked.labels[rows]], axis=1)
        low, high = shown.min(axis=0), shown.max(axis=0)
        margin = 0.12 * np.maximum(high - low, 1e-6)
        low, high = low - margin, high + margin
        self._box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        self.getPlotItem().setRange(xRange=(low[0], high[0]), yRange=(low[1], high[1]), padding=0)
        edge = pg.mkPen(now.base if not now.dark else now.text, width=0.4)
        brushes = [pg.mkBrush(line_colour(int(k))) for k in asked.labels[rows]] if both else pg.mkBrush(now.muted)
        self.points.setData(pos=shown, brush=brushes, pen=edge)
        self.image.setVisible(both)
        self.curve.setVisible(not both)
        self.redraw()
        return True

    def redraw(self) -> None:
        """Ask the network with its weights of now, and draw the answer."""
        asked = self.asked
        if asked is None:
            return
        x0, y0, x1, y1 = self._box
        if asked.dimensions == 1:
            x = np.linspace(x0, x1, CURVE)
            said = answers(self.session, asked, x[:, None])
            if said is not None:
                self.curve.setData(x, said[:, 0])
            return
        across, up = np.meshgrid(np.linspace(x0, x1, GRID), np.linspace(y0, y1, GRID))
        said = answers(self.session, asked, np.stack([across.ravel(), up.ravel()], axis=1))
        if said is not None and np.isfinite(said).all():
            self.image.setImage(self._coloured(probabilities(said, asked.threshold)), autoLevels=False)
            self.image.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))

    @staticmethod
    def _coloured(p: Array) -> Array:
        def rgb(colour: QColor) -> tuple[int, int, int]:
            return colour.red(), colour.green(), colour.blue()
        ground = np.array(rgb(theme.current().base), float)
        classes = np.array([rgb(line_colour(k)) for k in range(p.shape[1])], float)
        # Sure regions take half of their class's colour, doubtful ones fade to the ground.
        sharp = p * p
        mixed = sharp @ classes + (1.0 - sharp.sum(axis=1, keepdims=True)) * ground
        picture: Any = np.clip(0.55 * ground + 0.45 * mixed, 0, 255).astype(np.uint8)
        return np.asarray(picture).reshape(GRID, GRID, 3)
