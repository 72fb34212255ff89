"""Losses of generative models: the Gaussian KL divergence and the two sides of a GAN."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import ONE, Expr, Index, Num, Ref, add, call, mul, neg
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import fraction, need_real, square
from graphlab.engine.ops.losses import BinaryCrossEntropy
from graphlab.engine.spec import show_shape


class GaussianKL(Op):
    """Measures how far Gaussians N(μ, σ²) are from the standard normal N(0, 1)."""

    category = "Losses"
    title = "Gaussian KL divergence"
    also = ("kl", "vae", "elbo", "latent")
    source = "Kingma & Welling 2014"
    spread: str = attr("what the second input is: ln σ² (usual), or σ itself", default="ln σ²", choices=("ln σ²", "σ"))
    mean: str = attr("over the batch: the mean, or the sum; dimensions are always summed", default="batch",
                     choices=("batch", "sum"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("mu", help="μ"), Port("spread", help=self.spread))

    def line(self) -> str:
        return f"{self.spread} · {'mean' if self.mean == 'batch' else 'sum'}"

    def formula(self) -> str:
        front = r"-\frac{1}{2B}" if self.mean == "batch" else r"-\frac{1}{2}"
        return rf"L = {front}\sum\left(1+\ln\sigma^2-\mu^2-\sigma^2\right)"

    def shape(self, mu: Spec, spread: Spec) -> Spec:
        need_real(mu, "mu")
        need_real(spread, "spread")
        if mu.shape != spread.shape:
            raise ShapeError(f"needs {self.spread} shaped like μ, {show_shape(mu.shape)}", "spread")
        return Spec(())

    def divisor(self, mu: Array) -> int:
        """Return what the sum is divided by."""
        return mu.shape[0] if self.mean == "batch" and mu.ndim else 1

    def forward(self, f: Record, mu: Array, spread: Array) -> Array:
        log = spread if self.spread == "ln σ²" else np.log(spread * spread)
        variance = np.exp(spread) if self.spread == "ln σ²" else spread * spread
        return np.asarray(-0.5 * (1 + log - mu * mu - variance).sum() / self.divisor(mu))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        mu, s = f["mu"], f["spread"]
        share = dy / self.divisor(mu)
        slope = 0.5 * (np.exp(s) - 1) if self.spread == "ln σ²" else s - 1 / s
        return {"mu": share * mu, "spread": share * slope}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        terms = []
        for at in np.ndindex(f["mu"].shape):
            mu, s = Ref("mu", at), Ref("spread", at)
            log, variance = (s, call("exp", s)) if self.spread == "ln σ²" else (call("ln", square(s)), square(s))
            terms.append(add(ONE, log, neg(square(mu)), neg(variance)))
        return mul(Num(-0.5, r"-\frac{1}{2}"), fraction(self.divisor(f["mu"])), add(*terms))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", ())]

    @classmethod
    def cases(cls) -> list[Any]:
        positive = Given((Batch(), 2), low=0.3, high=2.0)
        return [case(cls(), mu=(Batch(), 3), spread=(Batch(), 3)),
                case(cls(mean="sum"), mu=(Batch(), 1), spread=(Batch(), 1)),
                case(cls(spread="σ"), mu=(Batch(), 2), spread=positive)]


class _Adversarial(Op, register=False):
    """What both players share: the discriminator's opinion D, and the surprise at it."""

    category = "Losses"
    source = "Goodfellow et al. 2014"
    takes: str = attr("what the discriminator gives: logits z with D = σ(z), which is stable, or probabilities D",
                      default="logits", choices=("logits", "probabilities"))

    @property
    def surprise(self) -> BinaryCrossEntropy:
        """The binary cross-entropy that both losses are made of."""
        return BinaryCrossEntropy(takes=self.takes)

    def check(self, **specs: Spec) -> Spec:
        """Check the discriminator's answers, which may be shaped in any way."""
        for port, x in specs.items():
            need_real(x, port)
            if not x.rank:
                raise ShapeError("takes the discriminator's answers for a batch", port)
        return Spec(())

    def average(self, x: Array, label: float) -> Array:
        """Return the mean surprise where the truth is ``label``."""
        return np.asarray(self.surprise.loss(x, np.full_like(x, label)).mean())

    def slope(self, x: Array, label: float) -> Array:
        """Return the gradient of the mean surprise."""
        return self.surprise.slope(x, np.full_like(x, label)) / x.size

    def explained(self, f: Record, port: str, label: float) -> Expr:
        """Explain the mean surprise."""
        x = f[port]
        terms = (self.surprise.term(f, Ref(port, at), Num(label)) for at in np.ndindex(x.shape))
        return mul(fraction(x.size), add(*terms))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", ())]

    @classmethod
    def answers(cls, takes: str) -> Given:
        """Describe a discriminator's answers for the tests."""
        return Given((Batch(), 1), low=-2, high=2) if takes == "logits" else Given((Batch(), 1), low=0.1, high=0.9)


class DiscriminatorLoss(_Adversarial):
    """Asks the discriminator to call real data real and generated data fake."""

    title = "Discriminator loss"
    also = ("gan", "adversarial", "label smoothing")
    real: float = attr("label of real data: 1, or 0.9 to smooth it", default=1.0, min=0.0, max=1.0)
    fake: float = attr("label of generated data: 0, or 0.1 to smooth it", default=0.0, min=0.0, max=1.0)

    def ports(self) -> tuple[Port, ...]:
        return (Port("on_real", help="the discriminator's answers to real data"),
                Port("on_fake", help="the discriminator's answers to generated data"))

    def line(self) -> str:
        return f"from {self.takes}" + (f" · {self.real:g}/{self.fake:g}" if (self.real, self.fake) != (1, 0) else "")

    def formula(self) -> str:
        if (self.real, self.fake) == (1, 0):
            return r"L_D = -E[\ln D(x)]-E[\ln(1-D(G(z)))]"
        parts = [rf"-E[{t:g}\ln D({of})+{1 - t:g}\ln(1-D({of}))]" for t, of in ((self.real, "x"), (self.fake, "G(z)"))]
        return "L_D = " + "".join(parts)

    def shape(self, on_real: Spec, on_fake: Spec) -> Spec:
        return self.check(on_real=on_real, on_fake=on_fake)

    def forward(self, f: Record, on_real: Array, on_fake: Array) -> Array:
        return np.asarray(self.average(on_real, self.real) + self.average(on_fake, self.fake))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {port: dy * self.slope(f[port], label)
                for port, label in (("on_real", self.real), ("on_fake", self.fake))}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return add(self.explained(f, "on_real", self.real), self.explained(f, "on_fake", self.fake))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(takes=t, real=r, fake=k), on_real=cls.answers(t), on_fake=cls.answers(t))
                for t in ("logits", "probabilities") for r, k in ((1.0, 0.0), (0.9, 0.1))]


class GeneratorLoss(_Adversarial):
    """Asks the generator to make the discriminator call its data real."""

    title = "Generator loss"
    also = ("gan", "adversarial")
    form: str = attr("non-saturating: −E ln D(G(z)), strong gradients early; saturating: +E ln(1−D(G(z))), the minimax "
                     "game's own", default="non-saturating", choices=("non-saturating", "saturating"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("on_fake", help="the discriminator's answers to generated data"),)

    def line(self) -> str:
        return self.form

    def formula(self) -> str:
        return r"L_G = -E[\ln D(G(z))]" if self.form == "non-saturating" else r"L_G = E[\ln(1-D(G(z)))]"

    def shape(self, on_fake: Spec) -> Spec:
        return self.check(on_fake=on_fake)

    def forward(self, f: Record, on_fake: Array) -> Array:
        return self.average(on_fake, 1.0) if self.form == "non-saturating" else -self.average(on_fake, 0.0)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["on_fake"]
        return {"on_fake": dy * self.slope(x, 1.0) if self.form == "non-saturating" else -dy * self.slope(x, 0.0)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if self.form == "non-saturating":
            return self.explained(f, "on_fake", 1.0)
        return neg(self.explained(f, "on_fake", 0.0))

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(takes=t, form=form), on_fake=cls.answers(t))
                for t in ("logits", "probabilities") for form in ("non-saturating", "saturating")]
