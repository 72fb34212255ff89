"""Attention layers that are put together from simpler ops: several heads, and the ways of scoring."""

from __future__ import annotations

import math

from graphlab.engine.graph import Constant, Graph, Net, Parameter, Source
from graphlab.engine.op import Batch, Fix, Op, Port, ShapeError, Spec, attr
from graphlab.engine.ops.activations import Tanh
from graphlab.engine.ops.algebra import MatMul
from graphlab.engine.ops.attention import ScaledDotProductAttention
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add, Multiply
from graphlab.engine.ops.shape import Reshape, Transpose


def sequence(x: Spec, port: str) -> tuple[int, int]:
    """Return the length and the features of sequences (B, T, n). Raises `ShapeError` for anything else."""
    if x.rank != 3 or x.kind != "real" or isinstance(x.shape[1], Batch) or isinstance(x.shape[2], Batch):
        raise ShapeError("takes sequences shaped (B, T, n)", port)
    return x.shape[1], x.shape[2]


class MultiHeadAttention(Op):
    """Attends several times at once, each head with its own view of queries, keys and values, and joins the results.

    q (B, T_q, n), k and v (B, T_k, …) → (B, T_q, n). Unwired keys are the queries (self-attention), unwired values
    the keys. Parameters with biases and inputs of n features: 4(n² + n).
    """

    title = "Multi-head attention"
    category = "Attention"
    also = ("self-attention", "transformer", "heads", "cross attention")
    source = "Vaswani et al. 2017"
    heads: int = attr("number of heads; they share the features evenly", default=4, min=1, max=1024)
    features: int = attr("features of the result; 0 means as many as the queries have", default=0, min=0, max=1_000_000)
    bias: bool = attr("add a bias to the four mixtures", default=True)
    causal: bool = attr("forbid looking at later places, as in GPT", default=False)
    dropout: float = attr("probability of dropping a weight while training", default=0.0, min=0.0, max=1.0)

    def ports(self) -> tuple[Port, ...]:
        return (Port("q", help="queries"), Port("k", optional=True, help="keys; the queries where unwired"),
                Port("v", optional=True, help="values; the keys where unwired"),
                Port("mask", optional=True, help="true where a query may look: (B, T_q, T_k) or less"))

    def line(self) -> str:
        return f"{self.heads} heads" + (" · causal" if self.causal else "")

    def formula(self) -> str:
        return (r"y = [\mathrm{head}_1, \ldots, \mathrm{head}_H] W_o,\quad "
                r"\mathrm{head}_i = \mathrm{softmax}\left(\frac{Q_i K_i^T}{\sqrt{d}}\right) V_i,\quad "
                r"Q = qW_q,\ K = kW_k,\ V = vW_v")

    def body(self, q: Spec, k: Spec | None, v: Spec | None, mask: Spec | None) -> Graph:
        length, n = sequence(q, "q")
        n = self.features or n
        if n % self.heads:
            raise ShapeError(f"divides {n} features among {self.heads} heads, which leaves {n % self.heads} over", "q")
        net = Net()
        query = net.input("q")
        key = query if k is None else net.input("k")
        value = key if v is None else net.input("v")
        parts = []
        for name, source, spec, port in (("queries", query, q, "q"), ("keys", key, k or q, "k"),
                                         ("values", value, v or k or q, "v")):
            steps, _ = sequence(spec, port)
            mixed = net.add(name, Linear(features=n, bias=self.bias, init="xavier"), source)
            split = net.add(f"{name}_split", Reshape(size=(steps, self.heads, n // self.heads)), mixed)
            parts.append(net.add(f"{name}_heads", Transpose(axes=(0, 2, 1, 3)), split))
        may: Source | None = None
        if mask is not None:
            may = net.input("mask", kind="bool")
            if mask.rank == 3:  # (B, T_q, T_k) -> (B, 1, T_q, T_k): the same for all heads
                rows, columns = mask.shape[1:]
                if isinstance(rows, Batch) or isinstance(columns, Batch):
                    raise ShapeError("takes a mask shaped (B, T_q, T_k)", "mask")
                may = net.add("mask_heads", Reshape(size=(1, rows, columns)), may)
        seen = net.add("attention", ScaledDotProductAttention(causal=self.causal, dropout=self.dropout), *parts, may)
        together = net.add("together", Transpose(axes=(0, 2, 1, 3)), seen)
        joined = net.add("joined", Reshape(size=(length, n)), together)
        net.output("y", net.add("output", Linear(features=n, bias=self.bias, init="xavier"), joined))
        return net.graph()


class AttentionScores(Op):
    """Scores how well each key answers each query: by dot product, through a matrix, or by a small network.

    q (B, T_q, n), k (B, T_k, m) → (B, T_q, T_k). Softmax and a product with the values make attention of it.
    """

    title = "Attention scores"
    category = "Attention"
    also = ("alignment", "energy", "additive", "bilinear", "dot")
    source = "dot and bilinear: Luong, Pham & Manning 2015; additive: Bahdanau, Cho & Bengio 2015"
    form: str = attr("q·k, q·k/√n, q·W·k, or wᵀtanh(W q + U k)", default="dot",
                     choices=("dot", "scaled dot", "bilinear", "additive"))
    units: int = attr("hidden units of the additive form", default=16, min=1, max=65_536)

    def ports(self) -> tuple[Port, ...]:
        return (Port("q", help="queries"), Port("k", help="keys"))

    def line(self) -> str:
        return self.form

    def formula(self) -> str:
        return {"dot": r"e_{ij} = q_i k_j^T", "scaled dot": r"e_{ij} = \frac{q_i k_j^T}{\sqrt{n}}",
                "bilinear": r"e_{ij} = q_i W k_j^T", "additive": r"e_{ij} = \tanh(q_i W + k_j U)\, w"}[self.form]

    def body(self, q: Spec, k: Spec) -> Graph:
        (rows, n), (columns, m) = sequence(q, "q"), sequence(k, "k")
        if n != m and self.form in ("dot", "scaled dot"):
            raise ShapeError("multiplies queries and keys feature by feature, so both need as many", fixes=(
                Fix("use the bilinear form", "set", attributes=(("form", "bilinear"),)),))
        net = Net()
        query, key = net.input("q"), net.input("k")
        if self.form == "additive":
            a = net.add("W", Linear(features=self.units, bias=False, init="xavier"), query)
            b = net.add("U", Linear(features=self.units, bias=False, init="xavier"), key)
            a = net.add("each_query", Reshape(size=(rows, 1, self.units)), a)
            b = net.add("each_key", Reshape(size=(1, columns, self.units)), b)
            hidden = net.add("hidden", Tanh(), net.add("pairs", Add(), a, b))
            w = net.add("w", Parameter(size=(self.units, 1), init="xavier"))
            scores = net.add("scores", Reshape(size=(rows, columns)), net.add("energy", MatMul(), hidden, w))
        else:
            if self.form == "bilinear":
                query = net.add("W", Linear(features=m, bias=False, init="xavier"), query)
            scores = net.add("scores", MatMul(), query, net.add("keys_T", Transpose(), key))
            if self.form == "scaled dot":
                scale = net.add("scale", Constant(numbers=(1.0 / math.sqrt(n),)))
                scores = net.add("scaled", Multiply(), scores, scale)
        net.output("y", scores)
        return net.graph()
