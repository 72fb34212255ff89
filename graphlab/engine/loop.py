"""Structure that repeats: blocks, loops along time, and the ops their bodies are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref
from graphlab.engine.graph import Graph, Input, Net, Node, Output, Source
from graphlab.engine.op import Array, Batch, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.spec import show_shape

#: The longest sequence that is opened step by step; fused layers run longer ones closed.
MOST_STEPS = 4096


class TimeStep(Op):
    """Takes one time step out of a sequence: y = x[:, t]."""

    category = "Shape"
    t: int = attr("which step, from 0; −1 is the last", default=0)

    def line(self) -> str:
        return f"t = {self.t}"

    def formula(self) -> str:
        return rf"y = x_{{:,{self.t}}}"

    def shape(self, x: Spec) -> Spec:
        if x.rank < 2:
            raise ShapeError("takes sequences shaped (B, T, …)", "x")
        steps = x.shape[1]
        if isinstance(steps, Batch) or not -steps <= self.t < steps:
            raise ShapeError(f"takes step {self.t} of a sequence that has {steps}", "x", axis=1)
        return x.with_shape(x.shape[0], *x.shape[2:])

    def forward(self, f: Record, x: Array) -> Array:
        return x[:, self.t]  # (B, T, ...) -> (B, ...)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        dx = np.zeros_like(f["x"], dtype=dy.dtype)
        dx[:, self.t] = dy
        return {"x": dx}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Ref("x", (index[0], self.t % f["x"].shape[1], *index[1:]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", (index[0], *index[2:]))] if index[1] == self.t % f["x"].shape[1] else []

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(t=1), x=(Batch(), 3, 2)), case(cls(t=-1), x=(Batch(), 1))]


class Stack(Op):
    """Puts tensors of one shape side by side along a new axis: y[:, i] = xᵢ."""

    category = "Shape"
    count: int = attr("number of inputs", default=2, min=1, max=MOST_STEPS)

    def ports(self) -> tuple[Port, ...]:
        return tuple(Port(f"x{i}") for i in range(self.count))

    def line(self) -> str:
        return f"{self.count} inputs"

    def formula(self) -> str:
        return r"y_{:,i} = x_i"

    def shape(self, *xs: Spec) -> Spec:
        for i, x in enumerate(xs):
            if x.shape != xs[0].shape:
                raise ShapeError(f"needs inputs of one shape, {show_shape(xs[0].shape)}", f"x{i}")
        if not xs[0].rank:
            raise ShapeError("needs inputs with a batch axis", "x0")
        return xs[0].with_shape(xs[0].shape[0], len(xs), *xs[0].shape[1:])

    def forward(self, f: Record, *xs: Array) -> Array:
        return np.stack(xs, axis=1)  # T × (B, ...) -> (B, T, ...)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {f"x{i}": dy[:, i] for i in range(self.count)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Ref(f"x{index[1]}", (index[0], *index[2:]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", (index[0], int(port[1:]), *index[1:]))]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(count=3), x0=(Batch(), 2), x1=(Batch(), 2), x2=(Batch(), 2))]


class ZeroState(Op):
    """Gives every sample of x a state of zeros, for a sequence to begin with."""

    category = "Recurrent"
    size: tuple[int, ...] = attr("shape of one sample's state", default=(2,), min=1)

    def line(self) -> str:
        return "×".join(map(str, self.size))

    def formula(self) -> str:
        return "y = 0"

    def shape(self, x: Spec) -> Spec:
        if not x.rank:
            raise ShapeError("takes a tensor with a batch axis", "x")
        return Spec((x.shape[0], *self.size))

    def forward(self, f: Record, x: Array) -> Array:
        return np.zeros((x.shape[0], *self.size), f.dtype)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {}  # x lends nothing but its number of samples

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Num(0.0)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return []

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(size=(3,)), x=(Batch(), 2))]


class Block(Op):
    """A group of nodes that stands as one: its inputs and outputs are the Inputs and Outputs inside."""

    category = "Structure"
    also = ("group", "subgraph", "module")
    graph: Graph = attr("what is inside", default=Graph())

    def ports(self) -> tuple[Port, ...]:
        return tuple(Port(n.id) for n in self.graph.inputs())

    def output_names(self) -> tuple[str, ...]:
        return tuple(n.id for n in self.graph.outputs())

    def line(self) -> str:
        inside = [n for n in self.graph.nodes.values() if not isinstance(n.op, Input | Output)]
        return f"{len(inside)} node" + "s" * (len(inside) != 1)

    def body(self, *specs: Spec | None) -> Graph:
        return self.graph


class Loop(Op):
    """Repeats a cell along time with the same weights, handing some of its outputs on to the next step.

    Inputs of the cell named in ``each`` receive one step of a sequence (B, T, …), those in ``carry`` start with
    what is wired and go on with the cell's output of the given name, all others receive the same value at
    every step. Outputs: each cell output along time as (B, T, …), and ``last_<name>`` after the last step.
    """

    category = "Recurrent"
    cell: Graph = attr("what happens at one step", default=Graph())
    each: tuple[str, ...] = attr("inputs that take one step of a sequence", default=("x",))
    carry: tuple[tuple[str, str], ...] = attr("inputs that take an output of the step before", default=())
    reverse: bool = attr("run from the last step to the first", default=False)

    def ports(self) -> tuple[Port, ...]:
        return tuple(Port(n.id) for n in self.cell.inputs())

    def output_names(self) -> tuple[str, ...]:
        names = [n.id for n in self.cell.outputs()]
        return (*names, *(f"last_{n}" for n in names))

    def problems(self) -> list[str]:
        inputs = {n.id for n in self.cell.inputs()}
        outputs = {n.id for n in self.cell.outputs()}
        out = [f"repeats a cell that has no input {n!r}" for n in (*self.each, *dict(self.carry)) if n not in inputs]
        out += [f"carries {o!r}, which is no output of its cell" for o in dict(self.carry).values() if o not in outputs]
        fed = [*self.each, *(i for i, _ in self.carry)]
        out += [f"feeds its cell's input {n!r} more than once" for n in dict.fromkeys(fed) if fed.count(n) > 1]
        if not self.each:
            out.append("needs at least one input that takes a step of a sequence")
        return out

    def body(self, *specs: Spec | None) -> Graph:
        by_name = dict(zip((p.name for p in self.ports()), specs, strict=True))
        lengths = {s.shape[1] for n in self.each if (s := by_name[n]) is not None and s.rank > 1}
        if len(lengths) != 1 or isinstance(steps := next(iter(lengths)), Batch):
            raise ShapeError("needs sequences of one length, shaped (B, T, …)", self.each[0])
        net = Net()
        fed = {name: net.input(name) for name in by_name}
        made = unroll(net, self.cell, steps, fed, self.each, dict(self.carry), self.reverse)
        for name, sources in made.items():
            along = net.add(f"all_{name}", Stack(count=steps), *sources)
            net.output(name, along)
            net.output(f"last_{name}", sources[0 if self.reverse else -1])
        return net.graph()


def unroll(
    net: Net, cell: Graph, steps: int, fed: Mapping[str, Source], each: Iterable[str], carry: Mapping[str, str],
    reverse: bool = False,
) -> dict[str, list[Source]]:
    """Add a cell once for every time step, as blocks t0, t1, … that share their weights.

    ``fed`` are the sources of the cell's inputs: sequences for those in ``each``, the first state for those in
    ``carry``. Returns every output's sources from t = 0 on. Raises `ShapeError` for sequences that are too long.
    """
    if steps > MOST_STEPS:
        raise ShapeError(f"repeats its cell for at most {MOST_STEPS:,} steps; this sequence has {steps:,}")
    if steps < 1:
        raise ShapeError("needs sequences of one step or more")
    inside = {n.id for n in (*cell.inputs(), *cell.outputs())}
    made = {f"{n}{t}" for n in ("t", *each) for t in range(steps)}
    made |= {f"{p}_{n}" for n in inside for p in ("all", "last")}
    if clash := sorted(inside & made):
        raise ShapeError(f"repeats a cell with the name {clash[0]!r}, which unrolling needs for itself")
    names = [n.id for n in cell.outputs()]
    order = range(steps - 1, -1, -1) if reverse else range(steps)
    seen: dict[str, dict[int, Source]] = {n: {} for n in names}
    state: dict[str, Source] = {}
    first = f"t{order[0]}"
    for t in order:
        now = {**fed, **state}
        for name in each:
            now[name] = net.add(f"{name}{t}", TimeStep(t=t), fed[name])
        net.node(Node(f"t{t}", Block(graph=cell), shares="" if f"t{t}" == first else first), **now)
        for name in names:
            seen[name][t] = Source(f"t{t}", name)
        state = {i: Source(f"t{t}", o) for i, o in carry.items()}
    return {name: [seen[name][t] for t in range(steps)] for name in names}
