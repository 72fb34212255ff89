"""Conventions, ties and extremes: what stays finite at ±10⁴, who gets a tie's gradient, and what misfits say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from graphlab.engine.derive import Explainer, derive
from graphlab.engine.expr import add, evaluate, mul
from graphlab.engine.graph import Input, Net
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Op, overrides
from graphlab.engine.ops.activations import LogSigmoid, LogSoftmax, Sigmoid, Softmax, Tanh
from graphlab.engine.ops.algebra import LogDet, MatMul
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.generative import DiscriminatorLoss, GaussianKL, GeneratorLoss
from graphlab.engine.ops.joining import Concat, Embedding
from graphlab.engine.ops.likelihood import NLL, CrossEntropy, SoftmaxCrossEntropy
from graphlab.engine.ops.losses import MSE, BinaryCrossEntropy
from graphlab.engine.ops.maths import Max
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.pooling import LogAvgPool, MaxPool
from graphlab.engine.ops.rectifiers import ELU, GELU, ReLU6, Sign, Softplus, Step
from graphlab.engine.ops.regularise import Dropout, StopGradient
from graphlab.engine.ops.shape import Reshape, Slice
from graphlab.engine.ops.special import erf
from graphlab.engine.ops.upsampling import ConvTranspose2D, SeparableConv
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Array, Mode
from graphlab.engine.run import Run, RunError, execute
from graphlab.engine.spec import Batch, Kind, Spec
from tests.engine.generic import all_cases, prepare

FAR = np.array([[-1e4, 0.0, 1e4], [1e4, 1e4, -1e4]])


def plan_of(op: Op, specs: Mapping[str, Spec]) -> Plan:
    net = Net()
    net.add("op", op, **{p: net.add(f"in_{p}", Input()) for p in specs})
    return compile(net.graph(), {f"in_{p}": s for p, s in specs.items()})


def run_on(op: Op, inputs: Mapping[str, Array], mode: Mode = Mode(), dtype: Any = np.float64) -> Run:
    """Run one op forward and backward on arrays whose first axis is the batch."""
    kinds: dict[str, Kind] = {"f": "real", "i": "index", "b": "bool"}
    specs = {p: Spec((Batch(), *x.shape[1:]), kinds[x.dtype.kind]) for p, x in inputs.items()}
    plan = plan_of(op, specs)
    assert not plan.problems, plan.problems[0].message
    seeds = {("op", n): 1.0 for n in op.output_names()}
    return execute(plan, initial_weights(plan), {f"in_{p}": x for p, x in inputs.items()}, mode, dtype, seeds)


def run_op(op: Op, mode: Mode = Mode(), **inputs: Array) -> Run:
    return run_on(op, inputs, mode)


def complaint(op: Op, **specs: Spec) -> tuple[str, list[tuple[str, str, dict[str, object]]]]:
    """Return the problem's sentence and what its fixes would do."""
    problem = plan_of(op, specs).problems[0]
    return problem.message, [(f.kind, f.op, dict(f.attributes)) for f in problem.fixes]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", [Sigmoid(), LogSigmoid(), Tanh(), Softmax(), LogSoftmax(), Softplus(), ELU(), GELU(),
                                GELU(form="tanh"), ReLU6()], ids=repr)
def test_activations_stay_finite_far_out(op: Op, dtype: Any) -> None:
    record = run_on(op, {"x": FAR}, dtype=dtype).records["op"]
    assert np.isfinite(record["y"]).all() and np.isfinite(record.gradients["x"]).all()
    assert record["y"].dtype == record.gradients["x"].dtype == dtype


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_losses_stay_finite_where_the_prediction_is_certain_and_wrong(dtype: Any) -> None:
    t, labels = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]), np.array([0, 2])
    certain = (FAR > 0).astype(float)
    for op, inputs in [
        (BinaryCrossEntropy(takes="logits"), {"x": FAR, "target": t}),
        (BinaryCrossEntropy(), {"x": certain, "target": t}),
        (SoftmaxCrossEntropy(), {"x": FAR, "target": labels}), (CrossEntropy(), {"x": certain, "target": labels}),
        (DiscriminatorLoss(), {"on_real": FAR, "on_fake": FAR}), (GeneratorLoss(), {"on_fake": FAR}),
        (GeneratorLoss(form="saturating"), {"on_fake": FAR}),
    ]:
        record = run_on(op, inputs, dtype=dtype).records["op"]
        assert np.isfinite(record["y"]), op
        assert all(np.isfinite(g).all() for g in record.gradients.values()), op
    far = run_op(BinaryCrossEntropy(takes="logits", mean="sum"), x=FAR, target=t).records["op"]
    assert far["y"] == pytest.approx(1e4 + math.log(2) + 1e4 + 1e4 + 1e4)


@pytest.mark.parametrize("one_hot", [False, True])
def test_softmax_cross_entropy_opened_equals_closed_far_out(one_hot: bool) -> None:
    target = np.eye(3)[[0, 2]] if one_hot else np.array([0, 2])
    run = run_op(SoftmaxCrossEntropy(), x=FAR, target=target)
    inner = run.inside("op")
    assert inner is not None and not inner.plan.problems
    record = run.records["op"]
    np.testing.assert_array_equal(inner.value("op/y"), record["y"])
    found = inner.gradient("op/x")
    assert found is not None
    np.testing.assert_allclose(found, record.gradients["x"], rtol=1e-15, atol=0)
    d = derive(run, "op", "x", (0, 0), grad=True)
    assert d.value == pytest.approx(d.engine)


def test_numbers_put_in_for_certain_predictions_are_the_engines() -> None:
    run = run_op(CrossEntropy(), x=np.array([[1.0, 0.0]]), target=np.array([1]))
    assert derive(run, "op", "y", ()).value == pytest.approx(-math.log(1e-12))
    assert run.records["op"].gradients["x"][0, 1] == 0.0
    run = run_op(BinaryCrossEntropy(), x=np.array([[1.0]]), target=np.array([[0.0]]))
    assert derive(run, "op", "y", ()).value == pytest.approx(run.records["op"]["y"]) == pytest.approx(-math.log(1e-12))


def test_softmax_sees_minus_infinity_as_probability_zero() -> None:
    record = run_op(Softmax(), x=np.array([[0.0, -np.inf, 0.0]])).records["op"]
    np.testing.assert_array_equal(record["y"], [[0.5, 0.0, 0.5]])
    assert np.isfinite(record.gradients["x"]).all()


def test_pools_stay_finite_far_out() -> None:
    x = np.array([[[[1e4, -1e4], [0.0, 5.0]]]])
    assert run_op(LogAvgPool(), x=x).records["op"]["y"].item() == pytest.approx(1e4 - math.log(4))
    padded = run_op(MaxPool(padding="half"), x=-np.ones((1, 1, 2, 2))).records["op"]
    assert (padded["y"] == -1).all(), "padding never wins"


@pytest.mark.parametrize(("tie", "a", "b"), [("nobody", 0, 0), ("first", 1, 0), ("half", 0.5, 0.5)])
def test_a_tie_goes_to_whom_the_convention_says(tie: str, a: float, b: float) -> None:
    run = run_op(Max(tie=tie), a=np.array([[2.0]]), b=np.array([[2.0]]))
    gradients = run.records["op"].gradients
    assert (gradients["a"].item(), gradients["b"].item()) == (a, b)
    for port in "ab":
        assert derive(run, "op", port, (0, 0), grad=True).value == gradients[port].item()
    assert derive(run, "op", "y", (0, 0)).value == 2.0


def test_steps_say_what_they_send_back() -> None:
    x = np.array([[0.0, -0.5, 3.0]])
    np.testing.assert_array_equal(run_op(Step(), x=x).records["op"]["y"], [[1, 0, 1]])
    for gradient, sent in (("zero", 0.0), ("straight-through", 1.0)):
        run = run_op(Sign(gradient=gradient), x=x)
        np.testing.assert_array_equal(run.records["op"]["y"], [[1, -1, 1]])
        assert (run.records["op"].gradients["x"] == sent).all()
        d = derive(run, "op", "x", (0, 1), grad=True)
        assert d.value == sent
    stopped = run_op(StopGradient(), x=x)
    assert (stopped.records["op"].gradients["x"] == 0).all()
    assert derive(stopped, "op", "x", (0, 1), grad=True).value == 0


def test_dropout_keeps_the_mean_in_every_convention() -> None:
    x = np.ones((20, 2000))
    train, test = Mode(training=True, seed=1), Mode(seed=1)
    for op, in_training, in_test in [
        (Dropout(p=0.2), 1.0, 1.0), (Dropout(p=0.8, probability="keep"), 1.0, 1.0),
        (Dropout(p=0.2, scaling="at test"), 0.8, 0.8),
    ]:
        assert run_op(op, train, x=x).records["op"]["y"].mean() == pytest.approx(in_training, abs=0.01)
        assert np.unique(run_op(op, test, x=x).records["op"]["y"]) == pytest.approx(in_test)
    assert (run_op(Dropout(p=0.2), train, x=x).records["op"]["mask"]
            == run_op(Dropout(p=0.8, probability="keep"), train, x=x).records["op"]["mask"]).mean() > 0.9999
    kept_on = run_op(Dropout(evaluation="on"), test, x=x).records["op"]["y"]
    assert set(np.unique(kept_on)) == {0.0, 2.0}


def test_batch_norm_gives_mean_0_and_variance_1_and_remembers() -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, (50, 4))
    record = run_op(BatchNorm(momentum=0.25, running="m-1"), Mode(training=True), x=x).records["op"]
    np.testing.assert_allclose(record["y"].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(record["y"].var(axis=0), x.var(axis=0) / (x.var(axis=0) + 1e-5))
    wishes = {u.port: u for u in record.updates}
    np.testing.assert_allclose(wishes["var"].value, x.var(axis=0, ddof=1))
    assert wishes["mean"].rate == 0.25
    other = run_op(BatchNorm(momentum=0.25, momentum_of="average"), Mode(training=True), x=x).records["op"]
    assert {u.rate for u in other.updates} == {0.75}
    assert not run_op(BatchNorm(), x=x).records["op"].updates


def test_losses_by_hand() -> None:
    x, t = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [3.0, 2.0]])  # squares 1, 0, 0, 9
    for mean, loss in {"all": 2.5, "batch": 5.0, "half": 2.5, "sum": 10.0}.items():
        assert run_op(MSE(mean=mean), x=x, target=t).records["op"]["y"] == loss
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    record = run_op(SoftmaxCrossEntropy(), x=np.log(p), target=np.array([0, 2])).records["op"]
    assert record["y"] == pytest.approx(-(math.log(0.7) + math.log(0.6)) / 2)
    np.testing.assert_allclose(record.gradients["x"], (p - np.eye(3)[[0, 2]]) / 2)
    single = run_op(SoftmaxCrossEntropy(mean="single"), x=np.log(p), target=np.array([0, 2])).records["op"]
    np.testing.assert_allclose(single.gradients["x"], p - np.eye(3)[[0, 2]])
    zero = run_op(GaussianKL(), mu=np.zeros((2, 3)), spread=np.zeros((2, 3))).records["op"]
    assert zero["y"] == 0
    nash = run_op(DiscriminatorLoss(), on_real=np.zeros((4, 1)), on_fake=np.zeros((4, 1))).records["op"]
    assert nash["y"] == pytest.approx(math.log(4))


def test_error_function_agrees_with_the_standard_library() -> None:
    x = np.linspace(-7, 7, 2001)
    np.testing.assert_allclose(erf(x), [math.erf(v) for v in x], rtol=1e-14, atol=1e-16)


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one() -> None:
    plan = plan_of(SeparableConv(filters=5, padding="same"), {"x": Spec((Batch(), 3, 6, 6))})
    assert not plan.problems
    assert plan.spec("op") == Spec((Batch(), 5, 6, 6))
    shapes = {k: w.shape for k, w in plan.weights.items()}
    assert shapes == {"op/depthwise.W": (3, 1, 3, 3), "op/pointwise.W": (5, 3, 1, 1), "op/pointwise.b": (5,)}
    standard = plan_of(Conv2D(filters=5, padding="same"), {"x": Spec((Batch(), 3, 6, 6))})
    ratio = sum(s.macs for s in plan.steps) / sum(s.macs for s in standard.steps)
    assert ratio == pytest.approx(1 / 5 + 1 / 9)


@pytest.mark.parametrize(("op", "size", "out"), [
    (Conv2D(padding="valid"), 32, 30), (Conv2D(padding="same"), 32, 32), (Conv2D(padding="same", stride=(2,)), 33, 17),
    (Conv2D(kernel=(11,), stride=(4,)), 227, 55), (Conv2D(dilation=(2,)), 32, 28),
    (MaxPool(kernel=(3,), stride=(2,)), 55, 27), (ConvTranspose2D(), 14, 28),
    (ConvTranspose2D(padding="valid"), 14, 29), (ConvTranspose2D(kernel=(4,), padding="pixels", pixels=(1,)), 7, 14),
])
def test_output_sizes(op: Op, size: int, out: int) -> None:
    spec = plan_of(op, {"x": Spec((Batch(), 3, size, size))}).spec("op")
    assert spec is not None and spec.shape[2:] == (out, out)


def test_misfits_name_both_shapes_and_mend_themselves() -> None:
    rows = Spec((Batch(), 784))
    message, fixes = complaint(Conv2D(), x=rows)
    assert message == "Conv2D ‘op’ takes images shaped (B, C, H, W), but Input ‘in_x’ gives (B, 784)."
    assert fixes == [("insert", "Reshape", {"size": (1, 28, 28)})]
    assert compile(_mended(rows, fixes[0][2]), {"x": rows}).spec("conv") == Spec((Batch(), 8, 26, 26))
    message, fixes = complaint(MatMul(), a=Spec((Batch(), 4, 3)), b=Spec((Batch(), 5, 3)))
    assert "3 against 5" in message and fixes == [("insert", "Transpose", {})]
    message, fixes = complaint(MSE(), x=Spec((Batch(), 1)), target=Spec((Batch(),)))
    assert "shaped like its prediction, (B, 1)" in message and fixes == [("insert", "Reshape", {"size": (1,)})]
    message, _ = complaint(SoftmaxCrossEntropy(), x=Spec((Batch(), 10)), target=Spec((Batch(),)))
    assert "whole numbers shaped (B,) or as one-hot rows shaped (B, 10)" in message
    message, _ = complaint(Concat(), x0=Spec((Batch(), 2, 8)), x1=Spec((Batch(), 2, 7)))
    assert "axis 2 has 8 in x0 and 7 in x1" in message
    message, fixes = complaint(Conv2D(kernel=(5,)), x=Spec((Batch(), 1, 3, 3)))
    assert "a window of 5 over 3 pixels" in message and fixes[0][2] == {"padding": "same"}
    message, _ = complaint(Reshape(size=(3, 5)), x=Spec((Batch(), 16)))
    assert "reads 16 numbers a sample into (3, 5), which has place for 15" in message
    message, _ = complaint(Slice(start=9), x=Spec((Batch(), 4)))
    assert "nothing is left" in message


def _mended(rows: Spec, attributes: dict[str, object]) -> Any:
    net = Net()
    size = attributes["size"]
    assert isinstance(size, tuple)
    net.add("conv", Conv2D(), net.add("r", Reshape(size=size), net.add("x", Input())))
    return net.graph()


@pytest.mark.parametrize(("op", "inputs", "said"), [
    (SoftmaxCrossEntropy(), {"x": np.zeros((1, 3)), "target": np.array([3])}, "0…2; there is 3"),
    (NLL(), {"x": np.zeros((1, 3)), "target": np.array([-1])}, "0…2; there is -1"),
    (Embedding(count=4), {"index": np.array([[4]])}, "0…3; there is 4"),
    (LogDet(), {"x": np.zeros((1, 2, 2))}, "singular"),
    (LogDet(), {"x": np.array([np.eye(2), [[0.0, 1.0], [1.0, 0.0]]])}, "negative of matrix 1: det X = -1"),
])
def test_numbers_that_do_not_fit_are_said_in_words(op: Op, inputs: dict[str, Array], said: str) -> None:
    with pytest.raises(RunError, match=said):
        run_on(op, inputs)


OWN_FORM = {n: c for n, c in all_cases() if overrides(type(c.op), Op.explain_gradient)}


@pytest.mark.parametrize("name", OWN_FORM)
def test_the_textbooks_gradient_is_what_the_chain_rule_gives(name: str) -> None:
    run = prepare(name, OWN_FORM[name]).run()
    explainer = Explainer(run, run.records["op"])
    for port in [p for p in run.records["op"].inputs if p in run.records["op"].gradients]:
        at = (0,) * run.records["op"][port].ndim
        by_chain_rule = add(*(mul(upstream, slope) for upstream, slope in explainer.slopes(port, at)))
        expected = evaluate(explainer.gradient(port, at), explainer.look)
        assert evaluate(by_chain_rule, explainer.look) == pytest.approx(expected, rel=1e-9, abs=1e-11)
