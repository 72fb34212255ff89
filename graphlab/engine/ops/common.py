"""What families of ops share: element-wise ops of one or two inputs, and undoing a broadcast."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Ref
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
    """z = f(x, y), number by number; inputs of size 1 along an axis repeat."""

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


def argmax_or_tie(values: Iterable[float]) -> int | None:
    """Return the place of the largest value, or None where several share it."""
    array = np.asarray(list(values))
    best = int(array.argmax())
    return best if int((array == array[best]).sum()) == 1 else None
