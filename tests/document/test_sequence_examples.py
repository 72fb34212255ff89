"""The examples of sequences learn what they are for, and attention beats the bottleneck."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from graphlab.document.datasets import load_table
from graphlab.document.examples import open_example
from graphlab.engine.feeding import prepare
from graphlab.engine.init import initial_weights
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Array
from graphlab.engine.run import Run, execute
from graphlab.engine.train import Progress, Trainer


@lru_cache
def trained(name: str) -> tuple[Plan, Progress]:
    setup = open_example(name).document.setup
    plan = compile(open_example(name).document.graph)
    trainer = Trainer(plan, initial_weights(plan, setup.seed), load_table(setup.data), setup)
    return plan, list(trainer.run(interval=1e9))[-1]


def run_on(name: str, plan: Plan, weights: dict[str, Array], count: int) -> tuple[Run, Array]:
    setup = open_example(name).document.setup
    prepared = prepare(plan, load_table(setup.data), setup)
    rows = prepared.rows["validation"][:count]
    return execute(plan, weights, prepared.feeds(rows)), rows


@pytest.mark.parametrize(("name", "low", "high"), [
    ("seq2seq-attention", 0.99, 1.0), ("seq2seq", 0.7, 0.97), ("translation", 0.99, 1.0), ("transformer", 0.99, 1.0),
    ("masked-words", 0.99, 1.0), ("characters", 0.9, 1.0)])
def test_an_example_learns_what_it_is_for(name: str, low: float, high: float) -> None:
    score = trained(name)[1].validation
    assert score is not None
    assert score.accuracy is not None
    assert low <= score.accuracy <= high


def test_the_alignment_runs_backwards_after_training() -> None:
    plan, last = trained("seq2seq-attention")
    run, _ = run_on("seq2seq-attention", plan, dict(last.weights), 32)
    weights = run.value("weights")
    assert weights is not None
    mean = weights.mean(axis=0)
    assert (mean.argmax(axis=1) == np.arange(10)[::-1]).mean() > 0.75
    assert mean[:, ::-1].trace() / 10 > 0.6


def test_the_causal_model_knows_the_verb_though_another_animal_stands_nearer() -> None:
    plan, last = trained("next-word")
    run, _ = run_on("next-word", plan, dict(last.weights), 200)
    scores, words = run.value("scores"), run.value("words")
    assert scores is not None
    assert words is not None
    right = (scores.argmax(axis=-1) == words).mean(axis=0)
    assert right[6] > 0.99, "the verb follows from the sentence"
    assert right[2] < 0.4, "which animal is old cannot be known"


def test_the_experts_share_the_step() -> None:
    plan, last = trained("mixture-of-experts")
    assert last.train is not None
    assert last.train.loss < 0.03
    x = np.array([[-0.9], [-0.5], [0.5], [0.9]])
    run = execute(plan, dict(last.weights), {"x": x, "y": np.zeros((4, 1))})
    gates = run.value("mixture", "gates")
    assert gates is not None
    chosen = gates.argmax(axis=1)
    assert chosen[0] == chosen[1] != chosen[2] == chosen[3]
