"""What the BatchNorm lens says about each stage of its animation, and what it offers to try."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from graphlab.engine.op import Array
from graphlab.engine.plan import Step
from graphlab.ui.lenses.base import Try
from graphlab.ui.lenses.batchnorm_channel import Channel
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text as n


def sentence(c: Channel, now: float) -> str:
    """Say what the stage at ``now`` (0 to 7) does to the channel, with its numbers."""
    whose = "this batch" if c.training else "training (running statistics)"
    match math.ceil(now - 1e-9):
        case 0:
            return (f"x: {c.m} numbers of channel {c.index} with mean {n(float(c.x.mean()))} and variance "
                    f"{n(float(c.x.var()))}; normalised with μ = {n(c.mean)} and σ² = {n(c.variance)} of {whose}.")
        case 1:
            return f"x − μ: the mean of {whose}, μ = {n(c.mean)}, is taken away."
        case 2:
            return (f"xˆ = (x − μ)/√(σ² + ε): divided by √({n(c.variance)} + {n(c.eps)}) = {n(c.deviation)}. Now the "
                    f"mean is {n(_clean(float(c.xhat.mean())))} and the variance {n(float(c.xhat.var()))}.")
        case 3:
            return f"γxˆ: scaled by the learned γ = {n(c.gamma)}."
        case 4:
            return (f"y = γxˆ + β: shifted by the learned β = {n(c.beta)}. What goes out has mean "
                    f"{n(_clean(float(c.y.mean())))} and deviation {n(float(c.y.std()))}.")
    if not c.dy.any():
        return "Backward: no gradient has come back, so all three terms are 0."
    if not c.training:
        return (f"Backward, evaluation: μ and σ² are constants, so that ∂L/∂x = γ/√(σ² + ε) · ∂L/∂y, a factor of "
                f"{n(c.gamma / c.deviation)}; the two other terms are 0.")
    one, other = c.sums
    match math.ceil(now - 1e-9):
        case 5:
            return f"Backward, first term: m·dxˆ with dxˆ = γ·∂L/∂y, as if μ and σ² were constants (m = {c.m})."
        case 6:
            return f"Second term: −Σdxˆ = {n(-one)}, since μ depends on every x; it takes the mean away."
        case _:
            apart = float(np.abs(c.terms.sum(axis=0) - c.dx).max())
            return (f"Third term: −xˆ·Σ(dxˆ·xˆ) with Σ(dxˆ·xˆ) = {n(other)}, since σ² depends on every x. The sum of "
                    f"all, over m√(σ² + ε) = {n(c.m * c.deviation)}, is ∂L/∂x; the engine's differs by {n(apart)}.")


def _clean(v: float) -> float:
    """Return 0 for what is 0 but for rounding."""
    return 0.0 if abs(v) < 1e-12 else v


def tries_for(view: View, c: Channel | None, keys: Mapping[str, str]) -> Iterator[Try]:
    """Return what to do to γ and β of the channel, and to the weights of the layer whose sums come in."""
    if c is not None and keys["gamma"] and keys["beta"]:
        yield Try("Undo it: γ = √(σ² + ε), β = μ", partial(_write, view, keys, c.index, c.deviation, c.mean,
                                                           "Let BatchNorm undo itself"),
                  "With these γ and β the channel comes out as it came in: y = x")
        yield Try("γ = 1, β = 0", partial(_write, view, keys, c.index, 1.0, 0.0, "γ = 1, β = 0"),
                  "Normalised, and nothing else")
    source = feeding(view)
    if source is not None:
        stored = {p.name: view.plan.slots[slot].key for p in source.op.ports()
                  if (slot := source.inputs.get(p.name)) is not None and not p.data and view.plan.slots[slot].key}
        if "b" in stored:
            yield Try(f"Shift {source.node.name} by 3", partial(_shift, view, stored["b"]),
                      "Add 3 to every bias before: in training nothing changes after the normalisation")
        yield Try(f"{source.node.name} × 3", partial(_scale, view, list(stored.values()), source.node.name),
                  "Triple the weights before: in training nothing changes after the normalisation")


def feeding(view: View) -> Step | None:
    """Return the layer whose output comes straight in, where it has weights of its own."""
    step = view.step
    slot = None if step is None else step.inputs.get("x")
    source = None if slot is None else view.plan.step(view.plan.slots[slot].path)
    if source is None or "W" not in source.inputs:
        return None
    return source


def _write(view: View, keys: Mapping[str, str], at: int, gamma: float, beta: float, label: str) -> None:
    changed: dict[str, Array] = {}
    for name, value in (("gamma", gamma), ("beta", beta)):
        whole = np.array(view.weights[keys[name]], copy=True)
        whole[at] = value
        changed[keys[name]] = whole
    view.session.edit(label, view.document, weights={**view.weights, **changed})


def _shift(view: View, key: str) -> None:
    view.session.edit(f"Shift {key} by 3", view.document, weights={**view.weights, key: view.weights[key] + 3.0})


def _scale(view: View, keys: list[str], name: str) -> None:
    tripled = {k: view.weights[k] * 3.0 for k in keys}
    view.session.edit(f"Triple the weights of {name}", view.document, weights={**view.weights, **tripled})
