"""The few questions that the program asks, each once and with verbs as answers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PySide6.QtWidgets import QMessageBox, QWidget

Answer = Literal["save", "discard", "cancel"]


def ask_save(parent: QWidget, name: str, training: bool) -> Answer:
    """Ask what to do with unsaved work, and say so where a training is under way."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Unsaved work")
    if training:
        box.setText(f"‘{name}’ is being trained. Stop training, and save what it has reached?")
    else:
        box.setText(f"‘{name}’ has changes that are not saved. Save them?")
    save = box.addButton("&Save", QMessageBox.ButtonRole.AcceptRole)
    discard = box.addButton("&Discard", QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton("&Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(save)
    box.setEscapeButton(cancel)
    box.exec()
    if box.clickedButton() is save:
        return "save"
    return "discard" if box.clickedButton() is discard else "cancel"


def say_error(parent: QWidget, title: str, sentence: str) -> None:
    """Say what could not be done, where the status bar would not be enough: a file that was not saved."""
    box = QMessageBox(QMessageBox.Icon.Warning, title, sentence, QMessageBox.StandardButton.Ok, parent)
    box.exec()


def may_replace(parent: QWidget, chosen: str, path: Path) -> bool:
    """Ask before a file is replaced that the file dialog could not ask about: its ending was added afterwards."""
    if str(path) == chosen or not path.exists():
        return True
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Replace the file")
    box.setText(f"There is a file ‘{path.name}’ already. Replace it?")
    replace = box.addButton("&Replace", QMessageBox.ButtonRole.AcceptRole)
    cancel = box.addButton("&Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    box.exec()
    return box.clickedButton() is replace
