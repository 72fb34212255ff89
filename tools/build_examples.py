"""Writes resources/examples: `python -m tools.build_examples`. The same code gives the same files on one machine."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from graphlab.document.datasets import load_table
from graphlab.document.examples import EXAMPLES, Example
from graphlab.document.files import save
from graphlab.document.layout import Size, arrange
from graphlab.document.model import Document
from graphlab.document.paths import join
from graphlab.document.summary import NodeCount, summarise
from graphlab.engine.graph import Node
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Array
from graphlab.engine.plan import compile
from graphlab.engine.sources import Circles, Moons, Spirals
from graphlab.engine.train import Trainer
from tools import detection_nets as detection
from tools import example_nets as nets
from tools import flow_nets as flow
from tools import generative_nets as generative
from tools import sequence_nets as sequences

FOLDER = Path(__file__).parent.parent / "resources" / "examples"

TEXTS: Mapping[str, str] = {
    **detection.TEXTS,
    **flow.TEXTS,
    **sequences.TEXTS,
    **generative.TEXTS,
    "hand-2-2-1":
        "x = (1, 2), the hidden layer gives z = (1, ½), ReLU leaves it, the output is y = 2·1 − 1·½ + ½ = 2. The "
        "target is 1, so L = ½(2 − 1)² = ½ and ∂L/∂y = 1. Step backward and compare: ∂L/∂W of the output is (1, "
        "½), the hidden layer receives (2, −1), and its ∂L/∂W is ((2, −1), (4, −2)).",
    "count-400-300-100-10":
        "A layer of m units on n inputs has n·m weights and m biases. The data are noise and the targets even: "
        "this network is for counting and for timing, not for learning.",
    "lenet-5":
        "The structure of LeCun, Bottou, Bengio and Haffner 1998 with average pooling without weights and a full "
        "third layer: 156 + 2,416 + 48,120 + 10,164 + 850 = 61,706. The data are noise, since no set of 28×28 "
        "pictures comes with GraphLab; choose your own in the data panel.",
    "attention-retrieval":
        "The query is a linear map of row 3, the keys are one of every row, the values are the rows themselves. "
        "Every update draws new noise, so nothing can be learned by heart: what remains is to compare.",
    "gan-2d":
        "‘Discriminator again’ shares the weights of D: one judge sees real and made-up points. The first phase "
        "trains D on both, the second trains G to have its points taken for real; gradients pass through D, which then "
        "stays as it is.",
    "activation-maximisation":
        "The network was trained on the digits and is frozen. Only the picture is trained, upwards: x ← x + η "
        "∂score/∂x, with an L2 penalty that keeps it from growing without end.",
    "lstm-rows":
        "Each picture is read from top to bottom, a row of eight pixels at a time. Step into the LSTM to see the "
        "gates of every time step, forward and backward.",
}


def trained(draft: nets.Draft) -> dict[str, Array]:
    """Train a network to the end; returns its weights."""
    plan = compile(draft.graph)
    trainer = Trainer(plan, initial_weights(plan, draft.setup.seed), load_table(draft.setup.data), draft.setup)
    last = list(trainer.run(interval=1e9))[-1]
    return dict(last.weights)


DRAFTS: Mapping[str, Callable[[], nets.Draft]] = {
    "hand-2-2-1": nets.hand,
    "count-400-300-100-10": nets.counting,
    "logistic-regression": nets.logistic,
    "xor": nets.xor,
    "circles": lambda: nets.plane(Circles(), 8, 40),
    "moons": lambda: nets.plane(Moons(), 16, 60),
    "spirals": lambda: nets.plane(Spirals(), 32, 150),
    "iris": nets.flowers,
    "wine": nets.wines,
    "linear-regression": nets.line,
    "regression": nets.curve,
    "digits": nets.digits,
    "digits-batchnorm": nets.digits_norm,
    "digits-conv": nets.conv_digits,
    "lenet-5": nets.lenet5,
    "detector": detection.detector,
    "boxes-climb": detection.boxes,
    "lstm-rows": nets.lstm,
    **sequences.DRAFTS,
    "attention-retrieval": nets.attention,
    "gan-2d": nets.gan,
    "deep-skips": flow.skips,
    "deep-activations": flow.activations,
    "deep-initialisation": flow.initialisations,
    "rnn-lstm": flow.memory,
    "batchnorm-shift": flow.shift,
    **generative.DRAFTS,
    "activation-maximisation": lambda: nets.dream(trained(nets.digits())),
}


def card_size(node: Node, count: NodeCount) -> Size:
    """Return the room of a card: about as wide as the canvas draws it, for fonts differ, and as tall as usual ones."""
    op = node.op
    first = op.line() + (f"{count.parameters:,} params" if count.parameters else "weights of" if node.shares else "")
    ports = max(len([p for p in op.ports() if p.data]), len(op.output_names()))
    header = 66 + 8 * len(node.label or op.title) + 7 * len(op.title if node.label else node.id)
    wide = max(128, header, 32 + 8 * len(first))
    # Equally tall ones have their tops, and so their first ports, on one line.
    return math.ceil(wide / 8) * 8.0, max(112.0, 40.0 + 16.0 * ports)


def document(example: Example, draft: nets.Draft) -> Document:
    """Lay an example out and write its texts in."""
    out = Document(draft.graph, {}, draft.setup, {}, example.title, TEXTS.get(example.name, example.line))
    for scope in ("", *(n.id for n in draft.graph.nodes.values() if out.scope(n.id) is not None)):
        out = arrange(out, card_sizes(out, scope), scope)
    return out


def card_sizes(document: Document, scope: str = "") -> dict[str, Size]:
    """Return the size of every card in a scope."""
    graph, summary = document.scope(scope), summarise(compile(document.graph))
    assert graph is not None
    return {id: card_size(n, summary.under(join(scope, id))) for id, n in graph.nodes.items()}


def main(folder: Path = FOLDER) -> None:
    """Write every example."""
    folder.mkdir(parents=True, exist_ok=True)
    for example in EXAMPLES:
        draft = DRAFTS[example.name]()
        save(folder / f"{example.name}.glab", document(example, draft), draft.weights)
        sys.stdout.write(f"{example.name}\n")


if __name__ == "__main__":
    main()
