"""What families of ops share: element-wise ops of one or two inputs, and undoing a broadcast."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from graphlab.engine.expr import ONE, Expr, Index, Num, Pick, Ref, call
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, case
from graphlab.engine.spec import broadcast


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which a value of ``shape`` was repeated."""
    if gradient.shape == shape:
        return gradient
    extra = gradient.ndim - len(shape)
    axes = (*range(extra), *(extra + i for i, n in enumerate(shape) if n == 1 and gradient.shape[extra + i] != 1))
    summed: Array = gradient.sum(axis=axes)
    return summed.reshape(shape)


def before_broadcast(index: Index, shape: tuple[int, ...]) -> Index:
    """Return the place in a value of ``shape`` that a place in the broadcast result reads."""
    tail = index[len(index) - len(shape):]
    return tuple(0 if n == 1 else i for i, n in zip(tail, shape, strict=True))


def after_broadcast(index: Index, shape: tuple[int, ...], result: tuple[int, ...]) -> Iterable[Index]:
    """Return the places of the broadcast result that read one place of a value of ``shape``."""
    extra = len(result) - len(shape)
    ranges: list[Iterable[int]] = [range(n) for n in result[:extra]]
    ranges += [range(r) if n == 1 else (i,) for i, n, r in zip(index, shape, result[extra:], strict=True)]
    return itertools.product(*ranges)


def axis_of(axis: int, x: Spec, port: str = "x") -> int:
    """Return an axis counted from 0; negative ones count from the end. Raises `ShapeError` where there is none."""
    if not -x.rank <= axis < x.rank:
        raise ShapeError(f"works along axis {axis}, which needs a tensor of {axis + 1 if axis >= 0 else -axis} "
                         "axes or more", port, axis)
    return axis % x.rank


def need_real(x: Spec, port: str = "x") -> None:
    """Raise `ShapeError` unless the tensor holds real numbers."""
    if x.kind != "real":
        raise ShapeError("takes real numbers", port)


def put(index: Index, axis: int, i: int) -> Index:
    """Return the index with another number at one axis."""
    return (*index[:axis], i, *index[axis + 1:])


def line_through(index: Index, axis: int, length: int) -> list[Index]:
    """Return the places of the line along ``axis`` that an index lies on."""
    return [put(index, axis, i) for i in range(length)]


def fraction(n: int) -> Expr:
    """Return 1/n, written as a fraction."""
    return ONE if n == 1 else Num(1.0 / n, rf"\frac{{1}}{{{n}}}")


def square(e: Expr) -> Expr:
    """Return e²."""
    return call("pow", e, Num(2.0))


def detached(e: Expr) -> Expr:
    """Return a value through which no gradient passes, written in brackets."""
    return Pick("", (e,), None)


def check_labels(labels: Array, count: int) -> None:
    """Raise ValueError in words unless all labels are in 0…count−1."""
    wrong = labels[(labels < 0) | (labels >= count)]
    if wrong.size:
        raise ValueError(f"its labels must be whole numbers in 0…{count - 1}; there is {wrong.flat[0]}")


class Elementwise(Op, register=False):
    """y = f(x), each number by itself."""

    category = "Activations"

    def shape(self, x: Spec) -> Spec:
        if x.kind != "real":
            raise ShapeError("takes real numbers", "x")
        return x

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index)]

    @classmethod
    def cases(cls) -> list[Any]:
        # Values keep clear of 0, where many of these functions have a kink.
        return [case(cls(), x=Given((Batch(), 3), apart=0.05)), case(cls(), x=Given((Batch(), 2, 1), apart=0.05))]


class Binary(Op, register=False):
    """y = f(a, b), number by number; inputs of size 1 along an axis repeat."""

    category = "Maths"

    def ports(self) -> tuple[Port, ...]:
        return (Port("a"), Port("b"))

    def shape(self, a: Spec, b: Spec) -> Spec:
        for port, x in (("a", a), ("b", b)):
            if x.kind != "real":
                raise ShapeError("takes real numbers", port)
        return Spec(broadcast(a.shape, b.shape))

    def operands(self, f: Record, index: Index) -> tuple[Expr, Expr]:
        """Return the two numbers that one output number reads."""
        return (Ref("a", before_broadcast(index, f["a"].shape)), Ref("b", before_broadcast(index, f["b"].shape)))

    def users(self, f: Record, port: str, index: Index) -> Iterable[tuple[str, Index]]:
        return (("y", at) for at in after_broadcast(index, f[port].shape, f["y"].shape))

    @classmethod
    def cases(cls) -> list[Any]:
        return [
            case(cls(), a=Given((Batch(), 3), apart=0.05), b=Given((Batch(), 3), apart=0.05)),
            case(cls(), a=Given((Batch(), 3, 2), apart=0.05), b=Given((3, 1), apart=0.05)),
        ]
