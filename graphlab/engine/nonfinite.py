"""Where a NaN or inf began: one update run again, with every value recorded and looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphlab.engine.fast.plain import needed_steps, slot_of
from graphlab.engine.graph import Input
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Event, Run, backward, forward


@dataclass(frozen=True)
class Origin:
    """The node where numbers stopped being finite, and a sentence about it."""

    path: str
    message: str


def describe(array: Array) -> str:
    """Say which of the two a broken array holds."""
    return "NaN" if np.isnan(array).any() else "inf"


def broken(array: Array | None) -> bool:
    """Tell whether an array holds a NaN or inf."""
    return array is not None and array.dtype.kind == "f" and not bool(np.isfinite(array).all())


def find_origin(
    plan: Plan, weights: Mapping[str, Array], feeds: Mapping[str, Array], mode: Mode, losses: Mapping[str, float],
    dtype: Any = np.float32,
) -> Origin | None:
    """Run forward and backward from the losses, and return the first node that made a NaN or inf itself.

    Returns None where everything stays finite.
    """
    for key, weight in weights.items():
        if broken(weight):
            path = plan.slots[plan.keys[key]].path
            return Origin(path, f"the weight {key} holds {describe(weight)}: the update before was too large for it")
    part = replace(plan, steps=needed_steps(plan, [slot_of(plan, p) for p in losses]))
    run = Run(part, weights, feeds, mode, dtype)
    for event in forward(run):
        found = _first(event, event.record.inputs.values(), event.record.outputs, "output")
        if found:
            return found
    seeds: dict[tuple[str, str], Array | float] = {
        (p, next(iter(plan.where[p]))): c for p, c in losses.items()}
    for event in backward(run, seeds):
        upstream = {n: event.record.gradients[n] for n in event.record.outputs}
        sent = {n: g for n, g in event.record.gradients.items() if n not in upstream}
        found = _first(event, upstream.values(), sent, "gradient for")
        if found:
            return found
    return None


def _first(event: Event, came: Iterable[Array | None], made: Mapping[str, Array], what: str) -> Origin | None:
    """Return the event's node where it made something broken from what was whole."""
    if any(broken(a) for a in came):
        return None
    node = event.step.node
    for name, array in made.items():
        if broken(array):
            who = f"{node.op.title} ‘{node.name}’"
            if isinstance(node.op, Input):
                return Origin(event.step.path, f"the data of {who} hold {describe(array)}")
            return Origin(event.step.path, f"the {what} {name} of {who} became {describe(array)}, "
                          "though everything that it was made from is finite")
    return None
