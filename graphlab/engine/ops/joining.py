"""Ops that join tensors, split them, and look things up in them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.ops.common import axis_of, check_labels, need_real, put
from graphlab.engine.spec import Dim


class Concat(Op):
    """Puts tensors one behind the other along an axis."""

    category = "Shape"
    also = ("join", "merge", "cat", "skip")
    count: int = attr("number of inputs", default=2, min=1, max=4096)
    axis: int = attr("axis along which they follow each other, from 0; −1 is the last, 1 the channels", default=1)

    def ports(self) -> tuple[Port, ...]:
        return tuple(Port(f"x{i}") for i in range(self.count))

    def line(self) -> str:
        return f"{self.count} inputs · axis {self.axis}"

    def formula(self) -> str:
        return r"y = [x_0, x_1, \ldots]"

    def shape(self, *xs: Spec) -> Spec:
        axis = axis_of(self.axis, xs[0], "x0")
        first = xs[0].shape
        for i, x in enumerate(xs):
            if x.kind != xs[0].kind:
                raise ShapeError("needs inputs of one kind", f"x{i}")
            if x.rank != len(first):
                raise ShapeError("needs inputs with the same number of axes")
            for a, (d, e) in enumerate(zip(x.shape, first, strict=True)):
                if a != axis and d != e:
                    raise ShapeError(f"needs inputs that agree on every axis but {axis}; axis {a} has {e} in x0 and "
                                     f"{d} in x{i}", axis=a)
        along = [x.shape[axis] for x in xs]
        batches = [d.k for d in along if isinstance(d, Batch)]
        if batches and len(batches) < len(along):
            raise ShapeError("cannot join a batch axis and one of fixed length", axis=axis)
        total: Dim = Batch(sum(batches)) if batches else sum(d for d in along if isinstance(d, int))
        return xs[0].with_shape(*(total if a == axis else d for a, d in enumerate(first)))

    def starts(self, f: Record) -> list[int]:
        """Return where each input begins along the axis, and the end."""
        return [0, *itertools.accumulate(f[f"x{i}"].shape[self.axis] for i in range(self.count))]

    def forward(self, f: Record, *xs: Array) -> Array:
        return np.concatenate(xs, axis=self.axis)  # (…, n0, …), (…, n1, …) -> (…, n0 + n1, …)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        parts = np.split(dy, self.starts(f)[1:-1], axis=self.axis)
        return {f"x{i}": part for i, part in enumerate(parts)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        axis, starts = self.axis % len(index), self.starts(f)
        which = next(i for i in range(self.count) if starts[i] <= index[axis] < starts[i + 1])
        return Ref(f"x{which}", put(index, axis, index[axis] - starts[which]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        axis = self.axis % len(index)
        return [("y", put(index, axis, index[axis] + self.starts(f)[int(port[1:])]))]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x0=(Batch(), 2), x1=(Batch(), 3)), case(cls(count=1), x0=(Batch(), 1), batch=1),
                case(cls(count=3, axis=-1), x0=(Batch(), 2, 1), x1=(Batch(), 2, 2), x2=(Batch(), 2, 1)),
                case(cls(axis=0), x0=(Batch(), 2), x1=(Batch(2), 2))]


class Split(Op):
    """Cuts a tensor into equal parts along an axis."""

    category = "Shape"
    also = ("chunk", "heads", "unzip")
    count: int = attr("number of parts", default=2, min=1, max=4096)
    axis: int = attr("axis that is cut, from 0; −1 is the last, 1 the channels", default=-1)

    def output_names(self) -> tuple[str, ...]:
        return tuple(f"y{i}" for i in range(self.count))

    def line(self) -> str:
        return f"{self.count} parts · axis {self.axis}"

    def formula(self) -> str:
        return r"[y_0, y_1, \ldots] = x"

    def shape(self, x: Spec) -> tuple[Spec, ...]:
        axis = axis_of(self.axis, x)
        d = x.shape[axis]
        if (d.k if isinstance(d, Batch) else d) % self.count:
            raise ShapeError(f"cuts axis {axis} into {self.count} equal parts, but it has {d} places", "x", axis)
        part = x.with_shape(*(d // self.count if a == axis else d for a, d in enumerate(x.shape)))
        return (part,) * self.count

    def forward(self, f: Record, x: Array) -> tuple[Array, ...]:
        return tuple(np.split(x, self.count, axis=self.axis))

    def backward(self, f: Record, *dys: Array) -> dict[str, Array]:
        return {"x": np.concatenate(dys, axis=self.axis)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        axis = self.axis % len(index)
        return Ref("x", put(index, axis, index[axis] + int(output[1:]) * f[output].shape[axis]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        axis = self.axis % len(index)
        which, place = divmod(index[axis], f["y0"].shape[axis])
        return [(f"y{which}", put(index, axis, place))]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 4)), case(cls(count=3, axis=1), x=(Batch(), 3, 2)),
                case(cls(axis=0), x=(Batch(2), 2)), case(cls(count=1), x=(Batch(), 1), batch=1)]


class _Lookup(Op, register=False):
    """Ops that take rows of a table at places given by whole numbers."""

    #: The port that holds the table.
    table = "table"

    def rows(self, f: Record, index: Array, table: Array) -> Array:
        """Take rows: (…) and (n, d…) make (…, d…)."""
        check_labels(index, len(table))
        return np.asarray(table[index])

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        grad = np.zeros(f[self.table].shape, dy.dtype)
        np.add.at(grad, f["index"], dy)  # a row that was taken twice receives the sum
        return {self.table: grad}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        where = f["index"]
        return Ref(self.table, (int(where[index[:where.ndim]]), *index[where.ndim:]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        if port != self.table:
            return []
        return [("y", (*map(int, at), *index[1:])) for at in np.argwhere(f["index"] == index[0])]


class Gather(_Lookup):
    """Takes rows of a tensor at given places."""

    category = "Shape"
    also = ("index", "take", "lookup")

    def ports(self) -> tuple[Port, ...]:
        return (Port("index", help="whole numbers: which row"), Port("table", help="the rows, along axis 0"))

    def formula(self) -> str:
        return r"y_i = \mathrm{table}_{\mathrm{index}_i}"

    def shape(self, index: Spec, table: Spec) -> Spec:
        if index.kind != "index":
            raise ShapeError("takes whole numbers as places", "index")
        need_real(table, "table")
        if not table.rank:
            raise ShapeError("takes a table with rows", "table")
        return Spec((*index.shape, *table.shape[1:]))

    def forward(self, f: Record, index: Array, table: Array) -> Array:
        return self.rows(f, index, table)

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), index=Given((Batch(),), kind="index", low=0, high=3), table=(3, 2)),
                case(cls(), index=Given((Batch(), 3), kind="index", low=0, high=2), table=(2, 1, 2)),
                case(cls(), index=Given((1,), kind="index", low=0, high=1), table=(1,))]


class Embedding(_Lookup):
    """Gives every word, token or class a vector of its own, which is learned."""

    category = "Layers"
    table = "E"
    also = ("lookup", "word vectors", "token")
    count: int = attr("number of different words, tokens or classes", default=100, min=1, max=10_000_000)
    features: int = attr("length of each vector", default=16, min=1, max=1_000_000)
    init: str = attr("how the vectors start", default="normal",
                     choices=("zeros", "normal", "small", "xavier", "xavier_normal", "he"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("index", help="whole numbers: which word"), Port("E", weight=True))

    def line(self) -> str:
        return f"{self.count} × {self.features}"

    def formula(self) -> str:
        return r"y_i = E_{\mathrm{index}_i}"

    def shape(self, index: Spec) -> Spec:
        if index.kind != "index":
            raise ShapeError("takes whole numbers, such as tokens or labels", "index")
        return Spec((*index.shape, self.features))

    def weights(self, index: Spec) -> dict[str, Weight]:
        return {"E": Weight((self.count, self.features), self.init)}

    def forward(self, f: Record, index: Array, E: Array) -> Array:
        return self.rows(f, index, E)  # (B, T) -> (B, T, features)

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(count=4, features=3), index=Given((Batch(), 2), kind="index", low=0, high=4)),
                case(cls(count=1, features=1), index=Given((Batch(),), kind="index", low=0, high=1), batch=1)]


class OneHot(Op):
    """Writes each whole number as a row with a single 1 at its place."""

    category = "Shape"
    also = ("encode", "labels", "token")
    count: int = attr("number of classes or words", default=10, min=1, max=10_000_000)

    def ports(self) -> tuple[Port, ...]:
        return (Port("index", help="whole numbers: which class or word"),)

    def line(self) -> str:
        return f"{self.count} places"

    def formula(self) -> str:
        return r"y_k = 1(k = \mathrm{index})"

    def shape(self, index: Spec) -> Spec:
        if index.kind != "index":
            raise ShapeError("takes whole numbers, such as tokens or labels", "index")
        return Spec((*index.shape, self.count))

    def forward(self, f: Record, index: Array) -> Array:
        check_labels(index, self.count)
        return np.eye(self.count, dtype=f.dtype)[index]

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Num(float(f["y"][index]))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(count=3), index=Given((Batch(), 2), kind="index", low=0, high=3))]


class BagOfWords(OneHot):
    """Counts how often each word occurs in a text, whatever the order."""

    also = ("bow", "counts", "text")
    presence: bool = attr("only say whether a word occurs: 1 or 0", default=False)

    def formula(self) -> str:
        return r"y_k = 1(k \in \mathrm{words})" if self.presence else r"y_k = \sum_t 1(k = \mathrm{index}_t)"

    def shape(self, index: Spec) -> Spec:
        if index.kind != "index" or index.rank != 2:
            raise ShapeError("takes texts as whole numbers shaped (B, T)", "index")
        return Spec((index.shape[0], self.count))

    def forward(self, f: Record, index: Array) -> Array:
        check_labels(index, self.count)
        counts = np.zeros((len(index), self.count), f.dtype)
        np.add.at(counts, (np.arange(len(index))[:, None], index), 1)  # (B, T) -> (B, count)
        return np.minimum(counts, 1) if self.presence else counts

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(count=3, presence=p), index=Given((Batch(), 5), kind="index", low=0, high=3))
                for p in (False, True)]
