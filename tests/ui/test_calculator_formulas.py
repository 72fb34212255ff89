"""Every line that a calculator shows can be typeset: nobody is shown the source instead."""

from __future__ import annotations

import pytest

import graphlab.engine.calculators  # noqa: F401  (registers the calculators)
from graphlab.engine.calculators.base import calculators
from graphlab.ui.formula import typeset


@pytest.mark.parametrize("name", calculators())
@pytest.mark.usefixtures("qapp")
def test_all_lines_are_typeset(name: str) -> None:
    made = calculators()[name]()
    shown = [made.formula(), *(line.latex for line in made.work().lines)]
    assert [source for source in shown if source and not typeset(source).good] == []
