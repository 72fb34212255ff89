"""Training from the window: a worker runs the engine's trainer, and the window looks at it at its own rate."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from graphlab.engine.progress import Progress
from graphlab.engine.run import RunError
from graphlab.engine.train import Trainer
from graphlab.ui.session import Session
from graphlab.ui.worker import Worker

State = Literal["idle", "running", "paused"]

_SWITCH = sys.getswitchinterval()

#: How fast updates are made, in updates a second, for those who want to watch; 0 is as fast as it goes.
PACES = {"full speed": 0.0, "100 updates/s": 100.0, "30 updates/s": 30.0, "10 updates/s": 10.0, "2 updates/s": 2.0}
#: Curves with more points are thinned out: every other point goes.
MOST_POINTS = 4000


@dataclass
class Curves:
    """What the plots draw: numbers by update, without the weights."""

    updates: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    scored: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    norms: dict[str, list[float]] = field(default_factory=dict)
    offset: int = 0

    def add(self, progress: Progress) -> None:
        """Append one progress."""
        nan = math.nan
        count = len(self.updates)
        self.updates.append(self.offset + progress.update)
        for series, values in ((self.losses, progress.losses), (self.norms, progress.norms)):
            for name, value in values.items():
                series.setdefault(name, [nan] * count).append(value)
            for known in series.values():
                known.extend([nan] * (len(self.updates) - len(known)))
        at = self.offset + progress.scored
        if progress.scored >= 0 and (not self.scored or self.scored[-1] != at):
            self.scored.append(at)
            for part, losses, accuracies in (
                (progress.train, self.train_loss, self.train_accuracy),
                (progress.validation, self.validation_loss, self.validation_accuracy),
            ):
                losses.append(nan if part is None else part.loss)
                accuracies.append(nan if part is None or part.accuracy is None else part.accuracy)
        if len(self.updates) > MOST_POINTS:
            self._thin()

    def _thin(self) -> None:
        every = [*self.losses.values(), *self.norms.values()]
        if len(self.scored) > MOST_POINTS // 2:
            del self.scored[1::2]
            every += [self.train_loss, self.validation_loss, self.train_accuracy, self.validation_accuracy]
        del self.updates[1::2]
        for numbers in every:
            del numbers[1::2]


class Training(QObject):
    """Starts, pauses and ends the training of a session's network; there is one at a time.

    ``state_changed`` follows each start, pause and end; ``progressed`` each look at what the worker has done.
    When training ends, the weights become one undoable edit; meanwhile they are shown live.
    """

    state_changed = Signal()
    progressed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.curves = Curves()
        self.latest: Progress | None = None
        self.trainer: Trainer | None = None
        self._worker: Worker | None = None
        self.pace = "full speed"
        self._single = False
        self._version = -1
        self._live_cost_ms = 0
        self._since_live = QElapsedTimer()
        self._poll = QTimer(self)
        self._poll.setInterval(50)
        self._poll.timeout.connect(self.look)
        session.interrupt.connect(self.finish)
        session.planned.connect(self._network_changed)
        session.replaced.connect(self.forget)

    # --- what it is doing ----------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Whether it trains, waits, or does nothing."""
        if self._worker is None:
            return "idle"
        return "paused" if self._worker.paused else "running"

    @property
    def active(self) -> bool:
        """Whether a training has begun and not ended, paused or not."""
        return self._worker is not None

    def set_rate(self, pictures_per_second: int) -> None:
        """Choose how often the window looks at the worker."""
        self._poll.setInterval(round(1000 / pictures_per_second))

    # --- commands ------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Begin or go on. Returns False, after a message in words, where training cannot begin."""
        if self._worker is not None:
            self._single = False
            self._worker.resume()
            self.state_changed.emit()
            return True
        return self._begin(paused=False)

    def pause(self) -> None:
        """Wait after the update that is being made."""
        if self._worker is not None:
            self._worker.pause()
            self.state_changed.emit()

    def single(self) -> bool:
        """Make one update, and wait. Returns False where training cannot begin."""
        if self._worker is None and not self._begin(paused=True):
            return False
        if self._worker is not None:
            self._single = True
            self._worker.single()
            self.state_changed.emit()
        return True

    def stop(self) -> None:
        """End training and keep the weights as an undoable edit."""
        self.finish()

    def restart(self) -> bool:
        """Begin anew from the weights that the seed gives."""
        self.finish()
        self.session.reset_weights()
        self.curves = Curves()
        return self._begin(paused=False)

    # --- beginning and ending ----------------------------------------------------------------------------

    def _begin(self, paused: bool) -> bool:
        session = self.session
        prepared = session.prepared
        if prepared is None:
            session.message.emit("Training needs data: choose a data set in the Data panel.", "warning")
            return False
        try:
            trainer = Trainer(session.plan, session.weights, prepared, session.document.setup)
        except RunError as e:
            session.message.emit(str(e).partition("\n")[0], "warning")
            return False
        self.trainer = trainer
        self.curves.offset = self.curves.updates[-1] if self.curves.updates else 0
        self._version = -1
        self._single = False
        self._take(trainer.progress())
        self._worker = Worker(lambda: self._updates(trainer), self)
        if paused:
            self._worker.pause()
        session.show_live(session.weights)
        self._since_live.start()
        # The worker's arithmetic is many short calls: the window must not wait 5 ms for each of its own turns.
        sys.setswitchinterval(0.001)
        self._worker.start()
        self._poll.start()
        self.state_changed.emit()
        return True

    def _updates(self, trainer: Trainer) -> Iterator[Progress]:
        """Run in the worker: each value is the work of at most a thirtieth of a second, or one update.

        Short trainings give more points, so that their curves are as smooth as those of long ones.
        """
        while not trainer.finished:
            pace = PACES[self.pace]
            single = self._single or pace > 0
            interval = 0.0 if single else min(1 / 30, max(0.003, trainer.seconds / 150))
            progress = next(trainer.run(interval))
            # One update at a time is watched: its weights and scores are shown, whatever it costs to take them.
            yield trainer.progress() if single else progress
            if pace and not self._single:
                time.sleep(1 / pace)

    def finish(self) -> None:
        """End a training that is under way, if there is one, and keep what it reached."""
        worker = self._worker
        if worker is None:
            return
        worker.stop()
        self._ended()

    def _ended(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None or self.trainer is None:
            return
        self._poll.stop()
        sys.setswitchinterval(_SWITCH)
        worker.wait()
        for progress in worker.take():
            self._take(progress)
        session = self.session
        last = self.trainer.progress()
        self._take(last)
        session.show_live(last.weights)
        session.keep_live(self._label(last))
        worker.deleteLater()
        self.state_changed.emit()
        self.progressed.emit()
        if worker.error is not None:
            session.message.emit(f"Training stopped: {str(worker.error).rstrip('.')}.", "error")
        elif last.path:
            session.message.emit(last.message, "error")
            session.show_node(last.path)
        else:
            session.message.emit(last.message or f"Training stopped after {last.update:,} updates.", "info")

    @staticmethod
    def _label(last: Progress) -> str:
        count, what = (last.epoch, "epoch") if last.epoch else (last.update, "update")
        return f"Train {count} {what}{'s' * (count != 1)}"

    def _network_changed(self) -> None:
        # An undo went past the network that is trained: what the worker makes belongs to nothing any more.
        if self._worker is not None and not self.session.live:
            worker, self._worker = self._worker, None
            self._poll.stop()
            sys.setswitchinterval(_SWITCH)
            worker.stop()
            worker.deleteLater()
            self.session.message.emit("Training stopped, because the network was changed.", "warning")
            self.state_changed.emit()

    def forget(self) -> None:
        """Drop the curves: another document is shown."""
        self.curves = Curves()
        self.latest = None
        self.progressed.emit()

    # --- looking ---------------------------------------------------------------------------------------

    def _take(self, progress: Progress) -> None:
        self.latest = progress
        self.curves.add(progress)

    def look(self) -> None:
        """Take what the worker has done since the last look, and show it."""
        worker = self._worker
        if worker is None:
            return
        if worker.isFinished():
            self._ended()
            return
        fresh = worker.take()
        for progress in fresh:
            self._take(progress)
        # What was too early to show at the last look is shown at a later one, also when nothing came since: the
        # weights of a single update, or those on which training was paused.
        if self.latest is not None:
            self._show_live(self.latest)
        if fresh:
            self.progressed.emit()

    def _show_live(self, progress: Progress) -> None:
        """Show the weights of now, in at most an eighth of the window's time."""
        if progress.version == self._version or self._since_live.elapsed() < 8 * self._live_cost_ms:
            return
        self._version = progress.version
        self._since_live.restart()
        self.session.show_live(progress.weights)
        self._live_cost_ms = self._since_live.restart()


