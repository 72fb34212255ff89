"""Where boxes come from: a detector's grid, an NMS op, or what somebody typed; and the picture they lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from graphlab.engine.detection import ORDERS, Box, Suppression, decode_cells, make_box, score_first
from graphlab.engine.op import Array
from graphlab.engine.ops.detection import NMS, IoU
from graphlab.engine.ops.yolo import Cells, YoloBoxes, YoloCells
from graphlab.engine.ops.yolo_loss import YoloLoss
from graphlab.engine.plan import Step
from graphlab.engine.record import Record
from graphlab.ui.lenses.view import View
from graphlab.ui.session import Session

#: Boxes to begin with: two heaps of one class each, one box of another class on the first heap, and a weak one.
START = (
    Box(3, 4, 11, 12, 0.92, 0), Box(4, 3, 12, 11, 0.81, 0), Box(2, 5, 10, 14, 0.64, 0), Box(4, 5, 11, 13, 0.75, 1),
    Box(13, 11, 21, 20, 0.88, 1), Box(14, 12, 22, 20, 0.7, 1), Box(15, 2, 20, 7, 0.35, 0))
START_CLASSES = ("cat", "dog")
START_SIZE = (24.0, 24.0)


@dataclass(frozen=True)
class Scene:
    """Boxes on a picture: ``size`` is its (height, width), ``truth`` the boxes that should be found.

    ``parts`` are p_c and the largest class probability of each box, where the score is their product.
    """

    boxes: tuple[Box, ...]
    size: tuple[float, float]
    picture: Array | None = None
    truth: tuple[Box, ...] | None = None
    classes: tuple[str, ...] = ()
    parts: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Grid:
    """The cells of the sample looked at, in the order [p_c, b_x, b_y, b_w, b_h, c…], and what they should be.

    ``order`` is the one that the network has them in.
    """

    cells: Array
    target: Array | None
    size: tuple[float, float]
    picture: Array | None
    classes: tuple[str, ...]
    loss: YoloLoss | None
    order: str = ORDERS[0]


def grid_steps(view: View) -> list[Step]:
    """Return the steps that have to do with cells: those that make or read them, and their loss."""
    return [s for s in view.plan.steps if isinstance(s.op, Cells) and "x" in s.inputs]


def find_grid(view: View) -> list[str]:
    """Return the paths of steps that have to do with the cells of a detector."""
    return [s.path for s in grid_steps(view)]


def find_boxes(view: View) -> list[str]:
    """Return the paths of steps that boxes can be taken from."""
    return [*find_grid(view), *(s.path for s in view.plan.steps if isinstance(s.op, NMS))]


def find_none(view: View) -> list[str]:
    """Match every network that boxes cannot be taken from."""
    return [] if find_boxes(view) else [""]


def cells_of(record: Record) -> Array:
    """Return the predicted cells of an op that makes or reads them, p_c first."""
    op = record.op
    return score_first(record["y" if isinstance(op, YoloCells) else "x"], op.order)


def read_grid(view: View) -> Grid | None:
    """Return the cells that the bound step has to do with, or the first of the network; None where there are none.

    Raises `RunError` in words.
    """
    steps = grid_steps(view)
    if not steps:
        return None
    steps.sort(key=lambda s: (s.path != view.path, not isinstance(s.op, YoloCells)))
    run = view.run()
    record = view.record(steps[0].path)
    losses = [s for s in steps if isinstance(s.op, YoloLoss) and s.path in run.records]
    target, loss = None, None
    if losses:
        of = run.records[losses[0].path]
        loss = losses[0].op if isinstance(losses[0].op, YoloLoss) else None
        target = score_first(of["target"], of.op.order)[0]
    picture = find_picture(view)
    reader = next((s.op for s in steps if isinstance(s.op, YoloBoxes)), None)
    cells = cells_of(record)[0]
    size = (float(picture.shape[-2]), float(picture.shape[-1])) if picture is not None else (
        (float(reader.size[0]), float(reader.size[1])) if reader else (float(cells.shape[0]), float(cells.shape[1])))
    return Grid(cells, target, size, picture, class_names(view, cells.shape[-1] - 5), loss, record.op.order)


def read_scene(view: View) -> Scene | None:
    """Return the boxes of the sample looked at; None where the network has none. Raises `RunError` in words."""
    nms = [s for s in view.plan.steps if isinstance(s.op, NMS)]
    if nms and (isinstance(view.op, NMS) or not grid_steps(view)):
        return _of_op(view, next((s for s in nms if s.path == view.path), nms[0]))
    grid = read_grid(view)
    if grid is None:
        return None
    cells = grid.cells
    with np.errstate(all="ignore"):
        usable = np.isfinite(cells).all(axis=-1) & (cells[..., 3:5] > 0).all(axis=-1) & (cells[..., 0] >= 0)
    cells = np.where(usable[..., None], cells, 0.0)
    boxes = decode_cells(cells, grid.size, 0.0)
    best = cells[..., 5:].max(axis=-1) if cells.shape[-1] > 5 else np.ones(cells.shape[:2])
    parts = tuple((float(p), float(c)) for p, c in zip(cells[usable][:, 0], best[usable], strict=True))
    truth = None if grid.target is None else tuple(decode_cells(grid.target, grid.size))
    return Scene(tuple(boxes), grid.size, grid.picture, truth, grid.classes, parts)


def _of_op(view: View, step: Step) -> Scene:
    record = view.record(step.path)
    kinds = record.get("kind")
    boxes, scores = record["boxes"][0], record["scores"][0]
    good = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (scores >= 0) & (scores <= 1)
    made = tuple(make_box(boxes[i], scores[i], 0 if kinds is None else kinds[0, i]) for i in np.flatnonzero(good))
    picture = find_picture(view)
    size = (float(picture.shape[-2]), float(picture.shape[-1])) if picture is not None else extent(made)
    names = class_names(view, 1 + max((b.kind for b in made), default=0))
    grid = read_grid(view)
    if grid is None or grid.target is None:
        return Scene(made, size, picture, _compared(view, step), names)
    return Scene(made, size, picture, tuple(decode_cells(grid.target, grid.size)), names)


def _compared(view: View, nms: Step) -> tuple[Box, ...] | None:
    """Return the boxes that the network measures the same ones against by IoU; None where it does not."""
    for step in view.plan.steps:
        if isinstance(step.op, IoU):
            other = {"a": "b", "b": "a"}
            port = next((p for p in other if step.inputs[p] == nms.inputs["boxes"]), "")
            if port:
                corners = np.atleast_2d(view.record(step.path)[other[port]])
                return tuple(b for b in map(make_box, corners.reshape(-1, *corners.shape[-2:])[0]) if not b.problem())
    return None


def extent(boxes: Sequence[Box], least: tuple[float, float] = START_SIZE) -> tuple[float, float]:
    """Return the height and width of a sheet that holds all boxes."""
    return (max([least[0], *(np.ceil(b.bottom) for b in boxes)]), max([least[1], *(np.ceil(b.right) for b in boxes)]))


def thresholds(view: View) -> Suppression:
    """Return the thresholds of the bound NMS op, or of the first one, or the usual ones."""
    every = [s.op for s in view.plan.steps if isinstance(s.op, NMS)]
    op = view.op if isinstance(view.op, NMS) else every[0] if every else None
    return op.how if isinstance(op, NMS) else Suppression()


def find_picture(view: View) -> Array | None:
    """Return the picture of the sample looked at, (H, W) or (3, H, W), from the Input that takes one."""
    feeds = view.feeds()
    for step in view.plan.inputs:
        value = feeds[step.path]
        if value.ndim == 4 and value.dtype.kind == "f" and value.shape[1] in (1, 3):
            return np.asarray(value[0, 0] if value.shape[1] == 1 else value[0], np.float64)
    return None


def class_names(view: View, count: int) -> tuple[str, ...]:
    """Return the names of the classes: those that the data give the target's cells, else numbers."""
    table = view.session.table
    for column in table.columns.values() if table is not None else ():
        if column.target and len(column.features) == 5 + count and len(column.size) == 3:
            return column.features[5:]
    return tuple(str(i) for i in range(count))


class OwnBoxes(QObject):
    """The boxes that somebody typed, pasted or drew, with their own undo; they live as long as the window's session."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.boxes: tuple[Box, ...] = START
        self.classes: tuple[str, ...] = START_CLASSES
        self._past: list[tuple[tuple[Box, ...], tuple[str, ...]]] = []
        self._future: list[tuple[tuple[Box, ...], tuple[str, ...]]] = []

    @classmethod
    def of(cls, session: Session) -> OwnBoxes:
        """Return those of a session; the same each time."""
        found = session.findChild(cls)
        return found if isinstance(found, cls) else cls(session)

    def put(self, boxes: Sequence[Box], classes: Sequence[str] | None = None) -> None:
        """Replace the boxes, and the names of their classes where there are others; `undo` brings the old ones back."""
        new = (tuple(boxes), self.classes if classes is None else tuple(classes))
        if new != (self.boxes, self.classes):
            self._past.append((self.boxes, self.classes))
            self._future.clear()
            self.boxes, self.classes = new
            self.changed.emit()

    def undo(self) -> None:
        """Go back by one change."""
        if self._past:
            self._future.append((self.boxes, self.classes))
            self.boxes, self.classes = self._past.pop()
            self.changed.emit()

    def redo(self) -> None:
        """Make the change again that was undone last."""
        if self._future:
            self._past.append((self.boxes, self.classes))
            self.boxes, self.classes = self._future.pop()
            self.changed.emit()

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is anything to make again."""
        return bool(self._future)
