"""The parts of a Transformer, put together from attention, layers and normalisation."""

from __future__ import annotations

from graphlab.engine.graph import Graph, Net, Source
from graphlab.engine.op import Batch, Op, Port, ShapeError, Spec, attr
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.common import need_real
from graphlab.engine.ops.heads import MultiHeadAttention, sequence
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add
from graphlab.engine.ops.normalise import LayerNorm
from graphlab.engine.ops.rectifiers import GELU
from graphlab.engine.ops.regularise import Dropout

ACTIVATIONS: dict[str, Op] = {"relu": ReLU(), "gelu": GELU(), "gelu tanh": GELU(form="tanh")}
_PHI = {"relu": r"\max(0,\ %s)", "gelu": r"\mathrm{GELU}(%s)", "gelu tanh": r"\mathrm{GELU}(%s)"}


class FeedForward(Op):
    """Sends every place of a sequence through the same two layers, each place by itself.

    x (B, T, n) or (B, n) → the same shape. Parameters: n·m + m + m·n + n with m hidden units.
    """

    title = "Feed-forward"
    category = "Attention"
    also = ("ffn", "mlp", "position-wise", "transformer")
    source = "Vaswani et al. 2017"
    units: int = attr("hidden units; the paper has four times as many as features", default=64, min=1, max=1_000_000)
    features: int = attr("features of the result; 0 means as many as come in", default=0, min=0, max=1_000_000)
    activation: str = attr("what stands between the two layers", default="relu", choices=tuple(ACTIVATIONS))
    dropout: float = attr("probability of dropping a hidden unit while training", default=0.0, min=0.0, max=1.0)

    def line(self) -> str:
        return f"{self.units} units · {self.activation}"

    def formula(self) -> str:
        return "y = " + _PHI[self.activation] % "xW_1 + b_1" + r"\, W_2 + b_2"

    def body(self, x: Spec) -> Graph:
        need_real(x)
        if x.rank not in (2, 3) or isinstance(x.shape[-1], Batch):
            raise ShapeError("takes features shaped (B, n) or sequences shaped (B, T, n)", "x")
        net = Net()
        h = net.add("hidden", Linear(features=self.units), net.input("x"))
        h = net.add("activation", ACTIVATIONS[self.activation], h)
        if self.dropout:
            h = net.add("dropout", Dropout(p=self.dropout), h)
        net.output("y", net.add("output", Linear(features=self.features or x.shape[-1], init="xavier"), h))
        return net.graph()


class AddNorm(Op):
    """Adds what a layer made of x to x itself, and normalises the sum: every layer only has to find a correction."""

    title = "Add & norm"
    category = "Attention"
    also = ("residual", "skip", "layer norm", "transformer")
    source = "Vaswani et al. 2017"
    eps: float = attr("ε under the square root, against division by zero", default=1e-5, min=0.0, max=1.0)
    dropout: float = attr("probability of dropping a number of the layer's result while training", default=0.0,
                          min=0.0, max=1.0)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="what the layer was given"), Port("sub", help="what the layer made of it"))

    def formula(self) -> str:
        return r"y = \mathrm{LayerNorm}(x + \mathrm{sub}(x))"

    def body(self, x: Spec, sub: Spec) -> Graph:
        for port, spec in (("x", x), ("sub", sub)):
            need_real(spec, port)
        if x.shape != sub.shape:
            raise ShapeError("adds what went into a layer to what came out, so both need one shape")
        net = Net()
        made = net.input("sub")
        if self.dropout:
            made = net.add("dropout", Dropout(p=self.dropout), made)
        total = net.add("sum", Add(), net.input("x"), made)
        net.output("y", net.add("norm", LayerNorm(eps=self.eps), total))
        return net.graph()


class _TransformerBlock(Op, register=False):
    """What encoder and decoder share: sub-layers, each with a way around it and a normalisation."""

    category = "Attention"
    heads: int = attr("number of attention heads; they share the features evenly", default=4, min=1, max=1024)
    units: int = attr("hidden units of the feed-forward layers", default=64, min=1, max=1_000_000)
    activation: str = attr("activation of the feed-forward layers: ReLU in the paper, GELU in BERT and GPT",
                           default="relu", choices=tuple(ACTIVATIONS))
    norm: str = attr("where LayerNorm stands: after the sum, as in the paper, or before the layer, as in GPT-2",
                     default="after", choices=("after", "before"))
    dropout: float = attr("probability of dropping numbers while training", default=0.0, min=0.0, max=1.0)

    def line(self) -> str:
        return f"{self.heads} heads · {self.units} units"

    def around(self, net: Net, x: Source, number: int, name: str, op: Op, *more: Source | None,
               **wired: Source | None) -> Source:
        """Add a sub-layer with its way around: LayerNorm(x + sub(x)), or x + sub(LayerNorm(x))."""
        if self.norm == "before":
            made = net.add(name, op, net.add(f"norm{number}", LayerNorm(), x), *more, **wired)
            if self.dropout:
                made = net.add(f"dropout{number}", Dropout(p=self.dropout), made)
            return net.add(f"add{number}", Add(), x, made)
        made = net.add(name, op, x, *more, **wired)
        return net.add(f"add_norm{number}", AddNorm(dropout=self.dropout), x, made)

    def attention(self, causal: bool) -> Op:
        """Return the attention of this block."""
        return MultiHeadAttention(heads=self.heads, causal=causal, dropout=self.dropout)

    def feed_forward(self) -> Op:
        """Return the two layers at the end of this block."""
        return FeedForward(units=self.units, activation=self.activation, dropout=self.dropout)

    def check_heads(self, features: int) -> None:
        """Raise `ShapeError` unless the heads can share the features."""
        if features % self.heads:
            raise ShapeError(f"divides {features} features among {self.heads} heads, which leaves "
                             f"{features % self.heads} over", "x")

    def written(self, *layers: str) -> str:
        """Write the sub-layers one after the other."""
        if self.norm == "before":
            return r",\quad ".join(r"x \leftarrow x + " + layer % r"\mathrm{LayerNorm}(x)" for layer in layers)
        return r",\quad ".join(rf"x \leftarrow \mathrm{{LayerNorm}}(x + {layer % 'x'})" for layer in layers)


class EncoderBlock(_TransformerBlock):
    """Lets all places look at each other, then thinks about every place by itself: one block of a Transformer.

    x (B, T, n) → (B, T, n). Causal, it is the block of GPT; otherwise that of BERT. Parameters with m units and
    n features: 4(n² + n) + 2nm + m + n + 4n.
    """

    title = "Encoder block"
    also = ("transformer", "BERT", "GPT", "self-attention", "block")
    source = "Vaswani et al. 2017; norm before: Radford et al. 2019"
    causal: bool = attr("forbid looking at later places, as in GPT", default=False)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("mask", optional=True, help="true where a place may look: (B, T, T) or less"))

    def line(self) -> str:
        return super().line() + (" · causal" if self.causal else "")

    def formula(self) -> str:
        attention = r"\mathrm{MaskedAttention}(%s)" if self.causal else r"\mathrm{Attention}(%s)"
        return self.written(attention, r"\mathrm{FFN}(%s)")

    def body(self, x: Spec, mask: Spec | None) -> Graph:
        self.check_heads(sequence(x, "x")[1])
        net = Net()
        may = None if mask is None else net.input("mask", kind="bool")
        h = self.around(net, net.input("x"), 1, "attention", self.attention(self.causal), mask=may)
        net.output("y", self.around(net, h, 2, "feed_forward", self.feed_forward()))
        return net.graph()


class DecoderBlock(_TransformerBlock):
    """Looks back at what it has said so far, then at what it was told, then thinks: a block that writes.

    x (B, T, n) are the places written so far, memory (B, S, …) what the encoder made of its sequence; → (B, T, n).
    Parameters with m units and n features on both sides: 8(n² + n) + 2nm + m + n + 6n.
    """

    title = "Decoder block"
    also = ("transformer", "cross attention", "seq2seq", "block")
    source = "Vaswani et al. 2017"

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="what was written so far"), Port("memory", help="what the encoder made of its sequence"),
                Port("mask", optional=True, help="true where a place may look in the memory: (B, T, S) or less"))

    def formula(self) -> str:
        return self.written(r"\mathrm{MaskedAttention}(%s)", r"\mathrm{Attention}(%s,\, \mathrm{memory})",
                            r"\mathrm{FFN}(%s)")

    def body(self, x: Spec, memory: Spec, mask: Spec | None) -> Graph:
        self.check_heads(sequence(x, "x")[1])
        sequence(memory, "memory")
        net = Net()
        told, may = net.input("memory"), None if mask is None else net.input("mask", kind="bool")
        h = self.around(net, net.input("x"), 1, "self_attention", self.attention(True))
        h = self.around(net, h, 2, "cross_attention", self.attention(False), told, mask=may)
        net.output("y", self.around(net, h, 3, "feed_forward", self.feed_forward()))
        return net.graph()
