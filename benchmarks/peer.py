"""The same networks in PyTorch, beginning with the same weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from benchmarks.workloads import Workload
from graphlab.engine.graph import Graph
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array

Loss = Callable[[dict[str, Any]], Any]


class Sequential(nn.Module):  # type: ignore[misc]
    """A chain of layers between the Input "x" and the loss, read off the plan."""

    def __init__(self, plan: Plan, weights: Mapping[str, Array]) -> None:
        super().__init__()
        layers = []
        for step in plan.steps:
            name = step.op.name()
            shape = None if not step.specs or step.specs[0] is None else step.specs[0].shape
            match name:
                case "Input":
                    continue
                case "MSE":
                    self.loss: Any = nn.MSELoss()
                    continue
                case "SoftmaxCrossEntropy":
                    self.loss = nn.CrossEntropyLoss()
                    continue
                case _:
                    assert shape is not None
                    layer = make_layer(step.op, shape)
            layers.append(layer)
            load(layer, {k.rpartition(".")[2]: w for k, w in weights.items() if k.rpartition(".")[0] == step.path})
        self.layers = nn.Sequential(*layers)

    def forward(self, feeds: dict[str, Any]) -> Any:
        return self.loss(self.layers(feeds["x"]), feeds["t"])


def make_layer(op: Any, shape: tuple[Any, ...]) -> Any:
    """Make the layer that an op is in PyTorch."""
    match op.name():
        case "Linear":
            return nn.Linear(shape[-1], op.features)
        case "Conv2D":
            padding = {"valid": 0, "half": op.kernel[0] // 2}[op.padding]
            return nn.Conv2d(shape[1], op.filters, op.kernel[0], padding=padding, bias=op.bias)
        case "DepthwiseConv":
            return nn.Conv2d(shape[1], shape[1], op.kernel[0], padding=op.kernel[0] // 2, groups=shape[1], bias=op.bias)
        case "BatchNorm":
            return (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(shape[1], eps=op.eps)
        case "MaxPool":
            return nn.MaxPool2d(2)
        case "Flatten":
            return nn.Flatten()
        case "GlobalAvgPool":
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case name:
            return {"ReLU": nn.ReLU, "Tanh": nn.Tanh, "Sigmoid": nn.Sigmoid}[name]()


def load(layer: Any, weights: Mapping[str, Array]) -> None:
    """Copy an op's stored tensors into a layer."""
    names = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    with torch.no_grad():
        for name, value in weights.items():
            if name in names:
                tensor = torch.from_numpy(value.astype("float32"))
                getattr(layer, names[name]).copy_(tensor.T if isinstance(layer, nn.Linear) and name == "W" else tensor)


class Peer:
    """One workload in PyTorch: ``update`` makes a training step on rows of the data and returns the loss."""

    def __init__(self, workload: Workload, graph: Graph, plan: Plan, weights: Mapping[str, Array],
                 arrays: Mapping[str, Array], variant: str) -> None:
        torch.set_num_threads(1)
        self.model: Any = Sequential(plan, weights)
        self.arrays = {k: torch.from_numpy(v.copy()) for k, v in arrays.items()}
        if "channels_last" in variant:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.arrays = {k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v
                           for k, v in self.arrays.items()}
        kind = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[workload.optimiser.name()]
        self.optimiser: Any = kind(self.model.parameters(), lr=workload.optimiser.rate, fused="fused" in variant)
        self.batch = workload.batch
        self.n = len(next(iter(self.arrays.values())))

    def update(self, feeds: dict[str, Any]) -> float:
        """Make one training step."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.model(feeds)
        loss.backward()
        self.optimiser.step()
        return float(loss.item())

    def epochs(self, first: Array | None = None) -> Any:
        """Walk over batches for ever, in a new order every epoch; ``first`` is the order of the first one."""
        while True:
            order = torch.randperm(self.n) if first is None else torch.from_numpy(first)
            first = None
            whole = {k: v[order] for k, v in self.arrays.items()}
            for at in range(0, self.n, self.batch):
                yield {k: v[at:at + self.batch] for k, v in whole.items()}
