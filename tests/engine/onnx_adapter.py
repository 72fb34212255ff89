"""How the node cases of the ONNX standard map to our ops: an op and its inputs by port, or None where ours differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.engine.op import Op, registry
from graphlab.engine.record import Array

Attrs = Mapping[str, Any]
Mapped = tuple[Op, Mapping[str, Array]] | None
OPS = registry()


def make(name: str, **attributes: Any) -> Op:
    return OPS[name](**attributes)


def unary(name: str, **attributes: Any) -> Callable[[Attrs, list[Array]], Mapped]:
    return lambda a, x: (make(name, **attributes), {"x": x[0]})


def binary(name: str) -> Callable[[Attrs, list[Array]], Mapped]:
    return lambda a, x: (make(name), {"a": x[0], "b": x[1]})


def symmetric(pads: list[int]) -> tuple[int, ...] | None:
    half = len(pads) // 2
    return tuple(pads[:half]) if pads[:half] == pads[half:] else None


def window(a: Attrs, rank: int) -> dict[str, Any] | None:
    """Translate pads, strides and dilations; None where ours has no such form."""
    spatial = rank - 2
    out: dict[str, Any] = {"stride": tuple(a.get("strides", [1] * spatial))}
    auto = a.get("auto_pad", b"NOTSET").decode()
    pads = symmetric(list(a.get("pads", [0] * (2 * spatial))))
    if auto == "SAME_UPPER":
        out["padding"] = "same"
    elif auto == "VALID" or (auto == "NOTSET" and pads is not None and not any(pads)):
        out["padding"] = "valid"
    elif auto == "NOTSET" and pads is not None:
        out |= {"padding": "pixels", "pixels": pads}
    else:
        return None
    return out


def convolution(a: Attrs, x: list[Array]) -> Mapped:
    how = window(a, x[0].ndim)
    if how is None or x[0].ndim not in (3, 4):
        return None
    op = make("Conv1D" if x[0].ndim == 3 else "Conv2D", filters=x[1].shape[0], groups=a.get("group", 1),
              kernel=tuple(x[1].shape[2:]), dilation=tuple(a.get("dilations", [1] * (x[0].ndim - 2))),
              bias=len(x) > 2, **how)
    return op, {"x": x[0], "W": x[1]} | ({"b": x[2]} if len(x) > 2 else {})


def pool(name: str, **more: Any) -> Callable[[Attrs, list[Array]], Mapped]:
    def mapped(a: Attrs, x: list[Array]) -> Mapped:
        how = window(a, x[0].ndim)
        flat = all(d == 1 for d in a.get("dilations", [1]))
        if how is None or x[0].ndim not in (3, 4) or a.get("ceil_mode", 0) or not flat or x[0].dtype.kind != "f":
            return None
        extra = dict(more)
        if name == "AvgPool":
            extra["count"] = "padding too" if a.get("count_include_pad", 0) else "pixels"
        op = make(name + ("1D" if x[0].ndim == 3 else ""), kernel=tuple(a["kernel_shape"]), **how, **extra)
        return op, {"x": x[0]}
    return mapped


def p_pool(a: Attrs, x: list[Array]) -> Mapped:
    how = window(a, x[0].ndim)
    if how is None or x[0].ndim != 4 or a.get("ceil_mode", 0) or any(d != 1 for d in a.get("dilations", [1])):
        return None
    # Ours takes x ≥ 0, as its formula has no absolute value.
    return (make("PPool", kernel=tuple(a["kernel_shape"]), p=float(a.get("p", 2)), form="plain", **how),
            {"x": np.abs(x[0])})


def reduction(name: str) -> Callable[[Attrs, list[Array]], Mapped]:
    def mapped(a: Attrs, x: list[Array]) -> Mapped:
        axes = tuple(int(i) for i in (x[1] if len(x) > 1 else a.get("axes", [])))
        if (not axes and a.get("noop_with_empty_axes", 0)) or not x[0].size or x[0].dtype.kind != "f":
            return None
        return make(name, axes=axes, keep=bool(a.get("keepdims", 1))), {"x": x[0]}
    return mapped


def batch_norm(a: Attrs, x: list[Array]) -> Mapped:
    if a.get("training_mode", 0):
        return None
    return (make("BatchNorm", eps=float(a.get("epsilon", 1e-5))),
            dict(zip(("x", "gamma", "beta", "mean", "var"), x, strict=True)))


def layer_norm(a: Attrs, x: list[Array]) -> Mapped:
    axis = a.get("axis", -1)
    axes = -axis if axis < 0 else x[0].ndim - axis
    if len(x) < 3 or axes >= x[0].ndim:
        return None
    return (make("LayerNorm", axes=axes, eps=float(a.get("epsilon", 1e-5))),
            {"x": x[0], "gamma": x[1], "beta": x[2]})


def softmax(name: str) -> Callable[[Attrs, list[Array]], Mapped]:
    return lambda a, x: (make(name, axis=a.get("axis", -1)), {"x": x[0]})


def softmax_loss(name: str) -> Callable[[Attrs, list[Array]], Mapped]:
    def mapped(a: Attrs, x: list[Array]) -> Mapped:
        reduction = a.get("reduction", b"mean").decode()
        if len(x) > 2 or "ignore_index" in a or reduction == "none":
            return None
        return make(name, mean=reduction, axis=1), {"x": x[0], "target": x[1]}
    return mapped


def dropout(a: Attrs, x: list[Array]) -> Mapped:
    training = len(x) > 2 and bool(x[2])
    return None if training else (make("Dropout", p=0.5), {"x": x[0]})


def transpose(a: Attrs, x: list[Array]) -> Mapped:
    return make("Transpose", axes=tuple(a.get("perm", range(x[0].ndim)[::-1]))), {"x": x[0]}


def concat(a: Attrs, x: list[Array]) -> Mapped:
    return make("Concat", count=len(x), axis=a["axis"]), {f"x{i}": v for i, v in enumerate(x)}


def split(a: Attrs, x: list[Array]) -> Mapped:
    axis = a.get("axis", 0)
    sizes = [int(v) for v in x[1]] if len(x) > 1 else list(a.get("split", []))
    count = len(sizes) or int(a.get("num_outputs", 0))
    if not count or len(set(sizes)) > 1 or x[0].shape[axis] % count or not x[0].size:
        return None
    return make("Split", count=count, axis=axis), {"x": x[0]}


def flatten(a: Attrs, x: list[Array]) -> Mapped:
    return (make("Flatten"), {"x": x[0]}) if a.get("axis", 1) == 1 and x[0].ndim > 1 else None


def pad(a: Attrs, x: list[Array]) -> Mapped:
    if a.get("mode", b"constant").decode() != "constant" or len(x) > 3 or (x[1] < 0).any():
        return None
    n = x[0].ndim
    # Ours leaves the first axis alone: it counts the samples.
    if x[1][0] or x[1][n]:
        return None
    value = float(x[2]) if len(x) > 2 else 0.0
    widths = [int(v) for v in x[1]]
    return make("Pad", before=tuple(widths[1:n]), after=tuple(widths[n + 1:]), value=value), {"x": x[0]}


def gather(a: Attrs, x: list[Array]) -> Mapped:
    if a.get("axis", 0) or (x[1] < 0).any() or x[0].ndim < 2:
        return None
    return make("Gather"), {"index": x[1], "table": x[0]}


def power(a: Attrs, x: list[Array]) -> Mapped:
    if x[1].size != 1 or x[0].dtype.kind != "f":
        return None
    return make("Power", exponent=float(x[1].reshape(()))), {"x": x[0]}


def gemm(a: Attrs, x: list[Array]) -> Mapped:
    W = x[1].T if a.get("transB", 0) else x[1]
    scaled = a.get("alpha", 1.0) != 1 or a.get("beta", 1.0) != 1
    if scaled or a.get("transA", 0) or len(x) < 3 or x[2].size != W.shape[1]:
        return None
    return make("Linear", features=W.shape[1]), {"x": x[0], "W": W, "b": x[2].reshape(-1)}


def upsample(a: Attrs, x: list[Array]) -> Mapped:
    """Whole-number enlargement; ONNX's default for linear is half-pixel, as ours without aligned corners."""
    scales = x[-1] if len(x) > 1 and x[-1].dtype.kind == "f" else None
    mode = a.get("mode", b"nearest").decode()
    if scales is None or x[0].ndim != 4 or len(scales) != 4 or any(s != int(s) or s < 1 for s in scales):
        return None
    where = a.get("coordinate_transformation_mode", b"half_pixel").decode()
    if mode not in ("nearest", "linear") or a.get("antialias", 0) or scales[0] != 1 or scales[1] != 1:
        return None
    if where not in ("half_pixel", "align_corners") or (mode == "nearest" and where != "half_pixel"):
        return None
    op = make("Upsample", factor=(int(scales[2]), int(scales[3])), corners=where == "align_corners",
              form="bilinear" if mode == "linear" else "nearest")
    return op, {"x": x[0]}


def lrn(a: Attrs, x: list[Array]) -> Mapped:
    return (make("LRN", size=a["size"], alpha=float(a.get("alpha", 1e-4)), beta=float(a.get("beta", 0.75)),
                 k=float(a.get("bias", 1.0)), scale="α/n"), {"x": x[0]})


def transposed(a: Attrs, x: list[Array]) -> Mapped:
    if x[0].ndim != 4 or "output_shape" in a or a.get("group", 1) != 1 or "auto_pad" in a:
        return None
    pads = symmetric(list(a.get("pads", [0] * 4)))
    extra = tuple(a.get("output_padding", (0, 0)))
    if pads is None or any(d != 1 for d in a.get("dilations", [1])):
        return None
    stride = tuple(a.get("strides", (1, 1)))
    if any(e >= s for e, s in zip(extra, stride, strict=True)):
        return None
    op = make("ConvTranspose2D", filters=x[1].shape[1], kernel=tuple(x[1].shape[2:]), stride=stride, padding="pixels",
              pixels=pads, extra=extra, bias=len(x) > 2)
    return op, {"x": x[0], "W": x[1]} | ({"b": x[2]} if len(x) > 2 else {})


def maximum(a: Attrs, x: list[Array]) -> Mapped:
    return (make("Max"), {"a": x[0], "b": x[1]}) if len(x) == 2 and x[0].dtype.kind == "f" else None


def folded(name: str) -> Callable[[Attrs, list[Array]], Mapped]:
    return lambda a, x: (make(name), {"a": x[0], "b": x[1]}) if len(x) == 2 else None


def sign(a: Attrs, x: list[Array]) -> Mapped:
    """Ours says sign(0) = +1, as the lectures do; ONNX says 0."""
    return None if (x[0] == 0).any() else (make("Sign"), {"x": x[0]})


ADAPTERS: dict[str, Callable[[Attrs, list[Array]], Mapped]] = {
    "Add": binary("Add"), "Sub": binary("Subtract"), "Mul": binary("Multiply"), "Div": binary("Divide"),
    "MatMul": binary("MatMul"), "Max": maximum, "Sum": folded("Add"),
    "Exp": unary("Exp"), "Log": unary("Log"), "Sqrt": unary("Sqrt"), "Neg": unary("Negative"), "Pow": power,
    "Identity": unary("Identity"), "Sigmoid": unary("Sigmoid"), "Tanh": unary("Tanh"), "Relu": unary("ReLU"),
    "Softplus": unary("Softplus"), "Sign": sign,
    "LeakyRelu": lambda a, x: (make("LeakyReLU", slope=float(a.get("alpha", 0.01))), {"x": x[0]}),
    "Elu": lambda a, x: (make("ELU", alpha=float(a.get("alpha", 1.0))), {"x": x[0]}),
    "Gelu": lambda a, x: (make("GELU", form={b"tanh": "tanh"}.get(a.get("approximate", b""), "exact")), {"x": x[0]}),
    "Softmax": softmax("Softmax"), "LogSoftmax": softmax("LogSoftmax"),
    "SoftmaxCrossEntropyLoss": softmax_loss("SoftmaxCrossEntropy"), "NegativeLogLikelihoodLoss": softmax_loss("NLL"),
    "Conv": convolution, "ConvTranspose": transposed, "MaxPool": pool("MaxPool"), "AveragePool": pool("AvgPool"),
    "GlobalAveragePool": unary("GlobalAvgPool"), "LpPool": p_pool, "LRN": lrn, "Resize": upsample, "Upsample": upsample,
    "BatchNormalization": batch_norm, "LayerNormalization": layer_norm, "Dropout": dropout,
    "ReduceSum": reduction("Sum"), "ReduceMean": reduction("Mean"),
    "Transpose": transpose, "Concat": concat, "Split": split, "Flatten": flatten, "Pad": pad, "Gather": gather,
    "Gemm": gemm, "Where": lambda a, x: (make("Where"), {"condition": x[0], "a": x[1], "b": x[2]}),
}

