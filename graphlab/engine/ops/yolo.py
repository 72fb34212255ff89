"""A picture as a grid of cells, each answering for the object whose centre it holds: [p_c, b_x, b_y, b_w, b_h, c…].

b_x, b_y ∈ [0, 1] place the centre in its cell; b_w, b_h count in cells and may exceed 1. Redmon et al. 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.detection import ORDERS, encode_cells, make_box
from graphlab.engine.expr import ONE, Expr, Index, Num, Ref, add, call, div, maximum, mul, neg, sub
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import need_real
from graphlab.engine.ops.detection import CORNERS, need_boxes
from graphlab.engine.ops.special import sigmoid, softplus
from graphlab.engine.spec import show_shape

ORDER_HELP = "how a cell is laid out: [p_c, b_x, b_y, b_w, b_h, c…], or [b_x, b_y, b_w, b_h, p_c, c…], the box first"
HALF = Num(0.5, r"\frac{1}{2}")


class Cells(Op, register=False):
    """What ops on cells share: where p_c and the box stand."""

    category = "Detection"
    source = "Redmon, Divvala, Girshick & Farhadi 2016"
    order: str = attr(ORDER_HELP, default="p_c first", choices=ORDERS)

    @property
    def p(self) -> int:
        """The place of p_c in a cell."""
        return 0 if self.order == ORDERS[0] else 4

    @property
    def box(self) -> int:
        """The place of b_x in a cell; b_y, b_w and b_h follow."""
        return 1 if self.order == ORDERS[0] else 0

    def cell(self) -> str:
        """Write a cell as LaTeX."""
        parts = ["b_x", "b_y", "b_w", "b_h"]
        parts.insert(self.p, "p_c")
        return rf"[{','.join(parts)},c_1 \ldots c_k]"

    def need_cells(self, x: Spec, port: str = "x") -> tuple[int, int, int]:
        """Return rows, columns and numbers of a cell. Raises `ShapeError` where they are none."""
        need_real(x, port)
        sizes = x.shape[1:]
        if x.rank != 4 or any(isinstance(d, Batch) for d in sizes) or sizes[-1] < 5:  # type: ignore[operator]
            raise ShapeError("takes a grid of cells shaped (B, rows, columns, 5 + classes)", port)
        rows, columns, width = (d for d in sizes if isinstance(d, int))
        return rows, columns, width


class YoloCells(Cells):
    """Turns raw numbers into cells: p_c and b_x, b_y between 0 and 1, b_w and b_h positive, classes that sum to 1."""

    title = "YOLO cells"
    also = ("det.yolo", "yolo", "head", "detection", "grid")
    sizes: str = attr("what makes b_w and b_h positive: e^z as in YOLO9000, or ln(1 + e^z), which grows slowly",
                      default="exp", choices=("exp", "softplus"))

    def line(self) -> str:
        return self.order

    def formula(self) -> str:
        size = r"e^{x}" if self.sizes == "exp" else r"\ln(1+e^{x})"
        return rf"{self.cell()}:\quad p_c,b_x,b_y = \sigma(x),\quad b_w,b_h = {size},\quad c = \mathrm{{softmax}}(x)"

    def shape(self, x: Spec) -> Spec:
        self.need_cells(x)
        return x

    def forward(self, f: Record, x: Array) -> Array:
        y = sigmoid(x)
        wide = slice(self.box + 2, self.box + 4)
        y[..., wide] = np.exp(x[..., wide]) if self.sizes == "exp" else softplus(x[..., wide])
        if x.shape[-1] > 5:
            e = np.exp(x[..., 5:] - x[..., 5:].max(axis=-1, keepdims=True))
            y[..., 5:] = e / e.sum(axis=-1, keepdims=True)
        return y

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, y = f["x"], f["y"]
        dx = dy * y * (1 - y)  # σ′ = σ(1 − σ)
        wide = slice(self.box + 2, self.box + 4)
        dx[..., wide] = dy[..., wide] * (y[..., wide] if self.sizes == "exp" else sigmoid(x[..., wide]))
        c, dc = y[..., 5:], dy[..., 5:]
        dx[..., 5:] = c * (dc - (dc * c).sum(axis=-1, keepdims=True))
        return {"x": dx}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x, at = Ref("x", index), index[-1]
        if at >= 5:
            every = (Ref("x", (*index[:-1], k)) for k in range(5, f["x"].shape[-1]))
            return call("exp", sub(x, call("logsumexp", *every)))
        if at - self.box in (2, 3):
            return call("exp" if self.sizes == "exp" else "softplus", x)
        return call("sigmoid", x)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        if index[-1] < 5:
            return [("y", index)]
        return [("y", (*index[:-1], k)) for k in range(5, f["x"].shape[-1])]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 2, 3, 7)), case(cls(order="box first", sizes="softplus"), x=(Batch(), 1, 2, 8)),
                case(cls(), x=(1, 1, 1, 5), batch=1)]


class YoloBoxes(Cells):
    """Reads the boxes of all cells: corners in pixels, the score p_c · max c, and the most probable class.

    Boxes come in reading order of the cells. Without classes the score is p_c and the class 0.
    """

    title = "YOLO boxes"
    also = ("det.yolo", "yolo", "decode", "detection")
    outputs = ("boxes", "scores", "kind")
    size: tuple[int, int] = attr("height and width of the picture in pixels", default=(24, 24), min=1)

    def line(self) -> str:
        return f"{self.size[0]}×{self.size[1]} pixels"

    def formula(self) -> str:
        return (r"x = (\mathrm{column}+b_x)\frac{W}{\mathrm{columns}},\quad w = b_w\frac{W}{\mathrm{columns}},\quad "
                r"(l,r) = x \mp \frac{w}{2},\quad \mathrm{score} = p_c\cdot\max_k c_k")

    def shape(self, x: Spec) -> tuple[Spec, ...]:
        rows, columns, _ = self.need_cells(x)
        n = rows * columns
        return x.with_shape(x.shape[0], n, 4), x.with_shape(x.shape[0], n), Spec((x.shape[0], n), "index")

    def steps(self, x: Array) -> tuple[float, float]:
        """Return the width and height of a cell in pixels."""
        return self.size[1] / x.shape[2], self.size[0] / x.shape[1]

    def forward(self, f: Record, x: Array) -> tuple[Array, ...]:
        n, rows, columns, width = x.shape
        step = np.array(self.steps(x), x.dtype)
        corner = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)  # (rows, columns, 2)
        middle = (corner + x[..., self.box:self.box + 2]) * step
        half = x[..., self.box + 2:self.box + 4] * step / 2
        boxes = np.concatenate([middle - half, middle + half], axis=-1).astype(x.dtype, copy=False)
        kind = x[..., 5:].argmax(axis=-1) if width > 5 else np.zeros((n, rows, columns), np.int64)
        scores = x[..., self.p] * (x[..., 5:].max(axis=-1) if width > 5 else 1)
        return boxes.reshape(n, -1, 4), scores.reshape(n, -1), kind.reshape(n, -1)

    def backward(self, f: Record, dboxes: Array, dscores: Array, dkind: Array) -> dict[str, Array]:
        x = f["x"]
        n, rows, columns, width = x.shape
        step = np.array(self.steps(x), x.dtype)
        db, ds = dboxes.reshape(n, rows, columns, 4), dscores.reshape(n, rows, columns)
        dx = np.zeros(x.shape, dboxes.dtype)
        dx[..., self.box:self.box + 2] = (db[..., :2] + db[..., 2:]) * step
        dx[..., self.box + 2:self.box + 4] = (db[..., 2:] - db[..., :2]) * step / 2
        if width > 5:
            kind = f["kind"].reshape(n, rows, columns, 1)
            dx[..., self.p] = ds * np.take_along_axis(x[..., 5:], kind, axis=-1)[..., 0]
            np.put_along_axis(dx[..., 5:], kind, (ds * x[..., self.p])[..., None], axis=-1)
        else:
            dx[..., self.p] = ds
        return {"x": dx}

    def explain(self, f: Record, index: Index, output: str = "boxes") -> Expr:
        x = f["x"]
        row, column = divmod(index[1], x.shape[2])
        cell = (index[0], row, column)
        if output == "kind":
            return Num(float(f["kind"][index]))
        if output == "scores":
            classes = [Ref("x", (*cell, k)) for k in range(5, x.shape[-1])]
            best = maximum("max", classes, int(f["kind"][index])) if classes else ONE
            return mul(Ref("x", (*cell, self.p)), best)
        k, upper = index[2] % 2, index[2] >= 2
        place, size = Ref("x", (*cell, self.box + k)), Ref("x", (*cell, self.box + 2 + k))
        half = mul(HALF, size)
        middle = add(Num(float((column, row)[k])), place)
        return mul(add(middle, half if upper else neg(half)), Num(self.steps(x)[k]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        b, row, column, at = index
        n = row * f["x"].shape[2] + column
        if at == self.p or at >= 5:
            return [("scores", (b, n))]
        k = (at - self.box) % 2
        return [("boxes", (b, n, k)), ("boxes", (b, n, k + 2))]

    @classmethod
    def cases(cls) -> list[Any]:
        def cells(*shape: Any) -> Given:
            return Given(shape, low=0.02, high=1.98, apart=0.01)

        return [case(cls(), x=cells(Batch(), 2, 3, 7)), case(cls(order="box first", size=(7, 9)),
                     x=cells(Batch(), 3, 1, 8)), case(cls(size=(4, 4)), x=cells(1, 2, 2, 5))]


class YoloTargets(Cells):
    """Writes boxes into the cells that their centres lie in, as the targets of a YOLO network.

    A box of class −1 is none, so that pictures with fewer boxes fill up. Of two in one cell the larger is written.
    The gradient counts each box's own cell as fixed.
    """

    title = "YOLO targets"
    also = ("det.yolo", "yolo", "encode", "detection")
    classes: int = attr("number of classes k", default=3, min=0, max=10_000)
    grid: tuple[int, int] = attr("rows and columns of cells", default=(6, 6), min=1, max=1000)
    size: tuple[int, int] = attr("height and width of the picture in pixels", default=(24, 24), min=1)

    def ports(self) -> tuple[Port, ...]:
        return (Port("boxes", help=CORNERS), Port("kind", help="the class of each box; −1: no box"))

    def line(self) -> str:
        return f"{self.grid[0]}×{self.grid[1]} cells · {self.classes} classes"

    def formula(self) -> str:
        return (rf"{self.cell()}:\quad p_c = 1,\quad b_x = \frac{{l+r}}{{2}}\frac{{\mathrm{{columns}}}}{{W}}"
                r"-\mathrm{column},\quad b_w = (r-l)\frac{\mathrm{columns}}{W}")

    def shape(self, boxes: Spec, kind: Spec) -> Spec:
        need_boxes(boxes, "boxes", 3)
        if boxes.rank != 3:
            raise ShapeError(f"takes {CORNERS}, shaped (B, N, 4)", "boxes")
        if kind.shape != boxes.shape[:2] or kind.kind != "index":
            raise ShapeError(f"needs the class of each box as a whole number, {show_shape(boxes.shape[:2])}", "kind")
        return Spec((boxes.shape[0], *self.grid, 5 + self.classes))

    def forward(self, f: Record, boxes: Array, kind: Array) -> Array:
        y = np.zeros((len(boxes), *self.grid, 5 + self.classes), boxes.dtype)
        owner = np.full((len(boxes), *self.grid), -1, np.int64)
        for s, (every, kinds) in enumerate(zip(boxes, kind, strict=True)):
            # The class stands in for the box's number while the grid is filled, to learn whose each cell is.
            numbers = [int(i) for i in np.flatnonzero(kinds >= 0)]
            made = [make_box(every[i], kind=i) for i in numbers]
            if bad := next((p for b in made if (p := b.problem())), ""):
                raise ValueError(f"has a box it cannot write: {bad}")
            cells = encode_cells(made, self.grid, self.size, len(every))
            owner[s] = np.where(cells[..., 0] > 0, cells[..., 5:].argmax(axis=-1), -1)
            y[s, ..., self.p] = cells[..., 0]
            y[s, ..., self.box:self.box + 4] = cells[..., 1:5]
            for r, c in np.argwhere(owner[s] >= 0):
                label = int(kinds[owner[s, r, c]])
                if label >= max(1, self.classes):
                    raise ValueError(f"its classes must be −1 or 0…{self.classes - 1}; there is {label}")
                y[s, r, c, 5 + label:6 + label] = 1
        f.keep(owner=owner)
        return y

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        db = np.zeros(f["boxes"].shape, dy.dtype)
        step = np.array(self.steps(), dy.dtype)
        s, r, c = np.nonzero(f["owner"] >= 0)
        d, i = dy[s, r, c, self.box:self.box + 4], f["owner"][s, r, c]
        db[s, i, :2], db[s, i, 2:] = (d[:, :2] / 2 - d[:, 2:]) * step, (d[:, :2] / 2 + d[:, 2:]) * step
        return {"boxes": db}

    def steps(self) -> tuple[float, float]:
        """Return how many cells a pixel is wide and high."""
        return self.grid[1] / self.size[1], self.grid[0] / self.size[0]

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        s, row, column, at = index
        i = int(f["owner"][s, row, column])
        if i < 0 or at == self.p or at >= 5:
            return Num(float(f["y"][index]))
        k = (at - self.box) % 2
        low, high = Ref("boxes", (s, i, k)), Ref("boxes", (s, i, k + 2))
        step = Num(self.steps()[k])
        if at - self.box >= 2:
            return mul(sub(high, low), step)
        return sub(mul(div(add(low, high), Num(2.0)), step), Num(float((column, row)[k])))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        if port != "boxes":
            return []
        s, i, corner = index
        k = corner % 2
        return [("y", (s, int(r), int(c), self.box + part + k))
                for r, c in np.argwhere(f["owner"][s] == i) for part in (0, 2)]

    @classmethod
    def cases(cls) -> list[Any]:
        def boxes(*shape: Any) -> Given:
            return Given((*shape, 4), low=0.6, high=23.1, apart=0.1, boxes=True)

        kind = Given((Batch(), 5), "index", -1, 3)
        return [case(cls(), boxes=boxes(Batch(), 5), kind=kind),
                case(cls(order="box first", grid=(3, 2)), boxes=boxes(Batch(), 5), kind=kind),
                case(cls(classes=0), boxes=boxes(1, 1), kind=Given((1, 1), "index", 0, 1))]
