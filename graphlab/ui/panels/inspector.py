"""The inspector: what a node is, its formula, its numbers, and where each of them came from."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QSplitter, QTabWidget, QVBoxLayout, QWidget

from graphlab.engine.derive import Operand
from graphlab.ui import icons, theme
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.panels.elided import Elided
from graphlab.ui.panels.inspector_counts import CountsTab
from graphlab.ui.panels.inspector_derivation import DerivationPane, Spot
from graphlab.ui.panels.inspector_export import ExportButton
from graphlab.ui.panels.inspector_formula import shape_line, shapes, with_shapes
from graphlab.ui.panels.inspector_numbers import NumbersTab
from graphlab.ui.panels.inspector_properties import PropertiesTab
from graphlab.ui.panels.inspector_subject import Subject, arrays, current_path, find
from graphlab.ui.panels.panel import Panel, Sentence
from graphlab.ui.session import Session

_STAGES = {"none": "not run", "forward": "forward done", "backward": "backward done"}
_NARROWEST = 280
_QUICK = 20_000  # multiply-adds up to which a gradient is explained without being asked for
_EMPTY = ("Select a node to see its settings, its formula and its numbers. Once the network has run, click any number "
          "to see the arithmetic behind it.")


class Inspector(Panel):
    """Shows the selected node, or the one that the debugger stands on."""

    name = "Inspector"
    about = "The selected node: settings, formula, values and gradients. Click a number to see where it came from."
    icon = "inspector"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.subject: Subject | None = None
        self._operands: tuple[Operand, ...] = ()
        self._by_hand = False  # the number that is explained was chosen by the user
        self._still = False
        self._own_sizes = False
        self._own_tab = False
        self._position: object = None
        self._closed = False  # the user closed the arithmetic: it stays away until a number is clicked
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(0)
        self._due.timeout.connect(self.refresh)
        self.badge = QLabel()
        self.title, self.kind = Elided(bold=True), Elided("", "muted")
        self.formula, self.shapes = FormulaLabel(size=17), Sentence("", "muted")
        self.properties, self.numbers = PropertiesTab(session), NumbersTab(session)
        self.counts, self.derivation = CountsTab(session), DerivationPane(session)
        self.export = ExportButton(session, lambda: self.derivation.spot)
        self.tabs, self.splitter = QTabWidget(), QSplitter(Qt.Orientation.Vertical)
        self._build()
        self.set_empty_state(_EMPTY)
        self._listen()
        self.refresh()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.badge)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addWidget(self.kind)
        head.addLayout(names, 1)
        head.addWidget(self.export, 0, Qt.AlignmentFlag.AlignTop)
        top = QWidget()
        above = QVBoxLayout(top)
        above.setContentsMargins(8, 6, 8, 4)
        above.setSpacing(4)
        above.addLayout(head)
        above.addWidget(self.formula)
        above.addWidget(self.shapes)
        self.kind.setFont(theme.font(12))
        self.shapes.setFont(theme.font(12, tabular=True))
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.properties, "Properties")
        self.tabs.addTab(self.numbers, "Numbers")
        self.tabs.addTab(self.counts, "Counts")
        self.tabs.setTabToolTip(0, "Settings of the node")
        self.tabs.setTabToolTip(1, "Values and gradients, as far as the debugger has come")
        self.tabs.setTabToolTip(2, "Parameters and multiply-adds as arithmetic; the gradient check")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(5)
        self.splitter.addWidget(self.tabs)
        self.splitter.addWidget(self.derivation)
        self.splitter.splitterMoved.connect(self._dragged)
        self.tabs.setMinimumHeight(120)
        self.derivation.setMinimumHeight(110)
        self.derivation.hide()
        self.content.setMinimumWidth(_NARROWEST)
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(self.splitter, 1)
        for keys, act in (("Alt+Left", self.derivation.go_back), ("Alt+Right", self.derivation.go_on)):
            shortcut = QShortcut(QKeySequence(keys), self.derivation, act)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def _listen(self) -> None:
        s = self.session
        for signal in (s.planned, s.weights_changed, s.data_changed, s.run_changed, s.selection_changed,
                       s.player.moved, s.replaced):
            signal.connect(self._later)
        s.changed.connect(lambda _change: self._later())
        s.scope_changed.connect(lambda _scope: self._later())
        s.reveal.connect(self._reveal)
        s.replaced.connect(self.derivation.clear)
        s.player.moved.connect(self._stepped)
        self.tabs.tabBarClicked.connect(self._chosen)
        self.numbers.picked.connect(self._pick)
        self.derivation.lit.connect(self._light)
        self.derivation.walked.connect(self._walked)
        self.derivation.close_button.clicked.connect(self._close)
        theme.signals.changed.connect(self._tint)

    # --- what is shown ------------------------------------------------------------------------------------

    def _later(self) -> None:
        """Refresh once, after everything that belongs to one change has been told."""
        if self.isVisible():
            self._due.start()

    def _chosen(self, _index: int) -> None:
        self._own_tab = True

    def _stepped(self) -> None:
        """Stepping is about numbers: show them, unless the user has chosen a tab or is changing a setting."""
        at, before = self.session.player.position, self._position
        self._position = at
        focus = QApplication.focusWidget()
        typing = focus is not None and self.properties.isAncestorOf(focus)
        if at is not None and at != before and not self._own_tab and not typing:
            self.tabs.setCurrentWidget(self.numbers)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._due.start()

    def refresh(self) -> None:
        """Show the node that is selected now, as far as the debugger has come."""
        self._due.stop()
        old, subject = self.subject, find(self.session, current_path(self.session))
        self.subject = subject
        self.show_empty(subject is None)
        if subject is None:
            self.derivation.hide()
            return
        op = subject.node.op
        self.title.setText(subject.name)
        self.title.setToolTip(subject.path)
        several = f" · 1 of {len(self.session.selection)} selected" if len(self.session.selection) > 1 else ""
        self.kind.setText(f"{op.title} · {_STAGES[subject.stage]}{several}")
        annotated = with_shapes(op.formula(), shapes(subject))
        if (latex := annotated or op.formula()) != self.formula.latex():
            self.formula.set_latex(latex)
        self.shapes.setText("" if annotated else shape_line(subject))
        self.shapes.setVisible(bool(self.shapes.text()))
        self.export.setEnabled(subject.record is not None)
        self._tint()
        self.properties.show_subject(subject)
        self.numbers.show_subject(subject)
        self.counts.show_subject(subject)
        self._follow(old, subject)

    def _follow(self, old: Subject | None, subject: Subject) -> None:
        """Keep explaining the number that was chosen; without one, explain the first that the debugger brought."""
        spot = self.derivation.spot
        if self._by_hand and spot is not None and spot.path == subject.path:
            self.derivation.refresh()
        elif self._closed or subject.stage == "none" or (first := _first_spot(self.session, subject)) is None:
            self._forget()
        elif old is None or self._by_hand or spot is None or (spot.path, spot.name, spot.grad) != (
                first.path, first.name, first.grad):
            self._by_hand = False
            self.derivation.trail, self.derivation.at = [], -1
            self.derivation.show_spot(first)
        else:
            self.derivation.refresh()
        self.numbers.light(self.derivation.spot, self._operands)

    def _forget(self) -> None:
        self._by_hand = False
        if self.derivation.spot is not None:
            self.derivation.clear()
        self.derivation.hide()

    def _tint(self) -> None:
        if self.subject is not None:
            icon = icons.category_icon(self.subject.node.op.category)
            self.badge.setPixmap(icon.pixmap(QSize(22, 22)))

    # --- numbers ------------------------------------------------------------------------------------------

    def explain(self, spot: Spot) -> None:
        """Show the arithmetic of a number, going to its node where that is another one."""
        self._by_hand, self._closed = True, False
        self.derivation.show_spot(spot)

    def _pick(self, spot: Spot) -> None:
        # What was clicked is in view; it must not move before it can be clicked twice.
        self._still = True
        self.explain(spot)
        self._still = False

    def _dragged(self) -> None:
        self._own_sizes = True

    def _share(self) -> None:
        """Give the arithmetic the height that it needs, up to half, until the user has chosen another."""
        room = sum(self.splitter.sizes()) or self.splitter.height()
        if not self._own_sizes and room:
            low = min(self.derivation.wanted_height(), room // 2)
            self.splitter.setSizes([room - low, low])

    def _close(self) -> None:
        self._closed, self._by_hand = True, False

    def _walked(self, spot: Spot | None) -> None:
        if spot is None:
            self._operands = ()
            self.numbers.light(None, ())
            self.derivation.hide()
            return
        self.derivation.show()
        QTimer.singleShot(0, self, self._share)  # once it has its width
        if self.subject is None or spot.path != self.subject.path:
            self._by_hand = True
            self.session.show_node(spot.path)
            self.session.reveal.emit(spot.path, f"∂{spot.name}" if spot.grad else spot.name, spot.index)
            self.refresh()
        self.numbers.light(spot, self._operands)
        if not self._still:
            self.numbers.reveal(spot)

    def _light(self, operands: tuple[Operand, ...]) -> None:
        self._operands = operands
        self.numbers.light(self.derivation.spot, operands)

    def _reveal(self, path: str, name: str, index: object) -> None:
        """Show a number that another panel points at; a ∂ in front of the name means its gradient."""
        if not name or not isinstance(index, tuple):
            return
        spot = Spot(path, name.lstrip("∂"), index, name.startswith("∂"))
        if spot != self.derivation.spot:
            self.tabs.setCurrentWidget(self.numbers)
            self.explain(spot)

    def show_settings(self) -> None:
        """Show the settings of the node, with the keyboard in the first one."""
        self.refresh()
        self.tabs.setCurrentWidget(self.properties)
        self.properties.focus_first()

    def focus_first(self) -> None:
        """Put the keyboard into the tab that is shown."""
        self.tabs.tabBar().setFocus(Qt.FocusReason.TabFocusReason)


def _first_spot(session: Session, subject: Subject) -> Spot | None:
    """Return what is explained where nobody has chosen: the first output, or going back, the first input's gradient.

    Of a gradient it is the element of largest size, since a zero explains little.
    """
    if subject.step is None or not subject.step.inputs:
        return None
    shown = arrays(session, subject)
    if subject.stage == "backward" and subject.step.macs < _QUICK:
        gradient = next((s for s in shown if s.role == "input" and s.gradient is not None and s.gradient.size), None)
        if gradient is not None and gradient.gradient is not None:
            sizes = np.nan_to_num(np.abs(gradient.gradient), nan=np.inf)
            at = np.unravel_index(int(np.argmax(sizes)), sizes.shape)
            return Spot(subject.path, gradient.name, tuple(int(i) for i in at), True)
    output = next((s for s in shown if s.role == "output" and s.value is not None and s.value.size), None)
    return None if output is None or output.value is None else Spot(
        subject.path, output.name, (0,) * output.value.ndim)


