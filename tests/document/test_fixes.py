"""Problems and the fixes they propose: carrying one out takes the problem away."""

from __future__ import annotations

import pytest

from graphlab.document.blocks import group
from graphlab.document.datasets import Digits, Iris, load_table
from graphlab.document.edits import EditError, add_after, add_node, connect, replace_setup, set_bypassed
from graphlab.document.fixes import apply_fix
from graphlab.document.model import Document
from graphlab.document.summary import advice
from graphlab.engine.graph import Constant, Graph, Input, Source, Target
from graphlab.engine.op import Fix, Op
from graphlab.engine.ops.activations import LogSoftmax, ReLU, Sigmoid, Softmax
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.ops.losses import MSE
from graphlab.engine.ops.maths import Add
from graphlab.engine.plan import Problem, compile
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.sources import Moons, Regression1D
from tests.document.sound import assert_sound


def problems(document: Document) -> tuple[Problem, ...]:
    plan = compile(document.graph)
    return (*plan.problems, *advice(document, plan, load_table(document.setup.data)))


def fixed(document: Document, problem: Problem, which: int = 0) -> Document:
    """Carry out a fix; the problem is gone and nothing dangles."""
    assert problem.fixes, problem.message
    after = apply_fix(document, problem.fixes[which])
    assert_sound(after)
    assert problem.message not in [p.message for p in problems(after)]
    return after


def chain(*ops: object, size: tuple[int, ...] = (2,)) -> tuple[Document, list[str]]:
    document, id = add_node(Document(), Input(size=size), 0, 0)
    ids = [id]
    for op in ops:
        document, id = add_after(document, id, op)  # type: ignore[arg-type]
        ids.append(id)
    return document, ids


def test_a_picture_before_a_linear_is_flattened() -> None:
    document, ids = chain(Conv2D(), Linear(), size=(1, 8, 8))
    problem = next(p for p in problems(document) if p.path == ids[2])
    assert "Linear ‘linear1’" in problem.message
    assert "Conv2D ‘conv2d_1’ gives (B, 8, 6, 6)" in problem.message
    after = fixed(document, problem)
    assert compile(after.graph).problems == ()
    assert compile(after.graph).spec("linear1") is not None
    flatten = after.graph.wires[Target("linear1", "x")].node
    assert after.graph.wires[Target(flatten, "x")] == Source("conv2d_1")


def test_a_fix_works_inside_a_block() -> None:
    document, ids = chain(Conv2D(), ReLU(), Linear(), size=(1, 8, 8))
    document, block = group(document, ids[2:])
    problem = next(p for p in problems(document) if p.path.startswith(f"{block}/"))
    assert compile(fixed(document, problem).graph).problems == ()


def test_a_fix_inside_an_operation_is_refused_in_words() -> None:
    document, ids = chain(Linear())
    with pytest.raises(EditError, match="lies inside an operation"):
        apply_fix(document, Fix("x", "set", f"{ids[1]}/inner/deep"))


def test_a_cycle_is_broken() -> None:
    document, ids = chain(Linear(features=2), Linear(features=2))
    document = connect(document, Source(ids[2]), Target(ids[1], "x"))
    problem = next(p for p in problems(document) if "cycle" in p.message)
    fixed(document, problem)


def test_a_wrong_attribute_is_set_right() -> None:
    document, ids = chain(Linear(features=0))
    after = fixed(document, next(p for p in problems(document) if p.path == ids[1]))
    assert compile(after.graph).problems == ()


def test_a_missing_wire_comes_from_a_free_input_or_a_new_one() -> None:
    document, id = add_node(Document(), Linear(), 100, 100)
    after = fixed(document, next(p for p in problems(document) if p.path == id))
    assert compile(after.graph).problems == ()
    document, free = add_node(document, Input(size=(5,)), 0, 0)
    after = fixed(document, next(p for p in problems(document) if p.path == id))
    assert after.graph.wires[Target(id, "x")] == Source(free)


def test_a_new_input_takes_the_shape_that_is_needed() -> None:
    document, ids = chain(Linear(features=3))
    document, plus = add_after(document, ids[1], Add())
    after = fixed(document, next(p for p in problems(document) if p.path == plus))
    assert compile(after.graph).problems == ()


def test_a_bypass_that_cannot_be_is_switched_off() -> None:
    document, ids = chain(Linear(features=3))
    document = set_bypassed(document, [ids[1]], True)
    fixed(document, next(p for p in problems(document) if "bypassed" in p.message))


def test_stray_wires_of_a_file_are_removed() -> None:
    document, ids = chain(ReLU())
    graph = Graph(document.graph.nodes, {**document.graph.wires, Target("ghost", "x"): Source(ids[0])})
    stray = Document(graph, document.layout)
    problem = next(p for p in compile(stray.graph).problems if "ghost" in p.message)
    assert apply_fix(stray, problem.fixes[0]).graph.wires == document.graph.wires


def test_an_unfinished_fix_is_refused_in_words() -> None:
    document, ids = chain(ReLU())
    with pytest.raises(EditError, match="does not say where its wire begins"):
        apply_fix(document, Fix("wire it", "connect", ids[1], "x"))
    with pytest.raises(EditError, match="needs the operation 'Wow'"):
        apply_fix(document, Fix("insert Wow", "insert", ids[1], "x", "Wow"))


# --- advice -------------------------------------------------------------------------------------------


def test_a_network_without_a_loss_is_offered_those_that_fit() -> None:
    document, _ = chain(Linear(features=2))
    problem = next(p for p in problems(document) if "no loss" in p.message)
    assert problem.fixes[0].op == "SoftmaxCrossEntropy"
    for which in range(len(problem.fixes)):
        after = fixed(document, problem, which)
        assert compile(after.graph).problems == ()
    regression = replace_setup(document, Setup(data=Regression1D()))
    first = next(p for p in problems(regression) if "no loss" in p.message).fixes[0]
    assert first.op == "MSE"


@pytest.mark.parametrize(("ops", "loss", "takes"), [
    ((Linear(features=2), Softmax()), "CrossEntropy", ""), ((Linear(features=2), LogSoftmax()), "NLL", ""),
    ((Linear(features=1), Sigmoid()), "BinaryCrossEntropy", "probabilities"),
    ((Linear(features=1),), "BinaryCrossEntropy", "logits")])
def test_the_loss_that_belongs_after_an_op_comes_first(ops: tuple[Op, ...], loss: str, takes: str) -> None:
    document, _ = chain(*ops)
    after = fixed(document, next(p for p in problems(document) if "no loss" in p.message))
    added = next(n.op for n in after.graph.nodes.values() if n.op.category == "Losses")
    assert added.name() == loss
    assert added.values().get("takes", "") == takes
    assert problems(after) == ()


def test_a_whole_network_is_finished_by_fixes_alone() -> None:
    document, _ = chain(Linear(features=2))
    for _ in range(5):
        open_ones = problems(document)
        if not open_ones:
            break
        document = apply_fix(document, open_ones[0].fixes[0])
    assert problems(document) == ()


def labelled(size: tuple[int, ...] = (2,), classes: int = 2) -> tuple[Document, str, str]:
    document, ids = chain(Linear(features=classes), SoftmaxCrossEntropy(), size=size)
    document, label = add_node(document, Input(size=(), kind="index"), 0, 200)
    return connect(document, Source(label), Target(ids[2], "target")), ids[0], ids[2]


def test_a_loss_that_no_phase_lowers_is_told() -> None:
    document, _, loss = labelled()
    document, other = add_after(document, "linear1", MSE())
    document = connect(document, Source("input1"), Target(other, "target"))
    document = replace_setup(document, Setup(phases=(Phase(losses=((other, 1.0),)),)))
    problem = next(p for p in problems(document) if "no phase" in p.message)
    assert f"‘{loss}’" in problem.message
    assert fixed(document, problem).setup.phases[0].losses == ((other, 1.0), (loss, 1.0))


def test_a_phase_that_lowers_nothing_is_told() -> None:
    document, _, loss = labelled()
    document = replace_setup(document, Setup(phases=(Phase(losses=(("gone", 1.0), (loss, 1.0))),)))
    problem = next(p for p in problems(document) if "‘gone’" in p.message)
    assert fixed(document, problem).setup.phases[0].losses == ((loss, 1.0),)


def test_an_input_that_fits_no_column_names_both() -> None:
    document, name, _ = labelled(size=(400,))
    document = replace_setup(document, Setup(data=Digits()))
    problem = next(p for p in problems(document) if p.path == name)
    assert "‘input1’ takes (400,)" in problem.message
    assert "(8, 8)" in problem.message
    size = next(i for i, f in enumerate(problem.fixes) if f.path == name)
    after = fixed(document, problem, size)
    op = after.graph.nodes[name].op
    assert isinstance(op, Input)
    assert op.size == (8, 8)


def test_other_data_that_fit_are_offered() -> None:
    document, name, _ = labelled(size=(4,), classes=3)
    problem = next(p for p in problems(document) if p.path == name)
    which = next(i for i, f in enumerate(problem.fixes) if "Iris" in f.label)
    after = fixed(document, problem, which)
    assert after.setup.data == Iris()
    assert problems(after) == ()


def test_a_column_that_is_not_there_is_told() -> None:
    document, name, _ = labelled()
    document = replace_setup(document, Setup(feed=((name, "pixels"), ("ghost", "x"))))
    said = [p.message for p in problems(document)]
    assert any("‘pixels’, which the data do not have" in m for m in said)
    assert any("‘ghost’, which is not in the network" in m for m in said)
    after = fixed(document, next(p for p in problems(document) if "ghost" in p.message))
    fixed(after, next(p for p in problems(after) if "pixels" in p.message))


def test_data_that_cannot_be_read_are_told() -> None:
    document, name, _ = labelled()
    problem = advice(document, compile(document.graph), None)[0]
    assert problem.path == name
    assert all(f.kind == "set" and not f.path for f in problem.fixes)
    assert any("Circles" in f.label for f in problem.fixes)
    assert isinstance(document.setup.data, Moons)


def test_a_sum_of_constants_needs_no_advice() -> None:
    document, a = add_node(Document(), Constant(), 0, 0)
    document, _ = add_after(document, a, ReLU())
    assert problems(document) == ()
