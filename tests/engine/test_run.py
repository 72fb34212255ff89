"""Runs: step by step, forks, modes, randomness, and going into fused ops and out again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.graph import Constant, Graph, Net, Node, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.loop import Block
from graphlab.engine.op import Op, Port, Record, Spec
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.attention import ScaledDotProductAttention
from graphlab.engine.ops.joining import Embedding
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add, Multiply
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.recurrent import LSTM
from graphlab.engine.ops.regularise import Dropout
from graphlab.engine.plan import compile
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, RunError, backward, execute, forward


def got(run: Run, path: str, name: str = "y") -> Array:
    value = run.value(path, name)
    assert value is not None
    return value


def fork() -> Run:
    """One value that three nodes use: L = σ(h)·tanh(h) + h·h."""
    net = Net()
    h = net.add("h", Linear(features=2), net.input("x", 3))
    gated = net.add("gated", Multiply(), net.add("σ", Sigmoid(), h), net.add("tanh", Tanh(), h))
    net.add("L", Add(), gated, net.add("square", Multiply(), h, h))
    plan = compile(net.graph())
    return execute(plan, initial_weights(plan), {"x": np.arange(6.0).reshape(2, 3)}, seeds={("L", "y"): 1.0})


def test_a_fork_keeps_the_terms_of_its_sum() -> None:
    run = fork()
    slot = run.plan.where["h"]["y"]
    terms = run.terms[slot]
    assert sorted((t.path, t.port) for t in terms) == [("square", "a"), ("square", "b"), ("tanh", "x"), ("σ", "x")]
    np.testing.assert_allclose(run.gradients[slot], sum(t.value for t in terms), rtol=1e-14)
    h = got(run, "h")
    s, t = got(run, "σ"), got(run, "tanh")
    np.testing.assert_allclose(run.gradients[slot], s * (1 - s) * t + s * (1 - t * t) + 2 * h, rtol=1e-12)


def test_events_come_in_order_and_back_in_reverse() -> None:
    run = fork()
    fresh = Run(run.plan, run.weights, run.feeds)
    there = [e.step.path for e in forward(fresh)]
    assert there == ["x", "h", "σ", "tanh", "gated", "square", "L"]
    assert [e.step.path for e in backward(fresh, {("L", "y"): 1.0})] == there[::-1]


def test_half_a_run_can_be_looked_at() -> None:
    done = fork()
    run = Run(done.plan, done.weights, done.feeds)
    steps = forward(run)
    for _ in range(3):
        next(steps)
    assert run.value("σ") is not None
    assert run.value("L") is None
    assert run.record("L") is None
    for _ in steps:
        pass
    back = backward(run, {("L", "y"): 1.0})
    for _ in range(4):  # L, square, gated, tanh
        next(back)
    slot = run.plan.where["h"]["y"]
    assert [t.path for t in run.terms[slot]] == ["square", "square", "tanh"], "the sum so far"
    assert not run.weight_gradients()


def test_a_new_backward_forgets_the_old_one() -> None:
    net = Net()
    net.add("lstm", LSTM(units=2), net.input("x", 3, 2))
    plan = compile(net.graph())
    run = Run(plan, initial_weights(plan), {"x": np.ones((1, 3, 2))})
    for _ in forward(run):
        pass
    assert run.gradient("lstm/t1/forget") is None, "inside, nothing has gone backward either"
    found = []
    for seed in (1.0, 2.0):
        for _ in backward(run, {("lstm", "h"): seed}):
            pass
        gradient = run.gradient("lstm/t1/forget")
        assert gradient is not None
        found.append(gradient)
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-12)
    next(backward(run, {("lstm", "h"): 1.0}))
    assert "x" in run.records["lstm"].gradients
    for _ in forward(run):
        pass
    assert not run.inner, "and a new forward forgets what was opened"


def test_what_no_gradient_reaches_gets_zeros() -> None:
    net = Net()
    x = net.input("x", 3)
    net.add("used", Linear(features=1), x)
    net.add("aside", Linear(features=1), x)
    plan = compile(net.graph())
    run = execute(plan, initial_weights(plan), {"x": np.ones((2, 3))}, seeds={("used", "y"): 1.0})
    gradients = run.weight_gradients()
    assert (gradients["used.W"] == 2).all()
    assert (gradients["aside.W"] == 0).all()


# --- what does not fit ------------------------------------------------------------------------------


@pytest.mark.parametrize(("weights", "feeds", "sentence"), [
    ({}, {}, "The weight fc.W is needed, but the store has no such array."),
    ({"fc.W": np.ones((2, 2))}, {}, "The weight fc.W needs the shape (3, 2); the store has (2, 2)."),
    ({"fc.W": np.ones((3, 2))}, {}, "The input ‘x’ needs data shaped (B, 3); none is given."),
    ({"fc.W": np.ones((3, 2))}, {"x": np.ones((5, 4))}, "The input ‘x’ needs data shaped (5, 3); it got (5, 4)."),
])
def test_data_that_does_not_fit_is_said_with_both_shapes(weights: Any, feeds: Any, sentence: str) -> None:
    net = Net()
    net.add("fc", Linear(features=2, bias=False), net.input("x", 3))
    with pytest.raises(RunError) as e:
        execute(compile(net.graph()), weights, feeds)
    assert str(e.value) == sentence


def test_inputs_must_agree_on_the_number_of_samples() -> None:
    net = Net()
    net.add("sum", Add(), net.input("a", 3), net.input("b", 3))
    with pytest.raises(RunError, match=r"‘b’ needs data shaped \(5, 3\); it got \(4, 3\)"):
        execute(compile(net.graph()), {}, {"a": np.ones((5, 3)), "b": np.ones((4, 3))})


def test_numbers_that_an_op_cannot_take_are_a_sentence() -> None:
    net = Net()
    net.add("words", Embedding(count=4, features=2), net.input("x", 3, kind="index"))
    plan = compile(net.graph())
    with pytest.raises(RunError, match=r"Embedding ‘words’ could not run: .*4"):
        execute(plan, initial_weights(plan), {"x": np.array([[0, 4, 1]])})


def test_a_tensor_too_large_for_this_machine_is_a_sentence() -> None:
    net = Net()
    net.add("big", Constant(size=(10**6, 10**6, 10**3)))
    with pytest.raises(RunError, match="Constant ‘big’ could not run: Unable to allocate"):
        execute(compile(net.graph()), {}, {})


# --- precision, modes, randomness -----------------------------------------------------------------------


def test_a_run_keeps_its_precision() -> None:
    net = Net()
    h = net.add("fc", Linear(features=2), net.input("x", 3))
    h = net.add("half", Multiply(), h, net.add("c", Constant(numbers=(0.5,))))
    net.add("drop", Dropout(), h)
    plan = compile(net.graph())
    for dtype in (np.float32, np.float64):
        run = execute(plan, initial_weights(plan), {"x": np.ones((2, 3))}, Mode(training=True), dtype,
                      seeds={("drop", "y"): 1.0})
        assert {v.dtype for v in (*run.values.values(), *run.gradients.values())} == {np.dtype(dtype)}


def test_both_precisions_draw_the_same() -> None:
    net = Net()
    net.add("drop", Dropout(), net.input("x", 50))
    plan = compile(net.graph())
    masks = [execute(plan, {}, {"x": np.ones((2, 50))}, Mode(training=True), d).records["drop"]["mask"]
             for d in (np.float32, np.float64)]
    np.testing.assert_array_equal(masks[0], masks[1])


def test_every_node_seed_and_update_draws_for_itself() -> None:
    def masks(mode: Mode, *ids: str) -> list[Array]:
        net = Net()
        x = net.input("x", 40)
        for id in ids:
            net.add(id, Dropout(), x)
        run = execute(compile(net.graph()), {}, {"x": np.ones((1, 40))}, mode)
        return [run.records[id]["mask"] for id in ids]

    base = Mode(training=True)
    a, b = masks(base, "a", "b")
    assert (a != b).any()
    np.testing.assert_array_equal(masks(base, "b")[0], b)  # whatever else is in the network
    for other in (Mode(training=True, seed=1), Mode(training=True, update=1), Mode(training=True, phase=1)):
        assert (masks(other, "a")[0] != a).any()


def test_a_frozen_batch_norm_stays_in_evaluation_while_the_rest_trains() -> None:
    net = Net()
    x = net.input("x", 2)
    net.node(Node("frozen", BatchNorm(), frozen=True), x)
    net.add("free", BatchNorm(), x)
    plan = compile(net.graph())
    weights = initial_weights(plan) | {"frozen.mean": np.array([1.0, 2.0]), "frozen.var": np.array([4.0, 9.0])}
    feeds = {"x": np.array([[1.0, 2.0], [5.0, 8.0]])}
    run = execute(plan, weights, feeds, Mode(training=True))
    np.testing.assert_allclose(got(run, "frozen"), [[0, 0], [2, 2]], atol=1e-4)
    np.testing.assert_allclose(got(run, "free"), [[-1, -1], [1, 1]], atol=1e-4)
    assert not run.records["frozen"].updates
    assert {u.port for u in run.records["free"].updates} == {"mean", "var"}


# --- blocks and fused ops -----------------------------------------------------------------------------


def test_a_block_is_looked_into_by_path() -> None:
    inner = Net()
    inner.output("out", inner.add("act", ReLU(), inner.add("fc", Linear(features=2), inner.input("in", 3))))
    net = Net()
    net.add("block", Block(graph=inner.graph()), **{"in": net.input("x", 3)})
    net.add("top", Linear(features=1), Source("block", "out"))
    plan = compile(net.graph())
    run = execute(plan, initial_weights(plan), {"x": np.ones((2, 3))}, seeds={("top", "y"): 1.0})
    assert got(run, "block/in") is got(run, "x")
    assert got(run, "block", "out") is got(run, "block/act") is run.records["top"]["x"]
    assert run.gradient("block", "out") is run.gradient("block/act")
    record = run.record("block/fc")
    assert record is not None
    assert record["W"] is run.values[plan.keys["fc.W"]]
    assert run.record("block/gone") is None
    assert run.inside("block/fc") is None, "Linear has no insides"


class Focus(Op, register=False):
    """Attends a sequence to itself, as one op around attention."""

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"),)

    def shape(self, x: Spec) -> Spec:
        return x

    def body(self, x: Spec) -> Graph:
        net = Net()
        x_in = net.input("x")
        attention = ScaledDotProductAttention(dropout=0.5)
        net.output("y", net.add("double", Add(), *[net.add("attn", attention, x_in, x_in, x_in)] * 2))
        return net.graph()

    def forward(self, f: Record, x: Array) -> Array:
        e = np.exp(x @ x.swapaxes(1, 2) / np.sqrt(x.shape[-1]))
        weights = e / e.sum(axis=-1, keepdims=True)
        keep = f.uniform("attn/dropout/mask", weights.shape) < 0.5 if f.training else 0.5
        return np.asarray(2 * (weights * keep / 0.5) @ x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {}


def test_inside_of_inside() -> None:
    net = Net()
    net.add("focus", Focus(), net.input("x", 4, 3))
    run = execute(compile(net.graph()), {}, {"x": np.random.default_rng(0).normal(size=(2, 4, 3))},
                  Mode(training=True, seed=3))
    inner = run.inside("focus")
    assert inner is not None
    np.testing.assert_allclose(got(inner, "focus/y"), got(run, "focus"), rtol=1e-12)
    weights = got(run, "focus/attn/weights")  # a node of the body of the attention in the body of the op
    np.testing.assert_allclose(weights, inner.records["focus/attn"]["weights"], rtol=1e-12)
    assert run.owner("focus/attn/weights") is inner.inside("focus/attn")
    assert run.inside("focus") is inner, "opening again costs nothing"
