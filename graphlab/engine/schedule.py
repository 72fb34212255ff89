"""Schedules: how the learning rate changes while training goes on."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from typing import ClassVar

from graphlab.engine.declared import Declared, attr


def schedules() -> Mapping[str, type[Schedule]]:
    """Return every declared schedule by its name."""
    return types.MappingProxyType(Schedule.family)


class Schedule(Declared, register=False):
    """The base of all schedules: a factor for the optimiser's rate at every update."""

    family: ClassVar[dict[str, type[Schedule]]] = {}

    def factor(self, update: int, per_epoch: int, total: int) -> float:
        """Return the factor for update number 0, 1, …, of ``total``, with ``per_epoch`` of them an epoch."""
        raise NotImplementedError


class Constant(Schedule):
    """Keeps the rate as it is."""

    def formula(self) -> str:
        return r"\eta_t = \eta"

    def factor(self, update: int, per_epoch: int, total: int) -> float:
        return 1.0


class Step(Schedule):
    """Multiplies the rate by a factor after every so many epochs."""

    also = ("decay", "staircase")
    every: int = attr("epochs from one drop to the next", default=10, min=1)
    drop: float = attr("what the rate is multiplied by", default=0.5, min=0.0)

    def line(self) -> str:
        return f"× {self.drop:g} every {self.every} epochs"

    def formula(self) -> str:
        return r"\eta_t = \eta \cdot d^{\lfloor e / n \rfloor}"

    def factor(self, update: int, per_epoch: int, total: int) -> float:
        return self.drop ** (update // per_epoch // self.every)


class Cosine(Schedule):
    """Lowers the rate along half a cosine, from the full rate to the lowest one at the end."""

    source = "Loshchilov, Hutter 2017, without restarts"
    lowest: float = attr("share of the rate that is left at the end", default=0.0, min=0.0, max=1.0)

    def formula(self) -> str:
        return r"\eta_t = \eta \left(f + \frac{1 - f}{2} \left(1 + \cos \frac{\pi t}{T}\right)\right)"

    def factor(self, update: int, per_epoch: int, total: int) -> float:
        done = min(1.0, update / max(1, total))
        return self.lowest + (1.0 - self.lowest) * 0.5 * (1.0 + math.cos(math.pi * done))


class Cyclical(Schedule):
    """Lets the rate rise and fall in triangles between a lowest share and the full rate."""

    also = ("clr", "triangular")
    source = "Smith 2017, policy ‘triangular’"
    lowest: float = attr("share of the rate at which every cycle begins", default=0.1, min=0.0, max=1.0)
    half: float = attr("epochs from the lowest rate to the full one", default=4.0, min=0.001)

    def line(self) -> str:
        return f"{2 * self.half:g} epochs a cycle"

    def formula(self) -> str:
        return (r"\eta_t = \eta \left(f + (1 - f) \max(0, 1 - |t/s - 2c + 1|)\right),\quad "
                r"c = \lfloor 1 + t / 2s \rfloor")

    def factor(self, update: int, per_epoch: int, total: int) -> float:
        x = update / (self.half * per_epoch)  # in half cycles
        cycle = math.floor(1 + x / 2)
        return self.lowest + (1.0 - self.lowest) * max(0.0, 1.0 - abs(x - 2 * cycle + 1))
