"""Other shapes of the same numbers: views wherever the layout allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.shape import Flatten, Reshape
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
