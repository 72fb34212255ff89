"""Operations on boxes: overlaps against exact fractions, grids there and back, the loss by hand and against PyTorch."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from graphlab.engine.detection import Box, agree, make_box, overlap
from graphlab.engine.graph import Input, Net
from graphlab.engine.op import Op
from graphlab.engine.ops.detection import NMS, IoU
from graphlab.engine.ops.yolo import YoloBoxes, YoloCells, YoloTargets
from graphlab.engine.ops.yolo_loss import YoloLoss
from graphlab.engine.plan import compile
from graphlab.engine.record import Array, Record
from graphlab.engine.run import RunError, execute
from graphlab.engine.spec import Batch, Kind, Spec
from tests.engine.test_detection import brute_force, exact, random_boxes


def run(op: Op, seeds: bool = False, **inputs: Array) -> Record:
    kinds: dict[str, Kind] = {"f": "real", "i": "index", "b": "bool"}
    net = Net()
    net.add("op", op, **{p: net.add(f"in_{p}", Input()) for p in inputs})
    specs = {f"in_{p}": Spec((Batch(), *x.shape[1:]), kinds[x.dtype.kind]) for p, x in inputs.items()}
    plan = compile(net.graph(), specs)
    assert not plan.problems, plan.problems[0].message
    start = {("op", n): 1.0 for n in op.output_names()} if seeds else None
    made = execute(plan, {}, {f"in_{p}": x for p, x in inputs.items()}, seeds=start)
    return made.records["op"]


def problem(op: Op, **specs: Spec) -> str:
    net = Net()
    net.add("op", op, **{p: net.add(f"in_{p}", Input()) for p in specs})
    return compile(net.graph(), {f"in_{p}": s for p, s in specs.items()}).problems[0].message


def corners(boxes: list[Box]) -> Array:
    return np.array([[b.left, b.top, b.right, b.bottom] for b in boxes])


# --- IoU -------------------------------------------------------------------------------------------------


def test_the_op_gives_exact_overlaps() -> None:
    rng = np.random.default_rng(3)
    a, b = ([random_boxes(rng, n) for _ in range(3)] for n in (12, 9))
    y = run(IoU(), a=np.stack([corners(x) for x in a]), b=np.stack([corners(x) for x in b]))["y"]
    for s in range(3):
        for i, first in enumerate(a[s]):
            for j, second in enumerate(b[s]):
                assert y[s, i, j] == pytest.approx(float(exact(first, second)), abs=1e-15)
                assert overlap(first, second).iou == y[s, i, j]
    paired = run(IoU(pairs="same place"), a=np.stack([corners(x[:9]) for x in a]), b=np.stack([corners(x) for x in b]))
    np.testing.assert_array_equal(paired["y"], np.diagonal(y[:, :9], axis1=1, axis2=2))


def test_boxes_without_area_and_boxes_apart_have_no_overlap_and_no_gradient() -> None:
    a = np.array([[[0, 0, 2, 2], [1, 1, 1, 1], [3.0, 3, 1, 1]]])
    record = run(IoU(), seeds=True, a=a, b=np.array([[[5.0, 5, 6, 6], [2, 2, 2, 2]]]))
    assert not record["y"].any()
    assert not record.gradients["a"].any()
    assert np.isnan(run(IoU(), a=np.full((1, 1, 4), np.nan), b=a)["y"]).all()


def test_the_gradient_pulls_a_box_over_the_other() -> None:
    a, b = np.array([[[0.0, 0.0, 2.0, 2.0]]]), np.array([[[1.0, 0.0, 3.0, 2.0]]])
    record = run(IoU(), seeds=True, a=a, b=b)
    assert record["y"][0, 0, 0] == float(Fraction(1, 3))
    # Moved by h: left 2/(6 − 2h), right (2 + 2h)/6; top (2 − h)/(6 − h) as if only A shrank, bottom likewise.
    np.testing.assert_allclose(record.gradients["a"][0, 0], [1 / 9, -1 / 9, 1 / 3, 1 / 9])


def test_corners_are_asked_for() -> None:
    assert "(left, top, right, bottom)" in problem(IoU(), a=Spec((Batch(), 3)), b=Spec((Batch(), 3, 4)))


# --- NMS ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_class", [False, True])
def test_the_op_keeps_what_brute_force_keeps(per_class: bool) -> None:
    rng = np.random.default_rng(4)
    sets = [random_boxes(rng, 12) for _ in range(200)]
    op = NMS(most=12, score=0.3, overlap=0.25, per_class=per_class)
    inputs: dict[str, Array] = {"boxes": np.stack([corners(s) for s in sets]),
                                "scores": np.array([[b.score for b in s] for s in sets])}
    if per_class:
        inputs["kind"] = np.array([[b.kind for b in s] for s in sets])
    record = run(op, seeds=True, **inputs)
    assert not record.gradients.keys() & inputs.keys(), "there is no gradient, and none is made up"
    for s, boxes in enumerate(sets):
        want = brute_force(boxes, op.how)
        assert record["index"][s][record["valid"][s]].tolist() == want
        np.testing.assert_array_equal(record["kept"][s][:len(want)], corners(boxes)[want].reshape(-1, 4))
        assert not record["kept"][s][len(want):].any()
        assert not record["score"][s][len(want):].any()


def test_places_that_are_too_few_hold_the_best_and_misfits_are_said() -> None:
    boxes = np.array([[[0.0, 0, 1, 1], [5, 5, 6, 6], [9, 9, 8, 8]]])
    record = run(NMS(most=1, score=0.1), boxes=boxes, scores=np.array([[0.5, 0.7, 0.9]]))
    assert record["index"].tolist() == [[1]], "the best box has no area"
    with pytest.raises(RunError, match=r"one is 1\.5"):
        run(NMS(), boxes=boxes, scores=np.array([[0.5, 1.5, 0.9]]))
    assert "no gradient" in NMS.surrogate
    b = Batch()
    assert "one number a box, (B, 3)" in problem(NMS(), boxes=Spec((b, 3, 4)), scores=Spec((b, 2)))


# --- YOLO --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["p_c first", "box first"])
def test_what_is_written_into_cells_is_read_back(order: str) -> None:
    rng = np.random.default_rng(5)
    truth = [[Box(x - 2, y - 1.5, x + 2, y + 1.5, 1.0, int(rng.integers(0, 3)))
              for x, y in (rng.permutation(6)[:3, None] * 4 + rng.uniform(0.3, 3.7, (3, 2))).tolist()]
             for _ in range(20)]
    kind = np.array([[b.kind for b in t] for t in truth])
    cells = run(YoloTargets(order=order), boxes=np.stack([corners(t) for t in truth]), kind=kind)["y"]
    read = run(YoloBoxes(order=order), x=cells)
    for s, boxes in enumerate(truth):
        there = read["scores"][s] > 0
        found = [make_box(c, 1.0, k) for c, k in zip(read["boxes"][s][there], read["kind"][s][there], strict=True)]
        assert agree(boxes, found, at=1 - 1e-12).recall == agree(boxes, found, at=1 - 1e-12).precision == 1


def test_the_order_moves_the_numbers_and_nothing_else() -> None:
    boxes, kind = np.array([[[1.0, 3, 9, 7]]]), np.array([[2]])
    first = run(YoloTargets(), boxes=boxes, kind=kind)["y"][0]
    last = run(YoloTargets(order="box first"), boxes=boxes, kind=kind)["y"][0]
    # the centre (5, 5) lies in row 1, column 1 of cells of 4 pixels
    assert first[1, 1].tolist() == [1, 0.25, 0.25, 2, 1, 0, 0, 1]
    assert last[1, 1].tolist() == [0.25, 0.25, 2, 1, 1, 0, 0, 1]
    assert first.sum() == last.sum() == first[1, 1].sum()
    with pytest.raises(RunError, match="there is 3"):
        run(YoloTargets(), boxes=boxes, kind=np.array([[3]]))
    with pytest.raises(RunError, match="right > left"):
        run(YoloTargets(), boxes=boxes[..., ::-1], kind=kind)
    assert not run(YoloTargets(), boxes=boxes, kind=np.array([[-1]]))["y"].any()


def test_cells_are_probabilities_places_and_sizes() -> None:
    y = run(YoloCells(), x=np.random.default_rng(6).normal(0, 9, (2, 3, 3, 8)))["y"]
    assert ((y[..., :3] >= 0) & (y[..., :3] <= 1)).all()
    assert (y[..., 3:5] > 0).all()
    np.testing.assert_allclose(y[..., 5:].sum(axis=-1), 1)
    assert np.isfinite(run(YoloCells(sizes="softplus"), x=np.full((1, 1, 1, 7), 1e4))["y"]).all()


def test_the_loss_by_hand() -> None:
    x = np.array([[[[0.8, 0.5, 0.3, 4.0, 1.0, 0.6, 0.4], [0.4, 0.9, 0.9, 2.0, 2.0, 0.5, 0.5]]]])
    target = np.array([[[[1.0, 0.4, 0.5, 9.0, 4.0, 1.0, 0.0], [0.0] * 7]]])
    record = run(YoloLoss(), seeds=True, x=x, target=target)
    terms = {"place": 5 * (0.1**2 + 0.2**2), "size": 5 * ((2 - 3)**2 + (1 - 2)**2), "object": 0.2**2,
             "empty": 0.5 * 0.4**2, "class": 0.4**2 + 0.4**2}
    for name, value in terms.items():
        assert record[name] == pytest.approx(value), name
    assert record["y"] == pytest.approx(sum(terms.values()))
    assert record.gradients["x"][0, 0, 0, 3] == pytest.approx(5 * 2 * (2 - 3) / (2 * 2))
    np.testing.assert_allclose(record.gradients["x"][0, 0, 1], [0.5 * 2 * 0.4, 0, 0, 0, 0, 0, 0], atol=1e-15)
    assert np.isfinite(run(YoloLoss(), True, x=np.zeros_like(x), target=target).gradients["x"]).all()
    assert "shaped like its prediction, (B, 2, 2, 7)" in problem(
        YoloLoss(), x=Spec((Batch(), 2, 2, 7)), target=Spec((Batch(), 2, 2, 6)))
    assert "5 + classes" in problem(YoloLoss(), x=Spec((Batch(), 2, 2, 4)), target=Spec((Batch(), 2, 2, 4)))


# --- PyTorch -------------------------------------------------------------------------------------------------


def torch_iou(torch: Any, t: dict[str, Any]) -> Any:
    a, b = t["a"][:, :, None], t["b"][:, None]
    sides = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    area = [(x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b)]
    return shared / (area[0] + area[1] - shared)


def torch_cells(torch: Any, t: dict[str, Any]) -> Any:
    x = t["x"]
    return torch.cat([torch.sigmoid(x[..., :3]), torch.exp(x[..., 3:5]), torch.softmax(x[..., 5:], -1)], -1)


def torch_loss(torch: Any, t: dict[str, Any]) -> Any:
    x, y = t["x"], t["target"]
    there = (y[..., 0] > 0.5).double()
    place = ((x[..., 1:3] - y[..., 1:3])**2).sum(-1)
    size = ((x[..., 3:5].sqrt() - y[..., 3:5].sqrt())**2).sum(-1)
    score = (x[..., 0] - y[..., 0])**2
    classes = ((x[..., 5:] - y[..., 5:])**2).sum(-1)
    return (there * (5 * (place + size) + score + classes) + 0.5 * (1 - there) * score).sum() / len(x)


@pytest.mark.peers
@pytest.mark.parametrize(("op", "theirs"), [(IoU(), torch_iou), (YoloCells(), torch_cells), (YoloLoss(), torch_loss)],
                         ids=["IoU", "cells", "loss"])
def test_values_and_gradients_agree_with_torch(op: Op, theirs: Any) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(7)
    inputs: dict[str, Array] = {}
    for port in (p.name for p in op.ports()):
        if isinstance(op, IoU):
            inputs[port] = np.stack([corners(random_boxes(rng, 7)) for _ in range(4)]) + rng.normal(0, 1e-3, (4, 7, 4))
        else:
            inputs[port] = rng.uniform(0.1, 2.0, (4, 3, 2, 8))
    record = run(op, seeds=True, **inputs)
    tensors = {p: torch.tensor(x, requires_grad=True) for p, x in inputs.items()}
    made = theirs(torch, tensors)
    made.sum().backward()
    np.testing.assert_allclose(record["y"], made.detach().numpy(), rtol=1e-12, atol=1e-14)
    for port, tensor in tensors.items():
        np.testing.assert_allclose(record.gradients[port], tensor.grad.numpy(), rtol=1e-9, atol=1e-12)
