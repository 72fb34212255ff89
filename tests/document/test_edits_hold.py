"""What holds after any edits: nothing dangles, ids stay unique, old documents stay as they were."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.document import blocks, clipboard, edits
from graphlab.document.edits import EditError
from graphlab.document.files import document_from_json, document_to_json
from graphlab.document.model import Document, diff
from graphlab.document.paths import all_ids
from graphlab.engine.graph import Graph, Node, Output, Source, Target
from graphlab.engine.loop import Block
from graphlab.engine.op import registry
from tests.document.sound import assert_sound, scopes

STEPS = st.tuples(st.sampled_from(
    ["add", "after", "connect", "disconnect", "remove", "heal", "group", "ungroup", "insert", "set", "paste", "move",
     "freeze", "note"]), st.integers(0, 10**6), st.integers(0, 10**6))
OPS = [c() for c in registry().values() if c.__name__ not in ("Unknown", "Loop", "Block")]


def apply(document: Document, what: str, a: int, b: int) -> Document:
    """Make one edit, chosen by two numbers."""
    here = scopes(document)
    scope = here[a % len(here)]
    graph = document.scope(scope)
    assert graph is not None
    ids = list(graph.nodes)
    if what == "add" or not ids:
        return edits.add_node(document, OPS[b % len(OPS)], a % 500, b % 500, scope)[0]
    id, other = ids[a % len(ids)], ids[b % len(ids)]
    ends = list(graph.wires)
    match what:
        case "after":
            return edits.add_after(document, id, OPS[b % len(OPS)], scope)[0]
        case "connect":
            names, ports = graph.nodes[id].op.output_names(), graph.nodes[other].op.ports()
            if not names or not ports:
                return document
            return edits.connect(document, Source(id, names[b % len(names)]), Target(other, ports[a % len(ports)].name),
                                 scope)
        case "disconnect":
            return edits.disconnect(document, ends[b % len(ends)], scope) if ends else document
        case "remove":
            return edits.remove(document, {id, other}, scope)
        case "heal":
            return edits.remove_and_heal(document, [id], scope)
        case "group":
            return blocks.group(document, ids[a % len(ids):][:1 + b % 4], scope)[0]
        case "ungroup":
            return blocks.ungroup(document, id, scope)[0]
        case "insert":
            if not ends:
                return document
            return edits.insert_on_wire(document, ends[b % len(ends)], OPS[a % len(OPS)], scope)[0]
        case "set":
            op = graph.nodes[id].op
            fields = [f.name for f in op.attributes() if type(getattr(op, f.name)) is int]
            return edits.set_attributes(document, id, dict.fromkeys(fields[:1], 1 + b % 5), scope)
        case "paste":
            return clipboard.duplicate(document, {id, other}, scope, incoming=bool(b % 2)).document
        case "freeze":
            return edits.set_frozen(edits.set_bypassed(document, [other], bool(a % 2), scope), [id], bool(b % 2), scope)
        case "note":
            return edits.add_note(document, "note", a % 100, b % 100, 10, 10, "n", scope)[0]
    return edits.move(document, {id: (a % 1000, b % 1000)}, scope)


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=24))
def test_any_edits_leave_a_sound_document_and_the_old_one_alone(steps: list[tuple[str, int, int]]) -> None:
    document = Document()
    past = [(document, repr(document))]
    refusals: list[str] = []
    for what, a, b in steps:
        try:
            document = apply(document, what, a, b)
        except EditError as e:
            refusals.append(str(e))
            continue
        assert_sound(document)
        past.append((document, repr(document)))
    assert all(said.endswith(".") for said in refusals), "every refusal is a sentence"
    for old, as_it_was in past:
        assert repr(old) == as_it_was, "undo is a stack of documents, so no edit may change one"
    assert not diff(document, document).structure
    notices: list[str] = []
    assert document_from_json(document_to_json(document), notices) == document, "a file gives the same document back"
    assert notices == []
    assert all_ids(document) == {n for s in scopes(document) for n in (document.scope(s) or Graph()).nodes}


def test_every_op_can_be_added_copied_and_removed() -> None:
    document = Document()
    for op in OPS:
        document, _ = edits.add_node(document, op, 0, 0)
    ids = list(document.graph.nodes)
    pasted = clipboard.duplicate(document, ids)
    assert_sound(pasted.document)
    assert [pasted.document.graph.nodes[i].op for i in pasted.ids] == OPS
    assert edits.remove(pasted.document, [*ids, *pasted.ids]) == Document()


def test_outputs_of_unknown_scopes_do_not_leak() -> None:
    document = Document(Graph({"b": Node("b", Block(graph=Graph({"o": Node("o", Output())})))}))
    assert_sound(edits.remove(document, ["b"]))
