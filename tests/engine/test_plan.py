"""Compiling: shapes and counts, every mistake in a sentence with a fix, and the rest alive."""

from __future__ import annotations

import math
from typing import Any

import pytest

from graphlab.engine.graph import Graph, Net, Node, Source, Target, Unknown
from graphlab.engine.op import Op, Spec
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add
from graphlab.engine.ops.shape import Flatten
from graphlab.engine.plan import Plan, Problem, compile
from graphlab.engine.spec import Batch


def only(plan: Plan) -> Problem:
    (problem,) = plan.problems
    return problem


def mlp() -> Net:
    net = Net()
    h = net.input("x", 400)
    for i, n in enumerate((300, 100, 10)):
        h = net.add(f"fc{i}", Linear(features=n), h)
        h = net.add(f"relu{i}", ReLU(), h) if n > 10 else h
    net.output("scores", h)
    return net


def test_parameters_and_work_are_the_arithmetic_of_the_textbook() -> None:
    plan = compile(mlp().graph())
    counts = {k: math.prod(w.shape) for k, w in plan.weights.items()}
    layers = [sum(n for k, n in counts.items() if k.startswith(f"fc{i}.")) for i in range(3)]
    assert layers == [400 * 300 + 300, 300 * 100 + 100, 100 * 10 + 10] == [120_300, 30_100, 1_010]
    assert sum(layers) == 151_410
    assert sum(s.macs for s in plan.steps) == 400 * 300 + 300 * 100 + 100 * 10


def test_full_size_networks_are_counted_without_an_array() -> None:
    net = Net()
    h = net.add("fc", Linear(features=1_000_000), net.input("x", 10**6))
    net.add("out", Linear(features=1_000_000), h)
    plan = compile(net.graph())
    assert sum(math.prod(w.shape) for w in plan.weights.values()) == 2 * (10**12 + 10**6)


def test_a_convolution_into_a_linear_layer_names_both_ends_and_offers_flatten() -> None:
    net = Net()
    image = net.input("image", 1, 28, 28)
    conv = net.add("conv", Conv2D(filters=8, kernel=(5,)), image)
    net.add("fc", Linear(features=10), conv)
    net.add("relu", ReLU(), conv)
    graph = net.graph()
    plan = compile(graph)
    problem = only(plan)
    assert problem.message == ("Linear ‘fc’ takes features shaped (B, n) or sequences shaped (B, T, n), "
                               "but Conv2D ‘conv’ gives (B, 8, 24, 24).")
    assert (problem.path, problem.port, problem.source) == ("fc", "x", "conv")
    assert plan.spec("relu") == Spec((Batch(), 8, 24, 24)), "the rest stays alive"
    (fix,) = problem.fixes
    assert (fix.kind, fix.op, fix.path, fix.port) == ("insert", "Flatten", "fc", "x")
    mended = Graph({**graph.nodes, "new": Node("new", Flatten())},
                   {**graph.wires, Target("new", "x"): Source("conv"), Target("fc", "x"): Source("new")})
    plan = compile(mended)
    assert not plan.problems
    assert plan.weights["fc.W"].shape == (8 * 24 * 24, 10)


def test_two_inputs_that_clash_are_both_named() -> None:
    net = Net()
    x = net.input("x", 4)
    net.add("sum", Add(), net.add("a", Linear(features=3), x), net.add("b", Linear(features=5), x))
    problem = only(compile(net.graph()))
    assert problem.message.endswith("the axis with 3 against 5 clashes, but Linear ‘a’ gives (B, 3) and "
                                    "Linear ‘b’ gives (B, 5).")
    assert problem.axis == -1


def test_messages_use_the_label_that_people_gave() -> None:
    net = Net()
    net.node(Node("n7", Linear(features=3), label="classifier"), net.input("x", 2, 3, 4))
    assert only(compile(net.graph())).message.startswith("Linear ‘classifier’ takes")


def test_a_missing_wire_is_offered_the_input_that_nobody_uses() -> None:
    net = Net()
    net.input("x", 4)
    net.add("fc", Linear(features=3))
    problem = only(compile(net.graph()))
    assert problem.message == "Linear ‘fc’ needs a wire into its input ‘x’; nothing is connected there."
    (fix,) = problem.fixes
    assert (fix.kind, fix.path, fix.port, fix.source) == ("connect", "fc", "x", ("x", "y"))
    net = Net()
    net.add("fc", Linear(features=3))
    (fix,) = only(compile(net.graph())).fixes
    assert (fix.kind, fix.op) == ("add", "Input")


def test_what_comes_after_a_mistake_is_silent() -> None:
    net = Net()
    h = net.add("fc", Linear(features=3))
    for i in range(5):
        h = net.add(f"r{i}", ReLU(), h)
    plan = compile(net.graph())
    assert only(plan).path == "fc"
    assert not plan.steps


def test_every_cycle_is_named_with_the_wire_that_was_drawn_last() -> None:
    nodes = {n: Node(n, Add() if n in "ad" else ReLU()) for n in "abcdef"}
    nodes["x"] = Node("x", Linear(features=2))
    wires = {Target("b", "x"): Source("a"), Target("c", "x"): Source("b"), Target("e", "x"): Source("d"),
             Target("d", "a"): Source("e"), Target("d", "b"): Source("c"), Target("f", "x"): Source("e"),
             Target("a", "b"): Source("a"), Target("a", "a"): Source("c")}
    plan = compile(Graph(nodes, wires))
    cycles = [p for p in plan.problems if "cycle" in p.message]
    assert {p.message.partition(" form")[0] for p in cycles} == {
        "The wires ‘a’ → ‘b’ → ‘c’ → ‘a’", "The wires ‘a’ → ‘a’", "The wires ‘d’ → ‘e’ → ‘d’"}
    removed = {Target(f.path, f.port) for p in cycles for f in p.fixes}
    assert removed == {Target("a", "a"), Target("a", "b"), Target("d", "a")}
    rest = {k: w for k, w in wires.items() if k not in removed}
    assert not [p for p in compile(Graph(nodes, rest)).problems if "cycle" in p.message]


def test_wires_into_nowhere_are_reported_and_ignored() -> None:
    net = Net()
    x = net.input("x", 4)
    net.add("relu", ReLU(), x, stray=x)
    net.add("other", ReLU(), Source("x", "z"))
    graph = net.graph()
    graph = Graph(graph.nodes, {**graph.wires, Target("gone", "x"): x})
    plan = compile(graph)
    assert {p.message for p in plan.problems} == {
        "ReLU ‘relu’ has no input called ‘stray’.", "Input ‘x’ has no output called ‘z’.",
        "A wire names the node ‘gone’, which does not exist."}
    assert {(f.kind, f.path, f.port) for p in plan.problems for f in p.fixes} == {
        ("disconnect", "relu", "stray"), ("disconnect", "other", "x"), ("disconnect", "gone", "x")}
    assert plan.spec("relu") is not None


@pytest.mark.parametrize(("value", "sentence"), [
    (0, "features must be at least 1; it is 0"), (-5, "features must be at least 1; it is -5"),
    (10**30, f"features must be at most 1,000,000; it is {10**30:,}"),
    ("many", "features must be a whole number; it is 'many'"),
    (2.5, "features must be a whole number; it is 2.5"), (True, "features must be a whole number; it is True"),
    (math.nan, "features must be a whole number; it is nan"), (None, "features must be a whole number; it is None"),
])
def test_an_attribute_that_cannot_be_is_said_with_its_value(value: Any, sentence: str) -> None:
    net = Net()
    net.add("fc", Linear(features=value), net.input("x", 4))
    problem = only(compile(net.graph()))
    assert problem.message == f"Linear ‘fc’ {sentence}."
    (fix,) = problem.fixes
    assert (fix.kind, fix.attributes) == ("set", (("features", 16),))


def test_an_unknown_op_is_drawn_reported_and_may_be_removed() -> None:
    net = Net()
    net.add("what", Unknown(op="Hyena", inputs=("x",)), net.input("x", 4))
    problem = only(compile(net.graph()))
    assert "‘what’ is of the kind 'Hyena', which this version of GraphLab does not know" in problem.message
    assert [f.kind for f in problem.fixes] == ["remove"]


def test_an_op_that_fails_in_any_way_leaves_the_rest_alive() -> None:
    class Broken(Op, register=False):
        """Fails."""

        def shape(self, x: Spec) -> Spec:
            raise ZeroDivisionError("in its shape")

    class Worse(Op, register=False):
        """Fails earlier."""

        def output_names(self) -> tuple[str, ...]:
            raise RuntimeError("in its face")

    net = Net()
    x = net.input("x", 4)
    net.add("broken", Broken(), x)
    graph = net.graph()
    graph = Graph({**graph.nodes, "worse": Node("worse", Worse()), "relu": Node("relu", ReLU())},
                  {**graph.wires, Target("relu", "x"): x})
    plan = compile(graph)
    assert sorted(p.path for p in plan.problems) == ["broken", "worse"]
    assert plan.spec("relu") is not None
