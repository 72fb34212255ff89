"""Small weight matrices side by side: heads, ways of scoring, moments of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.attention_boards import Board, Spot, head_colour
from graphlab.ui.lenses.attention_data import Seen, Variant, entropy
from graphlab.ui.lenses.attention_sites import Site
from graphlab.ui.lenses.view import History
from graphlab.ui.numbers import number_text
from graphlab.ui.tensor_view_heat import heat_image

#: Moments of the training that are shown side by side.
_MOMENTS = 8


@dataclass(frozen=True)
class Tile:
    """A small weight matrix with a title and a line below."""

    title: str
    weights: Array
    line: str = ""
    chosen: bool = False
    colour: QColor | None = None


class TilesBoard(Board):
    """Small weight matrices side by side: heads, ways of scoring, or moments of the training."""

    def __init__(self, name: str, about: str, empty: str = "") -> None:
        super().__init__(name, about)
        self.empty = empty
        self.tiles: Sequence[Tile] = ()

    def show_tiles(self, tiles: Sequence[Tile]) -> None:
        """Show other matrices."""
        self.tiles = tiles
        self.fit()
        self.update()

    def fit(self) -> None:
        self.setMinimumHeight(128)
        self.setMinimumWidth(max(120, 76 * len(self.tiles)))

    def draw(self, painter: QPainter, seen: Seen) -> None:
        now = theme.current()
        if not self.tiles:
            painter.setPen(now.muted)
            painter.drawText(QRectF(self.rect()).adjusted(8, 4, -8, -4), Qt.AlignmentFlag.AlignLeft
                             | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, self.empty)
            return
        gap, head, foot = 12.0, 18.0, 17.0
        room = (self.width() - gap) / len(self.tiles) - gap
        rows, keys = self.tiles[0].weights.shape
        high = min(self.height() - head - foot - 4, room * rows / keys, 26.0 * rows)
        wide = min(room, max(high * keys / rows, 40.0))
        for i, tile in enumerate(self.tiles):
            x = gap + i * (max(wide, min(room, 92.0)) + gap)
            box = QRectF(x, head, wide, high)
            full = QRectF(x, 0, max(wide, min(room, 92.0)), head)
            self.text(painter, full, tile.title, tile.colour or now.text, Qt.AlignmentFlag.AlignLeft)
            painter.drawImage(box, heat_image(tile.weights, 1.0, False))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(now.accent if tile.chosen else now.hairline, 2 if tile.chosen else 1))
            painter.drawRect(box)
            self.text(painter, QRectF(x, box.bottom() + 2, full.width(), foot - 2), tile.line, now.muted,
                      Qt.AlignmentFlag.AlignLeft)
            self.spots.append(Spot(box.united(full), f"{tile.title}: {tile.line}", i, -1))


def head_tiles(seen: Seen, chosen: int | None) -> list[Tile]:
    """Return the weights of every head."""
    return [Tile(f"head {h + 1}", w, f"{entropy(w):.2f} bit", h == chosen, head_colour(h))
            for h, w in enumerate(seen.weights)]


def way_tiles(site: Site, ways: Sequence[Variant]) -> list[Tile]:
    """Return the weights by every way of scoring; the network's own one is marked."""
    current = str(getattr(site.op, "form", "")) or (
        "softmax over queries" if site.over == "queries" else "scaled dot" if getattr(site.op, "scaled", False) else
        "dot")
    return [Tile(v.name + ("" if v.trained else ", untrained"), v.weights, way_line(v), v.name == current)
            for v in ways]


def way_line(way: Variant) -> str:
    """Say how spread out the weights are; or, where rows do not sum to 1, what they sum to."""
    sums = way.weights.sum(axis=-1)
    if np.abs(sums - 1).max() > 1e-6:
        return f"row Σ {number_text(sums.min(), 2)}–{number_text(sums.max(), 2)}"
    return f"{way.entropy:.2f} bit, largest {number_text(way.weights.max(), 3)}"


def film_tiles(history: History, head: int | None) -> list[Tile]:
    """Return the weights at moments of the training, which lie closer together at its start."""
    last = len(history.updates) - 1
    picked = sorted({round(last * (i / (_MOMENTS - 1)) ** 2) for i in range(_MOMENTS)}) if last >= 0 else []
    shown = {i: np.asarray(w.mean(axis=0) if head is None else w[head], float)
             for i in picked if (w := history.values[i]).ndim == 3}
    return [Tile(f"update {history.updates[i]:,}", w, f"{entropy(w):.2f} bit") for i, w in shown.items()]
