"""Sums and means along axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Ref, add, mul
from graphlab.engine.op import Array, Batch, Op, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import axis_of, fraction, need_real


class _Reduction(Op, register=False):
    """Ops that make one number of all those along some axes."""

    category = "Maths"
    axes: tuple[int, ...] = attr(
        "axes to reduce, from 0 (the batch); −1 is the last; none named means all", default=())
    keep: bool = attr("keep the reduced axes with size 1", default=False)

    def line(self) -> str:
        return "all" if not self.axes else "axis " + ", ".join(map(str, self.axes))

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        gone = {axis_of(a, x) for a in self.axes} or set(range(x.rank))
        if len(gone) < len(self.axes):
            raise ShapeError(f"names an axis twice: {', '.join(map(str, self.axes))}", "x")
        kept = [1 if i in gone else d for i, d in enumerate(x.shape) if self.keep or i not in gone]
        return x.with_shape(*kept)

    def gone(self, x: Array) -> tuple[int, ...]:
        """Return the reduced axes, from 0 and in order."""
        return tuple(sorted(a % x.ndim for a in self.axes)) or tuple(range(x.ndim))

    def count(self, x: Array) -> int:
        """Return how many numbers make one."""
        return math.prod(x.shape[a] for a in self.gone(x))

    def spread(self, x: Array, dy: Array) -> Array:
        """Repeat a gradient along the reduced axes."""
        return np.broadcast_to(dy if self.keep else np.expand_dims(dy, self.gone(x)), x.shape)

    def terms(self, f: Record, index: Index) -> list[Expr]:
        """Return the numbers that one output number is made of."""
        x = f["x"]
        gone, rest = self.gone(x), iter(index)
        ranges: list[Iterable[int]] = []
        for i, n in enumerate(x.shape):
            if i not in gone or self.keep:
                at = next(rest)
            ranges.append(range(n) if i in gone else (at,))
        return [Ref("x", at) for at in itertools.product(*ranges)]

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        gone = self.gone(f["x"])
        return [("y", tuple(0 if i in gone else n for i, n in enumerate(index) if self.keep or i not in gone))]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 3)), case(cls(axes=(1,)), x=(Batch(), 3, 2)), case(cls(), x=()),
                case(cls(axes=(-1, 0), keep=True), x=(Batch(), 3, 1)), case(cls(keep=True), x=(2, 3))]


class Sum(_Reduction):
    """Adds up the numbers along some axes."""

    also = ("reduce", "total", "Σ")

    def formula(self) -> str:
        return r"y = \sum_i x_i"

    def forward(self, f: Record, x: Array) -> Array:
        return np.asarray(x.sum(axis=self.gone(x), keepdims=self.keep))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": self.spread(f["x"], dy)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return add(*self.terms(f, index))


class Mean(_Reduction):
    """Averages the numbers along some axes."""

    also = ("average", "reduce")

    def formula(self) -> str:
        return r"y = \frac{1}{n}\sum_{i=1}^{n} x_i"

    def forward(self, f: Record, x: Array) -> Array:
        return np.asarray(x.mean(axis=self.gone(x), keepdims=self.keep))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["x"]
        return {"x": self.spread(x, dy) / self.count(x)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return mul(fraction(self.count(f["x"])), add(*self.terms(f, index)))
