"""Painting cards and wires: functions of a painter, values and a style, for the screen and for pictures alike."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPolygonF

from graphlab.ui import icons
from graphlab.ui.canvas.geometry import Card, Spot, rows
from graphlab.ui.canvas.looks import CardLook, WireLook
from graphlab.ui.canvas.routing import Route
from graphlab.ui.canvas.style import CORNER, GRID, HEADER, PADDING, PORT_DOT, ROW, SMALL_ROW, Style
from graphlab.ui.canvas.thumbs import paint_thumb
from graphlab.ui.theme import mix

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE = Qt.AlignmentFlag.AlignCenter
FADED = 0.45


def paint_grid(painter: QPainter, rect: QRectF, scale: float, style: Style) -> None:
    """Draw the dots that cards align with; sparser the further away one looks."""
    step = GRID * 2
    while step * scale < 14:
        step *= 2
    columns, lines = int(rect.width() / step) + 2, int(rect.height() / step) + 2
    if columns * lines > 20_000:
        return
    pen = QPen(style.theme.grid, 1.5)
    pen.setCosmetic(True)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(pen)
    painter.translate(rect.left() // step * step, rect.top() // step * step)
    painter.drawPoints(_dots(step, columns, lines))
    painter.restore()


@lru_cache(maxsize=8)
def _dots(step: float, columns: int, lines: int) -> QPolygonF:
    return QPolygonF([QPointF(i * step, j * step) for i in range(columns) for j in range(lines)])


def body_path(rect: QRectF) -> QPainterPath:
    """Return the outline of a card."""
    path = QPainterPath()
    path.addRoundedRect(rect, CORNER, CORNER)
    return path


def paint_card(painter: QPainter, card: Card, look: CardLook, style: Style) -> None:
    """Draw one card in full."""
    now, content, rect = style.theme, card.content, card.rect
    faded = look.dimmed or content.bypassed
    painter.save()
    if faded:
        painter.setOpacity(painter.opacity() * (FADED if look.dimmed else 0.6))
    if look.current:
        _glow(painter, rect, now.now)
    hue = now.hue(content.category)
    outline = body_path(rect)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillPath(outline, now.card)
    head = QPainterPath()
    head.addRect(card.header)
    head = outline.intersected(head)
    painter.fillPath(head, hue.fill)
    if content.frozen:
        painter.fillPath(head, QBrush(mix(hue.fill, hue.line, 0.4), Qt.BrushStyle.BDiagPattern))
    painter.setPen(style.pen(now.hairline))
    painter.drawLine(QLineF(rect.left(), rect.top() + HEADER, rect.right(), rect.top() + HEADER))
    _header(painter, card, style)
    _rows(painter, card, style)
    if style.thumbnails:
        _well(painter, card, look, style)
    _border(painter, card, look, style)
    for spot in card.spots:
        if not spot.stored or spot.wired or look.offered:
            paint_spot(painter, spot, style)
    if look.problems:
        paint_badge(painter, card.badge, look.problems, style)
    if look.breakpoint:
        stop = QRectF(rect.left() - 7, rect.top() - 7, 15, 15)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.card)
        painter.drawEllipse(stop)
        icons.paint(painter, "breakpoint", stop.adjusted(-2, -2, 2, 2), now.now)
    if look.current:
        _marker(painter, card, look, style)
    painter.restore()


def _glow(painter: QPainter, rect: QRectF, colour: QColor) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for i, alpha in enumerate((90, 55, 32, 16, 7)):
        ring = QColor(colour)
        ring.setAlpha(alpha)
        painter.setPen(QPen(ring, 3.0))
        grown = rect.adjusted(-2 - 2.5 * i, -2 - 2.5 * i, 2 + 2.5 * i, 2 + 2.5 * i)
        painter.drawRoundedRect(grown, CORNER + 2.5 * i, CORNER + 2.5 * i)


def _header(painter: QPainter, card: Card, style: Style) -> None:
    now, content, r = style.theme, card.content, card.header
    hue = now.hue(content.category)
    icons.paint(painter, icons.category_name(content.category), QRectF(r.x() + 7, r.y() + 4, 16, 16), hue.line)
    painter.setPen(now.text)
    painter.setFont(style.title)
    painter.drawText(r.adjusted(28, 0, 0, 0), LEFT, content.name)
    right = r.right() - PADDING
    for name, shown in (("enter", content.enterable), ("frozen", content.frozen), ("pin", card.pinned)):
        if shown:
            icons.paint(painter, name, QRectF(right - 12, r.y() + 6, 12, 12), now.muted)
            right -= 16
    painter.setPen(now.muted)
    painter.setFont(style.small)
    painter.drawText(QRectF(r.x(), r.y() + 1, right - r.x(), r.height()), RIGHT, content.second)


def _rows(painter: QPainter, card: Card, style: Style) -> None:
    now = style.theme
    y = card.rect.y() + HEADER + 5
    for i, (left, right) in enumerate(rows(card.content, style)):
        tall = ROW if i == 0 else SMALL_ROW
        row = QRectF(card.rect.x() + PADDING, y, card.rect.width() - 2 * PADDING, tall)
        if left:
            painter.setPen(now.text)
            painter.setFont(style.body)
            painter.drawText(row, LEFT, left)
        if right:
            painter.setPen(now.muted)
            painter.setFont(style.small)
            painter.drawText(row, RIGHT, right)
        y += tall


def _well(painter: QPainter, card: Card, look: CardLook, style: Style) -> None:
    now, well = style.theme, card.well
    painter.fillRect(well, mix(now.card, now.canvas, 0.8))
    if look.thumb is not None:
        paint_thumb(painter, look.thumb, well.adjusted(1, 1, -1, -1), style)
    if look.strip is not None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(card.strip, look.strip)
        painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(style.pen(now.hairline, 0.75))
    painter.drawRect(well if look.strip is None else well.united(card.strip))


def _border(painter: QPainter, card: Card, look: CardLook, style: Style) -> None:
    now = style.theme
    colour, width = now.border, 1.0
    if look.problems:
        colour, width = now.problem, 1.5
    if look.current:
        colour, width = now.now, 1.5
    if look.lit or look.hovered:
        colour = mix(colour, now.accent if look.lit else now.text, 0.5)
    if look.lit:
        width = 2.0
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(style.pen(colour, width, dashed=card.content.bypassed))
    painter.drawRoundedRect(card.rect, CORNER, CORNER)
    if look.selected:
        painter.setPen(style.pen(now.accent, 2.0))
        painter.drawRoundedRect(card.rect.adjusted(-1.5, -1.5, 1.5, 1.5), CORNER + 1.5, CORNER + 1.5)


def paint_spot(painter: QPainter, spot: Spot, style: Style, colour: QColor | None = None, big: bool = False) -> None:
    """Draw a port: filled when wired, a ring when free, square for a stored weight."""
    now = style.theme
    r = PORT_DOT + (2 if big else 0) - (1 if spot.stored else 0)
    painter.setPen(style.pen(colour or now.wire, 1.5))
    painter.setBrush((colour or now.wire) if spot.wired or big else now.card)
    box = QRectF(spot.at.x() - r, spot.at.y() - r, 2 * r, 2 * r)
    if spot.stored:
        painter.drawRect(box)
    else:
        painter.drawEllipse(box)


def paint_badge(painter: QPainter, rect: QRectF, count: int, style: Style) -> None:
    """Draw the number of problems on a red disc."""
    now = style.theme
    painter.setPen(style.pen(now.card, 1.5))
    painter.setBrush(now.problem)
    painter.drawEllipse(rect)
    painter.setPen(now.card)
    painter.setFont(style.small)
    painter.drawText(rect, CENTRE, str(count) if count < 10 else "9+")


def _marker(painter: QPainter, card: Card, look: CardLook, style: Style) -> None:
    """Draw the debugger's arrow over the card, in its direction: colour is not the only sign."""
    x, y = card.rect.center().x(), card.rect.top() - 9
    d = 6 if look.current == "forward" else -6
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.theme.now)
    painter.drawPolygon(QPolygonF([QPointF(x - d, y - 5), QPointF(x + d, y), QPointF(x - d, y + 5)]))


def paint_wire(painter: QPainter, way: Route, look: WireLook, style: Style, flow: float = 1.0) -> None:
    """Draw a wire. ``flow`` from 0 to 1 is how far the value or gradient of the current step has come along it."""
    now = style.theme
    colour, width = now.wire, 1.5
    if look.stage == "forward":
        colour = mix(now.wire, now.text, 0.6)
    painter.save()
    if look.dimmed:
        painter.setOpacity(painter.opacity() * FADED)
    if look.lit or look.selected:
        colour, width = now.accent, 2.5
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if look.stage == "backward":
        painter.setPen(style.pen(mix(now.canvas, now.now, 0.2 + 0.3 * look.level), 2.5 + 3.5 * look.level))
        painter.drawPath(way.path)
    elif look.current:
        painter.setPen(style.pen(mix(now.canvas, now.now, 0.35), 5))
        painter.drawPath(way.path)
    painter.setPen(style.pen(colour, width))
    painter.drawPath(way.path)
    if look.stage == "backward" or look.current:
        _chevrons(painter, way, look, style, flow)
    painter.restore()


def _chevrons(painter: QPainter, way: Route, look: WireLook, style: Style, flow: float) -> None:
    """Draw arrow heads along a wire: forwards for a value, back for a gradient; while it moves, a front of three."""
    back = look.stage == "backward"
    shares = [0.5]
    if look.current:
        shares = [flow - 0.06 * i for i in range(3)] if flow < 1 else [0.3, 0.5, 0.7]
        if back:
            shares = [1 - s for s in shares]
    painter.setPen(style.pen(style.theme.now, 2.0 if look.current else 1.5))
    for share in shares:
        if not 0 <= share <= 1 or (share == 0.5 and way.label is not None and len(shares) == 1):
            share = 0.2 if back else 0.8
        at, direction = way.at(share)
        d = -direction if back else direction
        side = QPointF(-d.y(), d.x())
        painter.drawPolyline(QPolygonF([at - d * 3 + side * 4, at + d * 3, at - d * 3 - side * 4]))
