"""The latent lens: the decoder against full runs and by hand, dragging, ways, directions, live weights, tries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.document.datasets import Digits
from graphlab.document.examples import open_example
from graphlab.engine.graph import Net
from graphlab.engine.op import Array
from graphlab.engine.run import execute
from graphlab.engine.train import Trainer
from graphlab.ui import theme
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.latent import LatentLens
from graphlab.ui.lenses.latent_numbers import FRAMES, GRID, direction, lattice, radius_of, way
from graphlab.ui.lenses.pictures import as_picture
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from graphlab.ui.training import Training


class Bench:
    """A lens panel on an example, with the latent lens chosen."""

    def __init__(self, qtbot: QtBot, name: str, updates: int = 0) -> None:
        self.session = Session()
        self.training = Training(self.session)
        self.panel = LensPanel(self.session, self.training)
        qtbot.addWidget(self.panel)
        loaded = open_example(name)
        self.session.open_document(loaded.document, loaded.weights)
        if updates:
            prepared = self.session.prepared
            assert prepared is not None
            trainer = Trainer(self.session.plan, self.session.weights, prepared, self.session.document.setup)
            for _ in range(updates):
                trainer.update(norms=False)
            self.session.edit("Train", self.session.document, weights=trainer.progress().weights)
        self.panel.resize(1000, 460)
        self.panel.show()
        qtbot.waitExposed(self.panel)
        self.panel.look_at("", LatentLens)

    @property
    def lens(self) -> LatentLens:
        lens = self.panel.lens
        assert isinstance(lens, LatentLens)
        return lens

    def tried(self, label: str) -> None:
        next(t for t in self.lens.tries() if t.label == label).run()

    def w(self, key: str) -> Array:
        return np.asarray(self.session.weights[key], np.float64)

    def decoded_by_hand(self, z: Array) -> Array:
        """The VAE's decoder, written down once more."""
        h = np.maximum(z @ self.w("fc2.W") + self.w("fc2.b"), 0)
        return np.asarray(1 / (1 + np.exp(-(h @ self.w("fc3.W") + self.w("fc3.b")))))


@pytest.fixture
def vae(qtbot: QtBot) -> Iterator[Bench]:
    bench = Bench(qtbot, "vae-digits", 60)
    yield bench
    bench.training.stop()
    bench.session.undo_stack.clear()


def test_it_is_found_at_the_codes_of_networks_that_have_some(vae: Bench) -> None:
    session = vae.session
    for path in ("z", "mu", "fc3", "elbo/divergence"):
        assert lenses_for(View(session, path)).count(LatentLens) == 1
    assert LatentLens not in lenses_for(View(session, "relu1"))[:1]
    other = Session()
    loaded = open_example("digits")
    other.open_document(loaded.document, loaded.weights)
    assert LatentLens not in lenses_for(View(other, ""))


def test_what_the_decoder_makes_is_what_the_whole_network_and_paper_say(vae: Bench) -> None:
    lens = vae.lens
    shown = lens.shown()
    z = np.array([0.7, -1.3])
    lens.place_point(z)
    np.testing.assert_allclose(lens.shown()["decoded"], vae.decoded_by_hand(z), rtol=1e-12)
    np.testing.assert_allclose(shown["grid"], vae.decoded_by_hand(lattice(3.0, z, (0, 1))), rtol=1e-9)
    # The network itself, given an ε that brings the sample's z to that place.
    run = execute(vae.session.plan, vae.session.weights, vae.session.feeds())
    mu, spread = run.value("mu"), run.value("spread")
    assert mu is not None
    assert spread is not None
    record = run.records["z"]
    np.testing.assert_allclose(record["z"][0], mu[0] + np.exp(0.5 * spread[0]) * record["eps"][0], rtol=1e-12)
    np.testing.assert_allclose(vae.decoded_by_hand(record["z"]), 1 / (1 + np.exp(-np.asarray(run.value("fc3")))),
                               rtol=1e-9)
    np.testing.assert_allclose(shown["mu"], mu[0], rtol=1e-9)


def test_the_codes_of_samples_and_both_losses_are_those_of_a_full_run(vae: Bench) -> None:
    shown, prepared = vae.lens.shown(), vae.session.prepared
    assert prepared is not None
    seen = vae.lens.seen
    assert seen is not None
    rows = seen.rows
    x = np.asarray(prepared.arrays["x"], np.float64)[rows]
    h = np.maximum(x @ vae.w("fc1.W") + vae.w("fc1.b"), 0)
    mu = h @ vae.w("mu.W") + vae.w("mu.b")
    log = h @ vae.w("spread.W") + vae.w("spread.b")
    np.testing.assert_allclose(shown["codes"], mu, atol=1e-9)
    kl = -0.5 * (1 + log - mu * mu - np.exp(log)).sum() / len(rows)
    assert float(shown["kl"]) == pytest.approx(kl, rel=1e-9)
    run = execute(vae.session.plan, vae.session.weights, prepared.feeds(rows))
    assert float(shown["error"]) == pytest.approx(float(np.asarray(run.value("elbo/compare"))), rel=1e-9)
    points = vae.lens.stage.plane.samples.getData()
    np.testing.assert_array_equal(np.stack(points, axis=1), shown["codes"])
    np.testing.assert_allclose(shown["z"], shown["mu"] + shown["sigma"] * shown["eps"], rtol=1e-12)


def test_the_point_is_dragged_and_moved_with_keys(vae: Bench) -> None:
    lens, plane = vae.lens, vae.lens.stage.plane
    plane.target.setPos(1.0, 0.5)
    np.testing.assert_allclose(lens.shown()["point"], [1.0, 0.5])
    np.testing.assert_allclose(lens.shown()["decoded"], vae.decoded_by_hand(np.array([1.0, 0.5])), rtol=1e-12)
    assert vae.panel.caption.text().startswith("The decoder at z = (1, 0.500); the nearest encoded sample")
    QTest.keyClick(plane, Qt.Key.Key_Right)
    QTest.keyClick(plane, Qt.Key.Key_Down)
    np.testing.assert_allclose(lens.shown()["point"], [1.1, 0.4])
    vae.panel.refresh()
    np.testing.assert_allclose(lens.shown()["point"], [1.1, 0.4], err_msg="reading anew leaves it where it is")
    vae.panel.advance(1)
    np.testing.assert_allclose(lens.shown()["point"], lens.shown()["way"][1])


def test_the_mouse_takes_the_point_and_clicks_samples(vae: Bench) -> None:
    lens, plane = vae.lens, vae.lens.stage.plane
    viewport, box = plane.viewport(), plane.getPlotItem().vb

    def at(x: float, y: float) -> QPoint:
        return QPoint(plane.mapFromScene(box.mapViewToScene(QPointF(x, y))))

    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(-2.6, 2.6))
    np.testing.assert_allclose(lens.shown()["point"], [-2.6, 2.6], atol=0.05)
    QTest.mouseMove(viewport, at(1.0, 1.5))
    np.testing.assert_allclose(lens.shown()["point"], [1.0, 1.5], atol=0.05)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(1.0, 1.5))
    QTest.mouseMove(viewport, at(2.0, -2.0))
    np.testing.assert_allclose(lens.shown()["point"], [1.0, 1.5], atol=0.05, err_msg="let go, it stays")
    seen = lens.seen
    assert seen is not None
    assert seen.codes is not None
    far = int(np.linalg.norm(seen.codes - lens.point, axis=1).argmax())
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at(*seen.codes[far]))
    near = np.linalg.norm(seen.codes - seen.codes[far], axis=1) < 0.15
    assert vae.session.sample in seen.rows[near]


def test_frames_lie_on_the_straight_way_and_are_the_same_each_time(vae: Bench) -> None:
    lens = vae.lens
    lens.stage.other.setValue(9)
    first, last = (execute(vae.session.plan, vae.session.weights, vae.session.prepared.feeds(np.array([k])))  # type: ignore[union-attr]
                   .value("mu")[0] for k in (0, 9))  # type: ignore[index]
    assert lens.frames == FRAMES
    for k in (0, 7, 24):
        lens.show_frame(k / 24)
        np.testing.assert_allclose(lens.shown()["point"], (1 - k / 24) * first + k / 24 * last, atol=1e-12)
        np.testing.assert_allclose(lens.shown()["decoded"], vae.decoded_by_hand(lens.shown()["point"]), rtol=1e-9)
    assert "100% of the way from #0 (class 0) to #9 (class 9)" in lens.caption()
    lens.show_frame(0.5)
    before = lens.grab().toImage()
    lens.show_frame(0.9)
    lens.show_frame(0.5)
    assert lens.grab().toImage() == before
    lens.jump(24)
    assert vae.panel.slider.value() == 24


def test_directions_of_features(vae: Bench) -> None:
    lens, shown = vae.lens, vae.lens.shown()
    has = shown["labels"] == 3
    by_hand = shown["codes"][has].mean(axis=0) - shown["codes"][~has].mean(axis=0)
    np.testing.assert_array_equal(direction(shown["codes"], has), by_hand)
    assert not direction(shown["codes"], np.ones(len(has), bool)).any()
    sliders = lens.stage.directions.sliders
    assert len(sliders) == 10
    start = lens.shown()["point"].copy()
    sliders[3].setValue(10)
    np.testing.assert_allclose(lens.shown()["point"], start + by_hand)
    sliders[3].setValue(-5)
    np.testing.assert_allclose(lens.shown()["point"], start - 0.5 * by_hand)
    lens.stage.plane.target.setPos(0.0, 0.0)
    assert sliders[3].value() == 0, "dragging begins anew from where the point is"


def test_it_follows_training_and_another_sample(qtbot: QtBot, vae: Bench) -> None:
    before = dict(vae.lens.shown())
    assert vae.training.start()
    qtbot.waitUntil(lambda: len(vae.panel.view.history("KL").values) > 2, timeout=20_000)
    vae.training.stop()
    vae.panel.refresh()
    after = vae.lens.shown()
    assert np.abs(after["codes"] - before["codes"]).max() > 0.1
    assert vae.panel.view.history("error").values[-1] < before["error"]
    vae.panel.view.follow(10**9, vae.lens.followed())
    assert vae.panel.view.history("KL").values[-1] == after["kl"], "the curve is of the same samples and noise"
    assert len(vae.lens.stage.plots["KL"].lines["KL"].getData()[0]) > 2
    vae.session.set_sample(5)
    qtbot.waitUntil(lambda: "#5" in vae.lens.stage.start.text(), timeout=5000)
    np.testing.assert_allclose(vae.lens.shown()["input"], vae.session.feeds()["x"][0], rtol=1e-6)


def test_a_click_on_a_sample_looks_at_it(vae: Bench) -> None:
    seen = vae.lens.seen
    assert seen is not None
    vae.lens.stage.plane.picked.emit(int(seen.rows[3]))
    assert vae.session.sample == int(seen.rows[3])


def test_every_try_changes_something_that_undo_takes_back(vae: Bench) -> None:
    graph = vae.session.document.graph
    labels = [t.label for t in vae.lens.tries()]
    assert labels == ["Decode a random z", "Draw another ε", "β = 0: no KL", "β = 8: a tight prior", "Switch ε off"]
    for label in labels[2:]:
        vae.tried(label)
        assert vae.session.document.graph != graph, label
        assert not vae.session.plan.problems
        vae.panel.refresh()
        assert not vae.panel.problem.text()
        vae.session.undo_stack.undo()
        assert vae.session.document.graph == graph
        vae.panel.refresh()
    eps = vae.lens.shown()["eps"]
    vae.tried("Draw another ε")
    assert (vae.lens.shown()["eps"] != eps).all()
    point = vae.lens.shown()["point"]
    vae.tried("Decode a random z")
    assert (vae.lens.shown()["point"] != point).all()
    vae.tried("Switch ε off")
    vae.panel.refresh()
    assert "eps" not in vae.lens.shown()
    np.testing.assert_array_equal(vae.lens.shown()["z"], vae.lens.shown()["mu"])


def test_a_denoiser_shows_what_the_encoder_sees_and_other_entries_of_its_code(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "denoising-digits")
    lens, shown = bench.lens, bench.lens.shown()
    noise = shown["noisy"] - shown["input"]
    assert 0.2 < noise.std() < 0.6
    assert shown["codes"].shape[1] == 16
    choice = lens.stage.choice
    assert not choice.boxes[0].isHidden()
    choice.boxes[0].setCurrentIndex(4)
    choice.boxes[1].setCurrentIndex(11)
    choice.changed.emit()
    np.testing.assert_array_equal(lens.stage.plane.samples.getData()[0], shown["codes"][:, 4])
    bench.tried("Noise σ = 0.8")
    bench.panel.refresh()
    assert (lens.shown()["noisy"] - lens.shown()["input"]).std() > 1.5 * noise.std()


def test_a_codebook_cuts_the_plane_into_cells(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "vq-digits", 40)
    lens = bench.lens
    book = bench.w("vq.E")
    np.testing.assert_allclose(np.stack(lens.stage.plane.book.getData(), axis=1), book)
    z = np.array([0.3, 0.2])
    lens.place_point(z)
    nearest = book[np.linalg.norm(book - z, axis=1).argmin()]
    np.testing.assert_allclose(lens.shown()["decoded"], bench.decoded_by_hand(nearest), rtol=1e-9)


def test_a_generator_has_a_plane_without_samples(qtbot: QtBot) -> None:
    bench = Bench(qtbot, "dcgan-digits")
    lens = bench.lens
    z = np.array([[0.5, -1.0], [2.0, 0.1]])
    run = execute(bench.session.plan, bench.session.weights, {"z": z, "x": np.zeros((2, 1, 8, 8))})
    lens.place_point(z[1])
    np.testing.assert_allclose(lens.shown()["decoded"], np.asarray(run.value("G", "g_out"))[1], rtol=1e-12)
    assert "codes" not in lens.shown()
    assert lens.stage.directions.isHidden()
    assert list(lens.followed()) == []


def test_it_goes_with_the_network_it_was_about(vae: Bench) -> None:
    session = vae.session
    net = Net()
    session.edit("Empty", type(session.document)(graph=net.graph(), setup=session.document.setup))
    assert vae.panel.lens is None or not isinstance(vae.panel.lens, LatentLens)
    assert isinstance(session.document.setup.data, Digits)


def test_both_themes_and_small_numbers(vae: Bench) -> None:
    try:
        theme.set("dark")
        vae.panel.refresh()
        dark = vae.lens.grab().toImage()
    finally:
        theme.set("light")
    vae.panel.refresh()
    assert vae.lens.grab().toImage() != dark


@pytest.mark.parametrize(("name", "share"), [("vae-digits", 0.5), ("denoising-digits", 0.45), ("vq-digits", 0.5)])
def test_the_examples_learn_within_thirty_epochs(name: str, share: float) -> None:
    session = Session()
    loaded = open_example(name)
    session.open_document(loaded.document, loaded.weights)
    assert session.prepared is not None
    trainer = Trainer(session.plan, session.weights, session.prepared, session.document.setup.replace(epochs=30))
    before = trainer.scores("validation")
    list(trainer.run(interval=1e9))
    after = trainer.scores("validation")
    assert before is not None
    assert after is not None
    assert after.loss < share * before.loss


def test_arithmetic() -> None:
    np.testing.assert_array_equal(way(np.zeros(2), np.ones(2), 3), [[0, 0], [0.5, 0.5], [1, 1]])
    grid = lattice(3.0, np.array([9.0, 9.0, 7.0]), (1, 0), 2)
    assert grid.tolist() == [[1.5, -1.5, 7], [1.5, 1.5, 7], [-1.5, -1.5, 7], [-1.5, 1.5, 7]], "rows from the top"
    assert lattice(1.0, np.zeros(2), (0, 1)).shape == (GRID * GRID, 2)
    assert [radius_of(None, True), radius_of(np.full((9, 2), 3.5), True), radius_of(np.full((9, 2), 0.3), False)] == [
        3.0, 4.0, 1.0]
    assert as_picture(np.arange(9)).shape == (3, 3)
    assert as_picture(np.arange(10)).shape == (1, 10)
    assert as_picture(np.zeros((1, 4, 5))).shape == (4, 5)
    assert as_picture(np.zeros((3, 4, 5))).shape == (3, 4, 5)
