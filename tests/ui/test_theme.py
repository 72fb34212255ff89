"""Both themes can be read, and a switch reaches what is open."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFontMetricsF, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from graphlab.engine.op import registry
from graphlab.ui import icons, theme


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    theme.set("system")


TABLE = [(t.name, *row) for t in (theme.LIGHT, theme.DARK) for row in t.contrasts()]


@pytest.mark.parametrize(("name", "what", "front", "ground", "least"), TABLE, ids=[f"{r[0]}-{r[1]}" for r in TABLE])
def test_contrast(name: str, what: str, front: QColor, ground: QColor, least: float) -> None:
    assert theme.contrast(front, ground) >= least


def test_contrast_is_the_published_ratio() -> None:
    assert theme.contrast(QColor("black"), QColor("white")) == pytest.approx(21)
    assert theme.contrast(QColor("#767676"), QColor("white")) == pytest.approx(4.54, abs=0.01)


def test_category_hues_are_equally_light_and_differ() -> None:
    for t in (theme.LIGHT, theme.DARK):
        fills = [t.hue(c).fill for c in theme.HUES]
        lights = [theme.luminance(c) for c in fills]
        assert max(lights) - min(lights) < 0.12 * max(lights)
        assert len({c.name() for c in fills}) == len(fills)


def test_every_category_of_an_op_has_a_hue() -> None:
    categories = {op.category for op in registry().values()} - {"Unknown"}
    assert categories <= theme.HUES.keys()


def test_switching_changes_the_palette_and_says_so(qapp: QApplication, qtbot: QtBot) -> None:
    style, font, palette = qapp.style().objectName(), qapp.font(), qapp.palette()
    try:
        theme.set("light")
        theme.apply(qapp)
        with qtbot.waitSignal(theme.signals.changed, timeout=1000):
            theme.set("dark")
        assert theme.current() is theme.DARK
        assert theme.mode() == "dark"
        label = QLabel()
        qtbot.addWidget(label)
        assert label.palette().color(QPalette.ColorRole.WindowText) == theme.DARK.text
        theme.set("light")
        qapp.processEvents()
        assert label.palette().color(QPalette.ColorRole.WindowText) == theme.LIGHT.text
        with qtbot.assertNotEmitted(theme.signals.changed):
            theme.set("light")
    finally:
        qapp.setStyle(style)
        qapp.setFont(font)
        qapp.setPalette(palette)


def test_an_icon_takes_the_colour_of_the_theme_when_painted(qapp: QApplication) -> None:
    icon = QIcon(icons.icon("play"))
    gc.collect()

    def ink() -> QColor:
        image = icon.pixmap(QSize(48, 48)).toImage()
        return max((image.pixelColor(x, y) for x in range(48) for y in range(48)), key=QColor.alpha)

    theme.set("light")
    assert theme.luminance(ink()) < 0.1
    theme.set("dark")
    assert theme.luminance(ink()) > 0.6


def test_a_missing_icon_is_an_error(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError, match=r"no-such-icon"):
        icons.icon("no-such-icon")


def test_every_category_has_an_icon_with_ink(qapp: QApplication) -> None:
    for category in (*theme.HUES, "Unknown"):
        image = icons.category_icon(category).pixmap(QSize(24, 24)).toImage()
        assert any(image.pixelColor(x, y).alpha() > 100 for x in range(24) for y in range(24)), category


def test_tabular_figures_are_equally_wide(qapp: QApplication) -> None:
    metrics = QFontMetricsF(theme.font(tabular=True))
    assert len({round(metrics.horizontalAdvance(d), 3) for d in "0123456789"}) == 1


def test_tables_of_colours_run_from_sign_to_sign() -> None:
    for t in (theme.LIGHT, theme.DARK):
        table = theme.sign_table(t)
        assert table.shape == (255, 4)
        assert tuple(table[0]) == theme.rgba(t.negative)
        assert tuple(table[-1]) == theme.rgba(t.positive)
        assert theme.contrast(QColor(*map(int, table[127])), t.card) < 1.3
        grey = theme.grey_table(t)
        assert np.all(np.diff(grey[:, 0].astype(int)) >= 0)
