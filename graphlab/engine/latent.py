"""Finding the code in a network: the narrow place between an encoder and a decoder, or what a generator starts from."""

from __future__ import annotations

from dataclasses import dataclass

from graphlab.engine.adversarial import find_players
from graphlab.engine.graph import Input
from graphlab.engine.ops.generative import GaussianKL
from graphlab.engine.ops.sampling import GaussianSample, VectorQuantise
from graphlab.engine.partial import Place, after, before, steps_between
from graphlab.engine.plan import Plan, Step
from graphlab.engine.setup import Setup
from graphlab.engine.spec import per_sample


@dataclass(frozen=True)
class Latent:
    """Where a network's code is, and what leads to it and away from it.

    ``code`` is what the decoder reads, ``centre`` where a sample lies on average (μ; the code itself where nothing
    is drawn at random), ``decoded`` what becomes of it, before the sigmoid where ``logits``. An ``image`` is fed
    into the encoder, which sees it as ``seen`` (noisy), and ``target`` is what it is compared with; a generator has
    neither. ``error`` and ``kl`` are the losses, ``sample`` the step that draws z, ``codebook`` a weight's key.
    """

    code: Place
    centre: Place
    decoded: Place
    size: int
    logits: bool = False
    sample: str = ""
    spread: Place | None = None
    image: Place | None = None
    seen: Place | None = None
    target: Place | None = None
    error: Place | None = None
    kl: Place | None = None
    codebook: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The nodes that it is found at."""
        places = (self.code, self.centre, self.decoded, self.image, self.target, self.error, self.kl)
        return tuple(dict.fromkeys([p[0] for p in places if p is not None] + [self.sample or self.code[0]]))


def place(plan: Plan, slot: int) -> Place:
    """Return the path and name of a slot."""
    return plan.slots[slot].path, plan.slots[slot].name


def size(plan: Plan, slot: int) -> int:
    """Return how many numbers a slot holds for one sample."""
    return per_sample(plan.slots[slot].spec.shape)


def narrow_places(plan: Plan, source: int, end: int) -> list[int]:
    """Return the slots that everything passes on its way from one slot to another, in order."""
    steps = steps_between(plan, {source}, {end})
    last = {slot: i for i, s in enumerate(steps) for slot in s.inputs.values() if slot is not None} | {end: len(steps)}
    flowing, out = {source}, []
    for i, step in enumerate(steps):
        flowing |= {s for s in step.outputs.values() if s in last}
        flowing = {s for s in flowing if last.get(s, -1) > i}
        if len(flowing) == 1:
            out += [s for s in flowing if s not in out]
    return out


def find_latents(plan: Plan, setup: Setup) -> list[Latent]:
    """Find every autoencoder of a plan, and every generator of something larger than what it starts from."""
    found: dict[Place, Latent] = {}
    for step in plan.steps:
        if step.op.category == "Losses":
            latent = _autoencoder(plan, step)
            if latent is not None:
                found.setdefault(latent.code, latent)
    for players in find_players(plan, setup):
        if players.noise is not None:
            code, made = (plan.where[p][n] for p, n in (players.noise, players.generated))
            if 2 <= size(plan, code) < size(plan, made):
                found.setdefault(players.noise, Latent(players.noise, players.noise, players.generated,
                                                       size(plan, code)))
    return list(found.values())


def _autoencoder(plan: Plan, loss: Step) -> Latent | None:
    """Return the autoencoder whose output a loss compares with its input."""
    data = [loss.inputs[p.name] for p in loss.op.ports() if p.data]
    if len(data) < 2 or None in data[:2] or plan.slots[data[0] or 0].spec.kind != "real":
        return None
    made, target = data[0], data[1]
    assert made is not None
    assert target is not None
    roots, origins = before(plan, [made]), before(plan, [target])
    if any(plan.slots[s].key for s in origins):
        return None
    for step in plan.steps:
        slot = step.outputs.get("y")
        if not isinstance(step.op, Input) or slot not in roots or slot not in origins:
            continue
        narrow = narrow_places(plan, slot, made)
        samples = [s for s in plan.steps if isinstance(s.op, GaussianSample) and s.outputs["z"] in narrow]
        best = samples[0].outputs["z"] if samples else min(narrow, key=lambda s: size(plan, s), default=made)
        if not 2 <= size(plan, best) < size(plan, target):
            continue
        return _described(plan, loss, slot, made, target, best)
    return None


def _described(plan: Plan, loss: Step, image: int, made: int, target: int, best: int) -> Latent:
    sample = next((s for s in plan.steps if isinstance(s.op, GaussianSample) and s.outputs["z"] == best), None)
    centre, spread = (best, None) if sample is None else (sample.inputs["mu"], sample.inputs["spread"])
    assert centre is not None
    kl = None
    if sample is not None:
        kl = next((s for s in plan.steps if isinstance(s.op, GaussianKL) and s.inputs["mu"] == centre), None)
    on_way = after(plan, [best])
    quantised = next((s for s in plan.steps if isinstance(s.op, VectorQuantise) and s.inputs["x"] in on_way
                      and s.inputs["x"] in narrow_places(plan, image, made)), None)
    book = None if quantised is None else quantised.inputs["E"]
    noisy = [s.outputs["y"] for s in steps_between(plan, {image}, {best}) if s.op.name() in ("GaussianNoise", "Dropout")
             and s.inputs["x"] == image]
    return Latent(
        place(plan, best), place(plan, centre), place(plan, made), size(plan, best),
        getattr(loss.op, "takes", "") == "logits", "" if sample is None else sample.path,
        None if spread is None else place(plan, spread), place(plan, image),
        place(plan, noisy[0]) if noisy else None, place(plan, target), (loss.path, "y"),
        None if kl is None else (kl.path, "y"), "" if book is None else plan.slots[book].key)
