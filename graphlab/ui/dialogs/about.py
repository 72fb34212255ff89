"""About GraphLab: version, licence, and the libraries and data sets that it stands on."""

from __future__ import annotations

import importlib.metadata
import platform

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

import graphlab
from graphlab.resources import resource
from graphlab.ui import icons, theme
from graphlab.ui.notify import log_path
from graphlab.ui.panels.panel import Sentence

#: Library, what it is for, its licence.
LIBRARIES = (
    ("PySide6-Essentials", "windows", "LGPL-3.0 (Qt for Python)"),
    ("numpy", "arithmetic", "BSD-3-Clause"),
    ("pyqtgraph", "plots", "MIT"),
    ("networkx", "graphs", "BSD-3-Clause"),
    ("ziamath", "formulas", "MIT; STIX fonts: OFL"),
    ("fast-sugiyama", "layout", "Apache-2.0"),
    ("msgspec", "files", "BSD-3-Clause"),
    ("pillow", "pictures", "MIT-CMU"),
    ("threadpoolctl", "threads", "BSD-3-Clause"),
)


def version_of(name: str) -> str:
    """Return the installed version of a library."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def libraries_table() -> str:
    """Return the libraries with their versions and licences as a table in Markdown."""
    rows = "\n".join(f"| {n} | {version_of(n)} | {what} | {licence} |" for n, what, licence in LIBRARIES)
    return f"| library | version | for | licence |\n|---|---|---|---|\n{rows}"


class AboutDialog(QDialog):
    """Says what GraphLab is, under which licence, and what it uses."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("About GraphLab")
        column = QVBoxLayout(self)
        head = QHBoxLayout()
        picture = QLabel()
        picture.setPixmap(icons.application_icon().pixmap(QSize(48, 48)))
        head.addWidget(picture)
        title = QLabel(f"GraphLab {graphlab.__version__}")
        title.setFont(theme.font(20, bold=True))
        head.addWidget(title, 1)
        column.addLayout(head)
        column.addWidget(Sentence("A debugger for neural networks that you build by drag and drop. "
                                  "MIT licence, © GraphLab contributors. It needs no account, server or network."))
        text = QTextBrowser()
        text.setAccessibleName("Libraries and data sets")
        data = resource("data/LICENSES.md").read_text(encoding="utf-8")
        text.setMarkdown(f"## Libraries\n\n{libraries_table()}\n\n{data}")
        column.addWidget(text)
        where = f"Python {platform.python_version()}, {platform.system()}. Log: {log_path()}"
        column.addWidget(Sentence(where, "muted"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)
        self.resize(560, 460)
