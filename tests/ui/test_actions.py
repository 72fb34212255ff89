"""The table of actions: complete, without clashes, and each line can be triggered."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog
from pytestqt.qtbot import QtBot

from graphlab.document.files import load
from graphlab.resources import resource
from graphlab.ui import start_page
from graphlab.ui.action_table import ACTIONS, MENUS, TOOLBAR
from graphlab.ui.dialogs.command_palette import Finder, show_everything, show_nodes
from graphlab.ui.main_window import MainWindow
from graphlab.ui.panels.palette_search import library
from tests.ui.window_kit import classifier

IDS = [a.id for a in ACTIONS]
BY_ID = {a.id: a for a in ACTIONS}

#: Keys that people know from elsewhere, and what they have to do.
KEYS = {
    "Ctrl+N": "new", "Ctrl+O": "open", "Ctrl+S": "save", "Ctrl+E": "export", "Ctrl+Z": "undo", "Ctrl+Shift+Z": "redo",
    "Ctrl+Y": "redo", "Ctrl+C": "copy", "Ctrl+X": "cut", "Ctrl+V": "paste", "Ctrl+Shift+V": "paste_wired",
    "Ctrl+D": "duplicate", "Del": "delete", "Ctrl+Del": "delete_heal", "Ctrl+Shift+X": "detach", "M": "bypass",
    "Ctrl+M": "freeze", "C": "frame", "N": "note", "Ctrl+G": "group", "Ctrl+Shift+G": "ungroup", "L": "layout",
    "Ctrl+L": "layout_all", "P": "pin", "F2": "rename", "F1": "help", "F": "fit", "Home": "home", "Ctrl++": "zoom_in",
    "Ctrl+-": "zoom_out", "Ctrl+0": "zoom_reset", "Ctrl+K": "palette", "Ctrl+Shift+P": "palette", "F5": "run",
    "Ctrl+F5": "train", "F10": "step", "Shift+F10": "step_back", "F11": "step_into", "Shift+F11": "step_out",
    "F9": "breakpoint", "Ctrl+F10": "run_to", "Ctrl+Shift+M": "minimap", "Ctrl+F": "find", "Tab": "quick_add",
    "Alt+Left": "sample_previous", "Alt+Right": "sample_next", "F6": "panel_next", "Shift+F6": "panel_previous",
}
#: These end the window or the program, and are tested elsewhere.
ENDING = {"close", "quit"}


@pytest.mark.parametrize(("key", "id"), KEYS.items())
def test_a_key_does_what_people_expect(key: str, id: str) -> None:
    assert QKeySequence(key) in [QKeySequence(k) for k in BY_ID[id].keys]


def test_no_key_does_two_things() -> None:
    counted = Counter(QKeySequence(k).toString() for a in ACTIONS for k in a.keys)
    assert [k for k, n in counted.items() if n > 1] == []
    assert "" not in counted, "a key that Qt does not know"


def test_every_action_stands_in_one_menu_and_says_what_it_does() -> None:
    in_menus = [id for ids in MENUS.values() for id in ids if id != "-"]
    assert sorted(in_menus) == sorted(IDS)
    assert set(TOOLBAR) - {"-"} <= set(IDS)
    for action in ACTIONS:
        assert action.tooltip[0].isupper(), action.id
        assert not action.tooltip.endswith("."), action.id
        assert not action.icon or resource(f"icons/{action.icon}.svg").is_file()


def test_no_two_entries_of_a_menu_have_one_mnemonic() -> None:
    for title, ids in MENUS.items():
        letters = [m.group(1).lower() for id in ids if id != "-" and (m := re.search("&(.)", BY_ID[id].text))]
        assert [k for k, n in Counter(letters).items() if n > 1] == [], title


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """File dialogs answer at once: nothing is opened, everything is saved to a folder of its own."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a, **_k: ("", ""))

    def save(_parent: object, _title: str, start: str, kinds: str) -> tuple[str, str]:
        return str(tmp_path / Path(start).name), kinds.split(";;")[0]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", save)
    monkeypatch.setattr("graphlab.ui.window_commands.QDesktopServices.openUrl", lambda _url: True)
    monkeypatch.setattr(start_page, "paint_example", lambda *_: None)
    return tmp_path


def settle(window: MainWindow, qtbot: QtBot) -> None:
    window.training.finish()
    window.session.player.pause()
    qtbot.wait(1)
    for finder in window.findChildren(Finder):
        finder.dismiss()
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.close()


@pytest.mark.parametrize("id", [i for i in IDS if i not in ENDING])
def test_an_action_works_on_an_empty_network(window: MainWindow, qtbot: QtBot, quiet: Path, id: str) -> None:
    window.actions_.by_id[id].trigger()
    settle(window, qtbot)


@pytest.mark.parametrize("id", [i for i in IDS if i not in ENDING])
def test_an_action_works_with_nothing_selected(window: MainWindow, qtbot: QtBot, quiet: Path, id: str) -> None:
    window.session.open_document(classifier())
    window.actions_.trigger(id) if window.actions_.by_id[id].isEnabled() else None
    settle(window, qtbot)


@pytest.mark.parametrize("id", [i for i in IDS if i not in ENDING])
def test_an_action_works_on_a_run_with_a_selection(window: MainWindow, qtbot: QtBot, quiet: Path, id: str) -> None:
    window.session.open_document(classifier())
    window.session.player.run_all()
    window.session.select(["fc1"])
    action = window.actions_.by_id[id]
    if id not in ("undo", "redo", "ungroup", "leave", "step_out", "train_pause", "train_stop"):
        assert action.isEnabled(), "with a node selected and run, this can be done"
    action.trigger()
    settle(window, qtbot)
    assert "Something went wrong" not in window.status.text.text()


def test_actions_that_make_no_sense_are_off(window: MainWindow) -> None:
    off = {a.id for a in ACTIONS if not window.actions_.by_id[a.id].isEnabled()}
    assert {"run", "train", "export", "undo", "redo", "delete", "group", "step", "train_stop", "step_out"} <= off
    assert {"new", "open", "save", "palette", "quick_add", "settings"}.isdisjoint(off)


def test_what_is_being_typed_counts_before_an_action_runs(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier())
    window.seed.setFocus()
    window.seed.lineEdit().setText("7")
    window.actions_.trigger("run")
    assert window.session.document.setup.seed == 7


def test_saving_and_exporting_write_files(window: MainWindow, quiet: Path) -> None:
    window.session.open_document(classifier())
    window.actions_.trigger("save")
    assert load(quiet / "Untitled.glab").document.graph == window.session.document.graph
    window.actions_.trigger("export")
    assert "<svg" in (quiet / "Untitled.svg").read_text(encoding="utf-8")


# --- the command palette -------------------------------------------------------------------------------


def names(finder: Finder) -> list[str]:
    return [finder.list.item(i).text() for i in range(finder.list.count())]


def test_the_palette_has_every_command_operation_and_example(window: MainWindow) -> None:
    finder = show_everything(window)
    shown = {e.names[1] for e in finder.entries}
    assert {a.id.replace("_", " ") for a in ACTIONS} <= shown
    assert {op.name() for op in library()} <= shown
    assert "digits" in shown
    assert len(names(finder)) == len(finder.entries)
    keys = {e.hint for e in finder.entries if e.names[1] == "run"}
    assert keys == {"F5"}
    finder.dismiss()


def test_the_palette_finds_and_runs(window: MainWindow, qtbot: QtBot) -> None:
    finder = show_everything(window)
    QTest.keyClicks(finder.field, "linear")
    assert names(finder)[0] == "Linear"
    finder.accept_current()
    assert [n.op.name() for n in window.session.document.graph.nodes.values()] == ["Linear"]
    finder = show_everything(window)
    finder.fill("qqqq")
    assert names(finder) == []
    finder.accept_current()
    finder.dismiss()


def test_the_palette_opens_examples(window: MainWindow) -> None:
    finder = show_everything(window)
    finder.fill("Handwritten digits")
    assert names(finder)[0] == "Handwritten digits"
    finder.accept_current()
    assert window.session.samples == 1797


def test_a_node_is_found_inside_a_block(window: MainWindow) -> None:
    window.session.open_document(classifier())
    window.session.select(["fc1", "act"])
    window.actions_.trigger("group")
    finder = show_nodes(window)
    finder.fill("act")
    assert names(finder)[0] == "act"
    finder.accept_current()
    assert window.session.scope == "block1"
    assert window.session.selection == ("block1/act",)


def test_the_step_is_exported_as_a_figure_and_as_latex(window: MainWindow, quiet: Path) -> None:
    window.session.open_document(classifier())
    assert not window.actions_.by_id["export_step"].isEnabled()
    window.actions_.trigger("run")
    window.session.select(["fc1"])
    window.actions_.trigger("export_step")
    assert "<svg" in (quiet / "Untitled step.svg").read_text(encoding="utf-8")
    window.actions_.trigger("copy_latex")
    assert "xW" in QApplication.clipboard().text().replace(" ", "")


def test_a_lens_is_loaded_when_it_is_seen_and_its_frame_and_animation_exported(
    window: MainWindow, qtbot: QtBot, quiet: Path,
) -> None:
    window.session.open_document(classifier())
    assert window.lens.panel is None
    window.show_dock("Lens")
    qtbot.waitUntil(lambda: window.lens.panel is not None)
    panel = window.lens.panel
    assert panel is not None
    window.actions_.trigger("run")
    window.session.select(["act"])
    qtbot.waitUntil(lambda: panel.lens is not None)
    assert panel.lens is not None
    panel.export_asked.emit(panel)
    wanted = quiet / f"{panel.lens.title}{'.gif' if panel.lens.frames > 1 else '.svg'}"
    qtbot.waitUntil(wanted.exists, timeout=20_000)
    assert wanted.stat().st_size > 500
