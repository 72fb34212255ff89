"""Training: rounds of updates as a generator of progress."""

from __future__ import annotations

from graphlab.engine.progress import Progress, Scores
from graphlab.engine.setup import Phase, Setup

__all__ = ["Phase", "Progress", "Scores", "Setup"]
