"""compile: from a graph to a flat plan, with every mistake named and everything that is right still running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from graphlab.engine.graph import Graph, Input, Node, Output, Parameter, Source, Target, Unknown
from graphlab.engine.loop import Block
from graphlab.engine.op import Fix, Op, ShapeError, Spec, Weight
from graphlab.engine.spec import show_shape
from graphlab.engine.wiring import Face, Problem, SharingError, cycles, face, lender, order, show, stray_wires, unwired

__all__ = ["Plan", "Problem", "Slot", "Step", "compile", "order", "show"]

#: More than anyone can draw, few enough to compile: what unrolled loops and blocks within blocks may come to.
MOST_NODES = 100_000


@dataclass(frozen=True)
class Slot:
    """A tensor of a plan, written once: a step's output, or a stored weight or memory (then ``key`` is set)."""

    index: int
    path: str
    name: str
    spec: Spec
    key: str = ""
    memory: bool = False


@dataclass(frozen=True)
class Step:
    """One line of a plan: an op, the slots it reads by port (None: unwired) and those it writes by output."""

    index: int
    path: str
    node: Node
    inputs: Mapping[str, int | None]
    outputs: Mapping[str, int]
    specs: tuple[Spec | None, ...]
    frozen: bool = False

    @property
    def op(self) -> Op:
        """The op that this step runs."""
        return self.node.op

    @property
    def macs(self) -> int:
        """Multiply-add operations for one sample."""
        return self.op.macs(*self.specs)


@dataclass(frozen=True)
class Plan:
    """Flat steps in an order that works, their slots, and the problems of what had to be left out."""

    graph: Graph
    steps: tuple[Step, ...]
    slots: tuple[Slot, ...]
    weights: Mapping[str, Weight]
    problems: tuple[Problem, ...]
    prefix: str = ""
    #: Path of every node, block or composite that is alive → slots of its outputs.
    where: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: Path of every block and composite that was flattened → the graph inside it.
    scopes: Mapping[str, Graph] = field(default_factory=dict)
    #: Weight key → slot.
    keys: Mapping[str, int] = field(default_factory=dict)

    def step(self, path: str) -> Step | None:
        """Return the step at a path."""
        return self._by_path.get(path)

    @property
    def _by_path(self) -> dict[str, Step]:
        cached: dict[str, Step] | None = self.__dict__.get("_paths")
        if cached is None:
            cached = {s.path: s for s in self.steps}
            self.__dict__["_paths"] = cached
        return cached

    def spec(self, path: str, output: str = "y") -> Spec | None:
        """Return what flows out of a node, or None where it is not alive."""
        slot = self.where.get(path, {}).get(output)
        return None if slot is None else self.slots[slot].spec

    @property
    def inputs(self) -> tuple[Step, ...]:
        """The steps that are fed with data."""
        return tuple(s for s in self.steps if isinstance(s.op, Input))

    def trainable(self) -> tuple[str, ...]:
        """Return the weight keys that training may move: neither memories nor those of frozen nodes alone."""
        used = {s.inputs[p.name] for s in self.steps if not s.frozen for p in s.op.ports() if p.weight}
        return tuple(k for k, slot in self.keys.items() if slot in used and not self.slots[slot].memory)


def compile(graph: Graph, specs: Mapping[str, Spec] | None = None, prefix: str = "") -> Plan:
    """Turn a graph into a plan. Never raises for a user's mistake: see `Plan.problems`.

    ``specs`` overrides what the Inputs say of themselves, by id; ``prefix`` goes before every path.
    """
    return _Compiler(graph, specs or {}, prefix).plan()


class _TooLargeError(Exception):
    """Blocks within blocks can stand for more nodes than fit anywhere; the path says where counting stopped."""


@dataclass
class _Compiler:
    graph: Graph
    specs: Mapping[str, Spec]
    prefix: str
    steps: list[Step] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    weights: dict[str, Weight] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    where: dict[str, dict[str, int]] = field(default_factory=dict)
    scopes: dict[str, Graph] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    owners: dict[str, tuple[str, bool]] = field(default_factory=dict)
    visited: int = 0

    def plan(self) -> Plan:
        try:
            self.scope(self.graph, self.prefix, "", None, False, False)
        except _TooLargeError as e:
            self.problem(str(e), f"The network has more than {MOST_NODES:,} nodes when its blocks and loops are "
                                 f"unrolled; it was left out from ‘{e}’ on. Shorter sequences or fewer copies help.")
        return Plan(self.graph, tuple(self.steps), tuple(self.slots), self.weights, tuple(self.problems),
                    self.prefix, self.where, self.scopes, self.keys)

    def problem(self, path: str, message: str, **more: object) -> None:
        self.problems.append(Problem(path, message, **more))  # type: ignore[arg-type]

    def scope(
        self, graph: Graph, path: str, key: str, fed: Mapping[str, int | None] | None, frozen: bool, shared: bool,
    ) -> dict[str, int]:
        """Emit one graph; ``fed`` are the slots of its Inputs, or None at the top. Return its Outputs' slots."""
        done, left = order(graph)
        faces = {id: face(node) for id, node in graph.nodes.items()}
        self.problems += cycles(graph, path, left)
        self.problems += stray_wires(graph, path, faces)
        for id, node in graph.nodes.items():
            self.faults(node, path + id, faces[id])
        slots: dict[Source, int] = {}
        results: dict[str, int] = {}
        for id in done:
            node = graph.nodes[id]
            self.visited += 1
            if self.visited > MOST_NODES:
                raise _TooLargeError(path + id)
            inputs = {t.port: slots.get(s) for p in faces[id].ports
                      if (s := graph.wires.get(t := Target(id, p.name))) is not None}
            if fed is not None and isinstance(node.op, Input):
                outs = {} if (slot := fed.get(id)) is None else {"y": slot}
            elif fed is not None and isinstance(node.op, Output):
                outs = {} if (slot := inputs.get("x")) is None else {"y": slot}
                results.update((id, s) for s in outs.values())
                if "x" not in inputs:
                    self.problems.append(unwired(graph, path, node, "x"))
            else:
                outs = self.node(graph, path, key, node, faces[id], inputs, frozen or node.frozen, shared)
            self.where[path + id] = outs
            slots |= {Source(id, name): slot for name, slot in outs.items()}
        return results

    def node(
        self, graph: Graph, path: str, key: str, node: Node, face: Face, inputs: dict[str, int | None],
        frozen: bool, shared: bool,
    ) -> dict[str, int]:
        op, here = node.op, path + node.id
        missing = [p.name for p in face.ports if p.data and not p.optional and p.name not in inputs]
        self.problems += [unwired(graph, path, node, name) for name in missing]
        # A block whose input is missing still runs where it does not need it; an op does not.
        if face.faults or ((missing or None in inputs.values()) and not isinstance(op, Block)):
            return {}
        data = tuple(None if (i := inputs.get(p.name)) is None else self.slots[i].spec for p in face.ports if p.data)
        try:
            owner = lender(graph, node)
            shared = shared or owner is not node
            base = key if isinstance(op, Block) else f"{key}{owner.id}/"
            if node.bypassed:
                return self.bypass(node, here, inputs, data)
            if op.composite() and not isinstance(op, Input):
                body = op.body(*data)
                if body is None:
                    raise ShapeError("cannot be run by itself")
                self.scopes[here] = body
                return self.scope(body, here + "/", base, inputs, frozen, shared)
            return self.step(graph, path, base[:-1], node, face, inputs, data, frozen, shared)
        except ShapeError as e:
            self.misfit(graph, here, node, inputs, e)
        except _TooLargeError:
            raise
        except Exception as e:  # an op from another package may fail in any way; the rest has to stay alive
            self.problem(here, f"{show(node)} cannot work out its shape: {type(e).__name__}: {e}.")
        return {}

    def faults(self, node: Node, here: str, face: Face) -> None:
        """Report what is wrong with a node's attributes."""
        wrong = [a for a in node.op.attributes() if a.problem(getattr(node.op, a.name))] if face.faults else []
        fixes = tuple(Fix(f"set {a.name} to {a.default}", "set", here, attributes=((a.name, a.default),))
                      for a in wrong)
        if isinstance(node.op, Unknown):
            fixes = (Fix("remove it", "remove", here),)
        for message in face.faults:
            self.problem(here, f"{show(node)} {message}.", fixes=fixes)

    def bypass(
        self, node: Node, here: str, inputs: Mapping[str, int | None], data: tuple[Spec | None, ...],
    ) -> dict[str, int]:
        op = node.op
        names = op.output_names()
        specs: tuple[Spec | None, ...] = (None,) * len(names)
        try:
            if op.composite():
                trial = _Compiler(self.graph, {}, here + "/", slots=list(self.slots), visited=self.visited)
                made = trial.scope(op.body(*data) or Graph(), here + "/", "", inputs, False, True)
                specs = tuple(trial.slots[made[n]].spec if n in made else None for n in names)
            else:
                out = op.shape(*data)
                specs = out if isinstance(out, tuple) else (out,)
        except ShapeError:
            pass  # what it cannot do switched on does not matter while it is off
        passed: dict[str, int] = {}
        for name, spec in zip(names, specs, strict=True):
            for port in op.ports():
                slot = inputs.get(port.name)
                if port.data and slot is not None and spec in (None, self.slots[slot].spec):
                    passed[name] = slot
                    break
        if not passed:
            need = " and ".join(str(s) for s in specs if s is not None)
            raise ShapeError(f"cannot be bypassed: no input has the shape of its output{need and f', {need}'}",
                             fixes=(Fix("switch it on again", "set", here, attributes=(("bypassed", False),)),))
        return passed

    def step(
        self, graph: Graph, path: str, base: str, node: Node, face: Face, inputs: dict[str, int | None],
        data: tuple[Spec | None, ...], frozen: bool, shared: bool,
    ) -> dict[str, int]:
        op, here = node.op, path + node.id
        if isinstance(op, Input) and path == self.prefix and node.id in self.specs:
            out: Spec | tuple[Spec, ...] = self.specs[node.id]
        else:
            out = op.shape(*data)
        outs = out if isinstance(out, tuple) else (out,)
        wanted = op.weights(*data)
        reads: dict[str, int | None] = {}
        stored: dict[str, tuple[str, bool]] = {}
        for port in face.ports:
            wired, weight = inputs.get(port.name), wanted.get(port.name)
            reads[port.name] = wired
            if port.data or weight is None:
                continue
            if wired is None:
                stored[port.name] = f"{base}.{port.name}", port.memory
                self.agree(f"{base}.{port.name}", weight, shared)
            elif self.slots[wired].spec != Spec(weight.shape):
                origin = graph.nodes[graph.wires[Target(node.id, port.name)].node]
                raise ShapeError(f"needs its {port.name} shaped {show_shape(weight.shape)}", port.name, fixes=(
                    Fix(f"give {origin.name} this shape", "set", path + origin.id,
                        attributes=(("size", weight.shape),)),) if isinstance(origin.op, Parameter) else ())
        # Nothing is written down before everything fits.
        for name, (key, memory) in stored.items():
            if key not in self.keys:
                self.weights[key], self.owners[key] = wanted[name], (here, shared)
                self.keys[key] = self.slot(here, name, Spec(wanted[name].shape), key, memory)
            elif not shared:
                self.owners[key] = (here, False)
            reads[name] = self.keys[key]
        written = {name: self.slot(here, name, spec) for name, spec in zip(face.outputs, outs, strict=True)}
        self.steps.append(Step(len(self.steps), here, node, reads, written, data, frozen))
        return written

    def slot(self, path: str, name: str, spec: Spec, key: str = "", memory: bool = False) -> int:
        self.slots.append(Slot(len(self.slots), path, name, spec, key, memory))
        return len(self.slots) - 1

    def agree(self, key: str, weight: Weight, shared: bool) -> None:
        """Check that a stored weight may be used once more."""
        if key not in self.keys:
            return
        have = self.weights[key].shape
        owner, borrowed = self.owners[key]
        if have != weight.shape:
            raise SharingError(f"shares {key}, which ‘{owner}’ uses shaped {show_shape(have)}, "
                             f"but needs it shaped {show_shape(weight.shape)}")
        if not shared and not borrowed:
            raise SharingError(f"uses the weight {key}, which ‘{owner}’ already owns; one of the two needs another id")

    def misfit(self, graph: Graph, here: str, node: Node, inputs: Mapping[str, int | None], e: ShapeError) -> None:
        came = []
        source = ""
        ports = [e.port] if e.port in inputs else [] if isinstance(e, SharingError) else list(inputs)
        for port in ports:
            slot = inputs[port]
            if slot is None:
                continue
            wire = graph.wires[Target(node.id, port)]
            origin = graph.nodes[wire.node]
            source = source or wire.node
            came.append(f"{show(origin)} gives {self.slots[slot].spec}")
        end = f", but {' and '.join(came)}" if came else ""
        fixes = tuple(replace(f, path=f.path or here) for f in e.fixes)
        self.problem(here, f"{show(node)} {e.message}{end}.", port=e.port, axis=e.axis, fixes=fixes, source=source)
