"""How strong signals and gradients are: layer by layer from the input to the loss, and step by step through time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphlab.engine.anatomy import Anatomy, Part
from graphlab.engine.ops.recurrent import Recurrent
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.run import Run
from graphlab.engine.setup import Phase, Setup, chosen
from graphlab.engine.stage import losses_of


def rms(values: Array | None) -> float:
    """Return the root mean square √(mean x²) of an array, without underflow; NaN where there is none."""
    if values is None or not values.size:
        return math.nan
    largest = float(np.max(np.abs(values)))
    if not largest or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(float(np.mean(np.square(values / largest, dtype=np.float64))))


def change(first: float, last: float, steps: int) -> float:
    """Return the factor that, taken ``steps`` times, leads from ``last`` to ``first``; NaN where there is none."""
    if steps < 1 or not last or not math.isfinite(first) or not math.isfinite(last):
        return math.nan
    return math.exp((math.log(first) - math.log(last)) / steps) if first else 0.0


@dataclass(frozen=True)
class Strength:
    """How large the numbers of a tensor are: the root mean square, and the sizes that 10 % and 90 % lie below."""

    rms: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, values: Array | None) -> Strength:
        """Measure a tensor; all NaN where there is none."""
        size = rms(values)
        if values is None or not math.isfinite(size):
            return cls(size)
        low, high = np.quantile(np.abs(values), (0.1, 0.9))
        return cls(size, float(low), float(high))


@dataclass(frozen=True)
class Layer:
    """One layer with a weight matrix or kernels, measured in one pass.

    ``chain`` names the part of the network that it belongs to, ``place`` counts the layers there from the input on.
    ``activation`` is what it hands on, after its nonlinearity; ``gradient`` is ∂L/∂y of its sums y, the δ of the
    textbooks; ``weight`` the RMS of its matrices and ``update`` that of what one update would add to them. ``factor``
    is the gradient here over that of the ``next`` layer towards the loss (NaN at the last).
    """

    path: str
    name: str
    chain: str
    place: int
    activation: Strength
    gradient: Strength
    weight: float
    update: float
    next: str = ""
    factor: float = math.nan

    @property
    def ratio(self) -> float:
        """The update over the weight; NaN where all weights are 0."""
        return self.update / self.weight if self.weight else math.nan


@dataclass(frozen=True)
class Passage:
    """A recurrent layer's state along time: RMS of its values and of its gradients ∂L/∂(state at t), t = 0, 1, …"""

    path: str
    name: str
    state: str
    reverse: bool
    values: tuple[float, ...]
    gradients: tuple[float, ...]

    @property
    def ends(self) -> tuple[float, float]:
        """The gradients at the step that was read first, and at the one that was read last."""
        ends = self.gradients[0], self.gradients[-1]
        return ends[::-1] if self.reverse else ends

    @property
    def factor(self) -> float:
        """The geometric mean of the factor by which the gradient changes with each step towards the first one read."""
        return change(*self.ends, len(self.gradients) - 1)


@dataclass(frozen=True)
class Survey:
    """A network in one pass: its layers in order, its states along time, and the run that each phase makes."""

    anatomy: Anatomy
    layers: tuple[Layer, ...]
    passages: tuple[Passage, ...]
    runs: tuple[Run, ...]
    losses: tuple[Mapping[str, float], ...]

    @property
    def chains(self) -> dict[str, list[Layer]]:
        """The layers by the part of the network that they belong to."""
        out: dict[str, list[Layer]] = {}
        for layer in self.layers:
            out.setdefault(layer.chain, []).append(layer)
        return out


def survey(body: Anatomy, setup: Setup, make: Callable[[Mapping[str, float]], Run]) -> Survey:
    """Measure every layer in the phase that trains it. ``make`` runs forward, and back from weighted losses."""
    plan = body.plan
    losses = [{p: c for p, c in losses_of(plan, phase).items() if plan.where.get(p)} for phase in setup.phases]
    runs = tuple(make(each) for each in losses or [{}])
    moves: dict[str, tuple[int, Array]] = {}
    for i, (phase, run) in enumerate(zip(setup.phases, runs, strict=False)):
        for key, move in first_update(run, setup, phase).items():
            moves.setdefault(key, (i, move))
    places: dict[str, int] = {}
    layers = []
    for part in body.parts.values():
        place = places[part.chain] = places.get(part.chain, -1) + 1
        layers.append(_measure(part, place, runs, moves, body))
    return Survey(body, tuple(layers), through_time(runs), runs, tuple(losses or [{}]))


def _measure(
    part: Part, place: int, runs: tuple[Run, ...], moves: Mapping[str, tuple[int, Array]], body: Anatomy,
) -> Layer:
    run = runs[next((moves[k][0] for k in part.keys if k in moves), 0)]
    moved = [np.ravel(moves[k][1]) for k in part.keys if k in moves]
    gradient = Strength.of(gradient_of(run, part.step))
    ahead = body.parts.get(part.next)
    factor = math.nan if ahead is None else change(gradient.rms, rms(gradient_of(run, ahead.step)), 1)
    weights = np.concatenate([np.ravel(run.weights[k]) for k in part.keys])
    return Layer(
        part.step.path, part.step.node.name, part.chain, place, Strength.of(run.values.get(part.hands_on)), gradient,
        rms(weights), rms(np.concatenate(moved)) if moved else 0.0, part.next, factor)


def gradient_of(run: Run, step: Step) -> Array | None:
    """Return ∂L/∂y of a step's first output that the loss depends on; None where nothing went backward."""
    found = [run.gradients.get(slot) for slot in step.outputs.values()]
    return next((g for g in found if g is not None and g.any()), next(iter(found), None))


# --- through time -----------------------------------------------------------------------------------------------


def through_time(runs: tuple[Run, ...]) -> tuple[Passage, ...]:
    """Measure the states of every recurrent layer at each time step, in the run in which its gradient is largest."""
    out: list[Passage] = []
    for step in runs[0].plan.steps:
        if isinstance(step.op, Recurrent):
            # A phase whose gradient does not come here at all need not be opened.
            felt = [run for run in runs if (g := gradient_of(run, step)) is not None and g.any()] or runs[:1]
            every = [[_passage(inner, step, step.op, state) for state in step.op.states]
                     for run in felt if (inner := run.inside(step.path)) is not None]
            out += max(every, key=lambda states: max(map(_largest, states)), default=[])
    return tuple(out)


def _largest(passage: Passage) -> float:
    return max((g for g in passage.gradients if math.isfinite(g)), default=-1.0)


def _passage(inner: Run, step: Step, op: Recurrent, state: str) -> Passage:
    slots: list[int] = []
    while (slot := inner.plan.where.get(f"{step.path}/t{len(slots)}", {}).get(state)) is not None:
        slots.append(slot)
    return Passage(step.path, step.node.name, state, op.reverse, tuple(rms(inner.values.get(s)) for s in slots),
                   tuple(rms(inner.gradients.get(s)) for s in slots))


# --- one update -------------------------------------------------------------------------------------------------


def first_update(run: Run, setup: Setup, phase: Phase) -> dict[str, Array]:
    """Return what one update of a phase would add to each weight: penalty, clipping and optimiser included.

    The optimiser's memory is empty, as at the start of a training.
    """
    gradients = run.weight_gradients()
    keys = [k for k in chosen(run.plan, phase.train) if k in gradients]
    if not keys:
        return {}
    before = np.concatenate([np.ravel(np.asarray(run.weights[k], np.float64)) for k in keys])
    g = np.concatenate([np.ravel(gradients[k]) for k in keys]) * (-1.0 if phase.ascend else 1.0)
    mask = np.concatenate([np.full(gradients[k].size, float(run.plan.weights[k].penalised)) for k in keys])
    with np.errstate(all="ignore"):
        setup.penalty.add_gradient(before, g, mask)
        length = float(np.sqrt(g @ g))
        if setup.clip and length > setup.clip:
            g *= setup.clip / length
        w, optimiser = before.copy(), phase.optimiser
        rate = optimiser.rate * setup.schedule.factor(0, 1, 1)
        setup.penalty.decay(w, mask, rate)
        optimiser.update(optimiser.start(w.size, np.float64), w, g, 1, rate, mask)
        moved = w - before
    ends = np.cumsum([gradients[k].size for k in keys])
    return {k: part.reshape(gradients[k].shape) for k, part in zip(keys, np.split(moved, ends[:-1]), strict=True)}
