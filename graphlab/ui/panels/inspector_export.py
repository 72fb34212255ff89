"""The step under inspection for one's notes: a figure in a file, or LaTeX on the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from graphlab.ui import icons
from graphlab.ui.dialogs.ask import may_replace
from graphlab.ui.panels.inspector_derivation import Spot
from graphlab.ui.session import Session

_KINDS = "Vector picture (*.svg);;PDF (*.pdf);;Picture (*.png)"


class ExportButton(QToolButton):
    """Offers the step as a figure and as LaTeX; ``spot`` tells which number's arithmetic belongs to it."""

    def __init__(self, session: Session, spot: Callable[[], Spot | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.spot = spot
        self.setAutoRaise(True)
        self.setIcon(icons.icon("export"))
        self.setIconSize(QSize(16, 16))
        self.setToolTip("Take this step into your notes: as a figure, or as LaTeX")
        self.setAccessibleName("Export this step")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; width: 0; }")
        menu = QMenu(self)
        menu.addAction("Save this step as a figure…", self.save)
        menu.addAction("Copy this step as LaTeX", self.copy)
        self.setMenu(menu)

    def copy(self) -> None:
        """Put the step's formula and arithmetic on the clipboard, as LaTeX."""
        from graphlab.ui.export import ExportError, step_latex

        try:
            QGuiApplication.clipboard().setText(step_latex(self.session, self.spot()))
        except ExportError as e:
            self.session.message.emit(str(e), "error")
            return
        self.session.message.emit("The step is on the clipboard, as LaTeX.", "info")

    def save(self) -> None:
        """Ask for a file and write the step into it as a figure."""
        chosen, kind = QFileDialog.getSaveFileName(self, "Save this step as a figure", "step.svg", _KINDS)
        if chosen:
            path = Path(chosen)
            if not path.suffix:
                path = path.with_suffix(kind[kind.index("*") + 1:kind.index(")")])
            if may_replace(self, chosen, path):
                self.save_as(path)

    def save_as(self, path: Path) -> bool:
        """Write the step as a figure; what goes wrong is said in words. Returns whether it was written."""
        from graphlab.ui.export import ExportError, export_step

        try:
            export_step(self.session, path, self.spot(), theme=None)
        except ExportError as e:
            self.session.message.emit(str(e), "error")
            return False
        self.session.message.emit(f"Saved as ‘{path.name}’.", "info")
        return True
