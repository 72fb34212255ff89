"""Boxes against exact rational arithmetic, and suppression against a brute-force version."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from graphlab.engine.detection import (
    Box,
    DetectionError,
    Suppression,
    decode_cells,
    encode_cells,
    iou,
    iou_matrix,
    suppress,
    survivors,
)


def random_boxes(rng: np.random.Generator, n: int, classes: int = 2) -> list[Box]:
    corners = rng.integers(0, 40, (n, 2)) / 4
    sizes = rng.integers(1, 24, (n, 2)) / 4
    scores, kinds = rng.integers(0, 101, n) / 100, rng.integers(0, classes, n)
    every = zip(corners.tolist(), sizes.tolist(), scores.tolist(), kinds.tolist(), strict=True)
    return [Box(x, y, x + w, y + h, s, k) for (x, y), (w, h), s, k in every]


def exact(a: Box, b: Box) -> Fraction:
    f = Fraction
    w = max(f(0), min(f(a.right), f(b.right)) - max(f(a.left), f(b.left)))
    h = max(f(0), min(f(a.bottom), f(b.bottom)) - max(f(a.top), f(b.top)))
    area = [(f(x.right) - f(x.left)) * (f(x.bottom) - f(x.top)) for x in (a, b)]
    return w * h / (area[0] + area[1] - w * h)


def brute_force(boxes: list[Box], how: Suppression) -> list[int]:
    """A box survives when no better survivor overlaps it too much: settled from the best box down."""
    order = sorted((i for i, b in enumerate(boxes) if b.score >= how.score), key=lambda i: (-boxes[i].score, i))
    alive: list[int] = []
    for i in order:
        rivals = [j for j in alive if not how.per_class or boxes[j].kind == boxes[i].kind]
        if all(exact(boxes[i], boxes[j]) <= Fraction(how.overlap) for j in rivals):
            alive.append(i)
    return alive


def test_iou_equals_exact_rational_arithmetic() -> None:
    boxes = random_boxes(np.random.default_rng(1), 60)
    table = iou_matrix(*[np.array([[b.left, b.top, b.right, b.bottom] for b in boxes])] * 2)
    for i, a in enumerate(boxes):
        for j, b in enumerate(boxes):
            assert iou(a, b) == pytest.approx(float(exact(a, b)), abs=1e-15)
            assert table[i, j] == pytest.approx(iou(a, b), abs=1e-15)
    assert iou(Box(0, 0, 1, 1), Box(2, 2, 3, 3)) == 0
    assert iou(Box(0, 0, 1, 1), Box(1, 0, 2, 1)) == 0
    assert iou(boxes[0], boxes[0]) == 1


@pytest.mark.parametrize("per_class", [False, True])
def test_suppression_equals_brute_force_on_thousands_of_box_sets(per_class: bool) -> None:
    rng = np.random.default_rng(2)
    for _ in range(1500):
        boxes = random_boxes(rng, int(rng.integers(0, 14)))
        how = Suppression(score=float(rng.choice([0.0, 0.3, 0.6])), overlap=float(rng.choice([0.0, 0.25, 0.5, 1.0])),
                          per_class=per_class)
        assert survivors(boxes, how) == brute_force(boxes, how)


def test_every_decision_says_what_was_compared() -> None:
    boxes = [Box(0, 0, 4, 4, 0.9), Box(0, 0, 4, 3, 0.8), Box(10, 10, 12, 12, 0.7), Box(0, 0, 1, 1, 0.2)]
    made = list(suppress(boxes))
    assert [(d.kind, d.box) for d in made] == [
        ("weak", 3), ("pivot", 0), ("overlaps", 1), ("stays", 2), ("pivot", 2)]
    assert made[2].sentence == "#1: IoU 0.75 > 0.50 with #0, discarded"
    assert made[-1].kept == (0, 2)


def test_soft_suppression_lowers_scores_by_the_published_factors() -> None:
    boxes = [Box(0, 0, 4, 4, 0.9), Box(0, 0, 4, 3, 0.8)]
    linear = list(suppress(boxes, Suppression(score=0.1, soft="linear")))
    assert linear[1].score == pytest.approx(0.8 * (1 - 0.75))
    gaussian = list(suppress(boxes, Suppression(score=0.1, soft="gaussian", sigma=0.5)))
    assert gaussian[1].score == pytest.approx(0.8 * np.exp(-(0.75**2) / 0.5))
    assert survivors(boxes, Suppression(score=0.5, soft="linear")) == [0]


def test_a_grid_reads_back_what_was_written() -> None:
    boxes = [Box(1, 1, 5, 3, 1.0, 1), Box(6, 5, 7.5, 7.5, 1.0, 0)]
    cells = encode_cells(boxes, (4, 4), (8.0, 8.0), classes=3)
    assert cells[1, 1].tolist() == [1, 0.5, 0, 2, 1, 0, 1, 0]
    assert [(b.left, b.top, b.right, b.bottom, b.kind) for b in decode_cells(cells, (8.0, 8.0))] == [
        (1, 1, 5, 3, 1), (6, 5, 7.5, 7.5, 0)]


@pytest.mark.parametrize(("boxes", "how", "said"), [
    ([Box(1, 0, 0, 1)], Suppression(), "right > left"),
    ([Box(0, 0, 1, 1, 1.5)], Suppression(), "between 0 and 1"),
    ([Box(0, 0, float("nan"), 1)], Suppression(), "finite"),
    ([], Suppression(overlap=2), "overlap threshold"),
    ([], Suppression(sigma=0), "σ"),
])
def test_bad_boxes_are_said_in_a_sentence(boxes: list[Box], how: Suppression, said: str) -> None:
    with pytest.raises(DetectionError, match=said):
        list(suppress(boxes, how))
