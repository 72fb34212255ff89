"""Where a number came from: the formula, the formula with the numbers in, and the operands in their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphlab.engine.expr import (
    ZERO,
    Expr,
    Index,
    Ref,
    add,
    differentiate,
    evaluate,
    latex,
    mul,
    refs,
    rename,
    show_number,
)
from graphlab.engine.op import Op, overrides
from graphlab.engine.record import Record
from graphlab.engine.run import Run, RunError


@dataclass(frozen=True)
class Operand:
    """One number that went into another: whose array it stands in, where, and what it is.

    ``path`` is the step whose record holds the array ``name``; with ``grad`` it is the gradient of that array.
    """

    path: str
    name: str
    index: Index
    value: float
    grad: bool = False


@dataclass(frozen=True)
class Derivation:
    """The arithmetic of one number.

    ``left`` names it, ``expr`` is what it equals (its `Ref`s carry the path of their step), ``value`` is the
    expression evaluated in float64, ``engine`` what the engine computed. ``formula`` is the op's own.
    """

    path: str
    name: str
    index: Index
    grad: bool
    left: str
    formula: str
    expr: Expr
    value: float
    engine: float
    operands: tuple[Operand, ...]

    def symbolic(self, limit: int = 8) -> str:
        """Write the expression with names, as LaTeX."""
        return f"{self.left} = {latex(self.expr, ref_latex, limit)}"

    def substituted(self, limit: int = 8) -> str:
        """Write the expression with the numbers put in, as LaTeX, and its result."""
        values = {Ref(o.name, o.index, o.grad, o.path): o.value for o in self.operands}
        text = latex(self.expr, lambda r: show_number(values[r]), limit)
        return f"{self.left} = {text} = {show_number(self.value)}"


#: Names of arrays that formulas write with a letter of their own.
LETTERS = {
    "alpha": r"\alpha", "beta": r"\beta", "gamma": r"\gamma", "eps": r"\varepsilon", "mu": r"\mu", "sigma": r"\sigma",
    "variance": r"\sigma^2", "xhat": r"\hat{x}", "logp": r"\ln p",
}


def ref_latex(ref: Ref) -> str:
    """Write a reference as people do: ``x_{0,2}``, and ∂L/∂ of it for a gradient. Indices count from 0."""
    base, _, number = ref.name.partition("_")
    base = LETTERS.get(base) or (base if len(base) == 1 else rf"\mathrm{{{base}}}")
    low = ",".join([*([number.replace("_", r"\_")] if number else []), *map(str, ref.index)])
    name = f"{base}_{{{low}}}" if low else base
    return rf"\frac{{\partial L}}{{\partial {name}}}" if ref.grad else name


class Explainer:
    """Derives numbers of one record; explanations are cached for as long as it lives."""

    def __init__(self, run: Run, record: Record) -> None:
        self.run = run
        self.record = record
        self.op: Op = record.op
        self.explained: dict[Ref, Expr | None] = {}

    def look(self, ref: Ref) -> float:
        """Return the number behind a reference."""
        record = self.record if ref.path in ("", self.record.path) else self.run.record(ref.path)
        if record is None:
            raise RunError(f"‘{ref.path}’ has not been run.")
        array = record.gradients.get(ref.name) if ref.grad else record.get(ref.name)
        if array is None:
            raise RunError(f"‘{record.path}’ has no {'gradient of ' if ref.grad else ''}{ref.name} yet.")
        return float(array[ref.index])

    def expand(self, ref: Ref) -> Expr | None:
        """Explain an intermediate array that forward kept; None for the op's inputs."""
        if ref.name in self.record.inputs or ref.grad:
            return None
        return self.explain(ref.name, ref.index)

    def explain(self, name: str, index: Index) -> Expr:
        """Return the arithmetic of one output or kept number, by the op's own explanation."""
        ref = Ref(name, index)
        if (known := self.explained.get(ref)) is None:
            known = self.explained[ref] = self.op.explain(self.record, index, name)
        return known

    def slopes(self, port: str, index: Index) -> Iterator[tuple[Ref, Expr]]:
        """Yield the upstream gradient of each output that one input number moves, with ∂output/∂input."""
        target = Ref(port, index)
        known: dict[Ref, Expr] = {}  # derivatives of what the outputs share, such as a batch's mean
        for name, at in self.op.users(self.record, port, index):
            slope = differentiate(self.explain(name, at), target, self.expand, known)
            if slope != ZERO:
                yield Ref(name, at, grad=True), slope

    def gradient(self, port: str, index: Index) -> Expr:
        """Derive ∂L/∂input: the op's own form, or Σ over the outputs that use it of upstream · ∂output/∂input."""
        textbook = self.op.explain_gradient(self.record, port, index)
        if textbook is not None:
            return textbook
        return add(*(mul(upstream, slope) for upstream, slope in self.slopes(port, index)))


def derive(run: Run, path: str, name: str, index: Iterable[int], grad: bool = False) -> Derivation:
    """Explain one number: ``name`` is an output (or kept array) of the step at ``path``, or an input with ``grad``.

    ``path`` may also be a block or a bypassed node: its numbers are those of the step that made them. The gradient
    of an output is the sum over everything that uses it. Raises `RunError` in words where the step has not run,
    or has gone nowhere backward yet.
    """
    at = tuple(int(i) for i in index)
    record = run.record(path)
    owner = run.owner(path) or run
    if record is None:
        slot = owner.plan.where.get(path, {}).get(name)
        if slot is None or owner.plan.slots[slot].path not in owner.records:
            raise RunError(f"‘{path}’ has not been run; run the network first.")
        made = owner.plan.slots[slot]
        return derive(run, made.path, made.name, at, grad)
    array = record.gradients.get(name) if grad else record.get(name)
    if array is None:
        what = "no gradient yet: step backward first" if grad else "no such array"
        raise RunError(f"‘{path}’ has {what} for {name!r}.")
    if len(at) != array.ndim or any(not 0 <= i < n for i, n in zip(at, array.shape, strict=True)):
        raise RunError(f"{name} of ‘{path}’ has the shape {array.shape}; there is no element {at}.")
    engine = float(array[at])
    expr = _gradient(owner, record, name, at) if grad else _value(owner, record, name, at)
    if expr is None:
        expr = Ref(name, at, grad, path)
    explainer = Explainer(run, record)
    expr = _placed(expr, path)
    seen = {r: explainer.look(r) for r in refs(expr)}
    operands = tuple(Operand(r.path, r.name, r.index, v, r.grad) for r, v in seen.items())
    left = ref_latex(Ref(name, at, grad))
    return Derivation(path, name, at, grad, left, record.op.formula(), expr, evaluate(expr, seen.__getitem__),
                      engine, operands)


@dataclass(frozen=True)
class ChainTerm:
    """One term of the chain rule at a node: the incoming gradient, the local derivative, and what goes out."""

    upstream: Ref
    local: Expr
    incoming: float
    slope: float

    @property
    def outgoing(self) -> float:
        """Incoming × local."""
        return self.incoming * self.slope


def chain(run: Run, path: str, port: str, index: Iterable[int]) -> tuple[ChainTerm, ...]:
    """Return the terms that the gradient of one input number is the sum of; none where the op explains nothing.

    Raises `RunError` in words where the step has not gone backward.
    """
    record = run.record(path)
    if record is None or port not in record.gradients:
        raise RunError(f"‘{path}’ has no gradient of {port!r} yet: step backward first.")
    if not overrides(type(record.op), Op.explain):
        return ()
    explainer = Explainer(run, record)
    return tuple(ChainTerm(upstream, local, explainer.look(upstream), evaluate(local, explainer.look))
                 for upstream, local in explainer.slopes(port, tuple(int(i) for i in index)))


def _placed(expr: Expr, path: str) -> Expr:
    """Say of every reference in whose record it stands."""
    return rename(expr, lambda r: r if r.path else Ref(r.name, r.index, r.grad, path))


def _value(run: Run, record: Record, name: str, at: Index) -> Expr | None:
    if name in record.inputs:
        return None
    if overrides(type(record.op), Op.explain):
        return Explainer(run, record).explain(name, at)
    inner = run.inside(record.path)
    slot = None if inner is None else inner.plan.where.get(f"{record.path}/{name}", {}).get("y")
    return None if inner is None or slot is None else _inner_value(inner, slot, at)


def _inner_value(inner: Run, slot: int, at: Index) -> Expr:
    """Refer a fused op's output to the arithmetic inside that computes it, past everything that only copies."""
    while True:
        made = inner.plan.slots[slot]
        record, step = inner.records[made.path], inner.plan.step(made.path)
        expr = _value(inner, record, made.name, at)
        if expr is None or step is None:
            return Ref(made.name, at, False, made.path)
        origin = step.inputs.get(expr.name) if isinstance(expr, Ref) and not expr.path else None
        if origin is None or not isinstance(expr, Ref):
            return _placed(expr, made.path)
        slot, at = origin, expr.index


def _gradient(run: Run, record: Record, name: str, at: Index) -> Expr | None:
    if name in record.inputs:
        if overrides(type(record.op), Op.explain):
            return Explainer(run, record).gradient(name, at)
        inner = run.inside(record.path)
        slot = None if inner is None else inner.plan.where.get(f"{record.path}/{name}", {}).get("y")
        return None if inner is None or slot is None else _fork(inner, slot, at)
    slot = run.plan.where.get(record.path, {}).get(name)
    return None if slot is None else _fork(run, slot, at)


def _fork(run: Run, slot: int, at: Index) -> Expr | None:
    """Sum what each user of a value sends back; a seed has no arithmetic of its own."""
    terms = run.terms.get(slot, [])
    if any(not t.path for t in terms):
        return None
    return add(*(Ref(t.port, at, True, t.path) for t in terms))


def derive_weight(run: Run, key: str, index: Iterable[int]) -> Derivation:
    """Explain the gradient of a stored weight: with one user its own arithmetic, with several their sum."""
    slot = run.plan.keys[key]
    terms = run.terms.get(slot, [])
    if not terms:
        raise RunError(f"The weight {key} has no gradient yet: step backward first.")
    if len(terms) == 1:
        return derive(run, terms[0].path, terms[0].port, index, grad=True)
    at = tuple(int(i) for i in index)
    parts = [(Ref(t.port, at, True, t.path), float(t.value[at])) for t in terms]
    expr = add(*(r for r, _ in parts))
    name = run.plan.slots[slot].name
    return Derivation(
        run.plan.slots[slot].path, name, at, True, ref_latex(Ref(name, at, True)), "", expr,
        evaluate(expr, dict(parts).__getitem__), float(run.gradients[slot][at]),
        tuple(Operand(r.path, r.name, r.index, v, True) for r, v in parts))
