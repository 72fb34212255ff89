"""A number's arithmetic as two lines of LaTeX, with names and with numbers, whose operands can be pointed at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from graphlab.engine.derive import Derivation, Operand, derive, ref_latex
from graphlab.engine.expr import ZERO, Expr, Ref, latex, show_number
from graphlab.engine.graph import Input
from graphlab.engine.run import Run, RunError
from graphlab.ui.formula import mark
from graphlab.ui.numbers import exact_text, number_text, place_text
from graphlab.ui.panels.inspector_subject import Shown, Subject

#: Terms of a sum that are written out; the rest is counted.
TERMS = 6
_ODD = re.compile(r"([_#%&${}])")


@dataclass(frozen=True)
class Arithmetic:
    """A derivation ready to be shown. ``operands`` are numbered from 1, as the marks of both lines are.

    ``origin`` says in a sentence where a number comes from that was not computed from others; ``note`` what else
    there is to say.
    """

    derivation: Derivation
    symbolic: str
    substituted: str
    operands: tuple[Operand, ...]
    origin: str = ""
    note: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the arithmetic gives the number that the engine computed, to rounding."""
        a, b = self.derivation.value, self.derivation.engine
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))

    def plain(self) -> str:
        """Write both lines as LaTeX for a page."""
        d = self.derivation
        return d.left if self.origin else f"{d.symbolic(TERMS)} \\\\\n{d.substituted(TERMS)}"


def place_of(operand: Operand) -> str:
    """Write which number an operand is: ``W[0, 1]``, ``∂L/∂y[0, 1]``."""
    return place_text(f"∂L/∂{operand.name}" if operand.grad else operand.name, operand.index)


def write(derivation: Derivation, label: Callable[[str], str], origin: str = "") -> Arithmetic:
    """Write a derivation; ``label`` names the nodes that operands of other nodes stand in."""
    d = derivation
    numbers = {Ref(o.name, o.index, o.grad, o.path): n for n, o in enumerate(d.operands, 1)}
    if origin:
        return Arithmetic(d, f"{d.left} = {show_number(d.engine)}", "", d.operands, origin)

    def name(ref: Ref) -> str:
        text = ref_latex(Ref(ref.name, ref.index, ref.grad))
        if ref.path != d.path:
            where = _ODD.sub(r"\\\1", label(ref.path)).replace(" ", r"\ ")
            text = rf"{text}^{{\mathrm{{{where}}}}}" if not ref.grad else _in_denominator(text, where)
        return mark(text, numbers[ref])

    def number(ref: Ref) -> str:
        text = show_number(d.operands[numbers[ref] - 1].value)
        # A minus in front stays visible to what sets parentheses.
        return f"-{mark(text[1:], numbers[ref])}" if text.startswith("-") else mark(text, numbers[ref])

    if d.grad and d.expr == ZERO:
        why = "Every local derivative is 0 here, so no gradient comes back."
        return Arithmetic(d, f"{d.left} = 0", "", (), note=why)
    symbolic, substituted = _write(d.expr, name), _write(d.expr, number)
    result = show_number(d.value)
    return Arithmetic(d, f"{d.left} = {symbolic}", f"= {substituted} = {result}" if substituted != result
                      else f"= {result}", d.operands)


def _write(e: Expr, name: Callable[[Ref], str]) -> str:
    return latex(e, name, TERMS)


def _in_denominator(text: str, where: str) -> str:
    """Write the node's name on the letter that the gradient is by."""
    head = text[:-1]
    return rf"{head}^{{\mathrm{{{where}}}}}}}"


def explain(run: Run, subject: Subject, shown: Shown, index: tuple[int, ...], grad: bool,
            label: Callable[[str], str]) -> Arithmetic:
    """Explain a number of a node. Raises `RunError` in words where it has not been computed yet."""
    if grad and shown.partial:
        raise RunError(f"∂L/∂{shown.name} is a sum: {shown.partial}")
    path, name = subject.path, shown.name
    if not grad and shown.source and shown.value is not None:
        # An input is the output of another node: the same number, one node back.
        value = float(shown.value[index])
        ref = Ref(shown.output, index, False, shown.source)
        return write(Derivation(path, name, index, False, ref_latex(Ref(name, index)), "", ref, value, value,
                                (Operand(shown.source, shown.output, index, value),)), label)
    outer = subject.plan.prefix.rstrip("/")
    if not grad and outer and isinstance(subject.node.op, Input) and shown.value is not None:
        # The Inputs of an op's inside are what the op itself receives.
        value, ref = float(shown.value[index]), Ref(subject.node.id, index, False, outer)
        return write(Derivation(path, name, index, False, ref_latex(Ref(name, index)), "", ref, value, value,
                                (Operand(outer, subject.node.id, index, value),)), label)
    d = derive(run, path, name, index, grad)
    if d.expr != Ref(d.name, d.index, d.grad, d.path):
        return write(d, label)
    return write(d, label, _origin(subject, shown, index, grad))


def _origin(subject: Subject, shown: Shown, index: tuple[int, ...], grad: bool) -> str:
    place = place_text(f"∂L/∂{shown.name}" if grad else shown.name, index)
    if grad and subject.plan.prefix:
        return f"{place} arrives from the network around ‘{subject.plan.prefix.rstrip('/')}’."
    if grad:
        return f"The backward pass starts here: {place} is the loss’s gradient by itself."
    if shown.role in ("weight", "memory"):
        return f"{place} is stored at {shown.key or subject.path}: it was drawn, trained or typed, not computed."
    if isinstance(subject.node.op, Input):
        return f"{place} is data: it comes from outside of the network. Double-click it to type another number."
    return f"{place} has no arithmetic of its own; step into ‘{subject.name}’ to see how it is computed."


def compare(arithmetic: Arithmetic) -> str:
    """Say how the arithmetic's result stands to the engine's number."""
    d = arithmetic.derivation
    if arithmetic.agrees:
        return f"✓ equals the engine’s {number_text(d.engine)}"
    return (f"✗ the engine computed {exact_text(d.engine)}, the arithmetic gives {exact_text(d.value)}: please report "
            "this")
