"""The drawing of one output pixel: the window on the input, patch × kernel = products, their sum, the output so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from graphlab.engine.op import Array
from graphlab.engine.sliding import Place, Sliding
from graphlab.ui import theme
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.tensor_view_heat import heat_image
from graphlab.ui.tensor_view_model import largest_of, strength

_TITLE, _STRIP, _GAP, _SIGN = 18.0, 40.0, 22.0, 18.0


def flat(a: Array) -> Array:
    """Return a picture of two axes; a sequence is one row."""
    return a[None] if a.ndim == 1 else a


@dataclass(frozen=True)
class Scene:
    """What one frame shows: a place, the channel that is looked into, how many of its products have been added."""

    sliding: Sliding
    place: Place
    number: int
    channel: int
    taps: int

    def done(self) -> Array:
        """Tell which products of the channel have been added: (C, K…)."""
        count = self.place.products.size
        return (np.arange(count) < self.taps).reshape(self.place.products.shape)

    def running(self) -> float:
        """Return the sum of the products added so far, without the bias."""
        return float(self.place.products.reshape(-1)[:self.taps].sum())

    def output(self) -> Array:
        """Return the output as far as the window has come; NaN where it has not been."""
        y = np.array(self.sliding.y, np.float64)
        y.reshape(-1)[self.number + 1:] = np.nan
        if self.taps < self.place.products.size:
            y.reshape(-1)[self.number] = np.nan
        return y


class ConvolutionBoard(QWidget):
    """Paints a `Scene`. ``picked`` comes with the number of an output pixel, ``channel_picked`` with a channel."""

    picked = Signal(int)
    channel_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene: Scene | None = None
        self.boxes: dict[str, tuple[QRectF, Array]] = {}
        self.setAccessibleName("One output pixel at a time")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(620, 150)
        theme.signals.changed.connect(self.update)

    def set_scene(self, scene: Scene | None) -> None:
        """Show another frame."""
        self.scene = scene
        if scene is not None:
            rows = flat(scene.place.inside).shape[0]
            self.setMinimumHeight(int(_TITLE + _STRIP + 10 + max(64, min(rows, 7) * 24)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(900, max(190, self.minimumHeight()))

    # --- geometry ---------------------------------------------------------------------------------------

    def lay_out(self, scene: Scene) -> dict[str, tuple[QRectF, Array]]:
        """Return where each matrix stands, with its numbers."""
        place, c = scene.place, scene.channel
        wide, high = float(self.width()), self.height() - _TITLE - 6.0
        source, result = flat(scene.sliding.padded[c]), flat(scene.output())
        side, across = min(high, wide * 0.24), min(high, wide * 0.19)
        out = {"input": (_fit(source, QRectF(2, _TITLE, side, high)), source)}
        left = 2 + side + _GAP
        right = wide - across - _GAP - 2
        maps = high - _STRIP
        three = [("patch", place.patch[c]), ("kernel", place.kernel[c])]
        if scene.sliding.adds:
            three.append(("products", place.products[c]))
        each = (right - left - _SIGN * (len(three) - 1)) / len(three)
        for i, (name, values) in enumerate(three):
            m = flat(values)
            cell = min(each / m.shape[1], maps / m.shape[0] * 1.7, 64.0)
            tall = min(maps / m.shape[0], 40.0, cell * 1.2)
            box = QRectF(left + i * (each + _SIGN) + (each - cell * m.shape[1]) / 2, _TITLE, cell * m.shape[1],
                         tall * m.shape[0])
            box.moveTop(_TITLE + max(0.0, (maps - box.height()) / 2))
            out[name] = (box, m)
        if len(place.sums) > 1:
            n = len(place.sums)
            box = QRectF(left, _TITLE + maps + 14, min(right - left - 150, n * 52.0), _STRIP - 18)
            out["sums"] = (box, place.sums[None])
        out["output"] = (_fit(result, QRectF(right + _GAP, _TITLE, across, high)), result)
        return out

    def cell(self, name: str, row: int, column: int, rows: int = 1, columns: int = 1) -> QRectF:
        """Return where some cells of a matrix stand."""
        box, m = self.boxes[name]
        w, h = box.width() / m.shape[1], box.height() / m.shape[0]
        return QRectF(box.x() + column * w, box.y() + row * h, columns * w, rows * h)

    def under(self, position: QPointF) -> tuple[str, int, int] | None:
        """Return the matrix, row and column under a position."""
        for name, (box, m) in self.boxes.items():
            if box.contains(position) and m.size:
                return (name, min(m.shape[0] - 1, int((position.y() - box.y()) / box.height() * m.shape[0])),
                        min(m.shape[1] - 1, int((position.x() - box.x()) / box.width() * m.shape[1])))
        return None

    # --- painting ---------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        scene = self.scene
        if scene is None:
            return
        p, now = QPainter(self), theme.current()
        self.boxes = self.lay_out(scene)
        p.setFont(theme.font(11))
        largest = {"input": largest_of(scene.sliding.padded), "patch": largest_of(scene.sliding.padded),
                   "kernel": largest_of(scene.place.kernel), "products": largest_of(scene.place.products),
                   "sums": largest_of(scene.place.sums), "output": largest_of(scene.sliding.y)}
        inside = flat(scene.place.inside)
        done = flat(scene.done()[scene.channel])
        shown = {"input": flat(scene.sliding.own), "patch": inside, "products": done,
                 "output": np.isfinite(self.boxes["output"][1]) | ~np.isfinite(flat(scene.sliding.y))}
        for name, (box, m) in self.boxes.items():
            self._matrix(p, box, m, largest[name], shown.get(name), name != "patch")
        self._titles(p, scene)
        self._window(p, scene)
        self._sum(p, scene)
        if scene.sliding.largest_only:
            row, column = np.unravel_index(int(np.argmax(flat(scene.place.kernel[0]))), inside.shape)
            p.setPen(QPen(now.now, 2))
            for name in ("patch", "kernel", "products"):
                p.drawRect(self.cell(name, int(row), int(column)))
        p.end()

    def _matrix(self, p: QPainter, box: QRectF, m: Array, largest: float, shown: Array | None, empty: bool) -> None:
        now = theme.current()
        visible = np.where(np.isfinite(m), m, 0.0)
        p.drawImage(box, heat_image(visible if shown is None else np.where(shown, visible, 0.0), largest, False))
        rows, columns = m.shape
        w, h = box.width() / columns, box.height() / rows
        if shown is not None:
            hatch = QBrush(now.border, Qt.BrushStyle.BDiagPattern)
            for r, c in zip(*np.nonzero(~shown), strict=True):
                p.fillRect(QRectF(box.x() + c * w, box.y() + r * h, w, h), hatch)
        p.setPen(QPen(now.hairline, 1))
        if min(w, h) >= 7:
            for c in range(1, columns):
                p.drawLine(QPointF(box.x() + c * w, box.y()), QPointF(box.x() + c * w, box.bottom()))
            for r in range(1, rows):
                p.drawLine(QPointF(box.x(), box.y() + r * h), QPointF(box.right(), box.y() + r * h))
        p.setPen(QPen(now.border, 1))
        p.drawRect(box)
        if min(w, h) < 9 or m.size > 1600:
            return
        strong = np.abs(strength(visible, largest, False))
        p.setFont(theme.font(10 if h < 24 or w < 40 else 11.5, tabular=True))
        fits = next((d for d in (3, 2, 1) if h >= 13 and all(
            p.fontMetrics().horizontalAdvance(number_text(v, d)) <= w - 3 for v in visible.flat)), 0)
        for (r, c), v in np.ndenumerate(m):
            blank = shown is not None and not shown[r, c]
            if blank and (empty or not np.isfinite(v)):
                continue
            p.setPen(now.muted if blank else now.base if strong[r, c] > 0.6 else now.text)
            cell = QRectF(box.x() + c * w, box.y() + r * h, w, h)
            if fits:
                p.drawText(cell, Qt.AlignmentFlag.AlignCenter, number_text(v, fits))
            elif v < 0:
                p.drawText(cell, Qt.AlignmentFlag.AlignCenter, "−")

    def _titles(self, p: QPainter, scene: Scene) -> None:
        now, s = theme.current(), scene.sliding
        pad = any(s.window.before + s.window.after)
        words = {"input": f"x, channel {s.first + scene.channel}" + (" with padding" if pad else ""),
                 "patch": "patch", "kernel": "∂y/∂x" if s.pool else "kernel W", "products": "products",
                 "output": "y so far" if scene.number + 1 < s.count else "y"}
        p.setFont(theme.font(11))
        p.setPen(now.muted)
        for name, word in words.items():
            if name in self.boxes:
                box = self.boxes[name][0]
                wide = max(box.width(), p.fontMetrics().horizontalAdvance(word) + 4.0)
                x = min(max(0.0, box.center().x() - wide / 2), self.width() - wide)
                p.drawText(QRectF(x, box.y() - _TITLE, wide, _TITLE - 2), Qt.AlignmentFlag.AlignCenter, word)
        p.setFont(theme.font(16))
        p.setPen(now.text)
        for a, b, sign in (("patch", "kernel", "×" if s.adds else ""), ("kernel", "products", "=")):
            if b in self.boxes:
                first, second = self.boxes[a][0], self.boxes[b][0]
                p.drawText(QRectF(first.right(), first.y(), second.x() - first.right(), first.height()),
                           Qt.AlignmentFlag.AlignCenter, sign)

    def _window(self, p: QPainter, scene: Scene) -> None:
        now, s = theme.current(), scene.sliding
        corner, reach = s.corner(scene.place.at), s.reach()
        (r, c), (h, w) = ((0, *corner), (1, *reach)) if len(corner) == 1 else (corner, reach)
        frame = self.cell("input", r, c, h, w)
        patch = self.boxes["patch"][0]
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setPen(QPen(now.accent, 1, Qt.PenStyle.DashLine))
        p.drawLine(frame.topRight(), patch.topLeft())
        p.drawLine(frame.bottomRight(), patch.bottomLeft())
        at = (0, *scene.place.at) if len(scene.place.at) == 1 else scene.place.at
        out = self.cell("output", *at)
        last = self.boxes["products" if s.adds else "kernel"][0]
        p.drawLine(QPointF(last.right(), last.center().y()), QPointF(self.boxes["output"][0].left(), out.center().y()))
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        p.setPen(QPen(now.accent, 2))
        for rect in (frame, patch, out):
            p.drawRect(rect)
        if scene.taps < scene.place.products.size and scene.taps:
            channel, place = scene.place.taps()[scene.taps - 1]
            if channel == scene.channel:
                row, column = (0, *place) if len(place) == 1 else place
                p.setPen(QPen(now.now, 2))
                for name in ("patch", "kernel", "products"):
                    if name in self.boxes:
                        p.drawRect(self.cell(name, int(row), int(column)))

    def _sum(self, p: QPainter, scene: Scene) -> None:
        """Write the sums of the channels, the bias and the output under the products."""
        now, s, place = theme.current(), scene.sliding, scene.place
        first = self.boxes["patch"][0].x()
        y = self.height() - 6.0 - _STRIP
        p.setFont(theme.font(10.5))
        p.setPen(now.muted)
        left = 2 + min(self.height() - _TITLE - 6.0, self.width() * 0.24) + _GAP
        if "sums" in self.boxes:
            box = self.boxes["sums"][0]
            p.drawText(QRectF(left, y - 1, 300, 14), Qt.AlignmentFlag.AlignLeft, "sum of each channel f_i")
            p.setPen(QPen(now.accent, 2))
            p.drawRect(self.cell("sums", 0, scene.channel))
            first = box.right() + 8
        else:
            first = left
        p.setFont(theme.font(12, tabular=True))
        p.setPen(now.text)
        if scene.taps < place.products.size:
            text = f"Σ = {number_text(scene.running())}"
        elif s.pool:
            text = f"y = {number_text(place.value)}"
        else:
            bias = f" + b {number_text(place.bias)}" if place.bias else ""
            text = f"Σ {number_text(float(place.sums.sum()))}{bias} = y {number_text(place.value)}"
        p.drawText(QRectF(first, y + 13, max(150.0, self.boxes["output"][0].x() - first - 4), 22),
                   Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    # --- pointing ---------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.under(event.position())
        if found is None or self.scene is None or event.button() != Qt.MouseButton.LeftButton:
            return
        name, row, column = found
        if name == "output":
            self.picked.emit(row * self.boxes[name][1].shape[1] + column)
        elif name == "sums":
            self.channel_picked.emit(column)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.under(QPointF(event.pos()))
            text = ""
            if found is not None:
                name, row, column = found
                text = f"{name} [{row}, {column}] = {exact_text(self.boxes[name][1][row, column])}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)


def _fit(m: Array, room: QRectF) -> QRectF:
    """Return the largest box for square cells in a room, at its middle height."""
    side = min(room.width() / m.shape[1], room.height() / m.shape[0], 40.0)
    box = QRectF(room.x(), room.y(), side * m.shape[1], side * m.shape[0])
    box.moveTop(room.y() + max(0.0, (room.height() - box.height()) / 2))
    return box
