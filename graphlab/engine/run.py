"""Running a plan: forward and backward as generators of events, every value written once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from graphlab.engine.graph import Input
from graphlab.engine.op import Op, overrides
from graphlab.engine.plan import Plan, Step, compile
from graphlab.engine.record import Array, Mode, Record
from graphlab.engine.spec import Batch, ShapeError, Spec

Weights = Mapping[str, Array]


#: What data can make an op raise, whatever its shape: labels out of range, singular matrices, too much memory.
FAILURES = (ValueError, IndexError, MemoryError, ArithmeticError, np.linalg.LinAlgError)


class RunError(Exception):
    """Something that was asked to run cannot: a sentence with what was needed and what came."""


@dataclass(frozen=True)
class Event:
    """One thing that happened: a step ran ``forward`` or ``backward``; its record holds the numbers."""

    kind: Literal["forward", "backward"]
    step: Step
    record: Record


@dataclass(frozen=True)
class Contribution:
    """One term of a gradient that is a sum: what the step at ``path`` sends back through ``port``."""

    path: str
    port: str
    value: Array


@dataclass
class Run:
    """One pass through a plan: the values by slot, the gradients by slot, and a record for every executed step.

    ``feeds`` are the Inputs' arrays by path (first axis: the batch), ``weights`` the stored tensors by key.
    """

    plan: Plan
    weights: Weights
    feeds: Mapping[str, Array]
    mode: Mode = Mode()
    dtype: Any = np.float64

    def __post_init__(self) -> None:
        self.values: dict[int, Array] = {}
        self.gradients: dict[int, Array] = {}
        self.terms: dict[int, list[Contribution]] = {}
        self.records: dict[str, Record] = {}
        self.inner: dict[str, Run] = {}
        for key, slot in self.plan.keys.items():
            if key not in self.weights:
                raise RunError(f"The weight {key} is needed, but the store has no such array.")
            value = np.asarray(self.weights[key], self.dtype)
            need = self.plan.weights[key].shape
            if value.shape != need:
                raise RunError(f"The weight {key} needs the shape {need}; the store has {value.shape}.")
            self.values[slot] = value

    @property
    def batch(self) -> int:
        """The number of samples that were fed; 1 where no input has a batch axis."""
        for step in self.plan.inputs:
            spec, value = self.plan.slots[step.outputs["y"]].spec, self.feeds.get(step.path)
            if value is not None:
                for d, n in zip(spec.shape, np.shape(value), strict=False):
                    if isinstance(d, Batch):
                        return int(n) // d.k
        return 1

    def feed(self, step: Step) -> Array:
        """Return the array for an Input, checked against its spec."""
        spec = self.plan.slots[step.outputs["y"]].spec
        if step.path not in self.feeds:
            raise RunError(f"The input ‘{step.node.name}’ needs data shaped {spec}; none is given.")
        value = np.asarray(self.feeds[step.path])
        dtype = {"real": self.dtype, "index": np.int64, "bool": np.bool_}[spec.kind]
        need = spec.concrete(self.batch)
        if value.shape != need:
            raise RunError(f"The input ‘{step.node.name}’ needs data shaped {need}; it got {value.shape}.")
        return value.astype(dtype, copy=False)

    def value(self, path: str, name: str = "y") -> Array | None:
        """Return an output of a node, block or composite; through `inside` where it lies in a fused op."""
        slot = self.plan.where.get(path, {}).get(name)
        if slot is not None:
            return self.values.get(slot)
        record = self.record(path)
        return None if record is None else record.get(name)

    def gradient(self, path: str, name: str = "y") -> Array | None:
        """Return the loss's gradient by an output of a node."""
        slot = self.plan.where.get(path, {}).get(name)
        if slot is not None:
            return self.gradients.get(slot)
        record = self.record(path)
        return None if record is None else record.gradients.get(name)

    def weight_gradients(self) -> dict[str, Array]:
        """Return the gradients of the stored weights by key, as far as backward has come."""
        return {k: self.gradients[s] for k, s in self.plan.keys.items() if s in self.gradients}

    def record(self, path: str) -> Record | None:
        """Return the record of a step, going through `inside` where the path lies in a fused op."""
        if path in self.records:
            return self.records[path]
        run = self.owner(path)
        return None if run is None or run is self else run.record(path)

    def owner(self, path: str) -> Run | None:
        """Return the run whose plan has the step at ``path``: this one, or one inside a fused op."""
        if path in self.records or path in self.plan.where:
            return self
        end = path.find("/")
        while end >= 0:
            if path[:end] in self.records:
                run = self.inside(path[:end])
                return None if run is None else run.owner(path)
            end = path.find("/", end + 1)
        return None

    def inside(self, path: str) -> Run | None:
        """Open a fused op: run its body from its inputs, weights, gradients and random keys. Cached.

        Returns None where the op has no body or has not run. The inner run has gone backward as far as this one.
        """
        record = self.records.get(path)
        step = self.plan.step(path)
        if record is None or step is None:
            return None
        deep = all(name in record.gradients for name in record.outputs)
        have = self.inner.get(path)
        if have is not None and (have.gradients or not deep):
            return have
        run = open_record(record, step.specs)
        if run is not None:
            self.inner[path] = run
        return run


def open_record(record: Record, specs: tuple[Spec | None, ...]) -> Run | None:
    """Run the body of an executed op from its record: forward, and backward where it has gradients.

    Raises `RunError` in words where the insides are too large to be laid out.
    """
    op: Op = record.op
    if not overrides(type(op), Op.body):
        return None
    try:
        body = op.body(*specs)
    except ShapeError as e:
        raise RunError(f"{op.title} ‘{record.path}’ cannot be opened: it {e.message}.") from e
    if body is None:
        return None
    given = {name: value for name, value in record.inputs.items() if value is not None and name in body.nodes}
    kinds = dict(zip((p.name for p in op.ports() if p.data), specs, strict=True))
    shapes = {}
    for name, value in given.items():
        spec = kinds.get(name)
        shapes[name] = spec if spec is not None else Spec(value.shape)
    run = Run(compile(body, shapes, record.path + "/"), {}, {f"{record.path}/{n}": v for n, v in given.items()},
              record.mode, record.dtype)
    for _ in forward(run):
        pass
    if all(name in record.gradients for name in record.outputs):
        seeds = {(f"{record.path}/{n.id}", "y"): record.gradients[n.id] for n in body.outputs()}
        for _ in backward(run, seeds):
            pass
    return run


def forward(run: Run) -> Iterator[Event]:
    """Run each step in order; yields after each. Raises `RunError` in words where data does not fit."""
    run.inner.clear()
    for step in run.plan.steps:
        inputs = {p: None if s is None else run.values[s] for p, s in step.inputs.items()}
        mode = replace(run.mode, training=False) if step.frozen else run.mode
        record = Record(step.op, step.path, inputs, mode, dtype=run.dtype)
        if isinstance(step.op, Input):
            results: Any = run.feed(step)
        else:
            try:
                with np.errstate(all="ignore"):
                    results = step.op.forward(record, *inputs.values())
            except FAILURES as e:
                raise RunError(f"{step.op.title} ‘{step.node.name}’ could not run: {said(e)}.") from e
        results = results if isinstance(results, tuple) else (results,)
        for (name, slot), value in zip(step.outputs.items(), results, strict=True):
            run.values[slot] = value = np.asarray(value)
            record.outputs[name] = value
        run.records[step.path] = record
        yield Event("forward", step, record)


def backward(run: Run, seeds: Mapping[tuple[str, str], Array | float]) -> Iterator[Event]:
    """Run the steps in reverse from the seeds (∂L/∂output, by path and output); yields after each.

    A value used several times receives the sum; its terms stay in ``run.terms``. Steps that no gradient reaches
    receive zeros, so that everything can be looked at.
    """
    run.gradients.clear()
    run.terms.clear()
    run.inner.clear()  # they have gone backward from other seeds
    for record in run.records.values():
        record.gradients = {}
    for (path, name), seed in seeds.items():
        slot = run.plan.where.get(path, {}).get(name)
        if slot is None or slot not in run.values:
            raise RunError(f"The gradient cannot start at ‘{path}’: it has not been run.")
        value = np.broadcast_to(np.asarray(seed, run.dtype), run.values[slot].shape)
        receive(run, slot, Contribution("", name, value))
    for step in reversed(run.plan.steps):
        record = run.records[step.path]
        for name, slot in step.outputs.items():
            if slot not in run.gradients:
                run.gradients[slot] = np.zeros(run.values[slot].shape, run.dtype)
            record.gradients[name] = run.gradients[slot]
        if not isinstance(step.op, Input):
            try:
                with np.errstate(all="ignore"):
                    sent = step.op.backward(record, *(record.gradients[n] for n in step.outputs))
            except FAILURES as e:
                raise RunError(f"{step.op.title} ‘{step.node.name}’ could not run backward: {said(e)}.") from e
            for port, slot_in in step.inputs.items():
                if slot_in is None or port not in sent:
                    continue
                record.gradients[port] = sent[port]
                receive(run, slot_in, Contribution(step.path, port, sent[port]))
        yield Event("backward", step, record)


def said(e: BaseException) -> str:
    """Return what an exception says, without the full stop; its kind where it says nothing."""
    return str(e).rstrip(".") or type(e).__name__


def receive(run: Run, slot: int, term: Contribution) -> None:
    """Add one term to the gradient of a slot."""
    run.terms.setdefault(slot, []).append(term)
    terms = run.terms[slot]
    run.gradients[slot] = terms[0].value if len(terms) == 1 else run.gradients[slot] + term.value


def execute(
    plan: Plan, weights: Weights, feeds: Mapping[str, Array], mode: Mode = Mode(), dtype: Any = np.float64,
    seeds: Mapping[tuple[str, str], Array | float] | None = None,
) -> Run:
    """Run a plan to the end: forward, and backward where seeds are given."""
    run = Run(plan, weights, feeds, mode, dtype)
    for _ in forward(run):
        pass
    if seeds is not None:
        for _ in backward(run, seeds):
            pass
    return run
