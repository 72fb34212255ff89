"""The widgets of the GAN lens: the plane or the gallery, whose turn it is, and the curves with their Nash values."""

from __future__ import annotations

import math

import pyqtgraph as pg
from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.op import Array
from graphlab.ui import icons, theme
from graphlab.ui.lenses.gan_numbers import Game
from graphlab.ui.lenses.gan_plane import GamePlane
from graphlab.ui.lenses.gan_turns import Turns
from graphlab.ui.lenses.pictures import Picture, PictureGrid, as_picture
from graphlab.ui.numbers import exact_text, number_text
from graphlab.ui.panels.training_plots import CurvePlot

#: Pictures of a gallery: rows and columns of generated ones, and real ones below.
ROWS, COLUMNS = 4, 8


class Marked(CurvePlot):
    """Curves with a dashed line at the value of the Nash point."""

    def __init__(self, title: str, mark: float, name: str, top: float | None = None) -> None:
        self.mark: pg.InfiniteLine | None = None
        super().__init__(title, top=top)
        options = {"position": 0.28, "anchors": [(0, 1), (0, 1)]}
        self.mark = pg.InfiniteLine(mark, angle=0, label=name, labelOpts=options)
        self.addItem(self.mark, ignoreBounds=True)
        free = QSizePolicy.Policy.Ignored
        self.setSizePolicy(free, free)
        self.restyle()

    def restyle(self) -> None:
        """Take the theme's colours."""
        super().restyle()
        if self.mark is not None:
            now = theme.current()
            self.mark.setPen(pg.mkPen(now.text, width=1, style=Qt.PenStyle.DashLine))
            self.mark.label.setColor(now.text)
            self.mark.label.setFont(theme.font(10.5))


class Stage:
    """The widgets of the lens, laid out in it."""

    def __init__(self, lens: QWidget) -> None:
        self.flat = True
        self.plane = GamePlane()
        self.gallery = PictureGrid("Generated pictures, and real ones in the last row", 26, 76)
        self.gallery.hide()
        self.legend = QLabel()
        self.legend.setFont(theme.font(11))
        self.drawing = QCheckBox("draw data")
        self.drawing.setToolTip("Draw real data with the mouse on the plane; each stroke can be undone. The first one "
                                "replaces the data there were.")
        self.drawing.toggled.connect(self.plane.set_drawing)
        below = QHBoxLayout()
        below.addWidget(self.drawing)
        below.addWidget(self.legend, 1)
        left = QVBoxLayout()
        left.setSpacing(2)
        for widget in (self.plane, self.gallery):
            left.addWidget(widget, 1)
        left.addLayout(below)
        self.turns = Turns()
        self.step = QPushButton()
        self.step.setIcon(icons.icon("step-forward"))
        self.step.setIconSize(QSize(16, 16))
        self.step.setToolTip("Make one update for real, and wait: the players move one after the other")
        self.numbers = QLabel()
        self.numbers.setFont(theme.font(12.5, tabular=True))
        self.numbers.setTextFormat(Qt.TextFormat.RichText)
        middle = QVBoxLayout()
        middle.setSpacing(4)
        middle.addWidget(self.turns)
        middle.addWidget(self.step)
        middle.addWidget(self.numbers)
        middle.addStretch(1)
        self.opinions = Marked("Mean of D", 0.5, "Nash: ½", top=1.0)
        self.losses = Marked("Losses and V", -math.log(4), "Nash: V = −ln 4")
        right = QVBoxLayout()
        right.setSpacing(4)
        right.addWidget(self.opinions, 4)
        right.addWidget(self.losses, 5)
        grid = QGridLayout(lens)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        for at, (layout, stretch) in enumerate(((left, 7), (middle, 0), (right, 6))):
            grid.addLayout(layout, 0, at)
            grid.setColumnStretch(at, stretch)
        self.restyle()
        # This is no Qt object, so the connection would outlive the lens.
        following = theme.signals.changed.connect(self.restyle)
        lens.destroyed.connect(lambda: QObject.disconnect(following))

    def restyle(self) -> None:
        """Take the theme's colours."""
        now = theme.current()
        if not self.flat:
            self.legend.setText("below each picture: D; the last row is real")
            return
        self.legend.setText(
            f'<span style="color:{now.text.name()}">○ real</span> &nbsp; '
            f'<span style="color:{now.now.name()}">▲ generated, → −∂L_G/∂x</span> &nbsp; '
            f'<span style="color:{now.positive.name()}">D says real</span> · '
            f'<span style="color:{now.negative.name()}">made up</span>')

    def show_kind(self, flat: bool) -> None:
        """Show the plane for points, the gallery for everything else."""
        self.flat = flat
        self.restyle()
        self.plane.setVisible(flat)
        self.gallery.setVisible(not flat)
        self.drawing.setVisible(flat)

    def show_next(self, who: str) -> None:
        """Say whose update the button makes."""
        name = {"D": "the discriminator’s", "G": "the generator’s"}.get(who, "")
        self.step.setText(f"Next update: {name}" if name else "Next update")

    def show_curves(self, updates: list[int], values: Array) -> None:
        """Draw what was followed: mean D(x), mean D(G(z)), L_D, L_G and V, a column each."""
        for i, name in enumerate(("D(x)", "D(G(z))")):
            self.opinions.line(name, (0, 1)[i], _STYLES[i]).setData(updates, values[:, i])
        for i, name in enumerate(("L_D", "L_G", "V")):
            self.losses.line(name, (2, 3, 5)[i], _STYLES[i]).setData(updates, values[:, 2 + i])
        last = updates[-1] if updates else 0
        for plot, columns in ((self.opinions, values[:, :2]), (self.losses, values[:, 2:])):
            plot.show_legend()
            plot.fit(last, [[0.0, 1.0], *columns.T.tolist()] if plot is self.opinions else
                     [[-1.6, 1.6], *columns.T.tolist()])

    def show_gallery(self, game: Game) -> None:
        """Show generated pictures with what the discriminator says to each, and a row of real ones."""
        made = [[Picture(as_picture(game.made[i]), number_text(game.on_made[i], 2),
                         f"D(G(z)) = {exact_text(game.on_made[i])}") for i in range(r * COLUMNS, (r + 1) * COLUMNS)
                 if i < len(game.made)] for r in range(ROWS)]
        real = [Picture(as_picture(v), number_text(d, 2), f"real: D(x) = {exact_text(d)}")
                for v, d in zip(game.real[:COLUMNS], game.on_real[:COLUMNS], strict=True)]
        self.gallery.show_rows([*[row for row in made if row], real], float(game.real.min()), float(game.real.max()))

    def show_numbers(self, game: Game) -> None:
        """Write the averages and the losses."""
        names = ("mean D(x)", "mean D(G(z))", "L_D", "L_G", "V")
        nash = ("½", "½", "ln 4 = 1.386", "", "−ln 4 = −1.386")
        rows = "".join(f"<tr><td>{n}</td><td align='right'>&nbsp;{number_text(v, 4)}</td>"
                       f"<td>&nbsp;&nbsp;{m}</td></tr>"
                       for n, v, m in zip(names, game.numbers(), nash, strict=True))
        head = "<tr><td></td><td align='right'>now</td><td>&nbsp;&nbsp;Nash</td></tr>"
        self.numbers.setText(f"<table>{head}{rows}</table>")
        exact = "  ".join(f"{n} = {exact_text(v)}" for n, v in zip(names, game.numbers(), strict=True))
        self.numbers.setToolTip(f"V = E[ln D(x)] + E[ln(1 − D(G(z)))]: what D makes large and G makes small. {exact}")


_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
