"""Attention as a dictionary that answers softly: one query against all keys, and a mixture of their values."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.attention_boards import Board, Spot
from graphlab.ui.lenses.attention_data import Seen
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.tensor_view_heat import heat_image

_LINE, _HEAD, _MOST = 18.0, 20.0, 12


class DictionaryBoard(Board):
    """A query is compared with every key; where a dictionary returns one value, attention mixes all of them."""

    def __init__(self) -> None:
        super().__init__("Soft dictionary", "One query is compared with every key, and the values are mixed by how "
                                            "well their keys fit.")

    def fit(self) -> None:
        seen = self.seen
        lines = 1 if seen is None else min(_MOST, len(seen.columns))
        self.setMinimumSize(560, int(_HEAD + (lines + 2) * _LINE + 10))

    def query(self) -> int:
        """Return the query that is asked: the one singled out, else the last, which sees most."""
        return self.focus_.row if self.focus_.row >= 0 or self.seen is None else len(self.seen.rows) - 1

    def keys(self, seen: Seen, head: int, row: int) -> list[int]:
        """Return the keys that are shown: the heaviest ones, in their order."""
        w = seen.weights[head, row]
        return sorted(map(int, np.argsort(-w, kind="stable")[:_MOST]))

    def draw(self, painter: QPainter, seen: Seen) -> None:
        now, head, i = theme.current(), min(self.focus_.head or 0, seen.heads - 1), self.query()
        before = [s for s in seen.order if s in ("scores", "scaled", "masked")][-1]
        wide = self.width() - 12.0
        strip = max(60.0, (wide - 64 - 64 - 150 - 40) / 3)
        x_word, x_key = 6.0, 74.0
        x_score = x_key + strip + 8
        x_weight = x_score + 70
        x_value = x_weight + 140
        x_share = x_value + strip + 18
        left = Qt.AlignmentFlag.AlignLeft
        for x, name, room in ((x_word, "word", 64), (x_key, "key k", strip), (x_score, before, 66),
                              (x_weight, "weight α", 130), (x_value, "value v", strip), (x_share, "α·v", strip)):
            self.text(painter, QRectF(x, 0, room, _HEAD), name, now.muted, left)
        y = _HEAD
        self.text(painter, QRectF(x_word, y, 64, _LINE), seen.rows[i], now.now, left)
        self.strip(painter, QRectF(x_key, y, strip, _LINE), seen.q[head, i], f"query ‘{seen.rows[i]}’", now.now)
        self.text(painter, QRectF(x_score, y, 210, _LINE), "← the query", now.now, left)
        biggest = float(np.abs(seen.v[head]).max()) if seen.v is not None else 1.0
        for j in self.keys(seen, head, i):
            y += _LINE
            weight, score = float(seen.weights[head, i, j]), float(seen.stages[before][head, i, j])
            self.text(painter, QRectF(x_word, y, 64, _LINE), seen.columns[j], None, left)
            self.strip(painter, QRectF(x_key, y, strip, _LINE), seen.k[head, j], f"key ‘{seen.columns[j]}’")
            hidden = not seen.may[head, i, j]
            self.text(painter, QRectF(x_score, y, 66, _LINE), "hidden" if hidden else number_text(score),
                      now.muted if hidden else None, left)
            self.bar(painter, QRectF(x_weight, y, 130, _LINE), weight if seen.final == "weights" else 0.0, seen, i, j,
                     head)
            if seen.v is not None:
                self.strip(painter, QRectF(x_value, y, strip, _LINE), seen.v[head, j], f"value ‘{seen.columns[j]}’",
                           largest=biggest)
                self.strip(painter, QRectF(x_share, y, strip, _LINE), weight * seen.v[head, j],
                           f"its share of the context: {number_text(weight)} · value", largest=biggest)
        y += _LINE + 4
        if "context" in seen.stages:
            left_out = len(seen.columns) - len(self.keys(seen, head, i))
            more = f", with {left_out} lighter keys that are not shown" if left_out else ""
            self.text(painter, QRectF(x_word, y, x_share - x_word - 10, _LINE), f"context = Σ α·v{more}", None,
                      Qt.AlignmentFlag.AlignRight)
            self.strip(painter, QRectF(x_share, y, strip, _LINE), seen.stages["context"][head, i], "context",
                       now.now, biggest)

    def strip(self, painter: QPainter, rect: QRectF, vector: Array, what: str, edge: QColor | None = None,
              largest: float = 0.0) -> None:
        """Draw a vector as a strip of colours."""
        box = rect.adjusted(0, 2, 0, -2)
        painter.drawImage(box, heat_image(vector[None], largest or float(np.abs(vector).max()) or 1.0, False))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(edge or theme.current().border, 1.4 if edge is not None else 1))
        painter.drawRect(box)
        for k, value in enumerate(vector):
            step = box.width() / len(vector)
            self.spots.append(Spot(QRectF(box.x() + k * step, box.y(), step, box.height()),
                                   f"{what}[{k}] = {exact_text(value)}"))

    def bar(self, painter: QPainter, rect: QRectF, weight: float, seen: Seen, i: int, j: int, head: int) -> None:
        """Draw a weight as a bar with its number."""
        now = theme.current()
        room = rect.width() - 52
        painter.fillRect(QRectF(rect.x(), rect.y() + 4, room, rect.height() - 8), now.hairline)
        painter.fillRect(QRectF(rect.x(), rect.y() + 4, room * weight, rect.height() - 8), now.positive)
        self.text(painter, QRectF(rect.x() + room + 6, rect.y(), 46, rect.height()), f"{weight:.3f}", None,
                  Qt.AlignmentFlag.AlignLeft)
        self.spots.append(Spot(rect, f"weight of ‘{seen.columns[j]}’ = {exact_text(seen.weights[head, i, j])}", i, j))
