"""Networks for the window's tests."""

from __future__ import annotations

from graphlab.document.model import Document
from graphlab.engine.graph import Input, Net
from graphlab.engine.op import registry
from graphlab.engine.optim import Adam
from graphlab.engine.train import Phase, Setup


def classifier(**setup: object) -> Document:
    """Return a small network that separates two moons, ready to be trained."""
    ops = registry()
    net = Net()
    x = net.input("x", 2)
    y = net.add("y", Input(size=(), kind="index"))
    h = net.add("fc1", ops["Linear"](features=16), x)
    h = net.add("act", ops["Tanh"](), h)
    h = net.add("fc2", ops["Linear"](features=2), h)
    net.add("loss", ops["SoftmaxCrossEntropy"](), h, y)
    given = {"epochs": 30, "phases": (Phase(optimiser=Adam(rate=0.01)),), **setup}
    return Document(net.graph(), setup=Setup(**given))
