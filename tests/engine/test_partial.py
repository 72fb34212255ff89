"""Parts of a network run again from given values, and the places in it where codes and players are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.document.examples import EXAMPLES, open_example
from graphlab.engine.adversarial import find_players
from graphlab.engine.graph import Graph, Input, Net, Node, Output, Source
from graphlab.engine.init import initial_weights
from graphlab.engine.latent import find_latents, narrow_places
from graphlab.engine.loop import Block
from graphlab.engine.op import Array
from graphlab.engine.ops.activations import ReLU, Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.engine.ops.maths import Add
from graphlab.engine.partial import after, before, run_from, slot_of, steps_between
from graphlab.engine.plan import Plan, compile
from graphlab.engine.run import Run, RunError, backward, execute
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.sources import Points


def net() -> Graph:
    """x → a → b ─┬→ sum → end, with a second Input beside it: y → c ─┘ and a loss that compares end with y."""
    n = Net()
    x, y = n.input("x", 4), n.input("y", 3)
    a = n.add("a", Linear(features=2, init="xavier"), x)
    b = n.add("b", Linear(features=3, init="xavier"), n.add("bend", Tanh(), a))
    c = n.add("c", Linear(features=3, init="xavier"), y)
    end = n.add("end", ReLU(), n.add("sum", Add(), b, c))
    n.add("loss", MSE(), end, y)
    return n.graph()


def ran(batch: int = 5, seed: int = 0) -> Run:
    plan = compile(net())
    rng = np.random.default_rng(seed)
    return execute(plan, initial_weights(plan, seed),
                   {"x": rng.standard_normal((batch, 4)), "y": rng.standard_normal((batch, 3))})


def test_only_what_depends_on_the_given_values_is_run_again() -> None:
    run = ran()
    part = run_from(run, {("a", "y"): np.ones((5, 2))})
    assert list(part.records) == ["bend", "b", "sum", "end", "loss"]
    assert part.value("c") is run.value("c")
    to = run_from(run, {("a", "y"): np.ones((5, 2))}, [("b", "y")])
    assert list(to.records) == ["bend", "b"]
    assert to.value("loss") is None, "what was not computed anew is not there"
    assert to.value("x") is run.value("x")


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_the_same_as_a_full_run_with_that_input(seed: int) -> None:
    run, rng = ran(seed=seed), np.random.default_rng(seed + 1)
    x = rng.standard_normal((5, 4))
    full = execute(run.plan, run.weights, {**run.feeds, "x": x})
    part = run_from(run, {("x", "y"): x})
    assert run_from(run, {("a", "y"): full.value("a")}).value("loss") == full.value("loss")  # type: ignore[dict-item]
    for path in ("a", "b", "end", "loss"):
        np.testing.assert_array_equal(part.value(path), full.value(path))


def test_another_number_of_samples_takes_the_rest_from_rows_of_the_run() -> None:
    run = ran()
    codes = np.random.default_rng(3).standard_normal((7, 2))
    first = run_from(run, {("a", "y"): codes}, [("end", "y")])
    rows = np.array([4, 3, 2, 1, 0, 0, 0])
    chosen = run_from(run, {("a", "y"): codes}, [("end", "y")], rows)
    for part, taken in ((first, np.zeros(7, int)), (chosen, rows)):
        w = run.weights
        c = run.value("c")
        assert c is not None
        by_hand = np.maximum(np.tanh(codes) @ w["b.W"] + w["b.b"] + c[taken], 0)
        end = part.value("end")
        assert end is not None
        np.testing.assert_allclose(end, by_hand, rtol=1e-12)


def test_gradients_go_back_to_the_given_values() -> None:
    run = ran()
    codes = np.random.default_rng(4).standard_normal((5, 2))

    def loss(at: Array) -> float:
        value = run_from(run, {("a", "y"): at}).value("loss")
        assert value is not None
        return float(value)

    part = run_from(run, {("a", "y"): codes})
    for _ in backward(part, {("loss", "y"): 1.0}):
        pass
    gradient = part.gradient("a")
    assert gradient is not None
    for at in ((0, 0), (3, 1)):
        step = np.zeros_like(codes)
        step[at] = 1e-6
        assert gradient[at] == pytest.approx((loss(codes + step) - loss(codes - step)) / 2e-6, abs=1e-8)


def test_what_does_not_fit_is_said_in_words() -> None:
    run = ran()
    with pytest.raises(RunError, match=r"‘a’ gives \(5, 2\); what is put in its place has the shape \(5, 3\)"):
        run_from(run, {("a", "y"): np.ones((5, 3))})
    with pytest.raises(RunError, match=r"‘a’ gives \(B, 2\)"):
        run_from(run, {("a", "y"): np.ones(2)})
    with pytest.raises(RunError, match="for 3 and 4 samples"):
        run_from(run, {("a", "y"): np.ones((3, 2)), ("c", "y"): np.ones((4, 3))})
    with pytest.raises(RunError, match="‘nobody’ has no output y"):
        run_from(run, {("nobody", "y"): np.ones(1)})


def test_before_and_after() -> None:
    plan = compile(net())
    ends = after(plan, [slot_of(plan, ("c", "y"))])
    assert {plan.slots[s].path for s in ends} == {"c", "sum", "end", "loss"}
    roots = before(plan, [slot_of(plan, ("bend", "y"))])
    assert {(plan.slots[s].path, plan.slots[s].name) for s in roots} == {
        ("x", "y"), ("a", "W"), ("a", "b"), ("a", "y"), ("bend", "y")}
    between = steps_between(plan, {slot_of(plan, ("a", "y"))}, {slot_of(plan, ("sum", "y"))})
    assert [s.path for s in between] == ["bend", "b", "sum"]


def test_a_skip_around_a_narrow_place_makes_it_no_code() -> None:
    def chain(skip: bool) -> Plan:
        n = Net()
        x = n.input("x", 6)
        code = n.add("code", Linear(features=2), x)
        out = n.add("out", Linear(features=6), code)
        end = n.add("sum", Add(), out, x) if skip else out
        n.add("loss", MSE(), end, x)
        return compile(n.graph())
    plan = chain(False)
    assert [plan.slots[s].path for s in narrow_places(plan, slot_of(plan, ("x", "y")), slot_of(plan, ("out", "y")))
            ] == ["code", "out"]
    assert [found.code for found in find_latents(plan, Setup())] == [("code", "y")]
    assert find_latents(chain(True), Setup()) == []


def test_codes_of_the_examples() -> None:
    found = {}
    for example in EXAMPLES:
        document = open_example(example.name).document
        for latent in find_latents(compile(document.graph), document.setup):
            found[example.name] = latent
    assert {name: f.code for name, f in found.items() if name in (
        "vae-digits", "denoising-digits", "vq-digits", "dcgan-digits", "digits", "gan-2d", "attention-retrieval")} == {
        "vae-digits": ("z", "z"), "denoising-digits": ("fc2", "y"), "vq-digits": ("code", "y"),
        "dcgan-digits": ("z", "y")}
    vae = found["vae-digits"]
    assert (vae.centre, vae.spread, vae.decoded, vae.image) == (("mu", "y"), ("spread", "y"), ("fc3", "y"), ("x", "y"))
    assert (vae.error, vae.kl, vae.logits) == (("elbo/compare", "y"), ("elbo/divergence", "y"), True)
    assert found["denoising-digits"].seen == ("noise", "y")
    assert found["vq-digits"].codebook == "vq.E"


@pytest.mark.parametrize("name", ["gan-2d", "gan-ring", "dcgan-digits"])
def test_players_of_the_examples(name: str) -> None:
    document = open_example(name).document
    plan = compile(document.graph)
    (players,) = find_players(plan, document.setup)
    assert (players.judge, players.maker, players.takes) == (0, 1, "logits")
    assert plan.where[players.generated[0]][players.generated[1]] == plan.where["G"]["g_out"]
    assert (players.real, players.noise) == (("x", "y"), ("z", "y"))
    assert plan.where[players.on_generated[0]][players.on_generated[1]] == plan.where["D_fake"]["d_out"]
    assert plan.where[players.on_real[0]][players.on_real[1]] == plan.where["D"]["d_out"]
    assert players.judge_keys == {k for k in plan.weights if k.startswith("d_")}
    assert {"G", "D", "D_fake"} <= set(players.paths)


def test_phases_that_do_not_play_against_each_other_are_no_gan() -> None:
    n = Net()
    x = n.input("x", 2)
    h = n.add("lower", Linear(features=3), x)
    n.add("loss", MSE(), n.add("upper", Linear(features=2), h), x)
    inner = Net()
    inner.output("out", inner.add("fc", Linear(features=2), inner.add("in", Input(size=(2,)))))
    block = n.node(Node("block", Block(graph=inner.graph())), x)
    n.add("seen", Output(), Source(block.node, "out"))
    setup = Setup(phases=(Phase(name="a", train=("upper",)), Phase(name="b", train=("lower",))))
    assert find_players(compile(n.graph()), setup) == []


def test_points_drawn_by_hand_are_data() -> None:
    points = ((0.0, 1.0), (2.0, -1.0), (0.5, 0.5))
    table = Points(points=points, n=9, noise=0.0).table()
    assert table.columns["x"].values.tolist() == [list(p) for p in points] * 3
    setup = Setup(data=Points(points=points, n=9))
    assert Setup.from_plain(setup.plain()) == setup
    spread = Points(points=points, n=3000, noise=0.1).table().columns["x"].values - np.tile(points, (1000, 1))
    assert spread.std() == pytest.approx(0.1, rel=0.05)
    assert Points(points=()).problems() == ["needs at least 1 point; it has none"]
    assert "finite" in Points(points=((0.0, float("nan")),)).problems()[0]
    assert "20,000 points" in Points(points=((0.0, 0.0),) * 20_001).problems()[0]
