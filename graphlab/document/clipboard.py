"""Copy and paste as text: nodes, their wires and notes as JSON that any text field can carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from graphlab.document.codec import (
    FormatError,
    Plain,
    Reader,
    read_notes,
    read_places,
    write_graph,
    write_note,
    write_places,
)
from graphlab.document.model import Document, Note, Place
from graphlab.document.paths import (
    EditError,
    all_ids,
    free_id,
    fresh_id,
    join,
    node_of,
    rename,
    scope_of,
    stem_of,
    write,
)
from graphlab.engine.graph import Graph, Input, Node, Output, Source, Target
from graphlab.engine.loop import Block
from graphlab.engine.op import Op

MAX_TEXT = 32 * 2**20
_MARK = "graphlab-nodes"
#: How far a copy stands from what it was made of, where nobody says where to put it.
OFFSET = 32.0


@dataclass(frozen=True)
class Pasted:
    """What a paste made: the document, the new ids in it, and the path of every new node by that of its original.

    With ``origin`` a caller can hand the originals' weights to the copies.
    """

    document: Document
    ids: tuple[str, ...]
    origin: Mapping[str, str]


def copy(document: Document, ids: Iterable[str], scope: str = "") -> str:
    """Write nodes and notes as text, with the wires between them and those that come in."""
    graph = scope_of(document, scope)
    chosen = set(ids)
    nodes = {i: n for i, n in graph.nodes.items() if i in chosen}
    notes = [n for i, n in document.notes.items() if i in chosen and n.scope == scope]
    for id in chosen - set(nodes) - {n.id for n in notes}:
        node_of(document, id, scope)
    inner = {t: s for t, s in graph.wires.items() if t.node in nodes and s.node in nodes}
    incoming = {t: s for t, s in graph.wires.items() if t.node in nodes and s.node not in nodes}
    prefix = f"{scope}/" if scope else ""
    under = {p.removeprefix(prefix): place for p, place in document.layout.items()
             if p.startswith(prefix) and p.removeprefix(prefix).split("/")[0] in nodes}
    kept = {p.removeprefix(prefix): k for p, k in document.extra.get("nodes", {}).items() if p.startswith(prefix)}
    within = [replace(n, scope=n.scope.removeprefix(prefix)) for n in document.notes.values()
              if n.scope.startswith(prefix) and n.scope.removeprefix(prefix).split("/")[0] in nodes]
    plain = {
        _MARK: 1, "graph": write_graph(Graph(nodes, inner), {"nodes": kept}), "layout": write_places(under),
        "incoming": [[s.node, s.output, t.node, t.port] for t, s in incoming.items()],
        "notes": [write_note(replace(n, scope="")) for n in notes] + [write_note(n) for n in within],
    }
    return msgspec.json.encode(plain).decode()


def paste(
    document: Document, text: str, at: tuple[float, float] | None = None, scope: str = "", incoming: bool = False,
) -> Pasted:
    """Add what `copy` wrote, with new ids where they are taken; ``at`` is where its top left corner goes.

    ``incoming`` also draws the wires that came into the originals, where their beginnings are still there.
    Raises `EditError` where the text holds no nodes.
    """
    plain, part, layout, notes, extra = _read(text)
    graph = scope_of(document, scope)
    taken = all_ids(document) | set(document.notes)
    names = _Names(taken, graph)
    new = names.graph(part)
    wires = dict(new.wires)
    if incoming:
        for source, output, target, port in plain.get("incoming", []):
            begin = graph.nodes.get(source)
            if begin is not None and output in begin.op.output_names() and target in part.nodes:
                wires[names.end(Target(target, port), part)] = Source(source, output)
    shift = _shift(layout, notes, at)
    to = rename(names.moved)
    places = {join(scope, to(p)): replace(q, x=q.x + shift[0], y=q.y + shift[1]) if "/" not in p else q
              for p, q in layout.items()}
    new_notes = {}
    for note in notes.values():
        fresh_note = free_id(note.id, taken)
        taken.add(fresh_note)
        dx, dy = shift if not note.scope else (0.0, 0.0)
        new_notes[fresh_note] = replace(note, id=fresh_note, x=note.x + dx, y=note.y + dy,
                                        scope=join(scope, to(note.scope)) if note.scope else scope)
    strange = {join(scope, to(p)): k for p, k in extra.get("nodes", {}).items()}
    document = replace(
        document, layout={**document.layout, **places}, notes={**document.notes, **new_notes},
        extra={**document.extra, "nodes": document.extra.get("nodes", {}) | strange} if strange else document.extra)
    document = write(document, scope, Graph({**graph.nodes, **new.nodes}, {**graph.wires, **wires}))
    top = [n for n in new_notes if new_notes[n].scope == scope]
    return Pasted(document, (*new.nodes, *top), {join(scope, to): join(scope, old) for old, to in names.moved.items()})


def duplicate(document: Document, ids: Iterable[str], scope: str = "", incoming: bool = True) -> Pasted:
    """Copy nodes beside themselves, with the wires that come into them unless told otherwise."""
    return paste(document, copy(document, ids, scope), None, scope, incoming)


def _read(text: str) -> tuple[Plain, Graph, dict[str, Place], dict[str, Note], Plain]:
    if len(text) > MAX_TEXT:
        raise EditError(f"The clipboard holds a text of {len(text):,} characters; at most {MAX_TEXT:,} are pasted.")
    extra: Plain = {}
    try:
        plain = msgspec.json.decode(text)
        if not isinstance(plain, dict) or plain.get(_MARK) != 1:
            raise EditError("The clipboard holds no nodes of GraphLab.")
        msgspec.convert(plain.get("incoming", []), list[tuple[str, str, str, str]])
        return (plain, Reader(extra).graph(plain.get("graph")), read_places(plain.get("layout", {})),
                read_notes(plain.get("notes", [])), extra)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise EditError("The clipboard holds no nodes of GraphLab.") from None
    except FormatError as e:
        raise EditError(f"What the clipboard holds cannot be pasted: {e}.") from None


class _Names:
    """Gives nodes, and everything in them, ids that are free; ``moved`` collects the new path of every old one."""

    def __init__(self, taken: set[str], standing: Graph) -> None:
        self.taken = taken
        self.standing = standing
        self.moved: dict[str, str] = {}

    def graph(self, graph: Graph, scope: str = "") -> Graph:
        """Return a graph with new ids; ``scope`` is its old path."""
        made: dict[str, Node] = {}
        # Owners of shared weights first: what shares them needs the same ids inside.
        for node in sorted(graph.nodes.values(), key=lambda n: bool(n.shares)):
            made[node.id] = self.node(node, graph, made, scope)
        return Graph({made[id].id: made[id] for id in graph.nodes},
                     {self.end(t, graph, scope): self.begin(s, graph, scope) for t, s in graph.wires.items()
                      if t.node in made and s.node in made})

    def node(self, node: Node, graph: Graph, made: Mapping[str, Node], scope: str) -> Node:
        """Return a node under a new id."""
        wanted = isinstance(node.op, Input | Output) or node.id not in self.taken
        new = free_id(node.id, self.taken) if wanted else fresh_id(stem_of(node.op), self.taken)
        self.taken.add(new)
        path = join(scope, node.id)
        self.moved[path] = join(self.moved.get(scope, ""), new)
        shares = made[node.shares].id if node.shares in made else (
            node.shares if not scope and node.shares in self.standing.nodes else "")
        op = node.op
        if isinstance(op, Block):
            owner = made[node.shares].op if node.shares in made else op
            if shares:
                self.follow(op.graph, owner, path)
                op = owner
            else:
                op = op.replace(graph=self.graph(op.graph, path))
        return replace(node, id=new, op=op, shares=shares)

    def follow(self, graph: Graph, owner: Op, path: str) -> None:
        """Note the paths in a block whose insides are those of the block that it shares, node by node."""
        inner = owner.graph if isinstance(owner, Block) else graph
        for old, new in zip(graph.nodes.values(), inner.nodes.values(), strict=False):
            self.moved[f"{path}/{old.id}"] = f"{self.moved[path]}/{new.id}"
            if isinstance(old.op, Block):
                self.follow(old.op.graph, new.op, f"{path}/{old.id}")

    def end(self, t: Target, graph: Graph, scope: str = "") -> Target:
        """Return the new target of a wire; a block's ports are called like its Inputs."""
        return Target(self._id(t.node, scope), self._port(t.node, t.port, graph, scope))

    def begin(self, s: Source, graph: Graph, scope: str = "") -> Source:
        """Return the new source of a wire; a block's outputs are called like its Outputs."""
        return Source(self._id(s.node, scope), self._port(s.node, s.output, graph, scope))

    def _id(self, id: str, scope: str) -> str:
        return self.moved[join(scope, id)].rpartition("/")[2]

    def _port(self, id: str, port: str, graph: Graph, scope: str) -> str:
        if not isinstance(graph.nodes[id].op, Block):
            return port
        return self.moved.get(f"{join(scope, id)}/{port}", port).rpartition("/")[2]


def _shift(
    layout: Mapping[str, Place], notes: Mapping[str, Note], at: tuple[float, float] | None,
) -> tuple[float, float]:
    corners = [(p.x, p.y) for path, p in layout.items() if "/" not in path]
    corners += [(n.x, n.y) for n in notes.values() if not n.scope]
    if at is None or not corners:
        return (OFFSET, OFFSET)
    return (at[0] - min(x for x, _ in corners), at[1] - min(y for _, y in corners))
