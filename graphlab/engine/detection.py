"""Boxes: intersection over union, non-maximum suppression one decision at a time, and the cells of a YOLO grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphlab.engine.record import Array


class DetectionError(ValueError):
    """Boxes or thresholds that cannot be used: a sentence with what was needed and what came."""


@dataclass(frozen=True)
class Box:
    """A rectangle with a score p_c in 0…1 and a class; x to the right, y down, right > left and bottom > top."""

    left: float
    top: float
    right: float
    bottom: float
    score: float = 1.0
    kind: int = 0

    @property
    def area(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.bottom - self.top)

    def problem(self) -> str:
        """Say in a sentence what is wrong with the box, or nothing."""
        numbers = (self.left, self.top, self.right, self.bottom, self.score)
        if not np.isfinite(numbers).all():
            return "A box needs finite numbers; NaN or infinity is among them."
        if self.right <= self.left or self.bottom <= self.top:
            return (f"A box needs right > left and bottom > top; it has left {self.left:g}, right {self.right:g}, "
                    f"top {self.top:g}, bottom {self.bottom:g}.")
        if not 0 <= self.score <= 1:
            return f"A box needs a score between 0 and 1; it has {self.score:g}."
        return ""


def make_box(corners: Array, score: float = 1.0, kind: int = 0) -> Box:
    """Make a box of an array (left, top, right, bottom)."""
    left, top, right, bottom = (float(v) for v in corners)
    return Box(left, top, right, bottom, float(score), int(kind))


@dataclass(frozen=True)
class Overlap:
    """How two boxes lie on each other: the sides of what they share (below 0: how far apart), and the areas.

    ``left`` … ``bottom`` bound the shared rectangle where there is one; ``iou`` = ``shared`` / ``union``.
    """

    left: float
    top: float
    right: float
    bottom: float
    shared: float
    union: float

    @property
    def iou(self) -> float:
        """|A ∩ B| / |A ∪ B|: 0 for boxes apart, 1 for identical ones."""
        return self.shared / self.union


def overlap(a: Box, b: Box) -> Overlap:
    """Return what two boxes share and cover: |A ∪ B| = |A| + |B| − |A ∩ B|."""
    left, top = max(a.left, b.left), max(a.top, b.top)
    right, bottom = min(a.right, b.right), min(a.bottom, b.bottom)
    shared = (right - left) * (bottom - top) if right > left and bottom > top else 0.0
    return Overlap(left, top, right, bottom, shared, a.area + b.area - shared)


def iou(a: Box, b: Box) -> float:
    """Return |A ∩ B| / |A ∪ B|: 0 for boxes apart, 1 for identical ones."""
    return overlap(a, b).iou


def iou_matrix(a: Array, b: Array) -> Array:
    """Return the IoU of all pairs; boxes are rows (left, top, right, bottom): (N, 4), (M, 4) -> (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])  # (N, 1, 2), (1, M, 2) -> (N, M, 2)
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    out: Array = shared / (area_a[:, None] + area_b[None, :] - shared)
    return out


@dataclass(frozen=True)
class Suppression:
    """How boxes are pruned.

    ``score`` discards boxes with p_c below it; ``overlap`` discards boxes whose IoU with a kept one is larger.
    ``per_class`` compares only boxes of the same class. ``soft`` lowers scores instead of discarding: ``linear``
    multiplies by 1 − IoU where it is above ``overlap``, ``gaussian`` by exp(−IoU²/σ) always (Bodla et al. 2017).
    """

    score: float = 0.6
    overlap: float = 0.5
    per_class: bool = False
    soft: Literal["no", "linear", "gaussian"] = "no"
    sigma: float = 0.5

    def problems(self) -> list[str]:
        """Say what is wrong with the thresholds, a sentence each."""
        out = [f"The {name} threshold needs to be between 0 and 1; it is {v:g}."
               for name, v in (("score", self.score), ("overlap", self.overlap)) if not 0 <= v <= 1]
        if self.sigma <= 0:
            out.append(f"σ needs to be above 0; it is {self.sigma:g}.")
        return out


@dataclass(frozen=True)
class Decision:
    """One thing that suppression does.

    ``weak``: discarded for its score. ``pivot``: the best of what is left, kept. ``overlaps``: discarded for its
    ``iou`` with ``pivot``. ``stays``: compared with the pivot and left. ``lowered``: its score is now ``score``.
    ``queue`` are the boxes still waiting afterwards, best first; ``kept`` those kept so far.
    """

    kind: Literal["weak", "pivot", "overlaps", "stays", "lowered"]
    box: int
    pivot: int
    iou: float
    score: float
    queue: tuple[int, ...]
    kept: tuple[int, ...]
    sentence: str


def suppress(boxes: Sequence[Box], how: Suppression = Suppression()) -> Iterator[Decision]:
    """Prune boxes, yielding each decision: discard weak ones, sort, keep the top, discard what overlaps it, repeat.

    Ties in the score go to the box that came first. Raises `DetectionError` in words.
    """
    wrong = how.problems() + [f"Box #{i}: {p}" for i, b in enumerate(boxes) if (p := b.problem())]
    if wrong:
        raise DetectionError(wrong[0])
    scores = [b.score for b in boxes]
    queue = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    kept: list[int] = []
    for i in [i for i in queue if scores[i] < how.score]:
        queue.remove(i)
        yield Decision("weak", i, -1, 0.0, scores[i], tuple(queue), (),
                       f"#{i}: p_c {scores[i]:.2f} < {how.score:.2f}, discarded")
    while queue:
        top = queue.pop(0)
        kept.append(top)
        yield Decision("pivot", top, top, 1.0, scores[top], tuple(queue), tuple(kept),
                       f"#{top}: p_c {scores[top]:.2f} is the highest left, kept")
        for i in list(queue):
            if how.per_class and boxes[i].kind != boxes[top].kind:
                yield Decision("stays", i, top, 0.0, scores[i], tuple(queue), tuple(kept),
                               f"#{i}: of another class than #{top}, stays")
                continue
            shared = iou(boxes[top], boxes[i])
            if how.soft != "no":
                factor = float(np.exp(-shared**2 / how.sigma)) if how.soft == "gaussian" else (
                    1 - shared if shared > how.overlap else 1.0)
                if factor < 1.0:
                    before, scores[i] = scores[i], scores[i] * factor
                    weak = scores[i] < how.score
                    if weak:
                        queue.remove(i)
                    queue.sort(key=lambda j: (-scores[j], j))
                    product = f"p_c {before:.2f} · {factor:.2f} = {scores[i]:.2f}"
                    end = f" < {how.score:.2f}, discarded" if weak else ""
                    yield Decision("overlaps" if weak else "lowered", i, top, shared, scores[i], tuple(queue),
                                   tuple(kept), f"#{i}: IoU {shared:.2f} with #{top}, {product}{end}")
                    continue
            elif shared > how.overlap:
                queue.remove(i)
                yield Decision("overlaps", i, top, shared, scores[i], tuple(queue), tuple(kept),
                               f"#{i}: IoU {shared:.2f} > {how.overlap:.2f} with #{top}, discarded")
                continue
            sign = "≤" if shared <= how.overlap else ">"
            yield Decision("stays", i, top, shared, scores[i], tuple(queue), tuple(kept),
                           f"#{i}: IoU {shared:.2f} {sign} {how.overlap:.2f} with #{top}, stays")


def survivors(boxes: Sequence[Box], how: Suppression = Suppression()) -> list[int]:
    """Return the boxes that suppression keeps, best first."""
    return [d.box for d in suppress(boxes, how) if d.kind == "pivot"]


@dataclass(frozen=True)
class Agreement:
    """Which boxes that were found belong to which true ones: (true, found, their IoU), and how many there are."""

    pairs: tuple[tuple[int, int, float], ...]
    truths: int
    found: int

    @property
    def recall(self) -> float:
        """The share of the true boxes that were found; 1 where there are none."""
        return len(self.pairs) / self.truths if self.truths else 1.0

    @property
    def precision(self) -> float:
        """The share of the found boxes that are true; 1 where there are none."""
        return len(self.pairs) / self.found if self.found else 1.0

    @property
    def mean_iou(self) -> float:
        """The mean IoU of true boxes with those found for them; 0 where none was."""
        return float(np.mean([shared for _, _, shared in self.pairs])) if self.pairs else 0.0


def agree(truths: Sequence[Box], found: Sequence[Box], at: float = 0.5, per_class: bool = True) -> Agreement:
    """Match found boxes with true ones: the best score first takes the true box it overlaps most, each only once.

    A pair needs an IoU of ``at`` or more and, ``per_class``, the same class. Everingham et al. 2010, section 4.2.
    """
    free = list(range(len(truths)))
    pairs = []
    for j in sorted(range(len(found)), key=lambda j: (-found[j].score, j)):
        fits = [(iou(truths[i], found[j]), -i) for i in free if not per_class or truths[i].kind == found[j].kind]
        shared, i = max(fits, default=(-1.0, 0))
        if shared >= at:
            free.remove(-i)
            pairs.append((-i, j, shared))
    return Agreement(tuple(pairs), len(truths), len(found))


#: In which order a cell has its numbers: the lecture's [p_c, b_x, b_y, b_w, b_h, c…], or the box before p_c.
ORDERS = ("p_c first", "box first")


def score_first(cells: Array, order: str) -> Array:
    """Return cells of either of `ORDERS` as [p_c, b_x, b_y, b_w, b_h, c…]."""
    return cells if order == ORDERS[0] else np.take(cells, (4, 0, 1, 2, 3, *range(5, cells.shape[-1])), axis=-1)


def encode_cells(boxes: Sequence[Box], grid: tuple[int, int], size: tuple[float, float], classes: int) -> Array:
    """Write boxes into a YOLO grid of rows × columns, each cell [p_c, b_x, b_y, b_w, b_h, c_1 … c_k].

    b_x, b_y ∈ [0, 1) place the centre in its cell; b_w, b_h count in cells and may exceed 1. ``size`` is the
    picture's (height, width). Of two boxes in one cell the larger is kept. Redmon et al. 2016, section 2.
    """
    rows, columns = grid
    out = np.zeros((rows, columns, 5 + classes))
    cell_h, cell_w = size[0] / rows, size[1] / columns
    for box in sorted(boxes, key=lambda b: b.area):
        if not 0 <= box.kind < classes:
            raise DetectionError(f"A box has the class {box.kind}; the grid has classes 0 to {classes - 1}.")
        x, y = (box.left + box.right) / 2 / cell_w, (box.top + box.bottom) / 2 / cell_h
        r, c = int(y), int(x)
        if not (0 <= r < rows and 0 <= c < columns):
            raise DetectionError(f"A box is centred at ({x * cell_w:g}, {y * cell_h:g}), outside the picture of "
                                 f"{size[1]:g}×{size[0]:g}.")
        out[r, c] = 0
        out[r, c, :5] = (1.0, x - c, y - r, (box.right - box.left) / cell_w, (box.bottom - box.top) / cell_h)
        out[r, c, 5 + box.kind] = 1.0
    return out


def decode_cells(cells: Array, size: tuple[float, float], threshold: float = 0.5) -> list[Box]:
    """Read the boxes of a YOLO grid whose p_c · max c reaches the threshold, in reading order of the cells."""
    rows, columns, width = cells.shape
    cell_h, cell_w = size[0] / rows, size[1] / columns
    out = []
    for r in range(rows):
        for c in range(columns):
            p, x, y, w, h = (float(v) for v in cells[r, c, :5])
            kind = int(np.argmax(cells[r, c, 5:])) if width > 5 else 0
            score = p * (float(cells[r, c, 5 + kind]) if width > 5 else 1.0)
            if score < threshold or w <= 0 or h <= 0:
                continue
            cx, cy = (c + x) * cell_w, (r + y) * cell_h
            out.append(Box(cx - w * cell_w / 2, cy - h * cell_h / 2, cx + w * cell_w / 2, cy + h * cell_h / 2,
                           min(score, 1.0), kind))
    return out
