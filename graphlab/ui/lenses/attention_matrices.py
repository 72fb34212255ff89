"""Attention as linked matrices, from queries and keys to the context, one row a query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPainterPath, QPen

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.lenses.attention_boards import Board, Spot, faded
from graphlab.ui.lenses.attention_data import Seen
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.tensor_view_heat import heat_image

_GAP, _HEAD, _FOOT, _LARGEST = 14.0, 18.0, 18.0, 30.0
#: The least width of a matrix of numbers, and of queries and keys.
_NARROW, _STAGE = 44.0, 62.0


def least_cell(count: int) -> float:
    """Return the least height of a row: words can be read beside a dozen of them, and more are shown smaller."""
    return 12.0 if count <= 12 else 9.0 if count <= 24 else 5.0


@dataclass(frozen=True)
class Panel:
    """One matrix of the board: its name, its numbers, where it stands, and the stage it belongs to (−1: none)."""

    name: str
    title: str
    matrix: Array
    box: QRectF
    stage: int = -1
    keys: bool = False  # whether its columns are the keys


def stage_title(seen: Seen, name: str) -> str:
    """Write what a stage does."""
    form = str(getattr(seen.site.op, "form", ""))
    first = {"bilinear": "Q·W·Kᵀ", "additive": "additive"}.get(form, "Q·Kᵀ")
    return {"scores": first, "scaled": f"÷ √{seen.q.shape[-1]}", "masked": "masked", "weights": "softmax",
            "dropout": "dropout", "context": "weights·V"}[name]


def of_row(x: Array, head: int) -> Array:
    """Return one head's matrix."""
    return np.asarray(x[min(head, len(x) - 1)])


class MatricesBoard(Board):
    """Q, K → scores → scale → mask → softmax → times V: the row of the query that is worked on is framed."""

    def __init__(self) -> None:
        super().__init__("Matrices of attention", "Queries, keys, the stages of the weights, values and context, "
                                                  "one row a query. Right-click a cell to hide a key.")

    def fit(self) -> None:
        seen = self.seen
        if seen is None:
            return
        tall = max(len(seen.rows), len(seen.columns))
        high = min(tall * least_cell(tall), 1200) + self.above(seen) + _FOOT + 4
        self.setMinimumSize(int(self.least(seen)), int(high))

    def stages(self, seen: Seen) -> list[str]:
        """Return the stages that are matrices of queries and keys."""
        return [s for s in seen.order if s != "context"]

    def least(self, seen: Seen) -> float:
        """Return the smallest width that shows everything."""
        wide = len(self.stages(seen)) * max(len(seen.columns) * 4.0, _STAGE) + (2 + 2 * (seen.v is not None)) * _NARROW
        return wide + 9 * _GAP + 2 * self.side(seen.rows) + self.side(seen.columns)

    def side(self, words: tuple[str, ...]) -> float:
        """Return the width of words beside a matrix."""
        return min(64.0, 8.0 + max((self.fontMetrics().horizontalAdvance(w) for w in words), default=0))

    def above(self, seen: Seen) -> float:
        """Return the height of the titles and the words above a matrix, which stand upright where they are long."""
        return _HEAD + (14.0 if self.short(seen) else self.side(seen.columns))

    def short(self, seen: Seen) -> bool:
        """Whether the keys' words fit above their columns."""
        return max(map(len, seen.columns), default=0) <= 2

    def panels(self, seen: Seen) -> list[Panel]:
        """Lay the matrices out from left to right."""
        head, top = self.focus_.head or 0, self.above(seen)
        t_q, t_k, stages = len(seen.rows), len(seen.columns), self.stages(seen)
        said = max(30.0, self.side(seen.said)) + 4 if seen.said else 0.0
        features = 2 + (seen.v is not None) + ("context" in seen.stages)
        words = self.side(seen.rows) + self.side(seen.columns)
        free = self.width() - words - said - (len(stages) + features + 1) * _GAP
        tall = self.height() - top - _FOOT - 2
        room = tall / max(t_q, t_k)
        cell = min(_LARGEST, room, max(4.0, (free - features * _NARROW) / (len(stages) * t_k)))
        high = max(cell, min(least_cell(max(t_q, t_k)), room))
        across = max(cell * t_k, _STAGE)
        wide = min(max(_NARROW, (free - len(stages) * across) / features), 190.0)
        x, out = _GAP / 2 + self.side(seen.rows), []
        which = f"Q, head {head + 1}" if seen.heads > 1 else "Q"
        out.append(Panel("q", which, of_row(seen.q, head), QRectF(x, top, wide, high * t_q)))
        x += wide + _GAP + self.side(seen.columns)
        out.append(Panel("k", "K", of_row(seen.k, head), QRectF(x, top, wide, high * t_k)))
        x += wide + _GAP
        for i, name in enumerate(stages):
            out.append(Panel(name, stage_title(seen, name), of_row(seen.stages[name], head),
                             QRectF(x, top, across, high * t_q), i, True))
            x += across + _GAP
        if seen.v is not None:
            out.append(Panel("v", "V", of_row(seen.v, head), QRectF(x, top, wide, high * t_k)))
            x += wide + _GAP
        if "context" in seen.stages:
            out.append(Panel("context", stage_title(seen, "context"), of_row(seen.stages["context"], head),
                             QRectF(x, top, wide, high * t_q), len(stages)))
        return out

    def draw(self, painter: QPainter, seen: Seen) -> None:
        panels = self.panels(seen)
        for panel in panels:
            self.panel(painter, seen, panel)
        first, second = panels[0], panels[1]
        for words, panel, kind in ((seen.rows, first, "rows"), (seen.columns, second, "columns")):
            self.beside(painter, words, panel, kind)
        if seen.said and panels[-1].name == "context":
            self.says(painter, seen, panels[-1])
        self.frames(painter, seen, {p.name: p for p in panels})

    def panel(self, painter: QPainter, seen: Seen, panel: Panel) -> None:
        """Draw one matrix as far as the animation has come."""
        now, box, matrix = theme.current(), panel.box, panel.matrix
        shown = np.array(matrix, float)
        rows = len(matrix)
        if panel.stage >= 0:
            for i in range(rows):
                if self.focus_.reached(i, len(seen.order)) <= panel.stage:
                    shown[i] = 0
        may = seen.may[min(self.focus_.head or 0, len(seen.may) - 1)]
        if panel.name == "masked":
            shown[~may] = 0
        largest = 1.0 if panel.name in ("weights", "dropout") else float(np.abs(shown).max(initial=0))
        painter.drawImage(box, heat_image(shown, largest, False))
        high = box.height() / rows
        for i in range(rows if panel.stage >= 0 else 0):
            if self.focus_.reached(i, len(seen.order)) <= panel.stage:
                painter.fillRect(QRectF(box.x(), box.y() + i * high, box.width(), high), now.window)
        if panel.name == "masked":
            self.hatch(painter, panel, may)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(now.border, 1))
        painter.drawRect(box)
        top = 0.0 if panel.keys else box.y() - _HEAD
        title = QRectF(box.x() - 4, top, max(box.width(), 60) + 8, _HEAD)
        self.text(painter, title, panel.title, now.text, Qt.AlignmentFlag.AlignLeft)
        size = "×".join(map(str, matrix.shape))
        foot = QRectF(box.x() - 4, box.bottom() + 1, max(box.width(), 56) + 8, _FOOT - 2)
        self.text(painter, foot, self.sums(seen) if panel.name == "weights" else size, now.muted,
                  Qt.AlignmentFlag.AlignLeft)
        self.cells(panel, seen)
        if panel.keys:
            self.over(painter, seen, panel)
            self.numbers(painter, panel, shown)

    def sums(self, seen: Seen) -> str:
        """Write what the rows (or columns) of the weights sum to."""
        low, high = float(seen.sums.min()), float(seen.sums.max())
        what = "row" if seen.site.over == "keys" else "column"
        return f"{what} Σ = {number_text(round(low, 6))}" if high - low < 5e-5 else (
            f"{what} Σ: {number_text(low, 3)} to {number_text(high, 3)}")

    def cells(self, panel: Panel, seen: Seen) -> None:
        """Let every cell be pointed at."""
        rows, columns = panel.matrix.shape
        high, wide = panel.box.height() / rows, panel.box.width() / columns
        for i, j in np.ndindex(rows, columns):
            tip = f"{panel.title}[{i}, {j}] = {exact_text(panel.matrix[i, j])}"
            if panel.keys:
                tip += f"\nquery ‘{seen.rows[i]}’, key ‘{seen.columns[j]}’"
            area = QRectF(panel.box.x() + j * wide, panel.box.y() + i * high, wide, high)
            row, key = (i, j) if panel.keys else (-1, i) if panel.name in ("k", "v") else (i, -1)
            self.spots.append(Spot(area, tip, row, key))

    def hatch(self, painter: QPainter, panel: Panel, may: Array) -> None:
        """Hatch what must not be seen."""
        rows, columns = panel.matrix.shape
        high, wide = panel.box.height() / rows, panel.box.width() / columns
        brush = QBrush(faded(theme.current().muted, 0.8), Qt.BrushStyle.BDiagPattern)
        for i, j in np.argwhere(~may):
            if self.focus_.reached(int(i), panel.stage + 1) > panel.stage:
                painter.fillRect(QRectF(panel.box.x() + j * wide, panel.box.y() + i * high, wide, high), brush)

    def numbers(self, painter: QPainter, panel: Panel, shown: Array) -> None:
        """Write the numbers into cells that have the room."""
        rows, columns = shown.shape
        high, wide = panel.box.height() / rows, panel.box.width() / columns
        if wide < 27 or high < 13 or panel.name not in ("weights", "dropout"):
            return
        painter.setFont(theme.font(10, tabular=True))
        for i, j in np.argwhere(shown >= 0.005):
            text = f"{shown[i, j]:.2f}".lstrip("0") if shown[i, j] < 0.995 else "1"
            ink = theme.current().on_accent if shown[i, j] > 0.6 else theme.current().text
            self.text(painter, QRectF(panel.box.x() + j * wide, panel.box.y() + i * high, wide, high), text, ink)
        painter.setFont(theme.font(11.5, tabular=True))

    def over(self, painter: QPainter, seen: Seen, panel: Panel) -> None:
        """Write the keys' words above a matrix."""
        wide = panel.box.width() / len(seen.columns)
        if wide < 9:
            return
        long = self.above(seen) - _HEAD
        for j, word in enumerate(seen.columns):
            if self.short(seen):
                self.text(painter, QRectF(panel.box.x() + j * wide - 4, _HEAD, wide + 8, long), word)
                continue
            painter.save()
            painter.translate(panel.box.x() + (j + 0.5) * wide, panel.box.y() - 2)
            painter.rotate(-90)
            self.text(painter, QRectF(0, -8, long - 4, 16), word, None, Qt.AlignmentFlag.AlignLeft)
            painter.restore()

    def beside(self, painter: QPainter, words: tuple[str, ...], panel: Panel, kind: str) -> None:
        """Write the words of the rows beside a matrix, where they can be exchanged."""
        high, wide = panel.box.height() / len(words), self.side(words)
        for i, word in enumerate(words):
            here = QRectF(panel.box.x() - wide - 2, panel.box.y() + i * high, wide, high)
            at = (i, -1) if kind == "rows" else (-1, i)
            self.spots.append(Spot(here, f"‘{word}’ at place {i}: click for another word", *at, token=kind))
            if high >= 9:
                self.text(painter, here.adjusted(0, (high - 16) / 2, 0, -(high - 16) / 2), word, None,
                          Qt.AlignmentFlag.AlignRight)

    def says(self, painter: QPainter, seen: Seen, panel: Panel) -> None:
        """Write what the network says at each query."""
        high = panel.box.height() / len(seen.said)
        title = QRectF(panel.box.right() + 4, panel.box.y() - _HEAD, 40, _HEAD)
        self.text(painter, title, "says", theme.current().muted, Qt.AlignmentFlag.AlignLeft)
        for i, word in enumerate(seen.said):
            here = QRectF(panel.box.right() + 4, panel.box.y() + i * high, self.side(seen.said), high)
            if self.focus_.reached(i, len(seen.order)) == len(seen.order) and high >= 9:
                self.spots.append(Spot(here, f"‘{word}’ with probability {exact_text(seen.sure[i])}", i))
                self.text(painter, here.adjusted(0, (high - 16) / 2, 0, -(high - 16) / 2), word,
                          theme.current().accent, Qt.AlignmentFlag.AlignLeft)

    def frames(self, painter: QPainter, seen: Seen, panels: dict[str, Panel]) -> None:
        """Frame the row that is worked on, what it is made of, and join the two."""
        now, row = theme.current(), self.focus_.row
        if row < 0:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        reached = self.focus_.reached(row, len(seen.order))
        name = seen.order[max(0, reached - 1)]
        previous = seen.order[max(0, seen.order.index(name) - 1)]
        before = {"scores": ["q", "k"], "context": [previous, "v"]}.get(name, [previous])
        lines = [(n, panels[n], n in ("k", "v")) for n in (*before, name) if n in panels]
        for n, panel, whole in lines:
            high = panel.box.height() / len(panel.matrix)
            box = panel.box if whole else QRectF(panel.box.x(), panel.box.y() + row * high, panel.box.width(), high)
            painter.setPen(QPen(now.now, 2.4 if n == name else 1.4))
            painter.drawRoundedRect(box.adjusted(-2, -2, 2, 2), 3, 3)
        if self.focus_.key is not None and name != "context":
            self.cross(painter, panels, row, self.focus_.key)
        target = panels[name]
        start = panels[before[0]]
        y_a = start.box.y() + (row + 0.5) * start.box.height() / len(start.matrix)
        y_b = target.box.y() + (row + 0.5) * target.box.height() / len(target.matrix)
        if target.box.x() - start.box.right() < 3 * _GAP:
            path = QPainterPath(QPointF(start.box.right() + 2, y_a))
            path.lineTo(QPointF(target.box.x() - 3, y_b))
            painter.drawPath(path)

    def cross(self, painter: QPainter, panels: dict[str, Panel], row: int, key: int) -> None:
        """Frame one cell in all stages, and its key and value."""
        for panel in panels.values():
            high, wide = panel.box.height() / len(panel.matrix), panel.box.width() / panel.matrix.shape[1]
            if panel.keys:
                box = QRectF(panel.box.x() + key * wide, panel.box.y() + row * high, wide, high)
            elif panel.name in ("k", "v"):
                box = QRectF(panel.box.x(), panel.box.y() + key * high, panel.box.width(), high)
            else:
                continue
            painter.setPen(QPen(theme.current().accent, 1.6))
            painter.drawRect(box)
