"""What a lens sees: runs of the network with the weights of now, and what they were before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from graphlab.document.model import Document
from graphlab.engine.graph import Node
from graphlab.engine.op import Array, Op
from graphlab.engine.plan import Plan, Step
from graphlab.engine.record import Mode, Record
from graphlab.engine.run import Run, RunError, backward, forward
from graphlab.ui.session import Session
from graphlab.ui.training import Training

#: Histories are thinned out beyond this many entries: every other one goes.
MOST_ENTRIES = 600


@dataclass
class History:
    """A number or array followed over training: its values, and the update each was seen at."""

    updates: list[int] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)

    def add(self, update: int, value: Array) -> None:
        """Append one entry; long histories keep every other one."""
        self.updates.append(update)
        self.values.append(np.array(value, copy=True))
        if len(self.updates) > MOST_ENTRIES:
            del self.updates[1::2], self.values[1::2]


class View:
    """A window's network as a lens reads it. Everything comes from recorded runs of the engine, nothing is kept twice.

    ``path`` is what the lens is bound to: a node, or '' for the whole network. ``training`` starts and steps the
    window's training, where there is one. Runs are cached until the network,
    its weights or the looked-at samples change.
    """

    def __init__(self, session: Session, path: str = "", training: Training | None = None) -> None:
        self.session = session
        self.path = path
        self.training = training
        self.histories: dict[str, History] = {}
        self._runs: dict[tuple[int, bool], Run] = {}

    # --- what there is ------------------------------------------------------------------------------

    @property
    def document(self) -> Document:
        """The document as it is now."""
        return self.session.document

    @property
    def plan(self) -> Plan:
        """The compiled network."""
        return self.session.plan

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weights of now: while training runs, those it has published last."""
        return self.session.weights

    @property
    def step(self) -> Step | None:
        """The step the lens is bound to, where it is one of the plan."""
        return self.plan.step(self.path)

    @property
    def node(self) -> Node | None:
        """The document's node the lens is bound to."""
        return self.document.node(self.path)

    @property
    def op(self) -> Op | None:
        """The op the lens is bound to: that of a step, or one made of other ops, which the plan has flattened."""
        step = self.step
        if step is not None:
            return step.op
        scope, _, id = self.path.rpartition("/")
        graph = self.plan.scopes.get(scope) if scope else self.plan.graph
        node = None if graph is None else graph.nodes.get(id)
        return None if node is None else node.op

    # --- runs ---------------------------------------------------------------------------------------------

    def invalidate(self) -> None:
        """Forget cached runs: something they depend on has changed."""
        self._runs.clear()

    def feeds(self, batch: int | None = None) -> dict[str, Array]:
        """Return what the Inputs receive for the samples looked at; ``batch`` of them instead of the window's."""
        return self.session.feeds(batch)

    def run(self, batch: int | None = None, training: bool | None = None) -> Run:
        """Return the network run forward and backward on the samples looked at. Raises `RunError` in words."""
        mode_training = self.session.training_mode if training is None else training
        key = (batch or self.session.view_batch, mode_training)
        if key not in self._runs:
            self._runs[key] = self.evaluate(self.feeds(batch), training=mode_training)
        return self._runs[key]

    def evaluate(
        self, feeds: Mapping[str, Array], weights: Mapping[str, Array] | None = None, *, training: bool = False,
        plan: Plan | None = None, seeds: Mapping[tuple[str, str], Array | float] | None = None,
    ) -> Run:
        """Run on other inputs or weights: what would happen if. The session is left as it is.

        Backward starts from the document's losses, or from ``seeds``; an empty ``seeds`` runs forward only.
        """
        chosen = self.plan if plan is None else plan
        run = Run(chosen, self.weights if weights is None else weights, feeds,
                  Mode(training=training, seed=self.document.setup.seed))
        for _ in forward(run):
            pass
        if seeds is None:
            seeds = {(p, "y"): 1.0 for p in self.session.loss_nodes() if p in chosen.where}
        if seeds:
            for _ in backward(run, seeds):
                pass
        return run

    def record(self, path: str | None = None, **how: int | bool) -> Record:
        """Return the record of a node (the one the lens is bound to), through the inside of an op where needed."""
        where = self.path if path is None else path
        record = self.run(**how).record(where)  # type: ignore[arg-type]
        if record is None:
            raise RunError(f"‘{where}’ has not been run; look at the Problems panel.")
        return record

    # --- what was before -------------------------------------------------------------------------------

    def history(self, name: str) -> History:
        """Return what was followed under a name; see `Lens.followed`."""
        return self.histories.setdefault(name, History())

    def follow(self, update: int, followed: Mapping[str, Callable[[View], Array]]) -> None:
        """Add the values of now to the histories; one entry an update."""
        for name, measure in followed.items():
            history = self.history(name)
            if history.updates and history.updates[-1] > update:  # training began anew
                history.updates.clear()
                history.values.clear()
            if not history.updates or history.updates[-1] != update:
                history.add(update, np.asarray(measure(self)))

    def forget(self) -> None:
        """Drop the histories: another training begins."""
        self.histories.clear()

    # --- altering -----------------------------------------------------------------------------------------

    def edit(self, label: str, document: Document, merge: str = "") -> None:
        """Alter the document, undoably."""
        self.session.edit(label, document, merge=merge)

    def set_weight(self, key: str, value: Array) -> None:
        """Type a weight over, undoably."""
        self.session.set_weight(key, value)
