"""Arithmetic number by number, of one tensor or of two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add, call, div, maximum, mul, neg, sub
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import (
    Binary,
    Elementwise,
    after_broadcast,
    before_broadcast,
    need_real,
    square,
    unbroadcast,
)
from graphlab.engine.spec import broadcast


class Add(Binary):
    """Adds two tensors; the gradient goes to both unchanged."""

    also = ("plus", "residual", "skip", "+")

    def formula(self) -> str:
        return "y = a + b"

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        return a + b

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"a": unbroadcast(dy, f["a"].shape), "b": unbroadcast(dy, f["b"].shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return add(*self.operands(f, index))


class Subtract(Binary):
    """Subtracts the second tensor from the first."""

    also = ("minus", "difference", "-")

    def formula(self) -> str:
        return "y = a - b"

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        return a - b

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"a": unbroadcast(dy, f["a"].shape), "b": unbroadcast(-dy, f["b"].shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return sub(*self.operands(f, index))


class Multiply(Binary):
    """Multiplies two tensors number by number; the gradient of each is scaled by the other."""

    also = ("times", "hadamard", "gate", "⊙", "*")

    def formula(self) -> str:
        return r"y = a \odot b,\quad \frac{\partial L}{\partial a} = \frac{\partial L}{\partial y}\odot b"

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        return a * b

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        a, b = f["a"], f["b"]
        return {"a": unbroadcast(dy * b, a.shape), "b": unbroadcast(dy * a, b.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return mul(*self.operands(f, index))


class Divide(Binary):
    """Divides the first tensor by the second, number by number."""

    also = ("quotient", "ratio", "/")

    def formula(self) -> str:
        return r"y = \frac{a}{b}"

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        return a / b

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        a, b = f["a"], f["b"]
        return {"a": unbroadcast(dy / b, a.shape), "b": unbroadcast(-dy * a / (b * b), b.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return div(*self.operands(f, index))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), a=a, b=Given(b, low=0.5, high=2.0)) for a, b in (
            ((Batch(), 3), (Batch(), 3)), ((Batch(), 3, 2), (3, 1)), ((1,), (2, 1)))]


class Max(Binary):
    """Takes the larger of two numbers; the gradient goes to the one that won."""

    also = ("maximum", "larger")
    tie: str = attr("who gets the gradient where both are equal: nobody, the first, or half each",
                    default="nobody", choices=("nobody", "first", "half"))

    def line(self) -> str:
        return "" if self.tie == "nobody" else f"tie: {self.tie}"

    def formula(self) -> str:
        at_tie = {"nobody": "1(a>b)", "first": r"1(a\geq b)", "half": r"(1(a>b)+\tfrac{1}{2}1(a=b))"}[self.tie]
        return (r"y = \max(a, b),\quad \frac{\partial L}{\partial a} = \frac{\partial L}{\partial y}\cdot "
                + at_tie)

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        return np.maximum(a, b)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        a, b = f["a"], f["b"]
        to_a, to_b, equal = dy * (a > b), dy * (b > a), dy * (a == b)
        if self.tie == "first":
            to_a = to_a + equal
        elif self.tie == "half":
            to_a, to_b = to_a + 0.5 * equal, to_b + 0.5 * equal
        return {"a": unbroadcast(to_a, a.shape), "b": unbroadcast(to_b, b.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        a, b = self.operands(f, index)
        va, vb = (f[r.name][r.index] for r in (a, b) if isinstance(r, Ref))
        if va == vb and self.tie == "half":
            return mul(Num(0.5, r"\frac{1}{2}"), add(a, b))
        tied = 0 if self.tie == "first" else None
        return maximum("max", (a, b), 0 if va > vb else 1 if vb > va else tied)

    @classmethod
    def cases(cls) -> list[Any]:
        low, high = Given((Batch(), 3), low=-1.8, high=2.2, apart=0.05), Given((3,), low=-1.9, high=2.1, apart=0.05)
        return [case(cls(tie=t), a=Given((Batch(), 3), apart=0.05), b=low) for t in ("nobody", "first", "half")] + [
            case(cls(), a=Given((Batch(), 1), apart=0.05), b=high)]


class Negative(Elementwise):
    """Turns the sign of every number."""

    category = "Maths"
    also = ("minus", "negate")

    def formula(self) -> str:
        return "y = -x"

    def forward(self, f: Record, x: Array) -> Array:
        return -x

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": -dy}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return neg(Ref("x", index))


class Exp(Elementwise):
    """Raises e to every number."""

    category = "Maths"
    also = ("exponential",)

    def formula(self) -> str:
        return "y = e^x"

    def forward(self, f: Record, x: Array) -> Array:
        return np.exp(x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * f["y"]}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return call("exp", Ref("x", index))


class _Positive(Elementwise, register=False):
    """Functions of positive numbers."""

    category = "Maths"

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=Given((Batch(), 3), low=0.3, high=2.0)),
                case(cls(), x=Given((1, 1), low=0.3, high=2.0))]


class Log(_Positive):
    """Takes the natural logarithm of every number; 0 gives −∞ and a negative number NaN."""

    also = ("ln", "logarithm")

    def formula(self) -> str:
        return r"y = \ln x"

    def forward(self, f: Record, x: Array) -> Array:
        return np.log(x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy / f["x"]}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return call("ln", Ref("x", index))


class Sqrt(_Positive):
    """Takes the square root of every number; a negative one gives NaN."""

    also = ("square root", "√")

    def formula(self) -> str:
        return r"y = \sqrt{x}"

    def forward(self, f: Record, x: Array) -> Array:
        return np.sqrt(x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * 0.5 / f["y"]}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return call("sqrt", Ref("x", index))


class Power(_Positive):
    """Raises every number to a fixed power."""

    also = ("exponent", "^")
    exponent: float = attr("the power p", default=2.0)

    def line(self) -> str:
        return f"p = {self.exponent:g}"

    def formula(self) -> str:
        p = f"{self.exponent:g}"
        return rf"y = x^{{{p}}},\quad \frac{{\partial y}}{{\partial x}} = {p}\,x^{{{self.exponent - 1:g}}}"

    def forward(self, f: Record, x: Array) -> Array:
        return np.power(x, self.exponent)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * self.exponent * np.power(f["x"], self.exponent - 1)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return call("pow", Ref("x", index), Num(self.exponent))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(exponent=p), x=Given((Batch(), 2), low=0.3, high=2.0)) for p in (3.0, 0.5, -1.5, 1.0)] + [
            case(cls(exponent=2.0), x=(Batch(), 1), batch=1)]


class Square(Elementwise):
    """Squares every number."""

    category = "Maths"

    def formula(self) -> str:
        return "y = x^2"

    def forward(self, f: Record, x: Array) -> Array:
        return x * x

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": 2 * dy * f["x"]}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return square(Ref("x", index))


class Where(Op):
    """Takes a number of a where the condition holds and of b elsewhere."""

    category = "Maths"
    also = ("if", "select", "mask")

    def ports(self) -> tuple[Port, ...]:
        return (Port("condition", help="true or false, or numbers of which 0 is false"), Port("a"), Port("b"))

    def formula(self) -> str:
        return r"y = a\ \mathrm{if}\ c\ \mathrm{else}\ b"

    def shape(self, condition: Spec, a: Spec, b: Spec) -> Spec:
        for port, x in (("a", a), ("b", b)):
            need_real(x, port)
        if condition.kind == "real":
            raise ShapeError("takes a condition of true and false, or of whole numbers", "condition")
        return Spec(broadcast(condition.shape, broadcast(a.shape, b.shape)))

    def forward(self, f: Record, condition: Array, a: Array, b: Array) -> Array:
        return np.where(condition != 0, a, b)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        holds = f["condition"] != 0
        return {"a": unbroadcast(dy * holds, f["a"].shape), "b": unbroadcast(dy * ~holds, f["b"].shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        condition = f["condition"]
        chosen = "a" if condition[before_broadcast(index, condition.shape)] else "b"
        return Ref(chosen, before_broadcast(index, f[chosen].shape))

    def users(self, f: Record, port: str, index: Index) -> Iterable[tuple[str, Index]]:
        return (("y", at) for at in after_broadcast(index, f[port].shape, f["y"].shape))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), condition=Given((Batch(), 3), kind="bool"), a=(Batch(), 3), b=(Batch(), 3)),
                case(cls(), condition=Given((2, 3), kind="index", low=0, high=2), a=(1,), b=(2, 1))]
