"""Other shapes of the same numbers: views wherever the layout allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.shape import Flatten, Reshape, Transpose
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch


def batch_stays(step: Step, training: bool) -> bool:
    """Tell whether a reshape leaves the batch axis alone."""
    x = step.specs[0]
    assert x is not None
    if not x.rank or not isinstance(x.shape[0], Batch):
        return False
    return isinstance(step.op, Flatten) or (isinstance(step.op, Reshape) and step.op.batch == "keep")


def bind_copy(call: Callable[..., None], scratch: Callable[..., Array], source: Array, to: Array) -> None:
    """Bind a copy of an array into one of another shape, in reading order; either may be a transposed view."""
    for array, other, into in ((to, source, True), (source, to, False)):
        seen = array.reshape(other.shape)
        if np.may_share_memory(seen, array):
            call(np.copyto, *((seen, other) if into else (other, seen)))
            return
    middle = scratch(source.shape, source.dtype)
    call(np.copyto, middle, source)
    call(np.copyto, to, middle.reshape(to.shape))


@kernel(Flatten, Reshape, view="x", fits=batch_stays)
def reshape(s: Site) -> Backward:
    """Bind a view of x, or a copy where its memory order is another one."""
    if s.shares("x"):
        s.alias("y", s.raw("x").reshape(s.shape("y")))
    else:
        bind_copy(s.call, s.scratch, s.logical("x"), s.logical("y"))

    def back(b: Back) -> None:
        if s.shares("x"):
            b.passes("x", b.upstream().reshape(s.shape("x")))
        else:
            bind_copy(b.call, b.scratch, b.upstream_logical(), b.into_logical("x"))

    return back


def exchanges_the_middle(step: Step, training: bool) -> bool:
    """Tell whether a transpose makes (B, H, T, d) of (B, T, H, d) or back."""
    op = step.op
    return isinstance(op, Transpose) and op.axes == (0, 2, 1, 3)


@kernel(Transpose, layout="turned", view="x", fits=exchanges_the_middle)
def exchange(s: Site) -> Backward:
    """Bind a view of the same memory, or a copy where its order does not allow it."""
    if s.shares("x"):
        s.alias("y", s.raw("x"))
    else:
        s.call(np.copyto, s.logical("y"), s.logical("x").swapaxes(1, 2))

    def back(b: Back) -> None:
        if s.shares("x"):
            b.passes("x", b.upstream())
        else:
            b.call(np.copyto, b.into_logical("x"), b.upstream_logical().swapaxes(1, 2))

    return back


@kernel(Transpose, layout="free")
def transpose(s: Site) -> Backward:
    """Bind a copy with the axes in their new order."""
    x, y = s.logical("x"), s.logical("y")
    order = s.op.order(x.ndim)
    s.call(np.copyto, y, x.transpose(order))
    return lambda b: b.call(np.copyto, b.into_logical("x").transpose(order), b.upstream_logical())
