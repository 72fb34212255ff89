"""The plain program: every op's own forward and backward, without the bookkeeping of a recorded run.

It is the reference that faster programs are held against, and the fallback where there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphlab.engine.fast.program import Parameters
from graphlab.engine.graph import Input
from graphlab.engine.plan import Plan, Step
from graphlab.engine.record import Array, Mode, Record
from graphlab.engine.run import RunError

_KINDS = {"index": np.dtype(np.int64), "bool": np.dtype(np.bool_)}


@dataclass(frozen=True)
class _Line:
    """One step with what a program decides beforehand: where gradients are wanted, and whether it trains."""

    step: Step
    ports: tuple[tuple[str, int | None], ...]
    wanted: frozenset[str]
    training: bool


def needed_steps(plan: Plan, ends: Collection[int]) -> tuple[Step, ...]:
    """Return the steps that some of the slots ``ends`` depend on, in the plan's order."""
    wanted = set(ends)
    out = []
    for step in reversed(plan.steps):
        if wanted & set(step.outputs.values()):
            out.append(step)
            wanted |= {s for s in step.inputs.values() if s is not None}
    return tuple(reversed(out))


def slot_of(plan: Plan, path: str, output: str = "") -> int:
    """Return the slot of an output of a node, by default its first. Raises `RunError` where it is not alive."""
    outputs = plan.where.get(path, {})
    slot = outputs.get(output) if output else next(iter(outputs.values()), None)
    if slot is None:
        problem = next((p.message for p in plan.problems), "there is no such node")
        raise RunError(f"‘{path}’ cannot be run: {problem}")
    return slot


class PlainProgram:
    """A program that calls the ops themselves; see `Program` for what its methods promise."""

    def __init__(
        self, plan: Plan, parameters: Parameters, batch: int, losses: Mapping[str, float], wrt: Collection[str],
        training: bool, mode: Mode, keep: Collection[tuple[str, str]],
    ) -> None:
        self.plan = plan
        self.parameters = parameters
        self.batch = batch
        self._mode = mode
        self._losses = [(slot_of(plan, path), c) for path, c in losses.items()]
        self._keep = {(path, name): slot_of(plan, path, name) for path, name in keep}
        steps = needed_steps(plan, {s for s, _ in self._losses} | set(self._keep.values()))
        # A slot moves when a weight that is asked for reaches it; only those carry gradients.
        moving = {plan.keys[k] for k in wrt}
        self._lines = []
        for step in steps:
            ports = tuple(step.inputs.items())
            wanted = frozenset(p for p, s in ports if s in moving)
            self._lines.append(_Line(step, ports, wanted, training and not step.frozen))
            if wanted:
                moving |= set(step.outputs.values())
        self._moving = moving
        self._wrt = [(plan.keys[k], parameters.gradients[k]) for k in wrt]
        self._inputs = {s.path: s for s in steps if isinstance(s.op, Input)}
        self._fed: dict[str, Array] = {}
        self._key = {slot: key for key, slot in plan.keys.items()}
        self._values: dict[int, Array] = {}

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self._inputs)

    def feed(self, name: str, array: Array) -> None:
        spec = self.plan.slots[self._inputs[name].outputs["y"]].spec
        need = spec.concrete(self.batch)
        if array.shape != need:
            raise RunError(f"The input ‘{name}’ needs data shaped {need}; it got {array.shape}.")
        self._fed[name] = array.astype(_KINDS.get(spec.kind, self.parameters.dtype))

    def step(self, update: int) -> list[float]:
        modes = [Mode(training, self._mode.seed, self._mode.phase, update) for training in (False, True)]
        weights = self.parameters.weights
        values: dict[int, Array] = {slot: weights[key] for key, slot in self.plan.keys.items()}
        self._values = values
        with np.errstate(all="ignore"):
            records = [self._forward(line, values, modes[line.training]) for line in self._lines]
            losses = [float(values[slot].sum()) for slot, _ in self._losses]
            if self._wrt:
                self._backward(records, values)
        for line, record in zip(self._lines, records, strict=True):
            for move in record.updates if line.training else ():
                slot = line.step.inputs[move.port]
                if slot in self._key:
                    memory = weights[self._key[slot]]
                    memory *= 1.0 - move.rate
                    memory += move.rate * move.value
        return losses

    def _forward(self, line: _Line, values: dict[int, Array], mode: Mode) -> Record:
        step = line.step
        inputs = {p: None if s is None else values[s] for p, s in line.ports}
        record = Record(step.op, step.path, inputs, mode, line.wanted)
        if isinstance(step.op, Input):
            if step.path not in self._fed:
                raise RunError(f"The input ‘{step.node.name}’ needs data; none is given.")
            results: Any = self._fed[step.path]
        else:
            try:
                results = step.op.forward(record, *inputs.values())
            except (ValueError, IndexError, np.linalg.LinAlgError) as e:
                raise RunError(f"{step.op.title} ‘{step.node.name}’ could not run: {e}.") from e
        results = results if isinstance(results, tuple) else (results,)
        for (name, slot), value in zip(step.outputs.items(), results, strict=True):
            values[slot] = record.outputs[name] = self._real(np.asarray(value))
        return record

    def _real(self, value: Array) -> Array:
        """Keep real numbers in the program's precision, whatever an op's constants made of them."""
        dtype = self.parameters.dtype
        return value.astype(dtype) if value.dtype.kind == "f" and value.dtype != dtype else value

    def _backward(self, records: list[Record], values: dict[int, Array]) -> None:
        gradients: dict[int, Array] = {}

        def receive(slot: int, term: Array) -> None:
            gradients[slot] = gradients[slot] + term if slot in gradients else term

        for slot, coefficient in self._losses:
            receive(slot, np.full(values[slot].shape, coefficient, self.parameters.dtype))
        for line, record in zip(reversed(self._lines), reversed(records), strict=True):
            outputs = line.step.outputs.values()
            if not line.wanted or not any(slot in gradients for slot in outputs):
                continue
            upstream = [gradients[s] if s in gradients else np.zeros_like(values[s]) for s in outputs]
            record.gradients = dict(zip(line.step.outputs, upstream, strict=True))
            sent = record.op.backward(record, *upstream)
            for port, into in line.ports:
                if into is not None and port in sent and into in self._moving:
                    receive(into, self._real(np.asarray(sent[port])))
        for slot, target in self._wrt:
            target[...] = gradients.get(slot, 0.0)

    def value(self, path: str, output: str = "y") -> Array:
        return self._values[self._keep[path, output]]


def make_step(
    plan: Plan, parameters: Parameters, batch: int, losses: Mapping[str, float], wrt: Collection[str], *,
    training: bool = True, seed: int = 0, phase: int = 0, keep: Collection[tuple[str, str]] = (),
) -> PlainProgram:
    """Make the plain program; see `MakeStep`. Raises `RunError` where a loss or a kept value is not alive."""
    return PlainProgram(plan, parameters, batch, losses, wrt, training, Mode(seed=seed, phase=phase), keep)
