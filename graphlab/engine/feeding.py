"""From the columns of a table to the Inputs of a network: which goes where, and in which shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from graphlab.engine.data import Column, DataError, Standardiser, Table, one_hot
from graphlab.engine.fast.streams import Clock, Stream
from graphlab.engine.plan import Plan, Step
from graphlab.engine.record import Array, Mode
from graphlab.engine.setup import Setup
from graphlab.engine.spec import Batch, Spec, show_shape


def sample_size(spec: Spec) -> tuple[int, ...]:
    """Return the shape of one sample of an Input: its spec without the batch axis."""
    return tuple(d for d in spec.shape if not isinstance(d, Batch))


def fitted(column: Column, spec: Spec, names: tuple[str, str] = ("x", "x")) -> Array:
    """Return a column as an Input takes it. Raises `DataError`, naming (column, Input), where it does not fit.

    Samples are reshaped where the count of numbers agrees. Class labels become one-hot vectors where the Input
    takes as many real numbers as there are classes, and plain numbers where it takes one.
    """
    of, name = names
    size, values = sample_size(spec), column.values
    rows, count = len(values), math.prod(column.size)
    if spec.kind == "real":
        classes = len(column.classes)
        if column.kind == "index" and count == 1 and math.prod(size) == classes and classes > 1:
            return one_hot(values.reshape(rows), classes, np.float32).reshape(rows, *size)
        if count == math.prod(size):
            return values.astype(np.float32).reshape(rows, *size)
        known = f", or {classes} for one-hot vectors," if classes > 1 and column.kind == "index" else ""
        raise DataError(f"The Input ‘{name}’ takes {show_shape(size)} a sample, but the column ‘{of}’ has "
                        f"{show_shape(column.size)}; give the Input that size{known} or feed another column.")
    if column.kind == "real":
        raise DataError(f"The Input ‘{name}’ takes {spec.kind} numbers, but the column ‘{of}’ holds real ones; "
                        "set the Input's kind to real or feed a column of classes.")
    if count != math.prod(size):
        raise DataError(f"The Input ‘{name}’ takes {show_shape(size)} a sample, but the column ‘{of}’ has "
                        f"{show_shape(column.size)}; give the Input that size or feed another column.")
    return values.astype(np.bool_ if spec.kind == "bool" else np.int64).reshape(rows, *size)


#: Bytes of a sample from which on an epoch is not gathered at once.
LARGE_SAMPLE = 4096


class InOrder:
    """Samples of an array in an order of their own, gathered a batch at a time.

    For large samples: an epoch of them, gathered at once, would only have to be fetched from memory again.
    """

    def __init__(self, whole: Array, order: Array) -> None:
        self.whole = whole
        self.order = order
        self._batch = np.empty((0, *whole.shape[1:]), whole.dtype)

    def __getitem__(self, part: slice) -> Array:
        rows = self.order[part]
        if len(self._batch) != len(rows):
            self._batch = np.empty((len(rows), *self.whole.shape[1:]), self.whole.dtype)
        return np.take(self.whole, rows, axis=0, out=self._batch, mode="clip")  # other modes make a copy


def in_order(whole: Array, order: Array, old: Array | InOrder | None) -> Array | InOrder:
    """Return samples in another order, in the memory of ``old`` where there is some."""
    if len(whole) and whole[0].nbytes >= LARGE_SAMPLE:
        return InOrder(whole, order)
    into: Array = old if isinstance(old, np.ndarray) else np.empty((len(order), *whole.shape[1:]), whole.dtype)
    return np.take(whole, order, axis=0, out=into, mode="clip")


@dataclass(frozen=True)
class Prepared:
    """A table split, standardised and laid out for the Inputs of one plan.

    ``arrays`` hold all samples by Input path, ``drawn`` what is made up for each batch, ``columns`` which column
    feeds which path, ``problems`` why an Input that is missing here has nothing to eat.
    """

    table: Table
    rows: Mapping[str, Array]
    standardiser: Standardiser
    specs: Mapping[str, Spec]
    arrays: Mapping[str, Array]
    drawn: Mapping[str, str]
    columns: Mapping[str, str]
    problems: Mapping[str, str]
    seed: int

    def draw(self, path: str, n: int, mode: Mode) -> Array:
        """Make n samples for an Input that no column feeds: noise of one update, or one number everywhere."""
        return self.drawing(path, mode.seed, mode.phase)(n, mode.update)

    def drawing(self, path: str, seed: int, phase: int) -> Callable[[int, int], Array]:
        """Return the function of (n, update) that makes n samples for such an Input, quickly when called again."""
        kind, _, what = self.drawn[path].partition(":")
        spec, clock = self.specs[path], Clock(seed, phase)
        stream = Stream(f"{path}/noise", clock)

        def make(n: int, update: int) -> Array:
            if kind == "fill":
                return np.full(spec.concrete(n), float(what), np.float32)
            clock.update = update
            rng = stream.restart()
            if what == "uniform":
                return rng.random(spec.concrete(n), dtype=np.float32)
            return rng.standard_normal(spec.concrete(n), dtype=np.float32)

        return make

    def feeds(self, rows: Array, mode: Mode | None = None, paths: Collection[str] | None = None) -> dict[str, Array]:
        """Return what every Input (or those of ``paths``) receives for these rows of the table."""
        mode = mode or Mode(seed=self.seed)
        out = {p: a[rows] for p, a in self.arrays.items() if paths is None or p in paths}
        return out | {p: self.draw(p, len(rows), mode) for p in self.drawn if paths is None or p in paths}

    def labels(self, path: str) -> Array | None:
        """Return the classes of all samples where the Input at ``path`` is fed by a column of classes."""
        column = self.table.columns.get(self.columns.get(path, ""))
        return column.values if column is not None and column.kind == "index" and column.classes else None


def prepare(plan: Plan, table: Table, setup: Setup) -> Prepared:
    """Split and standardise a table as the setup says, and fit its columns to the plan's Inputs."""
    rows = setup.split.rows(table)
    standardiser = Standardiser({}, {})
    if setup.standardise:
        standardiser = Standardiser.fit(table, rows["train"])
        table = standardiser.apply(table)
    return match(plan, table, setup, rows, standardiser)


def match(
    plan: Plan, table: Table, setup: Setup, rows: Mapping[str, Array], standardiser: Standardiser,
) -> Prepared:
    """Fit the columns of a table, already standardised, to the plan's Inputs."""
    given = dict(setup.feed)
    arrays: dict[str, Array] = {}
    drawn: dict[str, str] = {}
    columns: dict[str, str] = {}
    problems: dict[str, str] = {}
    specs = {s.path: plan.slots[s.outputs["y"]].spec for s in plan.inputs}
    for step in plan.inputs:
        path, spec = step.path, specs[step.path]
        try:
            source = given.get(path) or suggest(plan, step, table)
            if source in ("noise:normal", "noise:uniform") or source.startswith("fill:"):
                check_drawn(source, spec, step.node.name)
                drawn[path] = source
            elif source in table.columns:
                arrays[path] = fitted(table.columns[source], spec, (source, step.node.name))
                columns[path] = source
            else:
                raise DataError(f"The Input ‘{step.node.name}’ is fed from ‘{source}’, which the data do not have; "
                                f"they have {', '.join(table.columns)}, and noise:normal, noise:uniform and "
                                "fill:1 are made up.")
        except DataError as e:
            problems[path] = str(e)
    return Prepared(table, rows, standardiser, specs, arrays, drawn, columns, problems, setup.seed)


def check_drawn(source: str, spec: Spec, name: str) -> None:
    """Raise `DataError` where an Input cannot take numbers that are made up."""
    if spec.kind != "real":
        raise DataError(f"The Input ‘{name}’ takes {spec.kind} numbers, but {source} makes real ones.")
    if source.startswith("fill:"):
        try:
            number = float(source.removeprefix("fill:"))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise DataError(f"The Input ‘{name}’ is fed from ‘{source}’, which needs a number, such as fill:1.")


def is_target(plan: Plan, step: Step) -> bool:
    """Tell whether an Input is what some loss compares with: it is wired into a loss's second input or later."""
    slot = step.outputs["y"]
    return any(slot in list(s.inputs.values())[1:] for s in plan.steps if s.op.category == "Losses")


def suggest(plan: Plan, step: Step, table: Table) -> str:
    """Choose a column for an Input that the setup does not name: targets for a loss, otherwise what fits.

    Raises `DataError` where nothing does.
    """
    spec = plan.slots[step.outputs["y"]].spec
    target = is_target(plan, step)
    names = sorted(table.columns, key=lambda n: table.columns[n].target != target)
    wrong = ""
    for name in names:
        if table.columns[name].target and not target:
            continue  # what is to be learned is no feature
        try:
            fitted(table.columns[name], spec, (name, step.node.name))
        except DataError as e:
            wrong = wrong or str(e)
        else:
            return name
    raise DataError(wrong or f"The Input ‘{step.node.name}’ needs data shaped {spec}; the table has no columns.")
