"""Things to change in a GAN, and to watch: its losses, who moves how often, its data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from graphlab.engine.adversarial import Players
from graphlab.engine.data import DataSource
from graphlab.engine.op import Array
from graphlab.engine.ops.generative import DiscriminatorLoss, GeneratorLoss
from graphlab.engine.setup import Phase
from graphlab.engine.sources import MOST_POINTS, Blobs, Moons, Points
from graphlab.ui.lenses.base import Try
from graphlab.ui.lenses.latent_tries import change, nodes_of
from graphlab.ui.lenses.view import View

#: Points near each of which real data are drawn, and how they scatter.
_HAND_SAMPLES, _HAND_NOISE = 1000, 0.03
#: Mode collapse: the generator's updates for each of the discriminator's, and the learning rates of both.
_HASTE, _JUDGE_RATE, _MAKER_RATE = 10, 0.002, 0.01
DATA: tuple[tuple[str, DataSource], ...] = (
    ("Two clouds", Blobs(clouds=2, n=1000, noise=0.12)), ("A ring of eight", Blobs(clouds=8, n=2000, noise=0.05)),
    ("Two moons", Moons(n=1000, noise=0.05)))


def set_pace(view: View, players: Players, label: str, steps: tuple[int, int], rates: tuple[float, float]) -> None:
    """Choose how many updates the judge and the maker make in a round, and how large they are; undoably."""
    phases = list(view.document.setup.phases)
    for index, count, rate in zip((players.judge, players.maker), steps, rates, strict=True):
        phase: Phase = phases[index]
        phases[index] = replace(phase, steps=count, optimiser=phase.optimiser.replace(rate=rate))
    setup = view.document.setup.replace(phases=tuple(phases))
    view.edit(label, replace(view.document, setup=setup))


def set_data(view: View, label: str, data: DataSource) -> None:
    """Choose other real data, undoably; points are shown in the units that the network sees."""
    view.edit(label, replace(view.document, setup=view.document.setup.replace(data=data, standardise=False)))


def add_points(view: View, stroke: Array) -> None:
    """Add a stroke drawn by hand to the real data, undoably; the first one replaces what was there."""
    have = view.document.setup.data
    before = have.points if isinstance(have, Points) else ()
    points = (*before, *((round(float(x), 4), round(float(y), 4)) for x, y in stroke))
    if len(points) > MOST_POINTS:
        view.session.message.emit(f"{MOST_POINTS:,} points can be drawn; there are {len(before):,} already.", "warning")
        return
    base = have if isinstance(have, Points) else Points(n=_HAND_SAMPLES, noise=_HAND_NOISE)
    set_data(view, "Draw data", base.replace(points=points))


def gan_tries(view: View, players: Players, plane: bool) -> Iterator[Try]:
    """Yield the edits that suit the network."""
    for path, loss in nodes_of(view, GeneratorLoss):
        assert isinstance(loss, GeneratorLoss)
        new = "saturating" if loss.form == "non-saturating" else "non-saturating"
        hint = ("ln(1 − D(G(z))) is flat where D is sure that a point is made up: the arrows almost vanish there"
                if new == "saturating" else "−ln D(G(z)) is steepest where D is sure that a point is made up")
        yield Try(f"{new.capitalize()} loss", partial(change, view, f"{new.capitalize()} generator loss", path,
                                                      form=new), f"{hint}. Undo brings the other one back.")
    for path, judge in nodes_of(view, DiscriminatorLoss):
        assert isinstance(judge, DiscriminatorLoss)
        smooth = (judge.real, judge.fake) == (1.0, 0.0)
        real, fake = (0.9, 0.1) if smooth else (1.0, 0.0)
        yield Try("Label smoothing 0.9 / 0.1" if smooth else "Hard labels 1 / 0",
                  partial(change, view, f"Labels {real:g} and {fake:g}", path, real=real, fake=fake),
                  "With 0.9 and 0.1 the best discriminator stays between the two and never becomes quite sure")
    phases = view.document.setup.phases
    steps = phases[players.judge].steps, phases[players.maker].steps
    if steps != (1, _HASTE):
        yield Try("Mode collapse", partial(set_pace, view, players, "Mode collapse", (1, _HASTE),
                                           (_JUDGE_RATE, _MAKER_RATE)),
                  f"The generator makes {_HASTE} updates for each of the discriminator's, and runs to one place; train")
    if steps != (1, 1):
        yield Try("One update each", partial(set_pace, view, players, "One update each", (1, 1), (0.002, 0.002)),
                  "Both players in balance: each makes one update in turn, at the same rate")
    if plane:
        have = view.document.setup.data
        for name, data in DATA:
            if data != have:
                yield Try(name, partial(set_data, view, f"Data: {name.lower()}", data), f"Real data: {name.lower()}")
    training = view.training
    if training is not None:
        def anew() -> None:
            training.restart()
        yield Try("Start anew", anew, "Train from the weights that the seed gives")


