"""Reading the user's tables: CSV in its dialects."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphlab.engine.data import Column, DataError, Table, one_hot
from graphlab.engine.record import Array

MAX_FILE = 256 * 2**20
MAX_CELLS = 20_000_000
MAX_CLASSES = 1000
#: A column of whole numbers with at most so many different ones is taken for classes, unless none comes twice.
FEW = 20
MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "null"})

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?\Z")


@dataclass(frozen=True)
class Raw:
    """A CSV file as text: names of the columns, cells, the line of each row, and how numbers are written."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]
    decimal: str

    def column(self, i: int) -> list[str]:
        """Return one column from top to bottom."""
        return [row[i] for row in self.rows]


def read_csv(path: Path, target: str = "", kind: str = "automatic", missing: str = "refuse") -> Table:
    """Read a table of features "x" and a target "y"; see `graphlab.document.datasets.CSV` for the choices.

    Separator, decimal comma and header are found out. Features that are text become one-hot. Raises `DataError`
    with the line.
    """
    raw = parse(decode(path), path.name)
    at = find_target(raw, target, path.name)
    raw = complete(raw, missing, at, path.name)
    x, features = [], []
    for i, name in enumerate(raw.names):
        if i == at:
            continue
        numbers = to_numbers(raw, i, path.name)
        if numbers is not None:
            x.append(numbers[:, None])
            features.append(name)
        else:
            labels, classes = to_classes(raw.column(i), name, path.name)
            x.append(one_hot(labels, len(classes)))
            features += [f"{name} = {c}" for c in classes]
    columns = {"x": Column(np.concatenate(x, axis=1), features=tuple(features))} if x else {}
    return Table(columns | {"y": to_target(raw, at, kind, path.name)})


def decode(path: Path) -> str:
    """Return a file's text: UTF-8, or Windows-1252 as spreadsheets in western Europe write it."""
    size = path.stat().st_size
    if size > MAX_FILE:
        raise DataError(f"{path.name} has {size / 2**20:,.0f} MiB; a CSV file may have {MAX_FILE / 2**20:,.0f}.")
    data = path.read_bytes()
    if b"\0" in data[:4096]:
        raise DataError(f"{path.name} is no text; a CSV file is text with one line a sample. Spreadsheets save it "
                        "as ‘CSV UTF-8’.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def parse(text: str, file: str) -> Raw:
    """Cut a text into cells: find the separator, check that every line has all of them, find the header."""
    first = [line for line in itertools.islice(io.StringIO(text), 50) if line.strip()]
    if not first:
        raise DataError(f"{file} is empty; a CSV file needs a line for every sample.")
    separator = find_separator(first)
    rows, places = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    cells = 0
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            rows.append([cell.strip() for cell in row])
            places.append(reader.line_num)
            cells += len(row)
            if cells > MAX_CELLS:
                raise DataError(f"{file} has more than {MAX_CELLS:,} cells, which is more than GraphLab reads.")
    except csv.Error as e:
        raise DataError(f"{file}, line {reader.line_num}: {e}.") from e
    width = len(rows[0])
    for row, line in zip(rows, places, strict=True):
        if len(row) != width:
            raise DataError(f"{file}, line {line} has {len(row)} cells, but line {places[0]} has {width}; every line "
                            f"needs the same number of them (the separator is {separator!r}).")
    decimal = find_decimal(rows, separator)
    header = has_header(rows, decimal)
    names = tuple(n or f"column {i + 1}" for i, n in enumerate(rows[0])) if header else tuple(
        f"column {i + 1}" for i in range(width))
    if len(set(names)) < len(names):
        twice = next(n for i, n in enumerate(names) if n in names[:i])
        raise DataError(f"{file}, line {places[0]}: two columns are called ‘{twice}’; every column needs its own name.")
    if len(rows) == header:
        raise DataError(f"{file} has a header and no samples; it needs a line for every sample below it.")
    return Raw(names, rows[header:], places[header:], decimal)


def find_separator(lines: Sequence[str]) -> str:
    """Return the character that cuts the lines into the same number of cells, as many as can be."""
    best, score = ",", (0.0, 0)
    for candidate in (";", "\t", "|", ","):
        counts = [len(row) for row in csv.reader(lines, delimiter=candidate) if row]
        usual = max(set(counts), key=counts.count)
        if usual > 1 and (counts.count(usual) / len(counts), usual) > score:
            best, score = candidate, (counts.count(usual) / len(counts), usual)
    return best


def find_decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    """Return the decimal sign: a comma where more cells are numbers with one than with a point."""
    if separator == "," and not any("," in cell for row in rows for cell in row):
        return "."
    cells = [cell for row in rows[:200] for cell in row]
    commas = sum(bool(_COMMA.match(c)) for c in cells)
    points = sum("." in c and bool(_NUMBER.match(c)) for c in cells)
    return "," if commas > points else "."


def number(cell: str, decimal: str) -> float | None:
    """Return a cell's number, or None where it is none."""
    if decimal == ",":
        cell = cell.replace(",", ".")
    if not _NUMBER.match(cell):
        return None
    value = float(cell)
    return value if math.isfinite(value) else None


def has_header(rows: Sequence[Sequence[str]], decimal: str) -> bool:
    """Tell whether the first line names the columns: none of its cells is a number, as in lines of data they are."""
    if any(number(cell, decimal) is not None for cell in rows[0]):
        return False
    numbers_below = any(number(c, decimal) is not None for row in rows[1:20] for c in row)
    return numbers_below or all(not any(c == row[i] for row in rows[1:]) for i, c in enumerate(rows[0]))


def complete(raw: Raw, missing: str, target: int, file: str) -> Raw:
    """Deal with missing values: refuse them by name, leave their lines out, or put the column's mean there.

    A missing target is never made up: its line is left out.
    """
    gaps = [(r, i) for r, row in enumerate(raw.rows) for i, c in enumerate(row) if c.lower() in MISSING]
    if not gaps:
        return raw
    if missing == "refuse":
        column = gaps[0][1]
        lines = [raw.lines[r] for r, i in gaps if i == column]
        others = len({i for _, i in gaps}) - 1
        more = "1 other column has" if others == 1 else f"{others} other columns have"
        raise DataError(f"{file}: the column ‘{raw.names[column]}’ has no value in {in_words(lines)}"
                        + (f", and {more} gaps too" if others else "")
                        + ". Fill them in, or choose to leave such lines out or to put the column's mean there.")
    gone = {r for r, i in gaps if missing == "leave out" or i == target}
    if gone:
        keep = [r for r in range(len(raw.rows)) if r not in gone]
        if not keep:
            raise DataError(f"{file}: every line has a missing value, so that leaving them out leaves nothing.")
        part = Raw(raw.names, [raw.rows[r] for r in keep], [raw.lines[r] for r in keep], raw.decimal)
        return complete(part, missing, target, file)
    rows = [list(row) for row in raw.rows]
    for column in {i for _, i in gaps}:
        known = [v for row in raw.rows if (v := number(row[column], raw.decimal)) is not None]
        if not known:
            raise DataError(f"{file}: the column ‘{raw.names[column]}’ has missing values and no numbers to take the "
                            "mean of; leave such lines out instead.")
        mean = repr(sum(known) / len(known))
        for r, i in gaps:
            if i == column:
                rows[r][i] = mean.replace(".", raw.decimal)
    return Raw(raw.names, rows, raw.lines, raw.decimal)


def in_words(lines: Sequence[int]) -> str:
    """Name some lines: ``lines 3, 7 and 2 more``."""
    if len(lines) == 1:
        return f"line {lines[0]}"
    shown = ", ".join(map(str, lines[:5]))
    return f"lines {shown} and {len(lines) - 5} more" if len(lines) > 5 else f"lines {shown}"


def find_target(raw: Raw, target: str, file: str) -> int:
    """Return the place of the target column: by name, by number from 1, or the last."""
    if not target:
        return len(raw.names) - 1
    if target in raw.names:
        return raw.names.index(target)
    if target.isdecimal() and 1 <= int(target) <= len(raw.names):
        return int(target) - 1
    raise DataError(f"{file} has no column ‘{target}’; it has {', '.join(raw.names[:20])}.")


def to_numbers(raw: Raw, i: int, file: str) -> Array | None:
    """Return a column's numbers, or None where it is text. Raises `DataError` for single cells that are none."""
    values = [number(cell, raw.decimal) for cell in raw.column(i)]
    bad = [r for r, v in enumerate(values) if v is None]
    if len(bad) * 2 > len(values):
        return None
    if bad:
        raise DataError(f"{file}, line {raw.lines[bad[0]]}, column ‘{raw.names[i]}’: ‘{raw.rows[bad[0]][i][:40]}’ is "
                        f"no number, but {len(values) - len(bad)} of the column's {len(values)} cells are.")
    return np.array(values, np.float64)


def to_classes(cells: Iterable[str], name: str, file: str) -> tuple[Array, tuple[str, ...]]:
    """Return the classes of a column as numbers from 0, and their names: in order, numbers by size."""
    cells = list(cells)
    names = sorted(set(cells), key=lambda c: (0, float(c), c) if _NUMBER.match(c) else (1, 0.0, c))
    if len(names) > MAX_CLASSES:
        raise DataError(f"{file}: the column ‘{name}’ has {len(names):,} different texts; at most {MAX_CLASSES:,} can "
                        "be classes. Remove the column if it only names the samples.")
    place = {c: i for i, c in enumerate(names)}
    return np.array([place[c] for c in cells], np.int64), tuple(names)


def to_target(raw: Raw, at: int, kind: str, file: str) -> Column:
    """Return the target column: classes or one number a sample."""
    name = raw.names[at]
    numbers = None if kind == "classes" else to_numbers(raw, at, file)
    if kind == "number" and numbers is None:
        raise DataError(f"{file}: the target ‘{name}’ should be a number, but ‘{raw.rows[0][at][:40]}’ in line "
                        f"{raw.lines[0]} is none; choose classes instead.")
    whole = numbers is not None and bool((numbers == np.round(numbers)).all())
    distinct = 0 if numbers is None else len(np.unique(numbers))
    if numbers is not None and (kind == "number" or not whole or distinct > FEW or distinct == len(numbers)):
        return Column(numbers[:, None], features=(name,), target=True)
    labels, classes = to_classes(raw.column(at), name, file)
    return Column(labels, "index", classes, target=True)
