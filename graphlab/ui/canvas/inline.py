"""Editing a text where it stands: a node's name, a note, a frame's title."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QTextOption
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from graphlab.ui import theme


def typing(event: QKeyEvent) -> bool:
    """Tell whether a key belongs to a text that is edited, even where the canvas has a shortcut of that name."""
    free = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    return not free and not Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35


class Inline(QObject):
    """A text field on the canvas. Enter or a click elsewhere keeps the text, Esc drops it; a note needs Ctrl+Enter."""

    def __init__(self, parent: QWidget, text: str, done: Callable[[str | None], None], lines: bool = False) -> None:
        super().__init__(parent)
        self._done: Callable[[str | None], None] | None = done
        self.rect = QRectF()
        self.field: QLineEdit | QPlainTextEdit
        if lines:
            self.field = QPlainTextEdit(text, parent)
            self.field.setWordWrapMode(QTextOption.WrapMode.WordWrap)
            self.field.setTabChangesFocus(True)
        else:
            self.field = QLineEdit(text, parent)
        self.field.selectAll()
        self.field.setFont(theme.font(13, bold=not lines))
        self.field.setAccessibleName("Text of the note" if lines else "Name")
        self.field.installEventFilter(self)
        self.field.show()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def text(self) -> str:
        """Return what is written at the moment."""
        return self.field.text() if isinstance(self.field, QLineEdit) else self.field.toPlainText()

    def place(self, rect: QRectF) -> None:
        """Put the field over a rectangle of the viewport."""
        self.field.setGeometry(rect.toAlignedRect())

    def close(self, keep: bool) -> None:
        """Finish, and hand over the text or None."""
        done, self._done = self._done, None
        if done is None:
            return
        text = self.text() if keep else None
        self.field.hide()
        self.field.deleteLater()
        self.deleteLater()
        done(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and typing(event):
            event.accept()
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.close(keep=False)
                return True
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if enter and (isinstance(self.field, QLineEdit) or control):
                self.close(keep=True)
                return True
        if isinstance(event, QFocusEvent) and event.type() == QEvent.Type.FocusOut:
            if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
                self.close(keep=True)
        return super().eventFilter(watched, event)
