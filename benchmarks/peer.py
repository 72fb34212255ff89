"""The same networks in PyTorch, beginning with the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from benchmarks.workloads import Workload
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array, Mode, stream


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


class LSTM(nn.Module):  # type: ignore[misc]
    """The last state of an LSTM, classified. PyTorch has two biases; the second is zero and stays out of training."""

    def __init__(self, plan: Plan, weights: Mapping[str, Array]) -> None:
        super().__init__()
        units = weights["lstm.U"].shape[0]
        self.lstm = nn.LSTM(weights["lstm.W"].shape[0], units, batch_first=True)
        self.scores = nn.Linear(units, weights["scores.b"].size)
        load(self.scores, {"W": weights["scores.W"], "b": weights["scores.b"]})
        with torch.no_grad():
            for name, key in (("weight_ih_l0", "W"), ("weight_hh_l0", "U"), ("bias_ih_l0", "b")):
                getattr(self.lstm, name).copy_(torch.from_numpy(weights[f"lstm.{key}"].T.astype("float32")))
            self.lstm.bias_hh_l0.zero_()
            self.lstm.bias_hh_l0.requires_grad_(False)
        self.loss = nn.CrossEntropyLoss()

    def forward(self, feeds: dict[str, Any]) -> Any:
        return self.loss(self.scores(self.lstm(feeds["x"])[1][0][0]), feeds["t"])


class Encoder(nn.Module):  # type: ignore[misc]
    """One encoder block, normalised after each sum, without dropout."""

    def __init__(self, plan: Plan, weights: Mapping[str, Array]) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True)
        self.loss = nn.MSELoss()
        attention = self.block.self_attn
        with torch.no_grad():
            for i, name in enumerate(("queries", "keys", "values")):
                part = slice(64 * i, 64 * (i + 1))
                attention.in_proj_weight[part] = torch.from_numpy(weights[f"attention/{name}.W"].T.astype("float32"))
                attention.in_proj_bias[part] = torch.from_numpy(weights[f"attention/{name}.b"].astype("float32"))
        for layer, path in ((attention.out_proj, "attention/output"), (self.block.linear1, "wide"),
                            (self.block.linear2, "narrow"), (self.block.norm1, "norm1"), (self.block.norm2, "norm2")):
            load(layer, {k.rpartition(".")[2]: w for k, w in weights.items() if k.rpartition(".")[0] == path})

    def forward(self, feeds: dict[str, Any]) -> Any:
        return self.loss(self.block(feeds["x"]), feeds["t"])


def dense(weights: Mapping[str, Array], *paths: str) -> Any:
    """Make dense layers with ReLU between them."""
    layers: list[Any] = []
    for path in paths:
        w = weights[f"{path}.W"]
        layer = nn.Linear(*w.shape)
        load(layer, {"W": w, "b": weights[f"{path}.b"]})
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class VAE(nn.Module):  # type: ignore[misc]
    """A variational autoencoder; the noise is ours for the first updates, so that the losses can be compared."""

    def __init__(self, plan: Plan, weights: Mapping[str, Array]) -> None:
        super().__init__()
        self.encode, self.mu, self.spread = (dense(weights, p) for p in ("encode", "mu", "spread"))
        self.decode = dense(weights, "decode", "decoded")
        self.noise = [Mode(True, 1, 0, update) for update in range(4)]

    def forward(self, feeds: dict[str, Any]) -> Any:
        x = feeds["x"]
        hidden = torch.relu(self.encode(x))
        mu, spread = self.mu(hidden), self.spread(hidden)
        if self.noise:
            rng = stream("z/eps", self.noise.pop(0))
            noise = torch.from_numpy(rng.standard_normal(tuple(mu.shape), dtype="float32"))
        else:
            noise = torch.randn_like(mu)
        y = self.decode(mu + torch.exp(0.5 * spread) * noise)
        divergence = -0.5 * (1 + spread - mu * mu - spread.exp()).sum() / len(x)
        return nn.functional.mse_loss(y, x, reduction="sum") / len(x) + divergence


def optimiser_of(workload: Workload, parameters: Any, variant: str) -> Any:
    """Make the workload's optimiser."""
    kind = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[workload.optimiser.name()]
    return kind(parameters, lr=workload.optimiser.rate, fused="fused" in variant)


class Peer:
    """One workload in PyTorch: ``update`` makes a training step on rows of the data and returns the loss."""

    def __init__(self, workload: Workload, plan: Plan, weights: Mapping[str, Array], arrays: Mapping[str, Array],
                 variant: str) -> None:
        torch.set_num_threads(1)
        self.arrays = {k: torch.from_numpy(v.copy()) for k, v in arrays.items()}
        self.batch = workload.batch
        self.n = len(next(iter(self.arrays.values())))
        self.build(workload, plan, weights, variant)

    def build(self, workload: Workload, plan: Plan, weights: Mapping[str, Array], variant: str) -> None:
        """Make the model and its optimiser."""
        model: Any = {7: LSTM, 8: Encoder, 9: VAE}.get(workload.number, Sequential)(plan, weights)
        if "channels_last" in variant:
            model = model.to(memory_format=torch.channels_last)
            self.arrays = {k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v
                           for k, v in self.arrays.items()}
        self.model = model
        self.optimiser = optimiser_of(workload, (p for p in model.parameters() if p.requires_grad), variant)

    def update(self, feeds: dict[str, Any]) -> Any:
        """Make one training step."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.model(feeds)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def epochs(self, first: Array | None = None) -> Any:
        """Walk over batches for ever, in a new order every epoch; ``first`` is the order of the first one."""
        while True:
            order = torch.randperm(self.n) if first is None else torch.from_numpy(first)
            first = None
            whole = {k: v[order] for k, v in self.arrays.items()}
            for at in range(0, self.n, self.batch):
                yield {k: v[at:at + self.batch] for k, v in whole.items()}


class GAN(Peer):
    """Two players in turn. The noise is ours for the first updates, so that the losses can be compared."""

    def build(self, workload: Workload, plan: Plan, weights: Mapping[str, Array], variant: str) -> None:
        layers = {player: [k.removesuffix(".W") for k in weights if k.endswith(".W") and f"{player}/" in
                           plan.slots[plan.keys[k]].path] for player in "DG"}
        self.players = {player: dense(weights, *layers[player]) for player in "DG"}
        self.optimisers = {player: optimiser_of(workload, self.players[player].parameters(), variant)
                           for player in "DG"}
        self.made = 0
        self.loss = nn.BCEWithLogitsLoss()

    def noise(self, player: int) -> Any:
        """Draw the generator's input."""
        if self.made < 8:
            rng = stream("z/noise", Mode(True, 1, player, self.made))
            return torch.from_numpy(rng.standard_normal((self.batch, 2), dtype="float32"))
        return torch.randn(self.batch, 2)

    def update(self, feeds: dict[str, Any]) -> Any:
        discriminate, generate = self.players["D"], self.players["G"]
        with torch.no_grad():
            fake = generate(self.noise(0))
        on_real, on_fake = discriminate(feeds["x"]), discriminate(fake)
        first = self.loss(on_real, torch.ones_like(on_real)) + self.loss(on_fake, torch.zeros_like(on_fake))
        self.follow("D", first)
        for p in discriminate.parameters():
            p.requires_grad_(False)
        on_fake = discriminate(generate(self.noise(1)))
        second = self.loss(on_fake, torch.ones_like(on_fake))
        self.follow("G", second)
        for p in discriminate.parameters():
            p.requires_grad_(True)
        return [first.item(), second.item()]

    def follow(self, player: str, loss: Any) -> None:
        """Make one player's step."""
        self.optimisers[player].zero_grad(set_to_none=True)
        loss.backward()
        self.optimisers[player].step()
        self.made += 1
