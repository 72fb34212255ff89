"""The canvas with its keys and quick add: `CanvasView` is what a window shows."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from graphlab.document.wiring import compatible_ops
from graphlab.engine.graph import Source, Target
from graphlab.engine.op import Op
from graphlab.ui.canvas.base import READ_ONLY
from graphlab.ui.canvas.drawing_wires import KeyboardWire
from graphlab.ui.canvas.dropping import Dropping
from graphlab.ui.canvas.minimap import Minimap
from graphlab.ui.canvas.search import Search
from graphlab.ui.canvas.style import FIRST_PORT
from graphlab.ui.panels.palette_search import library
from graphlab.ui.session import Session

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
K = Qt.Key


class CanvasView(Dropping):
    """The drawing of the network that a session shows, to look at and to edit."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.search: Search | None = None
        self.minimap_wanted = True
        self.minimap = Minimap(self)
        session.changed.connect(lambda _change: self.minimap.place())
        session.replaced.connect(self.minimap.place)
        session.scope_changed.connect(lambda _scope: self.minimap.place())
        self._keys: dict[tuple[int, Qt.KeyboardModifier], Callable[[], object]] = {
            (K.Key_Tab, NONE): self.quick_add, (K.Key_Delete, NONE): self.delete_selection,
            (K.Key_Backspace, NONE): self.delete_selection, (K.Key_Delete, CTRL): self.delete_and_heal,
            (K.Key_X, CTRL | SHIFT): self.detach_selection, (K.Key_C, CTRL): self.copy_selection,
            (K.Key_X, CTRL): self.cut_selection, (K.Key_V, CTRL): self.paste, (K.Key_V, CTRL | SHIFT): self.paste_wired,
            (K.Key_D, CTRL): self.duplicate_selection, (K.Key_Z, CTRL): self.undo, (K.Key_Z, CTRL | SHIFT): self.redo,
            (K.Key_Y, CTRL): self.redo, (K.Key_A, CTRL): self.select_all, (K.Key_F, NONE): self.fit_selection,
            (K.Key_Home, NONE): self.show_all, (K.Key_Plus, CTRL): self.zoom_in, (K.Key_Equal, CTRL): self.zoom_in,
            (K.Key_Minus, CTRL): self.zoom_out, (K.Key_0, CTRL): self.zoom_reset,
            (K.Key_M, NONE): self.bypass_selection, (K.Key_M, CTRL): self.freeze_selection,
            (K.Key_P, NONE): self.pin_selection,
            (K.Key_L, NONE): self.layout_selection, (K.Key_L, CTRL): self.layout_all,
            (K.Key_G, CTRL): self.group_selection, (K.Key_G, CTRL | SHIFT): self.ungroup_selection,
            (K.Key_F2, NONE): self.rename_selected, (K.Key_N, NONE): self.add_note, (K.Key_C, NONE): self.add_frame,
            (K.Key_W, NONE): self.start_wire, (K.Key_M, CTRL | SHIFT): self.toggle_minimap,
            (K.Key_Escape, NONE): self.escape, (K.Key_Return, NONE): self.open_selection,
            (K.Key_Enter, NONE): self.open_selection, (K.Key_F1, NONE): self.ask_for_help,
            (K.Key_Left, NONE): lambda: self.nudge(-1, 0), (K.Key_Right, NONE): lambda: self.nudge(1, 0),
            (K.Key_Up, NONE): lambda: self.nudge(0, -1), (K.Key_Down, NONE): lambda: self.nudge(0, 1),
            (K.Key_Left, CTRL): lambda: self.walk("left"), (K.Key_Right, CTRL): lambda: self.walk("right"),
            (K.Key_Up, CTRL): lambda: self.walk("up"), (K.Key_Down, CTRL): lambda: self.walk("down"),
        }

    # --- quick add --------------------------------------------------------------------------------------

    def quick_add(self) -> None:
        """Search for an op and add it: after the selected node, or where the pointer is."""
        one = len(self.selected_ids()) == 1
        if one:
            rect = self.board.cards[self.selected_ids()[0]].rect
            self.open_search(QPointF(rect.right() + 24, rect.top()), after=True)
        else:
            self.open_search(self.cursor_point())

    def open_search(
        self, at: QPointF, end: Source | Target | None = None, insert: Target | None = None, after: bool = False,
    ) -> None:
        """Open the search at a place of the scene; ``end`` is the wire's end that the new node is for.

        ``insert`` is a wire that it goes into; ``after`` adds it after the selected node.
        """
        if not self.editable:
            self.tell(READ_ONLY)
            return
        self.close_search()
        self.cancel_gesture()
        document, plan, scope = self.session.document, self.session.plan, self.scope
        source = insert and self.board.graph.wires.get(insert)
        ops, about = library(), ""
        if end is not None or source:
            ops = compatible_ops(document, end or source or Source(""), scope, plan)
            what = self.spec_text(source or end) if isinstance(source or end, Source) else ""  # type: ignore[arg-type]
            about = f"What takes {what}" if what else "What fits here"
        if insert is not None:
            ops = [op for op in ops if op().output_names()]

        def chosen(op: type[Op]) -> None:
            if insert is not None:
                self.insert_op(op(), insert)
            elif after:
                self.add_op(op())
            else:
                self.add_op(op(), self._beside_end(at, op(), end), end)

        self.search = Search(self.viewport(), ops, chosen, self._search_closed, about)
        self.search.open_at(self.mapFromScene(at))

    def _beside_end(self, at: QPointF, op: Op, end: Source | Target | None) -> QPointF:
        """Return where a new card's corner has to be for its port to be at a place."""
        card = self._card_for(op)
        if isinstance(end, Source):
            return QPointF(at.x(), at.y() - FIRST_PORT)
        if isinstance(end, Target):
            return QPointF(at.x() - card.rect.width(), at.y() - FIRST_PORT)
        return at

    def _search_closed(self) -> None:
        self.search = None
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_search(self) -> None:
        """Close the search where it is open."""
        if self.search is not None:
            self.search.close_search()

    # --- keys ------------------------------------------------------------------------------------------------

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002
        """Keep Tab for quick add; F6 moves between panels."""
        return False

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self.gesture is not None:
            # While something is dragged, its keys are not the window's.
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.editor is not None or self.search is not None:
            event.ignore()
            return
        if self.gesture is not None:
            if event.key() == K.Key_Escape:
                self.cancel_gesture()
                self.viewport().unsetCursor()
            else:
                self.gesture.key(event)
            return
        if event.key() == K.Key_Space and not event.modifiers():
            if not event.isAutoRepeat():
                self._space, self._space_used = True, False
                self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
            return
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = event.key()
        if key in (K.Key_Plus, K.Key_Equal) and modifiers & CTRL:
            modifiers = CTRL
        run = self._keys.get((key, modifiers))
        if run is None:
            event.ignore()
        else:
            run()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == K.Key_Space and self._space and not event.isAutoRepeat():
            self._space = False
            self.viewport().unsetCursor()
            if not self._space_used:
                self.quick_add()
            return
        event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        super().focusOutEvent(event)

    def escape(self) -> None:
        """Let go of the selection; with none, leave the block or op that is shown."""
        if self.session.selection or self.selected_notes or self.selected_wire:
            self.select_none()
        else:
            self.leave()

    def start_wire(self) -> None:
        """Start a wire at the selected node's output, to be led by keyboard."""
        ids = self.selected_ids()
        if not ids:
            self.tell("Select the node that the wire shall begin at, then press W.")
            return
        card = self.board.cards[ids[-1]]
        if not self.editable:
            self.tell(READ_ONLY)
        elif not card.content.outputs:
            self.tell(f"{card.node.op.title} ‘{card.node.name}’ has no output that a wire could begin at.")
        else:
            self.begin(KeyboardWire(self, [Source(card.id, name) for name, _ in card.content.outputs]))

    def ask_for_help(self) -> None:
        """Ask for the help on the selected node."""
        if ids := self.selected_ids():
            self.help_wanted.emit(self.board.cards[ids[-1]].path)

    # --- minimap -----------------------------------------------------------------------------------------------

    @property
    def minimap_shown(self) -> bool:
        """Whether the minimap is switched on."""
        return self.minimap_wanted

    def toggle_minimap(self) -> None:
        """Switch the minimap on or off."""
        self.minimap_wanted = not self.minimap_wanted
        self.minimap.place()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self.minimap.place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fit_when_shown and self.isVisible():
            self.show_start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._fit_when_shown:
            self.show_start()
            self._fit_when_shown = False
        self.minimap.place()
