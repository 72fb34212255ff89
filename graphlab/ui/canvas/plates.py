"""Painting what stands beside cards: shapes on wires, sums of gradients, notes and frames."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QTextOption

from graphlab.document.model import Note
from graphlab.ui.canvas.board import corner, note_rect
from graphlab.ui.canvas.geometry import Spot
from graphlab.ui.canvas.looks import SumLook, WireLook
from graphlab.ui.canvas.painting import CENTRE, FADED, LEFT, RIGHT
from graphlab.ui.canvas.routing import Route
from graphlab.ui.canvas.style import CORNER, Style
from graphlab.ui.theme import mix


def paint_plate(painter: QPainter, way: Route, text: str, look: WireLook, style: Style) -> None:
    """Draw the shape on its plate."""
    if way.label is None or not text:
        return
    now = style.theme
    painter.save()
    if look.dimmed:
        painter.setOpacity(painter.opacity() * FADED)
    painter.setPen(style.pen(now.accent if look.lit or look.selected else now.hairline))
    painter.setBrush(now.canvas)
    painter.drawRoundedRect(way.label_rect, 4, 4)
    painter.setFont(style.small)
    painter.setPen(now.text if look.lit else now.muted)
    painter.drawText(way.label_rect, CENTRE, text)
    painter.restore()


def paint_port_name(painter: QPainter, spot: Spot, shape: str, style: Style) -> None:
    """Draw the name of a port, and the shape there, on a plate beside it, off the card."""
    now, text = style.theme, f"{spot.name}  {shape}" if shape else spot.name
    width = style.width(text, "small") + 12
    x = spot.at.x() + 12 if spot.side == "out" else spot.at.x() - 12 - width
    rect = QRectF(x, spot.at.y() - 22, width, 18)
    painter.setPen(style.pen(now.accent))
    painter.setBrush(now.card)
    painter.drawRoundedRect(rect, 4, 4)
    painter.setPen(now.text)
    painter.setFont(style.small)
    painter.drawText(rect, CENTRE, text)


def sum_rect(card: QRectF, look: SumLook, style: Style) -> QRectF:
    """Return the rectangle of the plate that shows a sum of gradients: under the right corner of the card."""
    if look.open:
        names = max(style.width(name, "small") for name, _ in look.terms)
        width, height = 24 + names + 64, 14 * (len(look.terms) + 1) + 12
    else:
        width, height = 38.0, 16
    return QRectF(card.right() - width, card.bottom() + 5, width, height)


def paint_sum(painter: QPainter, card: QRectF, look: SumLook, style: Style) -> None:
    """Draw Σ at a fork: how many terms have arrived; open, the terms as strips and their sum under a line."""
    now, rect = style.theme, sum_rect(card, look, style)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.setPen(style.pen(now.now))
    painter.setBrush(now.card)
    painter.drawRoundedRect(rect, 4, 4)
    painter.setFont(style.small)
    painter.setPen(now.text)
    arrived = sum(1 for _, strip in look.terms if strip is not None)
    if not look.open:
        painter.drawText(rect, CENTRE, f"Σ {arrived}/{len(look.terms)}")
        painter.restore()
        return
    y = rect.y() + 4
    for i, (name, strip) in enumerate((*look.terms, ("", look.total))):
        total = i == len(look.terms)
        y += 4 if total else 0
        line = QRectF(rect.x() + 6, y, rect.width() - 12, 14)
        if total:
            painter.setPen(style.pen(now.border))
            painter.drawLine(QLineF(line.left(), y - 1, line.right(), y - 1))
        painter.setPen(now.text if strip is not None else now.muted)
        painter.drawText(line, LEFT, "Σ" if total else f"+ {name}")
        if strip is not None:
            painter.drawImage(QRectF(line.right() - 60, y + 4, 60, 6), strip)
        else:
            painter.drawText(line, RIGHT, "not yet")
        y += 14
    painter.restore()


def paint_note(painter: QPainter, note: Note, style: Style, selected: bool = False) -> None:
    """Draw a note, or the rectangle and title of a frame."""
    now, rect = style.theme, note_rect(note)
    painter.save()
    if note.kind == "frame":
        tint = QColor(now.muted)
        tint.setAlpha(22)
        painter.setPen(style.pen(now.accent if selected else now.border, 2.0 if selected else 1.0))
        painter.setBrush(tint)
        painter.drawRoundedRect(rect, CORNER + 2, CORNER + 2)
        painter.setPen(now.muted)
        painter.setFont(style.title)
        painter.drawText(rect.adjusted(10, 5, -10, 0), note.text or "Frame")
    else:
        painter.setPen(style.pen(now.accent if selected else now.hairline, 2.0 if selected else 1.0))
        painter.setBrush(mix(now.canvas, now.warning, 0.12))
        painter.drawRoundedRect(rect, 4, 4)
        painter.setPen(now.text)
        painter.setFont(style.body)
        wrap = QTextOption()
        wrap.setWrapMode(QTextOption.WrapMode.WordWrap)
        painter.drawText(rect.adjusted(8, 6, -8, -6), note.text or "Note", wrap)
    if selected:
        grip = corner(note).bottomRight()
        for i in (4, 8):
            painter.drawLine(QLineF(grip.x() - i - 2, grip.y() - 4, grip.x() - 4, grip.y() - i - 2))
    painter.restore()
