"""The library: what its search finds, how it is listed, and how an op leaves it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.engine.op import registry
from graphlab.ui.main_window import MainWindow
from graphlab.ui.panels.palette import NAME, Palette
from graphlab.ui.panels.palette_search import MIME, find_ops, library
from tests.ui.window_kit import classifier


@pytest.mark.parametrize(("query", "name"), [
    ("linear", "Linear"), ("dense", "Linear"), ("relu", "ReLU"), ("conv", "Conv2D"), ("mse", "MSE"),
    ("cross", "CrossEntropy"), ("lstm", "LSTM"), ("dropout", "Dropout"), ("fc", "Linear"), ("flat", "Flatten"),
])
def test_search_finds_what_people_call_it(query: str, name: str) -> None:
    assert find_ops(query)[0].name() == name


def test_search_finds_by_what_an_op_does() -> None:
    assert registry()["Linear"] in find_ops("weighted sum")
    assert find_ops("nothing is called like that") == []


def test_the_library_lists_everything_by_category(qtbot: QtBot) -> None:
    panel = Palette()
    qtbot.addWidget(panel)
    rows = [panel.model.item(i) for i in range(panel.model.rowCount())]
    names = [r.child(k).data(NAME) for r in rows for k in range(r.rowCount())]
    assert names == [op.name() for op in library()]
    assert [r.text() for r in rows] == list(dict.fromkeys(op.category for op in library()))
    for op in library():
        assert op.sentence().endswith("."), op.name()


def test_a_drag_carries_the_name_of_the_op(qtbot: QtBot) -> None:
    panel = Palette()
    qtbot.addWidget(panel)
    panel.search.setText("relu")
    index = panel.model.index(0, 0)
    data: QMimeData = panel.model.mimeData([index])
    assert bytes(data.data(MIME).data()) == b"ReLU"
    assert panel.model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    panel.search.clear()
    assert not panel.model.flags(panel.model.index(0, 0)) & Qt.ItemFlag.ItemIsDragEnabled, "a category"


def test_typing_and_enter_add_an_op_after_the_selected_node(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    session.open_document(classifier())
    session.select(["fc2"])
    QTest.keyClicks(window.library.search, "softm")
    QTest.keyClick(window.library.search, Qt.Key.Key_Down)
    QTest.keyClick(window.library.search, Qt.Key.Key_Up)
    QTest.keyClick(window.library.search, Qt.Key.Key_Return)
    added = [n.id for n in session.document.graph.nodes.values() if n.op.name() == "Softmax"]
    assert len(added) == 1
    assert any(t.node == added[0] and s.node == "fc2" for t, s in session.document.graph.wires.items())


def test_what_is_not_found_is_said(qtbot: QtBot) -> None:
    panel = Palette()
    qtbot.addWidget(panel)
    panel.search.setText("qqqq")
    assert panel.tree.isHidden() and not panel.nothing.isHidden()
    panel.search.setText("")
    assert not panel.tree.isHidden() and panel.nothing.isHidden()
