"""First and second derivatives of any node by any input or weight, from the engine's own backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, RunError, backward, execute

#: A table of derivatives has at most this many rows or columns: one backward pass is made for each row.
MOST = 2000


@dataclass(frozen=True)
class By:
    """What to derive by: an Input's data by its path, or a stored weight by its key."""

    name: str
    weight: bool = False

    def of(self, run: Run) -> Array:
        """Return its values in a run."""
        if self.weight:
            if self.name not in run.plan.keys:
                raise RunError(f"There is no weight {self.name} to derive by.")
            return run.values[run.plan.keys[self.name]]
        value = run.value(self.name)
        if value is None:
            raise RunError(f"There is no Input ‘{self.name}’ to derive by.")
        if value.dtype.kind != "f":
            raise RunError(f"‘{self.name}’ holds {'labels' if value.dtype.kind in 'iu' else 'switches'}; derivatives "
                           "need real numbers.")
        return value

    def gradient(self, run: Run) -> Array:
        """Return the gradient by it that a backward pass has left in a run."""
        if self.weight:
            found = run.gradients.get(run.plan.keys[self.name])
        else:
            found = run.gradient(self.name)
        return np.zeros_like(self.of(run)) if found is None else found


def _check(size: int, what: str) -> None:
    if not 0 < size <= MOST:
        raise RunError(f"A table of derivatives can have 1 to {MOST:,} {what}; this one would have {size:,}. Choose a "
                       "smaller node, or look at fewer samples.")


def jacobian(run: Run, path: str, by: By, output: str = "y") -> Array:
    """Return J_ij = ∂f_i/∂x_j: one row for each number of the output, one column for each of ``by``.

    The run has to have gone forward; its gradients are replaced. One backward pass is made for each row.
    """
    value, x = run.value(path, output), by.of(run)
    if value is None:
        raise RunError(f"‘{path}’ has not been run.")
    _check(value.size, "rows")
    _check(x.size, "columns")
    rows = np.zeros((value.size, x.size))
    for i in range(value.size):
        seed = np.zeros(value.size)
        seed[i] = 1.0
        for _ in backward(run, {(path, output): seed.reshape(value.shape)}):
            pass
        rows[i] = by.gradient(run).reshape(-1)
    return rows


def hessian(run: Run, path: str, by: By, output: str = "y", step: float = 1e-4) -> Array:
    """Return H_ij = ∂²f/∂x_i∂x_j of a node that gives one number: (g(x + h·e_j) − g(x − h·e_j)) / 2h, made symmetric.

    g is the analytic gradient, so that only one of the two derivations is numeric; the error is of the order h².
    Raises `RunError` where the node gives more than one number.
    """
    value, x = run.value(path, output), by.of(run)
    if value is None:
        raise RunError(f"‘{path}’ has not been run.")
    if value.size != 1:
        raise RunError(f"A Hessian needs a node that gives one number, such as a loss; ‘{path}’ gives {value.size:,}.")
    _check(x.size, "rows")
    out = np.zeros((x.size, x.size))
    for j in range(x.size):
        h = step * max(1.0, abs(float(x.reshape(-1)[j])))
        sides = []
        for sign in (1.0, -1.0):
            moved = x.astype(np.float64, copy=True)
            moved.reshape(-1)[j] += sign * h
            sides.append(_gradient_at(run, path, output, by, moved))
        out[j] = (sides[0] - sides[1]) / (2 * h)
    return (out + out.T) / 2


def _gradient_at(run: Run, path: str, output: str, by: By, x: Array) -> Array:
    weights: Mapping[str, Array] = {**run.weights, by.name: x} if by.weight else run.weights
    feeds = run.feeds if by.weight else {**run.feeds, by.name: x}
    mode = Mode(run.mode.training, run.mode.seed, run.mode.phase, run.mode.update)
    moved = execute(run.plan, weights, feeds, mode, seeds={(path, output): 1.0})
    return by.gradient(moved).reshape(-1)


@dataclass(frozen=True)
class Curvature:
    """What a Hessian says: eigenvalues in rising order, condition |λ|max/|λ|min, and the kind of stationary point."""

    eigenvalues: Array
    condition: float
    kind: str

    @property
    def sentence(self) -> str:
        """Say it in words."""
        low, high = float(self.eigenvalues[0]), float(self.eigenvalues[-1])
        words = {"bowl": "curved upwards everywhere: Newton's step goes to a minimum",
                 "dome": "curved downwards everywhere: Newton's step goes to a maximum",
                 "saddle": "curved both ways: Newton's step goes to a saddle",
                 "flat": "flat along some direction: the Hessian has no inverse"}[self.kind]
        kappa = "∞" if np.isinf(self.condition) else f"{self.condition:.4g}"
        return f"λ from {low:.4g} to {high:.4g}, κ = {kappa}; {words}."


def curvature(h: Array) -> Curvature:
    """Find the eigenvalues of a Hessian and what kind of surface it belongs to."""
    values = np.linalg.eigvalsh(h)
    sizes = np.abs(values)
    flat = sizes.min() <= 1e-9 * max(1.0, float(sizes.max()))
    kind = "flat" if flat else "bowl" if values[0] > 0 else "dome" if values[-1] < 0 else "saddle"
    return Curvature(values, float("inf") if flat else float(sizes.max() / sizes.min()), kind)
