"""The panels of data and setup: sets, columns and splits, optimisers, losses and phases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from graphlab.document.datasets import CSV, Digits
from graphlab.engine.optim import Adam
from graphlab.engine.sources import Moons, Spirals
from graphlab.ui.main_window import MainWindow
from graphlab.ui.panels.data import DataPanel
from graphlab.ui.panels.setup import SetupPanel
from tests.ui.window_kit import classifier


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
    assert data.said.text() == window.session.data_problem
    assert "none.csv" in data.said.text()
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
