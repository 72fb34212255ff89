"""Recurrent layers that read a sequence from both ends."""

from __future__ import annotations

from graphlab.engine.graph import Graph, Net, Source
from graphlab.engine.op import Op, Spec, attr
from graphlab.engine.ops.gru import GRU
from graphlab.engine.ops.joining import Concat
from graphlab.engine.ops.recurrent import LSTM, RNN, Recurrent

LAYERS: dict[str, type[Recurrent]] = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}


class Bidirectional(Op):
    """Reads a sequence forwards and backwards with two layers, and puts their states side by side.

    x (B, T, F) → seq (B, T, 2h), and h (B, 2h): the last state of the one beside the last of the other.
    """

    category = "Recurrent"
    also = ("BiLSTM", "BiRNN", "both directions", "ELMo")
    source = "Schuster & Paliwal 1997"
    outputs = ("seq", "h")
    layer: str = attr("which layer reads", default="LSTM", choices=tuple(LAYERS))
    units: int = attr("size h of the state of each direction", default=8, min=1, max=65_536)
    biases: int = attr("bias vectors of each direction: none, one, or two as in PyTorch", default=1, min=0, max=2)

    def line(self) -> str:
        return f"{self.layer} · 2 × {self.units} units"

    def formula(self) -> str:
        return r"y_t = [\overrightarrow{h}_t,\ \overleftarrow{h}_t]"

    def body(self, x: Spec) -> Graph:
        net = Net()
        given = net.input("x")
        ways = {"forward": False, "backward": True}
        for name, reverse in ways.items():
            net.add(name, LAYERS[self.layer](units=self.units, biases=self.biases, reverse=reverse), given)
        for output in self.outputs:
            parts = [Source(name, output) for name in ways]
            net.output(output, net.add(f"both_{output}", Concat(axis=-1), *parts))
        return net.graph()
