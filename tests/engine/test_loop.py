"""Loops along time, and the ops that their bodies are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.derive import derive
from graphlab.engine.gradcheck import check_run
from graphlab.engine.graph import Graph, Net
from graphlab.engine.loop import MOST_STEPS, Block, Loop, Stack, TimeStep
from graphlab.engine.ops.activations import Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add
from graphlab.engine.plan import compile
from graphlab.engine.run import execute
from graphlab.engine.spec import Batch, Spec

T, F, H = 4, 3, 2


def cell() -> Graph:
    """h = tanh(x W + b + h U), with weights that the nodes own."""
    net = Net()
    x, h = net.input("x", F), net.input("h_prev", H)
    from_x, from_h = net.add("from_x", Linear(features=H), x), net.add("from_h", Linear(features=H, bias=False), h)
    net.output("h", net.add("act", Tanh(), net.add("sum", Add(), from_x, from_h)))
    return net.graph()


def looped(reverse: bool = False, **more: Any) -> Graph:
    net = Net()
    loop = Loop(cell=cell(), carry=(("h_prev", "h"),), reverse=reverse)
    net.add("rnn", loop.replace(**more), x=net.input("x", T, F), h_prev=net.input("h0", H))
    return net.graph()


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_repeats_its_cell_with_the_same_weights(reverse: bool) -> None:
    plan = compile(looped(reverse))
    assert not plan.problems
    assert set(plan.weights) == {"rnn/from_x.W", "rnn/from_x.b", "rnn/from_h.W"}, "one set for all steps"
    assert plan.spec("rnn", "h") == Spec((Batch(), T, H))
    assert plan.spec("rnn", "last_h") == plan.spec("rnn/t3/act") == Spec((Batch(), H))
    rng = np.random.default_rng(0)
    weights = {k: rng.normal(size=w.shape) for k, w in plan.weights.items()}
    feeds = {"x": rng.normal(size=(2, T, F)), "h0": rng.normal(size=(2, H))}
    run = execute(plan, weights, feeds, seeds={("rnn", "h"): 1.0, ("rnn", "last_h"): 0.5})
    h, seq = feeds["h0"], np.empty((2, T, H))
    for t in reversed(range(T)) if reverse else range(T):
        z = feeds["x"][:, t] @ weights["rnn/from_x.W"] + weights["rnn/from_x.b"] + h @ weights["rnn/from_h.W"]
        seq[:, t] = h = np.tanh(z)
    for name, expected in (("h", seq), ("last_h", h)):
        value = run.value("rnn", name)
        assert value is not None
        np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert max(c.error for c in check_run(run)) < 1e-6
    assert len(run.terms[plan.keys["rnn/from_h.W"]]) == T, "a shared weight receives a term from each step"


def test_a_gradient_through_a_loop_is_that_of_central_differences() -> None:
    plan = compile(looped())
    rng = np.random.default_rng(1)
    weights = {k: rng.normal(size=w.shape) for k, w in plan.weights.items()}
    feeds = {"x": rng.normal(size=(2, T, F)), "h0": rng.normal(size=(2, H))}
    run = execute(plan, weights, feeds, seeds={("rnn", "last_h"): 1.0})

    def total(value: float) -> float:
        moved = weights["rnn/from_h.W"].copy()
        moved[1, 0] += value
        out = execute(plan, {**weights, "rnn/from_h.W": moved}, feeds).value("rnn", "last_h")
        assert out is not None
        return float(out.sum())

    numeric = (total(1e-6) - total(-1e-6)) / 2e-6
    assert run.weight_gradients()["rnn/from_h.W"][1, 0] == pytest.approx(numeric, rel=1e-7)


def test_inputs_that_are_neither_steps_nor_carried_are_the_same_at_every_step() -> None:
    net = Net()
    x, c = net.input("x", 2), net.input("c", 2)
    net.output("y", net.add("sum", Add(), x, c))
    outer = Net()
    outer.add("loop", Loop(cell=net.graph()), x=outer.input("x", T, 2), c=outer.input("c", 2))
    plan = compile(outer.graph())
    feeds = {"x": np.arange(8.0).reshape(1, T, 2), "c": np.array([[10.0, 20.0]])}
    run = execute(plan, {}, feeds, seeds={("loop", "y"): 1.0})
    value, gradient = run.value("loop", "y"), run.gradient("c")
    assert value is not None
    assert gradient is not None
    np.testing.assert_array_equal(value, feeds["x"] + feeds["c"][:, None])
    np.testing.assert_array_equal(gradient, [[T, T]])


def test_a_loop_inside_a_block_inside_a_loop() -> None:
    innermost = Net()
    x = innermost.input("x", 1)
    innermost.output("y", innermost.add("twice", Add(), x, x))
    group = Net()
    group.output("y", group.add("rows", Loop(cell=innermost.graph()), x=group.input("x", 2, 1)))
    cell = Net()
    cell.output("y", cell.add("block", Block(graph=group.graph()), x=cell.input("x", 2, 1)))
    net = Net()
    net.add("loop", Loop(cell=cell.graph()), x=net.input("x", 3, 2, 1))
    plan = compile(net.graph())
    assert not plan.problems
    run = execute(plan, {}, {"x": np.arange(6.0).reshape(1, 3, 2, 1)})
    value = run.value("loop", "y")
    assert value is not None
    np.testing.assert_array_equal(value, 2 * run.feeds["x"])
    d = derive(run, "loop/t2/block/rows/t1/twice", "y", (0, 0))
    assert d.value == d.engine == 10


@pytest.mark.parametrize(("change", "sentence"), [
    ({"each": ("z",)}, "Loop ‘rnn’ repeats a cell that has no input 'z'."),
    ({"carry": (("h_prev", "z"),)}, "Loop ‘rnn’ carries 'z', which is no output of its cell."),
    ({"each": ("x", "x")}, "Loop ‘rnn’ feeds its cell's input 'x' more than once."),
    ({"each": ("x", "h_prev")}, "Loop ‘rnn’ feeds its cell's input 'h_prev' more than once."),
    ({"each": ()}, "Loop ‘rnn’ needs at least one input that takes a step of a sequence."),
])
def test_a_loop_that_cannot_be_says_why(change: dict[str, Any], sentence: str) -> None:
    assert sentence in [p.message for p in compile(looped(**change)).problems]


def test_a_loop_needs_sequences_of_one_length_that_is_not_too_long() -> None:
    net = Net()
    net.add("rnn", Loop(cell=cell(), each=("x", "h_prev")), x=net.input("x", T, F), h_prev=net.input("h", T + 1, H))
    (problem,) = compile(net.graph()).problems
    assert problem.message.startswith("Loop ‘rnn’ needs sequences of one length, shaped (B, T, …)")
    net = Net()
    loop = Loop(cell=cell(), carry=(("h_prev", "h"),))
    net.add("rnn", loop, x=net.input("x", MOST_STEPS + 1, F), h_prev=net.input("h", H))
    (problem,) = compile(net.graph()).problems
    assert "repeats its cell for at most 4,096 steps; this sequence has 4,097" in problem.message


def test_names_that_unrolling_needs_are_refused() -> None:
    net = Net()
    net.output("t1", net.add("act", Tanh(), net.input("x", F)))
    outer = Net()
    outer.add("loop", Loop(cell=net.graph()), x=outer.input("x", T, F))
    (problem,) = compile(outer.graph()).problems
    assert "repeats a cell with the name 't1', which unrolling needs for itself" in problem.message


def test_a_step_that_is_not_there() -> None:
    net = Net()
    net.add("step", TimeStep(t=4), net.input("x", T, F))
    (problem,) = compile(net.graph()).problems
    assert problem.message == "TimeStep ‘step’ takes step 4 of a sequence that has 4, but Input ‘x’ gives (B, 4, 3)."
    net = Net()
    net.add("stack", Stack(), net.input("a", 3), net.input("b", 2))
    (problem,) = compile(net.graph()).problems
    assert problem.message == "Stack ‘stack’ needs inputs of one shape, (B, 3), but Input ‘b’ gives (B, 2)."
