"""What the window's tests share: settings of their own, and a window whose questions are answered for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from graphlab.ui import file_commands, theme
from graphlab.ui.app import Application
from graphlab.ui.main_window import MainWindow
from graphlab.ui.notify import log


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, journals and logs of this test go to a folder of its own."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))
    return tmp_path


@pytest.fixture
def application(qtbot: QtBot, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """The application; its windows are closed at the end, and unsaved work is thrown away."""
    theme.set("light")
    monkeypatch.setattr(file_commands, "ask_save", lambda *_: "discard")
    application = Application()
    yield application
    for window in list(application.windows):
        window.close()
    for widget in QApplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    qtbot.wait(1)
    theme.set("light")
    assert not log.handlers, "a test that installs the alarm removes it"


@pytest.fixture
def window(application: Application) -> MainWindow:
    """A window with an empty network."""
    window = application.open_window()
    window.files.new()
    return window
