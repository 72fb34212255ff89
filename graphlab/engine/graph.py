"""A network as a value: nodes, wires, and the few ops that are about structure rather than arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref
from graphlab.engine.op import Array, Batch, Op, Port, Record, ShapeError, Spec, Weight, attr, case


class Source(NamedTuple):
    """Where a wire begins: an output of a node."""

    node: str
    output: str = "y"


class Target(NamedTuple):
    """Where a wire ends: an input port of a node. A port has at most one wire."""

    node: str
    port: str


@dataclass(frozen=True)
class Node:
    """A place in a graph where an op stands.

    ``id`` never changes and keys the weights; ``label`` is what people call it. ``shares`` names a node whose
    weights this one uses. A ``frozen`` node is not trained; a ``bypassed`` one passes its input through.
    """

    id: str
    op: Op
    label: str = ""
    shares: str = ""
    frozen: bool = False
    bypassed: bool = False

    @property
    def name(self) -> str:
        """The label, or the id where there is none."""
        return self.label or self.id


@dataclass(frozen=True)
class Graph:
    """Nodes by id, and wires by the port they end at: two wires into one input cannot be written down."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    wires: Mapping[Target, Source] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((tuple(self.nodes), tuple(self.wires.items())))

    def inputs(self) -> list[Node]:
        """Return the Input nodes in order."""
        return [n for n in self.nodes.values() if isinstance(n.op, Input)]

    def outputs(self) -> list[Node]:
        """Return the Output nodes in order."""
        return [n for n in self.nodes.values() if isinstance(n.op, Output)]


class Net:
    """Writes a graph down in Python, line by line: ``h = net.add("fc", Linear(features=3), x)``."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.wires: dict[Target, Source] = {}

    def node(self, node: Node, *args: Source | None, **ports: Source | None) -> Source:
        """Add a node; positional sources go to its ports in order. Returns its first output."""
        if node.id in self.nodes:
            raise ValueError(f"two nodes are called {node.id!r}")
        self.nodes[node.id] = node
        named = dict(zip((p.name for p in node.op.ports()), args, strict=False)) | ports
        self.wires |= {Target(node.id, port): source for port, source in named.items() if source is not None}
        names = node.op.output_names()
        return Source(node.id, names[0] if names else "y")

    def add(self, id: str, op: Op, *args: Source | None, **ports: Source | None) -> Source:
        """Add an op as a node called ``id``."""
        return self.node(Node(id, op), *args, **ports)

    def input(self, id: str, *shape: int, kind: str = "real") -> Source:
        """Add an Input."""
        return self.add(id, Input(size=shape, kind=kind))

    def output(self, id: str, source: Source) -> Source:
        """Add an Output."""
        return self.add(id, Output(), source)

    def graph(self) -> Graph:
        """Return what was written."""
        return Graph(dict(self.nodes), dict(self.wires))


class _Passing(Op, register=False):
    """Ops whose output is their only input, unchanged."""

    def shape(self, x: Spec) -> Spec:
        return x

    def forward(self, f: Record, x: Array) -> Array:
        return x

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Ref("x", index)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index)]


class Input(Op):
    """Brings data into the network: one row, picture or sequence a sample."""

    category = "Data"
    also = ("data", "features", "placeholder", "target", "labels")
    size: tuple[int, ...] = attr(
        "size of one sample, without the batch: 400, or 1×28×28 for a grey picture; empty for one number",
        default=(2,), min=1)
    kind: str = attr("real numbers, or whole numbers for labels and tokens", default="real",
                     choices=("real", "index", "bool"))

    def ports(self) -> tuple[Port, ...]:
        return ()

    def line(self) -> str:
        return ("×".join(map(str, self.size)) or "one number") + ("" if self.kind == "real" else f" · {self.kind}")

    def formula(self) -> str:
        return r"y = \mathrm{data}"

    def shape(self) -> Spec:
        return Spec((Batch(1), *self.size), self.kind)  # type: ignore[arg-type]


class Output(_Passing):
    """Names a result of the network or of a block."""

    category = "Data"
    also = ("result", "prediction")

    def formula(self) -> str:
        return "y = x"

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 3))]


class Parameter(Op):
    """A tensor that is trained by itself: an image, an embedding, a free vector."""

    category = "Data"
    also = ("variable", "weight", "image")
    size: tuple[int, ...] = attr("shape of the tensor", default=(2,), min=1)
    init: str = attr("how it starts", default="normal", choices=("zeros", "ones", "normal", "xavier", "he"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("value", weight=True),)

    def line(self) -> str:
        return "×".join(map(str, self.size))

    def formula(self) -> str:
        return r"y = \theta"

    def shape(self) -> Spec:
        return Spec(self.size)

    def weights(self) -> dict[str, Weight]:
        return {"value": Weight(self.size, self.init)}

    def forward(self, f: Record, value: Array) -> Array:
        return value

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"value": dy}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Ref("value", index)

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index)]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(size=(2, 3)))]


class Constant(Op):
    """A fixed tensor: a list of numbers, or one number everywhere."""

    category = "Data"
    also = ("number", "fill")
    size: tuple[int, ...] = attr("shape of the tensor; empty for one number", default=(), min=1)
    numbers: tuple[float, ...] = attr("the numbers in reading order; one number fills the whole tensor", default=(1.0,))

    def ports(self) -> tuple[Port, ...]:
        return ()

    def problems(self) -> list[str]:
        n = math.prod(self.size)
        if len(self.numbers) not in (1, n):
            return [*super().problems(),
                    f"needs 1 number or {n} for its size {self.size}; {len(self.numbers)} are given"]
        return super().problems()

    def line(self) -> str:
        return f"{self.numbers[0]:g}" if len(self.numbers) == 1 else f"{len(self.numbers)} numbers"

    def formula(self) -> str:
        return r"y = c"

    def shape(self) -> Spec:
        return Spec(self.size)

    def forward(self, f: Record) -> Array:
        numbers = np.array(self.numbers, f.dtype).reshape(self.size if len(self.numbers) > 1 else ())
        return np.broadcast_to(numbers, self.size).copy()

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Num(float(f["y"][index]))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls()), case(cls(size=(2, 2), numbers=(1.0, 2.0, 3.0, 4.0)))]


class Unknown(Op):
    """An op of a file that this version does not know: drawn, reported and written back unchanged."""

    category = "Unknown"
    op: str = attr("name in the file", default="")
    raw: str = attr("the attributes as JSON, kept as they came", default="{}")
    inputs: tuple[str, ...] = attr("ports that wires end at", default=())
    given: tuple[str, ...] = attr("outputs that wires begin at", default=("y",))

    def ports(self) -> tuple[Port, ...]:
        return tuple(Port(n) for n in self.inputs)

    def output_names(self) -> tuple[str, ...]:
        return self.given

    def line(self) -> str:
        return f"unknown op {self.op}"

    def problems(self) -> list[str]:
        return [f"is of the kind {self.op!r}, which this version of GraphLab does not know; it is kept as it is"]

    def shape(self, *specs: Any) -> Spec:
        raise ShapeError("has no known shape")
