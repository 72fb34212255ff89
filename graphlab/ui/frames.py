"""Fusion with frames that can be seen: fields and check boxes take the theme's border colour, also on dark ground."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QApplication,
    QProxyStyle,
    QStyle,
    QStyleHintReturn,
    QStyleOption,
    QStyleOptionComplex,
    QWidget,
)

from graphlab.ui import theme

_FIELDS = (QStyle.ComplexControl.CC_SpinBox, QStyle.ComplexControl.CC_ComboBox)
_BOXES = (QStyle.PrimitiveElement.PE_IndicatorCheckBox, QStyle.PrimitiveElement.PE_FrameLineEdit)


class Frames(QProxyStyle):
    """Fusion derives its outlines from the window's colour, which leaves too little contrast: they are drawn over."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def styleHint(
        self, hint: QStyle.StyleHint, option: QStyleOption | None = None, widget: QWidget | None = None,
        data: QStyleHintReturn | None = None,
    ) -> int:
        if hint == QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons:
            return 0
        return super().styleHint(hint, option, widget, data)

    def drawPrimitive(
        self, element: QStyle.PrimitiveElement, option: QStyleOption, painter: QPainter, widget: QWidget | None = None,
    ) -> None:
        super().drawPrimitive(element, option, painter, widget)
        if element in _BOXES:
            frame(option, painter)

    def drawComplexControl(
        self, control: QStyle.ComplexControl, option: QStyleOptionComplex, painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        super().drawComplexControl(control, option, painter, widget)
        if control in _FIELDS:
            frame(option, painter)


def frame(option: QStyleOption, painter: QPainter) -> None:
    """Draw the border of a field: in the accent's colour where it has the focus, quieter where it is disabled."""
    now = theme.current()
    state = option.state
    if not state & QStyle.StateFlag.State_Enabled:
        colour = now.hairline
    elif state & QStyle.StateFlag.State_HasFocus:
        colour = now.accent
    else:
        colour = now.border
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), 2.5, 2.5)
    painter.restore()


def apply(app: QApplication) -> None:
    """Give the application this style."""
    app.setStyle(Frames())
