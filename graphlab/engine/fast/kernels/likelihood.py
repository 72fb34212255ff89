"""Softmax and cross-entropy as one: the probabilities stay unnormalised until the gradient needs them."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.losses import bind_share
from graphlab.engine.fast.layout import axes
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.common import check_labels
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.run import RunError


def one_number(step: Step, training: bool) -> bool:
    """Tell whether the loss is one number for the whole batch."""
    op, x = step.op, step.specs[0]
    return isinstance(op, SoftmaxCrossEntropy) and op.mean != "single" and x is not None and x.rank >= 2


class Scores:
    """The scores in memory order as (before, classes, behind), and the sum that the loss divides by."""

    def __init__(self, s: Site) -> None:
        spec = s.step.specs[0]
        assert spec is not None
        x, axis = s.raw("x"), s.op.axis % spec.rank
        place = axes(s.layout("x"), spec).index(axis)
        self.classes = x.shape[place]
        before = int(np.prod(x.shape[:place]))
        self.shape = (before, self.classes, x.size // (before * self.classes))
        self.rows = x.size // self.classes
        self.divisor = self.rows if s.op.mean == "mean" else 1
        places = s.like("x", np.arange(x.size).reshape(x.shape))
        #: Where the first class of each row lies in memory, in the target's shape, and how far the next one is.
        self.first = np.ascontiguousarray(places.take(0, axis=axis))
        self.step = self.shape[2]
        self.x = x.reshape(self.shape)

    def row(self) -> tuple[int, int, int]:
        """Return the shape of one number a row."""
        return (self.shape[0], 1, self.shape[2])


def guard(labels: Array, unsigned: Array, classes: int, name: str) -> None:
    """Raise `RunError` where a label names no class; negative ones are huge as unsigned numbers."""
    if unsigned.size and unsigned.max() >= classes:
        try:
            check_labels(labels, classes)
        except ValueError as e:
            raise RunError(f"{name} could not run: {e}.") from e


@kernel(SoftmaxCrossEntropy, fits=one_number)
def softmax_cross_entropy(s: Site) -> Backward:
    """Bind p ∝ e^z with z = x − max x; y = Σ(ln Σe^z − z_t)/n; dx = (p − t)/n."""
    c = Scores(s)
    z, p = s.keep(c.shape), s.keep(c.shape)
    total, log = s.keep(c.row()), s.keep(c.row())
    s.call(np.maximum.reduce, c.x, axis=1, keepdims=True, out=log)
    s.call(np.subtract, c.x, log, out=z)
    s.call(np.exp, z, out=p)
    if c.shape[0] == 1:
        s.call(np.dot, s.constant(1.0, (c.classes,)), p[0], total.reshape(-1))
    else:
        s.call(np.add.reduce, p, axis=1, keepdims=True, out=total)
    s.call(np.log, total, out=log)
    target = s.step.specs[1]
    assert target is not None
    return labelled(s, c, z, p, total, log) if target.kind == "index" else weighted(s, c, z, p, total, log)


def labelled(s: Site, c: Scores, z: Array, p: Array, total: Array, log: Array) -> Backward:
    """Bind the loss of labels that are whole numbers."""
    y, labels = s.raw("y"), s.logical("target")
    index, picked = s.keep(labels.shape, np.int64), s.keep(labels.shape)
    name = f"{s.op.title} ‘{s.step.node.name}’"
    s.call(guard, labels, labels.view(np.uint64), c.classes, name)
    s.call(np.multiply, labels, np.int64(c.step), out=index)
    s.call(np.add, index, c.first, out=index)
    s.call(np.take, z, index, out=picked, mode="clip")
    share = s.constant(1.0 / c.divisor, (c.rows,))
    if labels.ndim == 1:  # both lie in the order of the samples
        s.call(np.subtract, log.ravel(), picked, out=picked)
        s.call(np.dot, picked, share, y)
    else:
        ends = [s.keep(()), s.keep(())]
        s.call(np.dot, log.ravel(), share, ends[0])
        s.call(np.dot, picked.ravel(), share, ends[1])
        s.call(np.subtract, *ends, out=y)

    def back(b: Back) -> None:
        each, scale = bind_share(b, 1.0 / c.divisor), b.scratch(c.row())
        dx = b.into("x").reshape(c.shape)
        b.call(np.divide, each, total, out=scale)
        b.call(np.multiply, p, scale, out=dx)
        b.call(np.take, dx, index, out=picked, mode="clip")
        b.call(np.subtract, picked, each, out=picked)
        b.call(np.put, dx, index, picked)

    return back


def weighted(s: Site, c: Scores, z: Array, p: Array, total: Array, log: Array) -> Backward:
    """Bind the loss of targets that are rows of real numbers, such as one-hot ones."""
    y, t = s.raw("y"), s.raw("target", s.layout("x")).reshape(c.shape)
    sums, ends = s.keep(c.row()), s.keep((2,))
    # A score of −∞ must not meet a target of 0: their product would be no number.
    s.call(np.maximum, z, s.constant(float(np.finfo(s.dtype).min), c.shape), out=z)
    s.call(np.add.reduce, t, axis=1, keepdims=True, out=sums)
    s.call(np.dot, log.ravel(), sums.ravel(), ends[0:1].reshape(()))
    s.call(np.dot, z.ravel(), t.ravel(), ends[1:2].reshape(()))
    s.call(np.subtract, ends[0:1].reshape(()), ends[1:2].reshape(()), out=y)
    s.call(np.multiply, y, s.constant(1.0 / c.divisor), out=y)

    def back(b: Back) -> None:
        each = bind_share(b, 1.0 / c.divisor)
        if b.wants("x"):
            scale = b.scratch(c.row())
            dx = b.into("x").reshape(c.shape)
            b.call(np.divide, sums, total, out=scale)
            b.call(np.multiply, p, scale, out=dx)
            b.call(np.subtract, dx, t, out=dx)
            b.call(np.multiply, dx, each, out=dx)
        if b.wants("target"):
            dt = b.into("target", s.layout("x")).reshape(c.shape)
            b.call(np.subtract, log, z, out=dt)
            b.call(np.multiply, dt, each, out=dt)

    return back
