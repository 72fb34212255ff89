"""What a node costs, as arithmetic, and whether its gradient agrees with central differences."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from graphlab.document.summary import Summary, summarise
from graphlab.engine.gradcheck import Check, check_step
from graphlab.engine.plan import Plan
from graphlab.engine.spec import show_shape
from graphlab.ui import theme
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.inspector_subject import Subject
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.session import Session

#: Relative errors up to this pass: central differences in float64 are good to about 1e-9.
GOOD = 1e-5
_QUICK = 200_000  # multiply-adds below which the check runs by itself


def verdict(check: Check) -> tuple[str, str]:
    """Return the check as a sentence, and the tone it is said in."""
    if check.skipped:
        return f"not checked: the node {check.skipped}", "muted"
    if check.error <= GOOD:
        return f"✓ relative error {number_text(check.error)}", "good"
    where = f" (by {check.port})" if check.port else ""
    return f"✗ relative error {number_text(check.error)}{where}, more than {number_text(GOOD)}", "problem"


class CountsTab(QWidget):
    """Parameters, multiply-adds and values of the node under inspection, and its gradient check."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.subject: Subject | None = None
        self.check: Check | None = None
        self._checked: object = None
        self._counted: tuple[Plan | None, Summary] = None, Summary()
        self.parameters, self.macs, self.values, self.total = (Sentence() for _ in range(4))
        self.badge = Sentence()
        self.again = QPushButton("Check")
        self.again.setToolTip("Compare the backward pass of this node with central differences")
        self.again.clicked.connect(self.run_check)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        for text, widget, about in (
                ("parameters", self.parameters, "Numbers that training moves"),
                ("multiply-adds", self.macs, "Multiplications with an addition, for one sample"),
                ("values", self.values, "Numbers that come out, for one sample"),
                ("whole network", self.total, "Parameters of the whole network"),
                ("gradient check", self.badge, "Analytic gradients against (f(x+h) − f(x−h)) / 2h")):
            label = QLabel(text)
            label.setToolTip(about)
            widget.setFont(theme.font(tabular=True))
            form.addRow(label, widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(form)
        column.addWidget(self.again, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch()

    def show_subject(self, subject: Subject) -> None:
        """Show the counts of a node. The check runs when the tab is looked at."""
        self.subject = subject
        counted = self.session.plan if subject.plan.prefix == "" else subject.plan
        if self._counted[0] is not counted:
            self._counted = counted, summarise(counted)
        summary = self._counted[1]
        count = summary.under(subject.path)
        # While the whole is looked at, an op that has been opened counts as it does closed.
        arithmetic = count.arithmetic or f"{count.parameters:,}"
        memory = f"; {count.memories:,} remembered numbers beside them" if count.memories else ""
        self.parameters.setText(arithmetic + memory + (" · frozen" if count.frozen and count.parameters else ""))
        self.macs.setText(f"{count.macs:,} per sample")
        shapes = [] if subject.step is None else [
            f"{n} {show_shape(subject.plan.slots[i].spec.shape)}" for n, i in subject.step.outputs.items()]
        self.values.setText(f"{count.values:,} per sample" + (f": {', '.join(shapes)}" if shapes else ""))
        self.total.setText(summary.parameter_arithmetic or "0")
        self._show_badge()

    # --- the gradient check -------------------------------------------------------------------------------

    def _ready(self) -> bool:
        s = self.subject
        return s is not None and s.stage == "backward" and s.record is not None and bool(s.record.inputs)

    def _show_badge(self) -> None:
        s = self.subject
        if s is None or s.record is not self._checked:
            self.check, self._checked = None, None
        self.again.setVisible(self._ready() and self.check is None)
        if self.check is not None:
            text, tone = verdict(self.check)
        elif not self._ready():
            text, tone = "runs once the backward pass has come by", "muted"
        else:
            text, tone = "not run yet", "muted"
            if s is not None and s.step is not None and self.isVisible() and s.step.macs < _QUICK:
                QTimer.singleShot(0, self, self.run_check)
        self.badge.setText(text)
        self.badge.set_tone(tone)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_badge()

    def run_check(self) -> None:
        """Compare the analytic gradient with central differences, unless that has been done for this run."""
        s = self.subject
        if s is None or s.run is None or not self._ready() or self.check is not None:
            return
        self.check, self._checked = check_step(s.run, s.path), s.record
        self._show_badge()
