"""LaTeX snippets of a step."""

from __future__ import annotations

import pytest
import ziamath

from graphlab.document.examples import open_example
from graphlab.document.export import latex
from graphlab.engine.derive import derive
from graphlab.engine.plan import compile
from graphlab.engine.run import Run, RunError, execute


@pytest.fixture
def run() -> Run:
    loaded = open_example("hand-2-2-1")
    return execute(compile(loaded.document.graph), loaded.weights, {}, seeds={("loss", "y"): 1.0})


def test_a_derivation_shows_terms_numbers_and_result(run: Run) -> None:
    text = latex.derivation(derive(run, "output", "y", (0, 0)))
    assert text.startswith("% value of output, y[0, 0]\n")
    lines = text.split("\\begin{align*}\n")[1].split("\n\\end{align*}")[0].split(" \\\\\n")
    assert lines[0].startswith("y_{0,0} &= x_{0,0}")
    assert lines[1].startswith("&= ")
    assert lines[-1] == "&= 2"


def test_a_step_backward_shows_every_gradient(run: Run) -> None:
    text = latex.step(run, "output")
    assert "\\[\ny = xW + b\n\\]" in text
    for name in ("x", "W", "b"):
        assert rf"\frac{{\partial L}}{{\partial {name}" in text
    assert text.count("\\begin{align*}") == text.count("\\end{align*}") == 4


def test_a_number_can_be_chosen(run: Run) -> None:
    assert "% gradient of the loss by hidden, W[1, 0]" in latex.step(run, "hidden", {"W": (1, 0)})


def test_every_line_can_be_set(run: Run) -> None:
    for step in run.plan.steps:
        for part in latex.step(run, step.path).replace("&", "").split("\\begin{align*}\n")[1:]:
            for line in part.split("\n\\end{align*}")[0].split(" \\\\\n"):
                assert ziamath.Latex(line).svg().startswith("<svg")


def test_what_has_not_run_is_refused_in_words(run: Run) -> None:
    with pytest.raises(RunError, match="has not been run"):
        latex.step(run, "nowhere")


def test_text_is_escaped() -> None:
    assert latex.escape(r"50 % of a_b {\}") == r"50 \% of a\_b \{\textbackslash{}\}"
