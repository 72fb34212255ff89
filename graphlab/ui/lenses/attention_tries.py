"""What the attention lens can change: tokens, the mask, and the way of scoring; all of it can be undone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from graphlab.engine.graph import Input
from graphlab.engine.op import Array
from graphlab.ui.lenses.attention_sites import Site
from graphlab.ui.lenses.base import Try
from graphlab.ui.lenses.view import View

if TYPE_CHECKING:
    from graphlab.ui.lenses.attention import AttentionLens

Cells = frozenset[tuple[int, int]]


class Changes:
    """Changes of what an attention sees. Tokens and masks that come from an Input are typed over in the session."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._hidden: dict[str, Cells] = {}

    def hidden_at(self, site: Site) -> Cells:
        """Return which keys are hidden from which queries as a question of what if."""
        return self._hidden.get(site.path, frozenset())

    def feed(self, path: str) -> Array:
        """Return a copy of what an Input receives now."""
        return np.array(self.view.session.feeds()[path], copy=True)

    def put(self, path: str, place: int, number: int) -> None:
        """Put another token at a place of the sample that is looked at."""
        fed = self.feed(path)
        fed[0, place] = number
        self.view.session.type_input(path, fed)

    def mask_input(self, site: Site) -> str:
        """Return the Input of truth values that a mask comes from; '' where there is none."""
        slot = None if site.mask is None else self.view.plan.slots[site.mask]
        step = None if slot is None else self.view.plan.step(slot.path)
        return step.path if step is not None and isinstance(step.op, Input) else ""

    def hide(self, site: Site, cells: list[tuple[int, int]], hide: bool) -> None:
        """Hide keys from queries, or show them again."""
        path = self.mask_input(site)
        fed = self.feed(path) if path else None
        if fed is not None and fed.ndim == 3:  # (B, T_q, T_k)
            for i, j in cells:
                fed[0, min(i, fed.shape[1] - 1), j] = not hide
            self.view.session.type_input(path, fed)
            return
        have = self.hidden_at(site)
        self._hidden[site.path] = have | set(cells) if hide else have - set(cells)

    def back(self, lens: AttentionLens) -> None:
        """Go back to the data, and hide nothing."""
        self._hidden.clear()
        for path in list(self.view.session.typed):
            self.view.session.type_input(path, None)
        lens.refresh()
        lens.show_frame(lens.progress)

    # --- buttons --------------------------------------------------------------------------------------------

    def tries(self, lens: AttentionLens) -> Iterable[Try]:
        """Return the buttons that suit what is shown."""
        seen, site = lens.seen, lens.site
        assert seen is not None
        assert site is not None
        tokens = seen.looked if seen.looked is not None and seen.looked.words else None
        if tokens is not None:
            yield Try("Swap two words", partial(self.swap, tokens.path),
                      "Exchange the first and the last word that can be looked at, and see where the weights go")
            yield Try("Make all words the same", partial(self.same, tokens.path),
                      "With equal words only their places tell keys apart")
        yield Try("Hide the heaviest key", partial(self.hide_heaviest, lens),
                  "Mask the key that this query (or the strongest one) looks at most: the others share its weight")
        if self.view.session.typed or self._hidden.get(site.path):
            yield Try("Back to the data", partial(self.back, lens), "Undo typed words and hidden keys")
        yield from self.attributes()

    def swap(self, path: str) -> None:
        """Exchange the first and the last token."""
        fed = self.feed(path)
        fed[0, [0, -1]] = fed[0, [-1, 0]]
        self.view.session.type_input(path, fed)

    def same(self, path: str) -> None:
        """Put the first token everywhere."""
        fed = self.feed(path)
        fed[0, :] = fed[0, 0]
        self.view.session.type_input(path, fed)

    def hide_heaviest(self, lens: AttentionLens) -> None:
        """Hide the key with the largest weight from the query that is looked at."""
        seen = lens.seen
        assert seen is not None
        weights = seen.of_head(lens.chosen_head)
        row = lens.row if lens.row >= 0 else int(np.unravel_index(int(weights.argmax()), weights.shape)[0])
        lens.row = row
        lens.hide_cells([(row, int(weights[row].argmax()))])

    def attributes(self) -> Iterable[Try]:
        """Return what can be set on the node itself, as an edit that can be undone."""
        node = self.view.node
        if node is None:
            return
        have = {a.name: a for a in node.op.attributes()}
        if "form" in have and set(have["form"].choices) >= {"dot", "additive"}:
            for form in have["form"].choices:
                if form != node.op.values()["form"]:
                    yield Try(f"Score by {form}", partial(self.set, f"Score by {form}", "form", form),
                              "Changes the node, undoably; weights that are new have to be trained")
        for name, on, off in (("scaled", "Divide by √d", "Leave the scale out"),
                              ("causal", "Look back only", "Look everywhere")):
            if name in have:
                value = bool(getattr(node.op, name))
                yield Try(off if value else on, partial(self.set, off if value else on, name, not value),
                          have[name].help)
        if "over" in have:
            queries = node.op.values()["over"] == "queries"
            label = "Softmax over keys" if queries else "Softmax over queries (KQᵀ)"
            yield Try(label, partial(self.set, label, "over", "keys" if queries else "queries"), have["over"].help)

    def set(self, label: str, name: str, value: object) -> None:
        """Set an attribute of the node that the lens is bound to."""
        document, path = self.view.document, self.view.path
        node = document.node(path)
        scope, _, id = path.rpartition("/")
        graph = document.scope(scope)
        assert node is not None
        assert graph is not None
        changed = replace(node, op=node.op.replace(**{name: value}))
        self.view.edit(label, document.with_scope(scope, replace(graph, nodes={**graph.nodes, id: changed})))
