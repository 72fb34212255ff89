"""How a card or a wire looks at a moment: what the debugger, the problems and the pointer add to the drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from PySide6.QtGui import QColor, QImage

from graphlab.engine.graph import Input, Output, Parameter, Source, Target
from graphlab.engine.op import Array
from graphlab.engine.plan import Problem
from graphlab.ui.canvas.geometry import Card
from graphlab.ui.canvas.thumbs import Thumb, gradient_strip, level, thumb
from graphlab.ui.theme import Theme

Stage = Literal["none", "forward", "backward"]
Current = Literal["", "forward", "backward"]


@dataclass(frozen=True)
class CardLook:
    """The state of a card. ``current`` is the debugger's direction where it stands on this card."""

    stage: Stage = "none"
    current: Current = ""
    thumb: Thumb | None = None
    strip: QImage | None = None
    problems: int = 0
    selected: bool = False
    hovered: bool = False
    lit: bool = False
    dimmed: bool = False
    breakpoint: bool = False
    offered: bool = False  # its hidden ports are shown, since a wire is being drawn


@dataclass(frozen=True)
class WireLook:
    """The state of a wire: what has come along it so far, how large the gradient was (0…1), and whether just now."""

    stage: Stage = "none"
    level: float = 0.0
    current: bool = False
    selected: bool = False
    lit: bool = False
    dimmed: bool = False


@dataclass(frozen=True)
class SumLook:
    """A gradient that is a sum: the terms by the node that sent them, as strips (None: not yet there), and the sum."""

    terms: tuple[tuple[str, QImage | None], ...]
    total: QImage | None
    open: bool = False


class Looks(Protocol):
    """What painting asks for the state of things."""

    def card(self, card: Card) -> CardLook:
        """Return how a card looks."""

    def wire(self, target: Target, source: Source) -> WireLook:
        """Return how a wire looks."""

    def sums(self) -> Mapping[Source, SumLook]:
        """Return the outputs whose gradient is a sum of several terms, as far as it has been computed."""

    def note(self, id: str) -> bool:
        """Tell whether a note is selected."""

    def marks(self) -> Mapping[str, QColor]:
        """Return the nodes that have to be found from far away, with the colour of their mark."""


class Plain:
    """Nothing has run and nobody points at anything: for pictures of the network alone."""

    def card(self, card: Card) -> CardLook:
        return CardLook()

    def wire(self, target: Target, source: Source) -> WireLook:
        return WireLook()

    def sums(self) -> Mapping[Source, SumLook]:
        return {}

    def note(self, id: str) -> bool:
        return False

    def marks(self) -> Mapping[str, QColor]:
        return {}


class PlayerState(Protocol):
    """The part of the debugger that the canvas shows; `Player` has it, and so may a snapshot for a picture."""

    run: Any
    level: str
    breakpoints: set[str]

    @property
    def position(self) -> tuple[str, Literal["forward", "backward"]] | None:
        """Where it stands: path and direction."""

    def stage(self, path: str) -> Stage:
        """How far a node has come."""

    def value(self, path: str, output: str = "y") -> Array | None:
        """A value that has been reached."""

    def gradient(self, path: str, output: str = "y") -> Array | None:
        """A gradient that has been reached."""

    def level_run(self) -> Any:
        """The run of the level that is stepped through."""

    def card(self, path: str) -> str:
        """The path of the card that stands for a step."""


@dataclass
class Played:
    """Looks that show a run at the debugger's cursor. Pictures are made once and kept until `forget`."""

    player: PlayerState
    colours: Theme
    scope: str = ""
    problems: tuple[Problem, ...] = ()
    _cards: dict[str, CardLook] = field(default_factory=dict)
    _wires: dict[Target, WireLook] = field(default_factory=dict)
    _sums: dict[Source, SumLook] | None = None
    _badges: dict[str, int] | None = None

    def forget(self) -> None:
        """The cursor moved: everything is looked up anew."""
        self._cards.clear()
        self._wires.clear()
        self._sums = None

    def set_problems(self, problems: tuple[Problem, ...]) -> None:
        """Other problems belong to the cards now."""
        self.problems, self._badges = problems, None
        self._cards.clear()

    def badge(self, path: str) -> int:
        """Count the problems of a node and of what lies in it."""
        if self._badges is None:
            self._badges = {}
            for problem in self.problems:
                path_ = problem.path
                while path_:
                    self._badges[path_] = self._badges.get(path_, 0) + 1
                    path_ = path_.rpartition("/")[0]
        return self._badges.get(path, 0)

    def _path(self, id: str) -> str:
        return f"{self.scope}/{id}" if self.scope else id

    @property
    def _current(self) -> tuple[str, Current]:
        position = self.player.position
        return ("", "") if position is None else (self.player.card(position[0]), position[1])

    def card(self, card: Card) -> CardLook:
        if card.path not in self._cards:
            self._cards[card.path] = self._look(card)
        return self._cards[card.path]

    def _look(self, card: Card) -> CardLook:
        at, direction = self._current
        stage = self.player.stage(card.path)
        names = [name for name, _ in card.content.outputs]
        shown: Thumb | None = None
        strip = None
        if names and stage != "none" and (value := self.player.value(card.path, names[0])) is not None:
            picture = isinstance(card.node.op, Input | Output | Parameter)
            ratio = card.well.width() / card.well.height()
            shown = thumb(value, self._batched(card.path, names[0]), self.colours, picture, ratio)
        if names and (gradient := self.player.gradient(card.path, names[0])) is not None:
            strip = gradient_strip(gradient, self._batched(card.path, names[0]), self.colours)
        return CardLook(stage, direction if at == card.path else "", shown, strip, self.badge(card.path),
                        breakpoint=card.path in self.player.breakpoints)

    def _batched(self, path: str, output: str) -> bool:
        run = self.player.run
        owner = None if run is None else run.owner(path)
        spec = None if owner is None else owner.plan.spec(path, output)
        return bool(spec.batched) if spec is not None else False

    def wire(self, target: Target, source: Source) -> WireLook:
        if target not in self._wires:
            at, direction = self._current
            ahead = self.player.stage(self._path(target.node))
            here = self._path(target.node) == at
            if ahead == "backward" and (sent := self._sent(target, source)) is not None:
                look = WireLook("backward", level(sent), here and direction == "backward")
            elif self.player.stage(self._path(source.node)) != "none":
                look = WireLook("forward", 0.0, here and direction == "forward")
            else:
                look = WireLook()
            self._wires[target] = look
        return self._wires[target]

    def _sent(self, target: Target, source: Source) -> Array | None:
        """Return what was sent back through a port: a step's own term, else all that its source received."""
        run = self.player.run
        record = None if run is None else run.record(self._path(target.node))
        if record is not None:
            term: Array | None = record.gradients.get(target.port)
            return term
        return self.player.gradient(self._path(source.node), source.output)

    def sums(self) -> Mapping[Source, SumLook]:
        if self._sums is None:
            self._sums = self._find_sums()
        return self._sums

    def note(self, id: str) -> bool:
        return False

    def marks(self) -> Mapping[str, QColor]:
        out = {}
        prefix = f"{self.scope}/" if self.scope else ""
        self.badge("")
        for path in self._badges or ():
            if path.startswith(prefix) and "/" not in path[len(prefix):]:
                out[path[len(prefix):]] = self.colours.problem
        at, _ = self._current
        if at.startswith(prefix) and at != prefix:
            out[at[len(prefix):]] = self.colours.now
        return out

    def _find_sums(self) -> dict[Source, SumLook]:
        run = self.player.level_run()
        prefix = f"{self.scope}/" if self.scope else ""
        if run is None or not run.terms:
            return {}
        at, direction = self._current
        out = {}
        for path, outputs in run.plan.where.items():
            head, _, id = path.rpartition("/")
            if head != prefix.rstrip("/"):
                continue
            for name, slot in outputs.items():
                terms = [t for t in run.terms.get(slot, []) if t.path]
                if len(terms) < 2 or not f"{run.plan.slots[slot].path}/".startswith(f"{path}/"):
                    continue
                arrived = [self.player.stage(t.path) == "backward" for t in terms]
                if not any(arrived):
                    continue
                batched = run.plan.slots[slot].spec.batched
                strips = tuple((self._name(t.path), gradient_strip(t.value, batched, self.colours) if there else None)
                               for t, there in zip(terms, arrived, strict=True))
                total = self.player.gradient(path, name)
                now = direction == "backward" and at in {self.player.card(t.path) for t in terms}
                out[Source(id, name)] = SumLook(
                    strips, None if total is None else gradient_strip(total, batched, self.colours), now)
        return out

    def _name(self, path: str) -> str:
        return self.player.card(path).rpartition("/")[2]
