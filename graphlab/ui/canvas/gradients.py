"""Gradients on the canvas: every wire as wide and as strong in colour as the gradient that comes back along it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from graphlab.document.paths import join
from graphlab.engine.flow import rms
from graphlab.engine.graph import Source, Target
from graphlab.engine.op import Array
from graphlab.engine.run import Run
from graphlab.ui import theme
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.picture import SIMPLE
from graphlab.ui.canvas.style import PLATE_HEIGHT, Style
from graphlab.ui.numbers import number_text

if TYPE_CHECKING:
    from graphlab.ui.session import Session

THINNEST, WIDEST = 3.0, 16.0
#: Powers of ten that the legend shows at least and at most.
_FEWEST, _MOST = 3, 20
_UP = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """Which powers of ten the thinnest and the widest wire stand for."""

    low: int = -_FEWEST
    high: int = 0

    @classmethod
    def fitting(cls, sizes: Iterable[float], before: Scale | None = None) -> Scale:
        """Return a scale that these sizes lie in, as far as its length allows; one from before is only widened."""
        logs = [math.log10(s) for s in sizes if s > 0 and math.isfinite(s)]
        if not logs:
            return before or cls()
        high = max(math.ceil(max(logs)), -99 if before is None else before.high)
        low = min(math.floor(min(logs)), high - _FEWEST, 99 if before is None else before.low)
        return cls(max(low, high - _MOST), high)

    def share(self, size: float) -> float:
        """Return where a size lies between the two, 0 to 1."""
        return min(1.0, max(0.0, (math.log10(size) - self.low) / (self.high - self.low))) if size > 0 else 0.0

    def width(self, size: float) -> float:
        """Return how wide a wire is drawn."""
        return THINNEST + (WIDEST - THINNEST) * self.share(size)

    def colour(self, size: float, dark: bool) -> QColor:
        """Return its colour: from pale and bluish green to strong and purple, by lightness as well as by hue."""
        t = self.share(size)
        return theme.oklch(0.36 + 0.44 * t if dark else 0.87 - 0.42 * t, 0.05 + 0.11 * t, 190 + 130 * t)


class Gradients(QObject):
    """Whether gradients are shown on a canvas, and how large they are on the wires of the scope it shows.

    While the debugger stands somewhere in a pass, only gradients that it has reached are shown; else all of them.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.on = False
        self.scale: Scale | None = None
        self._sizes: tuple[Board, dict[Target, float]] | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._run)
        session.planned.connect(self._anew)
        session.replaced.connect(self._anew)
        for signal in (session.run_changed, session.player.moved, session.scope_changed):
            signal.connect(self.forget)

    def toggle(self) -> None:
        """Show them, or no longer."""
        self.on = not self.on
        self._anew()
        self.changed.emit()

    def _anew(self) -> None:
        """Another network, or switched on: there is no scale yet, and perhaps no run."""
        self._sizes = self.scale = None
        if self.on:
            self._later.start()

    def _run(self) -> None:
        if self.on and self.session.plan.steps and self.session.loss_nodes() and self.session.player.ensure():
            self.changed.emit()

    def forget(self) -> None:
        """The run or the debugger's place is another: measure again when asked."""
        self._sizes = None

    # --- how large ------------------------------------------------------------------------------------------

    def sizes(self, board: Board) -> Mapping[Target, float]:
        """Return the root mean square of the gradient that has come back along each wire of a board."""
        if self._sizes is None or self._sizes[0].graph is not board.graph:
            found = {t: size for t, s in board.graph.wires.items()
                     if (size := self._size(board.scope, t, s)) is not None}
            self._sizes = (board, found)
            self.scale = Scale.fitting(found.values(), self.scale)
        return self._sizes[1]

    def _size(self, scope: str, target: Target, source: Source) -> float | None:
        player = self.session.player
        path = join(scope, target.node)
        if player.run is None or (player.position is not None and player.stage(path) != "backward"):
            return None
        sent = sent_back(player.run, path, target.port, join(scope, source.node), source.output)
        return None if sent is None else rms(sent)

    # --- painting -------------------------------------------------------------------------------------------

    def paint_wires(self, painter: QPainter, board: Board, rect: QRectF, zoom: float) -> None:
        """Draw the bands that lie under the wires; where exactly nothing comes back, a dashed line."""
        if not self.on:
            return
        sizes, find = self.sizes(board), board.route if zoom >= SIMPLE else board.quick_route
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for target, _ in board.wires_in(rect):
            if target in sizes:
                painter.setPen(self._pen(sizes[target], board.style, min(2.0, max(1.0, 0.6 / zoom))))
                painter.drawPath(find(target).path)
        painter.restore()

    def _pen(self, size: float, style: Style, wider: float = 1.0) -> QPen:
        scale = self.scale or Scale()
        if not math.isfinite(size):
            return style.pen(style.theme.problem, WIDEST / 2, dashed=True)
        if size == 0:
            return style.pen(style.theme.muted, THINNEST, dashed=True)
        return style.pen(scale.colour(size, style.theme.dark), scale.width(size) * wider)

    def paint_numbers(self, painter: QPainter, board: Board, rect: QRectF) -> None:
        """Write the sizes below the shapes on the wires, where no card is."""
        if not self.on:
            return
        style, boxes = board.style, board.boxes
        painter.save()
        painter.setFont(style.small)
        for target, size in self.sizes(board).items():
            way = board.route(target)
            if way.label is None or not way.bounds.intersects(rect):
                continue
            text = number_text(size, 2)
            plate = QRectF(0, 0, style.width(text, "small") + 8, PLATE_HEIGHT - 1)
            plate.moveCenter(way.label + QPointF(0, PLATE_HEIGHT + 2))
            over = ((boxes[:, 0] < plate.right()) & (boxes[:, 2] > plate.left()) & (boxes[:, 1] < plate.bottom())
                    & (boxes[:, 3] > plate.top()))
            if np.any(over):
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.mix(style.theme.canvas, style.theme.card, 0.5))
            painter.drawRoundedRect(plate, 3, 3)
            painter.setPen(style.theme.text if math.isfinite(size) else style.theme.problem)
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def paint_legend(self, painter: QPainter, area: QRectF, board: Board, style: Style) -> None:
        """Draw widths and colours with their powers of ten in the lower left corner of the canvas."""
        if not self.on:
            return
        now, sizes = style.theme, self.sizes(board)
        title, labels = self._words(sizes)
        step = max(44.0, *(style.width(text, "small") + 16 for _, text in labels)) if labels else 0.0
        width = 20 + max(style.width(title, "small"), step * len(labels))
        plate = QRectF(area.x() + 12, area.bottom() - 12 - (62 if labels else 28), width, 62 if labels else 28)
        painter.setPen(style.pen(now.hairline))
        painter.setBrush(now.card)
        painter.drawRoundedRect(plate, 4, 4)
        painter.setFont(style.small)
        painter.setPen(now.muted)
        painter.drawText(QRectF(plate.x() + 10, plate.y() + 5, width, 18), Qt.AlignmentFlag.AlignVCenter, title)
        for i, (power, text) in enumerate(labels):
            x = plate.x() + 10 + step * i
            painter.setPen(self._pen(0.0 if power is None else 10.0**power, style))
            painter.drawLine(QLineF(x + 8, plate.y() + 34, x + step - 16, plate.y() + 34))
            painter.setPen(now.text)
            painter.drawText(QRectF(x, plate.y() + 43, step - 8, 16), Qt.AlignmentFlag.AlignCenter, text)

    def _words(self, sizes: Mapping[Target, float]) -> tuple[str, list[tuple[int | None, str]]]:
        """Return the legend's title, and the powers of ten (None: exactly 0) with their labels."""
        if not self.session.loss_nodes():
            return "No gradient: the network has no loss", []
        if not sizes:
            return "Gradient flow: none has come back yet", []
        scale = self.scale or Scale()
        every = max(1, math.ceil((scale.high - scale.low) / 4))
        powers = list(range(scale.high, scale.low - 1, -every))[::-1]
        labels: list[tuple[int | None, str]] = [(p, "1" if p == 0 else f"10{str(p).translate(_UP)}") for p in powers]
        if min((v for v in sizes.values() if v), default=1.0) < 0.99 * 10.0**powers[0]:
            labels[0] = (powers[0], f"≤ {labels[0][1]}")
        zero: list[tuple[int | None, str]] = [(None, "0")] if 0.0 in sizes.values() else []
        return "Gradient coming back (root mean square)", zero + labels


def sent_back(run: Run, path: str, port: str, origin: str, output: str) -> Array | None:
    """Return what a node sends back through one of its ports; for a block, the sum of what its steps send.

    ``origin`` and ``output`` are where the wire begins. None where no gradient flows, as to labels.
    """
    owner = run.owner(path)
    if owner is None or not owner.gradients:
        return None
    record = owner.records.get(path)
    if record is not None:
        return record.gradients.get(port) if port in record.inputs else None
    slot = owner.plan.where.get(origin, {}).get(output)
    if slot is None:
        return None
    terms = [t.value for t in owner.terms.get(slot, []) if t.path.startswith(f"{path}/")]
    if terms:
        return np.asarray(np.sum(terms, axis=0))
    # An Output inside a block hands back what comes from around the block; a block that sends nothing has none.
    inside = any(s.path.startswith(f"{path}/") for s in owner.plan.steps)
    return None if inside else owner.gradients.get(slot)
