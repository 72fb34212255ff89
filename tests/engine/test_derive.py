"""Where a number came from: in words of the textbook, with the engine's own number as the check."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from graphlab.engine.derive import Derivation, derive, derive_weight
from graphlab.engine.expr import Num, Ref, Sum
from graphlab.engine.graph import Net, Node, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.loop import Block
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.attention import ScaledDotProductAttention
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add, Multiply
from graphlab.engine.ops.recurrent import LSTM
from graphlab.engine.plan import compile
from graphlab.engine.run import Run, RunError, execute


def every_number(run: Run) -> Iterator[Derivation]:
    """Derive each output and each gradient of each step."""
    for step in run.plan.steps:
        record = run.records[step.path]
        for name, value in record.outputs.items():
            for at in np.ndindex(value.shape):
                yield derive(run, step.path, name, at)
        for name, value in record.gradients.items():
            for at in np.ndindex(value.shape):
                yield derive(run, step.path, name, at, grad=True)


def neuron() -> Run:
    net = Net()
    z = net.add("z", Linear(features=1), net.input("x", 2))
    net.add("y", Sigmoid(), z)
    weights = {"z.W": np.array([[0.5], [-0.25]]), "z.b": np.array([0.125])}
    return execute(compile(net.graph()), weights, {"x": np.array([[1.0, 2.0]])}, seeds={("y", "y"): 2.0})


def test_a_number_is_written_with_names_and_with_numbers() -> None:
    d = derive(neuron(), "z", "y", (0, 0))
    assert d.symbolic() == r"y_{0,0} = x_{0,0} \cdot W_{0,0}+x_{0,1} \cdot W_{1,0}+b_{0}"
    assert d.substituted() == (
        r"y_{0,0} = 1 \cdot 0.5000+2 \cdot \left(-0.2500\right)+0.1250 = 0.1250")
    assert d.value == d.engine == 0.125
    assert [(o.name, o.index, o.value) for o in d.operands] == [
        ("x", (0, 0), 1.0), ("W", (0, 0), 0.5), ("x", (0, 1), 2.0), ("W", (1, 0), -0.25), ("b", (0,), 0.125)]
    assert {o.path for o in d.operands} == {"z"}


def test_a_gradient_is_incoming_times_local() -> None:
    run = neuron()
    d = derive(run, "y", "x", (0, 0), grad=True)
    y = 1 / (1 + np.exp(-0.125))
    assert d.value == pytest.approx(2.0 * y * (1 - y), rel=1e-14)
    assert d.operands[0].grad
    assert d.operands[0].value == 2.0
    d = derive(run, "z", "W", (1, 0), grad=True)
    assert d.symbolic() == (r"\frac{\partial L}{\partial W_{1,0}} = "
                            r"\frac{\partial L}{\partial y_{0,0}} \cdot x_{0,1}")
    d = derive(run, "z", "y", (0, 0), grad=True)
    assert d.expr == Ref("x", (0, 0), grad=True, path="y"), "what its only user sends back"
    assert derive(run, "y", "y", (0, 0), grad=True).expr == Ref("y", (0, 0), grad=True, path="y"), "a seed is given"


def test_every_number_of_a_small_network() -> None:
    rng = np.random.default_rng(0)
    net = Net()
    x = net.input("x", 3)
    h = net.add("h", Linear(features=2), x)
    a, b = net.add("a", Tanh(), h), net.add("b", ReLU(), h)
    net.add("L", Multiply(), net.add("sum", Add(), a, b), a)
    plan = compile(net.graph())
    weights = {k: rng.normal(size=w.shape) for k, w in plan.weights.items()}
    run = execute(plan, weights, {"x": rng.normal(size=(2, 3))}, seeds={("L", "y"): rng.normal(size=(2, 2))})
    count = 0
    for d in every_number(run):
        assert d.value == pytest.approx(d.engine, rel=1e-12, abs=1e-15), d
        count += 1
    outputs, weights_and_x, others = 6 + 5 * 4, 6 + 2 + 6, 6 * 4
    assert count == 2 * outputs + weights_and_x + others, "each output has a gradient, and so has each input"


def test_the_gradient_at_a_fork_is_the_sum_of_its_terms() -> None:
    net = Net()
    h = net.add("h", Linear(features=1), net.input("x", 1))
    net.add("L", Add(), net.add("a", Tanh(), h), net.add("b", Sigmoid(), h))
    plan = compile(net.graph())
    run = execute(plan, initial_weights(plan), {"x": np.ones((1, 1))}, seeds={("L", "y"): 1.0})
    d = derive(run, "h", "y", (0, 0), grad=True)
    assert isinstance(d.expr, Sum)
    assert {(o.path, o.name, o.grad) for o in d.operands} == {("a", "x", True), ("b", "x", True)}
    assert d.value == pytest.approx(d.engine, rel=1e-14)


def test_the_gradient_of_a_tied_weight_names_every_user() -> None:
    net = Net()
    h = net.add("one", Linear(features=2), net.input("x", 2))
    net.node(Node("two", Linear(features=2), shares="one"), h)
    plan = compile(net.graph())
    run = execute(plan, initial_weights(plan), {"x": np.ones((3, 2))}, seeds={("two", "y"): 1.0})
    d = derive_weight(run, "one.W", (0, 1))
    assert {(o.path, o.name) for o in d.operands} == {("one", "W"), ("two", "W")}
    assert d.value == pytest.approx(d.engine, rel=1e-14)
    single = derive_weight(neuron(), "z.W", (0, 0))
    assert single.path == "z"
    assert single.value == single.engine


def test_blocks_and_bypassed_nodes_lead_to_the_step_that_made_the_number() -> None:
    inner = Net()
    inner.output("out", inner.add("act", Tanh(), inner.input("in", 2)))
    net = Net()
    x = net.input("x", 2)
    net.add("block", Block(graph=inner.graph()), **{"in": x})
    off = net.node(Node("off", ReLU(), bypassed=True), Source("block", "out"))
    net.add("L", Sigmoid(), off)
    run = execute(compile(net.graph()), {}, {"x": np.ones((1, 2))}, seeds={("L", "y"): 1.0})
    for path, name in (("block", "out"), ("block/out", "y"), ("off", "y")):
        d = derive(run, path, name, (0, 1))
        assert (d.path, d.value) == ("block/act", np.tanh(1.0))
        assert derive(run, path, name, (0, 1), grad=True).value == run.gradients[run.plan.where["off"]["y"]][0, 1]
    assert derive(run, "block", "out", (0, 0)).operands[0].value == 1.0
    assert derive(run, "x", "y", (0, 0)).expr == Ref("y", (0, 0), path="x"), "data has no arithmetic"


def test_a_fused_op_is_explained_by_its_insides() -> None:
    net = Net()
    net.add("lstm", LSTM(units=2), net.input("x", 4, 3))
    plan = compile(net.graph())
    rng = np.random.default_rng(0)
    weights = {k: rng.normal(size=w.shape) for k, w in plan.weights.items()}
    run = execute(plan, weights, {"x": rng.normal(size=(2, 4, 3))}, seeds={("lstm", "seq"): 1.0})
    d = derive(run, "lstm", "seq", (1, 2, 0))
    assert [(o.path, o.name) for o in d.operands] == [("lstm/t2/hidden", "a"), ("lstm/t2/hidden", "b")]
    assert d.expr == derive(run, "lstm/t2/hidden", "y", (1, 0)).expr, "past the ops inside that only copy"
    assert d.symbolic() == r"\mathrm{seq}_{1,2,0} = a_{1,0} \cdot b_{1,0}"
    gate = derive(run, "lstm/t2/output", "y", (1, 0))
    assert d.operands[0].value == gate.value
    for d in (derive(run, "lstm", "W", (2, 3), grad=True), derive(run, "lstm", "x", (0, 1, 2), grad=True)):
        assert d.value == pytest.approx(d.engine, rel=1e-9)


def test_an_array_that_a_fused_op_kept_is_explained_as_well() -> None:
    net = Net()
    x = net.input("x", 3, 2)
    net.add("attn", ScaledDotProductAttention(), x, x, x)
    run = execute(compile(net.graph()), {}, {"x": np.random.default_rng(0).normal(size=(1, 3, 2))})
    d = derive(run, "attn", "weights", (0, 1, 2))
    assert d.value == pytest.approx(d.engine, rel=1e-12)
    assert [(o.path, o.name) for o in d.operands] == [("attn/weights", "e"), ("attn/weights", "s")]


def test_long_sums_are_cut_with_their_count() -> None:
    net = Net()
    net.add("fc", Linear(features=1), net.input("x", 30))
    plan = compile(net.graph())
    run = execute(plan, initial_weights(plan), {"x": np.ones((1, 30))})
    d = derive(run, "fc", "y", (0, 0))
    assert d.symbolic(limit=3).endswith(r"x_{0,2} \cdot W_{2,0}+\cdots\ (\mathrm{28\ more})")
    assert d.substituted(limit=3).count(r"\cdot") == 3 + 1  # the dots themselves
    assert len(d.operands) == 61


@pytest.mark.parametrize(("path", "name", "at", "grad", "sentence"), [
    ("nowhere", "y", (0, 0), False, "‘nowhere’ has not been run; run the network first."),
    ("z", "q", (0, 0), False, "‘z’ has no such array for 'q'."),
    ("z", "y", (0, 1), False, "y of ‘z’ has the shape (1, 1); there is no element (0, 1)."),
    ("z", "y", (0,), False, "y of ‘z’ has the shape (1, 1); there is no element (0,)."),
])
def test_what_cannot_be_derived_is_said(path: str, name: str, at: tuple[int, ...], grad: bool, sentence: str) -> None:
    with pytest.raises(RunError) as e:
        derive(neuron(), path, name, at, grad)
    assert str(e.value) == sentence


def test_a_gradient_that_is_not_there_yet() -> None:
    run = neuron()
    run = execute(run.plan, run.weights, run.feeds)
    with pytest.raises(RunError, match="‘z’ has no gradient yet: step backward first for 'W'"):
        derive(run, "z", "W", (0, 0), grad=True)
    with pytest.raises(RunError, match=r"The weight z.W has no gradient yet: step backward first."):
        derive_weight(run, "z.W", (0, 0))


def test_a_gradient_that_cannot_flow_is_zero() -> None:
    net = Net()
    net.add("relu", ReLU(), net.input("x", 1))
    run = execute(compile(net.graph()), {}, {"x": np.array([[-1.0]])}, seeds={("relu", "y"): 1.0})
    d = derive(run, "relu", "x", (0, 0), grad=True)
    assert d.expr == Num(0.0)
    assert d.value == d.engine == 0
