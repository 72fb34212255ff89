"""Whether a wire fits, in words, and which ops fit at its end; fast enough to ask while a wire is dragged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import graphlab.engine.ops  # noqa: F401 - registers every op
from graphlab.document.edits import connect, downstream
from graphlab.document.model import Document
from graphlab.document.paths import EditError, join, node_of, scope_of
from graphlab.engine.graph import Graph, Input, Node, Output, Source, Target, Unknown
from graphlab.engine.loop import Block, Loop
from graphlab.engine.op import Batch, Op, Spec, registry
from graphlab.engine.plan import Plan, Problem, compile, show


def check_connection(document: Document, source: Source, target: Target, scope: str = "") -> str:
    """Say why a wire cannot be drawn, with the expected and the actual shape; '' where it can.

    What it would upset further down the network is not counted: that shows there once the wire is drawn.
    """
    source, target = Source(*source), Target(*target)
    graph = scope_of(document, scope)
    try:
        begin, end = node_of(document, source.node, scope), node_of(document, target.node, scope)
        if source.node in (after := downstream(graph, target.node)):
            if begin is end:
                return f"{show(begin)} cannot read its own output: the network runs from inputs to outputs."
            between = len(after & {n for n in graph.nodes if source.node in downstream(graph, n)}) - 2
            through = f" through {between} node{'s' * (between != 1)}" if between else ""
            return (f"{show(end)} already leads to {show(begin)}{through}; a wire back would form a cycle, "
                    "and a network has to run from inputs to outputs.")
        tentative = connect(document, source, target, scope)
    except EditError as e:
        return str(e)
    before = {(p.path, p.message) for p in compile(document.graph).problems}
    return next((p.message for p in compile(tentative.graph).problems
                 if (p.path, p.message) not in before and _blames(p, join(scope, target.node), target)), "")


def _blames(problem: Problem, path: str, target: Target) -> bool:
    if _unwired(problem):
        return False
    if problem.path == path:
        return problem.port in ("", target.port)
    return problem.path.startswith(f"{path}/")


def _unwired(problem: Problem) -> bool:
    return not problem.source and any(f.kind in ("connect", "add") for f in problem.fixes)


#: Shapes that a new op is tried with where nothing says what will flow into it.
_USUAL = (Spec((Batch(1), 16)), Spec((Batch(1), 8, 16)), Spec((Batch(1), 3, 16, 16)), Spec((Batch(1),), "index"))


def _flow(op: Op, specs: Iterable[Spec | None]) -> Spec | None:
    """Return what an op's first output would be for these data inputs, or None where it refuses them."""
    nodes, wires = {"op": Node("op", op)}, {}
    given = {}
    for port, spec in zip((p for p in op.ports() if p.data), specs, strict=False):
        if spec is not None:
            nodes[f"in_{port.name}"] = Node(f"in_{port.name}", Input())
            given[f"in_{port.name}"] = spec
            wires[Target("op", port.name)] = Source(f"in_{port.name}")
    plan = compile(Graph(nodes, wires), given)
    names = op.output_names()
    return plan.spec("op", names[0]) if names and not plan.problems else None


def _candidates() -> list[type[Op]]:
    return [c for c in registry().values() if not issubclass(c, Unknown | Block | Loop)]


def takes(op: Op, spec: Spec) -> bool:
    """Tell whether the first data input of an op can take ``spec``, whatever its others get."""
    ports = [p for p in op.ports() if p.data]
    if not ports or op.problems():
        return False
    needed = [not p.optional for p in ports]
    others: list[Spec | None] = [spec, *_USUAL] if sum(needed) > 1 else [None]
    return any(_flow(op, [spec, *(o if n else None for n in needed[1:])]) is not None for o in others)


def compatible_ops(
    document: Document, end: Source | Target, scope: str = "", plan: Plan | None = None,
) -> list[type[Op]]:
    """Return the ops, at their defaults, that a wire from ``end`` can be drawn to (a Source) or from (a Target).

    ``plan`` is the compiled document, where the caller has it. Where a shape is unknown, because the network is
    not finished there, everything with a port is offered.
    """
    plan = plan or compile(document.graph)
    path = join(scope, end.node)
    if isinstance(end, Source):
        spec = plan.spec(path, end.output)
        if spec is None:
            return [c for c in _candidates() if any(p.data for p in c().ports())]
        return [c for c in _candidates() if takes(c(), spec)]
    accepted: dict[Spec, bool] = {}

    def fits(spec: Spec | None) -> bool:
        if spec is None:
            return False
        if spec not in accepted:
            accepted[spec] = accepts(document, end, spec, scope, plan)
        return accepted[spec]

    flowing = {s for n, outs in plan.where.items() if n.rpartition("/")[0] == scope
               for s in (plan.slots[i].spec for i in outs.values())}
    usual = [*_USUAL, *sorted(flowing, key=str)[:8]]
    return [c for c in _candidates() if c is not Output and c().output_names() and _gives(c(), usual, fits)]


def accepts(document: Document, target: Target, spec: Spec, scope: str = "", plan: Plan | None = None) -> bool:
    """Tell whether a value of this shape could flow into a port, beside what its node receives already."""
    plan = plan or compile(document.graph)
    node, port = node_of(document, target.node, scope), target.port
    wires = scope_of(document, scope).wires
    known = {p.name: None if (s := wires.get(Target(node.id, p.name))) is None or p.name == port
             else plan.spec(join(scope, s.node), s.output) for p in node.op.ports() if p.data}
    if port not in known:
        weights = node.op.weights(*known.values()) if all(known.values()) else {}
        return port not in weights or weights[port].shape == spec.shape
    specs = {**known, port: spec}
    missing = any(specs[p.name] is None for p in node.op.ports() if p.data and not p.optional)
    fill = [spec, *_USUAL] if missing else [spec]
    required = {p.name for p in node.op.ports() if p.data and not p.optional}
    return any(_flow(node.op, [f if specs[n] is None and n in required else specs[n] for n in specs]) is not None
               for f in fill)


def _gives(op: Op, usual: Iterable[Spec], fits: Callable[[Spec | None], bool]) -> bool:
    if op.problems():
        return False
    ports = [p for p in op.ports() if p.data]
    if not ports:
        # Its size is the user's to choose, so that some Input, Parameter or Constant always fits.
        return True
    return any(fits(_flow(op, [None if p.optional else s for p in ports])) for s in usual)
