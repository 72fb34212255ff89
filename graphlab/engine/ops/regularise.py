"""Ops that change what training does rather than what the network says: dropout and stopped gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import ONE, Expr, Index, Num, Ref, mul
from graphlab.engine.op import Array, Batch, Record, Spec, attr, case
from graphlab.engine.ops.common import Elementwise


class Dropout(Elementwise):
    """Silences random numbers while training, so that no unit can rely on another."""

    category = "Regularisation"
    also = ("mask", "MC dropout")
    source = "Srivastava et al. 2014"
    p: float = attr("the probability that is meant by `probability`", default=0.5, min=0.0, max=1.0)
    probability: str = attr("what p is the probability of: to drop a number, or to keep it",
                            default="drop", choices=("drop", "keep"))
    scaling: str = attr("where the mean is restored: inverted divides by the keep probability while training; "
                        "at test multiplies by it in evaluation", default="inverted", choices=("inverted", "at test"))
    evaluation: str = attr("in evaluation: off (usual), or kept on (Monte Carlo dropout)", default="off",
                           choices=("off", "on"))

    @property
    def keep(self) -> float:
        """The probability that a number is kept."""
        return self.p if self.probability == "keep" else 1.0 - self.p

    def line(self) -> str:
        return f"{self.probability} {self.p:g}"

    def formula(self) -> str:
        q = "p" if self.probability == "keep" else "1-p"
        if self.scaling == "inverted":
            return rf"y = \frac{{m \odot x}}{{{q}}},\quad m \sim \mathrm{{Bernoulli}}({q})"
        return (rf"y = m \odot x\ \mathrm{{(training)}},\quad y = ({q})\,x\ \mathrm{{(evaluation)}},\quad "
                rf"m \sim \mathrm{{Bernoulli}}({q})")

    def drops(self, f: Record) -> bool:
        """Tell whether this run draws a mask."""
        return f.training or self.evaluation == "on"

    def factor(self, f: Record) -> float:
        """Return what every kept number is multiplied by."""
        if self.scaling == "inverted":
            return 1.0 / self.keep if self.drops(f) and self.keep else 1.0
        return 1.0 if self.drops(f) else self.keep

    def forward(self, f: Record, x: Array) -> Array:
        if not self.drops(f):
            return x * self.factor(f)
        mask = (f.uniform("mask", x.shape) < self.keep).astype(x.dtype)
        f.keep(mask=mask)
        y: Array = x * mask * self.factor(f)
        return y

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        mask = f.get("mask")
        return {"x": dy * self.factor(f) if mask is None else dy * mask * self.factor(f)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "mask":
            return Num(float(f["mask"][index]))
        mask = Ref("mask", index) if "mask" in f else ONE
        return mul(Num(self.factor(f)), mask, Ref("x", index))

    @classmethod
    def cases(cls) -> list[Any]:
        x = (Batch(), 4)
        return [case(cls(), training=True, x=x), case(cls(p=0.7, probability="keep"), training=True, x=x),
                case(cls(scaling="at test"), training=True, x=x), case(cls(scaling="at test", p=0.2), x=x),
                case(cls(), x=x), case(cls(evaluation="on"), x=(Batch(), 2, 1, 2)),
                case(cls(p=1.0), training=True, x=x)]


class StopGradient(Elementwise):
    """Passes numbers forward and no gradient back."""

    category = "Regularisation"
    also = ("detach", "straight-through", "stop")
    surrogate = "the gradient is stopped here on purpose; backward sends 0"

    def formula(self) -> str:
        return r"y = x,\quad \frac{\partial L}{\partial x} := 0"

    def shape(self, x: Spec) -> Spec:
        return x

    def forward(self, f: Record, x: Array) -> Array:
        return x

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": np.zeros_like(dy)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Ref("x", index)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return []
