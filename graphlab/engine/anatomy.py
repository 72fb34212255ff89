"""The layers of a plan: which there are, what they hand on, which comes next, and which parts share nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

from graphlab.engine.graph import Constant, Input, Parameter
from graphlab.engine.plan import Plan, Step

#: What may stand between a layer's sums and the activation that it hands on.
_HANDS_ON = ("Activations", "Normalisation")


@dataclass(frozen=True)
class Part:
    """A layer with a stored matrix or kernels: its step, the keys of those, and the name of its chain.

    ``hands_on`` is the slot of its output after the nonlinearity, ``next`` the layer after it towards the loss.
    """

    step: Step
    keys: tuple[str, ...]
    chain: str
    hands_on: int
    next: str = ""


@dataclass(frozen=True)
class Anatomy:
    """What can be said of a plan's layers before anything is run; ``parts`` by path, in the plan's order."""

    plan: Plan
    parts: dict[str, Part]
    #: The name of the chain that each step belongs to.
    names: dict[str, str]
    #: The steps whose every reader is a loss: the network's answers.
    answers: frozenset[str]


def anatomy(plan: Plan) -> Anatomy:
    """Find the layers of a plan."""
    readers: dict[int, list[Step]] = {}
    for step in plan.steps:
        for slot in dict.fromkeys(step.inputs.values()):
            if slot is not None:
                readers.setdefault(slot, []).append(step)
    steps = {s.path: s for s in plan.steps if matrices(plan, s)}
    names = chains(plan)
    parts = {path: Part(step, tuple(matrices(plan, step)), names[path], _handed_on(step, readers),
                        _next(plan, step, steps)) for path, step in steps.items()}
    answers = frozenset(s.path for s in plan.steps if _only_losses(r for i in s.outputs.values() for r in
                                                                   readers.get(i, ())))
    return Anatomy(plan, parts, names, answers)


def _only_losses(readers: Iterable[Step]) -> bool:
    kinds = {s.op.category == "Losses" for s in readers}
    return kinds == {True}


def matrices(plan: Plan, step: Step) -> list[str]:
    """Return the keys of a step's stored matrices and kernels: neither biases, scales nor free tensors."""
    if isinstance(step.op, Parameter):
        return []
    ports = [p.name for p in step.op.ports() if p.weight]
    slots = [plan.slots[i] for name in ports if (i := step.inputs.get(name)) is not None]
    return [s.key for s in slots if s.key and s.spec.rank >= 2]


def _handed_on(step: Step, readers: dict[int, list[Step]]) -> int:
    """Return the slot of what a layer hands on: its output, or that of the activation that alone reads it."""
    slot = next(iter(step.outputs.values()))
    while len(after := readers.get(slot, [])) == 1 and after[0].op.category in _HANDS_ON:
        slot = next(iter(after[0].outputs.values()))
    return slot


def _next(plan: Plan, start: Step, among: Collection[str]) -> str:
    """Return the first step of ``among``, in the plan's order, that the output of a step leads to; '' for none."""
    reached = set(start.outputs.values())
    for step in plan.steps[start.index + 1:]:
        if not reached.isdisjoint(step.inputs.values()):
            if step.path in among:
                return step.path
            reached.update(step.outputs.values())
    return ""


def chains(plan: Plan) -> dict[str, str]:
    """Return for each step the name of the part it belongs to: parts share nothing but data and stored weights.

    A part is called like the block that holds all its layers, else like its loss, else like its last step.
    """
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    free: set[int] = set()  # data, and what is made of data alone
    for step in plan.steps:
        if free.issuperset(step.inputs.values()) or isinstance(step.op, Input | Constant | Parameter):
            free.update(step.outputs.values())
        joined = [*step.outputs.values(), *(s for s in step.inputs.values()
                                            if s is not None and s not in free and not plan.slots[s].key)]
        for a, b in pairwise(joined):
            parent[root(a)] = root(b)
    groups: dict[int, list[Step]] = {}
    for step in plan.steps:
        groups.setdefault(root(next(iter(step.outputs.values()))), []).append(step)
    return {step.path: name for steps in groups.values() for name in (_called(plan, steps),) for step in steps}


def _called(plan: Plan, steps: list[Step]) -> str:
    inside = {s.path.partition("/")[0] if "/" in s.path else "" for s in steps if matrices(plan, s)}
    block = inside.pop() if len(inside) == 1 else ""
    if block:
        node = plan.graph.nodes.get(block)
        return block if node is None else node.name
    return ([s for s in steps if s.op.category == "Losses"] or steps)[-1].node.name
