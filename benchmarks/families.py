"""Which kind of network a workload is in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.peer import Peer
from benchmarks.workloads import Workload
from graphlab.engine.feeding import Prepared
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array


def peer(workload: Workload, plan: Plan, weights: Mapping[str, Array], arrays: Mapping[str, Array],
         prepared: Prepared, variant: str) -> Any:
    """Make the PyTorch side of a workload."""
    return Peer(workload, plan.graph, plan, weights, arrays, variant)
