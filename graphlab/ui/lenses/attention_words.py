"""Attention in sentences: the arithmetic of one query at one stage, with the numbers put in."""

from __future__ import annotations

import numpy as np

from graphlab.engine.op import Array
from graphlab.ui.lenses.attention_data import Seen
from graphlab.ui.numbers import number_text

#: What the stages are called.
TITLES = {"scores": "scores", "scaled": "scaled", "masked": "masked", "weights": "softmax", "dropout": "dropout",
          "context": "context"}
_SHOWN = 2


def products(a: Array, b: Array, many: str = "terms") -> str:
    """Write a sum of products: the largest terms in their order, and how many there are."""
    terms = a * b
    most = np.sort(np.argsort(-np.abs(terms), kind="stable")[:_SHOWN])
    text = " + ".join(f"{factor(a[i])}·{factor(b[i])}" for i in most)
    return text + (f" + … ({len(terms)} {many})" if len(terms) > _SHOWN else "")


def factor(value: float) -> str:
    """Write a number as a factor; negative ones in brackets."""
    text = number_text(value)
    return f"({text})" if value < 0 else text


def query(seen: Seen, row: int) -> str:
    """Name a query: its number, and its word where it has one."""
    return f"Query {row}" + (f" ‘{seen.rows[row]}’" if seen.asked is not None and seen.asked.words else "")


def sentence(seen: Seen, head: int | None, row: int, stage: str, key: int | None = None) -> str:
    """Say what happens to a query at a stage, with the arithmetic of one key: the given one, or the heaviest."""
    h = head or 0
    j = int(seen.weights[h, row].argmax()) if key is None else key
    lead = query(seen, row) + (f", head {h + 1}" if seen.heads > 1 else "") + ": "
    numbers = {name: float(a[h, row, j]) for name, a in seen.stages.items() if name != "context"}
    word, count = seen.columns[j], seen.k.shape[1]
    match stage:
        case "scores":
            return lead + (f"the score of key ‘{word}’ is {scored(seen, h, row, j)} = "
                           f"{number_text(numbers['scores'])}; {count} keys are scored.")
        case "scaled":
            d = seen.q.shape[-1]
            return lead + (f"divided by √d = √{d}, {number_text(numbers['scores'])} / {number_text(d ** 0.5)} = "
                           f"{number_text(numbers['scaled'])}, so that softmax does not saturate.")
        case "masked":
            shut = int((~seen.may[h, row]).sum())
            if not shut:
                return lead + f"all {count} keys may be seen; nothing is masked."
            return lead + (f"{shut} of {count} keys must not be seen; their scores become −10⁹, "
                           "which softmax turns into 0.")
        case "weights":
            return lead + softmax_words(seen, h, row, j)
        case "dropout":
            same = np.array_equal(seen.stages["dropout"][h, row], seen.stages["weights"][h, row])
            return lead + ("dropout drops nothing while evaluating." if same else
                           "dropout sets some weights to 0 and scales up the others.")
        case _:
            return lead + context_words(seen, h, row)


def scored(seen: Seen, h: int, i: int, j: int) -> str:
    """Write the arithmetic of one score."""
    if "units" in seen.extra:
        return "w·tanh(qW + kU) = " + products(seen.extra["w"], seen.extra["units"][0, i, j], "units")
    left = seen.extra["qW"][h] if "qW" in seen.extra else seen.q[h]
    return ("(qW)·k = " if "qW" in seen.extra else "q·k = ") + products(left[i], seen.k[h, j])


def softmax_words(seen: Seen, h: int, i: int, j: int) -> str:
    """Write the arithmetic of one weight: the exponentials are taken of differences to the largest score."""
    before = [s for s in seen.order if s in ("scores", "scaled", "masked")][-1]
    line = seen.stages[before][h, i] if seen.site.over == "keys" else seen.stages[before][h, :, j]
    e = np.exp(line - line.max())
    at = j if seen.site.over == "keys" else i
    what = "row" if seen.site.over == "keys" else "column"
    total = round(float(seen.weights[h, i].sum() if what == "row" else seen.weights[h, :, j].sum()), 6)
    return (f"the weight of ‘{seen.columns[j]}’ is exp({number_text(line[at])} − {factor(float(line.max()))}) / "
            f"{number_text(e.sum())} = {number_text(e[at] / e.sum())}; the {what} sums to {number_text(total)}.")


def context_words(seen: Seen, h: int, i: int) -> str:
    """Write the arithmetic of the first number of a context."""
    mixed = seen.stages.get("dropout", seen.stages["weights"])[h, i]
    assert seen.v is not None
    text = products(mixed, seen.v[h, :, 0], "keys")
    said = f" The network says ‘{seen.said[i]}’ ({number_text(seen.sure[i])})." if seen.said else ""
    made = number_text(seen.stages["context"][h, i, 0])
    return f"the values are mixed by their weights; the first number is {text} = {made}.{said}"


def summary(seen: Seen, head: int | None) -> str:
    """Say what the whole picture shows."""
    parts = []
    if "weights" in seen.stages:
        sums, what = seen.sums, "row" if seen.site.over == "keys" else "column"
        off = float(np.abs(sums - 1).max())
        parts.append(f"Every {what} of weights sums to 1 (all {sums.size}; the largest deviation is "
                     f"{number_text(off)}).")
    w = seen.of_head(head)
    choice = seen.may[0].sum(axis=-1, keepdims=True) > 1  # who may see one key only has to look at it
    w = np.where(choice, w, 0.0) if choice.any() else w
    i, j = np.unravel_index(int(w.argmax()), w.shape)
    which = "" if seen.heads == 1 else ", mean of the heads" if head is None else f", head {head + 1}"
    parts.append(f"{query(seen, int(i))} looks hardest at ‘{seen.columns[j]}’: {number_text(w[i, j])}{which}.")
    if seen.what_if:
        parts.append("What if: cells are hidden by hand; the rest of the network does not know.")
    return " ".join(parts)
