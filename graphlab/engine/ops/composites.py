"""Ops that are made of other ops and open into them: losses of several terms, Sinkhorn–Knopp."""

from __future__ import annotations

from graphlab.engine.graph import Constant, Graph, Net
from graphlab.engine.op import Batch, Op, Port, ShapeError, Spec, attr
from graphlab.engine.ops.activations import LogSigmoid
from graphlab.engine.ops.algebra import Gram
from graphlab.engine.ops.common import need_real
from graphlab.engine.ops.generative import GaussianKL
from graphlab.engine.ops.losses import MSE, BinaryCrossEntropy
from graphlab.engine.ops.maths import Add, Divide, Exp, Multiply, Negative
from graphlab.engine.ops.reductions import Mean, Sum
from graphlab.engine.ops.shape import Reshape
from graphlab.engine.spec import show_shape


class StyleLoss(Op):
    """Compares which features appear together in two images, wherever they are: the mean squared Gram difference."""

    category = "Losses"
    title = "Style loss"
    also = ("style transfer", "texture", "gram")
    source = "Gatys, Ecker & Bethge 2016"
    divide: str = attr("what the Gram matrices are divided by: nothing, or the number of C·H·W", default="C·H·W",
                       choices=("nothing", "C·H·W"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="features of the generated image"), Port("target", help="features of the style image"))

    def formula(self) -> str:
        return r"L = \mathrm{MSE}(G(x), G(t)),\quad G = M M^T"

    def body(self, x: Spec, target: Spec) -> Graph:
        if x.rank < 3 or any(isinstance(d, Batch) for d in x.shape[1:]):
            raise ShapeError("takes features shaped (B, C, H, W)", "x")
        if x.shape[:2] != target.shape[:2] or target.rank < 3:
            raise ShapeError(f"needs a target with the same samples and channels, {show_shape(x.shape[:2])}", "target")
        net = Net()
        pair = [net.add(f"gram_{p}", Gram(divide=self.divide), net.input(p)) for p in ("x", "target")]
        net.output("y", net.add("compare", MSE(), *pair))
        return net.graph()


class ELBO(Op):
    """Adds up what a variational autoencoder minimises: the reconstruction error and the KL divergence."""

    category = "Losses"
    also = ("vae", "evidence lower bound", "variational")
    source = "Kingma & Welling 2014"
    outputs = ("y", "reconstruction", "kl")
    likelihood: str = attr("how reconstruction and target are compared: squared differences, or binary cross-entropy "
                           "of logits or probabilities; summed over each sample, mean over the batch",
                           default="squares", choices=("squares", "logits", "probabilities"))
    beta: float = attr("weight β of the KL divergence", default=1.0, min=0.0)
    spread: str = attr("what the spread is: ln σ² (usual), or σ itself", default="ln σ²", choices=("ln σ²", "σ"))

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="the reconstruction"), Port("target", help="what was to be reconstructed"),
                Port("mu", help="μ"), Port("spread", help=self.spread))

    def line(self) -> str:
        return self.likelihood + ("" if self.beta == 1 else f" · β {self.beta:g}")

    def formula(self) -> str:
        beta = "" if self.beta == 1 else r"\beta\,"
        return (rf"L = -\mathrm{{ELBO}} = -E[\ln p(x|z)] + {beta}\mathrm{{KL}}(N(\mu,\sigma^2)\,\|\,N(0,I))"
                r"\quad\mathrm{(minimised;\ the\ ELBO\ itself\ is\ maximised)}")

    def body(self, x: Spec, target: Spec, mu: Spec, spread: Spec) -> Graph:
        if x.shape != target.shape:
            raise ShapeError(f"needs a target shaped like its reconstruction, {show_shape(x.shape)}", "target")
        if mu.shape != spread.shape:
            raise ShapeError(f"needs {self.spread} shaped like μ, {show_shape(mu.shape)}", "spread")
        for port, spec in (("x", x), ("target", target), ("mu", mu), ("spread", spread)):
            need_real(spec, port)
        net = Net()
        how = (MSE(mean="batch") if self.likelihood == "squares"
               else BinaryCrossEntropy(mean="batch", takes=self.likelihood))
        reconstruction = net.add("compare", how, net.input("x"), net.input("target"))
        kl = net.add("divergence", GaussianKL(spread=self.spread), net.input("mu"), net.input("spread"))
        weighted = kl
        if self.beta != 1:
            weighted = net.add("weighted", Multiply(), kl, net.add("beta", Constant(numbers=(self.beta,))))
        net.output("y", net.add("sum", Add(), reconstruction, weighted))
        net.output("reconstruction", reconstruction)
        net.output("kl", kl)
        return net.graph()


class SkipGramLoss(Op):
    """Pulls a word's vector to its neighbours' and pushes it from k random words': skip-gram, negative sampling."""

    category = "Losses"
    title = "Skip-gram loss"
    also = ("sgns", "word2vec", "negative sampling", "embedding")
    source = "Mikolov et al. 2013"

    def ports(self) -> tuple[Port, ...]:
        return (Port("t", help="vectors of the words, (B, n)"), Port("c", help="vectors of true neighbours, (B, n)"),
                Port("negatives", help="vectors of random words, (B, k, n)"))

    def formula(self) -> str:
        return (r"L = -\frac{1}{B}\sum_b\left[\ln\sigma(t\cdot c)+\sum_{j=1}^{k}\ln\sigma(-t\cdot n_j)\right]"
                r"\quad\mathrm{(minimised;\ sheets\ maximise\ the\ bracket)}")

    def body(self, t: Spec, c: Spec, negatives: Spec) -> Graph:
        if t.rank != 2 or not isinstance(t.shape[1], int):
            raise ShapeError("takes vectors shaped (B, n)", "t")
        if c.shape != t.shape:
            raise ShapeError(f"needs one true neighbour for each word, {show_shape(t.shape)}", "c")
        if negatives.rank != 3 or (negatives.shape[0], negatives.shape[2]) != t.shape:
            raise ShapeError(f"needs k random words for each word, (B, k, {t.shape[1]})",
                             "negatives")
        net = Net()
        word = net.input("t")
        near = net.add("t_c", Sum(axes=(-1,)), net.add("products", Multiply(), word, net.input("c")))
        column = net.add("word", Reshape(size=(1, t.shape[1])), word)  # (B, n) -> (B, 1, n)
        far = net.add("t_n", Sum(axes=(-1,)), net.add("products_n", Multiply(), column, net.input("negatives")))
        pull = net.add("ln_near", LogSigmoid(), near)
        push = net.add("ln_far", LogSigmoid(), net.add("turned", Negative(), far))
        total = net.add("sum", Add(), pull, net.add("sum_k", Sum(axes=(-1,)), push))
        net.output("y", net.add("minus", Negative(), net.add("mean", Mean(), total)))
        return net.graph()


class Sinkhorn(Op):
    """Makes a matrix of positive numbers whose rows and columns all sum to 1, by dividing by row and column sums."""

    category = "Maths"
    title = "Sinkhorn–Knopp"
    also = ("doubly stochastic", "hyper-connections", "transport", "mHC")
    source = "Sinkhorn & Knopp 1967"
    rounds: int = attr("how often rows and then columns are divided by their sums", default=10, min=1, max=200)

    def line(self) -> str:
        return f"{self.rounds} rounds"

    def formula(self) -> str:
        return (r"M \leftarrow e^x,\quad M_{ij} \leftarrow \frac{M_{ij}}{\sum_j M_{ij}},\quad "
                r"M_{ij} \leftarrow \frac{M_{ij}}{\sum_i M_{ij}},\quad \ldots")

    def body(self, x: Spec) -> Graph:
        need_real(x)
        if x.rank < 2 or x.shape[-1] != x.shape[-2]:
            raise ShapeError("takes square matrices on its last two axes", "x", axis=-1)
        net = Net()
        matrix = net.add("positive", Exp(), net.input("x"))
        for i in range(self.rounds):
            for name, axis in (("rows", -1), ("columns", -2)):
                total = net.add(f"{name}{i}_sum", Sum(axes=(axis,), keep=True), matrix)
                matrix = net.add(f"{name}{i}", Divide(), matrix, total)
        net.output("y", matrix)
        return net.graph()
