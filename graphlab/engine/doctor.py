"""What is wrong with the way signals and gradients flow through a network, in sentences with the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

import numpy as np

from graphlab.engine.flow import Layer, Passage, Survey, change, gradient_of
from graphlab.engine.nonfinite import broken, find_origin
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.rectifiers import ReLU6
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.run import Run

Level = Literal["problem", "warning", "good"]

#: From the last layer to the first one: below (or above the inverse) something is said, or is a problem.
FADING, VANISHED = 1e-2, 1e-4
#: The same through time, from the last step to the first.
TIME_FADING, TIME_VANISHED = 1e-2, 1e-3
#: Shares of dead units and of saturated outputs.
DEAD, MANY_DEAD = 0.25, 0.5
SATURATED, MANY_SATURATED = 0.5, 0.8
#: An output counts as saturated where the slope is below this share of the steepest one.
FLAT = 0.05
#: Update over weight: outside of this range training is rash, or stands still. About 10⁻³ is usual.
RASH, IDLE = 0.1, 1e-7
_UP = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ORDER: dict[Level, int] = {"problem": 0, "warning": 1, "good": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that was found: a sentence with its numbers, where to look, and the number that decided it."""

    kind: str
    level: Level
    path: str
    message: str
    value: float


def said(v: float) -> str:
    """Write a number with two or three digits: ``0.31``, ``4.2×10⁻⁷``."""
    if not math.isfinite(v):
        return "NaN" if math.isnan(v) else "∞" if v > 0 else "−∞"
    if v == 0 or 1e-3 <= abs(v) < 1e4:
        return f"{v:.3g}".replace("-", "−")
    mantissa, power = f"{v:.1e}".split("e")
    return f"{mantissa}×10{str(int(power)).translate(_UP)}".replace("-", "−", 1)


def examine(survey: Survey) -> tuple[Finding, ...]:
    """Return what is wrong, the worst first; where nothing is, one good finding that says what was looked at."""
    found = list(_not_finite(survey))
    if not found:
        for name, layers in survey.chains.items():
            found += _gradients(name, layers, len(survey.chains) > 1)
        found += chain.from_iterable(_time(p) for p in _highways(survey.passages))
        each = [*chain.from_iterable(_layer(survey, layer) for layer in survey.layers),
                *chain.from_iterable(_units(survey, step) for step in survey.anatomy.plan.steps)]
        found += _worst(each, survey)
    found.sort(key=lambda f: _ORDER[f.level])
    return tuple(found or _fine(survey))


def _worst(found: list[Finding], survey: Survey) -> Iterator[Finding]:
    """Keep the worst of what was found several times in one part of the network, and say how often it was."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in found:
        groups.setdefault((each.kind, survey.anatomy.names[each.path]), []).append(each)
    for (kind, _), same in groups.items():
        worst = min(same, key=lambda f: (_ORDER[f.level], f.value if kind == "idle update" else -f.value))
        more = len(same) - 1
        rest = f" {more} more layers are like this." if more > 1 else " One other layer is like this." if more else ""
        yield replace(worst, message=worst.message + rest)


def _not_finite(survey: Survey) -> Iterator[Finding]:
    """Name the node that made the first NaN or inf."""
    for run, losses in zip(survey.runs, survey.losses, strict=True):
        if not any(map(broken, chain(run.values.values(), run.gradients.values()))):
            continue
        origin = find_origin(run.plan, run.weights, run.feeds, run.mode, losses, run.dtype) if losses else None
        if origin is not None:
            yield Finding("not finite", "problem", origin.path, f"NaN or inf: {origin.message}.", math.nan)
            return
        for step in run.plan.steps:
            if any(broken(run.values.get(i)) for i in step.outputs.values()):
                yield Finding("not finite", "problem", step.path, f"NaN or inf: ‘{step.node.name}’ is the first that "
                              "gives a number which is not finite.", math.nan)
                return


def _gradients(name: str, layers: list[Layer], several: bool) -> Iterator[Finding]:
    """Compare the gradient at the first layer of a part with that at the last."""
    known = [layer for layer in layers if math.isfinite(layer.gradient.rms)]
    if len(known) < 2:
        return
    first, last = known[0], known[-1]
    where = f"In ‘{name}’ the" if several else "The"
    if not last.gradient.rms:
        return
    silent = [layer for layer in known if not layer.gradient.rms]
    if silent:
        yield _silent(where, known, silent)
        return
    share = first.gradient.rms / last.gradient.rms
    factor = change(first.gradient.rms, last.gradient.rms, len(known) - 1)
    numbers = (f"from {said(last.gradient.rms)} at ‘{last.name}’ to {said(first.gradient.rms)} at ‘{first.name}’, "
               f"a factor of {said(factor)} per layer over {len(known)} layers")
    if share < FADING:
        yield Finding("vanishing", "problem" if share < VANISHED else "warning", first.path,
                      f"{where} gradient vanishes on its way back: {numbers}. Skip connections, BatchNorm, or ReLU "
                      "with He initialisation keep it up.", factor)
    elif share > 1 / FADING:
        yield Finding("exploding", "problem" if share > 1 / VANISHED else "warning", first.path,
                      f"{where} gradient explodes on its way back: {numbers}. Smaller initial weights, BatchNorm or "
                      "clipping keep it down.", factor)
    yield from _signals(where, known)


def _silent(where: str, layers: list[Layer], silent: list[Layer]) -> Finding:
    """Say at which layers the gradient is exactly 0, and what stops it."""
    end = silent[-1]
    stop = next(layer for layer in layers[layers.index(end):] if layer.gradient.rms)
    why = (f"nothing passes the layer after it, since all weights of ‘{stop.name}’ are 0" if not stop.weight
           else f"no slope leads from it to ‘{stop.name}’")
    more = len(silent) - 1
    rest = f" and the {more} layers before it" if more > 1 else " and the layer before it" if more else ""
    return Finding("no gradient", "problem", end.path, f"{where} gradient at ‘{end.name}’{rest} is exactly 0: {why}. "
                   "Start from random weights, such as Xavier or He.", 0.0)


def _signals(where: str, layers: list[Layer]) -> Iterator[Finding]:
    """Compare what the first layer hands on with what the last but one does: the last has a scale of its own."""
    inner = layers[:-1]
    if len(inner) < 2 or not inner[0].activation.rms:
        return
    first, last = inner[0], inner[-1]
    share = last.activation.rms / first.activation.rms
    if FADING <= share <= 1 / FADING:
        return
    word = "fade" if share < 1 else "grow"
    factor = change(last.activation.rms, first.activation.rms, len(inner) - 1)
    bad = not VANISHED <= share <= 1 / VANISHED
    yield Finding(f"signals {word}", "problem" if bad else "warning", last.path,
                  f"{where} activations {word} with depth: from {said(first.activation.rms)} after ‘{first.name}’ to "
                  f"{said(last.activation.rms)} after ‘{last.name}’, a factor of {said(factor)} per layer. Initial "
                  "weights fitted to the width (Xavier, He) keep them level.", factor)


def _layer(survey: Survey, layer: Layer) -> Iterator[Finding]:
    """Look at one layer's update, and at its units."""
    if math.isfinite(layer.ratio) and layer.update:
        if layer.ratio > RASH:
            yield Finding("rash update", "warning", layer.path,
                          f"One update would change the weights of ‘{layer.name}’ by {said(layer.ratio)} of their "
                          "size; about 0.001 is usual. A smaller learning rate is safer.", layer.ratio)
        elif layer.ratio < IDLE:
            yield Finding("idle update", "warning", layer.path,
                          f"One update would change the weights of ‘{layer.name}’ by only {said(layer.ratio)} of their "
                          "size: they stand still.", layer.ratio)
    part = survey.anatomy.parts[layer.path]
    count, units = identical_units(survey.runs[0], part.step, part.keys) if layer.next else (1, 1)
    if count > 1:
        who = f"All {units} units" if count == units else f"{count} of the {units} units"
        yield Finding("symmetric", "problem", layer.path,
                      f"{who} of ‘{layer.name}’ have the same weights, compute the same number and receive the same "
                      "gradient: they stay equal for ever. Random initial weights break the symmetry.", float(count))


def identical_units(run: Run, step: Step, keys: Sequence[str]) -> tuple[int, int]:
    """Return how many of a layer's units share weights, outputs and gradients (the largest group), and of how many."""
    units = by_unit(next(iter(run.records[step.path].outputs.values())))
    gradient = gradient_of(run, step)
    weight = run.weights[keys[0]]
    axis = 1 if weight.ndim == 2 else 0  # dense weights are (in, out), kernels (out, in, …)
    if len(keys) != 1 or len(units) < 2 or weight.shape[axis] != len(units):
        return 1, len(units)
    parts = [np.moveaxis(weight, axis, 0).reshape(len(units), -1), units]
    parts += [] if gradient is None else [by_unit(gradient)]
    scaled = [np.round(p / (np.abs(p).max() or 1.0), 12) + 0.0 for p in parts]
    _, counts = np.unique(np.concatenate(scaled, axis=1), axis=0, return_counts=True)
    return int(counts.max()), len(units)


def _highways(passages: tuple[Passage, ...]) -> list[Passage]:
    """Return one state of each recurrent layer: the cell state where there is one, since gradients travel along it."""
    best: dict[str, Passage] = {}
    for p in passages:
        if p.path not in best or p.state == "c":
            best[p.path] = p
    return list(best.values())


def _time(p: Passage) -> Iterator[Finding]:
    """Compare the gradient at the step that was read first with that at the last."""
    first, last = p.ends
    steps = len(p.gradients)
    if steps < 3 or not last or not math.isfinite(first + last):
        return
    share = first / last
    numbers = (f"from {said(last)} at the last of {steps} steps to {said(first)} at the first, a factor of "
               f"{said(p.factor)} per step")
    if share < TIME_FADING:
        yield Finding("vanishing through time", "problem" if share < TIME_VANISHED else "warning", p.path,
                      f"The gradient of the state {p.state} of ‘{p.name}’ vanishes through time: {numbers}. Gates that "
                      "stay open (LSTM, GRU) or attention carry it further.", p.factor)
    elif share > 1 / TIME_FADING:
        yield Finding("exploding through time", "problem" if share > 1 / TIME_VANISHED else "warning", p.path,
                      f"The gradient of the state {p.state} of ‘{p.name}’ explodes through time: {numbers}. Clipping "
                      "bounds it.", p.factor)


# --- units --------------------------------------------------------------------------------------------------------


def by_unit(value: Array) -> Array:
    """Arrange a value (B, n), (B, T, n) or (B, C, H, W) as one row a unit: features, or channels of an image."""
    if value.ndim < 2:
        return value.reshape(1, -1)
    axis = value.ndim - 1 if value.ndim <= 3 else 1
    return np.moveaxis(value, axis, 0).reshape(value.shape[axis], -1)


def dead_units(y: Array) -> Array:
    """Tell for each unit whether it is 0 for every sample and at every place."""
    return np.asarray(~by_unit(y).any(axis=1))


def flat_share(step: Step, y: Array) -> float:
    """Return the share of a sigmoid's or tanh's outputs where the slope is below 5 % of the steepest."""
    slope = 4 * y * (1 - y) if isinstance(step.op, Sigmoid) else 1 - y * y
    return float((slope < FLAT).mean())


def _units(survey: Survey, step: Step) -> Iterator[Finding]:
    """Look for dead rectifiers, and for sigmoids and tanhs that are saturated; the answer may become certain."""
    y = survey.runs[0].values.get(step.outputs.get("y", -1))
    if y is None or y.size < 2 or step.path in survey.anatomy.answers:
        return
    samples = len(y)
    if isinstance(step.op, ReLU | ReLU6):
        dead = dead_units(y)
        share = float(dead.mean())
        if share >= DEAD and samples >= 8:
            yield Finding("dead", "problem" if share >= MANY_DEAD else "warning", step.path,
                          f"{int(dead.sum())} of {dead.size} units of ‘{step.node.name}’ ({share:.0%}) are 0 for all "
                          f"{samples} samples: no gradient passes through them. A smaller learning rate, He "
                          "initialisation or LeakyReLU keep units alive.", share)
    elif isinstance(step.op, Sigmoid | Tanh):
        share = flat_share(step, y)
        if share >= SATURATED:
            steepest = "¼" if isinstance(step.op, Sigmoid) else "1"
            yield Finding("saturated", "problem" if share >= MANY_SATURATED else "warning", step.path,
                          f"{share:.0%} of the outputs of ‘{step.node.name}’ are saturated: the slope there is below "
                          f"{FLAT:.0%} of its largest, {steepest}. Smaller weights, or normalised inputs, help.", share)


def _fine(survey: Survey) -> Iterator[Finding]:
    factors = [layer.factor for layer in survey.layers if math.isfinite(layer.factor)]
    if factors:
        yield Finding("fine", "good", "",
                      f"Nothing to complain about: over {len(survey.layers)} layers the gradient changes by a factor "
                      f"between {said(min(factors))} and {said(max(factors))} per layer.", min(factors))
    elif survey.layers and any(survey.losses):
        only = survey.layers[-1]
        yield Finding("fine", "good", only.path, f"Nothing to complain about: the gradient at ‘{only.name}’ is "
                      f"{said(only.gradient.rms)} (root mean square).", only.gradient.rms)
    else:
        yield Finding("no loss", "warning", "", "There is no gradient to look at: the network has no loss that "
                      "depends on a layer with weights. Add a loss, such as MSE.", math.nan)
