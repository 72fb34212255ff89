"""The grid of a tensor's channels as small maps, and the table of their statistics."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QSizePolicy, QTableView, QToolTip, QWidget

from graphlab.engine.channels import Channels
from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.tensor_view_heat import heat_image

#: A grid draws at most this many channels.
MOST = 256
_GAP, _WORD, _LEAST, _LARGEST = 6.0, 14.0, 30.0, 96.0
_NONE = QModelIndex()
AnyIndex = QModelIndex | QPersistentModelIndex


class ChannelGrid(QWidget):
    """One small heat map a channel, all on one scale; dead ones are crossed out and said so."""

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.maps: list[Array] = []
        self.words: list[str] = []
        self.largest = 0.0
        self.chosen = -1
        self.setAccessibleName("Feature maps, one a channel")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.signals.changed.connect(self.update)

    def show_maps(self, maps: list[Array], words: list[str], largest: float) -> None:
        """Show maps with a word under each; ``largest`` is the size that gets the full colour."""
        self.maps, self.words, self.largest = maps[:MOST], words, largest
        self._fit()
        self.update()

    def choose(self, channel: int) -> None:
        """Frame one channel."""
        self.chosen = channel
        self.update()

    def _columns(self) -> tuple[int, float, float]:
        """Return how many maps stand side by side, and how wide and tall each is."""
        if not self.maps:
            return 1, 0.0, 0.0
        rows, columns = self.maps[0].shape
        flat = max(0.15, min(1.0, rows / columns))
        n, wide = len(self.maps), float(self.width())
        side = next((s for s in (_LARGEST, 80.0, 64.0, 52.0, 42.0) if math.ceil(n / max(
            1, int((wide + _GAP) // (s + _GAP)))) * (s * flat + _WORD) <= 190), _LEAST)
        side = max(side, 120.0) if flat < 0.5 else side
        across = max(1, int((wide + _GAP) // (side + _GAP)))
        return across, side, side * flat

    def _fit(self) -> None:
        across, _, tall = self._columns()
        self.setMinimumHeight(int(math.ceil(len(self.maps) / across) * (tall + _WORD + 4)) + 4)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def place(self, channel: int) -> QRectF:
        """Return where a channel's map stands."""
        across, side, tall = self._columns()
        row, column = divmod(channel, across)
        return QRectF(column * (side + _GAP) + 2, row * (tall + _WORD + 4) + 2, side, tall)

    def at(self, position: QPointF) -> int:
        """Return the channel under a position, −1 for none."""
        return next((i for i in range(len(self.maps)) if self.place(i).contains(position)), -1)

    def paintEvent(self, event: QPaintEvent) -> None:
        p, now = QPainter(self), theme.current()
        p.setFont(theme.font(10.5))
        for i, values in enumerate(self.maps):
            box = self.place(i)
            p.drawImage(box, heat_image(values, self.largest, False))
            word = self.words[i]
            p.setPen(QPen(now.accent, 2) if i == self.chosen else QPen(now.problem if word else now.border, 1))
            p.drawRect(box)
            if word:
                p.drawLine(box.topLeft(), box.bottomRight())
            p.setPen(now.problem if word else now.muted)
            below = QRectF(box.x(), box.bottom() + 1, box.width(), _WORD)
            text = f"{i} {word}" if word else str(i)
            p.drawText(below, Qt.AlignmentFlag.AlignCenter,
                       p.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(below.width())))
        p.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.at(event.position())
        if found >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(found)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            position = QPointF(event.pos())
            found, text = self.at(position), ""
            if found >= 0:
                box, m = self.place(found), self.maps[found]
                r = min(m.shape[0] - 1, int((position.y() - box.y()) / box.height() * m.shape[0]))
                c = min(m.shape[1] - 1, int((position.x() - box.x()) / box.width() * m.shape[1]))
                text = f"channel {found} [{r}, {c}] = {exact_text(m[r, c])}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)


def words_of(output: Channels, gradient: Channels | None) -> list[str]:
    """Return what is wrong with each channel, in a word."""
    out = []
    for i in range(len(output)):
        silent = gradient is not None and len(gradient) == len(output) and bool(gradient.dead[i])
        out.append("NaN or ∞" if output.broken[i] else "dead" if output.dead[i] else
                   "constant" if output.constant[i] else "no gradient" if silent else "")
    return out


class ChannelModel(QAbstractTableModel):
    """The statistics of the channels of a value and of its gradient."""

    HEAD = ("min", "mean", "max", "std", "∂L min", "∂L mean", "∂L max", "∂L std", "")

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Channels] = []
        self.words: list[str] = []

    def show_channels(self, parts: list[Channels], words: list[str]) -> None:
        """Show other statistics."""
        same = len(words) == len(self.words) and len(parts) == len(self.parts)
        if not same:
            self.beginResetModel()
        self.parts, self.words = parts, words
        if not same:
            self.endResetModel()
        elif words:
            self.dataChanged.emit(self.index(0, 0), self.index(len(words) - 1, len(self.HEAD) - 1))

    def rowCount(self, parent: AnyIndex = _NONE) -> int:
        return len(self.words)

    def columnCount(self, parent: AnyIndex = _NONE) -> int:
        return len(self.HEAD)

    def number(self, row: int, column: int) -> float | None:
        """Return the number of a cell."""
        part, kind = divmod(column, 4)
        if part >= len(self.parts) or part > 1:
            return None
        c = self.parts[part]
        return float((c.low, c.mean, c.high, c.std)[kind][row])

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = self.number(index.row(), index.column())
        last = index.column() == len(self.HEAD) - 1
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words[index.row()] if last else "" if value is None else number_text(value, 3)
        if role == Qt.ItemDataRole.ToolTipRole and value is not None:
            return exact_text(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and not last:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and last:
            return theme.current().problem
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self.HEAD[section] if way == Qt.Orientation.Horizontal else str(section)


class ChannelTable(QTableView):
    """Shows a `ChannelModel`, one line a channel."""

    def __init__(self, model: ChannelModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName("Statistics of each channel")
        self.setFont(theme.font(11.5, tabular=True))
        self.setShowGrid(False)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setFont(theme.font(10.5, tabular=True))
            header.setSectionsClickable(False)
        self.verticalHeader().setDefaultSectionSize(19)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setDefaultSectionSize(82)
        self.horizontalHeader().setStretchLastSection(True)
        self.setMinimumSize(300, 130)
