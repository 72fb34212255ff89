"""One thread for long work: it runs a generator, and the window asks for the latest results at its own rate."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QObject, QThread

from graphlab.ui.garbage import collector

log = logging.getLogger("graphlab")


class Worker(QThread):
    """Runs a generator to its end, until `stop`, or one value at a time while it is paused.

    ``latest`` is the last value it gave, ``error`` the exception that ended it. Nothing is signalled per value:
    the window calls `take` on its own timer and receives what came since.
    """

    def __init__(self, make: Callable[[], Iterator[Any]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make: Callable[[], Iterator[Any]] | None = make
        self._gate = threading.Condition()
        self._paused = False
        self._singles = 0
        self._stopping = False
        self._fresh: list[Any] = []
        self.latest: Any = None
        self.error: Exception | None = None
        self.setObjectName("graphlab worker")

    # --- called by the window ----------------------------------------------------------------------

    def start(self, priority: QThread.Priority = QThread.Priority.InheritPriority) -> None:
        """Begin; meanwhile garbage is collected in the window's thread."""
        collector().hold(self)
        super().start(priority)

    @property
    def paused(self) -> bool:
        """Whether it waits between two values."""
        return self._paused

    def pause(self) -> None:
        """Wait after the value that is being computed."""
        with self._gate:
            self._paused = True

    def resume(self) -> None:
        """Go on."""
        with self._gate:
            self._paused = False
            self._gate.notify_all()

    def single(self) -> None:
        """Compute one more value, and wait again."""
        with self._gate:
            self._paused = True
            self._singles += 1
            self._gate.notify_all()

    def stop(self, wait_ms: int = 10_000) -> bool:
        """End the work after the value that is being computed, and wait for the thread. False if it takes longer."""
        with self._gate:
            self._stopping = True
            self._gate.notify_all()
        return self.wait(wait_ms)

    def take(self) -> list[Any]:
        """Return the values that came since the last call."""
        with self._gate:
            fresh, self._fresh = self._fresh, []
        return fresh

    # --- the thread ----------------------------------------------------------------------------------

    def run(self) -> None:
        # What it works for may own it, and must not be kept alive by what is about to be deleted.
        make, self._make = self._make, None
        if make is None:
            return
        try:
            work = make()
            while self._may_go_on():
                value = next(work, self)
                if value is self:
                    break
                with self._gate:
                    self.latest = value
                    self._fresh.append(value)
            close = getattr(work, "close", None)
            if close is not None:
                close()
        except Exception as e:  # whatever it is, the window says it and lives on
            log.exception("the worker stopped")
            self.error = e

    def _may_go_on(self) -> bool:
        with self._gate:
            self._gate.wait_for(lambda: self._stopping or not self._paused or self._singles > 0)
            if self._paused and self._singles:
                self._singles -= 1
            return not self._stopping
