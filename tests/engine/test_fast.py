"""The fast program gives what a recorded run gives: for every op, in both precisions, whatever is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.fast.lower import make_step
from graphlab.engine.fast.program import Parameters
from graphlab.engine.graph import Input, Net, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Array, Case, Given, Op, Port, Record, Spec, Weight, attr, registry
from graphlab.engine.op import case as case_of
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Mode
from graphlab.engine.run import Run, execute
from graphlab.engine.spec import Batch
from tests.engine.generic import all_cases, draw


def geometries() -> dict[str, Case]:
    """Return convolutions and pools of every geometry that a kernel of theirs treats in its own way."""
    out = {}
    ways: list[dict[str, Any]] = [
        {"padding": "half"}, {"stride": (2,), "padding": "same"}, {"kernel": (2, 3), "stride": (3, 2)},
        {"dilation": (1, 2), "padding": "half"}, {"dilation": (2, 2)}, {"kernel": (1,)},
        {"kernel": (3, 1), "stride": (1, 2), "padding": "pixels", "pixels": (1, 0)},
        {"kernel": (5,), "padding": "half"},
    ]
    for name in ("Conv2D", "DepthwiseConv"):
        for i, way in enumerate(ways):
            more = {"filters": 18} if name == "Conv2D" and i == 0 else {}
            out[f"{name}-geometry-{i}"] = case_of(registry()[name](**way, **more), x=(Batch(), 17 if more else 3, 7, 6))
    for name in ("MaxPool", "AvgPool"):
        for way in ({}, {"kernel": (3,), "stride": (2,), "padding": "half"}, {"kernel": (2, 3)}):
            numbers = Given((Batch(), 2, 6, 6), low=-2.0, high=2.0, apart=0.01)
            out[f"{name}-geometry-{len(out)}"] = case_of(registry()[name](**way), x=numbers)
    return out


CASES = dict(all_cases()) | geometries()
TOLERANCE = {np.float32: 1e-4, np.float64: 1e-10}


class Tap(Op, register=False):
    """Adds a weight of zeros to a value, so that the value's gradient can be asked for."""

    size: tuple[int, ...] = attr("shape, with the batch", default=())

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("tap", weight=True))

    def shape(self, x: Spec) -> Spec:
        return x

    def weights(self, x: Spec) -> dict[str, Weight]:
        return {"tap": Weight(self.size, "zeros")}

    def forward(self, f: Record, x: Array, tap: Array) -> Array:
        return x + tap

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy, "tap": dy}


class Weigh(Op, register=False):
    """Sums a value times fixed numbers: those are then the value's upstream gradient."""

    numbers: tuple[float, ...] = attr("one a number of the value", default=())

    def shape(self, x: Spec) -> Spec:
        return Spec(())

    def forward(self, f: Record, x: Array) -> Array:
        return np.asarray((x * np.reshape(self.numbers, x.shape)).sum(), x.dtype)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["x"]
        return {"x": (dy * np.reshape(self.numbers, x.shape)).astype(x.dtype)}


def build(case: Case) -> tuple[Plan, dict[str, Array], dict[str, Array], dict[str, float]]:
    """Wire one case between taps on its inputs and weighings of its outputs."""
    rng = np.random.default_rng(7)
    net, specs, feeds, sources = Net(), {}, {}, {}
    for port, given in case.inputs.items():
        spec = Spec(given.shape, given.kind)
        source = net.add(f"in_{port}", Input(size=tuple(d for d in given.shape if not isinstance(d, Batch))))
        specs[f"in_{port}"] = spec
        feeds[f"in_{port}"] = draw(given, spec.concrete(case.batch), rng)
        if given.kind == "real":
            source = net.add(f"tap_{port}", Tap(size=spec.concrete(case.batch)), source)
        sources[port] = source
    net.add("op", case.op, **sources)
    bare = compile(net.graph(), specs)
    assert not bare.problems, [p.message for p in bare.problems]
    losses = {}
    for name in case.op.output_names():
        out = bare.spec("op", name)
        assert out is not None
        if out.kind == "real":
            shape = out.concrete(case.batch)
            numbers = tuple(rng.standard_normal(shape).ravel().tolist())
            net.add(f"loss_{name}", Weigh(numbers=numbers), Source("op", name))
            losses[f"loss_{name}"] = 1.0
    plan = compile(net.graph(), specs)
    weights = initial_weights(plan, seed=3)
    weights = {k: w if k.endswith(".tap") else w + rng.uniform(0.05, 0.5, w.shape) for k, w in weights.items()}
    return plan, weights, feeds, losses


def recorded(plan: Plan, weights: dict[str, Array], feeds: dict[str, Array], losses: dict[str, float],
             mode: Mode) -> Run:
    return execute(plan, weights, feeds, mode, seeds={(path, "y"): c for path, c in losses.items()})


def close(name: str, got: Array, want: Array, tolerance: float) -> None:
    scale = max(1.0, float(np.abs(want).max(initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("keeping", [False, True], ids=["plain", "traced"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(CASES))
def test_a_fast_step_is_a_recorded_one(name: str, dtype: Any, keeping: bool) -> None:
    case = CASES[name]
    plan, weights, feeds, losses = build(case)
    if not losses:
        pytest.skip("has no real output")
    outputs = [("op", n) for n in case.op.output_names()]
    parameters = Parameters(plan, weights, dtype)
    wrt = plan.trainable()
    program = make_step(plan, parameters, case.batch, losses, wrt, training=case.training, seed=11, phase=2,
                        keep=outputs if keeping else ())
    for update in (1, 5):  # the second shows what the first left behind
        parameters.write(weights)
        parameters.gradient[...] = np.nan
        for path in program.inputs:
            program.feed(path, feeds[path])
        run = recorded(plan, weights, feeds, losses, Mode(case.training, 11, 2, update))
        got = program.step(update)
        want = [float(run.values[plan.where[path]["y"]]) for path in losses]
        close("losses", np.array(got), np.array(want), TOLERANCE[dtype] * 10)
        expected = run.weight_gradients()
        for key in wrt:
            close(key, parameters.gradients[key], expected[key], TOLERANCE[dtype])
        for path, output in outputs if keeping else ():
            value = run.value(path, output)
            assert value is not None
            close(output, program.value(path, output), value, TOLERANCE[dtype])
    check_memories(plan, parameters, weights, run, case.training, TOLERANCE[dtype])


def check_memories(plan: Plan, parameters: Parameters, weights: dict[str, Array], run: Run, training: bool,
                   tolerance: float) -> None:
    """What ran in training moved its memories once since they were last written."""
    want = {k: np.array(weights[k]) for k, s in plan.keys.items() if plan.slots[s].memory}
    for step in plan.steps if training else ():
        for move in run.records[step.path].updates:
            slot = step.inputs[move.port]
            assert slot is not None
            key = plan.slots[slot].key
            want[key] = (1 - move.rate) * want[key] + move.rate * move.value
    for key, value in want.items():
        close(key, parameters.weights[key], value, tolerance)


