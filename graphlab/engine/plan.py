"""compile: from a graph to a flat plan, with every mistake named and everything that is right still running."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from graphlab.engine.graph import Graph, Input, Node, Output, Source, Target, Unknown
from graphlab.engine.loop import Block
from graphlab.engine.op import Fix, Op, ShapeError, Spec, Weight
from graphlab.engine.spec import Kind, show_shape


@dataclass(frozen=True)
class Problem:
    """What is wrong, as a sentence with both ends and both shapes; where; and what would mend it."""

    path: str
    message: str
    port: str = ""
    axis: int | None = None
    fixes: tuple[Fix, ...] = ()
    source: str = ""


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


def order(graph: Graph) -> tuple[list[str], list[str]]:
    """Sort nodes so that each comes after what it reads; also return those on or behind a cycle, left out."""
    waiting = {n: set[str]() for n in graph.nodes}
    readers: dict[str, list[str]] = {n: [] for n in graph.nodes}
    for target, source in graph.wires.items():
        if target.node in waiting and source.node in waiting and source.node not in waiting[target.node]:
            waiting[target.node].add(source.node)
            readers[source.node].append(target.node)
    rank = {n: i for i, n in enumerate(graph.nodes)}
    count = {n: len(w) for n, w in waiting.items()}
    ready = [(rank[n], n) for n, c in count.items() if c == 0]
    heapq.heapify(ready)
    done: list[str] = []
    while ready:
        _, n = heapq.heappop(ready)
        done.append(n)
        for r in readers[n]:
            count[r] -= 1
            if count[r] == 0:
                heapq.heappush(ready, (rank[r], r))
    placed = set(done)
    return done, [n for n in graph.nodes if n not in placed]


def on_cycle(graph: Graph, left: list[str]) -> list[str]:
    """Walk backwards from nodes that could not be sorted until one repeats; return that cycle in wire order."""
    sources: dict[str, str] = {}
    rest = set(left)
    for target, source in graph.wires.items():
        if target.node in rest and source.node in rest:
            sources.setdefault(target.node, source.node)
    here, seen = left[0], []
    while here not in seen:
        seen.append(here)
        here = sources[here]
    return seen[seen.index(here):][::-1]


def show(node: Node) -> str:
    """Write a node as messages name it: its kind and its name."""
    return f"{node.op.title} ‘{node.name}’"


def compile(graph: Graph, specs: Mapping[str, Spec] | None = None, prefix: str = "") -> Plan:
    """Turn a graph into a plan. Never raises for a user's mistake: see `Plan.problems`.

    ``specs`` overrides what the Inputs say of themselves, by id; ``prefix`` goes before every path.
    """
    return _Compiler(graph, specs or {}, prefix).plan()


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

    def plan(self) -> Plan:
        self.scope(self.graph, self.prefix, "", None, False, False)
        return Plan(self.graph, tuple(self.steps), tuple(self.slots), self.weights, tuple(self.problems),
                    self.prefix, self.where, self.scopes, self.keys)

    def problem(self, path: str, message: str, **more: object) -> None:
        self.problems.append(Problem(path, message, **more))  # type: ignore[arg-type]

    def scope(
        self, graph: Graph, path: str, key: str, fed: Mapping[str, int | None] | None, frozen: bool, shared: bool,
    ) -> dict[str, int]:
        """Emit one graph; ``fed`` are the slots of its Inputs, or None at the top. Return its Outputs' slots."""
        done, left = order(graph)
        if left:
            ring = on_cycle(graph, left)
            names = " → ".join(graph.nodes[n].name for n in [*ring, ring[0]])
            back = next(t for t, s in graph.wires.items() if t.node == ring[0] and s.node == ring[-1])
            self.problem(path + ring[0],
                         f"The wires {names} form a cycle; a network has to run from inputs to outputs.", port=back.port, fixes=(
                             Fix(f"remove the wire {graph.nodes[ring[-1]].name} → {graph.nodes[ring[0]].name}",
                                 "disconnect", path + ring[0], back.port),))
        self.stray_wires(graph, path)
        slots: dict[Source, int] = {}
        results: dict[str, int] = {}
        for id in done:
            node = graph.nodes[id]
            inputs = {t.port: slots.get(s) for p in node.op.ports()
                      if (s := graph.wires.get(t := Target(id, p.name))) is not None}
            if fed is not None and isinstance(node.op, Input):
                outs = {} if (slot := fed.get(id)) is None else {"y": slot}
            elif fed is not None and isinstance(node.op, Output):
                outs = {} if (slot := inputs.get("x")) is None else {"y": slot}
                results.update((id, s) for s in outs.values())
                if "x" not in inputs:
                    self.unwired(graph, path, node, "x")
            else:
                outs = self.node(graph, path, key, node, inputs, frozen or node.frozen, shared)
            self.where[path + id] = outs
            slots |= {Source(id, name): slot for name, slot in outs.items()}
        return results

    def stray_wires(self, graph: Graph, path: str) -> None:
        for target, source in graph.wires.items():
            to, origin = graph.nodes.get(target.node), graph.nodes.get(source.node)
            if to is None or origin is None:
                missing = target.node if to is None else source.node
                self.problem(path + (source.node if to is None else target.node),
                             f"A wire names the node ‘{missing}’, which does not exist.", port=target.port,
                             fixes=(Fix("remove the wire", "disconnect", path + target.node, target.port),))
            elif target.port not in [p.name for p in to.op.ports()]:
                self.problem(path + to.id, f"{show(to)} has no input called {target.port!r}.", port=target.port,
                             fixes=(Fix("remove the wire", "disconnect", path + to.id, target.port),))
            elif source.output not in origin.op.output_names():
                self.problem(path + to.id, f"{show(origin)} has no output called {source.output!r}.",
                             port=target.port,
                             fixes=(Fix("remove the wire", "disconnect", path + to.id, target.port),))

    def unwired(self, graph: Graph, path: str, node: Node, port: str) -> None:
        near = [n for n in graph.nodes.values() if isinstance(n.op, Input)
                and not any(s.node == n.id for s in graph.wires.values())]
        fixes = tuple(Fix(f"wire ‘{n.name}’ into {port}", "connect", path + node.id, port, source=(n.id, "y"))
                      for n in near[:2]) or (Fix("add an Input", "add", path + node.id, port, op="Input"),)
        self.problem(path + node.id, f"{show(node)} needs a wire into its input {port!r}; nothing is connected there.",
                     port=port, fixes=fixes)

    def node(
        self, graph: Graph, path: str, key: str, node: Node, inputs: dict[str, int | None], frozen: bool,
        shared: bool,
    ) -> dict[str, int]:
        op, here = node.op, path + node.id
        ports = op.ports()
        wrong = op.problems()
        for message in wrong:
            fixes = (Fix("remove it", "remove", here),) if isinstance(op, Unknown) else tuple(
                Fix(f"set {a.name} to {a.default}", "set", here, attributes=((a.name, a.default),))
                for a in op.attributes() if a.problem(getattr(op, a.name)))
            self.problem(here, f"{show(node)} {message}.", fixes=fixes)
        missing = [p.name for p in ports if p.data and not p.optional and p.name not in inputs]
        for name in missing:
            self.unwired(graph, path, node, name)
        # A block whose input is missing still runs where it does not need it; an op does not.
        if wrong or ((missing or None in inputs.values()) and not isinstance(op, Block)):
            return {}
        data = tuple(None if (i := inputs.get(p.name)) is None else self.slots[i].spec for p in ports if p.data)
        base = key if isinstance(op, Block) else f"{key}{node.id}/"
        if node.shares:
            shared = True
            base = base if isinstance(op, Block) else f"{key}{node.shares}/"
            if not isinstance(op, Block) and node.shares not in graph.nodes:
                self.problem(here, f"{show(node)} shares the weights of ‘{node.shares}’, which does not exist.")
                return {}
        try:
            if node.bypassed:
                return self.bypass(node, here, inputs, data)
            if op.composite() and not isinstance(op, Input):
                body = op.body(*data)
                if body is None:
                    raise ShapeError("cannot be run by itself")
                self.scopes[here] = body
                return self.scope(body, here + "/", base, inputs, frozen, shared)
            return self.step(graph, path, base[:-1], node, inputs, data, frozen, shared)
        except ShapeError as e:
            self.misfit(graph, here, node, inputs, e)
        except (MemoryError, RecursionError, ArithmeticError, ValueError, TypeError, IndexError, KeyError) as e:
            self.problem(here, f"{show(node)} cannot work out its shape: {type(e).__name__}: {e}.")
        return {}

    def bypass(
        self, node: Node, here: str, inputs: Mapping[str, int | None], data: tuple[Spec | None, ...],
    ) -> dict[str, int]:
        op = node.op
        try:
            out = op.shape(*data) if not op.composite() else None
        except ShapeError:
            out = None
        specs = out if isinstance(out, tuple) else (out,) if out is not None else (None,) * len(op.output_names())
        passed: dict[str, int] = {}
        for name, spec in zip(op.output_names(), specs, strict=True):
            for port in op.ports():
                slot = inputs.get(port.name)
                if port.data and slot is not None and spec in (None, self.slots[slot].spec):
                    passed[name] = slot
                    break
        if not passed:
            raise ShapeError("cannot be bypassed: none of its inputs has the shape of its output",
                             fixes=(Fix("switch it on again", "set", here, attributes=(("bypassed", False),)),))
        return passed

    def step(
        self, graph: Graph, path: str, base: str, node: Node, inputs: dict[str, int | None],
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
        for port in op.ports():
            wired = inputs.get(port.name)
            if port.data or wired is not None:
                reads[port.name] = wired
                if not port.data and port.name in wanted and wired is not None:
                    need, came = wanted[port.name].shape, self.slots[wired].spec.shape
                    if need != came:
                        raise ShapeError(f"needs its {port.name} shaped {show_shape(need)}", port.name)
                continue
            weight = wanted.get(port.name)
            reads[port.name] = None if weight is None else self.weight(
                f"{base}.{port.name}", here, port.name, weight, port.memory, shared)
        written = {}
        for name, spec in zip(op.output_names(), outs, strict=True):
            written[name] = len(self.slots)
            self.slots.append(Slot(len(self.slots), here, name, spec))
        self.steps.append(Step(len(self.steps), here, node, reads, written, data, frozen))
        return written

    def weight(self, key: str, here: str, port: str, weight: Weight, memory: bool, shared: bool) -> int:
        if key in self.keys:
            have = self.weights[key].shape
            if have != weight.shape:
                raise ShapeError(f"shares {key} shaped {show_shape(have)}, but needs {show_shape(weight.shape)}")
            owner, borrowed = self.owners[key]
            if not shared and not borrowed:
                raise ShapeError(f"uses the weight {key}, which ‘{owner}’ already owns")
            return self.keys[key]
        self.weights[key], self.owners[key] = weight, (here, shared)
        self.keys[key] = len(self.slots)
        kind: Kind = "real"
        self.slots.append(Slot(len(self.slots), here, port, Spec(weight.shape, kind), key, memory))
        return self.keys[key]

    def misfit(self, graph: Graph, here: str, node: Node, inputs: Mapping[str, int | None], e: ShapeError) -> None:
        came = []
        source = ""
        for port in ([e.port] if e.port in inputs else list(inputs)):
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
