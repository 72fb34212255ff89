"""The numbers of the GAN lens: what both players do with the weights of now, and what their next updates would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphlab.engine.adversarial import Players
from graphlab.engine.op import Array
from graphlab.engine.partial import run_from
from graphlab.engine.record import Mode
from graphlab.engine.run import Run, RunError, backward, forward
from graphlab.engine.setup import Setup
from graphlab.engine.stage import losses_of
from graphlab.engine.train import Trainer
from graphlab.ui.lenses.latent_numbers import need
from graphlab.ui.lenses.view import View

#: Samples of each kind that are drawn, places of the surface along each side, and rounds that are rehearsed.
SAMPLES, GRID, ROUNDS, MOST_UPDATES = 160, 45, 6, 48

Box = tuple[float, float, float, float]
Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Game:
    """Where the game stands: points, opinions, losses, and how the generator would move its points."""

    real: Array  # (n, size)
    made: Array
    gradient: Array  # ∂L_G/∂x at the generated samples
    on_real: Array  # (n,) D(x)
    on_made: Array  # (n,) D(G(z))
    loss_d: float
    loss_g: float
    value: float
    run: Run

    def numbers(self) -> Array:
        """Return mean D(x), mean D(G(z)), L_D, L_G and V."""
        return np.array([self.on_real.mean(), self.on_made.mean(), self.loss_d, self.loss_g, self.value])


def probability(said: Array, takes: str) -> Array:
    """Return D for each sample from what the discriminator says: its sigmoid for logits."""
    p = said if takes == "probabilities" else 1.0 / (1.0 + np.exp(-np.clip(said, -500, 500)))
    return np.asarray(p.reshape(len(p), -1).mean(axis=1))


def value_of(on_real: Array, on_made: Array, takes: str) -> float:
    """Return V = E[ln D(x)] + E[ln(1 − D(G(z)))] (Goodfellow et al. 2014), stable for any logits."""
    if takes == "probabilities":
        return float(np.log(np.maximum(on_real, 1e-12)).mean() + np.log(np.maximum(1 - on_made, 1e-12)).mean())
    return float(-np.logaddexp(0, -on_real).mean() - np.logaddexp(0, on_made).mean())


def total(run: Run, setup: Setup, phase: int) -> float:
    """Return the loss of a phase in a run."""
    return sum(c * float(need(run, (p, "y"))) for p, c in losses_of(run.plan, setup.phases[phase]).items())


def play(view: View, players: Players, weights: Weights | None = None, gradient: bool = True) -> Game:
    """Run both players on samples of the data and as many generated ones. Raises `RunError` in words."""
    session, setup = view.session, view.document.setup
    prepared = session.prepared
    if prepared is None or not session.samples:
        raise RunError("The discriminator needs real data: choose a data set in the Data panel.")
    rows = np.unique(np.linspace(0, session.samples - 1, min(SAMPLES, session.samples)).astype(int))
    run = Run(view.plan, view.weights if weights is None else weights, prepared.feeds(rows), Mode(seed=setup.seed))
    for _ in forward(run):
        pass
    if gradient:
        seeds: dict[tuple[str, str], Array | float] = {
            (p, "y"): c for p, c in losses_of(view.plan, setup.phases[players.maker]).items()}
        for _ in backward(run, seeds):
            pass
    real, made = need(run, players.real), need(run, players.generated)
    on_real, on_made = need(run, players.on_real), need(run, players.on_generated)
    slope = run.gradient(*players.generated) if gradient else None
    return Game(
        real.reshape(len(real), -1), made.reshape(len(made), -1),
        np.zeros((len(made), made[0].size)) if slope is None else slope.reshape(len(made), -1),
        probability(on_real, players.takes), probability(on_made, players.takes), total(run, setup, players.judge),
        total(run, setup, players.maker), value_of(on_real, on_made, players.takes), run)


def places(box: Box, n: int = GRID) -> Array:
    """Return the middles of n·n cells of a box (x0, y0, x1, y1), row by row from y0: (n·n, 2)."""
    x0, y0, x1, y1 = box
    t = (np.arange(n) + 0.5) / n
    across, up = np.meshgrid(x0 + t * (x1 - x0), y0 + t * (y1 - y0))
    return np.stack([across.ravel(), up.ravel()], axis=1)


def surface(game: Game, players: Players, box: Box, n: int = GRID) -> Array:
    """Return D everywhere in a box, (n, n): the discriminator alone is run, on the middles of the cells."""
    spec = game.run.plan.slots[game.run.plan.where[players.generated[0]][players.generated[1]]].spec
    points = places(box, n)
    part = run_from(game.run, {players.generated: points.reshape(spec.concrete(len(points)))}, [players.on_generated])
    return probability(need(part, players.on_generated), players.takes).reshape(n, n)


def box_of(points: Array) -> Box:
    """Return a square around points, with room for others beside them."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, 0.68 * float((high - low).max()) + 1e-6
    return (float(middle[0] - half), float(middle[1] - half), float(middle[0] + half), float(middle[1] + half))


@dataclass(frozen=True)
class Move:
    """An update that was rehearsed: whose it was, and the weights after it."""

    phase: int
    weights: Weights


def rehearsed(setup: Setup) -> int:
    """Return how many updates a rehearsal makes: some rounds of all phases."""
    return min(MOST_UPDATES, ROUNDS * sum(max(1, p.steps) for p in setup.phases))


def rehearse(view: View) -> list[Move]:
    """Make the next updates one by one, from the weights of now, without altering anything.

    The optimisers begin without a memory. Raises `RunError` where training cannot begin.
    """
    session = view.session
    if session.prepared is None:
        raise RunError("Training needs data: choose a data set in the Data panel.")
    setup = view.document.setup
    trainer = Trainer(view.plan, view.weights, session.prepared, setup)
    moves = []
    for _ in range(rehearsed(setup)):
        if trainer.finished:
            break
        phase = trainer.next_phase
        trainer.update(norms=False)
        moves.append(Move(phase, {**view.weights, **trainer.parameters.publish()}))
    return moves


def moved(players: Players, before: Weights, after: Weights) -> str:
    """Say whose weights differ: "D", "G", "both" or ""."""
    def differ(keys: frozenset[str]) -> bool:
        return any(before[k] is not after[k] and (np.float32(before[k]) != np.float32(after[k])).any() for k in keys
                   if k in before and k in after)
    d, g = differ(players.judge_keys), differ(players.maker_keys)
    return "both" if d and g else "D" if d else "G" if g else ""


def arrows(points: Array, gradient: Array, longest: float) -> tuple[Array, float]:
    """Return arrows against the gradient as pairs of points, (n, 6, 2), shaft and head, and the scale.

    The scale makes all but the longest twentieth of them at most ``longest`` long.
    """
    lengths = np.linalg.norm(gradient, axis=1)
    usual = float(np.quantile(lengths, 0.95)) if len(lengths) else 0.0
    scale = longest / usual if usual > 0 else 0.0
    way = -gradient * np.minimum(scale, longest / np.maximum(lengths, 1e-300))[:, None]
    tip = points + way
    side = np.stack([-way[:, 1], way[:, 0]], axis=1)
    heads = [tip - 0.3 * way + s * 0.18 * side for s in (1, -1)]
    return np.stack([points, tip, tip, heads[0], tip, heads[1]], axis=1), scale
