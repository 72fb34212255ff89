"""The tests that need a real window, run as a group on Xvfb in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import NO_X_SERVER, has_x_server

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(600)
def test_the_x11_group_passes(record_property: Callable[[str, object], None]) -> None:
    if not has_x_server():
        record_property("x11 group", f"skipped, it {NO_X_SERVER}")
        pytest.skip(NO_X_SERVER)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "QT_QPA_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "x11", "-n", "0", "-p", "no:cacheprovider", "-q", "tests"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    record_property("x11 group", done.stdout.strip().splitlines()[-1].strip("= "))
