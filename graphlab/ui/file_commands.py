"""New, open, save and the journal of unsaved work, for one window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog

from graphlab.document.examples import find, open_example
from graphlab.document.files import SUFFIX, FileError
from graphlab.document.journal import Journal, Leftover, default_folder
from graphlab.document.model import Document
from graphlab.ui.dialogs.ask import ask_save, may_replace, say_error

if TYPE_CHECKING:
    from graphlab.ui.main_window import MainWindow

_KIND = f"GraphLab networks (*{SUFFIX})"


class FileCommands(QObject):
    """What the File menu does. Every failure is a sentence, and leaves files and document as they were."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.session = window.session
        self.journal: Journal | None = None
        self._kept: object = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.autosave)
        self._timer.start(window.settings.preferences.autosave * 1000)
        window.settings.changed.connect(self._settings_changed)

    # --- names -----------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the document is called in the title and in questions."""
        if self.session.path is not None:
            return self.session.path.stem
        return self.session.document.title or "Untitled"

    # --- opening -----------------------------------------------------------------------------------------

    def may_leave(self) -> bool:
        """Ask once about unsaved work, and do as is answered. False where the user wants to stay."""
        training = self.window.training.active
        if not training and not self.session.modified:
            return True
        answer = ask_save(self.window, self.name, training)
        if answer == "cancel":
            return False
        self.window.training.finish()
        if answer == "save":
            return self.save()
        return True

    def new(self) -> None:
        """Start with an empty network."""
        if self.may_leave():
            self.session.open_document(Document())
            self._opened()

    def open(self, path: Path | None = None) -> bool:
        """Open a file, chosen by the user where none is given."""
        if not self.may_leave():
            return False
        if path is None:
            start = str(self.session.path.parent) if self.session.path is not None else ""
            chosen, _ = QFileDialog.getOpenFileName(self.window, "Open", start, f"{_KIND};;All files (*)")
            if not chosen:
                return False
            path = Path(chosen)
        try:
            self.session.open_file(path)
        except FileError as e:
            self.session.message.emit(str(e), "error")
            if not path.exists():
                self.window.settings.remove_recent(str(path))
            return False
        self.window.settings.add_recent(str(path.resolve()))
        self._opened()
        return True

    def open_example(self, name: str) -> bool:
        """Open a built-in example as a new, unsaved document."""
        if not self.may_leave():
            return False
        try:
            loaded = open_example(name)
        except FileError as e:
            self.session.message.emit(str(e), "error")
            return False
        self.session.open_document(loaded.document, loaded.weights)
        self._opened()
        example = find(name)
        if example is not None:
            self.session.message.emit(f"{example.title}: {example.line}", "info")
        return True

    def restore(self, leftover: Leftover) -> bool:
        """Bring unsaved work of a window that is gone back, as unsaved work."""
        if not self.may_leave():
            return False
        try:
            loaded = leftover.restore()
        except FileError as e:
            self.session.message.emit(str(e), "error")
            return False
        self.session.open_document(loaded.document, loaded.weights, leftover.original)
        self.session.undo_stack.resetClean()
        self._opened()
        self.autosave()
        leftover.discard()
        return True

    def _opened(self) -> None:
        self._forget()
        self.window.show_editor()

    # --- saving --------------------------------------------------------------------------------------------

    def save(self) -> bool:
        """Save to the document's file; ask for one where it has none."""
        if self.session.path is None:
            return self.save_as()
        return self._write(self.session.path)

    def save_as(self) -> bool:
        """Save under a name that the user chooses."""
        start = self.session.path or Path(f"{self.name}{SUFFIX}")
        chosen, _ = QFileDialog.getSaveFileName(self.window, "Save as", str(start), _KIND)
        if not chosen:
            return False
        path = Path(chosen)
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
        return may_replace(self.window, chosen, path) and self._write(path)

    def _write(self, path: Path) -> bool:
        try:
            self.session.save_file(path, self.window.settings.preferences.save_weights)
        except FileError as e:
            say_error(self.window, "Not saved", str(e))
            return False
        self.window.settings.add_recent(str(path.resolve()))
        self._forget()
        self.session.message.emit(f"Saved as ‘{path.name}’.", "info")
        return True

    # --- the journal -----------------------------------------------------------------------------------------

    def _settings_changed(self) -> None:
        self._timer.setInterval(self.window.settings.preferences.autosave * 1000)

    def autosave(self) -> None:
        """Keep unsaved work in the journal, where there is any that it does not have."""
        state = (self.session.document, self.session.stored)
        if not self.session.modified or (isinstance(self._kept, tuple) and all(
                a is b for a, b in zip(self._kept, state, strict=True))):
            return
        try:
            if self.journal is None:
                self.journal = Journal(default_folder())
            self.journal.write(*state, self.session.path)
        except FileError as e:
            if self._kept is not False:
                self.session.message.emit(str(e), "warning")
            self._kept = False
            return
        self._kept = state

    def _forget(self) -> None:
        self._kept = None
        if self.journal is not None:
            self.journal.clear()

    def close(self) -> None:
        """End the journal: the window closes on purpose."""
        self._timer.stop()
        if self.journal is not None:
            self.journal.close()
            self.journal = None
