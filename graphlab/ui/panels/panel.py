"""What all panels share: what they are for in a sentence, tinted text, and an empty state that says what to do."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from graphlab.ui import icons, theme


class Sentence(QLabel):
    """Text in one of the theme's colours, by the name of what it is for; it follows a switch of theme."""

    def __init__(self, text: str = "", tone: str = "text", *, wrap: bool = True, bold: bool = False) -> None:
        super().__init__(text)
        self._tone = tone
        self.setWordWrap(wrap)
        if bold:
            self.setFont(theme.font(bold=True))
        if wrap:
            policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tint()
        theme.signals.changed.connect(self._tint)

    def set_tone(self, tone: str) -> None:
        """Give the text the colour of something else."""
        self._tone = tone
        self._tint()

    def _tint(self) -> None:
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, getattr(theme.current(), self._tone))
        self.setPalette(palette)


class Empty(QWidget):
    """What a panel shows while it has nothing to show: what to do first, and a button that does it."""

    def __init__(self, icon: str, text: str, action: QAction | None = None) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.addStretch()
        self._icon = icon
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self.picture)
        self.text = Sentence(text, "muted")
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self.text)
        if action is not None:
            button = QPushButton(action.icon(), action.text().replace("…", "").replace("&", ""))
            button.setToolTip(action.toolTip())
            button.clicked.connect(action.trigger)
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch()
        self._tint()
        theme.signals.changed.connect(self._tint)

    def _tint(self) -> None:
        self.picture.setPixmap(icons.icon(self._icon, "muted").pixmap(QSize(24, 24)))


#: No panel asks for more height than this: what a hidden tab needs must not take room from the canvas.
_LEAST_HEIGHT = 120


class Panel(QWidget):
    """A panel of the window. ``name`` titles its dock, ``about`` is the sentence that says what it is for."""

    name: ClassVar[str] = ""
    about: ClassVar[str] = ""
    icon: ClassVar[str] = "info"
    #: The share of the window's height that it needs below the canvas when it is brought to the front.
    share: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.name)
        self.setAccessibleDescription(self.about)
        self.setWhatsThis(self.about)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self.content = QWidget()
        self._stack.addWidget(self.content)
        self._empty: Empty | None = None

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(hint.width(), min(hint.height(), _LEAST_HEIGHT))

    def set_empty_state(self, text: str, action: QAction | None = None) -> None:
        """Say what is shown while the panel is empty."""
        if self._empty is not None:
            self._stack.removeWidget(self._empty)
            self._empty.deleteLater()
        self._empty = Empty(self.icon, text, action)
        self._stack.addWidget(self._empty)

    def show_empty(self, empty: bool) -> None:
        """Show the empty state, or the content."""
        self._stack.setCurrentWidget(self._empty if empty and self._empty is not None else self.content)

    @property
    def is_empty(self) -> bool:
        """Whether the empty state is shown."""
        return self._stack.currentWidget() is self._empty

    def seen(self, visible: bool) -> None:
        """Called when the panel comes to the front, or is covered by another tab: Qt calls it visible then as well."""

    @property
    def is_seen(self) -> bool:
        """Whether any part of the panel is on the screen."""
        return self.isVisible() and not self.visibleRegion().isEmpty()

    def focus_first(self) -> None:
        """Put the keyboard where it is most useful when the panel is reached by F6."""
        widget: QWidget | None = self.content
        for _ in range(200):
            widget = widget.nextInFocusChain() if widget is not None else None
            if widget is None or widget is self.content:
                break
            usable = widget.isVisible() and widget.isEnabled() and self.isAncestorOf(widget)
            if usable and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                widget.setFocus(Qt.FocusReason.TabFocusReason)
                return
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocus(Qt.FocusReason.TabFocusReason)
