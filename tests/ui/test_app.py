"""The program: how it starts, what it loads when, and what happens when something goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from graphlab.ui import notify
from graphlab.ui.app import Application
from graphlab.ui.main_window import MainWindow

ROOT = Path(__file__).parents[2]

FIRST_WINDOW = """
import sys
from graphlab.ui import main_window
from graphlab.ui.app import Application, make_application
app = make_application(["graphlab"])
build = main_window.MainWindow.build
def watched(window):
    assert window.isVisible(), "the window is shown before it is filled"
    for slow in ("pyqtgraph", "networkx", "ziamath", "numpy"):
        assert slow not in sys.modules, slow
    build(window)
main_window.MainWindow.build = watched
application = Application()
window = application.open_window(sys.argv[1] if len(sys.argv) > 1 else None)
assert window.built
for slow in ("pyqtgraph", "networkx"):
    assert slow not in sys.modules, slow
print("seen")
window.close()
"""

CRASH = """
import sys
from PySide6.QtCore import QTimer
from graphlab.ui import app
def fail():
    raise ValueError("a number was lost")
def look():
    window = app_windows[0]
    assert window.isVisible()
    print(window.status.text.text())
    window.close()
app_windows = []
opened = app.Application.open_window
def open_window(self, path=None):
    window = opened(self, path)
    app_windows.append(window)
    QTimer.singleShot(0, fail)
    QTimer.singleShot(300, look)
    return window
app.Application.open_window = open_window
sys.exit(app.run("moons"))
"""


def python(code: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(home),
                   "XDG_STATE_HOME": str(home), "XDG_DATA_HOME": str(home), "HOME": str(home)}
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True,
                          text=True, check=False, timeout=100)


@pytest.mark.parametrize("arguments", [[], ["moons"]], ids=["start page", "an example"])
def test_the_window_is_seen_before_anything_slow_is_loaded(home: Path, arguments: list[str]) -> None:
    done = python(FIRST_WINDOW, home, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "seen"


def test_an_unexpected_error_is_a_sentence_and_the_window_lives_on(home: Path) -> None:
    done = python(CRASH, home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Something went wrong: a number was lost. The window goes on; details are in ")
    log = Path(done.stdout.strip().rpartition(" ")[2].rstrip("."))
    assert "ValueError: a number was lost" in log.read_text(encoding="utf-8")


def test_the_alarm_puts_everything_back(qtbot: QtBot, home: Path) -> None:
    hook = sys.excepthook
    alarm = notify.Alarm()
    said: list[str] = []
    alarm.install()
    alarm.listen(said.append)
    try:
        sys.excepthook(ValueError, ValueError("lost."), None)
        qtbot.waitUntil(lambda: bool(said))
    finally:
        alarm.remove()
    assert sys.excepthook is hook
    assert said[0].startswith("Something went wrong: lost. ")
    assert not notify.log.handlers


def test_several_windows_have_documents_of_their_own(application: Application) -> None:
    first, second = application.open_window("xor"), application.open_window("moons")
    assert first.session is not second.session
    assert first.session.document.graph != second.session.document.graph
    first.close()
    assert application.windows == [second]
    second.session.player.run_all()
    assert second.session.player.run is not None


def test_quitting_stops_where_the_user_says_no(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = application.open_window()
    gone = application.open_window()
    monkeypatch.setattr(keep.files, "may_leave", lambda: False)
    application.quit()
    assert application.windows == [keep]
    assert not gone.files._timer.isActive()
    monkeypatch.undo()


def test_a_file_that_is_not_there_is_said_and_the_start_page_shown(application: Application) -> None:
    window = application.open_window("nowhere.glab")
    assert window.on_start_page
    assert window.status.text.text() == "There is no file ‘nowhere.glab’."


def test_a_window_remembers_its_panels(application: Application) -> None:
    window = application.open_window("moons")
    window.show_dock("Setup")
    window.docks["History"].close()
    window.close()
    again = application.open_window("moons")
    assert again.docks["History"].isHidden()
    again.reset_panels()
    assert not again.docks["History"].isHidden()


def test_messages_go_to_the_window_that_is_used(window: MainWindow) -> None:
    window.application.say("Something.")
    assert window.status.text.text() == "Something."
