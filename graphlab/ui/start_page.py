"""The start page: examples by topic with their pictures, recent files, and unsaved work to bring back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from graphlab.document.examples import GALLERY, Example, open_example
from graphlab.document.files import FileError
from graphlab.document.journal import Leftover, default_folder, leftovers
from graphlab.ui import icons, theme
from graphlab.ui.panels.family import Heading
from graphlab.ui.panels.panel import Sentence

if TYPE_CHECKING:
    from graphlab.ui.main_window import MainWindow

CARD = QSize(228, 168)
_PICTURE = QSize(212, 92)


def paint_example(example: Example, size: QSize, ratio: float) -> QPixmap | None:
    """Draw an example as the canvas would, as large as it fits; None where its file cannot be read."""
    from graphlab.engine.plan import compile
    from graphlab.ui.canvas.picture import paint_document
    from graphlab.ui.canvas.style import Style

    try:
        document = open_example(example.name).document
    except FileError:
        return None
    plan = compile(document.graph)
    style = Style(grid=False)  # so small, the dots of the grid would run together
    trial = QPixmap(1, 1)
    painter = QPainter(trial)
    area = paint_document(painter, document, plan, style=style)
    painter.end()
    if area.isEmpty():
        return None
    scale = min(size.width() / area.width(), size.height() / area.height(), 1.0)
    out = QPixmap(QSize(round(size.width() * ratio), round(size.height() * ratio)))
    out.setDevicePixelRatio(ratio)
    out.fill(Qt.GlobalColor.transparent)
    painter = QPainter(out)
    painter.translate((size.width() - area.width() * scale) / 2, (size.height() - area.height() * scale) / 2)
    painter.scale(scale, scale)
    paint_document(painter, document, plan, style=style)
    painter.end()
    return out


class ExampleCard(QAbstractButton):
    """One example: its picture, its title, and the line that says what it shows."""

    def __init__(self, example: Example) -> None:
        super().__init__()
        self.example = example
        self.picture: QPixmap | None = None
        self.setFixedSize(CARD)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setText(example.title)
        self.setAccessibleName(f"Example: {example.title}")
        self.setAccessibleDescription(example.line)
        self.setToolTip(example.line)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.underMouse() or self.hasFocus()
        painter.setPen(QPen(now.accent if lit else now.hairline, 2 if lit else 1))
        painter.setBrush(now.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.setClipRect(self.rect().adjusted(2, 2, -2, -2))
        painter.fillRect(QRect(2, 2, CARD.width() - 4, _PICTURE.height() + 6), now.canvas)
        if self.picture is not None:
            painter.drawPixmap(8, 5, self.picture)
        text = QRect(10, _PICTURE.height() + 12, CARD.width() - 20, 18)
        painter.setFont(theme.font(bold=True))
        painter.setPen(now.text)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, painter.fontMetrics().elidedText(
            self.example.title, Qt.TextElideMode.ElideRight, text.width()))
        painter.setFont(theme.font(11.5))
        painter.setPen(now.muted)
        for i, line in enumerate(self._two_lines(painter, text.width())):
            painter.drawText(text.translated(0, 18 + 16 * i), Qt.AlignmentFlag.AlignVCenter, line)

    def _two_lines(self, painter: QPainter, width: int) -> list[str]:
        words, lines = self.example.line.split(), [""]
        metrics = painter.fontMetrics()
        for i, word in enumerate(words):
            longer = f"{lines[-1]} {word}".strip()
            if metrics.horizontalAdvance(longer) <= width:
                lines[-1] = longer
            elif len(lines) < 2:
                lines.append(word)
            else:
                rest = " ".join([lines[-1], *words[i:]])
                lines[-1] = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
                break
        return lines

    def enterEvent(self, event: QEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()


class Topic(QWidget):
    """The examples of one topic, in as many columns as there is room for."""

    def __init__(self, title: str, cards: Iterable[ExampleCard]) -> None:
        super().__init__()
        self.cards = list(cards)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 6)
        column.addWidget(Heading(title))
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        column.addLayout(self._grid)
        self._columns = 0
        self._arrange(3)

    def _arrange(self, columns: int) -> None:
        if columns != self._columns:
            self._columns = columns
            for i, card in enumerate(self.cards):
                self._grid.addWidget(card, i // columns, i % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(max(1, (self.width() + 12) // (CARD.width() + 12)))


class FileButton(QPushButton):
    """A wide, flat button with a name and where it is."""

    def __init__(self, icon: str, text: str, about: str, run: Callable[[], object]) -> None:
        super().__init__(icons.icon(icon), text)
        self.setToolTip(about)
        self.setFlat(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setStyleSheet("text-align: left; padding: 4px 6px;")
        self.clicked.connect(run)


class StartPage(QScrollArea):
    """What the window shows first."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self.owner = window
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Start page")
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(36, 24, 24, 24)
        row.setSpacing(36)
        left = QWidget()
        left.setFixedWidth(248)
        self._left = QVBoxLayout(left)
        self._left.setContentsMargins(0, 0, 0, 0)
        self._left.setSpacing(2)
        row.addWidget(left)
        self._head()
        self._files = QVBoxLayout()
        self._files.setSpacing(0)
        self._left.addLayout(self._files)
        self._left.addStretch()
        right = QVBoxLayout()
        right.setSpacing(4)
        self.cards: list[ExampleCard] = []
        for topic in dict.fromkeys(e.topic for e in GALLERY):
            cards = [ExampleCard(e) for e in GALLERY if e.topic == topic]
            for card in cards:
                card.clicked.connect(self._opener(card.example.name))
            self.cards += cards
            right.addWidget(Topic(topic, cards))
        right.addStretch()
        row.addLayout(right, 1)
        self.setWidget(inside)
        self._waiting: list[ExampleCard] = []
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._paint_next)
        theme.signals.changed.connect(self._restart_painting)

    def _opener(self, name: str) -> Callable[[], object]:
        return lambda: self.owner.files.open_example(name)

    def _head(self) -> None:
        row = QHBoxLayout()
        picture = QLabel()
        picture.setPixmap(icons.application_icon().pixmap(QSize(40, 40)))
        row.addWidget(picture)
        title = QLabel("GraphLab")
        title.setFont(theme.font(24, bold=True))
        row.addWidget(title, 1)
        self._left.addLayout(row)
        self._left.addWidget(Sentence("A debugger for neural networks that you build by drag and drop.", "muted"))
        self._left.addSpacing(10)
        window = self.owner
        for id, text in (("new", "New network"), ("open", "Open a file…")):
            action = window.actions_.by_id[id]
            button = FileButton(window.actions_.table[id].icon, text, action.toolTip(), action.trigger)
            self._left.addWidget(button)

    # --- files -------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the recent files and the unsaved work there is now, and draw the examples."""
        while (item := self._files.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        found = leftovers(default_folder())
        if found:
            self._files.addWidget(Heading("Restore unsaved work"))
            for leftover in found[:5]:
                name = leftover.title or (leftover.original.stem if leftover.original else "Untitled")
                when = leftover.when.astimezone().strftime("%d %b, %H:%M")
                self._files.addWidget(FileButton("restart", f"{name}\n{when}", f"{name}: work that was not saved "
                                                 "when the program ended; click to bring it back",
                                                 self._restorer(leftover)))
        self._files.addWidget(Heading("Recent files"))
        recent = self.owner.settings.recent
        for path in recent[:10]:
            self._files.addWidget(FileButton("open", Path(path).name, path, self._file_opener(path)))
        if not recent:
            self._files.addWidget(Sentence("Files that you open or save appear here.", "muted"))
        self._restart_painting(only_missing=True)

    def _restorer(self, leftover: Leftover) -> Callable[[], object]:
        return lambda: self.owner.files.restore(leftover)

    def _file_opener(self, path: str) -> Callable[[], object]:
        return lambda: self.owner.application.open_in(self.owner, path)

    # --- pictures, one at a time, so that the window is there first -------------------------------------------

    def _restart_painting(self, only_missing: bool = False) -> None:
        self._waiting = [c for c in self.cards if not only_missing or c.picture is None]
        if self._waiting:
            self._timer.start(15)

    def _paint_next(self) -> None:
        if not self.isVisible() or not self._waiting:
            self._timer.stop()
            return
        card = self._waiting.pop(0)
        card.picture = paint_example(card.example, _PICTURE, self.devicePixelRatioF())
        card.update()

