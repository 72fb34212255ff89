"""What the tables, heat maps and histograms of tensors show is what the arrays hold."""

from __future__ import annotations

import ast
import csv
import io
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from graphlab.document.export import tensor as written
from graphlab.ui import theme
from graphlab.ui.numbers import exact_text, number_text, read_number
from graphlab.ui.tensor_view import TensorView, picture_of
from graphlab.ui.tensor_view_heat import coarse, heat_image
from graphlab.ui.tensor_view_model import strength
from graphlab.ui.tensor_view_slice import Slice
from graphlab.ui.tensor_view_stats import bins, statistics

Array = NDArray[Any]
RNG = np.random.default_rng(5)


def shown(qtbot: QtBot, array: Array, **more: Any) -> TensorView:
    editable = more.pop("editable", False)
    view = TensorView("x", **more)
    qtbot.addWidget(view)
    view.set_array(array, editable=editable)
    view.resize(340, 400)
    view.show()
    return view


def click(qtbot: QtBot, view: TensorView, row: int, column: int) -> None:
    at = view.table.visualRect(view.model.index(row, column)).center()
    QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)


# --- numbers as text -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0"), (-3.0, "−3"), (0.25, "0.2500"), (-0.312, "−0.3120"), (1.25e-6, "1.250×10⁻⁶"), (123456.0, "1.235×10⁵"),
    (float("nan"), "NaN"), (float("-inf"), "−∞"), (True, "true"), (np.int64(7), "7")])
def test_numbers_have_four_significant_digits(value: Any, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_typing_back_what_is_shown_in_full_changes_nothing(value: float) -> None:
    assert read_number(exact_text(value), np.zeros(1), "x") == value


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100))
def test_the_short_text_is_right_to_four_digits(value: float) -> None:
    plain = number_text(value).replace("−", "-").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert float(plain.replace("×10", "e")) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize("text", ["abc", "", "1/0", "nan", "inf", "1e999", "--2"])
def test_what_is_no_number_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="needs a"):
        read_number(text, np.zeros(1), "W[0, 1]")


def test_whole_numbers_and_truth_are_kept_apart() -> None:
    assert read_number("1/4", np.zeros(1), "x") == 0.25
    assert read_number("−0,5", np.zeros(1), "x") == -0.5
    with pytest.raises(ValueError, match="holds whole numbers"):
        read_number("0.5", np.zeros(1, int), "y[3]")
    assert read_number("true", np.zeros(1, bool), "m") is True


# --- slices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_every_cell_of_a_slice_leads_to_its_number(shape: tuple[int, ...]) -> None:
    array = RNG.standard_normal(shape)
    at = Slice.of(shape)
    matrix = at.matrix(array)
    assert matrix.shape == (at.rows, at.columns)
    for r, c in np.ndindex(*matrix.shape):
        index = at.index(r, c)
        assert array[index] == matrix[r, c]
        assert at.cell(index) == (r, c)


def test_axes_can_be_swapped_and_walked_along(qtbot: QtBot) -> None:
    array = RNG.standard_normal((2, 3, 4))
    view = shown(qtbot, array)
    view.slices.places[0].setValue(1)
    assert np.array_equal(view.model.matrix, array[1])
    view.slices.down.setCurrentIndex(0)
    view.slices.down.activated.emit(0)
    assert (view.slice.down, view.slice.across, view.slice.fixed) == (0, 2, (1,))
    assert np.array_equal(view.model.matrix, array[:, 0, :])
    view.slices.across.setCurrentIndex(0)
    view.slices.across.activated.emit(0)
    assert np.array_equal(view.model.matrix, array[:, 0, :].T)


# --- the table -----------------------------------------------------------------------------------------


def test_the_table_shows_the_array_and_its_full_precision_on_hover(qtbot: QtBot) -> None:
    array = RNG.standard_normal((4, 3))
    view = shown(qtbot, array)
    for r, c in np.ndindex(4, 3):
        cell = view.model.index(r, c)
        assert cell.data() == number_text(array[r, c])
        assert cell.data(Qt.ItemDataRole.ToolTipRole) == f"x[{r}, {c}] = {float(array[r, c])!r}"


def test_clicking_a_cell_names_its_number(qtbot: QtBot) -> None:
    view = shown(qtbot, RNG.standard_normal((2, 3, 4)))
    view.slices.places[0].setValue(1)
    with qtbot.waitSignal(view.picked) as picked:
        click(qtbot, view, 2, 0)
    assert picked.args == [(1, 2, 0)]


def test_a_number_can_be_typed_in_and_nonsense_is_refused(qtbot: QtBot) -> None:
    view = shown(qtbot, np.array([[0.5, -1.0]]), editable=True)
    cell = view.model.index(0, 1)
    at = view.table.visualRect(cell).center()

    def type_in(text: str) -> None:
        QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
        QTest.mouseDClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
        editor = view.table.findChild(QLineEdit)
        assert isinstance(editor, QLineEdit)
        editor.selectAll()
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key.Key_Return)

    with qtbot.waitSignal(view.typed) as typed:
        type_in("2.25")
    assert typed.args == [(0, 1), 2.25]
    qtbot.waitUntil(lambda: view.table.findChild(QLineEdit) is None)
    with qtbot.waitSignal(view.refused) as refused:
        type_in("two")
    assert "x[0, 1] needs a number" in refused.args[0]
    assert view.note.text() == refused.args[0]
    assert not view.note.isHidden()


def test_what_may_not_be_typed_into_is_not(qtbot: QtBot) -> None:
    view = shown(qtbot, np.ones((2, 2)))
    assert not view.model.flags(view.model.index(0, 0)) & Qt.ItemFlag.ItemIsEditable
    assert not view.model.setData(view.model.index(0, 0), "3")


def test_lights_go_to_their_cells_and_turn_to_their_slice(qtbot: QtBot) -> None:
    view = shown(qtbot, RNG.standard_normal((3, 2, 2)))
    view.light([(2, 0, 1), (2, 1, 1)], [(2, 1, 0)])
    assert view.slice.at[0] == 2
    assert view.table.lit == {(2, 0, 1), (2, 1, 1)}
    assert view.table.chosen == {(2, 1, 0)}
    accent = theme.current().accent
    image = view.table.viewport().grab().toImage()
    rect = view.table.visualRect(view.model.index(0, 1))
    assert image.pixelColor(rect.center().x(), rect.top() + 1) == accent


def test_a_million_numbers_are_shown_at_once(qtbot: QtBot) -> None:
    array = RNG.standard_normal((1000, 2000))
    view = shown(qtbot, array)
    assert view.face == "heat"
    start = time.perf_counter()
    view.show_face("numbers")
    view.grab()
    assert time.perf_counter() - start < 2.0
    assert view.model.rowCount() == 1000
    assert view.model.index(999, 1999).data() == number_text(array[999, 1999])


@pytest.mark.parametrize("array", [np.zeros(0), np.zeros((0, 3)), np.array(2.5), np.array([np.nan, np.inf]),
                                   np.array([True, False]), np.arange(6).reshape(2, 3), np.zeros((2, 2))])
@pytest.mark.parametrize("face", ["numbers", "heat", "histogram", "picture"])
def test_odd_arrays_are_shown_in_every_way(qtbot: QtBot, array: Array, face: Any) -> None:
    view = shown(qtbot, array)
    view.show_face(face)
    assert not view.grab().isNull()


# --- heat map and picture --------------------------------------------------------------------------------


def test_colours_follow_sign_and_size() -> None:
    image = heat_image(np.array([[-2.0, 0.0, 1.0, 2.0]]), 2.0, False)
    table = theme.sign_table()
    assert image.pixelColor(0, 0).getRgb() == tuple(table[0])
    assert image.pixelColor(1, 0).getRgb() == tuple(table[127])
    assert image.pixelColor(3, 0).getRgb() == tuple(table[254])
    assert image.pixelColor(2, 0).getRgb() not in (tuple(table[127]), tuple(table[254]))


def test_gradients_fade_over_powers_of_ten() -> None:
    values = np.array([1.0, 0.1, -0.01, 1e-9, 0.0])
    assert strength(values, 1.0, True) == pytest.approx([1.0, 0.75, -0.5, 0.0, 0.0])
    assert strength(np.array([np.nan, np.inf, -np.inf]), 1.0, False) == pytest.approx([0.0, 1.0, -1.0])


def test_shrinking_keeps_the_number_of_largest_size() -> None:
    matrix = np.zeros((50, 3000))
    matrix[7, 1234] = -9.0
    small = coarse(matrix, 100)
    assert small.shape == (50, 100)
    assert small.min() == -9.0
    assert np.count_nonzero(small) == 1


def test_a_cell_of_the_heat_map_can_be_clicked(qtbot: QtBot) -> None:
    view = shown(qtbot, RNG.standard_normal((30, 20)))
    assert view.face == "heat"
    at = view.heat.cell_rect((11, 3)).center()
    assert view.heat.cell_at(at) == (11, 3)
    with qtbot.waitSignal(view.picked) as picked:
        QTest.mouseClick(view.heat, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert picked.args == [(11, 3)]
    assert view.heat.cell_at(QPointF(-1, 5)) is None


def test_pictures_are_found_in_tensors(qtbot: QtBot) -> None:
    rows = RNG.random((4, 64))
    found = picture_of(rows, Slice((4, 64), 0, 1, (2, 0)))
    assert found is not None
    assert np.array_equal(found, rows[2].reshape(8, 8))
    colour = RNG.random((2, 3, 5, 5))
    assert picture_of(colour, Slice.of(colour.shape)).shape == (3, 5, 5)  # type: ignore[union-attr]
    assert picture_of(np.zeros((2, 3)), Slice.of((2, 3))) is None
    view = shown(qtbot, rows)
    view.show_face("picture")
    view.slices.places[0].setValue(3)
    with qtbot.waitSignal(view.picked) as picked:
        QTest.mouseClick(view.heat, Qt.MouseButton.LeftButton, pos=view.heat.cell_rect((1, 2)).center().toPoint())
    assert picked.args == [(3, 10)]


# --- measures and copies ---------------------------------------------------------------------------------


def test_statistics_are_numpys() -> None:
    x = np.array([[0.0, -2.0, np.nan], [3.0, np.inf, 0.0]])
    s = statistics(x)
    assert (s.count, s.zeros, s.nans, s.infinite) == (6, 2, 1, 1)
    finite = x[np.isfinite(x)]
    assert (s.low, s.high, s.mean, s.std) == (-2.0, 3.0, finite.mean(), finite.std())
    assert "1 NaN" in s.text()
    assert "2 zeros" in s.text()
    assert statistics(np.full(3, np.nan)).text() == "3 NaN"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_a_histogram_counts_every_number_once(values: list[float]) -> None:
    counts, edges = bins(np.array(values))
    assert counts.sum() == len(values)
    assert len(edges) == len(counts) + 1
    if min(values) < 0 < max(values) and max(values) - min(values) > 1e-3:
        assert np.abs(edges).min() <= 1e-9 * np.abs(edges).max()


def test_tensors_are_copied_as_csv_python_and_latex(qtbot: QtBot) -> None:
    x = RNG.standard_normal((2, 3))
    rows = list(csv.reader(io.StringIO(written.csv(x, "W"))))
    assert np.array_equal(np.array(rows, float), x)
    name, _, code = written.python(x, "W").partition(" = np.array(")
    assert name == "W"
    assert np.array_equal(np.array(ast.literal_eval(code.rpartition(", dtype=")[0])), x)
    assert written.latex(np.array([[0.5, -1.0]]), "W") == "W = \\begin{pmatrix}\n0.5000 & -1\n\\end{pmatrix}"
    deep = list(csv.reader(io.StringIO(written.csv(np.arange(8.0).reshape(2, 2, 2), "x"))))
    assert deep[0] == ["axis0", "axis1", "x0", "x1"]
    assert deep[-1] == ["1", "1", "6.0", "7.0"]
    with pytest.raises(ValueError, match="takes at most 2,000"):
        written.latex(np.zeros(3000), "x")
    view = shown(qtbot, x)
    view.copy.menu().actions()[0].trigger()
    assert QGuiApplication.clipboard().text() == written.csv(x, "x")
