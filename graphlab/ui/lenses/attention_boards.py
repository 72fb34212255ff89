"""What the boards of the attention lens share: what is looked at, and how it is pointed at."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from graphlab.ui import theme
from graphlab.ui.lenses.attention_data import Seen

#: Categories whose hues tell heads apart, none of them near those of signs; with more heads they repeat.
_HEADS = ("Layers", "Normalisation", "Activations", "Losses", "Convolution", "Recurrent", "Pooling", "Structure")


@dataclass(frozen=True)
class Focus:
    """What is looked at: how many rows are done, the row and stage of the animation, a key, and one head or all (None).

    ``row`` −1 means that no query is singled out; ``stage`` counts the stages of that row that are done.
    """

    done: int = 0
    row: int = -1
    stage: int = 0
    key: int | None = None
    head: int | None = None

    def reached(self, row: int, stages: int) -> int:
        """Return how many stages of a row are done."""
        return stages if row < self.done else self.stage if row == self.row else 0


@dataclass(frozen=True)
class Spot:
    """A place of a board that can be pointed at."""

    area: QRectF | QPainterPath
    tip: str
    row: int = -1
    key: int = -1
    token: str = ""

    def contains(self, at: QPointF) -> bool:
        """Whether a point lies in it."""
        return self.area.contains(at)


def head_colour(head: int) -> QColor:
    """Return the colour of a head."""
    return theme.current().hue(_HEADS[head % len(_HEADS)]).line


def faded(colour: QColor, share: float) -> QColor:
    """Return a colour with some of its opacity."""
    out = QColor(colour)
    out.setAlphaF(max(0.0, min(1.0, share)))
    return out


class Board(QWidget):
    """A picture of what an attention computes; what is pointed at is told.

    Arrow keys move over queries and keys, Enter asks for another word there, Delete for hiding the key.
    """

    pointed = Signal(int, int)  # query and key, −1 for none
    token_asked = Signal(str, int, QPoint)  # "rows" or "columns", place, where on the screen
    cell_asked = Signal(int, int, QPoint)  # query, key, where on the screen

    def __init__(self, name: str, about: str) -> None:
        super().__init__()
        self.seen: Seen | None = None
        self.focus_ = Focus()
        self.spots: list[Spot] = []
        self.setAccessibleName(name)
        self.setAccessibleDescription(about)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.signals.changed.connect(self.update)

    def show_seen(self, seen: Seen | None, focus: Focus) -> None:
        """Show other numbers, or look at another place of them."""
        self.seen, self.focus_ = seen, focus
        self.fit()
        self.update()

    def fit(self) -> None:
        """Ask for the room that the numbers need."""

    def draw(self, painter: QPainter, seen: Seen) -> None:
        """Paint, and put down the spots."""
        raise NotImplementedError

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(11.5, tabular=True))
        self.spots = []
        if self.seen is not None:
            self.draw(painter, self.seen)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(faded(theme.current().accent, 0.6), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def text(self, painter: QPainter, rect: QRectF, text: str, colour: QColor | None = None,
             align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignCenter) -> None:
        """Write a text into a rectangle, shortened where it does not fit."""
        painter.setPen(colour or theme.current().text)
        short = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(rect.width()) + 1)
        painter.drawText(rect, align | Qt.AlignmentFlag.AlignVCenter, short)

    # --- pointing ---------------------------------------------------------------------------------------

    def spot_at(self, at: QPointF) -> Spot | None:
        """Return the topmost spot at a place."""
        return next((s for s in reversed(self.spots) if s.contains(at)), None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        spot = self.spot_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and spot is not None:
            if spot.token:
                self.token_asked.emit(spot.token, max(spot.row, spot.key), event.globalPosition().toPoint())
            else:
                self.pointed.emit(spot.row, spot.key)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        spot = self.spot_at(QPointF(event.pos()))
        if spot is not None and spot.row >= 0 and spot.key >= 0:
            self.cell_asked.emit(spot.row, spot.key, event.globalPos())
        elif spot is not None and spot.token:
            self.token_asked.emit(spot.token, max(spot.row, spot.key), event.globalPos())

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            spot = self.spot_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if spot is None else spot.tip, self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}
        move, row, key = steps.get(Qt.Key(event.key())), self.focus_.row, self.focus_.key
        middle = self.mapToGlobal(self.rect().center())
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (key is not None or row >= 0):
            self.token_asked.emit(*(("rows", row) if key is None else ("columns", key)), middle)
            return
        if event.key() == Qt.Key.Key_Delete and key is not None and row >= 0:
            self.cell_asked.emit(row, key, middle)
            return
        if move is None or self.seen is None:
            super().keyPressEvent(event)
            return
        rows, keys = self.seen.weights.shape[1:]
        row = 0 if row < 0 else (row + move[0]) % rows
        if move[1]:
            key = 0 if key is None else (key + move[1]) % keys
        self.pointed.emit(row, -1 if key is None else key)
