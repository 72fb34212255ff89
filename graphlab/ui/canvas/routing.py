"""The way of a wire: a smooth curve that leaves and arrives horizontally and keeps off the cards where it can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

Points = NDArray[np.float64]
Cubic = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

#: Distance of a lane from the cards it passes, between two lanes, and the width of a turn.
CLEAR, LANE, TURN = 16.0, 10.0, 40.0
_T = np.linspace(0.0, 1.0, 13)[:, None]
_BASIS = np.hstack([(1 - _T) ** 3, 3 * _T * (1 - _T) ** 2, 3 * _T**2 * (1 - _T), _T**3])


@dataclass(frozen=True)
class Route:
    """A wire's curve, the points on it that are looked at for hits, and the middle of its label."""

    path: QPainterPath
    points: Points
    bounds: QRectF
    label: QPointF | None = None
    label_rect: QRectF = field(default_factory=QRectF)

    def distance(self, at: QPointF) -> float:
        """Return how far a point is from the curve."""
        p = np.array([at.x(), at.y()])
        a, b = self.points[:-1], self.points[1:]
        d = b - a
        t = np.clip(((p - a) * d).sum(1) / np.maximum((d * d).sum(1), 1e-9), 0, 1)[:, None]
        return float(np.sqrt((((a + t * d) - p) ** 2).sum(1).min()))

    def crosses(self, rect: QRectF) -> bool:
        """Tell whether the curve passes through a rectangle."""
        if not self.bounds.intersects(rect):
            return False
        box = np.array([[rect.left(), rect.top(), rect.right(), rect.bottom()]])
        return bool(inside(dense(self.points), box).any())

    @cached_property
    def _measured(self) -> tuple[Points, Points, Points]:
        steps = np.diff(self.points, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        return steps, lengths, np.concatenate([[0.0], np.cumsum(lengths)])

    def at(self, share: float) -> tuple[QPointF, QPointF]:
        """Return the point at a share of the length, and the direction there."""
        steps, lengths, along = self._measured
        want = share * along[-1]
        i = int(np.clip(np.searchsorted(along, want) - 1, 0, len(steps) - 1))
        part = (want - along[i]) / max(lengths[i], 1e-9)
        x, y = self.points[i] + part * steps[i]
        dx, dy = steps[i] / max(lengths[i], 1e-9)
        return QPointF(x, y), QPointF(dx, dy)

    @property
    def length(self) -> float:
        """The length of the curve."""
        return float(self._measured[2][-1])


def dense(points: Points, pitch: float = 12.0) -> Points:
    """Fill up a polyline so that no two neighbours are further apart than ``pitch``."""
    parts = [points[:1]]
    for a, b in pairwise(points):
        n = int(np.hypot(*(b - a)) // pitch)
        if n > 1:
            parts.append(a + (b - a) * np.linspace(0, 1, n + 1)[1:-1, None])
        parts.append(b[None])
    return np.concatenate(parts)


def inside(points: Points, boxes: Points) -> NDArray[np.bool_]:
    """Tell for each box (left, top, right, bottom) whether any of the points lies in it."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    hit = (boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < bottom) & (boxes[:, 3] > top)
    for i in np.flatnonzero(hit):
        a, b, c, d = boxes[i]
        x, y = points[:, 0], points[:, 1]
        hit[i] = ((x > a) & (y > b) & (x < c) & (y < d)).any()
    return np.asarray(hit)


def polylines_cross(a: Points, b: Points) -> bool:
    """Tell whether two polylines (points by rows) cross each other."""
    if len(a) < 2 or len(b) < 2:
        return False
    p, r = a[:-1, None], np.diff(a, axis=0)[:, None]
    q, s = b[None, :-1], np.diff(b, axis=0)[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        d = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
        t = ((q - p)[..., 0] * s[..., 1] - (q - p)[..., 1] * s[..., 0]) / d
        u = ((q - p)[..., 0] * r[..., 1] - (q - p)[..., 1] * r[..., 0]) / d
    return bool(((t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)).any())


def make(cubics: Sequence[Cubic]) -> Route:
    """Join cubic Bézier curves to a route."""
    path = QPainterPath(QPointF(*cubics[0][0]))
    points = []
    for cubic in cubics:
        path.cubicTo(QPointF(*cubic[1]), QPointF(*cubic[2]), QPointF(*cubic[3]))
        points.append(_BASIS @ np.array(cubic))
    all_points = np.concatenate(points)
    (left, top), (right, bottom) = all_points.min(0), all_points.max(0)
    return Route(path, all_points, QRectF(left - 4, top - 4, right - left + 8, bottom - top + 8))


def line(a: tuple[float, float], b: tuple[float, float]) -> Cubic:
    """Return a straight piece."""
    third = ((2 * a[0] + b[0]) / 3, (2 * a[1] + b[1]) / 3), ((a[0] + 2 * b[0]) / 3, (a[1] + 2 * b[1]) / 3)
    return (a, *third, b)


def direct(x0: float, y0: float, x1: float, y1: float) -> Route:
    """Return the plain S-shaped way from an output to an input."""
    gap = x1 - x0
    h = gap / 2 if gap >= 2 * TURN else max(TURN, min(abs(gap), 160.0) * 0.6, min(abs(y1 - y0) * 0.4, 120.0))
    if gap > 320:
        # A long way bends near its ends and runs straight between.
        h = 96 + min(abs(y1 - y0) * 0.3, gap / 2 - 96)
    return make([((x0, y0), (x0 + h, y0), (x1 - h, y1), (x1, y1))])


def by_lane(x0: float, y0: float, x1: float, y1: float, lane: float) -> Route:
    """Return the way along a horizontal lane above or below what stands between."""
    if x1 - x0 >= 2 * TURN + 8:
        a, b, h = (x0 + TURN, lane), (x1 - TURN, lane), TURN * 0.55
        return make([((x0, y0), (x0 + h, y0), (a[0] - h, lane), a), line(a, b),
                     (b, (b[0] + h, lane), (x1 - h, y1), (x1, y1))])
    # Back to the left: turn around at both ends.
    a, b, h = (x0, lane), (x1, lane), TURN
    return make([((x0, y0), (x0 + h, y0), (x0 + h, lane), a), line(a, b), (b, (x1 - h, lane), (x1 - h, y1), (x1, y1))])


def route(
    start: QPointF, end: QPointF, boxes: Points, own: tuple[int, int] = (-1, -1),
    lanes: list[tuple[float, float, float]] | None = None,
) -> Route:
    """Find the way of a wire among the cards' boxes, of which ``own`` are the two it joins.

    ``lanes`` are those that are taken (y, left, right); a wire that needs one is added to them.
    """
    x0, y0, x1, y1 = start.x(), start.y(), end.x(), end.y()
    plain = direct(x0, y0, x1, y1)
    if not len(boxes):
        return plain
    backward = x1 < x0 + 16
    ends = [i for i in own if i >= 0]
    b = plain.bounds
    near = (boxes[:, 0] < b.right()) & (boxes[:, 2] > b.left()) & (boxes[:, 1] < b.bottom()) & (boxes[:, 3] > b.top())
    if not backward:
        near[ends] = False
    elif not near.any():
        return plain
    if not near.any() or not inside(dense(plain.points), boxes[near]).any():
        return plain
    left, right = min(x0, x1) - (TURN if backward else -4), max(x0, x1) + (TURN if backward else -4)
    column = boxes[(boxes[:, 0] < right) & (boxes[:, 2] > left)]
    best: tuple[float, Route, float] | None = None
    for up in (True, False):
        lane = _lane(boxes[near], column, up, left, right, lanes or [])
        way = by_lane(x0, y0, x1, y1, lane)
        others = boxes if backward else np.delete(boxes, ends, axis=0)
        cost = abs(lane - y0) + abs(lane - y1) + 10_000 * float(inside(dense(way.points), others).any()) + (not up)
        if best is None or cost < best[0]:
            best = (cost, way, lane)
    assert best is not None
    if best[0] >= 10_000:
        return plain
    if lanes is not None:
        lanes.append((best[2], left, right))
    return best[1]


def _lane(
    blocking: Points, column: Points, up: bool, left: float, right: float, taken: list[tuple[float, float, float]],
) -> float:
    """Return the nearest free height above (or below) what blocks the way."""
    step = -1.0 if up else 1.0
    lane = blocking[:, 1].min() - CLEAR if up else blocking[:, 3].max() + CLEAR
    for _ in range(24):
        hit = column[(column[:, 1] - CLEAR / 2 < lane) & (column[:, 3] + CLEAR / 2 > lane)]
        if len(hit):
            lane = hit[:, 1].min() - CLEAR if up else hit[:, 3].max() + CLEAR
        elif any(abs(y - lane) < LANE - 1 and a < right and b > left for y, a, b in taken):
            lane += step * LANE
        else:
            break
    return float(lane)


class Labels:
    """The labels that stand already, found by where they are."""

    CELL = 96.0

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[QRectF]] = {}

    def _around(self, rect: QRectF) -> Iterator[tuple[int, int]]:
        for i in range(int(rect.left() // self.CELL), int(rect.right() // self.CELL) + 1):
            for j in range(int(rect.top() // self.CELL), int(rect.bottom() // self.CELL) + 1):
                yield i, j

    def free(self, rect: QRectF) -> bool:
        """Tell whether no label stands in a rectangle."""
        return not any(rect.intersects(o) for cell in self._around(rect) for o in self._cells.get(cell, ()))

    def add(self, rect: QRectF) -> None:
        """Let a label stand there."""
        for cell in self._around(rect):
            self._cells.setdefault(cell, []).append(rect)


def place_label(way: Route, width: float, height: float, boxes: Points, labels: Labels) -> Route:
    """Return the route with its label where neither a card nor another label is; without where there is no room."""
    length, b = way.length, way.bounds.adjusted(-width, -height, width, height)
    near = boxes[(boxes[:, 0] < b.right()) & (boxes[:, 2] > b.left()) & (boxes[:, 1] < b.bottom())
                 & (boxes[:, 3] > b.top())]
    around = [QRectF(box[0] - 1, box[1], box[2] - box[0] + 2, box[3] - box[1]) for box in near]
    for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.1, 0.9):
        middle, direction = way.at(share)
        if abs(direction.y()) > 0.9 and length > 2 * width:
            continue
        rect = QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height)
        if labels.free(rect) and not any(rect.intersects(box) for box in around):
            labels.add(rect)
            return replace(way, bounds=way.bounds.united(rect), label=middle, label_rect=rect)
    return way
