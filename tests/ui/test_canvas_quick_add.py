"""Quick add: the search opens where something is to be added, and Enter adds and wires it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from graphlab.ui.canvas.search import Search
from tests.ui.canvas_kit import NONE, RIGHT, Hands, K, hands

__all__ = ["hands"]


@pytest.fixture(autouse=True)
def _nothing_recent() -> None:
    Search.recent.clear()


def test_tab_opens_the_search_with_the_caret_in_it_and_enter_adds(hands: Hands) -> None:
    hands.key(K.Key_Tab)
    assert hands.search().field.hasFocus()
    hands.type("relu")
    current = hands.search().current()
    assert current is not None
    assert current.name() == "ReLU"
    QTest.keyClick(hands.search().field, K.Key_Return)
    assert "relu1" in hands.session.document.graph.nodes
    assert hands.session.selection == ("relu1",)
    assert hands.view.search is None
    assert hands.view.hasFocus()
    hands.agrees()


def test_what_is_added_with_one_node_selected_is_wired_after_it(hands: Hands) -> None:
    hands.click(hands.middle("fc2"))
    hands.key(K.Key_Tab)
    hands.type("softmax")
    name = hands.search().current()
    QTest.keyClick(hands.search().field, K.Key_Return)
    assert name is not None
    assert hands.wires()[f"{name.name().lower()}1.x"] == "fc2.y"
    hands.agrees()


def test_a_tap_on_space_opens_the_search_and_escape_closes_it(hands: Hands) -> None:
    hands.key(K.Key_Space)
    QTest.keyClick(hands.search().field, K.Key_Escape)
    assert hands.view.search is None
    assert hands.session.undo_stack.count() == 0
    assert hands.view.hasFocus()


def test_a_double_click_on_nothing_adds_where_it_was(hands: Hands) -> None:
    QTest.mouseDClick(hands.view.viewport(), Qt.MouseButton.LeftButton, NONE, hands.at(QPointF(240, 320)))
    hands.type("tanh")
    QTest.keyClick(hands.search().field, K.Key_Return)
    place = hands.session.document.layout["tanh1"]
    assert (place.x, place.y) == (240, 320)
    hands.agrees()


def test_a_right_click_on_nothing_opens_the_search(hands: Hands) -> None:
    hands.click(QPointF(240, 420), button=RIGHT)
    assert hands.search().field.hasFocus()


def test_recent_ops_come_first(hands: Hands) -> None:
    hands.key(K.Key_Tab)
    hands.type("sigmoid")
    QTest.keyClick(hands.search().field, K.Key_Return)
    hands.view.select_none()
    hands.key(K.Key_Tab)
    first = hands.search().current()
    assert first is not None
    assert first.name() == "Sigmoid"


def test_arrows_choose_in_the_list(hands: Hands) -> None:
    hands.key(K.Key_Tab)
    before = hands.search().current()
    QTest.keyClick(hands.search().field, K.Key_Down)
    assert hands.search().current() is not before
    QTest.keyClick(hands.search().field, K.Key_Up)
    assert hands.search().current() is before


def test_a_wire_into_the_empty_offers_what_fits_and_wires_it(hands: Hands) -> None:
    hands.drag(hands.port("image", "out", "y"), QPointF(330, 420))
    names = {op.name() for op in hands.search().ops}
    assert {"Conv2D", "Flatten", "ReLU"} <= names
    assert not names & {"Linear", "Input", "LSTM"}, "what cannot take an image is not offered"
    hands.type("conv2d")
    QTest.keyClick(hands.search().field, K.Key_Return)
    assert hands.wires()["conv2d_1.x"] == "image.y"
    hands.agrees()


def test_a_wire_pulled_backwards_into_the_empty_offers_what_gives_that(hands: Hands) -> None:
    hands.drag(hands.port("free", "in", "x"), QPointF(330, 420))
    hands.type("linear")
    QTest.keyClick(hands.search().field, K.Key_Return)
    assert hands.wires()["free.x"] == "linear1.y"
    hands.agrees()


def test_nothing_fits_a_word_that_is_none(hands: Hands) -> None:
    hands.key(K.Key_Tab)
    hands.type("qqqq")
    assert hands.search().current() is None
    QTest.keyClick(hands.search().field, K.Key_Return)
    assert hands.session.undo_stack.count() == 0
