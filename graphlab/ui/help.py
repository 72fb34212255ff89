"""Help inside the program: the card of an operation, and the sheet of all keys and gestures."""

from __future__ import annotations

import html
import inspect

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from graphlab.engine.op import Op
from graphlab.ui import icons, theme
from graphlab.ui.action_table import ACTIONS, MENUS
from graphlab.ui.fields import show
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.panels.family import Heading, scrolled
from graphlab.ui.panels.panel import Sentence

#: What the mouse and the canvas's own keys do, beside the actions.
GESTURES = (
    ("Pan", "middle-drag, Space + drag, two fingers"),
    ("Zoom", "wheel at the pointer, Ctrl + − 0, pinch"),
    ("Add", "Tab, Space, double-click or right-click on empty canvas; drag from the library"),
    ("Wire", "drag from a port to a port; into the empty: search for what fits"),
    ("Wire by keyboard", "W begins, arrows choose, Enter ends"),
    ("Re-plug", "drag the end of a wire"),
    ("Insert into a wire", "drop a node on it"),
    ("Take out and close the gap", "Shift-drag a node, or Ctrl+Shift+X"),
    ("Cut wires", "Ctrl + right-drag across them"),
    ("Clone", "Ctrl-drag a node"),
    ("Enter and leave", "double-click, Esc"),
    ("Settings of a layer", "double-click or Enter; Enter again goes back"),
    ("Open in place", "Alt+Enter"),
    ("Nudge", "arrows"),
    ("Walk along the wires", "Ctrl + arrows"),
)


def dialog_column(dialog: QDialog, title: str) -> QVBoxLayout:
    """Prepare a dialog with a title and return its layout."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    return QVBoxLayout(dialog)


def close_button(dialog: QDialog) -> QDialogButtonBox:
    """Return the row with the Close button of a dialog."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.close)
    return buttons


class HelpDialog(QDialog):
    """The card of one operation: what it does, its formula, ports and attributes, and the conventions it follows."""

    def __init__(self, op: Op, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = dialog_column(self, f"{op.title} – help")
        inside = QWidget()
        card = QVBoxLayout(inside)
        head = QHBoxLayout()
        picture = QLabel()
        picture.setPixmap(icons.category_icon(op.category).pixmap(QSize(28, 28)))
        head.addWidget(picture)
        title = QLabel(op.title)
        title.setFont(theme.font(20, bold=True))
        head.addWidget(title)
        head.addWidget(Sentence(op.category, "muted", wrap=False), 1)
        card.addLayout(head)
        about = inspect.cleandoc(type(op).__doc__ or "").replace("``", "")
        for paragraph in about.split("\n\n"):
            card.addWidget(Sentence(" ".join(paragraph.split())))
        if op.formula():
            card.addWidget(FormulaLabel(op.formula(), 20))
        self._list(card, "Inputs", [
            (p.name, " · ".join(w for w in (
                "weight" if p.weight else "memory" if p.memory else "", "optional" if p.optional else "", p.help) if w))
            for p in op.ports()])
        self._list(card, "Outputs", [(name, "") for name in op.output_names()])
        self._list(card, "Attributes", [
            (f"{a.name} = {show(getattr(op, a.name))}" if a.type is not bool
             else f"{a.name}: {'on' if getattr(op, a.name) else 'off'}", a.help) for a in op.attributes()])
        if op.surrogate:
            card.addWidget(Heading("Gradient"))
            card.addWidget(Sentence(op.surrogate))
        if op.also:
            card.addWidget(Heading("Also called"))
            card.addWidget(Sentence(", ".join(op.also)))
        if op.source:
            card.addWidget(Heading("Source"))
            card.addWidget(Sentence(op.source))
        card.addStretch()
        column.addWidget(scrolled(inside))
        column.addWidget(close_button(self))
        self.resize(460, 520)

    @staticmethod
    def _list(card: QVBoxLayout, title: str, rows: list[tuple[str, str]]) -> None:
        if rows:
            card.addWidget(Heading(title))
            for name, about in rows:
                text = f"<b>{html.escape(name)}</b>" + (f" &nbsp;{html.escape(about)}" if about else "")
                card.addWidget(Sentence(text))


def shortcuts_html() -> str:
    """Return all keys by menu, then the gestures, as a table."""
    table = {a.id: a for a in ACTIONS}
    parts = []
    for title, ids in MENUS.items():
        rows = "".join(
            f"<tr><td width='190'>{html.escape(table[id].text.replace('&', '').rstrip('…'))}</td>"
            f"<td><b>{html.escape('  or  '.join(table[id].keys))}</b></td></tr>"
            for id in ids if id != "-" and table[id].keys)
        if rows:
            parts.append(f"<h4>{title.replace('&', '')}</h4><table cellspacing='3'>{rows}</table>")
    rows = "".join(f"<tr><td width='190'>{html.escape(n)}</td><td><b>{html.escape(g)}</b></td></tr>"
                   for n, g in GESTURES)
    parts.append(f"<h4>On the canvas</h4><table cellspacing='3'>{rows}</table>")
    return "".join(parts)


class ShortcutsDialog(QDialog):
    """The sheet of all keys and gestures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = dialog_column(self, "Keys and gestures")
        text = QTextBrowser()
        text.setAccessibleName("Keys and gestures")
        palette = text.palette()
        palette.setColor(QPalette.ColorRole.Base, theme.current().base)
        text.setPalette(palette)
        text.setHtml(shortcuts_html())
        column.addWidget(text)
        column.addWidget(close_button(self))
        self.resize(560, 640)
