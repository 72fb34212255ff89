"""Tensors as text: CSV for a spreadsheet, Python for a script, LaTeX for a page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphlab.engine.expr import show_number
from graphlab.engine.op import Array

Writer = Callable[[Array, str], str]
#: Numbers that a text may hold; more belong into a file.
MOST = 1_000_000
_MOST_LATEX = 2_000


def _check(array: Array, name: str, most: int, kind: str) -> None:
    if array.size > most:
        raise ValueError(f"{name} has {array.size:,} numbers; {kind} text takes at most {most:,}. "
                         "Choose a smaller tensor.")


def _digits(value: object) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)


def csv(array: Array, name: str) -> str:
    """Write one row a line with every digit; of more than two axes, the first ones stand in front as indices.

    Raises ValueError in words for more than a million numbers.
    """
    _check(array, name, MOST, "CSV")
    if array.ndim <= 2:
        return "".join(",".join(map(_digits, row)) + "\n" for row in np.atleast_2d(array))
    head = [f"axis{a}" for a in range(array.ndim - 1)] + [f"{name}{i}" for i in range(array.shape[-1])]
    lines = [",".join(head)]
    lines += [",".join([*map(str, at), *map(_digits, array[at])]) for at in np.ndindex(*array.shape[:-1])]
    return "\n".join(lines) + "\n"


def python(array: Array, name: str) -> str:
    """Write ``name = np.array(…)`` with every digit. Raises ValueError in words for more than a million numbers."""
    _check(array, name, MOST, "Python")
    with np.printoptions(threshold=MOST + 1, floatmode="unique", linewidth=100):
        body = np.array2string(array, separator=", ", prefix=" " * (len(name) + 12))
    variable = name if name.isidentifier() else "x"
    return f"{variable} = np.array({body.replace('nan', 'np.nan').replace('inf', 'np.inf')}, dtype=np.{array.dtype})\n"


def latex(array: Array, name: str) -> str:
    """Write a matrix with 4 significant digits; of more than two axes, one matrix for each place on the first ones.

    Raises ValueError in words for more than two thousand numbers.
    """
    _check(array, name, _MOST_LATEX, "LaTeX")
    letter = name if len(name) == 1 else rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
    if array.ndim == 0:
        return f"{letter} = {show_number(float(array))}"
    if array.ndim <= 2:
        return f"{letter} = {matrix(array)}"
    return " \\\\\n".join(f"{letter}_{{{','.join(map(str, at))}}} = {matrix(array[at])}"
                          for at in np.ndindex(*array.shape[:-2]))


def matrix(array: Array) -> str:
    """Write a vector or matrix as a ``pmatrix``."""
    rows = [" & ".join(show_number(float(v)) for v in row) for row in np.atleast_2d(array)]
    return "\\begin{pmatrix}\n" + " \\\\\n".join(rows) + "\n\\end{pmatrix}"

