"""Ops that centre and scale their input: batch, layer and local response normalisation."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add, call, div, mul, neg, sub
from graphlab.engine.graph import Constant, Graph, Net
from graphlab.engine.op import Array, Batch, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.ops.common import detached, fraction, line_through, need_real, square
from graphlab.engine.ops.maths import Add, Divide, Multiply, Sqrt, Square, Subtract
from graphlab.engine.ops.reductions import Mean


class BatchNorm(Op):
    """Gives every feature or channel mean 0 and variance 1 over the batch, then scales and shifts it as learned."""

    category = "Normalisation"
    also = ("batch normalisation", "bn")
    source = "Ioffe & Szegedy 2015"
    eps: float = attr("ε under the square root, against division by zero; also written ν", default=1e-5,
                      min=0.0, max=1.0)
    momentum: float = attr("weight of the batch, or of the old average, in the running averages", default=0.1,
                           min=0.0, max=1.0)
    momentum_of: str = attr("what momentum weighs: the batch (PyTorch, 0.1) or the old average (Keras, 0.99)",
                            default="batch", choices=("batch", "average"))
    running: str = attr("what the running variance divides by: m as in the formula, or m−1 (PyTorch)", default="m",
                        choices=("m", "m-1"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("gamma", weight=True, help="γ: the learned scale"),
                Port("beta", weight=True, help="β: the learned shift"),
                Port("mean", memory=True, help="running mean, for evaluation"),
                Port("var", memory=True, help="running variance, for evaluation"))

    def line(self) -> str:
        return "" if self.eps == 1e-5 else f"ε = {self.eps:g}"

    def formula(self) -> str:
        return (r"\hat{x} = \frac{x-\mu_B}{\sqrt{\sigma_B^2+\varepsilon}},\quad y = \gamma\hat{x}+\beta,\quad "
                r"\sigma_B^2 = \frac{1}{m}\sum (x-\mu_B)^2")

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if x.rank < 2:
            raise ShapeError("takes features shaped (B, n) or images shaped (B, C, H, W)", "x")
        if isinstance(x.shape[1], Batch):
            raise ShapeError("needs a fixed number of features or channels on axis 1", "x", axis=1)
        return x

    def weights(self, x: Spec) -> dict[str, Weight]:
        n = x.shape[1]
        assert isinstance(n, int)
        return {"gamma": Weight((n,), "ones", penalised=False), "beta": Weight((n,), "zeros", penalised=False),
                "mean": Weight((n,), "zeros"), "var": Weight((n,), "ones")}

    def forward(self, f: Record, x: Array, gamma: Array, beta: Array, mean: Array, var: Array) -> Array:
        column = (-1,) + (1,) * (x.ndim - 2)  # (C,) -> (C, 1, 1)
        if f.training:
            axes = (0, *range(2, x.ndim))
            m = x.size // x.shape[1]
            mu = x.mean(axis=axes)
            centred = x - mu.reshape(column)
            sigma2 = (centred * centred).mean(axis=axes)
            f.keep(mu_B=mu, variance_B=sigma2)
            rate = self.momentum if self.momentum_of == "batch" else 1.0 - self.momentum
            f.update("mean", mu, rate)
            f.update("var", sigma2 * (m / (m - 1)) if self.running == "m-1" and m > 1 else sigma2, rate)
        else:
            centred, sigma2 = x - mean.reshape(column), var
        xhat = centred / np.sqrt(sigma2 + self.eps).reshape(column)
        f.keep(xhat=xhat)
        return np.asarray(gamma.reshape(column) * xhat + beta.reshape(column))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        xhat, gamma = f["xhat"], f["gamma"]
        axes, column = (0, *range(2, dy.ndim)), (-1,) + (1,) * (dy.ndim - 2)
        dgamma, dbeta = (dy * xhat).sum(axis=axes), dy.sum(axis=axes)
        scale = gamma / np.sqrt(f["variance_B" if "variance_B" in f else "var"] + self.eps)
        dx = dy
        if "variance_B" in f:  # the batch's mean and variance depend on every x: two more terms
            m = dy.size // dy.shape[1]
            dx = dy - (dbeta / m).reshape(column) - xhat * (dgamma / m).reshape(column)
        return {"x": scale.reshape(column) * dx, "gamma": dgamma, "beta": dbeta}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        mean, var = ("mu_B", "variance_B") if "mu_B" in f else ("mean", "var")
        if output in ("mu_B", "variance_B"):
            c, xs = (index[0],), [Ref("x", at) for at in self.channel(f, index[0])]
            # Σ(x−μ) = 0, so that μ adds nothing to the derivative of the variance.
            terms = xs if output == "mu_B" else [square(sub(x, detached(Ref(mean, c)))) for x in xs]
            return mul(fraction(len(xs)), add(*terms))
        c = (index[1],)
        if output == "xhat":
            return div(sub(Ref("x", index), Ref(mean, c)), call("sqrt", add(Ref(var, c), Num(self.eps))))
        return add(mul(Ref("gamma", c), Ref("xhat", index)), Ref("beta", c))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        channel = self.channel(f, index[1] if port == "x" else index[0])
        if port == "beta":
            return add(*(Ref("y", at, grad=True) for at in channel))
        if port == "gamma":
            return add(*(mul(Ref("y", at, grad=True), Ref("xhat", at)) for at in channel))
        if "mu_B" not in f:
            return None
        c = (index[1],)
        direct = Ref("y", index, grad=True)
        through_mean = mul(fraction(len(channel)), add(*(Ref("y", at, grad=True) for at in channel)))
        through_variance = mul(Ref("xhat", index), fraction(len(channel)),
                               add(*(mul(Ref("y", at, grad=True), Ref("xhat", at)) for at in channel)))
        scale = div(Ref("gamma", c), call("sqrt", add(Ref("variance_B", c), Num(self.eps))))
        return mul(scale, add(direct, neg(through_mean), neg(through_variance)))

    def channel(self, f: Record, c: int) -> list[Index]:
        """Return the places of one channel."""
        ranges = [range(n) for n in f["x"].shape]
        ranges[1] = range(c, c + 1)
        return list(itertools.product(*ranges))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        if port == "x" and "mu_B" not in f:
            return [("y", index)]
        return [("y", at) for at in self.channel(f, index[1] if port == "x" else index[0])]

    @classmethod
    def cases(cls) -> list[Any]:
        other = cls(eps=0.1, running="m-1", momentum_of="average", momentum=0.9)
        return [case(cls(), training=True, x=(Batch(), 3), batch=4), case(cls(), x=(Batch(), 2)),
                case(other, training=True, x=(Batch(), 2, 2, 3)), case(other, x=(Batch(), 2, 1, 2)),
                case(cls(), training=True, x=(Batch(), 1, 2), batch=1)]


class LayerNorm(Op):
    """Gives every sample mean 0 and variance 1 over its features, then scales and shifts it as learned."""

    category = "Normalisation"
    also = ("layer normalisation", "ln", "add & norm")
    source = "Ba, Kiros & Hinton 2016"
    axes: int = attr("how many of the last axes are normalised together", default=1, min=1)
    eps: float = attr("ε under the square root, against division by zero", default=1e-5, min=0.0, max=1.0)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("gamma", weight=True, help="γ: the learned scale"),
                Port("beta", weight=True, help="β: the learned shift"))

    def line(self) -> str:
        return "" if self.axes == 1 else f"last {self.axes} axes"

    def formula(self) -> str:
        return r"y = \gamma\,\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}}+\beta"

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if x.rank < self.axes or any(isinstance(d, Batch) for d in x.shape[x.rank - self.axes:]):
            raise ShapeError(f"normalises the last {self.axes} axes, none of which may be the batch", "x", axis=-1)
        return x

    def weights(self, x: Spec) -> dict[str, Weight]:
        tail = tuple(d for d in x.shape[x.rank - self.axes:] if isinstance(d, int))
        return {"gamma": Weight(tail, "ones", penalised=False), "beta": Weight(tail, "zeros", penalised=False)}

    def forward(self, f: Record, x: Array, gamma: Array, beta: Array) -> Array:
        last = tuple(range(-self.axes, 0))
        mu = x.mean(axis=last, keepdims=True)
        centred = x - mu
        sigma2 = (centred * centred).mean(axis=last, keepdims=True)
        xhat = centred / np.sqrt(sigma2 + self.eps)
        f.keep(mu=mu, variance=sigma2, xhat=xhat)
        return np.asarray(gamma * xhat + beta)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        xhat, last = f["xhat"], tuple(range(-self.axes, 0))
        lead = tuple(range(dy.ndim - self.axes))
        dxhat = dy * f["gamma"]
        dx = (dxhat - dxhat.mean(axis=last, keepdims=True) - xhat * (dxhat * xhat).mean(axis=last, keepdims=True))
        return {"x": dx / np.sqrt(f["variance"] + self.eps), "gamma": (dy * xhat).sum(axis=lead),
                "beta": dy.sum(axis=lead)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        cut = len(index) - self.axes
        one = (*index[:cut], *(0,) * self.axes)
        if output in ("mu", "variance"):
            xs = [Ref("x", at) for at in self.row(f, index[:cut])]
            # Σ(x−μ) = 0, so that μ adds nothing to the derivative of the variance.
            terms = xs if output == "mu" else [square(sub(x, detached(Ref("mu", one)))) for x in xs]
            return mul(fraction(len(xs)), add(*terms))
        if output == "xhat":
            return div(sub(Ref("x", index), Ref("mu", one)),
                       call("sqrt", add(Ref("variance", one), Num(self.eps))))
        return add(mul(Ref("gamma", index[cut:]), Ref("xhat", index)), Ref("beta", index[cut:]))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        if port != "x":
            return None
        cut = len(index) - self.axes
        row, one = self.row(f, index[:cut]), (*index[:cut], *(0,) * self.axes)
        upstream = {at: mul(Ref("y", at, grad=True), Ref("gamma", at[cut:])) for at in row}
        through_mean = mul(fraction(len(row)), add(*upstream.values()))
        through_variance = mul(Ref("xhat", index), fraction(len(row)),
                               add(*(mul(u, Ref("xhat", at)) for at, u in upstream.items())))
        return div(add(upstream[index], neg(through_mean), neg(through_variance)),
                   call("sqrt", add(Ref("variance", one), Num(self.eps))))

    def row(self, f: Record, lead: Index) -> list[Index]:
        """Return the places that are normalised together."""
        shape = f["x"].shape
        return [(*lead, *at) for at in itertools.product(*map(range, shape[len(shape) - self.axes:]))]

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        shape = f["x"].shape
        if port == "x":
            return [("y", at) for at in self.row(f, index[:len(shape) - self.axes])]
        leads = itertools.product(*map(range, shape[:len(shape) - self.axes]))
        return [("y", (*lead, *index)) for lead in leads]

    def body(self, x: Spec) -> Graph:
        net = Net()
        last = tuple(range(-self.axes, 0))
        fed = net.input("x")
        centred = net.add("centred", Subtract(), fed, net.add("mean", Mean(axes=last, keep=True), fed))
        variance = net.add("variance", Mean(axes=last, keep=True), net.add("squares", Square(), centred))
        stable = net.add("plus_eps", Add(), variance, net.add("eps", Constant(numbers=(self.eps,))))
        xhat = net.add("normalised", Divide(), centred, net.add("deviation", Sqrt(), stable))
        scaled = net.add("scaled", Multiply(), xhat, net.input("gamma"))
        net.output("y", net.add("shifted", Add(), scaled, net.input("beta")))
        return net.graph()

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 4)), case(cls(eps=0.1), x=(Batch(), 2, 3)),
                case(cls(axes=2), x=(Batch(), 2, 2)), case(cls(eps=0.1), x=(Batch(), 1), batch=1)]


class LRN(Op):
    """Damps a number where neighbouring channels are strong: local response normalisation."""

    category = "Normalisation"
    also = ("local response normalisation", "AlexNet")
    source = "Krizhevsky, Sutskever & Hinton 2012"
    size: int = attr("number n of neighbouring channels, itself included", default=5, min=1)
    alpha: float = attr("strength α", default=1e-4)
    beta: float = attr("exponent β", default=0.75)
    k: float = attr("constant k", default=2.0, min=0.0)
    scale: str = attr("what the sum is multiplied by: α (AlexNet's paper, Keras), or α/n (PyTorch, ONNX)",
                      default="α", choices=("α", "α/n"))

    def line(self) -> str:
        return f"n = {self.size}"

    def formula(self) -> str:
        a = r"\alpha" if self.scale == "α" else r"\frac{\alpha}{n}"
        near = r"\sum_{j=c-\lfloor n/2\rfloor}^{c+\lfloor n/2\rfloor} x_j^2"
        return rf"y_c = \frac{{x_c}}{{\left(k+{a}{near}\right)^\beta}}"

    @property
    def factor(self) -> float:
        """What the sum of squares is multiplied by."""
        return self.alpha if self.scale == "α" else self.alpha / self.size

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if x.rank < 3:
            raise ShapeError("takes images shaped (B, C, H, W)", "x")
        return x

    def around(self, x: Array, back: bool = False) -> Array:
        """Sum over the n channels around each; ``back`` over those that have this one around them."""
        left, right = self.size // 2, (self.size - 1) // 2
        before, after = (right, left) if back else (left, right)
        widths = [(0, 0)] * x.ndim
        widths[1] = (before, after)
        padded, c = np.pad(x, widths), x.shape[1]
        return np.asarray(sum(padded[:, i:i + c] for i in range(self.size)))

    def forward(self, f: Record, x: Array) -> Array:
        d = self.k + self.factor * self.around(x * x)
        f.keep(d=d)
        return np.asarray(x * d ** -self.beta)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, d = f["x"], f["d"]
        inner = self.around(dy * x * d ** (-self.beta - 1), back=True)
        return {"x": dy * d ** -self.beta - 2 * self.factor * self.beta * x * inner}

    def near(self, f: Record, index: Index, before: int, after: int) -> list[Index]:
        """Return the places in neighbouring channels."""
        return [at for at in line_through(index, 1, f["x"].shape[1]) if -before <= at[1] - index[1] <= after]

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "d":
            near = self.near(f, index, self.size // 2, (self.size - 1) // 2)
            return add(Num(self.k), mul(Num(self.factor), add(*(square(Ref("x", at)) for at in near))))
        return mul(Ref("x", index), call("pow", Ref("d", index), Num(-self.beta)))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", at) for at in self.near(f, index, (self.size - 1) // 2, self.size // 2)]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(size=3, alpha=0.5), x=(Batch(), 4, 1, 2)), case(cls(size=2, alpha=0.5, k=1.0, scale="α/n"),
                                                                        x=(Batch(), 3, 2, 1)),
                case(cls(), x=(Batch(), 1, 2), batch=1)]
