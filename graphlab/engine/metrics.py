"""How good a classification is: accuracy, the confusion matrix, precision, recall and F1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphlab.engine.record import Array


def classes_of(prediction: Array, threshold: float = 0.5) -> Array:
    """Return the class that a prediction says: the largest entry of the last axis, (…, C) → (…).

    A last axis of one entry, (…, 1), says class 1 above the threshold and class 0 otherwise.
    """
    if prediction.shape[-1] > 1:
        return np.asarray(prediction.argmax(axis=-1))
    return (prediction[..., 0] > threshold).astype(np.int64)


def matched(prediction: Array, labels: Array, threshold: float = 0.5) -> Array | None:
    """Return predicted classes in the shape of the labels, or None where the two do not fit together."""
    if prediction.ndim and prediction.shape[:-1] == labels.shape:
        return classes_of(prediction, threshold)
    if prediction.shape == labels.shape:
        return classes_of(prediction[..., None], threshold)
    return None


def accuracy(predicted: Array, labels: Array) -> float:
    """Return the share of labels that were predicted; NaN for none at all."""
    return float((predicted == labels).mean()) if labels.size else float("nan")


@dataclass(frozen=True)
class Confusion:
    """How often each class (rows) was taken for each class (columns), and what follows from it.

    Of class k, TP = counts[k, k], FN is the rest of its row, FP the rest of its column and TN everything else.
    A ratio without samples, 0/0, counts as 0.
    """

    counts: Array

    @classmethod
    def of(cls, predicted: Array, labels: Array, classes: int) -> Confusion:
        """Count the pairs (label, prediction) for classes 0…classes−1."""
        pairs = labels.reshape(-1).astype(np.int64) * classes + predicted.reshape(-1)
        return cls(np.bincount(pairs, minlength=classes * classes).reshape(classes, classes))

    @cached_property
    def true_positives(self) -> Array:
        """TP by class."""
        return np.diagonal(self.counts).copy()

    @cached_property
    def false_positives(self) -> Array:
        """FP by class: other classes taken for it."""
        return np.asarray(self.counts.sum(axis=0)) - self.true_positives

    @cached_property
    def false_negatives(self) -> Array:
        """FN by class: it, taken for other classes."""
        return np.asarray(self.counts.sum(axis=1)) - self.true_positives

    @cached_property
    def true_negatives(self) -> Array:
        """TN by class: other classes, taken for any class but it."""
        return np.asarray(self.counts.sum() - self.true_positives - self.false_positives - self.false_negatives)

    @property
    def accuracy(self) -> float:
        """The share on the diagonal, (TP + TN) / all for two classes."""
        return float(self.true_positives.sum() / max(1, self.counts.sum()))

    @cached_property
    def precision(self) -> Array:
        """TP / (TP + FP) by class: how often it is right where the network says it."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @cached_property
    def recall(self) -> Array:
        """TP / (TP + FN) by class: how much of it the network finds."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @cached_property
    def f1(self) -> Array:
        """2·precision·recall / (precision + recall) = 2TP / (2TP + FP + FN) by class."""
        return ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)


def ratio(a: Array, b: Array) -> Array:
    """Divide, and count 0/0 as 0."""
    out: Array = np.divide(a, b, out=np.zeros(np.shape(a)), where=np.asarray(b) != 0)
    return out
