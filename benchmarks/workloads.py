"""The networks that are timed: as graphs of this project, with the data and the setup that train them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.engine.data import Column, Split, Table
from graphlab.engine.graph import Graph, Net, Node, Source
from graphlab.engine.op import registry
from graphlab.engine.optim import SGD, Adam, Optimiser
from graphlab.engine.setup import Phase, Setup


@dataclass(frozen=True)
class Workload:
    """One network with its data: ``must`` and ``stretch`` are goals for the ratio of our time to PyTorch's."""

    number: int
    name: str
    graph: Callable[[], Graph]
    data: Callable[[], Table]
    batch: int
    optimiser: Optimiser
    must: float
    stretch: float
    phases: tuple[Phase, ...] = ()
    feed: tuple[tuple[str, str], ...] = ()

    def setup(self) -> Setup:
        """Return how it is trained: for ever, all samples for training."""
        return Setup(phases=self.phases or (Phase(optimiser=self.optimiser),), batch=self.batch, epochs=10**9, seed=1,
                     split=Split(validation=0.0), feed=self.feed)


def op(name: str, **attributes: Any) -> Any:
    """Make an op by its name."""
    return registry()[name](**attributes)


def chain(net: Net, x: Any, *ops: Any) -> Any:
    """Add ops one behind the other, named by their kind and place."""
    for each in ops:
        x = net.add(f"{each.name().lower()}{len(net.nodes)}", each, x)
    return x


def regression_table(features: int, n: int) -> Table:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, features))
    return Table({"x": Column(x), "y": Column(np.sign(x[:, :1] * x[:, 1:2]), target=True)})


def class_table(size: tuple[int, ...], classes: int, n: int) -> Table:
    rng = np.random.default_rng(0)
    names = tuple(map(str, range(classes)))
    return Table({"x": Column(rng.standard_normal((n, *size))),
                  "y": Column(rng.integers(0, classes, n), "index", names, target=True)})


def playground() -> Graph:
    net = Net()
    x = chain(net, net.input("x", 2), op("Linear", features=8, init="xavier"), op("Tanh"),
              op("Linear", features=8, init="xavier"), op("Tanh"), op("Linear", features=1, init="xavier"))
    net.add("loss", op("MSE"), x, net.input("t", 1))
    return net.graph()


def classifier(size: tuple[int, ...], *ops: Any) -> Graph:
    net = Net()
    x = chain(net, net.input("x", *size), *ops)
    net.add("loss", op("SoftmaxCrossEntropy"), x, net.input("t", kind="index"))
    return net.graph()


def linear(n: int) -> Any:
    return op("Linear", features=n)


def mlp() -> Graph:
    return classifier((400,), linear(300), op("ReLU"), linear(100), op("ReLU"), linear(10))


def digits() -> Graph:
    return classifier((64,), linear(128), op("BatchNorm", running="m-1"), op("ReLU"), linear(64),
                      op("BatchNorm", running="m-1"), op("ReLU"), linear(10))


def lenet() -> Graph:
    def conv(n: int) -> list[Any]:
        return [op("Conv2D", filters=n, kernel=(5,)), op("ReLU"), op("MaxPool")]

    return classifier((1, 28, 28), *conv(8), *conv(16), op("Flatten"), linear(120), op("ReLU"), linear(84),
                      op("ReLU"), linear(10))


def three_convolutions() -> Graph:
    layers: list[Any] = []
    for _ in range(3):
        layers += [op("Conv2D", filters=32, padding="half", bias=False), op("BatchNorm", running="m-1"), op("ReLU")]
    return classifier((3, 32, 32), *layers, op("GlobalAvgPool"), linear(10))


def separable() -> Graph:
    return classifier((64, 16, 16), op("DepthwiseConv", padding="half", bias=False), op("BatchNorm", running="m-1"),
                      op("ReLU"), op("Conv2D", filters=64, kernel=(1,), bias=False), op("BatchNorm", running="m-1"),
                      op("ReLU"), op("GlobalAvgPool"), linear(10))


def wide_convolution() -> Graph:
    return classifier((64, 56, 56), op("Conv2D", filters=64, padding="half"), op("GlobalAvgPool"), linear(10))


def lstm() -> Graph:
    net = Net()
    net.add("lstm", op("LSTM", units=64), net.input("x", 32, 32))
    scores = net.add("scores", linear(10), Source("lstm", "h"))
    net.add("loss", op("SoftmaxCrossEntropy"), scores, net.input("t", kind="index"))
    return net.graph()


def encoder() -> Graph:
    net = Net()
    x = net.input("x", 64, 64)
    a = net.add("attention", op("MultiHeadAttention", heads=4), x)
    x = net.add("norm1", op("LayerNorm"), net.add("add1", op("Add"), x, a))
    f = net.add("narrow", linear(64), net.add("relu", op("ReLU"), net.add("wide", linear(256), x)))
    x = net.add("norm2", op("LayerNorm"), net.add("add2", op("Add"), x, f))
    net.add("loss", op("MSE"), x, net.input("t", 64, 64))
    return net.graph()


def vae() -> Graph:
    net = Net()
    x = net.input("x", 64)
    hidden = net.add("relu1", op("ReLU"), net.add("encode", linear(128), x))
    mu, spread = net.add("mu", linear(2), hidden), net.add("spread", linear(2), hidden)
    z = net.add("z", op("GaussianSample"), mu, spread)
    decoded = net.add("decoded", linear(64), net.add("relu2", op("ReLU"), net.add("decode", linear(128), z)))
    net.add("reconstruction", op("MSE", mean="batch"), decoded, x)
    net.add("kl", op("GaussianKL"), mu, spread)
    return net.graph()


def gan() -> Graph:
    def layers(name: str, *sizes: int) -> Graph:
        net = Net()
        x = net.input("x", 2)
        for i, size in enumerate(sizes):
            x = net.add(f"{name}{i}", linear(size), x if i == 0 else net.add(f"relu{i}", op("ReLU"), x))
        net.output("y", x)
        return net.graph()

    net = Net()
    fake = net.add("G", op("Block", graph=layers("g", 32, 32, 2)), net.input("z", 2))
    on_real = net.add("D", op("Block", graph=layers("d", 32, 32, 1)), net.input("x", 2))
    on_fake = net.node(Node("D_fake", op("Block", graph=layers("d", 32, 32, 1)), shares="D"), fake)
    net.add("D_loss", op("DiscriminatorLoss"), on_real, on_fake)
    net.add("G_loss", op("GeneratorLoss"), on_fake)
    return net.graph()


def sequence_table(steps: int, features: int, n: int) -> Table:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, steps, features))
    return Table({"x": Column(x), "y": Column(np.tanh(x[:, ::-1]), target=True)})


def plain_table(features: int, n: int) -> Table:
    return Table({"x": Column(np.random.default_rng(0).standard_normal((n, features)))})


PLAYERS = (Phase("D", (("D_loss", 1.0),), ("D",), Adam()), Phase("G", (("G_loss", 1.0),), ("G",), Adam()))

WORKLOADS = {w.number: w for w in (
    Workload(1, "MLP 2-8-8-1, tanh, batch 32, SGD", playground, lambda: regression_table(2, 512), 32,
             SGD(rate=0.03), 0.15, 0.10),
    Workload(2, "MLP 400-300-100-10, batch 64, SGD", mlp, lambda: class_table((400,), 10, 4096), 64,
             SGD(rate=0.01), 0.60, 0.45),
    Workload(3, "MLP 64-128-64-10, BatchNorm, batch 64, Adam", digits, lambda: class_table((64,), 10, 1792), 64,
             Adam(), 0.35, 0.25),
    Workload(4, "LeNet on 28×28, batch 64, SGD", lenet, lambda: class_table((1, 28, 28), 10, 1024), 64,
             SGD(rate=0.01), 0.70, 0.52),
    Workload(5, "three conv 3×3 (32) + BatchNorm on 32×32×3, batch 32, SGD", three_convolutions,
             lambda: class_table((3, 32, 32), 10, 512), 32, SGD(rate=0.01), 1.3, 1.0),
    Workload(6, "depthwise-separable block on 16×16×64, batch 32, SGD", separable,
             lambda: class_table((64, 16, 16), 10, 512), 32, SGD(rate=0.01), 1.2, 0.95),
    Workload(7, "LSTM 64, 32 steps of 32, batch 32, Adam", lstm, lambda: class_table((32, 32), 10, 512), 32, Adam(),
             1.3, 1.0),
    Workload(8, "Transformer encoder block 64, 4 heads, 64 steps, batch 16, Adam", encoder,
             lambda: sequence_table(64, 64, 256), 16, Adam(), 0.75, 0.58),
    Workload(9, "VAE 64-128-2-128-64, batch 128, Adam", vae, lambda: plain_table(64, 1792), 128, Adam(), 0.30, 0.22),
    Workload(10, "GAN on 2-D data, hidden 32×2, batch 128, both players' updates, Adam", gan,
             lambda: plain_table(2, 1024), 128, Adam(), 0.22, 0.15, PLAYERS, (("z", "noise:normal"),)),
    Workload(11, "conv 3×3 64→64 on 56×56, batch 8, SGD", wide_convolution,
             lambda: class_table((64, 56, 56), 10, 64), 8, SGD(rate=0.01), 1.2, 0.95),
)}
