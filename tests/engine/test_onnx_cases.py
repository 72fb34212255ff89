"""The ONNX standard's own node cases, forward: every case whose operator maps to one of ours."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest

from graphlab.engine.graph import Input, Net, Source
from graphlab.engine.op import Batch
from graphlab.engine.plan import compile
from graphlab.engine.record import Array
from graphlab.engine.run import RunError, execute
from graphlab.engine.spec import Dim, Kind, Spec
from tests.engine.onnx_adapter import ADAPTERS, Mapped

pytestmark = pytest.mark.peers
#: The number of cases that passed when this was last raised; it may only grow.
PASSED = 181


def run_case(mapped: Mapped, batch: int | None) -> list[Array] | str:
    """Run one op; ``batch`` makes the first axis of that size the batch. Returns its outputs, or why not."""
    assert mapped is not None
    op, given = mapped
    net = Net()
    specs: dict[str, Spec] = {}
    feeds: dict[str, Array] = {}
    wires: dict[str, Source] = {}
    data = {p.name for p in op.ports() if p.data}
    for port, value in given.items():
        kind: Kind = "real" if value.dtype.kind == "f" else "bool" if value.dtype.kind == "b" else "index"
        shape: tuple[Dim, ...] = value.shape
        if batch is not None and port in data and shape and shape[0] == batch:
            shape = (Batch(), *shape[1:])
        wires[port] = net.add(f"in_{port}", Input(size=(1,)))
        specs[f"in_{port}"] = Spec(shape, kind)
        feeds[f"in_{port}"] = value.astype({"real": np.float64, "index": np.int64, "bool": np.bool_}[kind])
    net.add("op", op, **wires)
    plan = compile(net.graph(), specs)
    if plan.problems or plan.step("op") is None:
        return plan.problems[0].message if plan.problems else "is not alive"
    run = execute(plan, {}, feeds)
    return [v for n in op.output_names() if (v := run.value("op", n)) is not None]


def test_cases_of_the_standard_pass_and_no_fewer_than_before(capsys: pytest.CaptureFixture[str]) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install '.[peers]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    passed: Counter[str] = Counter()
    failed: list[str] = []
    declined: list[str] = []
    unmapped = 0
    for case in cases:
        nodes = case.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in ADAPTERS:
            unmapped += 1
            continue
        inputs, outputs = case.data_sets[0]
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in nodes[0].attribute}
        arrays = [np.asarray(x) for x in inputs]
        if not arrays or any(a.dtype.kind not in "fbiu" for a in arrays):
            declined.append(f"{case.name}: inputs")
            continue
        mapped = ADAPTERS[nodes[0].op_type](attributes, arrays)
        if mapped is None:
            declined.append(f"{case.name}: form")
            continue
        found: list[Array] | str = "has no inputs"
        for batch in (None, arrays[0].shape[0] if arrays[0].ndim else None):
            try:
                found = run_case(mapped, batch)
            except RunError as e:
                found = str(e)
            if not isinstance(found, str):
                break
        if isinstance(found, str):
            declined.append(f"{case.name}: {found}")
            continue
        wanted = [np.asarray(o) for o in outputs][:len(found)]
        if nodes[0].op_type == "GlobalAveragePool":  # ours drops the axes it pools over: (B, C)
            wanted = [w.reshape(w.shape[:2]) for w in wanted]
        good = all(f.shape == w.shape and np.allclose(f, w, rtol=1e-3, atol=1e-5, equal_nan=True)
                   for f, w in zip(found, wanted, strict=True))
        if good:
            passed[nodes[0].op_type] += 1
        else:
            failed.append(case.name)
    total = sum(passed.values())
    with capsys.disabled():
        print(f"\nONNX node cases: {total} passed, {len(failed)} failed, {len(declined)} of a form that ours declines, "
              f"{unmapped} unmapped")
    assert not failed
    assert total >= PASSED
