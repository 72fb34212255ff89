"""How weights start: declared functions of shape, fans and a random stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from graphlab.engine.graph import Graph
from graphlab.engine.loop import Block
from graphlab.engine.op import Weight
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array, Mode, stream

Fill = Callable[[np.random.Generator, tuple[int, ...], float, float], Array]


def fans(weight: Weight) -> tuple[float, float]:
    """Return (n_in, n_out): the numbers of connections into and out of a unit. Dense weights are (in, out)."""
    if weight.fan_in or weight.fan_out:
        return float(weight.fan_in or 1), float(weight.fan_out or 1)
    shape = weight.shape
    if len(shape) < 2:
        return float(shape[0] if shape else 1), float(shape[0] if shape else 1)
    field = math.prod(shape[2:])
    # Convolution kernels are (out, in, …); dense weights (in, out).
    return (float(shape[1] * field), float(shape[0] * field)) if len(shape) > 2 else (float(shape[0]), float(shape[1]))


#: name → (fill, the sentence that says what it does)
INITIALISERS: dict[str, tuple[Fill, str]] = {
    "zeros": (lambda g, s, i, o: np.zeros(s), "all zero: hidden units stay equal for ever"),
    "ones": (lambda g, s, i, o: np.ones(s), "all one"),
    "normal": (lambda g, s, i, o: g.standard_normal(s), "N(0, 1), whatever the width"),
    "small": (lambda g, s, i, o: 0.01 * g.standard_normal(s), "N(0, 0.01²): signals vanish with depth"),
    "xavier": (lambda g, s, i, o: g.uniform(-1.0, 1.0, s) * math.sqrt(6.0 / (i + o)),
               "U(±√(6/(n_in+n_out))), variance 2/(n_in+n_out): for tanh and sigmoid"),
    "xavier_normal": (lambda g, s, i, o: g.standard_normal(s) * math.sqrt(2.0 / (i + o)),
                      "N with variance 2/(n_in+n_out): for tanh and sigmoid"),
    "he": (lambda g, s, i, o: g.standard_normal(s) * math.sqrt(2.0 / i),
           "N with variance 2/n_in, standard deviation √(2/n_in): for ReLU"),
}


def initial(weight: Weight, key: str, seed: int) -> Array:
    """Fill one weight from its own random stream, in float64. Raises KeyError for an unknown initialiser."""
    fill, _ = INITIALISERS[weight.init]
    n_in, n_out = fans(weight)
    return fill(stream(f"{key}/init", Mode(seed=seed)), weight.shape, n_in, n_out)


def initial_weights(plan: Plan, seed: int = 0, keep: Mapping[str, Any] | None = None) -> dict[str, Array]:
    """Fill every weight of a plan; those of ``keep`` that still fit are taken over instead.

    Nodes that are bypassed, or cannot run at the moment, keep what they have learned as well.
    """
    keep = keep or {}
    here = _ids(plan.graph)
    out = {k: w for k, w in keep.items()
           if k not in plan.weights and k.rpartition(".")[0].partition("/")[0] in here}
    for key, weight in plan.weights.items():
        have = keep.get(key)
        out[key] = have if have is not None and have.shape == weight.shape else initial(weight, key, seed)
    return out


class LazyWeights(Mapping[str, Array]):
    """The weights of `initial_weights`, each filled when it is first read: drawing a large network costs nothing.

    ``keep`` may be lazy itself; what it has not filled yet stays unfilled.
    """

    def __init__(self, plan: Plan, seed: int = 0, keep: Mapping[str, Any] | None = None) -> None:
        keep = keep or {}
        here = _ids(plan.graph)
        #: What has been filled, or was taken over.
        self.made: dict[str, Array] = {}
        self._todo: dict[str, tuple[Weight, int]] = {}
        lazy = keep if isinstance(keep, LazyWeights) else None
        kept = keep if lazy is None else lazy.made
        for key, value in kept.items():
            weight = plan.weights.get(key)
            if weight is None:
                if key.rpartition(".")[0].partition("/")[0] in here:
                    self.made[key] = value
            elif value.shape == weight.shape:
                self.made[key] = value
        for key, weight in plan.weights.items():
            if key not in self.made:
                waiting = lazy._todo.get(key) if lazy is not None else None
                self._todo[key] = waiting if waiting is not None and waiting[0] == weight else (weight, seed)

    @property
    def unmade(self) -> int:
        """How many numbers have not been filled yet."""
        return sum(math.prod(w.shape) for w, _ in self._todo.values())

    def __getitem__(self, key: str) -> Array:
        if key not in self.made:
            weight, seed = self._todo[key]
            self.made[key] = initial(weight, key, seed)
            del self._todo[key]
        return self.made[key]

    def __contains__(self, key: object) -> bool:
        return key in self.made or key in self._todo

    def __iter__(self) -> Iterator[str]:
        return iter([*self.made, *self._todo])

    def __len__(self) -> int:
        return len(self.made) + len(self._todo)


def _ids(graph: Graph) -> set[str]:
    """Return the ids of all nodes, in blocks as well; weight keys begin with one of them."""
    found: set[str] = set()
    seen: set[int] = set()  # the same block may stand in many places
    left = [graph]
    while left:
        here = left.pop()
        if id(here) not in seen:
            seen.add(id(here))
            found.update(here.nodes)
            left += [n.op.graph for n in here.nodes.values() if isinstance(n.op, Block)]
    return found
