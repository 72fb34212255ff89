"""The worker thread: it runs, pauses, makes single values, stops, and says what went wrong."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QThread
from pytestqt.qtbot import QtBot

from graphlab.ui.worker import Worker


class Count:
    """An endless generator that remembers where it ran and whether it was closed."""

    def __init__(self) -> None:
        self.closed = False
        self.thread: int | None = None

    def __call__(self) -> Iterator[int]:
        self.thread = threading.get_ident()
        number = 0
        try:
            while True:
                number += 1
                yield number
                time.sleep(0.001)
        finally:
            self.closed = True


@pytest.fixture
def count() -> Count:
    return Count()


def test_it_runs_beside_the_window_until_it_is_stopped(qtbot: QtBot, count: Count) -> None:
    worker = Worker(count)
    worker.start()
    qtbot.waitUntil(lambda: worker.latest is not None and worker.latest > 5)
    assert worker.stop()
    assert worker.isFinished()
    assert count.closed
    assert count.thread != threading.get_ident()
    last = worker.latest
    qtbot.wait(20)
    assert worker.latest == last


def test_take_gives_every_value_once_and_in_order(qtbot: QtBot, count: Count) -> None:
    worker = Worker(count)
    worker.start()
    seen: list[int] = []
    while len(seen) < 20:
        qtbot.wait(2)
        seen += worker.take()
    worker.stop()
    seen += worker.take()
    assert seen == list(range(1, len(seen) + 1))
    assert worker.take() == []


def test_paused_it_makes_single_values_only(qtbot: QtBot, count: Count) -> None:
    worker = Worker(count)
    worker.pause()
    worker.start()
    qtbot.wait(20)
    assert worker.latest is None
    worker.single()
    qtbot.waitUntil(lambda: worker.latest == 1)
    qtbot.wait(20)
    assert worker.latest == 1
    worker.single()
    worker.single()
    qtbot.waitUntil(lambda: worker.latest == 3)
    assert worker.paused
    worker.resume()
    qtbot.waitUntil(lambda: worker.latest > 5)
    assert not worker.paused
    worker.pause()
    assert worker.stop(), "a paused worker stops as well"
    assert count.closed


def test_it_ends_by_itself(qtbot: QtBot) -> None:
    worker = Worker(lambda: iter([1, 2, 3]))
    with qtbot.waitSignal(worker.finished, timeout=5000):
        worker.start()
    assert worker.take() == [1, 2, 3]
    assert worker.error is None


def test_an_error_is_kept_and_does_not_end_the_program(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("the numbers ran out")
    worker = Worker(work)
    with qtbot.waitSignal(worker.finished, timeout=5000):
        worker.start()
    assert worker.latest == 1
    assert str(worker.error) == "the numbers ran out"
    assert "the worker stopped" in caplog.text


def test_no_thread_is_left(qtbot: QtBot, count: Count) -> None:
    before = threading.active_count()
    for _ in range(5):
        worker = Worker(count)
        worker.start()
        qtbot.waitUntil(lambda w=worker: w.latest is not None)  # type: ignore[misc]
        worker.stop()
        assert not worker.isRunning()
    assert threading.active_count() <= before + 1, "Python may keep one entry for a thread of Qt's"
    assert QThread.currentThread().isRunning()


def test_it_keeps_nothing_alive_that_owns_it(qtbot: QtBot) -> None:
    """A worker that is deleted late must not take its owner along, which would delete it a second time."""
    class Owner(QObject):
        def __init__(self) -> None:
            super().__init__()
            self.worker = Worker(lambda: self.work(), self)

        def work(self) -> Iterator[int]:
            yield 1

    def use() -> weakref.finalize[[bool], Owner]:
        owner = Owner()
        owner.worker.start()
        assert owner.worker.wait(5000)
        assert owner.worker.take() == [1]
        owner.worker.deleteLater()
        del owner.worker
        return weakref.finalize(owner, ended.append, True)

    ended: list[bool] = []
    use()
    assert ended == [True]
    qtbot.wait(10)
