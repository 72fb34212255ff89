"""PySide6 6.12.0 on Python 3.11 loses a reference to None in calls that return nothing, and aborts."""

from __future__ import annotations

import subprocess
import sys

CALLS = """
from PySide6.QtCore import QCoreApplication, QTimer
application = QCoreApplication([])
timer = QTimer()
for _ in range(100000):
    timer.setInterval(5)
print("alive")
"""


def test_many_calls_that_return_nothing_leave_the_process_alive() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALLS], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "alive"
