"""A network as a picture, painted by the canvas's own painters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from PySide6.QtGui import QPainter

from graphlab.document.model import Document, Note, Place
from graphlab.engine.graph import Graph
from graphlab.engine.op import Array
from graphlab.engine.plan import Plan, compile
from graphlab.ui import theme as themes
from graphlab.ui.canvas.building import build
from graphlab.ui.canvas.looks import PlayerState
from graphlab.ui.canvas.picture import paint_document, picture_rect
from graphlab.ui.canvas.style import Style
from graphlab.ui.export.write import Drawing, ExportError, application, check_target, write
from graphlab.ui.session import Session

ThemeName = Literal["light", "dark"]


def theme_of(name: ThemeName | None) -> themes.Theme:
    """Return a theme by its name; None means the one that is shown."""
    return themes.current() if name is None else themes.DARK if name == "dark" else themes.LIGHT


def only(graph: Graph, selection: Collection[str], scope: str) -> Graph:
    """Return nothing of a graph but the nodes at some paths, and the wires between them."""
    prefix = f"{scope}/" if scope else ""
    kept = {id: node for id, node in graph.nodes.items() if prefix + id in selection}
    return Graph(kept, {t: s for t, s in graph.wires.items() if t.node in kept and s.node in kept})


def network_drawing(
    graph: Graph, layout: Mapping[str, Place], notes: Iterable[Note], plan: Plan, *, scope: str = "",
    theme: ThemeName | None = "light", selection: Collection[str] | None = None, player: PlayerState | None = None,
    grid: bool = False, title: str = "",
) -> Drawing:
    """Return one scope of a network as something to paint, or the ``selection`` of paths in that scope.

    ``player`` adds the values and gradients that it has reached. Raises `ExportError` where there is nothing to see.
    """
    if selection is not None:
        graph, notes = only(graph, selection, scope), ()  # notes lie around what was not chosen as well
        if not graph.nodes:
            raise ExportError("There is nothing to draw: no node of this network is selected.")
    here = [n for n in notes if n.scope == scope]
    if not graph.nodes and not here:
        raise ExportError("There is nothing to draw: the network has no nodes yet.")
    style = Style(theme=theme_of(theme), grid=grid, thumbnails=player is not None)
    board = build(graph, layout, here, plan, scope, style)
    area = picture_rect(board)

    def paint(painter: QPainter) -> None:
        paint_document(painter, Document(graph), plan, player, style, scope, board)

    return Drawing(area.width(), area.height(), paint, style.theme.canvas, title or "Network")


def export_file(
    document: Document, weights: Mapping[str, Array] | None, out: Path, *, theme: ThemeName = "light",
    selection: Collection[str] | None = None, scale: float = 2.0, scope: str = "", values: bool = False,
    grid: bool = False,
) -> None:
    """Write a network as SVG, PDF or PNG, by the ending of ``out``; works without a display.

    With ``values`` the network is run once on its data with these ``weights``, and the cards show what came out.
    ``scale`` are the pixels of a PNG for one on the screen. Raises `ExportError` in words; an old file is then
    untouched.
    """
    check_target(out)
    application()
    graph = document.scope(scope)
    if graph is None:
        raise ExportError(f"There is no block ‘{scope}’ in this document.")
    player = None
    if values:
        session = Session()
        session.open_document(document, weights)
        session.player.run_all()
        player = session.player
    drawing = network_drawing(
        graph, document.layout, document.notes.values(), compile(document.graph), scope=scope, theme=theme,
        selection=selection, player=player, grid=grid, title=document.title)
    write(drawing, out, scale)


def export_view(
    session: Session, out: Path, *, theme: ThemeName | None = None, selection: Collection[str] | None = None,
    scale: float = 2.0,
) -> None:
    """Write what the canvas of a window shows, with the values that the debugger has reached.

    It may be the inside of an op. Raises `ExportError` in words; an old file is then untouched.
    """
    check_target(out)
    graph, editable = session.graph_at(session.scope)
    document, run = session.document, session.player.run
    plan = session.plan
    if not editable and run is not None:
        inner = None if (owner := run.owner(session.scope)) is None else owner.inside(session.scope)
        plan = inner.plan if inner is not None else plan if owner is None else owner.plan
    drawing = network_drawing(
        graph, document.layout if editable else {}, document.notes.values() if editable else (), plan,
        scope=session.scope, theme=theme, selection=selection, player=None if run is None else session.player,
        title=document.title or session.scope)
    write(drawing, out, scale)
