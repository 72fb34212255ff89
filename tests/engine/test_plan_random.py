"""compile never raises, whatever is drawn; and what it calls alive runs."""

from __future__ import annotations

import contextlib
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.engine.init import initial_weights
from graphlab.engine.op import registry
from graphlab.engine.plan import MOST_NODES, Plan, compile
from graphlab.engine.run import Run, RunError, backward, forward
from tests.engine.random_graphs import Drawing, feeds, nested

SEEDS, SIZES = st.integers(0, 2**32), st.integers(1, 9)
#: Ops whose numbers, not only their shapes, may stand in the way: a singular matrix has no ln det, and a box whose
#: corners are the wrong way round, or whose score is negative, cannot be worked with.
NUMBERS_MATTER = {"LogDet", "NMS", "YoloTargets"}
KINDS = {"f": "real", "i": "index", "b": "bool"}


@settings(max_examples=600)
@given(SEEDS, SIZES)
def test_compile_never_raises(seed: int, size: int) -> None:
    plan = compile(Drawing(seed, tame=False).graph(depth=2, size=size))
    for problem in plan.problems:
        assert problem.path
        assert problem.message[0].isupper(), problem.message
        assert problem.message.endswith("."), problem.message
        assert "cannot work out its shape" not in problem.message, f"an op raised something else: {problem.message}"
        assert "cannot be looked at" not in problem.message, f"an op raised something else: {problem.message}"
        assert all(f.label for f in problem.fixes)
    written = [s for step in plan.steps for s in step.outputs.values()]
    assert len(set(written)) == len(written), "a slot is written once"
    ready = set(plan.keys.values())
    for step in plan.steps:
        assert all(s is None or s in ready for s in step.inputs.values()), "a step reads what is already there"
        ready |= set(step.outputs.values())
        assert step.macs >= 0
        assert isinstance(step.op.line() + step.op.formula(), str)
    used = {s for step in plan.steps for s in step.inputs.values()}
    assert set(plan.keys.values()) <= used, "no weight is stored for nobody"


def small(plan: Plan) -> bool:
    return sum(math.prod(s.spec.concrete(2)) for s in plan.slots) < 30_000


@settings(max_examples=400)
@given(SEEDS, SIZES)
def test_what_is_alive_runs(seed: int, size: int) -> None:
    plan = compile(Drawing(seed, tame=True).graph(depth=2, size=size))
    if not small(plan):
        return
    run = Run(plan, initial_weights(plan), feeds(plan, 2))
    with contextlib.ExitStack() as stack:
        if any(s.op.name() in NUMBERS_MATTER for s in plan.steps):
            stack.enter_context(contextlib.suppress(RunError))
        for event in forward(run):
            for name, slot in event.step.outputs.items():
                spec, value = plan.slots[slot].spec, run.values[slot]
                assert value.shape == spec.concrete(2), (event.step.op, name)
                assert KINDS[value.dtype.kind] == spec.kind, (event.step.op, name)
        seeds = {(s.path, n): 1.0 for s in plan.steps[-1:] for n in s.outputs}
        for event in backward(run, seeds):
            for name, gradient in event.record.gradients.items():
                assert gradient.shape == event.record[name].shape, (event.step.op, name)


def test_blocks_within_blocks_end_in_a_sentence() -> None:
    graph = nested(levels=40, copies=10)
    plan = compile(graph)
    (problem,) = plan.problems
    assert f"more than {MOST_NODES:,} nodes" in problem.message
    assert len(plan.slots) < MOST_NODES
    assert initial_weights(plan, keep={"gone.W": np.ones(1)}) == {}


def test_blocks_as_deep_as_anyone_nests_them_compile() -> None:
    plan = compile(nested(levels=100, copies=1))
    assert not plan.problems
    run = Run(plan, {}, {"x": np.ones((1, 2))})
    for _ in forward(run):
        pass
    assert run.value("y") is not None


def test_no_port_has_the_name_of_an_output() -> None:
    """Gradients stand under the names of both."""
    for name, cls in registry().items():
        op = cls()
        assert not {p.name for p in op.ports()} & set(op.output_names()), name
