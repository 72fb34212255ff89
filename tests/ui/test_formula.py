"""Formulas: typeset as outlines, broken into lines that fit, with parts that can be pointed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.engine.op import registry
from graphlab.ui import theme
from graphlab.ui.formula import EM, mark, outline, plain, typeset
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.formula_lines import clauses, lay_out, paint_formula, pieces

LONG = r"\frac{\partial L}{\partial W_{0,1}} = " + "+".join(rf"0.1{i}\cdot \left(-0.5{i}\right)" for i in range(9))


def ink(image: QImage, colour: QColor) -> int:
    """Count the pixels that are near to a colour."""
    return sum(abs(c.red() - colour.red()) + abs(c.green() - colour.green()) + abs(c.blue() - colour.blue()) < 60
               for x in range(image.width()) for y in range(image.height()) for c in (image.pixelColor(x, y),))


def drawn(latex: str, colour: str = "#000000", marks: dict[int, QColor] | None = None) -> QImage:
    image = QImage(300, 80, QImage.Format.Format_RGB32)
    image.fill(QColor("#ffffff"))
    painter = QPainter(image)
    paint_formula(painter, latex, QRectF(4, 4, 292, 72), 20, QColor(colour), marks)
    painter.end()
    return image


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_op_has_a_formula_that_can_be_typeset(name: str, qapp: object) -> None:
    formula = registry()[name]().formula()
    if formula:
        picture = typeset(formula)
        assert picture.good, formula
        assert picture.parts
        layout = lay_out(formula, 16, 320)
        assert layout.good
        assert layout.height > 8


def test_what_is_drawn_stays_within_the_measure(qapp: object) -> None:
    for latex in ("y = xW + b", r"\sqrt{\frac{a}{b}}", r"\sum_{i=1}^{n} x_i", r"\hat{x}"):
        picture = typeset(latex)
        for part in picture.parts:
            box = part.path.boundingRect()
            assert box.left() >= -0.1 * EM
            assert box.right() <= picture.width + 1
            assert -box.top() <= picture.ascent + 1
            assert box.bottom() <= picture.descent + 1


def test_a_formula_that_cannot_be_read_shows_its_source(qapp: object) -> None:
    for broken in (r"\frac{x", r"\left(x+", "{", r"\begin{cases}"):
        picture = typeset(broken)
        assert not picture.good
        assert picture.source == broken
        assert ink(drawn(broken), QColor("#000000")) > 5


@given(st.text(alphabet=r"\{}abc_^+-=()&%$#~ 12", max_size=20))
def test_any_text_becomes_some_picture(text: str) -> None:
    assert typeset(text).source == text


def test_marks_carry_colours_and_places(qapp: object) -> None:
    latex = "y = " + mark("x_{0}", 1) + r" \cdot " + mark("0.25", 7)
    blue = QColor("#1763b8")
    assert ink(drawn(latex), blue) == 0
    assert ink(drawn(latex, marks={7: blue}), blue) > 10
    boxes = dict(typeset(latex).boxes(20))
    assert set(boxes) == {1, 7}
    assert boxes[1].right() < boxes[7].left()
    assert plain(latex) == r"y = x_{0} \cdot 0.25"


def test_a_sign_of_a_number_stands_close_to_it(qapp: object) -> None:
    assert typeset(r"a = -b").width < typeset("a - b").width + typeset("=").width + 0.6 * EM
    assert typeset(r"\left(-0.5\right)").width == pytest.approx(typeset(r"\left({-}0.5\right)").width)


def test_a_long_formula_breaks_into_lines_that_fit(qapp: object) -> None:
    layout = lay_out(LONG, 16, 320)
    assert layout.width <= 320
    assert layout.size == 16
    assert len({p.y for p in layout.placed}) > 2
    assert lay_out(LONG, 16, 2000).height < layout.height
    assert "".join(pieces(LONG)) == LONG
    assert "".join(pieces(r"a=-b+c\cdot-d")) == r"a=-b+c\cdot-d"
    assert pieces(r"a=-b+c") == ["a", "=-b", "+c"]


def test_what_cannot_be_broken_shrinks_and_then_scrolls(qapp: object) -> None:
    fraction = rf"\frac{{{'a' * 40}}}{{b}}"
    layout = lay_out(fraction, 16, 250)
    assert 16 * 0.7 <= layout.size < 16
    assert lay_out(fraction, 16, 60).width > 60


def test_equations_in_a_list_take_a_line_each(qapp: object) -> None:
    latex = r"r = \sigma(x_t W_r + h_{t-1} U_r),\quad z = \sigma(x_t W_z + h_{t-1} U_z)"
    assert clauses(latex) == [r"r = \sigma(x_t W_r + h_{t-1} U_r),", r" z = \sigma(x_t W_z + h_{t-1} U_z)"]
    layout = lay_out(latex, 16, 260)
    starts = {y: min(p.x for p in layout.placed if p.y == y) for y in {p.y for p in layout.placed}}
    assert list(starts.values()) == [0.0, 0.0]


def test_outlines_are_read_as_svg_writes_them() -> None:
    path = outline("M 0 0 L 10 0 Q 10 10 0 10 Z M 2.5 2 L 3 2 L 3 -1e-1 Z")
    assert path.boundingRect().contains(QPointF(3, 9))
    assert path.boundingRect().top() == pytest.approx(-0.1)
    assert path.elementCount() > 7


def test_the_label_shows_the_formula_in_both_themes(qtbot: QtBot) -> None:
    label = FormulaLabel("y = xW + b", 18)
    qtbot.addWidget(label)
    label.resize(300, 40)
    label.show()
    qtbot.waitUntil(lambda: label.layout_for(300) is not None)
    for mode in ("light", "dark"):
        theme.set(mode)
        assert ink(label.grab().toImage(), theme.current().text) > 20
    theme.set("system")
    assert label.heightForWidth(300) >= label.layout_for(300).height  # type: ignore[union-attr]


def test_parts_of_the_label_can_be_pointed_at_and_clicked(qtbot: QtBot) -> None:
    label = FormulaLabel("", 18)
    qtbot.addWidget(label)
    label.set_latex("y = " + mark("0.5", 1) + "+" + mark("2", 2), {1: 0.5, 2: 2.0}, {1: "x[0]", 2: "b[0]"})
    label.resize(300, 40)
    label.show()
    qtbot.waitUntil(lambda: not label.part_rect(2).isEmpty())
    hovered: list[int] = []
    label.hovered.connect(hovered.append)
    QTest.mouseMove(label, label.part_rect(1).center().toPoint())
    QTest.mouseMove(label, QPoint(290, 35))
    with qtbot.waitSignal(label.clicked) as clicked:
        QTest.mouseClick(label, Qt.MouseButton.LeftButton, pos=label.part_rect(2).center().toPoint())
    assert clicked.args == [2]
    assert hovered[:2] == [1, 0]
    assert label.part_at(QPointF(298, 5)) == 0


def test_a_label_that_is_too_narrow_scrolls(qtbot: QtBot) -> None:
    label = FormulaLabel("", 18)
    qtbot.addWidget(label)
    label.set_latex(mark(rf"\frac{{{'a' * 60}}}{{b}}", 1))
    label.resize(150, 60)
    label.show()
    qtbot.waitUntil(lambda: not label.part_rect(1).isEmpty())
    right = label.part_rect(1).right()
    assert right > 150
    QTest.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(140, 20))
    QTest.mouseMove(label, QPoint(10, 20))
    assert label.part_rect(1).right() == pytest.approx(right - 130, abs=1)
