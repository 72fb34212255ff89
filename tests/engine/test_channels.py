"""Statistics of channels against loops over them, and what is called dead."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.engine.channels import by_channel, channels, maps, verdict


@pytest.mark.parametrize(("shape", "axis"), [((5, 3), 1), ((4, 3, 6, 5), 1), ((4, 6, 3), 2), ((2, 3, 2, 2, 2), 1)])
def test_statistics_are_those_of_each_channel_alone(shape: tuple[int, ...], axis: int) -> None:
    value = np.random.default_rng(0).standard_normal(shape)
    found = channels(value)
    assert len(found) == 3
    for c in range(3):
        own = np.take(value, c, axis=axis)
        assert (found.low[c], found.high[c]) == (own.min(), own.max())
        assert found.mean[c] == pytest.approx(own.mean())
        assert found.std[c] == pytest.approx(own.std())
    assert not found.dead.any() and not found.constant.any() and not found.broken.any()


def test_dead_constant_and_broken_channels_are_told_apart() -> None:
    value = np.random.default_rng(1).standard_normal((4, 5, 2, 2))
    value[:, 1], value[:, 2], value[0, 3, 0, 0], value[:, 4] = 0.0, 0.5, np.nan, np.inf
    found = channels(value)
    assert list(found.dead) == [False, True, False, False, False]
    assert list(found.constant) == [False, False, True, False, False]
    assert list(found.broken) == [False, False, False, True, True]
    assert found.mean[3] == pytest.approx(np.nanmean(value[:, 3]))
    assert np.isnan(found.mean[4]) and np.isnan(found.low[4])
    says = verdict(found, found, 4)
    assert "1 of 5 is dead: 0 for all 4 samples looked at (number 1)" in says
    assert "1 of 5 receive no gradient (number 1)" in says
    assert "2 of 5 hold NaN or ∞ (3, 4)" in says
    assert verdict(channels(np.eye(4)[:, :2]), None, 4) == "All 2 are alive over the 4 samples looked at."


def test_maps_are_one_picture_a_channel() -> None:
    value = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    assert [m.shape for m in maps(value, 1)] == [(4, 5)] * 3
    np.testing.assert_array_equal(maps(value, 1)[2], value[1, 2])
    row = maps(value[:, :, :, 0], 0)
    np.testing.assert_array_equal(row[1], value[0, :, 1, 0][None])
    assert maps(value[:, :, 0, 0], 0) == []
    assert by_channel(np.array(3.0)).shape == (1, 1)
