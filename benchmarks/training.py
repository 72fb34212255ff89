"""Time training steps against PyTorch on one thread: ``python -m benchmarks.training [workload …]``.

Both sides run in processes of their own, in turn, with the same initial weights and batches; their first four
losses must agree before a time counts. PyTorch is given the allocator settings that suit it best.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median
from typing import Any

from benchmarks.workloads import WORKLOADS, Workload

ROUNDS = 7
SECONDS = 0.25
#: Given back to the system at every step, large arrays would cost PyTorch up to twice the time.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Side:
    """A process that answers commands."""

    def __init__(self, *arguments: str) -> None:
        chosen = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.side", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=chosen | ALLOCATOR | ONE_THREAD)

    def ask(self, command: str) -> Any:
        """Send a command and return the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a side ended: {self.process.args!r}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def layouts(workload: Workload) -> list[str]:
    """Return the memory layouts in which PyTorch might be fastest."""
    convolves = any("Conv" in n.op.name() for n in workload.graph().nodes.values())
    return ["contiguous", "channels_last"] if convolves else ["contiguous"]


def agree(ours: list[float], theirs: list[float]) -> bool:
    """Tell whether two runs began alike."""
    return len(ours) == len(theirs) and all(
        abs(a - b) <= 2e-3 * max(1.0, abs(b)) for a, b in zip(ours, theirs, strict=True))


def compare(workload: Workload) -> str:
    """Time one workload and return its line of the table."""
    us = Side("ours", str(workload.number))
    them = {v: Side("torch", str(workload.number), v)
            for layout in layouts(workload) for v in (layout, f"{layout} fused")}
    losses = us.ask("first")
    for variant, side in them.items():
        other = side.ask("first")
        if not agree(losses, other):
            raise SystemExit(f"{workload.name}: the losses {losses} differ from those of PyTorch {variant}, {other}")
    tried = {v: min(side.ask(f"fit {SECONDS}") for _ in range(2)) for v, side in them.items()}
    chosen = {kind: min((v for v in them if v.endswith("fused") == kind), key=tried.__getitem__)
              for kind in (False, True)}
    seconds = min(1.0, max(SECONDS, 20 * tried[chosen[False]]))
    times: dict[str, list[float]] = {"fit": [], "step": [], "plain": [], "fused": []}
    for _ in range(ROUNDS):
        times["fit"].append(us.ask(f"fit {seconds}"))
        times["plain"].append(them[chosen[False]].ask(f"fit {seconds}"))
        times["fused"].append(them[chosen[True]].ask(f"fit {seconds}"))
        times["step"].append(us.ask(f"step {seconds}"))
    for side in (us, *them.values()):
        side.close()
    fit, step, plain, fused = (f"{1e6 * median(times[k]):,.0f}" for k in ("fit", "step", "plain", "fused"))
    ratios = [f"{median(a / b for a, b in zip(times['fit'], times[k], strict=True)):.2f}" for k in ("plain", "fused")]
    return (f"| {workload.number} {workload.name} | {fit} | {step} | {plain} | {fused} | {ratios[0]} | {ratios[1]} "
            f"| {workload.must:.2f} | {workload.stretch:.2f} |")


def main() -> None:
    """Compare the workloads named on the command line, or all."""
    numbers = [int(a) for a in sys.argv[1:]] or sorted(WORKLOADS)
    probe = Side("ours", "1")
    print(f"NumPy on {probe.ask('kernels')}; one thread")
    probe.close()
    print("| workload | `fit` µs | bare step µs | PyTorch µs | fused µs | ratio | to fused | must | stretch |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number in numbers:
        print(compare(WORKLOADS[number]), flush=True)


if __name__ == "__main__":
    main()
