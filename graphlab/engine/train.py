"""Training: rounds of updates as a generator of progress."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from time import perf_counter

import numpy as np

from graphlab.engine.data import Table, shuffled
from graphlab.engine.fast.lower import make_step
from graphlab.engine.fast.program import MakeStep, Parameters
from graphlab.engine.feeding import InOrder, Prepared, in_order, prepare
from graphlab.engine.metrics import Confusion
from graphlab.engine.plan import Plan
from graphlab.engine.progress import Progress, Scores
from graphlab.engine.record import Array
from graphlab.engine.run import RunError
from graphlab.engine.scoring import Judge
from graphlab.engine.setup import Phase, Setup, chosen
from graphlab.engine.stage import NonFinite, Stage, losses_of

__all__ = ["Phase", "Progress", "Scores", "Setup", "Trainer", "fit", "problems"]

#: Scores and published weights may take this share of the time, so that large networks are not slowed by them.
_SHARE = 0.05


def problems(plan: Plan, prepared: Prepared, setup: Setup) -> list[str]:
    """Say in a sentence each what keeps a network from being trained."""
    out = [f"The setup’s {p}." for p in (*setup.problems(), *setup.split.problems(), *setup.schedule.problems(),
                                         *setup.penalty.problems())]
    for phase in setup.phases:
        where = f"Phase ‘{phase.name}’" if len(setup.phases) > 1 else "Training"
        out += [f"{where}: the optimiser’s {p}." for p in phase.optimiser.problems()]
        losses = losses_of(plan, phase)
        if not losses:
            out.append(f"{where} needs a loss to lower; the network has no loss node. Add one, such as MSE.")
        for path in losses:
            if not plan.where.get(path):
                why = [p.message for p in plan.problems if p.path == path]
                out.append(f"{where} needs the loss ‘{path}’. " + (why[0] if why else "There is no such node "
                           "that can be run."))
        if not chosen(plan, phase.train):
            out.append(f"{where} has nothing to train: of {len(plan.trainable())} trainable weights, none fits "
                       f"{', '.join(phase.train) or 'an empty list'}.")
    if not setup.phases:
        out.append("Training needs at least one phase.")
    if prepared.arrays and not len(prepared.rows["train"]):
        out.append(f"The split leaves none of {prepared.table.n} samples for training; it needs at least 1.")
    if setup.patience and not len(prepared.rows["validation"]):
        out.append("Early stopping needs validation samples, and the split leaves none; give validation a share "
                   "or set the patience to 0.")
    return out


class Trainer:
    """A training at work: call `update`, or `run` it; it goes on where it stopped.

    Raises `RunError` with all `problems` where it cannot begin. ``make`` is how programs are made.
    """

    def __init__(
        self, plan: Plan, weights: Mapping[str, Array], data: Table | Prepared, setup: Setup,
        make: MakeStep | None = None,
    ) -> None:
        self.plan = plan
        self.setup = setup
        self.prepared = data if isinstance(data, Prepared) else prepare(plan, data, setup)
        wrong = problems(plan, self.prepared, setup)
        if wrong:
            raise RunError("\n".join(wrong))
        make = make or make_step
        groups = [frozenset(chosen(plan, p.train)) for p in setup.phases]
        self.parameters = Parameters(plan, weights, np.float32, groups)
        self.stages = [Stage(plan, self.parameters, self.prepared, setup, i, make) for i in range(len(groups))]
        missing = dict.fromkeys(p for s in self.stages for p in s.inputs if p in self.prepared.problems)
        if missing:
            raise RunError("\n".join(self.prepared.problems[p] for p in missing))
        self._judge = Judge(plan, self.parameters, self.prepared, setup, self.stages[0].losses, make)
        self._columns = dict.fromkeys(p for s in self.stages for p in s.columns)
        self._arrays: dict[str, Array | InOrder] = {}
        self._todo: deque[tuple[Stage, int, int]] = deque()
        self._long = max(s.phase.steps for s in self.stages)
        self.epochs = setup.epochs
        self.epoch = 0
        self.made = 0
        self.seconds = 0.0
        self.message = ""
        self.path = ""
        self.finished = False
        self._best: tuple[float, Array] | None = None
        self._waited = 0
        self._factor = 1.0
        self._per_epoch = self._updates = 1
        self._sums = {s.phase.name: [0.0, 0.0] for s in self.stages}
        self._losses: dict[str, float] = {}
        self._norms: dict[str, float] = {}
        self._scores: dict[str, Scores | None] = {"train": None, "validation": None}
        self._scored, self._scored_at, self._scoring, self._measured = -1, -math.inf, 0.0, False
        self._version, self._published_at, self._publishing = -1, -math.inf, 0.0
        self._published: Mapping[str, Array] = {}

    # --- how long it takes ------------------------------------------------------------------------

    @cached_property
    def _batches(self) -> list[tuple[int, int]]:
        """Return (start, size) of the batches of one epoch; a network without data has one round an epoch."""
        if not self._columns:
            return [(0, self.setup.batch)] * self._long
        n = len(self.prepared.rows["train"])
        return [(at, min(self.setup.batch, n - at)) for at in range(0, n, self.setup.batch)]

    def _epoch(self) -> Iterator[tuple[Stage, int, int]]:
        """Walk over one epoch: in a round every phase makes its steps, all of them on the same batches."""
        every = self._batches
        for first in range(0, len(every), self._long):
            for stage in self.stages:
                for at, size in every[first:first + self._long][:stage.phase.steps]:
                    yield stage, at, size

    @cached_property
    def per_epoch(self) -> int:
        """The number of updates of one epoch, all phases together."""
        rounds, rest = divmod(len(self._batches), self._long)
        return sum(rounds * s.phase.steps + min(rest, s.phase.steps) for s in self.stages)

    @property
    def updates(self) -> int:
        """The number of updates of the whole training."""
        return self.per_epoch * self.epochs

    @property
    def next_phase(self) -> int:
        """The number of the phase whose turn is next."""
        return self._todo[0][0].index if self._todo else 0

    def extend(self, epochs: int) -> None:
        """Go on for more epochs, also after the end."""
        self.epochs += epochs
        self.finished, self.message, self.path, self._waited = False, "", "", 0

    # --- updates ------------------------------------------------------------------------------------

    def update(self, norms: bool = True) -> None:
        """Make a single update; ``norms`` measures the gradient. At the end of training nothing happens."""
        if not self.finished:
            # NumPy would warn of an overflow; it is found and explained below instead.
            with np.errstate(all="ignore"):
                self._update(norms)

    def _update(self, norms: bool) -> None:
        if not self._todo:
            self._begin_epoch()
        stage, at, size = self._todo[0]
        self._factor = self.setup.schedule.factor(self.made, self._per_epoch, self._updates)
        try:
            loss = stage.step(self._arrays, at, size, self.made, self._factor)
        except NonFinite as e:
            self.finished, self.path = True, e.origin.path
            self.message = (f"Training stopped before update {self.made + 1}, in epoch {self.epoch + 1}: "
                            f"{e.origin.message}. A smaller learning rate, clipping or standardised data often help.")
            return
        if norms:
            self._norms |= stage.lengths()
        stage.apply()
        self._todo.popleft()
        self.made += 1
        sums = self._sums[stage.phase.name]
        sums[0] += loss
        sums[1] += 1
        if not self._todo:
            self._end_epoch()

    def _begin_epoch(self) -> None:
        rows = self.prepared.rows["train"]
        if self._columns:
            order = rows[shuffled(len(rows), self.setup.seed, self.epoch)]
            for path in self._columns:
                self._arrays[path] = in_order(self.prepared.arrays[path], order, self._arrays.get(path))
        self._todo.extend(self._epoch())
        self._per_epoch, self._updates = len(self._todo), len(self._todo) * self.epochs

    def _end_epoch(self) -> None:
        self.epoch += 1
        if self.setup.patience:
            loss = self._judge.scores(self.prepared.rows["validation"]).loss
            if self._best is None or loss < self._best[0]:
                self._best, self._waited = (loss, self.parameters.flat.copy()), 0
            else:
                self._waited += 1
        if self.setup.patience and self._waited >= self.setup.patience:
            self.message = (f"Training stopped after epoch {self.epoch}: the validation loss has not improved "
                            f"for {self._waited} epochs.")
            self.finished = True
        elif self.epoch >= self.epochs:
            self.message = f"Training is done: {self.epoch} epochs, {self.made} updates."
            self.finished = True
        if self.finished and self._best is not None:
            self.parameters.flat[...] = self._best[1]
            self.message += f" The weights are those with the lowest validation loss, {self._best[0]:.4g}."
            self._scored = self._version = -1

    def set_weights(self, weights: Mapping[str, Array]) -> None:
        """Put other numbers into the weights, as typed by hand; the optimiser keeps its memory."""
        self.parameters.write(weights)
        self._scored = self._version = -1

    # --- what it says -----------------------------------------------------------------------------

    def scores(self, part: str) -> Scores | None:
        """Measure loss and accuracy on "train", "validation" or "test" now; None where it has no samples.

        Of the training samples, no more are taken than there are for validation, or 512.
        """
        rows = self._rows(part)
        return self._judge.scores(rows) if len(rows) or not self._columns else None

    def confusion(self, part: str) -> Confusion | None:
        """Count which class is taken for which, on the same samples as `scores`; None without classes."""
        return self._judge.confusion(self._rows(part))

    def _rows(self, part: str) -> Array:
        rows = self.prepared.rows
        return rows[part][:max(512, len(rows["validation"]))] if part == "train" else rows[part]

    def progress(self, fresh: bool = True) -> Progress:
        """Say where training stands; unless ``fresh``, scores and weights may be older to save time."""
        fresh = fresh or self.finished
        # Their share is one of the time spent on training: a pause earns nothing.
        begun = perf_counter()
        if self._scored != self.made and (fresh or self.seconds - self._scored_at > self._scoring / _SHARE):
            self._scores = {part: self.scores(part) for part in self._scores}
            self._scored, self._scored_at = self.made, self.seconds
            # The first time also makes the programs that measure, and says nothing about the next.
            self._scoring = perf_counter() - begun if self._measured else 0.0
            self._measured = True
        begun = perf_counter()
        if self._version != self.made and (fresh or self.seconds - self._published_at > self._publishing / _SHARE):
            self._published = self.parameters.publish()
            self._version, self._published_at, self._publishing = self.made, self.seconds, perf_counter() - begun
        # A phase that made no update since the last look keeps the loss it had.
        self._losses |= {name: total / n for name, (total, n) in self._sums.items() if n}
        self._sums = {name: [0.0, 0.0] for name in self._sums}
        left = self.updates - self.made
        return Progress(
            self.made, self.updates, self.epoch, self.epochs, dict(self._losses), self._scores["train"],
            self._scores["validation"], self._scored, dict(self._norms),
            self.stages[0].optimiser.rate * self._factor, self.seconds,
            0.0 if self.finished or not self.made else self.seconds / self.made * left,
            self._published, self._version, self.finished, self.message, self.path)

    def run(self, interval: float = 1 / 30) -> Iterator[Progress]:
        """Update until the end, and yield about every ``interval`` seconds; 0: after each update.

        Not asking for the next one is a pause, closing the generator a stop; a new `run` goes on from there.
        """
        while not self.finished:
            begun = perf_counter()
            with np.errstate(all="ignore"):
                while not self.finished:
                    due = perf_counter() - begun >= interval
                    self._update(due or self.made + 1 >= self.updates)
                    if due:
                        break
            self.seconds += perf_counter() - begun
            begun = perf_counter()
            progress = self.progress(fresh=False)
            self.seconds += perf_counter() - begun
            yield progress


def fit(
    plan: Plan, weights: Mapping[str, Array], data: Table | Prepared, setup: Setup, interval: float = 1 / 30,
    make: MakeStep | None = None,
) -> Iterator[Progress]:
    """Train, and yield where it stands about every ``interval`` seconds (0: after each update), also at the end.

    Raises `RunError` with all `problems` where training cannot begin.
    """
    yield from Trainer(plan, weights, data, setup, make).run(interval)
