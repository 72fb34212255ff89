"""Channels one by one: their statistics, and which of them are dead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphlab.engine.record import Array


@dataclass(frozen=True)
class Channels:
    """Minimum, mean, maximum and standard deviation (divided by n) of each channel, over samples and places.

    ``dead`` are channels that are 0 for every sample and place, ``constant`` those that never change but are not 0,
    ``broken`` those that hold NaN or ∞; statistics are those of the finite numbers.
    """

    low: Array
    mean: Array
    high: Array
    std: Array
    dead: Array
    constant: Array
    broken: Array

    def __len__(self) -> int:
        return len(self.mean)


def by_channel(value: Array) -> Array:
    """Lay a value out as (channels, everything else).

    Axis 1 is the channel of pictures (B, C, H, W) and of units (B, n); sequences (B, T, n) have theirs last.
    A vector is one channel a number, a single number one channel.
    """
    v = np.asarray(value)
    v = v.reshape(1, -1) if v.ndim < 2 else v
    axis = v.ndim - 1 if v.ndim == 3 else 1
    return np.moveaxis(v, axis, 0).reshape(v.shape[axis], -1).astype(np.float64)


def channels(value: Array) -> Channels:
    """Measure each channel of a value."""
    rows = by_channel(value)
    finite = np.isfinite(rows)
    some = finite.any(axis=1)
    count = np.maximum(finite.sum(axis=1), 1)
    kept = np.where(finite, rows, 0.0)
    mean = kept.sum(axis=1) / count
    std = np.sqrt(np.where(finite, (kept - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    low = np.where(finite, rows, np.inf).min(axis=1, initial=np.inf)
    high = np.where(finite, rows, -np.inf).max(axis=1, initial=-np.inf)
    nan = np.where(some, 0.0, np.nan)
    dead = (rows == 0).all(axis=1) & (rows.shape[1] > 0)
    broken = np.asarray(~finite.all(axis=1))
    constant = ~dead & ~broken & (low == high) & (rows.shape[1] > 1)
    return Channels(np.where(some, low, np.nan), mean + nan, np.where(some, high, np.nan), std + nan, dead, constant,
                    broken)


def maps(value: Array, sample: int) -> list[Array]:
    """Return one sample as pictures, one a channel: (H, W) of images, (1, T) of sequences; none of plain units."""
    v = np.asarray(value)
    if v.ndim == 4:
        return list(v[sample])
    if v.ndim == 3:
        return [row[None] for row in v[sample].T]
    return []


def verdict(output: Channels, gradient: Channels | None, samples: int) -> str:
    """Say how many channels are dead, constant or broken, and where no gradient arrives."""
    n, over = len(output), f"for all {samples} samples looked at"
    found = []
    for which, is_one, are in (
        (output.dead, "is dead: 0", "are dead: 0"),
        (output.constant, "never changes", "never change"),
        (output.broken, "holds NaN or ∞", "hold NaN or ∞"),
    ):
        if which.any():
            words = is_one if which.sum() == 1 else are
            found.append(f"{int(which.sum())} of {n} {words} {_over(over, which, output)}")
    if gradient is not None and gradient.dead.any():
        found.append(f"{int(gradient.dead.sum())} of {n} receive no gradient ({_names(gradient.dead)})")
    return ("; ".join(found) if found else f"All {n} are alive {over.replace('for all', 'over the')}") + "."


def _over(over: str, which: Array, output: Channels) -> str:
    words = "" if which is output.broken else f"{over} "
    return f"{words}({_names(which)})"


def _names(which: Array, most: int = 8) -> str:
    numbers = [str(int(i)) for i in np.flatnonzero(which)]
    return "number " * (len(numbers) == 1) + ", ".join(numbers[:most]) + ", …" * (len(numbers) > most)
