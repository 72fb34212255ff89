"""Names, notes and frames: writing on the canvas."""

from __future__ import annotations

from PySide6.QtCore import QMarginsF, QRectF

from graphlab.document import edits
from graphlab.document.model import Document
from graphlab.ui.canvas.commands import Commands
from graphlab.ui.canvas.geometry import snap
from graphlab.ui.canvas.inline import Inline
from graphlab.ui.canvas.style import HEADER

NOTE_SIZE = (208.0, 80.0)


class Writing(Commands):
    """The canvas, with texts that are edited where they stand."""

    editor: Inline | None = None
    _editing: str = ""

    def rename_selected(self) -> None:
        """Edit the name of the selected node, or the text of the selected note, where it stands."""
        ids, notes = self.selected_ids(), sorted(self.selected_notes)
        if ids and self.editable:
            self._rename(ids[-1])
        elif notes:
            self.edit_note(notes[-1])
        elif ids:
            self.edit("Rename", lambda d: d)

    def _rename(self, id: str) -> None:
        node = self.board.cards[id].node

        def done(text: str | None) -> None:
            self._close()
            label = "" if text is None or text.strip() in (node.id, node.op.title) else " ".join(text.split())
            if text is not None and label != node.label:
                self.edit(f"Rename {node.name}", lambda d: edits.rename(d, id, label, self.scope))

        self._open(id, node.name, done_with=done)

    def edit_note(self, id: str) -> None:
        """Edit the text of a note or the title of a frame."""
        note = self.board.notes[id]

        def done(text: str | None) -> None:
            self._close()
            if text is not None and text != note.text:
                self.edit(f"Edit {note.kind}", lambda d: edits.change_note(d, id, text=text))

        self._open(id, note.text, done_with=done, lines=note.kind == "note")

    def _open(self, id: str, text: str, done_with: object, lines: bool = False) -> None:
        if self.editor is not None:
            self.editor.close(keep=True)
        assert callable(done_with)
        self._editing = id
        self.editor = Inline(self.viewport(), text, done_with, lines)
        self.place_editor()

    def _close(self) -> None:
        self.editor = None
        self.setFocus()

    def place_editor(self) -> None:
        """Keep the field on what it edits when the view moves."""
        if self.editor is None:
            return
        board = self.board
        if self._editing in board.cards:
            card = board.cards[self._editing]
            at = self.mapFromScene(QRectF(card.rect.x(), card.rect.y(), card.rect.width(), HEADER)).boundingRect()
            width = max(at.width(), 160)
            self.editor.place(QRectF(at.x(), at.center().y() - 14, width, 28))
        elif self._editing in board.notes:
            note = board.notes[self._editing]
            area = QRectF(note.x, note.y, note.width, 30 if note.kind == "frame" else note.height)
            at = self.mapFromScene(area).boundingRect()
            self.editor.place(QRectF(at.x(), at.y(), max(at.width(), 160), max(at.height(), 28)))

    def add_note(self) -> None:
        """Put a note on the canvas, under the pointer, and write into it."""
        at = self.cursor_point()
        self._add("note", QRectF(snap(at.x()), snap(at.y()), *NOTE_SIZE))

    def add_frame(self) -> None:
        """Draw a frame around the selected nodes, and write its title."""
        rect = QRectF()
        for id in self.selected_ids():
            rect = rect.united(self.board.cards[id].rect)
        if rect.isEmpty():
            at = self.cursor_point()
            rect = QRectF(snap(at.x()), snap(at.y()), 320, 160)
        self._add("frame", rect.marginsAdded(QMarginsF(24, 40, 24, 24)))

    def _add(self, kind: str, rect: QRectF) -> None:
        made: list[str] = []

        def change(document: Document) -> Document:
            document, id = edits.add_note(document, "frame" if kind == "frame" else "note", rect.x(), rect.y(),
                                          rect.width(), rect.height(), scope=self.scope)
            made.append(id)
            return document

        if self.edit(f"Add {kind}", change):
            self.select_ids([], made)
            self.edit_note(made[0])
