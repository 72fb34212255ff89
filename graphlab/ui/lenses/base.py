"""What a lens is: a drawing of the real computation of one op or of one pattern of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from graphlab.engine.op import Array, Op
from graphlab.engine.plan import Plan
from graphlab.ui.lenses.view import View

Match = Callable[[View], Sequence[str]]


@dataclass(frozen=True)
class Try:
    """Something to change and watch: the words on its button, and what it does."""

    label: str
    run: Callable[[], None]
    hint: str = ""


@dataclass(frozen=True)
class Binding:
    """How a lens finds what it looks at: by op class, or by a pattern that names the paths it is found at.

    ``last`` puts it behind all others: it works without finding anything, and without a network.
    """

    lens: type[Lens]
    ops: tuple[type[Op], ...] = ()
    match: Match | None = None
    last: bool = False


_BINDINGS: list[Binding] = []


def lens(
    *ops: type[Op], match: Match | None = None, last: bool = False,
) -> Callable[[type[Lens]], type[Lens]]:
    """Bind a lens class to ops (subclasses included), or to a pattern: ``match`` returns the paths it fits, '' for all.

    A decorator: ``@lens(BatchNorm)``, ``@lens(match=find_gan)``; ``last`` puts it behind all others.
    """
    def bind(cls: type[Lens]) -> type[Lens]:
        _BINDINGS.append(Binding(cls, ops, match, last))
        return cls
    return bind


def lenses_for(view: View) -> list[type[Lens]]:
    """Return the lenses that fit what a view is bound to: the most specific first, those of the whole network last."""
    op, plan = view.op, view.plan
    found: list[tuple[int, int, type[Lens]]] = []
    for order, binding in enumerate(_BINDINGS):
        # What fits every op says least about this one, less than a pattern that it belongs to.
        ranks = [60 if c is Op else type(op).__mro__.index(c) for c in binding.ops if isinstance(op, c)]
        if ranks:
            found.append((min(ranks), order, binding.lens))
        elif binding.match is not None and (plan.steps or binding.last):
            paths = binding.match(view)
            if view.path in paths and view.path:
                found.append((50, order, binding.lens))
            elif paths:
                # A pattern that was found at certain nodes says more than one that fits every network.
                rank = 1000 if binding.last else 90 if any(paths) else 100
                found.append((rank, order, binding.lens))
    # By module, not by who was imported first.
    return [cls for _, _, cls in sorted(found, key=lambda f: (f[0], f[2].__module__, f[1]))]


def all_lenses() -> tuple[type[Lens], ...]:
    """Return every lens."""
    return tuple(dict.fromkeys(b.lens for b in _BINDINGS))


class Lens(QWidget):
    """The base of all lenses.

    A subclass builds its widgets in ``__init__``, reads the numbers in `refresh`, and draws the frame at ``progress``
    0…1 of its animation in `show_frame`, so that playing, scrubbing, training and export share one code.
    What it draws is told by `shown`, which tests compare with the engine.
    """

    title: ClassVar[str] = ""
    #: What it is for, in a sentence.
    about: ClassVar[str] = ""
    #: What to look for, in a few sentences.
    look_for: ClassVar[str] = ""
    #: The number of frames of its animation; 1 stands still.
    frames_changed = Signal()
    #: A sentence about the frame that is shown has changed.
    caption_changed = Signal(str)

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.progress = 1.0
        self.setAccessibleName(self.title)
        self.setAccessibleDescription(self.about)

    @property
    def frames(self) -> int:
        """The number of frames of the animation; 1 stands still."""
        return 1

    def refresh(self) -> None:
        """Read the numbers anew: the network, its weights or the samples have changed. Raises `RunError` in words."""
        raise NotImplementedError

    def show_frame(self, progress: float) -> None:
        """Draw the frame at 0…1 of the animation."""
        self.progress = progress

    def caption(self) -> str:
        """Return the sentence about the frame that is shown."""
        return ""

    def shown(self) -> Mapping[str, Array]:
        """Return the numbers behind what is drawn now, by name."""
        return {}

    def followed(self) -> Mapping[str, Callable[[View], Array]]:
        """Return what to follow over training, by name: `View.history` has it."""
        return {}

    def tries(self) -> Iterable[Try]:
        """Return things to change and watch."""
        return ()

    def frame_index(self) -> int:
        """Return the number of the frame that is shown, from 0."""
        return round(self.progress * (self.frames - 1))


def paths_of(plan: Plan, *ops: type[Op]) -> list[str]:
    """Return the paths of the steps of some ops, for patterns."""
    return [s.path for s in plan.steps if isinstance(s.op, ops)]
