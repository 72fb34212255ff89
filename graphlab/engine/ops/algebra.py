"""Products of matrices."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Ref, add, mul
from graphlab.engine.op import Array, Batch, Fix, Op, Port, Record, ShapeError, Spec, case
from graphlab.engine.ops.common import after_broadcast, before_broadcast, need_real, unbroadcast
from graphlab.engine.spec import broadcast, per_sample


class MatMul(Op):
    """Multiplies two matrices: every output is a row of a times a column of b."""

    category = "Maths"
    also = ("matrix product", "dot", "@")

    def ports(self) -> tuple[Port, ...]:
        return (Port("a"), Port("b"))

    def formula(self) -> str:
        return (r"y = ab,\quad \frac{\partial L}{\partial a} = \frac{\partial L}{\partial y}\,b^T,\quad "
                r"\frac{\partial L}{\partial b} = a^T\,\frac{\partial L}{\partial y}")

    def shape(self, a: Spec, b: Spec) -> Spec:
        for port, x in (("a", a), ("b", b)):
            need_real(x, port)
            if x.rank < 2:
                raise ShapeError("takes matrices, which have two axes or more", port)
        if a.shape[-1] != b.shape[-2]:
            fixes = [Fix(f"insert Transpose before {port}", "insert", port=port, op="Transpose")
                     for port, fits in (("b", a.shape[-1] == b.shape[-1]), ("a", a.shape[-2] == b.shape[-2])) if fits]
            raise ShapeError(f"needs as many columns in a as rows in b; {a.shape[-1]} against {b.shape[-2]} clash",
                             axis=-1, fixes=fixes)
        return Spec((*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))

    def macs(self, a: Spec, b: Spec) -> int:
        return per_sample(self.shape(a, b).shape) * per_sample(a.shape[-1:])

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        return np.asarray(np.matmul(a, b))  # (…, n, k) @ (…, k, m) -> (…, n, m)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        a, b = f["a"], f["b"]
        return {"a": unbroadcast(dy @ b.swapaxes(-1, -2), a.shape), "b": unbroadcast(a.swapaxes(-1, -2) @ dy, b.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        a, b = f["a"], f["b"]
        *lead, i, j = index
        in_a, in_b = (before_broadcast(tuple(lead), x.shape[:-2]) for x in (a, b))
        return add(*(mul(Ref("a", (*in_a, i, k)), Ref("b", (*in_b, k, j))) for k in range(a.shape[-1])))

    def users(self, f: Record, port: str, index: Index) -> Iterable[tuple[str, Index]]:
        x, y = f[port], f["y"]
        leads = after_broadcast(index[:-2], x.shape[:-2], y.shape[:-2])
        if port == "a":
            return [("y", (*lead, index[-2], j)) for lead, j in itertools.product(leads, range(y.shape[-1]))]
        return [("y", (*lead, i, index[-1])) for lead, i in itertools.product(leads, range(y.shape[-2]))]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), a=(Batch(), 3), b=(3, 2)), case(cls(), a=(Batch(), 2, 3), b=(Batch(), 3, 4)),
                case(cls(), a=(3, 2), b=(Batch(), 2, 2)), case(cls(), a=(3, Batch()), b=(Batch(), 2)),
                case(cls(), a=(1, 1), b=(1, 1)), case(cls(), a=(Batch(), 1, 2, 3), b=(2, 3, 1))]
