"""Finding a diffusion model in a network, and walking its steps backward with what it has learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphlab.engine.ops.diffusion import ForwardDiffusion
from graphlab.engine.partial import Place, after, run_from
from graphlab.engine.plan import Plan
from graphlab.engine.record import Array
from graphlab.engine.run import Run, RunError


@dataclass(frozen=True)
class Diffusion:
    """A network that learns to name the noise: the step that mixes it in, and what it says; the loss compares both."""

    path: str
    op: ForwardDiffusion
    data: Place
    noise: Place
    said: Place
    loss: str

    @property
    def paths(self) -> tuple[str, ...]:
        """The nodes that it is found at."""
        return tuple(dict.fromkeys((self.path, self.data[0], self.noise[0], self.said[0], self.loss)))


def find_diffusions(plan: Plan) -> list[Diffusion]:
    """Find every op that mixes noise in whose result leads to a loss against that same noise."""
    found = []
    for step in plan.steps:
        if not isinstance(step.op, ForwardDiffusion):
            continue
        later = after(plan, [step.outputs["y"]])
        for loss in plan.steps:
            data = [loss.inputs[p.name] for p in loss.op.ports() if p.data]
            if loss.op.category == "Losses" and len(data) > 1 and data[1] == step.inputs["noise"] and data[0] in later:
                x, noise, said = ((plan.slots[s].path, plan.slots[s].name)
                                  for s in (step.inputs["x"], step.inputs["noise"], data[0]) if s is not None)
                found.append(Diffusion(step.path, step.op, x, noise, said, loss.path))
                break
    return found


def named_noise(run: Run, model: Diffusion, points: Array, t: int) -> Array:
    """Return the noise that the network sees in points (n, …) at step t: it is run from x_t on, nothing else."""
    steps = np.full((len(points), 1), t / model.op.steps)
    part = run_from(run, {(model.path, "y"): points, (model.path, "t"): steps}, [model.said])
    said = part.value(*model.said)
    if said is None:
        raise RunError(f"‘{model.said[0]}’ has not been run; look at the Problems panel.")
    return np.asarray(said)


@dataclass(frozen=True)
class Denoised:
    """One step backward: the points before it, at step t, the noise named in them, and the points after it."""

    t: int
    before: Array
    noise: Array
    after: Array


def denoise(run: Run, model: Diffusion, points: Array, fresh: Array | None = None) -> Iterator[Denoised]:
    """Walk from x_T back to x₀.

    x̂₀ = (x_t − √(1−ᾱ_t)·ε̂)/√ᾱ_t. Without fresh noise, x_{t−1} = √ᾱ_{t−1}·x̂₀ + √(1−ᾱ_{t−1})·ε̂ (Song, Meng &
    Ermon 2021); with it, (T, n, …), the step of Ho, Jain & Abbeel 2020 with
    σ² = (1−ᾱ_{t−1})/(1−ᾱ_t)·(1−ᾱ_t/ᾱ_{t−1}): x_{t−1} = √ᾱ_{t−1}·x̂₀ + √(1−ᾱ_{t−1}−σ²)·ε̂ + σ·z.
    """
    share = model.op.kept_share()
    for t in range(model.op.steps, 0, -1):
        now, then = float(share[t]), float(share[t - 1])
        noise = named_noise(run, model, points, t)
        clean = (points - np.sqrt(1 - now) * noise) / np.sqrt(now) if now > 0 else -noise
        variance = 0.0 if fresh is None or now >= 1 else (1 - then) / (1 - now) * (1 - now / then)
        back = np.sqrt(then) * clean + np.sqrt(max(0.0, 1 - then - variance)) * noise
        if fresh is not None and variance:
            back = back + np.sqrt(variance) * fresh[t - 1]
        yield Denoised(t, points, noise, back)
        points = back
