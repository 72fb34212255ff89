"""Random graphs for property tests: what a user might draw, and what no user would."""

from __future__ import annotations

import math
import random
import typing
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.engine.graph import Graph, Input, Net, Node, Output, Parameter, Source, Target
from graphlab.engine.loop import Block, Loop
from graphlab.engine.op import Attribute, Given, Op, registry
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch

IDS = "abcdefghij"
WILD: tuple[Any, ...] = (
    None, True, 0, -1, -3, 10**9, 10**30, -10**30, 0.5, -1e300, math.nan, math.inf, "", "x", "\0", (), (0,), (1.5, "x"),
    (-2, 10**9), (("a", "b"),), [1, 2], {}, Graph())


class Drawing:
    """Draws graphs from one random stream. ``tame`` ones are of proper values, and nearly every node is alive."""

    def __init__(self, seed: int, tame: bool) -> None:
        self.random = random.Random(seed)
        self.tame = tame

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def value(self, a: Attribute) -> Any:
        """Draw an attribute: small values of the declared type within the declared limits, or anything at all."""
        if not self.tame and self.chance(0.06):
            return self.random.choice(WILD)
        if a.choices:
            return self.random.choice(a.choices)
        low = -2.0 if a.min is None else a.min
        high = low + 4 if a.max is None else min(low + 4, a.max)
        plain: dict[Any, Callable[[], Any]] = {
            int: lambda: self.random.randint(math.ceil(low), int(high)), bool: lambda: self.chance(0.5),
            float: lambda: self.random.uniform(low, high), str: lambda: self.random.choice(["", "{}", "x"])}
        if typing.get_origin(a.type) is not tuple:
            return plain[a.type]() if a.type in plain else a.default
        inner = typing.get_args(a.type)[0]
        count = self.random.choice([0, 1, 1, 2, 2, 3])
        one = plain.get(inner, lambda: (self.random.choice(IDS), self.random.choice(IDS)))
        return tuple(one() for _ in range(count))

    def op(self, depth: int) -> Op:
        """Draw any registered op, often as one of its own test cases; blocks and loops have graphs inside."""
        every = registry()
        cls = every[self.random.choice([n for n in every if depth or n not in ("Block", "Loop")])]
        values: dict[str, Any] = {}
        for a in cls.attributes():
            if a.type is Graph:
                values[a.name] = self.graph(depth - 1, self.random.randint(1, 4), inner=True)
            elif self.chance(0.4):
                values[a.name] = self.value(a)
        cases = [c.op for c in cls.cases()]
        if cases and self.chance(0.6):
            return self.random.choice(cases)
        if cls is Loop and self.chance(0.8):
            cell: Graph = values["cell"]
            values["each"] = tuple(n.id for n in cell.inputs()[:1])
            values["carry"] = tuple((i.id, o.id) for i, o in zip(cell.inputs()[1:2], cell.outputs(), strict=False))
        return cls(**values)

    def graph(self, depth: int, size: int, inner: bool = False) -> Graph:
        """Draw a graph of about ``size`` nodes; an ``inner`` one has an Input and an Output."""
        graph = Graph()
        if inner:
            graph = Graph({"x": Node("x", Input(size=self.random.choice([(), (2,), (3, 2)])))})
        for id in IDS[:size]:
            for _ in range(8 if self.tame else 1):
                more = self.node(graph, id, self.op(depth))
                # Unconnected Inputs inside cannot be compiled alone, but they do no harm.
                if not self.tame or compile(more).where.get(id):
                    graph = more
                    break
        if inner:
            origin = self.random.choice(list(graph.nodes.values()))
            nodes = {**graph.nodes, "y": Node("y", Output())}
            graph = Graph(nodes, {**graph.wires, Target("y", "x"): Source(origin.id, self.output(origin))})
        if not self.tame:
            graph = self.spoil(graph)
        return graph

    def node(self, graph: Graph, id: str, op: Op) -> Graph:
        """Add a node with wires from earlier ones, or from Inputs of shapes that its own cases name."""
        nodes, wires = dict(graph.nodes), dict(graph.wires)
        given: dict[str, Given] = {}
        cases = [c for c in type(op).cases() if c.op == op]
        if cases and self.chance(0.7):
            given = dict(self.random.choice(cases).inputs)
        for port in self.ports(op):
            if (shape := given.get(port)) is not None:
                first, *rest = shape.shape or (0,)
                size = tuple(d for d in rest if isinstance(d, int))
                fresh = f"{id}_{port}"
                nodes[fresh] = Node(fresh, Input(size=size, kind=shape.kind) if isinstance(first, Batch)
                                    else Parameter(size=tuple(d for d in shape.shape if isinstance(d, int))))
                wires[Target(id, port)] = Source(fresh)
            elif graph.nodes and not given and self.chance(0.9):
                origin = self.random.choice(list(graph.nodes.values()))
                wires[Target(id, port)] = Source(origin.id, self.output(origin))
        return Graph({**nodes, id: Node(id, op)}, wires)

    def spoil(self, graph: Graph) -> Graph:
        """Add what no user would draw: cycles, wires into nowhere, weights shared in a circle."""
        ids = [*graph.nodes, "nowhere"]
        nodes, wires = dict(graph.nodes), dict(graph.wires)
        for _ in range(self.random.choice([0, 0, 1, 2])):
            id = self.random.choice(ids[:-1]) if len(ids) > 1 else "nowhere"
            target = Target(self.random.choice(ids), self.random.choice(["x", "a", "W", "stray"]))
            wires[target] = Source(self.random.choice(ids), self.random.choice(["y", "y", "stray"]))
            if id in nodes:
                flag = self.random.choice(["frozen", "bypassed", "shares"])
                value: Any = self.random.choice(ids) if flag == "shares" else True
                nodes[id] = replace(nodes[id], **{flag: value})
        return Graph(nodes, wires)

    def ports(self, op: Op) -> list[str]:
        """Return the ports that get a wire: those for data, and now and then one for a weight."""
        try:
            return [p.name for p in op.ports()
                    if (p.data and not (p.optional and self.chance(0.5))) or self.chance(0.03)]
        except Exception:  # with such attributes an op need not be able to say
            return ["x"]

    def output(self, node: Node) -> str:
        """Return one of a node's outputs."""
        try:
            return self.random.choice(node.op.output_names() or ("y",))
        except Exception:  # with such attributes an op need not be able to say
            return "y"


def feeds(plan: Plan, batch: int) -> dict[str, Array]:
    """Make data for every Input of a plan; labels are 0, which is one everywhere."""
    rng = np.random.default_rng(1)
    out = {}
    for step in plan.inputs:
        spec = plan.slots[step.outputs["y"]].spec
        shape = spec.concrete(batch)
        out[step.path] = rng.normal(size=shape) if spec.kind == "real" else np.zeros(shape, np.int64)
    return out


def nested(levels: int, copies: int) -> Graph:
    """Blocks within blocks: copies to the power of levels, from one small value."""
    graph = Graph({"x": Node("x", Input()), "y": Node("y", Output())}, {Target("y", "x"): Source("x")})
    for _ in range(levels):
        net = Net()
        here = net.input("x", 2)
        for i in range(copies):
            here = net.add(f"b{i}", Block(graph=graph), x=here)
        net.output("y", here)
        graph = net.graph()
    return graph
