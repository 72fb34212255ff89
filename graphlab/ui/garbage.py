"""Python's cyclic garbage, collected in the window's thread alone while a worker runs.

Python collects in whichever thread happens to allocate. Among the garbage may be plots and panels that were closed,
and a Qt object that is deleted in another thread than its own takes the program down.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QCoreApplication, QObject, QThread, QTimer
from shiboken6 import isValid

#: How often garbage is looked for while a worker runs.
_EVERY_MS = 100


class Collector(QObject):
    """Stands in for Python's automatic collection as long as any of the threads given to `hold` runs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._threads: list[QThread] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.look)

    def hold(self, thread: QThread) -> None:
        """Collect here until a thread that is about to start has ended. Call it in the window's thread."""
        if not self._threads:
            gc.freeze()  # what is there already need not be gone through while the window has to stay smooth
        self._threads.append(thread)
        gc.disable()
        self._timer.start()

    def look(self) -> None:
        """Collect the oldest generation that is due, by Python's own thresholds; hand back when no thread runs."""
        due = [g for g in (2, 1, 0) if gc.get_count()[g] > gc.get_threshold()[g]]
        if due:
            gc.collect(due[0])
        self._threads = [t for t in self._threads if isValid(t) and not t.isFinished()]  # one may be deleted
        if not self._threads:
            self._timer.stop()
            gc.unfreeze()
            gc.enable()


def collector() -> Collector:
    """Return the application's collector, made on first use."""
    app = QCoreApplication.instance()
    found = None if app is None else app.findChild(Collector)
    return found if isinstance(found, Collector) else Collector(app)
