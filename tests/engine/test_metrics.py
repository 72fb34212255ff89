"""Classification counted by hand, and against scikit-learn where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphlab.engine.metrics import Confusion, accuracy, classes_of, matched

LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
SAID = np.array([0, 0, 1, 2, 1, 0, 2, 2, 2, 1])


def test_counts_by_hand() -> None:
    c = Confusion.of(SAID, LABELS, 4)
    assert c.counts.tolist() == [[2, 1, 1, 0], [1, 1, 0, 0], [0, 1, 3, 0], [0, 0, 0, 0]]
    assert c.true_positives.tolist() == [2, 1, 3, 0]
    assert c.false_positives.tolist() == [1, 2, 1, 0]
    assert c.false_negatives.tolist() == [2, 1, 1, 0]
    assert c.true_negatives.tolist() == [5, 6, 5, 10]
    assert c.accuracy == accuracy(SAID, LABELS) == 0.6
    assert c.precision.tolist() == pytest.approx([2 / 3, 1 / 3, 3 / 4, 0])
    assert c.recall.tolist() == pytest.approx([1 / 2, 1 / 2, 3 / 4, 0])
    assert c.f1.tolist() == pytest.approx([4 / 7, 2 / 5, 3 / 4, 0])


def test_a_rare_disease_shows_why_recall_matters() -> None:
    """Saying ‘healthy’ to everybody is 99 % accurate and finds nobody."""
    ill = np.zeros(100, np.int64)
    ill[0] = 1
    c = Confusion.of(np.zeros(100, np.int64), ill, 2)
    assert (c.accuracy, c.recall[1], c.precision[1]) == (0.99, 0.0, 0.0)


def test_predictions_become_classes() -> None:
    assert classes_of(np.array([[0.1, 0.7, 0.2], [5.0, -1.0, 0.0]])).tolist() == [1, 0]
    assert classes_of(np.array([[0.4], [0.6]])).tolist() == [0, 1]
    assert classes_of(np.array([[-0.1], [0.4]]), 0.0).tolist() == [0, 1]


def test_predictions_are_matched_with_labels_of_any_shape() -> None:
    labels = np.array([[0, 1], [1, 1]])
    per_position = np.zeros((2, 2, 3))
    per_position[..., 1] = 1.0
    said = matched(per_position, labels)
    assert said is not None and accuracy(said, labels) == 0.75
    flat = matched(np.array([0.2, 0.9]), np.array([0, 1]))
    assert flat is not None and flat.tolist() == [0, 1]
    assert matched(np.zeros((2, 3)), labels) is None
    assert matched(np.zeros(()), labels) is None


def test_no_samples_have_no_accuracy() -> None:
    assert math.isnan(accuracy(np.zeros(0), np.zeros(0)))
    assert Confusion.of(np.zeros(0, np.int64), np.zeros(0, np.int64), 2).accuracy == 0.0


@pytest.mark.peers
def test_as_scikit_learn() -> None:
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels, said = rng.integers(0, 5, 300), rng.integers(0, 5, 300)
    c = Confusion.of(said, labels, 5)
    assert np.array_equal(c.counts, peer.confusion_matrix(labels, said))
    p, r, f, _ = peer.precision_recall_fscore_support(labels, said)
    for ours, theirs in ((c.precision, p), (c.recall, r), (c.f1, f)):
        np.testing.assert_allclose(ours, theirs)
