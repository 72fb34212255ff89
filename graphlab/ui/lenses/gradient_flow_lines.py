"""From a survey of a network to the lines of the gradient-flow chart, and to the sentence that sums them up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from graphlab.engine.doctor import said
from graphlab.engine.flow import Layer, Passage, Survey, change
from graphlab.ui.lenses.gradient_flow_chart import Factors, Series, note
from graphlab.ui.panels.training_plots import line_colour

QUANTITIES = ("activation", "gradient", "update")
NAMES = {"activation": "activation", "gradient": "gradient ∂L/∂y", "update": "update / weight"}
_MARKS = {"activation": "●", "gradient": "▼", "update": "■"}
#: More lines than these cannot be told apart.
MOST_CHAINS = 6

Lines = tuple[list[Series], list[Factors], list[str]]


def sizes(layer: Layer, quantity: str) -> tuple[float, float, float]:
    """Return the size of a quantity and the range that most of its numbers lie in."""
    if quantity == "update":
        return layer.ratio, math.nan, math.nan
    strength = layer.activation if quantity == "activation" else layer.gradient
    return strength.rms, strength.low, strength.high


def layer_lines(survey: Survey, quantities: Sequence[str]) -> Lines:
    """Return a line for each part of the network and quantity, from the first layer to the last."""
    chains = dict(list(survey.chains.items())[:MOST_CHAINS])
    several = len(chains) > 1
    lines, rows = [], []
    for k, (name, layers) in enumerate(chains.items()):
        for q in quantities:
            i = QUANTITIES.index(q)
            values, low, high = zip(*(sizes(layer, q) for layer in layers), strict=True)
            notes = tuple(note(x.name, NAMES[q], v) for x, v in zip(layers, values, strict=True))
            lines.append(Series(name, q, values, low, high, notes, tuple(x.path for x in layers),
                                k if several else i, i if several else 0))
        rows.append(Factors(name if several else "factor", tuple(x.factor for x in layers[:-1])))
    longest = max(chains.values(), key=len, default=[])
    return lines, rows, [str(x.place + 1) if several else x.name for x in longest]


def time_lines(survey: Survey, quantities: Sequence[str]) -> Lines:
    """Return a line for each state of each recurrent layer and quantity, from t = 0 on."""
    lines, rows = [], []
    passages = survey.passages[:MOST_CHAINS]
    for k, p in enumerate(passages):
        name = f"{p.name} · {p.state}"
        for q in quantities:
            values = p.values if q == "activation" else p.gradients
            what = p.state if q == "activation" else f"∂L/∂{p.state}"
            notes = tuple(note(f"{p.name}, t = {t}", what, v) for t, v in enumerate(values))
            gaps = (math.nan,) * len(values)
            lines.append(Series(name, q, values, gaps, gaps, notes, tuple(f"{p.path}/t{t}" for t in range(len(values))),
                                k, QUANTITIES.index(q)))
        rows.append(Factors(name, time_factors(p)))
    return lines, rows, [str(t) for t in range(max((len(p.values) for p in passages), default=0))]


def time_factors(p: Passage) -> tuple[float, ...]:
    """Return by what the gradient is multiplied from each time step to the one read before it."""
    return tuple(change(b, a, 1) if p.reverse else change(a, b, 1) for a, b in pairwise(p.gradients))


def legend(series: Sequence[Series]) -> str:
    """Return the names of the lines with their colours and symbols, as rich text."""
    names, quantities = {s.name for s in series}, {s.quantity for s in series}
    parts = []
    for s in series:
        words = [s.name] * (len(names) > 1) + [NAMES[s.quantity]] * (len(quantities) > 1 or len(names) == 1)
        colour = line_colour(s.colour).name()
        parts.append(f"<span style='color:{colour}'>{_MARKS[s.quantity]}</span>&nbsp;{'&nbsp;'.join(words)}")
    return " &nbsp; ".join(parts)


def summary(survey: Survey, through_time: bool) -> str:
    """Say what becomes of the gradient on its whole way back."""
    if through_time:
        way, every = "On its way back through time", [
            (f"{p.name} · {p.state}", *p.ends, p.factor, "step") for p in survey.passages]
    else:
        way, every = "From the last layer back to the first", [
            (name, (first := layers[0].gradient.rms), (last := layers[-1].gradient.rms),
             change(first, last, len(layers) - 1), "layer") for name, layers in survey.chains.items()]
    parts = [f"{f'{name} ' if len(every) > 1 else ''}×{said(factor)} per {unit}, ×{said(first / last)} in all"
             for name, first, last, factor, unit in every[:MOST_CHAINS] if math.isfinite(factor)]
    return f"{way} the gradient changes by: {'; '.join(parts)}." if parts else ""


def moment(series: Sequence[Series], forward: bool, place: int, count: int, through_time: bool) -> str:
    """Say what the wave has reached."""
    what = "activation" if forward else "gradient"
    here = [s for s in series if s.quantity == what and place < len(s.values)]
    several = len({s.name for s in series}) > 1
    numbers = "; ".join(f"{s.name} {said(s.values[place])}" if several else said(s.values[place]) for s in here)
    where = f"time step t = {place}" if through_time else f"layer {place + 1} of {count}"
    return (f"{'Forward' if forward else 'Backward'}, {where}"
            + (f". Root mean square of the {what}: {numbers}." if numbers else "."))
