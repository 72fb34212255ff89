"""Where and how the tests run: offscreen by default, one group on an X server, in parallel if it pays."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import hypothesis
import pytest

# One BLAS thread a process, set before NumPy loads: arrays are small here, and the workers share the cores.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

TESTS = Path(__file__).parent
NO_X_SERVER = (
    "needs a window on an X server: Xvfb was not found; on Debian `apt-get install xvfb xauth "
    "libxcb-cursor0 libxkbcommon-x11-0` brings it"
)

hypothesis.settings.register_profile("graphlab", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "graphlab")


def on_x11(config: pytest.Config) -> bool:
    """Whether this run is the x11 group: `-m x11`."""
    return str(config.getoption("markexpr", "")).strip() == "x11"


def has_x_server() -> bool:
    return sys.platform.startswith("linux") and shutil.which("Xvfb") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if on_x11(config):
        os.environ["QT_QPA_PLATFORM"] = "xcb"
    else:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


@pytest.hookimpl(optionalhook=True)
def pytest_xvfb_disable(config: pytest.Config) -> bool:
    return not on_x11(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers for the whole suite; none for single files and for windows, which share the focus."""
    whole = all(Path(argument).resolve() in (TESTS, TESTS.parent) for argument in config.args)
    return min(2, os.cpu_count() or 1) if whole and not on_x11(config) else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if on_x11(config):
        if not has_x_server():
            for item in items:
                item.add_marker(pytest.mark.skip(reason=NO_X_SERVER))
        return
    # Without `-m x11` the group runs in a process of its own, started by tests/test_x11_group.py.
    windows = [item for item in items if item.get_closest_marker("x11")]
    if windows:
        config.hook.pytest_deselected(items=windows)
        items[:] = [item for item in items if item not in windows]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what the group of windows said, since it ran in another process."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("skipped"):
        for name, value in report.user_properties:
            if name == "x11 group" and report.when == "call":
                terminalreporter.write_line(f"x11 group on Xvfb: {value}")
