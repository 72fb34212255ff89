"""The GAN lens: what the generator makes, what the discriminator says to it, and where that sends the generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from PySide6.QtWidgets import QWidget

from graphlab.engine.adversarial import Players, find_players
from graphlab.engine.op import Array
from graphlab.engine.run import RunError
from graphlab.ui.lenses import gan_numbers as numbers
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.gan_stage import Stage
from graphlab.ui.lenses.gan_tries import add_points, gan_tries
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text

NAMES = {"D": "the discriminator’s", "G": "the generator’s"}


def matches(view: View) -> list[str]:
    """Return where the two players of a GAN are."""
    return [path for players in find_players(view.plan, view.document.setup) for path in players.paths]


@lens(match=matches)
class GanLens(Lens):
    """Two players on real and generated data, update by update."""

    title = "GAN"
    about = "Generator against discriminator: their data, their opinions, their losses, and whose turn it is."
    look_for = ("Blue is where the discriminator says real, orange where it says made up, the line is D = ½. Arrows "
                "are −∂L_G/∂x: where the generator would like its points to go. When both kinds lie alike, D(x) and "
                "D(G(z)) meet at ½ and V at −ln 4. Play rehearses the next updates one by one from the weights of now; "
                "the button makes one for real. Draw your own data with the mouse.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.progress = 0.0
        self.players: Players | None = None
        self.game: numbers.Game | None = None
        self.surface = np.zeros((0, 0))
        self.ways = np.zeros((0, 6, 2))
        self.moving = ""
        self._now: numbers.Game | None = None
        self._before: numbers.Game | None = None
        self._weights: Mapping[str, Array] = view.weights
        self._last_move = ""
        self._moves: list[numbers.Move] | None = None
        self.box: numbers.Box = (-1.0, -1.0, 1.0, 1.0)
        self.stage = Stage(self)
        self.stage.plane.drawn.connect(self.add_stroke)
        self.stage.plane.resized.connect(self._draw_surface)
        self.stage.step.clicked.connect(self.single)

    # --- what there is ------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether training goes on by itself at the moment."""
        training = self.view.training
        return training is not None and training.state == "running"

    @property
    def frames(self) -> int:
        return 1 if self.players is None else 1 + numbers.rehearsed(self.view.document.setup)

    @property
    def flat(self) -> bool:
        """Whether the data are points of the plane."""
        return self._now is not None and self._now.real.shape[1] == 2

    def bound(self) -> Players:
        """Return the players that the lens is about: those at the selected node, else the first."""
        every = find_players(self.view.plan, self.view.document.setup)
        if not every:
            raise RunError("No two phases of the training play against each other: a GAN has one that trains the "
                           "discriminator and one that trains the generator.")
        return next((p for p in every if self.view.path in p.paths), every[0])

    def refresh(self) -> None:
        players = self.bound()
        if self.view.weights is not self._weights:
            self._last_move = numbers.moved(players, self._weights, self.view.weights)
            self._weights = self.view.weights
        self.players, self._moves = players, None
        self._now = numbers.play(self.view, players)
        if self.running:
            self.progress = 0.0  # what is rehearsed is happening already
        # A plane that is being drawn on stays where it is.
        if self.flat and not self.stage.drawing.isChecked():
            self.stage.plane.set_box(numbers.box_of(self._now.real))
        self.stage.show_kind(self.flat)
        self.stage.show_next(self._next())
        history = self.view.history("players")
        self.stage.show_curves(history.updates, np.array(history.values).reshape(-1, 5))

    def _next(self) -> str:
        """Return whose turn is next: "D" or "G"."""
        training, players = self.view.training, self.players
        assert players is not None
        phase = 0
        if training is not None and training.active and training.trainer is not None:
            phase = training.trainer.next_phase
        return "D" if phase == players.judge else "G" if phase == players.maker else ""

    # --- drawing --------------------------------------------------------------------------------------

    def moves(self) -> list[numbers.Move]:
        """Return the next updates, rehearsed on first use; none where training cannot begin."""
        if self._moves is None:
            try:
                self._moves = numbers.rehearse(self.view)
            except RunError as e:
                self._moves = []
                self.view.session.message.emit(str(e).partition("\n")[0], "warning")
        return self._moves

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        players, now = self.players, self._now
        if players is None or now is None:
            return
        at = min(self.frame_index(), len(self.moves())) if self.frame_index() else 0
        if at:
            moves = self.moves()
            self.moving = self._name(moves[at - 1].phase)
            self.game = numbers.play(self.view, players, moves[at - 1].weights)
            self._before = now if at == 1 else numbers.play(self.view, players, moves[at - 2].weights, False)
        else:
            self.moving, self.game, self._before = self._last_move, now, None
        game = self.game
        if self.flat:
            plane = self.stage.plane
            self._draw_surface()
            self.ways = numbers.arrows(game.made, game.gradient, 0.12 * (self.box[3] - self.box[1]))[0]
            plane.set_points(game.real, game.made)
            plane.set_ways(self.ways)
        else:
            self.stage.show_gallery(game)
        self.stage.turns.show_moving(self.moving)
        self.stage.show_numbers(game)

    def _draw_surface(self) -> None:
        """Ask the discriminator about all that is seen of the plane."""
        game, players = self.game, self.players
        if game is not None and players is not None and self.flat:
            self.box = self.stage.plane.extent()
            self.surface = numbers.surface(game, players, self.box)
            self.stage.plane.set_surface(self.surface, self.box)

    def _name(self, phase: int) -> str:
        assert self.players is not None
        return "D" if phase == self.players.judge else "G" if phase == self.players.maker else ""

    # --- hands ------------------------------------------------------------------------------------------

    def single(self) -> None:
        """Make one update for real, and wait."""
        training = self.view.training
        if training is None:
            self.view.session.message.emit("There is no training in this window.", "warning")
        else:
            self.progress = 0.0
            training.single()

    def add_stroke(self, stroke: Array) -> None:
        """Add points drawn by hand to the real data, undoably."""
        add_points(self.view, stroke)

    # --- what it says -------------------------------------------------------------------------------

    def caption(self) -> str:
        game = self.game
        if game is None or self.players is None:
            return ""
        d, f, loss_d, loss_g, value = (number_text(v, 3) for v in game.numbers())
        at = self.frame_index()
        if at and self._before is not None:
            whose = NAMES.get(self.moving, "another phase’s")
            other = {"D": "the generator is frozen", "G": "the discriminator is frozen"}.get(self.moving, "")
            b = self._before
            return (f"Rehearsed update {at} of {self.frames - 1}, {whose}{'; ' * bool(other)}{other}: "
                    f"L_D {number_text(b.loss_d, 3)} → {loss_d}, L_G {number_text(b.loss_g, 3)} → {loss_g}, "
                    f"D(x) {number_text(b.on_real.mean(), 3)} → {d}, D(G(z)) {number_text(b.on_made.mean(), 3)} → {f}.")
        steepest = float(np.linalg.norm(game.gradient, axis=1).max(initial=0.0))
        return (f"On average D(x) = {d} and D(G(z)) = {f}; both are ½ at the Nash point. V = {value}, there −ln 4 = "
                f"{number_text(-math.log(4))}. L_D = {loss_d}, L_G = {loss_g}. The largest ∂L_G/∂x has the length "
                f"{number_text(steepest, 3)}.")

    def shown(self) -> Mapping[str, Array]:
        game = self.game
        if game is None:
            return {}
        return {"real": game.real, "made": game.made, "gradient": game.gradient, "D(x)": game.on_real,
                "D(G(z))": game.on_made, "numbers": game.numbers(), "surface": self.surface, "arrows": self.ways}

    def followed(self) -> Mapping[str, Callable[[View], Array]]:
        players = self.players
        if players is None:
            return {}
        return {"players": lambda view: numbers.play(view, players, gradient=False).numbers()}

    def tries(self) -> Iterable[Try]:
        if self.players is not None:
            yield from gan_tries(self.view, self.players, self.flat)
