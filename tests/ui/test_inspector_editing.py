"""What is typed into the inspector changes the document, undoably; counts and the gradient check are its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from graphlab.engine.gradcheck import Check
from graphlab.ui.panels.inspector import Inspector
from graphlab.ui.panels.inspector_counts import verdict
from tests.ui.inspecting import click, look_at, network, opened


@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    return opened(qtbot, network())


def test_a_weight_can_be_typed_in_and_taken_back(inspector: Inspector, qtbot: QtBot) -> None:
    session = inspector.session
    session.player.run_all()
    look_at(inspector, "fc1")
    view = inspector.numbers.views["W", False]
    before = session.weights["fc1.W"].copy()
    at = view.table.visualRect(view.model.index(1, 2)).center()
    QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseDClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    editor = view.table.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, "-2.5")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.weights["fc1.W"][1, 2] == -2.5)
    assert np.delete(session.weights["fc1.W"], 5).tolist() == np.delete(before, 5).tolist()
    record = session.player.record("fc1")
    assert record is not None
    assert record["W"][1, 2] == -2.5
    session.undo_stack.undo()
    assert np.array_equal(session.weights["fc1.W"], before)


def test_an_input_can_be_typed_in(inspector: Inspector, qtbot: QtBot) -> None:
    session = inspector.session
    look_at(inspector, "x")
    view = inspector.numbers.views["y", False]
    assert view.model.setData(view.model.index(0, 1), "0.75")
    qtbot.waitUntil(lambda: "x" in session.typed)
    assert session.feeds()["x"][0, 1] == 0.75
    session.player.run_all()
    inspector.refresh()
    assert inspector.numbers.views["y", False].array[0, 1] == 0.75


def test_attributes_are_edited_through_the_session(inspector: Inspector) -> None:
    session = inspector.session
    look_at(inspector, "fc1", inspector.properties)
    assert inspector.properties.form is not None
    spin = inspector.properties.form.fields["features"].widget
    assert isinstance(spin, QSpinBox)
    for value in (4, 5, 6):
        spin.setValue(value)
    assert session.document.graph.nodes["fc1"].op.values()["features"] == 6
    assert session.undo_stack.count() == 1
    session.undo_stack.undo()
    inspector.refresh()
    assert spin.value() == 3


def test_name_and_flags_are_edited(inspector: Inspector) -> None:
    session, tab = inspector.session, inspector.properties
    look_at(inspector, "fc1", tab)
    tab.name.setText("first  layer")
    tab.name.editingFinished.emit()
    assert session.document.graph.nodes["fc1"].label == "first layer"
    QTest.mouseClick(tab.frozen, Qt.MouseButton.LeftButton, pos=QPoint(8, tab.frozen.height() // 2))
    assert session.document.graph.nodes["fc1"].frozen
    inspector.refresh()
    assert inspector.title.text() == "first layer"
    session.undo_stack.undo()
    inspector.refresh()
    assert not tab.frozen.isChecked()
    QTest.mouseClick(tab.bypassed, Qt.MouseButton.LeftButton, pos=QPoint(8, tab.bypassed.height() // 2))
    inspector.refresh()
    assert "cannot be bypassed" in tab.problem.text()


# --- counts and the check ------------------------------------------------------------------------------------------


def test_counts_are_shown_as_arithmetic(inspector: Inspector) -> None:
    look_at(inspector, "fc1", inspector.counts)
    assert inspector.counts.parameters.text() == "2·3 + 3 = 9"
    assert inspector.counts.macs.text() == "6 per sample"
    assert inspector.counts.total.text() == "9 + 4 = 13"


def test_the_gradient_check_runs_when_it_is_looked_at(inspector: Inspector, qtbot: QtBot) -> None:
    inspector.session.player.run_all()
    look_at(inspector, "fc1")
    assert inspector.counts.check is None
    inspector.tabs.setCurrentWidget(inspector.counts)
    qtbot.waitUntil(lambda: inspector.counts.check is not None)
    assert inspector.counts.check is not None
    assert inspector.counts.check.error < 1e-6
    assert inspector.counts.badge.text().startswith("✓ relative error")
    assert verdict(Check("fc1", 0.5, "W"))[0].startswith("✗ relative error 0.5000 (by W)")
    assert verdict(Check("fc1", 0.0, skipped="has a surrogate gradient"))[1] == "muted"




# --- into one's notes ----------------------------------------------------------------------------------------------


def test_the_step_goes_into_notes_as_a_figure_and_as_latex(inspector: Inspector, tmp_path: Path) -> None:
    said: list[tuple[str, str]] = []
    inspector.session.message.connect(lambda text, kind: said.append((text, kind)))
    look_at(inspector, "fc1")
    assert not inspector.export.isEnabled()
    inspector.session.player.run_all()
    look_at(inspector, "fc1")
    click(inspector, "W", (0, 1), grad=True)
    assert inspector.export.isEnabled()
    assert inspector.export.save_as(tmp_path / "step.svg")
    assert "∂L/∂W (2, 3)" in (tmp_path / "step.svg").read_text(encoding="utf-8")
    inspector.export.copy()
    assert r"\frac{\partial L}{\partial W_{0,1}}" in QGuiApplication.clipboard().text()
    assert not inspector.export.save_as(tmp_path / "step.doc")
    assert [kind for _, kind in said] == ["info", "info", "error"]
    assert "‘step.doc’ ends in .doc" in said[-1][0]
