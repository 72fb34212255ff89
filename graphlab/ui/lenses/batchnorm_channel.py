"""One channel of a BatchNorm as it ran: what came in, what went out, and the three terms of its gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphlab.engine.op import Array
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.record import Record


@dataclass(frozen=True)
class Channel:
    """The m numbers of one channel, in the order sample, row, column, and what the op computed from them.

    ``mean`` and ``variance`` are those it divided by: the batch's in training, the running ones in evaluation.
    ``terms`` are ∂L/∂x = (m·dx̂ − Σdx̂ − x̂·Σ(dx̂·x̂)) / (m√(σ² + ε)), one row each (Ioffe & Szegedy 2015, rearranged);
    in evaluation μ and σ² are constants and the last two rows are 0. Gradients are zeros where none came back.
    """

    index: int
    training: bool
    x: Array
    xhat: Array
    y: Array
    dy: Array
    dx: Array
    mean: float
    variance: float
    running_mean: float
    running_variance: float
    gamma: float
    beta: float
    eps: float

    @property
    def m(self) -> int:
        """How many numbers there are."""
        return int(self.x.size)

    @property
    def deviation(self) -> float:
        """√(σ² + ε)."""
        return math.sqrt(self.variance + self.eps)

    @property
    def dxhat(self) -> Array:
        """The gradient by x̂: γ·∂L/∂y."""
        return self.gamma * self.dy

    @property
    def sums(self) -> tuple[float, float]:
        """Σdx̂ and Σ(dx̂·x̂)."""
        return float(self.dxhat.sum()), float((self.dxhat * self.xhat).sum())

    @property
    def terms(self) -> Array:
        """The three terms for every number, (3, m); they add up to ∂L/∂x."""
        one, other = self.sums if self.training else (0.0, 0.0)
        parts = np.stack([self.m * self.dxhat, np.full(self.m, -one), -self.xhat * other])
        return np.asarray(parts / (self.m * self.deviation))

    def stage(self, progress: float) -> Array:
        """Return the numbers on their way: x at 0, x − μ at 1, x̂ at 2, γx̂ at 3, y at 4, and between in between."""
        steps = [self.x, self.x - self.mean, self.xhat, self.gamma * self.xhat, self.gamma * self.xhat + self.beta]
        at = min(max(progress, 0.0), 4.0)
        i = min(int(at), 3)
        share = at - i
        # Divided step by step, √(σ² + ε) acts as a power: halfway it is its root.
        if i == 1:
            return np.asarray(steps[1] / self.deviation**share)
        return np.asarray(steps[i] + (steps[i + 1] - steps[i]) * share)


def along_channel(a: Array, index: int) -> Array:
    """Return the numbers of one channel (axis 1) as a row."""
    return np.asarray(np.moveaxis(a, 1, 0)[index].ravel(), np.float64)


def channel_of(f: Record, index: int) -> Channel:
    """Return one channel of an executed BatchNorm."""
    op = f.op
    assert isinstance(op, BatchNorm)
    batch = f.get("mu_B")
    means, variances = (f["mean"], f["var"]) if batch is None else (batch, f["variance_B"])
    nothing = np.zeros(f["x"].shape)
    dy, dx = (along_channel(f.gradients.get(name, nothing), index) for name in ("y", "x"))
    return Channel(
        index, batch is not None, along_channel(f["x"], index), along_channel(f["xhat"], index),
        along_channel(f["y"], index), dy, dx, float(means[index]), float(variances[index]), float(f["mean"][index]),
        float(f["var"][index]), float(f["gamma"][index]), float(f["beta"][index]), op.eps)


def statistics(x: Array) -> tuple[Array, Array]:
    """Return mean and variance of every channel of a value (B, C) or (B, C, H, W)."""
    axes = (0, *range(2, x.ndim))
    return x.mean(axis=axes), x.var(axis=axes)
