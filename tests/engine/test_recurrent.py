"""Recurrent layers against straightforward computations and PyTorch, closed and opened."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphlab.engine.derive import derive
from graphlab.engine.graph import Net
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Op
from graphlab.engine.ops.bidirectional import LAYERS, Bidirectional
from graphlab.engine.ops.gru import GRU
from graphlab.engine.ops.recurrent import LSTM, RNN
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Array
from graphlab.engine.run import Run, RunError, execute
from graphlab.engine.spec import Spec

B, T, F, H = 2, 8, 3, 2


def plan_of(op: Op, *states: str) -> Plan:
    net = Net()
    fed = {name: net.input(f"first_{name}", H) for name in states}
    net.add("rnn", op, net.input("x", T, F), **fed)
    plan = compile(net.graph())
    assert not plan.problems, plan.problems
    return plan


def run_of(op: Op, *states: str) -> Run:
    plan = plan_of(op, *states)
    rng = np.random.default_rng(4)
    weights = {k: rng.normal(0, 0.6, w.shape) for k, w in plan.weights.items()}
    feeds = {"x": rng.normal(size=(B, T, F))} | {f"first_{s}": rng.normal(size=(B, H)) for s in states}
    run = execute(plan, weights, feeds)
    seeds = {("rnn", n): rng.normal(size=run.records["rnn"][n].shape) for n in op.output_names()}
    return execute(plan, weights, feeds, seeds=seeds)


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def straight_lstm(run: Run) -> dict[str, Array]:
    """The textbook's LSTM on [h, x], written down without looking at the layer: gates of all steps, and gradients."""
    f = run.records["rnn"]
    x, dseq, dh, dc = f["x"], f.gradients["seq"], f.gradients["h"], f.gradients["c"]
    stacked = np.vstack([f["U"], f["W"]])  # rows for h, then rows for x
    W = {name: stacked[:, k * H:(k + 1) * H] for k, name in enumerate(("input", "forget", "candidate", "output"))}
    b = {name: f["b"][k * H:(k + 1) * H] for k, name in enumerate(W)}
    h, c, tape = np.zeros((B, H)), np.zeros((B, H)), []
    out: dict[str, Array] = {}
    for t in range(T):
        hx = np.hstack([h, x[:, t]])
        g = {n: (np.tanh if n == "candidate" else sigmoid)(hx @ W[n] + b[n]) for n in W}
        before, c = c, g["forget"] * c + g["input"] * g["candidate"]
        h = g["output"] * np.tanh(c)
        tape.append((hx, g, before, c))
        out |= {f"t{t}/{n}": v for n, v in g.items()} | {f"t{t}/h": h, f"t{t}/c": c}
    for t in reversed(range(T)):
        hx, g, before, c = tape[t]
        dh = dh + dseq[:, t]
        dc = dc + dh * g["output"] / np.cosh(c) ** 2
        d = {"input": dc * g["candidate"], "forget": dc * before, "candidate": dc * g["input"],
             "output": dh * np.tanh(c)}
        out |= {f"d t{t}/{n}": v for n, v in d.items()}
        dz = {n: d[n] * (1 - g[n] ** 2 if n == "candidate" else g[n] * (1 - g[n])) for n in d}
        dh = np.asarray(sum(dz[n] @ W[n].T for n in dz))[:, :H]
        dc = dc * g["forget"]
    return out


def test_an_lstm_opened_at_any_step_shows_the_gates_and_their_gradients() -> None:
    run = run_of(LSTM(units=H))
    expected = straight_lstm(run)
    for t in (3, 0, T - 1):
        for gate in ("forget", "input", "candidate", "output"):
            value, gradient = run.value(f"rnn/t{t}/{gate}"), run.gradient(f"rnn/t{t}/{gate}")
            assert value is not None
            assert gradient is not None
            np.testing.assert_allclose(value, expected[f"t{t}/{gate}"], rtol=1e-12)
            np.testing.assert_allclose(gradient, expected[f"d t{t}/{gate}"], rtol=1e-10, atol=1e-14)
            d = derive(run, f"rnn/t{t}/{gate}", "y", (1, 0))
            assert d.value == pytest.approx(d.engine, rel=1e-12)
            d = derive(run, f"rnn/t{t}/{gate}", "y", (1, 0), grad=True)
            assert d.value == pytest.approx(d.engine, rel=1e-9)
    f = run.records["rnn"]
    np.testing.assert_allclose(f["seq"][:, 3], expected["t3/h"], rtol=1e-12)
    np.testing.assert_allclose(f["h"], expected[f"t{T - 1}/h"], rtol=1e-12)
    np.testing.assert_allclose(f["c"], expected[f"t{T - 1}/c"], rtol=1e-12)


def test_opening_an_lstm_leaves_its_weights_where_they_are() -> None:
    run = run_of(LSTM(units=H))
    before = {k: w.copy() for k, w in run.weights.items()}
    inner = run.inside("rnn")
    assert inner is not None
    assert inner.plan.weights == {}, "the body owns no weights: it is handed those of the layer"
    assert set(run.plan.weights) == {"rnn.W", "rnn.U", "rnn.b"}
    for key, value in before.items():
        np.testing.assert_array_equal(run.weights[key], value)
        port = key.partition(".")[2]
        np.testing.assert_array_equal(inner.feeds[f"rnn/{port}"], value)
        gradient = inner.gradient(f"rnn/{port}")
        assert gradient is not None
        np.testing.assert_allclose(gradient, run.records["rnn"].gradients[port], rtol=1e-10, atol=1e-13)


def test_a_shared_weight_receives_one_term_from_every_step() -> None:
    run = run_of(LSTM(units=H))
    d = derive(run, "rnn", "U", (1, 5), grad=True)
    assert sorted(o.path for o in d.operands) == sorted(f"rnn/t{t}/hU" for t in range(T))
    assert d.value == pytest.approx(d.engine, rel=1e-9)


@pytest.mark.parametrize(("op", "parameters"), [
    (LSTM(units=H), 4 * (H * (F + H) + H)), (LSTM(units=H, biases=2), 4 * (H * (F + H) + 2 * H)),
    (LSTM(units=128), 4 * (128 * (F + 128) + 128)), (GRU(units=H), 3 * (H * (F + H) + H)),
    (GRU(units=H, biases=2, reset="after"), 3 * (H * (F + H) + 2 * H)), (RNN(units=H), H * (F + H) + H),
    (RNN(units=H, biases=0), H * (F + H)),
])
def test_parameters_are_counted_as_in_textbooks(op: Op, parameters: int) -> None:
    plan = plan_of(op)
    assert sum(int(np.prod(w.shape)) for w in plan.weights.values()) == parameters
    step = plan.step("rnn")
    assert step is not None
    biases = sum(w.shape[0] for w in plan.weights.values() if len(w.shape) == 1)
    assert step.macs == T * (parameters - biases), "every weight but the biases works once at every step"


@pytest.mark.parametrize("op", [LSTM(units=H), GRU(units=H), RNN(units=H)])
def test_reversed_in_time_is_the_same_on_the_reversed_sequence(op: Op) -> None:
    run = run_of(op)
    plan = plan_of(op.replace(reverse=True))
    back = execute(plan, run.weights, {"x": run.feeds["x"][:, ::-1]})
    np.testing.assert_allclose(back.records["rnn"]["seq"][:, ::-1], run.records["rnn"]["seq"], rtol=1e-12)
    np.testing.assert_allclose(back.records["rnn"]["h"], run.records["rnn"]["h"], rtol=1e-12)


@pytest.mark.parametrize("op", [LSTM(units=H), GRU(units=H), RNN(units=H, activation="relu")])
def test_a_state_handed_on_continues_the_sequence(op: Op) -> None:
    whole = run_of(op)
    net = Net()
    first = net.add("first", op, net.input("a", 5, F))
    states = {f"{s}0": first._replace(output=s) for s in op.output_names()[1:]}
    net.add("rest", op, net.input("b", T - 5, F), **states)
    graph = net.graph()
    weights = {k.replace("rnn", n): w for k, w in whole.weights.items() for n in ("first", "rest")}
    x = whole.feeds["x"]
    run = execute(compile(graph), weights, {"a": x[:, :5], "b": x[:, 5:]})
    np.testing.assert_allclose(run.records["rest"]["seq"], whole.records["rnn"]["seq"][:, 5:], rtol=1e-12)
    np.testing.assert_allclose(run.records["rest"]["h"], whole.records["rnn"]["h"], rtol=1e-12)


def test_the_order_of_the_gates_is_only_an_order() -> None:
    run = run_of(LSTM(units=H))
    for gates in ("figo", "iofg"):
        columns = np.concatenate([np.arange(H) + H * "ifgo".index(k) for k in gates])
        weights = {k: w[..., columns] for k, w in run.weights.items()}
        other = execute(plan_of(LSTM(units=H, gates=gates)), weights, run.feeds)
        np.testing.assert_allclose(other.records["rnn"]["seq"], run.records["rnn"]["seq"], rtol=1e-12)


def test_a_gru_in_the_two_conventions_of_z() -> None:
    keeps = run_of(GRU(units=H))
    # σ(−a) = 1 − σ(a): turning the sign of z's weights turns one convention into the other.
    turned = {k: w.copy() for k, w in keeps.weights.items()}
    for w in turned.values():
        w[..., H:2 * H] *= -1
    takes = execute(plan_of(GRU(units=H, z="takes")), turned, keeps.feeds)
    np.testing.assert_allclose(takes.records["rnn"]["seq"], keeps.records["rnn"]["seq"], rtol=1e-12)


def test_a_gru_by_hand() -> None:
    op = GRU(units=1, biases=0)
    net = Net()
    net.add("rnn", op, net.input("x", 1, 1), h0=net.input("h", 1))
    weights = {"rnn.W": np.array([[1.0, -1.0, 2.0]]), "rnn.U": np.array([[0.5, 0.25, -1.0]])}
    run = execute(compile(net.graph()), weights, {"x": np.full((1, 1, 1), 0.5), "h": np.full((1, 1), 0.8)})
    r, z = 1 / (1 + np.exp(-0.9)), 1 / (1 + np.exp(0.3))
    expected = z * 0.8 + (1 - z) * np.tanh(1.0 - r * 0.8)
    assert run.records["rnn"]["h"][0, 0] == pytest.approx(expected, rel=1e-14)
    assert run.value("rnn/t0/reset") == pytest.approx(r, rel=1e-14)
    assert run.value("rnn/t0/update") == pytest.approx(z, rel=1e-14)


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "RNN"])
def test_reading_from_both_ends(layer: str) -> None:
    net = Net()
    net.add("rnn", Bidirectional(layer=layer, units=H), net.input("x", T, F))
    plan = compile(net.graph())
    assert not plan.problems
    rng = np.random.default_rng(2)
    weights = {k: rng.normal(size=w.shape) for k, w in plan.weights.items()}
    x = rng.normal(size=(B, T, F))
    run = execute(plan, weights, {"x": x})
    seq, last = run.value("rnn", "seq"), run.value("rnn", "h")
    assert seq is not None
    assert last is not None
    for i, way in enumerate(("forward", "backward")):
        alone = plan_of(LAYERS[layer](units=H))
        own = {k.replace(f"rnn/{way}", "rnn"): w for k, w in weights.items() if way in k}
        expected = execute(alone, own, {"x": x[:, ::-1] if i else x}).records["rnn"]
        half = slice(i * H, (i + 1) * H)
        np.testing.assert_allclose(seq[..., half], expected["seq"][:, ::-1] if i else expected["seq"], rtol=1e-12)
        np.testing.assert_allclose(last[..., half], expected["h"], rtol=1e-12)


def test_an_rnn_with_sign_by_hand() -> None:
    """s_t = sign(W s_{t−1} + U x_t): it remembers the last input that was strong enough."""
    net = Net()
    net.add("rnn", RNN(units=1, biases=0, activation="sign"), net.input("x", 5, 1), h0=net.input("h", 1))
    weights = {"rnn.W": np.array([[2.0]]), "rnn.U": np.array([[1.0]])}
    x = np.array([0.1, -0.6, -0.2, 0.3, 0.7]).reshape(1, 5, 1)
    run = execute(compile(net.graph()), weights, {"x": x, "h": np.ones((1, 1))}, seeds={("rnn", "seq"): 1.0})
    assert run.records["rnn"]["seq"].ravel().tolist() == [1, -1, -1, -1, 1]
    assert not run.weight_gradients()["rnn.W"].any(), "sign is flat"


@pytest.mark.peers
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_layers_agree_with_pytorch(kind: str) -> None:
    torch = pytest.importorskip("torch")
    op: Op = {"LSTM": LSTM(units=H, biases=2), "GRU": GRU(units=H, biases=2, reset="after"),
              "RNN": RNN(units=H, biases=2)}[kind]
    states = op.output_names()[1:]
    run = run_of(op, *(f"{s}0" for s in states))
    f = run.records["rnn"]
    peer = getattr(torch.nn, kind)(F, H, batch_first=True, dtype=torch.float64)
    mine = {"weight_ih_l0": f["W"].T, "weight_hh_l0": f["U"].T, "bias_ih_l0": f["b"], "bias_hh_l0": f["b_U"]}
    peer.load_state_dict({k: torch.tensor(v) for k, v in mine.items()})
    x = torch.tensor(f["x"], requires_grad=True)
    first: Any = tuple(torch.tensor(f[f"{s}0"][None], requires_grad=True) for s in states)
    seq, last = peer(x, first if len(first) > 1 else first[0])
    last = last if isinstance(last, tuple) else (last,)
    np.testing.assert_allclose(f["seq"], seq.detach(), rtol=1e-10)
    loss = (seq * torch.tensor(f.gradients["seq"])).sum()
    for name, state in zip(states, last, strict=True):
        np.testing.assert_allclose(f[name], state.detach()[0], rtol=1e-10)
        loss = loss + (state[0] * torch.tensor(f.gradients[name])).sum()
    loss.backward()
    np.testing.assert_allclose(f.gradients["x"], x.grad, rtol=1e-8, atol=1e-12)
    for name, tensor in zip(states, first, strict=True):
        np.testing.assert_allclose(f.gradients[f"{name}0"], tensor.grad[0], rtol=1e-8, atol=1e-12)
    for port, name in (("W", "weight_ih_l0"), ("U", "weight_hh_l0"), ("b", "bias_ih_l0"), ("b_U", "bias_hh_l0")):
        theirs = getattr(peer, name).grad.numpy()
        np.testing.assert_allclose(f.gradients[port], theirs.T, rtol=1e-8, atol=1e-12)


def test_what_does_not_fit_is_said_in_one_sentence() -> None:
    net = Net()
    net.add("lstm", LSTM(units=4), net.input("x", 5))
    (problem,) = compile(net.graph()).problems
    assert problem.message == "LSTM ‘lstm’ takes sequences shaped (B, T, F), but Input ‘x’ gives (B, 5)."
    net = Net()
    net.add("lstm", LSTM(units=4), net.input("x", 5, 3), h0=net.input("h", 3))
    (problem,) = compile(net.graph()).problems
    assert problem.message == "LSTM ‘lstm’ needs a first state shaped (B, 4), but Input ‘h’ gives (B, 3)."


def test_a_sequence_too_long_to_open_still_runs_closed() -> None:
    net = Net()
    net.add("rnn", RNN(units=1), net.input("x", 5000, 1))
    plan = compile(net.graph())
    assert plan.spec("rnn", "h") == Spec((*plan.slots[0].spec.shape[:1], 1))
    run = execute(plan, initial_weights(plan), {"x": np.ones((1, 5000, 1))})
    assert run.records["rnn"]["seq"].shape == (1, 5000, 1)
    with pytest.raises(RunError, match=r"‘rnn’ cannot be opened: .* at most 4,096 steps; this sequence has 5,000"):
        run.inside("rnn")
