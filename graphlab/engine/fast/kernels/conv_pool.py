"""Convolution, ReLU and pooling as one: the largest of 2×2 pixels first, then bias and ReLU on a quarter of them.

Both grow with their argument, so that the order does not matter: max(ReLU(z + b)) = ReLU(max(z) + b).
"""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, Chain, chain_kernel
from graphlab.engine.fast.kernels.conv import Columns, bind_bias, bind_gradients, bind_kernels, plain_groups
from graphlab.engine.fast.kernels.elementwise import bind_gate
from graphlab.engine.fast.kernels.pool import Halving, halves
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.pooling import MaxPool
from graphlab.engine.plan import Step


def halved(step: Step, training: bool) -> bool:
    """Tell whether a chain's pool takes the largest of every 2×2 pixels."""
    assert isinstance(step, Chain)
    pool = next(p for p in step.parts if isinstance(p.op, MaxPool))
    return plain_groups(step.parts[0], training) and halves(pool, training)


@chain_kernel(Conv2D, ReLU, MaxPool, reads=("W", "y"), layout="last", fits=halved)
@chain_kernel(Conv2D, MaxPool, ReLU, reads=("W", "y"), layout="last", fits=halved)
def conv_relu_pool(s: Site) -> Backward:
    """Bind y = ReLU(max(W·columns) + b), tile by tile."""
    x, y, w = s.raw("x", "last"), s.raw("y"), s.raw("W")
    cols = Columns(s, s.op.window((x.shape[0], x.shape[2])), x, parts=2)
    kernels = bind_kernels(s, w)
    half = cols.width // 2
    halving = Halving(s, (cols.height, len(w), half))
    out = y.reshape(-1, len(w), half)
    for start, stop in cols.tiles():
        z = s.scratch((stop - start, len(w), cols.width))
        cols.bind(s, kernels, start, stop, z)
        halving.forward(s, z[:, :, :half], z[:, :, half:], out[start // 2:stop // 2], start)
        s.builder.pool.end_loans()
    if s.has("b"):
        s.call(np.add, out, s.raw("b")[:, None], out=out)
    s.call(np.maximum, y, s.constant(0.0, y.shape), out=y)

    def back(b: Back) -> None:
        dy = b.scratch(out.shape)
        bind_gate(b, y, b.upstream(), dy.reshape(y.shape))
        if b.wants("b"):
            bind_bias(b, dy)
        dz = b.scratch((cols.height, len(w), cols.width))
        halving.backward(b, dy, dz[:, :, :half], dz[:, :, half:])
        bind_gradients(b, cols, w, dz)

    return back
