"""The table of all actions, and in which menus and on which toolbar they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.ui import theme
from graphlab.ui.actions import Action

if TYPE_CHECKING:
    from graphlab.ui.main_window import MainWindow


def _selected(w: MainWindow) -> bool:
    return w.editing and bool(w.session.selection)


def _something(w: MainWindow) -> bool:
    return w.editing and bool(w.canvas.selected_ids() or w.canvas.selected_notes or w.canvas.selected_wire)


def _nodes(w: MainWindow) -> bool:
    return bool(w.session.document.graph.nodes)


def _runs(w: MainWindow) -> bool:
    return bool(w.session.plan.steps)


def _samples(w: MainWindow) -> bool:
    return w.session.samples > 1


FILE = (
    Action("new", "&New", "Start with an empty network", lambda w: w.files.new(), ("Ctrl+N",), "new"),
    Action("new_window", "New &window", "Open another window", lambda w: w.application.open_window(),
           ("Ctrl+Shift+N",)),
    Action("start", "S&tart page", "Show the examples and recent files", lambda w: w.show_start_page(),
           ("Ctrl+Shift+H",)),
    Action("open", "&Open…", "Open a GraphLab file", lambda w: w.files.open(), ("Ctrl+O",), "open"),
    Action("save", "&Save", "Save the network", lambda w: w.files.save(), ("Ctrl+S",), "save"),
    Action("save_as", "Save &as…", "Save the network under another name", lambda w: w.files.save_as(),
           ("Ctrl+Shift+S",)),
    Action("export", "&Export…", "Export what the canvas shows as SVG, PDF or PNG", lambda w: w.exports.view(),
           ("Ctrl+E",), "export", _nodes),
    Action("export_step", "Ex&port the step…", "Export the current step as a figure, with its arithmetic",
           lambda w: w.exports.step(), ("Ctrl+Shift+E",), "picture", lambda w: w.session.player.run is not None),
    Action("copy_latex", "Copy the step as &LaTeX", "Put formula and arithmetic of the current step on the clipboard",
           lambda w: w.exports.latex(), ("Ctrl+Shift+L",), "formula", lambda w: w.session.player.run is not None),
    Action("settings", "Settin&gs…", "Choose colours, the mouse wheel, motion and more",
           lambda w: w.show_settings(), ("Ctrl+,",), "settings"),
    Action("close", "&Close window", "Close this window", lambda w: w.close(), ("Ctrl+W",)),
    Action("quit", "&Quit", "Close all windows", lambda w: w.application.quit(), ("Ctrl+Q",)),
)

EDIT = (
    Action("undo", "&Undo", "Take the last edit back", lambda w: w.undo(), ("Ctrl+Z",), "undo",
           lambda w: w.session.undo_stack.canUndo() or w.training.active),
    Action("redo", "&Redo", "Make the edit that was taken back again", lambda w: w.redo(),
           ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", lambda w: w.session.undo_stack.canRedo()),
    Action("cut", "Cu&t", "Put the selection on the clipboard and remove it", lambda w: w.canvas.cut_selection(),
           ("Ctrl+X",), "cut", _something, canvas=True),
    Action("copy", "&Copy", "Put the selection on the clipboard", lambda w: w.canvas.copy_selection(), ("Ctrl+C",),
           "copy", lambda w: bool(w.canvas.selected_ids() or w.canvas.selected_notes), canvas=True),
    Action("paste", "&Paste", "Add what is on the clipboard", lambda w: w.canvas.paste(), ("Ctrl+V",), "paste",
           lambda w: w.editing, canvas=True),
    Action("paste_wired", "Paste &wired", "Paste, and keep the wires that came into the originals",
           lambda w: w.canvas.paste_wired(), ("Ctrl+Shift+V",), enabled=lambda w: w.editing, canvas=True),
    Action("duplicate", "&Duplicate", "Copy the selection beside itself",
           lambda w: w.canvas.duplicate_selection(), ("Ctrl+D",), enabled=_something, canvas=True),
    Action("delete", "De&lete", "Remove the selection", lambda w: w.canvas.delete_selection(),
           ("Del", "Backspace"), "delete", _something, canvas=True),
    Action("delete_heal", "Delete and &heal", "Remove the selected nodes and close the gap in their wires",
           lambda w: w.canvas.delete_and_heal(), ("Ctrl+Del",), enabled=_selected, canvas=True),
    Action("detach", "D&etach", "Take the selected nodes out of their wires and close the gap",
           lambda w: w.canvas.detach_selection(), ("Ctrl+Shift+X",), enabled=_selected, canvas=True),
    Action("select_all", "Select &all", "Select all nodes and notes", lambda w: w.canvas.select_all(),
           ("Ctrl+A",), enabled=_nodes, canvas=True),
    Action("find", "&Find…", "Find a node on the canvas by its name", lambda w: w.find_node(), ("Ctrl+F",), "search",
           _nodes),
)

NODE = (
    Action("quick_add", "&Add…", "Search for an operation and add it", lambda w: w.canvas.quick_add(), ("Tab",),
           "plus", lambda w: w.editing, canvas=True),
    Action("rename", "&Rename", "Give the selected node another name", lambda w: w.canvas.rename_selected(), ("F2",),
           "rename", _something),
    Action("bypass", "&Bypass", "Let the selected nodes pass their input through, or switch them on again",
           lambda w: w.canvas.bypass_selection(), ("M",), "bypass", _selected, canvas=True),
    Action("freeze", "Free&ze weights", "Keep the selected nodes from being trained, or let them be trained",
           lambda w: w.canvas.freeze_selection(), ("Ctrl+M",), "frozen", _selected),
    Action("pin", "&Pin", "Keep the automatic layout from moving the selected cards, or let it",
           lambda w: w.canvas.pin_selection(), ("P",), "pin", _selected, canvas=True),
    Action("group", "&Group", "Put the selected nodes into a block", lambda w: w.canvas.group_selection(),
           ("Ctrl+G",), "group", _selected),
    Action("ungroup", "&Ungroup", "Take the selected blocks apart", lambda w: w.canvas.ungroup_selection(),
           ("Ctrl+Shift+G",), "ungroup", _selected),
    Action("enter", "&Enter", "Show the inside of the selected block or operation",
           lambda w: w.canvas.enter_selection(), (), "enter", lambda w: len(w.session.selection) == 1),
    Action("leave", "&Leave", "Leave the block or operation that is shown", lambda w: w.canvas.leave(), (), "leave",
           lambda w: bool(w.session.scope)),
    Action("frame", "&Frame", "Draw a titled frame around the selected nodes", lambda w: w.canvas.add_frame(),
           ("C",), "frame", lambda w: w.editing, canvas=True),
    Action("note", "&Note", "Put a note on the canvas", lambda w: w.canvas.add_note(), ("N",), "note",
           lambda w: w.editing, canvas=True),
    Action("layout", "La&yout selection", "Lay out the selected nodes", lambda w: w.canvas.layout_selection(),
           ("L",), "layout", _selected, canvas=True),
    Action("layout_all", "Lay&out all", "Lay out all nodes; pinned ones stay", lambda w: w.canvas.layout_all(),
           ("Ctrl+L",), "layout", lambda w: w.editing and _nodes(w)),
)

VIEW = (
    Action("fit", "&Fit selection", "Bring the selection into view", lambda w: w.canvas.fit_selection(), ("F",),
           "fit", _nodes, canvas=True),
    Action("home", "Show &all", "Bring everything into view", lambda w: w.canvas.show_all(), ("Home",),
           enabled=_nodes, canvas=True),
    Action("zoom_in", "Zoom &in", "Make everything larger", lambda w: w.canvas.zoom_in(), ("Ctrl++", "Ctrl+="),
           "zoom-in"),
    Action("zoom_out", "Zoom &out", "Make everything smaller", lambda w: w.canvas.zoom_out(), ("Ctrl+-",),
           "zoom-out"),
    Action("zoom_reset", "Ori&ginal size", "Show everything at its own size", lambda w: w.canvas.zoom_reset(),
           ("Ctrl+0",)),
    Action("minimap", "&Minimap", "Show or hide the small map of the whole network", lambda w: w.toggle_minimap(),
           ("Ctrl+Shift+M",), "minimap", checked=lambda w: w.canvas.minimap_shown),
    Action("gradients", "Show gradient flo&w",
           "Draw every wire as wide and strong as the gradient that comes back along it",
           lambda w: w.canvas.gradients.toggle(), ("Ctrl+Shift+F",), "gradient", _runs,
           checked=lambda w: w.canvas.gradients.on),
    Action("dark", "&Dark colours", "Switch between light and dark colours", lambda w: w.toggle_dark(),
           checked=lambda w: theme.current().dark),
    Action("panel_next", "&Next panel", "Put the keyboard into the next panel", lambda w: w.focus_panel(1), ("F6",)),
    Action("panel_previous", "&Previous panel", "Put the keyboard into the panel before",
           lambda w: w.focus_panel(-1), ("Shift+F6",)),
    Action("calculators", "&Calculators", "Show the sums that are done by hand, with your numbers put in",
           lambda w: w.show_dock("Calculators")),
    Action("reset_panels", "&Reset panels", "Put all panels back where they were at first",
           lambda w: w.reset_panels()),
)

RUN = (
    Action("run", "&Run", "Run forward and backward to the end, or to the next breakpoint",
           lambda w: w.session.player.run_all(), ("F5",), "play", _runs),
    Action("step_back", "Step &back", "Take the last step back", lambda w: w.session.player.step_back(),
           ("Shift+F10",), "step-back", lambda w: w.session.player.cursor >= 0),
    Action("step", "&Step", "Step over the next node, forward and then backward", lambda w: w.step(), ("F10",),
           "step-forward", _runs),
    Action("step_into", "Step &into", "Step into the block or operation: the selected one, or the current one",
           lambda w: w.step_into(), ("F11",), "step-into", _runs),
    Action("step_out", "Step &out", "Leave the block or operation that is shown", lambda w: w.session.player.out(),
           ("Shift+F11",), "step-out", lambda w: bool(w.session.scope)),
    Action("play", "&Play", "Step by itself, or pause", lambda w: w.play_or_pause(), ("F8",), "play", _runs,
           checked=lambda w: w.session.player.playing),
    Action("to_start", "To the s&tart", "Go back to before the first step", lambda w: w.session.player.scrub(-1),
           ("Ctrl+Home",), "restart", lambda w: w.session.player.cursor >= 0),
    Action("run_to", "Run to &here", "Run until the selected node", lambda w: w.run_to_selected(), ("Ctrl+F10",),
           enabled=lambda w: len(w.session.selection) == 1),
    Action("breakpoint", "Brea&kpoint", "Stop running and playing at the selected node, or no longer",
           lambda w: w.toggle_breakpoint(), ("F9",), "breakpoint", lambda w: len(w.session.selection) == 1,
           checked=lambda w: bool(set(w.session.selection) & w.session.player.breakpoints)),
    Action("sample_previous", "Previous sa&mple", "Look at the sample before", lambda w: w.move_sample(-1),
           ("Alt+Left",), "back", _samples),
    Action("sample_next", "Next samp&le", "Look at the next sample", lambda w: w.move_sample(1), ("Alt+Right",),
           "forward", _samples),
    Action("sample_wrong", "&Next misclassified", "Look at the next sample whose class the network gets wrong",
           lambda w: w.next_wrong(), ("Alt+Shift+Right",), "warning", _samples),
    Action("training_mode", "Training mo&de", "Step as in training: dropout drops, BatchNorm uses the batch",
           lambda w: w.toggle_training_mode(), checked=lambda w: w.session.training_mode),
)

TRAIN = (
    Action("train", "&Train", "Train the network, or go on after a pause", lambda w: w.training.start(),
           ("Ctrl+F5",), "train", lambda w: _nodes(w) and w.training.state != "running"),
    Action("train_pause", "&Pause", "Pause training", lambda w: w.training.pause(), ("Ctrl+F8",), "pause",
           lambda w: w.training.state == "running"),
    Action("train_single", "&Single update", "Make one update of the weights, and wait",
           lambda w: w.training.single(), ("Ctrl+F11",), "step-forward",
           lambda w: _nodes(w) and w.training.state != "running"),
    Action("train_stop", "St&op", "End training and keep the weights, as one undoable step",
           lambda w: w.training.stop(), ("Shift+F5",), "stop", lambda w: w.training.active),
    Action("train_restart", "&Restart from the seed", "Train anew from the weights that the seed gives",
           lambda w: w.training.restart(), ("Ctrl+Shift+F5",), "restart", _nodes),
    Action("reset_weights", "Reset &weights", "Go back to the weights that the seed gives",
           lambda w: w.reset_weights(), (), "seed", lambda w: bool(w.session.weights)),
)

HELP = (
    Action("palette", "&Command palette…", "Find any command, operation or example by name",
           lambda w: w.show_command_palette(), ("Ctrl+K", "Ctrl+Shift+P"), "search"),
    Action("help", "&Help on the selection", "Show formula, meaning and conventions of the selected operation",
           lambda w: w.show_help(), ("F1",), "help"),
    Action("shortcuts", "&Keys and gestures", "List all keys and gestures", lambda w: w.show_shortcuts(),
           ("Ctrl+/",)),
    Action("log", "Show the &log file", "Open the folder of the file that the program writes its log to",
           lambda w: w.show_log()),
    Action("about", "&About GraphLab", "Version, licence and the libraries that are used", lambda w: w.show_about(),
           (), "info"),
)

ACTIONS: tuple[Action, ...] = (*FILE, *EDIT, *NODE, *VIEW, *RUN, *TRAIN, *HELP)

MENUS: dict[str, tuple[str, ...]] = {
    "&File": ("new", "new_window", "start", "open", "-", "save", "save_as", "-", "export", "export_step", "copy_latex",
              "-", "settings", "-", "close", "quit"),
    "&Edit": ("undo", "redo", "-", "cut", "copy", "paste", "paste_wired", "duplicate", "-", "delete", "delete_heal",
              "detach", "-", "select_all", "find"),
    "&Node": ("quick_add", "rename", "bypass", "freeze", "pin", "-", "group", "ungroup", "enter", "leave", "-", "frame",
              "note", "-", "layout", "layout_all"),
    "&View": ("fit", "home", "zoom_in", "zoom_out", "zoom_reset", "minimap", "gradients", "-", "dark", "-",
              "panel_next", "panel_previous", "calculators", "reset_panels"),
    "&Run": ("run", "play", "-", "step", "step_back", "step_into", "step_out", "to_start", "-", "run_to", "breakpoint",
             "-", "sample_previous", "sample_next", "sample_wrong", "training_mode"),
    "&Train": ("train", "train_pause", "train_single", "train_stop", "train_restart", "-", "reset_weights"),
    "&Help": ("palette", "help", "shortcuts", "-", "log", "about"),
}

TOOLBAR = ("undo", "redo", "-", "run", "step_back", "step", "step_into", "step_out", "-", "train", "train_pause",
           "train_stop")
