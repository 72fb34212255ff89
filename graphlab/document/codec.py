"""Graphs, places, notes and setups as plain dictionaries, for files and the clipboard.

Reading is strict about what it knows and keeps what it does not: an op that this version lacks becomes an
`Unknown` node, keys and attributes without a meaning go to ``extra`` and are written back unchanged.
"""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Mapping
from typing import Any

import msgspec

import graphlab.engine.ops  # noqa: F401 - registers every op
from graphlab.document.model import Note, Place
from graphlab.document.paths import MAX_ID, join, valid_id
from graphlab.engine.graph import Graph, Node, Source, Target, Unknown
from graphlab.engine.op import Op, registry

MAX_NODES = 100_000
MAX_WIRES = 400_000
MAX_DEPTH = 40
MAX_PLACE = 1e7
#: Whole numbers beyond this are no sizes or counts of anything, and JSON readers disagree about them.
MAX_INT = 2**53

#: How numbers that JSON lacks are written: an attribute may hold one, which `compile` then reports.
NOT_FINITE = ("nan", "inf", "-inf")

Plain = dict[str, Any]


class FormatError(Exception):
    """Plain data that does not describe what it should: a sentence that names the place."""


class NodeForm(msgspec.Struct, omit_defaults=True):
    """How a node is written down."""

    id: str
    op: str
    attributes: Plain = {}
    label: str = ""
    shares: str = ""
    frozen: bool = False
    bypassed: bool = False


class GraphForm(msgspec.Struct):
    """How a graph is written down; a wire is [node, output, node, port]."""

    nodes: list[Plain]
    wires: list[tuple[str, str, str, str]]


class NoteForm(msgspec.Struct, omit_defaults=True):
    """How a note or a frame is written down."""

    id: str
    kind: typing.Literal["note", "frame"]
    x: float
    y: float
    width: float
    height: float
    text: str = ""
    scope: str = ""


def unknown_keys(plain: Mapping[str, Any], form: type[msgspec.Struct]) -> Plain:
    """Return what a form has no field for."""
    return {k: v for k, v in plain.items() if k not in form.__struct_fields__}


def convert(value: Any, form: Any, where: str) -> Any:
    """Check a value against a form; raises `FormatError` with the place."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as e:
        message = str(e).replace(" - at `$", f" - at `{where}")
        raise FormatError(message if "at `" in message else f"{message} - at `{where}`") from None


class Reader:
    """Reads one document's graphs; collects what it does not know in ``extra`` and says so in ``notices``."""

    def __init__(self, extra: Plain | None = None) -> None:
        self.extra: Plain = {} if extra is None else extra
        self.notices: list[str] = []
        self.nodes = 0
        self.wires = 0

    def graph(self, value: Any, scope: str = "", depth: int = 0) -> Graph:
        """Read a graph. Cycles and wires to nowhere are kept: `compile` reports them with fixes."""
        where = f"graph of {scope}" if scope else "graph"
        if depth > MAX_DEPTH:
            raise FormatError(f"blocks are nested more than {MAX_DEPTH} deep")
        form: GraphForm = convert(value, GraphForm, where)
        self.nodes += len(form.nodes)
        self.wires += len(form.wires)
        if self.nodes > MAX_NODES or self.wires > MAX_WIRES:
            raise FormatError(f"there are more than {MAX_NODES:,} nodes or {MAX_WIRES:,} wires")
        wires: dict[Target, Source] = {}
        for source, output, target, port in form.wires:
            if Target(target, port) in wires:
                raise FormatError(f"two wires end at the input {port!r} of ‘{join(scope, target)}’")
            wires[Target(target, port)] = Source(source, output)
        nodes: dict[str, Node] = {}
        for i, plain in enumerate(form.nodes):
            node = self.node(plain, wires, scope, f"{where}, node {i}", depth)
            if node.id in nodes:
                raise FormatError(f"two nodes are called ‘{join(scope, node.id)}’")
            nodes[node.id] = node
        return Graph(nodes, wires)

    def node(self, plain: Plain, wires: Mapping[Target, Source], scope: str, where: str, depth: int) -> Node:
        """Read one node."""
        form: NodeForm = convert(plain, NodeForm, where)
        if not valid_id(form.id):
            raise FormatError(f"{short(form.id)} cannot be the id of a node: an id is made of up to {MAX_ID} letters, "
                              "digits, _ and -")
        path = join(scope, form.id)
        kind = registry().get(form.op)
        kept: Plain = unknown_keys(plain, NodeForm)
        op: Op
        if kind is None or kind is Unknown:
            op = self.unknown(form, wires)
            self.notices.append(f"‘{path}’ is of the kind {form.op!r}, which this version of GraphLab does not know; "
                                "it is kept as it is.")
        else:
            hints = typing.get_type_hints(kind)
            known = {a.name: hints[a.name] for a in kind.attributes()}
            strange = {k: v for k, v in form.attributes.items() if k not in known}
            if strange:
                kept["attributes"] = strange
                self.notices.append(f"‘{path}’ has the attribute{'s' * (len(strange) > 1)} {', '.join(strange)}, which "
                                    "this version of GraphLab does not know; kept, but without effect.")
            op = kind(**{k: self.value(v, known[k], path, k, depth) for k, v in form.attributes.items() if k in known})
        if kept:
            self.extra.setdefault("nodes", {})[path] = kept
        return Node(form.id, op, form.label, form.shares, form.frozen, form.bypassed)

    def unknown(self, form: NodeForm, wires: Mapping[Target, Source]) -> Unknown:
        """Keep an op of another version: its ports are those that wires use."""
        given = dict.fromkeys(s.output for s in wires.values() if s.node == form.id)
        return Unknown(op=form.op, raw=json.dumps(form.attributes, ensure_ascii=False),
                       inputs=tuple(t.port for t in wires if t.node == form.id), given=tuple(given) or ("y",))

    def value(self, value: Any, hint: Any, path: str, name: str, depth: int) -> Any:
        """Read an attribute as its annotation says."""
        if hint is Graph:
            return self.graph(value, path, depth + 1)
        where = f"‘{path}’ needs its attribute {name}"
        return typed(value, hint, where)


def typed(value: Any, hint: Any, where: str) -> Any:
    """Check a plain value against an annotation of ints, floats, bools, strings and tuples of them."""
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise FormatError(f"{where} to be a list; it is {short(value)}")
        kinds = typing.get_args(hint)
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * len(value)
        if len(kinds) != len(value):
            raise FormatError(f"{where} to be a list of {len(kinds)}; it has {len(value)} entries")
        return tuple(typed(v, k, where) for v, k in zip(value, kinds, strict=True))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and (value in NOT_FINITE or (number and math.isfinite(value))):
        return float(value)
    if hint is int and number and value == int(value) and abs(value) <= MAX_INT:
        return int(value)
    if hint in (bool, str) and isinstance(value, hint):
        return value
    words = {int: f"a whole number of at most {MAX_INT:,}", float: "a number", bool: "true or false", str: "a text"}
    raise FormatError(f"{where} to be {words.get(hint, str(hint))}; it is {short(value)}")


def short(value: Any) -> str:
    """Write a strange value briefly."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def write_value(value: Any) -> Any:
    """Turn an attribute into JSON's types; a number that is not finite becomes a text, since JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {k: write_value(v) for k, v in value.items()}
    return [write_value(v) for v in value] if isinstance(value, tuple | list) else value


def write_graph(graph: Graph, extra: Mapping[str, Any] | None = None, scope: str = "") -> Plain:
    """Turn a graph into JSON's types, with what ``extra`` keeps for its nodes."""
    return {"nodes": [write_node(n, extra or {}, scope) for n in graph.nodes.values()],
            "wires": [[s.node, s.output, t.node, t.port] for t, s in graph.wires.items()]}


def write_node(node: Node, extra: Mapping[str, Any], scope: str) -> Plain:
    """Turn a node into JSON's types."""
    path = join(scope, node.id)
    kept: Plain = dict(extra.get("nodes", {}).get(path, {}))
    strange = kept.pop("attributes", {})
    op = node.op
    if isinstance(op, Unknown):
        name, attributes = op.op, json.loads(op.raw)
    else:
        # Defaults are written as well: a later version may have others.
        attributes = {k: write_graph(v, extra, path) if isinstance(v, Graph) else write_value(v)
                      for k, v in op.values().items()}
        name = op.name()
    form = NodeForm(node.id, name, {**attributes, **strange}, node.label, node.shares, node.frozen, node.bypassed)
    return {**msgspec.to_builtins(form), **kept}


def write_places(layout: Mapping[str, Place]) -> Plain:
    """Turn places into [x, y] or [x, y, true] where pinned."""
    return {path: [p.x, p.y, True] if p.pinned else [p.x, p.y] for path, p in layout.items()}


def read_places(value: Any) -> dict[str, Place]:
    """Read places. A coordinate that lies out of every canvas is refused."""
    form = convert(value, dict[str, list[float | bool]], "layout")
    out = {}
    for path, entry in form.items():
        pinned = len(entry) == 3 and entry[2] is True
        if len(entry) - pinned != 2 or not all(_coordinate(v) for v in entry[:2]):
            raise FormatError(f"the place of ‘{path}’ has to be two numbers of at most {MAX_PLACE:g}; "
                              f"it is {short(entry)}")
        out[path] = Place(float(entry[0]), float(entry[1]), pinned)
    return out


def _coordinate(v: Any) -> bool:
    return not isinstance(v, bool) and math.isfinite(v) and abs(v) <= MAX_PLACE


def write_note(note: Note) -> Plain:
    """Turn a note into JSON's types."""
    out: Plain = msgspec.to_builtins(NoteForm(
        note.id, note.kind, note.x, note.y, note.width, note.height, note.text, note.scope))
    return out


def read_notes(value: Any) -> dict[str, Note]:
    """Read notes and frames; ids may not repeat."""
    out: dict[str, Note] = {}
    for form in convert(value, list[NoteForm], "notes"):
        if form.id in out:
            raise FormatError(f"two notes are called ‘{form.id}’")
        if not all(_coordinate(v) for v in (form.x, form.y, form.width, form.height)):
            raise FormatError(f"the note ‘{form.id}’ stands out of every canvas")
        out[form.id] = Note(form.id, form.kind, form.x, form.y, form.width, form.height, form.text, form.scope)
    return out
