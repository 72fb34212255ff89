"""The NMS theatre with boxes of one's own: typed, pasted, drawn, moved, with and without a network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from graphlab.engine.detection import Box, Suppression
from graphlab.ui.lenses.nms import NMSTheatre
from graphlab.ui.lenses.nms_source import START
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from tests.engine.test_detection import brute_force
from tests.ui.test_lens_nms import opened


@pytest.fixture
def mine(qtbot: QtBot) -> Iterator[NMSTheatre]:
    session = opened("moons")
    lens = NMSTheatre(View(session))
    qtbot.addWidget(lens)
    lens.resize(1000, 420)
    lens.show()
    qtbot.waitExposed(lens)
    yield lens
    session.deleteLater()


def test_without_a_detector_it_plays_ones_own_boxes(mine: NMSTheatre) -> None:
    assert mine.is_own
    assert not mine.controls.source.isEnabled()
    assert mine.scene.boxes == START
    assert sorted(mine.play[-1].kept) == sorted(brute_force(list(START), Suppression()))
    again = NMSTheatre(View(mine.view.session))
    assert again.own is mine.own, "they outlive the lens"
    again.deleteLater()


def test_the_panel_offers_it_on_an_empty_canvas(qtbot: QtBot) -> None:
    panel = LensPanel(Session())
    qtbot.addWidget(panel)
    panel.resize(920, 330)
    panel.show()
    assert panel.is_empty
    button = next(b for b in panel.findChildren(QPushButton) if "without a network" in b.text())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not panel.is_empty
    assert isinstance(panel.lens, NMSTheatre)
    assert panel.lens.scene.boxes == START
    panel.slider.setValue(1)
    assert panel.caption.text() == "#6: p_c 0.35 < 0.60, discarded."


def test_boxes_are_typed_pasted_and_refused_in_words(mine: NMSTheatre) -> None:
    table = mine.editor.table
    item = table.item(0, 4)
    assert item is not None
    item.setText("0,5")
    assert mine.own.boxes[0].score == 0.5
    assert mine.scene.boxes[0].score == 0.5
    for column, text, said in ((4, "2", "needs a score between 0 and 1; it has 2"), (2, "-9", "needs right > left"),
                               (0, "x", "left needs a number"), (5, "-1", "a whole number from 0")):
        item = table.item(0, column)
        assert item is not None
        item.setText(text)
        assert said in mine.editor.says.text(), text
        assert mine.own.boxes[0].score == 0.5
        assert mine.editor.says.isVisibleTo(mine.editor)
    item = table.item(0, 5)
    assert item is not None
    item.setText("bird")
    assert mine.own.classes[mine.own.boxes[0].kind] == "bird"
    QGuiApplication.clipboard().setText("0;0;4;4;0,9;cat\n0;0;4\n0;0;4;3;0,8;cat")
    QTest.keyClick(table, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert mine.own.boxes == (Box(0, 0, 4, 4, 0.9), Box(0, 0, 4, 3, 0.8))
    assert "Line 2 has 3 values" in mine.editor.says.text()
    mine.show_frame(2 / (mine.frames - 1))
    assert mine.caption() == "#1: IoU 0.75 > 0.50 with #0, discarded."
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().splitlines()[2] == "0.0,0.0,4.0,3.0,0.8,cat"
    QTest.keyClick(table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(mine.own.boxes) == len(START)
    mine.own.redo()
    assert len(mine.own.boxes) == 2


def test_boxes_are_drawn_chosen_moved_and_removed(mine: NMSTheatre) -> None:
    picture = mine.picture

    def at(x: float, y: float) -> QPoint:
        place: QPoint = picture.mapFromScene(picture.box.mapViewToScene(QPointF(x, y)))
        return place

    viewport = picture.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(16, 8))
    QTest.mouseMove(viewport, at(20, 10))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(22, 11))
    made = mine.own.boxes[-1]
    assert len(mine.own.boxes) == len(START) + 1
    assert (made.left, made.top, made.right, made.bottom) == pytest.approx((16, 8, 22, 11), abs=0.2)
    assert mine.editor.row() == len(START)
    QTest.keyClick(picture, Qt.Key.Key_Left)
    QTest.keyClick(picture, Qt.Key.Key_Down)
    assert mine.own.boxes[-1].left == pytest.approx(made.left - 1)
    assert mine.own.boxes[-1].top == pytest.approx(made.top + 1)
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at(18, 19))
    assert mine.own.boxes[mine.editor.row()] == START[4] or mine.editor.row() == 5
    mine.editor.choose(len(START))
    QTest.keyClick(mine.editor.table, Qt.Key.Key_Delete)
    assert mine.own.boxes == START
    np.testing.assert_allclose(mine.shown()["boxes"], [[b.left, b.top, b.right, b.bottom] for b in START])
