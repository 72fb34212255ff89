"""Activation maximisation: gradient ascent on an input until a chosen unit is excited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphlab.engine.plan import Plan
from graphlab.engine.record import Array, Mode, stream
from graphlab.engine.run import Run, RunError, Weights, backward, forward


@dataclass(frozen=True)
class Unit:
    """What is to be excited: an output of a node, at one channel or unit; pictures are averaged over their places."""

    path: str
    channel: int
    output: str = "y"

    def of(self, value: Array) -> float:
        """Return the activation of the first sample."""
        return float(np.mean(value[0, self.channel]))

    def seed(self, value: Array) -> Array:
        """Return the derivative of `of` by the value."""
        out = np.zeros(value.shape)
        out[0, self.channel] = 1.0 / out[0, self.channel].size
        return out


@dataclass(frozen=True)
class Ascent:
    """Steps of gradient ascent: the inputs (steps + 1, …), and the activation and the gradient's length at each."""

    inputs: Array
    activations: Array
    lengths: Array


def noise(plan: Plan, path: str, seed: int, scale: float) -> Array:
    """Return seeded normal noise for one sample of an Input."""
    step = plan.step(path)
    if step is None:
        raise RunError(f"There is no Input ‘{path}’ to begin at.")
    need = plan.slots[step.outputs["y"]].spec.concrete(1)
    return stream(f"{path}/maximise", Mode(seed=seed)).standard_normal(need) * scale


def ascend(
    plan: Plan, weights: Weights, feeds: dict[str, Array], path: str, unit: Unit, start: Array, rate: float,
    steps: int, decay: float = 0.0, normalise: bool = False,
) -> Ascent:
    """Repeat x ← (1 − ηλ)x + η ∂a/∂x from ``start``; the weights stay (Erhan et al. 2009; Simonyan et al. 2014).

    ``normalise`` divides each gradient by its root mean square, so that η is the size of a step. Stops early, with
    the last input repeated, where the gradient is 0 or not finite.
    """
    x = np.array(start, np.float64)
    inputs, activations, lengths = [], [], []
    for step in range(steps + 1):
        run = Run(plan, weights, {**feeds, path: x})
        for _ in forward(run):
            pass
        value = run.value(unit.path, unit.output)
        if value is None or value.ndim < 2:
            raise RunError(f"‘{unit.path}’ has no channels or units to excite.")
        for _ in backward(run, {(unit.path, unit.output): unit.seed(value)}):
            pass
        g = run.gradient(path)
        g = np.zeros_like(x) if g is None else g
        inputs.append(x)
        activations.append(unit.of(value))
        lengths.append(float(np.sqrt((g**2).sum())))
        if step < steps and np.isfinite(lengths[-1]):
            size = np.sqrt((g**2).mean())
            x = (1 - rate * decay) * x + rate * (g / size if normalise and size > 0 else g)
    return Ascent(np.stack(inputs), np.array(activations), np.array(lengths))
