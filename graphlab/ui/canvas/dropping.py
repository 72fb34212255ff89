"""What is dragged here from the library: it lands on the grid, or in the wire that lights up."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QPainter

from graphlab.engine.graph import Node
from graphlab.engine.op import Op
from graphlab.ui.canvas.geometry import Card, content_of, make_card, snap
from graphlab.ui.canvas.looks import CardLook
from graphlab.ui.canvas.mime import unpack_op
from graphlab.ui.canvas.moving import wire_under
from graphlab.ui.canvas.painting import paint_card
from graphlab.ui.canvas.pointer import Pointer


class Dropping(Pointer):
    """The canvas, as a place to drop ops."""

    _dragged: tuple[Op, Card] | None = None

    def _card_for(self, op: Op) -> Card:
        node = Node("new", op)
        content = content_of(node, (), ())
        return make_card("new", "new", node, content, 0, 0, self.style_)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        op = unpack_op(event.mimeData()) if self.editable else None
        if op is None:
            event.ignore()
            return
        self._dragged = (op, self._card_for(op))
        event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if self._dragged is None:
            event.ignore()
            return
        op, _ = self._dragged
        card = self._place_dragged(event.position().toPoint())
        fits = any(p.data for p in op.ports()) and bool(op.output_names())
        self.drop_on = wire_under(self.board, card.rect, set()) if fits else None
        self.viewport().update()
        event.acceptProposedAction()

    def _place_dragged(self, on_screen: QPoint) -> Card:
        assert self._dragged is not None
        op, card = self._dragged
        at, r = self.mapToScene(on_screen), card.rect
        x, y = snap(at.x() - r.width() / 2), snap(at.y() - r.height() / 2)
        card = card.moved(x - r.x(), y - r.y())
        self._dragged = (op, card)
        return card

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._dragged = self.drop_on = None
        self.viewport().update()

    def dropEvent(self, event: QDropEvent) -> None:
        if self._dragged is None:
            event.ignore()
            return
        card = self._place_dragged(event.position().toPoint())
        op, target = self._dragged[0], self.drop_on
        self._dragged = self.drop_on = None
        event.acceptProposedAction()
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if target is not None:
            self.insert_op(op, target)
        else:
            self.add_op(op, card.rect.topLeft())
        self.viewport().update()

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        super().drawForeground(painter, rect)
        if self._dragged is not None:
            painter.setOpacity(0.75)
            paint_card(painter, self._dragged[1], CardLook(lit=self.drop_on is not None), self.style_)
            painter.setOpacity(1.0)
