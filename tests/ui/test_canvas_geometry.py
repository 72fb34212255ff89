"""Where things are: cards as large as they need, wires around cards, labels where there is room."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QApplication

from graphlab.document.model import Document, Place
from graphlab.engine.graph import Graph, Net, Node, Source, Target
from graphlab.engine.plan import compile
from graphlab.ui import theme
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.building import board_of, build
from graphlab.ui.canvas.geometry import content_of, make_card, rows, size_of
from graphlab.ui.canvas.mime import pack_op, unpack_op
from graphlab.ui.canvas.pointing import what_is_at
from graphlab.ui.canvas.routing import Labels, direct, inside, place_label, polylines_cross, route
from graphlab.ui.canvas.style import Style, count
from tests.ui.canvas_kit import PLACES, op, small_net

NO_BOXES = np.zeros((0, 4))


@pytest.fixture
def style(qapp: QApplication) -> Style:
    return Style(theme.LIGHT)


def board(style: Style, graph: Graph | None = None, places: dict[str, Place] | None = None) -> Board:
    graph = graph or small_net()
    return board_of(Document(graph=graph, layout=PLACES if places is None else places), compile(graph), style)


# --- cards --------------------------------------------------------------------------------------------


@given(name=st.text(min_size=1, max_size=60), units=st.integers(1, 1_000_000))
def test_a_card_is_as_wide_as_what_it_says(qapp: QApplication, name: str, units: int) -> None:
    style = Style(theme.LIGHT)
    content = content_of(Node("a", op("Linear", features=units), name), (), (), (units * 999, units * 999))
    width, height = size_of(content, style)
    assert width >= 28 + style.width(name, "title") + style.width(content.second, "small")
    for left, right in rows(content, style):
        assert width >= 16 + style.width(left) + style.width(right, "small")
    assert width % 8 == height % 8 == 0


def test_counts_are_written_for_people() -> None:
    assert count(235_500) == "235,500"
    assert count(9_999_999) == "9,999,999"
    assert count(61_100_840) == "61.1 M"
    assert count(138_357_544) == "138.4 M"
    assert count(15_470_264_320) == "15.47 G"


def test_parameters_and_macs_of_a_block_are_those_of_what_lies_in_it(style: Style) -> None:
    net = Net()
    net.add("fc", op("Linear", features=3), net.input("x", 4))
    graph = net.graph()
    content = board(style, graph, {}).cards["fc"].content
    assert (content.params, content.macs) == (15, 12)


def test_first_ports_are_level_on_cards_of_different_heights(style: Style) -> None:
    cards = board(style).cards
    assert cards["fc1"].rect.height() != cards["relu"].rect.height()
    heights = {s.at.y() for id in ("x", "fc1", "relu", "fc2") for s in cards[id].spots if not s.stored}
    assert len(heights) == 1


def test_every_port_is_on_its_edge_and_apart_from_the_others(style: Style) -> None:
    for name in ("LSTM", "MultiHeadAttention", "BatchNorm", "Add"):
        card = make_card("a", "a", Node("a", op(name)), content_of(Node("a", op(name)), (), ()), 0, 0, style)
        for side, x in (("in", card.rect.left()), ("out", card.rect.right())):
            ys = [s.at.y() for s in card.spots if s.side == side]
            assert all(s.at.x() == x for s in card.spots if s.side == side)
            assert len(set(ys)) == len(ys)
            assert all(card.rect.top() < y <= card.rect.bottom() for y in ys)


# --- ways ----------------------------------------------------------------------------------------------

points = st.tuples(st.integers(-50, 50), st.integers(-50, 50)).map(lambda p: QPointF(p[0] * 8, p[1] * 8))


@given(a=points, b=points)
def test_a_wire_leaves_and_arrives_horizontally(a: QPointF, b: QPointF) -> None:
    way = direct(a.x(), a.y(), b.x(), b.y())
    assert (way.path.pointAtPercent(0), way.path.pointAtPercent(1)) == (a, b)
    first, last = way.points[1] - way.points[0], way.points[-1] - way.points[-2]
    assert first[0] > 0 and abs(first[1]) <= abs(first[0]) * 1.6
    assert last[0] > 0 and abs(last[1]) <= abs(last[0]) * 1.6


def test_a_skip_wire_goes_around_the_card_between(style: Style) -> None:
    net = Net()
    x = net.input("x", 3)
    h = net.add("fc", op("Linear", features=3), x)
    net.add("add", op("Add"), h, x)
    places = {"x": Place(0, 0), "fc": Place(240, 0), "add": Place(480, 0)}
    shown = board(style, net.graph(), places)
    way, between = shown.route(Target("add", "b")), shown.cards["fc"].rect
    assert not way.crosses(between)
    assert way.length > 1.02 * (shown.cards["add"].rect.left() - shown.cards["x"].rect.right())
    assert np.ptp(shown.route(Target("fc", "x")).points[:, 1]) < 1e-9, "level ports are wired straight"


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(-3, 3)), min_size=1, max_size=8, unique=True))
def test_a_wire_passes_over_a_card_only_where_every_way_does(cells: list[tuple[int, int]]) -> None:
    boxes = np.array([(i * 200.0 - 60, j * 120.0 - 40, i * 200.0 + 60, j * 120.0 + 40) for i, j in cells])
    way = route(QPointF(0, 0), QPointF(1400, 0), boxes)
    assert not inside(way.points, boxes).any(), "between columns there is always a way above or below"


def test_lanes_of_several_skip_wires_lie_apart() -> None:
    boxes = np.array([(200.0, -60.0, 400.0, 60.0)])
    lanes: list[tuple[float, float, float]] = []
    ways = [route(QPointF(0, y), QPointF(600, y), boxes, lanes=lanes) for y in (-20.0, -20.0, -20.0)]
    heights = sorted(float(w.points[len(w.points) // 2, 1]) for w in ways)
    assert all(b - a >= 9 for a, b in pairwise(heights))


def test_a_wire_back_to_the_left_stays_off_its_own_cards(style: Style) -> None:
    places = {"x": Place(600, 0), "fc1": Place(0, 0), "relu": Place(1200, 0), "fc2": Place(1500, 0),
              "image": Place(0, 900), "free": Place(0, 1200)}
    shown = board(style, places=places)
    way = shown.route(Target("fc1", "x"))
    for id in ("x", "fc1"):
        r = shown.cards[id].rect
        assert not way.crosses(r.adjusted(1, 1, -1, -1))


def test_labels_lie_neither_on_cards_nor_on_each_other(style: Style) -> None:
    shown = board(style)
    rects = [shown.route(t).label_rect for t in shown.graph.wires]
    assert all(not r.isEmpty() for r in rects)
    assert not any(r.intersects(c.rect) for r in rects for c in shown.cards.values())
    assert not any(a.intersects(b) for i, a in enumerate(rects) for b in rects[:i])


def test_where_there_is_no_room_there_is_no_label() -> None:
    way = direct(0, 0, 30, 0)
    boxes = np.array([(-100.0, -50.0, 0.0, 50.0), (30.0, -50.0, 130.0, 50.0)])
    assert place_label(way, 60, 16, boxes, Labels()).label is None
    assert place_label(way, 20, 16, boxes, Labels()).label == QPointF(15, 0)


def test_crossing_lines() -> None:
    a = np.array([[0.0, 0.0], [10.0, 10.0]])
    assert polylines_cross(a, np.array([[0.0, 10.0], [10.0, 0.0]]))
    assert not polylines_cross(a, np.array([[0.0, 1.0], [10.0, 11.0]]))
    assert not polylines_cross(a, a[:1])


# --- boards ----------------------------------------------------------------------------------------------


def test_an_edit_keeps_what_it_left_alone_and_finds_the_rest_anew(style: Style) -> None:
    graph, plan = small_net(), compile(small_net())
    first = build(graph, PLACES, (), plan, "", style)
    for target in graph.wires:
        first.route(target)
    moved = {**PLACES, "fc2": Place(720, 160)}
    second = build(graph, moved, (), plan, "", style, previous=first)
    assert second.cards["x"] is first.cards["x"]
    assert second.route(Target("fc1", "x")) is first.route(Target("fc1", "x"))
    way, end = second.route(Target("fc2", "x")), second.end(Target("fc2", "x"))
    assert way.path.pointAtPercent(1) == end


def test_a_card_put_on_a_wire_makes_it_find_another_way(style: Style) -> None:
    graph, plan = small_net(), compile(small_net())
    places = {**PLACES, "fc1": Place(800, 0), "relu": Place(1100, 0), "fc2": Place(1400, 0)}
    first = build(graph, places, (), plan, "", style)
    assert not first.route(Target("fc1", "x")).crosses(first.cards["free"].rect)
    second = build(graph, {**places, "free": Place(480, -16)}, (), plan, "", style, previous=first)
    assert not second.route(Target("fc1", "x")).crosses(second.cards["free"].rect)
    assert second.route(Target("fc1", "x")) is not first.route(Target("fc1", "x"))


def test_nodes_without_a_place_are_laid_out_once_and_stay(style: Style) -> None:
    graph, plan = small_net(), compile(small_net())
    first = build(graph, {}, (), plan, "", style)
    assert set(first.auto) == set(graph.nodes)
    boxes = [c.rect for c in first.cards.values()]
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    second = build(replace(graph, wires={}), {}, (), plan, "", style, previous=first)
    assert {i: c.rect for i, c in second.cards.items()} == {i: c.rect for i, c in first.cards.items()}


def test_what_is_under_the_pointer(style: Style) -> None:
    shown = board(style)
    port = shown.cards["fc1"].spot("out", "y")
    assert port is not None
    found = what_is_at(shown, port.at.x() + 6, port.at.y() - 5, 1.0)
    assert (found.kind, found.spot) == ("port", port), "a port is 10 px around its dot"
    assert what_is_at(shown, 300, 12, 1.0).kind == "card"
    middle = shown.route(Target("relu", "x")).at(0.5)[0]
    assert what_is_at(shown, middle.x(), middle.y() + 4, 1.0).target == Target("relu", "x")
    assert what_is_at(shown, 300, 700, 1.0).kind == "empty"


def test_a_shifted_board_moves_only_what_is_dragged(style: Style) -> None:
    shown = board(style)
    moved = shown.shifted({"relu": (16.0, 32.0)})
    assert moved.cards["relu"].rect == shown.cards["relu"].rect.translated(16, 32)
    assert moved.cards["fc1"] is shown.cards["fc1"]
    assert moved.boxes[moved.index["relu"]][0] == shown.boxes[shown.index["relu"]][0] + 16
    a, b = moved.end(Source("relu")), shown.end(Source("relu"))
    assert a is not None and b is not None
    assert a == b + QPointF(16, 32)
    assert shown.cards["relu"].rect.topLeft() == QPointF(480, 0)


def test_a_dragged_op_carries_its_attributes_and_nothing_else_is_taken() -> None:
    linear = unpack_op(pack_op("Linear", {"features": 7, "nonsense": 1}))
    assert linear is not None
    assert linear.values()["features"] == 7
    assert unpack_op(pack_op("NoSuchOp")) is None
    default = unpack_op(pack_op("Linear", {"features": -3}))
    assert default == op("Linear"), "attributes that are wrong are left out"


def test_the_bounds_hold_everything(style: Style) -> None:
    shown = board(style)
    assert all(shown.bounds.contains(c.rect) for c in shown.cards.values())
    assert board(style, Graph(), {}).bounds == QRectF()
