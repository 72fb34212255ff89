"""Layers with weights of their own."""

from __future__ import annotations

import itertools
from typing import Any

from graphlab.engine.expr import Expr, Index, Prod, Ref, add
from graphlab.engine.op import Array, Batch, Fix, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.spec import per_sample


class Linear(Op):
    """Mixes all features: every output is a weighted sum of every input, plus a bias."""

    category = "Layers"
    also = ("dense", "fully connected", "fc", "affine")
    features: int = attr("number of outputs", default=16, min=1, max=1_000_000)
    bias: bool = attr("add a bias b to every output", default=True)
    init: str = attr("how W starts; b starts at zero", default="he",
                     choices=("zeros", "normal", "small", "xavier", "xavier_normal", "he"))

    def ports(self) -> tuple[Port, ...]:
        b = (Port("b", weight=True),) if self.bias else ()
        return (Port("x"), Port("W", weight=True), *b)

    def line(self) -> str:
        return f"{self.features} unit" + "s" * (self.features != 1)

    def formula(self) -> str:
        return r"y = xW + b" if self.bias else "y = xW"

    def shape(self, x: Spec) -> Spec:
        flatten = Fix("insert Flatten here", "insert", port="x", op="Flatten")
        if x.rank not in (2, 3) or x.kind != "real":
            raise ShapeError("takes features shaped (B, n) or sequences shaped (B, T, n)", "x",
                             fixes=(flatten,) if x.rank > 3 else ())
        if isinstance(x.shape[-1], Batch):
            raise ShapeError("needs a fixed number of features on the last axis", "x", axis=-1)
        return x.with_shape(*x.shape[:-1], self.features)

    def weights(self, x: Spec) -> dict[str, Weight]:
        n = x.shape[-1]
        assert isinstance(n, int)
        out = {"W": Weight((n, self.features), self.init)}
        if self.bias:
            out["b"] = Weight((self.features,), "zeros", penalised=False)
        return out

    def macs(self, x: Spec) -> int:
        return per_sample(x.shape) * self.features

    def forward(self, f: Record, x: Array, W: Array, b: Array | None = None) -> Array:
        y: Array = x @ W  # (B, n) @ (n, m) -> (B, m)
        return y if b is None else y + b

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, W = f["x"], f["W"]
        rows, upstream = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])  # (B, T, n) -> (B·T, n)
        out = {"x": dy @ W.T, "W": rows.T @ upstream}
        return out | ({"b": upstream.sum(axis=0)} if self.bias else {})

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        *lead, j = index
        terms = [Prod((Ref("x", (*lead, i)), Ref("W", (i, j)))) for i in range(f["x"].shape[-1])]
        return add(*terms, *([Ref("b", (j,))] if self.bias else []))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        rows = list(itertools.product(*map(range, f["y"].shape[:-1])))
        match port:
            case "x":
                return [("y", (*index[:-1], j)) for j in range(self.features)]
            case "W":
                return [("y", (*row, index[1])) for row in rows]
            case _:
                return [("y", (*row, index[0])) for row in rows]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(features=3), x=(Batch(), 4)), case(cls(features=2, bias=False), x=(Batch(), 3, 2)),
                case(cls(features=1), x=(Batch(), 1), batch=1)]
