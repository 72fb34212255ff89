"""A file whose ending is added to what was typed is never replaced without a question."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from graphlab.ui.dialogs.ask import may_replace
from graphlab.ui.main_window import MainWindow


def press(label: str) -> None:
    """Press a button of the question that is about to open."""
    def answer() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        next(b for b in box.buttons() if b.text() == label).click()
    QTimer.singleShot(0, answer)


@pytest.mark.parametrize(("label", "expected"), [("&Replace", True), ("&Cancel", False)])
def test_a_file_with_an_added_ending_is_asked_about(window: MainWindow, qtbot: QtBot, tmp_path: Path, label: str,
                                                    expected: bool) -> None:
    (tmp_path / "net.glab").write_text("older work")
    press(label)
    assert may_replace(window, str(tmp_path / "net"), tmp_path / "net.glab") is expected


def test_a_new_file_and_one_the_dialog_asked_about_are_not(window: MainWindow, tmp_path: Path) -> None:
    assert may_replace(window, str(tmp_path / "new"), tmp_path / "new.glab")
    old = tmp_path / "old.glab"
    old.write_text("older work")
    assert may_replace(window, str(old), old)
