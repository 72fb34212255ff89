"""Gradient ascent on an input, against the formula and central differences."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.document.examples import open_example
from graphlab.engine.init import initial_weights
from graphlab.engine.maximise import Ascent, Unit, ascend, noise
from graphlab.engine.op import Array
from graphlab.engine.plan import Plan, compile
from graphlab.engine.run import RunError, Weights, execute


def digits() -> tuple[Plan, Weights, dict[str, Array]]:
    plan = compile(open_example("digits-conv").document.graph)
    return plan, initial_weights(plan, 0), {"y": np.zeros(1, np.int64)}


def climbed(unit: Unit, rate: float, steps: int, decay: float = 0.0, normalise: bool = False) -> Ascent:
    plan, weights, feeds = digits()
    return ascend(plan, weights, feeds, "x", unit, noise(plan, "x", 0, 0.1), rate, steps, decay, normalise)


@pytest.mark.parametrize("unit", [Unit("fc2", 3), Unit("conv2", 5)])
def test_a_step_is_eta_times_the_derivative_of_the_activation(unit: Unit) -> None:
    plan, weights, feeds = digits()
    found = climbed(unit, 0.1, 1)
    x, h = found.inputs[0], 1e-5
    slope = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        sides = []
        for sign in (1, -1):
            moved = x.copy()
            moved[i] += sign * h
            value = execute(plan, weights, {**feeds, "x": moved}).value(unit.path)
            assert value is not None
            sides.append(float(np.mean(value[0, unit.channel])))
        slope[i] = (sides[0] - sides[1]) / (2 * h)
    np.testing.assert_allclose(found.inputs[1], x + 0.1 * slope, atol=1e-7)
    assert found.lengths[0] == pytest.approx(float(np.linalg.norm(slope)), rel=1e-5)


def test_the_activation_rises_and_the_noise_is_seeded() -> None:
    found = climbed(Unit("fc2", 3), 0.05, 15, normalise=True)
    assert found.activations[-1] > found.activations[0] + 0.5
    np.testing.assert_array_equal(found.inputs, climbed(Unit("fc2", 3), 0.05, 15, normalise=True).inputs)
    step = found.inputs[1] - found.inputs[0]
    assert np.sqrt(np.mean(step**2)) == pytest.approx(0.05)
    smaller = climbed(Unit("fc2", 3), 0.05, 15, decay=4.0, normalise=True)
    assert np.linalg.norm(smaller.inputs[-1]) < np.linalg.norm(found.inputs[-1])


def test_a_node_without_channels_is_refused_in_words() -> None:
    with pytest.raises(RunError, match="no channels or units"):
        climbed(Unit("loss", 0), 0.1, 1)
