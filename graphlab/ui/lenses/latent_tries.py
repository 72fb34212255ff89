"""Things to change in a network with a code, and to watch."""

from __future__ import annotations

from collections.abc import Iterator

from graphlab.document.edits import EditError, set_attributes
from graphlab.engine.latent import Latent
from graphlab.engine.op import Op
from graphlab.engine.ops.composites import ELBO
from graphlab.engine.ops.sampling import GaussianNoise, GaussianSample, VectorQuantise
from graphlab.ui.lenses.base import Try
from graphlab.ui.lenses.view import View


def change(view: View, label: str, path: str, **values: object) -> None:
    """Give a node other attributes, undoably; where that cannot be, the window says why."""
    scope, _, id = path.rpartition("/")
    try:
        view.edit(label, set_attributes(view.document, id, values, scope))
    except EditError as e:
        view.session.message.emit(str(e), "warning")


def nodes_of(view: View, kind: type[Op]) -> Iterator[tuple[str, Op]]:
    """Yield the document's own nodes of a kind of op, with their paths."""
    for path in view.plan.where:
        node = view.document.node(path)
        if node is not None and isinstance(node.op, kind):
            yield path, node.op


def latent_tries(view: View, latent: Latent) -> Iterator[Try]:
    """Yield the edits that suit the network."""
    for path, op in nodes_of(view, ELBO):
        assert isinstance(op, ELBO)
        for beta, what in ((0.0, "β = 0: no KL"), (1.0, "β = 1"), (8.0, "β = 8: a tight prior")):
            if op.beta != beta:
                hint = {0.0: "An ordinary autoencoder: codes go where they like, and between them nothing is learned",
                        1.0: "The evidence lower bound itself",
                        8.0: "Codes are pressed to N(0, I); reconstructions blur"}[beta]
                yield Try(what, lambda p=path, b=beta: change(view, f"Set β to {b:g}", p, beta=b),  # type: ignore[misc]
                          f"{hint}. Train again to see it; undo brings it back.")
    if latent.sample and view.document.node(latent.sample) is not None:
        step = view.plan.step(latent.sample)
        assert step is not None
        assert isinstance(step.op, GaussianSample)
        new = "mean" if step.op.evaluation == "sample" else "sample"
        yield Try("Switch ε off" if new == "mean" else "Switch ε on",
                  lambda: change(view, f"In evaluation: {new}", latent.sample, evaluation=new),
                  "In evaluation, z is μ itself or a sample around it; training draws ε in any case.")
    for path, noise in nodes_of(view, GaussianNoise):
        assert isinstance(noise, GaussianNoise)
        for sigma in (0.2, 0.4, 0.8):
            if sigma != noise.sigma:
                yield Try(f"Noise σ = {sigma:g}", lambda p=path, s=sigma: change(  # type: ignore[misc]
                    view, f"Noise σ = {s:g}", p, sigma=s), "More or less noise on what the encoder sees")
    for path, book in nodes_of(view, VectorQuantise):
        assert isinstance(book, VectorQuantise)
        for codes in (8, 32, 64):
            if codes != book.codes:
                yield Try(f"{codes} codes", lambda p=path, c=codes: change(  # type: ignore[misc]
                    view, f"A codebook of {c}", p, codes=c), "A smaller or larger codebook; train again to fill it")
