"""One side of a comparison, in a process of its own: reads commands line by line, answers in JSON.

Run by `benchmarks.training`; ``first`` gives the first four losses, ``fit 0.3`` and ``step 0.3`` the time of an update.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from benchmarks.workloads import WORKLOADS, Workload
from graphlab.engine.data import shuffled
from graphlab.engine.fast.lower import make_step
from graphlab.engine.feeding import prepare
from graphlab.engine.init import initial_weights
from graphlab.engine.plan import compile
from graphlab.engine.train import Trainer


def per_call(function: Callable[[], Any], seconds: float) -> float:
    """Call a function for some time and return the seconds of one call."""
    count, begun = 0, perf_counter()
    while True:
        for _ in range(4):
            function()
        count += 4
        passed = perf_counter() - begun
        if passed > seconds:
            return passed / count


class Ours:
    """This project: through ``fit`` with all that belongs to it, and the bare step."""

    def __init__(self, workload: Workload) -> None:
        plan = compile(workload.graph())
        assert not plan.problems, plan.problems
        setup = workload.setup()
        self.prepared = prepare(plan, workload.data(), setup)
        self.trainer = Trainer(plan, initial_weights(plan, setup.seed), self.prepared, setup, make=make_step)
        self.running: Iterator[Any] = iter(())
        self.round = 0

    def first(self) -> list[float]:
        """Return the losses of the first four updates of each phase."""
        names = [stage.phase.name for stage in self.trainer.stages]
        run = self.trainer.run(interval=0)
        losses = [next(run).losses[name] for _ in range(4) for name in names]
        self.running = self.trainer.run()
        return losses

    def fit(self, seconds: float) -> float:
        """Train for some time; return the seconds of an update (of all phases)."""
        begun, made = perf_counter(), self.trainer.made
        for _ in self.running:
            if perf_counter() - begun > seconds:
                break
        return (perf_counter() - begun) / (self.trainer.made - made) * len(self.trainer.stages)

    def step(self, seconds: float) -> float:
        """Repeat the program and the optimiser on one batch; return the seconds of an update."""
        stages = [(s, s.program(s.setup.batch)) for s in self.trainer.stages]

        def once() -> None:
            for stage, program in stages:
                program.step(self.round)
                stage.apply()
            self.round += 1

        return per_call(once, seconds)


class Theirs:
    """PyTorch."""

    def __init__(self, workload: Workload, variant: str) -> None:
        from benchmarks.peer import GAN, Peer  # PyTorch is loaded on this side only

        plan, setup = compile(workload.graph()), workload.setup()
        prepared = prepare(plan, workload.data(), setup)
        rows = prepared.rows["train"]
        arrays = {k: v[rows] for k, v in prepared.arrays.items()}
        make = GAN if workload.phases else Peer
        self.peer = make(workload, plan, initial_weights(plan, setup.seed), arrays, variant)
        self.batches = self.peer.epochs(shuffled(len(rows), setup.seed, 0))

    def first(self) -> list[float]:
        """Return the losses of the first four updates."""
        return [float(x) for _ in range(4) for x in np.atleast_1d(self.peer.update(next(self.batches)))]

    def fit(self, seconds: float) -> float:
        """Train for some time; return the seconds of an update."""
        return per_call(lambda: self.peer.update(next(self.batches)), seconds)

    def step(self, seconds: float) -> float:
        """Repeat the update on one batch."""
        batch = next(self.batches)
        return per_call(lambda: self.peer.update(batch), seconds)


def main() -> None:
    """Answer commands until there are no more."""
    _, which, number, *variant = sys.argv
    workload = WORKLOADS[int(number)]
    side: Any = Ours(workload) if which == "ours" else Theirs(workload, *variant)
    for line in sys.stdin:
        command, *arguments = line.split()
        answer = kernels() if command == "kernels" else getattr(side, command)(*map(float, arguments))
        print(json.dumps(answer), flush=True)


def kernels() -> str:
    """Say which BLAS NumPy runs on, and its kernels."""
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    return ", ".join(sorted({f"{i['internal_api']} {i['version']} ({i.get('architecture')})" for i in threadpool_info()
                             if i["user_api"] == "blas"}))


if __name__ == "__main__":
    main()
