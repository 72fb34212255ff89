"""Where the values of a program lie in memory: their order of axes, and which of them share memory.

Layouts: "first" is the order of the shape, the batch outermost; "last" moves the batch axis innermost, so that
dense layers, pooling and small convolutions work on long rows; of pictures (N, C, H, W) it makes (H, C, W, N), so
that a kernel's rows follow each other; "heads" keeps the features of all heads (B, H, T, d) of one place together, as
(B, T, H, d). A value is always seen in its own shape too: other orders are transposed
views.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from graphlab.engine.fast.kernel import Kernel
from graphlab.engine.graph import Input
from graphlab.engine.plan import Plan, Step
from graphlab.engine.spec import Batch, Spec

FIXED = ("first", "last", "heads")
#: What exchanging the two middle axes makes of a layout without moving a number.
TURNED = {"first": "heads", "heads": "first"}


def axes(layout: str, spec: Spec) -> tuple[int, ...]:
    """Return the axes of a value in the order in which they lie in memory, outermost first."""
    rank = spec.rank
    if layout == "last" and rank > 1 and isinstance(spec.shape[0], Batch):
        return (2, 1, 3, 0) if rank == 4 else (*range(1, rank), 0)
    if layout == "heads" and rank == 4:
        return (0, 2, 1, 3)
    return tuple(range(rank))


@dataclass
class Memory:
    """A piece of memory that several slots may use, one after the other or as views of each other.

    ``tail`` asks for a row of ones behind it.
    """

    slots: list[int]
    layout: str
    tail: bool = False


@dataclass
class Layouts:
    """The decisions for one program: each slot's layout and memory."""

    plan: Plan
    steps: Sequence[Step]
    kernels: Mapping[int, Kernel]
    kept: Collection[int]
    #: Steps that have a backward pass, by index: what they read must stay.
    active: Collection[int]
    layout: dict[int, str] = field(default_factory=dict)
    memory: dict[int, Memory] = field(default_factory=dict)
    readers: dict[int, list[tuple[Step, str]]] = field(default_factory=dict)
    producer: dict[int, tuple[Step, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for step in self.steps:
            for port, slot in step.inputs.items():
                if slot is not None:
                    self.readers.setdefault(slot, []).append((step, port))
            self.producer |= {slot: (step, name) for name, slot in step.outputs.items()}
        self._choose_layouts()
        for step in self.steps:
            for name, slot in step.outputs.items():
                self._place(step, name, slot)
        for step in self.steps:
            tail = self.kernels[step.index].tail
            if tail and (wished := step.inputs[tail]) is not None and wished in self.memory:
                self.memory[wished].tail |= self.layout[wished] == "last"

    def _data(self, step: Step) -> list[int]:
        slots = self.plan.slots
        return [s for s in step.inputs.values()
                if s is not None and not slots[s].key and slots[s].spec.rank > 1 and slots[s].spec.kind == "real"]

    def _choose_layouts(self) -> None:
        wish: dict[int, str] = {}
        for step in reversed(self.steps):
            taken = self.kernels[step.index].layout
            asked = next((wish[s] for s in step.outputs.values() if s in wish), "")
            layout = {"same": asked, "turned": TURNED.get(asked, "")}.get(taken, taken)
            if layout in FIXED:
                for slot in self._data(step):
                    wish[slot] = layout
        for step in self.steps:
            taken = self.kernels[step.index].layout
            if isinstance(step.op, Input):
                slot = step.outputs["y"]
                if slot in wish:
                    self.layout[slot] = wish[slot]
                continue
            data = self._data(step)
            first = next((self.layout[s] for s in data if s in self.layout), "")
            asked = first or next((wish[s] for s in step.outputs.values() if s in wish), "")
            if taken == "turned":
                asked = TURNED.get(first) or next((wish[s] for s in step.outputs.values() if s in wish), "")
            layout = (asked or "first") if taken in ("same", "turned") else taken.removeprefix(">")
            for slot in () if taken == "turned" or taken.startswith(">") else data:
                # An input that nobody else has a wish for lies as its fellow operands do.
                self.layout.setdefault(slot, layout if layout in FIXED else "first")
            for slot in step.outputs.values():
                self.layout[slot] = wish.get(slot, "first") if layout == "free" else layout
        for slot in range(len(self.plan.slots)):
            self.layout.setdefault(slot, "first")

    def order(self, slot: int) -> tuple[int, ...]:
        """Return the axes of a slot in memory order."""
        return axes(self.layout[slot], self.plan.slots[slot].spec)

    def shares(self, slot: int, other: int) -> bool:
        """Tell whether two slots lie in the same memory."""
        return slot in self.memory and self.memory[slot] is self.memory.get(other)

    def _place(self, step: Step, name: str, slot: int) -> None:
        kernel = self.kernels[step.index]
        if kernel.view and self._viewable(step, slot):
            source = step.inputs[kernel.view]
            assert source is not None
            if source in self.memory:
                self.memory[slot] = self.memory[source]
                self.memory[slot].slots.append(slot)
            return
        for port in kernel.over if name == next(iter(step.outputs)) else ():
            source = step.inputs[port]
            if source is not None and source in self.memory and self._overwritable(step, source, slot):
                # The old value and its views are gone from here on: they are no longer anybody's to look at.
                self.memory[slot] = self.memory[source]
                self.memory[slot].slots = [slot]
                return
        self.memory[slot] = Memory([slot], self.layout[slot])

    def _viewable(self, step: Step, slot: int) -> bool:
        source = step.inputs[self.kernels[step.index].view]
        assert source is not None
        a, b = self.plan.slots[source].spec, self.plan.slots[slot].spec
        if self.kernels[step.index].layout == "turned":
            return TURNED.get(self.layout[source]) == self.layout[slot]
        if self.layout[source] != self.layout[slot]:
            return False
        if self.layout[slot] == "first" or a.shape == b.shape:
            return True
        # Pictures that lie by rows cannot be read in order without moving them.
        return a.shape[:1] == b.shape[:1] and 4 not in (a.rank, b.rank)

    def _overwritable(self, step: Step, source: int, slot: int) -> bool:
        a, b = self.plan.slots[source].spec, self.plan.slots[slot].spec
        if a != b or self.layout[source] != self.layout[slot] or list(step.inputs.values()).count(source) > 1:
            return False
        for member in self.memory[source].slots:
            if member in self.kept or not self._spared(*self.producer[member]):
                return False
            for reader, port in self.readers.get(member, ()):
                if reader.index > step.index or not (self._spared(reader, port) or self._looks_through(reader)):
                    return False
        return True

    def _spared(self, step: Step, name: str) -> bool:
        """Whether a step that made or read a value can do without it in its backward pass."""
        kernel = self.kernels[step.index]
        if isinstance(step.op, Input) or (kernel.once and name in step.outputs):
            return False
        return step.index not in self.active or not kernel.keeps(name)

    def _looks_through(self, step: Step) -> bool:
        return bool(self.kernels[step.index].view) and self._viewable(step, next(iter(step.outputs.values())))
