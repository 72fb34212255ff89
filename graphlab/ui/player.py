"""The debugger's cursor: a run as a line of events, walked in both directions, into ops and out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from graphlab.engine.graph import Graph
from graphlab.engine.op import Array
from graphlab.engine.plan import Step
from graphlab.engine.record import Record
from graphlab.engine.run import Run, RunError, backward, forward

if TYPE_CHECKING:
    from graphlab.ui.session import Session

Direction = Literal["forward", "backward"]
Stage = Literal["none", "forward", "backward"]


class Position(NamedTuple):
    """Where the debugger stands: the step that ran last, and in which direction."""

    path: str
    direction: Direction


class Player(QObject):
    """Walks over the events of the current level.

    The whole pass is computed when stepping starts; since every value is written once, the state after
    an event is told by the cursor alone: `stage` says what has happened to a node so far.
    ``level`` is '' for the network, or the path of an opened op, whose inner steps are then walked over.
    """

    moved = Signal()  # the cursor or the level is another
    playing_changed = Signal(bool)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session
        self.run: Run | None = None
        self.level = ""
        self.cursor = -1
        self._steps: tuple[Step, ...] = ()
        self._both = False
        self._rank: dict[str, int] = {}
        self.breakpoints: set[str] = set()
        self.timer = QTimer(self)
        self.timer.setInterval(500)
        self.timer.timeout.connect(self._tick)

    # --- the line of events -------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """The number of events of this level: forward, then backward where there is a loss."""
        return len(self._steps) * (2 if self._both else 1)

    @property
    def forward_count(self) -> int:
        """The number of forward events of this level."""
        return len(self._steps)

    def event_at(self, index: int) -> Position:
        """Return the event at an index of the line."""
        n = len(self._steps)
        if index < n:
            return Position(self._steps[index].path, "forward")
        return Position(self._steps[2 * n - 1 - index].path, "backward")

    @property
    def position(self) -> Position | None:
        """The event that happened last, or None before the first."""
        return self.event_at(self.cursor) if 0 <= self.cursor < self.count else None

    def level_run(self, level: str | None = None) -> Run | None:
        """Return the run of a level: the network's, or the one inside an opened op."""
        level = self.level if level is None else level
        if self.run is None or not level:
            return self.run
        owner = self.run.owner(level)
        return None if owner is None else owner.inside(level)

    def record(self, path: str) -> Record | None:
        """Return the record of a step on any level, or None before the run."""
        return None if self.run is None else self.run.record(path)

    def stage(self, path: str) -> Stage:
        """Tell how far a node (or block, or an op's inside) has come at the cursor."""
        if self.run is None or self.cursor < 0:
            return "none"
        inside = f"{self.level}/" if self.level else ""
        if self.level and not path.startswith(inside):
            # Outside the opened op everything stays as it was when it was entered.
            return "backward" if self.cursor >= self.forward_count else "forward"
        ranks = [self._rank[path]] if path in self._rank else [
            r for p, r in self._rank.items() if p.startswith(path + "/")]
        if not ranks:
            return self._passed_on(path)
        n = len(self._steps)
        if self._both and self.cursor >= 2 * n - 1 - min(ranks):
            return "backward"
        return "forward" if self.cursor >= max(ranks) else "none"

    def _passed_on(self, path: str) -> Stage:
        """Tell how far a node without a step of its own has come: a bypassed one, or an Input or Output of a block."""
        around = self.stage(path.rpartition("/")[0]) if "/" in path and path != self.level else "none"
        run = self.level_run()
        slots = {} if run is None else run.plan.where.get(path, {})
        writers = [self._rank[w] for s in slots.values() if run and (w := run.plan.slots[s].path) in self._rank]
        if around == "backward" or not writers:
            return around
        if self._both and self.cursor >= 2 * len(self._steps) - 1 - min(writers):
            return "backward"
        return "forward" if self.cursor >= max(writers) else "none"

    def value(self, path: str, output: str = "y") -> Array | None:
        """Return a value that the cursor has reached, else None."""
        if self.run is None or self.stage(path) == "none":
            return None
        owner = self.run.owner(path)
        return None if owner is None else owner.value(path, output)

    def gradient(self, path: str, output: str = "y") -> Array | None:
        """Return a gradient by an output that the cursor has reached: the sum of the terms sent back so far."""
        run = self.level_run()
        if run is None or self.cursor < self.forward_count:
            return None
        slot = run.plan.where.get(path, {}).get(output)
        if slot is None:
            return self.run.gradient(path, output) if self.run is not None and self.stage(path) == "backward" else None
        arrived = [t.value for t in run.terms.get(slot, []) if not t.path or self.stage(t.path) == "backward"]
        return np.sum(arrived, axis=0) if arrived else None

    # --- walking ----------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget the run."""
        self.pause()
        self.run, self.level, self.cursor, self._steps, self._both, self._rank = None, "", -1, (), False, {}
        self.moved.emit()

    def refresh(self) -> None:
        """Compute the pass anew where there is one, with other numbers and the cursor where it stands."""
        if self.run is None:
            return
        level, cursor = self.level, self.cursor
        self.run = None
        if not self._compute():
            self.reset()
        else:
            if level:
                self._load_level(level)
            self.cursor = min(cursor, self.count - 1)
            self.moved.emit()
        self.session.run_changed.emit()

    def ensure(self) -> bool:
        """Compute the whole pass if that has not happened; tell in words why not, and return False, where it fails."""
        if self.run is not None:
            return True
        if not self._compute():
            return False
        self.session.run_changed.emit()
        return True

    def _compute(self) -> bool:
        try:
            run = self.session.make_run()
            for _ in forward(run):
                pass
            losses = self.session.loss_nodes()
            if losses:
                for _ in backward(run, {(path, "y"): 1.0 for path in losses}):
                    pass
        except RunError as e:
            self.session.message.emit(str(e), "error")
            return False
        self.run = run
        self._load_level("", bool(losses))
        return True

    def _load_level(self, level: str, both: bool | None = None) -> None:
        self.level = level
        run = self.level_run()
        self._steps = () if run is None else run.plan.steps
        self._both = bool(run.gradients) if both is None and run is not None else bool(both)
        self._rank = {s.path: i for i, s in enumerate(self._steps)}
        self.cursor = -1

    def card(self, path: str) -> str:
        """Return the path of the card that stands for a step in the scope shown: a closed block hides its steps."""
        scope = self.session.scope
        prefix = f"{scope}/" if scope else ""
        if not path.startswith(prefix):
            return path
        return prefix + path[len(prefix):].split("/")[0]

    def scrub(self, index: int) -> None:
        """Go to an event; −1 is before the first."""
        if not self.ensure():
            return
        self.cursor = max(-1, min(index, self.count - 1))
        self.moved.emit()

    def step(self) -> bool:
        """Step over the next node (or closed block). Returns False at the end."""
        if not self.ensure() or self.cursor + 1 >= self.count:
            return False
        cursor = self.cursor + 1
        first = self.event_at(cursor)
        while cursor + 1 < self.count:
            following = self.event_at(cursor + 1)
            if following.direction != first.direction or self.card(following.path) != self.card(first.path):
                break
            cursor += 1
        self.scrub(cursor)
        return True

    def step_back(self) -> bool:
        """Take the last node (or closed block) back. Returns False at the start."""
        if self.run is None or self.cursor < 0:
            return False
        cursor = self.cursor - 1
        last = self.event_at(self.cursor)
        while cursor >= 0:
            before = self.event_at(cursor)
            if before.direction != last.direction or self.card(before.path) != self.card(last.path):
                break
            cursor -= 1
        self.scrub(cursor)
        return True

    def run_all(self) -> None:
        """Run to the end, where every value and gradient is shown, or to the next breakpoint."""
        if not self.ensure():
            return
        if not self.breakpoints or self.cursor + 1 >= self.count:
            self.scrub(self.count - 1)
            return
        while self.step() and not self.at_breakpoint:
            pass

    @property
    def at_breakpoint(self) -> bool:
        """Whether the node that ran last has a breakpoint."""
        return (at := self.position) is not None and bool({at.path, self.card(at.path)} & self.breakpoints)

    def toggle_breakpoint(self, path: str) -> None:
        """Set or remove the breakpoint of a node: running and playing stop when it has run, in both directions."""
        self.breakpoints ^= {path}
        self.moved.emit()

    def run_to(self, path: str) -> bool:
        """Run until a node's next event, forward first, then backward. Returns False where it never runs."""
        if not self.ensure():
            return False
        if self.cursor + 1 >= self.count:
            self.cursor = -1
        for i in range(self.cursor + 1, self.count):
            if path in (self.event_at(i).path, self.card(self.event_at(i).path)):
                last = i
                while last + 1 < self.count and self.event_at(last + 1).direction == self.event_at(i).direction and (
                        self.card(self.event_at(last + 1).path) == path):
                    last += 1
                self.scrub(last)
                return True
        return False

    def can_enter(self, path: str) -> bool:
        """Tell whether there is an inside to show."""
        if self.session.document.scope(path) is not None:
            return True
        if path in self.session.plan.where and self.session.plan.step(path) is None:
            return True
        if not self.ensure() or self.run is None:
            return False
        owner = self.run.owner(path)
        return owner is not None and (owner.inside(path) is not None or any(
            p.startswith(path + "/") for p in owner.plan.where))

    def enter(self, path: str) -> bool:
        """Show the inside of a block or an op, keeping the direction. Returns False where there is none."""
        if not self.can_enter(path):
            return False
        owner = None if self.run is None else self.run.owner(path)
        if owner is not None and owner.plan.step(path) is not None and owner.inside(path) is not None:
            was_backward = self.stage(path) == "backward"
            self._load_level(path)
            self.cursor = self.forward_count - 1 if was_backward and self._both else -1
        self.session.set_scope(path)
        self.moved.emit()
        return True

    def into(self) -> bool:
        """Step into the node at the cursor (or the selected one)."""
        chosen = self.session.selection[0] if self.session.selection else ""
        if not chosen and self.ensure():
            chosen = self.card(self.event_at(max(self.cursor, 0)).path)
        return bool(chosen) and self.enter(chosen)

    def out(self) -> bool:
        """Leave the block or op that is shown, back to the event of the op itself."""
        scope = self.session.scope
        if not scope:
            return False
        outer = scope.rpartition("/")[0]
        if self.level and scope == self.level:
            entered, back = self.level, self.cursor >= self.forward_count - 1 and self._both
            level = outer
            while level and (self.run is None or (o := self.run.owner(level)) is None or o.plan.step(level) is None):
                level = level.rpartition("/")[0]
            self._load_level(level)
            rank = self._rank.get(entered, 0)
            self.cursor = self.count - 1 - rank if back and self._both else rank
        self.session.set_scope(outer)
        self.moved.emit()
        return True

    def leave_to(self, scope: str) -> None:
        """Leave blocks and ops until an outer scope is shown."""
        while self.session.scope != scope and self.out():
            pass

    def graph_inside(self, path: str) -> Graph:
        """Return the graph inside an op or composite: the body it declares for the shapes it has."""
        if self.run is None:
            self.ensure()
        owner = None if self.run is None else self.run.owner(path)
        if owner is None:
            return Graph()
        inner = owner.inside(path)
        if inner is not None:
            return inner.plan.graph
        return owner.plan.scopes.get(path, Graph())

    # --- playing ------------------------------------------------------------------------------------------

    @property
    def playing(self) -> bool:
        """Whether it steps by itself."""
        return self.timer.isActive()

    def play(self) -> None:
        """Step by itself, from the start where it stands at the end."""
        if not self.ensure():
            return
        if self.cursor + 1 >= self.count:
            self.scrub(-1)
        self.timer.start()
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stop stepping by itself."""
        if self.timer.isActive():
            self.timer.stop()
            self.playing_changed.emit(False)

    def set_speed(self, steps_per_second: float) -> None:
        """Choose how fast it steps by itself."""
        self.timer.setInterval(max(10, round(1000 / steps_per_second)))

    def _tick(self) -> None:
        if not self.step() or self.at_breakpoint:
            self.pause()
