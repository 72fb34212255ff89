"""A plot in the theme's colours, with fixed ranges: the base of what lenses draw with pyqtgraph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg

from graphlab.engine.op import Array
from graphlab.ui import theme


def tint_axes(plot: Any) -> None:
    """Give a pyqtgraph plot the theme's ground, axes and tick font."""
    now = theme.current()
    plot.setBackground(now.base)
    for side in ("left", "bottom"):
        axis = plot.getPlotItem().getAxis(side)
        axis.setPen(now.border)
        axis.setTextPen(now.muted)
        axis.setTickFont(theme.font(10.5, tabular=True))


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """Axes, title and ground follow the theme; the mouse does not move the ranges. `on_theme` redraws items."""

    def __init__(
        self, title: str = "", left: str = "", bottom: str = "", on_theme: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._labels = title, {"left": left, "bottom": bottom}
        self._on_theme = on_theme
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.disableAutoRange()
        item.setContentsMargins(2, 2, 8, 2)
        self.setMinimumSize(160, 120)
        self.setAccessibleName(title or "Plot")
        self.restyle()
        theme.signals.changed.connect(self.restyle)

    def set_title(self, title: str) -> None:
        """Change the words above the plot."""
        self._title = title
        self.getPlotItem().setTitle(title, color=theme.current().text.name(), size="9pt")

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        tint_axes(self)
        item = self.getPlotItem()
        if self._title:
            item.setTitle(self._title, color=now.text.name(), size="9pt")
        for side, label in self._labels.items():
            if label:
                item.getAxis(side).setLabel(label, color=now.muted.name())
        if self._on_theme is not None:
            self._on_theme()

    def set_ranges(self, x: Sequence[float], y: Sequence[float]) -> None:
        """Fix what is shown."""
        self.getPlotItem().setRange(xRange=tuple(x), yRange=tuple(y), padding=0)


def span(values: Array, margin: float = 0.06, least: float = 1e-9) -> tuple[float, float]:
    """Return a range that holds all finite values, with some room."""
    good = np.asarray(values, float)[np.isfinite(values)]
    low, high = (float(good.min()), float(good.max())) if good.size else (-1.0, 1.0)
    room = max((high - low) * margin, least, 1e-3 * max(abs(low), abs(high)))
    return low - room, high + room


def pen(colour: Any, width: float = 1.5, **style: Any) -> Any:
    """Return a pen for pyqtgraph."""
    return pg.mkPen(colour, width=width, **style)
