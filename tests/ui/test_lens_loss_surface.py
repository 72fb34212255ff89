"""The loss surface: its points against the network itself, its path against the weights, PCA, and its cost."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.op import Array
from graphlab.engine.surface import flatten
from graphlab.ui import theme
from graphlab.ui.lenses.loss_surface import LossSurface
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from graphlab.ui.training import Training


@pytest.fixture
def panel(qtbot: QtBot) -> LensPanel:
    session = Session()
    loaded = open_example("moons")
    session.open_document(loaded.document, loaded.weights)
    panel = LensPanel(session, Training(session))
    qtbot.addWidget(panel)
    panel.resize(900, 480)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.look_at("", LossSurface)
    return panel


def of(panel: LensPanel) -> LossSurface:
    lens = panel.lens
    assert isinstance(lens, LossSurface)
    return lens


def test_every_point_is_the_loss_of_a_run_with_those_weights(panel: LensPanel) -> None:
    lens = of(panel)
    lens.fineness.setCurrentIndex(0)
    lens.rebuild()
    assert lens.busy
    lens.finish()
    assert not lens.busy
    shown, view = lens.shown(), lens.view
    assert shown["loss"].shape == (17, 17) and np.isfinite(shown["loss"]).all()
    (loss, factor), = lens.losses()
    for i, j in ((0, 0), (8, 8), (16, 3)):
        flat = shown["centre"] + shown["alpha"][i] * shown["directions"][0] + shown["beta"][j] * shown["directions"][1]
        weights: dict[str, Array] = dict(view.weights)
        at = 0
        for key in view.plan.trainable():
            n = weights[key].size
            weights[key] = flat[at:at + n].reshape(weights[key].shape)
            at += n
        value = view.evaluate(lens._feeds, weights, seeds={}).value(loss)
        assert value is not None
        assert shown["loss"][i, j] == pytest.approx(factor * float(value), rel=1e-12)


def test_the_path_is_followed_while_training_and_the_slice_can_be_laid_along_it(
    panel: LensPanel, qtbot: QtBot,
) -> None:
    lens = of(panel)
    lens.fineness.setCurrentIndex(0)
    lens.rebuild()
    lens.finish()
    assert panel.training is not None
    next(t for t in lens.tries() if t.label == "Train slowly").run()
    qtbot.waitUntil(lambda: len(lens.path()[0]) >= 4, timeout=20_000)
    panel.training.finish()
    qtbot.wait(100)
    keys = lens.view.plan.trainable()
    updates, path = lens.path()
    raw = lens.view.history("weights").values[2]
    moved = raw.astype(float) - lens.shown()["centre"]
    by_hand = np.linalg.lstsq(lens.shown()["directions"].T, moved, rcond=None)
    np.testing.assert_allclose(path[2, :2], by_hand[0], atol=1e-8)
    assert path[2, 2] == pytest.approx(float(np.sqrt(by_hand[1][0])), rel=1e-6)
    assert lens.frames == len(updates)
    lens.show_frame(0.0)
    assert len(lens.path_line.getData()[0]) == 1
    assert f"After update {updates[0]:,}" in lens.caption()
    next(t for t in lens.tries() if t.label == "Along the path").run()
    lens.finish()
    np.testing.assert_allclose(lens.shown()["directions"] @ lens.shown()["directions"].T, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(lens.shown()["centre"], flatten(lens.view.weights, keys))
    assert "of the path’s variation" in lens.says.text()
    lens.show_frame(1.0)
    assert "the loss there is" in lens.caption()
    theme.set("dark")
    assert not lens.grab().isNull()
    theme.set("light")


def test_without_a_path_random_directions_stay_and_the_reason_is_said(panel: LensPanel) -> None:
    lens = of(panel)
    before = lens.shown()["directions"]
    lens.kind.setCurrentIndex(1)
    lens.rebuild()
    lens.finish()
    assert "at least 3 points" in lens.says.text()
    np.testing.assert_array_equal(lens.shown()["directions"], before)
    lens.kind.setCurrentIndex(0)
    lens.seed.setValue(5)
    assert not np.allclose(lens.shown()["directions"], before)
