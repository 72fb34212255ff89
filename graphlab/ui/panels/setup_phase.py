"""One phase of training as a form: its losses and their weights, what it trains, and its optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QVBoxLayout, QWidget

from graphlab.engine.declared import Attribute
from graphlab.engine.optim import Optimiser, optimisers
from graphlab.engine.setup import Phase, chosen
from graphlab.ui.fields import FloatBox
from graphlab.ui.forms import Form
from graphlab.ui.panels.family import FamilyForm, Heading
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.session import Session

_SHOWN = (
    Attribute("name", str, "train", "what the phase is called"),
    Attribute("train", tuple[str, ...], ("*",), "weights to train, as patterns such as *, D/* or !D/*"),
    Attribute("steps", int, 1, "updates in a row in every round", min=1, max=1000),
    Attribute("ascend", bool, False, "raise the losses instead of lowering them"),
)
_COEFFICIENT = Attribute("coefficient", float, 1.0, "what the loss is multiplied by in the sum that is lowered")


@dataclass
class _LossRow:
    check: QCheckBox
    coefficient: FloatBox


class PhaseForm(QWidget):
    """Shows one phase; ``changed`` comes with the new phase and the name of the edit."""

    changed = Signal(object, str)

    def __init__(self, session: Session, phase: Phase) -> None:
        super().__init__()
        self.session = session
        self.phase = phase
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(Heading("Losses", "The nodes whose weighted sum is lowered"))
        self.no_loss = Sentence("There is no loss yet: add one from the library's category Losses.", "muted")
        column.addWidget(self.no_loss)
        self._losses = QGridLayout()
        self._losses.setColumnStretch(0, 1)
        column.addLayout(self._losses)
        self.rows: dict[str, _LossRow] = {}
        column.addWidget(Heading("Optimiser", "How weights move along their gradient"))
        self.optimiser = FamilyForm("method", optimisers(), phase.optimiser)
        self.optimiser.changed.connect(self._optimiser_changed)
        column.addWidget(self.optimiser)
        column.addWidget(Heading("Phase", "A network of one kind has one phase; a GAN has two that take turns"))
        self.form = Form(_SHOWN, vars(phase))
        self.form.changed.connect(lambda name, value: self._set(f"Change the phase’s {name}", **{name: value}))
        column.addWidget(self.form)
        self.trains = Sentence("", "muted")
        column.addWidget(self.trains)
        self.refresh(phase)

    def refresh(self, phase: Phase) -> None:
        """Show a phase as it is now."""
        self.phase = phase
        losses = self._known()
        if list(losses) != list(self.rows):
            self._build(list(losses))
        for path, row in self.rows.items():
            with QSignalBlocker(row.check), QSignalBlocker(row.coefficient):
                row.check.setChecked(losses[path] is not None)
                row.coefficient.setValue(1.0 if (c := losses[path]) is None else c)
                row.coefficient.setEnabled(losses[path] is not None)
        self.no_loss.setVisible(not losses)
        self.optimiser.set_value(phase.optimiser)
        self.form.set_values(vars(phase))
        keys = chosen(self.session.plan, phase.train)
        total = len(self.session.plan.trainable())
        self.trains.setText(f"This phase trains {len(keys)} of {total} weight tensors.")
        self.trains.set_tone("muted" if keys or not total else "problem")

    def _known(self) -> dict[str, float | None]:
        """Return all losses of the network and of the phase, with their coefficients (None: not counted)."""
        named = dict(self.phase.losses)
        nodes = [s.path for s in self.session.plan.steps if s.op.category == "Losses"]
        if not named:
            return dict.fromkeys(nodes, 1.0)
        return {path: named.get(path) for path in dict.fromkeys([*nodes, *named])}

    def _build(self, paths: list[str]) -> None:
        while (item := self._losses.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.rows = {}
        for i, path in enumerate(paths):
            check = QCheckBox(path)
            check.setToolTip("Whether this phase lowers this loss")
            check.toggled.connect(self._changer(path))
            coefficient = FloatBox(_COEFFICIENT)
            coefficient.setToolTip("What this loss is multiplied by in the sum that is lowered")
            coefficient.setAccessibleName(f"Weight of the loss {path}")
            coefficient.valueChanged.connect(self._changer(path))
            self._losses.addWidget(check, i, 0)
            self._losses.addWidget(coefficient, i, 1)
            self.rows[path] = _LossRow(check, coefficient)

    def _changer(self, path: str) -> Callable[[object], None]:
        return lambda _value: self._losses_changed(path)

    def _losses_changed(self, path: str) -> None:
        counted = tuple((p, r.coefficient.value()) for p, r in self.rows.items() if r.check.isChecked())
        if not counted:
            self.session.message.emit("A phase needs at least one loss to lower; choose another one first.", "warning")
            self.refresh(self.phase)
            return
        self._set(f"Weigh the loss {path}", losses=counted)

    def _optimiser_changed(self, value: Optimiser) -> None:
        kind = type(self.phase.optimiser) is type(value)
        self._set(f"Change {value.title}" if kind else f"Optimise with {value.title}", optimiser=value)

    def _set(self, label: str, **values: object) -> None:
        self.phase = replace(self.phase, **values)  # type: ignore[arg-type]
        self.changed.emit(self.phase, label)
