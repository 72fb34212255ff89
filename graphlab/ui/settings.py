"""What the user prefers, as one declared value: it is remembered, and its form is the settings dialog."""

from __future__ import annotations

import logging
from typing import Any, cast

from PySide6.QtCore import QObject, QSettings, Signal

from graphlab.engine.declared import Declared, attr
from graphlab.ui import theme

log = logging.getLogger("graphlab")

_RECENT = 12


class Preferences(Declared, register=False):
    """Everything that can be chosen in the settings."""

    theme: str = attr("colours: light, dark, or as the system has them", default="system",
                      choices=("system", "light", "dark"))
    wheel: str = attr("what the mouse wheel does on the canvas; with Ctrl it does the other", default="zoom",
                      choices=("zoom", "pan"))
    reduce_motion: bool = attr("layout, zoom and selection change at once, without animation", default=False)
    view_batch: int = attr("samples of the batch that is looked at while stepping", default=4, min=1, max=256)
    save_weights: bool = attr("files hold the weights, too", default=True)
    autosave: int = attr("seconds between two saves of the journal of unsaved work", default=20, min=2, max=3600)
    frame_rate: int = attr("pictures a second of the live plots while training", default=20, min=1, max=60)


class Settings(QObject):
    """Reads and writes the preferences, recent files and window states. ``changed`` follows each new preference."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "GraphLab", "GraphLab")
        self.preferences = self._read()

    def _read(self) -> Preferences:
        values: dict[str, Any] = {}
        for attribute in Preferences.attributes():
            key = f"preferences/{attribute.name}"
            if not self.store.contains(key):
                continue
            text = str(self.store.value(key))
            try:
                value: Any = text == "true" if attribute.type is bool else attribute.type(text)
            except ValueError:
                log.warning("the setting %s has the value %r, which cannot be used", key, text)
                continue
            if not attribute.problem(value):
                values[attribute.name] = value
        return Preferences(**values)

    def set(self, name: str, value: object) -> None:
        """Change one preference and remember it."""
        self.preferences = self.preferences.replace(**{name: value})
        self.store.setValue(f"preferences/{name}", str(value).lower() if isinstance(value, bool) else value)
        self.apply()
        self.changed.emit()

    def apply(self) -> None:
        """Bring what is shared by all windows into the preferred state."""
        if theme.mode() != self.preferences.theme:
            theme.set(cast(theme.Mode, self.preferences.theme))

    # --- recent files ----------------------------------------------------------------------------------

    @property
    def recent(self) -> list[str]:
        """The files that were opened or saved last, newest first."""
        found = self.store.value("recent", [])
        return [str(f) for f in found] if isinstance(found, list) else [str(found)] if found else []

    def add_recent(self, path: str) -> None:
        """Put a file at the head of the recent ones."""
        self.store.setValue("recent", [path, *(p for p in self.recent if p != path)][:_RECENT])
        self.changed.emit()

    def remove_recent(self, path: str) -> None:
        """Forget a recent file, such as one that no longer exists."""
        self.store.setValue("recent", [p for p in self.recent if p != path])
        self.changed.emit()
