"""The latent lens: codes of samples as points of a plane, and the decoder that follows a point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QWidget

from graphlab.engine.latent import Latent, find_latents
from graphlab.engine.op import Array
from graphlab.engine.run import RunError
from graphlab.ui.lenses import latent_numbers as numbers
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.latent_stage import PICKS, Stage, written
from graphlab.ui.lenses.latent_tries import latent_tries
from graphlab.ui.lenses.pictures import as_picture
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text


def matches(view: View) -> list[str]:
    """Return where codes are."""
    return [path for latent in find_latents(view.plan, view.document.setup) for path in latent.paths]


def grey(sample: Array) -> Array:
    """Return a sample as a grey picture."""
    picture = as_picture(sample)
    return picture if picture.ndim == 2 else picture.mean(axis=0)


@lens(match=matches)
class LatentLens(Lens):
    """What an autoencoder, a VAE or a generator knows, as a plane to walk about in."""

    title = "Latent plane"
    about = "The code between encoder and decoder as a plane: every place is a picture."
    look_for = ("Drag the point, and the decoder follows. Samples of one class lie together; between two classes the "
                "pictures of a VAE change smoothly, since its codes fill N(0, I), while an ordinary autoencoder leaves "
                "holes. Play to walk straight from one sample's code to another's; below it, the same way through the "
                "pixels.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.progress = 0.0
        self.latent: Latent | None = None
        self.seen: numbers.Seen | None = None
        self.point = np.zeros(2)
        self.free = False  # the point was dragged off the way
        self.draw = 0
        self.way = np.zeros((numbers.FRAMES, 2))
        self.way_pictures = np.zeros((numbers.FRAMES, 1))
        self.decoded = np.zeros(1)
        self.grid = np.zeros((0, 1))
        self.stage = stage = Stage(self)
        stage.plane.moved.connect(self._dragged)
        stage.plane.picked.connect(self._picked)
        stage.choice.changed.connect(self._redraw)
        stage.other.valueChanged.connect(self._refresh)
        stage.strip.clicked.connect(lambda _row, column: self.jump(int(PICKS[column])))
        stage.directions.changed.connect(self._pushed)

    # --- what there is ------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        return numbers.FRAMES

    def bound(self) -> Latent:
        """Return the code that the lens is about: the one at the selected node, else the first."""
        every = find_latents(self.view.plan, self.view.document.setup)
        if not every:
            raise RunError("The network has no narrow code between an encoder and a decoder.")
        return next((found for found in every if self.view.path in found.paths), every[0])

    def refresh(self) -> None:
        latent = self.bound()
        if latent != self.latent:
            self._bind(latent)
        session, stage = self.view.session, self.stage
        with QSignalBlocker(stage.other):
            stage.other.setRange(0, max(0, session.samples - 1))
        self.seen = seen = numbers.look(self.view, latent, stage.other.value(), self.draw)
        self.way = numbers.way(*seen.ends)
        self.way_pictures = numbers.decode(seen.base, latent, self.way)
        first = f"from #{session.sample} to #"
        stage.start.setText(first if latent.image is not None else f"z drawn for: {first}")
        classes = session.data.classes if session.data is not None else ()
        stage.directions.show_classes(classes if seen.codes is not None and seen.labels is not None else ())
        stage.show_curves({name: self.view.history(name) if place is not None else None
                           for name, place in (("error", latent.error), ("KL", latent.kl))})
        self._draw_plane()

    def _bind(self, latent: Latent) -> None:
        self.latent, self.free = latent, False
        self.point = np.zeros(latent.size)
        self.stage.choice.set_size(latent.size)
        self.stage.choice.samples.setVisible(latent.image is not None)

    # --- drawing -----------------------------------------------------------------------------------------

    def _refresh(self, *_: object) -> None:
        try:
            self.refresh()
            self.show_frame(self.progress)
        except RunError as e:
            self.view.session.message.emit(str(e), "warning")
        self.caption_changed.emit(self.caption())

    def _redraw(self, *_: object) -> None:
        if self.seen is not None:
            self._draw_plane()
            self._show_point()

    def _high(self) -> float:
        """Return the number that is drawn brightest: 1, unless pictures go beyond."""
        largest = float(np.max(self.way_pictures, initial=0.0))
        return 1.0 if largest <= 1.5 else largest

    def _draw_plane(self) -> None:
        seen, latent, stage = self.seen, self.latent, self.stage
        assert seen is not None
        assert latent is not None
        axes = stage.choice.axes
        gaussian = bool(latent.sample) or seen.codes is None
        plane = stage.plane
        plane.set_frame(numbers.radius_of(seen.codes, gaussian), (f"z{axes[0] + 1}", f"z{axes[1] + 1}"))
        pictures = None
        if stage.choice.grid.isChecked():
            places = numbers.lattice(plane.radius, self.point, axes)
            self.grid = numbers.decode(seen.base, latent, places)
            pictures = np.stack([grey(sample) for sample in self.grid])
        plane.set_mosaic(pictures, numbers.GRID, self._high())
        data = self.view.session.data
        points = seen.codes[:, list(axes)] if seen.codes is not None and stage.choice.samples.isChecked() else None
        plane.set_samples(points, seen.rows, seen.labels, () if data is None else data.classes)
        plane.set_draw(seen.draw, axes)
        plane.set_path(self.way[:, list(axes)])
        book = np.asarray(self.view.weights[latent.codebook]) if latent.codebook else None
        plane.set_book(None if book is None or book.shape[1] != latent.size else book[:, list(axes)])
        stage.show_draw(seen.draw)

    def show_frame(self, progress: float) -> None:
        if progress != self.progress:
            self.free = False
        super().show_frame(progress)
        if self.seen is None:
            return
        if not self.free:
            self.point = self.way[self.frame_index()].copy()
            self.stage.directions.reset()
        self._show_point()

    def _show_point(self) -> None:
        seen, latent = self.seen, self.latent
        assert seen is not None
        assert latent is not None
        self.decoded = numbers.decode(seen.base, latent, self.point[None])[0]
        self.stage.plane.set_point(*(float(self.point[a]) for a in self.stage.choice.axes))
        self.stage.show_pictures(seen, self.point, self.decoded, self._high())
        self.stage.show_strip(self.way, self.way_pictures, seen.images, None if self.free else self.frame_index(),
                              self._high())

    # --- hands ----------------------------------------------------------------------------------------------

    def place_point(self, code: Array) -> None:
        """Put the point somewhere off the way; the decoder follows."""
        self.free = True
        others = any(code[i] != self.point[i] for i in range(len(code)) if i not in self.stage.choice.axes)
        self.point = np.array(code, float)
        if self.seen is None:
            return
        if others:
            self._draw_plane()
        self._show_point()
        self.caption_changed.emit(self.caption())

    def _dragged(self, x: float, y: float) -> None:
        code = self.point.copy()
        code[self.stage.choice.axes[0]], code[self.stage.choice.axes[1]] = x, y
        self.stage.directions.reset()
        self.place_point(code)

    def _pushed(self, _value: int) -> None:
        """A slider has moved: the point goes from where it was along the directions of features."""
        seen = self.seen
        if seen is None or seen.codes is None or seen.labels is None:
            return
        start = self.stage.directions.begin(self.point)
        push = sum((amount * numbers.direction(seen.codes, seen.labels == k)
                    for k, amount in self.stage.directions.amounts().items()), np.zeros(len(self.point)))
        self.place_point(start + push)

    def _picked(self, row: int) -> None:
        self.free = False
        self.progress = 0.0
        self.view.session.set_sample(row)

    def jump(self, frame: int) -> None:
        """Go to a frame of the way, also from where the point was dragged to."""
        self.free = False
        self.show_frame(frame / (numbers.FRAMES - 1))
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    def random_point(self) -> None:
        """Put the point where N(0, I) says: a new place each time, the same ones in every session."""
        assert self.latent is not None
        self.draw += 1
        rng = np.random.default_rng([self.view.document.setup.seed, self.draw])
        self.place_point(rng.standard_normal(self.latent.size))

    def draw_again(self) -> None:
        """Draw another ε for the sample."""
        self.draw += 1
        self._refresh()

    # --- what it says -----------------------------------------------------------------------------------

    def caption(self) -> str:
        seen = self.seen
        if seen is None or self.latent is None:
            return ""
        data = self.view.session.data
        name = partial(self._named, seen)
        if self.free:
            text = f"The decoder at z = {written(self.point)}"
            if seen.codes is not None:
                gap = np.linalg.norm(seen.codes - self.point, axis=1)
                near = int(gap.argmin())
                text += (f"; the nearest encoded sample, {number_text(gap[near], 3)} away, is "
                         f"{name(int(seen.rows[near]))}")
        else:
            share = self.frame_index() / (self.frames - 1)
            ends = (self.view.session.sample, self.stage.other.value())
            text = (f"{share:.0%} of the way from {name(ends[0])} to {name(ends[1])}: z = {written(self.point)}"
                    if self.latent.image is not None else
                    f"{share:.0%} of the way from one z to another: z = {written(self.point)}")
        if np.isfinite(seen.error):
            text += f". On {len(seen.rows)} samples: reconstruction error {number_text(seen.error)}"
            text += f", KL divergence {number_text(seen.kl)}" if np.isfinite(seen.kl) else ""
        return f"{text}." if data is not None else text

    def _named(self, seen: numbers.Seen, row: int) -> str:
        data = self.view.session.data
        if data is None or data.labels is None or not data.classes:
            return f"#{row}"
        return f"#{row} (class {data.classes[int(data.labels[row])]})"

    def shown(self) -> Mapping[str, Array]:
        seen = self.seen
        if seen is None:
            return {}
        out = {"point": self.point, "decoded": self.decoded, "way": self.way, "way pictures": self.way_pictures,
               "grid": self.grid, "rebuilt": seen.rebuilt, "mu": seen.draw.mu, "z": seen.draw.z}
        more = {"codes": seen.codes, "labels": seen.labels, "input": seen.input, "noisy": seen.noisy,
                "sigma": seen.draw.sigma, "eps": seen.draw.eps}
        if np.isfinite(seen.error):
            out |= {"error": np.asarray(seen.error), "kl": np.asarray(seen.kl)}
        return out | {k: v for k, v in more.items() if v is not None}

    def followed(self) -> Mapping[str, Callable[[View], Array]]:
        latent = self.latent
        if latent is None or latent.error is None:
            return {}
        out = {"error": lambda view: numbers.measured(view, latent, "error")}
        return out | ({"KL": lambda view: numbers.measured(view, latent, "kl")} if latent.kl else {})

    def tries(self) -> Iterable[Try]:
        if self.latent is None:
            return
        yield Try("Decode a random z", self.random_point,
                  "Draw z from N(0, I): a VAE's decoder makes a digit of it, an ordinary one's often does not")
        if self.latent.sample and self.seen is not None and self.seen.draw.eps is not None:
            yield Try("Draw another ε", self.draw_again, "The same sample, drawn from its Gaussian once more")
        yield from latent_tries(self.view, self.latent)
