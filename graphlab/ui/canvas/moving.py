"""Gestures that move things: cards, notes, a note's corner, and the knife that cuts wires."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPolygonF

from graphlab.document import clipboard, edits
from graphlab.document.model import Document
from graphlab.document.paths import scope_of, write
from graphlab.engine.graph import Graph, Target
from graphlab.ui.canvas.board import Board, note_rect
from graphlab.ui.canvas.commands import detach, plural
from graphlab.ui.canvas.geometry import snap
from graphlab.ui.canvas.gesture import Gesture, Modifiers
from graphlab.ui.canvas.routing import polylines_cross

if TYPE_CHECKING:
    from graphlab.ui.canvas.view import CanvasView

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Move(Gesture):
    """Moves the selection on the grid. With Ctrl it leaves copies' originals where they are; with Shift the nodes
    leave their wires and the gap heals; a free node dropped on a wire is inserted there."""

    cursor: ClassVar[Qt.CursorShape | None] = Qt.CursorShape.SizeAllCursor

    def __init__(self, view: CanvasView, at: QPointF, grabbed: QPointF, modifiers: Modifiers) -> None:
        super().__init__(view)
        self.start, self.grabbed = at, grabbed
        self.clone, self.detach = bool(modifiers & CONTROL), bool(modifiers & SHIFT)
        self.ids, self.notes = self.view.selected_ids(), set(self.view.selected_notes)
        self.by = (0.0, 0.0)
        board = self.view.board
        for id in self.notes:
            # What stands in a frame goes with it.
            if board.notes[id].kind == "frame":
                area = note_rect(board.notes[id])
                self.ids += [c.id for c in board.cards_in(area) if area.contains(c.rect) and c.id not in self.ids]
        wired = {w for t, s in board.graph.wires.items() for w in (t.node, s.node)}
        only = self.ids[0] if len(self.ids) == 1 and not self.notes else ""
        free = bool(only) and (only not in wired or self.detach)
        ports = board.cards[only].node.op.ports() if only else ()
        self.insertable = free and not self.clone and any(p.data for p in ports) and bool(
            board.cards[only].content.outputs)

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        view, d = self.view, at - self.start
        self.by = (snap(self.grabbed.x() + d.x()) - self.grabbed.x(), snap(self.grabbed.y() + d.y()) - self.grabbed.y())
        if not self.clone:
            view.offsets = dict.fromkeys([*self.ids, *self.notes], self.by)
        if self.insertable:
            view.drop_on = wire_under(view.board, view.board.cards[self.ids[0]].rect.translated(*self.by),
                                      {self.ids[0]})
        view.viewport().update()

    def release(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        view, target = self.view, self.view.drop_on
        view.offsets, view.drop_on = {}, None
        view.viewport().update()
        if self.by == (0.0, 0.0):
            return
        board, scope, (dx, dy) = view.board, view.scope, self.by
        places = {i: (board.cards[i].rect.x() + dx, board.cards[i].rect.y() + dy) for i in self.ids}
        places |= {i: (board.notes[i].x + dx, board.notes[i].y + dy) for i in self.notes}
        things = plural(len(places), "node") if self.ids else plural(len(places), "note")
        if self.clone:
            corner = min(x for x, _ in places.values()), min(y for _, y in places.values())
            view.add_copies("Clone", lambda d: clipboard.paste(
                d, clipboard.copy(d, places, scope), corner, scope, incoming=True))
        elif target is not None:
            def insert(document: Document) -> Document:
                document = detach(document, self.ids, scope) if self.detach else document
                document = edits.move(document, places, scope)
                return edits.insert_on_wire(document, target, self.ids[0], scope)[0]
            view.edit("Insert on wire", insert, glide=True)
        elif self.detach and self.ids:
            view.edit(f"Detach {things}", lambda d: edits.move(detach(d, self.ids, scope), places, scope))
        else:
            view.edit(f"Move {things}", lambda d: edits.move(d, places, scope))

    def cancel(self) -> None:
        self.view.offsets, self.view.drop_on = {}, None

    def paint(self, painter: QPainter) -> None:
        if not self.clone:
            return
        style, board = self.view.style_, self.view.board
        painter.setPen(style.pen(style.theme.accent, 1.5, dashed=True))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for id in self.ids:
            painter.drawRoundedRect(board.cards[id].rect.translated(*self.by), 6, 6)


def wire_under(board: Board, rect: QRectF, but: set[str]) -> Target | None:
    """Return the wire that passes through the middle of a rectangle, other than those of some nodes."""
    inner = rect.adjusted(8, 8, -8, -8)
    for target, source in board.wires_in(rect):
        if target.node not in but and source.node not in but and board.route(target).crosses(inner):
            return target
    return None


class Resize(Gesture):
    """Drags the lower right corner of a note or frame."""

    cursor: ClassVar[Qt.CursorShape | None] = Qt.CursorShape.SizeFDiagCursor

    def __init__(self, view: CanvasView, id: str) -> None:
        super().__init__(view)
        self.id = id
        note = self.view.board.notes[id]
        self.size = note.width, note.height

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        note = self.view.board.notes[self.id]
        self.size = max(64.0, snap(at.x() - note.x)), max(32.0, snap(at.y() - note.y))
        self.view.viewport().update()

    def release(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        note, (width, height) = self.view.board.notes[self.id], self.size
        if (width, height) != (note.width, note.height):
            self.view.edit(f"Resize {note.kind}", lambda d: edits.change_note(d, self.id, width=width, height=height))

    def paint(self, painter: QPainter) -> None:
        note, style = self.view.board.notes[self.id], self.view.style_
        painter.setPen(style.pen(style.theme.accent, 1.5, dashed=True))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(note.x, note.y, *self.size), 6, 6)


class Knife(Gesture):
    """Cuts every wire that its line crosses."""

    cursor: ClassVar[Qt.CursorShape | None] = Qt.CursorShape.CrossCursor

    def __init__(self, view: CanvasView, at: QPointF) -> None:
        super().__init__(view)
        self.line = [at]

    def move(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        self.line.append(at)
        self.view.viewport().update()

    def crossed(self) -> list[Target]:
        """Return the wires that the line crosses."""
        board, cut = self.view.board, np.array([(p.x(), p.y()) for p in self.line])
        around = QPolygonF(self.line).boundingRect().adjusted(-1, -1, 1, 1)
        return [t for t, _ in board.wires_in(around) if polylines_cross(cut, board.route(t).points)]

    def release(self, at: QPointF, on_screen: QPoint, modifiers: Modifiers) -> None:
        cut = set(self.crossed())
        if cut:
            scope = self.view.scope

            def change(document: Document) -> Document:
                graph = scope_of(document, scope)
                kept = {t: s for t, s in graph.wires.items() if t not in cut}
                return write(document, scope, Graph(graph.nodes, kept))

            self.view.edit(f"Cut {plural(len(cut), 'wire')}", change)

    def paint(self, painter: QPainter) -> None:
        style = self.view.style_
        painter.setPen(style.pen(style.theme.problem, 1.5 / self.view.scale_now(), dashed=True))
        painter.drawPolyline(QPolygonF(self.line))
