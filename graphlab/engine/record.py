"""The named arrays of one executed operation, and its sources of randomness."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Mode:
    """How a run is meant: training or evaluation, and the numbers that key its randomness.

    ``seed`` belongs to the document, ``phase`` and ``update`` count in training; the same mode gives the same
    random numbers for the same node, whatever else is in the network.
    """

    training: bool = False
    seed: int = 0
    phase: int = 0
    update: int = 0


@lru_cache(maxsize=4096)
def random_key(seed: int, name: str) -> tuple[int, int]:
    """Return the two 64-bit words that key the stream called ``name`` (``path/what``)."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def stream(name: str, mode: Mode) -> np.random.Generator:
    """Return the generator of ``name`` in ``mode``: Philox, keyed by seed and name, counted by phase and update."""
    key = np.array(random_key(mode.seed, name), dtype=np.uint64)
    counter = np.array([0, 0, mode.update, mode.phase], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


@dataclass(frozen=True)
class Update:
    """A wish to move a remembered value: new = (1 − rate)·old + rate·value, applied by training in plan order."""

    port: str
    value: Array
    rate: float


class Record:
    """The named arrays of one executed op: its inputs, weights and outputs, and what it chose to keep.

    An op reads them as ``f["x"]``. Gradients stand in ``gradients`` under the same names, each with
    the shape of its value. Absent optional inputs are ``None`` in `get`.
    """

    def __init__(
        self, op: Any, path: str, inputs: Mapping[str, Array | None], mode: Mode,
        wanted: Collection[str] | None = None, dtype: Any = None,
    ) -> None:
        self.op = op
        self.path = path
        self.mode = mode
        self.inputs: dict[str, Array | None] = dict(inputs)
        self.outputs: dict[str, Array] = {}
        self.kept: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.updates: list[Update] = []
        self._wanted = wanted
        self._dtype: np.dtype[Any] | None = None if dtype is None else np.dtype(dtype)

    @property
    def training(self) -> bool:
        """Whether dropout drops and BatchNorm uses this batch's statistics."""
        return self.mode.training

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of this run; where nobody says, that of the first real input or weight."""
        if self._dtype is not None:
            return self._dtype
        for value in self.inputs.values():
            if value is not None and value.dtype.kind == "f":
                return value.dtype
        return np.dtype(np.float64)

    def get(self, name: str) -> Array | None:
        """Return the array called ``name``, or None where it is an optional input that nobody wired."""
        for table in (self.inputs, self.outputs, self.kept):
            if name in table:
                return table[name]
        return None

    def __getitem__(self, name: str) -> Array:
        value = self.get(name)
        if value is None:
            raise KeyError(f"{self.path} has no array called {name!r}")
        return value

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def keep(self, **arrays: Array) -> None:
        """Keep arrays for backward and for the eyes of a reader; `Op.explain` can explain each of them."""
        self.kept.update(arrays)

    def wants(self, name: str) -> bool:
        """Tell whether anybody needs the gradient of this input."""
        return self.inputs.get(name) is not None and (self._wanted is None or name in self._wanted)

    def rng(self, name: str) -> np.random.Generator:
        """Return this op's own random stream called ``name``; every call starts it anew."""
        return stream(f"{self.path}/{name}", self.mode)

    def uniform(self, name: str, shape: tuple[int, ...]) -> Array:
        """Draw from [0, 1) in float32, so that every precision sees the same draw."""
        return self.rng(name).random(shape, dtype=np.float32).astype(self.dtype)

    def normal(self, name: str, shape: tuple[int, ...]) -> Array:
        """Draw from N(0, 1) in float32, so that every precision sees the same draw."""
        return self.rng(name).standard_normal(shape, dtype=np.float32).astype(self.dtype)

    def update(self, port: str, value: Array, rate: float) -> None:
        """Ask training to move the memory ``port`` towards ``value``: new = (1 − rate)·old + rate·value."""
        self.updates.append(Update(port, value, rate))
