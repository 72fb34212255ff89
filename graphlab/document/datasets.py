"""The data sources that read files: those that come with GraphLab, and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from graphlab.document.npz import read_npz
from graphlab.document.readers import read_csv
from graphlab.engine.data import Column, DataError, DataSource, Standardiser, Table
from graphlab.engine.declared import attr
from graphlab.engine.record import Array
from graphlab.engine.setup import Setup
from graphlab.resources import resource


class Digits(DataSource):
    """1,797 handwritten digits, 8×8 pixels from 0 (paper) to 1 (ink)."""

    source = "Alpaydin, Kaynak 1998, UCI Machine Learning Repository"

    def line(self) -> str:
        return "1,797 pictures, 8×8, 10 classes"

    def table(self) -> Table:
        with np.load(resource("data/digits.npz"), allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
        return Table({"x": Column(images / 16.0),
                      "y": Column(labels.astype(np.int64), "index", tuple("0123456789"), target=True)})


class Iris(DataSource):
    """150 flowers of three species of iris, each measured four times."""

    source = "Fisher 1936"

    def line(self) -> str:
        return "150 samples, 4 features, 3 classes"

    def table(self) -> Table:
        return read_csv(resource("data/iris.csv"))


class Wine(DataSource):
    """178 wines of three cultivars with thirteen chemical measurements, on very different scales."""

    source = "Aeberhard, Forina 1992, UCI Machine Learning Repository"

    def line(self) -> str:
        return "178 samples, 13 features, 3 classes"

    def table(self) -> Table:
        return read_csv(resource("data/wine.csv"))


class CSV(DataSource):
    """A table as text: one line a sample, columns between commas, semicolons or tabs."""

    title = "CSV file"
    path: str = attr("the file", default="")
    target: str = attr("name or number (from 1) of the column to learn; empty: the last one", default="")
    kind: str = attr("what the target is; automatic: classes where it is text or has few whole numbers",
                     default="automatic", choices=("automatic", "classes", "number"))
    missing: str = attr("what happens to lines with missing values", default="refuse",
                        choices=("refuse", "leave out", "mean"))

    def line(self) -> str:
        return Path(self.path).name

    def table(self) -> Table:
        return read_csv(chosen_file(self.path, "CSV"), self.target, self.kind, self.missing)


class NPZ(DataSource):
    """Arrays in NumPy's .npz format, each with one row a sample."""

    title = "NumPy file"
    path: str = attr("the file", default="")
    features: str = attr("array of the samples; empty: x, images or data, else the first", default="")
    target: str = attr("array to learn; empty: y, labels or target, if there is one", default="")

    def line(self) -> str:
        return Path(self.path).name

    def table(self) -> Table:
        return read_npz(chosen_file(self.path, ".npz"), self.features, self.target)


def chosen_file(path: str, kind: str) -> Path:
    """Return the path of a user's file. Raises `DataError` where none is chosen."""
    if not path:
        raise DataError(f"The data set needs a {kind} file; none is chosen.")
    return Path(path).expanduser()


@dataclass(frozen=True)
class Loaded:
    """A setup's data, read: ``table`` as it came, ``scaled`` as the network sees it, and who trains on what."""

    setup: Setup
    table: Table
    scaled: Table
    standardiser: Standardiser
    rows: Mapping[str, Array]

    def __len__(self) -> int:
        return self.table.n

    @property
    def labels(self) -> Array | None:
        """The class of every sample, or None where there are no classes."""
        target = self.table.columns.get(self.table.target)
        return None if target is None or target.kind != "index" else target.values

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        target = self.table.columns.get(self.table.target)
        return () if target is None else target.classes

    def part(self, row: int) -> str:
        """Return whether a sample is for "train", "validation" or "test"."""
        return next((name for name, rows in self.rows.items() if (rows == row).any()), "")


@lru_cache(maxsize=8)
def _read(source: DataSource, stamp: int) -> Table:
    """Read a source once as long as its file (``stamp``: when it was changed) stays as it is."""
    return source.table()


def load_table(source: DataSource) -> Table:
    """Read or make a source's table, or take it from memory. Raises `DataError` in words."""
    path = getattr(source, "path", "")
    problems = source.problems()
    if problems:
        raise DataError(f"The data set {source.title}: {'; '.join(problems)}.")
    try:
        return _read(source, chosen_file(path, source.title).stat().st_mtime_ns if path else 0)
    except OSError as e:
        raise DataError(f"The data file {path or source.title} cannot be read: {e.strerror or e}.") from e


def load_data(setup: Setup) -> Loaded:
    """Read, split and standardise the data of a setup. Raises `DataError` in words."""
    table = load_table(setup.data)
    rows = setup.split.rows(table)
    standardiser = Standardiser.fit(table, rows["train"]) if setup.standardise else Standardiser({}, {})
    return Loaded(setup, table, standardiser.apply(table) if setup.standardise else table, standardiser, rows)
