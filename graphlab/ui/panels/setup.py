"""The setup panel: everything that training needs beside the network and the data."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from graphlab.engine.regularise import penalties
from graphlab.engine.schedule import schedules
from graphlab.engine.setup import Phase, Setup
from graphlab.ui.forms import Form
from graphlab.ui.panels.family import FamilyForm, Heading, scrolled
from graphlab.ui.panels.panel import Panel
from graphlab.ui.panels.setup_phase import PhaseForm
from graphlab.ui.session import Session

_PLAIN = ("batch", "epochs", "seed", "clip", "patience")


class SetupPanel(Panel):
    """Phases with their losses and optimisers, batch, epochs, seed, schedule and penalty."""

    name = "Setup"
    about = "How the network is trained: losses and their weights, the optimiser, batches, epochs and the seed."
    icon = "settings"

    def __init__(self, session: Session, add: QAction | None = None) -> None:
        super().__init__()
        self.session = session
        setup = session.document.setup
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(10, 4, 10, 10)
        column.setSpacing(4)
        column.addWidget(Heading("Training"))
        self.form = Form([a for a in Setup.attributes() if a.name in _PLAIN], setup.values())
        self.form.changed.connect(lambda name, value: session.update_setup(f"Change {name}", **{name: value}))
        column.addWidget(self.form)
        row = QHBoxLayout()
        self.phases = QComboBox()
        self.phases.setAccessibleName("Phase")
        self.phases.setToolTip("The phases of a round, which take turns; a GAN has two")
        self.phases.activated.connect(lambda _i: self.refresh())
        row.addWidget(self.phases, 1)
        self.add = QPushButton("Add a phase")
        self.add.setToolTip("Add a phase that takes turns with the others, as for a GAN")
        self.add.clicked.connect(self._add_phase)
        row.addWidget(self.add)
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Remove the phase that is shown")
        self.remove.clicked.connect(self._remove_phase)
        row.addWidget(self.remove)
        self.phase = PhaseForm(session, setup.phases[0] if setup.phases else Phase())
        self.phase.changed.connect(self._phase_changed)
        column.addWidget(self.phase)
        column.addLayout(row)
        column.addWidget(Heading("Learning rate over time", "How the optimiser's rate changes while training goes on"))
        self.schedule = FamilyForm("schedule", schedules(), setup.schedule)
        self.schedule.changed.connect(lambda v: session.update_setup(f"Schedule: {v.title}", schedule=v))
        column.addWidget(self.schedule)
        column.addWidget(Heading("Penalty on large weights", "Biases are never penalised"))
        self.penalty = FamilyForm("penalty", penalties(), setup.penalty)
        self.penalty.changed.connect(lambda v: session.update_setup(f"Penalty: {v.title}", penalty=v))
        column.addWidget(self.penalty)
        column.addStretch()
        outer = QVBoxLayout(self.content)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inside))
        self.set_empty_state("There is no network to train yet. Build one, or open an example.", add)
        session.planned.connect(self.refresh)
        session.replaced.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the setup of the document."""
        setup = self.session.document.setup
        self.show_empty(not self.session.document.graph.nodes)
        self.form.set_values(setup.values())
        names = [f"{i + 1}. {p.name}" for i, p in enumerate(setup.phases)]
        with QSignalBlocker(self.phases):
            if [self.phases.itemText(i) for i in range(self.phases.count())] != names:
                at = self.phases.currentIndex()
                self.phases.clear()
                self.phases.addItems(names)
                self.phases.setCurrentIndex(min(max(at, 0), len(names) - 1))
        self.phases.setVisible(len(names) > 1)
        self.remove.setVisible(len(names) > 1)
        if setup.phases:
            self.phase.refresh(setup.phases[self.index])
        self.schedule.set_value(setup.schedule)
        self.penalty.set_value(setup.penalty)

    @property
    def index(self) -> int:
        """The phase that is shown."""
        return min(max(self.phases.currentIndex(), 0), len(self.session.document.setup.phases) - 1)

    def _phase_changed(self, phase: Phase, label: str) -> None:
        phases = list(self.session.document.setup.phases) or [phase]
        phases[self.index] = phase
        self.session.update_setup(label, phases=tuple(phases))

    def _add_phase(self) -> None:
        phases = self.session.document.setup.phases
        named = replace(phases[-1] if phases else Phase(), name=f"phase {len(phases) + 1}")
        self.session.update_setup("Add a phase", phases=(*phases, named))
        self.phases.setCurrentIndex(len(phases))
        self.refresh()

    def _remove_phase(self) -> None:
        phases = list(self.session.document.setup.phases)
        gone = phases.pop(self.index)
        self.session.update_setup(f"Remove the phase {gone.name}", phases=tuple(phases))
