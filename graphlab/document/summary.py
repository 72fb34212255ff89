"""Counts of a compiled network, with the arithmetic they come from: parameters, multiply-adds, activations, memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphlab.document.advice import advice
from graphlab.engine.feeding import is_target
from graphlab.engine.graph import Input
from graphlab.engine.plan import Plan, Step
from graphlab.engine.spec import per_sample

__all__ = ["NodeCount", "Summary", "advice", "parameter_arithmetic", "summarise", "total_arithmetic"]

#: Ops of these categories act on the units of the op before them and have none of their own.
_SAME_UNITS = ("Activations", "Normalisation", "Regularisation", "Losses")
_FLOAT = 4  # bytes: training runs in float32
_SHOWN = 12


@dataclass(frozen=True)
class NodeCount:
    """What one step costs: stored numbers that training moves, and per sample its multiply-adds and values.

    ``arithmetic`` shows where ``parameters`` comes from; ``memories`` (running means) are stored but not counted.
    ``units`` are the activations as textbooks count them: none for an activation function of its own.
    """

    path: str
    parameters: int = 0
    arithmetic: str = ""
    memories: int = 0
    macs: int = 0
    values: int = 0
    units: int = 0
    frozen: bool = False


@dataclass(frozen=True)
class Summary:
    """The counts of a network: each step's, and their totals. Weights that are shared count once, at their owner."""

    nodes: Mapping[str, NodeCount] = field(default_factory=dict)

    def under(self, path: str) -> NodeCount:
        """Return the counts of a node, or of everything in a block."""
        if path in self.nodes:
            return self.nodes[path]
        inside = [n for p, n in self.nodes.items() if p.startswith(f"{path}/")]
        return NodeCount(path, sum(n.parameters for n in inside), total_arithmetic(n.parameters for n in inside),
                         sum(n.memories for n in inside), sum(n.macs for n in inside), sum(n.values for n in inside),
                         sum(n.units for n in inside), bool(inside) and all(n.frozen for n in inside))

    @property
    def parameters(self) -> int:
        """All numbers that training can move, frozen ones included."""
        return sum(n.parameters for n in self.nodes.values())

    @property
    def trainable(self) -> int:
        """The parameters of nodes that are not frozen."""
        return sum(n.parameters for n in self.nodes.values() if not n.frozen)

    @property
    def macs(self) -> int:
        """Multiply-adds of one forward pass, for one sample."""
        return sum(n.macs for n in self.nodes.values())

    @property
    def activations(self) -> int:
        """Units of all layers, the input's included, for one sample."""
        return sum(n.units for n in self.nodes.values())

    @property
    def parameter_arithmetic(self) -> str:
        """The total as a sum: ``120,300 + 30,100 + 1,010 = 151,410``."""
        return total_arithmetic(n.parameters for n in self.nodes.values())

    @property
    def mac_arithmetic(self) -> str:
        """The total as a sum: ``120,000 + 30,000 + 1,000 = 151,000``."""
        return total_arithmetic(n.macs for n in self.nodes.values())

    @property
    def activation_arithmetic(self) -> str:
        """The total as a sum: ``400 + 300 + 100 + 10 = 810``."""
        return total_arithmetic(n.units for n in self.nodes.values())

    def memory(self, batch: int = 1) -> int:
        """Return the bytes of one training step in float32: weights and values, and a gradient for each."""
        weights = sum(2 * n.parameters + n.memories for n in self.nodes.values())
        return _FLOAT * (weights + 2 * batch * sum(n.values for n in self.nodes.values()))


def summarise(plan: Plan) -> Summary:
    """Count what a plan needs; nothing is allocated, so that this works for networks of any size."""
    owned: dict[str, list[str]] = {}
    for key, slot in plan.keys.items():
        owned.setdefault(plan.slots[slot].path, []).append(key)
    return Summary({s.path: _count(plan, s, owned.get(s.path, [])) for s in plan.steps})


def _count(plan: Plan, step: Step, keys: list[str]) -> NodeCount:
    trained = [plan.weights[k].shape for k in keys if not plan.slots[plan.keys[k]].memory]
    stored = sum(math.prod(plan.weights[k].shape) for k in keys if plan.slots[plan.keys[k]].memory)
    values = sum(per_sample(plan.slots[i].spec.shape) for i in step.outputs.values())
    owns = step.op.category not in _SAME_UNITS and not (isinstance(step.op, Input) and is_target(plan, step))
    return NodeCount(step.path, sum(math.prod(s) for s in trained), parameter_arithmetic(trained), stored, step.macs,
                     values, values if owns else 0, step.frozen)


def parameter_arithmetic(shapes: Iterable[tuple[int, ...]]) -> str:
    """Write the sizes of tensors as their sum of products: ``400·300 + 300 = 120,300``; '' for none."""
    shapes = [s or (1,) for s in shapes]
    total = sum(math.prod(s) for s in shapes)
    text = " + ".join("·".join(f"{n:,}" for n in s) for s in shapes)
    return text if not shapes or text == f"{total:,}" else f"{text} = {total:,}"


def total_arithmetic(numbers: Iterable[int]) -> str:
    """Write a sum: ``120,300 + 30,100 + 1,010 = 151,410``; zeros are left out, and the middle of very long ones."""
    terms = [n for n in numbers if n]
    shown = [f"{n:,}" for n in terms]
    if len(shown) > _SHOWN:
        shown = [*shown[:_SHOWN - 2], "…", shown[-1]]
    return f"{sum(terms):,}" if len(terms) < 2 else f"{' + '.join(shown)} = {sum(terms):,}"
