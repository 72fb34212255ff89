"""What a calculator is: declared attributes in, lines of arithmetic with the numbers put in out."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphlab.engine.declared import Declared
from graphlab.engine.expr import show_number
from graphlab.engine.record import Array


class CalcError(ValueError):
    """The numbers that were given cannot be calculated with: a sentence with what was needed and what came."""


@dataclass(frozen=True)
class Line:
    """One line of a calculation: what it finds, as a word, and the arithmetic as LaTeX."""

    what: str
    latex: str


@dataclass(frozen=True)
class Working:
    """A calculation: its lines, and its results by name for whoever goes on with them."""

    lines: tuple[Line, ...]
    results: Mapping[str, float]


def calculators() -> Mapping[str, type[Calculator]]:
    """Return every declared calculator by its name."""
    return types.MappingProxyType(Calculator.family)


class Calculator(Declared, register=False):
    """The base of all calculators."""

    family: ClassVar[dict[str, type[Calculator]]] = {}
    #: The lecture topic under which it is found.
    topic: ClassVar[str] = ""

    def work(self) -> Working:
        """Do the sum. Raises `CalcError` in words where the attributes are out of its reach."""
        wrong = self.problems()
        if wrong:
            raise CalcError(f"The calculator {self.title}: {wrong[0]}.")
        lines: list[Line] = []
        results = self.calculate(lines)
        return Working(tuple(lines), results)

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        """Append the lines of the working, and return the results by name."""
        raise NotImplementedError


def whole(n: int) -> str:
    """Write a whole number with groups of three digits, as LaTeX."""
    return f"{n:,}".replace(",", "{,}")


def show(v: float) -> str:
    """Write a number as LaTeX: whole ones in groups of three, others with 4 significant digits."""
    return whole(int(v)) if float(v).is_integer() and abs(v) < 1e15 else show_number(float(v))


def signed(v: float) -> str:
    """Write a number that stands behind an operator: negative ones in brackets."""
    return rf"\left({show(v)}\right)" if v < 0 else show(v)


def plus(parts: Iterable[str], limit: int = 10) -> str:
    """Join summands with plus signs; long sums show some and say how many are left out."""
    every = list(parts)
    shown = every[:limit] + ([rf"\cdots\,(\mathrm{{{len(every) - limit}\ more}})"] if len(every) > limit else [])
    return "+".join(shown)


def matrix(a: Array) -> str:
    """Write a matrix as LaTeX."""
    rows = r" \\ ".join(" & ".join(show(float(v)) for v in row) for row in np.atleast_2d(a))
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def parse_matrix(text: str, name: str) -> Array:
    """Read ``1 2; 3 4``: numbers apart by blanks or commas, rows by semicolons. Raises `CalcError` in words."""
    rows: list[list[float]] = []
    for number, row in enumerate(text.split(";"), 1):
        try:
            rows.append([float(v) for v in row.replace(",", " ").split()])
        except ValueError:
            raise CalcError(
                f"{name} needs numbers in row {number}, rows apart by ‘;’; it got ‘{row.strip()}’."
            ) from None
    widths = {len(r) for r in rows}
    if len(widths) != 1 or 0 in widths:
        lengths = ", ".join(str(len(r)) for r in rows)
        raise CalcError(f"{name} needs rows of one length, at least one number each; they have {lengths}.")
    out = np.array(rows)
    if not np.isfinite(out).all():
        raise CalcError(f"{name} needs finite numbers; it holds NaN or infinity.")
    return out


def same_length(a: Sequence[float], b: Sequence[float], names: str) -> None:
    """Raise `CalcError` in words unless two lists are equally long and not empty."""
    if len(a) != len(b) or not a:
        raise CalcError(f"{names} need the same number of entries, at least one; they have {len(a)} and {len(b)}.")
