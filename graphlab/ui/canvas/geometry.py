"""Where everything on a card is: sizes, ports, rows. Values alone; nothing here paints."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF

from graphlab.engine.graph import Input, Node, Output, Parameter
from graphlab.engine.loop import Block, Loop
from graphlab.engine.op import Op, overrides
from graphlab.engine.plan import Plan
from graphlab.ui.canvas.style import (
    FIRST_PORT,
    GRID,
    HEADER,
    NARROWEST,
    PADDING,
    PORT_PITCH,
    PORT_REACH,
    ROW,
    SMALL_ROW,
    STRIP,
    WELL,
    Style,
    count,
)

Side = Literal["in", "out"]
USUAL_HEIGHT = 112.0
#: Ops that are told apart by their names rather than by their kind.
NAMED = (Block, Input, Output, Parameter)


@dataclass(frozen=True)
class Spot:
    """A port as it is drawn. A stored weight's port shows only where it is wired or looked for."""

    name: str
    side: Side
    at: QPointF
    wired: bool = False
    stored: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Content:
    """What a card says: everything that its size depends on."""

    name: str
    second: str  # the id, or the kind of op where the name is a label
    category: str
    line: str = ""
    params: int = 0
    macs: int = 0
    inputs: tuple[tuple[str, bool, bool, bool], ...] = ()  # name, wired, stored, optional
    outputs: tuple[tuple[str, bool], ...] = ()  # name, wired
    frozen: bool = False
    bypassed: bool = False
    enterable: bool = False
    shares: str = ""


@dataclass(frozen=True)
class Card:
    """A node as it is drawn: what it says, and where."""

    id: str
    path: str
    node: Node
    content: Content
    rect: QRectF
    spots: tuple[Spot, ...]
    pinned: bool = False

    @property
    def header(self) -> QRectF:
        """The strip with icon and name."""
        return QRectF(self.rect.x(), self.rect.y(), self.rect.width(), HEADER)

    @property
    def well(self) -> QRectF:
        """Where the value's picture is."""
        r = self.rect
        return QRectF(r.x() + PADDING, r.bottom() - PADDING - STRIP - WELL, r.width() - 2 * PADDING, WELL)

    @property
    def strip(self) -> QRectF:
        """Where the gradient is, under the value."""
        r = self.rect
        return QRectF(r.x() + PADDING, r.bottom() - PADDING - STRIP + 1, r.width() - 2 * PADDING, STRIP)

    @property
    def badge(self) -> QRectF:
        """Where the number of problems is shown: on the upper right corner."""
        return QRectF(self.rect.right() - 10, self.rect.top() - 8, 18, 18)

    def spot(self, side: Side, name: str) -> Spot | None:
        """Return a port by side and name."""
        return next((s for s in self.spots if s.side == side and s.name == name), None)

    def moved(self, dx: float, dy: float) -> Card:
        """Return the same card somewhere else."""
        spots = tuple(Spot(s.name, s.side, s.at + QPointF(dx, dy), s.wired, s.stored, s.optional) for s in self.spots)
        return Card(self.id, self.path, self.node, self.content, self.rect.translated(dx, dy), spots, self.pinned)


def counts(plan: Plan) -> dict[str, tuple[int, int]]:
    """Add up parameters and multiply-adds by path: of each step, and of each block and composite around it."""
    out: dict[str, list[int]] = {}

    def add(path: str, at: int, n: int) -> None:
        while path:
            out.setdefault(path, [0, 0])[at] += n
            path = path.rpartition("/")[0]

    for slot in plan.slots:
        if slot.key and not slot.memory:
            add(slot.path, 0, math.prod(d for d in slot.spec.shape if isinstance(d, int)))
    for step in plan.steps:
        if macs := step.macs:
            add(step.path, 1, macs)
    return {path: (params, macs) for path, (params, macs) in out.items()}


def content_of(
    node: Node, wired_in: Collection[str], wired_out: Collection[str], totals: tuple[int, int] = (0, 0),
) -> Content:
    """Gather what a node's card says."""
    op = node.op
    return Content(
        name=node.label or (node.id if isinstance(op, NAMED) else op.title),
        second=op.title if node.label or isinstance(op, NAMED) else node.id,
        category=op.category,
        line=op.line(),
        params=totals[0],
        macs=totals[1],
        inputs=tuple((p.name, p.name in wired_in, not p.data, p.optional) for p in op.ports()),
        outputs=tuple((n, n in wired_out) for n in op.output_names()),
        frozen=node.frozen,
        bypassed=node.bypassed,
        enterable=isinstance(op, Block | Loop) or overrides(type(op), Op.body),
        shares=node.shares,
    )


def rows(content: Content, style: Style) -> list[tuple[str, str]]:
    """Return the text rows of a card's body as (left, right): the first at body size, the second small."""
    params = f"{count(content.params)} params" if content.params and style.counts else ""
    if content.shares and not params:
        params = f"weights of {content.shares}"
    macs = f"{count(content.macs)} MACs" if content.macs and style.counts else ""
    first = (content.line, params)
    if not any(first):
        return [("", macs)] if macs else []
    return [first, ("", macs)] if macs else [first]


def size_of(content: Content, style: Style) -> tuple[float, float]:
    """Return a card's width and height: as much as its content needs, on the grid."""
    header = 30 + style.width(content.name, "title") + 12 + style.width(content.second, "small") + PADDING
    header += 16 * (content.frozen + content.enterable)
    wide = [NARROWEST, header]
    body = rows(content, style)
    for left, right in body:
        gap = 16 if left and right else 0
        wide.append(2 * PADDING + style.width(left) + gap + style.width(right, "small"))
    tall = HEADER + 6 + (ROW if body else 0) + (SMALL_ROW if len(body) > 1 else 0)
    if style.thumbnails:
        tall += 4 + WELL + STRIP + PADDING
    ports = max(sum(1 for p in content.inputs if not p[2]), len(content.outputs))
    tall = max(tall, FIRST_PORT + PORT_PITCH * ports)
    return math.ceil(max(wide) / GRID) * GRID, math.ceil(tall / GRID) * GRID


def heights_of_ports(content: Content, height: float) -> tuple[list[float], list[float]]:
    """Return how far below the card's top the inputs and the outputs are.

    The first is equally far down on every card, so that cards of different heights are wired straight where their
    tops are level. Ports of stored weights squeeze in below the others.
    """
    data = [FIRST_PORT + PORT_PITCH * i for i in range(sum(1 for p in content.inputs if not p[2]))]
    stored = len(content.inputs) - len(data)
    top = FIRST_PORT + PORT_PITCH * len(data)
    pitch = min(PORT_PITCH, max(height - PORT_REACH / 2 - top, 0) / max(stored - 1, 1))
    below = [top + pitch * i for i in range(stored)]
    outputs = [FIRST_PORT + PORT_PITCH * i for i in range(len(content.outputs))]
    return [(below if p[2] else data).pop(0) for p in content.inputs], outputs


def make_card(
    id: str, path: str, node: Node, content: Content, x: float, y: float, style: Style, pinned: bool = False,
) -> Card:
    """Lay out one card with its top left corner at (x, y)."""
    width, height = size_of(content, style)
    left, right = heights_of_ports(content, height)
    spots = [Spot(name, "in", QPointF(x, y + at), wired, stored, optional)
             for at, (name, wired, stored, optional) in zip(left, content.inputs, strict=True)]
    spots += [Spot(name, "out", QPointF(x + width, y + at), wired)
              for at, (name, wired) in zip(right, content.outputs, strict=True)]
    return Card(id, path, node, content, QRectF(x, y, width, height), tuple(spots), pinned)


def snap(value: float) -> float:
    """Move a coordinate onto the grid."""
    return round(value / GRID) * GRID


def sizes(cards: Mapping[str, Card]) -> dict[str, tuple[float, float]]:
    """Return every card's width and height for the automatic layout.

    That centres cards on each other; usual cards count as equally high, so that their tops and ports become level.
    """
    return {id: (card.rect.width(), max(card.rect.height(), USUAL_HEIGHT)) for id, card in cards.items()}
