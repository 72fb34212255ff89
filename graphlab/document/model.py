"""The document as a value: the graph, where its nodes stand, how it is trained, and what was written beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from graphlab.engine.graph import Graph, Node, Source, Target
from graphlab.engine.loop import Block
from graphlab.engine.train import Setup


@dataclass(frozen=True)
class Place:
    """Where a card stands, in scene pixels of its top left corner. Layout leaves a ``pinned`` one alone."""

    x: float
    y: float
    pinned: bool = False


@dataclass(frozen=True)
class Note:
    """A text on the canvas, or a titled frame around nodes. ``scope`` is the block it stands in ('' at the top)."""

    id: str
    kind: Literal["note", "frame"]
    x: float
    y: float
    width: float
    height: float
    text: str = ""
    scope: str = ""


@dataclass(frozen=True)
class Document:
    """All that a file holds but the weights. Immutable: an edit returns another one.

    ``layout`` goes by the path of the node (``block/fc``); ``extra`` keeps what this version does not understand.
    """

    graph: Graph = field(default_factory=Graph)
    layout: Mapping[str, Place] = field(default_factory=dict)
    setup: Setup = field(default_factory=Setup)
    notes: Mapping[str, Note] = field(default_factory=dict)
    title: str = ""
    text: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def scope(self, path: str) -> Graph | None:
        """Return the graph inside the block at ``path`` ('' is the top), or None where there is no block."""
        graph = self.graph
        for id in path.split("/") if path else ():
            node = graph.nodes.get(id)
            if node is None or not isinstance(node.op, Block):
                return None
            graph = node.op.graph
        return graph

    def node(self, path: str) -> Node | None:
        """Return the node at a path, going into blocks."""
        scope, _, id = path.rpartition("/")
        graph = self.scope(scope)
        return None if graph is None else graph.nodes.get(id)

    def with_scope(self, path: str, graph: Graph) -> Document:
        """Return the document with the graph inside the block at ``path`` replaced."""
        if not path:
            return replace(self, graph=graph)
        outer, _, id = path.rpartition("/")
        around = self.scope(outer)
        if around is None or id not in around.nodes:
            raise KeyError(f"there is no block {path!r}")
        node = around.nodes[id]
        nodes = {**around.nodes, id: replace(node, op=node.op.replace(graph=graph))}
        return self.with_scope(outer, replace(around, nodes=nodes))


@dataclass(frozen=True)
class Change:
    """What differs between two documents in one scope; a view refreshes from this and nothing else.

    ``nodes_changed`` are those whose node value differs (op, label, flags); ``moved`` those with another place.
    """

    scope: str
    nodes_added: tuple[str, ...] = ()
    nodes_removed: tuple[str, ...] = ()
    nodes_changed: tuple[str, ...] = ()
    wires_added: tuple[tuple[Target, Source], ...] = ()
    wires_removed: tuple[tuple[Target, Source], ...] = ()
    moved: tuple[str, ...] = ()
    notes_added: tuple[str, ...] = ()
    notes_removed: tuple[str, ...] = ()
    notes_changed: tuple[str, ...] = ()
    setup: bool = False
    title: bool = False

    @property
    def structure(self) -> bool:
        """Whether the network itself differs, rather than where things stand."""
        return bool(self.nodes_added or self.nodes_removed or self.nodes_changed or self.wires_added
                    or self.wires_removed)


def diff(old: Document, new: Document, scope: str = "") -> Change:
    """Compare two documents in one scope; a scope that one of them lacks counts as empty there."""
    a, b = old.scope(scope) or Graph(), new.scope(scope) or Graph()
    prefix = f"{scope}/" if scope else ""
    both = [n for n in b.nodes if n in a.nodes]
    notes_a = {i: n for i, n in old.notes.items() if n.scope == scope}
    notes_b = {i: n for i, n in new.notes.items() if n.scope == scope}
    return Change(
        scope,
        nodes_added=tuple(n for n in b.nodes if n not in a.nodes),
        nodes_removed=tuple(n for n in a.nodes if n not in b.nodes),
        nodes_changed=tuple(n for n in both if a.nodes[n] is not b.nodes[n] and a.nodes[n] != b.nodes[n]),
        wires_added=tuple((t, s) for t, s in b.wires.items() if a.wires.get(t) != s),
        wires_removed=tuple((t, s) for t, s in a.wires.items() if b.wires.get(t) != s),
        moved=tuple(n for n in both if old.layout.get(prefix + n) != new.layout.get(prefix + n)),
        notes_added=tuple(i for i in notes_b if i not in notes_a),
        notes_removed=tuple(i for i in notes_a if i not in notes_b),
        notes_changed=tuple(i for i in notes_b if i in notes_a and notes_a[i] != notes_b[i]),
        setup=old.setup != new.setup,
        title=(old.title, old.text) != (new.title, new.text),
    )
