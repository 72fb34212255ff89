"""The built-in generative examples: autoencoders, GANs and a diffusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphlab.document.datasets import Digits
from graphlab.engine.data import DataSource
from graphlab.engine.graph import Graph, Input, Net, Node, Output, Source
from graphlab.engine.loop import Block
from graphlab.engine.op import Op
from graphlab.engine.ops.activations import ReLU, Sigmoid
from graphlab.engine.ops.composites import ELBO
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.diffusion import ForwardDiffusion
from graphlab.engine.ops.generative import DiscriminatorLoss, GeneratorLoss
from graphlab.engine.ops.joining import Concat
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE, BinaryCrossEntropy
from graphlab.engine.ops.maths import Add
from graphlab.engine.ops.pooling import AvgPool
from graphlab.engine.ops.rectifiers import ELU, LeakyReLU
from graphlab.engine.ops.sampling import GaussianNoise, GaussianSample, VectorQuantise
from graphlab.engine.ops.shape import Flatten, Reshape
from graphlab.engine.ops.upsampling import ConvTranspose2D
from graphlab.engine.optim import Adam
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.sources import Blobs, Moons
from tools.example_nets import Draft, adam


def vae() -> Draft:
    """Return 64-128-2-128-64 with a random code in the middle."""
    net = Net()
    x = net.input("x", 64)
    h = net.add("relu1", ReLU(), net.add("fc1", Linear(features=128), x))
    mu = net.add("mu", Linear(features=2, init="xavier"), h)
    spread = net.add("spread", Linear(features=2, init="xavier"), h)
    z = net.add("z", GaussianSample(), mu, spread)
    h = net.add("relu2", ReLU(), net.add("fc2", Linear(features=128), z))
    made = net.add("fc3", Linear(features=64, init="xavier"), h)
    net.add("elbo", ELBO(likelihood="logits"), made, x, mu, spread)
    return Draft(net.graph(), Setup(data=Digits(), phases=adam(0.002), batch=64, epochs=150))


def denoiser() -> Draft:
    """Return an autoencoder that receives noisy digits and is compared with clean ones."""
    net = Net()
    x = net.input("x", 64)
    h = net.add("noise", GaussianNoise(sigma=0.4, evaluation="on"), x)
    for i, n in ((1, 128), (2, 16), (3, 128)):
        h = net.add(f"relu{i}", ReLU(), net.add(f"fc{i}", Linear(features=n), h))
    made = net.add("fc4", Linear(features=64, init="xavier"), h)
    net.add("loss", BinaryCrossEntropy(takes="logits", mean="batch"), made, x)
    return Draft(net.graph(), Setup(data=Digits(), phases=adam(0.002), batch=64, epochs=100))


def quantised() -> Draft:
    """Return an autoencoder whose code is the nearest of 32 learned ones."""
    net = Net()
    x = net.input("x", 64)
    h = net.add("relu1", ReLU(), net.add("fc1", Linear(features=128), x))
    code = net.add("code", Linear(features=2, init="xavier"), h)
    vq = net.add("vq", VectorQuantise(codes=32), code)
    h = net.add("relu2", ReLU(), net.add("fc2", Linear(features=128), vq))
    made = net.add("fc3", Linear(features=64, init="xavier"), h)
    error = net.add("error", BinaryCrossEntropy(takes="logits", mean="batch"), made, x)
    net.add("sum", Add(), error, Source("vq", "loss"))
    phase = Phase(losses=(("sum", 1.0),), optimiser=Adam(rate=0.002))
    return Draft(net.graph(), Setup(data=Digits(), phases=(phase,), batch=64, epochs=150))


def diffusion(data: DataSource, width: int = 64) -> Draft:
    """Return a network that names the noise in points at any step of a diffusion."""
    net = Net()
    x, noise, u = net.input("x", 2), net.input("noise", 2), net.input("u", 1)
    net.add("diffusion", ForwardDiffusion(), x, noise, u)
    h = net.add("point_and_time", Concat(count=2), Source("diffusion", "y"), Source("diffusion", "t"))
    for i in (1, 2, 3):
        h = net.add(f"elu{i}", ELU(), net.add(f"fc{i}", Linear(features=width), h))
    said = net.add("named", Linear(features=2, init="xavier"), h)
    net.add("loss", MSE(), said, noise)
    feed = (("x", "x"), ("noise", "noise:normal"), ("u", "noise:uniform"))
    return Draft(net.graph(), Setup(data=data, phases=adam(0.002), feed=feed, batch=128, epochs=600, standardise=True))


def block(first: tuple[int, ...], *layers: tuple[str, Op], names: str) -> Block:
    """Return a chain of layers in a block."""
    net = Net()
    h = net.add(f"{names}in", Input(size=first))
    for id, op in layers:
        h = net.add(f"{names}{id}", op, h)
    net.add(f"{names}out", Output(), h)
    return Block(graph=net.graph())


def players(generator: Block, judge: Block, noise: int, size: tuple[int, ...]) -> Graph:
    """Return a generator and a discriminator that sees real and generated data apart, with a loss for each."""
    net = Net()
    made = Source(net.node(Node("G", generator, label="Generator"), net.input("z", noise)).node, "g_out")
    real = net.input("x", *size)
    on_real = Source(net.node(Node("D", judge, label="Discriminator"), real).node, "d_out")
    on_fake = Source(net.node(Node("D_fake", judge, label="Discriminator again", shares="D"), made).node, "d_out")
    net.add("judge_loss", DiscriminatorLoss(), on_real, on_fake)
    net.add("maker_loss", GeneratorLoss(), on_fake)
    return net.graph()


def turns(judge_rate: float, maker_rate: float, judge_steps: int = 1, maker_steps: int = 1) -> tuple[Phase, ...]:
    """Return the two phases of a GAN, with β₁ = ½ as Radford, Metz and Chintala 2016 have it."""
    return (Phase(name="discriminator", losses=(("judge_loss", 1.0),), train=("D",), steps=judge_steps,
                  optimiser=Adam(rate=judge_rate, beta1=0.5)),
            Phase(name="generator", losses=(("maker_loss", 1.0),), train=("G",), steps=maker_steps,
                  optimiser=Adam(rate=maker_rate, beta1=0.5)))


def gan_plane(data: DataSource, phases: tuple[Phase, ...], epochs: int = 200, width: int = 32) -> Draft:
    """Return a GAN whose data are points of the plane."""
    def player(last: int, names: str, act: Op) -> Block:
        return block((2,), ("fc1", Linear(features=width)), ("act1", act), ("fc2", Linear(features=width)),
                     ("act2", act), ("fc3", Linear(features=last, init="xavier")), names=names)
    graph = players(player(2, "g_", ReLU()), player(1, "d_", LeakyReLU(slope=0.2)), 2, (2,))
    return Draft(graph, Setup(data=data, phases=phases, feed=(("x", "x"), ("z", "noise:normal")), batch=128,
                              epochs=epochs))


def dcgan() -> Draft:
    """Return a GAN of convolutions that draws 8×8 digits from two numbers."""
    maker = block((2,), ("fc", Linear(features=128)), ("act0", ReLU()), ("map", Reshape(size=(32, 2, 2))),
                  ("up1", ConvTranspose2D(filters=16, kernel=(4,), stride=(2,))), ("act1", ReLU()),
                  ("up2", ConvTranspose2D(filters=1, kernel=(4,), stride=(2,), init="xavier")),
                  ("sigmoid", Sigmoid()), names="g_")
    leaky = LeakyReLU(slope=0.2)
    judge = block((1, 8, 8), ("conv1", Conv2D(filters=16, kernel=(3,), padding="same")), ("act1", leaky),
                  ("pool1", AvgPool()), ("conv2", Conv2D(filters=32, kernel=(3,), padding="same")), ("act2", leaky),
                  ("pool2", AvgPool()), ("flat", Flatten()), ("fc", Linear(features=1, init="xavier")), names="d_")
    return Draft(players(maker, judge, 2, (1, 8, 8)),
                 Setup(data=Digits(), phases=turns(0.002, 0.002), feed=(("x", "x"), ("z", "noise:normal")), batch=64,
                       epochs=100))


DRAFTS: Mapping[str, Callable[[], Draft]] = {
    "vae-digits": vae,
    "denoising-digits": denoiser,
    "vq-digits": quantised,
    "gan-two-clouds": lambda: gan_plane(Blobs(clouds=2, n=1000, noise=0.12), turns(0.002, 0.002), 300),
    "gan-ring": lambda: gan_plane(Blobs(clouds=8, n=2000, noise=0.05), turns(0.003, 0.003), 400),
    "gan-collapse": lambda: gan_plane(Blobs(clouds=8, n=2000, noise=0.05), turns(0.002, 0.01, 1, 10), 200),
    "dcgan-digits": dcgan,
    "diffusion-points": lambda: diffusion(Moons(n=2000, noise=0.05)),
}

TEXTS: Mapping[str, str] = {
    "vae-digits":
        "The encoder gives μ and ln σ² of a Gaussian in the plane, z = μ + σ⊙ε is drawn from it, and the decoder makes "
        "a digit of z. The ELBO adds the error of the pixels and the KL divergence from N(0, I). Open the latent lens, "
        "train, drag the point.",
    "denoising-digits":
        "Noise with σ = 0.4 is added to each digit, also in evaluation, so that it can be seen; the loss compares with "
        "the clean digit. 64 → 128 → 16 → 128 → 64: what does not fit through 16 numbers is left out, and noise is the "
        "first to go. Decode a random z in the latent lens: mostly no digit comes out, which is why there are VAEs.",
    "vq-digits":
        "The encoder's two numbers are replaced by the nearest of 32 learned codes, so the plane falls into cells with "
        "one picture each. The gradient is handed straight through the choice; the codebook has a loss of its own.",
    "gan-two-clouds":
        "The generator maps N(0, I) to the plane, the discriminator tells its points from those of two clouds. "
        "Non-saturating loss, one update each in turn. Slow the training down in the training panel to watch.",
    "gan-ring":
        "Eight clouds on a ring, the test of whether a generator finds all modes. Here both players are as fast as "
        "each other, and it does; ‘Mode collapse’ in the GAN lens changes that.",
    "gan-collapse":
        "The generator makes ten updates for each one of the discriminator's, and larger ones. All of it runs to the "
        "one place that is judged best, and on to another when the discriminator has caught up: mode collapse.",
    "dcgan-digits":
        "Transposed convolutions enlarge 2×2 to 8×8, the discriminator has LeakyReLU and average pooling. A sigmoid "
        "stands where the literature has tanh, since pixels lie in 0…1: σ(2x) = ½(1 + tanh x). The latent lens shows "
        "what each of the two numbers z does.",
    "diffusion-points":
        "Each sample is mixed with noise as after t of 40 steps, x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε, with t chosen anew at "
        "every update. The network sees x_t and t and says which noise is in there. Walked backward from pure noise, "
        "step by step, that makes new points: play the diffusion lens.",
}
