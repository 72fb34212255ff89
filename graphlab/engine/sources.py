"""Data sets that are drawn from a seed: small problems that show what a network can and cannot learn."""

from __future__ import annotations

import numpy as np

from graphlab.engine.data import Column, DataSource, Table, classification
from graphlab.engine.declared import attr
from graphlab.engine.record import Array, Mode, stream

_PLANE = ("x₁", "x₂")
#: More points than anyone draws, few enough for a file that is read at once.
MOST_POINTS = 20_000


class _Drawn(DataSource, register=False):
    """What the generators share: how many samples, how noisy, from which seed."""

    n: int = attr("number of samples", default=400, min=1, max=1_000_000)
    noise: float = attr("standard deviation of the noise", default=0.1, min=0.0, max=10.0)
    seed: int = attr("what the random numbers start from", default=0, min=0)

    def line(self) -> str:
        return f"{self.n} samples, noise {self.noise:g}"

    def rng(self) -> np.random.Generator:
        """Return the generator of this data set."""
        return stream(f"data/{self.name()}", Mode(seed=self.seed))

    def counts(self, classes: int) -> list[int]:
        """Share the samples out to the classes as evenly as they go."""
        return [self.n // classes + (i < self.n % classes) for i in range(classes)]

    def noisy(self, rng: np.random.Generator, points: Array) -> Array:
        """Add the noise to points."""
        return points + self.noise * rng.standard_normal(points.shape)


class XOR(_Drawn):
    """The four corners of the unit square, opposite ones of one class: no line separates them."""

    def formula(self) -> str:
        return r"y = x_1 \oplus x_2"

    def table(self) -> Table:
        rng = self.rng()
        corner = np.arange(self.n) % 4
        x = np.stack([corner // 2, corner % 2], axis=1).astype(np.float64)
        return classification(self.noisy(rng, x), (corner // 2) ^ (corner % 2), ("0", "1"), _PLANE)


class Moons(_Drawn):
    """Two half circles that reach into each other."""

    def table(self) -> Table:
        rng = self.rng()
        upper, lower = (np.linspace(0, np.pi, k) for k in self.counts(2))
        x = np.concatenate([np.stack([np.cos(upper), np.sin(upper)], axis=1),
                            np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1)])
        return classification(self.noisy(rng, x), np.repeat([0, 1], self.counts(2)), ("upper", "lower"), _PLANE)


class Circles(_Drawn):
    """One circle around another."""

    noise: float = attr("standard deviation of the noise", default=0.05, min=0.0, max=10.0)
    factor: float = attr("radius of the inner circle where the outer one has 1", default=0.5, min=0.01, max=0.99)

    def table(self) -> Table:
        rng = self.rng()
        parts = [r * np.stack([np.cos(a), np.sin(a)], axis=1)
                 for r, k in zip((1.0, self.factor), self.counts(2), strict=True)
                 for a in (np.linspace(0, 2 * np.pi, k, endpoint=False),)]
        return classification(self.noisy(rng, np.concatenate(parts)), np.repeat([0, 1], self.counts(2)),
                              ("outer", "inner"), _PLANE)


class Spirals(_Drawn):
    """Arms that wind around each other from the centre outwards."""

    noise: float = attr("standard deviation of the noise", default=0.02, min=0.0, max=10.0)
    arms: int = attr("number of arms, each a class", default=2, min=2, max=10)
    turns: float = attr("how often each arm goes round", default=1.0, min=0.1, max=5.0)

    def formula(self) -> str:
        return r"x = r\,(\cos\varphi, \sin\varphi),\quad \varphi = 2\pi (\mathrm{turns} \cdot r + k / \mathrm{arms})"

    def table(self) -> Table:
        rng = self.rng()
        parts = []
        for k, count in enumerate(self.counts(self.arms)):
            r = np.linspace(0.1, 1.0, count)
            angle = 2 * np.pi * (self.turns * r + k / self.arms)
            parts.append(np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1))
        classes = tuple(f"arm {k + 1}" for k in range(self.arms))
        labels = np.repeat(np.arange(self.arms), self.counts(self.arms))
        return classification(self.noisy(rng, np.concatenate(parts)), labels, classes, _PLANE)


class Blobs(_Drawn):
    """Round clouds of points, one a class, with their centres on a circle."""

    noise: float = attr("standard deviation of the points around their centre", default=0.2, min=0.0, max=10.0)
    clouds: int = attr("number of clouds, each a class", default=3, min=1, max=100)

    def table(self) -> Table:
        rng = self.rng()
        angle = 2 * np.pi * np.arange(self.clouds) / self.clouds
        centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        labels = np.repeat(np.arange(self.clouds), self.counts(self.clouds))
        classes = tuple(f"cloud {k + 1}" for k in range(self.clouds))
        return classification(self.noisy(rng, centres[labels]), labels, classes, _PLANE)


class Regression1D(_Drawn):
    """A curve with noise: from one number, learn another."""

    title = "Regression 1-D"
    n: int = attr("number of samples", default=200, min=1, max=1_000_000)
    curve: str = attr("what the noise is added to", default="sine", choices=("line", "sine", "cubic", "step"))

    def formula(self) -> str:
        return {"line": r"y = 0.5 x + 0.2", "sine": r"y = \sin \pi x", "cubic": r"y = x^3 - 0.5 x",
                "step": r"y = 1(x \geq 0)"}[self.curve]

    def table(self) -> Table:
        rng = self.rng()
        x = np.sort(rng.uniform(-1.0, 1.0, (self.n, 1)), axis=0)
        y = {"line": 0.5 * x + 0.2, "sine": np.sin(np.pi * x), "cubic": x * x * x - 0.5 * x,
             "step": (x >= 0.0).astype(np.float64)}[self.curve]
        return Table({"x": Column(x, features=("x",)), "y": Column(self.noisy(rng, y), features=("y",), target=True)})


class Points(_Drawn):
    """Points of the plane that were drawn by hand; each sample lies near one of them."""

    title = "Points drawn by hand"
    n: int = attr("number of samples; the points are taken in turn", default=1000, min=1, max=1_000_000)
    noise: float = attr("standard deviation of the samples around their point", default=0.05, min=0.0, max=10.0)
    points: tuple[tuple[float, float], ...] = attr("the points", default=((-1.0, 0.0), (1.0, 0.0)))

    def line(self) -> str:
        return f"{len(self.points)} points, {self.n} samples"

    def problems(self) -> list[str]:
        wrong = super().problems()
        if not self.points:
            wrong.append("needs at least 1 point; it has none")
        elif len(self.points) > MOST_POINTS:
            wrong.append(f"can hold {MOST_POINTS:,} points; it has {len(self.points):,}")
        elif not np.isfinite(np.asarray(self.points)).all():
            wrong.append("needs points with finite coordinates; one has none")
        return wrong

    def table(self) -> Table:
        rng = self.rng()
        near = np.asarray(self.points, np.float64)[np.arange(self.n) % len(self.points)]
        return Table({"x": Column(self.noisy(rng, near), features=_PLANE)})
