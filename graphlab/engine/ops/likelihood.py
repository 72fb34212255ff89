"""Losses of classification: the negative logarithm of the probability that was given to the true class."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from graphlab.engine.expr import ONE, Expr, Index, Num, Ref, add, call, maximum, mul, neg, sub
from graphlab.engine.graph import Graph, Net
from graphlab.engine.op import Array, Batch, Fix, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.activations import LogSoftmax
from graphlab.engine.ops.common import axis_of, check_labels, fraction, line_through, need_real
from graphlab.engine.ops.special import logsumexp
from graphlab.engine.spec import Dim, show_shape


class _Likelihood(Op, register=False):
    """y = −(1/n) Σ_rows Σ_k t_k · log_k, with labels as whole numbers or as one-hot rows t."""

    category = "Losses"
    mean: str = attr("mean: over all samples (and positions); sum: over them; single: each sample keeps its own loss",
                     default="mean", choices=("mean", "sum", "single"))
    axis: int = attr("axis of the classes, from 0; −1 is the last, 1 the channels of an image", default=-1)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help=self.input_help()),
                Port("target", help="the true class: a whole number, or a one-hot row of probabilities"))

    def input_help(self) -> str:
        """Say what the prediction is."""
        raise NotImplementedError

    def line(self) -> str:
        return {"mean": "mean", "sum": "sum", "single": "each sample"}[self.mean]

    def front(self) -> str:
        """Write the sign and sum of the formula."""
        return {"mean": r"-\frac{1}{B}\sum_b\sum_k", "sum": r"-\sum_b\sum_k", "single": r"-\sum_k"}[self.mean]

    def shape(self, x: Spec, target: Spec) -> Spec:
        need_real(x)
        axis = axis_of(self.axis, x)
        if isinstance(x.shape[axis], Batch):
            raise ShapeError("needs a fixed number of classes", "x", axis)
        rows: tuple[Dim, ...] = tuple(d for i, d in enumerate(x.shape) if i != axis)
        need = {"index": rows, "real": x.shape}.get(target.kind)
        if need != target.shape:
            flat = Fix("insert Reshape here", "insert", port="target", op="Reshape",
                       attributes=(("size", tuple(rows[1:])),))
            one_too_many = target.kind == "index" and target.shape == (*rows, 1)
            raise ShapeError(f"needs labels as whole numbers shaped {show_shape(rows)} or as one-hot rows shaped "
                             f"{show_shape(x.shape)}", "target", fixes=(flat,) if one_too_many else ())
        return Spec(rows if self.mean == "single" else ())

    def one_hot(self, x: Array, target: Array) -> Array:
        """Return t: the labels as rows with a 1 at the true class."""
        if target.dtype.kind == "f":
            return target
        check_labels(target, x.shape[self.axis])
        t = np.zeros_like(x)
        np.put_along_axis(t, np.expand_dims(target, self.axis), 1, self.axis)
        return t

    def rows(self, x: Array) -> int:
        """Return what the sum is divided by."""
        return x.size // x.shape[self.axis] if self.mean == "mean" else 1

    def loss(self, x: Array, t: Array, logs: Array) -> Array:
        """Return −(1/n) Σ t·log; where t is 0 the logarithm does not matter."""
        each = np.where(t != 0, t * logs, 0)
        total = each.sum(axis=self.axis) if self.mean == "single" else each.sum()
        return np.asarray(-total / self.rows(x))

    def share(self, x: Array, dy: Array) -> Array:
        """Return what each row of the input receives of the upstream gradient."""
        return np.expand_dims(dy, self.axis) if self.mean == "single" else dy / self.rows(x)

    def gradients(self, f: Record, dx: Array, dy: Array, logs: Array) -> dict[str, Array]:
        """Put the gradients of the prediction and, where it is real, of the target together."""
        if f["target"].dtype.kind != "f" or not f.wants("target"):
            return {"x": dx}
        return {"x": dx, "target": np.asarray(-self.share(f["x"], dy) * logs)}

    def log(self, f: Record, at: Index) -> Expr:
        """Explain the logarithm of one probability."""
        raise NotImplementedError

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x, target, axis = f["x"], f["target"], self.axis % f["x"].ndim
        shape = tuple(n for i, n in enumerate(x.shape) if i != axis)
        terms = []
        for row in [index] if self.mean == "single" else itertools.product(*map(range, shape)):
            line = line_through((*row[:axis], 0, *row[axis:]), axis, x.shape[axis])
            if target.dtype.kind == "f":
                terms += [mul(Ref("target", at), self.log(f, at)) for at in line]
            else:
                terms.append(self.log(f, line[int(target[row])]))
        return neg(mul(fraction(self.rows(x)), add(*terms)))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        axis = self.axis % f["x"].ndim
        return [("y", (*index[:axis], *index[axis + 1:]) if self.mean == "single" else ())]

    @classmethod
    def draws(cls, *shape: Dim) -> Given:
        """Describe a prediction for the tests."""
        return Given(shape)

    @classmethod
    def cases(cls) -> list[Any]:
        def labels(*shape: Dim, count: int) -> Given:
            return Given(shape, kind="index", low=0, high=count)

        b = Batch()
        return [
            case(cls(), x=cls.draws(b, 3), target=labels(b, count=3)),
            case(cls(mean="sum"), x=cls.draws(b, 3), target=Given((b, 3), one_hot=True)),
            case(cls(mean="single"), x=cls.draws(b, 3), target=labels(b, count=3)),
            case(cls(mean="single"), x=cls.draws(b, 3), target=Given((b, 3), simplex=True)),
            case(cls(axis=1), x=cls.draws(b, 3, 2, 1), target=labels(b, 2, 1, count=3)),
            case(cls(), x=cls.draws(b, 2, 3), target=labels(b, 2, count=3)),
            case(cls(), x=cls.draws(b, 1), target=labels(b, count=1), batch=1),
        ]


class NLL(_Likelihood):
    """Takes minus the logarithm of the true class's probability from logarithms that are already there."""

    title = "Negative log-likelihood"
    also = ("nll", "log-likelihood")

    def input_help(self) -> str:
        return "logarithms of probabilities, as LogSoftmax gives them"

    def formula(self) -> str:
        return rf"L = {self.front()} t_k\,x_k,\quad x_k = \ln p_k"

    def forward(self, f: Record, x: Array, target: Array) -> Array:
        t = self.one_hot(x, target)
        f.keep(t=t)
        return self.loss(x, t, x)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return self.gradients(f, np.asarray(-self.share(f["x"], dy) * f["t"]), dy, f["x"])

    def log(self, f: Record, at: Index) -> Expr:
        return Ref("x", at)

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Num(float(f["t"][index])) if output == "t" else super().explain(f, index)


class CrossEntropy(_Likelihood):
    """Measures the surprise at the true class: −ln of the probability that was given to it."""

    title = "Cross-entropy"
    also = ("ce", "log loss", "classification")
    floor: float = attr("smallest probability a logarithm sees; keeps ln 0 finite", default=1e-12, min=0.0, max=0.1)

    def input_help(self) -> str:
        return "probabilities, as Softmax gives them"

    def formula(self) -> str:
        return rf"L = {self.front()} t_k \ln p_k,\quad p = x"

    def forward(self, f: Record, x: Array, target: Array) -> Array:
        t = self.one_hot(x, target)
        f.keep(t=t)
        return self.loss(x, t, np.log(np.maximum(x, self.floor)))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, t = f["x"], f["t"]
        seen = x > self.floor  # below the floor the logarithm is constant
        dx = -self.share(x, dy) * np.where(seen, t / np.where(seen, x, 1), 0)
        return self.gradients(f, np.asarray(dx), dy, np.log(np.maximum(x, self.floor)))

    def log(self, f: Record, at: Index) -> Expr:
        p = Ref("x", at)
        return call("ln", p if f["x"][at] > self.floor else maximum("max", (p, Num(self.floor)), 1))

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return Num(float(f["t"][index])) if output == "t" else super().explain(f, index)

    @classmethod
    def draws(cls, *shape: Dim) -> Given:
        return Given(shape, simplex=True)


class SoftmaxCrossEntropy(_Likelihood):
    """Turns scores into probabilities and measures the surprise at the true class; the gradient is p − t."""

    title = "Softmax + cross-entropy"
    also = ("ce", "logits", "classification", "softmax loss")

    def input_help(self) -> str:
        return "scores of the classes, also called logits"

    def formula(self) -> str:
        over = r"\frac{p-t}{B}" if self.mean == "mean" else "p-t"
        return (rf"L = {self.front()} t_k \ln p_k,\quad p = \mathrm{{softmax}}(x),\quad "
                rf"\frac{{\partial L}}{{\partial x}} = {over}")

    def forward(self, f: Record, x: Array, target: Array) -> Array:
        t = self.one_hot(x, target)
        logp = x - logsumexp(x, self.axis)
        f.keep(logp=logp, p=np.exp(logp), t=t)
        return self.loss(x, t, logp)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        t = f["t"]
        # Σ_k t_k is 1 for labels; a target that is any row of numbers scales p by its sum.
        dx = self.share(t, dy) * (f["p"] * t.sum(axis=self.axis, keepdims=True) - t)
        return self.gradients(f, np.asarray(dx), dy, f["logp"])

    def log(self, f: Record, at: Index) -> Expr:
        return Ref("logp", at)

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        match output:
            case "t":
                return Num(float(f["t"][index]))
            case "p":
                return call("exp", Ref("logp", index))
            case "logp":
                axis = self.axis % len(index)
                line = line_through(index, axis, f["x"].shape[axis])
                return sub(Ref("x", index), call("logsumexp", *(Ref("x", at) for at in line)))
            case _:
                return super().explain(f, index)

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        if port != "x":
            return None
        target = f["target"]
        axis = self.axis % len(index)
        row = (*index[:axis], *index[axis + 1:])
        upstream = Ref("y", row if self.mean == "single" else (), grad=True)
        if target.dtype.kind == "f":  # rows of labels sum to 1; other rows scale p by their sum
            line = line_through(index, axis, f["x"].shape[axis])
            total: Expr = ONE if abs(float(f["t"].sum(axis=axis)[row]) - 1) < 1e-12 else add(
                *(Ref("target", at) for at in line))
            difference = sub(mul(total, Ref("p", index)), Ref("target", index))
        else:
            difference = sub(Ref("p", index), Num(float(target[row] == index[axis])))
        return mul(upstream, fraction(self.rows(f["x"])), difference)

    def body(self, x: Spec, target: Spec) -> Graph:
        net = Net()
        logs = net.add("log_softmax", LogSoftmax(axis=self.axis), net.input("x"))
        net.output("y", net.add("nll", NLL(axis=self.axis, mean=self.mean), logs, net.input("target")))
        return net.graph()
