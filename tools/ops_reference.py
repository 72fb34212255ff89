"""Write docs/ops.md: every operation with its formula, shapes, conventions, source, and how its gradient was checked.

Run ``python -m tools.ops_reference`` after an op has changed; a test compares the file with what this would write.
"""

from __future__ import annotations

import math
from pathlib import Path

from graphlab.engine.declared import describe
from graphlab.engine.gradcheck import numeric_gradient, relative_error
from graphlab.engine.op import Op, registry
from tests.engine.generic import prepare

TARGET = Path(__file__).parent.parent / "docs" / "ops.md"

HEAD = """# Operations

Written by `python -m tools.ops_reference` from the operations' own declarations. Indices count from 0.
*Check* is the largest relative error, |analytic − numeric| / max(1, |analytic|, |numeric|), of the gradients of all
inputs and weights against central differences in float64, over the op's own cases, rounded up to a power of ten.
"""


def worst_error(name: str, cls: type[Op]) -> str:
    """Hold the gradients of an op's cases against central differences."""
    if cls.surrogate:
        return f"surrogate gradient: {cls.surrogate}"
    worst, count = 0.0, 0
    for i, case in enumerate(cls.cases()):
        prepared = prepare(f"{name}-{i}", case)
        record = prepared.run().records["op"]
        seeds = {n: record.gradients[n] for n in record.outputs}
        for port, gradient in record.gradients.items():
            if port in record.inputs:
                worst = max(worst, relative_error(gradient, numeric_gradient(record, port, seeds)))
                count += 1
    if not count:
        return "no gradient"
    power = -12 if worst < 1e-12 else math.ceil(math.log10(worst))
    return f"≤ 1e{power} over {count} gradients"


def section(name: str, cls: type[Op]) -> list[str]:
    """Write one op."""
    op = cls()
    lines = [f"### {cls.title}", "", cls.sentence(), ""]
    if op.formula():
        lines += [f"$$ {op.formula()} $$", ""]
    ports = [p.name + (" (weight)" if p.weight else " (memory)" if p.memory else " (optional)" if p.optional else "")
             for p in op.ports()]
    lines.append(f"- **Inputs** {', '.join(ports) or 'none'} · **outputs** {', '.join(op.output_names()) or 'none'}")
    for a in cls.attributes():
        limits = [f"from {a.min:g}" if a.min is not None else "", f"to {a.max:g}" if a.max is not None else ""]
        kind = " · ".join(a.choices) if a.choices else " ".join([describe(a.type), *filter(None, limits)])
        default = "empty" if a.default in ((), "") else a.default if not isinstance(a.default, Op) else a.default.title
        shown = f", usually `{default}`" if isinstance(a.default, int | float | str | tuple) else ""
        lines.append(f"- `{a.name}`: {a.help} ({kind}{shown})")
    if cls.source:
        lines.append(f"- **Source** {cls.source}")
    if cls.also:
        lines.append(f"- **Also found as** {', '.join(cls.also)}")
    if not cls.composite():
        lines.append(f"- **Check** {worst_error(name, cls)}")
    return [*lines, ""]


def reference() -> str:
    """Return the whole page."""
    lines = [HEAD]
    ops = sorted(registry().items(), key=lambda i: (i[1].category, i[1].title))
    category = ""
    for name, cls in ops:
        if cls.category == "Unknown":
            continue
        if cls.category != category:
            category = cls.category
            lines += [f"## {category}", ""]
        lines += section(name, cls)
    return "\n".join(lines)


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
