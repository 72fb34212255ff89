"""A canvas in a window, hands for it, and the question whether it still agrees with the document."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from graphlab.document.model import Document, Place
from graphlab.engine.graph import Graph, Net
from graphlab.engine.op import Op, registry
from graphlab.ui.canvas.search import Search
from graphlab.ui.canvas.view import CanvasView
from graphlab.ui.session import Session

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
NONE, CTRL, SHIFT = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier,
                     Qt.KeyboardModifier.ShiftModifier)
K = Qt.Key


def op(name: str, **values: object) -> Op:
    return registry()[name](**values)


def small_net() -> Graph:
    """x (B, 4) → fc1 (3 units) → relu → fc2 (2 units), and beside it an image and a free Tanh."""
    net = Net()
    x = net.input("x", 4)
    h = net.add("fc1", op("Linear", features=3), x)
    r = net.add("relu", op("ReLU"), h)
    net.add("fc2", op("Linear", features=2), r)
    net.input("image", 3, 8, 8)
    net.add("free", op("Tanh"))
    return net.graph()


PLACES = {"x": Place(0, 0), "fc1": Place(240, 0), "relu": Place(480, 0), "fc2": Place(720, 0), "image": Place(0, 240),
          "free": Place(480, 240)}


class Hands:
    """A canvas with mouse and keys, addressed in the scene's coordinates."""

    def __init__(self, view: CanvasView) -> None:
        self.view, self.session = view, view.session
        self.told: list[str] = []
        self.session.message.connect(lambda text, _kind: self.told.append(text))

    def at(self, point: QPointF) -> QPoint:
        return self.view.mapFromScene(point)

    def middle(self, id: str) -> QPointF:
        """A place on a card where no port is."""
        rect = self.view.board.cards[id].rect
        return QPointF(rect.center().x(), rect.y() + 12)

    def port(self, id: str, side: str, name: str) -> QPointF:
        spot = self.view.board.cards[id].spot("in" if side == "in" else "out", name)
        assert spot is not None
        return spot.at

    def press(self, point: QPointF, modifiers: Qt.KeyboardModifier = NONE, button: Qt.MouseButton = LEFT) -> None:
        QTest.mousePress(self.view.viewport(), button, modifiers, self.at(point))

    def move(self, point: QPointF) -> None:
        QTest.mouseMove(self.view.viewport(), self.at(point))
        QApplication.processEvents()

    def release(self, point: QPointF, modifiers: Qt.KeyboardModifier = NONE, button: Qt.MouseButton = LEFT) -> None:
        QTest.mouseRelease(self.view.viewport(), button, modifiers, self.at(point))
        QApplication.processEvents()

    def click(self, point: QPointF, modifiers: Qt.KeyboardModifier = NONE, button: Qt.MouseButton = LEFT) -> None:
        QTest.mouseClick(self.view.viewport(), button, modifiers, self.at(point))

    def drag(
        self, start: QPointF, end: QPointF, modifiers: Qt.KeyboardModifier = NONE, button: Qt.MouseButton = LEFT,
    ) -> None:
        viewport = self.view.viewport()
        self.press(start, modifiers, button)
        for share in (0.3, 0.8, 1.0):
            at = QPointF(self.at(start + (end - start) * share))
            # `QTest.mouseMove` cannot tell which keys are held.
            QApplication.sendEvent(viewport, QMouseEvent(
                QEvent.Type.MouseMove, at, viewport.mapToGlobal(at), Qt.MouseButton.NoButton, button, modifiers))
        self.release(end, modifiers, button)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.view, key, modifiers)
        QApplication.processEvents()

    def search(self) -> Search:
        assert self.view.search is not None, "the search is not open"
        return self.view.search

    def type(self, text: str) -> None:
        QTest.keyClicks(self.search().field, text)

    def wires(self) -> dict[str, str]:
        """The wires of the scope shown, as ``node.port`` → ``node.output``."""
        graph = self.session.graph_at(self.session.scope)[0]
        return {f"{t.node}.{t.port}": f"{s.node}.{s.output}" for t, s in graph.wires.items()}

    def agrees(self) -> None:
        """Assert that the canvas shows the document, the whole document and nothing but the document."""
        board, document, scope = self.view.board, self.session.document, self.session.scope
        graph = document.scope(scope)
        assert graph is not None
        assert list(board.cards) == list(graph.nodes)
        assert {(t, s) for t, s, *_ in board.links} == set(graph.wires.items())
        prefix = f"{scope}/" if scope else ""
        for id, card in board.cards.items():
            assert card.node is graph.nodes[id]
            assert not card.spots or all(s.wired == (
                any(t.node == id and t.port == s.name for t in graph.wires) if s.side == "in" else
                any(w.node == id and w.output == s.name for w in graph.wires.values())) for s in card.spots)
            place = document.layout.get(prefix + id)
            if place is not None:
                assert (card.rect.x(), card.rect.y()) == (place.x, place.y)
        for target, _, a, b in board.links:
            way = board.route(target)
            assert (way.path.pointAtPercent(0) - a).manhattanLength() < 1e-6
            assert (way.path.pointAtPercent(1) - b).manhattanLength() < 1e-6
        assert board.notes == {i: n for i, n in document.notes.items() if n.scope == scope}


def make_hands(qtbot: QtBot, graph: Graph | None = None, places: dict[str, Place] | None = None) -> Hands:
    session = Session()
    view = CanvasView(session)
    view.reduce_motion = True
    qtbot.addWidget(view)
    view.resize(1200, 700)
    session.open_document(Document(graph=small_net(), layout=PLACES) if graph is None else Document(
        graph=graph, layout=places or {}))
    view.show()
    qtbot.waitExposed(view)
    view.zoom_reset()
    view.centerOn(440, 160)
    view.setFocus()
    return Hands(view)


@pytest.fixture
def hands(qtbot: QtBot) -> Hands:
    return make_hands(qtbot)
