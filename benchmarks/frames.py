"""How evenly the window draws while it trains: ``python -m benchmarks.frames [EXAMPLE]``.

A timer of 60 Hz repaints the canvas and notes when it was served. The same window is measured idle, then training with
the plots in front, in one run; the numbers are milliseconds between two pictures.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

import numpy as np


def intervals(seconds: float, paint: object) -> list[float]:
    """Serve a 60 Hz timer for a while, and return the milliseconds between its calls."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    times: list[float] = []
    loop = QEventLoop()
    clock = QTimer()
    clock.setTimerType(Qt.TimerType.PreciseTimer)

    def tick() -> None:
        times.append(time.perf_counter())
        paint.viewport().update()  # type: ignore[attr-defined]

    clock.timeout.connect(tick)
    clock.start(16)
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()
    clock.stop()
    return list(np.diff(times) * 1000)


def main() -> None:
    """Measure one example."""
    if not os.environ.get("DISPLAY"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_STATE_HOME=home)
        from graphlab.ui.app import Application, make_application

        example = sys.argv[1] if len(sys.argv) > 1 else "digits"
        app = make_application(["graphlab"])
        application = Application()
        window = application.open_window(example)
        window.resize(1600, 1000)
        window.show_dock("Training")
        window.session.update_setup("Train for long", epochs=100_000)
        intervals(1.0, window.canvas)
        print(f"{example}, {window.width()}×{window.height()}, platform {app.platformName()}")
        for name in ("idle", "training"):
            if name == "training":
                window.training.start()
                intervals(1.0, window.canvas)
            found = np.array(intervals(8.0, window.canvas))
            p50, p95 = np.percentile(found, [50, 95])
            print(f"{name:9} median {p50:5.1f}  p95 {p95:5.1f}  max {found.max():6.1f} ms  ({len(found)} pictures)")
        window.training.finish()
        window.session.undo_stack.clear()
        window.close()


if __name__ == "__main__":
    main()
