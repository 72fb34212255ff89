"""Tensors that are joined, cut and looked up: copies between views; and those that stand for themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.likelihood import guard
from graphlab.engine.fast.site import Site
from graphlab.engine.graph import Constant, Parameter
from graphlab.engine.loop import Stack, TimeStep, ZeroState
from graphlab.engine.ops.joining import Concat, Embedding, Split
from graphlab.engine.ops.shape import Slice
from graphlab.engine.plan import Step


@kernel(Parameter, layout="first", view="value")
def parameter(s: Site) -> Backward:
    """Let the output be the stored tensor."""
    if s.shares("value"):
        s.alias("y", s.raw("value"))
    else:
        s.call(np.copyto, s.logical("y"), s.logical("value"))
    return lambda b: b.passes("value", b.upstream())


def nothing_back(b: Back) -> None:
    """Send no gradient."""


@kernel(Constant, layout="first", once=True)
def constant(s: Site) -> Backward:
    """Write the numbers once."""
    op, y = s.op, s.raw("y")
    y[...] = np.reshape(op.numbers, op.size if len(op.numbers) > 1 else ())
    return nothing_back


@kernel(ZeroState, layout="free", once=True)
def zero_state(s: Site) -> Backward:
    """Leave the memory as it is, zero."""
    s.raw("y")
    return nothing_back


def along(axis: int, part: Any) -> tuple[Any, ...]:
    """Return the index that takes a part of one axis."""
    return (slice(None),) * axis + (part,)


def real(step: Step, training: bool) -> bool:
    """Tell whether the inputs are real numbers."""
    return all(x is None or x.kind == "real" for x in step.specs)


@kernel(Concat, fits=real)
def concat(s: Site) -> Backward:
    """Bind a copy of every input into its place."""
    y = s.logical("y")
    axis, at = s.op.axis % y.ndim, 0
    places = []
    for port in s.step.inputs:
        x = s.logical(port)
        places.append((port, along(axis, slice(at, at + x.shape[axis]))))
        at += x.shape[axis]
        s.call(np.copyto, y[places[-1][1]], x)

    def back(b: Back) -> None:
        dy = b.upstream_logical()
        for port, place in places:
            if b.wants(port):
                b.call(np.copyto, b.into_logical(port), dy[place])

    return back


@kernel(Stack, layout=">first", fits=real)
def stack(s: Site) -> Backward:
    """Bind a copy of every input into its place along the second axis."""
    y = s.logical("y")
    for i in range(s.op.count):
        s.call(np.copyto, y[:, i], s.logical(f"x{i}"))

    def back(b: Back) -> None:
        dy = b.upstream_logical()
        for i in range(s.op.count):
            if b.wants(f"x{i}"):
                b.call(np.copyto, b.into_logical(f"x{i}"), dy[:, i])

    return back


@kernel(Split, fits=real)
def split(s: Site) -> Backward:
    """Bind a copy of every part."""
    x, op = s.logical("x"), s.op
    axis = op.axis % x.ndim
    each = x.shape[axis] // op.count
    places = {f"y{i}": along(axis, slice(i * each, (i + 1) * each)) for i in range(op.count)}
    for name, place in places.items():
        s.call(np.copyto, s.logical(name), x[place])

    def back(b: Back) -> None:
        dx = b.into_logical("x")
        for name, place in places.items():
            b.call(np.copyto, dx[place], b.upstream_logical(name))

    return back


@kernel(Slice, fits=real)
def cut(s: Site) -> Backward:
    """Bind a copy of the range."""
    x = s.logical("x")
    where = s.op.where(x)
    s.call(np.copyto, s.logical("y"), x[where])
    return lambda b: b.add_part("x", where, b.upstream_logical())


@kernel(TimeStep, layout="free", fits=real)
def time_step(s: Site) -> Backward:
    """Bind a copy of one step of a sequence."""
    x, t = s.logical("x"), s.op.t
    s.call(np.copyto, s.logical("y"), x[:, t])
    return lambda b: b.add_part("x", (slice(None), t), b.upstream_logical())


@kernel(Embedding, layout="first")
def embedding(s: Site) -> Backward:
    """Bind a copy of the rows that are looked up; a row that was taken twice receives the sum."""
    index, table, y = s.logical("index"), s.raw("E", "first"), s.raw("y")
    s.call(guard, index, index.view(np.uint64), len(table), f"{s.op.title} ‘{s.step.node.name}’")
    s.call(np.take, table, index, axis=0, out=y, mode="clip")

    def back(b: Back) -> None:
        into = b.into("E", "first")
        b.call(into.fill, 0)
        b.call(np.add.at, into, index, b.upstream())

    return back
