"""Every arithmetic that is shown equals the engine's number, for values and gradients, in every kind of network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.document.model import Document
from graphlab.engine.derive import Operand, chain
from graphlab.engine.graph import Net, Node
from graphlab.engine.ops.activations import ReLU, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.engine.ops.maths import Add
from graphlab.ui.formula import typeset
from graphlab.ui.panels.inspector_arithmetic import TERMS, compare
from graphlab.ui.panels.inspector_derivation import DerivationPane, Spot
from graphlab.ui.panels.inspector_subject import arrays, find
from graphlab.ui.session import Session


def forked() -> Document:
    """A network whose middle is used twice, with a shared weight and a loss."""
    net = Net()
    x, t = net.input("x", 2), net.input("t", 2)
    h = net.node(Node("fc1", Linear(features=3), "hidden layer_1"), x)
    a = net.add("act", Tanh(), h)
    left, right = net.add("left", Linear(features=2), a), net.node(
        Node("right", Linear(features=2), shares="left"), a)
    net.add("loss", MSE(), net.add("sum", Add(), left, right), t)
    return Document(graph=net.graph())


def started(qtbot: QtBot, document: Document) -> tuple[Session, DerivationPane]:
    session = Session()
    session.open_document(document)
    pane = DerivationPane(session)
    qtbot.addWidget(pane)
    return session, pane


def spots(session: Session, path: str) -> list[Spot]:
    """List one spot of every array and gradient of a node: the last element."""
    subject = find(session, path)
    assert subject is not None
    found = []
    for shown in arrays(session, subject):
        for grad, array in ((False, shown.value), (True, shown.gradient)):
            if array is not None and array.size:
                found.append(Spot(path, shown.name, tuple(n - 1 for n in array.shape), grad))
    return found


def number(session: Session, spot: Spot) -> float:
    """Look the number up in the run itself."""
    record = session.player.record(spot.path)
    assert record is not None
    array = record.gradients[spot.name] if spot.grad else record[spot.name]
    return float(array[spot.index])


@pytest.mark.parametrize("name", ["hand-2-2-1", "iris", "digits-conv", "lstm-rows", "attention-retrieval"])
def test_the_arithmetic_of_every_array_equals_the_engines_number(qtbot: QtBot, name: str) -> None:
    session, pane = started(qtbot, open_example(name).document)
    session.player.run_all()
    explained = 0
    for step in session.plan.steps:
        for spot in spots(session, step.path) if step.macs < 5000 else spots(session, step.path)[::3]:
            pane.show_spot(spot)
            a = pane.arithmetic
            assert a is not None, (spot, pane.problem.text())
            assert a.derivation.engine == number(session, spot)
            assert a.agrees, (spot, compare(a))
            assert a.origin or typeset(a.symbolic).good, a.symbolic
            assert a.origin or a.note or typeset(a.substituted).good, a.substituted
            if pane.terms and a.operands:
                total = math.fsum(t.outgoing for t in pane.terms)
                assert total == pytest.approx(a.derivation.engine, rel=1e-6, abs=1e-12)
            explained += not a.origin
    assert explained > 5


def test_incoming_times_local_is_outgoing(qtbot: QtBot) -> None:
    session, pane = started(qtbot, forked())
    session.player.run_all()
    pane.show_spot(Spot("fc1", "W", (1, 2), True))
    record = session.player.record("fc1")
    assert record is not None
    upstream, x = record.gradients["y"], record["x"]
    assert [t.incoming for t in pane.terms] == upstream[:, 2].tolist()
    assert [t.slope for t in pane.terms] == x[:, 1].tolist()
    assert sum(t.outgoing for t in pane.terms) == pytest.approx(record.gradients["W"][1, 2])
    rows = pane.operands.rows
    heads = [rows.headerData(c, Qt.Orientation.Horizontal) for c in range(4)]
    assert heads == ["from", "incoming", "× local", "= outgoing"]
    assert rows.rowCount() == len(x)
    assert chain(session.player.run, "fc1", "W", (1, 2)) == pane.terms  # type: ignore[arg-type]


def test_a_fork_shows_the_sum_of_its_terms_by_node(qtbot: QtBot) -> None:
    session, pane = started(qtbot, forked())
    session.player.run_all()
    pane.show_spot(Spot("act", "y", (0, 1), True))
    a = pane.arithmetic
    assert a is not None
    assert {o.path for o in a.operands} == {"left", "right"}
    assert r"^{\mathrm{left}}" in a.symbolic
    assert sum(o.value for o in a.operands) == pytest.approx(number(session, Spot("act", "y", (0, 1), True)))


def test_a_sum_that_is_not_complete_is_not_explained_yet(qtbot: QtBot) -> None:
    session, pane = started(qtbot, forked())
    session.player.run_all()
    while session.player.stage("left") == "backward":
        session.player.step_back()
    assert session.player.stage("right") == "backward"
    pane.show_spot(Spot("act", "y", (0, 0), True))
    assert pane.arithmetic is None
    assert "1 of 2 terms" in pane.problem.text()


def test_nothing_is_explained_before_it_happened(qtbot: QtBot) -> None:
    session, pane = started(qtbot, forked())
    pane.show_spot(Spot("act", "y", (0, 0)))
    assert "F10" in pane.problem.text()
    session.player.step()
    pane.refresh()
    assert "has not reached y of ‘act’" in pane.problem.text()
    session.player.run_to("act")
    pane.refresh()
    assert pane.arithmetic is not None
    pane.show_spot(Spot("act", "x", (0, 0), True))
    assert "has not reached ∂L/∂x of ‘act’" in pane.problem.text()
    pane.show_spot(Spot("act", "y", (99, 0)))
    assert "another shape" in pane.problem.text()


def test_the_trail_can_be_walked_back_and_forth(qtbot: QtBot) -> None:
    session, pane = started(qtbot, forked())
    session.player.run_all()
    first = Spot("act", "y", (1, 0))
    pane.show_spot(first)
    pane._walk(1)
    second = pane.spot
    assert second == Spot("act", "x", (1, 0))
    pane._walk(1)
    assert pane.spot == Spot("fc1", "y", (1, 0))
    pane.go_back()
    assert pane.spot == second
    pane.go_back()
    assert pane.spot == first
    assert not pane.back.isEnabled()
    pane.go_on()
    assert pane.spot == second
    pane.show_spot(Spot("fc1", "b", (0,)))
    assert not pane.onward.isEnabled()
    assert [s.path for s in pane.trail] == ["act", "act", "fc1"]


def test_numbers_without_arithmetic_say_where_they_come_from(qtbot: QtBot) -> None:
    session, pane = started(qtbot, forked())
    session.player.run_all()
    for spot, words in ((Spot("fc1", "W", (0, 0)), "is stored at fc1.W"), (Spot("x", "y", (0, 1)), "is data"),
                        (Spot("loss", "y", (), True), "backward pass starts here")):
        pane.show_spot(spot)
        assert words in pane.problem.text()
        assert pane.arithmetic is not None
        assert pane.arithmetic.derivation.engine == number(session, spot)


def test_a_gradient_that_is_stopped_says_why_it_is_zero(qtbot: QtBot) -> None:
    net = Net()
    x, t = net.input("x", 3), net.input("t", 3)
    net.add("loss", MSE(), net.add("relu", ReLU(), x), t)
    session, pane = started(qtbot, Document(graph=net.graph()))
    session.type_input("x", -np.ones((4, 3)))
    session.player.run_all()
    pane.show_spot(Spot("relu", "x", (0, 0), True))
    assert pane.arithmetic is not None
    assert pane.arithmetic.agrees
    assert "Every local derivative is 0" in pane.problem.text()


def test_names_of_nodes_may_hold_anything(qtbot: QtBot) -> None:
    document = forked()
    net = dict(document.graph.nodes)
    net["fc1"] = Node("fc1", net["fc1"].op, r"50% of {x}_\$ & #1 ^~ ü")
    session, pane = started(qtbot, Document(graph=type(document.graph)(net, document.graph.wires)))
    session.player.run_all()
    pane.show_spot(Spot("act", "x", (0, 0)))
    assert pane.arithmetic is not None
    assert typeset(pane.arithmetic.symbolic).good, pane.arithmetic.symbolic


def test_long_sums_show_some_terms_and_count_the_rest(qtbot: QtBot) -> None:
    net = Net()
    x = net.input("x", 40)
    net.add("fc", Linear(features=2), x)
    session, pane = started(qtbot, Document(graph=net.graph()))
    session.player.run_all()
    pane.show_spot(Spot("fc", "y", (0, 1)))
    a = pane.arithmetic
    assert a is not None
    assert len(a.operands) == 81
    assert rf"{41 - TERMS}\ more" in a.symbolic
    assert pane.operands.rows.rowCount() == 81


def test_the_inside_of_an_op_is_explained_too(qtbot: QtBot) -> None:
    session, pane = started(qtbot, open_example("lstm-rows").document)
    session.player.run_all()
    lstm = next(s.path for s in session.plan.steps if s.op.name() == "LSTM")
    assert session.player.enter(lstm)
    session.player.run_all()
    run = session.player.level_run()
    assert run is not None
    seen = 0
    for step in run.plan.steps[:40]:
        for spot in spots(session, step.path):
            pane.show_spot(spot)
            a = pane.arithmetic
            assert a is not None, (spot, pane.problem.text())
            assert a.agrees, (spot, compare(a))
            seen += not a.origin
    assert seen > 20


def test_pointing_lights_one_operand_and_leaving_lights_all(qtbot: QtBot) -> None:
    session, pane = started(qtbot, forked())
    session.player.run_all()
    lit: list[tuple[Operand, ...]] = []
    pane.lit.connect(lit.append)
    pane.show_spot(Spot("fc1", "y", (0, 1)))
    assert {(o.name, o.index) for o in lit[-1]} == {("x", (0, 0)), ("x", (0, 1)), ("W", (0, 1)), ("W", (1, 1)),
                                                    ("b", (1,))}
    pane._point(2)
    assert lit[-1] == (pane.arithmetic.operands[1],)  # type: ignore[union-attr]
    pane._point(0)
    assert len(lit[-1]) == 5
    pane.copy_latex()
    assert QGuiApplication.clipboard().text().startswith(r"y_{0,1} = x_{0,0} \cdot W_{0,1}")
    assert "textcolor" not in QGuiApplication.clipboard().text()
    pane.clear()
    assert lit[-1] == ()
    assert np.isfinite(number(session, Spot("fc1", "y", (0, 1))))
