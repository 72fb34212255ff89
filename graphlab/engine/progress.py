"""What training says of itself while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphlab.engine.record import Array


@dataclass(frozen=True)
class Scores:
    """How good the network is on one part of the samples, in evaluation mode.

    ``accuracy`` is the share of samples whose class is right; None where the network does not classify.
    """

    loss: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Progress:
    """Where training stands. Immutable: what it holds never changes afterwards.

    ``update`` of ``updates`` and ``epoch`` of ``epochs`` are done; ``losses`` are the mean batch losses by phase
    since the progress before. ``train`` and ``validation`` were measured after update ``scored``. ``norms`` are
    the lengths of the last update's gradient by node path, before clipping. ``weights`` are a version of all weights
    and memories, as of update ``version``. ``seconds`` is the time spent, ``eta`` what is left of it.
    ``done`` is set on the last one; ``message`` says why training ended, ``path`` where a NaN or inf began.
    """

    update: int
    updates: int
    epoch: int
    epochs: int
    losses: Mapping[str, float]
    train: Scores | None
    validation: Scores | None
    scored: int
    norms: Mapping[str, float]
    rate: float
    seconds: float
    eta: float
    weights: Mapping[str, Array]
    version: int
    done: bool = False
    message: str = ""
    path: str = ""

    @property
    def loss(self) -> float:
        """The mean batch loss of the first phase since the progress before; NaN before any update."""
        return next(iter(self.losses.values()), float("nan"))
