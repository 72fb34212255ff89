"""Layout: from left to right, without overlaps, the same when done again."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.document import layout as module
from graphlab.document.edits import add_after, add_node, connect, set_pinned
from graphlab.document.layout import arrange, generations, layout, sugiyama
from graphlab.document.model import Document
from graphlab.engine.graph import Graph, Input, Net, Node, Source, Target
from graphlab.engine.loop import Stack, unroll
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add
from graphlab.engine.plan import order

Drawn = tuple[int, list[tuple[int, int]], list[tuple[int, int]]]
SIZES = st.tuples(st.integers(40, 400), st.integers(30, 300))


def net(count: int, pairs: list[tuple[int, int]]) -> Graph:
    """Return any graph of ops with 6 inputs, cycles and loops included."""
    nodes = {f"n{i}": Node(f"n{i}", Stack(count=6)) for i in range(count)}
    wires = {Target(f"n{b % count}", f"x{i % 6}"): Source(f"n{a % count}") for i, (a, b) in enumerate(pairs)}
    return Graph(nodes, wires)


def overlapping(at: dict[str, tuple[float, float]], sizes: dict[str, tuple[float, float]]) -> list[tuple[str, str]]:
    boxes = [(i, x, y, *sizes[i]) for i, (x, y) in at.items()]
    return [(a[0], b[0]) for k, a in enumerate(boxes) for b in boxes[:k]
            if a[1] < b[1] + b[3] and b[1] < a[1] + a[3] and a[2] < b[2] + b[4] and b[2] < a[2] + a[4]]


graphs = st.integers(1, 14).flatmap(lambda n: st.tuples(
    st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30),
    st.lists(SIZES, min_size=n, max_size=n)))


@settings(max_examples=120)
@given(graphs)
def test_cards_stand_clear_and_wires_run_to_the_right(drawn: Drawn) -> None:
    count, pairs, dimensions = drawn
    graph = net(count, pairs)
    sizes = {f"n{i}": (float(w), float(h)) for i, (w, h) in enumerate(dimensions)}
    at = layout(graph, sizes)
    assert set(at) == set(graph.nodes)
    assert overlapping(at, sizes) == []
    again = layout(graph, sizes, at)
    assert all(abs(again[i][k] - at[i][k]) < 0.01 for i in at for k in (0, 1)), "done again, nothing moves"
    if not order(graph)[1]:
        for target, source in graph.wires.items():
            assert at[source.node][0] + sizes[source.node][0] < at[target.node][0]


@settings(max_examples=40)
@given(graphs, st.integers(0, 13), st.tuples(st.integers(-500, 500), st.integers(-500, 500)))
def test_a_pinned_card_stays_and_nothing_covers_it(
    drawn: Drawn, which: int, place: tuple[int, int],
) -> None:
    count, pairs, dimensions = drawn
    graph = net(count, pairs)
    sizes = {f"n{i}": (float(w), float(h)) for i, (w, h) in enumerate(dimensions)}
    pinned = [f"n{which % count}", f"n{(which + 1) % count}"]
    places = {i: (float(place[0] + 1000 * k), float(place[1])) for k, i in enumerate(dict.fromkeys(pinned))}
    at = layout(graph, sizes, places, pinned)
    assert {i: at[i] for i in places} == places
    assert overlapping(at, sizes) == []


@given(graphs)
def test_the_fallback_layers_every_graph(drawn: Drawn) -> None:
    count, pairs, _ = drawn
    edges = [(a, b) for a, b in dict.fromkeys(pairs) if a < b]
    layers = generations(count, edges)
    column = {n: i for i, c in enumerate(layers.columns) for n in c}
    assert sorted(n for n in column if n < count) == list(range(count))
    assert all(column[a] < column[b] for a, b in edges)
    assert all(column[b] - column[a] == 1 for a, b in layers.edges), "long wires pass through every column"


def test_without_the_library_the_fallback_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 0)
    document, id = add_node(Document(), Input(), 0, 0)
    for _ in range(4):
        document, id = add_after(document, id, ReLU())
    at = arrange(document).layout
    assert [p.y for p in at.values()] == [0.0] * 5
    assert sorted(p.x for p in at.values()) == [p.x for p in at.values()]


def test_the_library_places_every_node() -> None:
    layers = sugiyama(4, [(0, 1), (1, 2), (0, 2), (2, 3)])
    assert layers is not None
    assert [[n for n in c if n < 4] for c in layers.columns] == [[0], [1], [2], [3]]
    assert len(layers.columns[1]) == 2, "the long wire bends where it passes a column"


def residual() -> Document:
    document, x = add_node(Document(), Input(), 300, 200)
    document, a = add_after(document, x, Linear(features=2))
    document, b = add_after(document, a, ReLU())
    document, c = add_after(document, b, Add())
    return connect(document, Source(x), Target(c, "b"))


def test_a_layout_begins_where_the_cards_were() -> None:
    document = arrange(residual())
    assert min(p.x for p in document.layout.values()) == 300
    assert min(p.y for p in document.layout.values()) == 200
    assert arrange(document) == document


def test_only_the_chosen_cards_move() -> None:
    document = residual()
    after = arrange(document, ids=["linear1", "relu1"])
    assert after.layout["input1"] == document.layout["input1"]
    assert after.layout["add1"] == document.layout["add1"]


def test_pins_are_kept() -> None:
    document = set_pinned(residual(), ["add1"], True)
    after = arrange(document)
    assert after.layout["add1"] == document.layout["add1"]


def test_a_chain_is_straight() -> None:
    document, id = add_node(Document(), Input(), 0, 0)
    for op in (Linear(), ReLU(), Linear(), ReLU()):
        document, id = add_after(document, id, op)
    sizes = {i: (150.0, 60.0 + 20 * k) for k, i in enumerate(document.graph.nodes)}
    at = arrange(document, sizes).layout
    middles = {at[i].y + sizes[i][1] / 2 for i in at}
    assert max(middles) - min(middles) < 0.01


@pytest.mark.parametrize("count", [400, 2000])
def test_large_networks_are_laid_out_in_time(count: int) -> None:
    graph = net(count, [(i, i + 1) for i in range(count - 1)] + [(i, i + 7) for i in range(0, count - 7, 3)])
    at = layout(graph, {})
    assert overlapping(dict(list(at.items())[:300]), dict.fromkeys(at, module.USUAL)) == []


def test_slow_libraries_are_not_loaded_before_they_are_needed() -> None:
    code = ("import sys, graphlab.document.layout; "
            "assert 'networkx' not in sys.modules and 'fast_sugiyama' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("reverse", [False, True])
def test_an_unrolled_cell_stands_in_a_row_with_its_slices_below(reverse: bool) -> None:
    unrolled, count = Net(), 5
    fed = {"x": unrolled.input("x", count, 2), "h_prev": unrolled.input("h0", 3)}
    cell = Net()
    cell.output("h", cell.add("sum", Add(), cell.input("x", 2), cell.input("h_prev", 3)))
    made = unroll(unrolled, cell.graph(), count, fed, ["x"], {"h_prev": "h"}, reverse)
    unrolled.output("seq", unrolled.add("all", Stack(count=count), *made["h"]))
    at = layout(unrolled.graph(), {})
    times = range(count - 1, -1, -1) if reverse else range(count)
    row = [at[f"t{t}"] for t in times]
    assert len({y for _, y in row}) == 1
    assert [x for x, _ in row] == sorted(x for x, _ in row), "in the order in which they run"
    for t in range(count):
        assert at[f"x{t}"][1] > row[0][1] and at[f"x{t}"][0] < at[f"t{t}"][0]
    first, last = min(x for x, _ in row), max(x for x, _ in row)
    assert max(at["x"][0], at["h0"][0]) < first and min(at["all"][0], at["seq"][0]) > last
    boxes = [(x, y, x + module.USUAL[0], y + module.USUAL[1]) for x, y in at.values()]
    assert not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for a, b in combinations(boxes, 2))
