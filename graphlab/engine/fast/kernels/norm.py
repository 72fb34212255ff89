"""Normalisation: sums over rows by matrix products with ones, everything else in place."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, chain_kernel, kernel
from graphlab.engine.fast.kernels.elementwise import bind_gate
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch


class Channels:
    """A value with the batch innermost as (before, channels, behind): rows of features, or pictures (H, C, W·N)."""

    def __init__(self, s: Site) -> None:
        y = s.raw("y")
        self.count = y.shape[1] if y.ndim == 4 else y.shape[0]
        self.before = y.shape[0] if y.ndim == 4 else 1
        self.behind = y.size // (self.count * self.before)
        self.m = self.before * self.behind

    def matrix(self, raw: Array) -> Array:
        """Return an array in the memory order of y in that shape."""
        return raw.reshape(self.before, self.count, self.behind)

    def sum(self, b: Site | Back, x: Array, weight: float, out: Array) -> None:
        """Bind the sum of every channel times a weight."""
        if self.before == 1:
            b.call(np.dot, x[0], b.constant(weight, (self.behind,)), out)
            return
        parts = b.scratch((self.before, self.count))
        b.call(np.dot, x.reshape(-1, self.behind), b.constant(1.0, (self.behind,)), parts.reshape(-1))
        b.call(np.dot, b.constant(weight, (self.before,)), parts, out)

    def product(self, b: Site | Back, x: Array, z: Array, weight: float, out: Array) -> None:
        """Bind the sum of x·z of every channel times a weight."""
        if self.before == 1:
            t = b.scratch(x.shape)
            b.call(np.multiply, x, z, out=t)
            self.sum(b, t, weight, out)
        else:
            parts = b.scratch((self.before, self.count))
            b.call(np.vecdot, x, z, out=parts)
            b.call(np.dot, b.constant(weight, (self.before,)), parts, out)

    def spread(self, b: Site | Back, vector: Array) -> Array:
        """Return one number a channel so that it combines with (before, channels, behind).

        Where it is repeated more than once, it is written out first: equal shapes are combined twice as fast.
        """
        if self.before == 1:
            return vector[:, None]
        wide = b.scratch((self.count, self.behind))
        b.call(np.copyto, wide, vector[:, None])
        return wide


def pictures_or_rows(step: Step) -> bool:
    """Tell whether the first axis is the batch."""
    x = step.specs[0]
    return x is not None and isinstance(x.shape[0], Batch) and x.rank in (2, 4)


def learns(step: Step, training: bool) -> bool:
    """Tell whether the batch's own statistics count."""
    return training and pictures_or_rows(step)


def rests(step: Step, training: bool) -> bool:
    """Tell whether the running statistics count."""
    return not training and pictures_or_rows(step)


@kernel(BatchNorm, layout="last", over=("x",), fits=learns)
def batch_norm(s: Site) -> Backward:
    """Bind y = c·k + β with c = x − μ and k = γ/√(var + ε); dx = k·(dy − mean(dy) − c·mean(dy·c)/(var + ε))."""
    return bind_batch_norm(s, False)


@chain_kernel(BatchNorm, ReLU, reads=("y",), layout="last", fits=learns)
def batch_norm_relu(s: Site) -> Backward:
    """Bind the same with a ReLU behind, while the numbers are at hand."""
    return bind_batch_norm(s, True)


def bind_batch_norm(s: Site, relu: bool) -> Backward:
    """Bind batch normalisation in training."""
    of = Channels(s)
    x, y = of.matrix(s.raw("x", "last")), of.matrix(s.raw("y"))
    stats, inverse, scale = s.keep((2, of.count)), s.keep((of.count,)), s.keep((of.count,))
    mu, var = stats
    c = s.keep(x.shape)
    of.sum(s, x, 1.0 / of.m, mu)
    s.call(np.subtract, x, of.spread(s, mu), out=c)
    of.product(s, c, c, 1.0 / of.m, var)
    bind_scale(s, var, inverse, scale)
    s.call(np.multiply, c, of.spread(s, scale), out=y)
    s.call(np.add, y, of.spread(s, s.raw("beta")), out=y)
    if relu:
        s.call(np.maximum, y, s.constant(0.0, y.shape), out=y)
    if s.stored("mean") and s.stored("var"):
        bind_memories(s, stats, of.m)

    def back(b: Back) -> None:
        dy = of.matrix(b.upstream())
        dx = of.matrix(b.into("x", "last", over="y")) if b.wants("x") else None
        if relu:
            gated = b.scratch(x.shape) if dx is None else dx
            bind_gate(b, y, dy, gated)
            dy = gated
        dbeta = b.into("beta") if b.wants("beta") else b.scratch((of.count,))
        dgamma = b.into("gamma") if b.wants("gamma") else b.scratch((of.count,))
        of.sum(b, dy, 1.0, dbeta)
        of.product(b, dy, c, 1.0, dgamma)
        b.call(np.multiply, dgamma, inverse, out=dgamma)
        if dx is None:
            return
        share, mean, slope, t = b.constant(1.0 / of.m), b.scratch(mu.shape), b.scratch(mu.shape), b.scratch(x.shape)
        b.call(np.multiply, dbeta, share, out=mean)
        b.call(np.multiply, dgamma, inverse, out=slope)
        b.call(np.multiply, slope, share, out=slope)
        b.call(np.multiply, c, of.spread(b, slope), out=t)
        b.call(np.subtract, dy, t, out=dx)
        b.call(np.subtract, dx, of.spread(b, mean), out=dx)
        b.call(np.multiply, dx, of.spread(b, scale), out=dx)

    return back


def bind_scale(s: Site, var: Array, inverse: Array, scale: Array) -> None:
    """Bind inverse = 1/√(var + ε) and scale = γ·inverse."""
    s.call(np.add, var, s.constant(s.op.eps), out=inverse)
    s.call(np.sqrt, inverse, out=inverse)
    s.call(np.reciprocal, inverse, out=inverse)
    s.call(np.multiply, s.raw("gamma"), inverse, out=scale)


def bind_memories(s: Site, stats: Array, m: int) -> None:
    """Bind memory ← (1 − rate)·memory + rate·[μ; var], the variance times m/(m−1) where the op says so."""
    op, n = s.op, stats.shape[1]
    rate = op.momentum if op.momentum_of == "batch" else 1.0 - op.momentum
    rates = s.keep(stats.shape)
    rates[...] = rate
    if op.running == "m-1" and m > 1:
        rates[1] *= m / (m - 1)
    t, stay = s.keep(stats.shape), s.constant(1.0 - rate)
    joined = [(s.joined("mean", "var").reshape(2, n), slice(None))] if s.neighbours("mean", "var") else [
        (s.raw("mean"), 0), (s.raw("var"), 1)]
    s.remember(np.multiply, stats, rates, out=t)
    for memory, part in joined:
        s.remember(np.multiply, memory, stay, out=memory)
        s.remember(np.add, memory, t[part], out=memory)


@kernel(BatchNorm, reads=("x",), layout="last", fits=rests)
def batch_norm_at_rest(s: Site) -> Backward:
    """Bind y = (x − mean)·k + β with k = γ/√(var + ε) from the running statistics; dx = k·dy."""
    of = Channels(s)
    x, y = of.matrix(s.raw("x", "last")), of.matrix(s.raw("y"))
    inverse, scale, mean = s.keep((of.count,)), s.keep((of.count,)), s.raw("mean")
    bind_scale(s, s.raw("var"), inverse, scale)
    s.call(np.subtract, x, of.spread(s, mean), out=y)
    s.call(np.multiply, y, of.spread(s, scale), out=y)
    s.call(np.add, y, of.spread(s, s.raw("beta")), out=y)

    def back(b: Back) -> None:
        dy = of.matrix(b.upstream())
        if b.wants("beta"):
            of.sum(b, dy, 1.0, b.into("beta"))
        if b.wants("gamma"):
            t, dgamma = b.scratch(x.shape), b.into("gamma")
            b.call(np.subtract, x, of.spread(b, mean), out=t)
            of.product(b, t, dy, 1.0, dgamma)
            b.call(np.multiply, dgamma, inverse, out=dgamma)
        if b.wants("x"):
            b.call(np.multiply, dy, of.spread(b, scale), out=of.matrix(b.into("x", "last", over="y")))

    return back
