"""The examples of gradient flow: networks side by side that differ in one thing, each trained in a phase of its own."""

from __future__ import annotations

from collections.abc import Mapping

from graphlab.document.datasets import Digits
from graphlab.engine.graph import Constant, Graph, Input, Net, Output, Source
from graphlab.engine.loop import Block, TimeStep
from graphlab.engine.op import Op
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.ops.losses import MSE
from graphlab.engine.ops.maths import Add
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.recurrent import LSTM, RNN
from graphlab.engine.optim import SGD, Adam, Optimiser
from graphlab.engine.setup import Phase, Setup
from tools.example_nets import Draft

TEXTS: Mapping[str, str] = {
    "deep-skips":
        "Both networks have fourteen layers of 24 tanh units with the same small initial weights. ‘skip’ adds each "
        "layer's input to its output, h + f(h), so that the gradient has a way back on which nothing multiplies it: "
        "∂(h + f(h))/∂h = 1 + f′(h). Switch on ‘Show gradient flow’, open the lens Gradient flow, and train.",
    "deep-activations":
        "The same eight layers with sigmoids and with ReLU. A sigmoid's slope is at most ¼, so each layer takes three "
        "quarters of the gradient or more; a ReLU that is on passes all of it.",
    "deep-initialisation":
        "Eight layers of 32 ReLU units, four times. Zeros: all units of a layer are equal, and nothing passes through. "
        "Small: N(0, 0.01²), each layer makes signal and gradient smaller. Xavier: variance 2/(n_in + n_out), half of "
        "it is lost at every ReLU. He: variance 2/n_in makes up for that half.",
    "rnn-lstm":
        "Both layers read 30 random numbers and have to say the first one at the end, so the gradient has to come all "
        "the way back. In the plain RNN it is multiplied at each step by U and by a slope below 1; the LSTM's cell "
        "state is multiplied by its forget gate alone, which the bias (3 for the forget gate) opens at the start.",
    "batchnorm-shift":
        "Two networks of six sigmoid layers, ‘with’ BatchNorm before each sigmoid and ‘without’. Look at a BatchNorm "
        "through its lens while training: what comes in wanders (internal covariate shift), what goes out is held "
        "by γ and β. The learning rate is high: with BatchNorm it is none too much.",
}


def side_by_side(sizes: Mapping[str, int], blocks: Mapping[str, Graph], optimiser: Optimiser, batch: int,
                 epochs: int) -> Draft:
    """Return digits in, one block for each network, and a loss and a phase for each."""
    net = Net()
    x, y = net.input("x", *sizes.values()), net.input("y", kind="index")
    phases = []
    for name, graph in blocks.items():
        out = net.add(name, Block(graph=graph), x)
        net.add(f"{name}_loss", SoftmaxCrossEntropy(), out, y)
        phases.append(Phase(name=name, losses=((f"{name}_loss", 1.0),), train=(name,), optimiser=optimiser))
    return Draft(net.graph(), Setup(data=Digits(), phases=tuple(phases), batch=batch, epochs=epochs))


def deep(name: str, depth: int, width: int, activation: Op, init: str, skip: bool = False,
         norm: bool = False) -> Graph:
    """Return ``depth`` hidden layers from 64 pixels to 10 scores, as the inside of a block; ids begin with ``name``."""
    net = Net()
    h = net.add(f"{name}_in", Input(size=(64,)))
    for i in range(1, depth + 1):
        before = h
        h = net.add(f"{name}_fc{i}", Linear(features=width, init=init), h)
        if norm:
            h = net.add(f"{name}_bn{i}", BatchNorm(), h)
        h = net.add(f"{name}_act{i}", activation, h)
        if skip and i > 1:
            h = net.add(f"{name}_add{i}", Add(), h, before)
    scores = net.add(f"{name}_fc{depth + 1}", Linear(features=10, init="xavier"), h)
    net.add(f"{name}_out", Output(), scores)
    return net.graph()


def skips() -> Draft:
    """Return a deep network with and without skip connections."""
    blocks = {"plain": deep("p", 14, 24, Tanh(), "small"), "skip": deep("s", 14, 24, Tanh(), "small", skip=True)}
    return side_by_side({"x": 64}, blocks, Adam(rate=0.001), 64, 60)


def activations() -> Draft:
    """Return a deep network with sigmoids and with ReLU."""
    blocks = {"sigmoid": deep("s", 8, 32, Sigmoid(), "xavier"), "relu": deep("r", 8, 32, ReLU(), "he")}
    return side_by_side({"x": 64}, blocks, SGD(rate=0.1), 64, 80)


def initialisations() -> Draft:
    """Return a deep network four times, with initial weights that are zero, small, of Xavier and of He."""
    blocks = {init: deep(init[0], 8, 32, ReLU(), init) for init in ("zeros", "small", "xavier", "he")}
    return side_by_side({"x": 64}, blocks, SGD(rate=0.05), 64, 80)


def memory() -> Draft:
    """Return a plain RNN and an LSTM that have to remember the first of 30 numbers."""
    net = Net()
    x = net.input("x", 30, 1)
    first = net.add("first", TimeStep(t=0), x)
    bias = net.add("bias", Constant(size=(64,), numbers=(0.0,) * 16 + (3.0,) * 16 + (0.0,) * 32))
    phases = []
    for name, op, more in (("rnn", RNN(units=16), {}), ("lstm", LSTM(units=16), {"b": bias})):
        state = net.add(name, op, x, **more)
        guess = net.add(f"{name}_guess", Linear(features=1, init="xavier"), Source(state.node, "h"))
        net.add(f"{name}_loss", MSE(), guess, first)
        phases.append(Phase(name=name, losses=((f"{name}_loss", 1.0),), train=(name, f"{name}_guess"),
                            optimiser=SGD(rate=0.3)))
    feed = (("x", "noise:normal"),)
    return Draft(net.graph(), Setup(feed=feed, phases=tuple(phases), batch=64, epochs=2000, clip=1.0))


def shift() -> Draft:
    """Return a network of sigmoids with and without BatchNorm, at a high learning rate."""
    blocks = {"without": deep("w", 6, 32, Sigmoid(), "xavier"),
              "with": deep("n", 6, 32, Sigmoid(), "xavier", norm=True)}
    return side_by_side({"x": 64}, blocks, SGD(rate=0.5), 64, 150)
