"""Shapes as values: what flows along a wire before any number does."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["real", "index", "bool"]


class ShapeError(Exception):
    """A shape does not fit, said as the end of a sentence that begins with the node's name.

    ``message`` says what was needed ("takes images shaped (B, C, H, W)"); `compile` puts the node in
    front and what came behind. ``port`` is the port that is to blame where there is one, ``axis``
    the axis that clashes, ``fixes`` what would mend it.
    """

    def __init__(self, message: str, port: str = "", axis: int | None = None, fixes: Iterable[Fix] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.port = port
        self.axis = axis
        self.fixes = tuple(fixes)


@dataclass(frozen=True)
class Fix:
    """One way to mend a problem, as a plain value that the document's edits carry out.

    ``kind``: ``insert`` puts a new ``op`` (with ``attributes``) before ``port`` of ``path``; ``set`` gives
    ``path`` the ``attributes``; ``disconnect`` removes the wire into ``port``; ``connect`` wires
    ``source`` into ``port``; ``add`` adds ``op`` and wires it into ``port``, or after ``path`` where
    ``port`` is empty; ``remove`` deletes the node.
    """

    label: str
    kind: Literal["insert", "set", "disconnect", "connect", "add", "remove"]
    path: str = ""
    port: str = ""
    op: str = ""
    attributes: tuple[tuple[str, object], ...] = ()
    source: tuple[str, str] | None = None


@dataclass(frozen=True)
class Batch:
    """A dimension of k·B elements, where B is the number of samples and known only when something runs."""

    k: int = 1

    def __mul__(self, other: object) -> Batch:
        if isinstance(other, Batch):
            raise ShapeError("cannot multiply the batch dimension by itself")
        if not isinstance(other, int):
            return NotImplemented
        return Batch(self.k * other)

    __rmul__ = __mul__

    def __floordiv__(self, other: object) -> Batch:
        if not isinstance(other, int):
            return NotImplemented
        if other == 0 or self.k % other:
            raise ShapeError(f"cannot divide a dimension of {self} into {other} equal parts")
        return Batch(self.k // other)

    def __str__(self) -> str:
        return "B" if self.k == 1 else f"{self.k}B"


Dim = int | Batch
Shape = tuple[Dim, ...]


def show_shape(shape: Iterable[Dim]) -> str:
    """Write a shape as people do: ``(B, 3)``, ``(5,)``, ``()`` for a single number."""
    parts = [str(d) for d in shape]
    return f"({parts[0]},)" if len(parts) == 1 else "(" + ", ".join(parts) + ")"


def size_of(shape: Iterable[Dim]) -> Dim:
    """Multiply the dimensions: an int, or a `Batch` where the batch is among them."""
    total: Dim = 1
    for d in shape:
        total = total * d
    return total


def per_sample(shape: Iterable[Dim]) -> int:
    """Count the elements that belong to one sample: the batch dimension counts as its factor."""
    return math.prod(d.k if isinstance(d, Batch) else d for d in shape)


@dataclass(frozen=True)
class Spec:
    """The shape and kind of a tensor: ``real`` numbers, whole ``index`` numbers, or ``bool``."""

    shape: Shape
    kind: Kind = "real"

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def batched(self) -> bool:
        """Whether one of the axes counts samples."""
        return any(isinstance(d, Batch) for d in self.shape)

    def with_shape(self, *shape: Dim) -> Spec:
        """Return the same kind in another shape."""
        return Spec(tuple(shape), self.kind)

    def concrete(self, batch: int) -> tuple[int, ...]:
        """Put a number in for B."""
        return tuple(d.k * batch if isinstance(d, Batch) else d for d in self.shape)

    def __str__(self) -> str:
        return show_shape(self.shape) + ("" if self.kind == "real" else f" {self.kind}")


def broadcast(a: Shape, b: Shape) -> Shape:
    """Return the shape two tensors take together by NumPy's rule; size-1 and missing axes repeat."""
    out: list[Dim] = []
    for i in range(1, max(len(a), len(b)) + 1):
        da, db = (a[-i] if i <= len(a) else 1), (b[-i] if i <= len(b) else 1)
        if da != db and da != 1 and db != 1:
            raise ShapeError(
                "needs shapes that are equal or of size 1, axis by axis from the right; "
                f"the axis with {da} against {db} clashes", axis=-i)
        out.append(db if da == 1 else da)
    return tuple(reversed(out))
