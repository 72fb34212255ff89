"""A real drag from the library onto the canvas, through the X server."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from graphlab.document.model import Document
from graphlab.engine.graph import Target
from graphlab.ui.canvas.view import CanvasView
from graphlab.ui.panels.palette import Palette
from graphlab.ui.session import Session
from tests.ui.canvas_kit import PLACES, small_net

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Follow:
    """Moves the mouse step by step while the drag's own event loop runs, then lets go."""

    def __init__(self, window: QWindow, way: list[QPoint]) -> None:
        self.window, self.way = window, way
        self.timer = QTimer()
        self.timer.setInterval(30)
        self.timer.timeout.connect(self.step)

    def step(self) -> None:
        if len(self.way) > 1:
            QTest.mouseMove(self.window, self.way.pop(0))
        else:
            self.timer.stop()
            QTest.mouseRelease(self.window, LEFT, NONE, self.way[0])


@pytest.mark.x11
@pytest.mark.parametrize("on_wire", [False, True])
def test_an_op_is_dragged_from_the_library_onto_the_canvas(qtbot: QtBot, on_wire: bool) -> None:
    session = Session()
    whole, palette, view = QWidget(), Palette(), CanvasView(session)
    qtbot.addWidget(whole)
    row = QHBoxLayout(whole)
    row.addWidget(palette)
    row.addWidget(view, 1)
    palette.setFixedWidth(240)
    whole.resize(1280, 800)
    session.open_document(Document(graph=small_net(), layout=PLACES))
    with qtbot.waitExposed(whole):
        whole.show()
    view.zoom_reset()
    view.centerOn(440, 160)
    palette.search.setText("tanh")
    window = whole.windowHandle()
    cell = palette.tree.visualRect(palette.tree.currentIndex()).center()
    start = palette.tree.viewport().mapTo(whole, cell)
    target = Target("fc2", "x")
    goal = view.board.route(target).at(0.5)[0] if on_wire else view.board.cards["image"].rect.bottomRight() * 1.4
    end = view.viewport().mapTo(whole, view.mapFromScene(goal))
    way = [start + (end - start) * (i / 12) for i in range(13)] + [end + QPoint(1, 0), end, end, end]
    follow = Follow(window, way)
    QTest.mousePress(window, LEFT, NONE, start)
    # The move that starts the drag returns when the drag is over.
    follow.timer.start()
    QTest.mouseMove(window, start + QPoint(20, 12))
    qtbot.waitUntil(lambda: "tanh1" in session.document.graph.nodes, timeout=5000)
    graph = session.document.graph
    assert session.selection == ("tanh1",)
    if on_wire:
        assert graph.wires[target].node == "tanh1"
        assert graph.wires[Target("tanh1", "x")].node == "relu"
    else:
        assert not any("tanh1" in (t.node, s.node) for t, s in graph.wires.items())
    assert session.undo_stack.count() == 1
    follow.timer.stop()
    view.close()
