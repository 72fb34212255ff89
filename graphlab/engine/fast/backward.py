"""Where a kernel binds its backward calls: upstream gradients come in, gradients of the inputs go out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from graphlab.engine.fast.layout import axes
from graphlab.engine.fast.site import Builder, Site
from graphlab.engine.record import Array


@dataclass
class Holder:
    """A piece of memory that gradients lie in, and how many slots' gradients do."""

    block: Array
    users: int = 0


@dataclass
class Gradient:
    """The gradient of one slot so far, in the slot's memory order; ``seed`` where it is one number throughout."""

    raw: Array
    holder: Holder | None = None
    seed: float | None = None


class Gradients:
    """The gradients of a program while its backward pass is bound, and the memory that they use in turn."""

    def __init__(self, builder: Builder, moving: Collection[int], wrt: Collection[int], kept: Collection[int]) -> None:
        self.builder = builder
        self.moving = moving
        self.wrt = wrt
        self.kept = kept
        self.by_slot: dict[int, Gradient] = {}
        self._free: dict[int, list[Array]] = {}

    def seed(self, slot: int, coefficient: float) -> None:
        """Let a slot's gradient begin with a constant."""
        have = self.by_slot.get(slot)
        total = coefficient + (have.seed or 0.0 if have else 0.0)
        shape = self.builder.shape(slot, self.builder.layouts.layout[slot])
        self.by_slot[slot] = Gradient(self.builder.pool.constant(total, shape), None, total)

    def hold(self, shape: tuple[int, ...]) -> tuple[Array, Holder]:
        """Return memory for a gradient: some that is free again, or new."""
        size = int(np.prod(shape, dtype=np.int64))
        free = self._free.get(size)
        block = free.pop() if free else self.builder.pool.take((size,))
        return block.reshape(shape), Holder(block)

    def set(self, slot: int, gradient: Gradient) -> None:
        """Let a slot have this gradient, in place of what it had."""
        have = self.by_slot.get(slot)
        if gradient.holder is not None:
            # What is kept counts as used for ever.
            gradient.holder.users += 2 if slot in self.kept else 1
        if have is not None:
            self.leave(have.holder)
        self.by_slot[slot] = gradient

    def release(self, slot: int) -> None:
        """Give a slot's gradient up: all that read it are bound."""
        have = self.by_slot.get(slot)
        if have is not None:
            self.leave(have.holder)

    def leave(self, holder: Holder | None, users: int = 1) -> None:
        """Count a user of some memory less; without any it is free."""
        if holder is not None:
            holder.users -= users
            if holder.users == 0:
                self._free.setdefault(holder.block.size, []).append(holder.block)

    def owned(self, slot: int, gradient: Gradient) -> bool:
        """Tell whether a slot's gradient lies in memory that is no other's, so that it may be added to in place."""
        if slot in self.wrt:
            return True
        return gradient.holder is not None and gradient.holder.users == 1 + (slot in self.kept)

    def add(self, slot: int, raw: Array, holder: Holder | None, seed: float | None = None) -> None:
        """Add one term to a slot's gradient; ``holder`` where the term may stay where it is."""
        calls, have = self.builder.calls, self.by_slot.get(slot)
        if slot in self.wrt:
            home = self.builder.parameters.gradients[self.builder.plan.slots[slot].key]
            if have is None:
                if raw is not home:
                    calls.append(partial(np.copyto, home, raw))
                self.by_slot[slot] = Gradient(home)
            else:
                calls.append(partial(np.add, home, raw, out=home))
        elif have is None:
            self.set(slot, Gradient(raw, holder, seed))
        elif self.owned(slot, have):
            calls.append(partial(np.add, have.raw, raw, out=have.raw))
        else:
            out, fresh = self.hold(raw.shape)
            calls.append(partial(np.add, have.raw, raw, out=out))
            self.set(slot, Gradient(out, fresh))


class Back:
    """One step's backward pass, for its kernel."""

    def __init__(self, site: Site, gradients: Gradients) -> None:
        self.site = site
        self.builder = site.builder
        self.gradients = gradients
        self._terms: list[tuple[int, Array, Holder | None, float | None]] = []
        self._convert: list[tuple[Array, Array, Holder | None]] = []
        self._sums: list[tuple[Array, Array]] = []

    def wants(self, port: str) -> bool:
        """Tell whether anybody needs the gradient of an input."""
        slot = self.site.step.inputs.get(port)
        return slot is not None and slot in self.gradients.moving

    def reached(self, name: str = "y") -> bool:
        """Tell whether any gradient has come to an output."""
        return self.site.step.outputs[name] in self.gradients.by_slot

    def upstream(self, name: str = "y") -> Array:
        """Return the gradient of an output in memory order; zeros where none has come."""
        slot = self.site.step.outputs[name]
        have = self.gradients.by_slot.get(slot)
        return have.raw if have is not None else self.site.constant(0.0, self.site.raw(name).shape)

    def upstream_logical(self, name: str = "y") -> Array:
        """Return the gradient of an output in the output's shape."""
        return self.builder.logical(self.site.step.outputs[name], self.upstream(name))

    def seed(self, name: str = "y") -> float | None:
        """Return the gradient of an output where it is one number throughout, known before anything runs."""
        have = self.gradients.by_slot.get(self.site.step.outputs[name])
        return have.seed if have is not None else 0.0

    def into(self, port: str, layout: str = "", over: str = "") -> Array:
        """Return where to write the gradient of an input, in the memory order of the input (or of ``layout``).

        With ``over``, it may be the memory of that output's gradient, which is then overwritten.
        """
        slot = self.site.step.inputs[port]
        assert slot is not None
        order = layout or self.builder.layouts.layout[slot]
        shape = self.builder.shape(slot, order)
        if slot in self.gradients.wrt and slot not in self.gradients.by_slot and not self._pending(slot):
            raw, holder = self.builder.parameters.gradients[self.builder.plan.slots[slot].key], None
        else:
            raw, holder = self._over(slot, shape, over) or self.gradients.hold(shape)
        spec = self.builder.plan.slots[slot].spec
        if axes(order, spec) == self.builder.layouts.order(slot):
            self._terms.append((slot, raw, holder, None))
            return raw
        out, fresh = self.gradients.hold(self.builder.shape(slot, self.builder.layouts.layout[slot]))
        self._convert.append((self.builder.logical(slot, out), self.builder.logical(slot, raw, order), holder))
        self._terms.append((slot, out, fresh, None))
        return raw

    def _pending(self, slot: int) -> bool:
        return any(s == slot for s, *_ in self._terms)

    def _over(self, slot: int, shape: tuple[int, ...], over: str) -> tuple[Array, Holder] | None:
        source = self.site.step.outputs.get(over)
        have = None if source is None else self.gradients.by_slot.get(source)
        if have is None or have.holder is None or have.holder.users > 1 or source in self.gradients.kept:
            return None
        return (have.raw, have.holder) if have.raw.shape == shape else None

    def into_logical(self, port: str) -> Array:
        """Return where to write the gradient of an input, in the input's shape."""
        slot = self.site.step.inputs[port]
        assert slot is not None
        return self.builder.logical(slot, self.into(port))

    def add_part(self, port: str, index: Any, dy: Array) -> None:
        """Bind dy as the gradient of a part of an input, ``index`` in its own shape; the rest receives nothing."""
        slot = self.site.slot(port)
        have = self.gradients.by_slot.get(slot)
        if have is not None and not self._pending(slot) and self.gradients.owned(slot, have):
            part = self.builder.logical(slot, have.raw)[index]
            self.call(np.add, part, dy, out=part)
            return
        whole = self.into_logical(port)
        self.call(np.copyto, whole, self.constant(0.0))
        self.call(np.copyto, whole[index], dy)

    def into_joined(self, first: str, second: str) -> Array | None:
        """Return where to write the gradients of two neighbouring weights as one flat array, if that can be done."""
        if not (self.site.neighbours(first, second) and self.wants(first) and self.wants(second)):
            return None
        slots = [self.site.slot(name) for name in (first, second)]
        begun = {slot in self.gradients.by_slot for slot in slots}
        if len(begun) > 1 or any(self._pending(slot) for slot in slots):
            return None
        p, keys = self.builder.parameters, [self.builder.plan.slots[slot].key for slot in slots]
        home = p.gradient[p.slices[keys[0]].start:p.slices[keys[1]].stop]
        if begun == {False}:
            self._terms += [(slot, p.gradients[key], None, None) for slot, key in zip(slots, keys, strict=True)]
            return home
        term = self.scratch(home.shape)
        self._sums.append((home, term))
        return term

    def passes(self, port: str, raw: Array, name: str = "y") -> None:
        """Let the gradient of an output go to an input as it is, ``raw`` being its view in the input's memory order."""
        slot = self.site.step.inputs[port]
        assert slot is not None
        have = self.gradients.by_slot.get(self.site.step.outputs[name])
        self._terms.append((slot, raw, have.holder if have else None, have.seed if have else 0.0))

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Append one call to the program."""
        self.builder.calls.append(partial(function, *args, **kwargs))

    def scratch(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Return memory for the calls at hand only."""
        return self.builder.pool.lend(shape, dtype)

    def constant(self, value: float, shape: tuple[int, ...] = ()) -> Array:
        """Return an array of one number that is never written."""
        return self.builder.pool.constant(value, shape)

    def finish(self) -> None:
        """Hand the gradients on to the slots, once the kernel has bound its calls."""
        for to, origin, holder in self._convert:
            self.call(np.copyto, to, origin)
            self._spare(holder)
        for total, term in self._sums:
            self.call(np.add, total, term, out=total)
        for slot, raw, holder, seed in self._terms:
            self.gradients.add(slot, raw, holder, seed)
        for _, _, holder, _ in self._terms:
            self._spare(holder)
        for slot in self.site.step.outputs.values():
            self.gradients.release(slot)
        self.builder.pool.end_loans()

    def _spare(self, holder: Holder | None) -> None:
        if holder is not None and holder.users == 0:
            self.gradients.leave(holder, 0)
