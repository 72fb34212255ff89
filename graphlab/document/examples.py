"""The examples that come with GraphLab, by lecture topic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graphlab.document.architectures import ARCHITECTURES
from graphlab.document.files import SUFFIX, FileError, Loaded, load
from graphlab.document.layout import Size, arrange
from graphlab.document.model import Document
from graphlab.engine.graph import Graph
from graphlab.engine.loop import Block
from graphlab.resources import resource

#: The size that a card is given room for where nobody has measured it: width and height in scene pixels.
CARD: Size = (200.0, 112.0)


@dataclass(frozen=True)
class Example:
    """A built-in example: the name of its file, what it is called, where it belongs, and what it shows."""

    name: str
    title: str
    topic: str
    line: str

    @property
    def path(self) -> Path:
        """Where its file is. Raises FileNotFoundError in words where it is missing."""
        return resource(f"examples/{self.name}{SUFFIX}")


EXAMPLES: tuple[Example, ...] = (
    Example("hand-2-2-1", "Backpropagation by hand", "First steps",
            "Two inputs, two hidden units, one output, with numbers that you can check on paper."),
    Example("count-400-300-100-10", "Counting parameters", "First steps",
            "400 → 300 → 100 → 10: 120,300 + 30,100 + 1,010 = 151,410 parameters."),
    Example("logistic-regression", "Logistic regression", "Classification",
            "One layer and a sigmoid draw a straight line between two clouds."),
    Example("xor", "XOR", "Classification",
            "No straight line separates the corners of a square; four hidden units do."),
    Example("circles", "Circles", "Classification", "One circle around another: the boundary has to close."),
    Example("moons", "Two moons", "Classification", "Two half circles that reach into each other."),
    Example("spirals", "Spirals", "Classification",
            "Two arms that wind around each other, separated by two hidden layers."),
    Example("iris", "Iris", "Classification", "Three species of flowers told apart by four measurements."),
    Example("wine", "Wine", "Classification",
            "Three cultivars by thirteen measurements on very different scales: standardised, with an L2 penalty."),
    Example("linear-regression", "Linear regression", "Regression",
            "Fits a straight line by gradient descent on ½ MSE."),
    Example("regression", "Regression of a sine", "Regression", "Two hidden layers bend a line into a noisy sine."),
    Example("digits", "Handwritten digits", "Images", "8×8 pictures of digits through two hidden layers, in seconds."),
    Example("digits-batchnorm", "Digits with BatchNorm and dropout", "Images",
            "The same digits with normalised layers and silenced units."),
    Example("digits-conv", "A small convolutional network", "Images",
            "Two convolutions with pooling read the digits as pictures."),
    Example("lenet-5", "LeNet-5", "Images", "The network of 1998 on 28×28 pictures: 61,706 parameters."),
    Example("detector", "A small detector", "Detection",
            "Three convolutions say what stands where in a drawn picture, cell by cell; NMS keeps one box each."),
    Example("boxes-climb", "Boxes climb their overlap", "Detection",
            "Boxes trained on the gradient of their IoU with an object; the one that is apart never moves."),
    Example("lstm-rows", "An LSTM reads digits row by row", "Sequences",
            "Eight time steps of eight pixels: step into t = 3 and look at the gates."),
    Example("characters", "Learning a rhyme letter by letter", "Sequences",
            "An LSTM says which character comes next; half of the time it knows the whole word."),
    Example("seq2seq", "Spelling backwards through a bottleneck", "Sequences",
            "An encoder reads ten letters into one vector; a decoder has to write them backwards from it alone."),
    Example("seq2seq-attention", "Spelling backwards with attention", "Attention",
            "The same, but the decoder looks back at every step: the alignment appears while it trains."),
    Example("translation", "English to French", "Attention",
            "The adjective moves behind its noun and agrees with it: the alignment crosses."),
    Example("transformer", "A Transformer translates", "Attention",
            "One encoder block, one decoder block, two heads each: self-attention and cross-attention."),
    Example("masked-words", "Guess the hidden word, as BERT does", "Attention",
            "An encoder block that sees the whole sentence finds the animal that belongs to the verb."),
    Example("next-word", "Say the next word, as GPT does", "Attention",
            "The same block looking back only: the verb agrees with an animal four words earlier."),
    Example("mixture-of-experts", "A mixture of experts learns if-then-else", "Regression",
            "Two small networks share a step out among themselves; a gate decides who answers where."),
    Example("attention-retrieval", "Attention looks something up", "Attention",
            "A single head learns to find the row of a sequence that equals the query."),
    Example("gan-2d", "A GAN in two dimensions", "Generative",
            "Two phases: a discriminator learns to tell real points from made-up ones, a generator to deceive it."),
    Example("deep-skips", "Deep, with and without skip connections", "Gradient flow",
            "Fourteen layers twice: only where h + f(h) leaves a way back does the first layer learn."),
    Example("deep-activations", "Sigmoid against ReLU", "Gradient flow",
            "Eight layers twice: a sigmoid takes three quarters of the gradient or more, and so does the next."),
    Example("deep-initialisation", "Zero, small, Xavier, He", "Gradient flow",
            "The same eight layers with four kinds of initial weights, the symmetry of equal units included."),
    Example("rnn-lstm", "A plain RNN and an LSTM remember", "Gradient flow",
            "Say the first of 30 numbers at the end: one gradient fades on its way back through time."),
    Example("batchnorm-shift", "Deep sigmoids with and without BatchNorm", "Gradient flow",
            "Internal covariate shift: what comes into a layer wanders while it trains, unless it is normalised."),
    Example("gan-two-clouds", "A GAN finds two clouds", "Generative",
            "Noise becomes two clouds of points, while a discriminator learns to tell them from real ones."),
    Example("gan-ring", "A GAN on a ring of eight clouds", "Generative",
            "Does the generator find all eight modes? With two players in balance it does."),
    Example("gan-collapse", "Mode collapse", "Generative",
            "A generator that moves too often puts all its points into one of eight clouds."),
    Example("dcgan-digits", "A DCGAN draws digits", "Generative",
            "Transposed convolutions make 8×8 digits of two random numbers."),
    Example("vae-digits", "A VAE of digits", "Generative",
            "64-128-2-128-64: every place of a plane is a digit, drawn live while you drag a point."),
    Example("denoising-digits", "A denoising autoencoder", "Generative",
            "Noisy digits in, clean digits out, through 16 numbers."),
    Example("vq-digits", "A codebook of digits", "Generative",
            "Vector quantisation: 32 learned codes stand for all digits."),
    Example("diffusion-points", "Diffusion in two dimensions", "Generative",
            "Data dissolve in noise in 40 known steps; what has learned to name the noise walks them backward."),
    Example("activation-maximisation", "What does a ‘3’ look like to the network?", "Seeing inside",
            "The weights stay; gradient ascent changes a picture until the network is sure."),
)


#: Networks of full size, drawn when they are opened: shapes and counts cost nothing, weights are filled when run.
FULL_SIZE: tuple[Example, ...] = tuple(
    Example(name, title, "Architectures, full size", line) for name, (title, line, _) in ARCHITECTURES.items()
    if name != "lenet5")

#: Everything that the start page offers.
GALLERY = (*EXAMPLES, *FULL_SIZE)


def find(name: str) -> Example | None:
    """Return the example of a name, with or without the file's ending; None where there is none."""
    wanted = name.removesuffix(SUFFIX)
    return next((e for e in GALLERY if e.name == wanted), None)


def open_example(name: str) -> Loaded:
    """Read or draw an example. Raises `FileError` in words, with the names there are."""
    example = find(name)
    if example is None:
        raise FileError(f"There is no example ‘{name}’; there are {', '.join(e.name for e in GALLERY)}.")
    if example in FULL_SIZE:
        return Loaded(draw(ARCHITECTURES[example.name][2](), example.title, example.line))
    try:
        return load(example.path)
    except FileNotFoundError as e:
        raise FileError(str(e)) from None


def draw(graph: Graph, title: str, text: str) -> Document:
    """Lay out a graph and its blocks, as wide cards as most of them need."""
    document = Document(graph, title=title, text=text)
    left = [""]
    while left:
        scope = left.pop()
        inside = document.scope(scope) or Graph()
        document = arrange(document, dict.fromkeys(inside.nodes, CARD), scope)
        left += [f"{scope}/{n.id}" if scope else n.id for n in inside.nodes.values() if isinstance(n.op, Block)]
    return document
