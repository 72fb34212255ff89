"""One generic test for every op: closed = opened = inside = central differences = derivation."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.engine.derive import derive
from graphlab.engine.gradcheck import check_step, numeric_gradient, relative_error
from graphlab.engine.op import Op, overrides, registry
from graphlab.engine.run import Run
from tests.engine.generic import Prepared, all_cases, prepare

CASES = dict(all_cases())


@pytest.fixture(params=CASES)
def prepared(request: pytest.FixtureRequest) -> Prepared:
    return prepare(request.param, CASES[request.param])


def places(shape: tuple[int, ...], count: int, seed: int = 5) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(seed)
    every = list(np.ndindex(shape))
    return [every[i] for i in rng.permutation(len(every))[:count]]


def test_shapes_are_what_was_promised(prepared: Prepared) -> None:
    run = prepared.run()
    for slot in prepared.plan.slots:
        assert run.values[slot.index].shape == slot.spec.concrete(prepared.case.batch), slot.name
        assert run.gradients.get(slot.index, run.values[slot.index]).shape == run.values[slot.index].shape


def test_gradients_agree_with_central_differences(prepared: Prepared) -> None:
    run = prepared.run()
    if prepared.op.surrogate:
        pytest.skip(f"surrogate gradient: {prepared.op.surrogate}")
    record = run.records["op"]
    seeds = {n: record.gradients[n] for n in prepared.op.output_names()}
    for port, value in record.inputs.items():
        memory = any(p.name == port and p.memory for p in prepared.op.ports())
        if value is None or value.dtype.kind != "f" or memory:
            assert port not in record.gradients
            continue
        if port not in record.gradients:
            numeric = numeric_gradient(record, port, seeds)
            assert np.abs(numeric).max(initial=0) < 1e-8, f"{port} has a gradient that backward does not return"
            continue
        error = relative_error(record.gradients[port], numeric_gradient(record, port, seeds))
        assert error < 1e-6, (port, error)
    assert check_step(run, "op").error < 1e-6


def test_forward_and_backward_change_nothing_they_were_given(prepared: Prepared) -> None:
    for a in (*prepared.feeds.values(), *prepared.weights.values(), *prepared.seeds.values()):
        a.flags.writeable = False
    prepared.run()


def test_two_runs_are_identical(prepared: Prepared) -> None:
    a, b = prepared.run(), prepared.run()
    for slot in a.values:
        np.testing.assert_array_equal(a.values[slot], b.values[slot])
    for slot in a.gradients:
        np.testing.assert_array_equal(a.gradients[slot], b.gradients[slot])


def test_every_derivation_evaluates_to_the_engines_number(prepared: Prepared) -> None:
    run = prepared.run()
    record = run.records["op"]
    if not (overrides(type(prepared.op), Op.explain) or overrides(type(prepared.op), Op.body)):
        pytest.fail("the op explains nothing")
    for name, value in record.outputs.items():
        for at in places(value.shape, 3):
            d = derive(run, "op", name, at)
            assert d.value == pytest.approx(d.engine, rel=1e-9, abs=1e-11), (name, at, d.symbolic())
            assert d.substituted()
    if prepared.op.surrogate:
        return
    for name in [n for n in record.gradients if n in record.inputs]:
        given = record.inputs[name]
        assert given is not None
        for at in places(given.shape, 3):
            d = derive(run, "op", name, at, grad=True)
            assert d.value == pytest.approx(d.engine, rel=1e-9, abs=1e-11), (name, at, d.symbolic())
            assert d.substituted()


def test_inside_equals_closed(prepared: Prepared) -> None:
    if not overrides(type(prepared.op), Op.body):
        pytest.skip("has no body")
    run = prepared.run()
    inner = run.inside("op")
    assert isinstance(inner, Run)
    assert not inner.plan.problems
    record = run.records["op"]
    for name, value in record.outputs.items():
        found = inner.value(f"op/{name}")
        assert found is not None
        np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-11)
    for name, gradient in record.gradients.items():
        if name in record.inputs:
            found = inner.gradient(f"op/{name}")
            assert found is not None
            np.testing.assert_allclose(found, gradient, rtol=1e-9, atol=1e-11)


def test_every_op_declares_what_the_app_shows() -> None:
    for name, cls in registry().items():
        op = cls()
        assert cls.sentence().endswith("."), name
        assert cls.category, name
        assert cls.outputs, name
        for a in cls.attributes():
            assert a.help, f"{name}.{a.name} has no help"
            assert not a.problem(a.default), name
        if not cls.composite():
            assert op.formula(), f"{name} has no formula"
            assert list(cls.cases()), f"{name} has no cases"
