"""Gradient flow and its doctor: against closed forms, against a real update, and one network for every finding."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from graphlab.engine.anatomy import anatomy
from graphlab.engine.data import Column, Table
from graphlab.engine.doctor import Finding, examine, said
from graphlab.engine.flow import Survey, change, rms, survey
from graphlab.engine.graph import Graph, Input, Net, Node, Output, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.loop import Block, TimeStep
from graphlab.engine.op import Array, Op
from graphlab.engine.ops.activations import Identity, ReLU, Sigmoid, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.engine.ops.maths import Add, Log
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.recurrent import LSTM, RNN
from graphlab.engine.optim import SGD, Adam, Optimiser
from graphlab.engine.plan import compile
from graphlab.engine.record import Mode
from graphlab.engine.regularise import L2, WeightDecay
from graphlab.engine.run import execute
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.train import Trainer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((16, 6))


def mlp(depth: int, activation: Op, init: str = "xavier", width: int = 6) -> Graph:
    """x → depth × (Linear, activation) → Linear → MSE with y."""
    net = Net()
    h = net.input("x", 6)
    for i in range(1, depth + 1):
        h = net.add(f"act{i}", activation, net.add(f"fc{i}", Linear(features=width, init=init), h))
    net.add("loss", MSE(), net.add("out", Linear(features=1, init="xavier"), h), net.input("y", 1))
    return net.graph()


def look(
    graph: Graph, weights: Mapping[str, Array] | None = None, setup: Setup | None = None, x: Array = X, **feeds: Array,
) -> Survey:
    plan = compile(graph)
    assert plan.problems == ()
    w = {**initial_weights(plan, 1), **(weights or {})}
    given: dict[str, Array] = {"x": x, "y": np.ones((len(x), 1)), **feeds}
    given = {s.path: given[s.path] for s in plan.inputs}
    return survey(anatomy(plan), setup or Setup(), lambda losses: execute(
        plan, w, given, Mode(training=True), seeds={(p, "y"): c for p, c in losses.items()}))


def kinds(found: tuple[Finding, ...]) -> set[str]:
    return {f.kind for f in found}


def the(found: tuple[Finding, ...], kind: str) -> Finding:
    (one,) = [f for f in found if f.kind == kind]
    return one


def test_the_root_mean_square_survives_the_smallest_numbers() -> None:
    assert rms(np.array([3.0, -4.0])) == pytest.approx(np.sqrt(12.5))
    assert rms(np.array([3e-200, -4e-200])) == pytest.approx(np.sqrt(12.5) * 1e-200, rel=1e-12)
    assert rms(np.zeros(3)) == 0
    assert np.isnan(rms(None))
    assert change(8.0, 1.0, 3) == pytest.approx(2.0)
    assert change(0.0, 1.0, 3) == 0
    assert np.isnan(change(1.0, 0.0, 3))


@pytest.mark.parametrize("c", [0.1, 1.0, 4.0])
def test_factors_of_scaled_rotations_are_exact(c: float) -> None:
    """A linear layer with W = c·Q, Q orthogonal, multiplies the size of signal and gradient by c."""
    weights = {f"fc{i}.W": c * np.linalg.qr(RNG.standard_normal((6, 6)))[0] for i in range(1, 9)}
    found = look(mlp(8, Identity(), "normal"), weights)
    layers = found.layers
    assert [layer.path for layer in layers] == [*(f"fc{i}" for i in range(1, 9)), "out"]
    assert [layer.next for layer in layers] == [*(f"fc{i}" for i in range(2, 9)), "out", ""]
    for layer in layers[:-2]:
        assert layer.factor == pytest.approx(c, rel=1e-12)
    for a, b in pairwise(layers[:-1]):
        assert b.activation.rms / a.activation.rms == pytest.approx(c, rel=1e-12)
    said_of = examine(found)
    assert ("vanishing" in kinds(said_of)) == (c < 1)
    assert ("exploding" in kinds(said_of)) == (c > 1)
    assert ("signals fade" in kinds(said_of)) == (c < 1)
    assert ("signals grow" in kinds(said_of)) == (c > 1)
    if c == 0.1:
        share = layers[0].gradient.rms / layers[-1].gradient.rms
        finding = the(said_of, "vanishing")
        assert finding.value == pytest.approx(share ** (1 / 8))
        assert finding.path == "fc1"
        assert f"{finding.value:.3g} per layer over 9 layers" in finding.message


def test_what_is_measured_is_in_the_run() -> None:
    found = look(mlp(3, Tanh()))
    (run,) = found.runs
    for layer in found.layers:
        gradient = run.gradient(layer.path)
        assert gradient is not None
        assert layer.gradient.rms == pytest.approx(np.sqrt(np.mean(gradient**2)))
        assert layer.gradient.low <= layer.gradient.high == np.quantile(np.abs(gradient), 0.9)
        assert layer.weight == pytest.approx(np.sqrt(np.mean(run.weights[f"{layer.path}.W"] ** 2)))
        after = run.value(layer.path.replace("fc", "act"))
        assert after is not None
        assert layer.activation.rms == pytest.approx(np.sqrt(np.mean(after**2)))


@pytest.mark.parametrize("optimiser", [SGD(rate=0.3), Adam(rate=0.01)])
@pytest.mark.parametrize("more", [{}, {"clip": 0.05}, {"penalty": L2(strength=0.3)},
                                  {"penalty": WeightDecay(strength=0.3)}])
def test_the_update_is_what_training_does(optimiser: Optimiser, more: dict[str, Any]) -> None:
    """One real update of the trainer, from the same weights on the same samples, moves the weights as far."""
    plan = compile(mlp(2, Tanh()))
    table = Table({"x": Column(X), "y": Column(np.ones((16, 1)), target=True)})
    setup = Setup(phases=(Phase(optimiser=optimiser),), batch=16, **more)
    setup = setup.replace(split=setup.split.replace(validation=0.0))
    weights = initial_weights(plan, 3)
    found = survey(anatomy(plan), setup, lambda losses: execute(
        plan, weights, {"x": X, "y": np.ones((16, 1))}, Mode(training=True),
        seeds={(p, "y"): c for p, c in losses.items()}))
    trainer = Trainer(plan, weights, table, setup)
    before = trainer.progress().weights
    trainer.update()
    after = trainer.progress().weights
    for layer in found.layers:
        key = f"{layer.path}.W"
        moved = np.sqrt(np.mean((after[key] - before[key]) ** 2))
        assert layer.update == pytest.approx(moved, rel=2e-3)
        assert layer.ratio == pytest.approx(moved / np.sqrt(np.mean(weights[key] ** 2)), rel=2e-3)


def test_gradients_through_time_follow_the_powers_of_the_matrix() -> None:
    """h_t = x_t W + h_{t−1} U with U = u·Q: the gradient at step t is u^(T−1−t) of that at the last."""
    net = Net()
    state = net.add("rnn", RNN(units=4, activation="linear"), net.input("x", 12, 3))
    net.add("loss", MSE(), net.add("out", Linear(features=1, init="xavier"), Source(state.node, "h")),
            net.input("y", 1))
    turn = np.linalg.qr(RNG.standard_normal((4, 4)))[0]
    sequences = RNG.standard_normal((8, 12, 3))
    found = look(net.graph(), {"rnn.U": 0.4 * turn}, x=sequences)
    (passage,) = found.passages
    g = np.array(passage.gradients)
    np.testing.assert_allclose(g[:-1] / g[1:], 0.4, rtol=1e-10)
    assert passage.factor == pytest.approx(0.4)
    seq = found.runs[0].value("rnn", "seq")
    assert seq is not None
    np.testing.assert_allclose(passage.values, np.sqrt((seq**2).mean(axis=(0, 2))))
    finding = the(examine(found), "vanishing through time")
    assert (finding.path, finding.level) == ("rnn", "problem")
    assert "12 steps" in finding.message
    assert "0.4 per step" in finding.message
    grown = examine(look(net.graph(), {"rnn.U": 2.5 * turn}, x=sequences))
    assert "exploding through time" in kinds(grown)


def test_an_lstm_is_judged_by_its_cell_state_and_read_in_its_own_direction() -> None:
    net = Net()
    state = net.add("lstm", LSTM(units=3, reverse=True), net.input("x", 9, 2))
    net.add("loss", MSE(), net.add("out", Linear(features=1, init="xavier"), Source(state.node, "h")),
            net.input("y", 1))
    bias = np.repeat([0.0, -4.0, 0.0, 0.0], 3)  # the forget gate is closed: 1/(1 + e⁴) = 0.018
    found = look(net.graph(), {"lstm.b": bias}, x=RNG.standard_normal((8, 9, 2)))
    assert [p.state for p in found.passages] == ["h", "c"]
    cell = found.passages[1]
    assert cell.ends == (cell.gradients[-1], cell.gradients[0])
    finding = the(examine(found), "vanishing through time")
    assert "state c of ‘lstm’" in finding.message
    assert finding.value == pytest.approx(cell.factor)


def test_dead_rectifiers_are_counted() -> None:
    bias = np.array([-99.0, -99.0, -99.0, -99.0, 5.0, 5.0])
    finding = the(examine(look(mlp(1, ReLU()), {"fc1.b": bias})), "dead")
    assert (finding.path, finding.level) == ("act1", "problem")
    assert finding.value == pytest.approx(4 / 6)
    assert "4 of 6 units of ‘act1’ (67%) are 0 for all 16 samples" in finding.message
    assert "dead" not in kinds(examine(look(mlp(1, ReLU()), {"fc1.b": np.full(6, 9.0)})))


@pytest.mark.parametrize("activation", [Sigmoid(), Tanh()])
def test_saturation_is_a_share_of_the_outputs(activation: Op) -> None:
    weights = {"fc1.W": 40 * RNG.standard_normal((6, 6))}
    found = look(mlp(1, activation), weights)
    y = found.runs[0].value("act1")
    assert y is not None
    slope = 4 * y * (1 - y) if isinstance(activation, Sigmoid) else 1 - y * y
    finding = the(examine(found), "saturated")
    assert finding.value == np.mean(slope < 0.05)
    assert f"{np.mean(slope < 0.05):.0%} of the outputs of ‘act1’" in finding.message
    assert "saturated" not in kinds(examine(look(mlp(1, activation))))


def test_the_answer_itself_may_become_certain() -> None:
    net = Net()
    p = net.add("answer", Sigmoid(), net.add("fc", Linear(features=1), net.input("x", 6)))
    net.add("loss", MSE(), p, net.input("y", 1))
    assert "saturated" not in kinds(examine(look(net.graph(), {"fc.W": np.full((6, 1), 90.0)})))


def test_equal_units_stay_equal_and_random_ones_do_not() -> None:
    same = {"fc1.W": np.repeat(RNG.standard_normal((6, 1)), 6, axis=1), "fc2.W": np.full((6, 6), 0.3),
            "out.W": np.full((6, 1), 0.5)}
    found = examine(look(mlp(2, Tanh()), same))
    finding = the(found, "symmetric")
    assert finding.value == 6
    assert finding.message.startswith("All 6 units of ‘fc1’")
    assert finding.message.endswith("One other layer is like this.")
    assert "symmetric" not in kinds(examine(look(mlp(2, Tanh()))))
    # Behind random weights equal units receive different gradients, and soon differ.
    assert "symmetric" not in kinds(examine(look(mlp(1, Tanh()), {"fc1.W": same["fc1.W"]})))
    pair = {"fc1.W": np.concatenate([same["fc1.W"][:, :2], RNG.standard_normal((6, 4))], axis=1),
            "out.W": np.array([[0.5], [0.5], [0.1], [0.2], [0.3], [0.4]])}
    assert "2 of the 6 units of ‘fc1’" in the(examine(look(mlp(1, Tanh()), pair)), "symmetric").message


def test_zero_weights_stop_the_gradient_and_are_named() -> None:
    weights = {"fc3.W": np.zeros((6, 6))}
    finding = the(examine(look(mlp(3, Tanh()), weights)), "no gradient")
    assert finding.path == "fc2"
    assert "‘fc2’ and the layer before it is exactly 0" in finding.message
    assert "all weights of ‘fc3’ are 0" in finding.message


def test_not_a_number_is_followed_to_its_node() -> None:
    net = Net()
    h = net.add("log", Log(), net.add("fc", Linear(features=3), net.input("x", 6)))
    net.add("loss", MSE(), net.add("out", Linear(features=1), h), net.input("y", 1))
    found = examine(look(net.graph()))
    assert kinds(found) == {"not finite"}
    assert found[0].path == "log"
    assert "the output y of Log ‘log’ became NaN" in found[0].message


def test_updates_that_are_too_large_or_too_small() -> None:
    def at(rate: float) -> tuple[Finding, ...]:
        return examine(look(mlp(2, Tanh()), setup=Setup(phases=(Phase(optimiser=SGD(rate=rate)),))))
    assert "rash update" in kinds(at(1e3))
    assert "idle update" in kinds(at(1e-9))
    assert not {"rash update", "idle update"} & kinds(at(1e-2))


def test_a_sound_network_gets_a_good_word() -> None:
    (finding,) = examine(look(mlp(3, Tanh())))
    assert (finding.kind, finding.level) == ("fine", "good")
    assert "over 4 layers" in finding.message


def test_without_a_loss_that_is_said() -> None:
    net = Net()
    net.add("out", Linear(features=1), net.input("x", 6))
    (finding,) = examine(look(net.graph()))
    assert finding.kind == "no loss"


def twins() -> Graph:
    """Two networks in blocks on the same data, and a target that is made of the data."""
    net = Net()
    x = net.input("x", 5, 6)
    target = net.add("target", TimeStep(t=0), x)
    for name in ("a", "b"):
        inner = Net()
        h = inner.add(f"{name}_in", Input(size=(5, 6)))
        h = inner.add(f"{name}_act", Tanh(), inner.add(f"{name}_fc", Linear(features=4), h))
        h = inner.add(f"{name}_last", TimeStep(t=4), inner.add(f"{name}_fc2", Linear(features=6), h))
        inner.add(f"{name}_out", Output(), h)
        block = net.node(Node(name, Block(graph=inner.graph()), label=f"net {name.upper()}"), x)
        net.add(f"{name}_loss", MSE(), Source(block.node, f"{name}_out"), target)
    return net.graph()


def test_parts_that_share_only_data_are_told_apart() -> None:
    phases = tuple(Phase(name=n, losses=((f"{n}_loss", 1.0),), train=(n,), optimiser=SGD(rate=r))
                   for n, r in (("a", 0.1), ("b", 0.2)))
    found = look(twins(), setup=Setup(phases=phases), x=RNG.standard_normal((16, 5, 6)))
    assert {name: [layer.path for layer in layers] for name, layers in found.chains.items()} == {
        "net A": ["a/a_fc", "a/a_fc2"], "net B": ["b/b_fc", "b/b_fc2"]}
    assert [layer.place for layer in found.layers] == [0, 1, 0, 1]
    for layer in found.layers:
        run = found.runs[0 if layer.chain == "net A" else 1]
        rate = phases[0 if layer.chain == "net A" else 1].optimiser.rate
        gradient = run.gradient(layer.path)
        assert gradient is not None
        assert gradient.any()
        assert layer.gradient.rms == pytest.approx(np.sqrt(np.mean(gradient**2)))
        assert layer.update == pytest.approx(rate * rms(run.weight_gradients()[f"{layer.path.split('/')[1]}.W"]))


def test_skips_and_norms_are_no_layers_of_their_own() -> None:
    net = Net()
    h = net.add("fc1", Linear(features=6), net.input("x", 6))
    h = net.add("act1", Tanh(), net.add("bn1", BatchNorm(), h))
    f = net.add("act2", Tanh(), net.add("fc2", Linear(features=6), h))
    net.add("loss", MSE(), net.add("out", Linear(features=1), net.add("add", Add(), f, h)), net.input("y", 1))
    plan = compile(net.graph())
    body = anatomy(plan)
    assert list(body.parts) == ["fc1", "fc2", "out"]
    assert [p.next for p in body.parts.values()] == ["fc2", "out", ""]
    assert [plan.slots[p.hands_on].path for p in body.parts.values()] == ["act1", "act2", "out"]


def test_numbers_are_written_short() -> None:
    assert [said(v) for v in (0.0, 0.3124, -12.0, 4.23e-7, 1.5e12, np.nan, np.inf)] == [
        "0", "0.312", "−12", "4.2×10⁻⁷", "1.5×10¹²", "NaN", "∞"]
