"""Losses that compare a prediction with a target of the same shape, number by number."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from graphlab.engine.expr import ONE, Expr, Index, Num, Ref, add, call, maximum, mul, neg, sub
from graphlab.engine.graph import Constant, Graph, Net
from graphlab.engine.op import Array, Batch, Case, Fix, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import fraction, need_real, square
from graphlab.engine.ops.maths import Multiply, Square, Subtract
from graphlab.engine.ops.reductions import Mean, Sum
from graphlab.engine.ops.special import sigmoid, softplus
from graphlab.engine.spec import Dim, per_sample, show_shape

MEANS = ("all", "batch", "sum")
MEAN_HELP = "what the sum is divided by: all numbers, the samples of the batch, or nothing"


class _Compared(Op, register=False):
    """y = (1/n) Σ ℓ(x, t) over all numbers."""

    category = "Losses"
    target_kinds: ClassVar[tuple[str, ...]] = ("real",)
    mean: str = attr(MEAN_HELP, default="all", choices=MEANS)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="the prediction"), Port("target", help="what it should be"))

    def line(self) -> str:
        return {"all": "mean over all", "batch": "mean over batch", "half": "½ mean over batch"}.get(self.mean, "sum")

    def front(self) -> str:
        """Write what stands in front of the sum."""
        return {"all": r"\frac{1}{N}", "batch": r"\frac{1}{B}", "half": r"\frac{1}{2B}", "sum": ""}[self.mean]

    def shape(self, x: Spec, target: Spec) -> Spec:
        need_real(x)
        if target.kind not in self.target_kinds:
            raise ShapeError("takes a target of real numbers", "target")
        if x.shape != target.shape:
            same = x.shape[:1] == target.shape[:1] and per_sample(x.shape) == per_sample(target.shape)
            size = tuple(d for d in x.shape[1:] if isinstance(d, int))
            fix = Fix(f"insert Reshape to {'×'.join(map(str, size)) or 'one number'} here", "insert", port="target",
                      op="Reshape", attributes=(("size", size),))
            raise ShapeError(f"needs a target shaped like its prediction, {show_shape(x.shape)}", "target",
                             fixes=(fix,) if same else ())
        return Spec(())

    def divisor(self, x: Array) -> int:
        """Return what the sum is divided by."""
        batch = x.shape[0] if x.ndim else 1
        return {"all": x.size, "batch": batch, "half": 2 * batch, "sum": 1}[self.mean]

    def forward(self, f: Record, x: Array, target: Array) -> Array:
        return np.asarray(self.loss(x, target.astype(x.dtype, copy=False)).sum() / self.divisor(x))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, target = f["x"], f["target"]
        share, t = dy / self.divisor(x), target.astype(x.dtype, copy=False)
        out = {"x": share * self.slope(x, t)}
        if target.dtype.kind == "f" and f.wants("target"):
            out["target"] = share * self.slope_target(x, t)
        return out

    def loss(self, x: Array, t: Array) -> Array:
        """Return ℓ(x, t)."""
        raise NotImplementedError

    def slope(self, x: Array, t: Array) -> Array:
        """Return ∂ℓ/∂x."""
        raise NotImplementedError

    def slope_target(self, x: Array, t: Array) -> Array:
        """Return ∂ℓ/∂t."""
        return -self.slope(x, t)

    def term(self, f: Record, x: Ref, t: Ref) -> Expr:
        """Explain ℓ of one pair of numbers."""
        raise NotImplementedError

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        x = f["x"]
        terms = (self.term(f, Ref("x", at), Ref("target", at)) for at in np.ndindex(x.shape))
        return mul(fraction(self.divisor(x)), add(*terms))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", ())]

    @classmethod
    def cases(cls) -> list[Any]:
        def pair(op: Op, *shape: Dim, batch: int = 2) -> Case:
            return case(op, batch=batch, x=Given(shape, apart=0.05),
                        target=Given(shape, low=-1.9, high=2.3, apart=0.05))

        return [*(pair(cls(mean=m), Batch(), 3) for m in cls.attributes()[0].choices), pair(cls(), Batch(), 1, batch=1),
                pair(cls(), Batch(), 2, 1, 2), pair(cls(mean="batch"))]


class MSE(_Compared):
    """Averages the squared differences between prediction and target."""

    also = ("mean squared error", "L2", "regression", "reconstruction", "content")
    mean: str = attr("what the sum is divided by: all numbers, the samples B, 2B (half: the gradient loses its 2), "
                     "or nothing", default="all", choices=("all", "batch", "half", "sum"))

    def formula(self) -> str:
        return rf"L = {self.front()}\sum (x-t)^2"

    def loss(self, x: Array, t: Array) -> Array:
        return np.asarray(np.square(x - t))

    def slope(self, x: Array, t: Array) -> Array:
        return np.asarray(2 * (x - t))

    def term(self, f: Record, x: Ref, t: Ref) -> Expr:
        return square(sub(x, t))

    def body(self, x: Spec, target: Spec) -> Graph:
        net = Net()
        difference = net.add("difference", Subtract(), net.input("x"), net.input("target"))
        squares = net.add("squares", Square(), difference)
        if self.mean == "all":
            net.output("y", net.add("mean", Mean(), squares))
            return net.graph()
        if self.mean != "sum" and x.rank:
            squares = net.add("batch_mean", Mean(axes=(0,)), squares)
        total = net.add("total", Sum(), squares)
        if self.mean == "half":
            total = net.add("halved", Multiply(), total, net.add("half", Constant(numbers=(0.5,))))
        net.output("y", total)
        return net.graph()


class L1Loss(_Compared):
    """Averages the absolute differences between prediction and target."""

    title = "L1 loss"
    also = ("mean absolute error", "mae")

    def formula(self) -> str:
        return rf"L = {self.front()}\sum |x-t|"

    def loss(self, x: Array, t: Array) -> Array:
        return np.asarray(np.abs(x - t))

    def slope(self, x: Array, t: Array) -> Array:
        return np.asarray(np.sign(x - t))  # sign(0) = 0

    def term(self, f: Record, x: Ref, t: Ref) -> Expr:
        return call("abs", sub(x, t))


class HuberLoss(_Compared):
    """Squares small differences and takes large ones as they are, so that outliers count less."""

    title = "Huber loss"
    also = ("smooth L1", "robust")
    source = "Huber 1964"
    delta: float = attr("difference δ where the square ends and the straight line begins", default=1.0, min=1e-6)

    def formula(self) -> str:
        return (rf"L = {self.front()}\sum \ell(x-t),\quad \ell(d) = \tfrac{{1}}{{2}}d^2\ \mathrm{{if}}\ "
                r"|d|\leq\delta,\ \mathrm{else}\ \delta(|d|-\tfrac{1}{2}\delta)")

    def loss(self, x: Array, t: Array) -> Array:
        d = np.abs(x - t)
        return np.asarray(np.where(d <= self.delta, 0.5 * d * d, self.delta * (d - 0.5 * self.delta)))

    def slope(self, x: Array, t: Array) -> Array:
        return np.asarray(np.clip(x - t, -self.delta, self.delta))

    def term(self, f: Record, x: Ref, t: Ref) -> Expr:
        d = sub(x, t)
        if abs(f["x"][x.index] - f["target"][t.index]) <= self.delta:
            return mul(Num(0.5, r"\frac{1}{2}"), square(d))
        return mul(Num(self.delta), sub(call("abs", d), Num(0.5 * self.delta)))


class BinaryCrossEntropy(_Compared):
    """Measures the surprise at yes/no targets: −ln of the probability that was given to the truth."""

    title = "Binary cross-entropy"
    also = ("bce", "log loss", "logistic")
    target_kinds = ("real", "index", "bool")
    takes: str = attr("what the prediction is: probabilities p, or logits z with p = σ(z), which is stable for any z",
                      default="probabilities", choices=("probabilities", "logits"))
    floor: float = attr("smallest number a logarithm of a probability sees; keeps ln 0 finite", default=1e-12,
                        min=0.0, max=0.1)

    def line(self) -> str:
        return f"from {self.takes}"

    def formula(self) -> str:
        if self.takes == "logits":
            return rf"L = {self.front()}\sum \left[\ln(1+e^{{x}})-t\,x\right],\quad p = \sigma(x)"
        return rf"L = -{self.front()}\sum \left[t\ln p+(1-t)\ln(1-p)\right],\quad p = x"

    def loss(self, x: Array, t: Array) -> Array:
        if self.takes == "logits":
            return np.asarray(softplus(x) - t * x)
        yes, no = np.log(np.maximum(x, self.floor)), np.log(np.maximum(1 - x, self.floor))
        return np.asarray(-(t * yes + (1 - t) * no))

    def slope(self, x: Array, t: Array) -> Array:
        if self.takes == "logits":
            return np.asarray(sigmoid(x) - t)
        yes = np.where(x > self.floor, t / np.where(x > self.floor, x, 1), 0)
        no = np.where(1 - x > self.floor, (1 - t) / np.where(1 - x > self.floor, 1 - x, 1), 0)
        return np.asarray(no - yes)

    def slope_target(self, x: Array, t: Array) -> Array:
        if self.takes == "logits":
            return -x
        return np.asarray(np.log(np.maximum(1 - x, self.floor)) - np.log(np.maximum(x, self.floor)))

    def term(self, f: Record, x: Ref, t: Expr) -> Expr:
        if self.takes == "logits":
            return sub(call("softplus", x), mul(t, x))
        def log(p: Expr, value: float) -> Expr:
            return call("ln", p if value > self.floor else maximum("max", (p, Num(self.floor)), 1))

        p = float(f[x.name][x.index])
        return neg(add(mul(t, log(x, p)), mul(sub(ONE, t), log(sub(ONE, x), 1 - p))))

    @classmethod
    def cases(cls) -> list[Any]:
        b = Batch()
        p, t, labels = Given((b, 2), low=0.1, high=0.9), Given((b, 2), low=0, high=1), Given((b, 2), "index", 0, 2)
        return [case(cls(), x=p, target=t), case(cls(mean="batch"), x=p, target=labels),
                case(cls(takes="logits"), x=(b, 2), target=t),
                case(cls(takes="logits", mean="sum"), x=(b, 2), target=labels),
                case(cls(mean="sum"), x=Given((b,), low=0.2, high=0.8), target=Given((b,), kind="bool"))]
