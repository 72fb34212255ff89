"""Losses that compare number by number: sums as dot products, and the slope kept from the forward pass."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.losses import MSE, BinaryCrossEntropy
from graphlab.engine.plan import Step
from graphlab.engine.record import Array


def real_target(step: Step, training: bool) -> bool:
    """Tell whether the target is made of real numbers."""
    target = step.specs[1]
    return target is not None and target.kind == "real"


class Compared:
    """Prediction and target as arrays that NumPy can combine, and the sum that the loss is."""

    def __init__(self, s: Site) -> None:
        self.s = s
        self.alike = s.layout("x") == s.layout("target")
        self.x, self.t = (s.raw("x"), s.raw("target")) if self.alike else (s.logical("x"), s.logical("target"))
        self.divisor = s.op.divisor(s.logical("x"))

    def fresh(self) -> Array:
        """Return memory for one number each."""
        return self.s.keep(self.s.shape("x")) if self.alike else self.s.like("x", self.s.keep(self.s.shape("x")))

    def flat(self, array: Array) -> Array:
        """Return such memory as one row."""
        return array.ravel(order="K") if array.flags.c_contiguous else self._raw(array).ravel()

    def _raw(self, array: Array) -> Array:
        return array.transpose(np.argsort([-n for n in array.strides], kind="stable"))

    def send(self, b: Back, port: str, slope: Array, factor: float = 1.0) -> None:
        """Bind the gradient of an operand: factor · slope · upstream / divisor."""
        into = b.into(port) if self.alike else b.into_logical(port)
        b.call(np.multiply, slope, bind_share(b, factor / self.divisor), out=into)


def bind_share(b: Back, factor: float) -> Array:
    """Return factor · upstream of a single number: a constant where the upstream is known, otherwise bound."""
    seed = b.seed()
    if seed is not None:
        return b.constant(factor * seed)
    share = b.scratch(())
    b.call(np.multiply, b.upstream(), b.constant(factor), out=share)
    return share


@kernel(MSE, fits=real_target)
def mse(s: Site) -> Backward:
    """Bind y = Σd²/n with d = x − t; dx = 2d/n, dt = −dx."""
    c, y = Compared(s), s.raw("y")
    d = c.fresh()
    row = c.flat(d)
    s.call(np.subtract, c.x, c.t, out=d)
    s.call(np.dot, row, row, y)
    s.call(np.multiply, y, s.constant(1.0 / c.divisor), out=y)

    def back(b: Back) -> None:
        if b.wants("x"):
            c.send(b, "x", d, 2.0)
        if b.wants("target"):
            c.send(b, "target", d, -2.0)

    return back


def from_logits(step: Step, training: bool) -> bool:
    """Tell whether a cross-entropy takes logits and a target of real numbers."""
    op = step.op
    return isinstance(op, BinaryCrossEntropy) and op.takes == "logits" and real_target(step, training)


@kernel(BinaryCrossEntropy, reads=("x",), fits=from_logits)
def binary_cross_entropy(s: Site) -> Backward:
    """Bind y = Σ(max(x, 0) + ln(1 + e^−|x|) − tx)/n; dx = (σ(x) − t)/n, dt = −x/n."""
    c, y, one = Compared(s), s.raw("y"), s.constant(1.0)
    each, t = c.fresh(), c.fresh()
    row, zeros = c.flat(each), s.constant(0.0, s.shape("x"))
    s.call(np.absolute, c.x, out=each)
    s.call(np.negative, each, out=each)
    s.call(np.exp, each, out=each)
    s.call(np.log1p, each, out=each)
    s.call(np.maximum, c.x, zeros if c.alike else s.like("x", zeros), out=t)
    s.call(np.add, each, t, out=each)
    s.call(np.multiply, c.t, c.x, out=t)
    s.call(np.subtract, each, t, out=each)
    s.call(np.dot, row, s.constant(1.0 / c.divisor, row.shape), y)

    def back(b: Back) -> None:
        if b.wants("x"):
            b.call(np.negative, c.x, out=t)
            b.call(np.exp, t, out=t)
            b.call(np.add, t, one, out=t)
            b.call(np.reciprocal, t, out=t)
            b.call(np.subtract, t, c.t, out=t)
            c.send(b, "x", t)
        if b.wants("target"):
            c.send(b, "target", c.x, -1.0)

    return back
