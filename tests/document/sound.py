"""What holds of every document, whatever edits made it."""

from __future__ import annotations

from graphlab.document.model import Document
from graphlab.document.paths import join, valid_id
from graphlab.engine.loop import Block
from graphlab.engine.plan import compile


def scopes(document: Document, path: str = "") -> list[str]:
    graph = document.scope(path)
    assert graph is not None
    inner = [s for n in graph.nodes.values() if isinstance(n.op, Block) for s in scopes(document, join(path, n.id))]
    return [path, *inner]


def above(path: str) -> list[str]:
    """Return a block and those around it."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:i + 1]) for i in range(len(parts))]


def assert_sound(document: Document) -> None:
    """No wire, place, note or setup entry leads nowhere; ids are valid and, but in shared blocks, unique."""
    paths = []
    seen: list[str] = []
    for scope in scopes(document):
        graph = document.scope(scope)
        assert graph is not None
        for id, node in graph.nodes.items():
            assert id == node.id
            assert valid_id(id)
            paths.append(join(scope, id))
            if not any(document.node(p).shares for p in above(scope)):  # type: ignore[union-attr]
                seen.append(id)
            assert node.shares == "" or node.shares in graph.nodes
        for target, source in graph.wires.items():
            assert target.port in [p.name for p in graph.nodes[target.node].op.ports()]
            assert source.output in graph.nodes[source.node].op.output_names()
    assert len(seen) == len(set(seen))
    assert set(document.layout) <= set(paths)
    assert all(n.scope in scopes(document) for n in document.notes.values())
    assert {p for p, _ in document.setup.feed} <= set(paths)
    assert {p for phase in document.setup.phases for p, _ in phase.losses} <= set(paths)
    compile(document.graph)
