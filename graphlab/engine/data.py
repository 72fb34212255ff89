"""Data as values: tables of named columns, splits, standardising, one-hot, batches."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from graphlab.engine.declared import Declared, attr
from graphlab.engine.record import Array, Mode, stream
from graphlab.engine.spec import Kind


class DataError(ValueError):
    """Data cannot be had or used: a sentence with what was needed, what came and what would fix it."""


@dataclass(frozen=True)
class Column:
    """One value a sample, of any shape: the first axis of ``values`` counts the samples.

    ``classes`` names what the numbers 0, 1, … of an index column stand for; ``features`` names the entries of
    the second axis of a real one. A ``target`` is what a network should learn to say; it is not standardised.
    """

    values: Array
    kind: Kind = "real"
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    target: bool = False

    @property
    def size(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self.values.shape[1:])


@dataclass(frozen=True)
class Table:
    """Named columns with one length: what a data source gives."""

    columns: Mapping[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(c.values) for name, c in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise DataError("All columns of a table need one length; these have " +
                            ", ".join(f"{n}: {k}" for n, k in lengths.items()) + ".")
        for column in self.columns.values():
            column.values.flags.writeable = False

    @property
    def n(self) -> int:
        """The number of samples."""
        return next((len(c.values) for c in self.columns.values()), 0)

    @property
    def target(self) -> str:
        """The name of the first target column, or nothing."""
        return next((name for name, c in self.columns.items() if c.target), "")

    def take(self, rows: Array) -> Table:
        """Return the table with only these rows, in this order."""
        return Table({name: replace(c, values=c.values[rows]) for name, c in self.columns.items()})


def classification(x: Array, y: Array, classes: tuple[str, ...], features: tuple[str, ...] = ()) -> Table:
    """Make the usual table: real features "x" and the class index "y"."""
    return Table({"x": Column(np.asarray(x, np.float64), features=features),
                  "y": Column(np.asarray(y, np.int64), "index", classes, target=True)})


def sources() -> Mapping[str, type[DataSource]]:
    """Return every declared data source by its name."""
    return types.MappingProxyType(DataSource.family)


class DataSource(Declared, register=False):
    """The base of everything that gives a table. The declaration is a value: name and attributes, no numbers."""

    family: ClassVar[dict[str, type[DataSource]]] = {}

    def table(self) -> Table:
        """Make or read the table; the same declaration gives the same table. Raises `DataError`."""
        raise NotImplementedError


class Split(Declared, register=False):
    """Divides samples into training, validation and test: training takes what the other two leave."""

    validation: float = attr("share of the samples for validation", default=0.2, min=0.0, max=0.9)
    test: float = attr("share of the samples for the test that is made once", default=0.0, min=0.0, max=0.9)
    seed: int = attr("what the shuffle starts from", default=0, min=0)
    stratified: bool = attr("keep the classes' shares the same in every part", default=True)

    def problems(self) -> list[str]:
        if self.validation + self.test > 0.95:
            taken = self.validation + self.test
            return [*super().problems(),
                    f"validation and test may take 95 % of the samples together; they take {taken:.0%}"]
        return super().problems()

    def rows(self, table: Table) -> dict[str, Array]:
        """Return the row numbers of "train", "validation" and "test", each in shuffled order.

        Stratified, every class is spread evenly over the order before it is cut.
        """
        rng = stream("split", Mode(seed=self.seed))
        order = rng.permutation(table.n)
        target = table.columns.get(table.target)
        if self.stratified and target is not None and target.kind == "index" and target.values.ndim == 1:
            labels = target.values[order]
            rank = np.zeros(table.n)
            for label in np.unique(labels):
                of = np.flatnonzero(labels == label)
                rank[of] = (np.arange(len(of)) + rng.random()) / len(of)
            order = order[np.argsort(rank, kind="stable")]
        n_validation, n_test = round(self.validation * table.n), round(self.test * table.n)
        cut = n_validation + n_test
        return {"train": rng.permutation(order[cut:]), "validation": order[:n_validation],
                "test": order[n_validation:cut]}


@dataclass(frozen=True)
class Standardiser:
    """Shifts and scales real columns to mean 0 and variance 1, as measured on the training rows alone.

    x ← (x − μ) / σ, entry by entry of a sample; σ divides by n, and an entry that never changes keeps σ = 1.
    """

    mean: Mapping[str, Array]
    std: Mapping[str, Array]

    @classmethod
    def fit(cls, table: Table, rows: Array) -> Standardiser:
        """Measure μ and σ of every real column that is no target, on these rows."""
        mean, std = {}, {}
        for name, column in table.columns.items():
            if column.kind == "real" and not column.target and len(rows):
                part = np.asarray(column.values[rows], np.float64)
                mean[name] = part.mean(axis=0)
                spread = part.std(axis=0)
                std[name] = np.where(spread > 1e-12 * (1.0 + np.abs(mean[name])), spread, 1.0)
        return cls(mean, std)

    def apply(self, table: Table) -> Table:
        """Return the table standardised."""
        return Table({name: replace(c, values=self.values(name, c.values)) for name, c in table.columns.items()})

    def values(self, name: str, values: Array) -> Array:
        """Return values of the column ``name`` standardised; of others as they are."""
        return (values - self.mean[name]) / self.std[name] if name in self.mean else values

    def undo(self, name: str, values: Array) -> Array:
        """Return standardised values of the column ``name`` in their own unit again."""
        return values * self.std[name] + self.mean[name] if name in self.mean else values


def one_hot(labels: Array, classes: int, dtype: Any = np.float64) -> Array:
    """Return a vector for every label with 1 at its class and 0 elsewhere: (n,) → (n, classes)."""
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise DataError(f"The labels have to lie in 0…{classes - 1}; one is {wrong[0]}.")
    out = np.zeros((*labels.shape, classes), dtype)
    np.put_along_axis(out, labels[..., None], 1, axis=-1)
    return out


def shuffled(n: int, seed: int, epoch: int) -> Array:
    """Return the order of n samples in one epoch, keyed by the seed."""
    return stream("shuffle", Mode(seed=seed, update=epoch)).permutation(n)


def batches(n: int, batch: int, seed: int, epoch: int) -> Iterator[Array]:
    """Cut the shuffled order of one epoch into ⌈n / batch⌉ batches; the last one may be smaller."""
    order = shuffled(n, seed, epoch)
    for at in range(0, n, batch):
        yield order[at:at + batch]
