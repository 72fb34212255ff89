"""Where one number came from: its formula, the formula with the numbers in, and the operands to walk on to."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from graphlab.engine.derive import ChainTerm, Operand, chain
from graphlab.engine.expr import Index
from graphlab.engine.run import RunError
from graphlab.ui import icons, theme
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.numbers import exact_text, place_text
from graphlab.ui.panels.inspector_arithmetic import Arithmetic, compare, explain, place_of
from graphlab.ui.panels.inspector_operands import OperandTable
from graphlab.ui.panels.inspector_subject import arrays, find, label_of
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.session import Session

_SLOW = 0.05  # seconds


@dataclass(frozen=True)
class Spot:
    """A number of the run: which node, which array, which element, and whether its gradient is meant."""

    path: str
    name: str
    index: Index
    grad: bool = False


class DerivationPane(QWidget):
    """Explains one number at a time and remembers the way that was walked.

    ``lit`` comes with the operands to light up, ``walked`` with the spot that is explained now (None: nothing).
    """

    lit = Signal(object)
    walked = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.spot: Spot | None = None
        self.arithmetic: Arithmetic | None = None
        self.terms: tuple[ChainTerm, ...] = ()
        self.trail: list[Spot] = []
        self.at = -1
        self._took = 0.0
        self.title, self.result, self.problem = Sentence(wrap=False), Sentence("", "good"), Sentence("", "muted")
        self.symbolic, self.numbers = FormulaLabel(size=15), FormulaLabel(size=15)
        self.operands = OperandTable()
        self.back, self.onward = _tool("back", "Back to the number before (Alt+Left)"), _tool(
            "forward", "Forward to the next number (Alt+Right)")
        self.copy = _tool("copy", "Copy the arithmetic as LaTeX")
        self.close_button = _tool("close", "Close; clicking a number opens it again")
        self._build()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(8, 2, 4, 0)
        head.setSpacing(0)
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head.addWidget(self.title, 1)
        for button, act in ((self.back, self.go_back), (self.onward, self.go_on), (self.copy, self.copy_latex),
                            (self.close_button, self.clear)):
            button.clicked.connect(act)
            head.addWidget(button)
        self._inside = QWidget()
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(8, 2, 8, 8)
        column.setSpacing(5)
        for widget in (self.symbolic, self.numbers, self.result, self.problem, self.operands):
            column.addWidget(widget)
        column.addStretch()
        self.result.setFont(theme.font(12))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(head)
        outer.addWidget(scroll, 1)
        for line in (self.symbolic, self.numbers):
            line.hovered.connect(self._point)
            line.clicked.connect(self._walk)
        self.operands.hovered.connect(self._point_row)
        self.operands.chosen.connect(self._walk_row)

    # --- showing ----------------------------------------------------------------------------------------

    def show_spot(self, spot: Spot, remember: bool = True) -> None:
        """Explain a number; it becomes the end of the trail."""
        if remember and spot != self.spot:
            self.trail = [*self.trail[:self.at + 1], spot][-200:]
            self.at = len(self.trail) - 1
        self.spot = spot
        self._show()
        self.walked.emit(spot)

    def wanted_height(self) -> int:
        """Return how tall the pane has to be to show everything without scrolling."""
        layout = self._inside.layout()
        return self.close_button.sizeHint().height() + 22 + (
            0 if layout is None else layout.totalHeightForWidth(max(100, self.width() - 2)))

    def refresh(self) -> None:
        """Explain the same number anew, after something has run or changed.

        While training goes on, arithmetic that takes its time waits for the end of it.
        """
        if self.spot is not None and not (self.session.live and self._took > _SLOW):
            self._show()

    def clear(self) -> None:
        """Explain nothing, and forget the trail."""
        self.spot, self.arithmetic, self.terms, self.trail, self.at = None, None, (), [], -1
        self.lit.emit(())
        self.walked.emit(None)

    def _show(self) -> None:
        assert self.spot is not None
        spot = self.spot
        sentence, start = "", time.perf_counter()
        QGuiApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            a, self.terms = self._compute(spot)
        except RunError as e:
            a, self.terms, sentence = None, (), str(e)
        finally:
            QGuiApplication.restoreOverrideCursor()
        self._took = time.perf_counter() - start
        self.arithmetic = a
        shown = place_text(f"∂L/∂{spot.name}" if spot.grad else spot.name, spot.index)
        self.title.setText(f"<b>{shown}</b> of {label_of(self.session, spot.path)}")
        self.back.setEnabled(self.at > 0)
        self.onward.setEnabled(self.at + 1 < len(self.trail))
        self.copy.setEnabled(a is not None)
        notes = {} if a is None else {n: f"{place_of(o)} of ‘{label_of(self.session, o.path)}’ = {exact_text(o.value)}"
                                      for n, o in enumerate(a.operands, 1)}
        signs = {} if a is None else {n: o.value for n, o in enumerate(a.operands, 1)}
        self.symbolic.set_latex("" if a is None else a.symbolic, {}, notes)
        self.numbers.set_latex("" if a is None else a.substituted, signs, notes)
        self.result.set_tone("good" if a is None or a.agrees else "problem")
        self.result.setText("" if a is None or a.origin else compare(a))
        self.result.setVisible(bool(self.result.text()))
        self.problem.setText(sentence or ("" if a is None else a.origin or a.note))
        self.problem.setVisible(bool(self.problem.text()))
        self._list()
        self.lit.emit(() if a is None or a.origin else a.operands)

    def _compute(self, spot: Spot) -> tuple[Arithmetic | None, tuple[ChainTerm, ...]]:
        subject = find(self.session, spot.path)
        if subject is None or subject.run is None:
            raise RunError("Nothing has run yet: press F5 to run, or F10 to step.")
        shown = next((s for s in arrays(self.session, subject) if s.name == spot.name), None)
        have = None if shown is None else shown.gradient if spot.grad else shown.value
        if shown is None or have is None:
            what = f"∂L/∂{spot.name}" if spot.grad else spot.name
            raise RunError(f"The debugger has not reached {what} of ‘{subject.name}’ yet: step on with F10.")
        if len(spot.index) != have.ndim or any(i >= n for i, n in zip(spot.index, have.shape, strict=True)):
            raise RunError(f"{spot.name} of ‘{subject.name}’ has another shape now; click one of its numbers.")
        arithmetic = explain(subject.run, subject, shown, spot.index, spot.grad, self._label)
        backward = spot.grad and subject.record is not None and spot.name in subject.record.inputs
        return arithmetic, chain(subject.run, spot.path, spot.name, spot.index) if backward else ()

    def _label(self, path: str) -> str:
        return label_of(self.session, path)

    def _list(self) -> None:
        a = self.arithmetic
        if self.terms and self.spot is not None:
            self.operands.rows.show_terms(self.spot.path, self.terms, self._label)
        else:
            self.operands.rows.show_operands(() if a is None or a.origin else a.operands, self._label)
        self.operands.setVisible(self.operands.rows.rowCount() > 0)

    # --- pointing and walking ------------------------------------------------------------------------------

    def _point(self, number: int) -> None:
        """Light up one operand of the formula alone, or all of them again."""
        a = self.arithmetic
        if a is None or a.origin:
            return
        self.symbolic.light(number)
        self.numbers.light(number)
        self.lit.emit((a.operands[number - 1],) if number else a.operands)

    def _point_row(self, number: int) -> None:
        rows = self.operands.rows.operands
        a = self.arithmetic
        if not number or number > len(rows):
            self._point(0)
        elif a is not None and rows[number - 1] in a.operands:
            self._point(a.operands.index(rows[number - 1]) + 1)

    def _walk(self, number: int) -> None:
        if self.arithmetic is not None and number:
            self.walk_to(self.arithmetic.operands[number - 1])

    def _walk_row(self, number: int) -> None:
        rows = self.operands.rows.operands
        if 0 < number <= len(rows):
            self.walk_to(rows[number - 1])

    def walk_to(self, operand: Operand) -> None:
        """Explain an operand next."""
        self.show_spot(Spot(operand.path, operand.name, operand.index, operand.grad))

    def go_back(self) -> None:
        """Explain the number before once more."""
        if self.at > 0:
            self.at -= 1
            self.show_spot(self.trail[self.at], remember=False)

    def go_on(self) -> None:
        """Go forward again on the trail."""
        if self.at + 1 < len(self.trail):
            self.at += 1
            self.show_spot(self.trail[self.at], remember=False)

    def copy_latex(self) -> None:
        """Copy the arithmetic as LaTeX."""
        if self.arithmetic is not None:
            QGuiApplication.clipboard().setText(self.arithmetic.plain())


def _tool(icon: str, text: str) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setIcon(icons.icon(icon))
    button.setIconSize(QSize(15, 15))
    button.setToolTip(text)
    button.setAccessibleName(text)
    return button
