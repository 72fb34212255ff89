"""The numbers of the latent lens: codes of samples, what the decoder makes of codes, ways and directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphlab.engine.latent import Latent
from graphlab.engine.op import Array
from graphlab.engine.partial import run_from
from graphlab.engine.record import Mode
from graphlab.engine.run import Run, RunError, forward
from graphlab.ui.lenses.view import View

#: Samples that are encoded for the plane, pictures along each side of the grid, frames of a way.
SAMPLES, GRID, FRAMES = 400, 15, 25
#: Half the width of the plane: one of these.
RADII = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 128.0)


def need(run: Run, place: tuple[str, str]) -> Array:
    """Return a value of a run. Raises `RunError` in words where there is none."""
    value = run.value(*place)
    if value is None:
        raise RunError(f"‘{place[0]}’ has not been run; look at the Problems panel.")
    return np.asarray(value)


def pixels(value: Array, logits: bool) -> Array:
    """Turn logits into probabilities; other numbers stay."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -60, 60)))) if logits else value


def run_rows(view: View, rows: Array, update: int = 0) -> Run:
    """Run forward on some samples of the data; ``update`` chooses the random numbers. Raises `RunError` in words."""
    prepared = view.session.prepared
    feeds = {} if prepared is None else prepared.feeds(rows)
    run = Run(view.plan, view.weights, feeds, Mode(seed=view.document.setup.seed, update=update))
    for _ in forward(run):
        pass
    return run


def decode(run: Run, latent: Latent, codes: Array) -> Array:
    """Return what the decoder makes of codes (n, size): one sample each. It runs from the code on, nothing else."""
    spec = run.plan.slots[run.plan.where[latent.code[0]][latent.code[1]]].spec
    part = run_from(run, {latent.code: codes.reshape(spec.concrete(len(codes)))}, [latent.decoded])
    return pixels(need(part, latent.decoded), latent.logits)


def way(start: Array, end: Array, frames: int = FRAMES) -> Array:
    """Return codes at equal steps on the straight way between two: (frames, size)."""
    t = np.linspace(0.0, 1.0, frames)[:, None]
    return np.asarray((1.0 - t) * start + t * end)


def direction(codes: Array, has: Array) -> Array:
    """Return the direction of a feature: the mean code of samples with it minus the mean of those without."""
    if has.all() or not has.any():
        return np.zeros(codes.shape[1])
    return np.asarray(codes[has].mean(axis=0) - codes[~has].mean(axis=0))


def lattice(radius: float, point: Array, axes: tuple[int, int], n: int = GRID) -> Array:
    """Return codes on a grid of the plane, from the top left row by row; other entries are those of ``point``."""
    step = 2 * radius / n
    ticks = -radius + step * (np.arange(n) + 0.5)
    out = np.tile(point, (n * n, 1))
    out[:, axes[0]] = np.tile(ticks, n)
    out[:, axes[1]] = np.repeat(ticks[::-1], n)
    return out


def radius_of(codes: Array | None, gaussian: bool) -> float:
    """Return half the width of the plane: ±3 where codes are drawn from N(0, I), else what 99 % of them need."""
    most = 3.0 if codes is None or gaussian else 1.0
    if codes is not None and codes.size and np.isfinite(codes).all():
        most = max(most, float(np.quantile(np.abs(codes), 0.99)))
    return next((r for r in RADII if r >= most), RADII[-1])


@dataclass(frozen=True)
class Draw:
    """How one sample's code was drawn: z = μ + σ⊙ε; σ and ε are None where nothing is random."""

    mu: Array
    z: Array
    sigma: Array | None = None
    eps: Array | None = None


def draw_of(run: Run, latent: Latent) -> Draw:
    """Return μ, σ, ε and z of the first sample of a run."""
    mu, z = (need(run, p)[0].reshape(-1) for p in (latent.centre, latent.code))
    record = run.record(latent.sample) if latent.sample else None
    if record is None or "eps" not in record:
        return Draw(mu, z)
    return Draw(mu, z, record["sigma"][0].reshape(-1), record["eps"][0].reshape(-1))


@dataclass
class Seen:
    """What the lens shows of the network as it is now."""

    codes: Array | None  # (n, size) of the encoded samples
    rows: Array
    labels: Array | None
    base: Run  # of the looked-at sample
    draw: Draw
    ends: tuple[Array, Array]
    images: tuple[Array, Array] | None  # what stands at both ends
    input: Array | None
    noisy: Array | None
    rebuilt: Array
    error: float
    kl: float


def look(view: View, latent: Latent, other: int, draw: int) -> Seen:
    """Run the network as far as the lens needs it. Raises `RunError` in words."""
    session = view.session
    n = session.samples
    encoder = latent.image is not None
    if not n or session.prepared is None:
        raise RunError("The codes of samples need data: choose a data set in the Data panel.")
    here = session.sample % n
    base = run_rows(view, np.array([here, other % n]), draw)
    if session.typed and encoder:
        feeds = {p: v[:1] for p, v in session.feeds().items() if v.ndim}
        base = Run(view.plan, view.weights, dict(base.feeds) | {p: np.concatenate([v, np.asarray(base.feeds[p])[1:]])
                                                          for p, v in feeds.items() if p in base.feeds}, base.mode)
        for _ in forward(base):
            pass
    ends = need(base, latent.centre)[:2]
    ends = ends.reshape(len(ends), -1)
    made = pixels(need(base, latent.decoded), latent.logits)
    if not encoder:
        return Seen(None, np.arange(0), None, base, draw_of(base, latent), (ends[0], ends[1]), None, None, None,
                    made[0], np.nan, np.nan)
    assert latent.target is not None
    assert latent.error is not None
    rows = np.unique(np.linspace(0, n - 1, min(n, SAMPLES)).astype(int))
    many = run_rows(view, rows, draw)
    codes = need(many, latent.centre).reshape(len(rows), -1)
    labels = session.data.labels if session.data is not None else None
    target = need(base, latent.target)
    return Seen(
        codes, rows, None if labels is None else labels[rows], base, draw_of(base, latent), (ends[0], ends[1]),
        (target[0], target[1]), target[0], None if latent.seen is None else need(base, latent.seen)[0], made[0],
        float(need(many, latent.error)), np.nan if latent.kl is None else float(need(many, latent.kl)))


def measured(view: View, latent: Latent, which: str) -> Array:
    """Return the reconstruction error or the KL divergence of now on the samples of the plane, for the curves."""
    rows = np.unique(np.linspace(0, view.session.samples - 1, min(view.session.samples, SAMPLES)).astype(int))
    place = latent.error if which == "error" else latent.kl
    assert place is not None
    return need(run_rows(view, rows), place)

