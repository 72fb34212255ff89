"""The history: every edit by its name, to go back and forth with one click."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QUndoView, QVBoxLayout

from graphlab.ui.panels.panel import Panel, Sentence
from graphlab.ui.session import Session


class History(Panel):
    """The undo stack as a list."""

    name = "History"
    about = "Every edit by its name. Click one to go back to the network as it was after it."
    icon = "undo"

    def __init__(self, session: Session, add: QAction | None = None) -> None:
        super().__init__()
        self.session = session
        column = QVBoxLayout(self.content)
        column.setContentsMargins(6, 6, 6, 0)
        column.addWidget(Sentence("Click an entry to go back to it.", "muted"))
        self.view = QUndoView(session.undo_stack)
        self.view.setEmptyLabel("As opened")
        self.view.setFrameShape(QUndoView.Shape.NoFrame)
        self.view.setAccessibleName("Edits")
        column.addWidget(self.view)
        self.set_empty_state("Nothing has been edited yet. What you do appears here, and can be taken back.", add)
        session.undo_stack.indexChanged.connect(self.refresh)
        session.replaced.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the list, or the empty state where there is no edit."""
        self.show_empty(self.session.undo_stack.count() == 0)

    def set_locked(self, locked: bool) -> None:
        """Keep the history still while the network is trained."""
        self.view.setEnabled(not locked)
        self.view.setToolTip("The history waits until training stops" if locked else "")
