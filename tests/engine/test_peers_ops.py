"""Values and gradients of the ops against PyTorch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphlab.engine.ops.activations as act
import graphlab.engine.ops.convolution as conv
import graphlab.engine.ops.generative as gen
import graphlab.engine.ops.likelihood as nll
import graphlab.engine.ops.normalise as norm
import graphlab.engine.ops.pooling as pool
import graphlab.engine.ops.rectifiers as rect
import graphlab.engine.ops.reductions as red
import graphlab.engine.ops.upsampling as up
from graphlab.engine.op import Batch, Case, Given, case
from graphlab.engine.ops import algebra, joining, layers, losses, maths, shape
from tests.engine.generic import prepare

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

B = Batch()
PEERS: dict[str, tuple[Case, Any]] = {}


def peer(name: str, case: Case, torch_function: Any) -> None:
    """Hold a case against a function of the tensors by port."""
    assert name not in PEERS
    PEERS[name] = (case, torch_function)


def labels(*shape: Any, count: int) -> Given:
    return Given(shape, kind="index", low=0, high=count)


wide = Given((B, 5), low=-8, high=8, apart=0.2)
for op, function in {
    act.Identity(): lambda x: x * 1, act.ReLU(): F.relu, act.Sigmoid(): F.sigmoid, act.LogSigmoid(): F.logsigmoid,
    act.Tanh(): F.tanh, rect.LeakyReLU(slope=0.2): lambda x: F.leaky_relu(x, 0.2), rect.ReLU6(): F.relu6,
    rect.ELU(alpha=1.3): lambda x: F.elu(x, 1.3), rect.Softplus(): F.softplus, rect.GELU(): F.gelu,
    rect.GELU(form="tanh"): lambda x: F.gelu(x, approximate="tanh"), act.Softmax(): lambda x: F.softmax(x, -1),
    act.Softmax(axis=0): lambda x: F.softmax(x, 0), act.LogSoftmax(): lambda x: F.log_softmax(x, -1),
    maths.Exp(): torch.exp, maths.Negative(): torch.neg, maths.Square(): torch.square,
    red.Sum(): torch.sum, red.Sum(axes=(0,)): lambda x: x.sum(0), red.Mean(axes=(-1,), keep=True):
    lambda x: x.mean(-1, keepdim=True), shape.Slice(start=1, stop=-1, step=2): lambda x: x[:, 1:-1:2],
    shape.Pad(before=(2,), after=(1,), value=0.5): lambda x: F.pad(x, (2, 1), value=0.5),
}.items():
    peer(f"{op!r}", case(op, x=wide), lambda t, function=function: function(t["x"]))

positive = Given((B, 4), low=0.2, high=3.0)
peer("Log", case(maths.Log(), x=positive), lambda t: torch.log(t["x"]))
peer("Sqrt", case(maths.Sqrt(), x=positive), lambda t: torch.sqrt(t["x"]))
peer("Power", case(maths.Power(exponent=-0.7), x=positive), lambda t: torch.pow(t["x"], -0.7))
for binary, function in {maths.Add(): torch.add, maths.Subtract(): torch.sub, maths.Multiply(): torch.mul,
                         maths.Divide(): torch.div}.items():
    peer(binary.name(), case(binary, a=(B, 3, 2), b=Given((3, 1), low=0.5, high=2)),
         lambda t, function=function: function(t["a"], t["b"]))
peer("Max", case(maths.Max(tie="half"), a=Given((B, 3), apart=0.1), b=Given((B, 3), low=-1.8, high=2.3, apart=0.1)),
     lambda t: torch.maximum(t["a"], t["b"]))
peer("Where", case(maths.Where(), condition=Given((B, 3), kind="bool"), a=(B, 3), b=(3,)),
     lambda t: torch.where(t["condition"], t["a"], t["b"]))
peer("MatMul", case(algebra.MatMul(), a=(B, 2, 3), b=(3, 4)), lambda t: t["a"] @ t["b"])
peer("Trace", case(algebra.Trace(), x=(3, 3)), lambda t: torch.trace(t["x"]))
for n in (2, 5):
    peer(f"LogDet {n}", case(algebra.LogDet(), x=Given((n, n), low=-1, high=1, diagonal=n)),
         lambda t: torch.logdet(t["x"]))
peer("Gram", case(algebra.Gram(), x=(B, 3, 2, 2)), lambda t: torch.einsum("bihw,bjhw->bij", t["x"], t["x"]))
peer("Linear", case(layers.Linear(features=3), x=(B, 2, 4)), lambda t: t["x"] @ t["W"] + t["b"])
peer("Reshape", case(shape.Reshape(size=(3, -1)), x=(B, 2, 3)), lambda t: t["x"].reshape(-1, 3, 2))
peer("Flatten", case(shape.Flatten(), x=(B, 2, 3)), lambda t: t["x"].flatten(1))
peer("Transpose", case(shape.Transpose(axes=(0, 2, 3, 1)), x=(B, 2, 3, 4)), lambda t: t["x"].permute(0, 2, 3, 1))
peer("Concat", case(joining.Concat(), x0=(B, 2, 3), x1=(B, 1, 3)), lambda t: torch.cat([t["x0"], t["x1"]], 1))
peer("Split", case(joining.Split(count=3), x=(B, 6)), lambda t: torch.chunk(t["x"], 3, -1))
peer("Gather", case(joining.Gather(), index=labels(B, 3, count=4), table=(4, 2)), lambda t: t["table"][t["index"]])
peer("Embedding", case(joining.Embedding(count=4, features=3), index=labels(B, 5, count=4)),
     lambda t: F.embedding(t["index"], t["E"]))
peer("PReLU", case(rect.PReLU(), x=(B, 3, 2, 2)), lambda t: F.prelu(t["x"], t["a"]))
peer("PReLU shared", case(rect.PReLU(shared=True), x=(B, 3)), lambda t: F.prelu(t["x"], t["a"]))

# --- convolution: one case for each way that padding, stride, dilation and groups meet ---------------
for kernel, stride, dilation, groups, pixels in [
    ((1,), (1,), (1,), 1, (0,)), ((3,), (1,), (1,), 1, (1,)), ((3, 2), (2, 1), (1,), 1, (2, 1)),
    ((2, 3), (1,), (2, 1), 1, (0, 1)), ((3,), (2,), (2,), 2, (2,)), ((5,), (3,), (1,), 4, (2,)),
    ((2,), (1, 3), (3, 2), 2, (1, 2)), ((4, 1), (2,), (1,), 1, (3, 0)),
]:
    made = conv.Conv2D(filters=4, kernel=kernel, stride=stride, dilation=dilation, groups=groups, padding="pixels",
                       pixels=pixels)
    more = {"stride": stride, "dilation": dilation, "groups": groups, "padding": pixels}
    peer(f"Conv2D {made.line()}", case(made, x=(B, 4, 6, 7)),
         lambda t, more=more: F.conv2d(t["x"], t["W"], t["b"], **more))
for k, d in [((3,), (1,)), ((2, 4), (1,)), ((3, 2), (2, 3))]:
    peer(f"Conv2D same {k} {d}", case(conv.Conv2D(filters=2, kernel=k, dilation=d, padding="same"), x=(B, 2, 5, 6)),
         lambda t, d=d: F.conv2d(t["x"], t["W"], t["b"], padding="same", dilation=d))
peer("Conv2D half /2",
     case(conv.Conv2D(filters=3, kernel=(3,), stride=(2,), padding="half", bias=False), x=(B, 2, 7, 6)),
     lambda t: F.conv2d(t["x"], t["W"], None, padding=1, stride=2))
peer("Conv1D", case(conv.Conv1D(filters=4, kernel=(3,), stride=(2,), dilation=(2,), groups=2, padding="pixels",
                                pixels=(3,)), x=(B, 2, 9)),
     lambda t: F.conv1d(t["x"], t["W"], t["b"], stride=2, dilation=2, groups=2, padding=3))
peer("Conv1D flipped", case(conv.Conv1D(filters=2, flip=True), x=(B, 2, 6)),
     lambda t: F.conv1d(t["x"], t["W"].flip(-1), t["b"]))
peer("Depthwise", case(conv.DepthwiseConv(multiplier=2, stride=(2,), padding="half"), x=(B, 3, 5, 5)),
     lambda t: F.conv2d(t["x"], t["W"], t["b"], stride=2, padding=1, groups=3))
for stride, pixels, extra in [((1,), (0,), (0,)), ((2,), (1,), (1,)), ((3, 2), (0, 1), (2, 0)), ((2, 1), (2, 1), (0,))]:
    peer(f"ConvTranspose2D {stride} {pixels} {extra}",
         case(up.ConvTranspose2D(filters=3, kernel=(3, 4), stride=stride, padding="pixels", pixels=pixels, extra=extra),
              x=(B, 2, 3, 4)),
         lambda t, more={"stride": stride, "padding": pixels, "output_padding": extra}:
         F.conv_transpose2d(t["x"], t["W"], t["b"], **more))

# --- pooling, pictures ---------------------------------------------------------------------------------
image = Given((B, 2, 5, 6), low=0.1, high=3.0, apart=0.02)
peer("MaxPool", case(pool.MaxPool(kernel=(3, 2), stride=(2,), padding="pixels", pixels=(1,)), x=image),
     lambda t: F.max_pool2d(t["x"], (3, 2), 2, 1))
peer("MaxPool1D", case(pool.MaxPool1D(kernel=(3,)), x=Given((B, 2, 7), apart=0.05)),
     lambda t: F.max_pool1d(t["x"], 3))
for count, include in (("pixels", False), ("padding too", True)):
    peer(f"AvgPool {count}", case(pool.AvgPool(kernel=(3,), stride=(2, 1), padding="half", count=count), x=image),
         lambda t, include=include: F.avg_pool2d(t["x"], 3, (2, 1), 1, count_include_pad=include))
peer("AvgPool1D", case(pool.AvgPool1D(), x=(B, 2, 6)), lambda t: F.avg_pool1d(t["x"], 2))
peer("GlobalAvgPool", case(pool.GlobalAvgPool(), x=image), lambda t: F.adaptive_avg_pool2d(t["x"], 1)[..., 0, 0])
peer("PPool", case(pool.PPool(p=3.0, form="plain", kernel=(2, 3)), x=image),
     lambda t: F.lp_pool2d(t["x"], 3.0, (2, 3)))
peer("LogAvgPool", case(pool.LogAvgPool(), x=(B, 1, 4, 4)),
     lambda t: torch.logsumexp(F.unfold(t["x"], 2, stride=2), 1).reshape(-1, 1, 2, 2) - np.log(4))
peer("Upsample nearest", case(up.Upsample(factor=(2, 3)), x=(B, 2, 2, 3)),
     lambda t: F.interpolate(t["x"], scale_factor=(2, 3)))
for corners in (False, True):
    peer(f"Upsample bilinear {corners}", case(up.Upsample(factor=(3, 2), form="bilinear", corners=corners), x=image),
         lambda t, corners=corners: F.interpolate(t["x"], scale_factor=(3, 2), mode="bilinear", align_corners=corners))
peer("Unpool", case(up.Unpool(), x=(B, 2, 2, 2), before=Given((B, 2, 4, 4), apart=0.02)),
     lambda t: F.max_unpool2d(t["x"], F.max_pool2d(t["before"], 2, return_indices=True)[1], 2))

# --- normalisation ---------------------------------------------------------------------------------------
for training in (True, False):
    for size in ((3,), (3, 2, 4)):
        peer(f"BatchNorm {training} {size}", case(norm.BatchNorm(eps=1e-3), training=training, batch=4, x=(B, *size)),
             lambda t, training=training: F.batch_norm(
                 t["x"], t["mean"].detach().clone(), t["var"].detach().clone(), t["gamma"], t["beta"], training,
                 eps=1e-3))
peer("LayerNorm", case(norm.LayerNorm(eps=1e-3), x=(B, 3, 4)),
     lambda t: F.layer_norm(t["x"], (4,), t["gamma"], t["beta"], 1e-3))
peer("LayerNorm of two axes", case(norm.LayerNorm(axes=2), x=(B, 3, 4)),
     lambda t: F.layer_norm(t["x"], (3, 4), t["gamma"], t["beta"]))
for n in (2, 3, 5):
    peer(f"LRN {n}", case(norm.LRN(size=n, alpha=0.3, k=1.5, scale="α/n"), x=(B, 6, 2, 2)),
         lambda t, n=n: F.local_response_norm(t["x"], n, 0.3, 0.75, 1.5))

# --- losses ------------------------------------------------------------------------------------------------
pair = {"x": Given((B, 3), apart=0.1), "target": Given((B, 3), low=-1.8, high=2.4, apart=0.1)}
mse, bce = F.mse_loss, F.binary_cross_entropy
for how, factor in {"all": 1.0, "batch": 3.0, "half": 1.5, "sum": 6.0}.items():
    peer(f"MSE {how}", Case(losses.MSE(mean=how), pair),
         lambda t, factor=factor: mse(t["x"], t["target"]) * factor)
peer("L1", Case(losses.L1Loss(), pair), lambda t: F.l1_loss(t["x"], t["target"]))
peer("Huber", Case(losses.HuberLoss(delta=0.7), pair), lambda t: F.huber_loss(t["x"], t["target"], delta=0.7))
probabilities, soft = Given((B, 3), low=0.1, high=0.9), Given((B, 3), low=0, high=1)
peer("BCE", case(losses.BinaryCrossEntropy(), x=probabilities, target=soft), lambda t: bce(t["x"], t["target"]))
peer("BCE from logits",
     case(losses.BinaryCrossEntropy(takes="logits", mean="sum"), x=wide, target=Given((B, 5), low=0, high=1)),
     lambda t: F.binary_cross_entropy_with_logits(t["x"], t["target"], reduction="sum"))
for how, theirs in {"mean": "mean", "sum": "sum", "single": "none"}.items():
    peer(f"NLL {how}", case(nll.NLL(mean=how), x=(B, 4), target=labels(B, count=4)),
         lambda t, theirs=theirs: F.nll_loss(t["x"], t["target"], reduction=theirs))
    peer(f"SoftmaxCrossEntropy {how}", case(nll.SoftmaxCrossEntropy(mean=how), x=wide, target=labels(B, count=5)),
         lambda t, theirs=theirs: F.cross_entropy(t["x"], t["target"], reduction=theirs))
    peer(f"SoftmaxCrossEntropy one-hot {how}",
         case(nll.SoftmaxCrossEntropy(mean=how), x=wide, target=Given((B, 5), simplex=True)),
         lambda t, theirs=theirs: F.cross_entropy(t["x"], t["target"], reduction=theirs))
peer("SoftmaxCrossEntropy of pictures",
     case(nll.SoftmaxCrossEntropy(axis=1), x=(B, 3, 2, 2), target=labels(B, 2, 2, count=3)),
     lambda t: F.cross_entropy(t["x"], t["target"]))
peer("CrossEntropy", case(nll.CrossEntropy(), x=Given((B, 4), simplex=True), target=labels(B, count=4)),
     lambda t: F.nll_loss(t["x"].log(), t["target"]))
peer("GaussianKL", case(gen.GaussianKL(mean="sum"), mu=(B, 3), spread=(B, 3)),
     lambda t: torch.distributions.kl_divergence(
         torch.distributions.Normal(t["mu"], (t["spread"] / 2).exp()), torch.distributions.Normal(0.0, 1.0)).sum())
peer("DiscriminatorLoss", case(gen.DiscriminatorLoss(real=0.9, fake=0.1), on_real=wide, on_fake=wide),
     lambda t: sum(F.binary_cross_entropy_with_logits(t[p], torch.full_like(t[p], v))
                   for p, v in (("on_real", 0.9), ("on_fake", 0.1))))
peer("GeneratorLoss", case(gen.GeneratorLoss(form="saturating"), on_fake=wide),
     lambda t: torch.log(1 - torch.sigmoid(t["on_fake"])).mean())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", PEERS)
def test_values_and_gradients_agree_with_torch(name: str) -> None:
    prepared = prepare(name, PEERS[name][0])
    record = prepared.run().records["op"]
    tensors = {k: torch.tensor(v) for k, v in record.inputs.items() if v is not None}
    for tensor in tensors.values():
        tensor.requires_grad_(tensor.is_floating_point())
    out = PEERS[name][1](tensors)
    outs = dict(zip(record.outputs, out if isinstance(out, tuple | list) else (out,), strict=True))
    for output, value in record.outputs.items():
        assert value.shape == tuple(outs[output].shape)
        np.testing.assert_allclose(value, outs[output].detach().numpy(), rtol=1e-9, atol=1e-11)
    sum((outs[n] * torch.tensor(s)).sum() for (_, n), s in prepared.seeds.items()).backward()
    compared = 0
    for port, tensor in tensors.items():
        if tensor.grad is not None and port in record.gradients:
            np.testing.assert_allclose(record.gradients[port], tensor.grad.numpy(), rtol=1e-8, atol=1e-10)
            compared += 1
    assert compared


@pytest.mark.parametrize(("momentum", "average"), [(0.1, "batch"), (0.9, "average")])
def test_running_statistics_move_as_torch_moves_them(momentum: float, average: str) -> None:
    op = norm.BatchNorm(running="m-1", momentum=momentum, momentum_of=average)
    prepared = prepare("running", case(op, training=True, batch=3, x=(B, 2, 2, 2)))
    record = prepared.run().records["op"]
    mean, var = (torch.tensor(record[n]) for n in ("mean", "var"))
    F.batch_norm(torch.tensor(record["x"]), mean, var, None, None, True, 0.1)
    moved = {u.port: (1 - u.rate) * record[u.port] + u.rate * u.value for u in record.updates}
    np.testing.assert_allclose(moved["mean"], mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(moved["var"], var.numpy(), rtol=1e-12)
