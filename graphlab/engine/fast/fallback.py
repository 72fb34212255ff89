"""Running an op's own forward and backward inside a program, where no kernel does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, Kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.fast.streams import Clock, FastRecord, Stream
from graphlab.engine.op import Op
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import RunError


class Plain:
    """One step that makes a record of itself at every update, on the arrays of the program."""

    def __init__(
        self, op: Op, path: str, label: str, inputs: Mapping[str, Array | None], outputs: Mapping[str, Array],
        memories: Mapping[str, Array], clock: Clock, training: bool, dtype: Any,
    ) -> None:
        self.op = op
        self.path = path
        self.label = label
        self.inputs = dict(inputs)
        self.outputs = dict(outputs)
        self.memories = memories
        self.clock = clock
        self.training = training
        self.dtype = dtype
        self.wanted: frozenset[str] = frozenset()
        self.upstream: list[Array] = []
        self.into: dict[str, Array] = {}
        self._streams: dict[str, Stream] = {}
        self._record: FastRecord

    def forward(self) -> None:
        """Run the op forward into the program's arrays."""
        mode = Mode(self.training, self.clock.seed, self.clock.phase, self.clock.update)
        record = self._record = FastRecord(self.op, self.path, self.inputs, mode, self.wanted, self.dtype)
        record.streams, record.clock = self._streams, self.clock
        try:
            results: Any = self.op.forward(record, *self.inputs.values())
        except (ValueError, IndexError, np.linalg.LinAlgError) as e:
            raise RunError(f"{self.label} could not run: {e}.") from e
        results = results if isinstance(results, tuple) else (results,)
        for out, value in zip(self.outputs.values(), results, strict=True):
            np.copyto(out, value, casting="same_kind")
        record.outputs.update(self.outputs)

    def backward(self) -> None:
        """Run the op backward and write the gradients that are wanted."""
        sent = self.op.backward(self._record, *self.upstream)
        for port, out in self.into.items():
            if port in sent:
                np.copyto(out, sent[port], casting="same_kind")
            else:
                out[...] = 0

    def remember(self) -> None:
        """Move the memories: new = (1 − rate)·old + rate·value."""
        for update in self._record.updates:
            memory = self.memories[update.port]
            memory *= 1 - update.rate
            memory += update.rate * np.asarray(update.value, memory.dtype)


def plain(site: Site) -> Backward:
    """Bind a step without a kernel."""
    step = site.step
    inputs = {p: None if s is None else site.logical(p) for p, s in step.inputs.items()}
    outputs = {name: site.logical(name) for name in step.outputs}
    memories = {p.name: site.raw(p.name) for p in step.op.ports() if p.memory and site.stored(p.name)}
    node = Plain(step.op, step.path, f"{step.op.title} ‘{step.node.name}’", inputs, outputs, memories,
                 site.builder.clock, site.training, site.dtype)
    site.call(node.forward)
    if memories and site.training:
        site.remember(node.remember)

    def back(b: Back) -> None:
        ports = [p for p in step.inputs if b.wants(p)]
        node.wanted = frozenset(ports)
        node.upstream = [b.upstream_logical(name) for name in step.outputs]
        node.into = {p: b.into_logical(p) for p in ports}
        b.call(node.backward)

    return back


PLAIN = Kernel(plain, reads=None, layout="free")
