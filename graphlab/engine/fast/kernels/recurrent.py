"""The LSTM along time: all gates of a step in one piece of memory, features above samples.

Inside, the gates stand in the order o, i, f, g: the three sigmoids follow each other, and so do the three whose
gradient comes through the cell state. A sigmoid is σ(z) = ½ + ½·tanh(z/2), so that one call squashes all four. What
does not depend on the step before is computed for all steps at once.
"""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.recurrent import LSTM
from graphlab.engine.record import Array

ORDER = "oifg"


class Cells:
    """The memory of an LSTM along time: gates (T, 4h, N), cell states and their tanh (T, h, N), states (T, h, N)."""

    def __init__(self, s: Site) -> None:
        self.s = s
        self.x = s.logical("x")
        self.batch, self.steps, self.features = self.x.shape
        self.h = h = s.op.units
        n, t = self.batch, self.steps
        self.gates, self.cells, self.squashed = s.keep((t, 4 * h, n)), s.keep((t, h, n)), s.keep((t, h, n))
        self.states = s.raw("seq")
        self.order: list[tuple[int, int | None]] = s.op.order(t)
        self.first = {name: s.raw(f"{name}0", "last") if s.has(f"{name}0") else None for name in "hc"}

    def gate(self, name: str, array: Array | None = None) -> Array:
        """Return one gate at all steps, (T, h, N)."""
        k = ORDER.index(name) * self.h
        return (self.gates if array is None else array)[:, k:k + self.h]

    def columns(self, stored: Array) -> list[tuple[slice, Array]]:
        """Return where each gate's columns of a stored tensor (…, 4h) go, and those columns."""
        out = []
        for k, name in enumerate(ORDER):
            at = self.s.op.gates.index(name) * self.h
            out.append((slice(k * self.h, (k + 1) * self.h), stored[..., at:at + self.h]))
        return out

    def bind_weights(self, stored: Array, to: Array, halved: bool) -> None:
        """Bind the copy of a stored tensor (…, 4h) into ``to`` (4h, …) in our order; sigmoids' halved where asked."""
        for place, columns in self.columns(stored):
            target, source = to[place], columns.T
            if halved and place.start < 3 * self.h:
                self.s.call(np.multiply, source, self.s.constant(0.5), out=target)
            else:
                self.s.call(np.copyto, target, source)

    def biases(self) -> list[str]:
        """Return the names of the biases."""
        return ["b", "b_U"][:self.s.op.biases]

    def bind_sums(self) -> None:
        """Bind what inputs and biases add to all gates at all steps."""
        s, f = self.s, self.features
        inputs = s.keep((self.steps, f + 1, self.batch))
        inputs[:, f] = 1
        weights, bias = s.scratch((4 * self.h, f + 1)), s.scratch((4 * self.h,))
        s.call(np.copyto, inputs[:, :f], self.x.transpose(1, 2, 0))
        self.bind_weights(s.raw("W"), weights[:, :f], True)
        names = self.biases()
        if not names:
            s.call(weights[:, f].fill, 0)
        elif len(names) == 1:
            self.bind_weights(s.raw("b"), weights[:, f], True)
        else:
            s.call(np.add, s.raw("b"), s.raw("b_U"), out=bias)
            self.bind_weights(bias, weights[:, f], True)
        s.call(np.matmul, weights, inputs, out=self.gates)

    def bind_step(self, t: int, before: int | None, turned: Array, part: Array) -> None:
        """Bind one step forward."""
        s, h, z = self.s, self.h, self.gates[t]
        h_prev, c_prev = (self.first["h"], self.first["c"]) if before is None else (
            self.states[before], self.cells[before])
        if h_prev is not None:
            s.call(np.dot, turned, h_prev, part)
            s.call(np.add, z, part, out=z)
        s.call(np.tanh, z, out=z)
        s.call(np.multiply, z[:3 * h], s.constant(0.5), out=z[:3 * h])
        s.call(np.add, z[:3 * h], s.constant(0.5), out=z[:3 * h])
        o, i, forget, g = (z[k * h:(k + 1) * h] for k in range(4))
        s.call(np.multiply, i, g, out=self.cells[t])
        if c_prev is not None:
            s.call(np.multiply, forget, c_prev, out=part[:h])
            s.call(np.add, self.cells[t], part[:h], out=self.cells[t])
        s.call(np.tanh, self.cells[t], out=self.squashed[t])
        s.call(np.multiply, o, self.squashed[t], out=self.states[t])


@kernel(LSTM, layout=">last", reads=("x", "U", "W", "h0", "c0", "seq"))
def lstm(s: Site) -> Backward:
    """Bind all steps forward; backward, the local derivatives of all steps first."""
    cells = Cells(s)
    h, n = cells.h, cells.batch
    cells.bind_sums()
    turned, part = s.scratch((4 * h, h)), s.scratch((4 * h, n))
    cells.bind_weights(s.raw("U"), turned, True)
    for t, before in cells.order:
        cells.bind_step(t, before, turned, part)
    last = cells.order[-1][0]
    s.call(np.copyto, s.raw("h"), cells.states[last])
    s.call(np.copyto, s.raw("c"), cells.cells[last])
    return lambda b: bind_back(b, cells)


def bind_back(b: Back, cells: Cells) -> None:
    """Bind all steps backward, and the gradients of the weights from all steps at once."""
    s, h, n = cells.s, cells.h, cells.batch
    dz, through = b.scratch(cells.gates.shape), b.scratch(cells.cells.shape)
    bind_slopes(b, cells, dz, through)
    dh, dc, part, weights = b.scratch((h, n)), b.scratch((h, n)), b.scratch((h, n)), b.scratch((4 * h, h))
    for name, into in (("h", dh), ("c", dc)):
        b.call(np.copyto, into, b.upstream(name))
    cells.bind_weights(s.raw("U"), weights, False)
    dseq = b.upstream("seq") if b.reached("seq") else None
    for t, before in reversed(cells.order):
        if dseq is not None:
            b.call(np.add, dh, dseq[t], out=dh)
        b.call(np.multiply, dh, through[t], out=part)
        b.call(np.add, dc, part, out=dc)
        of_c = dz[t, h:].reshape(3, h, n)
        b.call(np.multiply, dz[t, :h], dh, out=dz[t, :h])
        b.call(np.multiply, of_c, dc, out=of_c)
        if before is not None or cells.first["h"] is not None:
            b.call(np.dot, weights.T, dz[t], dh)
            b.call(np.multiply, dc, cells.gate("f")[t], out=dc)
    for name, from_ in (("h0", dh), ("c0", dc)):
        if b.wants(name):
            if cells.first["h"] is None:
                b.call(np.multiply, dc, cells.gate("f")[cells.order[0][0]], out=dc)
            b.call(np.copyto, b.into(name, "last"), from_)
    bind_gradients(b, cells, dz)
    if b.wants("x"):
        back = b.scratch((4 * h, cells.features))
        cells.bind_weights(s.raw("W"), back, False)
        dx = b.scratch((cells.steps, cells.features, n))
        b.call(np.matmul, back.T, dz, out=dx)
        b.call(np.copyto, b.into_logical("x").transpose(1, 2, 0), dx)


def bind_slopes(b: Back, cells: Cells, slopes: Array, through: Array) -> None:
    """Bind the derivative of each gate's share of c (of h for o) by its sum, and of h by c: o·(1 − tanh² c)."""
    h, one = cells.h, b.constant(1.0)
    sigmoids, candidate = slice(0, 3 * h), slice(3 * h, 4 * h)
    b.call(np.multiply, cells.gates, cells.gates, out=slopes)
    b.call(np.subtract, cells.gates[:, sigmoids], slopes[:, sigmoids], out=slopes[:, sigmoids])
    b.call(np.subtract, one, slopes[:, candidate], out=slopes[:, candidate])
    o, i, forget, g = (cells.gate(k, slopes) for k in ORDER)
    b.call(np.multiply, o, cells.squashed, out=o)
    b.call(np.multiply, i, cells.gate("g"), out=i)
    b.call(np.multiply, g, cells.gate("i"), out=g)
    (start, _), *others = cells.order
    if others:
        (to, of) = (slice(1, None), slice(None, -1)) if start == 0 else (slice(None, -1), slice(1, None))
        b.call(np.multiply, forget[to], cells.cells[of], out=forget[to])
    first = cells.first["c"]
    b.call(np.multiply, forget[start], b.constant(0.0, forget[start].shape) if first is None else first,
           out=forget[start])
    b.call(np.multiply, cells.squashed, cells.squashed, out=through)
    b.call(np.subtract, one, through, out=through)
    b.call(np.multiply, through, cells.gate("o"), out=through)


def bind_gradients(b: Back, cells: Cells, dz: Array) -> None:
    """Bind dW, dU and db from one product of inputs, earlier states and ones with the gates' gradients."""
    f, h, n, steps = cells.features, cells.h, cells.batch, cells.steps
    names = [name for name in ("W", "U", *cells.biases()) if b.wants(name)]
    if not names:
        return
    rows, side = b.scratch((f + h + 1, steps, n)), b.scratch((4 * h, steps, n))
    b.call(np.copyto, side, dz.transpose(1, 0, 2))
    b.call(np.copyto, rows[:f], cells.x.transpose(2, 1, 0))
    (start, _), *others = cells.order
    if others:
        (to, of) = (slice(1, None), slice(None, -1)) if start == 0 else (slice(None, -1), slice(1, None))
        b.call(np.copyto, rows[f:f + h, to], cells.states[of].transpose(1, 0, 2))
    first = cells.first["h"]
    b.call(np.copyto, rows[f:f + h, start], b.constant(0.0, (h, n)) if first is None else first)
    b.call(rows[f + h].fill, 1)
    all_of_them = b.scratch((f + h + 1, 4 * h))
    b.call(np.dot, rows.reshape(f + h + 1, -1), side.reshape(4 * h, -1).T, all_of_them)
    parts = {"W": all_of_them[:f], "U": all_of_them[f:f + h], "b": all_of_them[f + h], "b_U": all_of_them[f + h]}
    for name in names:
        for place, columns in cells.columns(b.into(name)):
            b.call(np.copyto, columns, parts[name][..., place])
