"""Everything that the canvas does to the document by command: each is one edit, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QGuiApplication

from graphlab.document import blocks, clipboard, edits
from graphlab.document.edits import EditError
from graphlab.document.layout import arrange
from graphlab.document.model import Document
from graphlab.document.paths import join, scope_of, write
from graphlab.engine.graph import Graph, Source, Target
from graphlab.engine.loop import Block
from graphlab.engine.op import Op
from graphlab.engine.plan import compile
from graphlab.ui.canvas.geometry import sizes, snap
from graphlab.ui.canvas.navigate import Navigation
from graphlab.ui.canvas.style import GRID


def plural(n: int, what: str) -> str:
    """Write a number of things: ``1 node``, ``3 nodes``."""
    return f"{n} {what}{'s' * (n != 1)}"


def detach(document: Document, ids: Iterable[str], scope: str = "") -> Document:
    """Take nodes out of their wires, keeping those among them, and close the gap behind."""
    ids = list(ids)
    graph = scope_of(document, scope)
    healed = scope_of(edits.remove_and_heal(document, ids, scope), scope).wires
    among = {t: s for t, s in graph.wires.items() if t.node in ids and s.node in ids}
    return write(document, scope, Graph(graph.nodes, {**healed, **among}))


class Commands(Navigation):
    """The canvas with its commands; the window's actions and the keys call the same methods."""

    # --- selection ---------------------------------------------------------------------------------------

    def select_all(self) -> None:
        """Select all nodes and notes."""
        self.select_ids(self.board.cards, self.board.notes)

    def select_none(self) -> None:
        """Select nothing."""
        self.select_ids([])

    def _chosen(self) -> list[str]:
        return [*self.selected_ids(), *self.selected_notes]

    # --- removing ------------------------------------------------------------------------------------------

    def delete_selection(self) -> None:
        """Remove the selected nodes, notes and wire."""
        ids, notes, wire, scope = self.selected_ids(), list(self.selected_notes), self.selected_wire, self.scope
        if wire is not None and not ids and not notes:
            self.edit("Delete wire", lambda d: edits.disconnect(d, wire, scope))
        elif ids or notes:
            what = plural(len(ids), "node") if ids else plural(len(notes), "note")
            self.edit(f"Delete {what}", lambda d: edits.remove(edits.remove_notes(d, notes), ids, scope))

    def delete_and_heal(self) -> None:
        """Remove the selected nodes and wire what read them to what they read."""
        if ids := self.selected_ids():
            scope = self.scope
            self.edit(f"Delete {plural(len(ids), 'node')} and heal", lambda d: edits.remove_and_heal(d, ids, scope))

    def detach_selection(self) -> None:
        """Take the selected nodes out of their wires and close the gap."""
        if ids := self.selected_ids():
            scope = self.scope
            self.edit(f"Detach {plural(len(ids), 'node')}", lambda d: detach(d, ids, scope))

    # --- clipboard ------------------------------------------------------------------------------------------

    def copy_selection(self) -> bool:
        """Put the selected nodes and notes on the clipboard."""
        if not self.editable or not self._chosen():
            return False
        QGuiApplication.clipboard().setText(clipboard.copy(self.placed(), self._chosen(), self.scope))
        return True

    def cut_selection(self) -> None:
        """Put the selected nodes and notes on the clipboard and remove them."""
        if self.copy_selection():
            ids, notes, scope = self.selected_ids(), list(self.selected_notes), self.scope
            self.edit(f"Cut {plural(len(ids), 'node')}",
                      lambda d: edits.remove(edits.remove_notes(d, notes), ids, scope))

    def paste(self, incoming: bool = False) -> None:
        """Add what is on the clipboard, under the pointer; ``incoming`` also wires it to what the originals read."""
        at = self.cursor_point()
        self.add_copies("Paste", lambda d: clipboard.paste(
            d, QGuiApplication.clipboard().text(), (snap(at.x()), snap(at.y())), self.scope, incoming))

    def paste_wired(self) -> None:
        """Paste, and keep the wires that came into the originals."""
        self.paste(incoming=True)

    def duplicate_selection(self) -> None:
        """Copy the selected nodes beside themselves, with the wires that come into them."""
        if chosen := self._chosen():
            self.add_copies("Duplicate", lambda d: clipboard.duplicate(d, chosen, self.scope))

    def add_copies(self, label: str, make: Callable[[Document], clipboard.Pasted]) -> None:
        """Add copies in one edit; they keep the trained weights of their originals where those are still there."""
        if not self.editable:
            self.edit(label, lambda d: d)
            return
        try:
            made = make(self.placed())
        except EditError as e:
            self.tell(str(e))
            return
        stored = self.session.stored
        names = {old.rpartition("/")[2]: new.rpartition("/")[2] for new, old in made.origin.items()}
        copies = {}
        for key, value in stored.items():
            head, dot, tail = key.partition(".")
            first, slash, rest = head.partition("/")
            if first in names:
                copies[f"{names[first]}{slash}{rest}{dot}{tail}"] = value
        self.session.edit(f"{label} {plural(len(made.ids), 'node')}", made.document, weights={**stored, **copies})
        self.select_ids([i for i in made.ids if i in self.board.cards], [i for i in made.ids if i in self.board.notes])

    # --- flags -----------------------------------------------------------------------------------------------

    def _toggle(self, name: str, label: str, undo_label: str, change: Callable[..., Document]) -> None:
        ids, scope = self.selected_ids(), self.scope
        if not ids:
            return
        cards = self.board.cards
        on = not all(cards[i].pinned if name == "pinned" else getattr(cards[i].node, name) for i in ids)
        self.edit(f"{label if on else undo_label} {plural(len(ids), 'node')}", lambda d: change(d, ids, on, scope))

    def bypass_selection(self) -> None:
        """Let the selected nodes pass their input through, or switch them on again; refused where shapes differ."""
        paths = {join(self.scope, i) for i in self.selected_ids()}

        def change(document: Document, ids: list[str], on: bool, scope: str) -> Document:
            new = edits.set_bypassed(document, ids, on, scope)
            for problem in compile(new.graph).problems if on else ():
                if problem.path in paths and "bypassed" in problem.message:
                    raise EditError(problem.message)
            return new

        self._toggle("bypassed", "Bypass", "Switch on", change)

    def freeze_selection(self) -> None:
        """Keep the selected nodes from being trained, or let them be trained again."""
        self._toggle("frozen", "Freeze", "Unfreeze", edits.set_frozen)

    def pin_selection(self) -> None:
        """Keep the automatic layout from moving the selected cards, or let it."""
        self._toggle("pinned", "Pin", "Unpin", edits.set_pinned)

    # --- where things stand ------------------------------------------------------------------------------------

    def layout_selection(self) -> None:
        """Lay out the selected nodes; all where fewer than two are selected."""
        ids = self.selected_ids()
        self._arrange(ids if len(ids) > 1 else None)

    def layout_all(self) -> None:
        """Lay out all nodes; pinned ones stay."""
        self._arrange(None)

    def _arrange(self, ids: list[str] | None) -> None:
        if self.board.cards:
            scope, measures = self.scope, sizes(self.board.cards)
            label = "Lay out everything" if ids is None else f"Lay out {plural(len(ids), 'node')}"
            self.edit(label, lambda d: arrange(d, measures, scope, ids), glide=True)

    def nudge(self, dx: int, dy: int) -> None:
        """Move the selection by steps of the grid; repeated steps are undone together."""
        board, scope = self.board, self.scope
        at = {i: board.cards[i].rect.topLeft() for i in self.selected_ids()}
        at |= {i: QPointF(board.notes[i].x, board.notes[i].y) for i in self.selected_notes}
        if at:
            moved = {i: (p.x() + dx * GRID, p.y() + dy * GRID) for i, p in at.items()}
            self.edit("Nudge", lambda d: edits.move(d, moved, scope), merge=f"nudge {' '.join(sorted(moved))}")

    # --- blocks ---------------------------------------------------------------------------------------------------

    def group_selection(self) -> None:
        """Put the selected nodes into a new block."""
        made: list[str] = []

        def change(document: Document) -> Document:
            document, id = blocks.group(document, self.selected_ids(), self.scope)
            made.append(id)
            return document

        if self.edit("Group", change):
            self.select_ids(made)

    def ungroup_selection(self) -> None:
        """Take the selected blocks apart."""
        ids = [i for i in self.selected_ids() if isinstance(self.board.cards[i].node.op, Block)]
        if not ids:
            self.tell("There is no block to take apart: select one that Ctrl+G made.")
            return
        made: list[str] = []

        def change(document: Document) -> Document:
            for id in ids:
                document, children = blocks.ungroup(document, id, self.scope)
                made.extend(children)
            return document

        if self.edit(f"Ungroup {plural(len(ids), 'block')}", change):
            self.select_ids(made)

    # --- adding -----------------------------------------------------------------------------------------------------

    def add_op(self, op: Op, at: QPointF | None = None, end: Source | Target | None = None) -> str:
        """Add a node and return its id ('' where it cannot be): wired to ``end``, or after the selected node.

        Without a place and an end it goes after the one selected node, or where there is room in view.
        """
        made: list[str] = []
        ids, scope = self.selected_ids(), self.scope
        after = ids[0] if len(ids) == 1 and at is None and end is None else ""
        spot = at if at is not None else self._free_place()

        def change(document: Document) -> Document:
            if after and self.board.cards[after].content.outputs:
                document, id = edits.add_after(document, after, op, scope)
            else:
                document, id = edits.add_node(document, op, snap(spot.x()), snap(spot.y()), scope)
                document = _wire_up(document, id, op, end, scope)
            made.append(id)
            return document

        if not self.edit(f"Add {op.title}", change):
            return ""
        self.select_ids(made)
        rect = self.board.cards[made[0]].rect
        if at is None or not self.visible_rect().contains(rect.center()):  # what was dropped stays under the mouse
            self.ensure_seen(rect)
        return made[0]

    def insert_op(self, op: Op, target: Target) -> str:
        """Insert a new node on the wire that ends at ``target`` and return its id ('' where it cannot be)."""
        made: list[str] = []

        def change(document: Document) -> Document:
            document, id = edits.insert_on_wire(document, target, op, self.scope)
            made.append(id)
            return document

        if not self.edit(f"Insert {op.title}", change, glide=True):
            return ""
        self.select_ids(made)
        return made[0]

    def _free_place(self) -> QPointF:
        """Return the top left corner of a place in view, nearest to its middle, where no card stands."""
        seen, boxes = self.visible_rect(), self.board
        middle = QPointF(snap(seen.center().x() - 72), snap(seen.center().y() - 48))
        for ring in range(12):
            for dx, dy in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)):
                at = middle + QPointF(dx * ring * 176, dy * ring * 120)
                if not boxes.cards_in(QRectF(at.x() - 8, at.y() - 8, 176, 120)):
                    return at
        return middle

    def undo(self) -> None:
        """Take the last edit back."""
        self.session.undo_stack.undo()

    def redo(self) -> None:
        """Make the edit that was taken back again."""
        self.session.undo_stack.redo()


def _wire_up(document: Document, id: str, op: Any, end: Source | Target | None, scope: str) -> Document:
    """Wire a new node to the end that it was added for."""
    if isinstance(end, Source):
        port = next((p.name for p in op.ports() if p.data), None)
        return document if port is None else edits.connect(document, end, Target(id, port), scope)
    if isinstance(end, Target):
        names = op.output_names()
        return edits.connect(document, Source(id, names[0]), end, scope) if names else document
    return document
