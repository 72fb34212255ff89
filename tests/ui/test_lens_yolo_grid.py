"""The YOLO grid: every cell against the record, its arithmetic by hand, and what it costs against the loss."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.document import edits
from graphlab.document.examples import open_example
from graphlab.engine.detection import Box, iou
from graphlab.ui import lenses
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.view import View
from graphlab.ui.lenses.yolo_grid import YoloGrid
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session

LAST = re.compile(r"= (-?[\d.]+)(?=,|$)")


@pytest.fixture
def lens(qtbot: QtBot) -> Iterator[YoloGrid]:
    session = Session()
    loaded = open_example("detector")
    session.open_document(loaded.document, loaded.weights)
    session.set_sample(3)
    lens = YoloGrid(View(session))
    qtbot.addWidget(lens)
    lens.resize(1000, 400)
    lens.show()
    qtbot.waitExposed(lens)
    lens.refresh()
    lens.show_frame(lens.progress)
    yield lens
    session.deleteLater()


def texts(lens: YoloGrid, column: int) -> list[str]:
    every = (lens.table.item(r, column) for r in range(lens.table.rowCount()))
    return ["" if item is None else item.toolTip() for item in every]


def results(lens: YoloGrid, which: int) -> list[float]:
    return [float(n) for label in lens.lines[which] for n in LAST.findall(label.latex()) if label.latex()]


def test_it_is_offered_for_cells() -> None:
    lenses.load()
    session = Session()
    session.open_document(open_example("detector").document)
    assert YoloGrid in lenses_for(View(session, "cells"))[:2]
    assert YoloGrid in lenses_for(View(session))
    session.open_document(open_example("moons").document)
    assert YoloGrid not in lenses_for(View(session))


def test_every_cell_shows_the_numbers_of_the_record(lens: YoloGrid) -> None:
    run = lens.view.run()
    cells, target = run.records["cells"]["y"][0], run.records["loss"]["target"][0]
    np.testing.assert_array_equal(lens.shown()["cells"], cells)
    np.testing.assert_array_equal(lens.shown()["target"], target)
    assert tuple(lens.cell) == tuple(np.argwhere(target[..., 0] > 0)[0]), "it begins at an object"
    assert lens.frames == 36
    for r in range(6):
        for c in range(6):
            lens.go_to(6 * r + c)
            assert lens.cell == (r, c)
            assert [float(t) for t in texts(lens, 0)] == target[r, c].tolist()
            assert [float(t) for t in texts(lens, 1)] == cells[r, c].tolist()
            p, x, y, w, h = cells[r, c, :5]
            want = [4 * (c + x), 4 * (r + y), 4 * w, 4 * h, p * cells[r, c, 5:].max()]
            assert results(lens, 0) == pytest.approx(want, rel=2e-3, abs=1e-3)
            box = lens.picture.marks[0].box
            assert (box.left, box.top, box.right, box.bottom) == pytest.approx(
                (want[0] - want[2] / 2, want[1] - want[3] / 2, want[0] + want[2] / 2, want[1] + want[3] / 2))
            assert f"row {r}, column {c}: " in lens.caption()
            assert f"p_c is {p:.2f}" in lens.caption()
            there = target[r, c, 0] > 0.5
            assert [m.style for m in lens.picture.marks] == ["pivot", "truth"][:1 + there]
            if there:
                t = target[r, c]
                assert results(lens, 1) == pytest.approx([t[1], t[3], t[2], t[4]], rel=2e-3)
                true = Box(4 * (c + t[1]) - 2 * t[3], 4 * (r + t[2]) - 2 * t[4], 4 * (c + t[1]) + 2 * t[3],
                           4 * (r + t[2]) + 2 * t[4])
                assert f"two boxes is {iou(true, box):.2f}" in lens.caption()
            else:
                assert "no object" in lens.caption()
                assert not results(lens, 1)


def test_what_the_cells_cost_is_the_loss(lens: YoloGrid) -> None:
    alone = lens.view.evaluate(lens.view.feeds(1), seeds={})
    assert lens.shown()["costs"].sum() == pytest.approx(float(alone.records["loss"]["y"]), rel=1e-12)
    assert sum(float(t) for t in texts(lens, 2)) == pytest.approx(lens.shown()["costs"][lens.cell].sum())
    lens.go_to(next(i for i in range(36) if i not in lens.objects()))
    item = lens.table.item(1, 2)
    assert item is not None
    assert item.text() == "not counted"


def test_mouse_and_arrows_go_from_cell_to_cell(lens: YoloGrid) -> None:
    place = lens.picture.box.mapViewToScene(QPointF(4 * 4 + 2, 2 * 4 + 1))
    QTest.mouseClick(lens.picture.viewport(), Qt.MouseButton.LeftButton, pos=lens.picture.mapFromScene(place))
    assert lens.cell == (2, 4)
    for key, cell in ((Qt.Key.Key_Right, (2, 5)), (Qt.Key.Key_Right, (2, 5)), (Qt.Key.Key_Up, (1, 5)),
                      (Qt.Key.Key_Left, (1, 4)), (Qt.Key.Key_Down, (2, 4))):
        QTest.keyClick(lens.picture, key)
        assert lens.cell == cell
    framed = lens.picture.band.path().boundingRect()
    assert (framed.x(), framed.y(), framed.width(), framed.height()) == pytest.approx((16, 8, 4, 4))


def test_heat_is_p_c_and_follows_live_weights(lens: YoloGrid) -> None:
    session = lens.view.session
    session.show_live({k: v * 3 if k == "head.W" else v for k, v in session.weights.items()})
    lens.view.invalidate()
    before = lens.shown()["cells"]
    lens.refresh()
    now = lens.view.run().records["cells"]["y"][0]
    assert np.abs(now - before).max() > 0.01
    np.testing.assert_array_equal(lens.shown()["cells"], now)
    np.testing.assert_array_equal(lens.picture.heat.image[..., 3], np.rint(130 * now[..., 0]))


def test_the_tries_go_where_they_say(lens: YoloGrid) -> None:
    tries = {t.label: t for t in lens.tries()}
    every = lens.objects()
    seen = []
    for _ in every:
        tries["Next object"].run()
        seen.append(lens.frame_index())
    assert sorted(seen) == every
    tries["Worst cell"].run()
    assert lens.frame_index() == int(np.argmax(lens.shown()["costs"].sum(axis=-1)))


def test_the_order_of_a_cell_is_that_of_its_op(qtbot: QtBot) -> None:
    session = Session()
    document = open_example("detector").document
    for id in ("cells", "boxes", "loss"):
        document = edits.set_attributes(document, id, {"order": "box first"})
    session.open_document(document)
    panel = LensPanel(session)
    qtbot.addWidget(panel)
    panel.resize(920, 330)
    panel.show()
    panel.look_at("cells", YoloGrid)
    lens = panel.lens
    assert isinstance(lens, YoloGrid)
    names = [lens.table.verticalHeaderItem(r).text() for r in range(8)]
    assert names == ["b_x", "b_y", "b_w", "b_h", "p_c", "square", "circle", "triangle"]
    raw = lens.view.run().records["cells"]["y"][0][lens.cell]
    assert [float(t) for t in texts(lens, 1)] == raw.tolist()
    assert panel.slider.maximum() == 35
    assert panel.caption.text() == lens.caption()
