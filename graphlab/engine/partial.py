"""Running a part of a network again: what would follow if some of its values were others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import numpy as np

from graphlab.engine.plan import Plan, Step
from graphlab.engine.record import Array
from graphlab.engine.run import Run, RunError, forward
from graphlab.engine.spec import Batch, Spec

#: An output of a node, a block or a composite: its path and its name.
Place = tuple[str, str]


def slot_of(plan: Plan, place: Place) -> int:
    """Return the slot of an output. Raises `RunError` where there is none."""
    slot = plan.where.get(place[0], {}).get(place[1])
    if slot is None:
        raise RunError(f"‘{place[0]}’ has no output {place[1]} that can be run; look at the Problems panel.")
    return slot


def after(plan: Plan, slots: Iterable[int]) -> set[int]:
    """Return these slots and all that depend on them."""
    out = set(slots)
    for step in plan.steps:
        if not out.isdisjoint(s for s in step.inputs.values() if s is not None):
            out.update(step.outputs.values())
    return out


def before(plan: Plan, slots: Iterable[int]) -> set[int]:
    """Return these slots and all that they depend on."""
    out = set(slots)
    for step in reversed(plan.steps):
        if not out.isdisjoint(step.outputs.values()):
            out.update(s for s in step.inputs.values() if s is not None)
    return out


def steps_between(plan: Plan, given: Collection[int], wanted: Collection[int] = ()) -> tuple[Step, ...]:
    """Return the steps that depend on some slots, and of these only what ``wanted`` needs, where that is named.

    A slot that is given is not computed, and what stands before it does not count.
    """
    changed, steps = set(given), []
    for step in plan.steps:
        reads = {s for s in step.inputs.values() if s is not None}
        writes = set(step.outputs.values())
        if not reads.isdisjoint(changed) and not writes & set(given):
            changed |= writes
            steps.append(step)
    if wanted:
        needed, kept = set(wanted), []
        for step in reversed(steps):
            if not needed.isdisjoint(step.outputs.values()):
                needed.update(s for s in step.inputs.values() if s is not None)
                kept.append(step)
        steps = kept[::-1]
    return tuple(steps)


def run_from(run: Run, given: Mapping[Place, Array], to: Iterable[Place] = (), rows: Array | None = None) -> Run:
    """Put other values into a run and run again what depends on them, up to ``to`` where that is named.

    The values may be those of another number of samples than the run had; what else the steps read then comes from
    the samples ``rows`` of the run, by default from its first one. Weights, mode and precision are the run's. The new
    run holds the old values where nothing changed, and `backward` goes back to the given values.
    Raises `RunError` in words.
    """
    plan = run.plan
    slots = {}
    for place, value in given.items():
        slot = slot_of(plan, place)
        slots[slot] = np.asarray(value, run.dtype if plan.slots[slot].spec.kind == "real" else None)
    steps = steps_between(plan, slots, [slot_of(plan, place) for place in to])
    out = Run(replace(plan, steps=steps), run.weights, run.feeds, run.mode, run.dtype)
    before_count, count = run.batch, _batch(plan, slots)
    if rows is None and count not in (None, before_count):
        rows = np.zeros(count, np.int64)
    for index, value in run.values.items():
        out.values[index] = value if rows is None else _rows(value, plan.slots[index].spec, before_count, rows)
    for index in after(plan, slots):
        del out.values[index]  # what is not computed anew is not true any more
    out.values |= slots
    for _ in forward(out):
        pass
    return out


def _batch(plan: Plan, slots: Mapping[int, Array]) -> int | None:
    """Return how many samples the given values are for, None where they have no batch axis."""
    counts: set[int] = set()
    for index, value in slots.items():
        spec, path = plan.slots[index].spec, plan.slots[index].path
        came = f"what is put in its place has the shape {value.shape}"
        if value.ndim != spec.rank:
            raise RunError(f"‘{path}’ gives {spec}; {came}.")
        here = [n // d.k for d, n in zip(spec.shape, value.shape, strict=True) if isinstance(d, Batch)]
        counts.update(here[:1])
        if value.shape != (need := spec.concrete(here[0] if here else 1)):
            raise RunError(f"‘{path}’ gives {need}; {came}.")
    if len(counts) > 1:
        raise RunError(f"The values that are put in are for {' and '.join(map(str, sorted(counts)))} samples; they "
                       "have to be for one number of samples.")
    return next(iter(counts), None)


def _rows(value: Array, spec: Spec, batch: int, rows: Array) -> Array:
    """Take samples out of a value along its batch axis, which may hold several entries a sample."""
    for axis, d in enumerate(spec.shape):
        if isinstance(d, Batch):
            split = value.reshape(*value.shape[:axis], batch, d.k, *value.shape[axis + 1:])
            taken = split.take(rows, axis=axis)
            return taken.reshape(*value.shape[:axis], len(rows) * d.k, *value.shape[axis + 1:])
    return value
