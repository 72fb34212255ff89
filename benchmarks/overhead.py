"""Time what the machinery itself costs: ``python -m benchmarks.overhead``.

A chain of tiny nodes gives the cost of a node, forward and backward; lowering, the cost of making a program; and a
program that keeps every value and gradient is compared with one that keeps none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from benchmarks.training import ALLOCATOR, ONE_THREAD

SIZES = (10, 100, 1000)


def chain_of(n: int) -> None:
    """Print the cost of one node in a chain of n, and of making its program."""
    import numpy as np

    from benchmarks.workloads import op
    from graphlab.engine.fast.lower import make_step
    from graphlab.engine.fast.program import Parameters
    from graphlab.engine.graph import Net
    from graphlab.engine.init import initial_weights
    from graphlab.engine.plan import compile

    net = Net()
    x = net.add("p", op("Parameter", size=(4,)))
    for i in range(n):
        x = net.add(f"n{i}", (op("Tanh"), op("Add"), op("ReLU"), op("Multiply"))[i % 4], x,
                    *([x] if i % 2 else []))
    net.add("loss", op("Sum"), x)
    graph = net.graph()
    begun = perf_counter()
    plan = compile(graph)
    compiled = perf_counter() - begun
    parameters = Parameters(plan, initial_weights(plan))
    lowered = []
    for _ in range(3):
        begun = perf_counter()
        program = make_step(plan, parameters, 1, {"loss": 1.0}, plan.trainable())
        lowered.append(perf_counter() - begun)
    times = []
    for _ in range(30):
        begun = perf_counter()
        for update in range(20):
            program.step(update)
        times.append((perf_counter() - begun) / 20)
    print(f"| {n} | {1e6 * median(times) / n:.2f} | {1e3 * compiled / n:.3f} | {1e3 * median(lowered) / n:.3f} |")
    assert np.isfinite(parameters.gradient).all()


def traced(number: int) -> None:
    """Print the time of a workload's step without and with every value and gradient kept."""
    from benchmarks.workloads import WORKLOADS
    from graphlab.engine.fast.lower import make_step
    from graphlab.engine.fast.program import Parameters
    from graphlab.engine.feeding import prepare
    from graphlab.engine.init import initial_weights
    from graphlab.engine.plan import compile

    workload = WORKLOADS[number]
    plan, setup = compile(workload.graph()), workload.setup()
    prepared = prepare(plan, workload.data(), setup)
    rows = prepared.rows["train"][:workload.batch]
    losses = {s.path: 1.0 for s in plan.steps if s.op.category == "Losses"}
    every = [(s.path, name) for s in plan.steps for name in s.outputs]
    programs = []
    for keep in ([], every):
        program = make_step(plan, Parameters(plan, initial_weights(plan)), workload.batch, losses, plan.trainable(),
                            keep=keep)
        for path in program.inputs:
            program.feed(path, prepared.arrays[path][rows])
        programs.append(program)
    times: list[list[float]] = [[], []]
    for _ in range(9):
        for program, each in zip(programs, times, strict=True):
            begun, count = perf_counter(), 0
            while perf_counter() - begun < 0.1:
                program.step(count)
                count += 1
            each.append((perf_counter() - begun) / count)
    plain, kept = (1e6 * median(each) for each in times)
    ratio = median(b / a for a, b in zip(*times, strict=True))
    print(f"| {workload.number} {workload.name} | {plain:,.0f} | {kept:,.0f} | {ratio:.2f} |")


def main() -> None:
    """Run everything in a process without the settings of the shell."""
    if len(sys.argv) == 1:
        chosen = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        raise SystemExit(subprocess.run([sys.executable, "-m", "benchmarks.overhead", "here"], check=False,
                                        env=chosen | ALLOCATOR | ONE_THREAD).returncode)
    print("| nodes | µs a node, forward and backward | compile, ms a node | lower, ms a node |\n|---|---|---|---|")
    for n in SIZES:
        chain_of(n)
    print("\n| workload | step µs | with every value and gradient kept | ratio |\n|---|---|---|---|")
    for number in (1, 2, 3, 4, 5, 7, 8):
        traced(number)


if __name__ == "__main__":
    main()
