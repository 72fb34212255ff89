"""Compiling weights and structure: wired, shared, frozen and bypassed; blocks within blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.graph import Net, Node, Parameter, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.loop import Block
from graphlab.engine.op import Op, Spec
from graphlab.engine.ops.activations import ReLU, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.recurrent import LSTM
from graphlab.engine.plan import Plan, Problem, compile
from graphlab.engine.spec import Batch


def only(plan: Plan) -> Problem:
    (problem,) = plan.problems
    return problem


def test_a_wired_weight_is_not_stored_and_has_to_fit() -> None:
    net = Net()
    w = net.add("w", Parameter(size=(4, 3)))
    net.add("fc", Linear(features=3, bias=False), net.input("x", 4), W=w)
    plan = compile(net.graph())
    assert set(plan.weights) == {"w.value"}
    net = Net()
    w = net.add("w", Parameter(size=(3, 4)))
    net.add("fc", Linear(features=3, bias=False), net.input("x", 4), W=w)
    problem = only(compile(net.graph()))
    assert problem.message == "Linear ‘fc’ needs its W shaped (4, 3), but Parameter ‘w’ gives (3, 4)."
    assert problem.fixes[0].attributes == (("size", (4, 3)),)


def shared(*pairs: tuple[str, str], features: int = 4) -> Plan:
    net = Net()
    h = net.input("x", 4)
    for id, other in pairs:
        h = net.node(Node(id, Linear(features=features), shares=other), h)
    return compile(net.graph())


def test_shared_weights_are_stored_once_under_their_owner() -> None:
    plan = shared(("a", ""), ("b", "a"), ("c", "b"))
    assert set(plan.weights) == {"a.W", "a.b"}
    assert not plan.problems
    plan = shared(("b", "a"), ("a", ""))
    assert set(plan.weights) == {"a.W", "a.b"}, "also where the borrower comes first"
    assert not plan.problems


@pytest.mark.parametrize(("pairs", "features", "sentence"), [
    ((("a", "b"), ("b", "a")), 4, "Linear ‘a’ shares its weights in a circle, ‘a’ → ‘b’ → ‘a’: nobody owns them"),
    ((("a", "a"),), 4, "Linear ‘a’ shares its weights in a circle, ‘a’ → ‘a’: nobody owns them"),
    ((("a", "gone"),), 4, "Linear ‘a’ shares the weights of ‘gone’, which does not exist"),
    ((("a", "x"),), 4, "Linear ‘a’ shares the weights of ‘x’, which has no W"),
    ((("a", ""), ("b", "a")), 3, "Linear ‘b’ shares a.W, which ‘a’ uses shaped (4, 3), but needs it shaped (3, 3)"),
])
def test_sharing_that_cannot_work_is_explained(pairs: Any, features: int, sentence: str) -> None:
    assert shared(*pairs, features=features).problems[0].message == sentence + "."


def test_a_node_that_does_not_fit_leaves_no_weight_behind() -> None:
    net = Net()
    w = net.add("w", Parameter(size=(1,)))
    net.add("fc", Linear(features=3), net.input("x", 4), b=w)
    plan = compile(net.graph())
    assert only(plan).port == "b"
    assert set(plan.weights) == {"w.value"}


def block(*layers: tuple[str, Op]) -> Block:
    net = Net()
    h = net.input("x", 1)
    for name, op in layers:
        h = net.add(name, op, h)
    net.output("y", h)
    return Block(graph=net.graph())


def test_a_block_is_entered_by_its_path_but_does_not_enter_weight_keys() -> None:
    net = Net()
    inner = block(("fc", Linear(features=3)), ("act", Tanh()))
    net.add("head", block(("body", inner), ("out", Linear(features=2))), x=net.input("x", 4))
    plan = compile(net.graph())
    assert [s.path for s in plan.steps] == ["x", "head/body/fc", "head/body/act", "head/out"]
    assert set(plan.weights) == {"fc.W", "fc.b", "out.W", "out.b"}, "grouping moves no weight"
    assert plan.spec("head/body/fc") == plan.spec("head/body", "y") == Spec((Batch(), 3))
    assert plan.spec("head/x") == plan.spec("x")
    assert set(plan.scopes) == {"head", "head/body"}


def test_two_blocks_with_the_same_insides_must_share_or_differ() -> None:
    inner = block(("fc", Linear(features=4)))
    for shares in ("", "one"):
        net = Net()
        net.node(Node("one", inner), x=net.input("x", 4))
        net.node(Node("two", inner, shares=shares), x=Source("one", "y"))
        plan = compile(net.graph())
        assert set(plan.weights) == {"fc.W", "fc.b"}
        if shares:
            assert not plan.problems
        else:
            assert only(plan).message == ("Linear ‘fc’ uses the weight fc.W, which ‘one/fc’ already owns; one of the "
                                          "two needs another id.")


def test_a_bypassed_node_hands_its_input_on_where_the_shape_allows() -> None:
    for features in (4, 3):
        net = Net()
        h = net.node(Node("fc", Linear(features=features), bypassed=True), net.input("x", 4))
        net.add("relu", ReLU(), h)
        plan = compile(net.graph())
        assert [s.path for s in plan.steps] == (["x", "relu"] if features == 4 else ["x"])
        if features == 4:
            assert plan.where["fc"] == plan.where["x"]
        else:
            assert only(plan).message == ("Linear ‘fc’ cannot be bypassed: no input has the shape of its output, "
                                          "(B, 3), but Input ‘x’ gives (B, 4).")


def test_a_bypassed_block_needs_the_shape_as_well() -> None:
    for features in (4, 3):
        net = Net()
        net.node(Node("b", block(("fc", Linear(features=features))), bypassed=True), x=net.input("x", 4))
        plan = compile(net.graph())
        assert bool(plan.problems) == (features == 3)
        assert plan.where["b"] == (plan.where["x"] if features == 4 else {})
        assert not plan.weights


def test_frozen_weights_and_memories_are_not_trained() -> None:
    net = Net()
    h = net.node(Node("a", Linear(features=4), frozen=True), net.input("x", 4))
    h = net.add("norm", BatchNorm(), h)
    h = net.node(Node("b", block(("fc", Linear(features=4))), frozen=True), x=h)
    net.add("c", Linear(features=1), Source("b", "y"))
    plan = compile(net.graph())
    assert plan.trainable() == ("norm.gamma", "norm.beta", "c.W", "c.b")
    assert {"norm.mean", "norm.var"} < set(plan.weights)


def test_a_weight_that_a_trained_node_shares_is_trained() -> None:
    net = Net()
    h = net.node(Node("a", Linear(features=4), frozen=True), net.input("x", 4))
    net.node(Node("b", Linear(features=4), shares="a"), h)
    assert compile(net.graph()).trainable() == ("a.W", "a.b")


def test_what_was_learned_survives_while_a_node_cannot_run() -> None:
    def graph(wired: bool, bypassed: bool) -> Plan:
        net = Net()
        x = net.input("x", 4)
        net.node(Node("fc", Linear(features=4), bypassed=bypassed), x if wired else None)
        net.add("block", block(("in_block", Linear(features=2))), x=x if wired else None)
        net.add("rnn", LSTM(units=1), net.input("s", 3, 2))
        return compile(net.graph())

    learned = {k: w + 1 for k, w in initial_weights(graph(True, False)).items()}
    for plan in (graph(False, False), graph(True, True)):
        held = initial_weights(plan, keep=learned | {"gone.W": np.ones(3)})
        back = initial_weights(graph(True, False), keep=held)
        assert set(back) == set(learned), "weights of nodes that were deleted are let go"
        for key, weight in learned.items():
            np.testing.assert_array_equal(back[key], weight)


def test_a_weight_whose_shape_has_changed_starts_anew() -> None:
    net = Net()
    net.add("fc", Linear(features=3), net.input("x", 4))
    plan = compile(net.graph())
    weights = initial_weights(plan, seed=7, keep={"fc.W": np.ones((5, 3)), "fc.b": np.ones(3)})
    np.testing.assert_array_equal(weights["fc.W"], initial_weights(plan, seed=7)["fc.W"])
    np.testing.assert_array_equal(weights["fc.b"], np.ones(3))
