"""Training as a whole: reproducible, resumable, honest about NaN, and good enough on real data."""

from __future__ import annotations

import time
from itertools import islice

import numpy as np
import pytest

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.document.datasets import Digits
from graphlab.engine.data import Column, Split, Table
from graphlab.engine.fast import lower, plain
from graphlab.engine.fast.program import MakeStep
from graphlab.engine.graph import Graph, Net, Node
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Op
from graphlab.engine.ops.activations import ReLU, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.ops.losses import MSE, BinaryCrossEntropy
from graphlab.engine.ops.maths import Log, Sqrt
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.regularise import Dropout
from graphlab.engine.optim import SGD, Adam, Momentum, Nesterov, Optimiser
from graphlab.engine.plan import Plan, compile
from graphlab.engine.progress import Progress
from graphlab.engine.record import Array, Mode
from graphlab.engine.regularise import L2, WeightDecay
from graphlab.engine.run import RunError, execute
from graphlab.engine.schedule import Cosine
from graphlab.engine.setup import chosen
from graphlab.engine.sources import Moons, Regression1D, Spirals
from graphlab.engine.train import Phase, Setup, Trainer, fit

MAKERS = pytest.mark.parametrize("make", [plain.make_step, lower.make_step], ids=["plain", "fast"])


def mlp(sizes: tuple[int, ...], act: type[Op] = Tanh, more: tuple[Op, ...] = ()) -> Plan:
    """A classifier with index labels; ``more`` stands behind each hidden activation."""
    net = Net()
    h, t = net.input("x", sizes[0]), net.input("t", kind="index")
    for i, n in enumerate(sizes[1:]):
        h = net.add(f"fc{i}", Linear(features=n), h)
        if i < len(sizes) - 2:
            for j, op in enumerate((act(), *more)):
                h = net.add(f"h{i}{j}", op, h)
    net.add("loss", SoftmaxCrossEntropy(), h, t)
    plan = compile(net.graph())
    assert not plan.problems
    return plan


def with_optimiser(optimiser: Optimiser) -> tuple[Phase, ...]:
    return (Phase(optimiser=optimiser),)


def train(plan: Plan, setup: Setup, make: MakeStep | None = None, interval: float = 10.0) -> Progress:
    """Train to the end and return the last progress."""
    *_, last = fit(plan, initial_weights(plan, setup.seed), setup.data.table(), setup, interval, make)
    assert last.done
    return last


def same(a: Progress, b: Progress) -> bool:
    return all(np.array_equal(a.weights[k], b.weights[k]) for k in a.weights)


SMALL = Setup(data=Moons(n=100), epochs=5, phases=with_optimiser(Adam(rate=0.01)))
SMALL_NET = mlp((2, 8, 2), more=(BatchNorm(), Dropout()))


def test_a_digits_network_reaches_96_percent() -> None:
    setup = Setup(data=Digits(), epochs=25, phases=with_optimiser(Adam(rate=0.003)))
    begun = time.perf_counter()
    plan = mlp((64, 64, 32, 10), ReLU)
    trainer = Trainer(plan, initial_weights(plan), setup.data.table(), setup)
    *_, last = trainer.run()
    assert last.validation is not None and last.validation.accuracy is not None
    assert last.validation.accuracy >= 0.96
    assert time.perf_counter() - begun < 20
    assert (last.epoch, last.update, last.eta) == (25, 25 * 45, 0.0)
    confusion = trainer.confusion("validation")
    assert confusion is not None and confusion.counts.sum() == 359
    assert confusion.accuracy == last.validation.accuracy and trainer.scores("test") is None


def test_moons_and_spirals_are_separated() -> None:
    for source in (Moons(), Spirals(turns=1.5)):
        last = train(mlp((2, 32, 32, 2)), Setup(data=source, epochs=200, phases=with_optimiser(Adam(rate=0.01))))
        assert last.validation is not None and (last.validation.accuracy or 0) > 0.97, source


def test_a_curve_is_learned_without_accuracy() -> None:
    net = Net()
    h = net.add("act", Tanh(), net.add("fc", Linear(features=16), net.input("x", 1)))
    net.add("loss", MSE(), net.add("out", Linear(features=1), h), net.input("t", 1))
    setup = Setup(data=Regression1D(noise=0.05), epochs=200, phases=with_optimiser(Adam(rate=0.02)))
    last = train(compile(net.graph()), setup)
    assert last.validation is not None and last.validation.accuracy is None
    assert last.validation.loss < 0.01


def test_logits_are_judged_at_zero() -> None:
    net = Net()
    h = net.add("act", Tanh(), net.add("fc", Linear(features=16), net.input("x", 2)))
    net.add("loss", BinaryCrossEntropy(takes="logits"), net.add("out", Linear(features=1), h), net.input("t", 1))
    last = train(compile(net.graph()), Setup(epochs=60, phases=with_optimiser(Momentum(rate=0.1))))
    assert last.validation is not None and last.validation.accuracy is not None and last.validation.accuracy > 0.97


@MAKERS
def test_one_seed_gives_the_same_bits(make: MakeStep) -> None:
    first = train(SMALL_NET, SMALL, make)
    assert same(first, train(SMALL_NET, SMALL, make, interval=0.0)), "watching closely changes nothing"
    assert not same(first, train(SMALL_NET, SMALL.replace(seed=1), make))


def test_plain_and_fast_agree() -> None:
    """Update by update, from the same weights: differences are those of rounding in float32."""
    a, b = (Trainer(SMALL_NET, initial_weights(SMALL_NET), Moons(n=100).table(), SMALL, m)
            for m in (plain.make_step, lower.make_step))
    for _ in range(12):
        a.set_weights(b.parameters.weights)
        a.update()
        b.update()
        for key in a.parameters.weights:
            np.testing.assert_allclose(a.parameters.weights[key], b.parameters.weights[key], rtol=2e-3, atol=2e-5)


@MAKERS
def test_pausing_stopping_and_single_updates_change_nothing(make: MakeStep) -> None:
    whole = train(SMALL_NET, SMALL, make)
    trainer = Trainer(SMALL_NET, initial_weights(SMALL_NET), Moons(n=100).table(), SMALL, make)
    paused = trainer.run(interval=0.0)
    seen = list(islice(paused, 4))
    assert [p.update for p in seen] == [1, 2, 3, 4]
    paused.close()  # type: ignore[attr-defined]
    trainer.update()
    middle = trainer.progress()
    assert (middle.update, middle.epoch, middle.version, middle.scored) == (5, 1, 5, 5)
    *_, last = trainer.run(interval=10.0)
    assert same(whole, last) and last.update == whole.update == 15
    assert np.array_equal(middle.weights["fc0.W"], Trainer(
        SMALL_NET, middle.weights, Moons(n=100).table(), SMALL, make).parameters.weights["fc0.W"])


def test_going_on_after_the_end() -> None:
    trainer = Trainer(SMALL_NET, initial_weights(SMALL_NET), Moons(n=100).table(), SMALL.replace(epochs=2))
    *_, first = trainer.run()
    trainer.extend(3)
    *_, second = trainer.run()
    assert first.done and (second.update, second.epoch) == (15, 5)
    assert same(second, train(SMALL_NET, SMALL))


def test_progress_comes_by_time_and_never_changes() -> None:
    setup = SMALL.replace(epochs=400)
    begun = time.perf_counter()
    seen = list(fit(SMALL_NET, initial_weights(SMALL_NET), Moons(n=100).table(), setup))
    took = time.perf_counter() - begun
    assert len(seen) <= took / (1 / 30) + 2 and len(seen) < 1200
    assert [p.done for p in seen] == [*[False] * (len(seen) - 1), True]
    last = seen[-1]
    assert last.update == last.updates == 1200 and last.message == "Training is done: 400 epochs, 1200 updates."
    assert set(last.norms) == {"fc0", "h01", "fc1"} and all(n > 0 for n in last.norms.values())
    assert 0 < last.seconds <= took and last.version == last.scored == 1200
    assert not any(w.flags.writeable for w in last.weights.values())
    assert {w.dtype for w in last.weights.values()} == {np.dtype(np.float32)}


def test_frozen_nodes_and_patterns_receive_no_update() -> None:
    base = SMALL_NET.graph
    nodes = {**base.nodes, "fc0": Node("fc0", base.nodes["fc0"].op, frozen=True)}
    plan = compile(Graph(nodes, base.wires))
    weights = initial_weights(plan)
    moved = {k for k, w in train(plan, SMALL).weights.items() if not np.array_equal(w, weights[k].astype(np.float32))}
    assert moved == {"fc1.W", "fc1.b", "h01.gamma", "h01.beta", "h01.mean", "h01.var"}
    setup = SMALL.replace(phases=(Phase(train=("*", "!fc1", "!*.beta"), optimiser=Adam()),))
    moved = {k for k, w in train(SMALL_NET, setup).weights.items()
             if not np.array_equal(w, weights[k].astype(np.float32))}
    assert moved == {"fc0.W", "fc0.b", "h01.gamma", "h01.mean", "h01.var"}


def test_patterns() -> None:
    plan = SMALL_NET
    assert chosen(plan, ("!fc*",)) == ("h01.gamma", "h01.beta")
    assert chosen(plan, ("fc1",)) == ("fc1.W", "fc1.b")
    assert chosen(plan, ("*.b", "!fc0", "fc0.W")) == ("fc0.W", "fc1.b")
    assert chosen(plan, ()) == ()


def test_memories_move_by_their_rate() -> None:
    norm = BatchNorm(momentum=0.25) if "momentum" in BatchNorm().values() else BatchNorm()
    plan = mlp((2, 2), more=())
    net = Net()
    h = net.add("bn", norm, net.input("x", 2))
    net.add("loss", SoftmaxCrossEntropy(), net.add("fc", Linear(features=2), h), net.input("t", kind="index"))
    plan = compile(net.graph())
    table = Moons(n=100).table()
    setup = Setup(split=Split(validation=0.0), batch=100, epochs=1)
    trainer = Trainer(plan, initial_weights(plan), table, setup)
    trainer.update()
    run = execute(plan, initial_weights(plan), trainer.prepared.feeds(np.arange(100)), Mode(training=True))
    for move in run.records["bn"].updates:
        old = initial_weights(plan)[f"bn.{move.port}"]
        np.testing.assert_allclose(trainer.parameters.weights[f"bn.{move.port}"],
                                   (1 - move.rate) * old + move.rate * move.value, rtol=1e-5)
    assert len(run.records["bn"].updates) == 2


def linear_regression(**setup: object) -> tuple[Plan, Setup, Table]:
    net = Net()
    net.add("loss", MSE(), net.add("fc", Linear(features=1), net.input("x", 1)), net.input("t", 1))
    table = Table({"x": Column(np.array([[1.0], [2.0]])), "y": Column(np.array([[3.0], [5.0]]), target=True)})
    base = Setup(split=Split(validation=0.0), batch=2, epochs=1, phases=with_optimiser(SGD(rate=0.1)))
    return compile(net.graph()), base.replace(**setup), table


@MAKERS
def test_an_update_by_hand(make: MakeStep) -> None:
    """ŷ = wx + b, L = ½((w+b−3)² + (2w+b−5)²): at w = b = 0, ∂L/∂w = −3 − 10 = −13 and ∂L/∂b = −8."""
    zero: dict[str, Array] = {"fc.W": np.zeros((1, 1)), "fc.b": np.zeros(1)}

    def after(**changes: object) -> tuple[float, float]:
        plan, setup, table = linear_regression(**changes)
        trainer = Trainer(plan, zero if "penalty" not in changes else {**zero, "fc.W": np.ones((1, 1))}, table,
                          setup, make)
        trainer.update()
        progress = trainer.progress()
        if not changes:
            assert progress.loss == pytest.approx(17.0) and progress.norms["fc"] == pytest.approx(np.hypot(13, 8))
        return float(progress.weights["fc.W"][0, 0]), float(progress.weights["fc.b"][0])

    assert after() == pytest.approx((1.3, 0.8))
    assert after(clip=1.0) == pytest.approx((1.3 / np.hypot(13, 8), 0.8 / np.hypot(13, 8)))
    # At w = 1: ∂L/∂w = −2 − 2·3 = −8, ∂L/∂b = −5; L2 adds λw = ½, decay shrinks w by ηλ = 1/20 first.
    assert after(penalty=L2(strength=0.5)) == pytest.approx((1 + 0.8 - 0.05, 0.5))
    assert after(penalty=WeightDecay(strength=0.5)) == pytest.approx((0.95 + 0.8, 0.5))


def test_the_schedule_sets_the_rate() -> None:
    plan, setup, table = linear_regression(epochs=4, schedule=Cosine())
    rates = [p.rate for p in fit(plan, initial_weights(plan), table, setup, interval=0.0)]
    assert rates == pytest.approx([0.1 * 0.5 * (1 + np.cos(np.pi * t / 4)) for t in range(4)])


def test_early_stopping_restores_the_best_weights() -> None:
    """Too large a network on few noisy samples: validation gets worse again."""
    setup = Setup(data=Moons(n=60, noise=0.5), split=Split(validation=0.5), epochs=400, patience=15,
                  phases=with_optimiser(Adam(rate=0.02)))
    plan = mlp((2, 64, 64, 2))
    trainer = Trainer(plan, initial_weights(plan), setup.data.table(), setup)
    seen: list[tuple[float, Array]] = []
    while not trainer.finished:
        trainer.update()
        scores = trainer.scores("validation")
        assert scores is not None
        if trainer.epoch > len(seen) and not trainer.message:
            seen.append((scores.loss, trainer.parameters.flat.copy()))
    best = min(seen, key=lambda s: s[0])
    assert trainer.epoch < 400 and len(seen) - 1 - [s[0] for s in seen].index(best[0]) == 14
    assert np.array_equal(trainer.parameters.flat, best[1])
    last = trainer.progress()
    assert trainer.scores("validation") == last.validation
    assert best[0] == (last.validation.loss if last.validation else None)
    assert "has not improved for 15 epochs" in last.message and "lowest validation loss" in last.message


@MAKERS
def test_nan_stops_with_the_node_where_it_began(make: MakeStep) -> None:
    net = Net()
    h = net.add("log", Log(), net.add("fc", Linear(features=2, init="zeros"), net.input("x", 2)))
    net.add("loss", SoftmaxCrossEntropy(), net.add("out", Linear(features=2), h), net.input("t", kind="index"))
    plan = compile(net.graph())
    last = train(plan, SMALL, make)
    assert (last.path, last.update, last.done) == ("log", 0, True)
    assert "the output y of Log ‘log’ became inf" in last.message and "before update 1" in last.message
    assert all(np.isfinite(w).all() for w in last.weights.values())


@pytest.mark.parametrize("optimiser", [SGD(rate=1e30), Nesterov(rate=1e30)], ids=lambda o: o.name())
def test_too_large_a_rate_is_said_and_the_weights_stay_finite(optimiser: Optimiser) -> None:
    plan, setup, table = linear_regression(phases=with_optimiser(optimiser), epochs=50)
    *_, last = fit(plan, initial_weights(plan), table, setup)
    assert last.done and last.path == "fc" and "rate times gradient became" in last.message
    assert all(np.isfinite(w).all() for w in last.weights.values()) and last.update < 50


def test_a_gradient_that_breaks_where_values_do_not() -> None:
    """√x has the derivative 1/(2√x): at 0 the value is fine, and the gradient is not."""
    net = Net()
    root = net.add("root", Sqrt(), net.add("fc", Linear(features=1, init="zeros"), net.input("x", 1)))
    net.add("loss", MSE(), root, net.input("t", 1))
    _, setup, table = linear_regression()
    plan = compile(net.graph())
    *_, last = fit(plan, initial_weights(plan), table, setup)
    assert last.path == "root" and "the gradient for x of Sqrt ‘root’ became inf" in last.message


def test_bad_weights_and_data_are_said() -> None:
    plan, setup, table = linear_regression()
    typed = {"fc.W": np.array([[np.nan]]), "fc.b": np.zeros(1)}
    *_, last = fit(plan, typed, table, setup)
    assert last.path == "fc" and "the weight fc.W holds NaN" in last.message
    broken = Table({**table.columns, "x": Column(np.array([[1.0], [np.nan]]))})
    *_, last = fit(plan, initial_weights(plan), broken, setup)
    assert last.path == "x" and "the data of Input ‘x’ hold NaN" in last.message


def test_what_keeps_training_from_beginning_is_said() -> None:
    def said(plan: Plan, setup: Setup) -> str:
        with pytest.raises(RunError) as e:
            Trainer(plan, initial_weights(plan), setup.data.table(), setup)
        return str(e.value)

    net = Net()
    net.add("fc", Linear(features=2), net.input("x", 2))
    assert "the network has no loss node" in said(compile(net.graph()), SMALL)
    assert "none fits nothing/*" in said(SMALL_NET, SMALL.replace(phases=(Phase(train=("nothing/*",)),)))
    assert "needs the loss ‘gone’" in said(SMALL_NET, SMALL.replace(phases=(Phase(losses=(("gone", 1.0),)),)))
    assert "set the patience to 0" in said(SMALL_NET, SMALL.replace(patience=3, split=Split(validation=0.0)))
    assert "batch must be at least 1" in said(SMALL_NET, SMALL.replace(batch=0))
    assert "‘x’ takes (3,) a sample" in said(mlp((3, 2)), SMALL)
    assert "none of 1 samples" in said(SMALL_NET, SMALL.replace(data=Moons(n=1), split=Split(validation=0.9)))
    wrong = {**initial_weights(SMALL_NET), "fc0.W": np.zeros((3, 8))}
    with pytest.raises(RunError, match=r"fc0.W needs the shape \(2, 8\)"):
        Trainer(SMALL_NET, wrong, Moons(n=100).table(), SMALL)
