"""The diffusion lens: both clouds, the field and the schedule against formulas and full runs; live weights; tries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine import diffusion
from graphlab.engine.diffusion import denoise, find_diffusions, named_noise
from graphlab.engine.graph import Graph, Net
from graphlab.engine.op import Array
from graphlab.engine.ops.diffusion import ForwardDiffusion
from graphlab.engine.plan import compile
from graphlab.engine.run import execute
from graphlab.engine.train import Trainer
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.diffusion import DiffusionLens
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from graphlab.ui.training import Training


class Bench:
    """A lens panel on the diffusion example."""

    def __init__(self, qtbot: QtBot, updates: int = 0) -> None:
        self.session = Session()
        self.training = Training(self.session)
        self.panel = LensPanel(self.session, self.training)
        qtbot.addWidget(self.panel)
        loaded = open_example("diffusion-points")
        self.session.open_document(loaded.document, loaded.weights)
        assert self.session.prepared is not None
        trainer = Trainer(self.session.plan, self.session.weights, self.session.prepared, self.session.document.setup)
        for _ in range(updates):
            trainer.update(norms=False)
        if updates:
            self.session.edit("Train", self.session.document, weights=trainer.progress().weights)
        self.panel.resize(1000, 440)
        self.panel.show()
        qtbot.waitExposed(self.panel)
        self.panel.look_at("", DiffusionLens)

    @property
    def lens(self) -> DiffusionLens:
        lens = self.panel.lens
        assert isinstance(lens, DiffusionLens)
        return lens

    def by_hand(self, points: Array, t: int) -> Array:
        """The network's ε̂, written down once more."""
        w = {k: np.asarray(v, np.float64) for k, v in self.session.weights.items()}
        h = np.concatenate([points, np.full((len(points), 1), t / 40)], axis=1)
        for i in (1, 2, 3):
            h = h @ w[f"fc{i}.W"] + w[f"fc{i}.b"]
            h = np.where(h > 0, h, np.expm1(np.minimum(h, 0)))
        return np.asarray(h @ w["named.W"] + w["named.b"])


@pytest.fixture
def bench(qtbot: QtBot) -> Iterator[Bench]:
    made = Bench(qtbot, 1500)
    yield made
    made.training.stop()
    made.session.undo_stack.clear()


def shares() -> Array:
    """ᾱ₀ … ᾱ₄₀, one factor after the other."""
    out = [1.0]
    for s in range(40):
        out.append(out[-1] * (1 - (0.005 + s * (0.25 - 0.005) / 39)))
    return np.array(out)


def test_the_schedule_and_its_steps() -> None:
    op = ForwardDiffusion()
    np.testing.assert_allclose(op.kept_share(), shares(), rtol=1e-12)
    net = Net()
    x, noise, u = net.input("x", 2), net.input("noise", 2), net.input("u", 1)
    net.add("mix", op, x, noise, u)
    plan = compile(net.graph())
    rng = np.random.default_rng(0)
    data, eps = rng.standard_normal((5, 2)), rng.standard_normal((5, 2))
    run = execute(plan, {}, {"x": data, "noise": eps, "u": np.array([[0.0], [0.0249], [0.5], [0.9999], [1.0]])})
    t = np.array([1, 1, 21, 40, 40])
    np.testing.assert_allclose(np.asarray(run.value("mix", "t"))[:, 0], t / 40)
    share = shares()[t][:, None]
    np.testing.assert_allclose(np.asarray(run.value("mix")), np.sqrt(share) * data + np.sqrt(1 - share) * eps)
    assert find_diffusions(plan) == [], "nothing learns to name the noise"
    assert find_diffusions(compile(Graph())) == []


def test_it_is_found_at_a_diffusion_alone(bench: Bench) -> None:
    for path in ("diffusion", "named", "loss", ""):
        assert lenses_for(View(bench.session, path)).count(DiffusionLens) == 1
    other = Session()
    loaded = open_example("moons")
    other.open_document(loaded.document, loaded.weights)
    assert DiffusionLens not in lenses_for(View(other))


def test_forward_frames_follow_the_formula(bench: Bench) -> None:
    shown = bench.lens.shown()
    assert bench.lens.frames == 41
    for t in (0, 1, 17, 40):
        bench.lens.show_frame(t / 40)
        share = shares()[t]
        expected = np.sqrt(share) * shown["data"] + np.sqrt(1 - share) * shown["noise"]
        np.testing.assert_allclose(bench.lens.shown()["noised"], expected, rtol=1e-9)
        drawn = np.stack(bench.lens.forward_plane.points.getData(), axis=1)
        np.testing.assert_array_equal(drawn, bench.lens.shown()["noised"])
    prepared = bench.session.prepared
    assert prepared is not None
    np.testing.assert_allclose(shown["data"][0], prepared.arrays["x"][0], rtol=1e-6)


def test_the_noise_that_is_named_is_the_networks(bench: Bench) -> None:
    lens = bench.lens
    assert lens.base is not None
    assert lens.model is not None
    points = np.random.default_rng(1).standard_normal((9, 2))
    for t in (1, 20, 40):
        np.testing.assert_allclose(named_noise(lens.base, lens.model, points, t), bench.by_hand(points, t), rtol=1e-9)
    # The whole network says the same where its own mixing gives these points: x₀ = x_t/√ᾱ_t without noise.
    t = 20
    run = execute(bench.session.plan, bench.session.weights, {
        "x": points / np.sqrt(shares()[t]), "noise": np.zeros((9, 2)), "u": np.full((9, 1), (t - 0.5) / 40)})
    np.testing.assert_allclose(np.asarray(run.value("named")), bench.by_hand(points, t), rtol=1e-9)


@pytest.mark.parametrize("fresh", [False, True])
def test_the_walk_backward_step_by_step(bench: Bench, fresh: bool) -> None:
    lens = bench.lens
    lens.fresh.setChecked(fresh)
    share = shares()
    lens.show_frame(0)
    x = lens.shown()["walk"]
    rng = np.random.default_rng([bench.session.document.setup.seed, 1])
    rng.standard_normal(x.shape)
    z = rng.standard_normal((40, *x.shape))
    for k in range(1, 41):
        t = 41 - k
        eps = bench.by_hand(x, t)
        if fresh:  # as Ho, Jain & Abbeel 2020 write it, with their posterior variance
            beta = 1 - share[t] / share[t - 1]
            x = (x - beta / np.sqrt(1 - share[t]) * eps) / np.sqrt(1 - beta)
            x = x + np.sqrt(beta * (1 - share[t - 1]) / (1 - share[t])) * z[t - 1]
        else:
            clean = (x - np.sqrt(1 - share[t]) * eps) / np.sqrt(share[t])
            x = np.sqrt(share[t - 1]) * clean + np.sqrt(1 - share[t - 1]) * eps
        lens.show_frame(k / 40)
        np.testing.assert_allclose(lens.shown()["walk"], x, rtol=1e-6, atol=1e-8)
    assert "arrived" in lens.caption()


def test_a_network_that_knows_the_noise_exactly_brings_the_data_back(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net()
    x, noise, u = net.input("x", 2), net.input("noise", 2), net.input("u", 1)
    net.add("mix", ForwardDiffusion(), x, noise, u)
    plan = compile(net.graph())
    zeros = np.zeros((3, 2))
    run = execute(plan, {}, {"x": zeros, "noise": zeros, "u": np.zeros((3, 1))})
    op = ForwardDiffusion()
    start = np.random.default_rng(2).standard_normal((3, 2))
    # All data at 0: then the noise in x_t is x_t / √(1−ᾱ_t), and every walk ends at 0.
    monkeypatch.setattr(diffusion, "named_noise", lambda _run, _model, points, t: points / np.sqrt(1 - shares()[t]))
    model = diffusion.Diffusion("mix", op, ("x", "y"), ("noise", "y"), ("mix", "y"), "")
    last = list(denoise(run, model, start))[-1]
    np.testing.assert_allclose(last.after, 0, atol=1e-9)


def test_after_training_the_walk_ends_at_the_data(qtbot: QtBot, bench: Bench) -> None:
    def gap() -> float:
        """Return how far made points lie from their nearest datum, on average."""
        bench.lens.show_frame(1.0)
        made, data = bench.lens.shown()["walk"], bench.lens.shown()["data"]
        return float(np.linalg.norm(made[:, None] - data, axis=2).min(axis=1).mean())
    trained = gap()
    bench.session.undo_stack.undo()
    bench.panel.refresh()
    untrained = gap()
    assert trained < 0.2 < untrained
    bench.session.undo_stack.redo()
    assert bench.training.start()
    qtbot.waitUntil(lambda: len(bench.panel.view.history("loss").values) > 3, timeout=20_000)
    bench.training.stop()
    bench.panel.refresh()
    assert len(bench.lens.curve.lines["loss"].getData()[0]) > 3


def test_frames_and_tries(bench: Bench) -> None:
    lens = bench.lens
    lens.show_frame(0.6)
    first = lens.grab().toImage()
    lens.show_frame(0.2)
    lens.show_frame(0.6)
    assert lens.grab().toImage() == first
    graph = bench.session.document.graph
    for attempt in lens.tries():
        attempt.run()
        assert bench.session.document.graph != graph
        bench.panel.refresh()
        assert not bench.panel.problem.text()
        assert lens.frames == int(attempt.label.removeprefix("T = ")) + 1
        bench.session.undo_stack.undo()
        assert bench.session.document.graph == graph
        bench.panel.refresh()
