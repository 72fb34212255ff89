"""Kernels: how an op becomes calls on preallocated arrays. They attach to op classes from outside.

A kernel binds the calls of one forward pass and returns a function that binds those of the backward pass. An op
without one, or with a configuration that its kernel does not fit, runs its own plain forward and backward.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from graphlab.engine.op import Op
from graphlab.engine.plan import Step

if TYPE_CHECKING:
    from graphlab.engine.fast.backward import Back
    from graphlab.engine.fast.site import Site

Backward = Callable[["Back"], None]
Bind = Callable[["Site"], Backward]
Fits = Callable[["Step | Chain", bool], bool]
B = TypeVar("B", bound=Bind)


@dataclass(frozen=True)
class Kernel:
    """How the steps of an op class are bound.

    ``reads`` names the inputs and outputs whose values the backward pass needs (None: all of them); what nobody
    needs may be overwritten. ``layout`` is the memory order of the data it takes and gives (see
    `graphlab.engine.fast.layout`): "same" gives what it takes, "turned" what exchanging the middle axes makes of
    it, "free" what is asked for; with ">" before it, it is what the kernel gives, whatever it takes. ``over`` names
    inputs whose memory the output may take over, ``view`` the input that the output is another shape of, ``tail``
    the input that should be followed in memory by a row of ones. What is written ``once`` has to last. ``fits``
    tells from a step, and whether it trains, whether the kernel can run it.
    """

    bind: Bind
    reads: frozenset[str] | None = frozenset()
    layout: str = "same"
    over: tuple[str, ...] = ()
    view: str = ""
    tail: str = ""
    once: bool = False
    fits: Fits | None = None

    def keeps(self, name: str) -> bool:
        """Tell whether the backward pass needs the value called ``name``."""
        return self.reads is None or name in self.reads


@dataclass(frozen=True)
class Chain(Step):
    """Several steps that one kernel runs: it reads what the first reads and gives what the last gives."""

    parts: tuple[Step, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Step]) -> Chain:
        """Join steps of which each is the only reader of the one before."""
        first, last = parts[0], parts[-1]
        return cls(last.index, last.path, first.node, first.inputs, last.outputs, first.specs, first.frozen,
                   tuple(parts))


KERNELS: dict[type[Op], list[Kernel]] = {}
CHAINS: dict[tuple[type[Op], ...], Kernel] = {}


def kernel(
    *ops: type[Op], reads: Collection[str] = (), layout: str = "same", over: tuple[str, ...] = (), view: str = "",
    tail: str = "", once: bool = False, fits: Fits | None = None,
) -> Callable[[B], B]:
    """Attach a kernel to op classes; see `Kernel`. Of several for one class the first that fits is taken."""

    def attach(bind: B) -> B:
        for op in ops:
            KERNELS.setdefault(op, []).append(Kernel(bind, frozenset(reads), layout, over, view, tail, once, fits))
        return bind

    return attach


def chain_kernel(
    *ops: type[Op], reads: Collection[str] = (), layout: str = "same", tail: str = "", fits: Fits | None = None,
) -> Callable[[B], B]:
    """Attach a kernel to ops in a row; its inputs are those of the first, its outputs those of the last."""

    def attach(bind: B) -> B:
        CHAINS[ops] = Kernel(bind, frozenset(reads), layout, tail=tail, fits=fits)
        return bind

    return attach


def join_chains(
    steps: Sequence[Step], readers: Mapping[int, int], kept: Collection[int], training: bool,
) -> tuple[list[Step], dict[int, Kernel]]:
    """Join steps that a chain's kernel runs; return the new steps and those kernels by step index.

    ``readers`` counts who reads a slot; what is kept, or read by others too, stays as it is.
    """
    after = {slot: step for step in steps for slot in step.inputs.values() if slot is not None}
    taken: set[int] = set()
    out: list[Step] = []
    kernels: dict[int, Kernel] = {}
    for step in steps:
        if step.index in taken:
            continue
        found = next((c for ops, k in CHAINS.items() if type(step.op) is ops[0]
                      and (c := _follow(step, ops, after, readers, kept)) is not None
                      and (k.fits is None or k.fits(c, training and not step.frozen))), None)
        if found is None:
            out.append(step)
        else:
            taken |= {p.index for p in found.parts}
            kernels[found.index] = CHAINS[tuple(type(p.op) for p in found.parts)]
            out.append(found)
    return sorted(out, key=lambda s: s.index), kernels


def _follow(
    step: Step, ops: Sequence[type[Op]], after: Mapping[int, Step], readers: Mapping[int, int], kept: Collection[int],
) -> Chain | None:
    parts = [step]
    for op in ops[1:]:
        (slot, *more) = parts[-1].outputs.values()
        following = after.get(slot)
        if more or following is None or type(following.op) is not op or readers[slot] > 1 or slot in kept:
            return None
        parts.append(following)
    return Chain.of(parts)


def find(step: Step, training: bool) -> Kernel | None:
    """Return the kernel of the nearest ancestor of the step's op that fits, or None."""
    for cls in type(step.op).__mro__:
        for found in KERNELS.get(cls, ()):
            if found.fits is None or found.fits(step, training):
                return found
    return None
