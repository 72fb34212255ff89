"""The mouse on the canvas: after each gesture the document is what was meant, and the canvas shows it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from graphlab.engine.graph import Source, Target
from graphlab.ui.canvas.mime import pack_op
from tests.ui.canvas_kit import CTRL, LEFT, MIDDLE, NONE, RIGHT, SHIFT, Hands, K, hands

__all__ = ["hands"]


def layout(h: Hands, id: str) -> tuple[float, float]:
    place = h.session.document.layout[id]
    return place.x, place.y


def test_a_drag_moves_a_card_on_the_grid_in_one_undoable_edit(hands: Hands) -> None:
    hands.drag(hands.middle("relu"), hands.middle("relu") + QPointF(51, 99))
    assert layout(hands, "relu") == (528, 96)
    assert hands.session.undo_stack.count() == 1
    hands.agrees()
    hands.key(K.Key_Z, CTRL)
    assert layout(hands, "relu") == (480, 0)
    hands.agrees()
    hands.key(K.Key_Z, CTRL | SHIFT)
    assert layout(hands, "relu") == (528, 96)


def test_a_press_without_movement_edits_nothing(hands: Hands) -> None:
    hands.click(hands.middle("relu"))
    assert hands.session.selection == ("relu",)
    assert hands.session.undo_stack.count() == 0


def test_while_a_card_is_dragged_its_wires_follow_and_the_document_waits(hands: Hands) -> None:
    start = hands.middle("relu")
    hands.press(start)
    hands.move(start + QPointF(40, 40))
    hands.move(start + QPointF(80, 80))
    assert layout(hands, "relu") == (480, 0)
    shown = hands.view.shown
    assert shown.cards["relu"].rect.topLeft() == QPointF(560, 80)
    a = shown.end(Source("relu"))
    assert a is not None
    assert shown.route(Target("fc2", "x")).path.pointAtPercent(0) == a
    hands.key(K.Key_Escape)
    hands.release(start + QPointF(80, 80))
    assert layout(hands, "relu") == (480, 0)
    assert hands.session.undo_stack.count() == 0
    hands.agrees()


def test_selecting_with_rubber_band_control_and_shift(hands: Hands) -> None:
    hands.drag(QPointF(-60, -60), QPointF(500, 60))
    assert set(hands.session.selection) == {"x", "fc1", "relu"}
    hands.click(hands.middle("fc1"), CTRL)
    assert set(hands.session.selection) == {"x", "relu"}
    hands.click(hands.middle("fc2"), SHIFT)
    assert set(hands.session.selection) == {"x", "relu", "fc2"}
    hands.click(QPointF(300, 420))
    assert hands.session.selection == ()


def test_several_cards_move_together(hands: Hands) -> None:
    hands.drag(QPointF(200, -60), QPointF(500, 60))
    hands.drag(hands.middle("fc1"), hands.middle("fc1") + QPointF(16, 48))
    assert layout(hands, "fc1") == (256, 48)
    assert layout(hands, "relu") == (496, 48)
    assert hands.session.undo_stack.undoText() == "Move 2 nodes"
    hands.agrees()


def test_a_wire_is_drawn_from_an_output_to_an_input(hands: Hands) -> None:
    hands.drag(hands.port("fc1", "out", "y"), hands.port("free", "in", "x"))
    assert hands.wires()["free.x"] == "fc1.y"
    assert hands.view.board.specs[Source("fc1")] == "(B, 3)"
    hands.agrees()


def test_a_wire_is_drawn_backwards_from_an_input(hands: Hands) -> None:
    hands.drag(hands.port("free", "in", "x"), hands.port("relu", "out", "y"))
    assert hands.wires()["free.x"] == "relu.y"
    hands.agrees()


def test_a_wire_dropped_on_a_card_takes_its_free_port(hands: Hands) -> None:
    hands.drag(hands.port("fc1", "out", "y"), hands.middle("free"))
    assert hands.wires()["free.x"] == "fc1.y"


def test_an_incompatible_wire_says_why_with_both_shapes_and_is_not_drawn(hands: Hands) -> None:
    start, end = hands.port("image", "out", "y"), hands.port("fc2", "in", "x")
    before = hands.session.document
    hands.press(start)
    hands.move(start + (end - start) * 0.5)
    hands.move(end)
    assert hands.view.hint.isVisible()
    said = hands.view.hint.text()
    assert "(B, n)" in said
    assert "(B, 3, 8, 8)" in said
    hands.release(end)
    assert hands.session.document is before
    assert any("(B, 3, 8, 8)" in text for text in hands.told)
    hands.agrees()


def test_with_shift_an_incompatible_wire_is_drawn_and_becomes_a_problem(hands: Hands) -> None:
    hands.drag(hands.port("image", "out", "y"), hands.port("fc2", "in", "x"), SHIFT)
    assert hands.wires()["fc2.x"] == "image.y"
    assert hands.view.played.badge("fc2") == 1
    hands.agrees()


def test_a_cycle_is_refused_in_words(hands: Hands) -> None:
    hands.drag(hands.port("fc2", "out", "y"), hands.port("relu", "in", "x"))
    assert hands.wires()["relu.x"] == "fc1.y"
    assert "cycle" in hands.told[-1]


def test_the_ports_that_fit_are_offered_while_a_wire_is_drawn(hands: Hands) -> None:
    start = hands.port("image", "out", "y")
    hands.press(start)
    hands.move(start + QPointF(30, 30))
    gesture = hands.view.gesture
    for _ in range(20):
        QApplication.processEvents()
    reasons = getattr(gesture, "reasons", {})
    assert reasons[Target("free", "x")] == ""
    assert reasons[Target("relu", "x")] == ""
    assert reasons[Target("fc1", "x")] != ""
    hands.key(K.Key_Escape)
    hands.release(start)
    hands.agrees()


def test_the_end_of_a_wire_is_plugged_somewhere_else(hands: Hands) -> None:
    hands.drag(hands.port("fc2", "in", "x"), hands.port("free", "in", "x"))
    assert hands.wires() == {"fc1.x": "x.y", "relu.x": "fc1.y", "free.x": "relu.y"}
    assert hands.session.undo_stack.count() == 1
    hands.agrees()
    hands.key(K.Key_Z, CTRL)
    assert hands.wires()["fc2.x"] == "relu.y"


def test_the_beginning_of_a_wire_is_plugged_somewhere_else(hands: Hands) -> None:
    way = hands.view.board.route(Target("fc2", "x"))
    start = way.at(18 / way.length)[0]
    hands.drag(start, hands.port("fc1", "out", "y"))
    assert hands.wires()["fc2.x"] == "fc1.y"
    hands.agrees()


def test_a_picked_up_wire_dropped_on_nothing_is_removed(hands: Hands) -> None:
    hands.drag(hands.port("fc2", "in", "x"), QPointF(700, 260))
    assert "fc2.x" not in hands.wires()
    assert hands.view.search is None
    hands.agrees()


def test_a_picked_up_wire_put_back_changes_nothing(hands: Hands) -> None:
    end = hands.port("fc2", "in", "x")
    before = hands.session.document
    hands.press(end)
    hands.move(end + QPointF(0, 60))
    hands.move(end)
    hands.release(end)
    assert hands.session.document is before


def test_a_clicked_wire_is_deleted(hands: Hands) -> None:
    hands.click(hands.view.board.route(Target("relu", "x")).at(0.5)[0] + QPointF(0, 1))
    assert hands.view.selected_wire == Target("relu", "x")
    hands.key(K.Key_Delete)
    assert "relu.x" not in hands.wires()
    hands.agrees()


def test_hovering_a_wire_lights_both_ends_and_dims_the_rest(hands: Hands) -> None:
    hands.move(hands.view.board.route(Target("relu", "x")).at(0.5)[0] + QPointF(0, 1))
    looks, cards = hands.view.looks(), hands.view.board.cards
    assert looks.card(cards["fc1"]).lit
    assert looks.card(cards["relu"]).lit
    assert looks.card(cards["fc2"]).dimmed
    assert looks.wire(Target("fc2", "x"), Source("relu")).dimmed


def test_a_free_node_dropped_on_a_wire_is_inserted(hands: Hands) -> None:
    way = hands.view.board.route(Target("fc1", "x")).at(0.5)[0]
    start = hands.middle("free")
    card = hands.view.board.cards["free"].rect
    end = start + way - card.center()
    hands.press(start)
    hands.move(start + (end - start) * 0.5)
    hands.move(end)
    assert hands.view.drop_on == Target("fc1", "x"), "the wire lights up before the release"
    hands.release(end)
    assert hands.wires()["free.x"] == "x.y"
    assert hands.wires()["fc1.x"] == "free.y"
    assert hands.session.undo_stack.count() == 1
    hands.agrees()


def test_shift_drag_takes_a_node_out_and_heals(hands: Hands) -> None:
    hands.drag(hands.middle("relu"), hands.middle("relu") + QPointF(0, 200), SHIFT)
    assert hands.wires() == {"fc1.x": "x.y", "fc2.x": "fc1.y"}
    hands.agrees()


def test_control_drag_clones_with_the_incoming_wire(hands: Hands) -> None:
    hands.drag(hands.middle("fc2"), hands.middle("fc2") + QPointF(0, 240), CTRL)
    (new,) = set(hands.session.document.graph.nodes) - {"x", "fc1", "relu", "fc2", "image", "free"}
    assert hands.wires()[f"{new}.x"] == "relu.y"
    assert layout(hands, new) == (720, 240)
    assert (hands.session.stored[f"{new}.W"] == hands.session.stored["fc2.W"]).all(), "a copy keeps what was learnt"
    hands.agrees()


def test_the_knife_cuts_what_it_crosses(hands: Hands) -> None:
    wire = hands.view.board.route(Target("relu", "x")).at(0.5)[0]
    hands.drag(wire + QPointF(0, -90), wire + QPointF(0, 90), CTRL, RIGHT)
    assert hands.wires() == {"fc1.x": "x.y", "fc2.x": "relu.y"}
    assert hands.session.undo_stack.undoText() == "Cut 1 wire"
    hands.agrees()


def test_middle_drag_and_space_drag_pan(hands: Hands) -> None:
    for prepare, button in ((False, MIDDLE), (True, LEFT)):
        before = hands.view.mapFromScene(0, 0)
        if prepare:
            QTest.keyPress(hands.view, K.Key_Space)
        start = hands.at(QPointF(300, 420))
        QTest.mousePress(hands.view.viewport(), button, NONE, start)
        QTest.mouseMove(hands.view.viewport(), start + QPoint(-40, -30))
        QTest.mouseRelease(hands.view.viewport(), button, NONE, start + QPoint(-40, -30))
        assert hands.view.mapFromScene(0, 0) - before == QPoint(-40, -30)
        if prepare:
            QTest.keyRelease(hands.view, K.Key_Space)
    assert hands.view.search is None, "a space bar that panned opens no search"
    assert hands.session.undo_stack.count() == 0


def test_the_wheel_zooms_at_the_pointer(hands: Hands) -> None:
    view, at = hands.view, QPointF(900, 200)
    under = view.mapToScene(at.toPoint())
    event = QWheelEvent(at, view.viewport().mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NONE,
                        Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(view.viewport(), event)
    assert view.scale_now() == pytest.approx(1.0015**120)
    moved = view.mapToScene(at.toPoint()) - under
    assert abs(moved.x()) <= 1.5
    assert abs(moved.y()) <= 1.5


def drop(hands: Hands, name: str, point: QPointF, **attributes: object) -> None:
    data, at = pack_op(name, attributes), hands.at(point)
    viewport, copy = hands.view.viewport(), Qt.DropAction.CopyAction
    for event in (QDragEnterEvent(at, copy, data, LEFT, NONE), QDragMoveEvent(at, copy, data, LEFT, NONE),
                  QDropEvent(QPointF(at), copy, data, LEFT, NONE)):
        QApplication.sendEvent(viewport, event)
        assert event.isAccepted()


def test_an_op_dropped_from_the_library_becomes_a_node(hands: Hands) -> None:
    drop(hands, "Linear", QPointF(300, 320), features=5)
    node = hands.session.document.graph.nodes["linear1"]
    assert node.op.values()["features"] == 5
    assert hands.session.selection == ("linear1",)
    assert all(v % 8 == 0 for v in layout(hands, "linear1"))
    hands.agrees()


def test_an_op_dropped_on_a_wire_is_inserted(hands: Hands) -> None:
    drop(hands, "Sigmoid", hands.view.board.route(Target("fc2", "x")).at(0.5)[0])
    assert hands.wires()["sigmoid1.x"] == "relu.y"
    assert hands.wires()["fc2.x"] == "sigmoid1.y"
    boxes = [c.rect for c in hands.view.board.cards.values()]
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i]), "neighbours make room"
    hands.agrees()


def test_something_else_that_is_dragged_is_not_accepted(hands: Hands) -> None:
    from PySide6.QtCore import QMimeData

    data = QMimeData()
    data.setText("Linear")
    event = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, LEFT, NONE)
    QApplication.sendEvent(hands.view.viewport(), event)
    assert not event.isAccepted()
