"""Central differences: the independent check of every analytic gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphlab.engine.op import Op
from graphlab.engine.record import Array, Record
from graphlab.engine.run import Run

#: A relative error above this is looked at again beside the point, in case it lies on a kink.
KINK = 1e-6


@dataclass(frozen=True)
class Check:
    """How well a step's gradient agrees with central differences.

    ``error`` is the worst |analytic − numeric| / max(1, |analytic|, |numeric|) of its inputs; ``port`` where.
    """

    path: str
    error: float
    port: str = ""
    skipped: str = ""


def again(record: Record, inputs: Mapping[str, Array | None]) -> Record:
    """Return the record of the same op on other inputs, with the same randomness and mode, in float64."""
    wide = {k: v.astype(np.float64) if v is not None and v.dtype.kind == "f" else v for k, v in inputs.items()}
    fresh = Record(record.op, record.path, wide, record.mode, dtype=np.float64)
    with np.errstate(all="ignore"):
        out: Any = record.op.forward(fresh, *wide.values())
    outs = out if isinstance(out, tuple) else (out,)
    fresh.outputs = {n: np.asarray(o) for n, o in zip(record.op.output_names(), outs, strict=True)}
    return fresh


def slope(record: Record, port: str, seeds: Mapping[str, Array], move: Array) -> float:
    """Return half of what Σ seeds·outputs changes by when ``port`` goes from −``move`` to +``move``."""
    base = record.inputs[port]
    assert base is not None
    up, down = (again(record, {**record.inputs, port: base.astype(np.float64) + m}).outputs for m in (move, -move))
    # The difference is taken number by number, so that large outputs that do not change cancel exactly.
    return sum(float((seeds[n] * (up[n].astype(np.float64) - down[n])).sum()) for n in up) / 2


def numeric_gradient(record: Record, port: str, seeds: Mapping[str, Array], step: float = 1e-5) -> Array:
    """Return ∂(Σ seeds·outputs)/∂port by central differences, entry by entry: (f(x+h) − f(x−h)) / 2h."""
    base = record.inputs[port]
    assert base is not None
    out = np.zeros(base.shape)
    for at in np.ndindex(base.shape):
        h = step * max(1.0, abs(float(base[at])))
        move = np.zeros(base.shape)
        move[at] = h
        out[at] = slope(record, port, seeds, move) / h
    return out


def relative_error(a: Array, b: Array) -> float:
    """Return the worst |a − b| / max(1, |a|, |b|); NaN against NaN counts as infinite."""
    if a.size == 0:
        return 0.0
    worst = np.abs(a - b) / np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
    return float(np.inf if np.isnan(worst).any() else worst.max())


def check_step(run: Run, path: str, directions: int = 2, entries: int = 64) -> Check:
    """Check one executed step: small inputs entry by entry, large ones along random directions.

    A direction v compares ⟨analytic gradient, v⟩ with (f(x+hv) − f(x−hv)) / 2h, f = Σ upstream·outputs.
    """
    record = run.record(path)
    if record is None or any(n not in record.gradients for n in record.outputs):
        return Check(path, 0.0, skipped="has not been run backward")
    op: Op = record.op
    if op.surrogate:
        return Check(path, 0.0, skipped=f"has a surrogate gradient: {op.surrogate}")
    found = _compare(record, directions, entries)
    # At a kink (ReLU at 0, equal numbers under a max) there is no derivative to compare with. A wrong gradient is
    # wrong beside it as well.
    return found if found.error < KINK else _compare(_nearby(record), directions, entries)


def _nearby(record: Record) -> Record:
    """Run an op again with inputs a little off, so that no number lies exactly on a kink."""
    rng = np.random.default_rng(1)

    def off(x: Array) -> Array:
        step = 1e-3 * rng.uniform(0.5, 1.0, x.shape)
        return np.asarray(x * (1 + step * rng.choice((-1.0, 1.0), x.shape)) + np.where(x == 0, step, 0))
    return again(record, {n: off(x) if x is not None and x.dtype.kind == "f" else x for n, x in record.inputs.items()})


def _compare(record: Record, directions: int, entries: int) -> Check:
    op: Op = record.op
    rng = np.random.default_rng(0)
    names = op.output_names()
    # An upstream of zeros would make every gradient agree; a random one tests the op itself.
    seeds = {n: rng.standard_normal(record.outputs[n].shape) for n in names}
    fresh = again(record, record.inputs)
    with np.errstate(all="ignore"):
        analytic = op.backward(fresh, *(seeds[n] for n in names))
    worst, where = 0.0, ""
    for port in analytic:
        base = record.inputs.get(port)
        if base is None or base.dtype.kind != "f":
            continue
        if base.size <= entries:
            error = relative_error(np.asarray(analytic[port]), numeric_gradient(record, port, seeds))
        else:
            error = max(_along_a_direction(record, port, seeds, np.asarray(analytic[port]), rng)
                        for _ in range(directions))
        if error > worst:
            worst, where = error, port
    return Check(record.path, worst, where)


def _along_a_direction(
    record: Record, port: str, seeds: Mapping[str, Array], analytic: Array, rng: np.random.Generator,
) -> float:
    base = record.inputs[port]
    assert base is not None
    v = rng.standard_normal(base.shape)
    v /= np.linalg.norm(v)
    return relative_error(np.array((analytic * v).sum()), np.array(slope(record, port, seeds, 1e-5 * v) / 1e-5))


def check_run(run: Run) -> list[Check]:
    """Check every step of a run that went backward."""
    return [check_step(run, s.path) for s in run.plan.steps if s.inputs]
