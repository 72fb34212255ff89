"""The arrays of a node under each other: every value with its gradient, as far as the debugger has come."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from graphlab.engine.derive import Operand
from graphlab.engine.expr import Index
from graphlab.engine.op import Array
from graphlab.ui.panels.inspector_derivation import Spot
from graphlab.ui.panels.inspector_subject import Shown, Subject, arrays, label_of
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.session import Session
from graphlab.ui.tensor_view import TensorView

Key = tuple[str, bool]  # name of the array, whether its gradient is meant


class NumbersTab(QScrollArea):
    """Values and gradients of the node under inspection. ``picked`` comes with the spot that was clicked."""

    picked = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.subject: Subject | None = None
        self.shown: dict[str, Shown] = {}
        self.views: dict[Key, TensorView] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(8, 4, 8, 8)
        self._column.setSpacing(4)
        self.hint = Sentence("", "muted")
        self._column.addWidget(self.hint)
        self._column.addStretch()
        self.setWidget(inside)

    def show_subject(self, subject: Subject) -> None:
        """Show the arrays of a node; views of arrays that stay keep their face and slice."""
        fresh = self.subject is None or self.subject.path != subject.path
        self.subject = subject
        self.shown = {s.name: s for s in arrays(self.session, subject)}
        wanted: dict[Key, tuple[Shown, Array]] = {}
        for s in self.shown.values():
            if s.value is not None:
                wanted[s.name, False] = s, s.value
            if s.gradient is not None and s.gradient.dtype.kind == "f":
                wanted[s.name, True] = s, s.gradient
        if fresh or any(k not in wanted for k in self.views):
            self._drop(list(self.views) if fresh else [k for k in self.views if k not in wanted])
        for place, (key, (s, array)) in enumerate(wanted.items()):
            view = self.views.get(key)
            if view is None:
                view = self._make(key, s)
                self._column.insertWidget(place, view)
            view.set_array(array, editable=s.editable and not key[1], note=s.partial if key[1] else "")
        self.hint.setText(self._hint(subject))
        self.hint.setVisible(bool(self.hint.text()))

    def _make(self, key: Key, shown: Shown) -> TensorView:
        role = shown.role + (f" from {label_of(self.session, shown.source)}" if shown.source else "")
        view = TensorView(shown.name, "" if key[1] else role, gradient=key[1])
        view.picked.connect(partial(self._pick, key))
        view.typed.connect(partial(self._type, shown.name))
        self.views[key] = view
        return view

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            view = self.views.pop(key)
            self._column.removeWidget(view)
            view.hide()
            view.deleteLater()

    def _hint(self, subject: Subject) -> str:
        if self.session.player.run is None:
            return "F5 runs the network, F10 steps: inputs, outputs and gradients appear here."
        if subject.stage == "none" and subject.step is not None:
            return "The debugger has not reached this node yet: F10 steps on, F5 runs to the end."
        if subject.step is None and not self.views:
            return "This node does not run; the Problems panel says why."
        if subject.stage == "forward" and subject.record is not None and self.session.loss_nodes():
            return "Gradients appear here when the backward pass comes by."
        return ""

    def _pick(self, key: Key, index: Index) -> None:
        if self.subject is not None:
            self.picked.emit(Spot(self.subject.path, key[0], tuple(index), key[1]))

    def _type(self, name: str, index: Index, value: float) -> None:
        """Put a typed number into a copy of the array, undoably; a weight may be shared with other nodes."""
        shown, subject = self.shown.get(name), self.subject
        if shown is None or subject is None or shown.value is None:
            return
        array = np.array(shown.value)
        array[tuple(index)] = value
        # Editing ends with this call; the table must have left the cell before its array becomes another.
        if shown.key:
            label = f"Type {name} of {subject.name}"
            QTimer.singleShot(0, self, lambda: self.session.set_weight(shown.key, array, label))
        else:
            QTimer.singleShot(0, self, lambda: self.session.type_input(subject.path, array))

    # --- lights -----------------------------------------------------------------------------------------

    def light(self, spot: Spot | None, operands: Iterable[Operand]) -> None:
        """Frame the operands that stand in this node's arrays, and the number that is explained."""
        lit: dict[Key, set[Index]] = {}
        if self.subject is None:
            return
        sources = {(s.source, s.output): s.name for s in self.shown.values() if s.source}
        for o in operands:
            name = o.name if o.path == self.subject.path else None if o.grad else sources.get((o.path, o.name))
            if name is not None:
                lit.setdefault((name, o.grad), set()).add(o.index)
        for key, view in self.views.items():
            chosen = [spot.index] if spot is not None and (spot.path, spot.name, spot.grad) == (
                self.subject.path, *key) else []
            view.light(lit.get(key, ()), chosen)

    def reveal(self, spot: Spot) -> None:
        """Scroll to the array of a number."""
        view = self.views.get((spot.name, spot.grad))
        if view is not None:
            QTimer.singleShot(0, view, lambda: self._scroll_to(view))

    def _scroll_to(self, view: TensorView) -> None:
        self.ensureWidgetVisible(view, 0, 8)
        self.horizontalScrollBar().setValue(0)
