"""What lies over the canvas: the sentence beside the pointer, a word on read-only scopes, and what to do first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from graphlab.ui import icons, theme
from graphlab.ui.canvas.style import Style

if TYPE_CHECKING:
    from graphlab.ui.canvas.showing import Showing

START = (
    ("Nothing here yet", "title"),
    ("Drag an operation from the library, or press Tab to search for one.", "body"),
    ("Pull a wire from a port on the right of a card to one on the left of another.", "body"),
)
NOTHING_INSIDE = (
    ("Nothing to show", "title"),
    ("The inside of this operation appears once the network runs. Esc leaves it.", "body"),
)


def paint_empty(painter: QPainter, rect: QRectF, style: Style, editable: bool) -> None:
    """Say in the middle of an empty canvas what to do first."""
    now = style.theme
    lines = START if editable else NOTHING_INSIDE
    y = rect.center().y() - 56
    icons.paint(painter, "cat-structure", QRectF(rect.center().x() - 20, y, 40, 40), now.muted)
    y += 48
    for text, font in lines:
        painter.setFont(getattr(style, font))
        painter.setPen(now.text if font == "title" else now.muted)
        painter.drawText(QRectF(rect.x(), y, rect.width(), 24), Qt.AlignmentFlag.AlignCenter, text)
        y += 24


def paint_read_only(painter: QPainter, rect: QRectF, scope: str, style: Style) -> None:
    """Say in the corner that the inside of an operation can be looked at, and not edited."""
    now = style.theme
    text = f"Inside {scope.replace('/', ' › ')}: read-only, as it runs. Esc leaves."
    plate = QRectF(rect.x() + 12, rect.bottom() - 36, style.width(text, "small") + 36, 24)
    painter.setPen(style.pen(now.hairline))
    painter.setBrush(now.card)
    painter.drawRoundedRect(plate, 4, 4)
    icons.paint(painter, "frozen", QRectF(plate.x() + 8, plate.y() + 5, 14, 14), now.muted)
    painter.setPen(now.muted)
    painter.setFont(style.small)
    painter.drawText(plate.adjusted(28, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, text)


class Hint(QWidget):
    """A sentence beside the pointer: why a wire does not fit, what a drop would do."""

    WIDEST, PAD = 360, 9

    def __init__(self, view: Showing) -> None:
        super().__init__(view.viewport())
        self._around = view.viewport()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Hint")
        self._text, self._tone = "", "text"
        self.hide()
        self._fade = QTimer(self)
        self._fade.setSingleShot(True)
        self._fade.timeout.connect(self.hide)

    def text(self) -> str:
        """Return what is said."""
        return self._text

    def say(self, sentence: str, at: QPoint, tone: str = "text", fading: bool = False) -> None:
        """Show a sentence near a point of the viewport, inside of it; ``fading`` hides it again after a while."""
        self._text, self._tone = sentence, tone
        self.setAccessibleDescription(sentence)
        room = QRect(0, 0, self.WIDEST - 2 * self.PAD, 2000)
        need = QFontMetrics(theme.font(12)).boundingRect(room, Qt.TextFlag.TextWordWrap, sentence)
        self.resize(need.width() + 2 * self.PAD + 2, need.height() + 2 * self.PAD - 4)
        area = self._around.rect()
        x, y = min(at.x() + 18, area.right() - self.width() - 4), at.y() + 18
        if y + self.height() > area.bottom() - 4:
            y = at.y() - self.height() - 10
        self.move(max(4, x), max(4, y))
        self.show()
        self.raise_()
        self.update()
        if fading:
            self._fade.start(max(2500, 55 * len(sentence)))
        else:
            self._fade.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        colour = getattr(now, self._tone)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(now.border if self._tone == "text" else colour)
        painter.setBrush(now.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.setPen(now.text)
        painter.setFont(theme.font(12))
        painter.drawText(self.rect().adjusted(self.PAD, 0, -self.PAD, 0),
                         Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, self._text)
        painter.end()
