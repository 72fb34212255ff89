"""Where a kernel binds its forward calls: the arrays of one step, in memory order and in their own shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from graphlab.engine.fast.layout import Layouts, axes
from graphlab.engine.fast.program import Parameters
from graphlab.engine.fast.streams import Clock, Stream
from graphlab.engine.plan import Plan, Step
from graphlab.engine.record import Array

DTYPES = {"index": np.dtype(np.int64), "bool": np.dtype(np.bool_)}
CHUNK = 1 << 20


def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    """Return the permutation that undoes another."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


class Pool:
    """Hands out memory: for good, aligned and close together; and on loan, until the step at hand is bound."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._chunk: Array = np.empty(0, np.uint8)
        self._at = 0
        self._loans: dict[int, list[Array]] = {}
        self._lent: dict[int, int] = {}
        self._constants: dict[tuple[float, int], Array] = {}

    def take(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Return a new array, zero to begin with."""
        kind = np.dtype(dtype or self.dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if size > CHUNK // 4:
            return np.zeros(shape, kind)
        if self._at + size > self._chunk.size:
            block = np.zeros(CHUNK + 64, np.uint8)
            start = -block.ctypes.data % 64
            self._chunk, self._at = block[start:start + CHUNK], 0
        piece = self._chunk[self._at:self._at + size]
        self._at += -(-size // 64) * 64
        return piece.view(kind).reshape(shape)

    def lend(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Return an array for the calls of the step at hand only; other steps use the same memory."""
        kind = np.dtype(dtype or self.dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        loans = self._loans.setdefault(size, [])
        at = self._lent.get(size, 0)
        if at == len(loans):
            loans.append(self.take((size,), np.uint8))
        self._lent[size] = at + 1
        return loans[at].view(kind).reshape(shape)

    def end_loans(self) -> None:
        """Take all loans back: the next step may have them."""
        self._lent.clear()

    def constant(self, value: float, shape: tuple[int, ...] = ()) -> Array:
        """Return an array of one number, never to be written. Arrays are faster operands than Python's numbers."""
        size = int(np.prod(shape, dtype=np.int64))
        have = self._constants.get((value, size))
        if have is None:
            have = self.take((size,))
            have[...] = value
            have.flags.writeable = False
            self._constants[value, size] = have
        return have.reshape(shape)


class Builder:
    """What the binding of one program shares: the plan, the memory, and the list of calls so far."""

    def __init__(
        self, plan: Plan, parameters: Parameters, batch: int, layouts: Layouts, clock: Clock, training: bool,
    ) -> None:
        self.plan = plan
        self.parameters = parameters
        self.batch = batch
        self.layouts = layouts
        self.clock = clock
        self.training = training
        self.pool = Pool(parameters.dtype)
        self.calls: list[Callable[[], Any]] = []
        #: Calls at the end of a step that move memories.
        self.last: list[Callable[[], Any]] = []
        #: Memory-order arrays by slot.
        self.raw: dict[int, Array] = {}
        self.blocks: dict[int, Array] = {}
        self._converted: dict[tuple[int, str], Array] = {}
        for key, slot in plan.keys.items():
            self.raw[slot] = parameters.weights[key]

    def dtype(self, slot: int) -> np.dtype[Any]:
        """Return the type that a slot's numbers have."""
        kind = DTYPES.get(self.plan.slots[slot].spec.kind)
        return self.parameters.dtype if kind is None else kind

    def shape(self, slot: int, layout: str) -> tuple[int, ...]:
        """Return the shape of a slot in the memory order of a layout."""
        spec = self.plan.slots[slot].spec
        full = spec.concrete(self.batch)
        return tuple(full[a] for a in axes(layout, spec))

    def allocate(self, slot: int) -> Array:
        """Return a slot's array in memory order, in the memory that the layouts gave it."""
        memory = self.layouts.memory[slot]
        shape = self.shape(slot, self.layouts.layout[slot])
        size = int(np.prod(shape, dtype=np.int64))
        block = self.blocks.get(id(memory))
        if block is None:
            extra = shape[-1] if memory.tail else 0
            block = self.blocks[id(memory)] = self.pool.take((size + extra,), self.dtype(slot))
            if extra:
                block[size:] = 1
        self.raw[slot] = block[:size].reshape(shape)
        return self.raw[slot]

    def logical(self, slot: int, raw: Array | None = None, layout: str = "") -> Array:
        """Return a slot's array in its own shape: a view of the memory-order array."""
        order = axes(layout or self.layouts.layout[slot], self.plan.slots[slot].spec)
        array = self.raw[slot] if raw is None else raw
        return array if order == tuple(range(len(order))) else array.transpose(inverse(order))

    def in_layout(self, slot: int, layout: str) -> Array:
        """Return a slot in the memory order of a layout; copies it there where it lies otherwise."""
        spec = self.plan.slots[slot].spec
        if axes(layout, spec) == self.layouts.order(slot):
            return self.raw[slot]
        have = self._converted.get((slot, layout))
        if have is None:
            shape = self.shape(slot, layout)
            size = int(np.prod(shape, dtype=np.int64))
            # Room for a row of ones, as in `allocate`: whoever wants one finds it behind the data.
            block = self.pool.take((size + shape[-1],), self.dtype(slot))
            block[size:] = 1
            have = block[:size].reshape(shape)
            self.blocks[id(have)] = block
            self._converted[slot, layout] = have
            self.calls.append(partial(np.copyto, self.logical(slot, have, layout), self.logical(slot)))
        return have

    def with_ones(self, slot: int, layout: str) -> Array:
        """Return a slot as rows (features, samples) with a row of ones below, in a layout that ends with samples."""
        raw = self.in_layout(slot, layout)
        memory = self.layouts.memory.get(slot)
        block = self.blocks.get(id(raw)) if raw is not self.raw[slot] or memory is None else (
            self.blocks[id(memory)] if memory.tail else None)
        width = raw.shape[-1]
        if block is None:
            block = self.pool.take((raw.size + width,), raw.dtype)
            block[raw.size:] = 1
            self.calls.append(partial(np.copyto, block[:raw.size].reshape(raw.shape), raw))
        return block.reshape(-1, width)


class Site:
    """One step, for its kernel: where its inputs are and where its outputs go."""

    def __init__(self, builder: Builder, step: Step) -> None:
        self.builder = builder
        self.step = step
        self.op: Any = step.op
        self.batch = builder.batch
        self.dtype: np.dtype[Any] = builder.parameters.dtype
        self.training = builder.training and not step.frozen

    def has(self, port: str) -> bool:
        """Tell whether an optional input is there."""
        return self.step.inputs.get(port) is not None

    def slot(self, name: str) -> int:
        """Return the slot of an input or output."""
        slot = self.step.inputs.get(name)
        return self.step.outputs[name] if slot is None else slot

    def layout(self, name: str) -> str:
        """Return the layout of an input or output."""
        return self.builder.layouts.layout[self.slot(name)]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an input or output in memory order."""
        return self.builder.shape(self.slot(name), self.layout(name))

    def raw(self, name: str, layout: str = "") -> Array:
        """Return an input or output in memory order (contiguous), copied into ``layout`` where it lies otherwise."""
        slot = self.slot(name)
        if slot not in self.builder.raw:
            self.builder.allocate(slot)
        return self.builder.in_layout(slot, layout) if layout else self.builder.raw[slot]

    def logical(self, name: str) -> Array:
        """Return an input or output in its own shape; its strides follow the layout."""
        self.raw(name)
        return self.builder.logical(self.slot(name))

    def like(self, name: str, raw: Array) -> Array:
        """Return memory in the order of an input or output, seen in that one's shape."""
        return self.builder.logical(self.slot(name), raw)

    def shares(self, port: str, name: str = "y") -> bool:
        """Tell whether an output lies in the memory of an input, which may be that of a stored tensor."""
        layouts, out = self.builder.layouts, self.step.outputs[name]
        return layouts.shares(self.slot(port), out) or out not in layouts.memory

    def alias(self, name: str, raw: Array) -> None:
        """Let an output be a view of another array."""
        self.builder.raw[self.step.outputs[name]] = raw

    def with_ones(self, port: str) -> Array:
        """Return an input as rows (features, samples) with a row of ones below."""
        return self.builder.with_ones(self.slot(port), "last")

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Append one call to the program."""
        self.builder.calls.append(partial(function, *args, **kwargs))

    def remember(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Append a call for the end of the step, where memories move."""
        self.builder.last.append(partial(function, *args, **kwargs))

    def stored(self, port: str) -> bool:
        """Tell whether an input is a stored tensor rather than the end of a wire."""
        slot = self.step.inputs.get(port)
        return slot is not None and bool(self.builder.plan.slots[slot].key)

    def keep(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Return memory of the step's own, zero to begin with."""
        return self.builder.pool.take(shape, dtype)

    def scratch(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Return memory for the calls at hand only: it does not live from forward to backward."""
        return self.builder.pool.lend(shape, dtype)

    def constant(self, value: float, shape: tuple[int, ...] = ()) -> Array:
        """Return an array of one number that is never written."""
        return self.builder.pool.constant(value, shape)

    def stream(self, name: str) -> Stream:
        """Return the step's random stream called ``name``."""
        return Stream(f"{self.step.path}/{name}", self.builder.clock)

    def neighbours(self, first: str, second: str) -> bool:
        """Tell whether two inputs are stored weights that lie one behind the other."""
        slots, keys = self.builder.plan.slots, (self.step.inputs.get(first), self.step.inputs.get(second))
        if keys[0] is None or keys[1] is None or not slots[keys[0]].key or not slots[keys[1]].key:
            return False
        at = self.builder.parameters.slices
        return bool(at[slots[keys[0]].key].stop == at[slots[keys[1]].key].start)

    def joined(self, first: str, second: str) -> Array:
        """Return two neighbouring weights as one flat array."""
        slots, p = self.builder.plan.slots, self.builder.parameters
        return p.flat[p.slices[slots[self.slot(first)].key].start:p.slices[slots[self.slot(second)].key].stop]
