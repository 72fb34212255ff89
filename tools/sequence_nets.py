"""The networks of the built-in examples that read and write sequences of tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphlab.engine.data import DataSource
from graphlab.engine.graph import Graph, Net, Node, Output, Source
from graphlab.engine.loop import Block
from graphlab.engine.op import Op
from graphlab.engine.ops.activations import Softmax, Tanh
from graphlab.engine.ops.algebra import MatMul
from graphlab.engine.ops.experts import MixtureOfExperts
from graphlab.engine.ops.gru import GRU
from graphlab.engine.ops.heads import AttentionScores
from graphlab.engine.ops.joining import Concat, Embedding, OneHot
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.ops.losses import MSE
from graphlab.engine.ops.positions import PositionalEncoding
from graphlab.engine.ops.recurrent import LSTM
from graphlab.engine.ops.shape import Reshape
from graphlab.engine.ops.transformer import DecoderBlock, EncoderBlock
from graphlab.engine.sequences import Characters, Letters, Sentences, Translation
from graphlab.engine.setup import Setup
from graphlab.engine.sources import Regression1D
from tools.example_nets import Draft, adam


def tokens(net: Net, id: str, source: DataSource, embedding: str, features: int, column: str = "") -> Source:
    """Add an Input of tokens and the vectors of its words; Input and column have one name."""
    found = source.table().columns[column or id]
    given = net.input(id, *found.size, kind="index")
    return net.add(embedding, Embedding(count=len(found.classes), features=features, init="xavier_normal"), given)


def ending(net: Net, source: DataSource, h: Source, column: str = "target") -> None:
    """Add the scores of the words and their loss."""
    found = source.table().columns[column]
    scores = net.add("scores", Linear(features=len(found.classes), init="xavier"), h)
    net.add("loss", SoftmaxCrossEntropy(), scores, net.input(column, *found.size, kind="index"))


def trained(source: DataSource, graph: Graph, rate: float, epochs: int, clip: float = 1.0) -> Draft:
    """Return a network with its training: every Input is fed by the column of its name."""
    feed = tuple((node.id, node.id) for node in graph.inputs())
    return Draft(graph, Setup(data=source, feed=feed, phases=adam(rate), batch=32, epochs=epochs, clip=clip))


def seq2seq(source: DataSource, units: int, score: str = "") -> Graph:
    """Return an encoder that reads and a decoder that writes; with ``score`` it looks back at every step."""
    net = Net()
    read = tokens(net, "tokens", source, "read", 16)
    net.add("encoder", GRU(units=units), read)
    written = tokens(net, "written", source, "write", 16)
    state = net.add("decoder", GRU(units=units), written, Source("encoder", "h"))
    if score:
        memory = Source("encoder", "seq")
        scores = net.add("alignment", AttentionScores(form=score), state, memory)
        weights = net.add("weights", Softmax(), scores)
        context = net.add("context", MatMul(), weights, memory)
        both = net.add("both", Concat(axis=-1), state, context)
        state = net.add("tanh", Tanh(), net.add("mix", Linear(features=units, init="xavier"), both))
    ending(net, source, state)
    return net.graph()


def bottleneck() -> Draft:
    """Return an encoder and a decoder with nothing between them but one vector."""
    source = Letters(length=10, letters=12, n=2000)
    return trained(source, seq2seq(source, 32), 0.01, 40)


def aligned() -> Draft:
    """Return the same with attention."""
    source = Letters(length=10, letters=12, n=2000)
    return trained(source, seq2seq(source, 32, "additive"), 0.01, 40)


def translator() -> Draft:
    """Return the same for sentences, with scores that pass through a matrix."""
    source = Translation(n=4000)
    return trained(source, seq2seq(source, 32, "bilinear"), 0.005, 20)


def transformer() -> Draft:
    """Return a Transformer of one encoder and one decoder block that translates."""
    source = Translation(n=4000)
    net = Net()
    read = net.add("read_places", PositionalEncoding(), tokens(net, "tokens", source, "read", 32))
    memory = net.add("encoder", EncoderBlock(heads=2, units=64), read)
    written = net.add("write_places", PositionalEncoding(), tokens(net, "written", source, "write", 32))
    ending(net, source, net.add("decoder", DecoderBlock(heads=2, units=64), written, memory))
    return trained(source, net.graph(), 0.002, 20)


def chosen(steps: int, features: int) -> Block:
    """Return a block that takes one place out of a sequence, by a product with a row that has a single 1."""
    net = Net()
    place, states = net.input("place_in", kind="index"), net.input("states", steps, features)
    row = net.add("row", Reshape(size=(1, steps)), net.add("one_hot", OneHot(count=steps), place))
    taken = net.add("taken", Reshape(size=(features,)), net.add("product", MatMul(), row, states))
    net.add("vector", Output(), taken)
    return Block(graph=net.graph())


def masked() -> Draft:
    """Return one encoder block that guesses a hidden word: BERT in small."""
    source = Sentences(n=4000)
    net = Net()
    words = net.add("places", PositionalEncoding(), tokens(net, "masked", source, "embedding", 32))
    states = net.add("encoder", EncoderBlock(heads=2, units=64, activation="gelu tanh"), words)
    place = net.input("place", kind="index")
    there = net.node(Node("there", chosen(7, 32), label="at the mask"), place, states)
    ending(net, source, Source(there.node, "vector"), "missing")
    return trained(source, net.graph(), 0.002, 20)


def causal() -> Draft:
    """Return one block that may only look back and says what comes next: GPT in small."""
    source = Sentences(n=4000)
    net = Net()
    words = net.add("places", PositionalEncoding(), tokens(net, "begun", source, "embedding", 32))
    block: Op = EncoderBlock(heads=2, units=64, activation="gelu tanh", norm="before", causal=True)
    ending(net, source, net.add("block", block, words), "words")
    return trained(source, net.graph(), 0.002, 20)


def characters() -> Draft:
    """Return an LSTM that learns a nursery rhyme letter by letter."""
    source = Characters()
    net = Net()
    read = tokens(net, "characters", source, "embedding", 16)
    ending(net, source, net.add("lstm", LSTM(units=64), read), "next")
    return trained(source, net.graph(), 0.005, 40, clip=5.0)


def experts() -> Draft:
    """Return two small networks and a gate between them that learn a step."""
    net = Net()
    y = net.add("mixture", MixtureOfExperts(experts=2, units=4, features=1, activation="gelu tanh"), net.input("x", 1))
    net.add("loss", MSE(), y, net.input("y", 1))
    source = Regression1D(n=400, curve="step", noise=0.05)
    return trained(source, net.graph(), 0.02, 300, clip=0.0)


TEXTS: Mapping[str, str] = {
    "characters":
        "Pieces of 24 characters of “This is the house that Jack built”. At every place the network says the next "
        "character; the state of the LSTM is all that it knows of what came before. Pieces overlap, so that the "
        "validation only shows how well the rhyme is known, not how well another text would be.",
    "seq2seq":
        "All that the decoder knows of the ten letters is the encoder's last state: 32 numbers, the bottleneck. "
        "While training, the decoder is told the right letters before each step (teacher forcing). Compare the "
        "validation accuracy with that of ‘Spelling backwards with attention’, which has the same units.",
    "seq2seq-attention":
        "The decoder's state s_t is scored against every state h_i of the encoder, e_ti = w·tanh(s_t W + h_i U); "
        "softmax makes weights α of the scores, and Σ α_ti h_i joins the state. Open the attention lens, switch on "
        "‘Training’ and train: the weights begin alike and end on the line from upper right to lower left. Change "
        "‘form’ of the scores to dot, scaled dot or bilinear and train again.",
    "translation":
        "Sentences such as “the green car likes my dog …”. The article needs the gender of a noun that comes two words "
        "later, and adjective and noun change places, so that the weights cross.",
    "transformer":
        "Step into ‘decoder’: self_attention looks back at what was written, cross_attention at what the encoder made "
        "of the English words. Without positions both would be blind to the order: bypass them, and train again.",
    "masked-words":
        "The first animal or its verb is hidden. “The old cats near a dog …”: the verb belongs to the cats, though the "
        "dog stands nearer. ‘at the mask’ takes the state of the hidden place out of all seven.",
    "next-word":
        "What comes next can be known only in part: any animal may be old. But the last word is sure, because verb and "
        "first animal belong together; look at which word the last place attends to.",
    "mixture-of-experts":
        "g(x) is a softmax over two experts. Below the step one of them answers, above it the other: an if-then-else "
        "that has a gradient. Look at the output ‘gates’ while training.",
}

DRAFTS: Mapping[str, Callable[[], Draft]] = {
    "characters": characters, "seq2seq": bottleneck, "seq2seq-attention": aligned, "translation": translator,
    "transformer": transformer, "masked-words": masked, "next-word": causal, "mixture-of-experts": experts,
}
