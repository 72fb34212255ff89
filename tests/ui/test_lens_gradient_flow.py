"""The gradient-flow lens: what it draws against the engine and by hand, live weights, its wave, and what it tries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.op import Array, Op
from graphlab.engine.ops.activations import Sigmoid
from graphlab.ui import theme
from graphlab.ui.lenses.gradient_flow import GradientFlow
from graphlab.ui.lenses.gradient_flow_chart import factor_text
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from graphlab.ui.training import Training


class Bench:
    """A lens panel on an example, with the gradient-flow lens chosen."""

    def __init__(self, qtbot: QtBot, name: str) -> None:
        self.session = Session()
        self.training = Training(self.session)
        self.panel = LensPanel(self.session, self.training)
        # Undo commands must not be left to Python's garbage collector: it would end them in any order.
        qtbot.addWidget(self.panel, before_close_func=lambda _panel: self.session.undo_stack.clear())
        loaded = open_example(name)
        self.session.open_document(loaded.document, loaded.weights)
        self.panel.resize(900, 420)
        self.panel.show()
        qtbot.waitExposed(self.panel)
        self.panel.look_at("", GradientFlow)

    @property
    def lens(self) -> GradientFlow:
        lens = self.panel.lens
        assert isinstance(lens, GradientFlow)
        return lens

    def choose(self, quantity: str, along: str = "layers") -> None:
        box = self.lens.what
        box.setCurrentIndex(box.findData(quantity))
        box.activated.emit(box.currentIndex())
        self.lens.along.setCurrentIndex(max(0, self.lens.along.findData(along)))
        self.lens.along.activated.emit(self.lens.along.currentIndex())

    def tried(self, label: str) -> None:
        next(t for t in self.lens.tries() if t.label == label).run()


def size(a: Array | None) -> float:
    assert a is not None
    return float(np.sqrt(np.mean(np.square(a))))


@pytest.fixture
def digits(qtbot: QtBot) -> Bench:
    return Bench(qtbot, "digits")


def test_lines_are_the_engines_numbers_and_follow_by_hand(digits: Bench) -> None:
    lens, view = digits.lens, digits.lens.view
    feeds = view.feeds(32)
    assert lens.batch.value() == 32
    run = view.evaluate(feeds, training=True)
    shown = lens.shown()
    names = ("fc1", "fc2", "fc3")
    (chain,) = {k.rsplit(" ", 1)[0] for k in shown if k != "factor factor"}
    np.testing.assert_allclose(shown[f"{chain} gradient"], [size(run.gradient(n)) for n in names])
    np.testing.assert_allclose(shown[f"{chain} activation"], [size(run.value(n)) for n in ("relu1", "relu2", "fc3")])
    # By hand: NumPy alone, from weights and samples to ∂L/∂z of every layer.
    w = {k: np.asarray(v, float) for k, v in digits.session.weights.items()}
    x, labels = np.asarray(feeds["x"], float), feeds["y"]
    z1 = x @ w["fc1.W"] + w["fc1.b"]
    z2 = np.maximum(z1, 0) @ w["fc2.W"] + w["fc2.b"]
    z3 = np.maximum(z2, 0) @ w["fc3.W"] + w["fc3.b"]
    p = np.exp(z3 - z3.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    d3 = (p - np.eye(10)[labels]) / len(x)
    d2 = d3 @ w["fc3.W"].T * (z2 > 0)
    d1 = d2 @ w["fc2.W"].T * (z1 > 0)
    by_hand = [float(np.sqrt((d**2).mean())) for d in (d1, d2, d3)]
    np.testing.assert_allclose(shown[f"{chain} gradient"], by_hand, rtol=1e-6)
    np.testing.assert_allclose(shown["factor factor"], [by_hand[0] / by_hand[1], by_hand[1] / by_hand[2]], rtol=1e-6)


def test_the_points_are_where_the_logarithms_are(digits: Bench) -> None:
    chart = digits.lens.chart
    for i, s in enumerate(chart.series):
        x, y = chart._items[i][1].getData()
        np.testing.assert_allclose(y, np.log10(s.values))
        assert list(x) == [0, 1, 2]
        low, high = chart._items[i][0].getData()[1].reshape(-1, 2).T if s.quantity != "update" else (y, y)
        assert (low <= high).all()
    low, high = chart.plot.viewRange()[1]
    assert all(low <= np.log10(v) <= high for s in chart.series for v in s.values)


def test_the_wave_runs_forward_and_back(digits: Bench) -> None:
    lens, n = digits.lens, 3
    assert lens.frames == 2 * n + 2
    seen = []
    for frame in range(lens.frames):
        lens.show_frame(frame / (lens.frames - 1))
        counts = {}
        for s, (_, line, _points) in zip(lens.chart.series, lens.chart._items, strict=True):
            y = line.getData()[1]
            counts[s.quantity] = 0 if y is None else int(np.isfinite(y).sum())
        seen.append((counts["activation"], counts["gradient"], lens.chart.wave.isVisible()))
    assert seen == [(0, 0, False), (1, 0, True), (2, 0, True), (3, 0, True), (3, 1, True), (3, 2, True), (3, 3, True),
                    (3, 3, False)]
    lens.show_frame(4 / 7)
    assert lens.caption().startswith("Backward, layer 3 of 3. Root mean square of the gradient: ")
    assert lens.chart.wave.getRegion() == (1.5, 2.5)
    assert lens.chart.strip.first == 2
    lens.show_frame(1.0)
    assert lens.caption().startswith("From the last layer back to the first the gradient changes by: ×")
    one = {k: v.copy() for k, v in lens.shown().items()}
    lens.refresh()
    assert all((one[k] == v).all() for k, v in lens.shown().items()), "the same weights give the same picture"


def test_live_weights_are_followed(qtbot: QtBot, digits: Bench) -> None:
    before = digits.lens.shown()
    with qtbot.waitSignal(digits.training.progressed, timeout=5000):
        assert digits.training.start()
    qtbot.waitUntil(lambda: any((digits.lens.shown()[k] != v).any() for k, v in before.items()), timeout=5000)
    digits.training.stop()
    digits.panel.refresh()
    run = digits.lens.view.evaluate(digits.lens.view.feeds(32), training=True)
    (chain,) = {k.rsplit(" ", 1)[0] for k in before if k != "factor factor"}
    np.testing.assert_allclose(digits.lens.shown()[f"{chain} gradient"],
                               [size(run.gradient(n)) for n in ("fc1", "fc2", "fc3")])


def test_networks_side_by_side_have_a_line_each(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "deep-skips")
    shown = bench.lens.shown()
    assert set(shown) == {"plain gradient", "skip gradient", "plain factor", "skip factor"}
    assert shown["plain gradient"][0] < 1e-15 < 1e-4 < shown["skip gradient"][0]
    np.testing.assert_allclose(shown["plain factor"], shown["plain gradient"][:-1] / shown["plain gradient"][1:])
    assert "plain ×0.0" in bench.lens.caption()
    colours = {s.name: s.colour for s in bench.lens.chart.series}
    assert colours["plain"] != colours["skip"]


def test_zeros_are_drawn_at_the_bottom_and_named(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "deep-initialisation")
    chart = bench.lens.chart
    zeros = next(i for i, s in enumerate(chart.series) if s.name == "zeros")
    y = chart._items[zeros][1].getData()[1]
    axis = chart.plot.getAxis("left")
    assert (y[:-1] == axis.zero).all()
    assert axis.tickStrings([axis.zero, axis.zero + 1, 0.0], 1, 1)[0::2] == ["0", "1"]


def test_time_steps_of_recurrent_layers(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "rnn-lstm")
    lens = bench.lens
    assert lens.through_time
    shown = lens.shown()
    assert {k.removesuffix(" gradient") for k in shown if k.endswith("gradient")} == {"rnn · h", "lstm · h", "lstm · c"}
    # By hand: the plain RNN's gradient from its last step back, in NumPy alone.
    view = lens.view
    run = view.evaluate(view.feeds(lens.batch.value()), training=True, seeds={("rnn_loss", "y"): 1.0})
    states, U = run.records["rnn"]["seq"], run.records["rnn"]["U"]
    g = run.gradient("rnn", "h")
    assert g is not None
    by_hand = []
    for t in range(29, -1, -1):
        by_hand.append(float(np.sqrt((g**2).mean())))
        g = (g * (1 - states[:, t] ** 2)) @ U.T
    np.testing.assert_allclose(shown["rnn · h gradient"], by_hand[::-1])
    assert lens.frames == 62
    bench.choose("gradient", "layers")
    assert not lens.through_time
    assert set(lens.shown()) == {"rnn_loss gradient", "lstm_loss gradient", "rnn_loss factor", "lstm_loss factor"}


def test_the_doctor_leads_to_the_node(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "deep-skips")
    doctor = bench.lens.doctor
    assert "vanishes on its way back" in doctor.item(0).text()
    doctor.setCurrentRow(0)
    QTest.keyClick(doctor, Qt.Key.Key_Return)
    assert bench.session.scope == "plain"
    assert bench.session.selection == ("plain/p_fc1",)


def kinds(bench: Bench, block: str) -> list[Op]:
    graph = bench.session.document.scope(block)
    assert graph is not None
    return [n.op for n in graph.nodes.values()]


CHECKS: dict[tuple[str, str], Callable[[Bench], bool]] = {
    ("deep-activations", "He weights"): lambda b: all(
        op.values().get("init", "he") == "he" for op in kinds(b, "sigmoid")),
    ("deep-activations", "All weights zero"): lambda b: all(not v.any() for v in b.session.weights.values()),
    ("deep-activations", "ReLU everywhere"): lambda b: not any(isinstance(op, Sigmoid) for op in kinds(b, "sigmoid")),
    ("deep-skips", "Without skips"): lambda b: b.lens.shown()["skip gradient"][0] < 1e-15,
}


@pytest.mark.parametrize(("name", "label"), CHECKS)
def test_everything_to_try_works_and_is_undone(qtbot: QtBot, name: str, label: str) -> None:
    bench = Bench(qtbot, name)
    session, before = bench.session, bench.session.document
    weights, shown = session.weights, bench.lens.shown()
    bench.tried(label)
    assert session.undo_stack.count() == 1
    assert CHECKS[name, label](bench)
    session.undo_stack.undo()
    assert session.document == before
    assert all((session.weights[k] == v).all() for k, v in weights.items())
    assert all((bench.lens.shown()[k] == v).all() for k, v in shown.items())


def test_skips_come_back(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "deep-skips")
    bench.tried("Without skips")
    bench.tried("Skips on again")
    assert bench.lens.shown()["skip gradient"][0] > 1e-4


def test_more_samples_are_measured_when_asked_for(digits: Bench) -> None:
    few = digits.lens.shown()
    digits.lens.batch.setValue(256)
    assert any((digits.lens.shown()[k] != v).any() for k, v in few.items())


def test_a_point_leads_to_its_layer(digits: Bench) -> None:
    chart = digits.lens.chart
    points = chart._items[1][2].points()
    assert points[1].data()[0].startswith("fc2: gradient ∂L/∂y ")
    chart._clicked(None, points[1:2])
    assert digits.session.selection == ("fc2",)


def test_colours_follow_the_theme(digits: Bench) -> None:
    try:
        theme.set("dark")
        assert digits.lens.chart.backgroundBrush().color() == theme.DARK.base
        theme.set("light")
        assert digits.lens.chart.backgroundBrush().color() == theme.LIGHT.base
    finally:
        theme.set("system")


def test_factors_are_written_in_a_few_characters() -> None:
    assert [factor_text(v) for v in (0.0, 0.25, 0.999, 3.14, 42.0, 3e-5, 2e4)] == [
        "0", "0.25", "1.00", "3.1", "42", "10⁻⁵", "10⁴"]
