"""The canvas by keyboard: commands, walking, wiring; canvas and document agree after each."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from graphlab.engine.loop import Block
from tests.ui.canvas_kit import CTRL, NONE, SHIFT, Hands, K, hands

__all__ = ["hands"]


def test_delete_and_undo(hands: Hands) -> None:
    hands.click(hands.middle("relu"))
    hands.key(K.Key_Delete)
    assert "relu" not in hands.session.document.graph.nodes
    assert hands.wires() == {"fc1.x": "x.y"}
    hands.agrees()
    hands.key(K.Key_Z, CTRL)
    assert hands.wires() == {"fc1.x": "x.y", "relu.x": "fc1.y", "fc2.x": "relu.y"}
    hands.agrees()


def test_delete_and_heal(hands: Hands) -> None:
    hands.click(hands.middle("relu"))
    hands.key(K.Key_Delete, CTRL)
    assert hands.wires() == {"fc1.x": "x.y", "fc2.x": "fc1.y"}
    hands.agrees()


def test_detach_and_heal(hands: Hands) -> None:
    hands.click(hands.middle("relu"))
    hands.key(K.Key_X, CTRL | SHIFT)
    assert "relu" in hands.session.document.graph.nodes
    assert hands.wires() == {"fc1.x": "x.y", "fc2.x": "fc1.y"}
    hands.agrees()


def test_copy_and_paste_with_and_without_incoming_wires(hands: Hands) -> None:
    hands.click(hands.middle("fc2"))
    hands.key(K.Key_C, CTRL)
    hands.key(K.Key_V, CTRL)
    (first,) = hands.session.selection
    assert f"{first}.x" not in hands.wires()
    hands.key(K.Key_V, CTRL | SHIFT)
    (second,) = hands.session.selection
    assert hands.wires()[f"{second}.x"] == "relu.y"
    hands.agrees()


def test_cut_and_duplicate(hands: Hands) -> None:
    hands.click(hands.middle("fc2"))
    hands.key(K.Key_D, CTRL)
    (copy,) = hands.session.selection
    assert hands.wires()[f"{copy}.x"] == "relu.y"
    hands.key(K.Key_X, CTRL)
    assert copy not in hands.session.document.graph.nodes
    assert copy in QApplication.clipboard().text() or "Linear" in QApplication.clipboard().text()
    hands.agrees()


def test_pasting_something_else_is_refused_in_words(hands: Hands) -> None:
    QApplication.clipboard().setText("good morning")
    hands.key(K.Key_V, CTRL)
    assert hands.session.undo_stack.count() == 0
    assert "clipboard" in hands.told[-1]


def test_bypass_passes_through_or_refuses_in_words(hands: Hands) -> None:
    hands.click(hands.middle("relu"))
    hands.key(K.Key_M)
    assert hands.session.document.graph.nodes["relu"].bypassed
    hands.agrees()
    hands.key(K.Key_M)
    assert not hands.session.document.graph.nodes["relu"].bypassed
    count = hands.session.undo_stack.count()
    hands.click(hands.middle("fc1"))
    hands.key(K.Key_M)
    assert not hands.session.document.graph.nodes["fc1"].bypassed
    assert hands.session.undo_stack.count() == count
    assert "shape" in hands.told[-1]


def test_freeze_and_pin(hands: Hands) -> None:
    hands.click(hands.middle("fc1"))
    hands.key(K.Key_M, CTRL)
    hands.key(K.Key_P)
    assert hands.session.document.graph.nodes["fc1"].frozen
    assert hands.session.document.layout["fc1"].pinned
    assert hands.view.board.cards["fc1"].pinned
    hands.agrees()


def test_group_and_ungroup_keep_the_wires(hands: Hands) -> None:
    before = hands.wires()
    hands.view.select_ids(["fc1", "relu"])
    hands.key(K.Key_G, CTRL)
    (block,) = hands.session.selection
    assert isinstance(hands.session.document.graph.nodes[block].op, Block)
    assert hands.wires() == {f"{block}.x1": "x.y", "fc2.x": f"{block}.y"}
    hands.agrees()
    hands.key(K.Key_G, CTRL | SHIFT)
    assert hands.wires() == before
    assert set(hands.session.selection) == {"fc1", "relu"}
    hands.agrees()


def test_a_block_is_entered_edited_and_left(hands: Hands) -> None:
    hands.view.select_ids(["fc1", "relu"])
    hands.key(K.Key_G, CTRL)
    (block,) = hands.session.selection
    at = hands.middle(block)
    QTest.mouseDClick(hands.view.viewport(), Qt.MouseButton.LeftButton, NONE, hands.at(at))
    assert hands.session.scope == block
    assert {"fc1", "relu"} <= set(hands.view.board.cards)
    hands.agrees()
    hands.click(hands.middle("relu"))
    hands.key(K.Key_Delete, CTRL)
    assert "relu" not in hands.view.board.cards
    hands.agrees()
    hands.key(K.Key_Escape)
    assert hands.session.scope == ""
    assert hands.session.selection == (block,)
    hands.agrees()


def test_the_inside_of_an_op_is_shown_and_cannot_be_edited(hands: Hands) -> None:
    for id in ("image", "free"):
        hands.view.select_ids([id])
        hands.key(K.Key_Delete)
    hands.view.select_ids(["fc2"])
    hands.key(K.Key_Tab)
    hands.type("layernorm")
    QTest.keyClick(hands.search().field, K.Key_Return)
    (norm,) = hands.session.selection
    hands.key(K.Key_Return)
    assert hands.session.scope == norm
    assert len(hands.view.board.cards) > 2
    boxes = [c.rect for c in hands.view.board.cards.values()]
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    before = hands.session.document
    hands.view.select_all()
    hands.key(K.Key_Delete)
    assert hands.session.document is before
    assert "cannot be edited" in hands.told[-1]
    hands.key(K.Key_Escape)
    hands.key(K.Key_Escape)
    assert hands.session.scope == ""


def test_an_elementary_op_says_that_there_is_nothing_inside(hands: Hands) -> None:
    hands.view.select_ids(["image"])
    assert not hands.view.enter_selection()
    assert hands.session.scope == ""
    assert "nothing smaller" in hands.told[-1]


def test_layout_moves_cards_apart_and_leaves_pinned_ones(hands: Hands) -> None:
    hands.view.select_ids(["relu"])
    hands.key(K.Key_P)
    hands.key(K.Key_L, CTRL)
    layout = hands.session.document.layout
    assert (layout["relu"].x, layout["relu"].y) == (480, 0)
    boxes = [c.rect for c in hands.view.board.cards.values()]
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert layout["x"].x < layout["fc1"].x < layout["relu"].x < layout["fc2"].x
    hands.agrees()
    hands.key(K.Key_Z, CTRL)
    assert hands.session.document.layout["fc2"].x == 720
    hands.agrees()


def test_layout_glides_to_its_end(hands: Hands) -> None:
    hands.view.reduce_motion = False
    hands.view.select_ids(["x", "fc1", "relu", "fc2"])
    hands.key(K.Key_L)
    start = hands.view.shown.cards["fc1"].rect.topLeft()
    end = hands.view.board.cards["fc1"].rect.topLeft()
    assert start != end
    QTest.qWait(260)
    assert hands.view.shown is hands.view.board
    hands.agrees()


def test_rename_in_place(hands: Hands) -> None:
    hands.view.select_ids(["fc1"])
    hands.key(K.Key_F2)
    assert hands.view.editor is not None
    field = hands.view.editor.field
    assert isinstance(field, QLineEdit)
    assert field.hasFocus()
    field.clear()
    QTest.keyClicks(field, "encoder m")
    QTest.keyClick(field, K.Key_Return)
    assert hands.session.document.graph.nodes["fc1"].label == "encoder m"
    assert not hands.session.document.graph.nodes["fc1"].bypassed
    assert hands.view.board.cards["fc1"].content.name == "encoder m"
    hands.agrees()
    hands.key(K.Key_F2)
    field = hands.view.editor.field
    QTest.keyClicks(field, "something else")
    QTest.keyClick(field, K.Key_Escape)
    assert hands.session.document.graph.nodes["fc1"].label == "encoder m"


def test_notes_and_frames(hands: Hands) -> None:
    hands.key(K.Key_N)
    assert hands.view.editor is not None
    QTest.keyClicks(hands.view.editor.field, "look here")
    QTest.keyClick(hands.view.editor.field, K.Key_Return, CTRL)
    (note,) = hands.session.document.notes.values()
    assert (note.kind, note.text) == ("note", "look here")
    hands.view.select_ids(["fc1", "relu"])
    hands.key(K.Key_C)
    QTest.keyClicks(hands.view.editor.field, "hidden")
    QTest.keyClick(hands.view.editor.field, K.Key_Return)
    frame = next(n for n in hands.session.document.notes.values() if n.kind == "frame")
    assert frame.text == "hidden"
    hands.agrees()
    title = QPointF(frame.x + 60, frame.y + 12)
    hands.drag(title, title + QPointF(0, 80))
    assert hands.session.document.layout["fc1"].y == 80, "what stands in a frame goes with it"
    assert hands.session.document.notes[frame.id].y == frame.y + 80
    hands.agrees()
    hands.key(K.Key_Delete)
    assert frame.id not in hands.session.document.notes
    assert "fc1" in hands.session.document.graph.nodes
    hands.agrees()


def test_arrows_nudge_and_are_undone_together(hands: Hands) -> None:
    hands.view.select_ids(["free"])
    for _ in range(3):
        hands.key(K.Key_Right)
    hands.key(K.Key_Down)
    place = hands.session.document.layout["free"]
    assert (place.x, place.y) == (504, 248)
    assert hands.session.undo_stack.count() == 1
    hands.agrees()


def test_control_arrows_walk_the_graph(hands: Hands) -> None:
    hands.view.select_ids(["fc1"])
    hands.key(K.Key_Right, CTRL)
    assert hands.session.selection == ("relu",)
    hands.key(K.Key_Left, CTRL)
    hands.key(K.Key_Left, CTRL)
    assert hands.session.selection == ("x",)
    hands.key(K.Key_Down, CTRL)
    assert hands.session.selection == ("image",)


def test_a_wire_by_keyboard(hands: Hands) -> None:
    hands.view.select_ids(["image"])
    hands.key(K.Key_W)
    assert hands.view.hint.isVisible()
    hands.key(K.Key_Return)
    assert hands.wires()["free.x"] == "image.y", "the nearest free port that fits comes first"
    assert hands.session.selection == ("free",)
    hands.agrees()
    hands.view.select_ids(["fc1"])
    hands.key(K.Key_W)
    hands.key(K.Key_Right)
    hands.key(K.Key_Escape)
    assert hands.view.gesture is None
    assert hands.session.undo_stack.count() == 1


def test_zoom_and_fit(hands: Hands) -> None:
    hands.key(K.Key_Plus, CTRL)
    assert hands.view.scale_now() == pytest.approx(1.25)
    hands.key(K.Key_0, CTRL)
    assert hands.view.scale_now() == pytest.approx(1)
    hands.view.select_ids(["free"])
    hands.key(K.Key_F)
    assert hands.view.visible_rect().contains(hands.view.board.cards["free"].rect)
    hands.key(K.Key_Home)
    assert all(hands.view.visible_rect().contains(c.rect) for c in hands.view.board.cards.values())


def test_the_minimap_shows_when_there_is_more_than_is_seen(hands: Hands) -> None:
    hands.key(K.Key_Home)
    assert not hands.view.minimap.isVisible()
    for _ in range(4):
        hands.key(K.Key_Plus, CTRL)
    assert hands.view.minimap.isVisible()
    before = hands.view.visible_rect().center()
    QTest.mouseClick(hands.view.minimap, Qt.MouseButton.LeftButton, NONE, hands.view.minimap.rect().center() * 0.5)
    assert (hands.view.visible_rect().center() - before).manhattanLength() > 50
    hands.key(K.Key_M, CTRL | SHIFT)
    assert not hands.view.minimap.isVisible()
