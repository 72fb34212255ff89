"""Measuring a network on many samples, in evaluation mode: its loss, and how often its class is right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphlab.engine.fast.program import MakeStep, Parameters, Program
from graphlab.engine.feeding import Prepared
from graphlab.engine.metrics import Confusion, accuracy, matched
from graphlab.engine.plan import Plan
from graphlab.engine.progress import Scores
from graphlab.engine.record import Array, Mode
from graphlab.engine.setup import Setup

#: Samples of one evaluation step; more are taken in parts.
_CHUNK = 512


class Verdict:
    """Where a loss node says what is predicted and what is right: its first and second input.

    ``prediction`` is the output that holds the prediction, ``labels`` the classes of all samples.
    """

    def __init__(self, plan: Plan, prepared: Prepared, loss: str) -> None:
        self.prediction: tuple[str, str] | None = None
        self.labels: Array = np.zeros(0, np.int64)
        self.classes: tuple[str, ...] = ()
        self.threshold, self.axis = 0.5, -1
        step = plan.step(loss)
        ports = [p.name for p in step.op.ports() if p.data] if step is not None else []
        if step is None or len(ports) < 2:
            return
        said, right = step.inputs[ports[0]], step.inputs[ports[1]]
        if said is None or right is None or plan.slots[said].key or plan.slots[right].key:
            return
        labels = prepared.labels(plan.slots[right].path)
        if labels is None:
            return
        self.prediction = (plan.slots[said].path, plan.slots[said].name)
        self.labels = labels
        self.classes = prepared.table.columns[prepared.columns[plan.slots[right].path]].classes
        self.axis = getattr(step.op, "axis", -1)
        # Probabilities are even at ½, logits at 0.
        self.threshold = 0.0 if getattr(step.op, "takes", "") == "logits" else 0.5

    def matched(self, said: Array, rows: Array) -> Array | None:
        """Return the classes that a prediction says for these rows, or None where its shape has no classes."""
        if -said.ndim <= self.axis < said.ndim:
            said = np.moveaxis(said, self.axis, -1)
        return matched(said, self.labels[rows], self.threshold)


class Judge:
    """Measures the losses of a phase, and its classification where there is one.

    A loss that adds up its samples is scaled to the batch size of training, to be comparable.
    """

    def __init__(
        self, plan: Plan, parameters: Parameters, prepared: Prepared, setup: Setup, losses: Mapping[str, float],
        make: MakeStep,
    ) -> None:
        self.plan = plan
        self.parameters = parameters
        self.prepared = prepared
        self.setup = setup
        self.losses = losses
        verdicts = [v for path in losses if (v := Verdict(plan, prepared, path)).prediction is not None]
        self.verdict = verdicts[0] if verdicts else None
        steps = {path: plan.step(path) for path in losses}
        self._sums = {p for p, s in steps.items() if s is not None and getattr(s.op, "mean", "") in ("sum", "single")}
        self._make = make
        self._programs: dict[int, Program] = {}

    def _program(self, size: int) -> Program:
        if size not in self._programs:
            kept = [self.verdict.prediction] if self.verdict and self.verdict.prediction else []
            self._programs[size] = self._make(self.plan, self.parameters, size, self.losses, (), training=False,
                                              seed=self.setup.seed, keep=kept)
        return self._programs[size]

    def _run(self, rows: Array) -> tuple[float, Array | None]:
        program = self._program(len(rows))
        for path, array in self.prepared.feeds(rows, Mode(seed=self.setup.seed), program.inputs).items():
            program.feed(path, array)
        losses = program.step(0)
        total = 0.0
        for (path, coefficient), loss in zip(self.losses.items(), losses, strict=True):
            total += coefficient * loss * (self.setup.batch / len(rows) if path in self._sums else 1.0)
        said = self.verdict.prediction if self.verdict else None
        return total, None if said is None else program.value(*said)

    def measure(self, rows: Array) -> tuple[float, Array | None]:
        """Return the mean loss of these samples and the classes that are predicted for them, if any."""
        if not self.prepared.arrays:
            return self._run(np.zeros(self.setup.batch, np.int64))[0], None
        total = 0.0
        predicted = []
        for at in range(0, len(rows), _CHUNK):
            part = rows[at:at + _CHUNK]
            loss, said = self._run(part)
            total += loss * len(part)
            if said is not None and self.verdict is not None:
                classes = self.verdict.matched(said, part)
                predicted += [] if classes is None else [classes]
        return total / max(1, len(rows)), np.concatenate(predicted) if predicted else None

    def scores(self, rows: Array) -> Scores:
        """Return the mean loss of these samples, and the share of them that is classified right."""
        loss, predicted = self.measure(rows)
        if predicted is None or self.verdict is None:
            return Scores(loss)
        return Scores(loss, accuracy(predicted, self.verdict.labels[rows]))

    def confusion(self, rows: Array) -> Confusion | None:
        """Return how often each class is taken for each on these samples; None where nothing is classified."""
        predicted = self.measure(rows)[1]
        if predicted is None or self.verdict is None:
            return None
        return Confusion.of(predicted, self.verdict.labels[rows], max(2, len(self.verdict.classes)))
