"""The activation lens against formulas of its own."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.op import Op
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.rectifiers import ELU, GELU, Step
from graphlab.ui.lenses.activation import Activation, curve
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.view import View
from graphlab.ui.session import Session


@pytest.mark.parametrize("op", [Sigmoid(), Tanh(), ReLU(), ELU(), GELU()])
def test_slopes_are_those_of_central_differences(op: Op) -> None:
    x = np.linspace(-5, 5, 101) + 0.003
    y, slope = curve(op, x)
    up, down = curve(op, x + 1e-6)[0], curve(op, x - 1e-6)[0]
    np.testing.assert_allclose(slope, (up - down) / 2e-6, atol=1e-8)
    np.testing.assert_array_equal(y, curve(op, x)[0])


def test_the_lens_shows_the_numbers_of_the_run_and_counts_dead_units(qtbot: QtBot) -> None:
    session = Session()
    loaded = open_example("digits")
    session.open_document(loaded.document, loaded.weights)
    view = View(session, "relu1")
    assert lenses_for(view)[0] is Activation
    lens = Activation(view)
    qtbot.addWidget(lens)
    lens.refresh()
    record = view.record()
    np.testing.assert_array_equal(lens.shown()["x"], record["x"].reshape(-1))
    np.testing.assert_array_equal(lens.shown()["y"], record["y"].reshape(-1))
    dead = (record["x"] <= 0).all(axis=0).sum()
    assert f"{dead} of {record['x'].shape[1]} units" in lens.says.text()


def test_a_step_says_why_it_cannot_train() -> None:
    assert not curve(Step(), np.linspace(-1, 1, 11))[1].any()
