"""The GAN lens: surface, arrows and losses against the engine and by hand, single and rehearsed updates, tries."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.op import Array
from graphlab.engine.ops.generative import DiscriminatorLoss, GeneratorLoss
from graphlab.engine.run import execute
from graphlab.engine.sources import Blobs, Moons, Points
from graphlab.engine.train import Trainer
from graphlab.ui import theme
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.gan import GanLens
from graphlab.ui.lenses.gan_numbers import GRID, arrows, moved, places, probability, value_of
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from graphlab.ui.training import Training


class Bench:
    """A lens panel on an example, with the GAN lens chosen."""

    def __init__(self, qtbot: QtBot, name: str, updates: int = 0) -> None:
        self.qtbot = qtbot
        self.session = Session()
        self.training = Training(self.session)
        self.panel = LensPanel(self.session, self.training)
        qtbot.addWidget(self.panel)
        loaded = open_example(name)
        self.session.open_document(loaded.document, loaded.weights)
        if updates:
            trainer = self.trainer()
            for _ in range(updates):
                trainer.update(norms=False)
            self.session.edit("Train", self.session.document, weights=trainer.progress().weights)
        self.panel.resize(1000, 460)
        self.panel.show()
        qtbot.waitExposed(self.panel)
        self.panel.look_at("", GanLens)

    @property
    def lens(self) -> GanLens:
        lens = self.panel.lens
        assert isinstance(lens, GanLens)
        return lens

    def trainer(self) -> Trainer:
        prepared = self.session.prepared
        assert prepared is not None
        return Trainer(self.session.plan, self.session.weights, prepared, self.session.document.setup)

    def tried(self, label: str) -> None:
        next(t for t in self.lens.tries() if t.label == label).run()
        self.panel.refresh()

    def judge(self, points: Array) -> Array:
        """The discriminator's logits, written down once more."""
        w = {k: np.asarray(v, np.float64) for k, v in self.session.weights.items()}
        h = points
        for layer in ("d_fc1", "d_fc2"):
            h = h @ w[f"{layer}.W"] + w[f"{layer}.b"]
            h = np.where(h > 0, h, 0.2 * h)
        return np.asarray(h @ w["d_fc3.W"] + w["d_fc3.b"])


@pytest.fixture
def gan(qtbot: QtBot) -> Iterator[Bench]:
    bench = Bench(qtbot, "gan-two-clouds", 300)
    yield bench
    bench.training.stop()
    bench.session.undo_stack.clear()


def test_it_is_found_at_both_players_and_their_losses(gan: Bench) -> None:
    for path in ("G", "D", "D_fake", "G/g_fc2", "judge_loss", "maker_loss", ""):
        assert lenses_for(View(gan.session, path)).count(GanLens) == 1
    plain = Session()
    loaded = open_example("moons")
    plain.open_document(loaded.document, loaded.weights)
    assert GanLens not in lenses_for(View(plain))


def test_the_surface_is_what_the_discriminator_says_there(gan: Bench) -> None:
    lens = gan.lens
    shown = lens.shown()
    points = places(lens.stage.plane.extent())
    by_hand = 1 / (1 + np.exp(-gan.judge(points)))
    np.testing.assert_allclose(shown["surface"], by_hand.reshape(GRID, GRID), rtol=1e-9)
    run = execute(gan.session.plan, gan.session.weights, {"x": points, "z": np.zeros_like(points)})
    direct = run.value("D", "d_out")
    assert direct is not None
    np.testing.assert_allclose(shown["surface"].ravel(), 1 / (1 + np.exp(-direct[:, 0])), rtol=1e-9)
    np.testing.assert_array_equal(lens.stage.plane.image.image, shown["surface"])
    x0, y0, x1, y1 = lens.stage.plane.extent()
    assert (points.min(axis=0) > (x0, y0)).all()
    assert (points.max(axis=0) < (x1, y1)).all()


@pytest.mark.parametrize("form", ["non-saturating", "saturating"])
def test_arrows_are_central_differences_of_the_generators_loss(gan: Bench, form: str) -> None:
    if form == "saturating":
        gan.tried("Saturating loss")
    shown = gan.lens.shown()
    n = len(shown["made"])

    def loss(points: Array) -> float:
        logits = gan.judge(points)
        return float(np.logaddexp(0, -logits).mean() if form == "non-saturating" else -np.logaddexp(0, logits).mean())

    for i, axis in ((0, 0), (5, 1), (n - 1, 0)):
        step = np.zeros_like(shown["made"])
        step[i, axis] = 1e-5
        central = (loss(shown["made"] + step) - loss(shown["made"] - step)) / 2e-5
        assert shown["gradient"][i, axis] == pytest.approx(central, rel=1e-4, abs=1e-9)
    drawn = shown["arrows"]
    np.testing.assert_array_equal(drawn[:, 0], shown["made"])
    ways = drawn[:, 1] - drawn[:, 0]
    cosines = (ways * -shown["gradient"]).sum(axis=1) / (np.linalg.norm(ways, axis=1)
                                                         * np.linalg.norm(shown["gradient"], axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-9)


def test_the_numbers_are_those_of_a_full_run(gan: Bench) -> None:
    shown = gan.lens.shown()
    on_real, on_made = gan.judge(shown["real"]), gan.judge(shown["made"])
    d_real, d_made = 1 / (1 + np.exp(-on_real)), 1 / (1 + np.exp(-on_made))
    expected = [d_real.mean(), d_made.mean(), -np.log(d_real).mean() - np.log(1 - d_made).mean(),
                -np.log(d_made).mean(), np.log(d_real).mean() + np.log(1 - d_made).mean()]
    np.testing.assert_allclose(shown["numbers"], expected, rtol=1e-9)
    assert "−ln 4 = −1.386" in gan.lens.caption()
    x, y = gan.lens.stage.plane.made.getData()
    np.testing.assert_array_equal(np.stack([x, y], axis=1), shown["made"])


def test_at_the_nash_point() -> None:
    half = np.zeros((7, 1))
    assert value_of(half, half, "logits") == pytest.approx(-math.log(4))
    assert value_of(half + 0.5, half + 0.5, "probabilities") == pytest.approx(-math.log(4))
    assert (probability(half, "logits") == 0.5).all()
    assert value_of(np.full((2, 1), 800.0), np.full((2, 1), -800.0), "logits") == 0.0


def test_single_updates_move_one_player_at_a_time(qtbot: QtBot, gan: Bench) -> None:
    lens = gan.lens
    assert "discriminator" in lens.stage.step.text()
    seen = []
    for whose in ("D", "G", "D"):
        before = dict(gan.session.weights)
        lens.stage.step.click()
        qtbot.waitUntil(lambda before=before: moved(lens.players, before, gan.session.weights) != "",  # type: ignore[misc,arg-type]
                        timeout=10_000)
        gan.panel.refresh()
        assert lens.players is not None
        assert moved(lens.players, before, gan.session.weights) == whose
        seen.append((lens.stage.turns.moving, lens.stage.step.text()))
    assert [s[0] for s in seen] == ["D", "G", "D"]
    assert "generator" in seen[0][1]
    assert "discriminator" in seen[1][1]
    assert "frozen" in lens.stage.turns.accessibleDescription()
    gan.training.stop()


def test_the_rehearsal_is_what_training_would_do_and_changes_nothing(gan: Bench) -> None:
    lens, weights = gan.lens, gan.session.weights
    trainer = gan.trainer()
    assert lens.frames == 13
    for k in range(1, 6):
        trainer.update(norms=False)
        gan.panel.slider.setValue(k)
        expected = {**weights, **trainer.parameters.publish()}
        run = execute(gan.session.plan, expected, gan.session.prepared.feeds(np.arange(1)))  # type: ignore[union-attr]
        made = np.asarray(run.value("G", "g_out"))
        np.testing.assert_allclose(lens.shown()["made"][:1], made, rtol=1e-9)
        assert lens.moving == "DG"[(k + 1) % 2]
        assert f"Rehearsed update {k} of 12" in gan.panel.caption.text()
    assert gan.session.weights is weights
    still = lens.shown()["made"]
    gan.panel.slider.setValue(3)
    again = lens.grab().toImage()
    gan.panel.slider.setValue(0)
    assert (lens.shown()["made"] != still).any()
    gan.panel.slider.setValue(3)
    assert lens.grab().toImage() == again


def test_while_it_trains_the_lens_follows(qtbot: QtBot, gan: Bench) -> None:
    before = gan.lens.shown()["made"]
    gan.training.pace = "100 updates/s"
    gan.panel.slider.setValue(3)
    assert gan.training.start()
    qtbot.waitUntil(lambda: len(gan.panel.view.history("players").values) > 4, timeout=20_000)
    gan.panel.refresh()
    assert gan.panel.slider.value() == 0
    assert (gan.lens.shown()["made"] != before).any()
    gan.training.stop()
    gan.panel.refresh()
    history = np.array(gan.panel.view.history("players").values)
    assert history.shape[1] == 5
    y = gan.lens.stage.opinions.lines["D(G(z))"].getData()[1]
    np.testing.assert_allclose(y, history[:len(y), 1])
    assert gan.lens.stage.losses.mark is not None
    assert gan.lens.stage.losses.mark.value() == -math.log(4)


def test_losses_can_be_changed_and_changed_back(gan: Bench) -> None:
    def losses() -> tuple[str, float, float]:
        nodes = gan.session.document.graph.nodes
        judge, maker = nodes["judge_loss"].op, nodes["maker_loss"].op
        assert isinstance(judge, DiscriminatorLoss)
        assert isinstance(maker, GeneratorLoss)
        return maker.form, judge.real, judge.fake
    assert losses() == ("non-saturating", 1.0, 0.0)
    gan.tried("Saturating loss")
    gan.tried("Label smoothing 0.9 / 0.1")
    assert losses() == ("saturating", 0.9, 0.1)
    shown = gan.lens.shown()
    on_made = gan.judge(shown["made"])
    assert shown["numbers"][3] == pytest.approx(-np.logaddexp(0, on_made).mean())
    gan.tried("Hard labels 1 / 0")
    gan.tried("Non-saturating loss")
    assert losses() == ("non-saturating", 1.0, 0.0)
    for _ in range(4):
        gan.session.undo_stack.undo()
    assert losses() == ("non-saturating", 1.0, 0.0)


def test_pace_and_data_can_be_changed_and_undone(gan: Bench) -> None:
    setup = gan.session.document.setup
    gan.tried("Mode collapse")
    assert [p.steps for p in gan.session.document.setup.phases] == [1, 10]
    assert gan.lens.frames == 49
    gan.tried("One update each")
    assert [p.steps for p in gan.session.document.setup.phases] == [1, 1]
    gan.tried("Two moons")
    assert gan.session.document.setup.data == Moons(n=1000, noise=0.05)
    assert not gan.panel.problem.text()
    for _ in range(3):
        gan.session.undo_stack.undo()
    assert gan.session.document.setup == setup
    gan.tried("Start anew")
    gan.training.stop()


def test_data_drawn_with_the_mouse(gan: Bench) -> None:
    lens, plane = gan.lens, gan.lens.stage.plane
    lens.stage.drawing.setChecked(True)
    viewport = plane.viewport()

    def send(kind: QEvent.Type, x: float, y: float, held: bool) -> None:
        at = plane.mapFromScene(plane.getPlotItem().vb.mapViewToScene(QPointF(x, y)))
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        QApplication.sendEvent(viewport, QMouseEvent(
            kind, QPointF(at), viewport.mapToGlobal(QPointF(at)), button,
            Qt.MouseButton.LeftButton if held else Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier))

    def stroke(y: float) -> None:
        send(QEvent.Type.MouseButtonPress, -0.8, y, True)
        for x in np.linspace(-0.8, 0.8, 60):
            send(QEvent.Type.MouseMove, float(x), y, True)
        send(QEvent.Type.MouseButtonRelease, 0.8, y, False)
        gan.panel.refresh()

    setup = gan.session.document.setup
    stroke(0.6)
    first = gan.session.document.setup.data
    assert isinstance(first, Points)
    assert 20 < len(first.points) <= 60
    points = np.array(first.points)
    assert np.abs(points[:, 1] - 0.6).max() < 0.05
    assert abs(points[:, 0].min() + 0.8) < 0.05
    assert abs(np.median(gan.lens.shown()["real"][:, 1]) - 0.6) < 0.05
    stroke(-0.6)
    second = gan.session.document.setup.data
    assert isinstance(second, Points)
    assert second.points[:len(first.points)] == first.points
    assert len(second.points) > len(first.points) + 20
    gan.session.undo_stack.undo()
    assert gan.session.document.setup.data == first
    gan.session.undo_stack.undo()
    assert gan.session.document.setup == setup


def test_pictures_have_a_gallery_instead_of_a_plane(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "dcgan-digits")
    lens = bench.lens
    assert lens.stage.plane.isHidden()
    assert not lens.stage.gallery.isHidden()
    assert [len(row) for row in lens.stage.gallery.rows] == [8, 8, 8, 8, 8]
    np.testing.assert_allclose(lens.stage.gallery.rows[1][2].values, lens.shown()["made"][10].reshape(8, 8))
    np.testing.assert_allclose(lens.stage.gallery.rows[4][0].values, lens.shown()["real"][0].reshape(8, 8))
    assert "Two moons" not in [t.label for t in lens.tries()]


def test_a_gan_of_other_losses_is_understood_too(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "gan-2d")
    shown = bench.lens.shown()
    run = bench.lens.game.run  # type: ignore[union-attr]
    losses = [float(np.asarray(run.value(p))) for p in ("real_loss", "fake_loss", "fool_loss")]
    assert shown["numbers"][2] == pytest.approx(losses[0] + losses[1])
    assert shown["numbers"][3] == pytest.approx(losses[2])
    assert shown["numbers"][4] == pytest.approx(-losses[0] - losses[1])


def generated(session: Session, trainer: Trainer) -> Array:
    z = np.random.default_rng(0).standard_normal((1000, 2))
    run = execute(session.plan, {**session.weights, **trainer.parameters.publish()}, {"z": z, "x": z})
    return np.asarray(run.value("G", "g_out"))


def spread(points: Array) -> float:
    return float(np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean()))


def test_the_balanced_example_finds_every_cloud_and_the_hasty_one_collapses() -> None:
    angle = 2 * np.pi * np.arange(8) / 8
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    spreads: dict[str, list[float]] = {}
    for name in ("gan-ring", "gan-collapse"):
        session = Session()
        loaded = open_example(name)
        session.open_document(loaded.document, loaded.weights)
        assert session.document.setup.data == Blobs(clouds=8, n=2000, noise=0.05)
        assert session.prepared is not None
        trainer = Trainer(session.plan, session.weights, session.prepared, session.document.setup)
        while not trainer.finished:
            trainer.update(norms=False)
            # The second half of the training, for a collapsed generator hops about.
            if trainer.made > trainer.updates // 2 and trainer.made % 50 == 0:
                spreads.setdefault(name, []).append(spread(generated(session, trainer)))
        if name == "gan-ring":
            gap = np.linalg.norm(generated(session, trainer)[:, None] - centres, axis=2)
            near = gap.argmin(axis=1)[gap.min(axis=1) < 0.25]
            assert (np.bincount(near, minlength=8) > 30).all(), "each of eight clouds has its share of 1,000 points"
            assert len(near) > 800
    assert np.median(spreads["gan-ring"]) > 0.9, "as far from their mean as the ring is large"
    assert np.median(spreads["gan-collapse"]) < 0.4


def test_arrows_without_a_gradient_stand_still() -> None:
    ways, scale = arrows(np.ones((3, 2)), np.zeros((3, 2)), 1.0)
    assert scale == 0.0
    np.testing.assert_array_equal(ways, np.ones((3, 6, 2)))


def test_both_themes(gan: Bench) -> None:
    light = gan.lens.grab().toImage()
    try:
        theme.set("dark")
        gan.panel.refresh()
        assert gan.lens.grab().toImage() != light
    finally:
        theme.set("light")
