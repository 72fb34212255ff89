"""Carrying out the fixes that problems propose, wherever in the document the problem is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import graphlab.engine.ops  # noqa: F401 - registers every op
from graphlab.document.edits import (
    STEP_X,
    STEP_Y,
    EditError,
    add_after,
    add_node,
    connect,
    disconnect,
    insert_on_wire,
    remove,
    replace_setup,
    set_attributes,
)
from graphlab.document.model import Document, Place
from graphlab.document.paths import join, node_of, scope_of, write
from graphlab.document.wiring import accepts
from graphlab.engine.graph import Input, Source, Target
from graphlab.engine.op import Batch, Fix, Op, Spec, registry
from graphlab.engine.plan import compile
from graphlab.engine.setup import loss_nodes

#: What a fix may set on a node besides its op's attributes.
_FLAGS = ("bypassed", "frozen", "shares", "label")


def apply_fix(document: Document, fix: Fix) -> Document:
    """Mend the document as a fix says. Raises `EditError` where the fix no longer fits what is drawn.

    A fix with an empty path sets the training setup.
    """
    if not fix.path:
        return replace_setup(document, document.setup.replace(**dict(fix.attributes)))
    scope, _, id = fix.path.rpartition("/")
    if document.scope(scope) is None:
        raise EditError(f"‘{fix.path}’ lies inside an operation, which cannot be edited; change the operation’s "
                        "attributes or what is wired into it.")
    target = Target(id, fix.port)
    match fix.kind:
        case "insert":
            return _insert(document, target, _op(fix), scope)
        case "set":
            return _set(document, id, dict(fix.attributes), scope)
        case "disconnect":
            return disconnect(document, target, scope)
        case "connect":
            if fix.source is None:
                raise EditError(f"The fix “{fix.label}” does not say where its wire begins.")
            return connect(document, Source(*fix.source), target, scope)
        case "add":
            return _add(document, target, _op(fix), scope, sized="size" not in dict(fix.attributes))
        case "remove":
            return remove(document, [id], scope)


def _op(fix: Fix) -> Op:
    kind = registry().get(fix.op)
    if kind is None:
        raise EditError(f"The fix “{fix.label}” needs the operation {fix.op!r}, which this version does not have.")
    return kind(**dict(fix.attributes))


def _set(document: Document, id: str, values: dict[str, Any], scope: str) -> Document:
    flags = {k: values.pop(k) for k in _FLAGS if k in values}
    if flags:
        graph = scope_of(document, scope)
        node = replace(node_of(document, id, scope), **flags)
        document = write(document, scope, replace(graph, nodes={**graph.nodes, id: node}))
    return set_attributes(document, id, values, scope) if values else document


def _insert(document: Document, target: Target, op: Op, scope: str) -> Document:
    if target in scope_of(document, scope).wires:
        return insert_on_wire(document, target, op, scope)[0]
    return _add(document, target, op, scope, sized=False)


def _add(document: Document, target: Target, op: Op, scope: str, sized: bool) -> Document:
    """Add an op before a port, or after a node; a loss also receives an Input for what it compares with."""
    node_of(document, target.node, scope)
    if target.port:
        at = document.layout.get(join(scope, target.node), Place(0.0, 0.0))
        op = _sized(document, target, op, scope) if sized and isinstance(op, Input) else op
        row = _row(document, at, scope)
        document, new = add_node(document, op, at.x - STEP_X, row, scope)
        return connect(document, Source(new, op.output_names()[0]), target, scope)
    losses = loss_nodes(compile(document.graph))
    document, new = add_after(document, target.node, op, scope)
    for port in op.ports()[1:]:
        if port.data and not port.optional:
            document = _add(document, Target(new, port.name), Input(), scope, sized=True)
    return _lower(document, join(scope, new), losses) if op.category == "Losses" else document


def _row(document: Document, at: Place, scope: str) -> float:
    """Find a free height in the column before a card."""
    column = [p.y for n in scope_of(document, scope).nodes
              if (p := document.layout.get(join(scope, n))) is not None and abs(p.x - (at.x - STEP_X)) < STEP_X / 2]
    y = at.y
    while any(abs(y - other) < STEP_Y / 2 for other in column):
        y += STEP_Y
    return y


def _lower(document: Document, path: str, before: tuple[str, ...]) -> Document:
    """Let training lower a new loss, where the phases name their losses."""
    setup = document.setup
    named = [p.losses for p in setup.phases]
    if not any(named) or len(named) != 1 or (before and not named[0]):
        return document
    phase = replace(setup.phases[0], losses=(*named[0], (path, 1.0)))
    return replace_setup(document, setup.replace(phases=(phase,)))


def _sized(document: Document, target: Target, op: Input, scope: str) -> Input:
    """Give a new Input the first usual size and kind that its port accepts."""
    for spec in _likely(document, target, scope):
        if accepts(document, target, spec, scope):
            size = tuple(d for d in spec.shape[1:] if isinstance(d, int))
            return op.replace(size=size, kind=spec.kind)
    return op


def _likely(document: Document, target: Target, scope: str) -> Iterator[Spec]:
    plan = compile(document.graph)
    others = [spec for t, s in scope_of(document, scope).wires.items() if t.node == target.node
              and (spec := plan.spec(join(scope, s.node), s.output)) is not None and spec.batched]
    yield from (Spec(s.shape[:-1], "index") for s in others if s.rank > 1)
    yield from others
    yield Spec((Batch(1),), "index")
    yield from (Spec((Batch(1), *size)) for size in ((2,), (8, 4), (1, 28, 28)))
