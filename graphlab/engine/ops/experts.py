"""Layers that choose: a gate shares every input out among several small networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Pick, Ref
from graphlab.engine.graph import Graph, Net
from graphlab.engine.op import Array, Batch, Given, Op, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.activations import Softmax
from graphlab.engine.ops.attention import FORBIDDEN
from graphlab.engine.ops.common import need_real
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add, Multiply
from graphlab.engine.ops.shape import Slice
from graphlab.engine.ops.transformer import ACTIVATIONS, FeedForward


class KeepTop(Op):
    """Keeps the k largest scores of every row and replaces the others by −10⁹, which softmax turns into 0.

    Of equal scores the first ones are kept. The gradient passes where a score was kept.
    """

    title = "Keep top k"
    category = "Attention"
    also = ("top-k", "sparse", "routing", "mixture of experts")
    source = "Shazeer et al. 2017"
    count: int = attr("how many of the largest scores of the last axis are kept", default=2, min=1, max=1_000_000)

    def line(self) -> str:
        return f"top {self.count}"

    def formula(self) -> str:
        among = rf"\mathrm{{if}}\ x_i\ \mathrm{{is\ among\ the\ largest}}\ {self.count}"
        return rf"y_i = x_i\ {among},\ \mathrm{{else}}\ -10^9"

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if not x.rank or isinstance(x.shape[-1], Batch):
            raise ShapeError("takes scores along a last axis that is not the batch", "x")
        if self.count > x.shape[-1]:
            raise ShapeError(f"keeps {self.count} of {x.shape[-1]} scores; it can keep {x.shape[-1]} at most", "x", -1)
        return x

    def forward(self, f: Record, x: Array) -> Array:
        order = np.argsort(-x, axis=-1, kind="stable")[..., :self.count]
        kept = np.zeros(x.shape, bool)
        np.put_along_axis(kept, order, True, axis=-1)
        f.keep(kept=kept)
        return np.where(kept, x, np.asarray(FORBIDDEN, x.dtype))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * f["kept"]}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "kept":
            return Num(float(f["kept"][index]))
        return Pick("if among the largest", (Ref("x", index), Num(FORBIDDEN)), 0 if f["kept"][index] else 1)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index)]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=Given((Batch(), 4), apart=0.05)), case(cls(count=1), x=(Batch(), 1), batch=1),
                case(cls(count=1), x=Given((Batch(), 2, 3), apart=0.05))]


class MixtureOfExperts(Op):
    """Asks several small networks and mixes their answers, in shares that a gate learns: if-then-else with a slope.

    x (B, n) or (B, T, n) → y of the same axes, and the shares of the experts that sum to one, (…, experts).
    With ``top`` only the experts with the largest shares have a say; their shares then sum to one.
    """

    title = "Mixture of experts"
    category = "Layers"
    also = ("moe", "gating", "routing", "experts", "if-then-else", "switch")
    source = "Jacobs, Jordan, Nowlan & Hinton 1991; top k: Shazeer et al. 2017"
    outputs = ("y", "gates")
    experts: int = attr("number of experts", default=4, min=1, max=64)
    units: int = attr("hidden units of each expert", default=16, min=1, max=1_000_000)
    features: int = attr("features of the result; 0 means as many as come in", default=0, min=0, max=1_000_000)
    activation: str = attr("activation of the experts", default="relu", choices=tuple(ACTIVATIONS))
    top: int = attr("how many experts have a say for each input; 0 means all", default=0, min=0, max=64)

    def problems(self) -> list[str]:
        if self.top > self.experts:
            return [*super().problems(), f"asks the top {self.top} experts, but has {self.experts}"]
        return super().problems()

    def line(self) -> str:
        return f"{self.experts} experts" + (f" · top {self.top}" if self.top else "")

    def formula(self) -> str:
        scores = rf"\mathrm{{top}}_{{{self.top}}}(xW_g + b_g)" if self.top else "xW_g + b_g"
        return rf"y = \sum_{{i=1}}^{{{self.experts}}} g_i(x)\, E_i(x),\quad g = \mathrm{{softmax}}({scores})"

    def body(self, x: Spec) -> Graph:
        need_real(x)
        if x.rank not in (2, 3) or isinstance(x.shape[-1], Batch):
            raise ShapeError("takes features shaped (B, n) or sequences shaped (B, T, n)", "x")
        net = Net()
        fed = net.input("x")
        scores = net.add("gate", Linear(features=self.experts, init="xavier"), fed)
        if self.top:
            scores = net.add("chosen", KeepTop(count=self.top), scores)
        gates = net.add("gates_softmax", Softmax(), scores)
        total = None
        for i in range(self.experts):
            answer = net.add(f"expert{i}", FeedForward(units=self.units, features=self.features,
                                                       activation=self.activation), fed)
            share = net.add(f"gate{i}", Slice(start=i, stop=i + 1), gates)  # (…, experts) -> (…, 1)
            part = net.add(f"share{i}", Multiply(), answer, share)
            total = part if total is None else net.add(f"sum{i}", Add(), total, part)
        assert total is not None
        net.output("y", total)
        net.output("gates", gates)
        return net.graph()
