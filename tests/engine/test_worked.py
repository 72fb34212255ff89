"""Whole networks against numbers that were worked out by hand, and loops that train without the trainer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphlab.engine.data import Column, Table
from graphlab.engine.derive import derive, derive_weight
from graphlab.engine.graph import Graph, Net, Node, Parameter, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.loop import Block
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE, BinaryCrossEntropy
from graphlab.engine.ops.reductions import Mean
from graphlab.engine.ops.shape import Transpose
from graphlab.engine.optim import Adam
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, execute
from graphlab.engine.setup import Phase, Setup, chosen
from graphlab.engine.train import fit


def got(run: Run, path: str, name: str = "y") -> Array:
    value = run.value(path, name)
    assert value is not None
    return value


def back(run: Run, path: str) -> Array:
    gradient = run.gradient(path)
    assert gradient is not None
    return gradient


def two_two_one() -> Run:
    """The well-known example with w₁…w₆ and inputs 0.05 and 0.10, target 0.01, L = ½(o − t)²."""
    net = Net()
    hidden = net.add("hidden", Linear(features=2), net.input("x", 2))
    out = net.add("out", Linear(features=1), net.add("h", Sigmoid(), hidden))
    net.add("L", MSE(mean="half"), net.add("o", Sigmoid(), out), net.input("t", 1))
    weights = {"hidden.W": np.array([[0.15, 0.25], [0.20, 0.30]]), "hidden.b": np.array([0.35, 0.35]),
               "out.W": np.array([[0.40], [0.45]]), "out.b": np.array([0.60])}
    return execute(compile(net.graph()), weights, {"x": np.array([[0.05, 0.10]]), "t": np.array([[0.01]])},
                   seeds={("L", "y"): 1.0})


def test_a_2_2_1_network_forward_by_hand() -> None:
    run = two_two_one()
    # 0.15·0.05 + 0.20·0.10 + 0.35 and 0.25·0.05 + 0.30·0.10 + 0.35
    np.testing.assert_allclose(got(run, "hidden"), [[0.3775, 0.3925]], rtol=1e-12)
    np.testing.assert_allclose(got(run, "h"), [[0.593269992, 0.596884378]], atol=5e-10)
    # 0.40·0.593269992 + 0.45·0.596884378 + 0.60
    np.testing.assert_allclose(got(run, "out"), [[1.105905967]], atol=5e-10)
    np.testing.assert_allclose(got(run, "o"), [[0.751365070]], atol=5e-10)
    assert got(run, "L") == pytest.approx(0.274811083, abs=5e-10)


def test_a_2_2_1_network_backward_by_hand() -> None:
    run = two_two_one()
    g = run.weight_gradients()
    # δ = (0.751365070 − 0.01) · 0.751365070 · (1 − 0.751365070) = 0.741365070 · 0.186815602 = 0.138498562
    np.testing.assert_allclose(back(run, "out"), [[0.138498562]], atol=5e-10)
    np.testing.assert_allclose(g["out.b"], [0.138498562], atol=5e-10)
    # δ · 0.593269992 and δ · 0.596884378
    np.testing.assert_allclose(g["out.W"], [[0.082167041], [0.082667628]], atol=5e-10)
    # δ · 0.40 · 0.593269992 · (1 − 0.593269992) = 0.055399425 · 0.241300709 = 0.013367920
    # δ · 0.45 · 0.596884378 · (1 − 0.596884378) = 0.062324353 · 0.240613417 = 0.014996076
    np.testing.assert_allclose(g["hidden.b"], [0.013367920, 0.014996076], atol=1e-9)
    np.testing.assert_allclose(g["hidden.W"], [[0.000668396, 0.000749804], [0.001336792, 0.001499608]], atol=1e-9)
    # 0.15 · 0.013367920 + 0.25 · 0.014996076 and 0.20 · 0.013367920 + 0.30 · 0.014996076
    np.testing.assert_allclose(back(run, "x"), [[0.005754207, 0.007172407]], atol=1e-9)


def test_every_derivation_of_it_is_the_engines_number() -> None:
    run = two_two_one()
    count = 0
    for step in run.plan.steps:
        record = run.records[step.path]
        for grad, table in ((False, record.outputs), (True, record.gradients)):
            for name, value in table.items():
                for at in np.ndindex(value.shape):
                    d = derive(run, step.path, name, at, grad)
                    assert d.value == pytest.approx(d.engine, rel=1e-12)
                    assert d.symbolic()
                    assert d.substituted()
                    count += 1
    outputs = 2 + 1 + 2 + 2 + 1 + 1 + 1  # x, t, hidden, h, out, o, L
    assert count == 2 * outputs + (2 + 4 + 2) + 2 + (2 + 2 + 1) + 1 + 2, "and the inputs and weights of each step"
    for key, weight in run.weights.items():
        for at in np.ndindex(weight.shape):
            d = derive_weight(run, key, at)
            assert d.value == pytest.approx(d.engine, rel=1e-12)


def test_weights_tied_by_a_wire_receive_both_gradients() -> None:
    """An autoencoder whose decoder is the encoder's matrix turned over: x → xW → xWWᵀ."""
    net = Net()
    x, w = net.input("x", 4), net.add("W", Parameter(size=(4, 2)))
    code = net.add("encoder", Linear(features=2, bias=False), x, W=w)
    back = net.add("decoder", Linear(features=4, bias=False), code, W=net.add("turned", Transpose(), w))
    net.add("L", MSE(), back, x)
    plan = compile(net.graph())
    assert not plan.problems
    assert set(plan.weights) == {"W.value"}
    rng = np.random.default_rng(0)
    W, X = rng.normal(size=(4, 2)), rng.normal(size=(5, 4))
    run = execute(plan, {"W.value": W}, {"x": X}, seeds={("L", "y"): 1.0})
    error = 2 * (X @ W @ W.T - X) / X.size
    np.testing.assert_allclose(run.weight_gradients()["W.value"], X.T @ error @ W + error.T @ X @ W, rtol=1e-10)
    assert [t.path for t in run.terms[plan.where["W"]["y"]]] == ["turned", "encoder"]


def test_weights_tied_by_sharing_receive_both_gradients() -> None:
    """Two towers that are one: |f(a) − f(b)|² of a siamese pair."""
    net = Net()
    left = net.add("left", Linear(features=2), net.input("a", 3))
    right = net.node(Node("right", Linear(features=2), shares="left"), net.input("b", 3))
    net.add("L", MSE(mean="sum"), left, right)
    plan = compile(net.graph())
    rng = np.random.default_rng(0)
    W, a, b = rng.normal(size=(3, 2)), rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    run = execute(plan, {"left.W": W, "left.b": np.ones(2)}, {"a": a, "b": b}, seeds={("L", "y"): 1.0})
    np.testing.assert_allclose(run.weight_gradients()["left.W"], 2 * (a - b).T @ (a - b) @ W, rtol=1e-10)
    np.testing.assert_allclose(run.weight_gradients()["left.b"], 0, atol=1e-12)


# --- training without the trainer ---------------------------------------------------------------------------


def image_to_be_loved() -> Graph:
    """A frozen filter that looks for an edge, and an image of which nothing is known."""
    net = Net()
    image = net.add("image", Parameter(size=(1, 1, 6, 6)))
    seen = net.node(Node("filter", Conv2D(filters=1, bias=False), frozen=True), image)
    net.add("score", Mean(), net.add("relu", ReLU(), seen))
    return net.graph()


EDGE = np.array([[[[-1.0, 0.0, 1.0]] * 3]])


def test_an_image_is_trained_by_ascent() -> None:
    plan = compile(image_to_be_loved())
    assert plan.trainable() == ("image.value",)
    weights = initial_weights(plan, seed=1) | {"filter.W": EDGE}
    scores = []
    for _ in range(60):
        run = execute(plan, weights, {}, seeds={("score", "y"): 1.0})
        scores.append(float(got(run, "score")))
        weights["image.value"] = weights["image.value"] + 5.0 * run.weight_gradients()["image.value"]
    assert scores[-1] > 10 * scores[0]
    assert all(b >= a for a, b in itertools.pairwise(scores)), "a linear score only rises"
    assert (run.weights["filter.W"] == EDGE).all()
    # Brightness rises from left to right, at most in the middle: that is what the filter loves.
    columns = weights["image.value"][0, 0, 1:5].mean(axis=0)
    assert columns[4:].min() > columns[:2].max()


def test_the_trainer_ascends_as_well() -> None:
    plan = compile(image_to_be_loved())
    phase = Phase(losses=(("score", 1.0),), train=("image",), ascend=True)
    data = Table({"unused": Column(np.zeros((4, 1)))})
    weights = initial_weights(plan, seed=1) | {"filter.W": EDGE}
    *_, last = fit(plan, weights, data, Setup(phases=(phase,), epochs=60))
    start, end = (float(got(execute(plan, {k: np.asarray(v) for k, v in w.items()}, {}), "score"))
                  for w in (weights, last.weights))
    assert end > start
    np.testing.assert_array_equal(last.weights["filter.W"], EDGE)


def layers(*sizes: int, name: str) -> Block:
    """A block of linear layers with tanh between them; the input is called x, the output y."""
    net = Net()
    h = net.input("x", sizes[0])
    for i, n in enumerate(sizes[1:]):
        h = net.add(f"{name}{i}", Linear(features=n, init="xavier"), h)
        h = net.add(f"tanh{i}", Tanh(), h) if i < len(sizes) - 2 else h
    net.output("y", h)
    return Block(graph=net.graph())


def gan() -> Plan:
    """Numbers from z by G; D sees real and made ones in separate batches, with the same weights."""
    net = Net()
    net.add("G", layers(2, 8, 1, name="g"), x=net.input("z", 2))
    discriminator = layers(1, 12, 1, name="d")
    net.node(Node("D", discriminator), x=net.input("real", 1))
    net.node(Node("D_made", discriminator, shares="D"), x=Source("G", "y"))
    loss = BinaryCrossEntropy(takes="logits")
    one, zero = net.input("one", 1), net.input("zero", 1)
    net.add("loss_real", loss, Source("D", "y"), one)
    net.add("loss_made", loss, Source("D_made", "y"), zero)
    net.add("loss_G", loss, Source("D_made", "y"), one)
    plan = compile(net.graph())
    assert not plan.problems
    return plan


D_LOSSES, G_LOSSES = ("loss_real", "loss_made"), ("loss_G",)


def test_a_gan_has_two_players() -> None:
    plan = gan()
    assert chosen(plan, ("D",)) == ("d0.W", "d0.b", "d1.W", "d1.b")
    assert chosen(plan, ("G",)) == ("g0.W", "g0.b", "g1.W", "g1.b")


def gan_batch(rng: np.random.Generator, n: int) -> dict[str, Array]:
    return {"z": rng.normal(size=(n, 2)), "real": 2.0 + 0.3 * rng.normal(size=(n, 1)),
            "one": np.ones((n, 1)), "zero": np.zeros((n, 1))}


def made(plan: Plan, weights: dict[str, Array]) -> Array:
    return got(execute(plan, weights, gan_batch(np.random.default_rng(99), 200)), "G")


def test_a_gan_is_trained_by_two_phases_of_a_plain_loop() -> None:
    plan, rng = gan(), np.random.default_rng(0)
    weights = initial_weights(plan, seed=3)
    before = float(made(plan, weights).mean())
    players = [(D_LOSSES, chosen(plan, ("D",))), (G_LOSSES, chosen(plan, ("G",)))]
    moments: dict[str, tuple[Array, Array]] = {k: (np.zeros(w.shape), np.zeros(w.shape)) for k, w in weights.items()}
    for update in range(400):
        for phase, (losses, keys) in enumerate(players):
            held = {k: w for k, w in weights.items() if k not in keys}
            mode = Mode(training=True, phase=phase, update=update)
            run = execute(plan, weights, gan_batch(rng, 32), mode, seeds={(loss, "y"): 1.0 for loss in losses})
            g = run.weight_gradients()
            for k in keys:  # Adam with β₁ = ½
                v, a = (0.5 * moments[k][0] + 0.5 * g[k], 0.99 * moments[k][1] + 0.01 * g[k] ** 2)
                moments[k] = v, a
                corrected = a / (1 - 0.99 ** (update + 1))
                weights[k] = weights[k] - 0.02 * v / (1 - 0.5 ** (update + 1)) / (np.sqrt(corrected) + 1e-8)
            assert all(weights[k] is w for k, w in held.items()), "the other player holds still"
    after = made(plan, weights)
    assert abs(before - 2) > 1
    assert float(after.mean()) == pytest.approx(2.0, abs=0.35)
    chance = 1 / (1 + np.exp(-got(execute(plan, weights, gan_batch(np.random.default_rng(5), 300)), "D", "y")))
    assert float(chance.mean()) == pytest.approx(0.5, abs=0.15), "D cannot tell any more"


def test_the_trainer_plays_the_same_game() -> None:
    plan, rng = gan(), np.random.default_rng(0)
    adam = Adam(rate=0.02, beta1=0.5, beta2=0.99)
    phases = (Phase("D", tuple((n, 1.0) for n in D_LOSSES), ("D",), adam),
              Phase("G", tuple((n, 1.0) for n in G_LOSSES), ("G",), adam))
    feed = (("z", "noise:normal"), ("real", "x"), ("one", "fill:1"), ("zero", "fill:0"))
    data = Table({"x": Column(2.0 + 0.3 * rng.normal(size=(640, 1)))})
    setup = Setup(phases=phases, feed=feed, epochs=40, batch=32)
    *_, last = fit(plan, initial_weights(plan, seed=3), data, setup)
    after = made(plan, {k: np.asarray(w) for k, w in last.weights.items()})
    assert float(after.mean()) == pytest.approx(2.0, abs=0.35)
