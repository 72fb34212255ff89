"""Normalisation: sums over rows by matrix products with ones, everything else in place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch

Bind = Callable[..., None]


class Channels:
    """A value as a matrix with one channel a row, or one a column where channels lie innermost."""

    def __init__(self, s: Site) -> None:
        self.s = s
        self.rows = s.layout("y") == "last"
        self.count = s.logical("y").shape[1]
        self.m = s.raw("y").size // self.count

    def matrix(self, raw: Array) -> Array:
        """Return an array in the memory order of y as that matrix."""
        return raw.reshape(self.count, -1) if self.rows else raw.reshape(-1, self.count)

    def spread(self, vector: Array) -> Array:
        """Return one number a channel so that it combines with the matrix."""
        return vector[:, None] if self.rows else vector

    def mean(self, call: Bind, matrix: Array, out: Array) -> None:
        """Bind the mean of every channel."""
        self.dot(call, matrix, self.s.constant(1.0 / self.m, (self.m,)), out)

    def dot(self, call: Bind, matrix: Array, weights: Array, out: Array) -> None:
        """Bind the weighted sum of every channel."""
        if self.rows:
            call(np.dot, matrix, weights, out)
        else:
            call(np.dot, weights, matrix, out)


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


@kernel(BatchNorm, layout="last|hnwc", over=("x",), fits=learns)
def batch_norm(s: Site) -> Backward:
    """Bind y = c·γ/√(var + ε) + β with c = x − μ; dx = k·(dy − mean(dy) − c·mean(dy·c)/(var + ε)), k = γ/√(var + ε)."""
    op, of = s.op, Channels(s)
    x, y = of.matrix(s.raw("x", s.layout("y"))), of.matrix(s.raw("y"))
    gamma, beta = s.raw("gamma"), s.raw("beta")
    stats = s.keep((2, of.count))
    mu, var = stats
    inverse, scale, centred = s.keep((of.count,)), s.keep((of.count,)), s.keep(x.shape)
    t = s.scratch(x.shape)
    of.mean(s.call, x, mu)
    s.call(np.subtract, x, of.spread(mu), out=centred)
    s.call(np.multiply, centred, centred, out=t)
    of.mean(s.call, t, var)
    s.call(np.add, var, s.constant(op.eps), out=inverse)
    s.call(np.sqrt, inverse, out=inverse)
    s.call(np.reciprocal, inverse, out=inverse)
    s.call(np.multiply, gamma, inverse, out=scale)
    s.call(np.multiply, centred, of.spread(scale), out=y)
    s.call(np.add, y, of.spread(beta), out=y)
    if s.stored("mean") and s.stored("var"):
        bind_memories(s, stats, of.m)

    def back(b: Back) -> None:
        dy, t = of.matrix(b.upstream()), b.scratch(x.shape)
        dgamma = b.into("gamma") if b.wants("gamma") else b.scratch((of.count,))
        dbeta = b.into("beta") if b.wants("beta") else b.scratch((of.count,))
        ones = b.constant(1.0, (of.m,))
        of.dot(b.call, dy, ones, dbeta)
        b.call(np.multiply, dy, centred, out=t)
        of.dot(b.call, t, ones, dgamma)
        b.call(np.multiply, dgamma, inverse, out=dgamma)
        if b.wants("x"):
            a, share = b.scratch((of.count,)), b.constant(1.0 / of.m)
            b.call(np.multiply, dgamma, inverse, out=a)
            b.call(np.multiply, a, share, out=a)
            b.call(np.multiply, centred, of.spread(a), out=t)
            b.call(np.multiply, dbeta, share, out=a)
            dx = of.matrix(b.into("x", s.layout("y"), over="y"))
            b.call(np.subtract, dy, t, out=dx)
            b.call(np.subtract, dx, of.spread(a), out=dx)
            b.call(np.multiply, dx, of.spread(scale), out=dx)

    return back


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


@kernel(BatchNorm, reads=("x",), layout="last|hnwc", over=("x",), fits=rests)
def batch_norm_at_rest(s: Site) -> Backward:
    """Bind y = (x − mean)·k + β with k = γ/√(var + ε) from the running statistics; dx = k·dy."""
    of = Channels(s)
    x, y = of.matrix(s.raw("x", s.layout("y"))), of.matrix(s.raw("y"))
    inverse, scale, mean = s.keep((of.count,)), s.keep((of.count,)), s.raw("mean")
    s.call(np.add, s.raw("var"), s.constant(s.op.eps), out=inverse)
    s.call(np.sqrt, inverse, out=inverse)
    s.call(np.reciprocal, inverse, out=inverse)
    s.call(np.multiply, s.raw("gamma"), inverse, out=scale)
    s.call(np.subtract, x, of.spread(mean), out=y)
    s.call(np.multiply, y, of.spread(scale), out=y)
    s.call(np.add, y, of.spread(s.raw("beta")), out=y)

    def back(b: Back) -> None:
        dy, ones = of.matrix(b.upstream()), b.constant(1.0, (of.m,))
        if b.wants("beta"):
            of.dot(b.call, dy, ones, b.into("beta"))
        if b.wants("gamma"):
            t, dgamma = b.scratch(x.shape), b.into("gamma")
            b.call(np.subtract, x, of.spread(mean), out=t)
            b.call(np.multiply, t, dy, out=t)
            of.dot(b.call, t, ones, dgamma)
            b.call(np.multiply, dgamma, inverse, out=dgamma)
        if b.wants("x"):
            b.call(np.multiply, dy, of.spread(scale), out=of.matrix(b.into("x", s.layout("y"), over="y")))

    return back
