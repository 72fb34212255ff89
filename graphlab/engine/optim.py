"""Optimisers: how weights move along their gradient, in place on flat arrays."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from graphlab.engine.declared import Declared, attr
from graphlab.engine.record import Array

State = dict[str, Array]


def optimisers() -> Mapping[str, type[Optimiser]]:
    """Return every declared optimiser by its name."""
    return types.MappingProxyType(Optimiser.family)


class Optimiser(Declared, register=False):
    """The base of all optimisers. Its arrays are flat and of one length; `update` works in place."""

    family: ClassVar[dict[str, type[Optimiser]]] = {}
    #: How many arrays for passing results it wants beside its slots.
    scratch: ClassVar[int] = 0
    rate: float = attr("learning rate η, also written ε", default=0.01, min=0.0)

    def line(self) -> str:
        return f"η = {self.rate:g}"

    def slots(self) -> tuple[str, ...]:
        """Return the names of the arrays that it remembers from update to update; all start at zero."""
        return ()

    def start(self, size: int, dtype: Any = np.float32) -> State:
        """Return the arrays for ``size`` weights before the first update."""
        names = (*self.slots(), *(f"scratch{i}" for i in range(self.scratch)))
        return {name: np.zeros(size, dtype) for name in names}

    def look_ahead(self, state: State, w: Array) -> None:
        """Move the weights to where the gradient is to be taken, before the forward pass."""

    def look_back(self, state: State, w: Array) -> None:
        """Undo `look_ahead`, where no update follows it."""

    def update(
        self, state: State, w: Array, g: Array, t: int, rate: float, penalised: Array | None = None,
    ) -> None:
        """Make update number ``t`` = 1, 2, … at a rate; ``g`` is used up.

        ``penalised`` is 1 where a weight may decay and 0 where not (biases); None: everywhere.
        """
        raise NotImplementedError


class SGD(Optimiser):
    """Steps against the gradient: as gradient descent on the full batch, or stochastic on a part of it."""

    also = ("gradient descent", "gd", "stochastic")

    def formula(self) -> str:
        return r"w \leftarrow w - \eta \nabla L"

    def update(
        self, state: State, w: Array, g: Array, t: int, rate: float, penalised: Array | None = None,
    ) -> None:
        g *= rate
        w -= g


class Momentum(Optimiser):
    """Gathers speed where gradients agree, and damps where they alternate."""

    source = "Polyak 1964; form A as in Goodfellow, Bengio, Courville, Deep Learning, algorithm 8.2"
    form: str = attr("A: the velocity holds the rate; B: it sums gradients and the rate multiplies it",
                     default="A", choices=("A", "B"))
    momentum: float = attr("share of the velocity that stays, α (form A), β (form B)", default=0.9, min=0.0, max=1.0)

    def formula(self) -> str:
        if self.form == "A":
            return r"v \leftarrow \alpha v - \varepsilon g,\quad \theta \leftarrow \theta + v"
        return r"v \leftarrow \beta v + g,\quad \theta \leftarrow \theta - \eta v"

    def slots(self) -> tuple[str, ...]:
        return ("v",)

    def update(
        self, state: State, w: Array, g: Array, t: int, rate: float, penalised: Array | None = None,
    ) -> None:
        v = state["v"]
        v *= self.momentum
        if self.form == "A":
            g *= rate
            v -= g
            w += v
        else:
            v += g
            np.multiply(v, rate, out=g)
            w -= g


class Nesterov(Optimiser):
    """Momentum that takes the gradient where the velocity is about to lead."""

    source = "Nesterov 1983; Goodfellow, Bengio, Courville, Deep Learning, algorithm 8.3; Bengio et al. 2012"
    scratch = 1
    form: str = attr("look-ahead: the gradient at θ + αv; transformed: weights are θ̃ = θ + αv themselves",
                     default="look-ahead", choices=("look-ahead", "transformed"))
    momentum: float = attr("share of the velocity that stays, α", default=0.9, min=0.0, max=1.0)

    def formula(self) -> str:
        if self.form == "look-ahead":
            return (r"v \leftarrow \alpha v - \varepsilon \nabla L(\theta + \alpha v),\quad "
                    r"\theta \leftarrow \theta + v")
        return (r"v' = \alpha v - \varepsilon \nabla L(\tilde\theta),\quad "
                r"\tilde\theta \leftarrow \tilde\theta + v' + \alpha (v' - v)")

    def slots(self) -> tuple[str, ...]:
        return ("v",)

    def look_ahead(self, state: State, w: Array) -> None:
        if self.form == "look-ahead":
            w += np.multiply(state["v"], self.momentum, out=state["scratch0"])

    def look_back(self, state: State, w: Array) -> None:
        if self.form == "look-ahead":
            w -= np.multiply(state["v"], self.momentum, out=state["scratch0"])

    def update(
        self, state: State, w: Array, g: Array, t: int, rate: float, penalised: Array | None = None,
    ) -> None:
        v = state["v"]
        g *= rate
        v *= self.momentum
        v -= g
        # Look-ahead: w is θ + αv already, and θ + v' = w − εg. Transformed: v' + α(v' − v) = αv' − εg.
        w -= g
        if self.form == "transformed":
            w += np.multiply(v, self.momentum, out=g)


class AdaGrad(Optimiser):
    """Gives every weight its own rate, which shrinks with the squares of all its gradients so far."""

    source = "Duchi, Hazan, Singer 2011"
    scratch = 1
    stabiliser: float = attr("ν, outside the root, against division by zero; also written ε", default=1e-7, min=0.0)

    def formula(self) -> str:
        return r"a \leftarrow a + g \odot g,\quad \theta \leftarrow \theta - \frac{\varepsilon}{\sqrt{a} + \nu} \odot g"

    def slots(self) -> tuple[str, ...]:
        return ("a",)

    def update(
        self, state: State, w: Array, g: Array, t: int, rate: float, penalised: Array | None = None,
    ) -> None:
        a, s = state["a"], state["scratch0"]
        np.multiply(g, g, out=s)
        a += s
        scaled(a, g, s, rate, self.stabiliser)
        w -= g


class RMSProp(Optimiser):
    """Divides each weight's step by the running size of its gradients."""

    source = "Hinton, Coursera lecture 6e, 2012"
    scratch = 1
    decay: float = attr("share of the running average that stays, β", default=0.9, min=0.0, max=1.0)
    stabiliser: float = attr("ε, outside the root, against division by zero; also written ν", default=1e-8, min=0.0)

    def formula(self) -> str:
        return (r"a \leftarrow \beta a + (1 - \beta) g \odot g,\quad "
                r"\theta \leftarrow \theta - \frac{\eta}{\sqrt{a} + \varepsilon} \odot g")

    def slots(self) -> tuple[str, ...]:
        return ("a",)

    def update(
        self, state: State, w: Array, g: Array, t: int, rate: float, penalised: Array | None = None,
    ) -> None:
        a, s = state["a"], state["scratch0"]
        np.multiply(g, g, out=s)
        s *= 1.0 - self.decay
        a *= self.decay
        a += s
        scaled(a, g, s, rate, self.stabiliser)
        w -= g


class Adam(Optimiser):
    """Momentum with a rate of its own for every weight, both corrected for starting at zero."""

    also = ("AdamW",)
    source = "Kingma, Ba 2015; decoupled weight decay: Loshchilov, Hutter 2019"
    scratch = 1
    rate: float = attr("learning rate η, also written ε", default=0.001, min=0.0)
    beta1: float = attr("share of the running gradient v that stays, β₁", default=0.9, min=0.0, max=0.999999)
    beta2: float = attr("share of the running square a that stays, β₂", default=0.999, min=0.0, max=0.999999)
    stabiliser: float = attr("ε, outside the root, against division by zero; also written ν", default=1e-8, min=0.0)
    weight_decay: float = attr("decoupled weight decay λ (AdamW): w ← (1 − ηλ)w before the step, biases excepted",
                               default=0.0, min=0.0)

    def formula(self) -> str:
        decayed = r"(1 - \eta\lambda)\,\theta" if self.weight_decay else r"\theta"
        return (r"\hat v = \frac{v}{1 - \beta_1^t},\quad \hat a = \frac{a}{1 - \beta_2^t},\quad "
                rf"\theta \leftarrow {decayed} - \eta \frac{{\hat v}}{{\sqrt{{\hat a}} + \varepsilon}}")

    def slots(self) -> tuple[str, ...]:
        return ("v", "a")

    def update(
        self, state: State, w: Array, g: Array, t: int, rate: float, penalised: Array | None = None,
    ) -> None:
        v, a, s = state["v"], state["a"], state["scratch0"]
        if self.weight_decay:
            shrink(w, rate * self.weight_decay, penalised, s)
        np.multiply(g, g, out=s)
        s *= 1.0 - self.beta2
        a *= self.beta2
        a += s
        g *= 1.0 - self.beta1
        v *= self.beta1
        v += g
        # √â + ε is (√a + ε·c)/c with c = √(1 − β₂ᵗ): one pass over the array less.
        c = math.sqrt(1.0 - self.beta2**t)
        np.sqrt(a, out=s)
        s += self.stabiliser * c
        np.divide(v, s, out=s)
        s *= rate * c / (1.0 - self.beta1**t)
        w -= s


def scaled(a: Array, g: Array, s: Array, rate: float, stabiliser: float) -> None:
    """Turn g into rate·g / (√a + stabiliser), in place; s is for passing results. 0/0 counts as 0."""
    np.sqrt(a, out=s)
    s += stabiliser
    g *= rate
    if stabiliser:
        g /= s
    else:
        np.divide(g, s, out=g, where=s > 0.0)


def shrink(w: Array, share: float, penalised: Array | None, s: Array) -> None:
    """Make w smaller by a share of itself, in place, where it is penalised; s is for passing results."""
    if penalised is None:
        w *= 1.0 - share
    else:
        np.multiply(w, penalised, out=s)
        s *= share
        w -= s
