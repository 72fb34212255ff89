"""What keeps a network that compiles from being trained: no loss, a loss that nobody lowers, data that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

import graphlab.engine.ops  # noqa: F401 - registers every op
from graphlab.document.datasets import load_table
from graphlab.document.model import Document
from graphlab.document.paths import walk
from graphlab.document.wiring import takes
from graphlab.engine.data import DataError, Table, sources
from graphlab.engine.feeding import fitted, suggest
from graphlab.engine.graph import Input
from graphlab.engine.op import Fix, Op, Spec, registry
from graphlab.engine.plan import Plan, Problem, Step
from graphlab.engine.setup import Phase, Setup, loss_nodes

_FIXES = 3
#: The loss that belongs after an op.
_USUAL = {"Softmax": "CrossEntropy", "Sigmoid": "BinaryCrossEntropy", "LogSoftmax": "NLL"}


def advice(document: Document, plan: Plan, table: Table | None) -> tuple[Problem, ...]:
    """Return what has to be mended before training can begin, beside the plan's own problems.

    ``table`` is the data that the setup names, None where they could not be read. A network with nothing to train
    needs no advice.
    """
    if not plan.trainable():
        return ()
    return (*_losses(document, plan), *_feeds(document, plan, table))


def _setup(label: str, **values: object) -> Fix:
    return Fix(label, "set", attributes=tuple(values.items()))


# --- losses -----------------------------------------------------------------------------------------


def _losses(document: Document, plan: Plan) -> Iterator[Problem]:
    setup = document.setup
    named = {path for phase in setup.phases for path, _ in phase.losses}
    for path in sorted(named):
        if path not in plan.where and document.node(path) is None:
            phases = tuple(_without(p, path) for p in setup.phases)
            yield Problem(path, f"Training lowers the loss ‘{path}’, which is not in the network; there are "
                          f"{', '.join(f'‘{n}’' for n in loss_nodes(plan)) or 'no losses'}.",
                          fixes=(_setup(f"train without ‘{path}’", phases=phases),))
    found = loss_nodes(plan)
    if not found and not named & set(plan.where) and all(n.op.category != "Losses" for n in walk(document.graph)):
        yield from _no_loss(plan, setup)
    if setup.phases and all(phase.losses for phase in setup.phases):
        counted = _behind(plan, named)
        for path in found:
            if path not in counted:
                fixes = tuple(_setup(f"lower it in phase ‘{p.name}’", phases=_with(setup, i, path))
                              for i, p in enumerate(setup.phases[:_FIXES]))
                yield Problem(path, f"The loss ‘{path}’ counts in no phase of the training, so nothing lowers it.",
                              fixes=fixes)


def _without(phase: Phase, path: str) -> Phase:
    return replace(phase, losses=tuple(entry for entry in phase.losses if entry[0] != path))


def _with(setup: Setup, index: int, path: str) -> tuple[Phase, ...]:
    phases = list(setup.phases)
    phases[index] = replace(phases[index], losses=(*phases[index].losses, (path, 1.0)))
    return tuple(phases)


def _no_loss(plan: Plan, setup: Setup) -> Iterator[Problem]:
    read = {i for s in plan.steps for i in s.inputs.values()}
    ends = [s for s in plan.steps if not isinstance(s.op, Input) and not read & set(s.outputs.values())]
    if not ends:
        return
    last = ends[-1]
    spec = plan.slots[next(iter(last.outputs.values()))].spec
    kinds = [c for c in registry().values() if c.category == "Losses" and takes(c(), spec)]
    # Losses that classify first where the data have classes.
    classes = (table := _first_row(setup.data.name())) is not None and any(
        c.classes for c in table.columns.values() if c.target)
    single = classes and spec.rank > 1 and spec.shape[-1] == 1
    best = _USUAL.get(last.op.name(), "BinaryCrossEntropy" if single else "SoftmaxCrossEntropy" if classes else "MSE")
    kinds.sort(key=lambda c: (c.name() != best, ("entropy" in f"{c.name()} {c.title}".lower()) != classes))
    node = last.path.split("/")[0]
    yield Problem(node, f"The network has {len(plan.trainable())} tensors to train but no loss to train them by; add "
                  f"one after ‘{node}’.",
                  fixes=tuple(_add_loss(c, node, last) for c in kinds[:_FIXES]))


def _add_loss(kind: type[Op], node: str, last: Step) -> Fix:
    logits = kind.name() == "BinaryCrossEntropy" and last.op.name() != "Sigmoid"
    return Fix(f"add {kind.title} after ‘{node}’", "add", node, op=kind.name(),
               attributes=(("takes", "logits"),) if logits else ())


# --- data -------------------------------------------------------------------------------------------


def _feeds(document: Document, plan: Plan, table: Table | None) -> Iterator[Problem]:
    setup = document.setup
    if table is None:
        if plan.inputs:
            step = plan.inputs[0]
            yield Problem(step.path, f"The Input ‘{step.node.name}’ has no data to take in: {setup.data.title} gives "
                          "none.", fixes=_other_data(plan, step, setup))
        return
    row = table.take(np.arange(min(table.n, 1)))
    given = dict(setup.feed)
    for path in given:
        if plan.spec(path) is None and document.node(path) is None:
            feed = tuple(f for f in setup.feed if f[0] != path)
            yield Problem(path, f"The column ‘{given[path]}’ is fed to ‘{path}’, which is not in the network.",
                          fixes=(_setup("feed it no more", feed=feed),))
    for step in plan.inputs:
        wrong = _misfit(plan, step, row, given.get(step.path, ""))
        if wrong:
            yield Problem(step.path, wrong, fixes=_mend(plan, step, row, setup))


def _misfit(plan: Plan, step: Step, row: Table, source: str) -> str:
    """Say why an Input cannot be fed, or nothing; the sentence names the Input and the column."""
    spec = _spec(plan, step)
    if source.startswith(("noise:", "fill:")):
        return "" if spec.kind == "real" else (f"The Input ‘{step.node.name}’ takes {spec.kind} numbers, but {source} "
                                              "makes real ones.")
    try:
        if not source:
            suggest(plan, step, row)
        elif source in row.columns:
            fitted(row.columns[source], spec, (source, step.node.name))
        else:
            return (f"The Input ‘{step.node.name}’ is fed from the column ‘{source}’, which the data do not have; they "
                    f"have {', '.join(row.columns)}.")
    except DataError as e:
        return str(e)
    return ""


def _spec(plan: Plan, step: Step) -> Spec:
    return plan.slots[step.outputs["y"]].spec


def _mend(plan: Plan, step: Step, row: Table, setup: Setup) -> tuple[Fix, ...]:
    rest = tuple(f for f in setup.feed if f[0] != step.path)
    fixes = [_setup(f"feed the column ‘{name}’", feed=(*rest, (step.path, name)))
             for name in row.columns if not _misfit(plan, step, row, name)]
    source = dict(setup.feed).get(step.path, "")
    column = row.columns.get(source) or next((c for c in row.columns.values() if not c.target), None)
    if column is not None and "/" not in step.path:
        size = "×".join(map(str, column.size)) or "one number"
        fixes.append(Fix(f"give ‘{step.node.name}’ the size {size}", "set", step.path,
                         attributes=(("size", column.size), ("kind", column.kind))))
    return (*fixes[:_FIXES], *_other_data(plan, step, setup)[:_FIXES])


def _other_data(plan: Plan, step: Step, setup: Setup) -> tuple[Fix, ...]:
    """Propose data sets that come with GraphLab whose features fit the Input."""
    rest = tuple(f for f in setup.feed if f[0] != step.path)
    return tuple(
        _setup(f"use the data set {kind.title}", data=kind(), feed=rest) for name, kind in sources().items()
        if name != setup.data.name() and (row := _first_row(name)) is not None and not _misfit(plan, step, row, ""))


@lru_cache(maxsize=64)
def _first_row(name: str) -> Table | None:
    """Return a sample of a data set at its defaults; None where it needs a file that is not chosen yet."""
    try:
        return load_table(sources()[name]()).take(np.arange(1))
    except (DataError, OSError, ValueError, KeyError):
        return None


def _behind(plan: Plan, named: set[str]) -> set[str]:
    """Return some nodes and all that they are computed from: a loss that is part of a sum counts with it."""
    wanted = {slot for path in named for slot in plan.where.get(path, {}).values()}
    out = set(named)
    for step in reversed(plan.steps):
        if wanted & set(step.outputs.values()):
            out.add(step.path)
            wanted |= {slot for slot in step.inputs.values() if slot is not None}
    return out
