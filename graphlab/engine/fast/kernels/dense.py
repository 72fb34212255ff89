"""Dense layers: samples along rows of memory, the bias as one more row of the weights."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.layers import Linear
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch


def rows_of_samples(step: Step, training: bool) -> bool:
    """Tell whether the input is one row of features for every sample."""
    x = step.specs[0]
    return x is not None and x.rank == 2 and isinstance(x.shape[0], Batch)


@kernel(Linear, reads=("x", "W"), layout="last", tail="x", fits=rows_of_samples)
def dense(s: Site) -> Backward:
    """Compute yᵀ = [W; b]ᵀ [xᵀ; 1] for (features, samples), where the stored b follows W; else yᵀ = Wᵀxᵀ + b."""
    y, w = s.raw("y"), s.raw("W")
    if not (s.has("b") and s.neighbours("W", "b")):
        return dense_without_joint_bias(s)
    x, wb = s.with_ones("x"), s.joined("W", "b").reshape(w.shape[0] + 1, w.shape[1])
    s.call(np.dot, wb.T, x, y)

    def back(b: Back) -> None:
        dy = b.upstream()
        joined = b.into_joined("W", "b")
        if joined is not None:
            b.call(np.dot, x, dy.T, joined.reshape(wb.shape))
        else:
            weight_gradients(b, x[:-1], dy)
        if b.wants("x"):
            b.call(np.dot, w, dy, b.into("x", "last"))

    return back


def dense_without_joint_bias(s: Site) -> Backward:
    """Compute yᵀ = Wᵀxᵀ + b with weights from anywhere."""
    x, y, w = s.raw("x", "last"), s.raw("y"), s.raw("W", "first")
    s.call(np.dot, w.T, x, y)
    if s.has("b"):
        s.call(np.add, y, s.raw("b")[:, None], out=y)

    def back(b: Back) -> None:
        dy = b.upstream()
        weight_gradients(b, x, dy)
        if b.wants("x"):
            b.call(np.dot, w, dy, b.into("x", "last"))

    return back


def weight_gradients(b: Back, x: Array, dy: Array) -> None:
    """Bind dW = x dyᵀ and db = Σ dy, one by one."""
    if b.wants("W"):
        b.call(np.dot, x, dy.T, b.into("W", "first"))
    if b.wants("b"):
        b.call(np.dot, dy, b.constant(1.0, (dy.shape[1],)), b.into("b"))


@kernel(Linear, reads=("x", "W"), layout="first")
def dense_rows(s: Site) -> Backward:
    """Compute y = xW + b for sequences (B, T, n), as one matrix of B·T rows."""
    x, y, w = s.raw("x", "first"), s.raw("y"), s.raw("W", "first")
    n, m = w.shape
    rows, out = x.reshape(-1, n), y.reshape(-1, m)
    s.call(np.dot, rows, w, out)
    if s.has("b"):
        s.call(np.add, out, s.raw("b"), out=out)

    def back(b: Back) -> None:
        dy = b.upstream().reshape(-1, m)
        if b.wants("W"):
            b.call(np.dot, rows.T, dy, b.into("W", "first"))
        if b.wants("b"):
            b.call(np.dot, b.constant(1.0, (len(dy),)), dy, b.into("b"))
        if b.wants("x"):
            b.call(np.dot, dy, w.T, b.into("x", "first").reshape(-1, n))

    return back
