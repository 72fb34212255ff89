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
    x, y = s.raw("x"), s.raw("y")
    n = s.op.divisor(s.logical("x"))
    d = s.keep(x.shape)
    s.call(np.subtract, x, s.raw("target", s.layout("x")), out=d)
    s.call(np.dot, d.reshape(-1), d.reshape(-1), y)
    s.call(np.multiply, y, s.constant(1.0 / n), out=y)

    def back(b: Back) -> None:
        for port, factor in (("x", 2.0), ("target", -2.0)):
            if b.wants(port):
                b.call(np.multiply, d, bind_share(b, factor / n), out=b.into(port, s.layout("x")))

    return back


def from_logits(step: Step, training: bool) -> bool:
    """Tell whether a cross-entropy takes logits and a target of real numbers."""
    op = step.op
    return isinstance(op, BinaryCrossEntropy) and op.takes == "logits" and real_target(step, training)


def bind_sigmoid(b: Site | Back, x: Array, out: Array) -> None:
    """Bind σ(x) = 1/(1 + e⁻ˣ), where an infinite e⁻ˣ rightly gives 0."""
    b.call(np.negative, x, out=out)
    b.call(np.exp, out, out=out)
    b.call(np.add, out, b.constant(1.0), out=out)
    b.call(np.reciprocal, out, out=out)


def bind_softplus(s: Site, x: Array, slope: float) -> Array:
    """Bind ln(1 + eˣ) − slope·x = max(x, 0) + ln(1 + e^−|x|) − slope·x, and return it (for the calls at hand)."""
    out, t = s.scratch(x.shape), s.scratch(x.shape)
    s.call(np.absolute, x, out=out)
    s.call(np.negative, out, out=out)
    s.call(np.exp, out, out=out)
    s.call(np.log1p, out, out=out)
    s.call(np.maximum, x, s.constant(0.0, x.shape), out=t)
    s.call(np.add, out, t, out=out)
    if slope:
        s.call(np.multiply, x, s.constant(slope), out=t)
        s.call(np.subtract, out, t, out=out)
    return out


@kernel(BinaryCrossEntropy, reads=("x",), fits=from_logits)
def binary_cross_entropy(s: Site) -> Backward:
    """Bind y = Σ(softplus(x) − tx)/n; dx = (σ(x) − t)/n, dt = −x/n."""
    x, y = s.raw("x"), s.raw("y")
    t = s.raw("target", s.layout("x"))
    n = s.op.divisor(s.logical("x"))
    each, product = bind_softplus(s, x, 0.0), s.scratch(x.shape)
    s.call(np.multiply, t, x, out=product)
    s.call(np.subtract, each, product, out=each)
    s.call(np.dot, each.reshape(-1), s.constant(1.0 / n, (each.size,)), y)

    def back(b: Back) -> None:
        if b.wants("x"):
            into = b.into("x")
            bind_sigmoid(b, x, into)
            b.call(np.subtract, into, t, out=into)
            b.call(np.multiply, into, bind_share(b, 1.0 / n), out=into)
        if b.wants("target"):
            b.call(np.multiply, x, bind_share(b, -1.0 / n), out=b.into("target", s.layout("x")))

    return back
