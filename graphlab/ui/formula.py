"""Formulas: LaTeX typeset as outlines, which any painter draws sharply in any size and colour."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as ET

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

#: Units of an outline per em; what is typeset once serves every size.
EM = 100.0
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|.", re.DOTALL)
_PATH = re.compile(r"[MLQCZ]|-?\d+(?:\.\d*)?(?:e-?\d+)?")
LOOSE, TIGHT = {"=", "+", "-"}, {r"\cdot", r"\odot"}
#: Behind these, a sign belongs to what follows.
BEFORE_UNARY = {"", "=", ",", "(", "[", "{", "&", r"\left", *LOOSE, *TIGHT}
_MARK = re.compile(r"\\textcolor\{#[0-9a-f]{6}\}")


@dataclass(frozen=True)
class Part:
    """One outline of a formula; ``mark`` is the number of what it belongs to (see `mark`), 0 for nothing."""

    path: QPainterPath
    mark: int = 0
    stroke: float = 0.0


@dataclass(frozen=True)
class Picture:
    """A typeset formula in units of 1/100 em: its outlines around the baseline, and how far it reaches.

    ``source`` is the LaTeX; where it cannot be typeset there are no ``parts`` and the source is shown instead.
    """

    source: str
    width: float
    ascent: float
    descent: float
    parts: tuple[Part, ...] = field(default=(), repr=False)
    good: bool = True

    def paint(
        self, painter: QPainter, at: QPointF, size: float, colour: QColor,
        colours: Callable[[int], QColor | None] | None = None,
    ) -> None:
        """Draw with the baseline starting at ``at`` and ``size`` pixels to the em; ``colours`` by mark."""
        painter.save()
        if not self.good:
            painter.setFont(source_font(size))
            painter.setPen(colour)
            painter.drawText(at, plain(self.source))
        else:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(at)
            painter.scale(size / EM, size / EM)
            for part in self.parts:
                own = colours(part.mark) if colours is not None and part.mark else None
                if part.stroke:
                    painter.strokePath(part.path, QPen(own or colour, part.stroke))
                else:
                    painter.fillPath(part.path, own or colour)
        painter.restore()

    def boxes(self, size: float) -> Iterator[tuple[int, QRectF]]:
        """Yield each mark with the rectangle around what it covers, relative to the baseline's start."""
        around: dict[int, QRectF] = {}
        for part in self.parts:
            if part.mark:
                around[part.mark] = around.get(part.mark, QRectF()).united(part.path.boundingRect())
        k = size / EM
        for number, box in around.items():
            yield number, QRectF(box.x() * k, box.y() * k, box.width() * k, box.height() * k)


def mark(latex: str, number: int) -> str:
    """Wrap a piece of LaTeX so that its outlines carry a number, from 1: it can be coloured and pointed at."""
    return rf"\textcolor{{#{number:06x}}}{{{latex}}}"


def plain(latex: str) -> str:
    """Return LaTeX without marks, as a person would write it."""
    out = latex
    while (found := _MARK.search(out)) is not None:
        depth, i = 1, found.end() + 1
        while i < len(out) and depth:
            depth += {"{": 1, "}": -1}.get(out[i], 0) if out[i - 1] != "\\" else 0
            i += 1
        out = out[:found.start()] + out[found.end() + 1:i - 1] + out[i:]
    return out


def source_font(size: float) -> QFont:
    """Return the font for LaTeX that is shown as it was written."""
    font = QFont("monospace")
    font.setStyleHint(QFont.StyleHint.TypeWriter)
    font.setPixelSize(max(8, round(size * 0.85)))
    return font


def loaded() -> bool:
    """Whether formulas appear at once: the typesetter takes a moment to load the first time."""
    return "ziamath" in sys.modules


@lru_cache(maxsize=1)
def _typesetter() -> Any:
    with warnings.catch_warnings():
        # It finds its font in a way that newer Pythons call outdated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import ziamath
    ziamath.config.svg2 = False  # paths with absolute coordinates, no references
    return ziamath


@lru_cache(maxsize=8192)
def typeset(latex: str) -> Picture:
    """Typeset a formula; one that cannot be read becomes a picture of its source. Cached."""
    ziamath = _typesetter()
    try:
        tree = ET.fromstring(ziamath.tex.tex2mml(_unary(latex)))
        _simplify(tree)
        maths = ziamath.Math(tree, size=EM)
        width, height = maths.getsize()
        descent = -maths.getyofst()
        parts = tuple(_parts(maths.svg()))
    except Exception:  # the typesetter raises whatever its own parsing happened to trip over
        parts = ()
    if not parts:
        metrics = QFontMetricsF(source_font(EM))
        return Picture(latex, metrics.horizontalAdvance(plain(latex)), metrics.ascent(), metrics.descent(), good=False)
    box = QRectF()
    for part in parts:
        box = box.united(part.path.boundingRect())
    return Picture(latex, max(width, box.right()), max(height - descent, -box.top()), max(descent, box.bottom()), parts)


def _simplify(tree: ET.Element) -> None:
    """Take out rows of one element: the typesetter's time doubles with each of them. A lone sign is no operator."""
    for i, child in enumerate(tree):
        _simplify(child)
        while _kind(child) in ("mrow", "mstyle") and len(child) == 1 and set(child.attrib) <= {"mathcolor"}:
            inner = child[0]
            for key, value in child.attrib.items():
                inner.attrib.setdefault(key, value)
            if _kind(inner) == "mo" and inner.get("stretchy") != "true":
                inner.attrib |= {"lspace": "0em", "rspace": "0em"}
            tree[i] = child = inner
        if child.text == "∂":
            child.set("rspace", "0em")


def _kind(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _unary(latex: str) -> str:
    """Brace signs that belong to one number, so that no space is set after them."""
    out, before, held = [], "", False
    for token in TOKEN.findall(latex):
        tight = token == "-" and before in BEFORE_UNARY and not held
        out.append(f"{{{token}}}" if tight else token)
        # What follows \\left is its delimiter; what stands behind that is at the start again.
        if not token.isspace():
            before, held = ("(" if before == r"\left" else token), token == r"\left"
    return "".join(out)


def _parts(svg: str) -> Iterator[Part]:
    for element in ET.fromstring(svg).iter():
        kind = _kind(element)
        get = element.attrib.get
        if kind == "path":
            path = outline(get("d", ""))
        elif kind == "rect":
            path = QPainterPath()
            path.addRect(*(float(get(k, "0")) for k in ("x", "y", "width", "height")))
        elif kind == "ellipse":
            path = QPainterPath()
            path.addEllipse(QPointF(float(get("cx", "0")), float(get("cy", "0"))), float(get("rx", "0")),
                            float(get("ry", "0")))
        else:
            continue
        stroke = float(get("stroke-width", "0")) if get("stroke") else 0.0
        fill = get("fill", "")
        yield Part(path, int(fill[1:], 16) if fill.startswith("#") else 0, stroke)


def outline(d: str) -> QPainterPath:
    """Read an SVG path of absolute M, L, Q, C and Z commands."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    command, numbers = "M", list[float]()
    need = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}
    for token in _PATH.findall(d):
        if token in need:
            command = token
            if token == "Z":
                path.closeSubpath()
            continue
        numbers.append(float(token))
        if len(numbers) < need[command]:
            continue
        if command == "M":
            path.moveTo(*numbers)
            command = "L"
        elif command == "L":
            path.lineTo(*numbers)
        elif command == "Q":
            path.quadTo(*numbers)
        else:
            path.cubicTo(*numbers)
        numbers.clear()
    return path
