"""Garbage is collected in the window's thread while a worker runs: Qt objects must not be deleted in another one."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from graphlab.ui.garbage import collector
from graphlab.ui.worker import Worker


class Knot:
    """Refers to itself, so that only the collector can end it; it notes in which thread that happens."""

    ended: list[int] = []

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        Knot.ended.append(threading.get_ident())


def allocate() -> Iterator[int]:
    """Make far more garbage than Python lets lie about."""
    for i in range(200):
        yield len([[[i]] for _ in range(2000)])
        time.sleep(0.001)


@pytest.fixture
def _quiet(qtbot: QtBot) -> Iterator[None]:
    collector().look()
    gc.collect()
    Knot.ended.clear()
    yield
    collector().look()
    assert gc.isenabled()


@pytest.mark.usefixtures("_quiet")
def test_garbage_of_the_window_is_never_collected_by_a_worker(qtbot: QtBot) -> None:
    worker = Worker(allocate)
    for _ in range(50):
        Knot()
    worker.start()
    assert not gc.isenabled()
    for _ in range(3000):
        Knot()
    qtbot.waitUntil(worker.isFinished, timeout=10_000)
    qtbot.waitUntil(gc.isenabled, timeout=2000)
    gc.collect()
    assert len(Knot.ended) == 3050
    assert set(Knot.ended) == {threading.get_ident()}


@pytest.mark.usefixtures("_quiet")
def test_it_is_collected_while_the_worker_runs(qtbot: QtBot) -> None:
    worker = Worker(allocate)
    worker.start()
    for _ in range(3000):
        Knot()
    qtbot.waitUntil(lambda: len(Knot.ended) > 0, timeout=2000)
    worker.stop()


@pytest.mark.usefixtures("_quiet")
def test_two_workers_end_one_after_the_other(qtbot: QtBot) -> None:
    first, second = Worker(allocate), Worker(allocate)
    first.start()
    second.start()
    first.stop()
    collector().look()
    assert not gc.isenabled()
    second.stop()
    collector().look()
    assert gc.isenabled()


def test_there_is_one_collector(qtbot: QtBot) -> None:
    assert collector() is collector()
