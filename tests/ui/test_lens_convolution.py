"""The sliding window: what it draws against the engine and by hand, its frames, and what it tries."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.op import Array
from graphlab.engine.ops.convolution import Conv1D
from graphlab.engine.ops.pooling import MaxPool
from graphlab.engine.record import Mode, Record
from graphlab.engine.sliding import Sliding
from graphlab.engine.spec import Batch, Spec
from graphlab.ui import theme
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.convolution import Convolution
from graphlab.ui.lenses.convolution_board import ConvolutionBoard, Scene
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session


def session_of(name: str) -> Session:
    session = Session()
    loaded = open_example(name)
    session.open_document(loaded.document, loaded.weights)
    return session


def lens_at(qtbot: QtBot, name: str, path: str) -> Convolution:
    view = View(session_of(name), path)
    assert lenses_for(view)[0] is Convolution
    lens = Convolution(view)
    qtbot.addWidget(lens)
    lens.resize(900, 240)
    lens.refresh()
    lens.show_frame(1.0)
    return lens


def test_every_frame_is_one_pixel_that_the_engine_computed(qtbot: QtBot) -> None:
    lens = lens_at(qtbot, "digits-conv", "conv2")
    lens.filter.setValue(3)
    lens.sample.setValue(1)
    record = lens.view.record()
    y, W, b = record["y"][1, 3], record["W"][3], record["b"][3]
    assert lens.frames == y.size
    for frame in (0, 1, y.size // 2, y.size - 1):
        lens.show_frame(frame / (lens.frames - 1))
        at = np.unravel_index(frame, y.shape)
        shown = lens.shown()
        assert float(shown["value"]) == y[at]
        assert float(shown["sums"].sum() + b) == pytest.approx(float(y[at]))
        np.testing.assert_array_equal(shown["kernel"], W[lens.channel.value()])
        np.testing.assert_allclose(shown["products"], shown["kernel"] * np.where(
            np.isfinite(shown["patch"]), shown["patch"], 0))
        so_far = shown["output"].reshape(-1)
        np.testing.assert_array_equal(so_far[:frame + 1], y.reshape(-1)[:frame + 1])
        assert np.isnan(so_far[frame + 1:]).all()


def test_products_one_by_one_run_through_the_inner_loops_to_the_same_sum(qtbot: QtBot) -> None:
    lens = lens_at(qtbot, "digits-conv", "conv2")
    lens.go_to(4)
    place = lens.scene()
    assert place is not None
    lens.kind.setCurrentIndex(1)
    lens.kind.activated.emit(1)
    assert lens.frames == place.place.products.size
    sums = []
    for frame in range(lens.frames):
        lens.show_frame(frame / (lens.frames - 1))
        sums.append(float(lens.shown()["running"]))
    np.testing.assert_allclose(sums, np.cumsum(place.place.products.reshape(-1)))
    assert "f_i = " in lens.caption()
    assert lens.channel.value() == place.place.products.shape[0] - 1


def test_a_pool_names_its_maximum_and_a_click_goes_to_a_pixel(qtbot: QtBot) -> None:
    session = session_of("digits-conv")
    panel = LensPanel(session)
    qtbot.addWidget(panel)
    panel.resize(900, 420)
    with qtbot.waitExposed(panel):
        panel.show()
    path = next(s.path for s in session.plan.steps if s.op.category == "Pooling")
    panel.look_at(path)
    lens = panel.lens
    assert isinstance(lens, Convolution)
    board = lens.board
    qtbot.wait(20)  # until the layout has settled
    board.grab()
    target = board.cell("output", 0, 1).center()
    QTest.mouseClick(board, Qt.MouseButton.LeftButton, pos=QPointF(target).toPoint())
    assert lens.number == 1
    assert panel.slider.value() == 1
    value = float(lens.view.record()["y"][0, 0, 0, 1])
    assert lens.shown()["patch"].max() == value == float(lens.shown()["value"])
    assert "the gradient goes to it alone" in panel.caption.text()
    theme.set("dark")
    assert not board.grab().isNull()
    theme.set("light")


def test_what_it_tries_changes_the_network_and_is_undone(qtbot: QtBot) -> None:
    session = session_of("digits-conv")
    lens = Convolution(View(session, "conv1"))
    qtbot.addWidget(lens)
    lens.refresh()
    for label in [t.label for t in lens.tries()]:
        before, weights = session.document, session.weights
        next(t for t in lens.tries() if t.label == label).run()
        assert session.document is not before or session.weights is not weights
        lens.view.invalidate()
        lens.refresh()
        lens.show_frame(1.0)
        assert float(lens.shown()["value"]) == lens.view.record()["y"][0, 0, -1, -1]
        session.undo_stack.undo()
        assert session.document.graph.nodes["conv1"].op == before.graph.nodes["conv1"].op
        lens.view.invalidate()
        lens.refresh()


def test_it_follows_weights_that_are_being_trained(qtbot: QtBot) -> None:
    lens = lens_at(qtbot, "digits-conv", "conv1")
    W = lens.view.weights["conv1.W"] * 2
    lens.view.session.show_live({"conv1.W": W})
    lens.view.invalidate()
    lens.refresh()
    lens.show_frame(1.0)
    np.testing.assert_array_equal(lens.shown()["kernel"], W[0, 0])


def test_a_sequence_is_drawn_as_one_row_and_a_padded_maximum_leaves_padding_out(qtbot: QtBot) -> None:
    board = ConvolutionBoard()
    qtbot.addWidget(board)
    board.resize(900, 220)
    g = np.random.default_rng(0)
    conv = Conv1D(filters=2, padding="same")
    pool = MaxPool(kernel=(3,), stride=(2,), padding="half")
    for op, shape in ((conv, (1, 3, 9)), (pool, (1, 2, 7, 7))):
        inputs: dict[str, Array] = {"x": g.standard_normal(shape)}
        inputs |= {k: g.standard_normal(w.shape) for k, w in op.weights(Spec((Batch(), *shape[1:]))).items()}
        record = Record(op, "op", inputs, Mode())
        record.outputs["y"] = np.asarray(op.forward(record, *inputs.values()))
        sliding = Sliding(record, 0, 1)
        place = sliding.place(sliding.at(0))
        board.set_scene(Scene(sliding, place, 0, 0, place.products.size))
        assert not board.grab().isNull()
        shown = board.boxes["patch"][1]
        assert shown.shape == ((1, 3) if op is conv else (3, 3))
        # The padding before the first pixel: 0 for a filter, −∞ for a maximum.
        assert shown[0, 0] == (0.0 if op is conv else -np.inf)
        for name in ("input", "patch", "kernel", "products", "output"):
            box = board.boxes[name][0]
            assert box.left() >= 0 and box.right() <= board.width() and box.bottom() <= board.height()
