"""One cell of a detector's grid in numbers: its box, the arithmetic in both directions, and what it costs."""

from __future__ import annotations

import numpy as np

from graphlab.engine.detection import ORDERS, Box, decode_cells
from graphlab.engine.expr import show_number
from graphlab.engine.op import Array
from graphlab.ui.lenses.nms_source import Grid

Cell = tuple[int, int]


def holds(target: Array | None, cell: Cell) -> bool:
    """Tell whether a cell should hold an object."""
    return target is not None and bool(target[cell][0] > 0.5)


def box_of(cells: Array, cell: Cell, size: tuple[float, float]) -> Box | None:
    """Return the box of one cell, whatever its p_c; None where it has no width or height."""
    if not np.isfinite(cells[cell]).all():
        return None
    alone = np.zeros_like(cells)
    alone[cell] = cells[cell]
    boxes = [b for b in decode_cells(alone, size, -np.inf) if not b.problem()]
    return boxes[0] if boxes else None


def reading(cells: Array, cell: Cell, size: tuple[float, float]) -> list[str]:
    """Return the arithmetic that reads a cell's box, as LaTeX: from places in the cell to pixels, and the score."""
    row, column = cell
    rows, columns = cells.shape[:2]
    wide, high = size[1] / columns, size[0] / rows
    p, x, y, w, h = (float(v) for v in cells[cell][:5])
    n = show_number
    lines = [
        rf"x = (\mathrm{{column}}+b_x)\cdot\frac{{W}}{{{columns}}} = ({column}+{n(x)})\cdot{n(wide)} = "
        + n((column + x) * wide),
        rf"y = (\mathrm{{row}}+b_y)\cdot\frac{{H}}{{{rows}}} = ({row}+{n(y)})\cdot{n(high)} = " + n((row + y) * high),
        rf"w = b_w\cdot\frac{{W}}{{{columns}}} = {n(w)}\cdot{n(wide)} = {n(w * wide)}",
        rf"h = b_h\cdot\frac{{H}}{{{rows}}} = {n(h)}\cdot{n(high)} = {n(h * high)}"]
    if cells.shape[-1] > 5:
        best = float(cells[cell][5:].max())
        lines.append(rf"\mathrm{{score}} = p_c\cdot\max_k c_k = {n(p)}\cdot{n(best)} = {n(p * best)}")
    return lines


def writing(target: Array, cell: Cell, size: tuple[float, float]) -> list[str]:
    """Return the arithmetic that writes the true box into its cell, as LaTeX; nothing where there is none."""
    box = box_of(target, cell, size) if holds(target, cell) else None
    if box is None:
        return []
    n = show_number
    lines = []
    for k, (low, high, pixels, letters) in enumerate((
        (box.left, box.right, size[1] / target.shape[1], "xw"), (box.top, box.bottom, size[0] / target.shape[0], "yh"),
    )):
        place, length = (float(target[cell][i + k]) for i in (1, 3))
        lines.append(
            rf"t_{letters[0]} = \frac{{{n((low + high) / 2)}}}{{{n(pixels)}}}-{cell[1 - k]} = {n(place)},\quad "
            rf"t_{letters[1]} = \frac{{{n(high - low)}}}{{{n(pixels)}}} = {n(length)}")
    return lines


def costs(grid: Grid) -> Array | None:
    """Return what each number of each cell adds to the loss of this sample; None without target or loss."""
    if grid.loss is None or grid.target is None:
        return None
    loss = grid.loss.replace(order=ORDERS[0])
    with np.errstate(all="ignore"):
        difference = loss.comparable(grid.cells) - loss.comparable(grid.target)
        return np.asarray(loss.weigh(grid.target) * np.square(difference))
