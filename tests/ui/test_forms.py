"""Forms from declarations: fields by type, limits, and sentences for what cannot be used."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from graphlab.engine.declared import Attribute, Declared, attr
from graphlab.engine.op import registry
from graphlab.ui.fields import FloatBox, IntBox, Invalid, editable, hint, parse, show
from graphlab.ui.forms import Form


class Sample(Declared, register=False):
    """Has one attribute of every kind."""

    count: int = attr("how many", default=3, min=1, max=9)
    rate: float = attr("how fast", default=0.01, min=0.0)
    on: bool = attr("whether", default=True)
    kind: str = attr("which", default="a", choices=("a", "b"))
    text: str = attr("what", default="")
    size: tuple[int, ...] = attr("how large", default=(2, 3), min=1)
    pair: tuple[int, int] = attr("two of them", default=(1, 1), min=1)
    names: tuple[str, ...] = attr("who", default=("x",))
    table: tuple[tuple[str, str], ...] = attr("not for a form", default=())


@pytest.fixture
def form(qtbot: QtBot) -> Form:
    form = Form.of(Sample())
    qtbot.addWidget(form)
    form.show()
    return form


@pytest.fixture
def changes(form: Form) -> list[tuple[str, object]]:
    seen: list[tuple[str, object]] = []
    form.changed.connect(lambda name, value: seen.append((name, value)))
    return seen


def typed(form: Form, name: str, text: str) -> None:
    line = form.fields[name].widget
    assert isinstance(line, QLineEdit)
    line.setText(text)
    line.editingFinished.emit()


def test_every_attribute_that_can_be_edited_has_a_field(form: Form) -> None:
    assert list(form.fields) == ["count", "rate", "on", "kind", "text", "size", "pair", "names"]
    kinds = {n: type(f.widget) for n, f in form.fields.items()}
    assert (kinds["count"], kinds["rate"], kinds["on"], kinds["kind"]) == (IntBox, FloatBox, QCheckBox, QComboBox)
    for name, field in form.fields.items():
        assert field.widget.accessibleName() == name
        assert field.widget.toolTip()


def test_ops_and_forms_agree(qtbot: QtBot) -> None:
    """Each field of each op shows its default and takes it back unchanged."""
    for op in registry().values():
        form = Form.of(op())
        qtbot.addWidget(form)
        seen: list[object] = []
        form.changed.connect(lambda *pair, seen=seen: seen.append(pair))
        form.set_values(op().values())
        assert seen == [], op.name()
        for attribute in op.attributes():
            if editable(attribute) and not attribute.choices and attribute.type not in (int, float, bool):
                assert parse(show(attribute.default), attribute.type, "x") == attribute.default, (op, attribute.name)


def test_setting_values_tells_nobody(form: Form, changes: list[tuple[str, object]]) -> None:
    form.set_values({"count": 5, "rate": 0.5, "on": False, "kind": "b", "size": (7,), "names": ("a", "b")})
    assert changes == []
    box = form.fields["count"].widget
    assert isinstance(box, IntBox) and box.value() == 5


def test_numbers_come_once_they_are_finished(form: Form, changes: list[tuple[str, object]], qtbot: QtBot) -> None:
    box = form.fields["count"].widget
    assert isinstance(box, IntBox)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "7")
    assert changes == []
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert changes == [("count", 7)]
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert changes[-1] == ("count", 8)


@pytest.mark.parametrize(("text", "value"), [
    ("5x5", (5, 5)), ("5×5", (5, 5)), ("5 * 5", (5, 5)), ("5, 5", (5, 5)), ("(5 5)", (5, 5)), ("7", (7, 7)),
])
def test_sizes_are_read_however_they_are_written(
    form: Form, changes: list[tuple[str, object]], text: str, value: object,
) -> None:
    typed(form, "pair", text)
    assert changes == [("pair", value)]
    assert form.problem("pair") == ""


@pytest.mark.parametrize(("name", "text", "sentence"), [
    ("pair", "1×2×3", "pair needs 2 numbers, such as 5×5; 3 are typed."),
    ("pair", "0×1", "pair must be at least 1; it is 0."),
    ("size", "two", "size needs whole numbers, such as 5 or 1×28×28; “two” is none."),
    ("size", "1.5", "size needs whole numbers, such as 5 or 1×28×28; “1.5” is none."),
])
def test_what_cannot_be_used_is_said_in_a_sentence(
    form: Form, changes: list[tuple[str, object]], name: str, text: str, sentence: str,
) -> None:
    typed(form, name, text)
    assert changes == []
    assert form.problem(name) == sentence
    typed(form, name, "2×2")
    assert changes == [(name, (2, 2))]
    assert form.problem(name) == ""


@pytest.mark.parametrize(("text", "kind", "value"), [
    ("1e-3, 0,5", tuple[float, ...], (0.001, 0.0, 5.0)), ("−2.5 1", tuple[float, float], (-2.5, 1.0)),
    ("", tuple[int, ...], ()), ("", int | None, None), ("3", int | None, 3),
    ("a, b c", tuple[str, ...], ("a", "b", "c")),
])
def test_texts_are_read_by_type(text: str, kind: Any, value: object) -> None:
    assert parse(text, kind, "x") == value


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="“fast” is none"):
        parse("fast", tuple[float, ...], "rates")


@pytest.mark.parametrize(("before", "steps", "after"), [
    (0.01, 1, 0.011), (0.01, -1, 0.009), (0.001, 10, 0.002), (1.0, -1, 0.9), (5.0, 1, 5.1), (0.0, 1, 0.01),
])
def test_steps_are_a_tenth_of_the_size_of_the_number(qtbot: QtBot, before: float, steps: int, after: float) -> None:
    box = FloatBox(Attribute("rate", float, 0.01, ""))
    qtbot.addWidget(box)
    box.setValue(before)
    box.stepBy(steps)
    assert box.value() == pytest.approx(after)


@pytest.mark.parametrize("text", ["1e-3", "0,001", ".001", "0.001", "1E-3"])
def test_small_numbers_are_typed_as_people_write_them(qtbot: QtBot, text: str) -> None:
    box = FloatBox(Attribute("rate", float, 0.01, "", min=0.0))
    qtbot.addWidget(box)
    box.selectAll()
    QTest.keyClicks(box, text)
    box.interpretText()
    assert box.value() == pytest.approx(0.001)
    assert box.text() == "0.001"


def test_the_wheel_leaves_a_field_alone_that_is_only_passed_over(form: Form, changes: list[tuple[str, object]]) -> None:
    box = form.fields["count"].widget
    box.clearFocus()
    event = QWheelEvent(QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
                        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(box, event)
    assert changes == []


def test_hints_name_the_limits() -> None:
    assert hint(Attribute("n", int, 1, "how many", min=1, max=9)) == "How many (1 … 9)"
    assert hint(Attribute("n", int, 1, "how many", min=1)) == "How many (at least 1)"


@pytest.mark.parametrize(("text", "sentence"), [
    ("-5", "count must be at least 1; it is -5. It stays 3."),
    ("1e99", "count needs whole numbers, such as 5 or 1×28×28; “1e99” is none. It stays 3."),
    ("many", "count needs whole numbers, such as 5 or 1×28×28; “many” is none. It stays 3."),
    ("99999999999999", "It stays 3."),
])
def test_a_number_that_cannot_be_used_is_refused_and_never_becomes_another(
    qtbot: QtBot, text: str, sentence: str,
) -> None:
    form = Form([Attribute("count", int, 3, "", min=1)])
    qtbot.addWidget(form)
    form.show()
    seen: list[object] = []
    form.changed.connect(lambda *pair: seen.append(pair))
    box = form.fields["count"].widget
    assert isinstance(box, IntBox)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert (box.value(), seen) == (3, [])
    assert form.problem("count").endswith(sentence)
    box.selectAll()
    QTest.keyClicks(box, "4")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert (seen, form.problem("count")) == ([("count", 4)], "")
