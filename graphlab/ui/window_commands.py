"""What the actions of a window do, as far as it is more than a call of one part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QMainWindow

from graphlab.ui import theme
from graphlab.ui.notify import log_path
from graphlab.ui.panels.panel import Panel

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDockWidget, QMenu, QSpinBox, QStackedWidget, QToolBar, QWidget

    from graphlab.ui.actions import Actions
    from graphlab.ui.app import Application
    from graphlab.ui.canvas.view import CanvasView
    from graphlab.ui.export_commands import ExportCommands
    from graphlab.ui.file_commands import FileCommands
    from graphlab.ui.panels.history import History
    from graphlab.ui.panels.inspector import Inspector
    from graphlab.ui.panels.lens_later import LensLater
    from graphlab.ui.panels.palette import Palette
    from graphlab.ui.panels.problems import Problems
    from graphlab.ui.panels.timeline import Timeline
    from graphlab.ui.panels.training import TrainingPanel
    from graphlab.ui.session import Session
    from graphlab.ui.settings import Settings
    from graphlab.ui.start_page import StartPage
    from graphlab.ui.status_bar import Status
    from graphlab.ui.training import Training


class WindowCommands(QMainWindow):
    """The part of the main window that its actions call."""

    application: Application
    actions_: Actions
    session: Session
    settings: Settings
    training: Training
    files: FileCommands
    exports: ExportCommands
    canvas: CanvasView
    start_page: StartPage
    stack: QStackedWidget
    editor: QWidget
    timeline: Timeline
    library: Palette
    history: History
    problems: Problems
    training_panel: TrainingPanel
    lens: LensLater
    inspector: Inspector
    docks: dict[str, QDockWidget]
    toolbar: QToolBar
    recent_menu: QMenu
    seed: QSpinBox
    view_batch: QSpinBox
    status: Status

    @property
    def editing(self) -> bool:
        """Whether the canvas is shown, with something that can be edited."""
        return self.canvas.editable

    # --- editing ---------------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last edit back; a training that is under way ends first and is what is taken back."""
        self.training.finish()
        self.session.undo_stack.undo()

    def redo(self) -> None:
        """Make the edit that was taken back again."""
        self.training.finish()
        self.session.undo_stack.redo()

    def add_op(self, name: str) -> None:
        """Add an op to the canvas: after the selected node, or where there is room."""
        from graphlab.engine.op import registry

        op = registry().get(name)
        if op is not None:
            self.show_editor()
            self.canvas.add_op(op())
            self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_editor(self) -> None:
        """Show the canvas; the main window knows how."""
        raise NotImplementedError

    def reset_weights(self) -> None:
        """Go back to the weights of the seed."""
        self.training.finish()
        self.session.reset_weights()
        seed = self.session.document.setup.seed
        self.session.message.emit(f"The weights are those of the seed {seed} again.", "info")

    # --- running -----------------------------------------------------------------------------------------

    def step(self) -> None:
        """Step over the next node; say so at the end."""
        player = self.session.player
        if not player.step() and player.run is not None:
            self.session.message.emit("This is the end of the run. Ctrl+Home goes back to its start.", "info")

    def step_into(self) -> None:
        """Step into the selected or current node; say so where there is nothing smaller."""
        player = self.session.player
        if not player.into() and player.run is not None:
            self.session.message.emit("There is nothing smaller inside this operation.", "info")

    def play_or_pause(self) -> None:
        """Step by itself, or stop that."""
        player = self.session.player
        if player.playing:
            player.pause()
        else:
            player.play()

    def run_to_selected(self) -> None:
        """Run until the selected node's next event."""
        path = self.session.selection[0]
        if not self.session.player.run_to(path):
            self.session.message.emit(f"‘{path}’ does not run: see the problems.", "warning")

    def toggle_breakpoint(self) -> None:
        """Set or remove the breakpoint of the selected node."""
        path = self.session.selection[0]
        self.session.player.toggle_breakpoint(path)
        on = path in self.session.player.breakpoints
        self.session.message.emit(f"Running and playing {'stop' if on else 'no longer stop'} at ‘{path}’.", "info")

    def toggle_training_mode(self) -> None:
        """Step as in training, or as in evaluation."""
        self.session.training_mode = not self.session.training_mode
        self.session.player.refresh()
        what = "training: dropout drops, BatchNorm uses the batch" if self.session.training_mode else (
            "evaluation: dropout passes everything, BatchNorm uses its running statistics")
        self.session.message.emit(f"Stepping is as in {what}.", "info")

    def move_sample(self, by: int) -> None:
        """Look at another sample; after the last comes the first."""
        if self.session.samples:
            self.session.set_sample((self.session.sample + by) % self.session.samples)

    def next_wrong(self) -> None:
        """Look at the next sample whose class the network gets wrong."""
        from graphlab.ui.panels.samples_find import next_wrong

        found = next_wrong(self.session)
        if found is None:
            count = f"{self.session.samples:,}"
            self.session.message.emit(f"The network gets the class of all {count} samples right.", "info")
        else:
            self.session.set_sample(found)

    # --- looking -------------------------------------------------------------------------------------------

    def toggle_dark(self) -> None:
        """Switch between light and dark colours, and remember it."""
        self.settings.set("theme", "light" if theme.current().dark else "dark")

    def toggle_minimap(self) -> None:
        """Show or hide the small map."""
        self.canvas.toggle_minimap()

    def focus_panel(self, by: int) -> None:
        """Put the keyboard into the next panel that is seen, or into the one before."""
        stops: list[QWidget] = [self.canvas]
        for dock in self.docks.values():
            widget = dock.widget()
            if not widget.visibleRegion().isEmpty():
                stops.append(widget)
        focus = QApplication.focusWidget() or self.focusWidget()
        at = next((i for i, s in enumerate(stops) if s is focus or s.isAncestorOf(focus)), -1)
        target = stops[(at + by) % len(stops)] if at >= 0 else stops[0]
        if isinstance(target, Panel):
            target.focus_first()
        else:
            target.setFocus(Qt.FocusReason.TabFocusReason)

    def show_dock(self, name: str) -> None:
        """Bring a panel to the front."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()

    # --- windows of their own --------------------------------------------------------------------------------

    def find_node(self) -> None:
        """Search for a node of the network by name."""
        from graphlab.ui.dialogs.command_palette import show_nodes

        show_nodes(self)

    def show_command_palette(self) -> None:
        """Search for a command, an operation or an example."""
        from graphlab.ui.dialogs.command_palette import show_everything

        show_everything(self)

    def show_settings(self) -> None:
        """Show the settings."""
        from graphlab.ui.dialogs.settings_dialog import SettingsDialog

        SettingsDialog(self.settings, self).open()

    def show_about(self) -> None:
        """Show version and licences."""
        from graphlab.ui.dialogs.about import AboutDialog

        AboutDialog(self).open()

    def show_shortcuts(self) -> None:
        """Show all keys and gestures."""
        from graphlab.ui.help import ShortcutsDialog

        ShortcutsDialog(self).open()

    def show_help(self, path: str = "") -> None:
        """Show the card of an op: the one at a path, the selected one, or the one marked in the library.

        In a panel that is about something else, say what the panel is for.
        """
        from graphlab.ui.help import HelpDialog

        focus = QApplication.focusWidget() or self.focusWidget()
        panels = [p for d in self.docks.values() if isinstance(p := d.widget(), Panel)]
        panel = next((p for p in panels if p.isAncestorOf(focus)), None)
        if not path and panel is not None and panel not in (self.library, self.inspector):
            self.session.message.emit(f"{panel.name}: {panel.about}", "info")
            return
        chosen = path or (self.session.selection[0] if self.session.selection else "")
        graph = self.session.graph_at(chosen.rpartition("/")[0])[0] if chosen else None
        node = graph.nodes.get(chosen.rpartition("/")[2]) if graph is not None else None
        marked = self.library.current() if not path and self.library.isAncestorOf(focus) else None
        if node is not None and marked is None:
            HelpDialog(node.op, self).open()
        elif marked is not None:
            HelpDialog(marked(), self).open()
        else:
            self.show_shortcuts()

    def show_log(self) -> None:
        """Open the folder of the log file."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_path().parent)))
        self.session.message.emit(f"The log file is {log_path()}.", "info")
