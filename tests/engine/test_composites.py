"""Ops that are made of other ops: their values by formula, their gradients by central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.graph import Input, Net
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Op
from graphlab.engine.ops.composites import ELBO, Sinkhorn, SkipGramLoss, StyleLoss
from graphlab.engine.ops.upsampling import SeparableConv
from graphlab.engine.plan import compile
from graphlab.engine.record import Array
from graphlab.engine.run import Run, execute
from graphlab.engine.spec import Batch, Spec

RNG = np.random.default_rng(4)


def draw(*shape: int, low: float = -1.0, high: float = 1.0) -> Array:
    return RNG.uniform(low, high, shape)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def elbo_squares(x: Array, target: Array, mu: Array, spread: Array) -> float:
    kl = -0.5 * (1 + spread - mu**2 - np.exp(spread)).sum()
    return float((np.square(x - target).sum() + 0.5 * kl) / len(x))


def elbo_logits(x: Array, target: Array, mu: Array, spread: Array) -> float:
    p = sigmoid(x)
    surprise = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum()
    kl = -0.5 * (1 + np.log(spread**2) - mu**2 - spread**2).sum()
    return float((surprise + kl) / len(x))


def skip_gram(t: Array, c: Array, negatives: Array) -> float:
    near, far = (t * c).sum(axis=1), np.einsum("bn,bkn->bk", t, negatives)
    return float(-(np.log(sigmoid(near)) + np.log(sigmoid(-far)).sum(axis=1)).mean())


def style(x: Array, target: Array) -> float:
    g, a = (np.einsum("bihw,bjhw->bij", v, v) / v[0].size for v in (x, target))
    return float(np.square(g - a).mean())


CASES: dict[str, tuple[Op, dict[str, Array], Any]] = {
    "ELBO of squares": (ELBO(beta=0.5), {"x": draw(3, 4), "target": draw(3, 4), "mu": draw(3, 2), "spread": draw(3, 2)},
                        elbo_squares),
    "ELBO of logits": (ELBO(likelihood="logits", spread="σ"), {
        "x": draw(2, 3), "target": draw(2, 3, low=0), "mu": draw(2, 1), "spread": draw(2, 1, low=0.3)}, elbo_logits),
    "skip-gram": (SkipGramLoss(), {"t": draw(3, 4), "c": draw(3, 4), "negatives": draw(3, 2, 4)}, skip_gram),
    "style": (StyleLoss(), {"x": draw(2, 3, 2, 2), "target": draw(2, 3, 4, 3)}, style),
}


def run(op: Op, inputs: dict[str, Array], output: str = "y", backward: bool = True) -> Run:
    net = Net()
    net.add("op", op, **{p: net.add(p, Input()) for p in inputs})
    plan = compile(net.graph(), {p: Spec((Batch(), *x.shape[1:])) for p, x in inputs.items()})
    assert not plan.problems, plan.problems[0].message
    return execute(plan, initial_weights(plan), inputs, seeds={("op", output): 1.0} if backward else None)


@pytest.mark.parametrize("name", CASES)
def test_values_follow_the_formula_and_gradients_central_differences(name: str) -> None:
    op, inputs, formula = CASES[name]
    done = run(op, inputs)
    assert done.value("op") == pytest.approx(formula(**inputs), rel=1e-12)
    for port, x in inputs.items():
        gradient = done.gradient(port)
        assert gradient is not None
        for at in [(0,) * x.ndim, tuple(n - 1 for n in x.shape)]:
            step = np.zeros_like(x)
            step[at] = 1e-5
            numeric = (formula(**{**inputs, port: x + step}) - formula(**{**inputs, port: x - step})) / 2e-5
            assert gradient[at] == pytest.approx(numeric, rel=1e-6, abs=1e-9), port


def test_the_elbo_shows_its_terms() -> None:
    op, inputs, _ = CASES["ELBO of squares"]
    done = run(op, inputs)
    total, reconstruction, kl = (done.value("op", n) for n in op.output_names())
    assert total is not None and reconstruction is not None and kl is not None
    assert total == pytest.approx(reconstruction + 0.5 * kl)


def test_sinkhorn_makes_rows_and_columns_sum_to_1() -> None:
    x = draw(2, 4, 4, low=-2, high=2)
    done = run(Sinkhorn(rounds=60), {"x": x}, backward=False)
    y = done.value("op")
    assert y is not None and (y > 0).all()
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(y.sum(axis=2), 1, rtol=1e-6)
    early = done.value("op/columns0")
    assert early is not None
    assert np.abs(early.sum(axis=2) - 1).max() > np.abs(y.sum(axis=2) - 1).max()


@pytest.mark.parametrize(("op", "shapes", "said"), [
    (Sinkhorn(), {"x": (3, 4)}, "takes square matrices"),
    (ELBO(), {"x": (4,), "target": (5,), "mu": (2,), "spread": (2,)}, "target shaped like its reconstruction, (B, 4)"),
    (SkipGramLoss(), {"t": (4,), "c": (4,), "negatives": (4,)}, "k random words for each word, (B, k, 4)"),
    (StyleLoss(), {"x": (3, 2, 2), "target": (2, 2, 2)}, "the same samples and channels, (B, 3)"),
    (SeparableConv(), {"x": (9,)}, "takes images shaped (B, C, H, W)"),
])
def test_misfits_are_said_of_the_whole_op(op: Op, shapes: dict[str, tuple[int, ...]], said: str) -> None:
    net = Net()
    net.add("op", op, **{p: net.add(p, Input()) for p in shapes})
    problem = compile(net.graph(), {p: Spec((Batch(), *s)) for p, s in shapes.items()}).problems[0]
    assert said in problem.message
    assert problem.path == "op"
