"""Activations without parameters: functions of each number by itself, and softmax along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import ONE, ZERO, Expr, Index, Pick, Ref, add, call, div, maximum, mul, neg, sub
from graphlab.engine.op import Array, Batch, Op, Record, Spec, attr, case
from graphlab.engine.ops.common import Elementwise, axis_of, line_through, need_real, put, square
from graphlab.engine.ops.special import logsumexp, sigmoid, softplus


class Identity(Elementwise):
    """Passes every number on unchanged."""

    also = ("linear", "pass", "none")

    def shape(self, x: Spec) -> Spec:
        return x

    def formula(self) -> str:
        return "y = x"

    def forward(self, f: Record, x: Array) -> Array:
        return x

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Ref("x", index)


class ReLU(Elementwise):
    """Passes what is positive and silences the rest."""

    also = ("rectifier", "max(0, x)")
    source = "Nair & Hinton 2010"

    def formula(self) -> str:
        return r"y = \max(0, x)"

    def forward(self, f: Record, x: Array) -> Array:
        return np.maximum(x, 0)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * (f["x"] > 0)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return maximum("max", (ZERO, Ref("x", index)), int(f["x"][index] > 0))


class Sigmoid(Elementwise):
    """Squeezes every number into 0…1."""

    also = ("logistic", "σ")

    def formula(self) -> str:
        return r"y = \sigma(x) = \frac{1}{1+e^{-x}},\quad \frac{\partial y}{\partial x} = y(1-y)"

    def forward(self, f: Record, x: Array) -> Array:
        return sigmoid(x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        y = f["y"]
        return {"x": dy * y * (1 - y)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return call("sigmoid", Ref("x", index))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        y = Ref("y", index)
        return mul(Ref("y", index, grad=True), y, sub(ONE, y))


class LogSigmoid(Elementwise):
    """Gives the logarithm of the sigmoid, stable for any number."""

    also = ("ln σ",)

    def formula(self) -> str:
        return r"y = \ln\sigma(x) = -\ln(1+e^{-x})"

    def forward(self, f: Record, x: Array) -> Array:
        return -softplus(-x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * sigmoid(-f["x"])}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return neg(call("softplus", neg(Ref("x", index))))


class Tanh(Elementwise):
    """Squeezes every number into −1…1, centred at 0."""

    also = ("hyperbolic tangent",)

    def formula(self) -> str:
        return r"y = \tanh(x) = 2\sigma(2x)-1,\quad \frac{\partial y}{\partial x} = 1-y^2"

    def forward(self, f: Record, x: Array) -> Array:
        return np.tanh(x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        y = f["y"]
        return {"x": dy * (1 - y * y)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return call("tanh", Ref("x", index))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        return mul(Ref("y", index, grad=True), sub(ONE, square(Ref("y", index))))


class _Along(Op, register=False):
    """Ops that mix the numbers along one axis and keep the shape."""

    category = "Activations"
    axis: int = attr("axis along which it works, from 0; −1 is the last", default=-1)

    def line(self) -> str:
        return "" if self.axis == -1 else f"axis {self.axis}"

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        axis_of(self.axis, x)
        return x

    def line_of(self, f: Record, index: Index) -> list[Index]:
        """Return the places that share their sum with this one."""
        axis = self.axis % f["x"].ndim
        return line_through(index, axis, f["x"].shape[axis])

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", at) for at in self.line_of(f, index)]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 4)), case(cls(axis=1), x=(Batch(), 3, 2)), case(cls(), x=(Batch(), 1), batch=1)]


class Softmax(_Along):
    """Turns scores into probabilities that sum to one: exponentiate, add up, divide."""

    also = ("probabilities", "normalised exponential")

    def formula(self) -> str:
        return r"y_k = \frac{e^{x_k-m}}{\sum_j e^{x_j-m}},\quad m=\max_j x_j"

    def forward(self, f: Record, x: Array) -> Array:
        m = x.max(axis=self.axis, keepdims=True)
        e = np.exp(x - m)
        s = e.sum(axis=self.axis, keepdims=True)
        f.keep(m=m, e=e, s=s)
        y: Array = e / s
        return y

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        y = f["y"]
        return {"x": y * (dy - (dy * y).sum(axis=self.axis, keepdims=True))}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        one = put(index, self.axis % f["x"].ndim, 0)
        match output:
            case "m":  # subtracting a constant changes no probability, so no gradient passes through it
                return Pick("max", tuple(Ref("x", at) for at in self.line_of(f, index)), None)
            case "e":
                return call("exp", sub(Ref("x", index), Ref("m", one)))
            case "s":
                return add(*(Ref("e", at) for at in self.line_of(f, index)))
            case _:
                return div(Ref("e", index), Ref("s", one))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        mixed = add(*(mul(Ref("y", at, grad=True), Ref("y", at)) for at in self.line_of(f, index)))
        return mul(Ref("y", index), sub(Ref("y", index, grad=True), mixed))


class LogSoftmax(_Along):
    """Gives the logarithms of the softmax's probabilities, without ever forming a 0."""

    def formula(self) -> str:
        return r"y_k = x_k - \ln\sum_j e^{x_j}"

    def forward(self, f: Record, x: Array) -> Array:
        lse = logsumexp(x, self.axis)
        f.keep(lse=lse)
        return x - lse

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy - np.exp(f["y"]) * dy.sum(axis=self.axis, keepdims=True)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "lse":
            return call("logsumexp", *(Ref("x", at) for at in self.line_of(f, index)))
        return sub(Ref("x", index), Ref("lse", put(index, self.axis % f["x"].ndim, 0)))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        total = add(*(Ref("y", at, grad=True) for at in self.line_of(f, index)))
        return sub(Ref("y", index, grad=True), mul(call("exp", Ref("y", index)), total))
