"""Ops that draw random numbers or choose from a codebook: what autoencoders and their relatives are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add, call, mul, sub
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.ops.common import Elementwise, detached, fraction, need_real, square
from graphlab.engine.spec import per_sample, show_shape


class GaussianNoise(Elementwise):
    """Adds random numbers to its input while training: denoising autoencoders learn to take them away."""

    category = "Regularisation"
    also = ("denoising", "corrupt", "dae")
    sigma: float = attr("standard deviation σ of the noise", default=0.1, min=0.0)
    evaluation: str = attr("in evaluation: off, or kept on", default="off", choices=("off", "on"))

    def line(self) -> str:
        return f"σ = {self.sigma:g}"

    def formula(self) -> str:
        return r"y = x + \sigma\,\varepsilon,\quad \varepsilon \sim N(0, 1)"

    def forward(self, f: Record, x: Array) -> Array:
        if not f.training and self.evaluation == "off":
            return x
        noise = f.normal("noise", x.shape)
        f.keep(eps=noise)
        return x + self.sigma * noise

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "eps":
            return Num(float(f["eps"][index]))
        return add(Ref("x", index), mul(Num(self.sigma), Ref("eps", index))) if "eps" in f else Ref("x", index)

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), training=True, x=(Batch(), 3)), case(cls(), x=(Batch(), 3)),
                case(cls(evaluation="on", sigma=2.0), x=(Batch(), 1), batch=1)]


class GaussianSample(Op):
    """Draws from Gaussians in a way that lets gradients through: z = μ + σ·ε."""

    category = "Generative"
    title = "Gaussian sample"
    also = ("reparameterisation trick", "vae", "latent", "z")
    source = "Kingma & Welling 2014"
    outputs = ("z",)
    spread: str = attr("what the second input is: ln σ² (usual), or σ itself", default="ln σ²", choices=("ln σ²", "σ"))
    evaluation: str = attr("in evaluation: a sample, or the mean μ", default="sample", choices=("sample", "mean"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("mu", help="μ"), Port("spread", help=self.spread))

    def line(self) -> str:
        return self.spread

    def formula(self) -> str:
        sigma = r"e^{\frac{1}{2}\ln\sigma^2}" if self.spread == "ln σ²" else r"\sigma"
        return rf"z = \mu + {sigma} \odot \varepsilon,\quad \varepsilon \sim N(0, I)"

    def shape(self, mu: Spec, spread: Spec) -> Spec:
        need_real(mu, "mu")
        need_real(spread, "spread")
        if mu.shape != spread.shape:
            raise ShapeError(f"needs {self.spread} shaped like μ, {show_shape(mu.shape)}", "spread")
        return mu

    def forward(self, f: Record, mu: Array, spread: Array) -> Array:
        if not f.training and self.evaluation == "mean":
            return mu
        noise = f.normal("eps", mu.shape)
        sigma = np.exp(0.5 * spread) if self.spread == "ln σ²" else spread
        f.keep(eps=noise, sigma=sigma)
        return np.asarray(mu + sigma * noise)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        if "eps" not in f:
            return {"mu": dy, "spread": np.zeros_like(dy)}
        slope = dy * f["eps"]
        return {"mu": dy, "spread": 0.5 * slope * f["sigma"] if self.spread == "ln σ²" else slope}

    def explain(self, f: Record, index: Index, output: str = "z") -> Expr:
        match output:
            case "eps":
                return Num(float(f["eps"][index]))
            case "sigma":
                s = Ref("spread", index)
                return call("exp", mul(Num(0.5, r"\frac{1}{2}"), s)) if self.spread == "ln σ²" else s
            case _:
                mu = Ref("mu", index)
                return add(mu, mul(Ref("sigma", index), Ref("eps", index))) if "eps" in f else mu

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("z", index)]

    @classmethod
    def cases(cls) -> list[Any]:
        x = (Batch(), 3)
        return [case(cls(), training=True, mu=x, spread=x), case(cls(evaluation="mean"), mu=x, spread=x),
                case(cls(spread="σ"), mu=(Batch(), 1), spread=Given((Batch(), 1), low=0.2, high=2.0), batch=1)]


class VectorQuantise(Op):
    """Replaces each vector by the nearest one of a learned codebook."""

    category = "Generative"
    title = "Vector quantisation"
    also = ("vq-vae", "codebook", "discrete latent", "residual quantisation")
    source = "van den Oord, Vinyals & Kavukcuoglu 2017"
    outputs = ("y", "loss", "index")
    surrogate = "choosing the nearest code has no gradient; backward hands the upstream gradient straight through"
    codes: int = attr("number of codebook entries", default=16, min=1, max=1_000_000)
    commitment: float = attr("β: how strongly vectors are drawn to their code", default=0.25, min=0.0)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("E", weight=True, help="the codebook"))

    def line(self) -> str:
        return f"{self.codes} codes"

    def formula(self) -> str:
        return (r"y = e_k,\ k = \mathrm{argmin}_j \|x-e_j\|,\quad \frac{\partial L}{\partial x} := "
                r"\frac{\partial L}{\partial y},\quad L_{vq} = \|\mathrm{sg}(x)-e_k\|^2+\beta\|x-\mathrm{sg}(e_k)\|^2")

    def shape(self, x: Spec) -> tuple[Spec, ...]:
        need_real(x)
        if x.rank < 2 or isinstance(x.shape[-1], Batch):
            raise ShapeError("takes vectors along its last axis, such as (B, n)", "x", axis=-1)
        return x, Spec(()), Spec(x.shape[:-1], "index")

    def weights(self, x: Spec) -> dict[str, Weight]:
        n = x.shape[-1]
        assert isinstance(n, int)
        return {"E": Weight((self.codes, n), "normal", penalised=False)}

    def macs(self, x: Spec) -> int:
        return self.codes * per_sample(x.shape)

    def forward(self, f: Record, x: Array, E: Array) -> tuple[Array, ...]:
        distance = (E * E).sum(axis=1) - 2 * (x @ E.T)  # (…, n) @ (n, codes); ‖x‖² is the same for all codes
        index = distance.argmin(axis=-1)
        y = E[index]
        return y, np.asarray((1 + self.commitment) * np.square(x - y).sum() / x.size), index

    def backward(self, f: Record, dy: Array, dloss: Array, dindex: Array) -> dict[str, Array]:
        x, y = f["x"], f["y"]
        pull = 2 * dloss * (x - y) / x.size
        dE = np.zeros(f["E"].shape, dy.dtype)
        np.add.at(dE, f["index"], -pull)
        return {"x": dy + self.commitment * pull, "E": dE}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "index":
            return Num(float(f["index"][index]))
        if output == "loss":
            terms = []
            for at in np.ndindex(f["x"].shape):
                x, e = Ref("x", at), Ref("E", (int(f["index"][at[:-1]]), at[-1]))
                terms.append(add(square(sub(detached(x), e)), mul(Num(self.commitment), square(sub(x, detached(e))))))
            return mul(fraction(f["x"].size), add(*terms))
        x, e = Ref("x", index), Ref("E", (int(f["index"][index[:-1]]), index[-1]))
        return add(x, detached(sub(e, x)))  # straight-through

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index), ("loss", ())] if port == "x" else [("loss", ())]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(codes=3), x=(Batch(), 2)), case(cls(codes=4), x=(Batch(), 2, 3)),
                case(cls(codes=1), x=(Batch(), 1), batch=1)]
