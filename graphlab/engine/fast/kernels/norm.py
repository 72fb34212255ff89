"""Normalisation: sums over rows by matrix products with ones, everything else in place."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch


class Channels:
    """A value with the batch innermost as (before, channels, behind): rows of features, or pictures (H, C, W, N)."""

    def __init__(self, s: Site) -> None:
        y = s.raw("y")
        self.count = y.shape[1] if y.ndim == 4 else y.shape[0]
        self.before = y.shape[0] if y.ndim == 4 else 1
        self.behind = y.size // (self.count * self.before)
        self.m = self.before * self.behind
        self.behind_ones = s.constant(1.0, (self.behind,))

    def matrix(self, raw: Array) -> Array:
        """Return an array in the memory order of y in that shape; without a leading axis of 1."""
        return raw.reshape(self.count, -1) if self.before == 1 else raw.reshape(self.before, self.count, -1)

    def sum(self, b: Site | Back, matrix: Array, weight: float, out: Array) -> None:
        """Bind the sum of every channel times a weight."""
        if self.before == 1:
            b.call(np.dot, matrix, b.constant(weight, (self.behind,)), out)
            return
        part = b.scratch((self.before, self.count))
        b.call(np.dot, matrix.reshape(-1, self.behind), self.behind_ones, part.reshape(-1))
        b.call(np.dot, b.constant(weight, (self.before,)), part, out)

    @staticmethod
    def spread(vector: Array) -> Array:
        """Return one number a channel so that it combines with the matrix."""
        return vector[:, None]


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
    """Bind y = c·γ/√(var + ε) + β with c = x − μ; dx = k·(dy − mean(dy) − c·mean(dy·c)/(var + ε)), k = γ/√(var + ε)."""
    op, of = s.op, Channels(s)
    x, y = of.matrix(s.raw("x", "last")), of.matrix(s.raw("y"))
    gamma, beta = s.raw("gamma"), s.raw("beta")
    stats = s.keep((2, of.count))
    mu, var = stats
    inverse, scale, centred = s.keep((of.count,)), s.keep((of.count,)), s.keep(x.shape)
    t = s.scratch(x.shape)
    of.sum(s, x, 1.0 / of.m, mu)
    s.call(np.subtract, x, of.spread(mu), out=centred)
    s.call(np.multiply, centred, centred, out=t)
    of.sum(s, t, 1.0 / of.m, var)
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
        of.sum(b, dy, 1.0, dbeta)
        b.call(np.multiply, dy, centred, out=t)
        of.sum(b, t, 1.0, dgamma)
        b.call(np.multiply, dgamma, inverse, out=dgamma)
        if b.wants("x"):
            a, share = b.scratch((of.count,)), b.constant(1.0 / of.m)
            b.call(np.multiply, dgamma, inverse, out=a)
            b.call(np.multiply, a, share, out=a)
            b.call(np.multiply, centred, of.spread(a), out=t)
            b.call(np.multiply, dbeta, share, out=a)
            dx = of.matrix(b.into("x", "last", over="y"))
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


@kernel(BatchNorm, reads=("x",), layout="last", over=("x",), fits=rests)
def batch_norm_at_rest(s: Site) -> Backward:
    """Bind y = (x − mean)·k + β with k = γ/√(var + ε) from the running statistics; dx = k·dy."""
    of = Channels(s)
    x, y = of.matrix(s.raw("x", "last")), of.matrix(s.raw("y"))
    inverse, scale, mean = s.keep((of.count,)), s.keep((of.count,)), s.raw("mean")
    s.call(np.add, s.raw("var"), s.constant(s.op.eps), out=inverse)
    s.call(np.sqrt, inverse, out=inverse)
    s.call(np.reciprocal, inverse, out=inverse)
    s.call(np.multiply, s.raw("gamma"), inverse, out=scale)
    s.call(np.subtract, x, of.spread(mean), out=y)
    s.call(np.multiply, y, of.spread(scale), out=y)
    s.call(np.add, y, of.spread(s.raw("beta")), out=y)

    def back(b: Back) -> None:
        dy = of.matrix(b.upstream())
        if b.wants("beta"):
            of.sum(b, dy, 1.0, b.into("beta"))
        if b.wants("gamma"):
            t, dgamma = b.scratch(x.shape), b.into("gamma")
            b.call(np.subtract, x, of.spread(mean), out=t)
            b.call(np.multiply, t, dy, out=t)
            of.sum(b, t, 1.0, dgamma)
            b.call(np.multiply, dgamma, inverse, out=dgamma)
        if b.wants("x"):
            b.call(np.multiply, dy, of.spread(scale), out=of.matrix(b.into("x", "last", over="y")))

    return back
