"""Boxes as text: what people paste from a spreadsheet, and what they take back into it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphlab.engine.detection import Box

#: More boxes than this are no lesson any more.
MOST_BOXES = 200
COLUMNS = ("left", "top", "right", "bottom", "p_c", "class")
NEEDED = "left, top, right, bottom, and may add p_c and class"
_ALSO = {
    "x1": "left", "xmin": "left", "x_min": "left", "l": "left", "x": "left", "y1": "top", "ymin": "top",
    "y_min": "top", "t": "top", "y": "top", "x2": "right", "xmax": "right", "x_max": "right", "r": "right",
    "y2": "bottom", "ymax": "bottom", "y_max": "bottom", "b": "bottom", "w": "width", "h": "height", "p": "p_c",
    "pc": "p_c", "score": "p_c", "confidence": "p_c", "conf": "p_c", "label": "class", "kind": "class", "c": "class",
    "name": "class",
}


@dataclass(frozen=True)
class Pasted:
    """What a text says: its boxes, the names of their classes, and a sentence for every line that says none."""

    boxes: tuple[Box, ...]
    classes: tuple[str, ...]
    problems: tuple[str, ...]


def read_boxes(text: str, classes: Sequence[str] = ()) -> Pasted:
    """Read a box a line: left, top, right, bottom, p_c (1 where it is missing) and class (a name or a number).

    Columns stand between commas, semicolons, tabs or spaces. A first line of names may bring them in another order,
    or width and height instead of right and bottom. Class names that are not in ``classes`` are added to them.
    """
    separator = next((s for s in ("\t", ";", ",") if s in text), " ")
    try:
        lines = list(csv.reader(io.StringIO(text.strip("\n")), delimiter=separator))
    except csv.Error as e:
        return Pasted((), tuple(classes), (f"The text is no table ({e}): a line needs {NEEDED}.",))
    rows = [(number, [cell.strip() for cell in row if separator != " " or cell.strip()])
            for number, row in enumerate(lines, 1)]
    rows = [(number, row) for number, row in rows if any(row)]
    names: Sequence[str] = COLUMNS
    problems: list[str] = []
    if rows and not any(_number(cell, separator) is not None for cell in rows[0][1]):
        head = [cell.lower() for cell in rows.pop(0)[1]]
        names = [_ALSO.get(cell, cell) for cell in head]
        instead = {"right": "width", "bottom": "height"}
        missing = [n for n in COLUMNS[:4] if n not in names and instead.get(n) not in names]
        if missing:
            return Pasted((), tuple(classes), (
                f"The columns are {', '.join(head)}; {' and '.join(missing)} are missing: a line needs {NEEDED}.",))
    known, boxes = list(classes), []
    for number, row in rows[:MOST_BOXES]:
        box = _box(dict(zip(names, row, strict=False)), len(row), separator, known)
        if isinstance(box, str):
            problems.append(f"Line {number}{box}")
        else:
            boxes.append(box)
    if len(rows) > MOST_BOXES:
        problems.append(f"There are {len(rows)} lines; the first {MOST_BOXES} are taken.")
    if not rows:
        problems.append(f"There is no box in the text: a line needs {NEEDED}.")
    return Pasted(tuple(boxes), tuple(known), tuple(problems))


def _number(text: str, separator: str) -> float | None:
    clean = text.replace("−", "-")
    try:
        value = float(clean if separator == "," else clean.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _box(cells: dict[str, str], count: int, separator: str, known: list[str]) -> Box | str:
    """Return a box, or the end of the sentence that says why there is none."""
    if count < 4:
        return f" has {count} value{'s' * (count != 1)}: a line needs {NEEDED}."
    values: dict[str, float] = {}
    for name in ("left", "top", "right", "bottom", "width", "height", "p_c"):
        text = cells.get(name, "")
        if text:
            value = _number(text, separator)
            if value is None:
                return f": {name} is ‘{text}’, which is no number."
            values[name] = value
    for end, start, size in (("right", "left", "width"), ("bottom", "top", "height")):
        if end not in values and start in values and size in values:
            values[end] = values[start] + values[size]
    missing = [n for n in COLUMNS[:4] if n not in values]
    if missing:
        return f" has no {' and no '.join(missing)}: a line needs {NEEDED}."
    kind = _kind(cells.get("class", ""), separator, known)
    if isinstance(kind, str):
        return kind
    box = Box(values["left"], values["top"], values["right"], values["bottom"], values.get("p_c", 1.0), kind)
    problem = box.problem()
    return f": {problem[0].lower()}{problem[1:]}" if problem else box


def _kind(text: str, separator: str, known: list[str]) -> int | str:
    if not text:
        return 0
    lower = [name.lower() for name in known]
    if text.lower() in lower:
        return lower.index(text.lower())
    value = _number(text, separator)
    if value is None:
        known.append(text)
        return len(known) - 1
    if value != int(value) or not 0 <= value < MOST_BOXES:
        return f": the class is {text}; it needs to be a name or a whole number from 0."
    return int(value)


def write_boxes(boxes: Sequence[Box], classes: Sequence[str] = ()) -> str:
    """Write boxes as CSV with a line of names, so that `read_boxes` gives them back."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for b in boxes:
        numbers = (repr(v) for v in (b.left, b.top, b.right, b.bottom, b.score))
        writer.writerow((*numbers, classes[b.kind] if b.kind < len(classes) else b.kind))
    return out.getvalue()
