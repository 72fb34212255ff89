"""One output pixel at a time, against six nested loops and against what the op computed."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.engine.op import Array, Op
from graphlab.engine.ops.convolution import Conv1D, Conv2D, DepthwiseConv
from graphlab.engine.ops.pooling import AvgPool, AvgPool1D, LogAvgPool, MaxPool, MaxPool1D, PPool
from graphlab.engine.record import Mode, Record
from graphlab.engine.sliding import Sliding
from graphlab.engine.spec import Batch, Spec


def ran(op: Op, shape: tuple[int, ...], seed: int = 0) -> Record:
    """Run an op on positive numbers, which every pool can take."""
    g = np.random.default_rng(seed)
    inputs: dict[str, Array] = {"x": g.uniform(0.1, 2.0, shape)}
    inputs |= {k: g.standard_normal(w.shape) for k, w in op.weights(Spec((Batch(), *shape[1:]))).items()}
    record = Record(op, "op", inputs, Mode())
    record.outputs["y"] = np.asarray(op.forward(record, *inputs.values()))
    return record


def loops(x: Array, W: Array, b: float, at: tuple[int, ...], stride: int, pad: int, dilation: int) -> float:
    """Add up one output pixel as the textbook's inner loops do, with plain Python numbers."""
    total = b
    for c in range(W.shape[0]):
        for i in range(W.shape[1]):
            for j in range(W.shape[2]):
                r, s = at[0] * stride + i * dilation - pad, at[1] * stride + j * dilation - pad
                if 0 <= r < x.shape[1] and 0 <= s < x.shape[2]:
                    total += float(W[c, i, j]) * float(x[c, r, s])
    return total


@pytest.mark.parametrize(("stride", "pad", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1)])
def test_each_pixel_is_what_six_loops_add_up(stride: int, pad: int, dilation: int, groups: int) -> None:
    op = Conv2D(filters=4, kernel=(3,), stride=(stride,), padding="pixels", pixels=(pad,), dilation=(dilation,),
                groups=groups)
    record = ran(op, (2, 4, 7, 6))
    for b in range(2):
        for f in range(4):
            sliding = Sliding(record, b, f)
            seen = record["x"][b, sliding.first:sliding.first + 4 // groups]
            for number in range(sliding.count):
                place = sliding.place(sliding.at(number))
                bias = float(record["b"][f])
                by_hand = loops(seen, record["W"][f], bias, place.at, stride, pad, dilation)
                assert place.total == pytest.approx(by_hand, rel=1e-12)
                assert place.value == pytest.approx(by_hand, rel=1e-12)
                assert place.sums.sum() + bias == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize(("op", "shape"), [
    (Conv1D(filters=2, flip=True, padding="same"), (2, 3, 8)),
    (DepthwiseConv(multiplier=2, padding="half"), (2, 3, 5, 5)),
    (MaxPool(kernel=(3,), stride=(2,), padding="half"), (2, 2, 6, 6)), (MaxPool1D(), (2, 2, 6)),
    (AvgPool(kernel=(3,), stride=(2,), padding="same"), (2, 2, 6, 6)), (AvgPool1D(), (2, 2, 6)),
    (AvgPool(kernel=(3,), padding="half", count="padding too"), (2, 2, 6, 6)),
    (PPool(p=3.0), (2, 2, 6, 6)), (PPool(p=2.0, form="plain", kernel=(3,), padding="half"), (2, 2, 6, 6)),
])
def test_products_add_up_to_the_output(op: Op, shape: tuple[int, ...]) -> None:
    record = ran(op, shape, 3)
    for f in range(record["y"].shape[1]):
        sliding = Sliding(record, 1, f)
        for number in range(sliding.count):
            place = sliding.place(sliding.at(number))
            assert place.total == pytest.approx(place.value, rel=1e-12)
            assert place.value == record["y"][(1, f, *place.at)]


def test_the_window_of_a_maximum_has_one_pixel_that_counts_and_its_padding_none() -> None:
    sliding = Sliding(ran(MaxPool(kernel=(3,), stride=(2,), padding="half"), (1, 1, 5, 5)), 0, 0)
    corner = sliding.place((0, 0))
    assert corner.kernel.sum() == 1
    assert corner.inside.sum() == 4
    assert np.isneginf(corner.patch[0][~corner.inside]).all()
    assert corner.patch[0][corner.inside].max() == corner.value


def test_a_logarithm_of_a_mean_has_shares_that_sum_to_one_but_no_products() -> None:
    sliding = Sliding(ran(LogAvgPool(), (1, 1, 4, 4)), 0, 0)
    assert not sliding.adds
    place = sliding.place((1, 1))
    assert place.kernel.sum() == pytest.approx(1.0)


def test_taps_are_in_the_order_of_the_inner_loops() -> None:
    place = Sliding(ran(Conv2D(filters=1, kernel=(2,)), (1, 2, 3, 3)), 0, 0).place((1, 0))
    assert place.taps() == [(c, (i, j)) for c in range(2) for i in range(2) for j in range(2)]
