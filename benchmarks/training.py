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
SECONDS = 0.3
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


def variants(workload: Workload) -> list[str]:
    """Return the ways in which PyTorch might be fastest."""
    convolves = any("Conv" in n.op.name() for n in workload.graph().nodes.values())
    layouts = ["", "channels_last"] if convolves else [""]
    return [f"{layout} {fused}".strip() or "plain" for layout in layouts for fused in ("", "fused")]


def agree(ours: list[float], theirs: list[float]) -> bool:
    """Tell whether two runs began alike."""
    return len(ours) == len(theirs) and all(
        abs(a - b) <= 2e-3 * max(1.0, abs(b)) for a, b in zip(ours, theirs, strict=True))


def compare(workload: Workload) -> str:
    """Time one workload and return its line of the table."""
    us = Side("ours", str(workload.number))
    them = {v: Side("torch", str(workload.number), v) for v in variants(workload)}
    losses = us.ask("first")
    for variant, side in them.items():
        other = side.ask("first")
        if not agree(losses, other):
            raise SystemExit(f"{workload.name}: the losses {losses} differ from those of PyTorch {variant}, {other}")
    best = min(them, key=lambda v: min(them[v].ask(f"fit {SECONDS}") for _ in range(2)))
    times: dict[str, list[float]] = {"fit": [], "step": [], "torch": []}
    for _ in range(ROUNDS):
        times["fit"].append(us.ask(f"fit {SECONDS}"))
        times["torch"].append(them[best].ask(f"fit {SECONDS}"))
        times["step"].append(us.ask(f"step {SECONDS}"))
    for side in (us, *them.values()):
        side.close()
    fit, step, torch = (1e6 * median(times[k]) for k in ("fit", "step", "torch"))
    ratio = median(a / b for a, b in zip(times["fit"], times["torch"], strict=True))
    return (f"| {workload.number} {workload.name} | {fit:,.0f} | {step:,.0f} | {torch:,.0f} ({best}) | {ratio:.2f} "
            f"| {workload.must:.2f} | {workload.stretch:.2f} |")


def main() -> None:
    """Compare the workloads named on the command line, or all."""
    numbers = [int(a) for a in sys.argv[1:]] or sorted(WORKLOADS)
    probe = Side("ours", "1")
    print(f"NumPy on {probe.ask('kernels')}; one thread")
    probe.close()
    print("| workload | fit µs | bare step µs | PyTorch µs | ratio | must | stretch |")
    print("|---|---|---|---|---|---|---|")
    for number in numbers:
        print(compare(WORKLOADS[number]), flush=True)


if __name__ == "__main__":
    main()
