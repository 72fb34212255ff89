"""The entry fields of a form: one for each type that an attribute can have."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from graphlab.engine.declared import Attribute

_INT_LIMIT = 2**31 - 1
_NUMBER = re.compile(r"[-+−]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+−]?\d+)?")


class Invalid(Exception):
    """What was typed cannot be used: a sentence that says what is needed."""


class IntBox(QSpinBox):
    """A spin box for whole numbers that the wheel leaves alone until it has the focus.

    Anything can be typed; what cannot be used is ``refused`` with a sentence, not turned into another number.
    """

    refused = Signal(str)

    def __init__(self, attribute: Attribute) -> None:
        super().__init__()
        self._attribute = attribute
        self.setRange(int(_or(attribute.min, -_INT_LIMIT)), int(_or(attribute.max, _INT_LIMIT)))
        _prepare(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


    def valueFromText(self, text: str) -> int:
        return int(text.strip().replace("−", "-"))

    def validate(self, text: str, at: int) -> Any:
        return _judge(text, self._attribute, self.minimum(), self.maximum()), text, at

    def fixup(self, text: str) -> str:
        self.refused.emit(f"{_refusal(text, self._attribute)} It stays {self.value():,}.")
        return text


class FloatBox(QDoubleSpinBox):
    """A spin box for real numbers that are written as people write them: 0.001 or 1e-3.

    Anything can be typed; what cannot be used is ``refused`` with a sentence, not turned into another number.
    """

    refused = Signal(str)

    def __init__(self, attribute: Attribute) -> None:
        super().__init__()
        self._attribute = attribute
        self.setDecimals(15)
        self.setRange(_or(attribute.min, -1e300), _or(attribute.max, 1e300))
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        _prepare(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def stepBy(self, steps: int) -> None:
        # Qt's adaptive step works on the decimals shown; here it is a tenth of the number's own size.
        value = self.value()
        size = 10.0 ** (math.floor(math.log10(abs(value)) + 1e-9) - 1) if value else 0.01
        self.setValue(float(f"{value + steps * size:.6g}"))

    def textFromValue(self, value: float) -> str:
        return f"{value:.10g}"

    def valueFromText(self, text: str) -> float:
        return float(text.strip().replace(",", ".").replace("−", "-"))

    def validate(self, text: str, at: int) -> Any:
        return _judge(text, self._attribute, self.minimum(), self.maximum()), text, at

    def fixup(self, text: str) -> str:
        self.refused.emit(f"{_refusal(text, self._attribute)} It stays {self.textFromValue(self.value())}.")
        return text


def _judge(text: str, attribute: Attribute, low: float, high: float) -> QValidator.State:
    try:
        good = low <= _number(text.strip(), attribute.type, attribute.name) <= high
    except Invalid:
        good = False
    return QValidator.State.Acceptable if good else QValidator.State.Intermediate


def _refusal(text: str, attribute: Attribute) -> str:
    """Say why a text cannot be the value of a number."""
    try:
        value = _number(text.strip(), attribute.type, attribute.name)
    except Invalid as e:
        return str(e)
    return (attribute.problem(value) or f"{attribute.name} cannot be {value:,.10g}: it is too large a number") + "."


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _prepare(box: QAbstractSpinBox) -> None:
    box.setKeyboardTracking(False)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)


class TextField(QLineEdit):
    """A line of text that stands for a value; ``finished`` comes with what was typed."""

    finished = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.shown = ""
        self.editingFinished.connect(self._finish)

    def _finish(self) -> None:
        if self.text() != self.shown:
            self.shown = self.text()
            self.finished.emit(self.shown)


# --- numbers and words in one line -----------------------------------------------------------------


def optional(kind: Any) -> tuple[Any, bool]:
    """Take ``None`` out of a type: the type without it, and whether it was in there."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(kind) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return kind, False


def show(value: object) -> str:
    """Write a value of a text field: 5×5, 0.9, 0.999, or the words themselves."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        whole = all(isinstance(v, int) for v in value)
        return ("×" if whole else ", ").join(f"{v:.10g}" if isinstance(v, float) else str(v) for v in value)
    return str(value)


def parse(text: str, kind: Any, name: str) -> object:
    """Read a value of the given type. Raises `Invalid` with a sentence."""
    kind, empty = optional(kind)
    text = text.strip()
    if not text and empty:
        return None
    if kind is str:
        return text
    if typing.get_origin(kind) is tuple:
        return _parse_tuple(text, typing.get_args(kind), name)
    return _number(text, kind, name)


def _parse_tuple(text: str, kinds: tuple[Any, ...], name: str) -> tuple[object, ...]:
    many = len(kinds) == 2 and kinds[1] is Ellipsis
    if kinds[0] is str:
        return tuple(w for w in re.split(r"[,\s]+", text) if w)
    pieces = [p for p in re.split(r"[×x*;\s]+|,\s*", text.strip("()[] ")) if p]
    if not many and len(pieces) == 1:
        pieces = pieces * len(kinds)
    if not many and len(pieces) != len(kinds):
        like = "×".join("5" * len(kinds))
        raise Invalid(f"{name} needs {len(kinds)} numbers, such as {like}; {len(pieces)} are typed.")
    return tuple(_number(p, kinds[0] if many else k, name) for p, k in zip(pieces, kinds * len(pieces), strict=False))


def _number(text: str, kind: Any, name: str) -> float | int:
    if kind is int:
        if not re.fullmatch(r"[-+−]?\d+", text):
            raise Invalid(f"{name} needs whole numbers, such as 5 or 1×28×28; “{text}” is none.")
        return int(text.replace("−", "-"))
    if not _NUMBER.fullmatch(text):
        raise Invalid(f"{name} needs numbers, such as 0.9 or 1e-3; “{text}” is none.")
    return float(text.replace(",", ".").replace("−", "-"))


# --- from an attribute to its field ----------------------------------------------------------------


def _fits_text(kind: Any) -> bool:
    kind, _ = optional(kind)
    if typing.get_origin(kind) is tuple:
        inner = [a for a in typing.get_args(kind) if a is not Ellipsis]
        return bool(inner) and all(a in (int, float, str) for a in inner)
    return kind in (int, float, str)


def editable(attribute: Attribute) -> bool:
    """Tell whether a form has a field for this attribute; graphs and nested tables have none."""
    return attribute.type is bool or bool(attribute.choices) or _fits_text(attribute.type)


class Field:
    """An entry field with one face: `show` a value, and ``edited`` is called with a new one or with a sentence."""

    def __init__(self, attribute: Attribute, edited: Callable[[object], None], failed: Callable[[str], None]) -> None:
        self.attribute = attribute
        self._edited = edited
        self._failed = failed
        self.widget: QWidget
        self._put: Callable[[Any], object]
        kind = attribute.type
        if attribute.choices:
            self._make_choice(attribute)
        elif kind is bool:
            check = QCheckBox()
            check.toggled.connect(self._take)
            self.widget, self._put = check, check.setChecked
        elif kind is int or kind is float:
            box = IntBox(attribute) if kind is int else FloatBox(attribute)
            box.valueChanged.connect(self._take)
            box.refused.connect(failed)
            self.widget, self._put = box, box.setValue
        else:
            line = TextField()
            line.finished.connect(self._take_text)
            self.widget, self._put = line, lambda v: self._put_text(line, v)
        self.widget.setToolTip(hint(attribute))
        self.widget.setAccessibleName(attribute.name.replace("_", " "))
        self.widget.setAccessibleDescription(attribute.help)

    def _make_choice(self, attribute: Attribute) -> None:
        box = QComboBox()
        box.addItems(list(attribute.choices))
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(6)
        box.textActivated.connect(self._take)
        self.widget, self._put = box, lambda v: box.setCurrentText(str(v))

    def show(self, value: object) -> None:
        """Show a value without telling anybody."""
        blocked = self.widget.blockSignals(True)
        self._put(value)
        self.widget.blockSignals(blocked)

    @staticmethod
    def _put_text(line: TextField, value: object) -> None:
        line.shown = show(value)
        if line.text() != line.shown:
            line.setText(line.shown)

    def _take(self, value: object) -> None:
        wrong = self.attribute.problem(value)
        if wrong:
            self._failed(wrong + ".")
        else:
            self._edited(value)

    def _take_text(self, text: str) -> None:
        try:
            self._take(parse(text, self.attribute.type, self.attribute.name))
        except Invalid as e:
            self._failed(str(e))


def hint(attribute: Attribute) -> str:
    """Return the tooltip of a field: what the attribute means, and its limits."""
    low, high = attribute.min, attribute.max
    limits = ""
    if low is not None and high is not None:
        limits = f" ({low:g} … {high:g})"
    elif low is not None:
        limits = f" (at least {low:g})"
    elif high is not None:
        limits = f" (at most {high:g})"
    text = attribute.help or attribute.name
    return text[:1].upper() + text[1:] + limits
