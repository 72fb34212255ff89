"""The frame of a panel: what it is for in one line, and the buttons that let it float or close it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from graphlab.ui import icons, theme
from graphlab.ui.panels.panel import Panel


class OneLine(QWidget):
    """One line of quiet text that ends in … where there is no room for all of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.setToolTip(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(20)
        theme.signals.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(11.5))
        painter.setPen(theme.current().muted)
        text = painter.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)


class DockTitle(QWidget):
    """The bar over a panel. The tab above it already names the panel, so it says what the panel is for."""

    def __init__(self, dock: QDockWidget, about: str) -> None:
        super().__init__(dock)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 1, 2, 1)
        row.setSpacing(0)
        row.addWidget(OneLine(about), 1)
        for icon, text, run in (
            ("fit", "Let the panel float, or put it back", lambda: dock.setFloating(not dock.isFloating())),
            ("close", "Close the panel; View › Panels brings it back", dock.close),
        ):
            button = QToolButton()
            button.setIcon(icons.icon(icon, "muted"))
            button.setIconSize(QSize(12, 12))
            button.setAutoRaise(True)
            button.setToolTip(text)
            button.setAccessibleName(f"{text}: {dock.windowTitle()}")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(run)
            row.addWidget(button)


def make_dock(name: str, about: str, panel: Panel, parent: QWidget) -> QDockWidget:
    """Put a panel into a dock, and let it know when it is seen."""
    dock = QDockWidget(name, parent)
    dock.setObjectName(f"dock {name}")
    dock.setWidget(panel)
    dock.setTitleBarWidget(DockTitle(dock, about))
    dock.visibilityChanged.connect(panel.seen)
    return dock
