"""The op's formula with the shape of every factor under its letter."""

from __future__ import annotations

from collections.abc import Mapping

from graphlab.engine.spec import show_shape
from graphlab.ui.formula import TOKEN
from graphlab.ui.formula_lines import clauses
from graphlab.ui.panels.inspector_subject import Subject

_GREEK = {"gamma", "beta", "alpha", "theta"}


def shapes(subject: Subject) -> dict[str, str]:
    """Return the shape of every array of a step, outputs first: with the run's batch, or with B before it."""
    step, record = subject.step, subject.record
    if step is None:
        return {}
    slots = {**step.outputs, **{n: i for n, i in step.inputs.items() if i is not None}}
    out = {}
    for name, index in slots.items():
        value = None if record is None else record.get(name)
        out[name] = show_shape(subject.plan.slots[index].spec.shape if value is None else value.shape)
    return out


def shape_line(subject: Subject) -> str:
    """Write the shapes as a line of text: ``y (4, 3) ← x (4, 2) · W (2, 3) · b (3,)``."""
    known, step = shapes(subject), subject.step
    if step is None:
        return ""
    gives = ", ".join(f"{n} {known[n]}" for n in step.outputs)
    takes = " · ".join(f"{n} {known[n]}" for n in step.inputs if n in known)
    return f"{gives} ← {takes}" if takes else gives


def with_shapes(formula: str, known: Mapping[str, str]) -> str:
    """Write each array's shape under its letter in the first equation; '' where one of them has no letter there.

    Letters with an index, and those inside of words, stand for something else.
    """
    first, *rest = clauses(formula) or [""]
    tokens = TOKEN.findall(first)
    spots: dict[str, int] = {}
    depth, word = 0, -1  # depth of braces, and the depth at which a word or an index began
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else ""
        after = next((t for t in tokens[i + 1:] if not t.isspace()), "")
        if token == "{":
            depth += 1
            if word < 0 and before in ("_", "^", r"\mathrm", r"\text", r"\hat", r"\bar", r"\tilde"):
                word = depth
        elif token == "}":
            word = -1 if word == depth else word
            depth -= 1
        elif word < 0 and before not in ("_", "^") and after not in ("_", "^"):
            name = token.lstrip("\\") if token.lstrip("\\") in _GREEK else token
            if name in known and name not in spots:
                spots[name] = i
    if not known or set(spots) != set(known):
        return ""
    for name, i in spots.items():
        size = known[name].strip("()").rstrip(",").replace(", ", r"\times ") or "1"
        beside = i + 1 in spots.values()
        tokens[i] = rf"\underset{{{size}}}{{{tokens[i]}}}" + r"\ " * beside
    return r",\quad ".join(["".join(tokens).strip().rstrip(","), *(r.strip().rstrip(",") for r in rest)])
