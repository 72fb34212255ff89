"""The training panel: its numbers, its curves, the decision boundary and the fit."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from graphlab.engine.progress import Progress, Scores
from graphlab.ui.main_window import MainWindow
from graphlab.ui.panels.training_map import GRID, answers, probabilities, question
from graphlab.ui.panels.training_plots import LossPlot, nice_ceiling
from graphlab.ui.training import MOST_POINTS, Curves
from tests.ui.window_kit import classifier


def progress(update: int, scored: int, loss: float = 1.0) -> Progress:
    return Progress(update, 10_000, 0, 1, {"train": loss}, Scores(loss, 0.5), None, scored, {"fc": loss}, 0.1, 1.0, 1.0,
                    {}, update)


def test_curves_keep_scores_once_and_stay_short() -> None:
    curves = Curves()
    for i in range(3 * MOST_POINTS):
        curves.add(progress(i, i - i % 10, 1 / (i + 1)))
    assert len(curves.updates) <= MOST_POINTS
    assert len(curves.updates) == len(curves.losses["train"]) == len(curves.norms["fc"])
    assert len(curves.scored) == len(set(curves.scored)) == len(curves.train_loss) == len(curves.validation_accuracy)
    assert curves.updates[0] == 0
    assert curves.updates == sorted(curves.updates)
    assert all(math.isnan(v) for v in curves.validation_loss)


def test_a_phase_that_begins_later_is_filled_up() -> None:
    curves = Curves()
    curves.add(progress(1, 1))
    curves.add(Progress(2, 9, 0, 1, {"other": 3.0}, None, None, 1, {}, 0.1, 1.0, 1.0, {}, 2))
    assert np.array_equal(curves.losses["other"], [math.nan, 3.0], equal_nan=True)
    assert np.array_equal(curves.losses["train"], [1.0, math.nan], equal_nan=True)


def test_ranges_grow_in_steps() -> None:
    assert [nice_ceiling(v) for v in (0.03, 0.2, 1.0, 1.1, 7.0, 0.0, math.inf)] == [0.05, 0.2, 1.0, 2.0, 10.0, 1.0, 1.0]


def test_the_range_holds_still_while_everything_fits(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    curves = Curves()
    curves.add(progress(60, 60, 0.9))
    plot.show_curves(curves)
    first = plot.getPlotItem().viewRange()
    curves.add(progress(90, 90, 0.4))
    plot.show_curves(curves)
    assert plot.getPlotItem().viewRange() == first == [[0.0, 100.0], [0.0, 1.0]]
    curves.add(progress(300, 300, 0.4))
    plot.show_curves(curves)
    assert plot.getPlotItem().viewRange()[0] == [0.0, 500.0]


def test_the_panel_draws_what_is_trained(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier(epochs=60))
    panel = window.training_panel
    window.show_dock("Training")
    panel.make_plots()
    window.actions_.trigger("train")
    qtbot.waitUntil(lambda: not window.training.active, timeout=30_000)
    assert panel.loss is not None and panel.accuracy is not None and panel.norms is not None and panel.map is not None
    assert set(panel.loss.lines) == {"batches", "training", "validation"}
    assert set(panel.norms.lines) == {"fc1", "fc2"}
    _, drawn = panel.accuracy.lines["training"].getData()
    assert drawn[-1] > 0.95
    assert panel.cells["epoch"].text() == "60 / 60"
    assert panel.cells["accuracy"].text().startswith("9") or panel.cells["accuracy"].text().startswith("100")
    assert not panel.map.isHidden()
    picture = panel.map.image.image
    assert picture.shape == (GRID, GRID, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10, "the two classes have regions of their own"


def test_the_boundary_is_what_the_network_says(window: MainWindow, qtbot: QtBot) -> None:
    window.session.open_document(classifier(epochs=100))
    window.actions_.trigger("train")
    qtbot.waitUntil(lambda: not window.training.active, timeout=30_000)
    asked = question(window.session)
    assert asked is not None and asked.dimensions == 2
    said = answers(window.session, asked, asked.points)
    assert said is not None
    right = (probabilities(said, asked.threshold).argmax(axis=1) == asked.labels).mean()
    assert right > 0.95


def test_regression_draws_a_curve_through_the_samples(window: MainWindow, qtbot: QtBot) -> None:
    window.files.open_example("regression")
    window.training_panel.make_plots()
    window.actions_.trigger("train")
    qtbot.waitUntil(lambda: not window.training.active, timeout=60_000)
    drawn = window.training_panel.map
    assert drawn is not None and drawn.asked is not None and drawn.asked.dimensions == 1
    drawn.redraw()
    x, y = drawn.curve.getData()
    inside = np.abs(x) < 0.9
    assert np.abs(y[inside] - np.sin(np.pi * x[inside])).max() < 0.35
    assert not drawn.image.isVisible()


def test_pictures_have_no_map(window: MainWindow) -> None:
    window.files.open_example("digits")
    assert question(window.session) is None


def test_probabilities_of_every_kind_of_output() -> None:
    assert np.allclose(probabilities(np.array([[0.2]]), 0.5), [[0.8, 0.2]])
    assert np.allclose(probabilities(np.array([[0.0]]), 0.0), [[0.5, 0.5]])
    assert np.allclose(probabilities(np.array([[0.3, 0.7]]), 0.5), [[0.3, 0.7]])
    assert np.allclose(probabilities(np.array([[1.0, 1.0], [1000.0, 0.0]]), 0.5), [[0.5, 0.5], [1.0, 0.0]])


def test_plots_follow_the_theme(window: MainWindow) -> None:
    window.training_panel.make_plots()
    window.actions_.trigger("dark")
    QApplication.processEvents()
    loss = window.training_panel.loss
    assert loss is not None
    assert loss.backgroundBrush().color().lightness() < 60
