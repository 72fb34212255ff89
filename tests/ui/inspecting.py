"""What tests of the inspector share: a small network, the inspector on it, and clicking its numbers."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.document.model import Document
from graphlab.engine.graph import Net, Node
from graphlab.engine.ops.activations import Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.ui.panels.inspector import Inspector
from graphlab.ui.session import Session


def network() -> Document:
    net = Net()
    x, t = net.input("x", 2), net.input("t", 1)
    h = net.node(Node("fc1", Linear(features=3), "hidden layer"), x)
    y = net.add("fc2", Linear(features=1), net.add("act", Tanh(), h))
    net.add("loss", MSE(), y, t)
    return Document(graph=net.graph())


def opened(qtbot: QtBot, document: Document) -> Inspector:
    session = Session()
    session.setObjectName("kept")
    session.open_document(document)
    inspector = Inspector(session)
    session.setParent(inspector)
    qtbot.addWidget(inspector)
    inspector.resize(340, 900)
    inspector.show()
    return inspector


def look_at(inspector: Inspector, path: str, tab: Any = None) -> None:
    inspector.session.select([path])
    inspector.refresh()
    inspector.tabs.setCurrentWidget(tab or inspector.numbers)
    QTest.qWait(1)  # until the tables have their places


def click(inspector: Inspector, name: str, index: tuple[int, ...], grad: bool = False) -> None:
    view = inspector.numbers.views[name, grad]
    cell = view.slice.cell(index)
    assert cell is not None
    at = view.table.visualRect(view.model.index(*cell)).center()
    QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)


