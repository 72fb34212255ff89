"""What can be changed to watch gradients flow otherwise: initial weights, nonlinearities, skip connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from graphlab.document.model import Document
from graphlab.document.paths import join
from graphlab.engine.graph import Graph, Node
from graphlab.engine.init import initial_weights
from graphlab.engine.loop import Block
from graphlab.engine.op import Op
from graphlab.engine.ops.activations import ReLU, Sigmoid, Tanh
from graphlab.engine.ops.maths import Add
from graphlab.engine.plan import compile
from graphlab.ui.lenses.base import Try
from graphlab.ui.lenses.view import View

_INITS = (("zeros", "All weights zero"), ("small", "Small weights"), ("xavier", "Xavier weights"), ("he", "He weights"))
_NONLINEAR: tuple[type[Op], ...] = (Sigmoid, Tanh, ReLU)


def walk(document: Document, scope: str = "") -> Iterator[tuple[str, Node]]:
    """Yield every node of the document with its path, those in blocks included."""
    graph = document.scope(scope)
    for node in graph.nodes.values() if graph is not None else ():
        path = join(scope, node.id)
        yield path, node
        if isinstance(node.op, Block):
            yield from walk(document, path)


def rewrite(graph: Graph, change: Callable[[str, Node], Node], scope: str = "") -> Graph:
    """Return a graph with every node replaced by what ``change`` makes of it, blocks from the inside out."""
    nodes = {}
    for id, node in graph.nodes.items():
        path = join(scope, id)
        if isinstance(node.op, Block):
            node = replace(node, op=node.op.replace(graph=rewrite(node.op.graph, change, path)))
        nodes[id] = change(path, node)
    return replace(graph, nodes=nodes)


def tries_for(view: View, answers: frozenset[str]) -> list[Try]:
    """Return what fits the network; ``answers`` are nodes whose nonlinearity belongs to the loss."""
    nodes = list(walk(view.document))
    out = []
    inits = {n.op.values()["init"] for _, n in nodes if _has_init(n.op)}
    for init, label in _INITS if inits else ():
        if inits != {init}:
            out.append(Try(label, partial(_initialise, view, init, label),
                           f"Start the weights of every layer anew: {init}"))
    kinds = {type(n.op) for p, n in nodes if isinstance(n.op, _NONLINEAR) and p not in answers}
    out += [Try(f"{op.title} everywhere", partial(_activate, view, op, answers),
                f"Replace every hidden nonlinearity by {op.title}; the weights stay")
            for op in _NONLINEAR if kinds and kinds != {op}]
    sums = [n for _, n in nodes if isinstance(n.op, Add)]
    if sums:
        off = all(n.bypassed for n in sums)
        out.append(Try("Skips on again" if off else "Without skips", partial(_skip, view, not off),
                       "Let the sums add again" if off else "Bypass every sum: its first input passes alone"))
    return out


def _has_init(op: Op) -> bool:
    return any(a.name == "init" and set(dict(_INITS)) <= set(a.choices) for a in op.attributes())


def _initialise(view: View, init: str, label: str) -> None:
    def change(_path: str, node: Node) -> Node:
        return replace(node, op=node.op.replace(init=init)) if _has_init(node.op) else node

    old = view.document
    new = replace(old, graph=rewrite(old.graph, change))
    view.session.edit(label, new, weights=initial_weights(compile(new.graph), old.setup.seed))


def _activate(view: View, op: type[Op], answers: frozenset[str]) -> None:
    def change(path: str, node: Node) -> Node:
        return replace(node, op=op()) if isinstance(node.op, _NONLINEAR) and path not in answers else node

    old = view.document
    view.edit(f"{op.title} everywhere", replace(old, graph=rewrite(old.graph, change)))


def _skip(view: View, bypassed: bool) -> None:
    def change(_path: str, node: Node) -> Node:
        return replace(node, bypassed=bypassed) if isinstance(node.op, Add) else node

    old = view.document
    view.edit("Without skips" if bypassed else "Skips on again", replace(old, graph=rewrite(old.graph, change)))
