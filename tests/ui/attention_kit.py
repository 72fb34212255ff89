"""The attention lens in its panel, opened on an example, and the formula it is held against."""


from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.document.model import Document
from graphlab.engine.graph import Net
from graphlab.engine.op import Array
from graphlab.engine.ops.attention import ScaledDotProductAttention
from graphlab.ui.lenses.attention import AttentionLens
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from graphlab.ui.training import Training


def softmax(e: Array, axis: int = -1) -> Array:
    e = np.exp(e - e.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def opened(qtbot: QtBot, name: str | Document, path: str, training: bool = False) -> LensPanel:
    session = Session()
    if isinstance(name, Document):
        session.open_document(name)
    else:
        loaded = open_example(name)
        session.open_document(loaded.document, loaded.weights)
    panel = LensPanel(session, Training(session) if training else None)
    session.setParent(panel)
    if panel.training is not None:
        panel.training.setParent(panel)
    qtbot.addWidget(panel)
    panel.resize(1000, 900)
    panel.show()
    session.select([path] if path else [])
    panel.look_at(path, AttentionLens)
    assert isinstance(panel.lens, AttentionLens)
    return panel


def lens_of(panel: LensPanel) -> AttentionLens:
    assert isinstance(panel.lens, AttentionLens)
    return panel.lens


def value(panel: LensPanel, path: str) -> Array:
    found = panel.view.run().value(path)
    assert found is not None
    return found


def masked_document() -> Document:
    """Attention whose mask comes from an Input."""
    net = Net()
    q, k, v = net.input("q", 3, 4), net.input("k", 5, 4), net.input("v", 5, 2)
    net.add("attn", ScaledDotProductAttention(), q, k, v, net.input("mask", 3, 5, kind="bool"))
    return Document(graph=net.graph())


def settle(qtbot: QtBot, panel: LensPanel) -> AttentionLens:
    qtbot.waitUntil(lambda: not panel._later.isActive(), timeout=5000)
    panel.refresh()
    return lens_of(panel)


def press(panel: LensPanel, label: str) -> None:
    next(t for t in lens_of(panel).tries() if t.label == label).run()
