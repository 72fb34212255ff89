"""The group of windows really talks to an X server."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot


@pytest.mark.x11
def test_a_window_is_exposed_by_the_x_server(qtbot: QtBot) -> None:
    assert QGuiApplication.platformName() == "xcb"
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    with qtbot.waitExposed(window, timeout=5000):
        window.show()
    screen = window.screen().size()
    assert screen.width() >= 1920
    assert screen.height() >= 1080


def test_other_tests_run_offscreen(qapp: QGuiApplication) -> None:
    assert QGuiApplication.platformName() == "offscreen"
    assert qapp.primaryScreen() is not None
