"""What the canvas shows of a run: values, gradients, sums at forks, problems, from far and near."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from graphlab.document.model import Document, Place
from graphlab.engine.graph import Graph, Net, Source, Target
from graphlab.engine.plan import compile
from graphlab.ui import theme
from graphlab.ui.canvas import picture
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.building import board_of
from graphlab.ui.canvas.looks import CardLook, Plain
from graphlab.ui.canvas.picture import paint_board, paint_document
from graphlab.ui.canvas.style import Style
from graphlab.ui.canvas.thumbs import BARS, gradient_strip, level, thumb
from graphlab.ui.session import Session
from tests.ui.canvas_kit import Hands, make_hands, op


def fork() -> Graph:
    """x → fc → relu → add ← relu (a skip), and a loss on the sum."""
    net = Net()
    x, t = net.input("x", 3), net.input("t", 3)
    h = net.add("fc", op("Linear", features=3), x)
    r = net.add("relu", op("ReLU"), h)
    deep = net.add("fc2", op("Linear", features=3), r)
    s = net.add("add", op("Add"), deep, r)
    net.add("loss", op("MSE"), s, t)
    return net.graph()


@pytest.fixture
def run(qtbot: QtBot) -> Hands:
    return make_hands(qtbot, fork())


def look(h: Hands, id: str) -> CardLook:
    return h.view.looks().card(h.view.board.cards[id])


def test_values_appear_as_the_cursor_reaches_them_and_cards_stay_where_they_are(run: Hands) -> None:
    player, before = run.session.player, {i: c.rect for i, c in run.view.board.cards.items()}
    assert look(run, "fc").thumb is None
    while player.position is None or player.position.path != "fc":
        assert player.step()
    assert look(run, "fc").thumb is not None
    assert look(run, "fc").current == "forward"
    assert look(run, "relu").thumb is None
    assert run.view.looks().wire(Target("fc", "x"), Source("x")).current
    assert {i: c.rect for i, c in run.view.board.cards.items()} == before
    player.step_back()
    assert look(run, "fc").thumb is None


def test_gradients_run_back_along_the_wires_and_a_fork_shows_the_sum(run: Hands) -> None:
    player, view = run.session.player, run.view
    player.scrub(player.forward_count - 1)
    assert not view.looks().sums()
    while player.position != ("add", "backward"):
        assert player.step()
    wire = view.looks().wire(Target("add", "b"), Source("relu"))
    assert (wire.stage, wire.current) == ("backward", True)
    assert 0 < wire.level <= 1
    assert view.looks().wire(Target("fc2", "x"), Source("relu")).stage != "backward"
    total = view.looks().sums()[Source("relu")]
    assert total.open, "the plate opens while a term arrives"
    assert [name for name, strip in total.terms if strip is None] == ["fc2"]
    assert player.step()
    assert all(strip is not None for _, strip in view.looks().sums()[Source("relu")].terms)
    assert look(run, "relu").strip is not None
    assert look(run, "fc").strip is None
    assert set(view.looks().sums()) == {Source("relu")}


def test_an_input_inside_a_block_shows_what_comes_in_before_the_block_is_done(run: Hands) -> None:
    view, player = run.view, run.session.player
    view.select_ids(["relu", "fc2"])
    view.group_selection()
    (block,) = run.session.selection
    view.enter_selection()
    while player.position is None or player.position.path != "fc":
        assert player.step()
    inside = run.session.document.scope(block)
    assert inside is not None
    (entry,) = [n.id for n in inside.inputs()]
    assert player.stage(f"{block}/{entry}") == "forward"
    assert player.stage(f"{block}/relu") == "none"
    assert look(run, entry).thumb is not None


def test_a_bypassed_node_shows_what_it_passes_on(run: Hands) -> None:
    run.view.select_ids(["relu"])
    run.view.bypass_selection()
    run.session.player.run_all()
    assert look(run, "relu").thumb is not None


def test_a_long_network_opens_where_it_can_be_read_and_the_view_follows_the_debugger(qtbot: QtBot) -> None:
    net = Net()
    at = net.input("x", 3)
    for i in range(40):
        at = net.add(f"n{i}", op("ReLU"), at)
    h = make_hands(qtbot, net.graph())
    h.view.show_start()
    cards = h.view.board.cards
    assert h.view.scale_now() == pytest.approx(0.6)
    assert h.view.visible_rect().contains(cards["x"].rect)
    assert not h.view.visible_rect().intersects(cards["n39"].rect)
    assert h.view.minimap.isVisible()
    for _ in range(30):
        h.session.player.step()
        at_card = h.session.player.position
        assert at_card is not None
        assert h.view.visible_rect().contains(cards[at_card.path].rect)


def test_a_breakpoint_is_marked_on_its_card(run: Hands) -> None:
    assert not look(run, "relu").breakpoint
    run.session.player.toggle_breakpoint("relu")
    assert look(run, "relu").breakpoint
    run.session.player.toggle_breakpoint("relu")
    assert not look(run, "relu").breakpoint


def test_badges_count_problems_of_the_node_and_of_what_lies_in_it(run: Hands) -> None:
    view = run.view
    view.select_ids(["relu", "fc2"])
    view.group_selection()
    (block,) = run.session.selection
    before = view.played.badge(block)
    view.enter_selection()
    view.select_ids(["fc2"])
    wire = next(t for t in view.board.graph.wires if t.node == "fc2")
    view.selected_wire = wire
    view.select_ids([])
    view.selected_wire = wire
    view.delete_selection()
    view.leave()
    assert view.played.badge(block) > before


# --- small pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "kind"), [
    ((2, 1), "text"), ((2, 7), "bars"), ((2, BARS + 1), "image"), ((2, 5, 6), "image"), ((2, 3, 8, 8), "image"),
    ((2, 1, 9), "bars"), ((2,), "text"), ((2, 2, 3, 4, 5), "image"),
])
def test_the_picture_fits_the_rank(shape: tuple[int, ...], kind: str) -> None:
    value = np.arange(np.prod(shape), dtype=float).reshape(shape)
    assert thumb(value, True, theme.LIGHT).kind == kind


def test_bars_keep_signs_and_ratios() -> None:
    assert thumb(np.array([[1.0, -2.0, 0.5]]), True, theme.LIGHT).bars == (0.5, -1.0, 0.25)


def test_numbers_that_are_none_are_said_in_words() -> None:
    bad = thumb(np.array([[1.0, np.nan, np.inf]]), True, theme.LIGHT)
    assert (bad.text, bad.wrong) == ("2 not finite", True)


def test_a_picture_of_an_image_has_its_pixels() -> None:
    value = np.zeros((1, 2, 3))
    value[0, 1, 2] = 1.0
    shown = thumb(value, True, theme.LIGHT, picture=True).image
    assert shown is not None
    assert (shown.width(), shown.height()) == (3, 2)
    assert shown.pixelColor(2, 1).lightness() > 200
    assert shown.pixelColor(0, 0).lightness() < 60


def test_gradients_are_shown_by_sign_and_on_a_log_scale() -> None:
    strip = gradient_strip(np.array([[-1.0, 1.0, 0.0, 1e-3]]), True, theme.LIGHT)
    colours = [strip.pixelColor(i, 0) for i in range(4)]
    assert theme.rgba(colours[0]) == theme.rgba(theme.LIGHT.negative)
    assert theme.rgba(colours[1]) == theme.rgba(theme.LIGHT.positive)
    blue = [c.blue() - c.red() for c in colours]
    assert blue[2] < blue[3] < blue[1], "1e-3 is halfway between nothing (1e-6) and 1"
    assert level(np.array([1e-3])) == pytest.approx(0.5)
    assert level(np.zeros(3)) == 0


# --- the whole picture ------------------------------------------------------------------------------------


def ink(image: QImage, ground: int) -> int:
    columns, rows = range(0, image.width(), 2), range(0, image.height(), 2)
    return sum(1 for x in columns for y in rows if image.pixel(x, y) != ground)


def drawn(board: Board, scale: float) -> int:
    image = QImage(900, 500, QImage.Format.Format_RGB32)
    image.fill(board.style.theme.canvas)
    ground = image.pixel(0, 0)
    painter = QPainter(image)
    painter.scale(scale, scale)
    area = QRectF(0, 0, 900 / scale, 500 / scale)
    paint_board(painter, board, Plain(), area, scale)
    painter.end()
    return ink(image, ground)


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK])
def test_a_document_is_painted_with_and_without_its_run(qtbot: QtBot, colours: theme.Theme) -> None:
    session = Session()
    session.open_document(Document(graph=fork()))
    inks = []
    for player in (None, session.player):
        if player is not None:
            player.run_all()
        image = QImage(1400, 400, QImage.Format.Format_RGB32)
        image.fill(colours.canvas)
        ground = image.pixel(0, 0)
        painter = QPainter(image)
        area = paint_document(painter, session.document, session.plan, player, Style(colours, grid=False))
        painter.end()
        assert area.left() == area.top() == 0
        assert area.width() > 600
        inks.append(ink(image, ground))
    assert 1000 < inks[0] < inks[1]


def test_every_level_of_detail_draws_every_card(qtbot: QtBot) -> None:
    document = Document(graph=fork())
    board = board_of(document, compile(document.graph), Style(theme.LIGHT))
    for scale in (1.0, 0.5, 0.3, 0.1):
        assert drawn(board, scale) > 500 * scale * scale


def test_from_far_away_a_thousand_nodes_are_a_few_calls(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = dict(fork().nodes)
    for i in range(1000):
        nodes[f"n{i}"] = replace(nodes["relu"], id=f"n{i}")
    places = {id: Place(240 * (i % 40), 160 * (i // 40)) for i, id in enumerate(nodes)}
    document = Document(graph=Graph(nodes, fork().wires), layout=places)
    board = board_of(document, compile(document.graph), Style(theme.LIGHT))

    def refuse(*_: object) -> None:
        raise AssertionError("a card was painted by itself")

    monkeypatch.setattr(picture, "paint_card", refuse)
    monkeypatch.setattr(picture, "paint_simple", refuse)
    assert drawn(board, 0.2) > 1000
