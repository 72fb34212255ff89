"""Ops on whole matrices: products, traces, determinants, Gram matrices."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add, call, mul
from graphlab.engine.op import Array, Batch, Fix, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import after_broadcast, before_broadcast, detached, fraction, need_real, unbroadcast
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


class _OfSquare(Op, register=False):
    """Ops that make one number of each square matrix."""

    category = "Maths"

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if x.rank < 2 or x.shape[-1] != x.shape[-2] or isinstance(x.shape[-1], Batch):
            raise ShapeError("takes square matrices on its last two axes", "x", axis=-1)
        return x.with_shape(*x.shape[:-2])

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index[:-2])]


class Trace(_OfSquare):
    """Adds up the diagonal of a square matrix; its gradient is the identity matrix."""

    also = ("tr", "diagonal")

    def formula(self) -> str:
        return r"y = \mathrm{tr}\,X = \sum_i X_{ii},\quad \frac{\partial y}{\partial X} = I"

    def forward(self, f: Record, x: Array) -> Array:
        return np.asarray(np.trace(x, axis1=-2, axis2=-1))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        n = f["x"].shape[-1]
        return {"x": dy[..., None, None] * np.eye(n, dtype=dy.dtype)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return add(*(Ref("x", (*index, i, i)) for i in range(f["x"].shape[-1])))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(3, 3)), case(cls(), x=(Batch(), 2, 2)), case(cls(), x=(1, 1))]


#: Up to this size a determinant is written out as the sum over all orders of its columns.
_WRITTEN_OUT = 4


class LogDet(_OfSquare):
    """Takes the logarithm of a square matrix's determinant; its gradient is the transposed inverse."""

    also = ("ln det", "determinant")

    def formula(self) -> str:
        return r"y = \ln\det X,\quad \frac{\partial y}{\partial X} = (X^{-1})^T"

    def forward(self, f: Record, x: Array) -> Array:
        sign, value = np.linalg.slogdet(x)
        for at in np.argwhere(np.atleast_1d(sign) <= 0)[:1]:
            where = f" of matrix {int(at[0])}" if x.ndim > 2 else ""
            why = "X is singular" if np.atleast_1d(sign)[tuple(at)] == 0 else "det X is negative"
            raise ValueError(f"the logarithm needs det X > 0, but {why}{where}: "
                             f"det X = {np.atleast_1d(np.linalg.det(x))[tuple(at)]:.4g}")
        return np.asarray(value)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy[..., None, None] * np.linalg.inv(f["x"]).swapaxes(-1, -2)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        n = f["x"].shape[-1]
        if n > _WRITTEN_OUT:
            return self.around(f, index)
        terms = []
        for order in itertools.permutations(range(n)):
            swaps = sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
            factors = [Ref("x", (*index, i, j)) for i, j in enumerate(order)]
            terms.append(mul(*([Num(-1.0)] if swaps % 2 else []), *factors))
        return call("ln", add(*terms))

    def around(self, f: Record, index: Index) -> Expr:
        """Explain a large determinant by its cofactors: det X = Σ xᵢⱼCᵢⱼ − (n−1)·det X, each row counted once."""
        x = f["x"][index]
        det = float(np.linalg.det(x))
        cofactors = det * np.linalg.inv(x).T
        n = len(x)
        terms = [mul(Num(float(cofactors[i, j])), Ref("x", (*index, i, j))) for i, j in np.ndindex(n, n)]
        return call("ln", add(*terms, detached(Num(-(n - 1) * det))))

    @classmethod
    def cases(cls) -> list[Any]:
        # A heavy diagonal makes every determinant positive.
        return [case(cls(), x=Given((n, n), low=-1, high=1, diagonal=n)) for n in (1, 2, 3, 6)] + [
            case(cls(), x=Given((Batch(), 2, 2), low=-1, high=1, diagonal=2.5))]


class Gram(Op):
    """Multiplies every channel with every other over all pixels: which features appear together, wherever they are."""

    category = "Maths"
    also = ("style", "correlation", "style transfer")
    source = "Gatys, Ecker & Bethge 2016"
    divide: str = attr("what the products are divided by: nothing, or the number of C·H·W", default="nothing",
                       choices=("nothing", "C·H·W"))

    def line(self) -> str:
        return "" if self.divide == "nothing" else f"/ {self.divide}"

    def formula(self) -> str:
        front = "" if self.divide == "nothing" else r"\frac{1}{CHW}"
        return rf"G = {front}\,M M^T,\quad M \in \mathbb{{R}}^{{C\times HW}}"

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if x.rank < 3 or any(isinstance(d, Batch) for d in x.shape[1:]):
            raise ShapeError("takes images shaped (B, C, H, W)", "x")
        return x.with_shape(x.shape[0], x.shape[1], x.shape[1])

    def macs(self, x: Spec) -> int:
        return per_sample(x.shape) * per_sample(x.shape[1:2])

    def divisor(self, x: Array) -> int:
        """Return what the products are divided by."""
        return 1 if self.divide == "nothing" else x[0].size

    def forward(self, f: Record, x: Array) -> Array:
        m = x.reshape(*x.shape[:2], -1)  # (B, C, H, W) -> (B, C, H·W)
        return np.asarray(m @ m.swapaxes(1, 2) / self.divisor(x))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["x"]
        m = x.reshape(*x.shape[:2], -1)
        return {"x": ((dy + dy.swapaxes(1, 2)) @ m / self.divisor(x)).reshape(x.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = f["x"]
        b, i, j = index
        terms = [mul(Ref("x", (b, i, *at)), Ref("x", (b, j, *at))) for at in np.ndindex(x.shape[2:])]
        return mul(fraction(self.divisor(x)), add(*terms))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        b, c = index[:2]
        n = f["x"].shape[1]
        pairs = [(c, j) for j in range(n)] + [(i, c) for i in range(n) if i != c]
        return [("y", (b, *pair)) for pair in pairs]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 2, 2, 3)), case(cls(divide="C·H·W"), x=(Batch(), 3, 2, 1)),
                case(cls(), x=(Batch(), 1, 1), batch=1)]
