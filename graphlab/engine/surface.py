"""Loss surfaces: slices through a network's loss, the paths of optimisers on them, and quadratics in two variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphlab.engine.optim import Optimiser
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array, Mode, stream
from graphlab.engine.run import Run, RunError, forward

Losses = Sequence[tuple[str, float]]


def flatten(weights: Mapping[str, Array], keys: Sequence[str]) -> Array:
    """Lay weights out one after the other as one vector."""
    return np.concatenate([np.asarray(weights[k], np.float64).reshape(-1) for k in keys]) if keys else np.zeros(0)


def unflatten(flat: Array, like: Mapping[str, Array], keys: Sequence[str]) -> dict[str, Array]:
    """Undo `flatten`: the shapes are those of ``like``."""
    out, at = {}, 0
    for key in keys:
        shape = np.shape(like[key])
        size = int(np.prod(shape))
        out[key] = flat[at:at + size].reshape(shape)
        at += size
    return out


def loss_at(plan: Plan, weights: Mapping[str, Array], feeds: Mapping[str, Array], losses: Losses,
            mode: Mode = Mode()) -> float:
    """Return Σ coefficient · mean(loss) with some weights; ∞ and NaN are returned as they come."""
    run = Run(plan, weights, feeds, mode)
    for _ in forward(run):
        pass
    total = 0.0
    for path, coefficient in losses:
        value = run.value(path)
        if value is None:
            raise RunError(f"The loss ‘{path}’ has not been run.")
        total += coefficient * float(np.mean(value))
    return total


def random_directions(weights: Mapping[str, Array], keys: Sequence[str], seed: int) -> Array:
    """Return two random directions, filter-normalised (Li et al. 2018): (2, P).

    Each filter of a direction is as long as that filter of the weights; vectors such as biases stay where they are.
    """
    out = []
    for name in ("first", "second"):
        parts = []
        for key in keys:
            w = np.asarray(weights[key], np.float64)
            d = stream(f"{key}/surface/{name}", Mode(seed=seed)).standard_normal(w.shape)
            if w.ndim < 2:
                parts.append(np.zeros(w.size))
                continue
            # Kernels are (F, C, …): a filter is a row; dense weights are (n, m): a unit is a column.
            axes = tuple(range(1, w.ndim)) if w.ndim > 2 else (0,)
            length = np.sqrt((w**2).sum(axis=axes, keepdims=True))
            own = np.sqrt((d**2).sum(axis=axes, keepdims=True))
            parts.append((d * length / np.maximum(own, 1e-300)).reshape(-1))
        out.append(np.concatenate(parts))
    return np.stack(out)


def path_directions(path: Array, centre: Array) -> tuple[Array, Array]:
    """Return the two principal directions of a path (T, P) seen from a centre, and the shares of its variation.

    Directions are orthonormal. Raises `RunError` where the path does not span a plane.
    """
    moved = np.asarray(path, np.float64) - centre
    if len(moved) < 3:
        raise RunError(f"Two directions of the path need at least 3 points of it; there are {len(moved)}.")
    _, s, vt = np.linalg.svd(moved, full_matrices=False)
    if s[0] == 0 or s[1] <= 1e-9 * s[0]:
        raise RunError("The path is a straight line or stands still: it has no second direction.")
    return vt[:2], s[:2] ** 2 / (s**2).sum()


@dataclass(frozen=True)
class Slice:
    """A plane through the weights: θ = centre + α·d₁ + β·d₂."""

    centre: Array
    directions: Array  # (2, P)

    def at(self, alpha: float, beta: float) -> Array:
        """Return the weights at a place of the plane, as a vector."""
        out: Array = self.centre + alpha * self.directions[0] + beta * self.directions[1]
        return out

    def project(self, flat: Array) -> tuple[Array, float]:
        """Return (α, β) of the nearest place of the plane, and how far from it the weights are."""
        moved = np.asarray(flat, np.float64) - self.centre
        gram = self.directions @ self.directions.T
        found = np.linalg.lstsq(gram, self.directions @ moved, rcond=None)[0]
        rest = moved - found @ self.directions
        return found, float(np.sqrt(rest @ rest))


def coarse_to_fine(n: int) -> Iterator[tuple[int, int, int]]:
    """Walk over the cells of an n×n grid as (i, j, how many cells each stands for), a rough picture first."""
    seen = set()
    step = 1 << max(0, (n - 1).bit_length() - 1)
    while step:
        for i in range(0, n, step):
            for j in range(0, n, step):
                if (i, j) not in seen:
                    seen.add((i, j))
                    yield i, j, step
        step //= 2


@dataclass(frozen=True)
class Quadratic:
    """f(x, y) = a·x² + b·x·y + c·y²."""

    a: float
    b: float
    c: float

    def value(self, p: Array) -> Array:
        """Return f at points (…, 2)."""
        x, y = p[..., 0], p[..., 1]
        out: Array = self.a * x * x + self.b * x * y + self.c * y * y
        return out

    def gradient(self, p: Array) -> Array:
        """Return ∇f = H·p at points (…, 2)."""
        out: Array = p @ self.hessian
        return out

    @property
    def hessian(self) -> Array:
        """Return H = [[2a, b], [b, 2c]]."""
        return np.array([[2 * self.a, self.b], [self.b, 2 * self.c]])

    def newton(self, p: Array) -> Array | None:
        """Return p − H⁻¹∇f, where H can be inverted."""
        h = self.hessian
        scale = float(np.abs(h).max())
        if abs(4 * self.a * self.c - self.b**2) <= 1e-12 * scale**2 or scale == 0:
            return None
        out: Array = p - np.linalg.solve(h, self.gradient(p))
        return out


def descend(gradient: Callable[[Array], Array], start: Array, optimiser: Optimiser, steps: int,
            far: float = 1e6) -> Array:
    """Return the path (steps + 1, n) of an optimiser; from where it is farther off than ``far``, it holds NaN."""
    w = np.array(start, np.float64)
    state = optimiser.start(w.size, np.float64)
    out = np.full((steps + 1, w.size), np.nan)
    out[0] = w
    for t in range(1, steps + 1):
        optimiser.look_ahead(state, w)
        optimiser.update(state, w, np.array(gradient(w), np.float64), t, optimiser.rate)
        if not np.abs(w).max() < far:
            break
        out[t] = w
    return out
