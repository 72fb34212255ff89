"""One window's state: the document with its undo stack, the plan, the weights, the data and the run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from graphlab.document import files
from graphlab.document.datasets import Loaded, load_data
from graphlab.document.model import Change, Document, diff
from graphlab.document.summary import advice
from graphlab.engine.data import DataError, Table
from graphlab.engine.feeding import Prepared, match
from graphlab.engine.graph import Graph
from graphlab.engine.init import LazyWeights
from graphlab.engine.memory import check_memory
from graphlab.engine.op import Array
from graphlab.engine.plan import Plan, Problem, compile
from graphlab.engine.record import Mode, stream
from graphlab.engine.run import Run
from graphlab.ui.player import Player

WeightMap = Mapping[str, Array]

#: Weights that nobody has read yet are not written to a file beyond this many numbers.
MOST_UNREAD = 20_000_000


def available_memory() -> int:
    """Return the bytes that a run may take: four fifths of the machine's, or 8 GB where that cannot be told."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 4 // 5
    except (AttributeError, ValueError, OSError):
        return 8_000_000_000


class Edit(QUndoCommand):
    """The only undo command: it swaps the document and the weights as they were before and after."""

    def __init__(self, session: Session, label: str, new: Document, weights: WeightMap, merge: str) -> None:
        super().__init__(label)
        self.session = session
        self.merge = merge
        self.before = (session.document, session.stored)
        self.after = (new, weights)

    def id(self) -> int:
        return 1 if self.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, Edit) or other.merge != self.merge:
            return False
        self.after = other.after
        return True

    def redo(self) -> None:
        self.session.show(*self.after)

    def undo(self) -> None:
        self.session.show(*self.before)


class Session(QObject):
    """What every panel looks at. Panels call its methods and listen to its signals, never to each other.

    ``scope`` is the path that the canvas shows: '' at the top, a block, or the inside of an op (read-only).
    """

    changed = Signal(object)  # Change of the scope shown, after an edit, undo or redo
    planned = Signal()  # plan and problems are new
    weights_changed = Signal()
    data_changed = Signal()  # data set, split or looked-at sample
    run_changed = Signal()  # the run was made anew or dropped
    scope_changed = Signal(str)
    selection_changed = Signal()
    replaced = Signal()  # another document altogether: new or opened
    file_changed = Signal()  # path or modified state
    interrupt = Signal()  # the network, its training or its weights are about to be edited: training has to end
    message = Signal(str, str)  # a sentence for the user, and "info", "warning" or "error"
    reveal = Signal(str, str, object)  # show this number: path, array name, index (and which gradient: see Place)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = Document()
        self.plan: Plan = compile(self.document.graph)
        self.problems: tuple[Problem, ...] = ()
        self.weights: WeightMap = {}  # those shown
        self._stored: WeightMap | None = None  # those of the document, while others are shown live
        self.data: Loaded | None = None  # as the setup names them; None where they cannot be read
        self._prepared: Prepared | None = None
        self.path: Path | None = None
        self.scope = ""
        self.selection: tuple[str, ...] = ()  # paths
        self.sample = 0
        self.data_problem = ""  # why there are no data, in a sentence
        self.view_batch = 4
        self.training_mode = False
        self.typed: dict[str, Array] = {}  # inputs typed over by hand, by Input path
        self.undo_stack = QUndoStack(self)
        self.undo_stack.cleanChanged.connect(self._on_clean)
        self.player = Player(self)

    def _on_clean(self, clean: bool) -> None:
        self.file_changed.emit()

    # --- documents ---------------------------------------------------------------------------------

    def open_document(
        self, document: Document, weights: WeightMap | None = None, path: Path | None = None,
    ) -> None:
        """Show another document: the undo history starts anew."""
        self.interrupt.emit()
        self.undo_stack.clear()
        self._stored = None
        self.path, self.scope, self.selection, self.sample, self.typed = path, "", (), 0, {}
        self.document = document
        self.weights = dict(weights or {})
        self._load_data()
        self._replan()
        self.data_changed.emit()
        self.replaced.emit()
        self.scope_changed.emit("")
        self.selection_changed.emit()
        self.file_changed.emit()

    def open_file(self, path: Path) -> None:
        """Open a ``.glab`` file. Raises `files.FileError` in words."""
        loaded = files.load(path)
        self.open_document(loaded.document, loaded.weights, path)
        for notice in loaded.notices:
            self.message.emit(notice, "warning")

    def save_file(self, path: Path, with_weights: bool = True) -> None:
        """Write the document, atomically. Raises `files.FileError` in words; the old file is then untouched."""
        weights = self.stored
        if isinstance(weights, LazyWeights) and weights.unmade > MOST_UNREAD:
            weights = weights.made  # the seed gives the others again
        files.save(path, self.document, dict(weights) if with_weights else None)
        self.path = path
        self.undo_stack.setClean()
        self.file_changed.emit()

    @property
    def modified(self) -> bool:
        """Whether there is anything that the file does not have."""
        return not self.undo_stack.isClean()

    # --- editing -----------------------------------------------------------------------------------

    def edit(self, label: str, new: Document, *, merge: str = "", weights: WeightMap | None = None) -> None:
        """Alter the document, undoably; the only way to do so. Edits with the same ``merge`` become one entry."""
        old = self.document
        if new is old and weights is None:
            return
        if weights is not None or new.graph is not old.graph or new.setup != old.setup:
            self.interrupt.emit()
        self.undo_stack.push(Edit(self, label, new, self.stored if weights is None else weights, merge))

    def show(self, document: Document, weights: WeightMap) -> None:
        """Make a document and weights the current ones. Called by `Edit`; everything else calls `edit`."""
        old, old_weights = self.document, self.stored
        self.document = document
        if weights is not old_weights or not self.live:
            self.weights, self._stored = weights, None
        if document.scope(self.scope) is None and self.run_level(self.scope) == "":
            self.set_scope("")
        change = diff(old, document, self.scope)
        structure = old.graph is not document.graph
        a, b = old.setup, document.setup
        if (a.data, a.split, a.standardise) != (b.data, b.split, b.standardise):
            self._load_data()
        if structure or a != b:
            self._replan()
            if a != b:
                self.data_changed.emit()
        elif weights is not old_weights:
            self.player.refresh()
            self.weights_changed.emit()
        self.changed.emit(change)
        alive = tuple(p for p in self.selection if document.node(p) is not None or self.run_level(p))
        if alive != self.selection:
            self.select(alive)

    def _replan(self) -> None:
        self.plan = compile(self.document.graph)
        seed = self.document.setup.seed
        self.weights, self._stored = LazyWeights(self.plan, seed, self.stored), None
        self.problems = (*self.plan.problems, *advice(self.document, self.plan, self.table))
        self._prepared = None
        self.drop_run()
        self.planned.emit()
        self.weights_changed.emit()

    @property
    def live(self) -> bool:
        """Whether weights are shown that are being trained, and not yet part of the document."""
        return self._stored is not None

    @property
    def stored(self) -> WeightMap:
        """The weights that belong to the document: while it is trained, those from before."""
        return self.weights if self._stored is None else self._stored

    def show_live(self, weights: WeightMap | None) -> None:
        """Show weights while they are trained, outside the undo history; None goes back to those from before."""
        if weights is None:
            if self._stored is None:
                return
            self.weights, self._stored = self._stored, None
        else:
            self._stored = self.stored
            # Nodes that are bypassed or cannot run at the moment keep what they have learned.
            self.weights = {**self._stored, **weights}
        self.player.refresh()
        self.weights_changed.emit()

    def keep_live(self, label: str) -> None:
        """Make the weights that are shown live the document's own, as an undoable step."""
        trained = self.weights
        if self._stored is not None:
            self.weights, self._stored = self._stored, None
            self.edit(label, self.document, weights=trained)

    def reset_weights(self) -> None:
        """Go back to the weights that the seed gives, as an undoable step."""
        self.edit("Reset weights", self.document, weights=LazyWeights(self.plan, self.document.setup.seed))

    def set_weight(self, key: str, value: Array, label: str = "") -> None:
        """Type a weight over by hand, as an undoable step."""
        self.edit(label or f"Set {key}", self.document, weights={**self.weights, key: value}, merge=f"weight {key}")

    # --- what is looked at ----------------------------------------------------------------------------

    def select(self, paths: Iterable[str]) -> None:
        """Select nodes by path."""
        self.selection = tuple(paths)
        self.selection_changed.emit()

    def run_level(self, path: str) -> str:
        """Return the innermost op that was opened on the way to ``path``: '' where only blocks lie on it."""
        parts = path.split("/") if path else []
        level = ""
        for i in range(1, len(parts) + 1):
            here = "/".join(parts[:i])
            step = self.plan.step(here) if not level else None
            if step is not None and (i < len(parts) or path == self.scope == here):
                level = here
        return level

    def graph_at(self, scope: str) -> tuple[Graph, bool]:
        """Return the graph that the canvas shows in a scope, and whether it can be edited there.

        A block's graph belongs to the document; the inside of an op is the body it declares, as it runs.
        """
        graph = self.document.scope(scope)
        if graph is not None:
            return graph, True
        return self.player.graph_inside(scope), False

    def set_scope(self, scope: str) -> None:
        """Enter a block or an op, or leave to an outer one."""
        if scope == self.scope:
            return
        self.scope = scope
        self.selection = ()
        self.scope_changed.emit(scope)
        self.selection_changed.emit()

    def show_node(self, path: str) -> None:
        """Go to the scope that a node stands in, select it and bring it into view."""
        outer = path.rpartition("/")[0]
        if self.scope != outer:
            if outer == "" or self.document.scope(outer) is not None:
                self.player.leave_to("")
            if outer and not self.player.enter(outer):
                return
        self.select([path])
        self.reveal.emit(path, "", None)

    # --- data and runs ---------------------------------------------------------------------------------

    def _load_data(self) -> None:
        self._prepared, self.data_problem = None, ""
        try:
            self.data = load_data(self.document.setup)
        except (DataError, OSError, ValueError) as e:
            self.data, self.data_problem = None, str(e)
            self.message.emit(str(e), "error")
        self.sample = min(self.sample, max(0, self.samples - 1))

    @property
    def table(self) -> Table | None:
        """The data as they came, not standardised; None where they cannot be read."""
        return None if self.data is None else self.data.table

    @property
    def samples(self) -> int:
        """The number of samples of the data."""
        return 0 if self.data is None else len(self.data)

    @property
    def prepared(self) -> Prepared | None:
        """The data split, standardised and laid out for the network's Inputs; None where there are none."""
        data = self.data
        if self._prepared is None and data is not None:
            self._prepared = match(self.plan, data.scaled, self.document.setup, data.rows, data.standardiser)
        return self._prepared

    def set_view_batch(self, count: int) -> None:
        """Look at more or fewer samples at once."""
        self.view_batch = count
        self.player.refresh()
        self.data_changed.emit()

    def set_sample(self, index: int) -> None:
        """Look at another sample of the data."""
        self.sample = index
        self.player.refresh()
        self.data_changed.emit()

    def type_input(self, path: str, value: Array | None) -> None:
        """Type over what an Input receives (None: back to the data)."""
        self.typed.pop(path, None)
        if value is not None:
            self.typed[path] = value
        self.player.refresh()
        self.data_changed.emit()

    def feeds(self, batch: int | None = None) -> dict[str, Array]:
        """Return what each Input receives: typed numbers, the data's rows, or seeded noise where it has no data.

        ``batch`` is the number of samples, the window's own where it is not given.
        """
        count = self.view_batch if batch is None else batch
        prepared, out = self.prepared, {}
        if prepared is not None and self.samples:
            rows = (np.arange(count) + self.sample) % self.samples
            out = prepared.feeds(rows)
        for step in self.plan.inputs:
            spec = self.plan.slots[step.outputs["y"]].spec
            need = spec.concrete(count)
            typed = self.typed.get(step.path)
            if typed is not None and typed.shape == need:
                out[step.path] = typed
            elif step.path not in out:
                g = stream(f"{step.path}/view", Mode(seed=self.document.setup.seed))
                out[step.path] = {"real": g.standard_normal(need), "index": np.zeros(need, np.int64),
                                  "bool": np.ones(need, np.bool_)}[spec.kind]
        return out

    def make_run(self) -> Run:
        """Make a run of the current plan on the looked-at samples, not yet run."""
        check_memory(self.plan, self.view_batch, available_memory())
        mode = Mode(training=self.training_mode, seed=self.document.setup.seed)
        return Run(self.plan, self.weights, self.feeds(), mode)

    def drop_run(self) -> None:
        """Forget the run: what it showed is no longer true."""
        self.player.reset()
        self.run_changed.emit()

    def loss_nodes(self) -> list[str]:
        """Return the nodes that backward starts from: the setup's losses, else every node of the loss category."""
        named = [n for phase in self.document.setup.phases for n, _ in phase.losses if n in self.plan.where]
        if named:
            return list(dict.fromkeys(named))
        return [s.path for s in self.plan.steps if s.op.category == "Losses"]

    def update_setup(self, label: str, **changes: Any) -> None:
        """Alter how the network is trained, undoably."""
        setup = replace(self.document.setup, **changes)
        self.edit(label, replace(self.document, setup=setup), merge=f"setup {'/'.join(sorted(changes))}")


__all__ = ["Change", "Edit", "Session"]
