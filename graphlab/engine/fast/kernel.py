"""Kernels: how an op becomes calls on preallocated arrays. They attach to op classes from outside.

A kernel binds the calls of one forward pass and returns a function that binds those of the backward pass. An op
without one, or with a configuration that its kernel does not fit, runs its own plain forward and backward.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from graphlab.engine.op import Op
from graphlab.engine.plan import Step

if TYPE_CHECKING:
    from graphlab.engine.fast.backward import Back
    from graphlab.engine.fast.site import Site

Backward = Callable[["Back"], None]
Bind = Callable[["Site"], Backward]
Fits = Callable[[Step, bool], bool]
B = TypeVar("B", bound=Bind)


@dataclass(frozen=True)
class Kernel:
    """How the steps of an op class are bound.

    ``reads`` names the inputs and outputs whose values the backward pass needs (None: all of them); what nobody
    needs may be overwritten. ``layout`` is the memory order of the data it takes and gives (see
    `graphlab.engine.fast.layout`), or several of which it gives the one that it takes ("last|hnwc"): "same" takes
    any, "free" gives what is asked for, whatever it takes. ``over`` names inputs whose
    memory the output may take over, ``view`` the input that the output is another shape of, ``tail`` the input
    that should be followed in memory by a row of ones. ``fits`` tells from a step, and whether it trains,
    whether the kernel can run it.
    """

    bind: Bind
    reads: frozenset[str] | None = frozenset()
    layout: str = "same"
    over: tuple[str, ...] = ()
    view: str = ""
    tail: str = ""
    fits: Fits | None = None

    def keeps(self, name: str) -> bool:
        """Tell whether the backward pass needs the value called ``name``."""
        return self.reads is None or name in self.reads


KERNELS: dict[type[Op], list[Kernel]] = {}


def kernel(
    *ops: type[Op], reads: Collection[str] = (), layout: str = "same", over: tuple[str, ...] = (), view: str = "",
    tail: str = "", fits: Fits | None = None,
) -> Callable[[B], B]:
    """Attach a kernel to op classes; see `Kernel`. Of several for one class the first that fits is taken."""

    def attach(bind: B) -> B:
        for op in ops:
            KERNELS.setdefault(op, []).append(Kernel(bind, frozenset(reads), layout, over, view, tail, fits))
        return bind

    return attach


def find(step: Step, training: bool) -> Kernel | None:
    """Return the kernel of the nearest ancestor of the step's op that fits, or None."""
    for cls in type(step.op).__mro__:
        for found in KERNELS.get(cls, ()):
            if found.fits is None or found.fits(step, training):
                return found
    return None
