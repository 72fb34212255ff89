"""One phase of training, bound to a plan: its programs, its optimiser's memory, and a single update."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import mul

import numpy as np

from graphlab.engine.fast.program import MakeStep, Parameters, Program
from graphlab.engine.feeding import InOrder, Prepared
from graphlab.engine.nonfinite import Origin, find_origin
from graphlab.engine.optim import Optimiser
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array, Mode
from graphlab.engine.regularise import Penalty, clip, norm
from graphlab.engine.setup import Phase, Setup, chosen, loss_nodes

#: A longer way than this in one update would soon leave the range of float32, which ends at 3.4e38.
_FARTHEST = 1e30


class NonFinite(Exception):
    """An update would have brought NaN or inf into the weights; they are as they were before it."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin.message)
        self.origin = origin


def losses_of(plan: Plan, phase: Phase) -> dict[str, float]:
    """Return a phase's losses by path with their coefficients: every loss node where it names none."""
    return dict(phase.losses) or dict.fromkeys(loss_nodes(plan), 1.0)


class Stage:
    """A phase at work. ``index`` is its place among the phases, and keys its randomness."""

    def __init__(
        self, plan: Plan, parameters: Parameters, prepared: Prepared, setup: Setup, index: int, make: MakeStep,
    ) -> None:
        self.plan = plan
        self.parameters = parameters
        self.prepared = prepared
        self.setup = setup
        self.index = index
        self.phase = setup.phases[index]
        self.optimiser: Optimiser = self.phase.optimiser
        self.losses = losses_of(plan, self.phase)
        self.keys = chosen(plan, self.phase.train)
        self._make = make
        self._programs: dict[int, Program] = {}
        spans = parameters.spans(self.keys)
        self._pieces = [(parameters.flat[s], parameters.gradient[s], self.optimiser.start(s.stop - s.start))
                        for s in spans]
        self._gradients = [g for _, g, _ in self._pieces]
        mask = np.zeros(parameters.flat.size, parameters.dtype)
        for key in self.keys:
            mask[parameters.slices[key]] = plan.weights[key].penalised
        self._masks = [mask[s] for s in spans]
        self._looks = type(self.optimiser).look_ahead is not Optimiser.look_ahead
        self._penalty: Penalty = setup.penalty
        self._adds = type(setup.penalty).add_gradient is not Penalty.add_gradient
        self._decays = type(setup.penalty).decay is not Penalty.decay
        self._memories = parameters.spans(k for k, slot in plan.keys.items() if plan.slots[slot].memory)
        self.made = 0
        self.inputs = self.program(self._size(setup.batch)).inputs
        self._fed = tuple(p for p in self.inputs if p in prepared.arrays)
        self._drawn = {p: prepared.drawing(p, setup.seed, index) for p in self.inputs if p in prepared.drawn}
        # The sum is for reporting: ascending phases lower the negative of what they report.
        self._sum = tuple(self.losses.values())

    @property
    def columns(self) -> tuple[str, ...]:
        """The Inputs of this phase that read the data."""
        return self._fed

    def _size(self, batch: int) -> int:
        rows = len(self.prepared.rows["train"])
        return min(batch, rows) if rows and self.prepared.arrays else batch

    def program(self, size: int) -> Program:
        """Return the program for a batch size, made on first use."""
        program = self._programs.get(size)
        if program is None:
            sign = -1.0 if self.phase.ascend else 1.0
            program = self._make(self.plan, self.parameters, size, {p: sign * c for p, c in self.losses.items()},
                                 self.keys, training=True, seed=self.setup.seed, phase=self.index)
            self._programs[size] = program
        return program

    def step(self, arrays: Mapping[str, Array | InOrder], at: int, size: int, update: int, factor: float) -> float:
        """Run forward and backward on samples at…at+size of ``arrays``, and add the penalty's gradient.

        The learning rate is the optimiser's times ``factor``. Returns Σ coefficient·loss. Raises `NonFinite`.
        """
        program = self._programs.get(size) or self.program(size)
        for path in self._fed:
            program.feed(path, arrays[path][at:at + size])
        for path, draw in self._drawn.items():
            program.feed(path, draw(size, update))
        kept = [self.parameters.flat[s].copy() for s in self._memories] if self._memories else []
        if self._looks:
            for w, _, state in self._pieces:
                self.optimiser.look_ahead(state, w)
        losses = program.step(update)
        total: float = sum(map(mul, self._sum, losses))
        if self._adds:
            for (w, g, _), mask in zip(self._pieces, self._masks, strict=True):
                self._penalty.add_gradient(w, g, mask)
        self._length = length = norm(self._gradients)
        self._rate = rate = self.optimiser.rate * factor
        if not math.isfinite(total + length) or rate * length > _FARTHEST:
            origin = self._trouble(total, arrays, at, size, update)
            if origin is not None:
                for span, old in zip(self._memories, kept, strict=True):
                    self.parameters.flat[span] = old
                if self._looks:
                    for w, _, state in self._pieces:
                        self.optimiser.look_back(state, w)
                raise NonFinite(origin)
        return total

    def apply(self) -> None:
        """Clip the gradient of the last `step` and move the weights."""
        if self.setup.clip:
            clip(self._gradients, self.setup.clip, self._length)
        self.made += 1
        for (w, g, state), mask in zip(self._pieces, self._masks):  # noqa: B905  (`strict` costs as much as the loop)
            if self._decays:
                self._penalty.decay(w, mask, self._rate)
            self.optimiser.update(state, w, g, self.made, self._rate, mask)

    def lengths(self) -> dict[str, float]:
        """Return the lengths of the gradient by node path, between `step` and `apply`."""
        squares: dict[str, float] = {}
        for key in self.keys:
            g = self.parameters.gradient[self.parameters.slices[key]].astype(np.float64)
            path = self.plan.slots[self.plan.keys[key]].path
            squares[path] = squares.get(path, 0.0) + float(np.dot(g, g))
        return {path: math.sqrt(s) for path, s in squares.items()}

    def _mode(self, update: int) -> Mode:
        return Mode(True, self.setup.seed, self.index, update)

    def _trouble(
        self, total: float, arrays: Mapping[str, Array | InOrder], at: int, size: int, update: int,
    ) -> Origin | None:
        """Say what is wrong with the last `step`; None where only the square of its length was too large."""
        if not math.isfinite(total) or not all(np.isfinite(g).all() for g in self._gradients):
            return self._origin(arrays, at, size, update)
        self._length = norm([g.astype(np.float64) for g in self._gradients])
        way = self._rate * min(self._length, self.setup.clip or math.inf)
        if way <= _FARTHEST:
            return None
        lengths = self.lengths()
        return Origin(max(lengths, key=lambda p: lengths[p]),
                      f"rate times gradient became {way:.1e}, too far a way for weights in single precision")

    def _origin(self, arrays: Mapping[str, Array | InOrder], at: int, size: int, update: int) -> Origin:
        mode = self._mode(update)
        feeds = {p: arrays[p][at:at + size] for p in self._fed}
        feeds |= {p: draw(size, update) for p, draw in self._drawn.items()}
        found = find_origin(self.plan, self.parameters.weights, feeds, mode, self.losses)
        return found or Origin(next(iter(self.losses)), "the loss or its gradient is no finite number")
