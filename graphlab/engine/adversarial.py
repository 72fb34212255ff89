"""Finding the two players of a GAN: which part makes data, which part judges them, and in which phase each moves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import permutations

from graphlab.engine.partial import Place, after, before
from graphlab.engine.plan import Plan, Step
from graphlab.engine.setup import Setup, chosen
from graphlab.engine.stage import losses_of


@dataclass(frozen=True)
class Players:
    """A generator and a discriminator. ``judge`` and ``maker`` are the numbers of their phases.

    ``generated`` and ``real`` are what the discriminator reads, ``on_generated`` and ``on_real`` what it says:
    logits where ``takes`` is that, or probabilities. ``noise`` is the Input that the generator starts from.
    """

    judge: int
    maker: int
    judge_keys: frozenset[str]
    maker_keys: frozenset[str]
    generated: Place
    real: Place
    on_generated: Place
    on_real: Place
    takes: str
    noise: Place | None
    paths: tuple[str, ...]


def find_players(plan: Plan, setup: Setup) -> list[Players]:
    """Find the pairs of phases that train against each other; mostly there is none or one."""
    keys = [frozenset(chosen(plan, phase.train)) for phase in setup.phases]
    found = []
    for d, g in permutations(range(len(keys)), 2):
        if keys[d] and keys[g] and not keys[d] & keys[g]:
            players = _players(plan, setup, d, g, keys)
            if players is not None:
                found.append(players)
    return found


def _players(plan: Plan, setup: Setup, d: int, g: int, keys: list[frozenset[str]]) -> Players | None:
    judged, made = (after(plan, [plan.keys[k] for k in keys[i]]) for i in (d, g))
    losses = [set(losses_of(plan, setup.phases[i])) for i in (d, g)]
    steps = [[s for s in plan.steps if any(s.path == p or s.path.startswith(f"{p}/") for p in wanted)
              and s.op.category == "Losses"] for wanted in losses]
    # The judge's losses read both kinds of data; the maker's only what it made.
    on_real = _read(steps[0], judged - made)
    on_generated = _read(steps[1], judged & made)
    if not on_real or not on_generated or not _read(steps[0], judged & made) or _read(steps[1], judged - made):
        return None
    said, asked = on_generated[0], on_real[0]
    generated = _entries(plan, before(plan, [said[1]]) & made - judged, judged)
    real = _entries(plan, before(plan, [asked[1]]) - judged - made, judged)
    if not generated or not real:
        return None
    roots = before(plan, generated[:1])
    noise = next((s for s in plan.inputs if s.outputs["y"] in roots), None)
    slots = plan.slots
    made_at, real_at, on_made, on_data = ((slots[i].path, slots[i].name)
                                          for i in (generated[0], real[0], said[1], asked[1]))
    paths = [p[0] for p in (made_at, real_at, on_made, on_data)]
    paths += [s.path for group in steps for s in group]
    paths += [slots[plan.keys[k]].path for k in sorted(keys[d] | keys[g])]
    # A block that holds only one player's steps is where people look for that player.
    blocks = {p.partition("/")[0] for p in paths}
    return Players(d, g, keys[d], keys[g], made_at, real_at, on_made, on_data,
                   getattr(said[0].op, "takes", "logits"), None if noise is None else (noise.path, "y"),
                   tuple(dict.fromkeys([*paths, *sorted(blocks)])))


def _read(losses: list[Step], slots: Collection[int]) -> list[tuple[Step, int]]:
    """Return the losses that read some of these slots, with the first one each reads."""
    out = []
    for step in losses:
        for port in step.op.ports():
            slot = step.inputs[port.name]
            if port.data and slot in slots and slot is not None:
                out.append((step, slot))
                break
    return out


def _entries(plan: Plan, outside: Collection[int], judged: Collection[int]) -> list[int]:
    """Return the slots outside of the discriminator that it reads: results, data, but neither weights nor labels."""
    return [slot for step in plan.steps if step.op.category != "Losses"
            and not set(step.outputs.values()).isdisjoint(judged)
            for slot in step.inputs.values() if slot in outside and slot is not None and not plan.slots[slot].key
            and plan.slots[slot].spec.batched]
