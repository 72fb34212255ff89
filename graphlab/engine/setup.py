"""How a network is trained, as a value: data, losses, optimiser, and everything around them."""

from __future__ import annotations

import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

import graphlab.engine.sequences  # registers its data sources
import graphlab.engine.shapes  # noqa: F401  (the same)
from graphlab.engine.data import DataError, DataSource, Split
from graphlab.engine.declared import Declared, attr
from graphlab.engine.optim import SGD, Optimiser
from graphlab.engine.plan import Plan
from graphlab.engine.regularise import NoPenalty, Penalty
from graphlab.engine.schedule import Constant, Schedule
from graphlab.engine.sources import Moons


@dataclass(frozen=True)
class Phase:
    """One kind of update: which losses it lowers (or raises, with ``ascend``), which weights it moves, and how.

    ``losses`` are (node path, coefficient); none means every loss node of the network with coefficient 1.
    ``train`` are patterns as `chosen` reads them. ``steps`` updates are made in a row in every round.
    """

    name: str = "train"
    losses: tuple[tuple[str, float], ...] = ()
    train: tuple[str, ...] = ("*",)
    optimiser: Optimiser = SGD()  # noqa: RUF009  (frozen)
    steps: int = 1
    ascend: bool = False


class Setup(Declared, register=False):
    """All that training needs beside the network.

    ``feed`` are (Input path, source): a column of the data, ``noise:normal`` or ``noise:uniform`` for numbers drawn
    anew at every update, or ``fill:1`` for one number everywhere. Inputs that it leaves out are fed by what fits.
    """

    phases: tuple[Phase, ...] = attr("what one round of training does", default=(Phase(),))
    data: DataSource = attr("where the samples come from", default=Moons())
    feed: tuple[tuple[str, str], ...] = attr("which column goes into which Input", default=())
    batch: int = attr("samples of one update; the last batch of an epoch may be smaller", default=32, min=1)
    epochs: int = attr("passes over the training samples", default=100, min=1)
    seed: int = attr("what initial weights, shuffling and dropout start from", default=0, min=0)
    split: Split = attr("training, validation and test", default=Split())
    standardise: bool = attr("bring features to mean 0 and variance 1, as measured on training samples", default=False)
    schedule: Schedule = attr("how the learning rate changes", default=Constant())
    penalty: Penalty = attr("what large weights cost", default=NoPenalty())
    clip: float = attr("longest gradient of an update; 0: as long as it is", default=0.0, min=0.0)
    patience: int = attr("epochs without a better validation loss before training stops and the best weights return; "
                         "0: never", default=0, min=0)

    def plain(self) -> dict[str, Any]:
        """Return the same in dictionaries, lists, numbers and strings, ready for JSON."""
        out: dict[str, Any] = plain(self)
        return out

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> Setup:
        """Read what `plain` wrote. Raises `DataError` where a name is unknown or a value has the wrong type."""
        out = read(cls, value, "setup")
        assert isinstance(out, Setup)
        return out


#: Families of which a value says its name, and what one is called in a message.
_FAMILIES: dict[Any, str] = {
    Optimiser: "optimiser", DataSource: "data source", Schedule: "schedule", Penalty: "penalty"}


def plain(value: Any) -> Any:
    """Turn a declaration into JSON's types; members of a family say their name: {"name": "SGD", "rate": 0.01}."""
    if isinstance(value, Phase):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Declared):
        named = {"name": value.name()} if isinstance(value, tuple(_FAMILIES)) else {}
        return named | {k: plain(v) for k, v in value.values().items()}
    return [plain(v) for v in value] if isinstance(value, tuple) else value


def read(kind: Any, value: Any, where: str) -> Any:
    """Turn JSON's types into a value of the annotated type ``kind``; ``where`` names the place for messages."""
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise DataError(f"{where} has to be a list; it is {value!r}.")
        types = typing.get_args(kind)
        if types[-1] is Ellipsis:
            types = types[:1] * len(value)
        if len(types) != len(value):
            raise DataError(f"{where} has to be a list of {len(types)}; it has {len(value)} entries.")
        return tuple(read(t, v, f"{where}[{i}]") for i, (t, v) in enumerate(zip(types, value, strict=True)))
    if isinstance(kind, type) and issubclass(kind, Declared | Phase):
        return _declared(kind, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DataError(f"{where} has to be of the type {kind.__name__}; it is {value!r}.")
    return value


def _declared(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise DataError(f"{where} has to be an object with names; it is {value!r}.")
    given = dict(value)
    if kind in _FAMILIES:
        name = given.pop("name", "")
        if name not in kind.family:
            raise DataError(f"{where}: there is no {_FAMILIES[kind]} called {name!r}; "
                            f"there are {', '.join(sorted(kind.family))}.")
        kind = kind.family[name]
    hints = typing.get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    for name in given:
        if name not in known:
            raise DataError(f"{where} has no attribute {name!r}; it has {', '.join(sorted(known))}.")
    return kind(**{name: read(hints[name], v, f"{where}.{name}") for name, v in given.items()})


def chosen(plan: Plan, patterns: Collection[str]) -> tuple[str, ...]:
    """Return the weight keys that patterns choose out of `Plan.trainable`, in the plan's order.

    A pattern fits a weight's key (``fc.W``), the path of its node (``D/fc``) or a block around it (``D``); ``*``
    stands for anything. Later patterns win; those that begin with ``!`` leave out. A list that begins with one
    starts from everything.
    """
    rules = list(patterns)
    everything = bool(rules) and rules[0].startswith("!")
    out = []
    for key in plan.trainable():
        path = plan.slots[plan.keys[key]].path
        inside = everything
        for rule in rules:
            pattern = rule.removeprefix("!")
            if any(fnmatchcase(name, p) for name in (key, path) for p in (pattern, f"{pattern}/*")):
                inside = not rule.startswith("!")
        if inside:
            out.append(key)
    return tuple(out)


def loss_nodes(plan: Plan) -> tuple[str, ...]:
    """Return the paths of the steps whose op is a loss."""
    return tuple(s.path for s in plan.steps if s.op.category == "Losses")
