"""Finding an op by its name, by what else it is called, or by what it does."""

from __future__ import annotations

import re
from collections.abc import Iterable

import graphlab.engine.ops  # noqa: F401 - registers every op
from graphlab.engine.graph import Unknown
from graphlab.engine.loop import Block, Loop
from graphlab.engine.op import Op, registry
from graphlab.ui.theme import HUES

#: The mime type that a dragged op has; its data is the op's name.
MIME = "application/x-graphlab-op"


def library() -> list[type[Op]]:
    """Return the ops that can be added, by category and in the order of their declaration."""
    order = list(HUES)
    usable = [c for c in registry().values() if not issubclass(c, Unknown | Block | Loop)]
    return sorted(usable, key=lambda c: (order.index(c.category) if c.category in order else len(order), c.category))


def score(query: str, names: Iterable[str], sentence: str = "") -> float:
    """Tell how well a query fits: 0 not at all; a whole name most, then its beginning, its words, its letters."""
    query = query.lower().strip()
    if not query:
        return 1.0
    best = 0.0
    for i, name in enumerate(names):
        low = name.lower()
        weight = 1.0 if i == 0 else 0.9
        if low == query:
            best = max(best, 100 * weight)
        elif low.startswith(query):
            best = max(best, 80 * weight - 0.1 * len(low))
        elif re.search(rf"\b{re.escape(query)}", low) or query in initials(name):
            best = max(best, 60 * weight - 0.1 * len(low))
        elif query in low:
            best = max(best, 40 * weight - 0.1 * len(low))
        elif len(query) > 1 and scattered(query, low):
            best = max(best, 20 * weight - 0.1 * len(low))
    if not best and all(word in sentence.lower() for word in query.split()):
        best = 5.0
    return best


def initials(name: str) -> str:
    """Return the capitals and word beginnings of a name: ``mse`` for ``MeanSquaredError`` or ``mean squared error``."""
    return "".join(re.findall(r"[A-Z0-9]|(?<![A-Za-z])[a-z]", name)).lower()


def scattered(query: str, name: str) -> bool:
    """Tell whether the letters of a query come in this order in a name."""
    rest = iter(name)
    return all(letter in rest for letter in query)


def find_ops(query: str, among: Iterable[type[Op]] | None = None) -> list[type[Op]]:
    """Return the ops that fit a query, the best first; all of them, in the library's order, for an empty one."""
    ops = library() if among is None else list(among)
    if not query.strip():
        return ops
    scored = [(score(query, (c.title, c.name(), *c.also), c.sentence()), c) for c in ops]
    return [c for s, c in sorted(scored, key=lambda pair: -pair[0]) if s > 0]
