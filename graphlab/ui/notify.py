"""What happens when something goes wrong: a log file that can be found, and a window that stays alive."""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import QMessageLogContext, QObject, QStandardPaths, Qt, QtMsgType, Signal, qInstallMessageHandler

log = logging.getLogger("graphlab")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def data_folder() -> Path:
    """Return the folder for the log and the journals of unsaved work; it is made where it is missing."""
    folder = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def log_path() -> Path:
    """Return the file that the program writes its log to."""
    return data_folder() / "graphlab.log"


def sentence(error: BaseException) -> str:
    """Say an unexpected error as a sentence for the status bar."""
    what = str(error).strip().rstrip(".") or type(error).__name__
    return f"Something went wrong: {what}. The window goes on; details are in {log_path()}."


class Alarm(QObject):
    """Turns uncaught exceptions of any thread into a sentence in the window, and a traceback in the log."""

    raised = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._streams: list[TextIO] = []
        self._undo: list[Callable[[], object]] = []

    def install(self) -> None:
        """Catch exceptions, crashes and Qt's warnings from now on."""
        path = log_path()
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=1_000_000, backupCount=1, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        crashes = path.with_name("crash.log").open("a", encoding="utf-8")
        self._streams.append(crashes)
        faulthandler.enable(crashes)
        hook, thread_hook = sys.excepthook, threading.excepthook
        sys.excepthook = self._caught
        threading.excepthook = self._caught_in_thread
        qInstallMessageHandler(self._qt)
        self._undo = [
            lambda: setattr(sys, "excepthook", hook),
            lambda: setattr(threading, "excepthook", thread_hook),
            lambda: qInstallMessageHandler(None),
            faulthandler.disable,
            lambda: log.removeHandler(handler),
            handler.close,
            crashes.close,
        ]

    def remove(self) -> None:
        """Put everything back as it was before `install`."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._streams.clear()

    def _caught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.error("uncaught", exc_info=(kind, error, trace))
        self.raised.emit(sentence(error))

    def _caught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._caught(args.exc_type, args.exc_value, args.exc_traceback)

    @staticmethod
    def _qt(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        log.log(_LEVELS.get(kind, logging.WARNING), "Qt: %s", text)
        if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg) and sys.stderr is not None:
            sys.stderr.write(text + "\n")

    def listen(self, show: Callable[[str], object]) -> None:
        """Hand every sentence to ``show``, in the window's own thread."""
        self.raised.connect(show, Qt.ConnectionType.QueuedConnection)
