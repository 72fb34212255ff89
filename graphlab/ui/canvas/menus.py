"""Context menus of the canvas, and what is said where the pointer rests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from graphlab.document import edits
from graphlab.engine.graph import Source, Target
from graphlab.engine.loop import Block
from graphlab.ui import icons
from graphlab.ui.canvas.geometry import Card, Spot
from graphlab.ui.canvas.pointing import Hit

if TYPE_CHECKING:
    from graphlab.ui.canvas.view import CanvasView


def menu_for(view: CanvasView, hit: Hit, at: QPointF) -> QMenu:
    """Return the menu for what is under the pointer."""
    menu = QMenu(view)
    menu.setAccessibleName("Canvas")

    def add(text: str, run: Callable[[], object], icon: str = "", key: str = "", edits_it: bool = True) -> None:
        action = menu.addAction(text)
        if icon:
            action.setIcon(icons.icon(icon))
        if key:
            # Shown only: the key itself is handled by the canvas or the window.
            action.setText(f"{text}\t{QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)}")
        action.setEnabled(view.editable or not edits_it)
        action.triggered.connect(lambda _checked=False: run())

    if hit.kind == "wire" and hit.target is not None:
        target = hit.target
        add("Insert on this wire…", lambda: view.open_search(at, insert=target), "plus")
        add("Delete wire", lambda: view.edit("Delete wire", lambda d: edits.disconnect(d, target, view.scope)),
            "delete", "Del")
        return menu
    if hit.kind == "note":
        add("Edit text", view.rename_selected, "rename", "F2")
        add("Duplicate", view.duplicate_selection, "copy", "Ctrl+D")
        add("Delete", view.delete_selection, "delete", "Del")
        return menu
    if hit.card is None:
        add("Add…", lambda: view.open_search(at), "plus", "Tab")
        add("Paste", view.paste, "paste", "Ctrl+V")
        add("Note", view.add_note, "note", "N")
        add("Layout all", view.layout_all, "layout", "Ctrl+L")
        add("Show all", view.show_all, "fit", "Home", edits_it=False)
        return menu
    card, many = hit.card, len(view.selected_ids()) > 1
    if card.content.enterable and not many:
        add("Enter", lambda: view.enter(card), "enter", edits_it=False)
    if isinstance(card.node.op, Block):
        add("Ungroup", view.ungroup_selection, "ungroup", "Ctrl+Shift+G")
    if many:
        add("Group into a block", view.group_selection, "group", "Ctrl+G")
        add("Frame", view.add_frame, "frame", "C")
        add("Layout selection", view.layout_selection, "layout", "L")
    else:
        add("Rename", view.rename_selected, "rename", "F2")
    menu.addSeparator()
    add("Switch on" if card.node.bypassed else "Bypass", view.bypass_selection, "bypass", "M")
    add("Unfreeze weights" if card.node.frozen else "Freeze weights", view.freeze_selection, "frozen", "Ctrl+M")
    add("Unpin" if card.pinned else "Pin", view.pin_selection, "pin", "P")
    menu.addSeparator()
    add("Cut", view.cut_selection, "cut", "Ctrl+X")
    add("Copy", view.copy_selection, "copy", "Ctrl+C")
    add("Duplicate", view.duplicate_selection, "", "Ctrl+D")
    add("Detach and heal", view.detach_selection, "", "Ctrl+Shift+X")
    add("Delete", view.delete_selection, "delete", "Del")
    add("Delete and heal", view.delete_and_heal, "", "Ctrl+Del")
    if not many:
        menu.addSeparator()
        add("Help", lambda: view.help_wanted.emit(card.path), "help", "F1", edits_it=False)
    return menu


def tip_for(view: CanvasView, hit: Hit) -> str:
    """Return what is said of the thing under a resting pointer."""
    if hit.kind == "port" and hit.card is not None and hit.spot is not None:
        return port_tip(view, hit.card, hit.spot)
    if hit.kind == "badge" and hit.card is not None and (told := problems_of(view, hit.card.path)):
        return told
    if hit.card is not None:
        return card_tip(view, hit.card)
    if hit.target is not None:
        source = view.board.graph.wires[hit.target]
        names = view.board.cards[source.node].node.name, view.board.cards[hit.target.node].node.name
        shape = view.board.specs.get(source, "shape not known yet")
        return f"{names[0]} → {names[1]} · {hit.target.port}: {shape}"
    return ""


def problems_of(view: CanvasView, path: str) -> str:
    """Return the problems of a node and of what lies in it, a line each."""
    return "\n".join(p.message for p in view.session.problems if f"{p.path}/".startswith(f"{path}/"))


def port_tip(view: CanvasView, card: Card, spot: Spot) -> str:
    """Return name, shape and meaning of a port."""
    if spot.side == "out":
        return f"{spot.name}: {view.spec_text(Source(card.id, spot.name)) or 'shape not known yet'}"
    port = next((p for p in card.node.op.ports() if p.name == spot.name), None)
    source = view.board.graph.wires.get(Target(card.id, spot.name))
    kind = "stored, or wired" if spot.stored else "optional" if spot.optional else "input"
    shape = view.board.specs.get(source, "") if source is not None else "not wired"
    parts = [f"{spot.name} ({kind}): {shape or 'shape not known yet'}"]
    if port is not None and port.help:
        parts.append(port.help)
    return "\n".join(parts)


def card_tip(view: CanvasView, card: Card) -> str:
    """Return what a card stands for, with its counts in full."""
    op, content = card.node.op, card.content
    lines = [f"{op.title} ‘{card.node.name}’", op.sentence()]
    if content.params or content.macs:
        lines.append(f"{content.params:,} parameters · {content.macs:,} multiply-adds a sample")
    flags = [word for word, on in (("frozen: not trained", content.frozen), ("bypassed", content.bypassed),
                                   ("pinned", card.pinned)) if on]
    if flags:
        lines.append(", ".join(flags))
    if told := problems_of(view, card.path):
        lines.append(told)
    return "\n".join(lines)
