"""Boxes: how much they overlap, and which of them stay. A box is (left, top, right, bottom); x to the right, y down."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np

from graphlab.engine.detection import Box, Suppression, make_box, suppress
from graphlab.engine.expr import ZERO, Expr, Index, Num, Ref, add, div, maximum, mul, neg, sub
from graphlab.engine.op import Array, Batch, Case, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import after_broadcast, before_broadcast, need_real, unbroadcast
from graphlab.engine.spec import broadcast, per_sample, show_shape

CORNERS = "boxes as (left, top, right, bottom) along the last axis"


def need_boxes(x: Spec, port: str, rank: int = 1) -> None:
    """Raise `ShapeError` unless the last axis holds the four corners of boxes."""
    need_real(x, port)
    if x.rank < rank or x.shape[-1] != 4:
        raise ShapeError(f"takes {CORNERS}, such as (B, N, 4)", port, axis=-1)


class IoU(Op):
    """Measures how much boxes overlap: the area that two of them share, divided by the area that they cover.

    Boxes that are apart give 0 and a gradient of 0, identical ones give 1. Where two edges are equal, the gradient
    goes to that of ``a``. A box without an area overlaps nothing.
    """

    category = "Detection"
    title = "Intersection over union"
    also = ("det.iou", "iou", "jaccard", "overlap", "boxes", "detection")
    source = "Jaccard 1901; Everingham et al. 2010"
    pairs: str = attr("what is compared: each box of a with each of b, or those that stand at the same place",
                      default="each with each", choices=("each with each", "same place"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("a", help=CORNERS), Port("b", help=CORNERS))

    def line(self) -> str:
        return self.pairs

    def formula(self) -> str:
        low = "ij" if self.all else "i"
        return (rf"y_{{{low}}} = \frac{{|A_i\cap B_{low[-1]}|}}{{|A_i|+|B_{low[-1]}|-|A_i\cap B_{low[-1]}|}},\quad "
                r"|A\cap B| = \max(0,\min(r_A,r_B)-\max(l_A,l_B))\cdot\max(0,\min(b_A,b_B)-\max(t_A,t_B))")

    @property
    def all(self) -> bool:
        """Whether every box of a meets every box of b."""
        return self.pairs == "each with each"

    def shape(self, a: Spec, b: Spec) -> Spec:
        need_boxes(a, "a", 2 if self.all else 1)
        need_boxes(b, "b", 2 if self.all else 1)
        if not self.all:
            return Spec(broadcast(a.shape[:-1], b.shape[:-1]))
        return Spec((*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-2]))

    def macs(self, a: Spec, b: Spec) -> int:
        return 3 * per_sample(self.shape(a, b).shape)

    def spread(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Lay the boxes out so that broadcasting pairs them: (…, N, 1, 4) and (…, 1, M, 4)."""
        return (a[..., :, None, :], b[..., None, :, :]) if self.all else (a, b)

    @staticmethod
    def sides(a: Array, b: Array) -> Array:
        """Return width and height of what boxes share, below 0 where they are apart: (…, 4), (…, 4) -> (…, 2)."""
        return np.asarray(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]))

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        a, b = self.spread(a, b)
        shared = np.maximum(self.sides(a, b), 0).prod(axis=-1)
        area = [np.maximum(x[..., 2:] - x[..., :2], 0).prod(axis=-1) for x in (a, b)]
        union = area[0] + area[1] - shared
        f.keep(intersection=shared, union=union)
        return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=~(union <= 0)))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        a, b = self.spread(f["a"], f["b"])
        shared, union = f["intersection"], f["union"]
        safe = np.where(union > 0, union, 1)
        d_area = np.where(union > 0, -dy * shared / (safe * safe), 0)  # ∂y/∂|A| = −I/U²
        d_shared = np.where(union > 0, dy / safe, 0) - d_area  # ∂y/∂I = 1/U + I/U²
        sides = self.sides(a, b)
        d_sides = d_shared[..., None] * np.where((sides > 0).all(axis=-1, keepdims=True), sides[..., ::-1], 0)
        first_low, first_high = a[..., :2] >= b[..., :2], a[..., 2:] <= b[..., 2:]
        out = {}
        for port, x, low, high in (("a", a, first_low, first_high), ("b", b, ~first_low, ~first_high)):
            own = x[..., 2:] - x[..., :2]
            d_own = d_area[..., None] * np.where((own > 0).all(axis=-1, keepdims=True), own[..., ::-1], 0)
            dx = np.concatenate([-d_own - low * d_sides, d_own + high * d_sides], axis=-1)
            out[port] = unbroadcast(dx, x.shape).reshape(f[port].shape)
        return out

    def place(self, f: Record, port: str, index: Index) -> Index:
        """Return which box of a port an output number is about."""
        shape = f[port].shape[:-1]
        if not self.all:
            return before_broadcast(index, shape)
        index = index[:-1] if port == "a" else (*index[:-2], index[-1])
        return before_broadcast(index, shape)

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "y":
            return div(Ref("intersection", index), Ref("union", index)) if f["union"][index] > 0 else ZERO
        ends = [[Ref(p, (*self.place(f, p, index), i)) for i in range(4)] for p in ("a", "b")]

        def side(of: list[tuple[Ref, ...]]) -> Expr:
            """Return a length that counts as 0 where it is negative; ``of`` are the lower and the upper ends."""
            (low, high), values = of, [[float(f[r.name][r.index]) for r in refs] for refs in of]
            one = len(low) == 1
            bottom = low[0] if one else maximum("max", low, int(values[0][0] < values[0][1]))
            top = high[0] if one else maximum("min", high, int(values[1][0] > values[1][1]))
            length = sub(top, bottom)
            return length if min(values[1]) > max(values[0]) else maximum("max", (length, ZERO), 1)

        if output == "intersection":
            return mul(*(side([(ends[0][k], ends[1][k]), (ends[0][k + 2], ends[1][k + 2])]) for k in (0, 1)))
        areas = [mul(*(side([(e[k],), (e[k + 2],)]) for k in (0, 1))) for e in ends]
        return add(*areas, neg(Ref("intersection", index)))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        shape, box = f[port].shape[:-1], index[:-1]
        if self.all:
            shape, box = ((*shape, 1), (*box, 0)) if port == "a" else (
                (*shape[:-1], 1, shape[-1]), (*box[:-1], 0, box[-1]))
        return [("y", at) for at in after_broadcast(box, shape, f["y"].shape)]

    @classmethod
    def cases(cls) -> list[Any]:
        def boxes(*shape: Any, low: float = 0.0, proper: bool = True) -> Given:
            return Given((*shape, 4), low=low, high=low + 8.0, apart=0.01, boxes=proper)

        one, b = cls(pairs="same place"), Batch()
        return [case(cls(), a=boxes(b, 3), b=boxes(b, 4, low=0.21)), case(cls(), a=boxes(b, 5), b=boxes(4, low=0.21)),
                case(cls(), a=boxes(b, 4, proper=False), b=boxes(3, low=0.21)),
                case(cls(), a=boxes(1), b=boxes(1, low=0.6)), case(one, a=boxes(b, 6), b=boxes(b, 6, low=0.57)),
                case(one, a=boxes(b), b=boxes(low=0.5), batch=7)]


class NMS(Op):
    """Keeps the best box of each heap: discards weak boxes, then those that overlap a better one too much.

    The output has always ``most`` places, best first: ``valid`` tells which of them hold a box, the others hold 0.
    ``index`` says which box it was. Boxes without an area, and scores that are no number, are left out.
    """

    category = "Detection"
    title = "Non-maximum suppression"
    also = ("det.nms", "nms", "soft-nms", "boxes", "detection")
    source = "Bodla et al. 2017 (soft)"
    outputs = ("kept", "score", "index", "valid")
    surrogate = ("which boxes stay is decided in whole steps and has no gradient; backward sends nothing, so that "
                 "nothing before it is trained through it")
    most: int = attr("how many places the output has", default=10, min=1, max=10_000)
    score: float = attr("boxes with a smaller p_c are discarded", default=0.6, min=0.0, max=1.0)
    overlap: float = attr("boxes with a larger IoU with a kept one are discarded", default=0.5, min=0.0, max=1.0)
    per_class: bool = attr("compare only boxes of one class, which a third input tells", default=False)
    soft: str = attr("discard what overlaps (no), or lower its score by 1 − IoU or by exp(−IoU²/σ)", default="no",
                     choices=("no", "linear", "gaussian"))
    sigma: float = attr("σ of the gaussian form", default=0.5, min=1e-6, max=1e6)

    def ports(self) -> tuple[Port, ...]:
        kind = (Port("kind", help="the class of each box"),) if self.per_class else ()
        return (Port("boxes", help=CORNERS), Port("scores", help="p_c of each box, 0…1"), *kind)

    def line(self) -> str:
        return f"p_c ≥ {self.score:g} · IoU ≤ {self.overlap:g}"

    def formula(self) -> str:
        best = r"k = \mathrm{argmax}_i\,p_i\ \mathrm{over}\ p_i\geq" + f"{self.score:g}"
        if self.soft == "no":
            return rf"{best},\quad \mathrm{{discard}}\ i\ \mathrm{{if}}\ \mathrm{{IoU}}(i,k)>{self.overlap:g}"
        factor = (rf"1-\mathrm{{IoU}}(i,k)\ \mathrm{{if}}\ \mathrm{{IoU}}(i,k)>{self.overlap:g}"
                  if self.soft == "linear" else rf"e^{{-\mathrm{{IoU}}(i,k)^2/{self.sigma:g}}}")
        return rf"{best},\quad p_i \leftarrow p_i\cdot {factor}"

    @property
    def how(self) -> Suppression:
        """The same thresholds as the engine's suppression takes them."""
        return Suppression(self.score, self.overlap, self.per_class,
                           cast(Literal["no", "linear", "gaussian"], self.soft), self.sigma)

    def shape(self, boxes: Spec, scores: Spec, kind: Spec | None = None) -> tuple[Spec, ...]:
        need_boxes(boxes, "boxes", 3)
        need_real(scores, "scores")
        if boxes.rank != 3:
            raise ShapeError(f"takes {CORNERS}, shaped (B, N, 4)", "boxes")
        for port, x in (("scores", scores), ("kind", kind)):
            if x is not None and x.shape != boxes.shape[:2]:
                raise ShapeError(f"needs one number a box, {show_shape(boxes.shape[:2])}", port)
        if kind is not None and kind.kind != "index":
            raise ShapeError("takes classes as whole numbers", "kind")
        places = (boxes.shape[0], self.most)
        return (boxes.with_shape(*places, 4), scores.with_shape(*places), Spec(places, "index"), Spec(places, "bool"))

    def forward(self, f: Record, boxes: Array, scores: Array, kind: Array | None = None) -> tuple[Array, ...]:
        n = len(boxes)
        kept, score = np.zeros((n, self.most, 4), boxes.dtype), np.zeros((n, self.most), scores.dtype)
        index, valid = np.zeros((n, self.most), np.int64), np.zeros((n, self.most), np.bool_)
        for s in range(n):
            of, usable = usable_boxes(boxes[s], scores[s], None if kind is None else kind[s])
            best = [d for d in suppress(usable, self.how) if d.kind == "pivot"][:self.most]
            for place, decision in enumerate(best):
                i = of[decision.box]
                kept[s, place], score[s, place] = boxes[s, i], decision.score
                index[s, place], valid[s, place] = i, True
        return kept, score, index, valid

    def backward(self, f: Record, *gradients: Array) -> dict[str, Array]:
        return {}

    def explain(self, f: Record, index: Index, output: str = "kept") -> Expr:
        if output in ("index", "valid"):
            return Num(float(f[output][index]))
        s, place = index[:2]
        i = int(f["index"][s, place])
        if not f["valid"][s, place]:
            return ZERO
        if output == "kept":
            return Ref("boxes", (s, i, *index[2:]))
        before, after = float(f["scores"][s, i]), float(f["score"][index])
        return mul(Ref("scores", (s, i)), Num(after / before)) if before and after != before else Ref("scores", (s, i))

    @classmethod
    def cases(cls) -> list[Any]:
        def given(op: Op, n: int, batch: int = 2, **more: Given) -> Case:
            boxes = Given((Batch(), n, 4), low=0, high=8, boxes=True)
            return Case(op, {"boxes": boxes, "scores": Given((Batch(), n), low=0, high=1, apart=0.01), **more}, False,
                        batch)

        kind = Given((Batch(), 9), "index", 0, 2)
        return [given(cls(most=4, score=0.2), 12), given(cls(most=3, score=0.1, overlap=0.1), 9),
                given(cls(most=9, per_class=True, score=0.3, overlap=0.2), 9, kind=kind),
                given(cls(most=5, score=0.05, overlap=0.05, soft="linear"), 9),
                given(cls(most=5, score=0.05, soft="gaussian", sigma=0.3), 9), given(cls(most=2), 1, batch=1)]


def usable_boxes(boxes: Array, scores: Array, kind: Array | None = None) -> tuple[list[int], list[Box]]:
    """Return the boxes of one sample that have an area and a score, and their numbers: (N, 4), (N,) -> both.

    Raises ValueError in words for scores outside 0…1.
    """
    wrong = scores[(scores < 0) | (scores > 1)]
    if wrong.size:
        raise ValueError(f"its scores must lie in 0…1; one is {wrong[0]:g}")
    good = np.isfinite(boxes).all(axis=1) & np.isfinite(scores) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    of = [int(i) for i in np.flatnonzero(good)]
    kinds = np.zeros(len(boxes), np.int64) if kind is None else kind
    return of, [make_box(boxes[i], scores[i], kinds[i]) for i in of]
