"""The lens of derivatives against the engine's weights and formulas."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.ui.lenses.jacobian import Derivatives
from graphlab.ui.lenses.view import View
from graphlab.ui.session import Session


def lens_at(path: str, qtbot: QtBot) -> Derivatives:
    session = Session()
    loaded = open_example("digits")
    session.open_document(loaded.document, loaded.weights)
    lens = Derivatives(View(session, path))
    qtbot.addWidget(lens)
    lens.refresh()
    return lens


def test_the_jacobian_of_a_linear_layer_is_its_weights(qtbot: QtBot) -> None:
    lens = lens_at("fc1", qtbot)
    np.testing.assert_allclose(lens.shown()["derivatives"], lens.view.weights["fc1.W"].T, atol=1e-12)
    assert "128 rows" in lens.says.text()


def test_the_hessian_of_a_loss_says_its_curvature_and_that_of_a_layer_cannot_be(qtbot: QtBot) -> None:
    lens = lens_at("loss", qtbot)
    lens.by.setCurrentText("fc3.b")
    lens.kind.setCurrentIndex(1)
    lens.refresh()
    p = lens.view.evaluate(lens.view.feeds(1)).value("fc3")
    assert p is not None
    q = np.exp(p[0]) / np.exp(p[0]).sum()
    np.testing.assert_allclose(lens.shown()["derivatives"], np.diag(q) - np.outer(q, q), atol=1e-6)
    assert "κ" in lens.says.text()
    other = lens_at("fc1", qtbot)
    other.kind.setCurrentIndex(1)
    other.kind.activated.emit(1)
    assert "gives one number" in other.says.text()
