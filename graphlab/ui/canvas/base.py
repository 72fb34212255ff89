"""When the canvas looks at the session again, what moves meanwhile, and the one way to edit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from PySide6.QtCore import QPoint
from PySide6.QtGui import QTransform
from PySide6.QtWidgets import QWidget

from graphlab.document.edits import EditError
from graphlab.document.model import Change, Document
from graphlab.ui import theme
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.looks import Played
from graphlab.ui.canvas.pointing import NOTHING
from graphlab.ui.canvas.showing import Showing
from graphlab.ui.canvas.style import Style
from graphlab.ui.session import Session

READ_ONLY = "This is the inside of an operation, shown as it runs; it cannot be edited. Esc leaves it."


class CanvasBase(Showing):
    """The canvas, kept in step with the session by its signals alone."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._position: tuple[str, str] | None = None
        self._clock.timeout.connect(self._tick)
        self._listen()

    def _listen(self) -> None:
        s = self.session
        s.changed.connect(self._on_changed)
        s.planned.connect(self._on_planned)
        s.replaced.connect(self._on_replaced)
        s.scope_changed.connect(self._on_scope)
        s.selection_changed.connect(self._on_selection)
        s.player.moved.connect(self._on_moved)
        s.run_changed.connect(self._on_moved)
        s.reveal.connect(self._on_reveal)
        theme.signals.changed.connect(self._on_theme)

    def show_start(self) -> None:
        """Bring everything into view; where it would be too small to read, its beginning."""
        raise NotImplementedError

    def follow(self) -> None:
        """Move the view, where that is needed, so that the debugger's current card is in it."""
        raise NotImplementedError

    # --- when it looks again ------------------------------------------------------------------------------

    def _on_changed(self, change: Change) -> None:
        before = self._board if self._gliding else None
        self._dirty = True
        self.hint.hide()
        if before is not None and change.moved:
            self._start_glide(before, change.moved)
        self._gliding = False
        self.viewport().update()

    def _on_planned(self) -> None:
        self._dirty = True
        self.played.set_problems(self.session.problems)
        self.viewport().update()

    def _on_replaced(self) -> None:
        self.cancel_gesture()
        self.hint.hide()
        self._board, self._dirty, self._seen = None, True, {}
        self.selected_notes, self.selected_wire = set(), None
        self._fit_when_shown = True
        if self.isVisible():
            self.show_start()
            self._fit_when_shown = False

    def _on_scope(self, scope: str) -> None:
        self.cancel_gesture()
        self.hint.hide()
        self._seen[self._shown_scope] = (self.scale_now(), self.visible_rect().center())
        self._shown_scope, self._dirty, self.played.scope = scope, True, scope
        self.selected_notes, self.selected_wire, self.hit = set(), None, NOTHING
        self.played.forget()
        if scope in self._seen:
            scale, centre = self._seen[scope]
            self.setTransform(QTransform.fromScale(scale, scale))
            self.centerOn(centre)
        else:
            self.show_start()
        self.viewport().update()

    def _on_selection(self) -> None:
        names = [self.board.cards[i].node.name for i in self.selected_ids()]
        self.setAccessibleDescription(f"{len(self.board.cards)} nodes. Selected: {', '.join(names) or 'none'}.")
        self.viewport().update()

    def _on_moved(self) -> None:
        self.played.forget()
        position = self.session.player.position
        if position != self._position and position is not None:
            self._flow_since = time.monotonic()
            self.follow()
            if not self.reduce_motion:
                self._clock.start()
        self._position = position
        self.viewport().update()

    def _on_reveal(self, path: str, name: str, index: object) -> None:
        outer, _, id = path.rpartition("/")
        if outer == self.scope and id in self.board.cards:
            rect = self.board.cards[id].rect
            if not self.visible_rect().contains(rect):
                self.centerOn(rect.center())

    def _on_theme(self) -> None:
        self.style_ = Style()
        self.played = Played(self.session.player, self.style_.theme, self.scope, self.session.problems)
        self._dirty = True
        self.viewport().update()

    # --- motion -------------------------------------------------------------------------------------------

    def _start_glide(self, before: Board, moved: Iterable[str]) -> None:
        if self.reduce_motion:
            return
        after = self.board
        start = {}
        for id in moved:
            if id in before.cards and id in after.cards:
                d = before.cards[id].rect.topLeft() - after.cards[id].rect.topLeft()
                start[id] = (d.x(), d.y())
        self._glide = (time.monotonic(), start)
        self.offsets = dict(start)
        self._clock.start()

    def _tick(self) -> None:
        if self._glide is not None:
            since, start = self._glide
            t = min((time.monotonic() - since) / 0.16, 1.0)
            left = (1 - t) ** 3
            self.offsets = {id: (dx * left, dy * left) for id, (dx, dy) in start.items()} if left else {}
            if not left:
                self._glide = None
        if self._glide is None and self.flow() >= 1:
            self._clock.stop()
        self.viewport().update()

    # --- edits --------------------------------------------------------------------------------------------

    def placed(self) -> Document:
        """Return the document with the places of those cards that were laid out because it had none for them."""
        document = self.session.document
        auto = self.board.auto if self.board.editable else {}
        missing = {p: at for p, at in auto.items() if p not in document.layout}
        return replace(document, layout={**document.layout, **missing}) if missing else document

    def edit(self, label: str, change: Callable[[Document], Document], *, merge: str = "", glide: bool = False) -> bool:
        """Make one edit; where it cannot be made, or here nothing can be edited, say so and return False."""
        if not self.editable:
            self.tell(READ_ONLY)
            return False
        try:
            new = change(self.placed())
        except EditError as e:
            self.tell(str(e))
            return False
        self._gliding = glide
        self.session.edit(label, new, merge=merge)
        self._gliding = False
        return True

    def tell(self, sentence: str, at: QPoint | None = None) -> None:
        """Say something beside the pointer, and in the window's status bar."""
        self.hint.say(sentence, at or self.viewport().mapFromGlobal(self.cursor().pos()), "warning", fading=True)
        self.session.message.emit(sentence, "warning")

    def cancel_gesture(self) -> None:
        """Give up what is being dragged."""
        if self.gesture is not None:
            gesture, self.gesture = self.gesture, None
            gesture.cancel()
        self.drop_on = self.hidden_wire = None
        if self._glide is None:
            self.offsets = {}
        self.viewport().update()
