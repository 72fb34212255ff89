"""One step of the debugger as a figure and as LaTeX: the card, the formula with its shapes, the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from graphlab.document.export import latex as texts
from graphlab.engine.derive import derive
from graphlab.engine.op import Array
from graphlab.engine.run import RunError
from graphlab.engine.spec import show_shape
from graphlab.ui import theme as themes
from graphlab.ui.canvas.geometry import content_of, counts, make_card
from graphlab.ui.canvas.looks import Played
from graphlab.ui.canvas.painting import paint_card
from graphlab.ui.canvas.style import Style
from graphlab.ui.export.network import ThemeName, theme_of
from graphlab.ui.export.write import Drawing, ExportError, application, check_target, write
from graphlab.ui.formula_lines import Layout, lay_out
from graphlab.ui.numbers import number_text, place_text
from graphlab.ui.panels.inspector_arithmetic import Arithmetic, explain
from graphlab.ui.panels.inspector_derivation import Spot
from graphlab.ui.panels.inspector_formula import shape_line, shapes, with_shapes
from graphlab.ui.panels.inspector_subject import Shown, Subject, arrays, current_path, find, label_of
from graphlab.ui.session import Session
from graphlab.ui.tensor_view_model import largest_of, strength

_MARGIN, _GAP, _WIDTH, _MOST = 24.0, 16.0, 720.0, 6
_CELL_HEIGHT, _TITLE = 20.0, 18.0


@dataclass(frozen=True)
class Table:
    """The upper left corner of a tensor, with its name and shape: what a figure shows of an array."""

    title: str
    values: Array
    largest: float
    gradient: bool
    more_rows: bool
    more_columns: bool
    framed: tuple[int, int] | None = None


def table_of(shown: Shown, gradient: bool, spot: Spot | None) -> Table:
    """Cut what a figure shows out of an array: the slice of the number that is explained, else the first."""
    array = shown.gradient if gradient else shown.value
    assert array is not None
    own = spot is not None and (spot.name, spot.grad) == (shown.name, gradient)
    lead = spot.index[:-2] if own and spot is not None and array.ndim > 2 else (0,) * max(0, array.ndim - 2)
    plane = np.atleast_2d(array[lead])
    label = f"∂L/∂{shown.name}" if gradient else shown.name
    at = f"[{', '.join(map(str, lead))}]" if lead else ""
    frame = None
    if own and spot is not None:
        row, column = (*(0, 0), *spot.index)[-2:]
        frame = (row, column) if row < _MOST and column < _MOST else None
    return Table(f"{label}{at} {show_shape(array.shape)}", plane[:_MOST, :_MOST], largest_of(array), gradient,
                 plane.shape[0] > _MOST, plane.shape[1] > _MOST, frame)


class StepFigure:
    """Lays out the figure of one node: what stands in it, and how large it is."""

    def __init__(self, session: Session, subject: Subject, spot: Spot | None, theme: themes.Theme) -> None:
        self.theme, self.subject = theme, subject
        self.style = Style(theme=theme)
        self.number_font = themes.font(12, tabular=True)
        self.metrics = QFontMetricsF(self.number_font)
        self.played = Played(session.player, theme, subject.path.rpartition("/")[0])
        node, step = subject.node, subject.step
        wired = [p.name for p in node.op.ports()
                 if step is not None and p.data and step.inputs.get(p.name) is not None]
        content = content_of(node, wired, node.op.output_names(), counts(subject.plan).get(subject.path, (0, 0)))
        self.card = make_card(node.id, subject.path, node, content, 0.0, 0.0, self.style)
        shown = arrays(session, subject)
        self.tables = [table_of(s, g, spot) for s in shown for g in (False, True)
                       if (s.gradient if g else s.value) is not None and s.role != "kept for backward"]
        self.arithmetic = self._explain(session, shown, spot)
        self.title = f"{subject.name} · {subject.node.op.title}"
        formula = subject.node.op.formula()
        annotated = with_shapes(formula, shapes(subject))
        self.caption = "" if annotated else shape_line(subject)
        room = max(_WIDTH / 2, _WIDTH - self.card.rect.width() - _GAP)
        self.formula = lay_out(annotated or formula, 20.0, room) if formula else None
        lines = [] if self.arithmetic is None else [self.arithmetic.symbolic, self.arithmetic.substituted]
        self.lines: list[Layout] = [lay_out(text, 16.0, _WIDTH) for text in lines if text]
        self.places, self.height = self._place()
        beside = max(self.style.width(self.title, "title"), self.style.width(self.caption, "small"),
                     self.formula.width if self.formula else 0.0)
        self.width = max([_WIDTH, self.card.rect.width() + _GAP + beside, *(line.width for line in self.lines)])

    def _explain(self, session: Session, shown: list[Shown], spot: Spot | None) -> Arithmetic | None:
        if spot is None or self.subject.run is None:
            return None
        try:
            s = next(s for s in shown if s.name == spot.name)
            return explain(self.subject.run, self.subject, s, spot.index, spot.grad, lambda p: label_of(session, p))
        except (StopIteration, RunError):
            return None

    def cell(self, table: Table) -> float:
        """Return how wide the cells of a table are."""
        return max((self.metrics.horizontalAdvance(number_text(v)) for v in table.values.flat), default=20.0) + 12

    def size(self, table: Table) -> tuple[float, float]:
        """Return the width and height of a table with its title."""
        rows, columns = table.values.shape
        wide = columns * self.cell(table) + (18 if table.more_columns else 0)
        return (max(wide, QFontMetricsF(self.style.body).horizontalAdvance(table.title) + 4),
                _TITLE + (rows + table.more_rows) * _CELL_HEIGHT)

    def _place(self) -> tuple[list[QPointF], float]:
        """Put the tables into rows below the formula, and the arithmetic below them."""
        y = max(self.card.rect.height(), self._head()) + _GAP
        x, tallest, places = 0.0, 0.0, []
        for table in self.tables:
            wide, high = self.size(table)
            if x and x + wide > _WIDTH:
                x, y, tallest = 0.0, y + tallest + _GAP, 0.0
            places.append(QPointF(x, y))
            x, tallest = x + wide + _GAP, max(tallest, high)
        y += tallest
        for line in self.lines:
            y += _GAP + line.height
        return places, y

    def _head(self) -> float:
        return 22 + (self.formula.height if self.formula else 0.0) + (20 if self.caption else 0)

    def paint(self, painter: QPainter) -> None:
        """Draw the figure with its margin."""
        now = self.theme
        painter.save()
        painter.translate(_MARGIN, _MARGIN)
        paint_card(painter, self.card, self.played.card(self.card), self.style)
        left = self.card.rect.width() + _GAP
        painter.setPen(now.text)
        painter.setFont(self.style.title)
        painter.drawText(QPointF(left, 14), self.title)
        y = 24.0
        if self.formula is not None:
            self.formula.paint(painter, QPointF(left, y), now.text)
            y += self.formula.height
        if self.caption:
            painter.setPen(now.muted)
            painter.setFont(self.style.small)
            painter.drawText(QPointF(left, y + 14), self.caption)
        for table, at in zip(self.tables, self.places, strict=True):
            self._table(painter, table, at)
        signs: Mapping[int, QColor] = {} if self.arithmetic is None else {
            n: now.sign(o.value) for n, o in enumerate(self.arithmetic.operands, 1)}
        y = self.height - sum(line.height + _GAP for line in self.lines)
        for number, line in enumerate(self.lines):
            y += _GAP
            line.paint(painter, QPointF(0, y), now.text, signs.get if number else None)
            y += line.height
        painter.restore()

    def _table(self, painter: QPainter, table: Table, at: QPointF) -> None:
        now, wide = self.theme, self.cell(table)
        painter.setPen(now.text)
        painter.setFont(self.style.body)
        painter.drawText(QPointF(at.x(), at.y() + 12), table.title)
        painter.setFont(self.number_font)
        rows, columns = table.values.shape
        for (r, c), value in np.ndenumerate(table.values):
            rect = QRectF(at.x() + c * wide, at.y() + _TITLE + r * _CELL_HEIGHT, wide, _CELL_HEIGHT)
            share = float(strength(np.asarray(value), table.largest, table.gradient))
            painter.fillRect(rect, themes.mix(now.card, now.sign(share), 0.05 + 0.37 * abs(share) if share else 0.0))
            painter.setPen(now.text)
            painter.drawText(rect.adjusted(0, 0, -6, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                             number_text(value))
        body = QRectF(at.x(), at.y() + _TITLE, columns * wide, rows * _CELL_HEIGHT)
        painter.setPen(now.muted)
        if table.more_columns:
            painter.drawText(QPointF(body.right() + 4, body.center().y() + 4), "…")
        if table.more_rows:
            painter.drawText(QPointF(body.x() + 6, body.bottom() + 13), "⋮")
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(now.hairline, 1))
        painter.drawRect(body)
        if table.framed is not None:
            r, c = table.framed
            painter.setPen(QPen(now.now, 2))
            painter.drawRect(QRectF(body.x() + c * wide, body.y() + r * _CELL_HEIGHT, wide, _CELL_HEIGHT))


def _subject(session: Session, spot: Spot | None) -> Subject:
    path = spot.path if spot is not None else current_path(session)
    subject = find(session, path)
    if subject is None or subject.record is None:
        raise ExportError("There is no step to draw: run the network (F5) or step (F10), and select a node.")
    return subject


def step_drawing(session: Session, spot: Spot | None = None, theme: ThemeName | None = "light") -> Drawing:
    """Return the current step (the selected node, or where the debugger stands) as something to paint.

    ``spot`` is the number whose arithmetic is written out. Raises `ExportError` in words where nothing has run.
    """
    application()
    subject = _subject(session, spot)
    figure = StepFigure(session, subject, spot, theme_of(theme))
    title = subject.name if spot is None else f"{place_text(spot.name, spot.index)} of {subject.name}"
    return Drawing(figure.width + 2 * _MARGIN, figure.height + 2 * _MARGIN, figure.paint, figure.theme.base, title)


def export_step(
    session: Session, out: Path, spot: Spot | None = None, *, theme: ThemeName | None = "light", scale: float = 2.0,
) -> None:
    """Write the current step as SVG, PDF or PNG; ``theme`` None is the one that is shown.

    Raises `ExportError` in words; an old file is then untouched.
    """
    check_target(out)
    write(step_drawing(session, spot, theme), out, scale)


def step_latex(session: Session, spot: Spot | None = None) -> str:
    """Write the current step as LaTeX: formula, one number of each output, and of each gradient that was reached.

    Raises `ExportError` in words where nothing has run.
    """
    subject = _subject(session, spot)
    record, run = subject.record, subject.run
    if record is None or run is None:
        return texts.formula(subject.node)
    parts = [texts.formula(subject.node)]
    wanted = [(n, False, v) for n, v in record.outputs.items()]
    if subject.stage == "backward":
        wanted += [(n, True, v) for n, v in record.gradients.items() if n in record.inputs]
    try:
        for name, grad, array in wanted:
            at = spot.index if spot is not None and (spot.name, spot.grad) == (name, grad) else (0,) * array.ndim
            if array.size:
                parts.append(texts.derivation(derive(run, subject.path, name, at, grad)))
    except RunError as e:
        raise ExportError(str(e)) from e
    return "\n".join(parts)
