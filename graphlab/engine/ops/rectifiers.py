"""Activations with a choice or a weight: relatives of ReLU, GELU, and the steps that have no gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphlab.engine.expr import ONE, ZERO, Expr, Index, Num, Ref, add, call, maximum, mul, sub
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.ops.common import Elementwise, detached, need_real
from graphlab.engine.ops.special import erf, sigmoid, softplus


class LeakyReLU(Elementwise):
    """Passes what is positive and lets a little of the rest through, so that no unit dies."""

    also = ("leaky rectifier",)
    slope: float = attr("slope a below 0", default=0.01)

    def line(self) -> str:
        return f"a = {self.slope:g}"

    def formula(self) -> str:
        return rf"y = x\ \mathrm{{if}}\ x>0,\ \mathrm{{else}}\ {self.slope:g}\,x"

    def forward(self, f: Record, x: Array) -> Array:
        return np.where(x > 0, x, self.slope * x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": np.where(f["x"] > 0, dy, self.slope * dy)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = Ref("x", index)
        return x if f["x"][index] > 0 else mul(Num(self.slope), x)


class PReLU(Op):
    """Passes what is positive and scales the rest by a slope that is learned, one for each feature or channel."""

    category = "Activations"
    also = ("parametric rectifier",)
    source = "He et al. 2015"
    shared: bool = attr("one slope for all features instead of one each", default=False)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("a", weight=True, help="the slope below 0"))

    def line(self) -> str:
        return "one slope" if self.shared else ""

    def formula(self) -> str:
        return r"y = x\ \mathrm{if}\ x>0,\ \mathrm{else}\ a\,x" + ("" if self.shared else r",\quad a = a_c")

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if not self.shared and (x.rank < 2 or isinstance(x.shape[1], Batch)):
            raise ShapeError("takes features shaped (B, n) or images shaped (B, C, H, W)", "x")
        return x

    def weights(self, x: Spec) -> dict[str, Weight]:
        n = 1 if self.shared else x.shape[1]
        assert isinstance(n, int)
        return {"a": Weight((n,), "zeros", penalised=False)}

    def column(self, a: Array, rank: int) -> Array:
        """Lay the slopes along the channels: (C,) -> (C, 1, 1)."""
        return a.reshape(()) if self.shared else a.reshape(-1, *(1,) * (rank - 2))

    def forward(self, f: Record, x: Array, a: Array) -> Array:
        return np.where(x > 0, x, self.column(a, x.ndim) * x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, a = f["x"], f["a"]
        below = np.where(x > 0, 0, dy * x)
        axes = tuple(i for i in range(x.ndim) if self.shared or i != 1)
        return {"x": np.where(x > 0, dy, self.column(a, x.ndim) * dy), "a": below.sum(axis=axes).reshape(a.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = Ref("x", index)
        a = Ref("a", (0,) if self.shared else (index[1],))
        return x if f["x"][index] > 0 else mul(a, x)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        if port == "x":
            return [("y", index)]
        return [("y", at) for at in np.ndindex(f["x"].shape) if self.shared or at[1] == index[0]]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=Given((Batch(), 3), apart=0.05)), case(cls(), x=Given((Batch(), 2, 1, 3), apart=0.05)),
                case(cls(shared=True), x=Given((Batch(), 3), apart=0.05))]


class ReLU6(Elementwise):
    """Passes what lies between 0 and 6, and cuts off the rest."""

    also = ("MobileNet", "clip")

    def formula(self) -> str:
        return r"y = \min(\max(0, x), 6)"

    def forward(self, f: Record, x: Array) -> Array:
        return np.clip(x, 0, 6)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["x"]
        return {"x": dy * ((x > 0) & (x < 6))}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = f["x"][index]
        positive = maximum("max", (ZERO, Ref("x", index)), int(x > 0))
        return maximum("min", (positive, Num(6.0)), 0 if x < 6 else 1)

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=Given((Batch(), 5), low=-4, high=9.3, apart=0.3))]


class ELU(Elementwise):
    """Passes what is positive and bends the rest smoothly towards −α."""

    also = ("exponential linear unit",)
    source = "Clevert, Unterthiner & Hochreiter 2016"
    alpha: float = attr("α: the floor far below 0 is −α", default=1.0)

    def line(self) -> str:
        return f"α = {self.alpha:g}"

    def formula(self) -> str:
        return r"y = x\ \mathrm{if}\ x>0,\ \mathrm{else}\ \alpha(e^x-1)"

    def forward(self, f: Record, x: Array) -> Array:
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["x"]
        return {"x": np.where(x > 0, dy, dy * self.alpha * np.exp(np.minimum(x, 0)))}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = Ref("x", index)
        return x if f["x"][index] > 0 else mul(Num(self.alpha), sub(call("exp", x), ONE))


class Softplus(Elementwise):
    """Bends smoothly from 0 to x: a soft ReLU."""

    def formula(self) -> str:
        return r"y = \ln(1+e^x),\quad \frac{\partial y}{\partial x} = \sigma(x)"

    def forward(self, f: Record, x: Array) -> Array:
        return softplus(x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * sigmoid(f["x"])}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return call("softplus", Ref("x", index))


class GELU(Elementwise):
    """Weighs every number by the probability that a standard normal number is smaller."""

    also = ("gaussian error linear unit", "transformer")
    source = "Hendrycks & Gimpel 2016"
    form: str = attr("exact: x·Φ(x); tanh: the approximation that GPT-2 uses", default="exact",
                     choices=("exact", "tanh"))

    def line(self) -> str:
        return self.form

    def formula(self) -> str:
        if self.form == "exact":
            return r"y = x\,\Phi(x) = \frac{x}{2}\left(1+\mathrm{erf}\frac{x}{\sqrt{2}}\right)"
        return r"y = \frac{x}{2}\left(1+\tanh\left(\sqrt{2/\pi}\,(x+0.044715\,x^3)\right)\right)"

    def forward(self, f: Record, x: Array) -> Array:
        if self.form == "exact":
            return np.asarray(0.5 * x * (1 + erf(x * math.sqrt(0.5))))
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["x"]
        if self.form == "exact":
            phi = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
            return {"x": dy * (0.5 * (1 + erf(x * math.sqrt(0.5))) + x * phi)}
        c = math.sqrt(2 / math.pi)
        t = np.tanh(c * (x + 0.044715 * x * x * x))
        return {"x": dy * 0.5 * (1 + t + x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x))}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = Ref("x", index)
        if self.form == "exact":
            return mul(x, call("Phi", x))
        cubic = mul(Num(0.044715), call("pow", x, Num(3.0)))
        inner = mul(Num(math.sqrt(2 / math.pi), r"\sqrt{2/\pi}"), add(x, cubic))
        return mul(Num(0.5, r"\frac{1}{2}"), x, add(ONE, call("tanh", inner)))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(form=form), x=(Batch(), 3)) for form in ("exact", "tanh")] + [
            case(cls(), x=Given((Batch(), 1), low=-9, high=9), batch=4)]


class _Threshold(Elementwise, register=False):
    """Functions that jump at 0 and are flat elsewhere."""

    surrogate = ("the true derivative is 0 wherever there is one, so nothing before it can be trained; backward sends "
                 "what the attribute `gradient` says")
    gradient: str = attr("what backward sends: zero (the true derivative), or the upstream gradient unchanged "
                         "(straight-through)", default="zero", choices=("zero", "straight-through"))

    def line(self) -> str:
        return "" if self.gradient == "zero" else self.gradient

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": np.zeros_like(dy) if self.gradient == "zero" else dy}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = Ref("x", index)
        jump = Num(float(f["y"][index]))
        # Straight-through is y = x + (y − x) with no gradient through the bracket.
        return jump if self.gradient == "zero" else add(x, detached(sub(jump, x)))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(gradient=g), x=(Batch(), 3)) for g in ("zero", "straight-through")]


class Step(_Threshold):
    """Fires 1 from 0 on and 0 below: the perceptron's threshold."""

    also = ("perceptron", "heaviside", "threshold")
    source = "Rosenblatt 1958"

    def formula(self) -> str:
        return r"y = 1\ \mathrm{if}\ x\geq 0,\ \mathrm{else}\ 0"

    def forward(self, f: Record, x: Array) -> Array:
        return (x >= 0).astype(x.dtype)


class Sign(_Threshold):
    """Gives +1 from 0 on and −1 below."""

    also = ("sgn", "threshold")

    def formula(self) -> str:
        return r"y = +1\ \mathrm{if}\ x\geq 0,\ \mathrm{else}\ -1"

    def forward(self, f: Record, x: Array) -> Array:
        return np.where(x >= 0, 1.0, -1.0).astype(x.dtype)
