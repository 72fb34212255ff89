"""Jacobians and Hessians against formulas."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.engine.graph import Net
from graphlab.engine.init import initial_weights
from graphlab.engine.jacobian import By, curvature, hessian, jacobian
from graphlab.engine.ops.activations import Softmax, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.engine.plan import compile
from graphlab.engine.record import Array
from graphlab.engine.run import Run, RunError, execute


def network() -> tuple[Run, dict[str, Array]]:
    net = Net()
    x = net.input("x", 3)
    h = net.add("tanh", Tanh(), net.add("fc", Linear(features=2), x))
    net.add("p", Softmax(), h)
    line = net.add("line", Linear(features=1), x)
    net.add("loss", MSE(mean="half"), line, net.input("target", 1))
    plan = compile(net.graph())
    weights = initial_weights(plan, 3)
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((4, 3)), "target": rng.standard_normal((4, 1))}
    return execute(plan, weights, feeds), feeds


def test_the_jacobian_of_softmax_is_diag_p_minus_p_pt() -> None:
    run, _ = network()
    p = run.value("p")
    assert p is not None
    # By the scores: through tanh's own Jacobian, by weights of the line before it.
    by_bias = jacobian(run, "p", By("fc.b", weight=True))
    tanh = run.value("tanh")
    assert tanh is not None
    for b in range(4):
        softmax = np.diag(p[b]) - np.outer(p[b], p[b])
        np.testing.assert_allclose(by_bias[2 * b:2 * b + 2], softmax @ np.diag(1 - tanh[b] ** 2), atol=1e-12)
    assert jacobian(run, "p", By("x")).shape == (8, 12)


def test_the_hessian_of_least_squares_is_xt_x_over_n() -> None:
    run, feeds = network()
    h = hessian(run, "loss", By("line.W", weight=True))
    x = feeds["x"]
    np.testing.assert_allclose(h, x.T @ x / 4, rtol=1e-6, atol=1e-8)
    found = curvature(h)
    assert found.kind == "bowl"
    assert found.condition == pytest.approx(np.linalg.cond(x.T @ x), rel=1e-5)
    assert "minimum" in found.sentence


def test_kinds_of_curvature() -> None:
    assert curvature(np.diag([1.0, -2.0])).kind == "saddle"
    assert curvature(np.diag([-1.0, -2.0])).kind == "dome"
    assert "no inverse" in curvature(np.array([[1.0, 1.0], [1.0, 1.0]])).sentence


def test_what_cannot_be_derived_is_said() -> None:
    run, _ = network()
    with pytest.raises(RunError, match="gives 8"):
        hessian(run, "p", By("x"))
    with pytest.raises(RunError, match="no weight"):
        jacobian(run, "p", By("nothing.W", weight=True))
    with pytest.raises(RunError, match="has not been run"):
        jacobian(run, "nowhere", By("x"))
