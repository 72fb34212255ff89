"""The settings dialog: the form of the preferences. What is changed holds at once."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from graphlab.ui.forms import Form
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.settings import Settings


class SettingsDialog(QDialog):
    """Shows and changes the preferences."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Settings")
        self.settings = settings
        column = QVBoxLayout(self)
        column.addWidget(Sentence("What you change holds at once, for all windows, and is remembered.", "muted"))
        self.form = Form.of(settings.preferences)
        self.form.changed.connect(settings.set)
        column.addWidget(self.form)
        self.about = Sentence(f"They are kept in {settings.store.fileName()}.", "muted")
        column.addWidget(self.about)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)
        self.setMinimumWidth(420)
