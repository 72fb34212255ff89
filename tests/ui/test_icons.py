"""The icons: one style, every one drawable, each different from the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from graphlab.resources import resource

ICONS = sorted(path for path in resource("icons").glob("*.svg") if path.stem != "graphlab")
CATEGORIES = (
    "data", "layers", "activations", "losses", "convolution", "pooling", "normalisation", "regularisation", "recurrent",
    "attention", "shape", "maths", "structure",
)
STYLE = ('viewBox="0 0 24 24"', 'stroke="currentColor"', 'stroke-width="1.5"', 'stroke-linecap="round"')


def picture(path: Path, size: int = 48) -> QImage:
    renderer = QSvgRenderer(QByteArray(path.read_bytes().replace(b"currentColor", b"#000000")))
    assert renderer.isValid()
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    return image


@pytest.mark.parametrize("path", ICONS, ids=lambda path: path.stem)
def test_an_icon_is_a_stroke_drawing_that_takes_the_colour_of_its_theme(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = text.partition("\n")[0]
    for part in STYLE:
        assert part in head
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', text))
    assert colours <= {"none", "currentColor"}


@pytest.mark.parametrize("path", ICONS, ids=lambda path: path.stem)
def test_an_icon_shows_something_and_stays_inside(path: Path, qapp: QGuiApplication) -> None:
    image = picture(path)
    inked = [(x, y) for x in range(48) for y in range(48) if image.pixelColor(x, y).alpha() > 100]
    assert len(inked) > 40
    assert all(2 <= x <= 45 and 2 <= y <= 45 for x, y in inked), "an icon keeps one unit of space around it"


def test_no_two_icons_look_the_same(qapp: QGuiApplication) -> None:
    pictures = {path.stem: bytes(picture(path).constBits()) for path in ICONS}
    assert len(set(pictures.values())) == len(pictures)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_an_icon(category: str) -> None:
    assert resource(f"icons/cat-{category}.svg").is_file()


def test_the_program_has_an_icon(qapp: QGuiApplication) -> None:
    image = picture(resource("icons/graphlab.svg"), 128)
    assert image.pixelColor(64, 20).alpha() == 255
    assert image.pixelColor(0, 0).alpha() == 0
