"""Weights that are filled when they are read, and runs that are refused before memory is taken."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.document.architectures import vgg
from graphlab.engine.graph import Net
from graphlab.engine.init import LazyWeights, initial_weights
from graphlab.engine.memory import check_memory, needed, show_bytes
from graphlab.engine.ops.layers import Linear
from graphlab.engine.plan import Plan, compile
from graphlab.engine.run import RunError


def plan(features: int = 3) -> Plan:
    net = Net()
    net.add("out", Linear(features=2), net.add("fc", Linear(features=features), net.input("x", 4)))
    return compile(net.graph())


def test_lazy_weights_are_the_same_numbers_filled_when_read() -> None:
    lazy, eager = LazyWeights(plan(), 5), initial_weights(plan(), 5)
    assert set(lazy) == set(eager)
    assert not lazy.made
    np.testing.assert_array_equal(lazy["fc.W"], eager["fc.W"])
    assert set(lazy.made) == {"fc.W"}
    assert lazy.unmade == 3 + 6 + 2
    assert "nothing" not in lazy
    with pytest.raises(KeyError):
        lazy["nothing"]


def test_what_fits_is_kept_and_what_is_unfilled_stays_so() -> None:
    first = LazyWeights(plan(), 5)
    kept = first["out.b"]
    second = LazyWeights(plan(4), 6, first)
    assert second["out.b"] is kept
    assert second["fc.W"].shape == (4, 4)
    np.testing.assert_array_equal(LazyWeights(plan(), 9, first)["fc.W"], initial_weights(plan(), 5)["fc.W"])


def test_a_network_of_138_million_weights_costs_nothing_until_it_is_read() -> None:
    assert LazyWeights(compile(vgg(16))).unmade > 138_000_000


def test_a_run_that_does_not_fit_is_refused_with_its_bytes() -> None:
    small = plan()
    assert needed(small, 1) == 8 * 2 * (4 + 3 + 2 + 12 + 3 + 6 + 2)
    check_memory(small, 4, 10_000)
    with pytest.raises(RunError, match=r"on 100 samples needs about .* kB; 5 kB are free to use. To run it, look at"):
        check_memory(small, 100, 5_000)
    with pytest.raises(RunError, match="not even one sample fits"):
        check_memory(small, 1, 100)
    assert show_bytes(1_234_567_890) == "1.23 GB"
