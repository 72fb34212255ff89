"""Attention: every query takes a weighted mean of the values, weighted by how well the keys answer it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Pick, Ref
from graphlab.engine.graph import Constant, Graph, Net
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.activations import Softmax
from graphlab.engine.ops.algebra import MatMul
from graphlab.engine.ops.common import need_real
from graphlab.engine.ops.maths import Multiply
from graphlab.engine.ops.regularise import Dropout
from graphlab.engine.ops.shape import Transpose
from graphlab.engine.spec import broadcast, per_sample, show_shape

#: What a forbidden score becomes: far below any real one, and finite, so that a query that may look nowhere has no NaN.
FORBIDDEN = -1e9


def allowed(mask: Array | None, causal: bool, shape: tuple[int, ...]) -> Array:
    """Return where a query may look at a key, as true and false in the shape of the scores (…, T_q, T_k)."""
    may = np.ones(shape, bool) if mask is None else np.broadcast_to(mask, shape)
    return may & (np.tri(shape[-2], shape[-1]) > 0) if causal else may


class MaskScores(Op):
    """Replaces scores that a query must not see by −10⁹, which softmax turns into 0."""

    category = "Attention"
    also = ("causal mask", "padding mask", "look-ahead mask")
    causal: bool = attr("forbid looking at later places, as in GPT", default=False)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("mask", optional=True, help="true where a query may look; repeats along missing axes"))

    def line(self) -> str:
        return "causal" if self.causal else ""

    def formula(self) -> str:
        return r"y_{ij} = x_{ij}\ \mathrm{if\ allowed\ else}\ -10^9"

    def shape(self, x: Spec, mask: Spec | None) -> Spec:
        need_real(x)
        if x.rank < 2:
            raise ShapeError("takes scores shaped (…, queries, keys)", "x")
        if self.causal and not (isinstance(x.shape[-1], int) and isinstance(x.shape[-2], int)):
            raise ShapeError("needs fixed numbers of queries and keys to look back only", "x")
        if mask is not None and (mask.kind != "bool" or broadcast(mask.shape, x.shape) != x.shape):
            raise ShapeError(f"takes a mask of true and false that fits scores shaped {show_shape(x.shape)}", "mask")
        return x

    def forward(self, f: Record, x: Array, mask: Array | None) -> Array:
        return np.where(allowed(mask, self.causal, x.shape), x, np.asarray(FORBIDDEN, x.dtype))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * allowed(f.get("mask"), self.causal, dy.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        may = bool(allowed(f.get("mask"), self.causal, f["x"].shape)[index])
        return Pick("if allowed", (Ref("x", index), Num(FORBIDDEN)), 0 if may else 1)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index)]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(causal=True), x=(Batch(), 3, 3)), case(cls(), x=(Batch(), 2), batch=1),
                case(cls(causal=True), x=(Batch(), 2, 2, 3), mask=Given((Batch(), 1, 1, 3), "bool")),
                case(cls(), x=(Batch(), 2, 3), mask=Given((2, 3), "bool"))]


class ScaledDotProductAttention(Op):
    """Compares every query with all keys, turns the scores into weights that sum to one, and mixes the values.

    q (B, T_q, d), k (B, T_k, d), v (B, T_k, m) → (B, T_q, m); with heads each has an axis more, (B, H, T, d).
    """

    title = "Attention"
    category = "Attention"
    also = ("dot product attention", "self-attention", "query key value", "QKV", "transformer")
    source = "Vaswani et al. 2017"
    scaled: bool = attr("divide the scores by √d, so that softmax does not saturate for long vectors", default=True)
    causal: bool = attr("forbid looking at later places, as in GPT", default=False)
    over: str = attr("what the weights sum to one over; the form KQᵀ in some notes sums over the queries",
                     default="keys", choices=("keys", "queries"))
    dropout: float = attr("probability of dropping a weight while training", default=0.0, min=0.0, max=1.0)

    def ports(self) -> tuple[Port, ...]:
        return (Port("q", help="queries"), Port("k", help="keys"), Port("v", help="values"),
                Port("mask", optional=True, help="true where a query may look; repeats along missing axes"))

    def line(self) -> str:
        return " · ".join(w for w, on in (("causal", self.causal), ("unscaled", not self.scaled),
                                          (f"dropout {self.dropout:g}", self.dropout > 0)) if on)

    def formula(self) -> str:
        scores = r"\frac{QK^T}{\sqrt{d}}" if self.scaled else "QK^T"
        over = r"\mathrm{softmax}" if self.over == "keys" else r"\mathrm{softmax}_{\mathrm{queries}}"
        return rf"y = {over}\left({scores}\right)V"

    def shape(self, q: Spec, k: Spec, v: Spec, mask: Spec | None) -> Spec:
        for port, x in (("q", q), ("k", k), ("v", v)):
            need_real(x, port)
            if x.rank not in (3, 4) or any(isinstance(d, Batch) for d in x.shape[1:]):
                raise ShapeError("takes sequences shaped (B, T, d), or (B, heads, T, d)", port)
        if k.shape[:-2] != q.shape[:-2] or k.shape[-1] != q.shape[-1]:
            raise ShapeError(f"needs keys of the {q.shape[-1]} features of its queries, which are {q}", "k")
        if v.shape[:-1] != k.shape[:-1]:
            raise ShapeError(f"needs a value for each of the {k.shape[-2]} keys, which are {k}", "v")
        scores = Spec((*q.shape[:-1], k.shape[-2]))
        if mask is not None:
            MaskScores().shape(scores, mask)
        return q.with_shape(*q.shape[:-1], v.shape[-1])

    def macs(self, q: Spec, k: Spec, v: Spec, mask: Spec | None) -> int:
        scores = per_sample((*q.shape[:-1], k.shape[-2]))
        return scores * (per_sample(q.shape[-1:]) + per_sample(v.shape[-1:]))

    def scale(self, f: Record) -> float:
        """Return what the scores are multiplied by: 1/√d, or 1."""
        return 1.0 / math.sqrt(f["q"].shape[-1]) if self.scaled else 1.0

    @property
    def axis(self) -> int:
        """The axis of the scores along which the weights sum to one."""
        return -1 if self.over == "keys" else -2

    def body(self, q: Spec, k: Spec, v: Spec, mask: Spec | None) -> Graph:
        net = Net()
        queries, keys, values = (net.input(n) for n in "qkv")
        scores = net.add("scores", MatMul(), queries, net.add("keys_T", Transpose(), keys))
        if self.scaled:
            d = q.shape[-1]
            assert isinstance(d, int)
            scores = net.add("scaled", Multiply(), scores, net.add("scale", Constant(numbers=(1.0 / math.sqrt(d),))))
        if self.causal or mask is not None:
            given = None if mask is None else net.input("mask", kind="bool")
            scores = net.add("masked", MaskScores(causal=self.causal), scores, given)
        weights = net.add("weights", Softmax(axis=self.axis), scores)
        if self.dropout:
            weights = net.add("dropout", Dropout(p=self.dropout), weights)
        net.output("y", net.add("context", MatMul(), weights, values))
        return net.graph()

    def forward(self, f: Record, q: Array, k: Array, v: Array, mask: Array | None) -> Array:
        scores = (q @ k.swapaxes(-1, -2)) * np.asarray(self.scale(f), q.dtype)  # (…, T_q, d) @ (…, d, T_k)
        may = allowed(mask, self.causal, scores.shape)
        scores = np.where(may, scores, np.asarray(FORBIDDEN, q.dtype))
        e = np.exp(scores - scores.max(axis=self.axis, keepdims=True))
        weights = e / e.sum(axis=self.axis, keepdims=True)
        f.keep(weights=weights)
        return self.dropped(f, weights) @ v  # (…, T_q, T_k) @ (…, T_k, m) -> (…, T_q, m)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        q, k, v, weights = f["q"], f["k"], f["v"], f["weights"]
        dweights = self.dropped(f, dy @ v.swapaxes(-1, -2))
        dscores = weights * (dweights - (dweights * weights).sum(axis=self.axis, keepdims=True))
        dscores = dscores * allowed(f.get("mask"), self.causal, dscores.shape) * self.scale(f)
        return {"q": dscores @ k, "k": dscores.swapaxes(-1, -2) @ q,
                "v": self.dropped(f, weights).swapaxes(-1, -2) @ dy}

    def dropped(self, f: Record, weights: Array) -> Array:
        """Apply the run's dropout to weights, or to their gradient: the same mask every time."""
        if not (self.dropout and f.training):
            return weights
        keep = 1.0 - self.dropout
        mask = f.uniform("dropout/mask", weights.shape) < keep
        return weights * mask / (keep or 1.0)

    @classmethod
    def cases(cls) -> list[Any]:
        q, k, v = (Batch(), 2, 3), (Batch(), 4, 3), (Batch(), 4, 2)
        heads = (Batch(), 2, 3, 2)
        return [
            case(cls(), q=q, k=k, v=v), case(cls(scaled=False, over="queries"), q=q, k=k, v=v),
            case(cls(), q=q, k=k, v=v, mask=Given((Batch(), 1, 4), "bool")),
            case(cls(causal=True, dropout=0.4), training=True, q=heads, k=heads, v=heads,
                 mask=Given((3, 3), "bool")),
            case(cls(dropout=0.4), q=q, k=k, v=v),
            case(cls(), q=(Batch(), 1, 1), k=(Batch(), 1, 1), v=(Batch(), 1, 1), batch=1)]
