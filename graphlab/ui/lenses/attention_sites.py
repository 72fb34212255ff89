"""Where a plan attends: its attention ops and scores, what they read, and which tokens stand behind their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphlab.engine.graph import Graph, Target
from graphlab.engine.op import Op
from graphlab.engine.ops.activations import Softmax
from graphlab.engine.ops.algebra import MatMul
from graphlab.engine.ops.attention import MaskScores, ScaledDotProductAttention
from graphlab.engine.ops.heads import AttentionScores
from graphlab.engine.ops.regularise import Dropout
from graphlab.engine.plan import Plan, Step
from graphlab.ui.lenses.view import View


@dataclass(frozen=True)
class Site:
    """One attention of a plan: its path, its op, and the slots it reads.

    A fused op has its stages inside. Of `AttentionScores` the steps that follow are named by stage: ``masked``,
    ``weights``, ``dropout``, ``context``.
    """

    path: str
    op: Op
    q: int
    k: int
    v: int | None
    mask: int | None = None
    stages: tuple[tuple[str, str], ...] = ()
    #: What the weights sum to one over: the keys, or in a form that some notes have, the queries.
    over: str = "keys"

    @property
    def fused(self) -> bool:
        """Whether one op does it all."""
        return isinstance(self.op, ScaledDotProductAttention)


def sites(plan: Plan, path: str = "") -> list[Site]:
    """Return the attentions at a path and inside of it, in the plan's order; those of the whole plan for ''."""
    found: dict[str, Site] = {}
    for step in plan.steps:
        if isinstance(step.op, ScaledDotProductAttention):
            q, k, v, mask = (step.inputs[p] for p in ("q", "k", "v", "mask"))
            if q is not None and k is not None:
                found[step.path] = Site(step.path, step.op, q, k, v, mask, over=step.op.over)
    for here, op in composites(plan, AttentionScores):
        q, k = slot_into(plan, here, "q"), slot_into(plan, here, "k")
        if q is not None and k is not None and plan.where.get(here):
            found[here] = scored(plan, here, op, q, k)
    order = {s.path: s.index for s in plan.steps}
    first = {p: min((i for s, i in order.items() if s == p or s.startswith(p + "/")), default=0) for p in found}
    return [found[p] for p in sorted(found, key=lambda p: first[p]) if not path or p == path or (
        p.startswith(path + "/"))]


def attending(view: View) -> list[str]:
    """Return every path that has an attention at it or inside of it; the pattern that the lens is offered for."""
    out: dict[str, None] = {}
    for site in sites(view.plan):
        parts = site.path.split("/")
        out |= dict.fromkeys("/".join(parts[:i]) for i in range(1, len(parts) + 1))
        out |= dict.fromkeys(path for _, path in site.stages)
    return list(out)


def composites(plan: Plan, kind: type[Op]) -> Iterator[tuple[str, Op]]:
    """Walk over the nodes of a kind that the plan has flattened, with their paths."""
    for scope, graph in (("", plan.graph), *plan.scopes.items()):
        for id, node in graph.nodes.items():
            if isinstance(node.op, kind):
                yield (f"{scope}/{id}" if scope else id), node.op


def scope_of(plan: Plan, path: str) -> tuple[Graph | None, str, str]:
    """Return the graph in which a node stands, that graph's path, and the node's id."""
    scope, _, id = path.rpartition("/")
    return (plan.scopes.get(scope) if scope else plan.graph), scope, id


def slot_into(plan: Plan, path: str, port: str) -> int | None:
    """Return the slot that a wire brings into a port, also of an op that was flattened."""
    graph, scope, id = scope_of(plan, path)
    source = None if graph is None else graph.wires.get(Target(id, port))
    if source is None:
        return None
    return plan.where.get(f"{scope}/{source.node}" if scope else source.node, {}).get(source.output)


def scored(plan: Plan, path: str, op: Op, q: int, k: int) -> Site:
    """Follow what becomes of scores: a mask, softmax, dropout, and the product with the values."""
    slot, stages, v, mask, over = plan.where[path]["y"], [], None, None, "keys"
    kinds = {MaskScores: "masked", Softmax: "weights", Dropout: "dropout"}
    while (step := reader(plan, slot, *kinds)) is not None:
        stages.append((next(n for c, n in kinds.items() if isinstance(step.op, c)), step.path))
        mask = step.inputs.get("mask") if isinstance(step.op, MaskScores) else mask
        over = "queries" if isinstance(step.op, Softmax) and step.op.axis in (1, -2) else over
        slot = step.outputs["y"]
    last = reader(plan, slot, MatMul) if stages else None
    if last is not None and last.inputs["a"] == slot:
        stages.append(("context", last.path))
        v = last.inputs["b"]
    return Site(path, op, q, k, v, mask, tuple(stages), over)


def reader(plan: Plan, slot: int, *kinds: type[Op]) -> Step | None:
    """Return the first step of some kinds that reads a slot."""
    return next((s for s in plan.steps if isinstance(s.op, kinds) and slot in s.inputs.values()), None)


# --- tokens ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tokens:
    """The Input whose tokens stand behind the rows of a tensor, and the words that its numbers mean."""

    path: str
    words: tuple[str, ...]


def tokens(view: View, slot: int, length: int) -> Tokens | None:
    """Return the nearest Input of tokens, one a place of a sequence, that a slot was made from; None without one."""
    plan = view.plan
    writers = {slot: s for s in plan.steps for slot in s.outputs.values()}
    seen, here = {slot}, [slot]
    while here:
        following = []
        for at in here:
            step = writers.get(at)
            if step is None:
                continue
            spec = plan.slots[at].spec
            if step in plan.inputs and spec.kind == "index" and spec.shape[1:] == (length,):
                return Tokens(step.path, vocabulary(view, step.path))
            following += [s for s in step.inputs.values() if s is not None and s not in seen]
            seen.update(following)
        here = following
    return None


def vocabulary(view: View, path: str) -> tuple[str, ...]:
    """Return what the numbers of an Input mean, as the column says that feeds it; nothing where none does."""
    prepared = view.session.prepared
    column = None if prepared is None else prepared.table.columns.get(prepared.columns.get(path, ""))
    return () if column is None or column.kind != "index" else column.classes


def answer(view: View, length: int) -> tuple[str, str, tuple[str, ...]] | None:
    """Return where the network says a word for every query: path, output and the words; None where it does not."""
    plan = view.plan
    for path in view.session.loss_nodes():
        step = plan.step(path)
        if step is None or step.op.category != "Losses":
            continue
        said, right = (*step.inputs.values(), None, None)[:2]
        if said is None or right is None:
            continue
        spec, target = plan.slots[said].spec, plan.slots[right]
        if spec.rank == 3 and spec.shape[1] == length and target.spec.kind == "index":
            words = vocabulary(view, target.path)
            if len(words) == spec.shape[2]:
                return plan.slots[said].path, plan.slots[said].name, words
    return None
