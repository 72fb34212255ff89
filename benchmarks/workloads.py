"""The networks that are timed: as graphs of this project, with the data and the setup that train them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.engine.data import Column, Split, Table
from graphlab.engine.graph import Graph, Net
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


WORKLOADS = {w.number: w for w in (
    Workload(1, "MLP 2-8-8-1, tanh, batch 32, SGD", playground, lambda: regression_table(2, 512), 32,
             SGD(rate=0.03), 0.15, 0.10),
    Workload(2, "MLP 400-300-100-10, batch 64, SGD", mlp, lambda: class_table((400,), 10, 4096), 64,
             SGD(rate=0.01), 0.60, 0.45),
    Workload(3, "MLP 64-128-64-10, BatchNorm, batch 64, Adam", digits, lambda: class_table((64,), 10, 1792), 64,
             Adam(), 0.35, 0.25),
    Workload(4, "LeNet on 28×28, batch 64, SGD", lenet, lambda: class_table((1, 28, 28), 10, 1024), 64,
             SGD(rate=0.01), 0.70, 0.52),
)}
