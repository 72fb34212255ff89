"""Random networks: whoever reads what, fast and plain programs agree, whatever lies in the memory of something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.fast.lower import make_step as make_fast
from graphlab.engine.fast.plain import make_step as make_plain
from graphlab.engine.fast.program import Parameters
from graphlab.engine.graph import Net, Node, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.plan import Plan, compile
from tests.engine.test_fast_nets import feeds_of, op

ONE = ("Tanh", "ReLU", "Sigmoid", "Negative", "Square", "Identity", "StopGradient", "Dropout", "BatchNorm", "LayerNorm",
       "Softmax", "Flatten", "LeakyReLU", "GaussianNoise")
TWO = ("Add", "Subtract", "Multiply", "GaussianSample")


def grow(seed: int, nodes: int = 14) -> Plan:
    """Make a network of rows of four numbers whose nodes read any earlier ones."""
    rng = np.random.default_rng(seed)
    net = Net()
    made = [net.input("x", 4), net.input("u", 4), net.add("p", op("Parameter", size=(1, 4)))]
    layers: list[str] = []
    for i in range(nodes):
        a, b = (made[j] for j in rng.integers(0, len(made), 2))
        kind = rng.integers(0, 10)
        if kind < 4:
            name = str(rng.choice(ONE))
            # A parameter has no batch axis, which these ask for.
            a = made[0] if a.node == "p" and name in ("BatchNorm", "Flatten") else a
            made.append(net.add(f"n{i}", op(name), a))
        elif kind < 7:
            name = str(rng.choice(TWO))
            made.append(net.add(f"n{i}", op(name), a, a if name == "GaussianSample" else b))
            if name == "GaussianSample":
                made[-1] = Source(f"n{i}", "z")
        elif kind == 7:
            cut = net.add(f"cut{i}", op("Slice", start=1, stop=3), a)
            made.append(net.add(f"n{i}", op("Concat", axis=-1), cut, cut))
        elif kind == 8 and layers:
            made.append(net.node(Node(f"n{i}", op("Linear", features=4), shares=layers[0]), a))
        else:
            layers.append(f"n{i}")
            made.append(net.add(f"n{i}", op("Linear", features=4), a))
    total = net.add("sum", op("Add"), net.add("tail", op("Linear", features=4), made[-1]), made[-2])
    net.add("loss", op("MSE"), net.add("all", op("Add"), total, made[0]), made[1])
    net.add("other", op("Mean"), made[-3])
    return compile(net.graph())


@pytest.mark.parametrize("seed", range(60))
def test_random_networks_agree(seed: int) -> None:
    plan = grow(seed)
    assert not plan.problems, plan.problems
    rng = np.random.default_rng(seed)
    every = [(s.path, name) for s in plan.steps for name in s.outputs]
    keep = [every[i] for i in rng.choice(len(every), rng.integers(0, 4), replace=False)]
    wrt = [k for k in plan.trainable() if rng.random() < 0.8]
    weights = initial_weights(plan, seed)
    results: list[list[Any]] = []
    for make in (make_plain, make_fast):
        parameters = Parameters(plan, weights, np.float64)
        parameters.gradient[...] = 7.0
        program = make(plan, parameters, 5, {"loss": 0.7, "other": -1.3}, wrt, seed=1, keep=keep)
        seen: list[Any] = []
        for update in range(2):
            for path, array in feeds_of(plan, 5, seed + update).items():
                if path in program.inputs:
                    program.feed(path, array)
            seen += [program.step(update), parameters.gradient.copy(), parameters.flat.copy()]
            seen += [program.value(*name).copy() for name in keep]
        results.append(seen)
    for plain, fast in zip(*results, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-8, atol=1e-8)
