"""Attention and what stands around it: products of strided views, with keys outermost so that sums run along rows."""

from __future__ import annotations

import math

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.activations import Softmax
from graphlab.engine.ops.attention import FORBIDDEN, ScaledDotProductAttention
from graphlab.engine.ops.normalise import LayerNorm
from graphlab.engine.plan import Step
from graphlab.engine.record import Array


def over_keys(step: Step, training: bool) -> bool:
    """Tell whether the weights sum to one over the keys."""
    op = step.op
    return isinstance(op, ScaledDotProductAttention) and op.over == "keys"


def bind_largest(s: Site, x: Array) -> Array:
    """Bind the largest number along the last axis but one, half against half, and return it with size 1 there."""
    while (n := x.shape[-2]) > 1:
        half = n // 2
        out = s.scratch((*x.shape[:-2], half, x.shape[-1]))
        s.call(np.maximum, x[..., :half, :], x[..., half:2 * half, :], out=out)
        if n % 2:
            s.call(np.maximum, out[..., :1, :], x[..., -1:, :], out=out[..., :1, :])
        x = out
    return x


def bind_softmax(s: Site, scores: Array) -> None:
    """Bind softmax along the last axis but one, in place."""
    keys = scores.shape[-2]
    total = s.scratch((*scores.shape[:-2], 1, scores.shape[-1]))
    s.call(np.subtract, scores, bind_largest(s, scores), out=scores)
    s.call(np.exp, scores, out=scores)
    s.call(np.matmul, s.constant(1.0, (1, keys)), scores, out=total)
    s.call(np.reciprocal, total, out=total)
    s.call(np.multiply, scores, total, out=scores)


class Mask:
    """Where queries may look, as factors 1 and 0 and what is added instead: (…, keys, queries)."""

    def __init__(self, s: Site, shape: tuple[int, ...]) -> None:
        self.factors: Array | None = None
        keys, queries = shape[-2:]
        causal = np.tri(queries, keys).T if s.op.causal else None
        given = s.logical("mask") if s.has("mask") else None
        if given is None:
            if causal is not None:
                self.factors, self.instead = s.keep((keys, queries)), s.keep((keys, queries))
                self.factors[...] = causal
                self.instead[...] = FORBIDDEN * (1 - causal)
            return
        given = given.reshape((1,) * (2 - given.ndim) + given.shape) if given.ndim < 2 else given
        whole = s.keep(np.broadcast_shapes(given.swapaxes(-1, -2).shape, () if causal is None else causal.shape))
        self.factors, self.instead = whole, s.keep(whole.shape)
        s.call(np.copyto, whole, given.swapaxes(-1, -2))
        if causal is not None:
            look_back = s.keep(causal.shape)
            look_back[...] = causal
            s.call(np.multiply, whole, look_back, out=whole)
        s.call(np.subtract, s.constant(1.0), whole, out=self.instead)
        s.call(np.multiply, self.instead, s.constant(FORBIDDEN), out=self.instead)

    def hide(self, s: Site, scores: Array) -> None:
        """Bind scores that must not be seen to −10⁹."""
        if self.factors is not None:
            s.call(np.multiply, scores, self.factors, out=scores)
            s.call(np.add, scores, self.instead, out=scores)


@kernel(ScaledDotProductAttention, reads=("k", "v", "y"), layout="heads", fits=over_keys)
def attention(s: Site) -> Backward:
    """Bind P = softmax(K·Qᵀ/√d) along the keys, y = PᵀV; dPᵀ = V·dyᵀ, and Σ_keys dP·P is the sum of dy·y."""
    op, q, k, v, y = s.op, s.logical("q"), s.logical("k"), s.logical("v"), s.logical("y")
    scale = 1.0 / math.sqrt(q.shape[-1]) if op.scaled else 1.0
    queries = s.keep(q.shape)
    p = s.keep((*q.shape[:-2], k.shape[-2], q.shape[-2]))
    s.call(np.multiply, q, s.constant(scale), out=queries)
    s.call(np.matmul, k, queries.swapaxes(-1, -2), out=p)
    mask = Mask(s, p.shape)
    mask.hide(s, p)
    bind_softmax(s, p)
    kept, dropping = p, bind_dropout(s, p)
    if dropping is not None:
        kept = s.keep(p.shape)
        s.call(np.multiply, p, dropping, out=kept)
    s.call(np.matmul, kept.swapaxes(-1, -2), v, out=y)

    def back(b: Back) -> None:
        dy = b.upstream_logical()
        if b.wants("v"):
            b.call(np.matmul, kept, dy, out=b.into_logical("v"))
        if not (b.wants("q") or b.wants("k")):
            return
        ds = b.scratch(p.shape)
        b.call(np.matmul, v, dy.swapaxes(-1, -2), out=ds)
        if dropping is not None:
            b.call(np.multiply, ds, dropping, out=ds)
        raw, last = b.scratch(s.raw("y").shape), y.shape[-1]
        b.call(np.multiply, b.upstream(), s.raw("y"), out=raw)
        sums = b.scratch(raw.shape[:-1])
        b.call(np.dot, raw.reshape(-1, last), b.constant(1.0, (last,)), sums.reshape(-1))
        along = sums.swapaxes(1, 2) if y.ndim == 4 else sums
        b.call(np.subtract, ds, along[..., None, :], out=ds)
        b.call(np.multiply, ds, p, out=ds)
        if mask.factors is not None:
            b.call(np.multiply, ds, mask.factors, out=ds)
        if b.wants("k"):
            b.call(np.matmul, ds, queries, out=b.into_logical("k"))
        if b.wants("q"):
            dq = b.into_logical("q")
            b.call(np.matmul, ds.swapaxes(-1, -2), k, out=dq)
            b.call(np.multiply, dq, b.constant(scale), out=dq)

    return back


def bind_dropout(s: Site, p: Array) -> Array | None:
    """Bind the factors of dropout on the weights, drawn as the recorded run draws them; None where nothing drops."""
    if not (s.op.dropout and s.training):
        return None
    keep = 1.0 - s.op.dropout
    shape = (*p.shape[:-2], p.shape[-1], p.shape[-2])
    draw, mask, factors = s.scratch(shape, np.float32), s.scratch(shape, np.bool_), s.keep(p.shape)
    s.call(s.stream("dropout/mask").uniform, draw)
    s.call(np.less, draw, s.constant(keep), out=mask)
    s.call(np.multiply, mask.swapaxes(-1, -2), s.constant(1.0 / (keep or 1.0)), out=factors)
    return factors


@kernel(LayerNorm, layout="first")
def layer_norm(s: Site) -> Backward:
    """Bind y = γx̂ + β with x̂ = (x − μ)/√(σ² + ε) row by row; sums are products with ones and with γ/n."""
    gamma, beta = s.raw("gamma", "first").reshape(-1), s.raw("beta", "first").reshape(-1)
    n = gamma.size
    x, y = s.raw("x", "first").reshape(-1, n), s.raw("y").reshape(-1, n)
    xhat, inverse = s.keep(x.shape), s.keep((len(x),))
    mu, share, t = s.scratch((len(x),)), s.constant(1.0 / n, (n,)), s.scratch(x.shape)
    s.call(np.dot, x, share, mu)
    s.call(np.subtract, x, mu[:, None], out=xhat)
    s.call(np.multiply, xhat, xhat, out=t)
    s.call(np.dot, t, share, inverse)
    s.call(np.add, inverse, s.constant(s.op.eps), out=inverse)
    s.call(np.sqrt, inverse, out=inverse)
    s.call(np.reciprocal, inverse, out=inverse)
    s.call(np.multiply, xhat, inverse[:, None], out=xhat)
    s.call(np.multiply, xhat, gamma, out=y)
    s.call(np.add, y, beta, out=y)

    def back(b: Back) -> None:
        dy, t, ones = b.upstream().reshape(x.shape), b.scratch(x.shape), b.constant(1.0, (len(x),))
        b.call(np.multiply, dy, xhat, out=t)
        if b.wants("gamma"):
            b.call(np.dot, ones, t, b.into("gamma", "first").reshape(-1))
        if b.wants("beta"):
            b.call(np.dot, ones, dy, b.into("beta", "first").reshape(-1))
        if b.wants("x"):
            shares, mean, product = b.scratch((n,)), b.scratch((len(x),)), b.scratch((len(x),))
            b.call(np.multiply, gamma, b.constant(1.0 / n), out=shares)
            b.call(np.dot, dy, shares, mean)
            b.call(np.dot, t, shares, product)
            dx = b.into("x", "first", over="y").reshape(x.shape)
            b.call(np.multiply, dy, gamma, out=dx)
            b.call(np.multiply, xhat, product[:, None], out=t)
            b.call(np.subtract, dx, t, out=dx)
            b.call(np.subtract, dx, mean[:, None], out=dx)
            b.call(np.multiply, dx, inverse[:, None], out=dx)

    return back


@kernel(Softmax, reads=("y",), over=("x",))
def softmax(s: Site) -> Backward:
    """Bind y ∝ e^(x − max x) along an axis; dx = y·(dy − Σ dy·y)."""
    y = s.logical("y")
    axis = s.op.axis % y.ndim
    ends = s.scratch(tuple(1 if i == axis else n for i, n in enumerate(y.shape)))
    s.call(np.maximum.reduce, s.logical("x"), axis=axis, keepdims=True, out=ends)
    s.call(np.subtract, s.logical("x"), ends, out=y)
    s.call(np.exp, y, out=y)
    s.call(np.add.reduce, y, axis=axis, keepdims=True, out=ends)
    s.call(np.divide, y, ends, out=y)

    def back(b: Back) -> None:
        dy, t = b.upstream_logical(), s.like("y", b.scratch(s.shape("y")))
        sums = b.scratch(ends.shape)
        b.call(np.multiply, dy, y, out=t)
        b.call(np.add.reduce, t, axis=axis, keepdims=True, out=sums)
        dx = b.into_logical("x")
        b.call(np.subtract, dy, sums, out=dx)
        b.call(np.multiply, dx, y, out=dx)

    return back
