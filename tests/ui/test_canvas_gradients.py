"""Gradient flow on the canvas: sizes on wires against the engine, their scale, their legend, and their pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.graph import Target
from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.action_table import ACTIONS, MENUS
from graphlab.ui.canvas.gradients import THINNEST, WIDEST, Scale
from graphlab.ui.canvas.view import CanvasView
from graphlab.ui.session import Session


def canvas(qtbot: QtBot, name: str, on: bool = True) -> CanvasView:
    session = Session()
    view = CanvasView(session)
    view.reduce_motion = True
    qtbot.addWidget(view)
    view.resize(1400, 800)
    loaded = open_example(name)
    session.open_document(loaded.document, loaded.weights)
    view.show()
    qtbot.waitExposed(view)
    view.destroyed.connect(lambda: session)
    if on:
        view.gradients.toggle()
        qtbot.waitUntil(lambda: session.player.run is not None)
    return view


def size(a: Array | None) -> float:
    assert a is not None
    return float(np.sqrt(np.mean(np.square(a))))


def test_wires_carry_what_is_sent_back_through_them(qtbot: QtBot) -> None:
    view = canvas(qtbot, "digits")
    run = view.session.player.run
    assert run is not None
    found = view.gradients.sizes(view.board)
    assert set(found) == set(view.board.graph.wires) - {Target("loss", "target")}, "labels get no gradient"
    for target, value in found.items():
        assert value == pytest.approx(size(run.records[target.node].gradients[target.port]))


def test_a_fork_shows_each_branch_and_blocks_what_they_send(qtbot: QtBot) -> None:
    view = canvas(qtbot, "deep-skips")
    session = view.session
    run = session.player.run
    assert run is not None
    found = view.gradients.sizes(view.board)
    ways = {t: v for t, v in found.items() if t.node in ("plain", "skip")}
    assert len(ways) == 2
    for target, value in ways.items():
        first = f"{target.node}/{target.node[0]}_fc1"
        assert value == pytest.approx(size(run.records[first].gradients["x"]))
    session.set_scope("skip")
    inside = view.gradients.sizes(view.board)
    sums = run.records["skip/s_add5"].gradients
    assert inside[Target("s_add5", "a")] == pytest.approx(size(sums["a"]))
    assert inside[Target("s_fc5", "x")] == pytest.approx(size(run.records["skip/s_fc5"].gradients["x"]))
    assert inside[Target("s_out", "x")] == pytest.approx(size(run.gradient("skip/s_fc15")))


def test_the_inside_of_an_op_has_gradients_too(qtbot: QtBot) -> None:
    view = canvas(qtbot, "rnn-lstm")
    session = view.session
    assert session.player.enter("rnn")
    assert session.player.run is not None
    inner = session.player.run.inside("rnn")
    assert inner is not None
    session.player.scrub(session.player.count - 1)
    found = view.gradients.sizes(view.board)
    slot = inner.plan.where["rnn/t3"]["h"]
    (term,) = [t for t in inner.terms[slot] if t.path.startswith("rnn/t4/")]
    assert found[Target("t4", "h_prev")] == pytest.approx(size(term.value))


def test_while_stepping_only_what_has_come_back_is_shown(qtbot: QtBot) -> None:
    view = canvas(qtbot, "digits")
    player = view.session.player
    player.scrub(0)
    assert view.gradients.sizes(view.board) == {}
    assert view.gradients._words({})[0] == "Gradient flow: none has come back yet"
    player.scrub(next(i for i in range(player.count) if player.event_at(i) == ("fc3", "backward")))
    assert set(view.gradients.sizes(view.board)) == {Target("loss", "x"), Target("fc3", "x")}
    player.scrub(player.count - 1)
    assert len(view.gradients.sizes(view.board)) == 6


def test_other_weights_are_followed_and_the_scale_only_widens(qtbot: QtBot) -> None:
    view = canvas(qtbot, "digits")
    session = view.session
    before = dict(view.gradients.sizes(view.board))
    scale = view.gradients.scale
    assert scale is not None
    session.set_weight("fc3.W", np.asarray(session.weights["fc3.W"]) * 1e-4)
    after = view.gradients.sizes(view.board)
    assert after[Target("fc1", "x")] < 1e-3 * before[Target("fc1", "x")]
    wider = view.gradients.scale
    assert wider is not None
    assert wider.low < scale.low
    session.undo_stack.undo()
    assert view.gradients.sizes(view.board) == before
    assert view.gradients.scale == wider


def test_the_scale_is_logarithmic() -> None:
    scale = Scale.fitting([3e-5, 0.2, 0.0, math.inf])
    assert scale == Scale(-5, 0)
    assert scale.width(1.0) == WIDEST
    assert scale.width(1e-5) == THINNEST == scale.width(1e-9)
    assert scale.width(10**-2.5) == pytest.approx((THINNEST + WIDEST) / 2)
    assert Scale.fitting([1e-50, 1.0]) == Scale(-20, 0)
    assert Scale.fitting([0.5]) == Scale(-3, 0)
    assert Scale.fitting([]) == Scale()
    assert Scale.fitting([0.01], Scale(-8, 2)) == Scale(-8, 2)


@pytest.mark.parametrize("dark", [False, True])
def test_larger_gradients_stand_out_more(dark: bool) -> None:
    ground = (theme.DARK if dark else theme.LIGHT).canvas
    scale = Scale(-6, 0)
    contrasts = [theme.contrast(scale.colour(10.0**p, dark), ground) for p in range(-6, 1)]
    assert contrasts == sorted(contrasts)
    assert contrasts[-1] > 4.5


def test_the_legend_names_powers_of_ten_and_zero(qtbot: QtBot) -> None:
    view = canvas(qtbot, "deep-initialisation")
    view.session.set_scope("zeros")
    title, labels = view.gradients._words(view.gradients.sizes(view.board))
    assert title == "Gradient coming back (root mean square)"
    assert labels[0] == (None, "0")
    assert [p for p, _ in labels[1:]] == sorted(p for p, _ in labels[1:] if p is not None)
    up = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    for power, text in labels[1:]:
        assert text.lstrip("≤ ") == ("1" if power == 0 else f"10{str(power).translate(up)}")


def colour_at(view: CanvasView, at: QPointF) -> QColor:
    return view.viewport().grab().toImage().pixelColor(view.mapFromScene(at))


def test_bands_are_seen_beside_the_wire(qtbot: QtBot) -> None:
    view = canvas(qtbot, "digits", on=False)
    view.session.player.ensure()
    view.zoom_reset()
    way = view.board.route(Target("fc2", "x"))
    middle, _ = way.at(0.12)
    view.centerOn(middle)
    beside = middle + QPointF(0, 3.5)
    assert colour_at(view, beside) != colour_at(view, middle)
    plain = colour_at(view, beside)
    view.gradients.toggle()
    view.gradients.sizes(view.board)
    scale = view.gradients.scale
    assert scale is not None
    band = colour_at(view, beside)
    assert band != plain
    wanted = scale.colour(view.gradients.sizes(view.board)[Target("fc2", "x")], theme.current().dark)
    assert max(abs(a - b) for a, b in zip(theme.rgba(band), theme.rgba(wanted), strict=True)) <= 3
    view.gradients.toggle()
    assert colour_at(view, beside) == plain


def test_the_legend_is_inside_the_canvas(qtbot: QtBot) -> None:
    view = canvas(qtbot, "digits")
    image = view.viewport().grab().toImage()
    corner = QRectF(14, view.viewport().height() - 70, 60, 50)
    seen = {image.pixelColor(int(x), int(y)).name() for x in np.linspace(corner.left(), corner.right(), 30)
            for y in np.linspace(corner.top(), corner.bottom(), 30)}
    assert theme.current().card.name() in seen


def test_another_network_is_run_by_itself_while_they_are_shown(qtbot: QtBot) -> None:
    view = canvas(qtbot, "digits")
    loaded = open_example("xor")
    view.session.open_document(loaded.document, loaded.weights)
    qtbot.waitUntil(lambda: view.session.player.run is not None)
    assert Target("output", "x") in view.gradients.sizes(view.board)


def test_without_a_loss_the_legend_says_so(qtbot: QtBot) -> None:
    view = canvas(qtbot, "digits")
    view.select_ids(["loss"])
    view.delete_selection()
    assert view.gradients._words({})[0] == "No gradient: the network has no loss"
    view.viewport().grab()


def test_it_is_an_action_of_the_view_menu() -> None:
    (action,) = [a for a in ACTIONS if a.id == "gradients"]
    assert "gradients" in MENUS["&View"]
    assert action.checked is not None
    keys = [k for a in ACTIONS for k in a.keys]
    assert keys.count(action.keys[0]) == 1
