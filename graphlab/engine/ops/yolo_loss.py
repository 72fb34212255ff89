"""The loss of a network that detects objects in the cells of a grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add, call, maximum, mul, sub
from graphlab.engine.op import Array, Batch, Given, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import fraction, square
from graphlab.engine.ops.yolo import Cells
from graphlab.engine.spec import show_shape

#: The terms in the order of the paper: what they are about, and the letter of their weight.
TERMS = ("place", "size", "object", "empty", "class")


class YoloLoss(Cells):
    """Adds up what is wrong with cells: place and size of the box, p_c, and the class.

    A cell holds an object where p_c of its target is above ½; there the place, the size (by its roots, so that a small
    box minds a pixel more than a large one), p_c and the classes count. Elsewhere only p_c does, and less. The target
    of p_c is what is given; the paper gives the IoU of the predicted box. The mean is over the samples B.
    """

    category = "Losses"
    title = "YOLO loss"
    also = ("det.yolo", "yolo", "detection", "boxes")
    coord: float = attr("λ_coord: what place and size weigh", default=5.0, min=0.0, max=1e6)
    noobj: float = attr("λ_noobj: what p_c weighs in cells without an object", default=0.5, min=0.0, max=1e6)
    sizes: str = attr("how widths and heights are compared: by their roots as published, or as they are",
                      default="roots", choices=("roots", "plain"))
    mean: str = attr("over the batch: the mean, or the sum; cells are always summed", default="batch",
                     choices=("batch", "sum"))
    #: Sizes below this have a root whose slope is endless; they count as this, and pass no gradient.
    least = 1e-6

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="the predicted cells"), Port("target", help="the cells as they should be"))

    def line(self) -> str:
        return f"λ_coord {self.coord:g} · λ_noobj {self.noobj:g}"

    def formula(self) -> str:
        front = r"\frac{1}{B}" if self.mean == "batch" else ""
        size = r"(\sqrt{b_w}-\sqrt{t_w})^2+(\sqrt{b_h}-\sqrt{t_h})^2"
        if self.sizes == "plain":
            size = size.replace(r"\sqrt", "")
        return (rf"L = {front}\sum_{{\mathrm{{cells}}}} 1_{{obj}}\left[{self.coord:g}\left((b_x-t_x)^2+(b_y-t_y)^2"
                rf"+{size}\right)+(p_c-t_p)^2+\sum_k(c_k-t_k)^2\right]+{self.noobj:g}\,1_{{noobj}}\,(p_c-t_p)^2")

    def shape(self, x: Spec, target: Spec) -> Spec:
        self.need_cells(x)
        if target.kind != "real" or target.shape != x.shape:
            raise ShapeError(f"needs a target shaped like its prediction, {show_shape(x.shape)}", "target")
        return Spec(())

    # --- the sum ----------------------------------------------------------------------------------------

    def weigh(self, target: Array) -> Array:
        """Return what each squared difference weighs, shaped like the cells."""
        there = target[..., self.p] > 0.5  # 1_obj
        out = np.where(there[..., None], np.ones_like(target), 0)
        out[..., self.box:self.box + 4] *= self.coord
        out[..., self.p] = np.where(there, 1, self.noobj)
        return np.asarray(out)

    def comparable(self, cells: Array) -> Array:
        """Return the cells as they are compared: widths and heights by their roots."""
        if self.sizes == "plain":
            return cells
        out = cells.copy()
        wide = slice(self.box + 2, self.box + 4)
        out[..., wide] = np.sqrt(np.maximum(cells[..., wide], self.least))
        return out

    def divisor(self, x: Array) -> int:
        """Return what the sum is divided by."""
        return x.shape[0] if self.mean == "batch" else 1

    def term(self, name: str, target: Array) -> Array:
        """Tell which of the numbers belong to one of `TERMS`, shaped like the cells."""
        part = np.zeros(target.shape[-1], np.bool_)
        part[{"place": slice(self.box, self.box + 2), "size": slice(self.box + 2, self.box + 4),
              "class": slice(5, None)}.get(name, slice(self.p, self.p + 1))] = True
        there = target[..., self.p] > 0.5
        return np.asarray((there != (name == "empty"))[..., None] & part)

    def forward(self, f: Record, x: Array, target: Array) -> Array:
        t = target.astype(x.dtype, copy=False)
        each = self.weigh(t) * np.square(self.comparable(x) - self.comparable(t)) / self.divisor(x)
        terms = {name: np.asarray(each[self.term(name, t)].sum()) for name in TERMS}
        f.keep(**terms)
        return np.asarray(sum(terms.values()))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, target = f["x"], f["target"]
        t = target.astype(x.dtype, copy=False)
        d = 2 * dy / self.divisor(x) * self.weigh(t) * (self.comparable(x) - self.comparable(t))
        return {"x": d * self.steepness(x), "target": -d * self.steepness(t)}

    def steepness(self, cells: Array) -> Array:
        """Return the slope of `comparable`: 1, and 1/(2√b) for widths and heights."""
        out = np.ones_like(cells)
        if self.sizes == "roots":
            wide = slice(self.box + 2, self.box + 4)
            b = cells[..., wide]
            out[..., wide] = np.where(b > self.least, 0.5 / np.sqrt(np.maximum(b, self.least)), 0)
        return out

    # --- one number ----------------------------------------------------------------------------------------

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "y":
            return add(*(Ref(name, ()) for name in TERMS))
        target = f["target"]
        weights = self.weigh(target)
        terms = []
        for at in np.argwhere(self.term(output, target)):
            place = tuple(int(i) for i in at)
            pair = (self.compared(f, Ref(n, place)) for n in ("x", "target"))
            terms.append(mul(Num(float(weights[place])), square(sub(*pair))))
        return mul(fraction(self.divisor(f["x"])), add(*terms))

    def compared(self, f: Record, ref: Ref) -> Expr:
        """Explain a number as it is compared."""
        if self.sizes == "plain" or ref.index[-1] - self.box not in (2, 3):
            return ref
        value = float(f[ref.name][ref.index])
        return call("sqrt", ref if value > self.least else maximum("max", (ref, Num(self.least)), 1))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", ())]

    @classmethod
    def cases(cls) -> list[Any]:
        def cells(*shape: Any, low: float = 0.05) -> Given:
            return Given(shape, low=low, high=low + 1.0, apart=0.003)

        b = Batch()
        return [case(cls(), x=cells(b, 2, 3, 7), target=cells(b, 2, 3, 7, low=0.04)),
                case(cls(order="box first", mean="sum"), x=cells(b, 1, 3, 8), target=cells(b, 1, 3, 8, low=0.04)),
                case(cls(coord=2.0, noobj=0.3, sizes="plain"), x=cells(b, 2, 1, 6), target=cells(b, 2, 1, 6, low=0.04)),
                case(cls(), x=cells(1, 2, 2, 5), target=cells(1, 2, 2, 5, low=0.04))]
