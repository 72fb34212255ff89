"""Attention against a direct computation and PyTorch, with masks, heads and dropout, closed and opened."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.derive import derive
from graphlab.engine.gradcheck import check_run
from graphlab.engine.graph import Net
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Op
from graphlab.engine.ops.attention import ScaledDotProductAttention
from graphlab.engine.ops.heads import AttentionScores, MultiHeadAttention
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, execute

Attention = ScaledDotProductAttention
B, TQ, TK, D, M = 2, 3, 4, 5, 2


def inputs(heads: int = 0, seed: int = 8) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    lead = (B, heads) if heads else (B,)
    return {"q": rng.normal(size=(*lead, TQ, D)), "k": rng.normal(size=(*lead, TK, D)),
            "v": rng.normal(size=(*lead, TK, M))}


def run_of(op: Op, feeds: dict[str, Array], mode: Mode = Mode()) -> Run:
    net = Net()
    fed = {n: net.input(n, *a.shape[1:], kind="bool" if a.dtype == bool else "real") for n, a in feeds.items()}
    net.add("attn", op, **fed)
    plan = compile(net.graph())
    assert not plan.problems, plan.problems
    weights = initial_weights(plan, seed=2)
    shape = got(execute(plan, weights, feeds, mode), "attn").shape
    seeds = {("attn", "y"): np.random.default_rng(1).normal(size=shape)}
    return execute(plan, weights, feeds, mode, seeds=seeds)


def got(run: Run, path: str, name: str = "y") -> Array:
    value = run.value(path, name)
    assert value is not None
    return value


def softmax(e: Array) -> Array:
    e = np.exp(e - e.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("heads", [0, 3])
def test_attention_is_what_the_formula_says(heads: int) -> None:
    x = inputs(heads)
    run = run_of(Attention(), x)
    weights = softmax(np.einsum("...id,...jd->...ij", x["q"], x["k"]) / np.sqrt(D))
    np.testing.assert_allclose(run.records["attn"]["weights"], weights, rtol=1e-12)
    np.testing.assert_allclose(run.records["attn"]["y"], np.einsum("...ij,...jm->...im", weights, x["v"]), rtol=1e-12)


def test_every_node_inside_has_its_name() -> None:
    x = inputs() | {"mask": np.ones((B, TQ, TK), bool)}
    run = run_of(Attention(dropout=0.5), x, Mode(training=True))
    inner = run.inside("attn")
    assert inner is not None
    names = [s.path.partition("/")[2] for s in inner.plan.steps]
    assert [n for n in names if n not in ("q", "k", "v", "mask", "y")] == [
        "keys_T", "scores", "scale", "scaled", "masked", "weights", "dropout", "context"]


def test_the_weights_can_be_asked_where_they_came_from() -> None:
    run = run_of(Attention(causal=True), inputs())
    d = derive(run, "attn", "weights", (1, 2, 0))
    assert d.value == pytest.approx(d.engine, rel=1e-12)
    assert {o.path for o in d.operands} == {"attn/weights"}
    assert run.records["attn"]["weights"][0, 0, 1] == 0, "the first place sees itself only"


def test_closed_and_opened_drop_the_same_weights() -> None:
    run = run_of(Attention(dropout=0.5), inputs(), Mode(training=True, seed=5, update=7))
    inner = run.inside("attn")
    assert inner is not None
    mask = inner.records["attn/dropout"]["mask"]
    assert 0 < mask.mean() < 1
    weights = run.records["attn"]["weights"]
    expected = (weights * mask * 2) @ inputs()["v"]
    np.testing.assert_allclose(run.records["attn"]["y"], expected, rtol=1e-12)
    other = run_of(Attention(dropout=0.5), inputs(), Mode(training=True, seed=5, update=8)).inside("attn")
    assert other is not None
    assert (other.records["attn/dropout"]["mask"] != mask).any(), "each update draws anew"
    still = run_of(Attention(dropout=0.5), inputs())
    np.testing.assert_allclose(still.records["attn"]["y"], weights @ inputs()["v"], rtol=1e-12)


def test_a_query_that_may_look_nowhere_gets_numbers_not_nan() -> None:
    x = inputs()
    mask = np.ones((B, TQ, TK), bool)
    mask[0, 1] = False
    run = run_of(Attention(), x | {"mask": mask})
    np.testing.assert_allclose(run.records["attn"]["weights"][0, 1], 1 / TK)
    assert all(np.isfinite(g).all() for g in run.records["attn"].gradients.values())


def test_scores_far_apart_do_not_overflow() -> None:
    x = {n: a * 1e4 for n, a in inputs().items()}
    run = run_of(Attention(), x)
    inner = run.inside("attn")
    assert inner is not None
    np.testing.assert_allclose(got(inner, "attn/y"), run.records["attn"]["y"], rtol=1e-12)
    assert np.isfinite(run.records["attn"].gradients["q"]).all()


def test_the_form_of_some_notes_sums_over_the_queries() -> None:
    run = run_of(Attention(over="queries"), inputs())
    np.testing.assert_allclose(run.records["attn"]["weights"].sum(axis=-2), 1.0)


def test_several_heads_are_several_attentions_side_by_side() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(B, 4, 6))
    run = run_of(MultiHeadAttention(heads=3), {"q": x})
    w = run.weights
    assert sum(a.size for a in w.values()) == 4 * (6 * 6 + 6)
    q, k, v = (x @ w[f"attn/{n}.W"] + w[f"attn/{n}.b"] for n in ("queries", "keys", "values"))
    heads = []
    for i in range(3):
        own = slice(2 * i, 2 * i + 2)
        weights = softmax(q[..., own] @ k[..., own].swapaxes(1, 2) / np.sqrt(2))
        heads.append(weights @ v[..., own])
    expected = np.concatenate(heads, axis=-1) @ w["attn/output.W"] + w["attn/output.b"]
    np.testing.assert_allclose(got(run, "attn"), expected, rtol=1e-10)
    assert run.value("attn/attention", "weights") is run.records["attn/attention"]["weights"]
    assert max(c.error for c in check_run(run)) < 1e-6


def test_heads_attend_across_sequences_and_obey_one_mask() -> None:
    rng = np.random.default_rng(3)
    mask = np.tile([True, True, False, True], (B, 3, 1))
    feeds = {"q": rng.normal(size=(B, 3, 4)), "k": rng.normal(size=(B, 4, 5)), "mask": mask}
    run = run_of(MultiHeadAttention(heads=2), feeds)
    weights = got(run, "attn/attention", "weights")
    assert weights.shape == (B, 2, 3, 4)
    assert (weights[..., 2] == 0).all()
    without = run_of(MultiHeadAttention(heads=2), {k: v for k, v in feeds.items() if k != "mask"})
    assert set(without.plan.weights) == set(run.plan.weights), "wiring a mask moves no weight"


@pytest.mark.parametrize("form", ["dot", "scaled dot", "bilinear", "additive"])
def test_scores(form: str) -> None:
    x = inputs()
    run = run_of(AttentionScores(form=form, units=3), {"q": x["q"], "k": x["k"]})
    w = {k.removeprefix("attn/"): a for k, a in run.weights.items()}
    expected = np.empty((B, TQ, TK))
    for n, i, j in np.ndindex(*expected.shape):
        q, k = x["q"][n, i], x["k"][n, j]
        match form:
            case "bilinear":
                expected[n, i, j] = q @ w["W.W"] @ k
            case "additive":
                expected[n, i, j] = (np.tanh(q @ w["W.W"] + k @ w["U.W"]) @ w["w.value"])[0]
            case _:
                expected[n, i, j] = q @ k / (np.sqrt(D) if form == "scaled dot" else 1)
    np.testing.assert_allclose(got(run, "attn"), expected, rtol=1e-10)
    assert max(c.error for c in check_run(run)) < 1e-6


def problem(op: Op, **shapes: tuple[int, ...]) -> str:
    net = Net()
    net.add("attn", op, **{n: net.input(n, *s) for n, s in shapes.items()})
    plan: Plan = compile(net.graph())
    (only,) = plan.problems
    return only.message


def test_what_does_not_fit_is_said_in_one_sentence() -> None:
    assert problem(Attention(), q=(3, 5), k=(4, 6), v=(4, 2)) == (
        "Attention ‘attn’ needs keys of the 5 features of its queries, which are (B, 3, 5), "
        "but Input ‘k’ gives (B, 4, 6).")
    assert problem(Attention(), q=(3, 5), k=(4, 5), v=(3, 2)) == (
        "Attention ‘attn’ needs a value for each of the 4 keys, which are (B, 4, 5), but Input ‘v’ gives (B, 3, 2).")
    assert problem(MultiHeadAttention(heads=3), q=(4, 8)) == (
        "Multi-head attention ‘attn’ divides 8 features among 3 heads, which leaves 2 over, "
        "but Input ‘q’ gives (B, 4, 8).")
    assert "both need as many, but Input ‘q’ gives (B, 3, 5) and Input ‘k’ gives (B, 4, 6)." in problem(
        AttentionScores(), q=(3, 5), k=(4, 6))


@pytest.mark.peers
@pytest.mark.parametrize("causal", [False, True])
def test_attention_agrees_with_pytorch(causal: bool) -> None:
    torch = pytest.importorskip("torch")
    x = inputs(heads=2)
    mask = np.random.default_rng(0).random((B, 1, TQ, TK)) < 0.7
    mask[..., 0] = True
    run = run_of(Attention(causal=causal), x if causal else x | {"mask": mask})
    tensors: Any = {n: torch.tensor(a, requires_grad=True) for n, a in x.items()}
    y = torch.nn.functional.scaled_dot_product_attention(
        tensors["q"], tensors["k"], tensors["v"], None if causal else torch.tensor(mask), is_causal=causal)
    f = run.records["attn"]
    np.testing.assert_allclose(f["y"], y.detach(), rtol=1e-8)
    y.backward(torch.tensor(f.gradients["y"]))
    for n, tensor in tensors.items():
        np.testing.assert_allclose(f.gradients[n], tensor.grad, rtol=1e-8, atol=1e-12)


@pytest.mark.peers
def test_several_heads_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(3).normal(size=(B, 4, 6))
    run = run_of(MultiHeadAttention(heads=2, causal=True), {"q": x})
    peer = torch.nn.MultiheadAttention(6, 2, batch_first=True, dtype=torch.float64)
    w = {k.removeprefix("attn/"): torch.tensor(a) for k, a in run.weights.items()}
    names = ("queries", "keys", "values")
    peer.load_state_dict({
        "in_proj_weight": torch.cat([w[f"{n}.W"].T for n in names]),
        "in_proj_bias": torch.cat([w[f"{n}.b"] for n in names]),
        "out_proj.weight": w["output.W"].T, "out_proj.bias": w["output.b"]})
    later = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    t = torch.tensor(x)
    y, weights = peer(t, t, t, attn_mask=later, average_attn_weights=False)
    np.testing.assert_allclose(got(run, "attn"), y.detach(), rtol=1e-8)
    np.testing.assert_allclose(got(run, "attn/attention", "weights"), weights.detach(), rtol=1e-8)
