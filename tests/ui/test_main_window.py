"""The window as a whole: documents, unsaved work, the journal, training, and what is shown live."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from graphlab.document.examples import EXAMPLES
from graphlab.document.files import load
from graphlab.document.journal import default_folder, leftovers
from graphlab.engine.optim import SGD
from graphlab.engine.train import Phase
from graphlab.ui import file_commands, theme
from graphlab.ui.app import Application
from graphlab.ui.main_window import MainWindow
from graphlab.ui.panels.panel import Panel
from graphlab.ui.panels.training import duration
from tests.ui.window_kit import classifier


def train(window: MainWindow, qtbot: QtBot, timeout: int = 60_000) -> None:
    """Train to the end."""
    window.actions_.trigger("train")
    assert window.training.active
    qtbot.waitUntil(lambda: not window.training.active, timeout=timeout)


# --- training -------------------------------------------------------------------------------------------


def test_digits_reach_96_percent_from_the_window(application: Application, qtbot: QtBot) -> None:
    window = application.open_window("digits")
    before = dict(window.session.weights)
    train(window, qtbot)
    latest = window.training.latest
    assert latest is not None and latest.validation is not None and latest.validation.accuracy is not None
    assert latest.validation.accuracy >= 0.96
    assert window.session.undo_stack.undoText() == "Train 20 epochs"
    assert window.windowTitle().startswith("Handwritten digits[*]")
    assert window.isWindowModified()
    window.actions_.trigger("undo")
    assert all(np.array_equal(window.session.weights[k], before[k]) for k in before)
    assert not window.isWindowModified()
    window.actions_.trigger("redo")
    assert any(not np.array_equal(window.session.weights[k], before[k]) for k in before)


def test_weights_are_seen_while_they_are_trained_and_belong_to_the_document_afterwards(
    window: MainWindow, qtbot: QtBot,
) -> None:
    session = window.session
    session.open_document(classifier(epochs=100_000))
    session.player.run_all()
    first = session.player.value("fc2")
    assert first is not None
    stored = session.stored
    window.actions_.trigger("train")
    qtbot.waitUntil(lambda: session.live and not np.array_equal(session.weights["fc1.W"], stored["fc1.W"]))
    seen = session.player.value("fc2")
    assert seen is not None and not np.array_equal(seen, first), "the run that is shown follows the weights"
    assert session.player.cursor == session.player.count - 1, "the debugger stays where it stood"
    assert session.stored is stored
    assert not session.modified
    window.actions_.trigger("train_stop")
    assert not window.training.active and not session.live
    assert session.modified
    assert window.training.latest is not None
    assert np.array_equal(session.weights["fc1.W"], window.training.latest.weights["fc1.W"])


def test_pause_single_update_and_going_on(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier(epochs=100_000))
    training = window.training
    window.actions_.trigger("train_single")
    qtbot.waitUntil(lambda: training.latest is not None and training.latest.update == 1)
    assert training.state == "paused"
    window.actions_.trigger("train_single")
    qtbot.waitUntil(lambda: training.latest is not None and training.latest.update == 2)
    window.actions_.trigger("train")
    qtbot.waitUntil(lambda: training.latest is not None and training.latest.update > 50)
    window.actions_.trigger("train_pause")
    qtbot.wait(150)
    assert training.latest is not None
    at = training.latest.update
    qtbot.wait(150)
    assert training.latest.update == at
    window.actions_.trigger("train_stop")
    assert not training.active


def test_a_slow_pace_shows_every_update(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier(epochs=100_000))
    window.training.pace = "100 updates/s"
    window.actions_.trigger("train")
    qtbot.wait(400)
    window.actions_.trigger("train_stop")
    updates = window.training.curves.updates
    assert 3 < len(updates) < 60
    assert np.all(np.diff(updates) <= 1)


def test_restarting_gives_the_same_weights_again(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier(epochs=3))
    train(window, qtbot)
    once = {k: v.copy() for k, v in window.session.weights.items()}
    window.actions_.trigger("train_restart")
    qtbot.waitUntil(lambda: not window.training.active)
    assert all(np.array_equal(window.session.weights[k], once[k]) for k in once)


def test_an_edit_ends_training_first_and_both_can_be_taken_back(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    session.open_document(classifier(epochs=100_000))
    window.actions_.trigger("train")
    qtbot.waitUntil(lambda: window.training.latest is not None and window.training.latest.update > 10)
    session.update_setup("Change batch", batch=8)
    assert not window.training.active
    texts = [session.undo_stack.text(i) for i in range(session.undo_stack.count())]
    assert texts[0].startswith("Train ") and texts[1:] == ["Change batch"]


def test_moving_a_card_does_not_end_training(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier(epochs=100_000))
    window.actions_.trigger("train")
    window.session.select(["fc1"])
    window.canvas.nudge(1, 0)
    assert window.training.active
    qtbot.waitUntil(lambda: window.training.latest is not None and window.training.latest.update > 10)
    window.actions_.trigger("undo")
    assert not window.training.active
    assert window.session.undo_stack.count() == 2, "training was the last thing that was done"


def test_a_nan_stops_training_and_shows_where_it_began(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier(epochs=1000, phases=(Phase(optimiser=SGD(rate=1e30)),)))
    train(window, qtbot)
    assert window.training.latest is not None
    assert window.training.latest.path
    assert window.session.selection == (window.training.latest.path,)
    assert window.status.text.text().startswith("Training stopped before update ")


@pytest.mark.parametrize(("document", "sentence"), [
    ("empty", "Training needs a loss to lower; the network has no loss node. Add one, such as MSE."),
])
def test_what_keeps_training_from_beginning_is_said(window: MainWindow, document: str, sentence: str) -> None:
    window.training.start()
    assert not window.training.active
    assert window.status.text.text() == sentence


def test_times_are_written_as_people_do() -> None:
    assert [duration(s) for s in (0.2, 59, 61, 3600, 7384)] == ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "2 h 3 min"]


# --- documents and unsaved work -----------------------------------------------------------------------


def test_every_example_opens_and_runs(application: Application) -> None:
    window = application.open_window()
    for example in EXAMPLES:
        assert window.files.open_example(example.name)
        assert not window.on_start_page
        assert not window.session.plan.problems, example.name
        if sum(int(np.prod(w.shape)) for w in window.session.plan.weights.values()) < 100_000:
            window.actions_.trigger("run")
            assert window.session.player.run is not None, example.name


def test_unsaved_work_is_asked_for_once(
    application: Application, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    asked: list[tuple[str, bool]] = []
    answers = ["cancel", "save"]

    def ask(_parent: object, name: str, training: bool) -> str:
        asked.append((name, training))
        return answers[len(asked) - 1]
    monkeypatch.setattr(file_commands, "ask_save", ask)
    window = application.open_window("moons")
    window.session.update_setup("Change batch", batch=8)
    window.session.path = tmp_path / "mine.glab"
    window.close()
    assert application.windows == [window], "cancelled"
    window.close()
    assert application.windows == []
    assert asked == [("mine", False)] * 2
    assert load(tmp_path / "mine.glab").document.setup.batch == 8


def test_closing_while_training_asks_once_and_keeps_what_was_reached(
    application: Application, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qtbot: QtBot,
) -> None:
    asked: list[bool] = []

    def ask(_parent: object, _name: str, training: bool) -> str:
        asked.append(training)
        return "save"
    monkeypatch.setattr(file_commands, "ask_save", ask)
    window = application.open_window()
    window.session.open_document(classifier(epochs=100_000), path=tmp_path / "a.glab")
    before = window.session.weights["fc1.W"].copy()
    window.actions_.trigger("train")
    qtbot.waitUntil(lambda: window.training.latest is not None and window.training.latest.update > 10)
    window.close()
    assert asked == [True]
    assert not np.array_equal(load(tmp_path / "a.glab").weights["fc1.W"], before)


def test_a_crash_loses_nothing_that_the_journal_has(application: Application, home: Path) -> None:
    window = application.open_window("moons")
    window.session.update_setup("Change batch", batch=5)
    window.files.autosave()
    journal = window.files.journal
    assert journal is not None
    # What a crash does: the lock is free, and nobody clears the journal.
    journal._lock.close()
    window.files.journal = None
    left = leftovers(default_folder())
    assert len(left) == 1
    again = application.open_window()
    assert again.files.restore(left[0])
    assert again.session.document.setup.batch == 5
    assert again.session.modified, "it is not saved yet"
    assert again.isWindowModified()


def test_saving_clears_the_journal(application: Application, tmp_path: Path) -> None:
    window = application.open_window("moons")
    window.session.update_setup("Change batch", batch=5)
    window.files.autosave()
    assert window.files.journal is not None and window.files.journal.path.exists()
    window.session.path = tmp_path / "b.glab"
    assert window.files.save()
    assert not window.files.journal.path.exists()
    assert window.settings.recent == [str(tmp_path / "b.glab")]
    assert not window.isWindowModified()


def test_what_cannot_be_saved_is_said_and_nothing_is_lost(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(file_commands, "say_error", lambda _p, _t, sentence: said.append(sentence))
    window = application.open_window("moons")
    window.session.update_setup("Change batch", batch=5)
    window.session.path = tmp_path / "missing" / "c.glab"
    assert not window.files.save()
    assert len(said) == 1 and "missing" in said[0]
    assert window.isWindowModified()


def test_a_damaged_file_is_a_sentence_and_the_document_stays(application: Application, tmp_path: Path) -> None:
    window = application.open_window("moons")
    graph = window.session.document.graph
    path = tmp_path / "bad.glab"
    path.write_bytes(b"this is no zip")
    assert not window.files.open(path)
    assert "bad.glab" in window.status.text.text()
    assert window.session.document.graph is graph


# --- panels and keyboard -------------------------------------------------------------------------------


def test_f6_goes_round_the_panels_and_comes_back(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.canvas.setFocus()
    seen = []
    for _ in range(12):
        window.focus_panel(1)
        focus = window.focusWidget()
        if focus is window.canvas:
            break
        seen.append(next(n for n, d in window.docks.items() if d.isAncestorOf(focus)))
    assert seen == ["Library", "Inspector", "Problems"]
    window.focus_panel(-1)
    assert window.docks["Problems"].isAncestorOf(window.focusWidget())


def test_the_theme_is_switched_and_remembered(window: MainWindow) -> None:
    window.actions_.trigger("dark")
    assert theme.current().dark
    assert window.settings.store.value("preferences/theme") == "dark"
    window.actions_.trigger("dark")
    assert not theme.current().dark


def test_breakpoints_stop_running(window: MainWindow) -> None:
    session = window.session
    session.open_document(classifier())
    session.select(["act"])
    window.actions_.trigger("breakpoint")
    window.actions_.trigger("run")
    assert session.player.position == ("act", "forward")
    window.actions_.trigger("run")
    assert session.player.position == ("act", "backward")
    window.actions_.trigger("breakpoint")
    window.actions_.trigger("to_start")
    session.select(["loss"])
    window.actions_.trigger("run_to")
    assert session.player.position == ("loss", "forward")


def test_the_samples_are_walked_through_with_the_debugger_where_it_is(window: MainWindow) -> None:
    session = window.session
    session.open_document(classifier())
    window.actions_.trigger("run")
    first = session.player.value("x")
    window.actions_.trigger("sample_previous")
    assert session.sample == session.samples - 1
    window.actions_.trigger("sample_next")
    window.actions_.trigger("sample_next")
    assert session.sample == 1
    second = session.player.value("x")
    assert first is not None and second is not None
    assert np.array_equal(second[0], first[1])
    assert session.player.cursor == session.player.count - 1


def test_the_next_misclassified_sample_is_one(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    session.open_document(classifier())
    window.actions_.trigger("sample_wrong")
    window.actions_.trigger("run")
    scores, label = session.player.value("fc2"), session.player.value("y")
    assert scores is not None and label is not None
    assert scores[0].argmax() != label[0]


def test_help_shows_the_selected_operation(window: MainWindow) -> None:
    window.session.open_document(classifier())
    window.session.select(["fc1"])
    window.actions_.trigger("help")
    titles = [w.windowTitle() for w in QApplication.topLevelWidgets() if w.isVisible()]
    assert "Linear – help" in titles


def test_all_panels_say_what_they_are_for(window: MainWindow) -> None:
    for name, dock in window.docks.items():
        panel = dock.widget()
        assert panel.accessibleName() == name
        assert panel.accessibleDescription().endswith("."), name
    assert window.canvas.focusPolicy() & Qt.FocusPolicy.StrongFocus


def test_help_in_a_panel_says_what_the_panel_is_for(window: MainWindow) -> None:
    window.session.open_document(classifier())
    window.session.select(["fc1"])
    window.show_dock("Data")
    panel = window.docks["Data"].widget()
    assert isinstance(panel, Panel)
    panel.focus_first()
    window.actions_.trigger("help")
    assert window.status.text.text() == f"Data: {panel.about}"
