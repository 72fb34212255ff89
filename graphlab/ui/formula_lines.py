"""Long formulas: broken into lines that fit a width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter

from graphlab.ui.formula import BEFORE_UNARY, EM, LOOSE, TIGHT, TOKEN, Picture, typeset

_GAP = 0.25
_OPENING = {"{", "(", "[", r"\left", r"\begin"}
_CLOSING = {"}", ")", "]", r"\right", r"\end"}


def pieces(latex: str, inside: bool = False, products: bool = False) -> list[str]:
    """Cut a formula where a line may end: before =, + and − that stand outside braces and parentheses.

    With ``inside``, parentheses no longer hold their content together; with ``products``, a line may end before ·.
    """
    opening, closing = ({"{", r"\begin"}, {"}", r"\end"}) if inside else (_OPENING, _CLOSING)
    breaks = LOOSE | TIGHT if products else LOOSE
    out, depth, before = [""], 0, ""
    for token in TOKEN.findall(latex):
        if depth == 0 and out[-1].strip() and token in breaks and (token == "=" or before not in BEFORE_UNARY):
            out.append("")
        if inside and token in (r"\left", r"\right"):
            before = token
            continue
        # After \left and \right comes a delimiter, which is already counted.
        if before not in (r"\left", r"\right"):
            depth += (token in opening) - (token in closing)
        out[-1] += token
        if not token.isspace():
            before = token
    return [p for p in out if p.strip()]


def clauses(latex: str) -> list[str]:
    """Cut a list of equations where ``,\\quad`` separates them, outside of braces and parentheses."""
    out, depth = [""], 0
    for token in TOKEN.findall(latex):
        if token == r"\quad" and depth == 0 and out[-1].rstrip().endswith(","):
            out.append("")
            continue
        depth += (token in ("{", "(", "[")) - (token in ("}", ")", "]"))
        out[-1] += token
    return [c for c in out if c.strip()]


@dataclass(frozen=True)
class Placed:
    """A picture in a laid out formula, with the start of its baseline."""

    picture: Picture
    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """A formula broken into lines for a width, at ``size`` pixels to the em (smaller than asked where it must)."""

    placed: tuple[Placed, ...]
    width: float
    height: float
    size: float

    def paint(
        self, painter: QPainter, at: QPointF, colour: QColor, colours: Callable[[int], QColor | None] | None = None,
    ) -> None:
        """Draw with the top left corner at ``at``."""
        for p in self.placed:
            p.picture.paint(painter, at + QPointF(p.x, p.y), self.size, colour, colours)

    def boxes(self) -> list[tuple[int, QRectF]]:
        """Return every mark with its rectangle, relative to the top left corner."""
        return [(n, box.translated(p.x, p.y)) for p in self.placed for n, box in p.picture.boxes(self.size)]

    @property
    def good(self) -> bool:
        """Whether all of it could be typeset."""
        return all(p.picture.good for p in self.placed)


@lru_cache(maxsize=1024)
def lay_out(latex: str, size: float, width: float, smallest: float = 0.7) -> Layout:
    """Break a formula into lines no wider than ``width``; ``\\\\`` always ends a line.

    Equations in a list each take a line where they do not fit on one; longer ones break before =, +, − or ·.
    What cannot be broken is drawn smaller, down to ``smallest`` of its size; wider than that it stays too wide.
    """
    rows: list[Row] = []
    widest = width * EM / size
    for line in latex.split("\\\\") if "\\begin" not in latex else [latex]:
        whole = _rows(line, widest)
        several = clauses(line) if len(whole) > 1 or whole[0].width > widest else []
        rows += [row for clause in several for row in _rows(clause, widest)] if len(several) > 1 else whole
    needed = max((r.width for r in rows), default=0.0) * size / EM
    size = size * max(smallest, width / needed) if needed > width > 0 else size
    return _stack(rows, size)


@dataclass
class Row:
    """Pictures side by side on one line; a ``continued`` one is indented."""

    pictures: list[Picture]
    continued: bool = False

    @property
    def width(self) -> float:
        """How long the line is with its indent."""
        return sum(p.width for p in self.pictures) + (EM if self.continued else 0.0)


def _rows(latex: str, widest: float) -> list[Row]:
    # Long formulas are never typeset as a whole: the time that takes grows faster than they do.
    parts = pieces(latex)
    for inside, products in ((False, True), (True, False), (True, True)):
        parts = [q for i, p in enumerate(parts) for q in (
            pieces(p, inside, products) if _piece(i, p).width > widest - EM else [p])]
    rows = [Row([])]
    for i, part in enumerate(parts):
        picture = _piece(i, part)
        if not picture.good:
            return [Row([typeset(latex)])]
        if rows[-1].pictures and rows[-1].width + picture.width > widest:
            rows.append(Row([], continued=True))
        rows[-1].pictures.append(picture)
    return rows


def _piece(number: int, latex: str) -> Picture:
    """Typeset a piece; an empty group in front keeps a sign binary, with its space around it."""
    return typeset("{}" + latex if number else latex)


def _stack(rows: list[Row], size: float) -> Layout:
    placed, top, width, k = [], 0.0, 0.0, size / EM
    for number, row in enumerate(rows):
        x = EM * k if row.continued else 0.0
        top += _GAP * size if number else 0.0
        ascent = max(max((p.ascent for p in row.pictures), default=0.0), 0.7 * EM) * k
        descent = max(max((p.descent for p in row.pictures), default=0.0), 0.2 * EM) * k
        for p in row.pictures:
            placed.append(Placed(p, x, top + ascent))
            x += p.width * k
        width, top = max(width, x), top + ascent + descent
    return Layout(tuple(placed), width, top, size)


def paint_formula(
    painter: QPainter, latex: str, rect: QRectF, size: float, colour: QColor,
    marks: Mapping[int, QColor] | None = None,
) -> QRectF:
    """Draw a formula as vectors into a rectangle from its top left corner; return what it covers."""
    layout = lay_out(latex, size, rect.width())
    layout.paint(painter, rect.topLeft(), colour, None if marks is None else marks.get)
    return QRectF(rect.x(), rect.y(), layout.width, layout.height)
