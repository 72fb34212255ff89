"""What an attention computes for one sample, stage by stage, read from the run of the network; and what if."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphlab.engine.graph import Net
from graphlab.engine.init import initial_weights
from graphlab.engine.op import Array, Op
from graphlab.engine.ops.activations import Softmax
from graphlab.engine.ops.algebra import MatMul
from graphlab.engine.ops.attention import MaskScores, ScaledDotProductAttention, allowed
from graphlab.engine.ops.heads import AttentionScores
from graphlab.engine.plan import Plan, compile
from graphlab.engine.run import Run, RunError
from graphlab.engine.spec import Batch, Spec
from graphlab.ui.lenses.attention_sites import Site, Tokens, answer, tokens
from graphlab.ui.lenses.view import View

#: The stages in order; those that an attention does not have are left out.
STAGES = ("scores", "scaled", "masked", "weights", "dropout", "context")


@dataclass(frozen=True)
class Seen:
    """The numbers of one attention for one sample; the first axis counts the heads, (H, T_q, …).

    ``stages`` has (H, T_q, T_k) by name and ``context`` as (H, T_q, m). ``rows`` and ``columns`` are the words of
    queries and keys, ``said`` what the network says at each query with its probability in ``sure``.
    """

    site: Site
    q: Array
    k: Array
    v: Array | None
    stages: Mapping[str, Array]
    may: Array
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    asked: Tokens | None = None
    looked: Tokens | None = None
    said: tuple[str, ...] = ()
    sure: Array = field(default_factory=lambda: np.zeros(0))
    what_if: bool = False
    extra: Mapping[str, Array] = field(default_factory=dict)

    @property
    def heads(self) -> int:
        """The number of heads."""
        return len(self.q)

    @property
    def order(self) -> tuple[str, ...]:
        """The stages that there are, in order."""
        return tuple(s for s in STAGES if s in self.stages)

    @property
    def final(self) -> str:
        """The stage that says how much each key counts: the weights, or the scores where no softmax follows."""
        return "weights" if "weights" in self.stages else next(s for s in reversed(self.order) if s != "context")

    @property
    def weights(self) -> Array:
        """How much each key counts for each query, (H, T_q, T_k)."""
        return self.stages[self.final]

    @property
    def scale(self) -> float:
        """What the scores are multiplied by; 1 where they are not scaled."""
        return 1.0 / float(np.sqrt(self.q.shape[-1])) if "scaled" in self.stages else 1.0

    @property
    def sums(self) -> Array:
        """What softmax made one: the sums of the rows, or of the columns in the form that some notes have."""
        return np.asarray(self.weights.sum(axis=-1 if self.site.over == "keys" else -2))

    def of_head(self, head: int | None) -> Array:
        """Return the weights of one head, or the mean of all for None, (T_q, T_k)."""
        return np.asarray(self.weights.mean(axis=0) if head is None else self.weights[head])


def in_heads(x: Array, sample: int = 0) -> Array:
    """Return one sample with an axis for its heads in front: (B, T, d) and (B, H, T, d) to (H, T, d)."""
    return np.asarray(x[sample] if x.ndim == 4 else x[sample][None])


def read(view: View, site: Site, hidden: frozenset[tuple[int, int]] = frozenset()) -> Seen:
    """Read what an attention computed for the first sample that is looked at. Raises `RunError` in words.

    ``hidden`` are (query, key) that must not see each other: what would be if, computed by the ops themselves.
    """
    run = view.run()
    q, k = run.values.get(site.q), run.values.get(site.k)
    if q is None or k is None:
        raise RunError(f"‘{site.path}’ has not been run; look at the Problems panel.")
    v = None if site.v is None else run.values[site.v]
    arrays = inside(run, site.path) if site.fused else along(run, site)
    extra: Mapping[str, Array] = {}
    mask = None if site.mask is None else run.values[site.mask]
    if isinstance(site.op, AttentionScores):
        parts = {"units": run.value(f"{site.path}/hidden"), "w": run.value(f"{site.path}/w"),
                 "qW": run.value(f"{site.path}/W") if site.op.form == "bilinear" else None}
        extra = {n: a[:, 0] if n == "w" else a[:1] for n, a in parts.items() if a is not None}
    causal = bool(getattr(site.op, "causal", False)) or any(
        isinstance(s.op, MaskScores) and s.op.causal for _, p in site.stages if (s := view.plan.step(p)) is not None)
    may = in_heads(np.broadcast_to(allowed(mask, causal, arrays["scores"].shape), arrays["scores"].shape))
    seen = Seen(site, in_heads(q), in_heads(k), None if v is None else in_heads(v),
                {n: in_heads(a) for n, a in arrays.items()}, may, (), (), extra=extra)
    return named(view, run, hide(view, seen, hidden) if hidden else seen)


def inside(run: Run, path: str) -> dict[str, Array]:
    """Return the stages inside a fused attention."""
    found = {name: run.value(f"{path}/{name}") for name in STAGES}
    return {name: a for name, a in found.items() if a is not None}


def along(run: Run, site: Site) -> dict[str, Array]:
    """Return the stages of scores and of the steps behind them."""
    found = {"scores": run.value(f"{site.path}/scores"), "scaled": run.value(f"{site.path}/scaled")}
    found |= {name: run.value(path) for name, path in site.stages}
    return {name: a for name, a in found.items() if a is not None}


def named(view: View, run: Run, seen: Seen) -> Seen:
    """Add the words behind queries and keys, and what the network says."""
    site, (t_q, t_k) = seen.site, (seen.q.shape[1], seen.k.shape[1])
    asked, looked = tokens(view, site.q, t_q), tokens(view, site.k, t_k)
    out = replace(seen, asked=asked, looked=looked, rows=words(run, asked, t_q, "q"),
                  columns=words(run, looked, t_k, "k"))
    where = answer(view, t_q)
    scores = None if where is None or seen.what_if else run.value(*where[:2])
    if where is None or scores is None:
        return out
    e = np.exp(scores[0] - scores[0].max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return replace(out, said=tuple(where[2][i] for i in p.argmax(axis=-1)), sure=p.max(axis=-1))


def words(run: Run, found: Tokens | None, length: int, letter: str) -> tuple[str, ...]:
    """Return the words at the places of a sequence; q₀, q₁, … where there are none."""
    numbers = None if found is None else run.value(found.path)
    if found is None or numbers is None or not found.words:
        return tuple(f"{letter}{str(i).translate(str.maketrans('0123456789', '₀₁₂₃₄₅₆₇₈₉'))}" for i in range(length))
    return tuple(found.words[n] if 0 <= n < len(found.words) else str(n) for n in map(int, numbers[0]))


# --- what if ------------------------------------------------------------------------------------------------


def alone(view: View, feeds: Mapping[str, Array], op: Op, weights: Mapping[str, Array], path: str) -> Run:
    """Run an attention by itself on given queries, keys, values and mask; an op of scores is followed by softmax."""
    net = Net()
    scores = isinstance(op, AttentionScores)
    given = {n: net.input(n, kind="bool" if n == "mask" else "real") for n in feeds}
    made = net.add("op", op, given["q"], given["k"], *([] if scores else [given["v"]]),
                   **({"mask": given["mask"]} if "mask" in given and not scores else {}))
    if scores:
        if "mask" in given:
            made = net.add("masked", MaskScores(), made, given["mask"])
        made = net.add("weights", Softmax(), made)
        if "v" in given:
            net.add("context", MatMul(), made, given["v"])
    specs = {n: Spec((Batch(), *a.shape[1:]), "bool" if n == "mask" else "real") for n, a in feeds.items()}
    plan: Plan = compile(net.graph(), specs)
    if plan.problems:
        raise RunError(plan.problems[0].message)
    own = {key.replace(path, "op", 1): a for key, a in weights.items() if key.startswith((f"{path}/", f"{path}."))}
    return view.evaluate(feeds, initial_weights(plan, view.document.setup.seed, own), plan=plan, seeds={})


def hide(view: View, seen: Seen, hidden: frozenset[tuple[int, int]]) -> Seen:
    """Return what the attention would compute if some queries could not see some keys."""
    may = seen.may.copy()
    for i, j in hidden:
        may[:, i, j] = False
    op = seen.site.op.replace(causal=False, dropout=0.0) if seen.site.fused else seen.site.op
    feeds = {"q": seen.q[None], "k": seen.k[None], "mask": may[None]} | (
        {} if seen.v is None else {"v": seen.v[None]})
    if not seen.site.fused:  # scores take sequences without heads
        feeds = {n: a[:, 0] for n, a in feeds.items()}
    run = alone(view, feeds, op, view.weights, seen.site.path)
    if seen.site.fused:
        stages = inside(run, "op")
    else:
        stages = along(run, Site("op", op, 0, 0, None, stages=tuple(
            (n, n) for n in ("masked", "weights", "context") if n in run.plan.where)))
    return replace(seen, stages={n: in_heads(a) for n, a in stages.items()}, may=may, what_if=True)


@dataclass(frozen=True)
class Variant:
    """Another way of scoring, on the same queries and keys: its weights (T_q, T_k), and whether it was trained."""

    name: str
    weights: Array
    trained: bool
    entropy: float


def entropy(weights: Array) -> float:
    """Return how spread out the weights of a query are on average, in bits: 0 for one key, log₂ T_k for all alike."""
    w = np.clip(weights, 1e-300, 1.0)
    return float(-(weights * np.log2(w)).sum(axis=-1).mean())


def variants(view: View, seen: Seen, head: int | None) -> list[Variant]:
    """Return the attention with other ways of scoring, computed by the engine on a plan with the attribute changed."""
    op = seen.site.op
    ways: dict[str, Op] = {}
    if isinstance(op, ScaledDotProductAttention):
        plain = op.replace(dropout=0.0)
        ways = {"scaled dot": plain.replace(scaled=True, over="keys"), "dot": plain.replace(scaled=False, over="keys"),
                "softmax over queries": plain.replace(scaled=True, over="queries")}
    elif isinstance(op, AttentionScores):
        forms = next(a.choices for a in op.attributes() if a.name == "form")
        same = seen.q.shape[-1] == seen.k.shape[-1]
        ways = {form: op.replace(form=form) for form in forms if same or form in ("bilinear", "additive")}
    out = []
    feeds = {"q": seen.q[None], "k": seen.k[None]} | ({} if seen.v is None else {"v": seen.v[None]})
    if (~seen.may).any():
        feeds["mask"] = seen.may[None]
    if not seen.site.fused:
        feeds = {n: a[:, 0] for n, a in feeds.items()}
    for name, way in ways.items():
        own = view.weights if getattr(way, "form", "") == getattr(op, "form", "") else {}
        run = alone(view, feeds, way.replace(causal=False) if seen.site.fused else way, own, seen.site.path)
        made = run.value("op/weights") if seen.site.fused else run.value("weights")
        assert made is not None
        weights = in_heads(made)
        shown = np.asarray(weights.mean(axis=0) if head is None else weights[head])
        out.append(Variant(name, shown, bool(own) or not run.plan.keys, entropy(shown)))
    return out
