"""Slices against the network itself, directions against their definition, paths against optimisers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphlab.document.examples import open_example
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Array
from graphlab.engine.optim import SGD, AdaGrad, Adam, Momentum, Nesterov, Optimiser, RMSProp
from graphlab.engine.plan import compile
from graphlab.engine.run import RunError, execute
from graphlab.engine.surface import (
    Quadratic,
    Slice,
    coarse_to_fine,
    descend,
    flatten,
    loss_at,
    path_directions,
    random_directions,
    unflatten,
)


def test_a_slice_holds_the_loss_of_the_network_with_those_weights() -> None:
    plan = compile(open_example("xor").document.graph)
    weights = initial_weights(plan, 3)
    keys = plan.trainable()
    g = np.random.default_rng(0)
    loss = next(s.path for s in plan.steps if s.op.category == "Losses")
    feeds: dict[str, Array] = {s.path: g.uniform(0, 1, plan.slots[s.outputs["y"]].spec.concrete(6)).round()
                               for s in plan.inputs}
    plane = Slice(flatten(weights, keys), random_directions(weights, keys, 1))
    for alpha, beta in ((0.0, 0.0), (0.5, -0.25), (-1.0, 1.0)):
        by_hand: dict[str, Array] = dict(weights)
        at = 0
        for k in keys:
            n = weights[k].size
            by_hand[k] = weights[k] + (alpha * plane.directions[0, at:at + n] + beta * plane.directions[1, at:at + n]
                                       ).reshape(weights[k].shape)
            at += n
        value = execute(plan, by_hand, feeds).value(loss)
        assert value is not None
        moved = {**weights, **unflatten(plane.at(alpha, beta), weights, keys)}
        assert loss_at(plan, moved, feeds, [(loss, 1.0)]) == pytest.approx(float(value), rel=1e-12)
        assert loss_at(plan, moved, feeds, [(loss, -2.0)]) == pytest.approx(-2 * float(value), rel=1e-12)


def test_random_directions_have_the_lengths_of_the_filters() -> None:
    g = np.random.default_rng(0)
    weights: dict[str, Array] = {"k": g.standard_normal((4, 3, 2, 2)), "w": g.standard_normal((5, 6)),
                                 "b": g.standard_normal(6)}
    found = random_directions(weights, ["k", "w", "b"], 7)
    for d in found:
        parts = unflatten(d, weights, ["k", "w", "b"])
        np.testing.assert_allclose(np.linalg.norm(parts["k"].reshape(4, -1), axis=1),
                                   np.linalg.norm(weights["k"].reshape(4, -1), axis=1))
        np.testing.assert_allclose(np.linalg.norm(parts["w"], axis=0), np.linalg.norm(weights["w"], axis=0))
        assert not parts["b"].any()
    np.testing.assert_array_equal(found, random_directions(weights, ["k", "w", "b"], 7))
    assert not np.allclose(found, random_directions(weights, ["k", "w", "b"], 8))


def test_a_path_in_a_plane_has_that_plane_and_projects_onto_itself() -> None:
    g = np.random.default_rng(2)
    basis, centre = g.standard_normal((2, 30)), g.standard_normal(30)
    path = centre + g.standard_normal((12, 2)) @ basis
    directions, shares = path_directions(path, centre)
    assert shares.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-12)
    plane = Slice(centre, directions)
    for point in path:
        place, away = plane.project(point)
        np.testing.assert_allclose(plane.at(*place), point, atol=1e-10)
        assert away < 1e-9
    off = path[0] + np.linalg.svd(directions)[2][-1] * 3.0
    assert plane.project(off)[1] == pytest.approx(3.0)
    with pytest.raises(RunError, match="at least 3"):
        path_directions(path[:2], centre)
    with pytest.raises(RunError, match="straight line"):
        path_directions(centre + np.arange(5.0)[:, None] * basis[0], centre)


def test_a_grid_is_walked_once_and_its_corners_come_early() -> None:
    cells = [(i, j) for i, j, _ in coarse_to_fine(17)]
    assert len(cells) == len(set(cells)) == 17 * 17
    assert set(cells[:4]) == {(0, 0), (0, 16), (16, 0), (16, 16)}


def test_quadratics_have_the_gradient_of_central_differences_and_newton_ends_at_the_middle() -> None:
    f, p, h = Quadratic(2.0, 1.0, 0.5), np.array([0.7, -1.3]), 1e-6
    for i in range(2):
        e = np.eye(2)[i] * h
        assert f.gradient(p)[i] == pytest.approx(float(f.value(p + e) - f.value(p - e)) / (2 * h), rel=1e-8)
    newton = f.newton(p)
    assert newton is not None
    np.testing.assert_allclose(newton, 0, atol=1e-12)
    assert Quadratic(1.0, 2.0, 1.0).newton(p) is None


def by_hand(kind: str, f: Quadratic, start: tuple[float, float], eta: float, steps: int) -> list[list[float]]:
    """Step an optimiser with plain numbers, one coordinate after the other."""
    p, v, a = list(start), [0.0, 0.0], [0.0, 0.0]
    out = [list(p)]
    for t in range(1, steps + 1):
        q = [p[i] + 0.9 * v[i] for i in range(2)] if kind == "nesterov" else p
        g = [2 * f.a * q[0] + f.b * q[1], f.b * q[0] + 2 * f.c * q[1]]
        for i in range(2):
            if kind == "sgd":
                p[i] -= eta * g[i]
            elif kind in ("A", "nesterov"):
                v[i] = 0.9 * v[i] - eta * g[i]
                p[i] += v[i]
            elif kind == "B":
                v[i] = 0.9 * v[i] + g[i]
                p[i] -= eta * v[i]
            elif kind == "adagrad":
                a[i] += g[i] ** 2
                p[i] -= eta * g[i] / (math.sqrt(a[i]) + 1e-7)
            elif kind == "rmsprop":
                a[i] = 0.9 * a[i] + 0.1 * g[i] ** 2
                p[i] -= eta * g[i] / (math.sqrt(a[i]) + 1e-8)
            else:
                v[i] = 0.9 * v[i] + 0.1 * g[i]
                a[i] = 0.999 * a[i] + 0.001 * g[i] ** 2
                p[i] -= eta * (v[i] / (1 - 0.9**t)) / (math.sqrt(a[i] / (1 - 0.999**t)) + 1e-8)
        out.append(list(p))
    return out


@pytest.mark.parametrize(("kind", "optimiser"), [
    ("sgd", SGD(rate=0.05)), ("A", Momentum(rate=0.05)), ("B", Momentum(rate=0.05, form="B")),
    ("nesterov", Nesterov(rate=0.05)), ("adagrad", AdaGrad(rate=0.05)), ("rmsprop", RMSProp(rate=0.05)),
    ("adam", Adam(rate=0.05)),
])
def test_paths_are_those_of_optimisers_stepped_by_hand(kind: str, optimiser: Optimiser) -> None:
    f = Quadratic(3.0, 1.5, 0.7)
    path = descend(f.gradient, np.array([1.5, -2.0]), optimiser, 25)
    np.testing.assert_allclose(path, by_hand(kind, f, (1.5, -2.0), 0.05, 25), rtol=1e-9, atol=1e-12)


def test_a_rate_that_is_too_large_ends_the_path_in_nan() -> None:
    f = Quadratic(1.0, 0.0, 1.0)  # λ = 2: descent diverges above η = 1
    path = descend(f.gradient, np.array([1.0, 1.0]), SGD(rate=2.0), 60)
    assert np.isfinite(path[3]).all() and np.isnan(path[-1]).all()
    assert np.isfinite(descend(f.gradient, np.array([1.0, 1.0]), SGD(rate=0.99), 60)).all()
