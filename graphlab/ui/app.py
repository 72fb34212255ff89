"""The program: one application, its windows, and what holds when something goes wrong."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

import graphlab
from graphlab.ui import frames, icons, theme
from graphlab.ui.main_window import MainWindow
from graphlab.ui.notify import Alarm
from graphlab.ui.settings import Settings


class Application(QObject):
    """Holds the windows and the settings they share."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings(self)
        self.windows: list[MainWindow] = []

    def open_window(self, path: str | None = None) -> MainWindow:
        """Open a window, with a file in it or with the start page."""
        window = MainWindow(self, self.settings)
        if self.windows:
            at = self.windows[-1].pos()
            window.move(at.x() + 32, at.y() + 32)
        self.windows.append(window)
        if QApplication.platformName() != "offscreen":  # there, the screen is smaller than any real one
            window.fit_screen()
        window.show()
        QApplication.processEvents()  # the frame is on the screen before anything slow is loaded
        window.build()
        if path is None or not self.open_in(window, path):
            window.show_start_page()
        return window

    def open_in(self, window: MainWindow, path: str) -> bool:
        """Open a file, or an example by its name, in a window."""
        from graphlab.document.examples import find

        if not Path(path).exists() and find(path) is not None:
            return window.files.open_example(path)
        return window.files.open(Path(path))

    def forget(self, window: MainWindow) -> None:
        """Let a window go that was closed."""
        if window in self.windows:
            self.windows.remove(window)

    def quit(self) -> None:
        """Close all windows, as long as the user agrees."""
        for window in list(reversed(self.windows)):
            if not window.close():
                return

    def say(self, sentence: str) -> None:
        """Show a sentence in the window that is used."""
        active = [w for w in self.windows if w.isActiveWindow()] or self.windows
        if active:
            active[0].session.message.emit(sentence, "error")


def make_application(arguments: list[str]) -> QApplication:
    """Make Qt's application object in GraphLab's style."""
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication(arguments)
    app.setApplicationName("GraphLab")
    app.setOrganizationName("GraphLab")
    app.setApplicationVersion(graphlab.__version__)
    app.setDesktopFileName("graphlab")
    app.setWindowIcon(icons.application_icon())
    theme.apply(app)
    frames.apply(app)
    return app


def run(path: str | None = None) -> int:
    """Open the window, with a file or example in it where one is named, and return when all windows are closed."""
    app = make_application(sys.argv[:1])
    alarm = Alarm()
    alarm.install()
    application = Application()
    application.settings.apply()
    alarm.listen(application.say)
    # Python looks at Ctrl+C in the terminal only between its own instructions.
    beat = QTimer()
    beat.timeout.connect(lambda: None)
    beat.start(500)
    application.open_window(path)
    code = app.exec()
    alarm.remove()
    return code
