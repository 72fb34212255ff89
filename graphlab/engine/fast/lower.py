"""The fast program: a plan as a flat list of bound calls on preallocated buffers, for one batch size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import graphlab.engine.fast.kernels  # noqa: F401  (attaches the kernels)
from graphlab.engine.fast.backward import Back, Gradients
from graphlab.engine.fast.fallback import PLAIN
from graphlab.engine.fast.kernel import Backward, find, join_chains
from graphlab.engine.fast.layout import Layouts
from graphlab.engine.fast.plain import needed_steps, slot_of
from graphlab.engine.fast.program import Parameters
from graphlab.engine.fast.site import Builder, Site
from graphlab.engine.fast.streams import Clock
from graphlab.engine.graph import Input
from graphlab.engine.plan import Plan, Step
from graphlab.engine.record import Array
from graphlab.engine.run import RunError

Call = Callable[[], Any]


@dataclass(frozen=True)
class Stretch:
    """The calls ``start`` to ``stop`` of a program, which run one plan step ``forward`` or ``backward``."""

    path: str
    kind: str
    start: int
    stop: int


def landing(builder: Builder, into: Array) -> Array | None:
    """Return memory for a batch on its way into a transposed array, where that is faster than going directly.

    Samples that lie a multiple of some kilobytes apart fall on the same lines of the processor's cache; with a gap
    between them they do not.
    """
    if into.ndim < 2 or into.flags.c_contiguous or len(into) < 16 or into[0].nbytes % 1024:
        return None
    gap = 64 // into.itemsize
    return builder.pool.take((len(into), into[0].size + gap), into.dtype)[:, :-gap].reshape(into.shape)


class FastProgram:
    """A program of bound calls; see `Program` for what its methods promise."""

    def __init__(
        self, plan: Plan, parameters: Parameters, batch: int, losses: Mapping[str, float], wrt: Collection[str],
        training: bool, clock: Clock, keep: Collection[tuple[str, str]],
    ) -> None:
        self.plan = plan
        self.parameters = parameters
        self.batch = batch
        self._clock = clock
        ends = {path: slot_of(plan, path) for path in losses}
        kept = {(path, name): slot_of(plan, path, name) for path, name in keep}
        plain = needed_steps(plan, {*ends.values(), *kept.values()})
        readers = Counter(s for step in plain for s in step.inputs.values() if s is not None)
        steps, kernels = join_chains(plain, readers, {*ends.values(), *kept.values()}, training)
        moving = {plan.keys[k] for k in wrt}
        for step in steps:
            if not moving.isdisjoint(s for s in step.inputs.values() if s is not None):
                moving |= {s for s in step.outputs.values() if plan.slots[s].spec.kind == "real"}
        heard = {s for step in needed_steps(plan, ends.values()) for s in step.outputs.values()} if wrt else set()
        active = {s.index for s in steps if not moving.isdisjoint(s.outputs.values())
                  and not heard.isdisjoint(s.outputs.values())}
        kernels = {s.index: find(s, training and not s.frozen) or PLAIN for s in steps
                   if s.index not in kernels} | kernels
        layouts = Layouts(plan, steps, kernels, {*kept.values(), *ends.values()}, active)
        builder = Builder(plan, parameters, batch, layouts, clock, training)
        gradients = Gradients(builder, moving, {plan.keys[k] for k in wrt}, set(kept.values()))
        #: Which calls belong to which step, to time or trace them one by one.
        self.stretches: list[Stretch] = []
        self._feeds: dict[str, tuple[Array, Array | None]] = {}
        backs: list[tuple[Site, Backward]] = []
        for step in steps:
            start, site = len(builder.calls), Site(builder, step)
            if isinstance(step.op, Input):
                self._feeds[step.path] = site.logical("y"), landing(builder, site.logical("y"))
                continue
            back = kernels[step.index].bind(site)
            builder.pool.end_loans()
            self._mark(step, "forward", start, builder)
            if step.index in active:
                backs.append((site, back))
        self._losses = [self._number(builder, slot) for slot in ends.values()]
        if wrt:
            self._bind_backward(builder, gradients, ends, losses, backs, wrt)
        self._values = {name: builder.logical(slot) for name, slot in kept.items()}
        self._gradients = {name: builder.logical(slot, gradients.by_slot[slot].raw) for name, slot in kept.items()
                           if slot in gradients.by_slot}
        #: The whole program, to be called from first to last.
        self.calls: list[Call] = builder.calls + builder.last

    def _mark(self, step: Step, kind: str, start: int, builder: Builder) -> None:
        self.stretches.append(Stretch(step.path, kind, start, len(builder.calls)))

    def _number(self, builder: Builder, slot: int) -> Array:
        value = builder.raw[slot]
        if value.ndim == 0:
            return value
        total = builder.pool.take(())
        builder.calls.append(partial(np.add.reduce, value, axis=None, out=total))
        return total

    def _bind_backward(
        self, builder: Builder, gradients: Gradients, ends: Mapping[str, int], losses: Mapping[str, float],
        backs: list[tuple[Site, Backward]], wrt: Collection[str],
    ) -> None:
        for path, slot in ends.items():
            gradients.seed(slot, float(losses[path]))
        for site, bind in reversed(backs):
            back = Back(site, gradients)
            if any(back.reached(name) for name in site.step.outputs):
                start = len(builder.calls)
                bind(back)
                back.finish()
                self._mark(site.step, "backward", start, builder)
        for key in wrt:
            if self.plan.keys[key] not in gradients.by_slot:
                builder.calls.append(partial(self.parameters.gradients[key].fill, 0))

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self._feeds)

    def feed(self, name: str, array: Array) -> None:
        into, between = self._feeds[name]
        if array.shape != into.shape:
            raise RunError(f"The input ‘{name}’ needs data shaped {into.shape}; it got {array.shape}.")
        if between is not None:
            np.copyto(between, array, casting="unsafe")
            array = between
        np.copyto(into, array, casting="unsafe")

    def step(self, update: int) -> list[float]:
        self._clock.update = update
        with np.errstate(all="ignore"):
            for call in self.calls:
                call()
        return [loss.item() for loss in self._losses]

    def value(self, path: str, output: str = "y") -> Array:
        return self._values[path, output]

    def gradient(self, path: str, output: str = "y") -> Array | None:
        """Return the gradient of an output that ``keep`` named, or None where the losses send it none."""
        return self._gradients.get((path, output))


def make_step(
    plan: Plan, parameters: Parameters, batch: int, losses: Mapping[str, float], wrt: Collection[str], *,
    training: bool = True, seed: int = 0, phase: int = 0, keep: Collection[tuple[str, str]] = (),
) -> FastProgram:
    """Make the fast program; see `MakeStep`. Raises `RunError` where a loss or a kept value is not alive."""
    return FastProgram(plan, parameters, batch, losses, wrt, training, Clock(seed, phase), keep)
