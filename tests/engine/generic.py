"""What every op's own cases are held against, whoever declared them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.engine.graph import Input, Net
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Case, Given, Op, registry
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, execute
from graphlab.engine.spec import Batch, Spec


def all_cases() -> Iterator[tuple[str, Case]]:
    """Walk over the cases of every registered op, with a name for the report."""
    for name, cls in sorted(registry().items()):
        for i, case in enumerate(cls.cases()):
            yield f"{name}-{i}", case


def draw(given: Given, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw one input as a case describes it."""
    if given.kind == "index":
        return rng.integers(int(given.low), int(given.high), shape)
    if given.kind == "bool":
        return rng.random(shape) < 0.7
    if given.one_hot:
        return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
    x = rng.uniform(given.low, given.high, shape)
    if given.apart:
        # A shuffled grid keeps every two values, and each from 0, at least `apart` away from each other.
        n = int(np.prod(shape))
        assert n * given.apart <= given.high - given.low, "the range is too narrow for so many values so far apart"
        grid = given.low + (given.high - given.low) * (np.arange(n) + 0.5) / max(n, 1)
        grid = np.where(np.abs(grid) < given.apart, given.apart, grid)
        x = rng.permutation(grid).reshape(shape)
    if given.simplex:
        e = np.exp(x)
        x = e / e.sum(axis=-1, keepdims=True)
    if given.boxes:
        x = np.concatenate([np.minimum(x[..., :2], x[..., 2:]), np.maximum(x[..., :2], x[..., 2:])], axis=-1)
    if given.diagonal:
        x = x + given.diagonal * np.eye(shape[-1])
    return x


@dataclass
class Prepared:
    """A case as a one-node plan with its data, weights and upstream gradients."""

    case: Case
    plan: Plan
    feeds: dict[str, Array]
    weights: dict[str, Array]
    mode: Mode
    seeds: dict[tuple[str, str], Array]

    @property
    def op(self) -> Op:
        return self.case.op

    def run(self) -> Run:
        return execute(self.plan, self.weights, self.feeds, self.mode, seeds=self.seeds)


def prepare(name: str, case: Case) -> Prepared:
    """Build the plan of one case and draw its numbers, the same for the same name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    net = Net()
    feeds: dict[str, Array] = {}
    sources = {}
    specs = {}
    for port, given in case.inputs.items():
        spec = Spec(given.shape, given.kind)
        sources[port] = net.add(f"in_{port}", Input(size=tuple(d for d in given.shape if not isinstance(d, Batch))))
        specs[f"in_{port}"] = spec
        feeds[f"in_{port}"] = draw(given, spec.concrete(case.batch), rng)
    net.add("op", case.op, **sources)
    plan = compile(net.graph(), specs)
    assert not plan.problems, [p.message for p in plan.problems]
    weights = initial_weights(plan, seed=3)
    # Zero biases and unit scales would hide mistakes in their gradients.
    weights = {k: w + rng.uniform(0.05, 0.5, w.shape) for k, w in weights.items()}
    mode = Mode(training=case.training, seed=11)
    first = execute(plan, weights, feeds, mode)
    seeds = {}
    for output in case.op.output_names():
        value = first.value("op", output)
        assert value is not None
        if value.dtype.kind == "f":
            seeds["op", output] = rng.standard_normal(value.shape)
    return Prepared(case, plan, feeds, weights, mode, seeds)
