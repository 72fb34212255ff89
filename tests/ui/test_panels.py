"""The panels around the canvas: problems, timeline, samples, history, start page, settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from graphlab.document.examples import EXAMPLES, GALLERY
from graphlab.engine.graph import Net
from graphlab.engine.op import registry
from graphlab.engine.ops.layers import Linear
from graphlab.ui.app import Application
from graphlab.ui.dialogs.about import LIBRARIES, AboutDialog, version_of
from graphlab.ui.dialogs.settings_dialog import SettingsDialog
from graphlab.ui.main_window import MainWindow
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.panels.samples import Breadcrumb, SampleBar
from graphlab.ui.start_page import paint_example
from tests.ui.window_kit import classifier

# --- problems -----------------------------------------------------------------------------------------


def misfit() -> Net:
    net = Net()
    x = net.input("x", 1, 8, 8)
    h = net.add("conv", registry()["Conv2D"](), x)
    net.add("fc", Linear(features=3), h)
    return net


def test_a_problem_names_both_nodes_and_its_fix_mends_it(window: MainWindow) -> None:
    session, panel = window.session, window.problems
    session.open_document(replace(classifier(), graph=misfit().graph()))
    row = next(r for r in panel.rows if r.problem.path == "fc")
    for part in ("‘fc’", "‘conv’", "(B, "):
        assert part in row.problem.message
    assert window.docks["Problems"].windowTitle() == f"Problems ({len(session.problems)})"
    panel.reveal(row.problem)
    assert session.selection == ("fc",)
    button = next(b for b in row.findChildren(QPushButton) if "Flatten" in b.text())
    button.click()
    assert row.problem.message not in {p.message for p in session.problems}
    assert session.plan.spec("fc") is not None
    assert session.undo_stack.undoText() == button.text()
    window.actions_.trigger("undo")
    assert row.problem.message in {p.message for p in session.problems}


def test_a_problem_with_several_fixes_keeps_its_sentence_readable(window: MainWindow, qtbot: QtBot) -> None:
    net = Net()
    net.add("fc", Linear(features=3), net.input("x", 2))
    window.session.open_document(replace(classifier(), graph=net.graph()))
    window.resize(1280, 800)
    row = next(r for r in window.problems.rows if len(r.problem.fixes) > 1)
    qtbot.waitUntil(lambda: row.width() > 600)
    sentence = next(s for s in row.findChildren(Sentence) if s.text() == row.problem.message)
    assert sentence.width() > 0.9 * row.width()
    assert sentence.height() >= sentence.heightForWidth(sentence.width())
    buttons = row.findChildren(QPushButton)
    qtbot.waitUntil(lambda: row.height() >= max(b.mapTo(row, b.rect().bottomLeft()).y() for b in buttons))
    assert len({b.geometry().topLeft().toTuple() for b in buttons}) == len(row.problem.fixes)


def test_drawing_does_not_let_the_panels_take_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 760)
    window.lens.load()
    qtbot.wait(60)
    heights = {window.docks["Problems"].height()}
    for op in ("Input", "Linear", "ReLU", "LSTM", "MSE"):
        window.add_op(op)
        qtbot.wait(20)
        heights.add(window.docks["Problems"].height())
    assert len(heights) == 1


def test_without_problems_the_panel_says_so(window: MainWindow) -> None:
    assert window.problems.is_empty
    window.session.open_document(classifier())
    assert window.problems.is_empty
    assert window.docks["Problems"].windowTitle() == "Problems"
    assert window.status.problems.text() == "no problems"


# --- timeline, breadcrumb, samples --------------------------------------------------------------------


def test_the_timeline_follows_and_leads_the_debugger(window: MainWindow) -> None:
    session, line = window.session, window.timeline
    session.open_document(classifier())
    assert not line.slider.isEnabled()
    for _ in range(3):
        window.actions_.trigger("step")
    count = len(session.plan.steps)
    assert line.counts.text() == f"forward 3/{count} │ backward 0/{count}"
    line.slider.setValue(count)
    assert session.player.position == ("loss", "backward")
    assert line.where.text() == "← loss"
    assert line.counts.text() == f"forward {count}/{count} │ backward 1/{count}"
    line.slider.setValue(-1)
    assert line.where.text() == "at the start"


def test_playing_steps_by_itself_at_the_chosen_speed(window: MainWindow, qtbot: QtBot) -> None:
    session, line = window.session, window.timeline
    session.open_document(classifier())
    line.speed.setCurrentText("32×")
    line.speed.activated.emit(line.speed.currentIndex())
    window.actions_.trigger("play")
    assert session.player.playing
    qtbot.waitUntil(lambda: session.player.cursor >= 4, timeout=5000)
    line.slider.setValue(0)
    assert not session.player.playing, "scrubbing takes the lead"


def test_a_network_without_a_loss_has_no_backward_part(window: MainWindow) -> None:
    net = Net()
    net.add("act", registry()["Tanh"](), net.input("x", 2))
    window.session.open_document(replace(classifier(), graph=net.graph()))
    window.actions_.trigger("run")
    assert window.timeline.counts.text() == "forward 2/2 │ no loss, no backward"


def test_the_breadcrumb_leads_back(window: MainWindow) -> None:
    session = window.session
    session.open_document(classifier())
    session.select(["fc1", "act"])
    window.actions_.trigger("group")
    session.select(["block1"])
    window.actions_.trigger("enter")
    crumbs = window.editor.findChild(Breadcrumb)
    assert crumbs is not None
    assert [b.text() for b in crumbs.buttons] == ["Network", "block1"]
    crumbs.buttons[0].click()
    assert session.scope == ""


def test_stepping_into_an_operation_and_out_again(window: MainWindow) -> None:
    session = window.session
    session.open_document(classifier())
    window.actions_.trigger("run")
    session.select(["loss"])
    window.actions_.trigger("step_into")
    assert session.scope == "loss"
    assert window.actions_.by_id["step_out"].isEnabled()
    assert not window.actions_.by_id["group"].isEnabled(), "the inside of an operation cannot be edited"
    window.actions_.trigger("step_out")
    assert session.scope == ""


def test_samples_by_number_and_by_class(window: MainWindow) -> None:
    window.files.open_example("digits")
    session = window.session
    bar = window.editor.findChild(SampleBar)
    assert bar is not None
    bar.index.setValue(17)
    assert session.sample == 17
    bar.classes.setCurrentIndex(4)
    bar.classes.activated.emit(4)
    assert session.table is not None
    assert session.table.columns["y"].values[session.sample] == 3
    assert session.sample > 17
    assert bar.said.text().startswith("class 3 · ")
    assert bar.own.isHidden()
    path = session.plan.inputs[0].path
    session.type_input(path, np.ones_like(session.feeds()[path]))
    assert not bar.own.isHidden()
    bar.own.click()
    assert not session.typed and bar.own.isHidden()


# --- history, counts, start page, settings ----------------------------------------------------------------


def test_the_history_names_the_edits_and_rests_while_training(window: MainWindow, qtbot: QtBot) -> None:
    assert window.history.is_empty
    window.session.open_document(classifier(epochs=100_000))
    window.session.update_setup("Change clip", clip=1.0)
    assert not window.history.is_empty
    window.actions_.trigger("train")
    assert not window.history.view.isEnabled()
    window.actions_.trigger("train_stop")
    assert window.history.view.isEnabled()
    window.history.view.setCurrentIndex(window.history.view.model().index(0, 0))
    assert window.session.document.setup.clip == 0.0


def test_the_total_of_parameters_is_shown_as_arithmetic(application: Application) -> None:
    window = application.open_window("count-400-300-100-10")
    assert window.status.parameters.text() == "151,410 parameters"
    assert "120,300 + 30,100 + 1,010 = 151,410" in window.status.parameters.toolTip()
    assert window.status.macs.text() == f"{400 * 300 + 300 * 100 + 100 * 10:,} MACs"
    assert "400 + 300 + 100 + 10 = 810" in window.status.macs.toolTip()
    window.status.parameters.clicked.emit()
    assert "120,300 + 30,100 + 1,010 = 151,410" in window.status.text.text()
    window.status.macs.clicked.emit()
    assert "120,000 + 30,000 + 1,000 = 151,000" in window.status.text.text()


def test_the_start_page_has_every_example_and_recent_files(application: Application, tmp_path: Path) -> None:
    application.settings.add_recent(str(tmp_path / "old.glab"))
    window = application.open_window()
    assert window.on_start_page
    page = window.start_page
    assert [c.example for c in page.cards] == sorted(GALLERY, key=lambda e: [x.topic for x in GALLERY].index(e.topic))
    assert any(b.text() == "old.glab" for b in page.findChildren(QPushButton))
    page.cards[0].click()
    assert not window.on_start_page
    assert window.session.document.graph.nodes


@pytest.mark.parametrize("example", EXAMPLES[:4], ids=lambda e: e.name)
def test_examples_have_pictures(qtbot: QtBot, example: object) -> None:
    from PySide6.QtCore import QSize

    picture = paint_example(example, QSize(200, 90), 1.0)  # type: ignore[arg-type]
    assert picture is not None
    image = picture.toImage()
    colours = {image.pixelColor(x, y).name() for x in range(0, 200, 3) for y in range(0, 90, 3)}
    assert len(colours) > 5
    assert image.pixelColor(0, 0).alpha() == 0, "the dots of the grid would run together"


def test_settings_hold_at_once_and_are_remembered(application: Application, qtbot: QtBot) -> None:
    window = application.open_window("moons")
    dialog = SettingsDialog(application.settings, window)
    qtbot.addWidget(dialog)
    dialog.form.changed.emit("wheel", "pan")
    dialog.form.changed.emit("view_batch", 6)
    dialog.form.changed.emit("reduce_motion", True)
    assert not window.canvas.wheel_zooms
    assert window.canvas.reduce_motion
    assert window.session.view_batch == window.view_batch.value() == 6
    again = Application().settings.preferences
    assert (again.wheel, again.view_batch, again.reduce_motion) == ("pan", 6, True)


def test_about_names_every_library_with_its_version(qtbot: QtBot) -> None:
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    for name, _, licence in LIBRARIES:
        assert version_of(name)[0].isdigit(), name
        assert licence


def test_a_network_is_sized_by_keyboard_alone(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier())
    window.activateWindow()
    window.canvas.select_ids(["fc1"])
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    form = window.inspector.properties.form
    assert form is not None
    field = form.fields["features"].widget
    assert window.focusWidget() is field
    QTest.keyClicks(field, "300")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.session.document.graph.nodes["fc1"].op.values()["features"] == 300
    assert window.focusWidget() is window.canvas


def test_a_fix_by_keyboard_does_not_leave_the_keyboard_in_a_setting(window: MainWindow) -> None:
    net = Net()
    net.add("fc", Linear(features=3), net.input("x", 2))
    window.session.open_document(replace(classifier(), graph=net.graph()))
    window.activateWindow()
    button = window.problems.rows[0].findChildren(QPushButton)[0]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert window.problems.isAncestorOf(window.focusWidget())
    assert "loss1" in window.session.document.graph.nodes


def test_stepping_shows_the_numbers_unless_another_tab_was_chosen(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier())
    tabs, inspector = window.inspector.tabs, window.inspector
    assert tabs.currentWidget() is inspector.properties
    window.actions_.trigger("step")
    assert tabs.currentWidget() is inspector.numbers
    QTest.mouseClick(tabs.tabBar(), Qt.MouseButton.LeftButton, pos=tabs.tabBar().tabRect(2).center())
    window.actions_.trigger("step")
    assert tabs.currentWidget() is inspector.counts


def test_a_network_without_inputs_looks_at_no_sample(application: Application) -> None:
    window = application.open_window("hand-2-2-1")
    bar = window.editor.findChild(SampleBar)
    assert bar is not None
    assert bar.index.isHidden() and not bar.said.text()
    window.files.open_example("digits")
    assert not bar.index.isHidden() and bar.said.text().startswith("class ")
