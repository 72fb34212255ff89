"""Training with several phases, and of pictures instead of weights."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.engine.data import Split, Table
from graphlab.engine.fast import lower, plain
from graphlab.engine.fast.program import MakeStep
from graphlab.engine.graph import Net, Node, Parameter
from graphlab.engine.init import initial_weights
from graphlab.engine.loop import Block
from graphlab.engine.ops.activations import ReLU, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import BinaryCrossEntropy
from graphlab.engine.ops.reductions import Sum
from graphlab.engine.optim import SGD, Adam
from graphlab.engine.plan import Plan, compile
from graphlab.engine.run import execute
from graphlab.engine.setup import chosen
from graphlab.engine.sources import Blobs
from graphlab.engine.train import Phase, Setup, Trainer, fit

MAKERS = pytest.mark.parametrize("make", [plain.make_step, lower.make_step], ids=["plain", "fast"])


def gan() -> Plan:
    """G: z → 2-D points; D: points → logit, on real points and, with the same weights, on made ones."""
    d = Net()
    h = d.add("act", ReLU(), d.add("fc", Linear(features=32), d.input("p", 2)))
    d.output("logit", d.add("out", Linear(features=1), h))
    judge = Block(graph=d.graph())
    g = Net()
    h = g.add("act", ReLU(), g.add("g_fc", Linear(features=32), g.input("z", 2)))
    g.output("points", g.add("g_out", Linear(features=2), h))
    net = Net()
    made = net.add("G", Block(graph=g.graph()), net.input("z", 2))
    real = net.add("D", judge, net.input("x", 2))
    fake = net.node(Node("D_fake", judge, shares="D"), made)
    one, zero = net.input("one", 1), net.input("zero", 1)
    bce = BinaryCrossEntropy(takes="logits")
    net.add("loss_real", bce, real, one)
    net.add("loss_fake", bce, fake, zero)
    net.add("loss_G", bce, fake, one)
    plan = compile(net.graph())
    assert not plan.problems, plan.problems
    return plan


@MAKERS
def test_a_two_phase_gan_runs(make: MakeStep) -> None:
    plan = gan()
    setup = Setup(
        data=Blobs(clouds=1, noise=0.1), batch=64, epochs=120, split=Split(validation=0.0),
        feed=(("z", "noise:normal"), ("one", "fill:1"), ("zero", "fill:0")),
        phases=(Phase("D", (("loss_real", 1.0), ("loss_fake", 1.0)), ("D",), Adam(rate=0.002, beta1=0.5), steps=2),
                Phase("G", (("loss_G", 1.0),), ("G/*",), Adam(rate=0.002, beta1=0.5))))
    trainer = Trainer(plan, initial_weights(plan), setup.data.table(), setup, make)
    before = trainer.parameters.publish()
    moved = []
    for _ in range(3):
        trainer.update()
        now = trainer.parameters.publish()
        moved.append({k.partition(".")[0] for k in now if not np.array_equal(now[k], before[k])})
        before = now
    d, g = ({k.partition(".")[0] for k in chosen(plan, (p,))} for p in ("D", "G"))
    assert moved == [d, d, g] and not d & g
    *_, last = trainer.run()
    assert set(last.losses) == {"D", "G"} and last.update == setup.epochs * trainer.per_epoch
    # One round takes two batches for D and one for G; 7 batches an epoch are 4 rounds: 7 + 4 updates.
    assert trainer.per_epoch == 11
    z = np.random.default_rng(0).standard_normal((500, 2))
    feeds = {"z": z, "x": z, "one": np.ones((500, 1)), "zero": np.zeros((500, 1))}
    points = execute(plan, last.weights, feeds).value("G", "points")
    assert points is not None
    # Real points lie around (1, 0).
    assert np.linalg.norm(np.median(points, axis=0) - [1.0, 0.0]) < 0.5


@MAKERS
def test_a_parameter_image_is_trained_by_ascent(make: MakeStep) -> None:
    """Activation maximisation: the network stays as it is, the picture raises one unit."""
    net = Net()
    image = net.add("image", Parameter(size=(1, 9)))
    unit = net.add("unit", Linear(features=1), image)
    net.add("activation", Sum(), net.add("act", Tanh(), unit))
    plan = compile(net.graph())
    weights = initial_weights(plan)
    weights["unit.W"] = np.linspace(-0.2, 0.2, 9)[:, None]
    weights["image.value"] = np.zeros((1, 9))
    setup = Setup(epochs=40, phases=(
        Phase("ascend", (("activation", 1.0),), ("image",), SGD(rate=0.5), ascend=True),))
    *_, last = fit(plan, weights, Table(), setup, make=make)
    assert last.update == 40 and last.validation is not None and last.validation.loss > 0.85
    assert np.array_equal(last.weights["unit.W"], weights["unit.W"].astype(np.float32))
    direction = last.weights["image.value"].ravel()
    np.testing.assert_allclose(direction / np.linalg.norm(direction),
                               weights["unit.W"].ravel() / np.linalg.norm(weights["unit.W"]), atol=1e-5)
