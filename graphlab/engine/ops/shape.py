"""Ops that move the numbers of one tensor to other places: reshape, transpose, slice, pad."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref
from graphlab.engine.op import Array, Batch, Fix, Op, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import axis_of, put
from graphlab.engine.spec import per_sample, show_shape, size_of


class _Rearranged(Op, register=False):
    """Ops that keep every number and its order in memory."""

    category = "Shape"

    def forward(self, f: Record, x: Array) -> Array:
        return x.reshape(self.target(x))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy.reshape(f["x"].shape)}

    def target(self, x: Array) -> tuple[int, ...]:
        """Return the output's shape."""
        raise NotImplementedError

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        place = int(np.ravel_multi_index(index, f["y"].shape)) if index else 0
        return Ref("x", tuple(int(i) for i in np.unravel_index(place, f["x"].shape)))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        place = int(np.ravel_multi_index(index, f["x"].shape)) if index else 0
        return [("y", tuple(int(i) for i in np.unravel_index(place, f["y"].shape)))]


class Flatten(_Rearranged):
    """Lays out each sample as one row of numbers."""

    also = ("ravel", "vector")

    def formula(self) -> str:
        return r"(B, n_1, n_2, \ldots) \to (B,\, n_1 n_2 \cdots)"

    def shape(self, x: Spec) -> Spec:
        if not x.rank:
            raise ShapeError("takes a tensor with a batch axis", "x")
        if any(isinstance(d, Batch) for d in x.shape[1:]):
            raise ShapeError("needs the batch on the first axis", "x", axis=0)
        return x.with_shape(x.shape[0], size_of(x.shape[1:]))

    def target(self, x: Array) -> tuple[int, ...]:
        return (x.shape[0], math.prod(x.shape[1:]))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 2, 3, 2)), case(cls(), x=(Batch(),)), case(cls(), x=(Batch(), 1), batch=1)]


class Reshape(_Rearranged):
    """Reads each sample's numbers in order into another shape."""

    also = ("view", "unflatten")
    size: tuple[int, ...] = attr("new size of one sample, without the batch: 1×28×28; one −1 means what is left",
                                 default=(-1,), min=-1)
    batch: str = attr("the first axis: keep it, fold what is left into it ((B, T, n) to (T·B, n) and back), "
                      "or none: the size is the whole shape", default="keep", choices=("keep", "fold", "none"))

    def line(self) -> str:
        return "×".join(map(str, self.size)) or "one number"

    def formula(self) -> str:
        lead = {"keep": ["B"], "fold": ["B'"], "none": []}[self.batch]
        return rf"(B, \ldots) \to ({', '.join(lead + [str(n) for n in self.size])})"

    def problems(self) -> list[str]:
        wrong = [*super().problems()]
        open_axes = self.size.count(-1) + (self.batch == "fold")
        if 0 in self.size:
            wrong.append(f"needs sizes of at least 1; it has {show_shape(self.size)}")
        if open_axes > 1:
            wrong.append(f"can leave one axis open, not {open_axes}; its size is {show_shape(self.size)}")
        return wrong

    def shape(self, x: Spec) -> Spec:
        fixed = math.prod(n for n in self.size if n != -1)
        if any(isinstance(d, Batch) for d in x.shape[1:]):
            raise ShapeError("needs the batch on the first axis", "x", axis=0)
        if self.batch == "none" and x.batched:
            raise ShapeError("takes a tensor without a batch axis, since its `batch` is “none”", "x", axis=0,
                             fixes=(Fix("keep the batch axis", "set", attributes=(("batch", "keep"),)),))
        if self.batch == "keep" and not x.rank:
            raise ShapeError("takes a tensor with a batch axis", "x",
                             fixes=(Fix("let the size be the whole shape", "set", attributes=(("batch", "none"),)),))
        lead = x.shape[:1] if self.batch == "keep" else ()
        have = per_sample(x.shape[len(lead):])
        if have % fixed or (have != fixed and -1 not in self.size and self.batch != "fold"):
            raise ShapeError(f"reads {have} numbers a sample into {show_shape(self.size)}, which has place for {fixed}",
                             "x", fixes=(Fix("flatten instead", "set", attributes=(("size", (-1,)),)),))
        rest = have // fixed
        if self.batch == "fold":
            lead = (Batch(rest) if x.batched else rest,)
        return x.with_shape(*lead, *(rest if n == -1 else n for n in self.size))

    def target(self, x: Array) -> tuple[int, ...]:
        return ({"keep": x.shape[:1], "fold": (-1,), "none": ()}[self.batch]) + self.size

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(size=(2, 3)), x=(Batch(), 6)), case(cls(size=(3, -1)), x=(Batch(), 2, 3)),
                case(cls(size=(2,), batch="fold"), x=(Batch(), 3, 2)), case(cls(size=()), x=(Batch(), 1), batch=1),
                case(cls(size=(3, 2), batch="fold"), x=(Batch(3), 2)), case(cls(size=(3, 2), batch="none"), x=(2, 3))]


class Transpose(Op):
    """Exchanges axes: the last two, or all of them in a new order."""

    category = "Shape"
    also = ("permute", "swap axes", "T")
    axes: tuple[int, ...] = attr("the old axes in their new order, from 0 (the batch); none named swaps the last two",
                                 default=(), min=0)

    def line(self) -> str:
        return ", ".join(map(str, self.axes)) or "last two axes"

    def formula(self) -> str:
        return r"y_{\ldots,j,i} = x_{\ldots,i,j}" if not self.axes else rf"(0, 1, \ldots) \to ({self.line()})"

    def order(self, rank: int) -> tuple[int, ...]:
        """Return the old axes in their new order."""
        return self.axes or (*range(rank - 2), rank - 1, rank - 2)

    def shape(self, x: Spec) -> Spec:
        if not self.axes and x.rank < 2:
            raise ShapeError("takes a tensor of two axes or more", "x")
        if sorted(self.order(x.rank)) != list(range(x.rank)):
            raise ShapeError(f"orders the axes as {show_shape(self.axes)}, which must name each of 0…{x.rank - 1} once",
                             "x", fixes=(Fix("swap the last two axes", "set", attributes=(("axes", ()),)),))
        return x.with_shape(*(x.shape[a] for a in self.order(x.rank)))

    def forward(self, f: Record, x: Array) -> Array:
        return x.transpose(self.order(x.ndim))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy.transpose(np.argsort(self.order(dy.ndim)))}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        order = self.order(len(index))
        return Ref("x", tuple(index[order.index(a)] for a in range(len(index))))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", tuple(index[a] for a in self.order(len(index))))]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 3)), case(cls(axes=(0, 2, 3, 1)), x=(Batch(), 3, 1, 2)),
                case(cls(axes=(2, 0, 1)), x=(Batch(), 3, 2))]


class Slice(Op):
    """Cuts a range out of one axis."""

    category = "Shape"
    also = ("crop", "narrow", "part")
    axis: int = attr("which axis, from 0; −1 is the last", default=-1)
    start: int = attr("first place, from 0; negative counts from the end", default=0)
    stop: int = attr("place after the last; 0 means to the end, negative counts from the end", default=0)
    step: int = attr("take every how-manieth", default=1, min=1)

    def line(self) -> str:
        return f"{self.start}:{self.stop or ''}" + (f":{self.step}" if self.step > 1 else "")

    def formula(self) -> str:
        return rf"y_i = x_{{{self.start}+{'' if self.step == 1 else self.step}i}}"

    def range(self, n: int) -> range:
        """Return the places that are taken of n."""
        return range(*slice(self.start, self.stop or None, self.step).indices(n))

    def shape(self, x: Spec) -> Spec:
        axis = axis_of(self.axis, x)
        n = x.shape[axis]
        if isinstance(n, Batch):
            raise ShapeError("cannot cut the batch axis, whose length is not known", "x", axis)
        if not self.range(n):
            raise ShapeError(f"takes {self.line()} of axis {axis}, which has {n} places: nothing is left", "x", axis)
        return x.with_shape(*(len(self.range(n)) if i == axis else d for i, d in enumerate(x.shape)))

    def where(self, x: Array) -> tuple[slice, ...]:
        """Return the index that takes the range."""
        axis = self.axis % x.ndim
        r = self.range(x.shape[axis])
        return (slice(None),) * axis + (slice(r.start, r.stop, r.step),)

    def forward(self, f: Record, x: Array) -> Array:
        return x[self.where(x)]

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        dx = np.zeros(f["x"].shape, dy.dtype)
        dx[self.where(dx)] = dy
        return {"x": dx}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        axis = self.axis % len(index)
        return Ref("x", put(index, axis, self.range(f["x"].shape[axis])[index[axis]]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        axis = self.axis % len(index)
        r = self.range(f["x"].shape[axis])
        return [("y", put(index, axis, r.index(index[axis])))] if index[axis] in r else []

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(start=1, stop=3), x=(Batch(), 4)), case(cls(axis=1, start=-2), x=(Batch(), 3, 2)),
                case(cls(step=2), x=(Batch(), 5)), case(cls(stop=-1, axis=0), x=(2,))]


class Pad(Op):
    """Puts numbers around a tensor: zeros at the edges of a picture, for example."""

    category = "Shape"
    also = ("border", "margin")
    before: tuple[int, ...] = attr("how many in front, for the last axes in order", default=(1, 1), min=0)
    after: tuple[int, ...] = attr("how many behind, for the last axes in order", default=(1, 1), min=0)
    value: float = attr("the number that is put in", default=0.0)

    def problems(self) -> list[str]:
        if len(self.before) != len(self.after):
            given = f"{len(self.before)} against {len(self.after)} are given"
            return [*super().problems(), f"needs as many numbers before as after; {given}"]
        return super().problems()

    def line(self) -> str:
        return f"+{'×'.join(str(a + b) for a, b in zip(self.before, self.after, strict=False))}"

    def formula(self) -> str:
        return rf"y_{{i+p}} = x_i,\quad {self.value:g}\ \mathrm{{elsewhere}}"

    def shape(self, x: Spec) -> Spec:
        n = len(self.before)
        if x.rank < n or any(isinstance(d, Batch) for d in x.shape[x.rank - n:]):
            raise ShapeError(f"pads the last {n} axes, none of which may be the batch", "x")
        tail = x.shape[x.rank - n:]
        return x.with_shape(*x.shape[:x.rank - n], *(
            a + d + b for a, d, b in zip(self.before, tail, self.after, strict=True) if isinstance(d, int)))

    def forward(self, f: Record, x: Array) -> Array:
        widths = [(0, 0)] * (x.ndim - len(self.before)) + list(zip(self.before, self.after, strict=True))
        return np.pad(x, widths, constant_values=self.value)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        inner = tuple(slice(a, a + n) for a, n in zip(self.offsets(dy.ndim), f["x"].shape, strict=True))
        return {"x": dy[inner]}

    def offsets(self, rank: int) -> tuple[int, ...]:
        """Return how far each axis is moved."""
        return (0,) * (rank - len(self.before)) + self.before

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        at = tuple(i - o for i, o in zip(index, self.offsets(len(index)), strict=True))
        inside = all(0 <= i < n for i, n in zip(at, f["x"].shape, strict=True))
        return Ref("x", at) if inside else Num(self.value)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", tuple(i + o for i, o in zip(index, self.offsets(len(index)), strict=True)))]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 1, 2, 2)), case(cls(before=(2,), after=(0,), value=0.5), x=(Batch(), 3))]
