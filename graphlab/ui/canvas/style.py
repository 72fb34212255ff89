"""How the canvas looks: fonts and their widths, pens, sizes that never change, and how counts are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPen

from graphlab.ui import theme
from graphlab.ui.theme import Theme

GRID = 8.0
HEADER = 24.0
CORNER = 6.0
PADDING = 8.0
#: The first port's distance from the card's top, and that between ports.
FIRST_PORT, PORT_PITCH = 40.0, 16.0
#: How close the pointer has to be to a port, and the dot that is seen.
PORT_REACH, PORT_DOT = 10.0, 4.0
#: Heights of a card's rows: the line that matters, the second count, the value's picture, the gradient's strip.
ROW, SMALL_ROW, WELL, STRIP = 18.0, 15.0, 28.0, 5.0
NARROWEST = 128.0
PLATE_HEIGHT = 16.0

def count(n: int) -> str:
    """Write a count: ``235,500``, from ten million on ``61.1 M`` with four significant digits."""
    for limit, unit in ((10**13, "T"), (10**10, "G"), (10**7, "M")):
        if n >= limit:
            return f"{float(f'{n / (limit / 10):.4g}'):g} {unit}"
    return f"{n:,}"


@dataclass(frozen=True)
class Style:
    """A theme with the canvas's fonts. Pictures may leave out ``thumbnails``, ``shapes``, ``counts`` and ``grid``."""

    theme: Theme = field(default_factory=theme.current)
    thumbnails: bool = True
    shapes: bool = True
    counts: bool = True
    grid: bool = True
    _widths: dict[tuple[str, str], float] = field(default_factory=dict, compare=False, repr=False)
    _pens: dict[tuple[int, float, bool], QPen] = field(default_factory=dict, compare=False, repr=False)
    _fonts: dict[int, QFont] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def title(self) -> QFont:
        """The font of names."""
        return theme.font(13, bold=True)

    @cached_property
    def body(self) -> QFont:
        """The font of the line that matters."""
        return theme.font(13)

    @cached_property
    def small(self) -> QFont:
        """The font of counts, shapes and second names, with figures of one width."""
        return theme.font(11, tabular=True)

    @cached_property
    def _metrics(self) -> dict[str, QFontMetricsF]:
        return {name: QFontMetricsF(getattr(self, name)) for name in ("title", "body", "small")}

    def width(self, text: str, font: str = "body") -> float:
        """Return how wide a text is; measured once."""
        key = (font, text)
        if key not in self._widths:
            self._widths[key] = self._metrics[font].horizontalAdvance(text)
        return self._widths[key]

    def fitting(self, text: str, width: float, largest: int) -> QFont:
        """Return the font of names in the largest size at which a text is no wider than ``width``."""
        size = max(8, min(largest, int(13 * width / max(self.width(text, "title"), 1.0))))
        if size not in self._fonts:
            self._fonts[size] = theme.font(size, bold=True)
        return self._fonts[size]

    def pen(self, colour: QColor, width: float = 1.0, dashed: bool = False) -> QPen:
        """Return a pen with round ends. It is shared: who wants to alter it makes a copy."""
        key = (colour.rgba(), width, dashed)
        pen = self._pens.get(key)
        if pen is None:
            pen = QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
            if dashed:
                pen.setDashPattern([4.0, 3.0])
            if len(self._pens) > 1000:
                self._pens.clear()
            self._pens[key] = pen
        return pen
