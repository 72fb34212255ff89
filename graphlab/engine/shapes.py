"""Pictures of a few squares, circles and triangles, drawn from a seed, with their boxes as a YOLO grid."""

from __future__ import annotations

import numpy as np

from graphlab.engine.data import Column, DataSource, Table
from graphlab.engine.declared import attr
from graphlab.engine.detection import Box, encode_cells, iou
from graphlab.engine.record import Array, Mode, stream

KINDS = ("square", "circle", "triangle")
CELL = ("p_c", "b_x", "b_y", "b_w", "b_h")
#: Two shapes of one picture overlap by no more than this IoU: a detector could not tell them apart.
CLOSEST = 0.15
#: A place is looked for so often before a picture stays with fewer shapes.
ATTEMPTS = 50


class DrawnShapes(DataSource):
    """Small pictures with a few squares, circles and triangles; the target says what is where, cell by cell.

    A cell is [p_c, b_x, b_y, b_w, b_h, square, circle, triangle], with sizes counted in cells. Shapes differ in size,
    place and brightness, may overlap a little, and no two are centred in one cell.
    """

    title = "Drawn shapes"
    also = ("det.yolo", "detection", "boxes", "yolo")
    n: int = attr("number of pictures", default=1500, min=1, max=100_000)
    most: int = attr("most shapes of a picture; 1 to so many are drawn", default=3, min=1, max=8)
    side: int = attr("height and width of a picture in pixels", default=24, min=12, max=128)
    cells: int = attr("rows and columns of cells that the target has", default=6, min=1, max=16)
    noise: float = attr("standard deviation of the noise on every pixel", default=0.05, min=0.0, max=1.0)
    seed: int = attr("what the random numbers start from", default=0, min=0)

    def line(self) -> str:
        return f"{self.n:,} pictures, {self.side}×{self.side}, {self.cells}×{self.cells} cells"

    def table(self) -> Table:
        rng = stream(f"data/{self.name()}", Mode(seed=self.seed))
        pictures = np.zeros((self.n, 1, self.side, self.side))
        grids = np.zeros((self.n, self.cells, self.cells, len(CELL) + len(KINDS)))
        for i in range(self.n):
            boxes = self.place(rng)
            pictures[i, 0] = self.draw(rng, boxes)
            grids[i] = encode_cells(boxes, (self.cells, self.cells), (self.side, self.side), len(KINDS))
        return Table({"x": Column(pictures), "cells": Column(grids, features=(*CELL, *KINDS), target=True)})

    def place(self, rng: np.random.Generator) -> list[Box]:
        """Choose kinds, sizes and places: inside the picture, each centre in a cell of its own."""
        boxes: list[Box] = []
        taken = set()
        for _ in range(int(rng.integers(1, self.most + 1))):
            for _ in range(ATTEMPTS):
                kind = int(rng.integers(0, len(KINDS)))
                width = rng.uniform(0.22, 0.45) * self.side
                height = width * (rng.uniform(0.8, 1.2) if KINDS[kind] == "triangle" else 1.0)
                x, y = (rng.uniform(size / 2, self.side - size / 2) for size in (width, height))
                box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2, 1.0, kind)
                cell = (int(y * self.cells / self.side), int(x * self.cells / self.side))
                if cell not in taken and all(iou(box, other) <= CLOSEST for other in boxes):
                    taken.add(cell)
                    boxes.append(box)
                    break
        return boxes

    def draw(self, rng: np.random.Generator, boxes: list[Box]) -> Array:
        """Paint shapes of different brightness over each other, with soft edges, and add the noise: 0 … 1."""
        out = np.full((self.side, self.side), rng.uniform(0.0, 0.2))
        for box in boxes:
            out += coverage(box, self.side) * (rng.uniform(0.5, 1.0) - out)
        out += self.noise * rng.standard_normal(out.shape)
        return np.asarray(np.clip(out, 0.0, 1.0))


def coverage(box: Box, side: int) -> Array:
    """Return how much of each pixel a shape covers, 0…1, by the distance of its middle from the edge: (side, side)."""
    y, x = np.mgrid[:side, :side] + 0.5
    cx, cy = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    half_w, half_h = (box.right - box.left) / 2, (box.bottom - box.top) / 2
    match KINDS[box.kind]:
        case "square":
            inside = np.minimum(half_w - np.abs(x - cx), half_h - np.abs(y - cy))
        case "circle":
            inside = half_w - np.hypot(x - cx, y - cy)
        case _:
            # Upright: the distance to the slanted sides, which meet in the middle of the top, and to the base.
            slant = ((y - box.top) * half_w - np.abs(x - cx) * 2 * half_h) / np.hypot(half_w, 2 * half_h)
            inside = np.minimum(slant, box.bottom - y)
    return np.asarray(np.clip(inside + 0.5, 0.0, 1.0))
