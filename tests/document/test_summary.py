"""Counts with their arithmetic."""

from __future__ import annotations

import pytest

from graphlab.document.advice import advice
from graphlab.document.blocks import group
from graphlab.document.datasets import load_table
from graphlab.document.edits import add_after, add_node, set_frozen
from graphlab.document.examples import open_example
from graphlab.document.model import Document
from graphlab.document.summary import parameter_arithmetic, summarise, total_arithmetic
from graphlab.engine.graph import Input
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.plan import compile


@pytest.mark.parametrize(("shapes", "text"), [
    ([(400, 300), (300,)], "400·300 + 300 = 120,300"), ([(5,)], "5"), ([], ""), ([()], "1"),
    ([(6, 1, 5, 5), (6,)], "6·1·5·5 + 6 = 156"), ([(1500,)], "1,500"), ([(64,), (64,)], "64 + 64 = 128")])
def test_parameters_as_products(shapes: list[tuple[int, ...]], text: str) -> None:
    assert parameter_arithmetic(shapes) == text


@pytest.mark.parametrize(("numbers", "text"), [
    ([120_300, 0, 30_100, 0, 1_010], "120,300 + 30,100 + 1,010 = 151,410"), ([7], "7"), ([], "0"),
    ([1000] * 20, "1,000 + " * 10 + "… + 1,000 = 20,000")])
def test_totals_as_sums(numbers: list[int], text: str) -> None:
    assert total_arithmetic(numbers) == text


def test_memories_are_stored_but_not_counted() -> None:
    document, x = add_node(Document(), Input(size=(5,)), 0, 0)
    document, norm = add_after(document, x, BatchNorm())
    count = summarise(compile(document.graph)).nodes[norm]
    assert (count.parameters, count.arithmetic, count.memories) == (10, "5 + 5 = 10", 10)


def test_frozen_nodes_are_counted_but_not_trainable() -> None:
    document, x = add_node(Document(), Input(size=(5,)), 0, 0)
    document, a = add_after(document, x, Linear(features=4))
    document, b = add_after(document, a, Linear(features=3))
    summary = summarise(compile(set_frozen(document, [a], True).graph))
    assert (summary.parameters, summary.trainable) == (39, 15)
    assert summary.under(a).frozen
    assert not summary.under(b).frozen


def test_a_block_adds_up_what_is_in_it() -> None:
    document, x = add_node(Document(), Input(size=(5,)), 0, 0)
    document, a = add_after(document, x, Linear(features=4))
    document, b = add_after(document, a, Linear(features=3))
    document, block = group(document, [a, b])
    under = summarise(compile(document.graph)).under(block)
    assert (under.parameters, under.arithmetic, under.macs) == (39, "24 + 15 = 39", 5 * 4 + 4 * 3)


def test_shared_weights_count_once() -> None:
    summary = summarise(compile(open_example("gan-2d").document.graph))
    assert summary.under("D_fake").parameters == 0
    assert summary.parameters == summary.under("D").parameters + summary.under("G").parameters


def test_memory_grows_with_the_batch() -> None:
    document, x = add_node(Document(), Input(size=(5,)), 0, 0)
    document, _ = add_after(document, x, Linear(features=4))
    summary = summarise(compile(document.graph))
    assert summary.memory(1) == 4 * (2 * 24 + 2 * 9)
    assert summary.memory(10) == 4 * (2 * 24 + 20 * 9)


def test_an_enormous_network_is_counted_without_allocating_it() -> None:
    document, x = add_node(Document(), Input(size=(1_000_000,)), 0, 0)
    document, _ = add_after(document, x, Linear(features=1_000_000))
    assert summarise(compile(document.graph)).parameters == 10**12 + 10**6


def test_a_loss_that_is_part_of_a_sum_counts_with_it() -> None:
    document = open_example("vq-digits").document
    assert not advice(document, compile(document.graph), load_table(document.setup.data))
