"""Reading the user's arrays: NumPy's .npz, without pickles, every size checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from graphlab.document.arrays import read_arrays
from graphlab.document.codec import FormatError
from graphlab.engine.data import Column, DataError, Table
from graphlab.engine.record import Array
from graphlab.engine.spec import show_shape

MAX_FILE = 2**30
MAX_CLASSES = 10_000
_FEATURES = ("x", "images", "data", "features", "inputs", "x_train")
_TARGETS = ("y", "labels", "label", "target", "targets", "classes", "y_train")


def read_npz(path: Path, features: str = "", target: str = "") -> Table:
    """Read arrays with one row a sample as the columns "x" and "y"; others of that length keep their names.

    Whole numbers of one axis are classes where they are the target, and index numbers otherwise. Raises `DataError`.
    """
    size = path.stat().st_size
    if size > MAX_FILE:
        raise DataError(f"{path.name} has {size / 2**20:,.0f} MiB; an .npz file may have {MAX_FILE / 2**20:,.0f}.")
    try:
        arrays = {n: a for n, a in read_arrays(path.read_bytes(), f"The arrays of {path.name}").items() if a.ndim}
    except FormatError as e:
        raise DataError(f"{e}.") from None
    if not arrays:
        raise DataError(f"{path.name} holds no array with a row for every sample; "
                        "np.savez('file.npz', x=…, y=…) writes one.")
    y = named(arrays, target, _TARGETS, path.name)
    x = named(arrays, features, _FEATURES, path.name) or next((n for n in arrays if n != y), "")
    if not x:
        raise DataError(f"{path.name} holds only ‘{y}’; it needs an array of samples beside the target.")
    n = len(arrays[x])
    if not n:
        raise DataError(f"{path.name}: ‘{x}’ has the shape {show_shape(arrays[x].shape)}, which is no sample at all.")
    if y and len(arrays[y]) != n:
        raise DataError(f"{path.name}: ‘{x}’ has {n:,} samples, but ‘{y}’ has {len(arrays[y]):,}; every sample "
                        "needs its target.")
    columns = {"x": to_column(arrays[x], f"{path.name}: ‘{x}’")}
    if y:
        columns["y"] = to_target(arrays[y], f"{path.name}: ‘{y}’")
    for name, array in arrays.items():
        if name not in (x, y) and name not in columns and len(array) == n:
            columns[name] = to_column(array, f"{path.name}: ‘{name}’")
    return Table(columns)


def named(arrays: Mapping[str, Array], chosen: str, usual: Iterable[str], file: str) -> str:
    """Return the array that was chosen, or the first with a usual name in any case, or nothing."""
    if chosen and chosen not in arrays:
        raise DataError(f"{file} has no array ‘{chosen}’; it has {', '.join(list(arrays)[:20])}.")
    by_name = {n.lower(): n for n in arrays}
    return chosen or next((by_name[n] for n in usual if n in by_name), "")


def to_column(array: Array, where: str) -> Column:
    """Turn an array into a column: real numbers that are finite, or index numbers if it is flat and whole."""
    if array.dtype.kind == "b":
        return Column(array.copy(), "bool")
    if array.dtype.kind in "iu" and array.ndim == 1 and int(array.min()) >= 0:
        return Column(array.astype(np.int64), "index")
    real = array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64)
    if not np.isfinite(real).all():
        sample = int(np.argwhere(~np.isfinite(real))[0][0])
        raise DataError(f"{where} holds NaN or inf, first in sample {sample}; every number has to be finite.")
    return Column(real)


def to_target(array: Array, where: str) -> Column:
    """Turn an array into the target: whole numbers from 0 are classes, others numbers to predict."""
    flat = array.reshape(len(array)) if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.dtype.kind in "iub" and flat.ndim == 1:
        low, high = int(flat.min()), int(flat.max())
        if low >= 0 and high < MAX_CLASSES:
            return Column(flat.astype(np.int64), "index", tuple(map(str, range(high + 1))), target=True)
    column = to_column(array.astype(np.float64), where)
    return Column(column.values.reshape(len(array), -1) if array.ndim == 1 else column.values, target=True)
