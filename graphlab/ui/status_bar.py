"""The status bar: the last message, and what the network costs, with the arithmetic behind it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QWidget

from graphlab.document.summary import summarise
from graphlab.ui import icons, theme
from graphlab.ui.panels.elided import Elided
from graphlab.ui.session import Session

_TONES = {"info": "text", "warning": "warning", "error": "problem"}
_SECONDS = {"info": 8, "warning": 20, "error": 60}


class Count(QLabel):
    """A number that can be clicked."""

    clicked = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFont(theme.font(12, tabular=True))
        self.setContentsMargins(8, 0, 8, 0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()


class Status(QStatusBar):
    """Shows messages by their weight, and the totals of the network."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.setSizeGripEnabled(False)
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(8, 0, 0, 0)
        self.icon = QLabel()
        row.addWidget(self.icon)
        self.text = Elided()
        row.addWidget(self.text, 1)
        self.addWidget(line, 1)
        self.problems = Count("Problems")
        self.macs = Count("Multiply-adds")
        self.parameters = Count("Parameters")
        for count in (self.problems, self.macs, self.parameters):
            count.setCursor(Qt.CursorShape.PointingHandCursor)
            self.addPermanentWidget(count)
        for count in (self.macs, self.parameters):
            count.clicked.connect(partial(self._say_arithmetic, count))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.clear)
        session.message.connect(self.say)
        session.planned.connect(self.refresh)
        self.refresh()

    def say(self, sentence: str, level: str) -> None:
        """Show a sentence for as long as its weight asks for."""
        tone = _TONES.get(level, "text")
        self.text.set_tone(tone)
        self.text.setText(sentence)
        name = {"info": "info", "warning": "warning", "error": "error"}.get(level, "info")
        self.icon.setPixmap(icons.icon(name, tone).pixmap(QSize(16, 16)))
        self._timer.start(1000 * _SECONDS.get(level, 8))

    def _say_arithmetic(self, count: Count) -> None:
        self.say(f"{count.accessibleName()}: {count.accessibleDescription()}", "info")

    def clear(self) -> None:
        """Take the message away."""
        self.text.setText("")
        self.icon.clear()

    def refresh(self) -> None:
        """Count the network anew."""
        summary = summarise(self.session.plan)
        count = len(self.session.problems)
        self.problems.setText(f"{count} problem{'s' * (count != 1)}" if count else "no problems")
        self.problems.setToolTip("Show the problems")
        self.parameters.setText(f"{summary.parameters:,} parameters")
        frozen = summary.parameters - summary.trainable
        held = f"\nFrozen, of these: {frozen:,}." if frozen else ""
        self.parameters.setToolTip(f"Numbers that training can move: {summary.parameter_arithmetic}{held}")
        self.parameters.setAccessibleDescription(summary.parameter_arithmetic)
        self.macs.setText(f"{summary.macs:,} MACs")
        self.macs.setAccessibleDescription(summary.mac_arithmetic)
        memory = summary.memory(self.session.document.setup.batch)
        self.macs.setToolTip(
            f"Multiply-add operations of one forward pass, for one sample\n"
            f"Units: {summary.activation_arithmetic}\n"
            f"Memory of a training step with a batch of {self.session.document.setup.batch}: {memory / 2**20:,.2f} MiB")
