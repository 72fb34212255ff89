"""A widget that shows a formula: broken into lines where it is long, with marked parts that can be pointed at."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from graphlab.ui import theme
from graphlab.ui.formula import loaded, plain, source_font
from graphlab.ui.formula_lines import Layout, lay_out

_MARGIN = 2


class FormulaLabel(QWidget):
    """Shows LaTeX. Lines break to fit the width; what still does not fit is scrolled sideways with the wheel or a drag.

    The typesetter is loaded after the first paint, so that a window never waits for it.
    """

    clicked = Signal(int)  # the number of the marked part that was clicked
    hovered = Signal(int)  # the number of the marked part under the mouse, 0 for none

    def __init__(self, latex: str = "", size: float = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._latex = ""
        self._size = size
        self._shown = False
        self._offset = 0.0
        self._grip: float | None = None
        self._hover = 0
        self._lit = 0
        self._signs: dict[int, float] = {}
        self._notes: dict[int, str] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(True)
        theme.signals.changed.connect(self.update)
        self.set_latex(latex)

    # --- what is shown ----------------------------------------------------------------------------------

    def latex(self) -> str:
        """Return the formula as it would be written, without marks."""
        return plain(self._latex)

    def set_latex(
        self, latex: str, signs: dict[int, float] | None = None, notes: dict[int, str] | None = None,
    ) -> None:
        """Show another formula. ``signs`` colours marked numbers by their sign, ``notes`` are their tooltips."""
        self._signs, self._notes = signs or {}, notes or {}
        self._hover = self._lit = 0
        self._offset = 0.0
        self._latex = latex
        self._shown = self._shown or loaded()
        self.setAccessibleName(self.latex())
        self.setVisible(bool(latex))
        self.updateGeometry()
        self.update()

    def light(self, number: int) -> None:
        """Underlay one marked part, 0 for none."""
        if number != self._lit:
            self._lit = number
            self.update()

    def layout_for(self, width: float) -> Layout | None:
        """Return the formula broken into lines for a width, or None while the typesetter is not loaded."""
        if not self._shown or not self._latex:
            return None
        return lay_out(self._latex, self._size, max(40.0, width - 2 * _MARGIN))

    # --- geometry ---------------------------------------------------------------------------------------

    def heightForWidth(self, width: int) -> int:
        layout = self.layout_for(width)
        return round(self._size * 1.6) if layout is None else int(layout.height) + 2 * _MARGIN + 2

    def hasHeightForWidth(self) -> bool:
        return True

    def sizeHint(self) -> QSize:
        width = self.width() if self.testAttribute(Qt.WidgetAttribute.WA_Resized) else 320
        layout = self.layout_for(width)
        wide = 200 if layout is None else int(layout.width) + 2 * _MARGIN + 1
        return QSize(wide, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.heightForWidth(max(60, self.width())))

    def resizeEvent(self, event: object) -> None:
        self._scroll(0.0)
        self.updateGeometry()

    def _too_wide(self) -> float:
        layout = self.layout_for(self.width())
        return 0.0 if layout is None else max(0.0, layout.width + 2 * _MARGIN - self.width())

    def _scroll(self, by: float) -> None:
        self._offset = min(max(0.0, self._offset + by), self._too_wide())
        self.update()

    # --- painting ---------------------------------------------------------------------------------------

    def _load(self) -> None:
        self._shown = True
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme.current()
        layout = self.layout_for(self.width())
        if layout is None:
            if self._latex:
                painter.setFont(source_font(self._size))
                painter.setPen(colours.muted)
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self.latex())
                QTimer.singleShot(0, self, self._load)
            painter.end()
            return
        at = QPointF(_MARGIN - self._offset, _MARGIN)
        for number, box in layout.boxes():
            if number in (self._hover, self._lit):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.mix(colours.base, colours.accent, 0.28))
                painter.drawRoundedRect(box.translated(at).adjusted(-3, -3, 3, 3), 3, 3)
        layout.paint(painter, at, colours.text if layout.good else colours.muted, lambda n: colours.sign(
            self._signs[n]) if n in self._signs else None)
        hidden = self._too_wide()
        if hidden:
            # A thin bar says that there is more to the side.
            track = self.width() - 2 * _MARGIN
            bar = track * self.width() / (self.width() + hidden)
            x = _MARGIN + (track - bar) * self._offset / hidden
            painter.fillRect(QRectF(x, self.height() - 2, bar, 2), colours.border)
        painter.end()

    # --- pointing ---------------------------------------------------------------------------------------

    def part_at(self, position: QPointF) -> int:
        """Return the number of the marked part at a position of the widget, 0 for none."""
        layout = self.layout_for(self.width())
        at = position - QPointF(_MARGIN - self._offset, _MARGIN)
        near = [] if layout is None else [
            (box.width() * box.height(), n) for n, box in layout.boxes() if box.adjusted(-3, -4, 3, 4).contains(at)]
        return min(near)[1] if near else 0

    def part_rect(self, number: int) -> QRectF:
        """Return where a marked part stands in the widget; empty where it is not shown."""
        layout = self.layout_for(self.width())
        for n, box in layout.boxes() if layout is not None else ():
            if n == number:
                return box.translated(_MARGIN - self._offset, _MARGIN)
        return QRectF()

    def _hover_at(self, number: int) -> None:
        if number == self._hover:
            return
        self._hover = number
        self.setCursor(Qt.CursorShape.PointingHandCursor if number else Qt.CursorShape.ArrowCursor)
        self.update()
        self.hovered.emit(number)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None and self._too_wide():
            self._scroll(self._grip - event.position().x())
            self._grip = event.position().x()
            return
        self._hover_at(self.part_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position().x()
            if number := self.part_at(event.position()):
                self.clicked.emit(number)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip = None

    def leaveEvent(self, event: QEvent) -> None:
        self._hover_at(0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta().x() or event.angleDelta().y()
        if self._too_wide() and delta:
            self._scroll(-delta / 2)
            event.accept()
        else:
            event.ignore()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and self._hover:
            QToolTip.showText(self.mapToGlobal(self.part_rect(self._hover).bottomLeft().toPoint()),
                              self._notes.get(self._hover, ""), self)
            return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction("Copy as LaTeX", lambda: QGuiApplication.clipboard().setText(self.latex()))
        menu.exec(event.globalPos())
        menu.deleteLater()
