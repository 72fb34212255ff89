"""The panels around the canvas: library, problems, timeline, samples, data, setup, history, start page, settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QPushButton
from pytestqt.qtbot import QtBot

from graphlab.document.datasets import CSV, Digits
from graphlab.document.examples import EXAMPLES
from graphlab.engine.graph import Net
from graphlab.engine.op import registry
from graphlab.engine.ops.layers import Linear
from graphlab.engine.optim import Adam
from graphlab.engine.sources import Moons, Spirals
from graphlab.ui.app import Application
from graphlab.ui.dialogs.about import LIBRARIES, AboutDialog, version_of
from graphlab.ui.dialogs.settings_dialog import SettingsDialog
from graphlab.ui.main_window import MainWindow
from graphlab.ui.panels.data import DataPanel
from graphlab.ui.panels.palette import NAME, Palette
from graphlab.ui.panels.palette_search import MIME, find_ops, library
from graphlab.ui.panels.samples import Breadcrumb, SampleBar
from graphlab.ui.panels.setup import SetupPanel
from graphlab.ui.start_page import paint_example
from tests.ui.window_kit import classifier

# --- library ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "name"), [
    ("linear", "Linear"), ("dense", "Linear"), ("relu", "ReLU"), ("conv", "Conv2D"), ("mse", "MSE"),
    ("cross", "CrossEntropy"), ("lstm", "LSTM"), ("dropout", "Dropout"), ("fc", "Linear"), ("flat", "Flatten"),
])
def test_search_finds_what_people_call_it(query: str, name: str) -> None:
    assert find_ops(query)[0].name() == name


def test_search_finds_by_what_an_op_does() -> None:
    assert registry()["Linear"] in find_ops("weighted sum")
    assert find_ops("nothing is called like that") == []


def test_the_library_lists_everything_by_category(qtbot: QtBot) -> None:
    panel = Palette()
    qtbot.addWidget(panel)
    rows = [panel.model.item(i) for i in range(panel.model.rowCount())]
    names = [r.child(k).data(NAME) for r in rows for k in range(r.rowCount())]
    assert names == [op.name() for op in library()]
    assert [r.text() for r in rows] == list(dict.fromkeys(op.category for op in library()))
    for op in library():
        assert op.sentence().endswith("."), op.name()


def test_a_drag_carries_the_name_of_the_op(qtbot: QtBot) -> None:
    panel = Palette()
    qtbot.addWidget(panel)
    panel.search.setText("relu")
    index = panel.model.index(0, 0)
    data: QMimeData = panel.model.mimeData([index])
    assert bytes(data.data(MIME).data()) == b"ReLU"
    assert panel.model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    panel.search.clear()
    assert not panel.model.flags(panel.model.index(0, 0)) & Qt.ItemFlag.ItemIsDragEnabled, "a category"


def test_typing_and_enter_add_an_op_after_the_selected_node(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    session.open_document(classifier())
    session.select(["fc2"])
    QTest.keyClicks(window.library.search, "softm")
    QTest.keyClick(window.library.search, Qt.Key.Key_Down)
    QTest.keyClick(window.library.search, Qt.Key.Key_Up)
    QTest.keyClick(window.library.search, Qt.Key.Key_Return)
    added = [n.id for n in session.document.graph.nodes.values() if n.op.name() == "Softmax"]
    assert len(added) == 1
    assert any(t.node == added[0] and s.node == "fc2" for t, s in session.document.graph.wires.items())


def test_what_is_not_found_is_said(qtbot: QtBot) -> None:
    panel = Palette()
    qtbot.addWidget(panel)
    panel.search.setText("qqqq")
    assert panel.tree.isHidden() and not panel.nothing.isHidden()
    panel.search.setText("")
    assert not panel.tree.isHidden() and panel.nothing.isHidden()


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


# --- data and setup --------------------------------------------------------------------------------------


@pytest.fixture
def data(window: MainWindow) -> DataPanel:
    window.session.open_document(classifier())
    panel = window.docks["Data"].widget()
    assert isinstance(panel, DataPanel)
    return panel


def choose(box: QComboBox, text: str) -> None:
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def test_another_data_set_is_one_undoable_choice(window: MainWindow, data: DataPanel) -> None:
    session = window.session
    choose(data.source.choice, "Spirals")
    assert isinstance(session.document.setup.data, Spirals)
    assert data.said.text() == "400 samples; columns: x 2, y one number of 2 classes."
    assert session.undo_stack.undoText() == "Use the data set Spirals"
    window.actions_.trigger("undo")
    assert isinstance(session.document.setup.data, Moons)
    assert data.source.choice.currentText() == "Moons"


def test_split_and_standardising(window: MainWindow, data: DataPanel) -> None:
    session = window.session
    data.split.changed.emit("validation", 0.5)
    assert data.counts.text() == "200 for train · 200 for validation · 0 for test"
    data.split.changed.emit("test", 0.9)
    assert session.document.setup.split.test == 0.0
    assert window.status.text.text().startswith("The split cannot be used: ")
    data.standardise.click()
    assert session.prepared is not None
    rows = session.prepared.rows["train"]
    assert np.allclose(session.prepared.arrays["x"][rows].mean(axis=0), 0, atol=1e-5)


def test_feeds_are_chosen_and_misfits_said(window: MainWindow, data: DataPanel) -> None:
    session = window.session
    assert data.feeds.choices["x"].itemText(0) == "automatic (x)"
    choose(data.feeds.choices["x"], "y")
    assert dict(session.document.setup.feed) == {"x": "y"}
    choose(data.feeds.choices["x"], "noise:normal")
    assert dict(session.document.setup.feed) == {"x": "noise:normal"}
    choose(data.feeds.choices["x"], "automatic")
    data.feeds.choices["x"].setCurrentIndex(0)
    data.feeds.choices["x"].activated.emit(0)
    assert session.document.setup.feed == ()
    session.update_setup("Digits", data=Digits())
    assert session.prepared is not None
    assert session.prepared.problems["x"] in data.feeds._notes["x"].text()


def test_a_table_of_ones_own(window: MainWindow, data: DataPanel, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b,kind\n1,2,yes\n3,4,no\n5,6,yes\n7,8,no\n9,1,no\n", encoding="utf-8")
    window.session.update_setup("Mine", data=CSV(path=str(path)))
    assert data.said.text().startswith("5 samples; columns: ")
    assert data.model.headerData(1, Qt.Orientation.Horizontal) == "a"
    assert data.model.data(data.model.index(0, 3)) == "yes"
    window.session.update_setup("Gone", data=CSV(path=str(tmp_path / "none.csv")))
    assert data.said.text().startswith("There are no samples")
    assert "none.csv" in window.status.text.text()
    assert window.session.problems


def test_the_preview_shows_samples_and_leads_to_them(window: MainWindow, data: DataPanel) -> None:
    window.files.open_example("digits")
    assert data.model.rowCount() == 1797
    assert [data.model.headerData(i, Qt.Orientation.Horizontal) for i in range(3)] == ["part", "x", "y"]
    picture = data.model.data(data.model.index(3, 1), Qt.ItemDataRole.DecorationRole)
    assert (picture.width(), picture.height()) == (28, 28)
    data.table.clicked.emit(data.model.index(42, 0))
    assert window.session.sample == 42
    assert "0: 178" in data.balance.accessibleDescription()


@pytest.fixture
def setup(window: MainWindow) -> SetupPanel:
    window.session.open_document(classifier())
    panel = window.docks["Setup"].widget()
    assert isinstance(panel, SetupPanel)
    return panel


def test_optimiser_batch_and_epochs_are_edited(window: MainWindow, setup: SetupPanel) -> None:
    session = window.session
    setup.form.changed.emit("epochs", 7)
    assert session.document.setup.epochs == 7
    assert setup.phase.optimiser.choice.currentText() == "Adam"
    choose(setup.phase.optimiser.choice, "Momentum")
    assert session.document.setup.phases[0].optimiser.name() == "Momentum"
    form = setup.phase.optimiser.form
    assert form is not None
    form.changed.emit("momentum", 0.5)
    assert session.document.setup.phases[0].optimiser.values()["momentum"] == 0.5
    for _ in range(3):
        window.actions_.trigger("undo")
    assert session.document.setup.phases[0].optimiser == Adam(rate=0.01)
    assert setup.phase.optimiser.choice.currentText() == "Adam"


def test_losses_have_weights_and_one_has_to_stay(window: MainWindow, setup: SetupPanel) -> None:
    session = window.session
    setup.phase.rows["loss"].coefficient.setValue(2.5)
    assert session.document.setup.phases[0].losses == (("loss", 2.5),)
    setup.phase.rows["loss"].check.setChecked(False)
    assert session.document.setup.phases[0].losses == (("loss", 2.5),)
    assert setup.phase.rows["loss"].check.isChecked()
    assert window.status.text.text() == "A phase needs at least one loss to lower; choose another one first."


def test_phases_are_added_changed_and_removed(window: MainWindow, setup: SetupPanel) -> None:
    session = window.session
    assert setup.remove.isHidden()
    setup.add.click()
    assert [p.name for p in session.document.setup.phases] == ["train", "phase 2"]
    setup.phase.form.changed.emit("train", ("fc1",))
    assert session.document.setup.phases[1].train == ("fc1",)
    assert session.document.setup.phases[0].train == ("*",)
    assert setup.phase.trains.text() == "This phase trains 2 of 4 weight tensors."
    setup.remove.click()
    assert [p.name for p in session.document.setup.phases] == ["train"]


def test_schedule_and_penalty(window: MainWindow, setup: SetupPanel) -> None:
    choose(setup.schedule.choice, "Cosine")
    choose(setup.penalty.choice, "L2")
    assert window.session.document.setup.schedule.name() == "Cosine"
    assert window.session.document.setup.penalty.name() == "L2"


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


def test_the_start_page_has_every_example_and_recent_files(application: Application, tmp_path: Path) -> None:
    application.settings.add_recent(str(tmp_path / "old.glab"))
    window = application.open_window()
    assert window.on_start_page
    page = window.start_page
    assert [c.example for c in page.cards] == sorted(EXAMPLES, key=lambda e: [x.topic for x in EXAMPLES].index(e.topic))
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
