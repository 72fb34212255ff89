"""The lens panel, loaded when it is first seen: lenses bring the plotting library with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout

from graphlab.ui.panels.panel import Panel
from graphlab.ui.session import Session
from graphlab.ui.training import Training

if TYPE_CHECKING:
    from graphlab.ui.panels.lenses import LensPanel


class LensLater(Panel):
    """Stands for the lens panel until somebody looks at it."""

    name: ClassVar[str] = "Lens"
    about: ClassVar[str] = "A closer look at one op or one pattern of your own network, as it runs and trains."
    icon: ClassVar[str] = "lens"
    share: ClassVar[float] = 0.56
    export_asked = Signal(object)

    def __init__(self, session: Session, training: Training) -> None:
        super().__init__()
        self.session = session
        self.training = training
        self.panel: LensPanel | None = None
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        self._column = column

    def seen(self, visible: bool) -> None:
        if self.panel is not None:
            # A covered lens has nothing to draw.
            self.panel.setVisible(visible)
        elif visible:
            QTimer.singleShot(50, self, self._load_if_seen)

    def _load_if_seen(self) -> None:
        # While the window is put together, panels are seen for a moment before another tab covers them.
        if self.is_seen:
            self.load()

    def load(self) -> LensPanel:
        """Load the lenses and show their panel, once."""
        if self.panel is None:
            from graphlab.ui.panels.lenses import LensPanel

            self.panel = LensPanel(self.session, self.training)
            self.panel.export_asked.connect(self.export_asked)
            self._column.addWidget(self.panel)
        return self.panel

    def focus_first(self) -> None:
        self.load().focus_first()
