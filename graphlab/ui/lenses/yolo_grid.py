"""The grid of a detector: one cell at a time, what it is asked for, what it says, and what the difference costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.detection import ORDERS, iou
from graphlab.engine.op import Array
from graphlab.engine.ops.yolo import Cells
from graphlab.ui import theme
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.box_picture import BoxPicture, Mark
from graphlab.ui.lenses.nms_frames import class_name
from graphlab.ui.lenses.nms_source import Grid, find_grid, read_grid
from graphlab.ui.lenses.view import View
from graphlab.ui.lenses.yolo_cells import Cell, box_of, costs, holds, reading, writing
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.panels.panel import Sentence

NAMES = ("p_c", "b_x", "b_y", "b_w", "b_h")


@lens(Cells, match=find_grid)
class YoloGrid(Lens):
    """Shows the cells of the sample looked at; each is a frame."""

    title = "YOLO grid"
    about = "The grid over the picture: what one cell is asked for, and what the network says in it."
    look_for = ("Only the cell that holds an object's centre answers for it: there all numbers count, elsewhere p_c "
                "alone. b_x and b_y lie between 0 and 1 in the cell, b_w and b_h count in cells and may exceed 1. The "
                "colour of a cell is its p_c; dotted is the true box, thick what the network says.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.grid: Grid | None = None
        self.picture = BoxPicture("Picture with the grid; arrow keys go from cell to cell")
        self.picture.setToolTip("Click a cell, or go with the arrow keys")
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["target", "network", "loss"])
        self.table.setAccessibleName("Numbers of the cell")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.verticalHeader().setDefaultSectionSize(21)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumSize(280, 200)
        if (head := self.table.horizontalHeaderItem(2)) is not None:
            head.setToolTip("What each number adds to the loss of this sample")
        self.titles = [Sentence(text, "muted", wrap=False) for text in (
            "From the network's cell to its box", "From the true box to its cell")]
        self.lines = [[FormulaLabel("", 14) for _ in range(n)] for n in (5, 2)]
        right = QVBoxLayout()
        right.setSpacing(1)
        for title, lines in zip(self.titles, self.lines, strict=True):
            right.addWidget(title)
            for line in lines:
                right.addWidget(line)
        right.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.picture, 5)
        row.addWidget(self.table, 5)
        row.addLayout(right, 7)
        self.setMinimumHeight(230)
        self._chosen = False
        self.picture.clicked.connect(self._clicked)
        self.picture.moved.connect(self._moved)

    # --- what is shown ------------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        return 1 if self.grid is None else int(np.prod(self.grid.cells.shape[:2]))

    @property
    def cell(self) -> Cell:
        """The row and column of the cell that is shown."""
        columns = 1 if self.grid is None else self.grid.cells.shape[1]
        return divmod(self.frame_index(), columns)

    def refresh(self) -> None:
        self.grid = grid = read_grid(self.view)
        if grid is None:
            return
        if not self._chosen:
            self._chosen = True
            start = self.objects() or [int(np.argmax(grid.cells[..., 0]))]
            self.progress = start[0] / max(1, self.frames - 1)
        self.picture.set_picture(grid.picture, grid.size)
        self.picture.set_grid(*grid.cells.shape[:2])
        self.picture.set_heat(grid.cells[..., 0])

    def objects(self) -> list[int]:
        """Return the numbers of the cells that hold an object, in reading order."""
        return [] if self.grid is None or self.grid.target is None else [
            int(i) for i in np.flatnonzero(self.grid.target[..., 0] > 0.5)]

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        grid = self.grid
        if grid is None:
            return
        cell = self.cell
        mine = box_of(grid.cells, cell, grid.size)
        true = box_of(grid.target, cell, grid.size) if grid.target is not None and holds(grid.target, cell) else None
        marks = [] if mine is None else [Mark(mine, "pivot", f"p_c {grid.cells[cell][0]:.2f}", "what the network says")]
        self.picture.set_marks([*marks, *([] if true is None else [Mark(true, "truth", "", "the true box")])])
        self.picture.set_cell(cell)
        self._fill(grid, cell)
        written = [] if grid.target is None else writing(grid.target, cell, grid.size)
        self.titles[1].setVisible(bool(written))
        for labels, lines in zip(self.lines, (reading(grid.cells, cell, grid.size), written), strict=True):
            for i, label in enumerate(labels):
                label.set_latex(lines[i] if i < len(lines) else "")

    def _fill(self, grid: Grid, cell: Cell) -> None:
        now, cost = theme.current(), costs(grid)
        names = [*NAMES, *grid.classes]
        order = [*range(len(names))] if grid.order == ORDERS[0] else [1, 2, 3, 4, 0, *range(5, len(names))]
        self.table.setRowCount(len(names))
        self.table.setVerticalHeaderLabels([names[i] for i in order])
        for row, i in enumerate(order):
            values = (None if grid.target is None else grid.target[cell][i], grid.cells[cell][i],
                      None if cost is None else cost[cell][i])
            for k, value in enumerate(values):
                item = self.table.item(row, k)
                if item is None:
                    item = QTableWidgetItem()
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    self.table.setItem(row, k, item)
                counts = cost is None or holds(grid.target, cell) or i == 0
                text = "–" if value is None else number_text(value, 4 if k < 2 else 3)
                item.setText(text if counts or k < 2 else "not counted")
                item.setToolTip("" if value is None else exact_text(value))
                item.setForeground(now.text if counts else now.muted)
                item.setFont(theme.font(12, tabular=True))

    def caption(self) -> str:
        grid = self.grid
        if grid is None:
            return ""
        (row, column), p = self.cell, float(grid.cells[self.cell][0])
        text = f"Cell in row {row}, column {column}: "
        said = f"p_c is {p:.2f}"
        if grid.target is None:
            return f"{text}{said}."
        cost = costs(grid)
        total = 0.0 if cost is None else float(cost[self.cell].sum())
        adds = "" if cost is None else f"; the cell adds {number_text(total)} to this sample's loss"
        if not holds(grid.target, self.cell):
            return f"{text}no object is centred here, p_c should be 0; {said}{adds}."
        true, mine = (box_of(c, self.cell, grid.size) for c in (grid.target, grid.cells))
        shared = 0.0 if true is None or mine is None else iou(true, mine)
        names = [class_name(grid.classes, int(np.argmax(c[self.cell][5:]))) if len(grid.classes) else "object"
                 for c in (grid.target, grid.cells)]
        return (f"{text}it holds the centre of a {names[0]}; {said}, it takes it for a {names[1]}, and the IoU of the "
                f"two boxes is {shared:.2f}{adds}.")

    def shown(self) -> Mapping[str, Array]:
        if self.grid is None:
            return {}
        cost = costs(self.grid)
        out = {"cells": self.grid.cells, "cell": np.array(self.cell, np.int64)}
        out |= {} if self.grid.target is None else {"target": self.grid.target}
        return out | ({} if cost is None else {"costs": cost})

    # --- what is done -------------------------------------------------------------------------------------

    def go_to(self, index: int) -> None:
        """Show another cell, counted in reading order."""
        self.show_frame(min(max(index, 0), self.frames - 1) / max(1, self.frames - 1))
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    def _clicked(self, x: float, y: float) -> None:
        if self.grid is not None:
            rows, columns = self.grid.cells.shape[:2]
            row = min(int(y / self.grid.size[0] * rows), rows - 1)
            self.go_to(row * columns + min(int(x / self.grid.size[1] * columns), columns - 1))

    def _moved(self, dx: int, dy: int) -> None:
        if self.grid is not None:
            rows, columns = self.grid.cells.shape[:2]
            row, column = self.cell
            self.go_to(min(max(row + dy, 0), rows - 1) * columns + min(max(column + dx, 0), columns - 1))

    def _next_object(self) -> None:
        every = self.objects()
        self.go_to(next((i for i in every if i > self.frame_index()), every[0]))

    def _worst(self) -> None:
        cost = None if self.grid is None else costs(self.grid)
        if cost is not None:
            self.go_to(int(np.argmax(cost.sum(axis=-1))))

    def tries(self) -> Iterable[Try]:
        if self.objects():
            yield Try("Next object", self._next_object, "Go to the next cell that holds the centre of an object")
        if self.grid is not None and costs(self.grid) is not None:
            yield Try("Worst cell", self._worst, "Go to the cell that adds most to the loss")
