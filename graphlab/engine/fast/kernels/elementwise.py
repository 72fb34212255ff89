"""Functions number by number: in place where nobody reads the old value, with the derivative from the result."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.losses import bind_sigmoid
from graphlab.engine.fast.site import Site
from graphlab.engine.graph import Output
from graphlab.engine.ops.activations import Identity, ReLU, Sigmoid, Tanh
from graphlab.engine.ops.maths import Add, Divide, Exp, Log, Multiply, Negative, Sqrt, Square, Subtract
from graphlab.engine.ops.regularise import Dropout, StopGradient
from graphlab.engine.plan import Step
from graphlab.engine.record import Array


@kernel(Identity, Output, view="x")
def passing(s: Site) -> Backward:
    """Let the output be the input."""
    if s.shares("x"):
        s.alias("y", s.raw("x"))
    else:
        s.call(np.copyto, s.logical("y"), s.logical("x"))

    def back(b: Back) -> None:
        b.passes("x", b.upstream())

    return back


@kernel(StopGradient, view="x")
def stopped(s: Site) -> Backward:
    """Let the output be the input, and send nothing back."""
    passing(s)
    return lambda b: None


@kernel(Tanh, reads=("y",), over=("x",))
def tanh(s: Site) -> Backward:
    """Bind dx = dy·(1 − y²)."""
    y = s.raw("y")
    s.call(np.tanh, s.raw("x"), out=y)

    def back(b: Back) -> None:
        dy, t = b.upstream(), b.scratch(y.shape)
        b.call(np.multiply, y, y, out=t)
        b.call(np.subtract, b.constant(1.0), t, out=t)
        b.call(np.multiply, dy, t, out=b.into("x", over="y"))

    return back


@kernel(Sigmoid, reads=("y",), over=("x",))
def sigmoid(s: Site) -> Backward:
    """Bind dx = dy·y·(1 − y)."""
    y = s.raw("y")
    bind_sigmoid(s, s.raw("x"), y)

    def back(b: Back) -> None:
        dy, t = b.upstream(), b.scratch(y.shape)
        b.call(np.subtract, b.constant(1.0), y, out=t)
        b.call(np.multiply, t, y, out=t)
        b.call(np.multiply, dy, t, out=b.into("x", over="y"))

    return back


def as_integers(x: Array) -> Array:
    """Return the bits of real numbers as whole numbers, which have the same sign."""
    return x.view(np.dtype(f"i{x.itemsize}"))


def bind_gate(b: Back, y: Array, dy: Array, dx: Array) -> None:
    """Bind dx = dy where y > 0 and 0 elsewhere, for y ≥ 0 (never −0): the sign of −y's bits, spread over a word.

    Faster than comparing: no boolean array has to be converted.
    """
    mask = as_integers(b.scratch(y.shape))
    b.call(np.negative, as_integers(y), out=mask)
    b.call(np.right_shift, mask, np.array(8 * y.itemsize - 1, mask.dtype), out=mask)
    b.call(np.bitwise_and, as_integers(dy), mask, out=as_integers(dx))


@kernel(ReLU, reads=("y",), over=("x",))
def relu(s: Site) -> Backward:
    """Bind y = max(x, 0), against an array of zeros: a single 0 would be four times slower."""
    y = s.raw("y")
    s.call(np.maximum, s.raw("x"), s.constant(0.0, y.shape), out=y)

    def back(b: Back) -> None:
        bind_gate(b, y, b.upstream(), b.into("x", over="y"))

    return back


@kernel(Exp, reads=("y",), over=("x",))
def exp(s: Site) -> Backward:
    """Bind dx = dy·y."""
    y = s.raw("y")
    s.call(np.exp, s.raw("x"), out=y)
    return lambda b: b.call(np.multiply, b.upstream(), y, out=b.into("x", over="y"))


@kernel(Log, reads=("x",))
def log(s: Site) -> Backward:
    """Bind dx = dy/x."""
    x = s.raw("x")
    s.call(np.log, x, out=s.raw("y"))
    return lambda b: b.call(np.divide, b.upstream(), x, out=b.into("x", over="y"))


@kernel(Negative, over=("x",))
def negative(s: Site) -> Backward:
    """Bind dx = −dy."""
    s.call(np.negative, s.raw("x"), out=s.raw("y"))
    return lambda b: b.call(np.negative, b.upstream(), out=b.into("x", over="y"))


@kernel(Square, reads=("x",))
def square(s: Site) -> Backward:
    """Bind dx = 2·dy·x."""
    x = s.raw("x")
    s.call(np.multiply, x, x, out=s.raw("y"))

    def back(b: Back) -> None:
        dy, dx = b.upstream(), b.into("x", over="y")
        b.call(np.multiply, dy, x, out=dx)
        b.call(np.add, dx, dx, out=dx)

    return back


@kernel(Sqrt, reads=("y",), over=("x",))
def sqrt(s: Site) -> Backward:
    """Bind dx = ½·dy/y."""
    y = s.raw("y")
    s.call(np.sqrt, s.raw("x"), out=y)

    def back(b: Back) -> None:
        dy, dx = b.upstream(), b.into("x", over="y")
        b.call(np.divide, dy, y, out=dx)
        b.call(np.multiply, dx, b.constant(0.5), out=dx)

    return back


class Pair:
    """The two operands of a step, as arrays that NumPy can combine: in memory order where both lie alike."""

    def __init__(self, s: Site) -> None:
        self.alike = len({s.layout(n) for n in ("a", "b", "y")}) == 1 and s.raw("a").shape == s.raw("b").shape
        read = s.raw if self.alike else s.logical
        self.a, self.b, self.y = read("a"), read("b"), read("y")

    def upstream(self, b: Back) -> Array:
        """Return dy in the operands' order."""
        return b.upstream() if self.alike else b.upstream_logical()

    def fits(self, port: str) -> bool:
        """Tell whether an operand has the result's shape."""
        return bool((self.a if port == "a" else self.b).shape == self.y.shape)

    def send(self, b: Back, port: str, function: np.ufunc, *args: Array, over: str = "") -> None:
        """Bind the gradient of one operand: function(*args), summed where the operand was repeated."""
        if self.alike:
            b.call(function, *args, out=b.into(port, over=over))
        elif self.fits(port):
            b.call(function, *args, out=b.into_logical(port))
        else:
            full = b.scratch(self.y.shape)
            b.call(function, *args, out=full)
            self.reduce(b, port, full)

    def reduce(self, b: Back, port: str, full: Array) -> None:
        """Bind the sum of a gradient over the axes along which an operand was repeated."""
        out = b.into_logical(port)
        out = out[(None,) * (full.ndim - out.ndim)]
        axes = tuple(i for i, (n, m) in enumerate(zip(full.shape, out.shape, strict=True)) if n != m)
        b.call(np.add.reduce, full, axis=axes, keepdims=True, out=out)

    def give(self, b: Back, port: str) -> None:
        """Bind dy itself as the gradient of an operand."""
        if self.alike:
            b.passes(port, b.upstream())
        elif self.fits(port):
            b.call(np.copyto, b.into_logical(port), self.upstream(b))
        else:
            self.reduce(b, port, self.upstream(b))


@kernel(Add, over=("a", "b"))
def add(s: Site) -> Backward:
    """Both operands receive dy."""
    p = Pair(s)
    s.call(np.add, p.a, p.b, out=p.y)

    def back(b: Back) -> None:
        for port in ("a", "b"):
            if b.wants(port):
                p.give(b, port)

    return back


@kernel(Subtract, over=("a", "b"))
def subtract(s: Site) -> Backward:
    """The first operand receives dy, the second −dy."""
    p = Pair(s)
    s.call(np.subtract, p.a, p.b, out=p.y)

    def back(b: Back) -> None:
        if b.wants("a"):
            p.give(b, "a")
        if b.wants("b"):
            p.send(b, "b", np.negative, p.upstream(b), over="" if b.wants("a") else "y")

    return back


@kernel(Multiply, reads=("a", "b"))
def multiply(s: Site) -> Backward:
    """Each operand receives dy times the other."""
    p = Pair(s)
    s.call(np.multiply, p.a, p.b, out=p.y)

    def back(b: Back) -> None:
        if b.wants("a"):
            p.send(b, "a", np.multiply, p.upstream(b), p.b, over="" if b.wants("b") else "y")
        if b.wants("b"):
            p.send(b, "b", np.multiply, p.upstream(b), p.a, over="y")

    return back


@kernel(Divide, reads=("b", "y"), over=("a",))
def divide(s: Site) -> Backward:
    """Bind da = dy/b, db = −dy·y/b."""
    p = Pair(s)
    s.call(np.divide, p.a, p.b, out=p.y)

    def back(b: Back) -> None:
        if b.wants("a"):
            p.send(b, "a", np.divide, p.upstream(b), p.b, over="" if b.wants("b") else "y")
        if b.wants("b"):
            t = b.scratch(p.y.shape)
            b.call(np.multiply, p.upstream(b), p.y, out=t)
            b.call(np.divide, t, p.b, out=t)
            p.send(b, "b", np.negative, t, over="y")

    return back


def drops(step: Step, training: bool) -> bool:
    """Tell whether a dropout draws a mask."""
    op = step.op
    assert isinstance(op, Dropout)
    return training or op.evaluation == "on"


def rests(step: Step, training: bool) -> bool:
    """Tell whether a dropout passes everything unchanged."""
    op = step.op
    return isinstance(op, Dropout) and not drops(step, training) and op.scaling == "inverted"


kernel(Dropout, view="x", fits=rests)(passing)


@kernel(Dropout, over=("x",), fits=drops)
def dropout(s: Site) -> Backward:
    """Bind y = x·mask/keep, with the mask of the recorded run: a draw below the keep probability."""
    op, x, y = s.op, s.raw("x"), s.raw("y")
    logical = s.logical("x").shape
    draw, mask = s.scratch(logical, np.float32), s.scratch(logical, np.bool_)
    scale = s.keep(y.shape)
    factor = 1.0 / op.keep if op.scaling == "inverted" and op.keep else 1.0
    s.call(s.stream("mask").uniform, draw)
    s.call(np.less, draw, s.constant(op.keep), out=mask)
    s.call(np.multiply, mask, s.constant(factor), out=s.like("x", scale))
    s.call(np.multiply, x, scale, out=y)
    return lambda b: b.call(np.multiply, b.upstream(), scale, out=b.into("x", over="y"))
