"""Pictures into files, for one window: what the canvas shows, the current step, and the animation of a lens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QProgressDialog

from graphlab.ui.dialogs.ask import may_replace, say_error
from graphlab.ui.worker import Worker

if TYPE_CHECKING:
    from graphlab.ui.lenses.base import Lens
    from graphlab.ui.main_window import MainWindow
    from graphlab.ui.panels.inspector_derivation import Spot
    from graphlab.ui.panels.lenses import LensPanel

PICTURES = {".svg": "Vector picture (*.svg)", ".pdf": "PDF (*.pdf)", ".png": "Picture (*.png)"}
MOVING = {".gif": "Animation (*.gif)", ".webp": "Animation, smaller (*.webp)"}


class ExportCommands(QObject):
    """What is written for notes and papers. A failure is a sentence; old files are then untouched."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.session = window.session
        self._worker: Worker | None = None
        self._progress: QProgressDialog | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._look)
        self._out = Path()

    def ask(self, name: str, kinds: dict[str, str]) -> Path | None:
        """Ask where to write; the ending that is typed, else that of the chosen kind, decides what."""
        start = (self.session.path or Path(self.window.files.name)).with_name(name + next(iter(kinds)))
        chosen, kind = QFileDialog.getSaveFileName(self.window, "Export", str(start), ";;".join(kinds.values()))
        if not chosen:
            return None
        path = Path(chosen)
        if path.suffix.lower() not in kinds:
            ending = next((e for e, text in kinds.items() if text == kind), next(iter(kinds)))
            path = path.with_name(path.name + ending)
        return path if may_replace(self.window, chosen, path) else None

    def view(self) -> bool:
        """Write what the canvas shows."""
        from graphlab.ui.export.network import export_view
        from graphlab.ui.export.write import ExportError

        path = self.ask(self.window.files.name, PICTURES)
        if path is None:
            return False
        try:
            export_view(self.session, path)
        except ExportError as e:
            say_error(self.window, "Not exported", str(e))
            return False
        self._done(path)
        return True

    def step(self) -> bool:
        """Write the current step as a figure: formula, numbers, and the arithmetic that the inspector shows."""
        from graphlab.ui.export.step import export_step
        from graphlab.ui.export.write import ExportError

        path = self.ask(f"{self.window.files.name} step", PICTURES)
        if path is None:
            return False
        try:
            export_step(self.session, path, self._spot())
        except ExportError as e:
            say_error(self.window, "Not exported", str(e))
            return False
        self._done(path)
        return True

    def latex(self) -> None:
        """Put the current step on the clipboard as LaTeX."""
        from graphlab.ui.export.step import step_latex
        from graphlab.ui.export.write import ExportError

        try:
            QGuiApplication.clipboard().setText(step_latex(self.session, self._spot()))
        except ExportError as e:
            self.session.message.emit(str(e), "warning")
            return
        self.session.message.emit("The step is on the clipboard as LaTeX.", "info")

    def _spot(self) -> Spot | None:
        """Return the number whose arithmetic the inspector shows, where it is still that of the current step."""
        inspector = self.window.inspector
        spot = inspector.derivation.spot
        return spot if spot is not None and inspector.subject is not None and (
            spot.path == inspector.subject.path) else None

    def _done(self, path: Path) -> None:
        self.session.message.emit(f"Exported as ‘{path.name}’.", "info")

    # --- lenses ----------------------------------------------------------------------------------------------

    def lens(self, panel: LensPanel) -> None:
        """Write the frame that a lens shows, or its whole animation."""
        from graphlab.ui.export.write import Drawing, ExportError, write

        lens = panel.lens
        if lens is None:
            return
        path = self.ask(lens.title, (MOVING if lens.frames > 1 else {}) | PICTURES)
        if path is None:
            return
        if path.suffix.lower() in MOVING:
            self._animate(lens, path)
            return

        def paint(painter: QPainter) -> None:
            lens.render(painter, QPoint())
        try:
            write(Drawing(lens.width(), lens.height(), paint, lens.palette().window().color(), lens.title), path)
        except ExportError as e:
            say_error(self.window, "Not exported", str(e))
        else:
            self._done(path)

    def _animate(self, lens: Lens, path: Path) -> None:
        from graphlab.ui.export.animation import write_animation

        before, count = lens.progress, lens.frames
        frames: list[QImage] = []
        for i in range(count):
            lens.show_frame(i / max(1, count - 1))
            frames.append(lens.grab().toImage())
        lens.show_frame(before)
        self._out = path
        self._progress = QProgressDialog(f"Writing {count} frames to ‘{path.name}’", "Cancel", 0, 100, self.window)
        self._progress.setWindowModality(Qt.WindowModality.WindowModal)
        self._progress.setMinimumDuration(400)
        self._worker = Worker(lambda: write_animation(frames, path, 8.0), self)
        self._worker.start()
        self._timer.start()

    def _look(self) -> None:
        worker, progress = self._worker, self._progress
        if worker is None or progress is None:
            return
        if progress.wasCanceled():
            worker.stop()
        elif not worker.isFinished():
            progress.setValue(round(100 * (worker.latest or 0.0)))
            return
        self._timer.stop()
        cancelled = progress.wasCanceled()
        progress.close()
        progress.deleteLater()
        self._worker = self._progress = None
        if worker.error is not None:
            say_error(self.window, "Not exported", str(worker.error))
        elif not cancelled:
            self._done(self._out)

    def close(self) -> None:
        """End an animation that is being written."""
        if self._worker is not None:
            self._timer.stop()
            self._worker.stop()
