"""Arithmetic as a value: the expression one number came from, which can be evaluated, derived and written down."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

Index = tuple[int, ...]


class Expr:
    """A node of an expression: `Ref`, `Num`, `Sum`, `Prod`, `Call` or `Pick`."""

    __slots__ = ()


@dataclass(frozen=True)
class Ref(Expr):
    """One number of a named array of the op: ``x[2, 3]``; with ``grad`` the loss's gradient by it."""

    name: str
    index: Index
    grad: bool = False
    path: str = ""


@dataclass(frozen=True)
class Num(Expr):
    """A plain number, with the way it is written where that is not its digits (``1/N``)."""

    value: float
    text: str = ""


@dataclass(frozen=True)
class Sum(Expr):
    """t₁ + t₂ + …"""

    terms: tuple[Expr, ...]


@dataclass(frozen=True)
class Prod(Expr):
    """f₁ · f₂ · …"""

    factors: tuple[Expr, ...]


@dataclass(frozen=True)
class Call(Expr):
    """A function of `FUNCTIONS` applied to arguments."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Pick(Expr):
    """One of several arguments, chosen by ``name`` (max, min, where); ``chosen`` None passes nobody the gradient.

    ``value`` is what comes out when nobody is chosen: at a tie it is the value that all share.
    """

    name: str
    args: tuple[Expr, ...]
    chosen: int | None


ZERO, ONE = Num(0.0), Num(1.0)


def add(*terms: Expr) -> Expr:
    """Add expressions, leaving out zeros."""
    flat = [t for term in terms for t in (term.terms if isinstance(term, Sum) else (term,)) if t != ZERO]
    if not flat:
        return ZERO
    return flat[0] if len(flat) == 1 else Sum(tuple(flat))


def mul(*factors: Expr) -> Expr:
    """Multiply expressions, leaving out ones and pairs of minus signs; a zero makes it zero."""
    flat = [f for fac in factors for f in (fac.factors if isinstance(fac, Prod) else (fac,)) if f != ONE]
    if any(f == ZERO for f in flat):
        return ZERO
    if (minus := flat.count(Num(-1.0))) and len(flat) > 1:
        flat = [Num(-1.0)] * (minus % 2) + [f for f in flat if f != Num(-1.0)]
    if not flat:
        return ONE
    return flat[0] if len(flat) == 1 else Prod(tuple(flat))


def neg(e: Expr) -> Expr:
    """Return −e."""
    return mul(Num(-1.0), e)


def sub(a: Expr, b: Expr) -> Expr:
    """Return a − b."""
    return add(a, neg(b))


def div(a: Expr, b: Expr) -> Expr:
    """Return a / b."""
    return a if b == ONE else Call("div", (a, b))


def call(name: str, *args: Expr) -> Expr:
    """Apply a function of `FUNCTIONS`."""
    return Call(name, args)


def maximum(name: str, args: Iterable[Expr], chosen: int | None) -> Expr:
    """Pick one argument."""
    return Pick(name, tuple(args), chosen)


@dataclass(frozen=True)
class Function:
    """How a function is evaluated, derived and written. ``latex`` has one ``{}`` an argument, or one for all."""

    value: Callable[..., float]
    partials: Callable[..., tuple[Expr, ...]]
    latex: str


def _logsumexp(*v: float) -> float:
    top = max(v)
    return top if math.isinf(top) else top + math.log(math.fsum(math.exp(x - top) for x in v))


def _sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z)) if z >= 0 else math.exp(z) / (1.0 + math.exp(z))


def _exp(z: float) -> float:
    return math.exp(z) if z < 709.0 else math.inf


def _phi(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def _power_slope(a: Expr, b: Expr) -> Expr:
    if not isinstance(b, Num):
        return mul(b, call("pow", a, sub(b, ONE)))
    return mul(b, a if b.value == 2.0 else ONE if b.value == 1.0 else call("pow", a, Num(b.value - 1.0)))


FUNCTIONS: dict[str, Function] = {
    "exp": Function(_exp, lambda a: (call("exp", a),), r"e^{{{}}}"),
    "ln": Function(math.log, lambda a: (div(ONE, a),), r"\ln\left({}\right)"),
    "sqrt": Function(math.sqrt, lambda a: (div(Num(0.5), call("sqrt", a)),), r"\sqrt{{{}}}"),
    "tanh": Function(
        math.tanh, lambda a: (sub(ONE, mul(call("tanh", a), call("tanh", a))),), r"\tanh\left({}\right)"),
    "sigmoid": Function(
        _sigmoid, lambda a: (mul(call("sigmoid", a), sub(ONE, call("sigmoid", a))),), r"\sigma\left({}\right)"),
    "softplus": Function(
        lambda a: max(a, 0.0) + math.log1p(math.exp(-abs(a))), lambda a: (call("sigmoid", a),),
        r"\ln\left(1+e^{{{}}}\right)"),
    "abs": Function(abs, lambda a: (call("sign", a),), r"\left|{}\right|"),
    "sign": Function(lambda a: float(np.sign(a)), lambda a: (ZERO,), r"\mathrm{{sign}}\left({}\right)"),
    "Phi": Function(
        lambda a: 0.5 * (1.0 + math.erf(a / math.sqrt(2.0))), lambda a: (call("phi", a),), r"\Phi\left({}\right)"),
    "phi": Function(_phi, lambda a: (neg(mul(a, call("phi", a))),), r"\varphi\left({}\right)"),
    "sin": Function(math.sin, lambda a: (call("cos", a),), r"\sin\left({}\right)"),
    "cos": Function(math.cos, lambda a: (neg(call("sin", a)),), r"\cos\left({}\right)"),
    "div": Function(
        lambda a, b: a / b, lambda a, b: (div(ONE, b), neg(div(a, mul(b, b)))), r"\frac{{{}}}{{{}}}"),
    "pow": Function(
        math.pow,
        lambda a, b: (_power_slope(a, b), ZERO if isinstance(b, Num) else mul(call("pow", a, b), call("ln", a))),
        r"\left({}\right)^{{{}}}"),
    "logsumexp": Function(
        _logsumexp, lambda *v: tuple(call("exp", sub(a, Call("logsumexp", v))) for a in v),
        r"\ln\sum\left(e^{{{}}}\right)"),
}


def evaluate(e: Expr, look: Callable[[Ref], float]) -> float:
    """Evaluate in float64; ``look`` gives the number behind a `Ref`."""
    match e:
        case Ref():
            return look(e)
        case Num(value=v):
            return v
        case Sum(terms=terms):
            values = [evaluate(t, look) for t in terms]
            return math.fsum(values) if all(map(math.isfinite, values)) else float(np.sum(values))
        case Prod(factors=factors):
            return math.prod(evaluate(f, look) for f in factors)
        case Call(name=name, args=args):
            try:
                return float(FUNCTIONS[name].value(*(evaluate(a, look) for a in args)))
            except (ValueError, ZeroDivisionError, OverflowError):
                return math.nan
        case Pick(name=name, args=args, chosen=chosen):
            if chosen is not None:
                return evaluate(args[chosen], look)
            return max(evaluate(a, look) for a in args) if name == "max" else min(evaluate(a, look) for a in args)
    raise TypeError(f"not an expression: {e!r}")


def differentiate(
    e: Expr, target: Ref, expand: Callable[[Ref], Expr | None], memo: dict[Ref, Expr] | None = None,
) -> Expr:
    """Return ∂e/∂target by the sum, product and chain rules.

    ``expand`` explains a `Ref` that is not an input but an intermediate value, so that the chain goes on through it.
    """
    memo = {} if memo is None else memo

    def d(e: Expr) -> Expr:
        match e:
            case Ref():
                if e == target:
                    return ONE
                if e not in memo:
                    inner = expand(e)
                    memo[e] = ZERO if inner is None else d(inner)
                return memo[e]
            case Num():
                return ZERO
            case Sum(terms=terms):
                return add(*(d(t) for t in terms))
            case Prod(factors=fs):
                slopes = [d(f) for f in fs]
                return add(*(mul(*fs[:i], s, *fs[i + 1:]) for i, s in enumerate(slopes) if s != ZERO))
            case Call(name=name, args=args):
                slopes = [d(a) for a in args]
                if all(s == ZERO for s in slopes):
                    return ZERO
                return add(*(mul(p, s) for p, s in zip(FUNCTIONS[name].partials(*args), slopes, strict=True)))
            case Pick(args=args, chosen=chosen):
                return ZERO if chosen is None else d(args[chosen])
        raise TypeError(f"not an expression: {e!r}")

    return d(e)


def refs(e: Expr) -> Iterator[Ref]:
    """Walk over every `Ref` in reading order, repeats included."""
    match e:
        case Ref():
            yield e
        case Sum(terms=parts) | Prod(factors=parts) | Call(args=parts) | Pick(args=parts):
            for p in parts:
                yield from refs(p)


def rename(e: Expr, how: Callable[[Ref], Expr]) -> Expr:
    """Replace every `Ref`."""
    match e:
        case Ref():
            return how(e)
        case Sum(terms=parts):
            return Sum(tuple(rename(p, how) for p in parts))
        case Prod(factors=parts):
            return Prod(tuple(rename(p, how) for p in parts))
        case Call(args=parts) | Pick(args=parts):
            return replace(e, args=tuple(rename(p, how) for p in parts))
    return e


def show_number(v: float, digits: int = 4) -> str:
    """Write a number with 4 significant digits, as LaTeX; far from 1 with ``\\times 10^n``."""
    if not math.isfinite(v):
        return r"\mathrm{NaN}" if math.isnan(v) else (r"\infty" if v > 0 else r"-\infty")
    if v == int(v) and abs(v) < 10**digits:
        return str(int(v))
    if 1e-3 <= abs(v) < 10 ** (digits + 1):
        return f"{v:.{max(digits - 1 - math.floor(math.log10(abs(v))), 0)}f}"
    mantissa, power = f"{v:.{digits - 1}e}".split("e")
    return rf"{mantissa}\times 10^{{{int(power)}}}"


def latex(e: Expr, name: Callable[[Ref], str], limit: int = 8) -> str:
    """Write an expression as LaTeX; sums of more than ``limit`` terms show some and the count of the rest."""

    def wrap(x: Expr) -> str:
        text = write(x)
        negative = isinstance(x, Num | Ref) and text.startswith("-")
        return rf"\left({text}\right)" if isinstance(x, Sum) or negative else text

    def write(e: Expr) -> str:
        match e:
            case Ref():
                return name(e)
            case Num(value=v, text=text):
                return text or show_number(v)
            case Sum(terms=terms):
                shown = [write(t) for t in terms[:limit]]
                if len(terms) > limit:
                    shown.append(rf"\cdots\ (\mathrm{{{len(terms) - limit}\ more}})")
                return "+".join(shown).replace("+-", "-")
            case Prod(factors=factors):
                if len(factors) > 1 and factors[0] == Num(-1.0):
                    return "-" + write(mul(*factors[1:])) if len(factors) > 2 else "-" + wrap(factors[1])
                return r" \cdot ".join(wrap(f) for f in factors)
            case Call(name=fname, args=args):
                template = FUNCTIONS[fname].latex
                written = [write(a) for a in args]
                if template.count("{}") != len(args):
                    written = [", ".join(written[:limit]) + (r", \ldots" if len(args) > limit else "")]
                return template.format(*written)
            case Pick(name=fname, args=args):
                shown = [write(a) for a in args[:limit]] + ([r"\ldots"] if len(args) > limit else [])
                return rf"\mathrm{{{fname}}}\left({', '.join(shown)}\right)"
        raise TypeError(f"not an expression: {e!r}")

    return write(e)
