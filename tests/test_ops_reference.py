"""The generated page of operations is current."""

from __future__ import annotations

from tools.ops_reference import TARGET, reference


def without_checks(text: str) -> list[str]:
    # How small an error is in its last digits depends on the machine; that it is small is what test_ops.py tests.
    return [line for line in text.splitlines() if not line.startswith("- **Check**")]


def test_docs_ops_is_what_the_declarations_say() -> None:
    have = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    assert without_checks(have) == without_checks(reference()), "run python -m tools.ops_reference"
