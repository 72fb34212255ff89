"""Positions, feed-forward, Add & Norm, encoder, decoder and mixture of experts: by formula and against PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from graphlab.engine.derive import derive
from graphlab.engine.gradcheck import check_run
from graphlab.engine.graph import Net
from graphlab.engine.op import Op
from graphlab.engine.ops.experts import KeepTop, MixtureOfExperts
from graphlab.engine.ops.positions import PositionalEncoding
from graphlab.engine.ops.transformer import AddNorm, DecoderBlock, EncoderBlock, FeedForward
from graphlab.engine.plan import compile
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, execute

B, T, S, N, M = 2, 4, 3, 6, 5


def draw(*shape: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def run_of(op: Op, feeds: dict[str, Array], mode: Mode = Mode()) -> Run:
    net = Net()
    net.add("op", op, **{
        n: net.input(n, *a.shape[1:], kind="bool" if a.dtype == bool else "real") for n, a in feeds.items()})
    plan = compile(net.graph())
    assert not plan.problems, plan.problems
    rng = np.random.default_rng(9)
    weights = {k: rng.normal(0, 0.5, w.shape) + (k.endswith("gamma")) for k, w in plan.weights.items()}
    first = execute(plan, weights, feeds, mode)
    seeds = {("op", n): rng.normal(size=got(first, "op", n).shape) for n in op.output_names()}
    return execute(plan, weights, feeds, mode, seeds=seeds)


def got(run: Run, path: str, name: str = "y") -> Array:
    value = run.value(path, name)
    assert value is not None
    return value


def gradient(run: Run, path: str) -> Array:
    value = run.gradient(path)
    assert value is not None
    return value


def parameters(run: Run) -> int:
    return sum(a.size for a in run.weights.values())


def test_positions_are_sines_and_cosines_of_the_paper() -> None:
    zero = np.zeros((1, 7, 6))
    pe = got(run_of(PositionalEncoding(), {"x": zero}), "op")[0]
    for pos in range(7):
        for i in range(3):
            angle = pos / 10000 ** (2 * i / 6)
            assert pe[pos, 2 * i] == pytest.approx(math.sin(angle), abs=1e-15)
            assert pe[pos, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-15)
    x = draw(2, 3, 5)
    np.testing.assert_allclose(got(run_of(PositionalEncoding(), {"x": x}), "op") - x,
                               got(run_of(PositionalEncoding(), {"x": x * 0}), "op"), atol=1e-12)


def test_a_shift_of_place_is_a_rotation_of_each_pair() -> None:
    pe = PositionalEncoding(base=100.0).table(20, 4)
    for i in range(2):
        angle = 5 / 100.0 ** (2 * i / 4)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        np.testing.assert_allclose(pe[5:, 2 * i:2 * i + 2], pe[:-5, 2 * i:2 * i + 2] @ turn.T, atol=1e-12)


def test_the_place_is_written_into_the_arithmetic() -> None:
    d = derive(run_of(PositionalEncoding(), {"x": draw(B, T, N)}), "op", "y", (1, 3, 2))
    assert r"\sin\frac{3}{10000^{2/6}}" in d.substituted()


def test_feed_forward_is_two_layers_at_every_place() -> None:
    x = draw(B, T, N)
    run = run_of(FeedForward(units=M), {"x": x})
    w = run.weights
    expected = np.maximum(0, x @ w["op/hidden.W"] + w["op/hidden.b"]) @ w["op/output.W"] + w["op/output.b"]
    np.testing.assert_allclose(got(run, "op"), expected, rtol=1e-12)
    assert parameters(run) == N * M + M + M * N + N
    assert got(run_of(FeedForward(units=M, features=2, activation="gelu"), {"x": draw(B, N)}), "op").shape == (B, 2)


def test_add_and_norm_normalises_the_sum() -> None:
    x, sub = draw(B, T, N), draw(B, T, N, seed=4)
    run = run_of(AddNorm(), {"x": x, "sub": sub})
    total = x + sub
    xhat = (total - total.mean(-1, keepdims=True)) / np.sqrt(total.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(got(run, "op"), run.weights["op/norm.gamma"] * xhat + run.weights["op/norm.beta"],
                               rtol=1e-10)


@pytest.mark.parametrize("op", [
    EncoderBlock(heads=2, units=M), EncoderBlock(heads=3, units=M, norm="before", activation="gelu", causal=True),
    DecoderBlock(heads=2, units=M), DecoderBlock(heads=2, units=M, norm="before"), MixtureOfExperts(experts=3, units=M),
    MixtureOfExperts(experts=4, units=M, top=2, features=3, activation="gelu tanh"), AddNorm(), FeedForward(units=M)],
    ids=lambda op: f"{op.name()} {op.line()}")
def test_gradients_agree_with_central_differences(op: Op) -> None:
    feeds = {"x": draw(B, T, N)}
    if isinstance(op, DecoderBlock):
        feeds["memory"] = draw(B, S, N + 1, seed=5)
    if isinstance(op, AddNorm):
        feeds["sub"] = draw(B, T, N, seed=5)
    assert max(c.error for c in check_run(run_of(op, feeds))) < 1e-5


def test_the_counts_of_the_blocks() -> None:
    encoder = run_of(EncoderBlock(heads=2, units=M), {"x": draw(B, T, N)})
    assert parameters(encoder) == 4 * (N * N + N) + 2 * N * M + M + N + 4 * N
    decoder = run_of(DecoderBlock(heads=2, units=M), {"x": draw(B, T, N), "memory": draw(B, S, N)})
    assert parameters(decoder) == 8 * (N * N + N) + 2 * N * M + M + N + 6 * N


def test_inner_paths_can_be_read() -> None:
    run = run_of(DecoderBlock(heads=2, units=M), {"x": draw(B, T, N), "memory": draw(B, S, N)})
    assert {"op/self_attention", "op/add_norm1", "op/cross_attention", "op/cross_attention/attention", "op/add_norm2",
            "op/feed_forward/hidden", "op/add_norm3/norm"} <= set(run.plan.where)
    assert got(run, "op/cross_attention/attention", "weights").shape == (B, 2, T, S)
    assert (np.triu(got(run, "op/self_attention/attention", "weights"), 1) == 0).all()
    assert run.value("op/self_attention/attention/masked") is not None


def test_a_causal_block_does_not_see_what_comes_later() -> None:
    x = draw(B, T, N)
    later = x.copy()
    later[:, 2:] += 1
    for causal in (True, False):
        op = EncoderBlock(heads=2, units=M, causal=causal)
        a, b = (got(run_of(op, {"x": v}), "op") for v in (x, later))
        assert np.array_equal(a[:, :2], b[:, :2]) is causal


def test_a_mask_hides_places_from_all_heads() -> None:
    mask = np.tile([True, False, True, True], (B, T, 1))
    run = run_of(EncoderBlock(heads=2, units=M), {"x": draw(B, T, N), "mask": mask})
    assert (got(run, "op/attention/attention", "weights")[..., 1] == 0).all()


def test_dropout_only_drops_while_training() -> None:
    op, x = EncoderBlock(heads=2, units=M, dropout=0.3), {"x": draw(B, T, N)}
    still = got(run_of(op, x), "op")
    np.testing.assert_allclose(still, got(run_of(EncoderBlock(heads=2, units=M), x), "op"), rtol=1e-12)
    assert (got(run_of(op, x, Mode(training=True)), "op") != still).any()


@pytest.mark.parametrize("top", [0, 2])
@pytest.mark.parametrize("shape", [(B, N), (B, T, N)])
def test_a_mixture_is_the_weighted_sum_of_its_experts(shape: tuple[int, ...], top: int) -> None:
    x = draw(*shape)
    run = run_of(MixtureOfExperts(experts=3, units=M, top=top), {"x": x})
    w, gates = run.weights, got(run, "op", "gates")
    np.testing.assert_allclose(gates.sum(axis=-1), 1, rtol=1e-12)
    scores = x @ w["op/gate.W"] + w["op/gate.b"]
    if top:
        assert ((gates > 0).sum(axis=-1) == top).all()
        scores = np.where(scores >= np.sort(scores, axis=-1)[..., -top, None], scores, -np.inf)
    share = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(gates, share, rtol=1e-10, atol=1e-12)
    expected = np.zeros_like(x)
    for i in range(3):
        W1, b1, W2, b2 = (w[f"op/expert{i}/{n}"] for n in ("hidden.W", "hidden.b", "output.W", "output.b"))
        expected += share[..., i:i + 1] * (np.maximum(0, x @ W1 + b1) @ W2 + b2)
    np.testing.assert_allclose(got(run, "op"), expected, rtol=1e-9, atol=1e-12)


def test_of_equal_scores_the_first_are_kept() -> None:
    x = np.array([[1.0, 2.0, 2.0, 2.0]])
    assert got(run_of(KeepTop(count=2), {"x": x}), "op").tolist() == [[-1e9, 2.0, 2.0, -1e9]]


@pytest.mark.parametrize(("op", "shapes", "said"), [
    (PositionalEncoding(), {"x": (4,)}, "takes sequences shaped (B, T, d), but Input ‘x’ gives (B, 4)"),
    (EncoderBlock(heads=4), {"x": (3, 6)}, "divides 6 features among 4 heads, which leaves 2 over"),
    (EncoderBlock(), {"x": (8,)}, "takes sequences shaped (B, T, n)"),
    (DecoderBlock(), {"x": (3, 8), "memory": (8,)}, "takes sequences shaped (B, T, n), but Input ‘memory’"),
    (AddNorm(), {"x": (3, 8), "sub": (3, 4)}, "both need one shape"),
    (FeedForward(), {"x": (3, 8, 2)}, "takes features shaped (B, n) or sequences"),
    (KeepTop(count=5), {"x": (3,)}, "keeps 5 of 3 scores; it can keep 3 at most"),
    (MixtureOfExperts(experts=2, top=3), {"x": (3,)}, "asks the top 3 experts, but has 2"),
])
def test_what_does_not_fit_is_said_in_one_sentence(op: Op, shapes: dict[str, tuple[int, ...]], said: str) -> None:
    net = Net()
    net.add("op", op, **{n: net.input(n, *s) for n, s in shapes.items()})
    (problem,) = compile(net.graph()).problems
    assert said in problem.message
    assert problem.path == "op"


# --- PyTorch ---------------------------------------------------------------------------------------------


def loaded(torch: Any, run: Run, path: str, target: str, names: dict[str, str]) -> dict[str, Any]:
    """Return the weights of ours at a path under PyTorch's names."""
    w = {k: torch.tensor(a) for k, a in run.weights.items()}
    out = {}
    for own, peer in names.items():
        out[f"{target}{peer}.weight"] = w[f"{path}/{own}.W"].T
        out[f"{target}{peer}.bias"] = w[f"{path}/{own}.b"]
    return out


def attention_state(torch: Any, run: Run, path: str, target: str) -> dict[str, Any]:
    w = {k: torch.tensor(a) for k, a in run.weights.items()}
    parts = ("queries", "keys", "values")
    return {f"{target}.in_proj_weight": torch.cat([w[f"{path}/{n}.W"].T for n in parts]),
            f"{target}.in_proj_bias": torch.cat([w[f"{path}/{n}.b"] for n in parts])} | loaded(
                torch, run, path, f"{target}.", {"output": "out_proj"})


def norm_state(torch: Any, run: Run, names: dict[str, str]) -> dict[str, Any]:
    return {f"{peer}.{b}": torch.tensor(run.weights[f"op/{own}.{a}"]) for own, peer in names.items()
            for a, b in (("gamma", "weight"), ("beta", "bias"))}


@pytest.mark.peers
@pytest.mark.parametrize("norm", ["after", "before"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_an_encoder_block_agrees_with_pytorch(norm: str, activation: str) -> None:
    torch = pytest.importorskip("torch")
    x = draw(B, T, N)
    run = run_of(EncoderBlock(heads=2, units=M, norm=norm, activation=activation), {"x": x})
    peer = torch.nn.TransformerEncoderLayer(N, 2, M, 0.0, activation, batch_first=True, norm_first=norm == "before",
                                            dtype=torch.float64)
    norms = {f"add_norm{i}/norm" if norm == "after" else f"norm{i}": f"norm{i}" for i in (1, 2)}
    peer.load_state_dict(attention_state(torch, run, "op/attention", "self_attn")
                         | loaded(torch, run, "op/feed_forward", "", {"hidden": "linear1", "output": "linear2"})
                         | norm_state(torch, run, norms))
    t = torch.tensor(x, requires_grad=True)
    y = peer(t)
    np.testing.assert_allclose(got(run, "op"), y.detach(), rtol=1e-8, atol=1e-10)
    y.backward(torch.tensor(gradient(run, "op")))
    np.testing.assert_allclose(gradient(run, "x"), t.grad, rtol=1e-8, atol=1e-10)


@pytest.mark.peers
@pytest.mark.parametrize("norm", ["after", "before"])
def test_a_decoder_block_agrees_with_pytorch(norm: str) -> None:
    torch = pytest.importorskip("torch")
    x, memory = draw(B, T, N), draw(B, S, N, seed=5)
    run = run_of(DecoderBlock(heads=2, units=M, norm=norm), {"x": x, "memory": memory})
    peer = torch.nn.TransformerDecoderLayer(N, 2, M, 0.0, batch_first=True, norm_first=norm == "before",
                                            dtype=torch.float64)
    norms = {f"add_norm{i}/norm" if norm == "after" else f"norm{i}": f"norm{i}" for i in (1, 2, 3)}
    peer.load_state_dict(attention_state(torch, run, "op/self_attention", "self_attn")
                         | attention_state(torch, run, "op/cross_attention", "multihead_attn")
                         | loaded(torch, run, "op/feed_forward", "", {"hidden": "linear1", "output": "linear2"})
                         | norm_state(torch, run, norms))
    a, b = (torch.tensor(v, requires_grad=True) for v in (x, memory))
    later = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
    y = peer(a, b, tgt_mask=later)
    np.testing.assert_allclose(got(run, "op"), y.detach(), rtol=1e-8, atol=1e-10)
    y.backward(torch.tensor(gradient(run, "op")))
    np.testing.assert_allclose(gradient(run, "x"), a.grad, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(gradient(run, "memory"), b.grad, rtol=1e-8, atol=1e-10)
