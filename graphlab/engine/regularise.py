"""Penalties on the weights, and clipping of the gradient; biases are never penalised."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from graphlab.engine.declared import Declared, attr
from graphlab.engine.record import Array


def penalties() -> Mapping[str, type[Penalty]]:
    """Return every declared penalty by its name."""
    return types.MappingProxyType(Penalty.family)


class Penalty(Declared, register=False):
    """The base of all penalties. ``mask`` is 1 where a weight is penalised and 0 where not."""

    family: ClassVar[dict[str, type[Penalty]]] = {}

    def line(self) -> str:
        return ""

    def value(self, w: Array, mask: Array) -> float:
        """Return what is added to the loss."""
        return 0.0

    def add_gradient(self, w: Array, g: Array, mask: Array) -> None:
        """Add the penalty's gradient to g, in place."""

    def decay(self, w: Array, mask: Array, rate: float) -> None:
        """Shrink the weights themselves, in place, before the optimiser's step at this rate."""


class NoPenalty(Penalty):
    """Leaves the weights alone."""

    title = "None"


class L2(Penalty):
    """Adds the squared length of the weights to the loss."""

    also = ("ridge", "tikhonov")
    strength: float = attr("λ", default=1e-4, min=0.0)
    form: str = attr("½: (λ/2)‖w‖² with the gradient λw; 1: λ‖w‖² with the gradient 2λw", default="½",
                     choices=("½", "1"))

    @property
    def _slope(self) -> float:
        return self.strength if self.form == "½" else 2.0 * self.strength

    def line(self) -> str:
        return f"λ = {self.strength:g}"

    def formula(self) -> str:
        if self.form == "½":
            return r"L + \frac{\lambda}{2} \|w\|^2,\quad \nabla L + \lambda w"
        return r"L + \lambda \|w\|^2,\quad \nabla L + 2 \lambda w"

    def value(self, w: Array, mask: Array) -> float:
        kept = w * mask
        return 0.5 * self._slope * float(np.dot(kept, kept))

    def add_gradient(self, w: Array, g: Array, mask: Array) -> None:
        kept = w * mask
        kept *= self._slope
        g += kept


class L1(Penalty):
    """Adds the sizes of the weights to the loss, which drives many of them to zero."""

    also = ("lasso",)
    strength: float = attr("λ", default=1e-4, min=0.0)

    def line(self) -> str:
        return f"λ = {self.strength:g}"

    def formula(self) -> str:
        return r"L + \lambda \|w\|_1,\quad \nabla L + \lambda \operatorname{sign} w,\ \operatorname{sign} 0 = 0"

    def value(self, w: Array, mask: Array) -> float:
        return self.strength * float(np.abs(w * mask).sum())

    def add_gradient(self, w: Array, g: Array, mask: Array) -> None:
        sign = np.sign(w * mask)
        sign *= self.strength
        g += sign


class WeightDecay(Penalty):
    """Shrinks the weights by a share of themselves at every update, beside the optimiser's step."""

    title = "Weight decay"
    strength: float = attr("λ", default=1e-2, min=0.0)
    form: str = attr("½: the factor (1 − ηλ), as (λ/2)‖w‖² gives with SGD; 1: (1 − 2ηλ), as λ‖w‖² gives",
                     default="½", choices=("½", "1"))

    def line(self) -> str:
        return f"λ = {self.strength:g}"

    def formula(self) -> str:
        factor = r"\eta\lambda" if self.form == "½" else r"2\eta\lambda"
        return rf"w \leftarrow (1 - {factor})\, w - \eta \frac{{\partial L}}{{\partial w}}"

    def decay(self, w: Array, mask: Array, rate: float) -> None:
        kept = w * mask
        kept *= rate * self.strength * (1.0 if self.form == "½" else 2.0)
        w -= kept


def norm(parts: list[Array]) -> float:
    """Return the length ‖g‖ of a gradient in pieces; inf or NaN where an entry is."""
    return math.sqrt(sum([float(np.dot(g, g)) for g in parts]))  # a list: faster than a generator for a few


def clip(parts: list[Array], limit: float, length: float) -> None:
    """Scale a gradient of the given length to at most the limit, in place: g·min(1, c/‖g‖)."""
    if length > limit:
        for g in parts:
            g *= limit / length
