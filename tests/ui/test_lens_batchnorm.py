"""The BatchNorm lens: its numbers against the engine, NumPy and central differences; its handles, trail and tries."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from graphlab.document.datasets import Digits
from graphlab.document.examples import open_example
from graphlab.document.model import Document
from graphlab.engine.graph import Graph, Net
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Array
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.shape import Flatten
from graphlab.engine.plan import compile
from graphlab.engine.setup import Setup
from graphlab.ui import theme
from graphlab.ui.lenses.batchnorm import PER_STAGE, STAGES, BatchNormLens
from graphlab.ui.lenses.batchnorm_channel import Channel, channel_of
from graphlab.ui.lenses.batchnorm_plots import rounded
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from graphlab.ui.training import Training


def pictures() -> Graph:
    """Digits through a convolution with BatchNorm over its channels."""
    net = Net()
    h = net.add("conv", Conv2D(filters=3, kernel=(3,), padding="same"), net.input("x", 1, 8, 8))
    h = net.add("relu", ReLU(), net.add("bn", BatchNorm(eps=0.01), h))
    scores = net.add("fc", Linear(features=10), net.add("flat", Flatten(), h))
    net.add("loss", SoftmaxCrossEntropy(), scores, net.input("y", kind="index"))
    return net.graph()


class Bench:
    """A lens panel on a network, with the BatchNorm lens on one node."""

    def __init__(self, qtbot: QtBot, path: str, graph: Graph | None = None) -> None:
        self.session = Session()
        self.training = Training(self.session)
        self.panel = LensPanel(self.session, self.training)
        # Undo commands must not be left to Python's garbage collector: it would end them in any order.
        qtbot.addWidget(self.panel, before_close_func=lambda _panel: self.session.undo_stack.clear())
        if graph is None:
            loaded = open_example("digits-batchnorm")
            self.session.open_document(loaded.document, loaded.weights)
        else:
            self.session.open_document(Document(graph, setup=Setup(data=Digits(), batch=16)))
        rng = np.random.default_rng(1)
        for name in ("gamma", "beta", "mean", "var"):  # as after some training
            key = f"{path}.{name}"
            self.session.weights = {**self.session.weights, key: rng.uniform(0.5, 2.0, self.session.weights[key].shape)}
        self.panel.resize(900, 520)
        self.panel.show()
        qtbot.waitExposed(self.panel)
        self.panel.look_at(path, BatchNormLens)

    @property
    def lens(self) -> BatchNormLens:
        lens = self.panel.lens
        assert isinstance(lens, BatchNormLens)
        return lens

    @property
    def channel(self) -> Channel:
        channel = self.lens.channel
        assert channel is not None
        return channel

    def settle(self) -> None:
        self.panel.refresh()

    def try_(self, label: str) -> None:
        next(t for t in self.lens.tries() if t.label == label).run()
        self.settle()


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench(qtbot, "bn1")


@pytest.fixture
def images(qtbot: QtBot) -> Bench:
    return Bench(qtbot, "bn", pictures())


def normalise(x: Array, gamma: Array, beta: Array, eps: float) -> Array:
    """BatchNorm as the paper writes it, over (B, C) or (B, C, H, W)."""
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mu = x.sum(axis=axes, keepdims=True) / (x.size / x.shape[1])
    var = ((x - mu) ** 2).sum(axis=axes, keepdims=True) / (x.size / x.shape[1])
    return np.asarray(gamma.reshape(shape) * (x - mu) / (var + eps) ** 0.5 + beta.reshape(shape))


@pytest.mark.parametrize(("path", "count"), [("bn1", 128), ("bn", 3)])
def test_what_is_shown_is_the_engines_and_follows_by_hand(qtbot: QtBot, path: str, count: int) -> None:
    bench = Bench(qtbot, path, pictures() if path == "bn" else None)
    lens = bench.lens
    assert lens.choice.maximum() == count - 1
    lens.choice.setValue(2)
    record = lens.view.record(batch=lens.batch.value(), training=True)
    shown = lens.shown()
    pick = np.moveaxis(record["x"], 1, 0)[2].ravel()
    np.testing.assert_array_equal(shown["x"], pick)
    op = record.op
    by_hand = np.moveaxis(normalise(record["x"], record["gamma"], record["beta"], op.eps), 1, 0)[2].ravel()
    np.testing.assert_allclose(shown["y"], by_hand, atol=1e-12)
    assert abs(shown["xhat"].mean()) < 1e-12
    assert bench.channel.m == pick.size == lens.batch.value() * (64 if path == "bn" else 1)
    np.testing.assert_array_equal(shown["dx"], np.moveaxis(record.gradients["x"], 1, 0)[2].ravel())


@pytest.mark.parametrize("path", ["bn1", "bn"])
def test_the_three_terms_add_up_to_the_engines_gradient(qtbot: QtBot, path: str) -> None:
    bench = Bench(qtbot, path, pictures() if path == "bn" else None)
    for index in range(3):
        bench.lens.choice.setValue(index)
        c = bench.channel
        assert c.dx.any()
        np.testing.assert_allclose(c.terms.sum(axis=0), c.dx, rtol=1e-9, atol=1e-15)
        # The textbook's line, written out.
        m, dxhat = c.m, c.gamma * c.dy
        line = (m * dxhat - dxhat.sum() - c.xhat * (dxhat * c.xhat).sum()) / (m * np.sqrt(c.variance + c.eps))
        np.testing.assert_allclose(c.terms.sum(axis=0), line, rtol=1e-12, atol=1e-18)
        assert np.ptp(c.terms[1]) == 0, "the second term is the same for every number"
        np.testing.assert_allclose(c.terms[2] * c.xhat[0], c.terms[2][0] * c.xhat, atol=1e-15)


def test_the_terms_follow_from_central_differences() -> None:
    """With L = Σ g·y, ∂L/∂x by the terms is what changing one x after the other gives."""
    rng = np.random.default_rng(2)
    x, g, gamma, beta = rng.standard_normal((9, 2)), rng.standard_normal((9, 2)), rng.uniform(1, 2, 2), np.ones(2)
    net = Net()
    net.add("bn", BatchNorm(eps=0.1), net.input("x", 2))
    session = Session()
    session.open_document(Document(net.graph()))
    weights = {**initial_weights(compile(net.graph())), "bn.gamma": gamma, "bn.beta": beta}
    run = View(session, "bn").evaluate({"x": x}, weights, training=True, seeds={("bn", "y"): g})
    c = channel_of(run.records["bn"], 1)
    h = 1e-5
    for i in range(9):
        up, down = x.copy(), x.copy()
        up[i, 1] += h
        down[i, 1] -= h
        slope = ((normalise(up, gamma, beta, 0.1) - normalise(down, gamma, beta, 0.1)) * g).sum() / (2 * h)
        assert c.terms[:, i].sum() == pytest.approx(slope, rel=1e-6, abs=1e-9)
    dxhat = gamma[1] * g[:, 1]
    np.testing.assert_allclose(c.sums, [dxhat.sum(), (dxhat * c.xhat).sum()])


def test_evaluation_uses_the_running_statistics(bench: Bench) -> None:
    lens = bench.lens
    lens.mode.setCurrentIndex(1)
    lens.mode.activated.emit(1)
    c, weights = bench.channel, bench.session.weights
    assert not c.training
    assert (c.mean, c.variance) == (weights["bn1.mean"][0], weights["bn1.var"][0])
    np.testing.assert_allclose(c.xhat, (c.x - c.mean) / np.sqrt(c.variance + c.eps))
    assert not c.terms[1:].any()
    np.testing.assert_allclose(c.terms[0], c.dx)
    assert abs(c.xhat.mean()) > 0.1, "with other statistics the mean is not 0"
    assert "constants" in lens.caption()
    lens.mode.setCurrentIndex(0)
    lens.mode.activated.emit(0)
    assert bench.channel.training


def test_the_batch_can_be_smaller_or_larger(bench: Bench) -> None:
    bench.lens.batch.setValue(8)
    assert bench.channel.m == 8
    assert bench.lens.size_.text() == "B = 8, m = 8"
    bench.try_("Batch of 256")
    assert bench.channel.m == 256


def test_histograms_hold_every_number(bench: Bench) -> None:
    lens = bench.lens
    for plot, values in ((lens.before, bench.channel.x), (lens.normalised, bench.channel.xhat),
                         (lens.after, bench.channel.y)):
        assert plot.counts.sum() == pytest.approx(100)
        (low, high), _ = plot.getPlotItem().viewRange()
        assert low <= values.min() <= values.max() <= high
        wanted, _ = np.histogram(values, plot.edges)
        np.testing.assert_allclose(plot.counts, wanted * 100 / values.size)
    assert lens.before.mean.value() == bench.channel.mean
    assert lens.before.other.value() == bench.session.weights["bn1.mean"][0]


def test_frames_lead_from_x_to_y_and_then_add_the_terms(bench: Bench) -> None:
    lens = bench.lens
    assert lens.frames == PER_STAGE * STAGES + 1
    c, seen = bench.channel, []
    for stage in range(STAGES + 1):
        lens.show_frame(stage / STAGES)
        seen.append(lens.caption().split(":")[0].split(" (")[0])
        if stage <= 2:
            np.testing.assert_allclose(lens.shown()["normalised now"], [c.x, c.x - c.mean, c.xhat][stage])
        if stage >= 5:
            total = lens.terms.total.getData()[1]
            np.testing.assert_allclose(total, c.terms[:stage - 4].sum(axis=0), atol=1e-18)
    assert seen == ["x", "x − μ", "xˆ =", "γxˆ", "y = γxˆ + β", "Backward, first term", "Second term",
                    "Third term"]
    np.testing.assert_allclose(c.stage(3.0), c.gamma * c.xhat)
    np.testing.assert_allclose(c.stage(4.0), c.y)
    np.testing.assert_allclose(c.stage(1.5), (c.x - c.mean) / c.deviation**0.5)
    x, y = lens.terms.second.getData()
    np.testing.assert_allclose(y, c.terms[1, 0])
    x, y = lens.terms.third.getData()
    np.testing.assert_allclose(np.interp(c.xhat, x, y), c.terms[2], atol=1e-15)


def test_dragging_a_handle_is_one_undoable_entry_and_the_output_follows(bench: Bench) -> None:
    lens, session = bench.lens, bench.session
    before = session.weights["bn1.beta"].copy()
    gamma = float(session.weights["bn1.gamma"][0])
    for at in (0.3, 0.6, 0.9):
        lens.after.beta.setValue(at)
        QApplication.processEvents()
    assert session.undo_stack.count() == 1
    bench.settle()
    assert bench.channel.beta == pytest.approx(0.9)
    assert lens.beta.value() == pytest.approx(0.9)
    assert lens.after.gamma.value() == pytest.approx(0.9 + gamma)
    np.testing.assert_allclose(bench.channel.y, gamma * bench.channel.xhat + 0.9)
    assert (session.weights["bn1.beta"][1:] == before[1:]).all()
    lens.after.gamma.setValue(3.4)
    bench.settle()
    assert bench.channel.gamma == pytest.approx(2.5)
    session.undo_stack.undo()
    session.undo_stack.undo()
    assert (session.weights["bn1.beta"] == before).all()
    assert session.weights["bn1.gamma"][0] == gamma


def test_the_fields_do_what_the_handles_do(bench: Bench) -> None:
    bench.lens.gamma.setValue(-1.5)
    bench.settle()
    assert bench.session.weights["bn1.gamma"][0] == -1.5
    np.testing.assert_allclose(bench.channel.y, -1.5 * bench.channel.xhat + bench.channel.beta)


def test_the_trail_follows_training(qtbot: QtBot, bench: Bench) -> None:
    lens, view = bench.lens, bench.lens.view
    bench.session.update_setup("Train longer", epochs=400)
    assert bench.training.start()
    qtbot.waitUntil(lambda: len(view.history("batch mean").updates) >= 3, timeout=8000)
    bench.training.stop()
    bench.settle()
    history = view.history("running mean")
    shown = lens.shown()
    np.testing.assert_array_equal(shown["running mean"], [v[0] for v in history.values])
    assert len(shown["batch variance"]) == len(history.updates) >= 3
    record = view.record(batch=lens.batch.value(), training=True)
    assert lens.followed()["batch mean"](view) == pytest.approx(record["mu_B"])
    assert lens.followed()["batch variance"](view) == pytest.approx(record["variance_B"])
    np.testing.assert_array_equal(lens.followed()["running mean"](view), bench.session.weights["bn1.mean"])


def test_a_history_begins_anew_with_the_training(bench: Bench) -> None:
    view = bench.lens.view
    for update in (10, 20, 5):
        view.follow(update, {"one": lambda _v: np.ones(1)})
    assert view.history("one").updates == [5]


def test_undoing_the_normalisation_gives_x_back(bench: Bench) -> None:
    bench.try_("Undo it: γ = √(σ² + ε), β = μ")
    np.testing.assert_allclose(bench.channel.y, bench.channel.x, atol=1e-12)
    assert bench.session.undo_stack.count() == 1
    bench.session.undo_stack.undo()
    bench.settle()
    assert abs(bench.channel.y - bench.channel.x).max() > 0.1
    bench.try_("γ = 1, β = 0")
    np.testing.assert_array_equal(bench.channel.y, bench.channel.xhat)


@pytest.mark.parametrize(("label", "shift", "scale"), [("Shift fc1 by 3", 3.0, 1.0), ("fc1 × 3", 0.0, 3.0)])
def test_what_comes_in_may_shift_and_scale(bench: Bench, label: str, shift: float, scale: float) -> None:
    x, y = bench.channel.x, bench.channel.y
    bench.try_(label)
    np.testing.assert_allclose(bench.channel.x, scale * x + shift)
    np.testing.assert_allclose(bench.channel.y, y, rtol=1e-3, atol=1e-3)
    bench.session.undo_stack.undo()
    bench.settle()
    np.testing.assert_array_equal(bench.channel.x, x)


def test_a_frozen_batchnorm_and_one_without_gradients(qtbot: QtBot) -> None:
    net = Net()
    net.add("bn", BatchNorm(), net.input("x", 3))
    bench = Bench(qtbot, "bn", net.graph())
    assert not bench.channel.dx.any()
    assert bench.lens.caption() == "Backward: no gradient has come back, so all three terms are 0."


def test_it_fits_a_narrow_and_a_wide_panel(bench: Bench) -> None:
    for width, columns in ((900, 3), (1500, 6), (738, 3)):
        bench.panel.resize(width, 600)
        QApplication.processEvents()
        assert bench.lens.width() <= width
        for i, plot in enumerate(bench.lens.plots):
            at = bench.lens.grid.itemAtPosition(i // columns, i % columns)
            assert at is not None
            assert at.widget() is plot


def test_ranges_have_round_ends() -> None:
    assert rounded(-0.93, 1.7) == (-1.5, 2.0)
    low, high = rounded(3.0, 3.0)
    assert low < 3.0 < high
    assert rounded(float("nan"), 1.0) == (-1.0, 1.0)


def test_colours_follow_the_theme(bench: Bench) -> None:
    try:
        theme.set("dark")
        assert bench.lens.terms.backgroundBrush().color() == theme.DARK.base
    finally:
        theme.set("system")
