"""Windows that slide over pictures: their geometry, and the views and sums that convolution and pooling need."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphlab.engine.op import Array, Fix
from graphlab.engine.spec import Batch, ShapeError, Spec

Ints = tuple[int, ...]

PADDINGS = ("valid", "same", "half", "pixels")
PADDING_HELP = ("valid: none; same: output ⌈n/S⌉, an odd pixel goes behind (TensorFlow); half: ⌊K/2⌋ on each side "
                "(PyTorch's habit); pixels: as many as `pixels` says")


def each(values: Ints, axes: int) -> Ints:
    """Repeat a single number for every axis."""
    return values * axes if len(values) == 1 else values


@dataclass(frozen=True)
class Window:
    """How a kernel slides along each axis: sizes, steps, and the pixels put before and behind."""

    size: Ints
    kernel: Ints
    stride: Ints
    dilation: Ints
    before: Ints
    after: Ints

    @property
    def out(self) -> Ints:
        """The number of places along each axis: ⌊(n + P − K_eff)/S⌋ + 1."""
        return tuple((n + a + b - ((k - 1) * d + 1)) // s + 1 for n, k, s, d, a, b in zip(
            self.size, self.kernel, self.stride, self.dilation, self.before, self.after, strict=True))

    def padded(self, x: Array, value: float = 0.0) -> Array:
        """Put pixels around the last axes."""
        if not any(self.before + self.after):
            return x
        rest = [(0, 0)] * (x.ndim - len(self.size))
        return np.pad(x, rest + list(zip(self.before, self.after, strict=True)), constant_values=value)

    def cropped(self, x: Array) -> Array:
        """Take the pixels away again."""
        inner: tuple[Any, ...] = tuple(slice(a, a + n) for a, n in zip(self.before, self.size, strict=True))
        return x[(..., *inner)]

    def places(self) -> Iterator[Ints]:
        """Walk over the places of the kernel."""
        return itertools.product(*map(range, self.kernel))

    def under(self, place: Ints) -> tuple[Any, ...]:
        """Return the index of the padded picture's numbers that lie under one place of the kernel."""
        return (..., *(slice(i * d, i * d + (o - 1) * s + 1, s) for i, d, o, s in zip(
            place, self.dilation, self.out, self.stride, strict=True)))

    def patches(self, padded: Array) -> Array:
        """View a padded picture as (…, O…, K…): for each output place what lies under the kernel. Copies nothing."""
        n = len(self.size)
        axes = tuple(range(padded.ndim - n, padded.ndim))
        reach = tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        view = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=axes)
        steps: tuple[Any, ...] = tuple(slice(None, None, s) for s in self.stride + self.dilation)
        return view[(..., *steps)]

    def inputs(self, at: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Return (place in the kernel, place in the picture) for one output place; pixels around are left out."""
        for place in self.places():
            source = tuple(o * s + i * d - b for o, s, i, d, b in zip(
                at, self.stride, place, self.dilation, self.before, strict=True))
            if all(0 <= p < n for p, n in zip(source, self.size, strict=True)):
                yield place, source

    def at_place(self, place: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Return (place in the picture, output place) for every position of one number of the kernel."""
        for out in itertools.product(*map(range, self.out)):
            source = tuple(o * s + i * d - b for o, s, i, d, b in zip(
                out, self.stride, place, self.dilation, self.before, strict=True))
            if all(0 <= p < n for p, n in zip(source, self.size, strict=True)):
                yield source, out

    def outputs(self, at: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Return (place in the kernel, output place) for every window that one pixel of the picture lies in."""
        out = self.out
        for place in self.places():
            moved = tuple(p + b - i * d for p, b, i, d in zip(at, self.before, place, self.dilation, strict=True))
            if all(m % s == 0 and 0 <= m // s < o for m, s, o in zip(moved, self.stride, out, strict=True)):
                yield place, tuple(m // s for m, s in zip(moved, self.stride, strict=True))


def window(size: Ints, kernel: Ints, stride: Ints, dilation: Ints, padding: str, pixels: Ints) -> Window:
    """Work out a window's geometry for a picture of a size. Raises `ShapeError` where the kernel does not fit."""
    axes = len(size)
    kernel, stride, dilation, pixels = (each(v, axes) for v in (kernel, stride, dilation, pixels))
    before: list[int] = []
    after: list[int] = []
    for n, k, s, d, p in zip(size, kernel, stride, dilation, pixels, strict=True):
        reach = (k - 1) * d + 1
        if padding == "same":
            total = max((-(-n // s) - 1) * s + reach - n, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        else:
            pad = {"valid": 0, "half": reach // 2, "pixels": p}[padding]
            before.append(pad)
            after.append(pad)
        if n + before[-1] + after[-1] < reach:
            raise ShapeError(
                f"slides a window of {reach} over {n} pixels with {before[-1] + after[-1]} around them, which is too "
                "few", "x", fixes=(Fix("pad so that the size stays", "set", attributes=(("padding", "same"),)),))
    return Window(size, kernel, stride, dilation, tuple(before), tuple(after))


def picture(x: Spec, axes: int) -> tuple[int, Ints]:
    """Return the channels and the size of pictures shaped (B, C, …). Raises `ShapeError` for anything else."""
    letters = {1: "(B, C, T)", 2: "(B, C, H, W)"}[axes]
    what = f"takes {'sequences' if axes == 1 else 'images'} shaped {letters}"
    if x.kind != "real" or x.rank != axes + 2 or any(isinstance(d, Batch) for d in x.shape[1:]):
        raise ShapeError(what, "x", fixes=reshapes(x, axes))
    channels, *size = (d for d in x.shape[1:] if isinstance(d, int))
    return channels, tuple(size)


def reshapes(x: Spec, axes: int) -> tuple[Fix, ...]:
    """Offer to read rows of n numbers as square pictures of 1 or 3 channels, or as one channel of n."""
    if not x.rank:
        return ()
    *lead, last = x.shape
    if x.kind != "real" or not isinstance(last, int) or not all(isinstance(d, Batch) for d in lead[:1]):
        return ()
    if axes == 2 and x.rank == 3 and isinstance(lead[1], int):
        return (_reshape((1, lead[1], last)),)
    if x.rank != 2:
        return ()
    if axes == 1:
        return (_reshape((1, last)),)
    sides = {c: round((last / c) ** 0.5) for c in (1, 3)}
    return tuple(_reshape((c, s, s)) for c, s in sides.items() if c * s * s == last)


def _reshape(size: Ints) -> Fix:
    return Fix(f"insert Reshape to {'×'.join(map(str, size))} here", "insert", port="x", op="Reshape",
               attributes=(("size", size),))


def wrong_lengths(axes: int, **values: Ints) -> list[str]:
    """Say which of the attributes have neither one number nor one for each axis."""
    return [f"needs 1 number or {axes} as {name}; {len(v)} are given" for name, v in values.items()
            if len(v) not in (1, axes)]
