"""What a training setup says about nodes, by path: which Inputs are fed, which losses count, what is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphlab.engine.train import Phase, Setup


def rename_in_setup(setup: Setup, to: Callable[[str], str]) -> Setup:
    """Return the setup with every path replaced by ``to(path)``."""
    def phase(old: Phase) -> Phase:
        return replace(old, losses=tuple((to(path), factor) for path, factor in old.losses),
                       train=tuple(_rename_pattern(rule, to) for rule in old.train))
    new = setup.replace(feed=tuple((to(path), column) for path, column in setup.feed),
                        phases=tuple(phase(p) for p in setup.phases))
    return setup if new == setup else new


def _rename_pattern(rule: str, to: Callable[[str], str]) -> str:
    sign, pattern = ("!", rule[1:]) if rule.startswith("!") else ("", rule)
    path, below = (pattern[:-2], "/*") if pattern.endswith("/*") else (pattern, "")
    # A pattern that stands for several nodes cannot follow one of them.
    return rule if set("*?[") & set(path) else f"{sign}{to(path)}{below}"


def forget_in_setup(setup: Setup, gone: Callable[[str], bool]) -> Setup:
    """Return the setup without the feeds and losses of nodes that are gone."""
    def phase(old: Phase) -> Phase:
        return replace(old, losses=tuple((path, factor) for path, factor in old.losses if not gone(path)))
    new = setup.replace(feed=tuple((path, column) for path, column in setup.feed if not gone(path)),
                        phases=tuple(phase(p) for p in setup.phases))
    return setup if new == setup else new
