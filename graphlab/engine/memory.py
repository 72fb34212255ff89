"""How much memory a run asks for, told before any of it is taken."""

from __future__ import annotations

import math

from graphlab.engine.plan import Plan
from graphlab.engine.run import RunError


def needed(plan: Plan, batch: int, itemsize: int = 8, passes: int = 2) -> int:
    """Return the bytes of all values, and of as many gradients where ``passes`` is 2, for a batch; about right."""
    return sum(math.prod(s.spec.concrete(batch)) for s in plan.slots) * itemsize * passes


def show_bytes(count: float) -> str:
    """Write a number of bytes as people do: ``1.2 GB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"


def check_memory(plan: Plan, batch: int, available: int, itemsize: int = 8) -> None:
    """Refuse a run that would not fit. Raises `RunError` with the bytes, and the largest batch that fits."""
    need = needed(plan, batch, itemsize)
    if need <= available:
        return
    one = needed(plan, 1, itemsize)
    each = max(1, needed(plan, 2, itemsize) - one)
    most = 1 + (available - one) // each if one <= available else 0
    change = (f"look at {most} sample{'s' * (most != 1)} or fewer" if most else
              "use a smaller network: not even one sample fits")
    raise RunError(f"Running this network on {batch} sample{'s' * (batch != 1)} needs about {show_bytes(need)}; "
                   f"{show_bytes(available)} are free to use. To run it, {change}.")
