"""The icons, drawn in the colour that the place and the theme ask for."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from graphlab.resources import resource
from graphlab.ui import theme


@lru_cache(maxsize=256)
def _source(name: str) -> bytes:
    return resource(f"icons/{name}.svg").read_bytes()


@lru_cache(maxsize=512)
def renderer(name: str, colour: str) -> QSvgRenderer:
    """Return the drawing of an icon in a colour such as ``#1b2129``; it can be painted at any size."""
    return QSvgRenderer(QByteArray(_source(name).replace(b"currentColor", colour.encode())))


def paint(painter: QPainter, name: str, rect: QRectF, colour: QColor) -> None:
    """Draw an icon into a rectangle as vectors, so that exported pictures stay sharp."""
    renderer(name, colour.name()).render(painter, rect)


@lru_cache(maxsize=1024)
def pixmap(name: str, colour: str, size: int, ratio: float = 1.0) -> QPixmap:
    """Return an icon as pixels, ``size`` logical pixels wide, for a screen of that device pixel ratio."""
    out = QPixmap(round(size * ratio), round(size * ratio))
    out.setDevicePixelRatio(ratio)
    out.fill(Qt.GlobalColor.transparent)
    painter = QPainter(out)
    renderer(name, colour).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return out


def category_name(category: str) -> str:
    """Return the name of a category's icon."""
    return f"cat-{category.lower()}" if category in theme.HUES else "help"


class _Tinted(QIconEngine):
    """Takes its colour when it is painted, so that a switch of theme needs no new icons."""

    def __init__(self, name: str, category: str = "", role: str = "text") -> None:
        super().__init__()
        self.name, self.category, self.role = name, category, role

    def colour(self, mode: QIcon.Mode) -> QColor:
        now = theme.current()
        if mode == QIcon.Mode.Disabled:
            return theme.mix(now.muted, now.window, 0.5)
        if mode == QIcon.Mode.Selected:
            return now.on_accent
        if self.category:
            return now.hue(self.category).line
        out: QColor = getattr(now, self.role)
        return out

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        square = QRectF(rect.x() + (rect.width() - side) / 2, rect.y() + (rect.height() - side) / 2, side, side)
        paint(painter, self.name, square, self.colour(mode))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        out = QPixmap(size)
        if out.isNull():
            return out  # a button that has no room yet
        out.fill(Qt.GlobalColor.transparent)
        painter = QPainter(out)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return out

    def clone(self) -> QIconEngine:
        return _Tinted(self.name, self.category, self.role)


@lru_cache(maxsize=256)
def icon(name: str, role: str = "text") -> QIcon:
    """Return an icon that follows the theme; ``role`` names the theme's colour it takes, such as ``problem``."""
    _source(name)
    return QIcon(_Tinted(name, role=role))


@lru_cache(maxsize=32)
def category_icon(category: str) -> QIcon:
    """Return the icon of an op's category in the category's colour."""
    return QIcon(_Tinted(category_name(category), category if category in theme.HUES else "", role="muted"))


def application_icon() -> QIcon:
    """Return the program's own icon."""
    return QIcon(str(resource("icons/graphlab.svg")))
