"""The inspector: it follows selection and debugger, shows the engine's numbers, edits, and explains what is clicked."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.document.model import Document
from graphlab.engine.graph import Net
from graphlab.engine.loop import Block
from graphlab.engine.ops.activations import Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.ui import theme
from graphlab.ui.numbers import number_text
from graphlab.ui.panels.inspector import Inspector
from graphlab.ui.panels.inspector_derivation import Spot
from graphlab.ui.panels.inspector_formula import with_shapes
from tests.ui.inspecting import click, look_at, network, opened


@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    return opened(qtbot, network())


# --- what it looks at ------------------------------------------------------------------------------------


def test_it_says_what_to_do_while_nothing_is_selected(inspector: Inspector) -> None:
    assert inspector.is_empty
    look_at(inspector, "fc1")
    assert not inspector.is_empty
    assert inspector.title.text() == "hidden layer"
    assert inspector.kind.text() == "Linear · not run"


def test_it_follows_the_debugger_where_nothing_is_selected(inspector: Inspector, qtbot: QtBot) -> None:
    session = inspector.session
    seen = []
    for _ in range(4):
        session.player.step()
        qtbot.waitUntil(lambda: inspector.subject is not None
                        and inspector.subject.path == session.player.position.path)  # type: ignore[union-attr]
        seen.append(inspector.subject.path)  # type: ignore[union-attr]
    assert seen == [s.path for s in session.plan.steps[:4]]


def test_it_shows_only_what_the_cursor_has_reached(inspector: Inspector) -> None:
    player = inspector.session.player
    look_at(inspector, "fc1")
    assert set(inspector.numbers.views) == {("W", False), ("b", False)}
    player.run_to("fc1")
    inspector.refresh()
    assert set(inspector.numbers.views) == {("x", False), ("W", False), ("b", False), ("y", False)}
    player.run_all()
    inspector.refresh()
    assert set(inspector.numbers.views) == {(n, g) for n in "xWby" for g in (False, True)}
    player.scrub(player.forward_count - 1)
    inspector.refresh()
    assert not any(grad for _, grad in inspector.numbers.views)
    player.scrub(-1)
    inspector.refresh()
    assert set(inspector.numbers.views) == {("W", False), ("b", False)}


@pytest.mark.parametrize("path", ["x", "fc1", "act", "fc2", "loss"])
def test_what_the_tables_show_is_what_the_engine_computed(inspector: Inspector, path: str) -> None:
    inspector.session.player.run_all()
    look_at(inspector, path)
    record = inspector.session.player.record(path)
    assert record is not None
    views = inspector.numbers.views
    have = record.inputs | record.outputs
    assert {n for n, g in views if not g} == set(have) | set(record.kept)
    for (name, grad), view in views.items():
        array = record.gradients[name] if grad else record[name]
        assert np.array_equal(view.array, array)
        view.show_face("numbers")
        for r, c in np.ndindex(*view.model.matrix.shape):
            assert view.model.index(r, c).data() == number_text(array[view.slice.index(r, c)])


def test_the_formula_has_the_shape_of_every_factor(inspector: Inspector) -> None:
    look_at(inspector, "fc1")
    assert inspector.formula.latex() == (
        r"\underset{B\times 3}{y} = \underset{B\times 2}{x}\ \underset{2\times 3}{W} + \underset{3}{b}")
    inspector.session.player.run_all()
    inspector.refresh()
    assert r"\underset{4\times 3}{y}" in inspector.formula.latex()
    look_at(inspector, "loss")
    assert inspector.shapes.text() == "y () ← x (4, 1) · target (4, 1)"


def test_shapes_stand_only_under_letters_that_mean_the_array() -> None:
    known = {"y": "(2,)", "x": "(2, 3)"}
    assert with_shapes(r"y = x_i", known) == ""
    assert with_shapes(r"y = \mathrm{max}(a)", known) == ""
    assert with_shapes(r"y = \hat{x}", known) == ""
    assert with_shapes(r"y = \max(0, x)", known) == r"\underset{2}{y} = \max(0, \underset{2\times 3}{x})"


# --- where a number came from --------------------------------------------------------------------------------


def test_clicking_a_number_explains_it_and_lights_its_operands(inspector: Inspector) -> None:
    inspector.session.player.run_all()
    look_at(inspector, "fc1")
    click(inspector, "y", (1, 2))
    pane = inspector.derivation
    assert pane.isVisible()
    assert pane.spot == Spot("fc1", "y", (1, 2))
    assert pane.arithmetic is not None
    assert pane.arithmetic.derivation.value == pytest.approx(inspector.numbers.views["y", False].array[1, 2], rel=1e-12)
    assert "✓" in pane.result.text()
    views = inspector.numbers.views
    assert views["x", False].lit == {(1, 0), (1, 1)}
    assert views["W", False].lit == {(0, 2), (1, 2)}
    assert views["b", False].lit == {(2,)}
    assert views["y", False].chosen == {(1, 2)}
    assert not views["x", True].lit


def test_a_gradient_lights_what_came_in_and_what_it_was_multiplied_with(inspector: Inspector) -> None:
    inspector.session.player.run_all()
    look_at(inspector, "fc1")
    click(inspector, "W", (0, 1), grad=True)
    views = inspector.numbers.views
    assert views["y", True].lit == {(b, 1) for b in range(4)}
    assert views["x", False].lit == {(b, 0) for b in range(4)}
    assert views["W", True].chosen == {(0, 1)}


def test_walking_to_an_operand_goes_to_its_node_and_back(inspector: Inspector) -> None:
    inspector.session.player.run_all()
    look_at(inspector, "act")
    click(inspector, "x", (2, 1))
    pane = inspector.derivation
    row = pane.operands.visualRect(pane.operands.model().index(0, 0)).center()
    QTest.mouseClick(pane.operands.viewport(), Qt.MouseButton.LeftButton, pos=row)
    assert pane.spot == Spot("fc1", "y", (2, 1))
    assert inspector.session.selection == ("fc1",)
    assert inspector.numbers.views["y", False].chosen == {(2, 1)}
    QTest.mouseClick(pane.back, Qt.MouseButton.LeftButton)
    assert pane.spot == Spot("act", "x", (2, 1))
    assert inspector.session.selection == ("act",)
    QTest.mouseClick(pane.onward, Qt.MouseButton.LeftButton)
    assert inspector.session.selection == ("fc1",)


def test_pointing_at_a_number_of_the_formula_lights_it_alone(inspector: Inspector, qtbot: QtBot) -> None:
    inspector.session.player.run_all()
    look_at(inspector, "fc1")
    click(inspector, "y", (1, 2))
    line = inspector.derivation.numbers
    qtbot.waitUntil(lambda: not line.part_rect(2).isEmpty())
    QTest.mouseMove(line, QPoint(1, 1))
    QTest.mouseMove(line, line.part_rect(2).center().toPoint())
    lit = {(k, i) for k, v in inspector.numbers.views.items() for i in v.lit}
    assert lit == {(("W", False), (0, 2))}
    QTest.mouseMove(line, QPoint(line.width() - 1, line.height() - 1))
    assert len({(k, i) for k, v in inspector.numbers.views.items() for i in v.lit}) == 5


def test_other_panels_can_reveal_a_number(inspector: Inspector) -> None:
    inspector.session.player.run_all()
    inspector.session.reveal.emit("fc2", "∂W", (1, 0))
    assert inspector.derivation.spot == Spot("fc2", "W", (1, 0), True)
    assert inspector.session.selection == ("fc2",)
    assert inspector.tabs.currentWidget() is inspector.numbers


def test_without_a_click_the_first_number_is_explained_until_that_is_closed(inspector: Inspector) -> None:
    player = inspector.session.player
    player.run_to("fc1")
    inspector.refresh()
    assert inspector.derivation.spot == Spot("fc1", "y", (0, 0))
    player.run_all()
    look_at(inspector, "fc1")
    spot = inspector.derivation.spot
    assert spot is not None
    assert (spot.name, spot.grad) == ("x", True)
    QTest.mouseClick(inspector.derivation.close_button, Qt.MouseButton.LeftButton)
    look_at(inspector, "act")
    assert not inspector.derivation.isVisible()
    click(inspector, "y", (0, 0))
    assert inspector.derivation.isVisible()


def test_the_chosen_number_stays_explained_while_the_run_changes(inspector: Inspector) -> None:
    session = inspector.session
    session.player.run_all()
    look_at(inspector, "fc1")
    click(inspector, "y", (1, 2))
    before = inspector.derivation.arithmetic
    session.set_weight("fc1.b", np.array([0.0, 0.0, 10.0]))
    inspector.refresh()
    after = inspector.derivation.arithmetic
    assert before is not None
    assert after is not None
    assert after.derivation.engine == pytest.approx(before.derivation.engine + 10)
    assert after.agrees


def test_the_inside_of_an_op_can_be_looked_at_but_not_edited(qtbot: QtBot) -> None:
    inspector = opened(qtbot, open_example("lstm-rows").document)
    session = inspector.session
    session.player.run_all()
    lstm = next(s.path for s in session.plan.steps if s.op.name() == "LSTM")
    assert session.player.enter(lstm)
    session.player.run_all()
    run = session.player.level_run()
    assert run is not None
    step = next(s for s in run.plan.steps if s.op.name() == "Sigmoid")
    look_at(inspector, step.path, inspector.properties)
    assert inspector.subject is not None
    assert not inspector.subject.editable
    assert not inspector.properties.name.isEnabled()
    assert "inside of an op" in inspector.properties.readonly.text()
    assert np.array_equal(inspector.numbers.views["y", False].array, run.records[step.path]["y"])


def test_a_block_shows_what_comes_out_of_it(qtbot: QtBot) -> None:
    inner = Net()
    inner.output("out", inner.add("act", Tanh(), inner.add("fc", Linear(features=2), inner.input("x", 2))))
    net = Net()
    net.add("block", Block(graph=inner.graph()), net.input("x", 2))
    inspector = opened(qtbot, Document(graph=net.graph()))
    inspector.session.player.run_all()
    look_at(inspector, "block")
    record = inspector.session.player.record("block/act")
    assert record is not None
    assert np.array_equal(inspector.numbers.views["out", False].array, record["y"])
    assert inspector.counts.parameters.text() == "6"
    click(inspector, "out", (1, 1))
    assert inspector.derivation.arithmetic is not None
    assert inspector.derivation.arithmetic.agrees


def test_it_fits_its_width_in_both_themes(inspector: Inspector) -> None:
    inspector.session.player.run_all()
    for mode in ("light", "dark"):
        theme.set(mode)
        for path in ("x", "fc1", "loss"):
            for tab in range(inspector.tabs.count()):
                look_at(inspector, path, inspector.tabs.widget(tab))
                assert inspector.width() == 340
                assert inspector.minimumSizeHint().width() <= 340
                image = inspector.grab().toImage()
                assert len({image.pixel(x, y) for x in range(0, 340, 7) for y in range(0, 900, 7)}) > 4
    theme.set("system")
