"""The networks of the built-in examples, written down in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphlab.document.datasets import Digits, Iris, Wine
from graphlab.engine.graph import Constant, Graph, Input, Net, Node, Output, Parameter, Source
from graphlab.engine.loop import Block, TimeStep
from graphlab.engine.op import Array, Op
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.attention import ScaledDotProductAttention
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.ops.losses import MSE, BinaryCrossEntropy
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.pooling import AvgPool, MaxPool
from graphlab.engine.ops.recurrent import LSTM
from graphlab.engine.ops.reductions import Sum
from graphlab.engine.ops.regularise import Dropout
from graphlab.engine.ops.shape import Flatten, Reshape, Slice
from graphlab.engine.optim import SGD, Adam
from graphlab.engine.regularise import L2
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.sources import XOR, Blobs, Moons, Regression1D


@dataclass(frozen=True)
class Draft:
    """An example before it is laid out: its network, its training, and weights where they matter."""

    graph: Graph
    setup: Setup
    weights: Mapping[str, Array] = field(default_factory=dict)


def adam(rate: float, **more: Any) -> tuple[Phase, ...]:
    """Return one phase of training with Adam."""
    return (Phase(optimiser=Adam(rate=rate), **more),)


def classifier(size: tuple[int, ...], *layers: tuple[str, Op], kind: str = "index") -> Graph:
    """Return a chain of layers from the features ``x`` to a softmax cross-entropy with the labels ``y``."""
    net = Net()
    h = net.input("x", *size)
    for id, op in layers:
        h = net.add(id, op, h)
    label = net.input("y", *(() if kind == "index" else (getattr(layers[-1][1], "features", 1),)), kind=kind)
    net.add("loss", SoftmaxCrossEntropy(), h, label)
    return net.graph()


def hand() -> Draft:
    """Return a 2-2-1 network with numbers for pencil and paper."""
    net = Net()
    x = net.add("x", Constant(size=(1, 2), numbers=(1.0, 2.0)))
    h = net.add("relu", ReLU(), net.add("hidden", Linear(features=2), x))
    y = net.add("output", Linear(features=1), h)
    net.add("loss", MSE(mean="half"), y, net.add("target", Constant(size=(1, 1), numbers=(1.0,))))
    weights = {"hidden.W": [[0.5, -1.0], [0.25, 1.0]], "hidden.b": [0.0, -0.5], "output.W": [[2.0], [-1.0]],
               "output.b": [0.5]}
    return Draft(net.graph(), Setup(phases=(Phase(optimiser=SGD(rate=0.1)),), batch=1, epochs=20),
                 {k: np.array(v) for k, v in weights.items()})


def counting() -> Draft:
    """Return the network whose parameters every lecture counts."""
    graph = classifier((400,), ("fc1", Linear(features=300)), ("relu1", ReLU()), ("fc2", Linear(features=100)),
                       ("relu2", ReLU()), ("fc3", Linear(features=10)), kind="real")
    feed = (("x", "noise:normal"), ("y", "fill:0.1"))
    return Draft(graph, Setup(phases=(Phase(optimiser=SGD(rate=0.05)),), feed=feed, batch=64, epochs=50))


def xor() -> Draft:
    """Return four hidden units that separate what no line can."""
    net = Net()
    h = net.add("tanh", Tanh(), net.add("hidden", Linear(features=4, init="xavier"), net.input("x", 2)))
    p = net.add("sigmoid", Sigmoid(), net.add("output", Linear(features=1, init="xavier"), h))
    net.add("loss", BinaryCrossEntropy(), p, net.input("y", 1))
    return Draft(net.graph(), Setup(data=XOR(), phases=adam(0.05), batch=32, epochs=60))


def logistic() -> Draft:
    """Return one layer with a sigmoid."""
    net = Net()
    p = net.add("sigmoid", Sigmoid(), net.add("linear", Linear(features=1, init="zeros"), net.input("x", 2)))
    net.add("loss", BinaryCrossEntropy(), p, net.input("y", 1))
    phases = (Phase(optimiser=SGD(rate=0.5)),)
    return Draft(net.graph(), Setup(data=Blobs(clouds=2, noise=0.4), phases=phases, epochs=30))


def plane(source: Any, width: int, epochs: int, rate: float = 0.01) -> Draft:
    """Return two hidden layers that classify points of the plane."""
    graph = classifier((2,), ("fc1", Linear(features=width, init="xavier")), ("tanh1", Tanh()),
                       ("fc2", Linear(features=width, init="xavier")), ("tanh2", Tanh()),
                       ("fc3", Linear(features=2, init="xavier")))
    return Draft(graph, Setup(data=source, phases=adam(rate), batch=32, epochs=epochs))


def line() -> Draft:
    """Return a straight line."""
    net = Net()
    y = net.add("linear", Linear(features=1, init="zeros"), net.input("x", 1))
    net.add("loss", MSE(mean="half"), y, net.input("y", 1))
    phases = (Phase(optimiser=SGD(rate=0.1)),)
    return Draft(net.graph(), Setup(data=Regression1D(curve="line"), phases=phases, epochs=40))


def curve() -> Draft:
    """Return two hidden layers on one number."""
    net = Net()
    h = net.input("x", 1)
    for i in (1, 2):
        h = net.add(f"tanh{i}", Tanh(), net.add(f"fc{i}", Linear(features=24, init="xavier"), h))
    net.add("loss", MSE(), net.add("fc3", Linear(features=1, init="xavier"), h), net.input("y", 1))
    return Draft(net.graph(), Setup(data=Regression1D(), phases=adam(0.01), batch=32, epochs=150))


def flowers() -> Draft:
    """Return one hidden layer on four features."""
    graph = classifier((4,), ("fc1", Linear(features=16)), ("relu1", ReLU()), ("fc2", Linear(features=3)))
    return Draft(graph, Setup(data=Iris(), phases=adam(0.01), batch=16, epochs=60, standardise=True))


def wines() -> Draft:
    """Return one hidden layer on thirteen features."""
    graph = classifier((13,), ("fc1", Linear(features=16)), ("relu1", ReLU()), ("fc2", Linear(features=3)))
    return Draft(graph, Setup(data=Wine(), phases=adam(0.01), batch=16, epochs=40, standardise=True, penalty=L2()))


def digits() -> Draft:
    """Return two hidden layers on 64 pixels."""
    graph = classifier((64,), ("fc1", Linear(features=128)), ("relu1", ReLU()), ("fc2", Linear(features=64)),
                       ("relu2", ReLU()), ("fc3", Linear(features=10)))
    return Draft(graph, Setup(data=Digits(), phases=adam(0.003), batch=32, epochs=20))


def digits_norm() -> Draft:
    """Return the same with BatchNorm and dropout."""
    graph = classifier((64,), ("fc1", Linear(features=128)), ("bn1", BatchNorm()), ("relu1", ReLU()),
                       ("drop1", Dropout(p=0.2)), ("fc2", Linear(features=64)), ("bn2", BatchNorm()),
                       ("relu2", ReLU()), ("drop2", Dropout(p=0.2)), ("fc3", Linear(features=10)))
    return Draft(graph, Setup(data=Digits(), phases=adam(0.005), batch=64, epochs=20))


def conv_digits() -> Draft:
    """Return two convolutions with pooling."""
    graph = classifier(
        (1, 8, 8), ("conv1", Conv2D(filters=8, kernel=(3,), padding="same")), ("relu1", ReLU()), ("pool1", MaxPool()),
        ("conv2", Conv2D(filters=16, kernel=(3,), padding="same")), ("relu2", ReLU()), ("pool2", MaxPool()),
        ("flatten", Flatten()), ("fc1", Linear(features=48)), ("relu3", ReLU()), ("fc2", Linear(features=10)))
    return Draft(graph, Setup(data=Digits(), phases=adam(0.003), batch=32, epochs=15))


def lenet5() -> Draft:
    """Return LeNet-5 with a full third layer and pooling without weights."""
    graph = classifier(
        (1, 28, 28), ("c1", Conv2D(filters=6, kernel=(5,), padding="same", init="xavier")), ("tanh1", Tanh()),
        ("s2", AvgPool()), ("c3", Conv2D(filters=16, kernel=(5,), padding="valid", init="xavier")), ("tanh2", Tanh()),
        ("s4", AvgPool()), ("flatten", Flatten()), ("c5", Linear(features=120, init="xavier")), ("tanh3", Tanh()),
        ("f6", Linear(features=84, init="xavier")), ("tanh4", Tanh()), ("output", Linear(features=10, init="xavier")),
        kind="real")
    feed = (("x", "noise:normal"), ("y", "fill:0.1"))
    return Draft(graph, Setup(phases=(Phase(optimiser=SGD(rate=0.01)),), feed=feed, batch=16, epochs=10))


def lstm() -> Draft:
    """Return an LSTM that reads a picture row by row."""
    net = Net()
    state = net.add("lstm", LSTM(units=32), net.input("rows", 8, 8))
    scores = net.add("output", Linear(features=10), Source(state.node, "h"))
    net.add("loss", SoftmaxCrossEntropy(), scores, net.input("y", kind="index"))
    return Draft(net.graph(), Setup(data=Digits(), phases=adam(0.005), batch=32, epochs=15, clip=5.0))


def attention() -> Draft:
    """Return a single head that looks up the row which equals its query."""
    net = Net()
    x = net.input("x", 6, 8)
    asked = net.add("asked", TimeStep(t=3), x)
    query = net.add("query", Linear(features=8, bias=False, init="xavier"), net.add("row", Reshape(size=(1, 8)), asked))
    keys = net.add("keys", Linear(features=8, bias=False, init="xavier"), x)
    found = net.add("attention", ScaledDotProductAttention(), query, keys, x)
    net.add("loss", MSE(), net.add("found", Reshape(size=(8,)), found), asked)
    return Draft(net.graph(), Setup(feed=(("x", "noise:normal"),), phases=adam(0.01), batch=64, epochs=40))


def player(last: int, first: tuple[int, ...], names: str) -> Block:
    """Return one side of the GAN: two hidden layers in a block."""
    net = Net()
    h = net.add(f"{names}in", Input(size=first))
    for i in (1, 2):
        h = net.add(f"{names}relu{i}", ReLU(), net.add(f"{names}fc{i}", Linear(features=32), h))
    net.add(f"{names}out", Output(), net.add(f"{names}fc3", Linear(features=last, init="xavier"), h))
    return Block(graph=net.graph())


def gan() -> Draft:
    """Return two blocks that train against each other, in two phases."""
    net = Net()
    judge = player(1, (2,), "d_")
    fake = Source(net.node(Node("G", player(2, (2,), "g_"), label="Generator"), net.input("z", 2)).node, "g_out")
    real = net.input("x", 2)
    seen = Source(net.node(Node("D", judge, label="Discriminator"), real).node, "d_out")
    guessed = Source(net.node(Node("D_fake", judge, label="Discriminator again", shares="D"), fake).node, "d_out")
    yes, no = net.input("one", 1), net.input("zero", 1)
    loss = BinaryCrossEntropy(takes="logits")
    net.add("real_loss", loss, seen, yes)
    net.add("fake_loss", loss, guessed, no)
    net.add("fool_loss", loss, guessed, yes)
    phases = (
        Phase(name="discriminator", losses=(("real_loss", 1.0), ("fake_loss", 1.0)), train=("D",),
              optimiser=Adam(rate=0.002)),
        Phase(name="generator", losses=(("fool_loss", 1.0),), train=("G",), optimiser=Adam(rate=0.002)))
    feed = (("x", "x"), ("z", "noise:normal"), ("one", "fill:1"), ("zero", "fill:0"))
    return Draft(net.graph(), Setup(data=Moons(n=1000, noise=0.05), phases=phases, feed=feed, batch=128, epochs=300,
                                    standardise=True))


def dream(trained: Mapping[str, Array]) -> Draft:
    """Build the network of `digits` behind a picture that is trained instead of it."""
    net = Net()
    h = net.add("flatten", Flatten(), net.add("image", Parameter(size=(1, 8, 8), init="zeros")))
    for i, n in ((1, 128), (2, 64)):
        h = net.add(f"relu{i}", ReLU(), net.node(Node(f"fc{i}", Linear(features=n), frozen=True), h))
    scores = net.node(Node("fc3", Linear(features=10), frozen=True), h)
    three = net.add("three", Slice(start=3, stop=4), scores)
    net.add("score", Sum(), three)
    graph = net.graph()
    phase = Phase(name="ascend", losses=(("score", 1.0),), train=("image",), optimiser=SGD(rate=0.05), ascend=True)
    setup = Setup(phases=(phase,), batch=1, epochs=60, penalty=L2(strength=3.0))
    return Draft(graph, setup, {k: v for k, v in trained.items() if k.split(".")[0] in graph.nodes})
