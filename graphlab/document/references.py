"""What a training setup says about nodes, by path: which Inputs are fed, which losses count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphlab.engine.train import Setup


def rename_in_setup(setup: Setup, to: Callable[[str], str]) -> Setup:
    """Return the setup with every path replaced by ``to(path)``."""
    return replace(
        setup,
        feed=tuple((to(path), column) for path, column in setup.feed),
        phases=tuple(replace(phase, losses=tuple((to(path), factor) for path, factor in phase.losses))
                     for phase in setup.phases),
    )


def forget_in_setup(setup: Setup, gone: Callable[[str], bool]) -> Setup:
    """Return the setup without the feeds and losses of nodes that are gone."""
    return replace(
        setup,
        feed=tuple((path, column) for path, column in setup.feed if not gone(path)),
        phases=tuple(replace(phase, losses=tuple((path, factor) for path, factor in phase.losses if not gone(path)))
                     for phase in setup.phases),
    )
