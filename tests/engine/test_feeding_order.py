"""Samples in the order of an epoch: gathered at once where they are small, a batch at a time where they are large."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.engine.data import Column, Split, Table
from graphlab.engine.feeding import LARGE_SAMPLE, InOrder, in_order
from graphlab.engine.graph import Net
from graphlab.engine.init import initial_weights
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.engine.optim import SGD
from graphlab.engine.plan import compile
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.train import Trainer


@pytest.mark.parametrize("numbers", [3, LARGE_SAMPLE // 4])
def test_batches_are_the_rows_in_their_order(numbers: int) -> None:
    whole = np.arange(7 * numbers, dtype=np.float32).reshape(7, numbers)
    order = np.array([4, 0, 6, 2, 1])
    first = in_order(whole, order, None)
    assert isinstance(first, InOrder) == (numbers > 3)
    for at, size in ((0, 2), (2, 2), (4, 1)):
        np.testing.assert_array_equal(first[at:at + size], whole[order[at:at + size]])
    again = in_order(whole, order[::-1], first)
    np.testing.assert_array_equal(again[0:3], whole[[1, 2, 6]])
    assert np.shares_memory(np.asarray(again[0:2]), np.asarray(first[0:2])) == (numbers == 3)


def test_large_samples_train_as_the_same_numbers_do_by_hand() -> None:
    rng = np.random.default_rng(0)
    n, features = 10, LARGE_SAMPLE // 4
    x, y = rng.standard_normal((n, features)), rng.standard_normal((n, 1))
    net = Net()
    out = net.add("fc", Linear(features=1), net.input("x", features))
    net.add("loss", MSE(), out, net.input("t", 1))
    plan = compile(net.graph())
    setup = Setup(batch=n, epochs=2, split=Split(validation=0.0), phases=(Phase(optimiser=SGD(rate=1e-4)),))
    weights = initial_weights(plan)
    trainer = Trainer(plan, weights, Table({"x": Column(x), "y": Column(y, target=True)}), setup)
    *_, last = trainer.run(interval=0)
    w, b = weights["fc.W"].copy(), weights["fc.b"].copy()
    for _ in range(2):  # the whole of the data at once: its order makes no difference
        difference = x @ w + b - y
        loss = float((difference**2).mean())
        w -= 1e-4 * 2 / n * x.T @ difference
        b -= 1e-4 * 2 / n * difference.sum(axis=0)
    assert last.loss == pytest.approx(loss, rel=1e-4)
    np.testing.assert_allclose(trainer.parameters.weights["fc.W"], w, rtol=1e-3, atol=1e-6)
