"""Whole networks: the fast program against the plain one over several updates, and what it promises beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphlab.engine.fast.lower import FastProgram
from graphlab.engine.fast.lower import make_step as make_fast
from graphlab.engine.fast.plain import make_step as make_plain
from graphlab.engine.fast.program import Parameters
from graphlab.engine.graph import Graph, Net, Node, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Array, registry
from graphlab.engine.plan import Plan, compile
from graphlab.engine.run import RunError

Feeds = dict[str, Array]


def op(name: str, **attributes: Any) -> Any:
    return registry()[name](**attributes)


def chain(net: Net, x: Source, *ops: Any) -> Source:
    for each in ops:
        x = net.add(f"{each.name()}{len(net.nodes)}", each, x)
    return x


def mlp() -> Graph:
    net = Net()
    y = chain(net, net.input("x", 5), op("Linear", features=7), op("Tanh"), op("Linear", features=6), op("ReLU"),
              op("Linear", features=4), op("Sigmoid"), op("Linear", features=3, bias=False))
    net.add("loss", op("SoftmaxCrossEntropy"), y, net.input("t", kind="index"))
    return net.graph()


def normalised() -> Graph:
    net = Net()
    y = chain(net, net.input("x", 5), op("Linear", features=7), op("BatchNorm"), op("ReLU"), op("Dropout", p=0.3),
              op("Linear", features=3))
    net.add("loss", op("SoftmaxCrossEntropy"), y, net.input("t", kind="index"))
    return net.graph()


def pictures(*order: str) -> Graph:
    """Two convolutions, with pixels around and without, whose pooling is joined to them where it can be."""
    net = Net()
    x = chain(net, net.input("x", 2, 12, 12), op("Conv2D", filters=3, padding="half"), *map(op, order),
              op("Conv2D", filters=4, kernel=(3,)), *map(op, order), op("Flatten"), op("Linear", features=3))
    net.add("loss", op("SoftmaxCrossEntropy"), x, net.input("t", kind="index"))
    return net.graph()


def strided() -> Graph:
    net = Net()
    x = chain(net, net.input("x", 2, 20, 23), op("Conv2D", filters=3, stride=(2, 3), padding="same"), op("BatchNorm"),
              op("ReLU"), op("MaxPool", kernel=(3,), stride=(2,), padding="half"),
              op("Conv2D", filters=2, kernel=(3, 2), dilation=(1, 2)), op("Flatten"), op("Linear", features=3))
    net.add("loss", op("SoftmaxCrossEntropy"), x, net.input("t", kind="index"))
    return net.graph()


def forked() -> Graph:
    """A value with several readers, weights used twice, a broadcast, and a value subtracted from itself."""
    net = Net()
    a = chain(net, net.input("x", 4), op("Linear", features=4), op("Tanh"))
    shared = net.node(Node("again", op("Linear", features=4), shares="Linear1"), a)
    both = net.add("sum", op("Add"), a, shared)
    product = net.add("product", op("Multiply"), both, net.add("p", op("Parameter", size=(4,))))
    zero = net.add("zero", op("Subtract"), product, product)
    same = net.add("c", op("Add"), net.add("one", op("Constant", size=(4,))), net.add("q", op("Parameter", size=(4,))))
    left = net.add("tanh", op("Tanh"), net.add("none", op("ZeroState", size=(4,)), a))
    y = net.add("all", op("Add"), net.add("exp", op("Exp"), zero), net.add("relu", op("ReLU"), product))
    y = net.add("more", op("Add"), net.add("some", op("Add"), y, same), net.add("shift", op("Add"), left, same))
    net.add("loss", op("MSE"), y, a)
    net.add("other", op("MSE"), shared, net.input("t", 4))
    return net.graph()


def cut_and_joined() -> Graph:
    """Parts of one value that are cut out, looked up, joined and stacked again."""
    net = Net()
    x = chain(net, net.input("x", 6), op("Linear", features=6))
    first, second = (net.add(f"part{i}", op("Slice", start=3 * i, stop=3 * i + 3), x) for i in range(2))
    split = net.add("split", op("Split", count=3), x)
    thirds = [net.add(f"tanh{i}", op("Tanh"), Source(split.node, f"y{i}")) for i in range(3)]
    words = net.add("words", op("Embedding", count=3, features=3), net.input("w", kind="index"))
    stacked = net.add("stacked", op("Stack"), net.add("sum", op("Add"), first, words), second)
    last = net.add("last", op("TimeStep", t=-1), stacked)
    first_step = net.add("first_step", op("TimeStep", t=0), stacked)
    y = net.add("y", op("Concat", count=6), last, first_step, first, *thirds)
    net.add("loss", op("SoftmaxCrossEntropy"), y, net.input("t", kind="index"))
    return net.graph()


def attending() -> Graph:
    """A sequence through heads, sums and norms, and through an LSTM from both ends."""
    net = Net()
    x = net.input("x", 5, 8)
    a = net.add("attention", op("MultiHeadAttention", heads=2, causal=True, dropout=0.2), x)
    x = net.add("norm", op("LayerNorm"), net.add("add", op("Add"), x, a))
    net.add("lstm", op("LSTM", units=3, gates="figo"), x)
    net.add("back", op("LSTM", units=3, biases=2, reverse=True), Source("lstm", "seq"), Source("lstm", "h"),
            Source("lstm", "c"))
    net.add("loss", op("MSE"), Source("back", "seq"), net.input("t", 5, 3))
    net.add("other", op("MSE"), Source("back", "c"), net.input("u", 3))
    return net.graph()


def autoencoder() -> Graph:
    net = Net()
    x = net.input("x", 6)
    h = net.add("h", op("LeakyReLU", slope=0.2), net.add("encode", op("Linear", features=4), x))
    mu, spread = net.add("mu", op("Linear", features=2), h), net.add("spread", op("Linear", features=2), h)
    z = net.add("z", op("GaussianSample"), mu, spread)
    y = chain(net, z, op("Linear", features=4), op("Softplus"), op("Linear", features=6))
    net.add("loss", op("BinaryCrossEntropy", takes="logits"), y, net.add("t", op("Sigmoid"), x))
    net.add("kl", op("GaussianKL"), mu, spread)
    return net.graph()


NETS: dict[str, Callable[[], Graph]] = {
    "mlp": mlp, "normalised": normalised, "strided": strided, "forked": forked,
    "cut and joined": cut_and_joined, "attending": attending, "autoencoder": autoencoder,
    "conv, relu, pool": lambda: pictures("ReLU", "MaxPool"), "conv, pool, relu": lambda: pictures("MaxPool", "ReLU"),
    "conv, pool, tanh": lambda: pictures("MaxPool", "Tanh"), "conv, relu": lambda: pictures("ReLU"),
}


def feeds_of(plan: Plan, batch: int, seed: int = 0) -> Feeds:
    rng = np.random.default_rng(seed)
    out: Feeds = {}
    for step in plan.inputs:
        spec = plan.slots[step.outputs["y"]].spec
        shape = spec.concrete(batch)
        out[step.path] = rng.integers(0, 3, shape) if spec.kind == "index" else rng.standard_normal(shape)
    return out


def train(make: Any, plan: Plan, batch: int, dtype: Any, updates: int = 3, **more: Any) -> tuple[list[Any], Parameters]:
    """Make a few updates of gradient descent; return the losses and the weights afterwards."""
    parameters = Parameters(plan, initial_weights(plan, 5), dtype)
    losses = {s.path: 1.0 + i for i, s in enumerate(s for s in plan.steps if s.op.category == "Losses")}
    program = make(plan, parameters, batch, losses, plan.trainable(), seed=4, phase=1, **more)
    seen = []
    for update in range(updates):
        for path, array in feeds_of(plan, batch, update).items():
            if path in program.inputs:
                program.feed(path, array)
        seen.append(program.step(update))
        for key in plan.trainable():
            parameters.weights[key][...] -= 0.1 * parameters.gradients[key]
    return seen, parameters


@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(NETS))
def test_a_network_trains_as_the_plain_program_does(name: str, dtype: Any, batch: int) -> None:
    plan = compile(NETS[name]())
    assert not plan.problems, plan.problems
    # One sample's batch normalisation leaves nothing but rounding errors, which training then enlarges.
    updates = 1 if batch == 1 else 3
    want, expected = train(make_plain, plan, batch, dtype, updates)
    got, parameters = train(make_fast, plan, batch, dtype, updates)
    tolerance = 2e-4 if dtype is np.float32 else 1e-9
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(parameters.flat, expected.flat, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", list(NETS))
def test_a_traced_program_gives_every_value_and_gradient_and_trains_the_same(name: str) -> None:
    plan = compile(NETS[name]())
    every = [(s.path, out) for s in plan.steps for out in s.outputs]
    parameters = Parameters(plan, initial_weights(plan, 5), np.float64)
    losses = {s.path: 1.0 for s in plan.steps if s.op.category == "Losses"}
    feeds = feeds_of(plan, 4)
    programs = [make(plan, parameters, 4, losses, plan.trainable(), keep=every) for make in (make_plain, make_fast)]
    for program in programs:
        before = parameters.publish()
        for path in program.inputs:
            program.feed(path, feeds[path])
        program.step(2)
        parameters.write(before)  # both see the same memories
    plain, fast = programs
    assert isinstance(fast, FastProgram)
    flows = 0
    for path, output in every:
        np.testing.assert_allclose(fast.value(path, output), plain.value(path, output), rtol=1e-9, atol=1e-9)
        flows += fast.gradient(path, output) is not None
    assert flows > len(plan.steps) / 2
    tanh = next((s for s in plan.steps if s.op.name() == "Tanh" and s.index == 2), None)
    if name == "mlp" and tanh is not None:
        below = fast.gradient(plan.steps[1].path)
        above = fast.gradient(tanh.path)
        assert below is not None
        assert above is not None
        np.testing.assert_allclose(below, above * (1 - fast.value(tanh.path) ** 2), rtol=1e-12)


def test_only_the_gradients_that_are_asked_for_are_computed() -> None:
    plan = compile(mlp())
    parameters = Parameters(plan, initial_weights(plan, 5), np.float32)
    parameters.gradient[...] = 7.0
    last = plan.trainable()[-1]
    program = make_fast(plan, parameters, 4, {"loss": 1.0}, [last])
    for path, array in feeds_of(plan, 4).items():
        program.feed(path, array)
    program.step(0)
    for key in plan.trainable():
        moved = bool((parameters.gradients[key] != 7.0).any())
        assert moved == (key == last), key
    assert [s.path for s in program.stretches if s.kind == "backward"] == ["loss", plan.steps[-3].path]


def test_two_programs_share_weights_but_not_each_others_gradients() -> None:
    plan = compile(forked())
    parameters = Parameters(plan, initial_weights(plan, 5), np.float64)
    keys = plan.trainable()
    one = make_fast(plan, parameters, 4, {"loss": 1.0}, keys[:1])
    other = make_fast(plan, parameters, 3, {"other": -2.0}, keys)
    for program, batch in ((one, 4), (other, 3), (one, 4)):
        for path, array in feeds_of(plan, batch).items():
            if path in program.inputs:
                program.feed(path, array)
    first = one.step(0)
    gradient = parameters.gradients[keys[0]].copy()
    other.step(0)
    assert not parameters.gradients["p.value"].any()  # the loss that is asked for does not read it
    assert one.step(0) == first
    np.testing.assert_array_equal(parameters.gradients[keys[0]], gradient)


def test_a_label_out_of_range_is_a_sentence() -> None:
    plan = compile(mlp())
    program = make_fast(plan, Parameters(plan, initial_weights(plan, 5)), 2, {"loss": 1.0}, plan.trainable())
    program.feed("x", np.zeros((2, 5)))
    for wrong in (3, -1):
        program.feed("t", np.array([0, wrong]))
        with pytest.raises(RunError, match=rf"labels must be whole numbers in 0…2; there is {wrong}"):
            program.step(0)


def test_data_of_another_shape_is_a_sentence() -> None:
    plan = compile(mlp())
    program = make_fast(plan, Parameters(plan, initial_weights(plan, 5)), 2, {"loss": 1.0}, ())
    with pytest.raises(RunError, match=r"‘x’ needs data shaped \(2, 5\); it got \(3, 5\)"):
        program.feed("x", np.zeros((3, 5)))


def test_evaluation_uses_running_statistics_and_drops_nothing() -> None:
    plan = compile(normalised())
    parameters = Parameters(plan, initial_weights(plan, 5), np.float64)
    before = parameters.flat.copy()
    seen = []
    for make in (make_plain, make_fast):
        program = make(plan, parameters, 4, {"loss": 1.0}, (), training=False, keep=[("Linear5", "y")])
        for path, array in feeds_of(plan, 4).items():
            program.feed(path, array)
        seen.append((program.step(0), program.value("Linear5").copy()))
    np.testing.assert_allclose(seen[0][0], seen[1][0], rtol=1e-12)
    np.testing.assert_allclose(seen[0][1], seen[1][1], rtol=1e-12)
    np.testing.assert_array_equal(parameters.flat, before)
