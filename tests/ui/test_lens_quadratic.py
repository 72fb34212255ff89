"""The quadratic playground: contour lines, paths by hand, divergence in words, frames and tries."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.ui import theme
from graphlab.ui.lenses.quadratic import QuadraticLens
from graphlab.ui.lenses.surface_plot import contour, refine, shade
from graphlab.ui.lenses.view import View
from graphlab.ui.session import Session


@pytest.fixture
def lens(qtbot: QtBot) -> QuadraticLens:
    session = Session()
    loaded = open_example("xor")
    session.open_document(loaded.document, loaded.weights)
    lens = QuadraticLens(View(session))
    qtbot.addWidget(lens)
    lens.resize(900, 400)
    lens.refresh()
    lens.show_frame(1.0)
    return lens


def test_contour_lines_lie_where_the_height_is_theirs() -> None:
    x, y = np.linspace(-2, 2, 81), np.linspace(-1, 3, 81)
    px, py = contour(x[:, None] ** 2 + y[None, :] ** 2, 1.0, x, y)
    good = np.isfinite(px)
    assert good.sum() > 50
    np.testing.assert_allclose(px[good] ** 2 + py[good] ** 2, 1.0, atol=0.01)


def test_shades_rise_with_the_height_and_a_finer_grid_keeps_its_corners() -> None:
    values = np.array([[0.0, 1.0], [4.0, np.nan]])
    shades = shade(values)
    assert shades[0, 0] == 0 and 0 < shades[0, 1] < shades[1, 0] == 1 and np.isnan(shades[1, 1])
    plane = np.add.outer(np.arange(4.0), 2 * np.arange(4.0))
    np.testing.assert_allclose(refine(plane, 7), np.add.outer(np.arange(0, 3.1, 0.5), np.arange(0, 6.1, 1.0)))


def test_paths_follow_the_formulas_frame_by_frame(lens: QuadraticLens) -> None:
    x, y = lens.start
    for frame in (0, 1, 5):
        lens.show_frame(frame / (lens.frames - 1))
        shown = lens.shown()
        assert len(shown["SGD"]) == frame + 1
        # Along the axes each step multiplies by 1 − ηλ.
        np.testing.assert_allclose(shown["SGD"][-1], [x * (1 - 0.08 * 1) ** frame, y * (1 - 0.08 * 10) ** frame])
        drawn = lens.lines["SGD"].getData()
        np.testing.assert_allclose(np.stack(drawn, axis=1), shown["SGD"])
    np.testing.assert_allclose(shown["Newton"][1], 0, atol=1e-12)
    np.testing.assert_array_equal(shown["hessian"], [[1, 0], [0, 10]])
    assert "κ = 10" in lens.says.text() and "converges" in lens.says.text()


def test_momentum_a_and_b_coincide_at_a_constant_rate(lens: QuadraticLens) -> None:
    lens.boxes["Momentum B"].setChecked(True)
    lens.show_frame(1.0)
    np.testing.assert_allclose(lens.shown()["Momentum A"], lens.shown()["Momentum B"], atol=1e-9)


def test_tries_change_the_surface_and_a_large_rate_diverges_in_words(lens: QuadraticLens) -> None:
    for label, word in (("Saddle", "saddle"), ("Tilted valley", "κ = 9"), ("Round bowl", "κ = 1")):
        next(t for t in lens.tries() if t.label == label).run()
        assert word in lens.says.text()
    next(t for t in lens.tries() if t.label == "Too large an η").run()
    assert "diverges" in lens.says.text()
    lens.steps.setValue(400)
    lens.show_frame(1.0)
    assert "SGD has diverged" in lens.caption()
    next(t for t in lens.tries() if t.label == "Best η").run()
    lens.show_frame(1.0)
    np.testing.assert_allclose(lens.shown()["SGD"][-1], 0, atol=1e-6)
    theme.set("dark")
    assert not lens.grab().isNull()
    theme.set("light")
