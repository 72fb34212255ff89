"""Relatives of ReLU."""

from __future__ import annotations

import math

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.losses import bind_sigmoid, bind_softplus
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.rectifiers import GELU, LeakyReLU, ReLU6, Softplus
from graphlab.engine.plan import Step


def gentle(step: Step, training: bool) -> bool:
    """Tell whether a leaky rectifier's slope lies between 0 and 1, so that it is a maximum."""
    op = step.op
    return isinstance(op, LeakyReLU) and 0 < op.slope < 1


@kernel(LeakyReLU, reads=("x",), fits=gentle)
def leaky_relu(s: Site) -> Backward:
    """Bind y = max(x, ax); dx = dy·(a + (1 − a)·(x > 0))."""
    x, y, a = s.raw("x"), s.raw("y"), s.op.slope
    s.call(np.multiply, x, s.constant(a), out=y)
    s.call(np.maximum, x, y, out=y)

    def back(b: Back) -> None:
        mask, slope = b.scratch(x.shape, np.bool_), b.scratch(x.shape)
        b.call(np.greater, x, b.constant(0.0), out=mask)
        b.call(np.multiply, mask, b.constant(1.0 - a), out=slope)
        b.call(np.add, slope, b.constant(a), out=slope)
        b.call(np.multiply, b.upstream(), slope, out=b.into("x", over="y"))

    return back


@kernel(ReLU6, reads=("x",))
def relu6(s: Site) -> Backward:
    """Bind y = min(max(x, 0), 6); dx = dy where 0 < x < 6."""
    x, y = s.raw("x"), s.raw("y")
    s.call(np.maximum, x, s.constant(0.0, x.shape), out=y)
    s.call(np.minimum, y, s.constant(6.0, x.shape), out=y)

    def back(b: Back) -> None:
        above, below = b.scratch(x.shape, np.bool_), b.scratch(x.shape, np.bool_)
        b.call(np.greater, x, b.constant(0.0), out=above)
        b.call(np.less, x, b.constant(6.0), out=below)
        b.call(np.logical_and, above, below, out=above)
        b.call(np.multiply, b.upstream(), above, out=b.into("x", over="y"))

    return back


@kernel(Softplus, reads=("x",))
def softplus(s: Site) -> Backward:
    """Bind dx = dy·σ(x)."""
    x = s.raw("x")
    s.call(np.copyto, s.raw("y"), bind_softplus(s, x, 0.0))

    def back(b: Back) -> None:
        t = b.scratch(x.shape)
        bind_sigmoid(b, x, t)
        b.call(np.multiply, b.upstream(), t, out=b.into("x", over="y"))

    return back


def approximate(step: Step, training: bool) -> bool:
    """Tell whether a GELU is the approximation through tanh."""
    op = step.op
    return isinstance(op, GELU) and op.form == "tanh"


@kernel(GELU, reads=("x",), fits=approximate)
def gelu(s: Site) -> Backward:
    """Bind y = ½x(1 + t), t = tanh(k(x + ax³)); dx = dy·½(1 + t + x(1 − t²)·k(1 + 3ax²))."""
    x, y = s.raw("x"), s.raw("y")
    k, a, one, half = math.sqrt(2.0 / math.pi), 0.044715, s.constant(1.0), s.constant(0.5)
    t, square = s.keep(x.shape), s.scratch(x.shape)
    s.call(np.multiply, x, x, out=square)
    s.call(np.multiply, square, s.constant(k * a), out=t)
    s.call(np.add, t, s.constant(k), out=t)
    s.call(np.multiply, t, x, out=t)
    s.call(np.tanh, t, out=t)
    s.call(np.add, t, one, out=y)
    s.call(np.multiply, y, x, out=y)
    s.call(np.multiply, y, half, out=y)

    def back(b: Back) -> None:
        u, v = b.scratch(x.shape), b.scratch(x.shape)
        b.call(np.multiply, x, x, out=u)
        b.call(np.multiply, u, b.constant(3.0 * k * a), out=u)
        b.call(np.add, u, b.constant(k), out=u)
        b.call(np.multiply, u, x, out=u)
        b.call(np.multiply, t, t, out=v)
        b.call(np.subtract, one, v, out=v)
        b.call(np.multiply, u, v, out=u)
        b.call(np.add, u, t, out=u)
        b.call(np.add, u, one, out=u)
        b.call(np.multiply, u, half, out=u)
        b.call(np.multiply, b.upstream(), u, out=b.into("x", over="y"))

    return back
