"""What the inspector looks at: a node, how far the debugger has come with it, and its arrays."""

from __future__ import annotations

from dataclasses import dataclass

from graphlab.engine.graph import Input, Node
from graphlab.engine.op import Array
from graphlab.engine.plan import Plan, Step
from graphlab.engine.record import Record
from graphlab.engine.run import Run
from graphlab.ui.player import Stage
from graphlab.ui.session import Session


@dataclass(frozen=True)
class Shown:
    """One array of a node as far as the cursor has come, and its gradient.

    ``key`` is that of a stored weight. ``source`` is the path, ``output`` the name of what an input was computed as.
    ``partial`` says in words that terms of the gradient are still missing.
    """

    name: str
    role: str
    value: Array | None = None
    gradient: Array | None = None
    editable: bool = False
    key: str = ""
    source: str = ""
    output: str = ""
    partial: str = ""


@dataclass(frozen=True)
class Subject:
    """A node under inspection. ``step`` is None for blocks and for nodes that do not run."""

    path: str
    node: Node
    editable: bool
    stage: Stage
    plan: Plan
    step: Step | None = None
    run: Run | None = None
    record: Record | None = None

    @property
    def name(self) -> str:
        """What people call the node."""
        return self.node.name


def current_path(session: Session) -> str:
    """Return the selected node, or where the debugger stands; '' for neither."""
    if session.selection:
        return session.selection[0]
    position = session.player.position
    return "" if position is None else position.path


def find(session: Session, path: str) -> Subject | None:
    """Return the node at a path, in the document or inside of an op that runs; None where there is none."""
    if not path:
        return None
    player, run = session.player, session.player.run
    owner = None if run is None else run.owner(path)
    plan = session.plan if owner is None else owner.plan
    step = plan.step(path)
    node = session.document.node(path)
    editable = node is not None
    if node is None:
        outer, _, id = path.rpartition("/")
        graph = plan.scopes.get(outer, plan.graph if plan.prefix == f"{outer}/" else None)
        node = step.node if step is not None else None if graph is None else graph.nodes.get(id)
    if node is None:
        return None
    stage = player.stage(path)
    record = None if stage == "none" else player.record(path)
    return Subject(path, node, editable, stage, plan, step, owner, record)


def arrays(session: Session, subject: Subject) -> list[Shown]:
    """List what the debugger has reached of a node: inputs, weights, outputs, kept arrays, with their gradients.

    Weights and the data of Inputs are there before anything has run.
    """
    out = [s for s in _inputs(session, subject) if s.value is not None]
    out += _outputs(session, subject)
    if subject.record is not None:
        out += [Shown(name, "kept for backward", value) for name, value in subject.record.kept.items()]
    return out


def _inputs(session: Session, subject: Subject) -> list[Shown]:
    step, record = subject.step, subject.record
    if step is None:
        return []
    out = []
    for port in step.op.ports():
        index = step.inputs.get(port.name)
        slot = None if index is None else subject.plan.slots[index]
        key = slot.key if slot is not None else ""
        value = record.inputs.get(port.name) if record is not None else None
        if value is None and key:
            value = session.weights.get(key)
        gradient = record.gradients.get(port.name) if record is not None and subject.stage == "backward" else None
        role = "memory" if port.memory else "weight" if port.weight else "input"
        source = "" if slot is None or key else slot.path
        out.append(Shown(port.name, role, value, gradient, bool(key) and key in session.weights, key, source,
                         slot.name if slot is not None else ""))
    return out


def _outputs(session: Session, subject: Subject) -> list[Shown]:
    path, record, player = subject.path, subject.record, session.player
    fed = isinstance(subject.node.op, Input) and subject.path in {s.path for s in session.plan.inputs}
    if record is None and fed:
        return [Shown("y", "data", session.feeds().get(path), editable=True)]
    names = record.outputs if record is not None else subject.plan.where.get(path, {})
    out = []
    for name in names:
        value = record.outputs.get(name) if record is not None else player.value(path, name)
        gradient = player.gradient(path, name)
        if value is not None:
            out.append(Shown(name, "data" if fed else "output", value, gradient, editable=fed,
                             partial=_missing(session, subject, name) if gradient is not None else ""))
    return out


def _missing(session: Session, subject: Subject, name: str) -> str:
    """Say how many terms of a sum are still on their way back."""
    run = subject.run
    slot = None if run is None else run.plan.where.get(subject.path, {}).get(name)
    if run is None or slot is None:
        return ""
    terms = run.terms.get(slot, [])
    here = sum(not t.path or session.player.stage(t.path) == "backward" for t in terms)
    return "" if here == len(terms) else f"{here} of {len(terms)} terms have arrived; step on to add the others."


def label_of(session: Session, path: str) -> str:
    """Return what people call the node at a path, or the end of the path where it is none of the document's."""
    node = session.document.node(path)
    return node.name if node is not None else path.rpartition("/")[2]
