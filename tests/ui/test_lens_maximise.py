"""Activation maximisation in the window: frames are steps of the formula, and tries change what is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.ui import theme
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.maximise import Maximise
from graphlab.ui.lenses.view import View
from graphlab.ui.session import Session


@pytest.fixture
def lens(qtbot: QtBot) -> Maximise:
    session = Session()
    loaded = open_example("digits")
    session.open_document(loaded.document, loaded.weights)
    view = View(session, "fc3")
    assert Maximise in lenses_for(view)
    assert Maximise not in lenses_for(View(session, "loss"))
    lens = Maximise(view)
    qtbot.addWidget(lens)
    lens.resize(900, 300)
    lens.refresh()
    return lens


def test_each_frame_is_a_step_up_the_gradient_of_the_unit(lens: Maximise) -> None:
    lens.rule.setCurrentIndex(0)
    lens.rule.activated.emit(0)
    lens.unit.setValue(3)
    lens.show_frame(0.0)
    x = lens.shown()["input"]
    path = next(s.path for s in lens.view.plan.inputs if s.path == lens.source.currentText())
    seed = np.zeros((1, 10))
    seed[0, 3] = 1
    run = lens.view.evaluate({**lens.view.feeds(1), path: x}, seeds={("fc3", "y"): seed})
    slope, value = run.gradient(path), run.value("fc3")
    assert slope is not None and value is not None
    assert lens.shown()["activations"][0] == pytest.approx(float(value[0, 3]))
    lens.show_frame(1 / (lens.frames - 1))
    np.testing.assert_allclose(lens.shown()["input"], x + lens.rate.value() * slope)
    assert lens.shown()["activations"][-1] > lens.shown()["activations"][0]
    assert "Step 1: the activation of unit 3" in lens.caption()


def test_tries_take_other_noise_and_another_unit(lens: Maximise) -> None:
    lens.show_frame(0.0)
    before = lens.shown()
    next(t for t in lens.tries() if t.label == "Other noise").run()
    assert not np.allclose(lens.shown()["input"], before["input"])
    next(t for t in lens.tries() if t.label == "Next unit").run()
    assert "unit 1" in lens.caption()
    theme.set("dark")
    assert not lens.grab().isNull()
    theme.set("light")
