"""Many commands in any order: the canvas never drifts from the document, and undo leads back to the start."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from graphlab.engine.graph import Source, Target
from tests.ui.canvas_kit import Hands, K, make_hands, op


def one_step(h: Hands, dice: random.Random) -> None:
    """Do something that a user might do."""
    view, board = h.view, h.view.board
    cards, wires = list(board.cards), list(board.graph.wires)
    view.select_ids(dice.sample(cards, k=min(len(cards), dice.randint(0, 3))))
    at = QPointF(dice.randint(-20, 120) * 8, dice.randint(-20, 80) * 8)
    name = dice.choice(["ReLU", "Linear", "Add", "Flatten", "LayerNorm", "Dropout"])
    match dice.randint(0, 17):
        case 0:
            view.delete_selection()
        case 1:
            view.delete_and_heal()
        case 2:
            view.duplicate_selection()
        case 3 | 4:
            view.add_op(op(name), at)
        case 5:
            view.add_op(op(name))
        case 6 if wires:
            view.insert_op(op(name), dice.choice(wires))
        case 7:
            view.group_selection()
        case 8:
            view.ungroup_selection()
        case 9:
            view.layout_all()
        case 10:
            view.nudge(dice.randint(-3, 3), dice.randint(-3, 3))
        case 11:
            view.bypass_selection()
        case 12 if len(cards) > 1:
            a, b = dice.sample(cards, k=2)
            outs = [s for s in board.cards[a].spots if s.side == "out"]
            ins = [s for s in board.cards[b].spots if s.side == "in" and not s.stored]
            if outs and ins:
                view.reduce_motion = True
                view.fit_rect(board.bounds)
                h.drag(dice.choice(outs).at, dice.choice(ins).at)
        case 13 if wires:
            view.select_none()
            view.selected_wire = dice.choice(wires)
            view.delete_selection()
        case 14:
            view.detach_selection()
        case 15:
            view.undo()
        case 16:
            view.copy_selection()
            view.paste()
        case 17:
            if not view.enter_selection():
                view.leave()
        case _:
            view.redo()


@pytest.mark.parametrize("seed", range(6))
def test_canvas_and_document_agree_whatever_is_done(qtbot: QtBot, seed: int) -> None:
    h, dice = make_hands(qtbot), random.Random(seed)
    first = h.session.document
    for _ in range(45):
        one_step(h, dice)
        if h.view.editor is not None:
            h.view.editor.close(keep=True)
        h.view.close_search()
        if h.view.editable:
            h.agrees()
        assert not h.view.grab().isNull()
    while h.session.undo_stack.canUndo():
        h.view.undo()
    assert h.session.document == first
    h.session.player.leave_to("")
    h.agrees()


def test_every_card_can_be_painted_with_its_run(qtbot: QtBot) -> None:
    h = make_hands(qtbot)
    for id in ("image", "free"):
        h.view.select_ids([id])
        h.key(K.Key_Delete)
    h.session.player.run_all()
    before = h.view.grab()
    h.session.player.scrub(0)
    assert isinstance(before, QPixmap)
    assert before.toImage() != h.view.grab().toImage()


def test_a_selection_in_the_session_is_the_selection_on_the_canvas(qtbot: QtBot) -> None:
    h = make_hands(qtbot)
    h.session.select(["fc1", "nowhere"])
    assert h.view.selected_ids() == ["fc1"]
    looks = h.view.looks()
    assert looks.card(h.view.board.cards["fc1"]).selected
    assert not looks.card(h.view.board.cards["fc2"]).selected
    assert not looks.wire(Target("fc1", "x"), Source("x")).selected
