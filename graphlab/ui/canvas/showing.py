"""What the canvas shows of the session, and how it is painted."""

from __future__ import annotations

import time
from collections.abc import Iterable

from PySide6.QtCore import QMarginsF, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from graphlab.document.paths import join
from graphlab.engine.graph import Source, Target
from graphlab.engine.plan import Plan
from graphlab.ui.canvas.board import Board
from graphlab.ui.canvas.building import build
from graphlab.ui.canvas.gesture import Gesture
from graphlab.ui.canvas.gradients import Gradients
from graphlab.ui.canvas.looks import Played
from graphlab.ui.canvas.overlays import Hint, paint_empty, paint_read_only
from graphlab.ui.canvas.painting import paint_grid, paint_spot
from graphlab.ui.canvas.picture import SIMPLE, paint_board
from graphlab.ui.canvas.plates import paint_port_name
from graphlab.ui.canvas.pointing import NOTHING, Hit, Pointed
from graphlab.ui.canvas.style import Style
from graphlab.ui.session import Session

_FAR_AWAY = 1e7


class Showing(QGraphicsView):
    """A view of one scope of the session's document. It owns no part of that: every edit goes to the session."""

    zoomed = Signal(float)
    help_wanted = Signal(str)  # path of a node
    problem_clicked = Signal(str)  # path of a node
    settings_wanted = Signal(str)  # path of a node

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.style_ = Style()
        self.reduce_motion = False
        self.selected_notes: set[str] = set()
        self.selected_wire: Target | None = None
        self.gesture: Gesture | None = None
        self.hit: Hit = NOTHING
        self.offsets: dict[str, tuple[float, float]] = {}
        self.hidden_wire: Target | None = None
        self.drop_on: Target | None = None
        self._board: Board | None = None
        self._dirty = True
        self._shifted: tuple[dict[str, tuple[float, float]], Board] | None = None
        self._seen: dict[str, tuple[float, QPointF]] = {}
        self._shown_scope = session.scope
        self._fit_when_shown = True
        self._glide: tuple[float, dict[str, tuple[float, float]]] | None = None
        self._gliding = False
        self._flow_since = 0.0
        self.played = Played(session.player, self.style_.theme, session.scope, session.problems)
        self._set_up()
        self.hint = Hint(self)
        self.gradients = Gradients(session, self)
        self.gradients.changed.connect(self.viewport().update)
        self._clock = QTimer(self)
        self._clock.setInterval(16)

    def _set_up(self) -> None:
        self._scene = QGraphicsScene(self)
        self._scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self._scene.setSceneRect(-_FAR_AWAY, -_FAR_AWAY, 2 * _FAR_AWAY, 2 * _FAR_AWAY)
        self.setScene(self._scene)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription("The network as a drawing: nodes as cards, wires between their ports.")

    # --- what it shows ---------------------------------------------------------------------------------

    @property
    def scope(self) -> str:
        """The path of the block or op that is shown."""
        return self.session.scope

    @property
    def editable(self) -> bool:
        """Whether the scope belongs to the document, rather than being the inside of an op."""
        return self.session.document.scope(self.scope) is not None

    @property
    def board(self) -> Board:
        """What is shown, laid out anew after an edit when it is first asked for."""
        if self._board is None or self._dirty:
            graph, editable = self.session.graph_at(self.scope)
            document = self.session.document
            self._board = build(graph, document.layout if editable else {}, document.notes.values() if editable else (),
                                self._plan(), self.scope, self.style_, editable, self._board)
            self._dirty, self._shifted = False, None
            self.selected_notes &= self._board.notes.keys()
            if self.selected_wire not in graph.wires:
                self.selected_wire = None
            if self.hit is not NOTHING:
                self.hit = NOTHING
        return self._board

    @property
    def shown(self) -> Board:
        """The board as it is seen right now, with what is being dragged or gliding to its place."""
        if not self.offsets:
            return self.board
        board = self.board
        if self._shifted is None or self._shifted[0] is not self.offsets:
            known = {i: o for i, o in self.offsets.items() if i in board.cards or i in board.notes}
            self._shifted = (self.offsets, board.shifted(known))
        return self._shifted[1]

    def _plan(self) -> Plan:
        if self.editable or self.session.player.run is None:
            return self.session.plan
        owner = self.session.player.run.owner(self.scope)
        inner = None if owner is None else owner.inside(self.scope)
        return inner.plan if inner is not None else owner.plan if owner is not None else self.session.plan

    def selected_ids(self) -> list[str]:
        """Return the ids of the selected nodes of this scope, in the order they were selected."""
        prefix = f"{self.scope}/" if self.scope else ""
        cards = self.board.cards
        return [p[len(prefix):] for p in self.session.selection if p.startswith(prefix) and p[len(prefix):] in cards]

    def select_ids(self, ids: Iterable[str], notes: Iterable[str] = ()) -> None:
        """Select nodes and notes of this scope, and nothing else."""
        self.selected_notes, self.selected_wire = set(notes), None
        self.session.select([join(self.scope, id) for id in dict.fromkeys(ids)])
        self.viewport().update()

    def scale_now(self) -> float:
        """Return how many screen pixels one scene pixel takes."""
        return self.transform().m11()

    def visible_rect(self) -> QRectF:
        """Return the part of the scene that is seen."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def spec_text(self, source: Source) -> str:
        """Return the shape at an output of this scope, wired or not; '' where it is not known."""
        spec = self._plan().spec(join(self.scope, source.node), source.output)
        return "" if spec is None else str(spec)

    def flow(self) -> float:
        """Return how far the value or gradient of the current step has come along its wires, from 0 to 1."""
        if self.reduce_motion:
            return 1.0
        lasts = min(0.35, self.session.player.timer.interval() / 1000 * 0.7) if self.session.player.playing else 0.35
        t = min((time.monotonic() - self._flow_since) / lasts, 1.0)
        return 1 - (1 - t) ** 2

    # --- painting -------------------------------------------------------------------------------------------

    def looks(self) -> Pointed:
        """Return how everything looks at this moment."""
        hit = self.hit if self.gesture is None else NOTHING
        return Pointed(self.played, self.shown, set(self.selected_ids()), self.selected_notes, self.selected_wire, hit,
                       self.drop_on, self.gesture is not None and self.gesture.offers_ports)

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        area = QRectF(rect)
        scale, now = self.scale_now(), self.style_.theme
        painter.fillRect(area.marginsAdded(QMarginsF(2, 2, 2, 2)), now.canvas)
        paint_grid(painter, area, scale, self.style_)
        self.gradients.paint_wires(painter, self.shown, area, scale)
        paint_board(painter, self.shown, self.looks(), area, scale, self.flow(), self.hidden_wire)

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        hit = self.hit
        if self.scale_now() >= SIMPLE:
            self.gradients.paint_numbers(painter, self.shown, QRectF(rect))
        if self.gesture is not None:
            self.gesture.paint(painter)
        elif hit.kind == "port" and hit.card is not None and hit.spot is not None:
            end = Source(hit.card.id, hit.spot.name) if hit.spot.side == "out" else None
            source = end or self.board.graph.wires.get(Target(hit.card.id, hit.spot.name))
            shape = self.spec_text(source) if source is not None else "optional" if hit.spot.optional else ""
            paint_spot(painter, hit.spot, self.style_, self.style_.theme.accent, big=True)
            paint_port_name(painter, hit.spot, shape, self.style_)
        board, area = self.board, QRectF(self.viewport().rect())
        painter.save()
        painter.resetTransform()
        if not board.cards and not board.notes and self.gesture is None:
            paint_empty(painter, area, self.style_, self.editable)
        if not self.editable:
            paint_read_only(painter, area, self.scope, self.style_)
        self.gradients.paint_legend(painter, area, board, self.style_)
        painter.restore()
