"""A network as a picture, painted by the canvas's own painters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from PySide6.QtGui import QPainter

from graphlab.document.model import Document
from graphlab.engine.op import Array
from graphlab.engine.plan import compile
from graphlab.ui import theme as themes
from graphlab.ui.canvas.building import board_of
from graphlab.ui.canvas.looks import PlayerState
from graphlab.ui.canvas.picture import paint_document, picture_rect
from graphlab.ui.canvas.style import Style
from graphlab.ui.export.write import Drawing, ExportError, application, check_target, write

ThemeName = Literal["light", "dark"]


def theme_of(name: ThemeName) -> themes.Theme:
    """Return a theme by its name."""
    return themes.DARK if name == "dark" else themes.LIGHT


def only(document: Document, selection: Collection[str], scope: str) -> Document:
    """Return the document with nothing in a scope but the nodes at some paths, and the wires between them."""
    graph = document.scope(scope)
    if graph is None:
        return document
    prefix = f"{scope}/" if scope else ""
    kept = {id: node for id, node in graph.nodes.items() if prefix + id in selection}
    wires = {t: s for t, s in graph.wires.items() if t.node in kept and s.node in kept}
    # Notes lie around what was not chosen as well.
    return replace(document, notes={}).with_scope(scope, replace(graph, nodes=kept, wires=wires))


def network_drawing(
    document: Document, *, theme: ThemeName = "light", selection: Collection[str] | None = None, scope: str = "",
    player: PlayerState | None = None, grid: bool = False,
) -> Drawing:
    """Return a network as something to paint: one scope of it, or the ``selection`` of paths in that scope.

    ``player`` adds the values and gradients that it has reached. Raises `ExportError` where there is nothing to see.
    """
    application()
    plan = compile(document.graph)
    shown = document if selection is None else only(document, selection, scope)
    graph = shown.scope(scope)
    if graph is None:
        raise ExportError(f"There is no block ‘{scope}’ in this document.")
    if not graph.nodes and not any(n.scope == scope for n in shown.notes.values()):
        raise ExportError("There is nothing to draw: the selection has no nodes." if selection is not None else
                          "There is nothing to draw: the network has no nodes yet.")
    style = Style(theme=theme_of(theme), grid=grid, thumbnails=player is not None)
    board = board_of(shown, plan, style, scope)
    area = picture_rect(board)

    def paint(painter: QPainter) -> None:
        paint_document(painter, shown, plan, player, style, scope, board)

    return Drawing(area.width(), area.height(), paint, style.theme.canvas, document.title or "Network")


def export_file(
    document: Document, weights: Mapping[str, Array] | None, out: Path, *, theme: ThemeName = "light",
    selection: Collection[str] | None = None, scale: float = 2.0, scope: str = "", values: bool = False,
    player: PlayerState | None = None, grid: bool = False,
) -> None:
    """Write a network as SVG, PDF or PNG, by the ending of ``out``; works without a display.

    With ``values`` the network is run once on its data with these ``weights``, and the cards show what came out;
    a ``player`` shows its own run instead. Raises `ExportError` in words; an old file is then untouched.
    """
    check_target(out)
    application()
    if values and player is None:
        from graphlab.ui.session import Session

        session = Session()
        session.open_document(document, weights)
        session.player.run_all()
        player = session.player
    write(network_drawing(document, theme=theme, selection=selection, scope=scope, player=player, grid=grid), out,
          scale)
