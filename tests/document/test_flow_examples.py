"""The examples of gradient flow show, when they are trained, what they are there for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from graphlab.document.datasets import load_table
from graphlab.document.examples import open_example
from graphlab.engine.anatomy import anatomy
from graphlab.engine.doctor import examine
from graphlab.engine.feeding import prepare
from graphlab.engine.flow import Survey, survey
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Array
from graphlab.engine.plan import compile
from graphlab.engine.record import Mode
from graphlab.engine.run import execute
from graphlab.engine.train import Progress, Trainer


def trained(name: str) -> Progress:
    loaded = open_example(name)
    setup = loaded.document.setup
    plan = compile(loaded.document.graph)
    trainer = Trainer(plan, initial_weights(plan, setup.seed, loaded.weights), load_table(setup.data), setup)
    return list(trainer.run(interval=1e9))[-1]


def looked(name: str, weights: Mapping[str, Array] | None = None) -> Survey:
    loaded = open_example(name)
    setup = loaded.document.setup
    plan = compile(loaded.document.graph)
    w = initial_weights(plan, setup.seed, loaded.weights) if weights is None else weights
    feeds = prepare(plan, load_table(setup.data), setup).feeds(np.arange(64))
    return survey(anatomy(plan), setup, lambda losses: execute(
        plan, w, feeds, Mode(training=True, seed=setup.seed), seeds={(p, "y"): c for p, c in losses.items()}))


@pytest.mark.parametrize(("name", "stuck", "learns", "loss"), [
    ("deep-skips", ["plain"], ["skip"], 0.6), ("deep-activations", ["sigmoid"], ["relu"], 1.0),
    ("deep-initialisation", ["zeros", "small"], ["xavier", "he"], 1.0),
    ("batchnorm-shift", ["without"], ["with"], 0.4)])
def test_one_network_learns_and_its_twin_does_not(name: str, stuck: list[str], learns: list[str], loss: float) -> None:
    last = trained(name)
    assert last.seconds < 60
    for each in stuck:
        assert last.losses[each] > 0.98 * np.log(10), "no better than guessing one of ten"
    for each in learns:
        assert last.losses[each] < loss
    findings = examine(looked(name))
    for each in stuck:
        assert [f for f in findings if f.kind in ("vanishing", "no gradient") and f"‘{each}’" in f.message]
    for each in learns:
        assert not [f for f in findings if f.kind in ("vanishing", "no gradient") and f"‘{each}’" in f.message]


def test_zeros_are_symmetric() -> None:
    found = [f for f in examine(looked("deep-initialisation")) if f.kind == "symmetric"]
    assert [f.path for f in found] == ["zeros/z_fc1"]
    assert found[0].message.startswith("All 32 units")


def test_the_lstm_remembers_and_the_rnn_does_not() -> None:
    last = trained("rnn-lstm")
    assert last.seconds < 60
    assert last.losses["rnn"] > 0.8
    assert last.losses["lstm"] < 0.4
    found = looked("rnn-lstm")
    first = {(p.path, p.state): p.gradients[0] / p.gradients[-1] for p in found.passages}
    assert first["rnn", "h"] < 1e-2
    assert first["lstm", "c"] > 0.1
    assert [f.path for f in examine(found) if f.kind == "vanishing through time"] == ["rnn"]
