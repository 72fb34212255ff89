"""Networks for the window's tests."""

from __future__ import annotations

from typing import Any

from graphlab.document.model import Document
from graphlab.engine.graph import Input, Net
from graphlab.engine.ops.activations import Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.optim import Adam
from graphlab.engine.train import Phase, Setup


def classifier(**setup: Any) -> Document:
    """Return a small network that separates two moons, ready to be trained."""
    net = Net()
    x = net.input("x", 2)
    y = net.add("y", Input(size=(), kind="index"))
    h = net.add("fc1", Linear(features=16), x)
    h = net.add("act", Tanh(), h)
    h = net.add("fc2", Linear(features=2), h)
    net.add("loss", SoftmaxCrossEntropy(), h, y)
    given: dict[str, Any] = {"epochs": 30, "phases": (Phase(optimiser=Adam(rate=0.01)),), **setup}
    return Document(net.graph(), setup=Setup(**given))
