"""Tokens with lines between them, as thick as the weights."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPainterPathStroker, QPen

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.attention_boards import Board, Spot, faded, head_colour
from graphlab.ui.lenses.attention_data import Seen
from graphlab.ui.numbers import exact_text, number_text

#: Lighter lines than this are left out.
FAINTEST = 0.01


class LinesBoard(Board):
    """Tokens with lines between them: from each query to the keys it looks at, as thick as the weight."""

    def __init__(self) -> None:
        super().__init__("Lines between tokens", "Each query below is joined to the keys above that it looks at; "
                                                 "the thicker the line, the larger the weight.")

    def fit(self) -> None:
        seen = self.seen
        count = 1 if seen is None else max(len(seen.rows), len(seen.columns))
        self.setMinimumSize(min(count * 18 + 70, 4000), 132)

    def places(self, count: int) -> list[float]:
        """Return where tokens stand from left to right."""
        left = 58.0
        return [left + (i + 0.5) * (self.width() - left - 4) / count for i in range(count)]

    def draw(self, painter: QPainter, seen: Seen) -> None:
        now, focus = theme.current(), self.focus_
        xs_q, xs_k = self.places(len(seen.rows)), self.places(len(seen.columns))
        said = bool(seen.said)
        above, below = 20.0, self.height() - (38.0 if said else 20.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for name, y in (("keys", above - 10), ("queries", below + 10), ("says", below + 27)):
            if name != "says" or said:
                self.text(painter, QRectF(2, y - 9, 52, 18), name, now.muted, Qt.AlignmentFlag.AlignLeft)
        heads = range(seen.heads) if focus.head is None else [focus.head]
        for i in range(len(seen.rows)):
            for h in heads:
                self.lines(painter, seen, h, i, QPointF(xs_q[i], below), [QPointF(x, above) for x in xs_k])
        self.row(painter, seen.columns, xs_k, above - 10, "columns", focus.key)
        self.row(painter, seen.rows, xs_q, below + 10, "rows", focus.row)
        for i, word in enumerate(seen.said if said else ()):
            if focus.reached(i, len(seen.order)) == len(seen.order):
                wide = (self.width() - 62) / len(seen.said)
                here = QRectF(xs_q[i] - wide / 2, below + 18, wide, 18)
                self.text(painter, here, word, now.accent)
                sure = exact_text(seen.sure[i])
                self.spots.append(Spot(here, f"The network says ‘{word}’ with probability {sure}", i))

    def lines(self, painter: QPainter, seen: Seen, h: int, i: int, start: QPointF, ends: list[QPointF]) -> None:
        """Draw the lines of one query in one head."""
        focus = self.focus_
        here = seen.order.index(seen.final)
        if focus.reached(i, len(seen.order)) <= here:
            return
        weights = np.clip(seen.weights[h, i], 0, 1) if seen.final == "weights" else soft(seen.weights[h, i])
        dim = 1.0 if focus.row < 0 or i == focus.row else 0.22
        colour = head_colour(h) if seen.heads > 1 else theme.current().positive
        for j, end in enumerate(ends):
            w = float(weights[j])
            if w < FAINTEST:
                continue
            path = QPainterPath(start)
            path.lineTo(end)
            lit = focus.key is None or focus.key == j
            painter.setPen(QPen(faded(colour, (0.12 + 0.83 * w) * dim * (1 if lit else 0.3)), 0.8 + 5 * w,
                                Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
            stroker = QPainterPathStroker()
            stroker.setWidth(5 + 5 * w)
            which = f", head {h + 1}" if seen.heads > 1 else ""
            self.spots.append(Spot(stroker.createStroke(path), f"‘{seen.rows[i]}’ looks at ‘{seen.columns[j]}’: "
                                   f"{exact_text(seen.weights[h, i, j])}{which}", i, j))
            if dim == 1.0 and focus.row == i and w >= 0.05 and (seen.heads == 1 or focus.head is not None):
                self.text(painter, QRectF(end.x() - 24, end.y() + 4, 48, 14), number_text(w, 2))

    def row(self, painter: QPainter, words: tuple[str, ...], xs: list[float], y: float, kind: str,
            chosen: int | None) -> None:
        """Write the tokens of one side."""
        now = theme.current()
        wide = (self.width() - 62) / len(words)
        for i, (word, x) in enumerate(zip(words, xs, strict=True)):
            here = QRectF(x - wide / 2, y - 9, wide, 18)
            if i == chosen:
                painter.setPen(QPen(now.now, 1.5))
                painter.setBrush(theme.mix(now.window, now.now, 0.12))
                painter.drawRoundedRect(here.adjusted(1, 1, -1, -1), 4, 4)
            self.text(painter, here, word)
            at = (i, -1) if kind == "rows" else (-1, i)
            self.spots.append(Spot(here, f"‘{word}’ at place {i}: click for another word", *at, token=kind))


def soft(scores: Array) -> Array:
    """Return scores between 0 and 1 by their size, where no softmax follows them."""
    top = float(np.abs(scores).max())
    return np.asarray(np.clip(scores / top, 0, 1)) if top else np.zeros_like(scores)
