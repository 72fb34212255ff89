"""What training asks of a compiled plan: feed it, step it, read losses and gradients from flat buffers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from graphlab.engine.plan import Plan
from graphlab.engine.record import Array
from graphlab.engine.run import RunError


class Parameters:
    """The weights and memories of a plan in one flat buffer, and their gradients in another of the same layout.

    All programs of a training share one: ``weights[key]`` and ``gradients[key]`` are views that never move.
    ``groups`` are sets of keys that are updated together; the layout keeps each in as few pieces as it can, and
    otherwise follows the plan's order, so that an op's W and b are neighbours.
    """

    def __init__(
        self, plan: Plan, weights: Mapping[str, Array], dtype: Any = np.float32,
        groups: Sequence[Collection[str]] = (),
    ) -> None:
        self.plan = plan
        self.dtype = np.dtype(dtype)
        order = sorted(plan.weights, key=lambda k: [k not in g for g in groups])
        sizes = {k: int(np.prod(plan.weights[k].shape, dtype=np.int64)) for k in order}
        total = sum(sizes.values())
        self.flat: Array = np.zeros(total, self.dtype)
        self.gradient: Array = np.zeros(total, self.dtype)
        self.slices: dict[str, slice] = {}
        at = 0
        for key in order:
            self.slices[key] = slice(at, at + sizes[key])
            at += sizes[key]
        self.weights: Mapping[str, Array] = self._views(self.flat)
        self.gradients: Mapping[str, Array] = self._views(self.gradient)
        for key in order:
            if key not in weights:
                raise RunError(f"The weight {key} is needed, but the store has no such array.")
        self.write(weights)

    def _views(self, flat: Array) -> Mapping[str, Array]:
        return MappingProxyType(
            {k: flat[s].reshape(self.plan.weights[k].shape) for k, s in self.slices.items()})

    def write(self, weights: Mapping[str, Array]) -> None:
        """Copy stored tensors into the buffer; keys that the plan does not have are passed over."""
        for key, view in self.weights.items():
            if key in weights:
                have = weights[key].shape
                if have != view.shape:
                    raise RunError(f"The weight {key} needs the shape {view.shape}; the store has {have}.")
                view[...] = weights[key]

    def spans(self, keys: Iterable[str]) -> tuple[slice, ...]:
        """Return the pieces of the flat buffers that hold these keys, neighbours joined."""
        out: list[slice] = []
        for piece in sorted((self.slices[k] for k in set(keys)), key=lambda s: (s.start, s.stop)):
            if out and out[-1].stop == piece.start:
                out[-1] = slice(out[-1].start, piece.stop)
            else:
                out.append(piece)
        return tuple(out)

    def publish(self) -> Mapping[str, Array]:
        """Return a copy of all weights that nothing will ever change."""
        flat = self.flat.copy()
        flat.flags.writeable = False
        return self._views(flat)


class Program(Protocol):
    """A plan bound to one batch size, its losses and the weights whose gradients are asked for.

    Made by ``make_step(plan, parameters, batch, losses, wrt, …)``. With an empty ``wrt`` it only runs forward.
    Randomness is keyed by (seed, phase, update) as in `Mode`, so a recorded run of the same update sees the same.
    """

    @property
    def parameters(self) -> Parameters:
        """The buffers it reads weights from, writes gradients to, and moves memories in."""
        ...

    @property
    def batch(self) -> int:
        """The number of samples of one step."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """The paths of the Inputs that its losses depend on: all of them must be fed before a step."""
        ...

    def feed(self, name: str, array: Array) -> None:
        """Copy (or cast) one batch into the Input at path ``name``; its first axis counts the samples."""
        ...

    def step(self, update: int) -> Sequence[float]:
        """Run forward, and backward where ``wrt`` is not empty; return each loss in the order of ``losses``.

        A loss that is no single number counts as the sum of its entries. The gradient of Σ coefficient·loss is
        written to ``parameters.gradients`` for every key in ``wrt`` (zeros where none flows), other keys are left
        alone. In training, memories move by new = (1 − rate)·old + rate·value, in plan order.
        """
        ...

    def value(self, path: str, output: str = "y") -> Array:
        """Return an output that ``keep`` named, as of the last step; it may be overwritten by the next one."""
        ...


class MakeStep(Protocol):
    """How a program is made: by `graphlab.engine.fast.plain.make_step` and by the fast one alike.

    ``losses`` maps paths of nodes to coefficients (negative to ascend), ``keep`` names (path, output) that
    `Program.value` will be asked for.
    """

    def __call__(
        self, plan: Plan, parameters: Parameters, batch: int, losses: Mapping[str, float], wrt: Collection[str], *,
        training: bool = True, seed: int = 0, phase: int = 0, keep: Collection[tuple[str, str]] = (),
    ) -> Program: ...
