"""Optimisers, schedules and penalties, by hand and against PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from graphlab.engine.declared import Declared
from graphlab.engine.optim import SGD, AdaGrad, Adam, Momentum, Nesterov, Optimiser, RMSProp, optimisers
from graphlab.engine.record import Array
from graphlab.engine.regularise import L1, L2, NoPenalty, WeightDecay, clip, norm, penalties
from graphlab.engine.schedule import Constant, Cosine, Cyclical, Step, schedules

CURVATURE = np.array([1.0, 10.0, 0.1, 3.0])
CENTRE = np.array([1.0, -2.0, 0.5, 0.0])


def gradient(w: Array) -> Array:
    """The gradient of Σ ½cᵢ(wᵢ − mᵢ)² + ¼(wᵢ − mᵢ)⁴."""
    d = w - CENTRE
    out: Array = CURVATURE * d + d * d * d
    return out


def walk(optimiser: Optimiser, updates: int, start: Array | None = None) -> list[Array]:
    """Return the weights before the first update and after each."""
    w = np.array([0.5, 0.5, -0.5, 1.0]) if start is None else start.copy()
    state = optimiser.start(w.size, np.float64)
    seen = [w.copy()]
    for t in range(1, updates + 1):
        optimiser.look_ahead(state, w)
        optimiser.update(state, w, gradient(w), t, optimiser.rate)
        seen.append(w.copy())
    return seen


G0, G1 = 0.5, -0.25  # two gradients, whatever the weights
BY_HAND: list[tuple[Optimiser, float, float]] = [
    # (optimiser, weight after the first update, after the second), from w = 1 with the gradients ½ and −¼
    (SGD(rate=0.1), 1 - 0.05, 0.95 + 0.025),
    # v = −0.05, then 0.9·(−0.05) + 0.025 = −0.02
    (Momentum(rate=0.1), 0.95, 0.93),
    # v = 0.5, then 0.45 − 0.25 = 0.2
    (Momentum(rate=0.1, form="B"), 0.95, 0.93),
    # v = −0.05, θ = 0.95; v = −0.045 + 0.025 = −0.02, θ = 0.93
    (Nesterov(rate=0.1), 0.95, 0.93),
    # v′ = −0.05: θ̃ = 1 − 0.05 − 0.045 = 0.905; v′ = −0.02: θ̃ = 0.905 − 0.02 + 0.9·0.03 = 0.912
    (Nesterov(rate=0.1, form="transformed"), 0.905, 0.912),
    # a = 0.25, then 0.3125
    (AdaGrad(rate=0.1, stabiliser=0.5), 1 - 0.1 * 0.5 / 1.0, 0.95 + 0.1 * 0.25 / (math.sqrt(0.3125) + 0.5)),
    # a = 0.025, then 0.0225 + 0.00625 = 0.02875
    (RMSProp(rate=0.1, stabiliser=0.0), 1 - 0.05 / math.sqrt(0.025),
     1 - 0.05 / math.sqrt(0.025) + 0.025 / math.sqrt(0.02875)),
    # v̂ = 0.5, â = 0.25; v = 0.02, a = 0.00031225: v̂ = 0.02/0.19, â = 0.00031225/0.001999
    (Adam(rate=0.1, stabiliser=0.0), 0.9, 0.9 - 0.1 * (0.02 / 0.19) / math.sqrt(0.00031225 / 0.001999)),
    # (1 − 0.1·0.5)·1 − 0.1 = 0.85, then 0.95·0.85 − …
    (Adam(rate=0.1, stabiliser=0.0, weight_decay=0.5), 0.85,
     0.95 * 0.85 - 0.1 * (0.02 / 0.19) / math.sqrt(0.00031225 / 0.001999)),
]


@pytest.mark.parametrize(("optimiser", "first", "second"), BY_HAND)
def test_two_updates_by_hand(optimiser: Optimiser, first: float, second: float) -> None:
    w = np.ones(1)
    state = optimiser.start(1, np.float64)
    for t, (g, want) in enumerate([(G0, first), (G1, second)], 1):
        optimiser.look_ahead(state, w)
        optimiser.update(state, w, np.array([g]), t, optimiser.rate)
        assert w[0] == pytest.approx(want, rel=1e-12)


def test_every_optimiser_is_done_by_hand() -> None:
    assert {type(o) for o, _, _ in BY_HAND} == set(optimisers().values())


def torch_walk(make: Callable[[Sequence[Any]], Any], updates: int) -> list[Array]:
    torch = pytest.importorskip("torch")
    w = torch.tensor([0.5, 0.5, -0.5, 1.0], dtype=torch.float64, requires_grad=True)
    optimiser = make([w])
    seen = [w.detach().numpy().copy()]
    for _ in range(updates):
        w.grad = torch.from_numpy(gradient(w.detach().numpy()))
        optimiser.step()
        seen.append(w.detach().numpy().copy())
    return seen


@pytest.mark.peers
@pytest.mark.parametrize(("ours", "theirs"), [
    (SGD(rate=0.02), lambda o, p: o.SGD(p, lr=0.02)),
    (Momentum(rate=0.02), lambda o, p: o.SGD(p, lr=0.02, momentum=0.9)),
    (Momentum(rate=0.02, form="B", momentum=0.5), lambda o, p: o.SGD(p, lr=0.02, momentum=0.5)),
    (Nesterov(rate=0.02, form="transformed"), lambda o, p: o.SGD(p, lr=0.02, momentum=0.9, nesterov=True)),
    (AdaGrad(rate=0.1, stabiliser=1e-10), lambda o, p: o.Adagrad(p, lr=0.1)),
    (RMSProp(rate=0.01, decay=0.99), lambda o, p: o.RMSprop(p, lr=0.01, alpha=0.99)),
    (Adam(rate=0.01), lambda o, p: o.Adam(p, lr=0.01)),
    (Adam(rate=0.01, weight_decay=0.1), lambda o, p: o.AdamW(p, lr=0.01, weight_decay=0.1)),
], ids=lambda v: str(v) if isinstance(v, Optimiser) else "")
def test_as_pytorch(ours: Optimiser, theirs: Callable[[Any, Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    want = torch_walk(lambda p: theirs(torch.optim, p), 50)
    np.testing.assert_allclose(walk(ours, 50), want, rtol=1e-10, atol=1e-12)


def test_both_forms_of_nesterov_agree() -> None:
    """θ̃ = θ + αv, update by update, for gradients that depend on where they are taken."""
    look, transformed = Nesterov(rate=0.02), Nesterov(rate=0.02, form="transformed")
    w = np.array([0.5, 0.5, -0.5, 1.0])
    w2 = w.copy()
    state, state2 = look.start(4, np.float64), transformed.start(4, np.float64)
    for t in range(1, 41):
        look.look_ahead(state, w)
        np.testing.assert_allclose(w, w2, rtol=1e-12)
        look.update(state, w, gradient(w), t, look.rate)
        transformed.update(state2, w2, gradient(w2), t, look.rate)
        np.testing.assert_allclose(w + look.momentum * state["v"], w2, rtol=1e-12)
    assert np.abs(w - CENTRE).max() < 0.6


def test_looking_back_undoes_looking_ahead() -> None:
    optimiser = Nesterov(rate=0.02)
    w = np.ones(4)
    state = optimiser.start(4, np.float64)
    optimiser.update(state, w, gradient(w), 1, 0.02)
    before = w.copy()
    optimiser.look_ahead(state, w)
    assert not np.allclose(w, before)
    optimiser.look_back(state, w)
    np.testing.assert_allclose(w, before, rtol=1e-14)


@pytest.mark.parametrize("cls", optimisers().values(), ids=lambda c: c.name())
def test_precision_is_kept_and_minima_are_found(cls: type[Optimiser]) -> None:
    optimiser = cls(rate={"AdaGrad": 0.5, "SGD": 0.05}.get(cls.name(), 0.01))
    w = np.array([0.5, 0.5, -0.5, 1.0], np.float32)
    state = optimiser.start(4)
    for t in range(1, 801):
        optimiser.look_ahead(state, w)
        optimiser.update(state, w, gradient(w).astype(np.float32), t, optimiser.rate)
    assert {a.dtype for a in (w, *state.values())} == {np.dtype(np.float32)}
    assert np.abs(w - CENTRE)[[0, 1, 3]].max() < 0.05


@pytest.mark.parametrize("family", [optimisers(), schedules(), penalties()])
def test_declarations_say_what_they_are(family: dict[str, type[Declared]]) -> None:
    for name, cls in family.items():
        assert cls.sentence().endswith("."), name
        assert not cls().problems(), name
        assert all(a.help for a in cls.attributes()), name
        assert name in ("Constant", "NoPenalty") or cls().formula(), name


def test_adam_leaves_biases_out_of_its_decay() -> None:
    w = np.ones(2)
    adam = Adam(rate=0.1, weight_decay=0.5)
    adam.update(adam.start(2, np.float64), w, np.zeros(2), 1, 0.1, np.array([1.0, 0.0]))
    assert w.tolist() == [0.95, 1.0]


def test_schedules() -> None:
    assert [Constant().factor(t, 10, 100) for t in (0, 50, 99)] == [1, 1, 1]
    step = Step(every=2, drop=0.1)
    assert [step.factor(t, 10, 100) for t in (0, 19, 20, 39, 40)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    cosine = Cosine(lowest=0.2)
    assert [cosine.factor(t, 10, 100) for t in (0, 50, 100, 200)] == pytest.approx([1, 0.6, 0.2, 0.2])
    ring = Cyclical(lowest=0.1, half=2)
    assert [ring.factor(t, 10, 100) for t in (0, 10, 20, 30, 40, 50)] == pytest.approx(
        [0.1, 0.55, 1.0, 0.55, 0.1, 0.55])


W, MASK = np.array([2.0, -3.0, 5.0]), np.array([1.0, 1.0, 0.0])


@pytest.mark.parametrize(("penalty", "value", "slope"), [
    (NoPenalty(), 0.0, [0.0, 0.0, 0.0]),
    (L2(strength=0.1), 0.05 * 13, [0.2, -0.3, 0.0]),
    (L2(strength=0.1, form="1"), 0.1 * 13, [0.4, -0.6, 0.0]),
    (L1(strength=0.1), 0.1 * 5, [0.1, -0.1, 0.0]),
    (WeightDecay(strength=0.1), 0.0, [0.0, 0.0, 0.0]),
])
def test_penalties(penalty: Any, value: float, slope: list[float]) -> None:
    g = np.zeros(3)
    penalty.add_gradient(W, g, MASK)
    assert penalty.value(W, MASK) == pytest.approx(value)
    assert g.tolist() == pytest.approx(slope)


def test_l1_has_no_slope_at_zero() -> None:
    g = np.zeros(1)
    L1(strength=1.0).add_gradient(np.zeros(1), g, np.ones(1))
    assert g[0] == 0.0


@pytest.mark.parametrize("form", ["½", "1"])
def test_weight_decay_equals_l2_under_sgd(form: str) -> None:
    """(1 − ηλ)w − ηg for the first form and (1 − 2ηλ)w − ηg for the second."""
    eta, lam, g = 0.1, 0.3, np.array([0.5, 0.5, 0.5])
    decayed, penalised = W.copy(), W.copy()
    WeightDecay(strength=lam, form=form).decay(decayed, MASK, eta)
    SGD().update({}, decayed, g.copy(), 1, eta)
    g2 = g.copy()
    L2(strength=lam, form=form).add_gradient(penalised, g2, MASK)
    SGD().update({}, penalised, g2, 1, eta)
    np.testing.assert_allclose(decayed, penalised, rtol=1e-14)
    factor = 1 - eta * lam * (1 if form == "½" else 2)
    assert decayed[0] == pytest.approx(factor * 2.0 - 0.05) and decayed[2] == pytest.approx(5.0 - 0.05)


def test_clipping_scales_the_whole_gradient() -> None:
    parts = [np.array([3.0, 0.0]), np.array([4.0])]
    assert norm(parts) == 5.0
    clip(parts, 10.0, 5.0)
    assert parts[1][0] == 4.0
    clip(parts, 1.0, 5.0)
    assert norm(parts) == pytest.approx(1.0) and parts[0][0] == pytest.approx(0.6)
