"""What autoencoders and adversarial networks need: Gaussian samples and divergence, and the two players' losses."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.losses import bind_share, bind_sigmoid, bind_softplus
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.generative import DiscriminatorLoss, GaussianKL, GeneratorLoss
from graphlab.engine.ops.sampling import GaussianNoise, GaussianSample
from graphlab.engine.plan import Step
from graphlab.engine.record import Array


class Alike:
    """Two inputs of one shape as arrays that NumPy can combine: in the memory order of the first."""

    def __init__(self, s: Site, first: str, second: str) -> None:
        self.layout = s.layout(first)
        self.a, self.b = s.raw(first), s.raw(second, self.layout)


def draws(step: Step, training: bool) -> bool:
    """Tell whether a sample is drawn."""
    op = step.op
    assert isinstance(op, GaussianSample)
    return training or op.evaluation == "sample"


def bind_normal(s: Site, name: str, like: str, noise: Array) -> None:
    """Bind a draw from N(0, 1) as the recorded run makes it, into memory in the order of a value."""
    draw = s.scratch(s.logical(like).shape, np.float32)
    s.call(s.stream(name).normal, draw)
    s.call(np.copyto, s.like(like, noise), draw)


@kernel(GaussianSample, fits=draws)
def gaussian_sample(s: Site) -> Backward:
    """Bind z = μ + σε; dμ = dz, dσ = dz·ε, and d ln σ² = ½·dz·σε."""
    p, z = Alike(s, "mu", "spread"), s.raw("z")
    noise, logarithm = s.keep(z.shape), s.op.spread == "ln σ²"
    moved = s.keep(z.shape) if logarithm else s.scratch(z.shape)
    bind_normal(s, "eps", "z", noise)
    if logarithm:
        s.call(np.multiply, p.b, s.constant(0.5), out=moved)
        s.call(np.exp, moved, out=moved)
        s.call(np.multiply, moved, noise, out=moved)
    else:
        s.call(np.multiply, p.b, noise, out=moved)
    s.call(np.add, p.a, moved, out=z)

    def back(b: Back) -> None:
        dz = b.upstream("z")
        if b.wants("spread"):
            into = b.into("spread", p.layout)
            b.call(np.multiply, dz, moved if logarithm else noise, out=into)
            if logarithm:
                b.call(np.multiply, into, b.constant(0.5), out=into)
        if b.wants("mu"):
            b.passes("mu", dz, "z")

    return back


def noisy(step: Step, training: bool) -> bool:
    """Tell whether noise is drawn."""
    op = step.op
    assert isinstance(op, GaussianNoise)
    return training or op.evaluation == "on"


@kernel(GaussianNoise, over=("x",), fits=noisy)
def gaussian_noise(s: Site) -> Backward:
    """Bind y = x + σε."""
    x, y = s.raw("x"), s.raw("y")
    noise = s.scratch(y.shape)
    bind_normal(s, "noise", "y", noise)
    s.call(np.multiply, noise, s.constant(s.op.sigma), out=noise)
    s.call(np.add, x, noise, out=y)
    return lambda b: b.passes("x", b.upstream())


def logarithmic(step: Step, training: bool) -> bool:
    """Tell whether a divergence takes ln σ²."""
    op = step.op
    return isinstance(op, GaussianKL) and op.spread == "ln σ²"


@kernel(GaussianKL, reads=("mu",), fits=logarithmic)
def gaussian_kl(s: Site) -> Backward:
    """Bind y = Σ(σ² − 1 + μ² − ln σ²)/2n; dμ = μ/n, d ln σ² = (σ² − 1)/2n."""
    p, y = Alike(s, "mu", "spread"), s.raw("y")
    n = s.op.divisor(s.logical("mu"))
    slope, rest = s.keep(p.a.shape), s.scratch(p.a.shape)
    s.call(np.exp, p.b, out=slope)
    s.call(np.subtract, slope, s.constant(1.0), out=slope)
    s.call(np.multiply, p.a, p.a, out=rest)
    s.call(np.subtract, rest, p.b, out=rest)
    s.call(np.add, rest, slope, out=rest)
    s.call(np.dot, rest.ravel(), s.constant(0.5 / n, (rest.size,)), y)

    def back(b: Back) -> None:
        if b.wants("mu"):
            b.call(np.multiply, p.a, bind_share(b, 1.0 / n), out=b.into("mu", p.layout))
        if b.wants("spread"):
            b.call(np.multiply, slope, bind_share(b, 0.5 / n), out=b.into("spread", p.layout))

    return back


def logits(step: Step, training: bool) -> bool:
    """Tell whether a player's loss takes logits."""
    op = step.op
    return isinstance(op, DiscriminatorLoss | GeneratorLoss) and op.takes == "logits"


def labels(s: Site) -> dict[str, tuple[float, float]]:
    """Return what each input should be called, and the sign with which its surprise counts."""
    op = s.op
    if isinstance(op, DiscriminatorLoss):
        return {"on_real": (op.real, 1.0), "on_fake": (op.fake, 1.0)}
    return {"on_fake": (1.0, 1.0) if op.form == "non-saturating" else (0.0, -1.0)}


@kernel(DiscriminatorLoss, GeneratorLoss, reads=("on_real", "on_fake"), fits=logits)
def adversarial(s: Site) -> Backward:
    """Bind y = Σ ± mean(softplus(x) − tx) with the label t of each input; dx = ±(σ(x) − t)/n."""
    y, asked = s.raw("y"), labels(s)
    means = [s.keep(()) for _ in asked]
    for mean, (port, (label, sign)) in zip(means, asked.items(), strict=True):
        x = s.raw(port).reshape(-1)
        surprise = bind_softplus(s, x, label)
        s.call(np.dot, surprise, s.constant(sign / x.size, (x.size,)), mean)
    s.call(np.add, means[0], means[1] if len(means) > 1 else s.constant(0.0), out=y)

    def back(b: Back) -> None:
        for port, (label, sign) in asked.items():
            if b.wants(port):
                x, into = s.raw(port), b.into(port)
                bind_sigmoid(b, x, into)
                if label:
                    b.call(np.subtract, into, b.constant(label), out=into)
                b.call(np.multiply, into, bind_share(b, sign / x.size), out=into)

    return back
