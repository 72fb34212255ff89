"""Edits: what they do, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from graphlab.document import blocks, clipboard, edits
from graphlab.document.edits import EditError
from graphlab.document.model import Document, Place
from graphlab.document.paths import fresh_id
from graphlab.document.wiring import check_connection, compatible_ops
from graphlab.engine.graph import Graph, Input, Source, Target
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.joining import Concat
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.engine.ops.maths import Add
from graphlab.engine.plan import compile
from graphlab.engine.train import Phase, Setup
from tests.document.sound import assert_sound


def chain(*ops: Any) -> tuple[Document, list[str]]:
    document, id = edits.add_node(Document(), Input(size=(4,)), 0, 0)
    ids = [id]
    for op in ops:
        document, id = edits.add_after(document, id, op)
        ids.append(id)
    return document, ids


def test_ids_are_readable_and_unique() -> None:
    document, ids = chain(Linear(), ReLU(), Linear())
    assert ids == ["input1", "linear1", "relu1", "linear2"]
    assert fresh_id("Conv2D", {"conv2d_1"}) == "conv2d_2"
    assert edits.add_node(document, ReLU(), 0, 0, id="relu1")[1] == "relu2"
    with pytest.raises(EditError, match="cannot name a node"):
        edits.add_node(document, ReLU(), 0, 0, id="a/b")


def test_ids_are_unique_inside_blocks_too() -> None:
    document, ids = chain(Linear(), ReLU())
    document, block = blocks.group(document, ids[1:])
    document, id = edits.add_node(document, Linear(), 0, 0)
    assert id == "linear2"
    assert edits.add_node(document, Linear(), 0, 0, scope=block)[1] == "linear3"


def test_remove_takes_every_reference_along() -> None:
    document, ids = chain(Linear(features=1))
    document, target = edits.add_node(document, Input(size=(1,)), 0, 100)
    document, loss = edits.add_after(document, ids[1], MSE())
    document = edits.connect(document, Source(target), Target(loss, "target"))
    document = edits.replace_setup(document, Setup(feed=((ids[0], "x"), (target, "y")),
                                                   phases=(Phase(losses=((loss, 1.0),)),)))
    assert_sound(document)
    without = edits.remove(document, [loss, target])
    assert_sound(without)
    assert without.setup.feed == ((ids[0], "x"),)
    assert without.setup.phases[0].losses == ()
    assert list(without.graph.wires) == [Target("linear1", "x")]


def test_remove_and_heal_wires_through() -> None:
    document, ids = chain(Linear(), ReLU(), ReLU(), Linear())
    healed = edits.remove_and_heal(document, ids[2:4])
    assert healed.graph.wires[Target(ids[4], "x")] == Source(ids[1])


def test_remove_and_heal_keeps_the_path_of_the_same_shape() -> None:
    document, ids = chain(Linear(features=6), Linear(features=4))
    document, total = edits.add_after(document, ids[2], Concat())
    document = edits.connect(document, Source(ids[1]), Target(total, "x0"))
    document = edits.connect(document, Source(ids[2]), Target(total, "x1"))
    document, last = edits.add_after(document, total, ReLU())
    healed = edits.remove_and_heal(document, [total])
    assert healed.graph.wires[Target(last, "x")].node == ids[1]
    residual, ids = chain(Linear(features=6), Linear(features=4))
    residual, plus = edits.add_after(residual, ids[2], Add())
    residual = edits.connect(residual, Source(ids[1]), Target(plus, "a"))
    residual = edits.connect(residual, Source(ids[0]), Target(plus, "b"))
    residual, last = edits.add_after(residual, plus, ReLU())
    assert edits.remove_and_heal(residual, [plus]).graph.wires[Target(last, "x")].node == ids[1]


def test_the_heir_of_shared_weights_owns_them() -> None:
    document, ids = chain(Linear(), Linear(), Linear())
    nodes = {i: replace(n, shares=ids[1]) if i in ids[2:] else n for i, n in document.graph.nodes.items()}
    document = replace(document, graph=replace(document.graph, nodes=nodes))
    left = edits.remove(document, [ids[1]])
    assert left.graph.nodes[ids[2]].shares == ""
    assert left.graph.nodes[ids[3]].shares == ids[2]


def test_insert_on_a_wire_makes_room() -> None:
    document, ids = chain(Linear(), Linear())
    document, new = edits.insert_on_wire(document, Target(ids[2], "x"), ReLU())
    assert document.graph.wires[Target(new, "x")] == Source(ids[1])
    assert document.graph.wires[Target(ids[2], "x")] == Source(new)
    xs = [document.layout[i].x for i in (ids[1], new, ids[2])]
    assert xs == sorted(xs)
    assert min(b - a for a, b in pairwise(xs)) >= edits.STEP_X


def test_a_pinned_card_does_not_make_room() -> None:
    document, ids = chain(Linear(), Linear())
    before = document.layout[ids[2]]
    document = edits.set_pinned(document, [ids[2]], True)
    document, _ = edits.insert_on_wire(document, Target(ids[2], "x"), ReLU())
    assert document.layout[ids[2]] == Place(before.x, before.y, True)


def test_insert_refuses_a_node_that_would_close_a_cycle() -> None:
    document, ids = chain(Linear(), ReLU(), Linear())
    with pytest.raises(EditError, match="cycle"):
        edits.insert_on_wire(document, Target(ids[2], "x"), ids[3])


def test_attributes_that_take_ports_away_take_their_wires_along() -> None:
    document, ids = chain(Linear())
    document, id = edits.add_after(document, ids[1], Concat(count=3))
    document = edits.connect(document, Source(ids[1]), Target(id, "x2"))
    assert Target(id, "x2") not in edits.set_attributes(document, id, {"count": 2}).graph.wires
    broken = edits.set_attributes(document, id, {"count": 0})
    assert Target(id, "x2") in broken.graph.wires, "which ports it has is known only once the value is mended"
    with pytest.raises(EditError, match="has no attribute 'size'"):
        edits.set_attributes(document, id, {"size": 2})
    with pytest.raises(EditError, match="needs its attribute count to be a whole number"):
        edits.set_attributes(document, id, {"count": "many"})


def test_group_and_ungroup_keep_weights_and_values() -> None:
    document, ids = chain(Linear(features=3), ReLU(), Linear(features=2))
    plan = compile(document.graph)
    grouped, block = blocks.group(document, ids[1:3], label="encoder")
    assert_sound(grouped)
    inner = compile(grouped.graph)
    assert set(inner.weights) == set(plan.weights)
    assert inner.spec("linear2") == plan.spec("linear2")
    assert not inner.problems
    opened, children = blocks.ungroup(grouped, block)
    assert children == ids[1:3]
    assert opened.graph == document.graph
    assert opened.layout == document.layout


def test_group_refuses_a_detour() -> None:
    document, ids = chain(Linear(), ReLU(), Linear())
    with pytest.raises(EditError, match=r"leaves them through ‘relu1’ and comes back at ‘linear2’"):
        blocks.group(document, [ids[1], ids[3]])
    with pytest.raises(EditError, match="nothing to group"):
        blocks.group(document, [ids[0]])


def test_the_setup_follows_nodes_into_a_block() -> None:
    document, ids = chain(Linear(features=4))
    document, loss = edits.add_after(document, ids[1], MSE())
    document = edits.connect(document, Source(ids[0]), Target(loss, "target"))
    phase = Phase(losses=((loss, 1.0),), train=("linear1", "!linear1/*", "lin*"))
    document = edits.replace_setup(document, Setup(phases=(phase,)))
    grouped, block = blocks.group(document, [ids[1], loss])
    assert grouped.setup.phases[0].losses == ((f"{block}/{loss}", 1.0),)
    assert grouped.setup.phases[0].train == (f"{block}/linear1", f"!{block}/linear1/*", "lin*")
    assert blocks.ungroup(grouped, block)[0].setup == document.setup


def test_blocks_that_share_their_insides_are_edited_together() -> None:
    document, ids = chain(Linear(features=4), ReLU())
    document, block = blocks.group(document, ids[1:])
    second = replace(document.graph.nodes[block], id="twin", shares=block)
    graph = Graph({**document.graph.nodes, "twin": second},
                  {**document.graph.wires, Target("twin", "x"): Source(block)})
    document = replace(document, graph=graph)
    assert not compile(document.graph).problems
    edited = edits.set_attributes(document, "linear1", {"bias": False}, scope=block)
    assert edited.graph.nodes["twin"].op == edited.graph.nodes[block].op
    assert not compile(edited.graph).problems
    with pytest.raises(EditError, match="shares its weights with ‘twin’"):
        blocks.ungroup(edited, block)


def test_removing_a_port_of_a_block_removes_its_wire_outside() -> None:
    document, ids = chain(Linear(), ReLU(), Linear())
    document, block = blocks.group(document, ids[1:3])
    inside = document.scope(block)
    assert inside is not None
    document = edits.remove(document, [inside.outputs()[0].id], scope=block)
    assert_sound(document)
    assert not any(s.node == block for s in document.graph.wires.values())


def test_a_wire_that_does_not_fit_is_refused_with_both_shapes() -> None:
    document, ids = chain(Linear(features=3))
    document, other = edits.add_node(document, Add(), 0, 0)
    document = edits.connect(document, Source(ids[0]), Target(other, "a"))
    said = check_connection(document, Source(ids[1]), Target(other, "b"))
    assert "(B, 3)" in said
    assert "(B, 4)" in said
    assert "Linear ‘linear1’" in said
    assert check_connection(document, Source(ids[0]), Target(other, "b")) == ""


def test_cycles_are_refused_in_words() -> None:
    document, ids = chain(Linear(features=4), ReLU())
    said = check_connection(document, Source(ids[2]), Target(ids[1], "x"))
    assert "cycle" in said
    assert "‘linear1’ already leads to ReLU ‘relu1’" in said
    assert "its own output" in check_connection(document, Source(ids[2]), Target(ids[2], "x"))
    assert "has no input 'q'" in check_connection(document, Source(ids[0]), Target(ids[1], "q"))


def test_a_wire_may_upset_what_comes_later() -> None:
    document, ids = chain(Linear(features=3))
    document, plus = edits.add_node(document, Add(), 0, 0)
    document = edits.connect(document, Source(ids[1]), Target(plus, "a"))
    document, relu = edits.add_node(document, ReLU(), 0, 0)
    document = edits.connect(document, Source(relu), Target(plus, "b"))
    assert check_connection(document, Source(ids[0]), Target(relu, "x")) == ""


def test_only_ops_that_fit_are_offered() -> None:
    document, ids = chain(Linear(features=3))
    names = {c.__name__ for c in compatible_ops(document, Source(ids[1]))}
    assert {"Linear", "ReLU", "Add", "MSE", "Output"} <= names
    assert not {"Conv2D", "MaxPool", "Embedding", "Input", "Block"} & names
    names = {c.__name__ for c in compatible_ops(document, Target(ids[1], "x"))}
    assert {"Input", "Linear", "ReLU", "Flatten"} <= names
    assert not {"Conv2D", "MSE", "Output"} & names


def test_copies_have_new_ids_and_keep_their_wires() -> None:
    document, ids = chain(Linear(), ReLU(), Linear())
    document, block = blocks.group(document, ids[1:3])
    pasted = clipboard.duplicate(document, [block, ids[3]])
    assert_sound(pasted.document)
    new_block, new_linear = pasted.ids
    assert pasted.document.graph.wires[Target(new_linear, "x")].node == new_block
    port = next(t.port for t in pasted.document.graph.wires if t.node == new_block)
    assert pasted.document.graph.wires[Target(new_block, port)] == Source(ids[0])
    plan = compile(pasted.document.graph)
    assert not plan.problems
    assert len(plan.weights) == 8
    assert pasted.origin[f"{new_block}/linear3"] == f"{block}/linear1"
    alone = clipboard.duplicate(document, [block], incoming=False)
    assert not any(t.node == alone.ids[0] for t in alone.document.graph.wires)


def test_copies_of_blocks_that_share_still_share() -> None:
    document, ids = chain(Linear(features=4), ReLU())
    document, block = blocks.group(document, ids[1:])
    second = replace(document.graph.nodes[block], id="twin", shares=block)
    graph = Graph({**document.graph.nodes, "twin": second},
                  {**document.graph.wires, Target("twin", "x"): Source(block)})
    document = replace(document, graph=graph)
    both = clipboard.duplicate(document, [block, "twin"])
    plan = compile(both.document.graph)
    assert not plan.problems
    assert len(plan.weights) == 4
    one = clipboard.duplicate(document, ["twin"])
    assert len(compile(one.document.graph).weights) == 2


@pytest.mark.parametrize("text", [
    "", "hello", "[]", "{}", '{"graphlab-nodes": 2}', "[" * 5000, '{"graphlab-nodes": 1, "graph": 3}',
    '{"graphlab-nodes": 1, "graph": {"nodes": [], "wires": []}, "incoming": 4}'])
def test_what_is_no_copy_is_refused_in_words(text: str) -> None:
    with pytest.raises(EditError, match="clipboard holds"):
        clipboard.paste(Document(), text)


def test_notes_and_frames_are_edited_and_copied() -> None:
    document, ids = chain(Linear())
    document, note = edits.add_note(document, "frame", 1, 2, 300, 200, "encoder")
    document = edits.change_note(document, note, text="decoder")
    document = edits.move(document, {note: (5, 6), ids[1]: (7, 8)})
    assert (document.notes[note].x, document.notes[note].text) == (5.0, "decoder")
    assert document.layout[ids[1]] == Place(7.0, 8.0)
    pasted = clipboard.paste(document, clipboard.copy(document, [note, ids[1]]), at=(100, 100))
    assert len(pasted.document.notes) == 2
    assert min(pasted.document.notes[i].x for i in pasted.ids if i in pasted.document.notes) == 100.0
    assert edits.remove_notes(document, [note]).notes == {}


def test_edits_of_what_is_not_there_are_refused_in_words() -> None:
    document, ids = chain(Linear())
    for edit in (lambda: edits.remove(document, ["ghost"]), lambda: edits.rename(document, "ghost", "x"),
                 lambda: edits.disconnect(document, Target("a", "b"), scope="ghost"),
                 lambda: edits.connect(document, Source("ghost"), Target(ids[1], "x")),
                 lambda: edits.connect(document, Source(ids[0], "z"), Target(ids[1], "x")),
                 lambda: edits.insert_on_wire(document, Target(ids[0], "x"), ReLU()),
                 lambda: blocks.ungroup(document, ids[1]), lambda: edits.change_note(document, "n", text="")):
        with pytest.raises(EditError, match=r".{20,}\.$"):
            edit()
