"""Snippets of LaTeX for notes: a node's formula, and one number's derivation with the numbers put in."""

from __future__ import annotations

from graphlab.engine.derive import Derivation, derive
from graphlab.engine.graph import Node
from graphlab.engine.op import Op
from graphlab.engine.record import Record
from graphlab.engine.run import Run, RunError

_SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
            "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def escape(text: str) -> str:
    """Write a plain text so that LaTeX prints it as it is."""
    return "".join(_SPECIAL.get(c, c) for c in text)


def formula(node: Node) -> str:
    """Return a node's formula as a displayed equation under its name."""
    op: Op = node.op
    body = op.formula()
    title = f"% {op.title} {node.name}: {op.sentence()}".replace("\n", " ")
    return f"{title}\n\\[\n{body}\n\\]\n" if body else f"{title}\n"


def derivation(derived: Derivation, limit: int = 8) -> str:
    """Return one number's arithmetic in lines that stand under each other: the terms, the numbers, the result.

    Of long sums ``limit`` terms are shown and the rest as one.
    """
    symbolic = derived.symbolic(limit).partition(" = ")[2]
    numbers = derived.substituted(limit).partition(" = ")[2]
    terms, _, result = numbers.rpartition(" = ")
    kind = "gradient of the loss by" if derived.grad else "value of"
    place = ", ".join(map(str, derived.index))
    lines = [f"{derived.left} &= {symbolic}", f"&= {terms}", f"&= {result}"]
    lines = list(dict.fromkeys(lines))
    head = f"% {kind} {derived.path}, {derived.name}[{place}]"
    general = f"% in general: {derived.formula}\n" if derived.formula and not derived.grad else ""
    return f"{head}\n{general}\\begin{{align*}}\n" + " \\\\\n".join(lines) + "\n\\end{align*}\n"


def step(run: Run, path: str, index: dict[str, tuple[int, ...]] | None = None, limit: int = 8) -> str:
    """Return one executed step: its formula, then the derivation of one number of each output.

    Where the step has gone backward, one number of each input's gradient follows. ``index`` chooses numbers by array
    name; the first is taken otherwise. Raises `RunError` where the step has not run.
    """
    record = run.record(path)
    node = next((s.node for s in run.plan.steps if s.path == path), None)
    if record is None:
        raise RunError(f"‘{path}’ has not been run; run the network first.")
    chosen = index or {}
    parts = [formula(node or Node(path.rpartition("/")[2], record.op))]
    for name, value in record.outputs.items():
        if value.size:
            parts.append(derivation(derive(run, path, name, chosen.get(name, (0,) * value.ndim)), limit))
    for name in _gradients(record):
        at = chosen.get(name, (0,) * record.gradients[name].ndim)
        parts.append(derivation(derive(run, path, name, at, grad=True), limit))
    return "\n".join(parts)


def _gradients(record: Record) -> list[str]:
    return [n for n, v in record.inputs.items() if v is not None and n in record.gradients and v.size]
