"""A whole board on a painter: in full near by, with less and less further away, and as a picture for export."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QMarginsF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from graphlab.document.model import Document
from graphlab.engine.graph import Target
from graphlab.engine.plan import Plan
from graphlab.ui.canvas.board import Board, note_rect
from graphlab.ui.canvas.building import board_of
from graphlab.ui.canvas.geometry import Card
from graphlab.ui.canvas.looks import CardLook, Looks, Plain, Played, PlayerState, WireLook
from graphlab.ui.canvas.painting import CENTRE, FADED, body_path, paint_badge, paint_card, paint_grid, paint_wire
from graphlab.ui.canvas.plates import paint_note, paint_plate, paint_sum
from graphlab.ui.canvas.style import PADDING, Style
from graphlab.ui.canvas.thumbs import paint_thumb

#: Below this scale cards show name and value alone; below the second they are rectangles from one bulk painter,
#: and so they are already where more cards are in view than the third.
SIMPLE, FAR, MANY = 0.55, 0.12, 200
MARGIN = 24.0


def paint_board(
    painter: QPainter, board: Board, looks: Looks, rect: QRectF, scale: float = 1.0, flow: float = 1.0,
    hidden: Target | None = None,
) -> None:
    """Draw what of a board lies in ``rect``. ``hidden`` is a wire that is being dragged away."""
    style = board.style
    for note in board.notes.values():
        if note.kind == "frame" and note_rect(note).intersects(rect):
            paint_note(painter, note, style, looks.note(note.id))
    cards = board.cards_in(rect.marginsAdded(QMarginsF(16, 20, 16, 16)))
    if scale < FAR or (scale < SIMPLE and len(cards) > MANY):
        paint_far(painter, board, looks, rect, scale)
    else:
        seen: list[tuple[Target, WireLook]] = []
        find = board.route if scale >= SIMPLE else board.quick_route
        for target, source in board.wires_in(rect):
            if target != hidden and (way := find(target)).bounds.intersects(rect):
                look = looks.wire(target, source)
                seen.append((target, look))
                paint_wire(painter, way, look, style, flow)
        for card in cards:
            if scale < SIMPLE:
                paint_simple(painter, card, looks.card(card), style)
            else:
                paint_card(painter, card, looks.card(card), style)
        if scale >= SIMPLE:
            for target, look in seen:
                paint_plate(painter, board.route(target), board.specs.get(board.graph.wires[target], ""), look, style)
            for source, total in looks.sums().items():
                if (summed := board.cards.get(source.node)) is not None:
                    paint_sum(painter, summed.rect, total, style)
    for note in board.notes.values():
        if note.kind == "note" and note_rect(note).intersects(rect):
            paint_note(painter, note, style, looks.note(note.id))


def paint_simple(painter: QPainter, card: Card, look: CardLook, style: Style) -> None:
    """Draw a card from some distance: its colour and name in large letters, its value, its state."""
    now, rect = style.theme, card.rect
    painter.save()
    if look.dimmed or card.content.bypassed:
        painter.setOpacity(FADED if look.dimmed else 0.6)
    hue = now.hue(card.content.category)
    shape = body_path(rect)
    painter.fillPath(shape, now.card if look.thumb is not None else hue.fill)
    name = QRectF(rect)
    if look.thumb is not None:
        name.setHeight(min(32.0, rect.height() * 0.45))
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(name, hue.fill)
        painter.restore()
        strip = 7.0 if look.strip is not None else 0.0
        area = rect.adjusted(PADDING, name.height() + 5, -PADDING, -PADDING - strip)
        paint_thumb(painter, look.thumb, area, style, 24)
        if look.strip is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(QRectF(area.x(), area.bottom() + 1, area.width(), strip), look.strip)
    colour = now.accent if look.selected else now.now if look.current else now.problem if look.problems else now.border
    strong = look.selected or look.current or look.problems
    painter.setPen(style.pen(colour, 4.0 if strong else 1.5, dashed=card.content.bypassed))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(shape)
    painter.setPen(now.text)
    painter.setFont(style.fitting(card.content.name, rect.width() - 12, 22))
    painter.drawText(name, CENTRE, card.content.name)
    if look.problems:
        paint_badge(painter, QRectF(rect.right() - 16, rect.top() - 14, 30, 30), look.problems, style)
    painter.restore()


def paint_far(painter: QPainter, board: Board, looks: Looks, rect: QRectF, scale: float) -> None:
    """Draw everything at once: wires as lines, cards as rectangles, in a few calls whatever their number."""
    style, now = board.style, board.style.theme
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    e = board.ends
    seen = np.flatnonzero((np.minimum(e[:, 0], e[:, 2]) < rect.right()) & (np.maximum(e[:, 0], e[:, 2]) > rect.left())
                          & (np.minimum(e[:, 1], e[:, 3]) < rect.bottom())
                          & (np.maximum(e[:, 1], e[:, 3]) > rect.top()))
    pen = QPen(style.pen(now.wire, 1.0))
    pen.setCosmetic(True)
    painter.setPen(pen)
    lines = board.far_lines
    painter.drawLines([lines[i] for i in seen] if len(seen) < len(lines) else lines)
    b = board.boxes
    inside = (b[:, 0] < rect.right()) & (b[:, 2] > rect.left()) & (b[:, 1] < rect.bottom()) & (b[:, 3] > rect.top())
    whole = bool(inside.all())
    painter.setPen(Qt.PenStyle.NoPen)
    rects = board.far_rects
    for category, numbers in board.categories.items():
        painter.setBrush(now.hue(category).line)
        painter.drawRects([rects[i] for i in numbers if whole or inside[i]])
    ring = 3.0 / scale
    for id, colour in looks.marks().items():
        card = board.cards.get(id)
        if card is not None and card.rect.intersects(rect):
            painter.setPen(style.pen(colour, ring))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(card.rect.adjusted(-ring, -ring, ring, ring))
    painter.restore()


def paint_document(
    painter: QPainter, document: Document, plan: Plan, player: PlayerState | None = None, style: Style | None = None,
    scope: str = "", board: Board | None = None,
) -> QRectF:
    """Draw a scope of a document as it stands, with its top left corner at the painter's origin; returns its size.

    ``player`` adds values and gradients; ``board`` saves laying out what is already laid out.
    """
    style = style or Style()
    board = board or board_of(document, plan, style, scope)
    looks: Looks = Plain() if player is None else Played(player, style.theme, scope)
    area = picture_rect(board)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(-area.topLeft())
    if style.grid:
        paint_grid(painter, area, 1.0, style)
    paint_board(painter, board, looks, area)
    painter.restore()
    return QRectF(0, 0, area.width(), area.height())


def picture_rect(board: Board) -> QRectF:
    """Return what a picture of a whole board has to show: cards, ways around them, and a margin."""
    area = board.bounds
    for target, *_ in board.links:
        area = area.united(board.route(target).bounds)
    return area.marginsAdded(QMarginsF(MARGIN, MARGIN, MARGIN, MARGIN))
