"""The calculators' panel, typed into as a user would."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSpinBox
from pytestqt.qtbot import QtBot

from graphlab.engine.calculators.base import calculators
from graphlab.ui.panels.calculators import Calculators


def test_every_calculator_shows_its_working(qtbot: QtBot) -> None:
    panel = Calculators()
    qtbot.addWidget(panel)
    for name, cls in calculators().items():
        panel.choose(name)
        assert panel.working_latex == tuple(line.latex for line in cls().work().lines)
        assert not panel.problem.text()


def test_typing_a_number_changes_the_working(qtbot: QtBot) -> None:
    panel = Calculators()
    qtbot.addWidget(panel)
    panel.choose("AttentionShapes")
    assert panel.form is not None
    box = panel.form.fields["features"].widget
    assert isinstance(box, QSpinBox)
    box.selectAll()
    QTest.keyClicks(box, "32")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert any("2{,}240" in line for line in panel.working_latex)
    QTest.mouseClick(panel.copy, Qt.MouseButton.LeftButton)
    assert "2{,}240" in QGuiApplication.clipboard().text()


def test_numbers_that_do_not_fit_are_said_and_the_search_finds_by_other_names(qtbot: QtBot) -> None:
    panel = Calculators()
    qtbot.addWidget(panel)
    panel.choose("ConvolutionShape", size=(2, 2), kernel=(5, 5))
    assert "does not fit" in panel.problem.text()
    assert not panel.copy.isEnabled()
    QTest.keyClicks(panel.search, "glorot")
    assert [name for name, topic in panel.topics.items() if not topic.isHidden()] == ["Training"]
