"""The random streams of `Record`, restarted instead of made anew: a new generator costs as much as a tiny step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphlab.engine.record import Array, Record, random_key


@dataclass
class Clock:
    """The numbers that key a program's randomness; ``update`` moves on with every step."""

    seed: int = 0
    phase: int = 0
    update: int = 0


class Stream:
    """One named random stream: the same draws as `Record.rng` for the same seed, phase, update and name."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.clock = clock
        key = np.array(random_key(clock.seed, name), dtype=np.uint64)
        self._bits = np.random.Philox(key=key, counter=np.zeros(4, np.uint64))
        self._generator = np.random.Generator(self._bits)
        self._state: Any = self._bits.state
        self._counter: Array = self._state["state"]["counter"]

    def restart(self) -> np.random.Generator:
        """Return the generator, at the beginning of the stream for the clock's update."""
        self._counter[2] = self.clock.update
        self._counter[3] = self.clock.phase
        self._bits.state = self._state
        return self._generator

    def uniform(self, out: Array) -> None:
        """Fill a float32 array with draws from [0, 1)."""
        self.restart().random(out=out, dtype=np.float32)

    def normal(self, out: Array) -> None:
        """Fill a float32 array with draws from N(0, 1)."""
        self.restart().standard_normal(out=out, dtype=np.float32)


class FastRecord(Record):
    """A record whose random streams are restarted rather than made anew."""

    streams: dict[str, Stream]
    clock: Clock

    def rng(self, name: str) -> np.random.Generator:
        stream = self.streams.get(name)
        if stream is None:
            stream = self.streams[name] = Stream(f"{self.path}/{name}", self.clock)
        return stream.restart()
