"""The built-in examples: they open, compile, run, train and are what the builder writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphlab.document.datasets import load_table
from graphlab.document.examples import EXAMPLES, Example, find, open_example
from graphlab.document.files import FileError, load, save
from graphlab.document.model import Document
from graphlab.document.summary import advice, summarise
from graphlab.engine.init import initial_weights
from graphlab.engine.plan import Plan, compile
from graphlab.engine.run import execute
from graphlab.engine.train import Progress, Trainer
from tests.document.sound import assert_sound
from tools import build_examples

each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)


def plan_of(name: str) -> tuple[Document, Plan]:
    document = open_example(name).document
    return document, compile(document.graph)


def trained(name: str, epochs: int = 0) -> Progress:
    loaded = open_example(name)
    setup = loaded.document.setup
    plan = compile(loaded.document.graph)
    trainer = Trainer(plan, initial_weights(plan, setup.seed, loaded.weights), load_table(setup.data),
                      setup.replace(epochs=epochs) if epochs else setup)
    return list(trainer.run(interval=1e9))[-1]


@each
def test_an_example_is_complete(example: Example) -> None:
    loaded = open_example(example.name)
    assert loaded.notices == ()
    assert loaded.document.title == example.title
    assert loaded.document.text
    assert_sound(loaded.document)
    plan = compile(loaded.document.graph)
    assert plan.problems == ()
    assert advice(loaded.document, plan, load_table(loaded.document.setup.data)) == ()
    assert set(loaded.weights) <= set(plan.weights)
    assert set(loaded.document.graph.nodes) <= set(loaded.document.layout), "every card has a place"


@each
def test_an_example_trains(example: Example) -> None:
    loaded = open_example(example.name)
    setup = loaded.document.setup
    plan = compile(loaded.document.graph)
    trainer = Trainer(plan, initial_weights(plan, setup.seed, loaded.weights), load_table(setup.data), setup)
    before = trainer.progress()
    trainer.update()
    trainer.update()
    after = trainer.progress()
    assert after.message == ""
    assert all(np.isfinite(v) for v in after.losses.values())
    assert any((after.weights[k] != before.weights[k]).any() for k in plan.trainable())


@each
def test_a_round_trip_through_a_file_changes_nothing(example: Example, tmp_path: Path) -> None:
    loaded = open_example(example.name)
    path = tmp_path / "copy.glab"
    save(path, loaded.document, loaded.weights)
    again = load(path)
    assert again.document == loaded.document
    assert again.weights.keys() == loaded.weights.keys()
    assert path.read_bytes() == example.path.read_bytes(), "the same document gives the same bytes"


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.name != "activation-maximisation"], ids=lambda e: e.name)
def test_an_example_is_what_the_builder_writes(example: Example) -> None:
    draft = build_examples.DRAFTS[example.name]()
    assert open_example(example.name).document == build_examples.document(example, draft), (
        "python -m tools.build_examples writes the examples anew")


def test_cards_do_not_overlap() -> None:
    for example in EXAMPLES:
        document = open_example(example.name).document
        sizes = build_examples.card_sizes(document)
        boxes = [(document.layout[i], sizes[i]) for i in document.graph.nodes]
        for k, (a, (w, h)) in enumerate(boxes):
            for b, (v, u) in boxes[:k]:
                assert not (a.x < b.x + v and b.x < a.x + w and a.y < b.y + u and b.y < a.y + h), example.name


def test_the_hand_calculation() -> None:
    loaded = open_example("hand-2-2-1")
    plan = compile(loaded.document.graph)
    run = execute(plan, loaded.weights, {}, seeds={("loss", "y"): 1.0})
    assert run.value("hidden").tolist() == [[1.0, 0.5]]  # type: ignore[union-attr]
    assert run.value("output").tolist() == [[2.0]]  # type: ignore[union-attr]
    assert run.value("loss") == 0.5
    gradients = {k: v.tolist() for k, v in run.weight_gradients().items()}
    assert gradients == {"output.W": [[1.0], [0.5]], "output.b": [1.0], "hidden.W": [[2.0, -1.0], [4.0, -2.0]],
                         "hidden.b": [2.0, -1.0]}
    assert run.gradient("x").tolist() == [[2.0, -0.5]]  # type: ignore[union-attr]


def test_the_counts_as_arithmetic() -> None:
    summary = summarise(plan_of("count-400-300-100-10")[1])
    assert summary.parameters == 151_410
    assert summary.parameter_arithmetic == "120,300 + 30,100 + 1,010 = 151,410"
    assert summary.nodes["fc1"].arithmetic == "400·300 + 300 = 120,300"
    assert summary.activation_arithmetic == "400 + 300 + 100 + 10 = 810"
    assert summary.macs == 400 * 300 + 300 * 100 + 100 * 10


def test_lenet_5_has_61706_parameters() -> None:
    summary = summarise(plan_of("lenet-5")[1])
    assert summary.parameter_arithmetic == "156 + 2,416 + 48,120 + 10,164 + 850 = 61,706"


@pytest.mark.parametrize(("name", "accuracy"), [
    ("digits", 0.96), ("digits-batchnorm", 0.96), ("digits-conv", 0.96), ("lstm-rows", 0.9), ("moons", 0.97),
    ("spirals", 0.97), ("circles", 0.97), ("xor", 0.97), ("logistic-regression", 0.95), ("iris", 0.85), ("wine", 0.9)])
def test_an_example_learns_what_it_is_for(name: str, accuracy: float) -> None:
    last = trained(name)
    assert last.validation is not None
    assert last.validation.accuracy is not None
    assert last.validation.accuracy >= accuracy
    assert last.epoch <= 20 or not name.startswith("digits")


@pytest.mark.parametrize(("name", "share"), [("regression", 0.1), ("linear-regression", 0.15), ("hand-2-2-1", 0.1),
                                             ("attention-retrieval", 0.5)])
def test_an_example_lowers_its_loss(name: str, share: float) -> None:
    loaded = open_example(name)
    setup = loaded.document.setup
    plan = compile(loaded.document.graph)
    trainer = Trainer(plan, initial_weights(plan, setup.seed, loaded.weights), load_table(setup.data), setup)
    before = trainer.progress().train
    after = list(trainer.run(interval=1e9))[-1].train
    assert before is not None
    assert after is not None
    assert after.loss < share * before.loss


def test_activation_maximisation_raises_the_score_and_leaves_the_network() -> None:
    loaded = open_example("activation-maximisation")
    last = trained("activation-maximisation")
    assert last.train is not None
    assert last.train.loss > 10
    for key, value in loaded.weights.items():
        assert (last.weights[key] == value).all()


def test_the_gan_moves_both_sides_only_in_their_own_phase() -> None:
    loaded = open_example("gan-2d")
    plan = compile(loaded.document.graph)
    setup = loaded.document.setup
    trainer = Trainer(plan, initial_weights(plan), load_table(setup.data), setup)
    first = trainer.progress().weights
    trainer.update()
    second = trainer.progress().weights
    moved = {k.split("_")[0] for k in plan.weights if (first[k] != second[k]).any()}
    assert moved == {"d"}
    trainer.update()
    third = trainer.progress().weights
    assert {k.split("_")[0] for k in plan.weights if (second[k] != third[k]).any()} == {"g"}


def test_examples_are_found_by_name() -> None:
    assert find("digits.glab") is find("digits")
    assert len({e.name for e in EXAMPLES}) == len(EXAMPLES)
    with pytest.raises(FileError, match="no example ‘nothing’; there are hand-2-2-1"):
        open_example("nothing")
