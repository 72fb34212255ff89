"""Colours and fonts: one light and one dark theme, switched at run time or following the system."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Mode = Literal["light", "dark", "system"]

#: OKLCH hue angles of the palette's categories: neighbours in a network lie far apart.
HUES = {
    "Data": 250.0, "Layers": 175.0, "Activations": 90.0, "Losses": 350.0, "Convolution": 150.0, "Pooling": 115.0,
    "Normalisation": 285.0, "Regularisation": 305.0, "Recurrent": 325.0, "Attention": 60.0, "Shape": 130.0,
    "Maths": 220.0, "Structure": 200.0, "Generative": 25.0, "Detection": 40.0,
}


def oklch(lightness: float, chroma: float, hue: float) -> QColor:
    """Return the sRGB colour of an OKLCH triple (B. Ottosson, 2020), clipped to what a screen can show."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    l3 = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m3 = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s3 = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
              -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
              -0.0041960863 * l3 - 0.7034186147 * m3 + 1.7076147010 * s3)
    clipped = [min(max(v, 0.0), 1.0) for v in linear]
    return QColor.fromRgbF(*(12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in clipped))


def luminance(colour: QColor) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    def channel(c: float) -> float:
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
    r, g, b = (channel(c) for c in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: QColor, b: QColor) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def rgba(colour: QColor) -> tuple[int, int, int, int]:
    """Return red, green, blue and alpha, 0 to 255."""
    return colour.red(), colour.green(), colour.blue(), colour.alpha()


def mix(a: QColor, b: QColor, share: float) -> QColor:
    """Return the colour that lies ``share`` of the way from a to b."""
    return QColor(*(round(x + (y - x) * share) for x, y in zip(rgba(a), rgba(b), strict=True)))


@dataclass(frozen=True)
class Hue:
    """A category's colours: the header's fill, and the line and icon that stand on it or on a card."""

    fill: QColor
    line: QColor


@dataclass(frozen=True)
class Theme:
    """Every colour by what it is for. Orange and blue belong to signs, red to problems alone."""

    name: Literal["light", "dark"]
    window: QColor  # panels, toolbar, dock titles
    base: QColor  # fields, lists, tables
    canvas: QColor
    grid: QColor  # the canvas's dots
    card: QColor
    hairline: QColor  # separators, which need not be read
    border: QColor  # edges of cards and fields
    wire: QColor
    text: QColor
    muted: QColor  # text of second rank
    accent: QColor  # selection, focus, links
    on_accent: QColor
    now: QColor  # the current step of the debugger
    negative: QColor
    positive: QColor
    problem: QColor
    warning: QColor
    good: QColor

    @property
    def dark(self) -> bool:
        """Whether light text stands on dark ground."""
        return self.name == "dark"

    def hue(self, category: str) -> Hue:
        """Return the colours of an op's category; an unknown one is grey."""
        return _hue(self.dark, HUES.get(category))

    def sign(self, value: float) -> QColor:
        """Return the colour of a number's sign."""
        return self.negative if value < 0 else self.positive if value > 0 else self.muted

    def contrasts(self) -> Iterator[tuple[str, QColor, QColor, float]]:
        """List what stands on what, and the contrast it needs: 4.5 for text, 3 for lines."""
        grounds = {"window": self.window, "base": self.base, "canvas": self.canvas, "card": self.card}
        for name in ("text", "muted", "accent", "now", "negative", "positive", "problem", "warning", "good"):
            for ground, colour in grounds.items():
                yield f"{name} on {ground}", getattr(self, name), colour, 4.5
        yield "on_accent on accent", self.on_accent, self.accent, 4.5
        for name in ("border", "wire"):
            for ground in ("canvas", "card"):
                yield f"{name} on {ground}", getattr(self, name), grounds[ground], 3.0
        for category in (*HUES, ""):
            hue = self.hue(category)
            yield f"text on {category or 'grey'} header", self.text, hue.fill, 4.5
            yield f"muted on {category or 'grey'} header", self.muted, hue.fill, 4.5
            yield f"icon on {category or 'grey'} header", hue.line, hue.fill, 3.0
            yield f"{category or 'grey'} icon on window", hue.line, self.window, 3.0


@lru_cache(maxsize=64)
def _hue(dark: bool, angle: float | None) -> Hue:
    chroma = 0.0 if angle is None else 1.0
    if dark:
        return Hue(oklch(0.335, 0.042 * chroma, angle or 0), oklch(0.77, 0.105 * chroma, angle or 0))
    return Hue(oklch(0.925, 0.038 * chroma, angle or 0), oklch(0.52, 0.105 * chroma, angle or 0))


LIGHT = Theme(
    "light", window=QColor("#f3f4f6"), base=QColor("#ffffff"), canvas=QColor("#f8f9fb"), grid=QColor("#dde1e7"),
    card=QColor("#ffffff"), hairline=QColor("#d5dae1"), border=QColor("#858e9b"), wire=QColor("#6b7583"),
    text=QColor("#1b2129"), muted=QColor("#545d6a"), accent=QColor("#0b7470"), on_accent=QColor("#ffffff"),
    now=QColor("#7446c6"), negative=QColor("#b34d00"), positive=QColor("#1763b8"), problem=QColor("#c21f33"),
    warning=QColor("#7d5a00"), good=QColor("#24733f"))

DARK = Theme(
    "dark", window=QColor("#1d2127"), base=QColor("#171a1f"), canvas=QColor("#15181d"), grid=QColor("#2a3038"),
    card=QColor("#21262d"), hairline=QColor("#353c46"), border=QColor("#727d8b"), wire=QColor("#8a95a4"),
    text=QColor("#e6eaf0"), muted=QColor("#a9b3c0"), accent=QColor("#4fbdb5"), on_accent=QColor("#0d1316"),
    now=QColor("#b79bf5"), negative=QColor("#f2933d"), positive=QColor("#6aa6f5"), problem=QColor("#ff7a85"),
    warning=QColor("#dcb452"), good=QColor("#6cc58c"))


class Signals(QObject):
    """What the theme tells the windows."""

    changed = Signal()


#: ``theme.signals.changed`` is emitted after the colours have become others.
signals = Signals()
_state: dict[str, Any] = {"mode": "system", "theme": LIGHT, "watching": None}


def current() -> Theme:
    """Return the theme that is shown."""
    theme: Theme = _state["theme"]
    return theme


def mode() -> Mode:
    """Return what was chosen: light, dark, or to follow the system."""
    chosen: Mode = _state["mode"]
    return chosen


def set(wanted: Mode) -> None:  # noqa: A001
    """Choose light, dark, or to follow the system; windows that are open change at once."""
    _state["mode"] = wanted
    _refresh()


def _system_is_dark() -> bool:
    app = QGuiApplication.instance()
    return isinstance(app, QGuiApplication) and app.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _refresh() -> None:
    dark = mode() == "dark" or (mode() == "system" and _system_is_dark())
    new = DARK if dark else LIGHT
    changed = new is not current()
    _state["theme"] = new
    app = QApplication.instance()
    if isinstance(app, QApplication) and _state["watching"] is app:
        app.setPalette(palette(new))
    if changed:
        signals.changed.emit()


def apply(app: QApplication) -> None:
    """Give the application its style, font and colours, and follow the system where that is chosen."""
    app.setStyle("Fusion")
    app.setFont(font())
    if _state["watching"] is not app:
        _state["watching"] = app
        app.styleHints().colorSchemeChanged.connect(lambda _scheme: _refresh())
    _refresh()


def palette(theme: Theme) -> QPalette:
    """Return the palette that Fusion paints widgets with."""
    role, out = QPalette.ColorRole, QPalette()
    colours = {
        role.Window: theme.window, role.WindowText: theme.text, role.Base: theme.base, role.AlternateBase: theme.window,
        role.Text: theme.text, role.Button: theme.window, role.ButtonText: theme.text, role.BrightText: theme.problem,
        role.ToolTipBase: theme.card, role.ToolTipText: theme.text, role.PlaceholderText: theme.muted,
        role.Highlight: theme.accent, role.HighlightedText: theme.on_accent, role.Accent: theme.accent,
        role.Link: theme.accent, role.LinkVisited: theme.accent, role.Light: mix(theme.window, theme.base, 0.5),
        role.Midlight: theme.hairline, role.Mid: theme.border, role.Dark: theme.border,
        role.Shadow: theme.border if theme.dark else theme.muted,
    }
    for which, colour in colours.items():
        out.setColor(which, colour)
    faint = mix(theme.muted, theme.window, 0.4)
    for which in (role.WindowText, role.Text, role.ButtonText):
        out.setColor(QPalette.ColorGroup.Disabled, which, faint)
    out.setColor(QPalette.ColorGroup.Disabled, role.Highlight, theme.hairline)
    out.setColor(QPalette.ColorGroup.Disabled, role.HighlightedText, faint)
    return out


def font(pixels: float = 13, *, bold: bool = False, tabular: bool = False) -> QFont:
    """Return the platform's font for windows; ``tabular`` makes every digit equally wide."""
    out = QFont(QGuiApplication.font())
    out.setPixelSize(round(pixels))
    out.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    # Without ligatures a name such as flatten can be searched for in an exported PDF.
    out.setFeature(QFont.Tag("liga"), 0)
    if tabular:
        out.setFeature(QFont.Tag("tnum"), 1)
    return out


def sign_table(theme: Theme | None = None) -> NDArray[np.uint8]:
    """Return 255 RGBA rows from most negative (orange) over the card's ground at zero to most positive (blue)."""
    import numpy as np  # windows appear before it is loaded

    theme = theme or current()
    zero = mix(theme.card, theme.text, 0.04)
    share = np.abs(np.linspace(-1, 1, 255))[:, None]
    ends = np.where(np.linspace(-1, 1, 255)[:, None] < 0, rgba(theme.negative), rgba(theme.positive))
    out: NDArray[np.uint8] = np.rint(np.array(rgba(zero)) * (1 - share) + ends * share).astype(np.uint8)
    return out


def grey_table(theme: Theme | None = None) -> NDArray[np.uint8]:
    """Return 256 RGBA rows from black to white for pictures, softened so that they sit calmly on a card."""
    import numpy as np  # windows appear before it is loaded

    low, high = (28, 245) if not (theme or current()).dark else (12, 232)
    grey = np.rint(np.linspace(low, high, 256)).astype(np.uint8)
    return np.stack([grey, grey, grey, np.full(256, 255, np.uint8)], axis=1)
