"""The lens of channels: its maps and statistics against the engine, and dead channels in words."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.ui import theme
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.channels import SAMPLES, ChannelLens
from graphlab.ui.lenses.view import View
from graphlab.ui.session import Session


def lens_at(qtbot: QtBot, name: str, path: str) -> ChannelLens:
    session = Session()
    loaded = open_example(name)
    session.open_document(loaded.document, loaded.weights)
    view = View(session, path)
    assert ChannelLens in lenses_for(view)
    lens = ChannelLens(view)
    qtbot.addWidget(lens)
    lens.resize(1000, 400)
    lens.refresh()
    return lens


def test_feature_maps_and_statistics_are_the_engines(qtbot: QtBot) -> None:
    lens = lens_at(qtbot, "digits-conv", "conv1")
    lens.sample.setValue(2)
    shown, record = lens.shown(), lens.view.record()
    for c in range(8):
        np.testing.assert_array_equal(shown[f"map {c}"], record["y"][2, c])
    wide = lens.view.record(batch=SAMPLES)
    np.testing.assert_allclose(shown["value mean"], wide["y"].mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(shown["value std"], wide["y"].std(axis=(0, 2, 3)))
    np.testing.assert_array_equal(shown["gradient max"], wide.gradients["y"].max(axis=(0, 2, 3)))
    assert lens.model.number(3, 2) == wide["y"][:, 3].max()
    lens.of.setCurrentIndex(1)
    lens.of.activated.emit(1)
    np.testing.assert_array_equal(lens.shown()["map 5"], record.gradients["y"][2, 5])


def test_a_filter_that_can_only_be_negative_is_dead_behind_its_relu(qtbot: QtBot) -> None:
    lens = lens_at(qtbot, "digits-conv", "relu1")
    session = lens.view.session
    session.set_weight("conv1.W", np.concatenate([session.weights["conv1.W"][:7], np.zeros((1, 1, 3, 3))]))
    session.set_weight("conv1.b", np.array([*session.weights["conv1.b"][:7], -1.0]))
    lens.view.invalidate()
    lens.refresh()
    assert lens.shown()["value dead"][7]
    assert "7" in lens.says.text() and "dead" in lens.says.text()
    assert lens.model.words[7] == "dead"
    lens.which.setCurrentText("x")
    lens.which.activated.emit(1)
    assert lens.model.words[7] == "constant"
    session.undo_stack.undo()
    session.undo_stack.undo()
    lens.which.setCurrentText("y")
    lens.view.invalidate()
    lens.refresh()
    assert not lens.shown()["value dead"][7]


def test_units_have_statistics_and_no_maps_and_a_row_can_be_chosen(qtbot: QtBot) -> None:
    lens = lens_at(qtbot, "digits", "fc1")
    assert not [k for k in lens.shown() if k.startswith("map")]
    assert lens.model.rowCount() == 128
    conv = lens_at(qtbot, "digits-conv", "conv1")
    conv.choose(4)
    assert conv.grid.chosen == 4 and conv.table.currentIndex().row() == 4
    theme.set("dark")
    assert not conv.grab().isNull()
    theme.set("light")
