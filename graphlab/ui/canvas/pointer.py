"""What the mouse does on the canvas: it finds what is under the pointer and hands over to one gesture."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QHelpEvent, QInputDevice, QMouseEvent, QNativeGestureEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from graphlab.engine.graph import Source, Target
from graphlab.ui.canvas.board import corner
from graphlab.ui.canvas.drawing_wires import DrawWire
from graphlab.ui.canvas.gesture import Gesture, Pan, Rubber
from graphlab.ui.canvas.menus import menu_for, tip_for
from graphlab.ui.canvas.moving import Knife, Move, Resize
from graphlab.ui.canvas.notes import Writing
from graphlab.ui.canvas.pointing import NOTHING, Hit, what_is_at
from graphlab.ui.session import Session

if TYPE_CHECKING:
    from graphlab.ui.canvas.view import CanvasView

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
#: So close to the edge a drag pulls the view along.
EDGE = 28
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Pointer(Writing):
    """The canvas, with the mouse. A press is remembered; a gesture begins once the pointer has moved."""

    wheel_zooms = True
    _pressed: tuple[QPoint, QPointF, Hit, Qt.MouseButton] | None = None
    _reselect: str = ""
    _space = False
    _space_used = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._held = Qt.KeyboardModifier.NoModifier
        self._puller = QTimer(self)
        self._puller.setInterval(16)
        self._puller.timeout.connect(self._pull)

    @property
    def _self(self) -> CanvasView:
        return cast("CanvasView", self)

    def look(self, on_screen: QPoint) -> Hit:
        """Return what is under a point of the viewport."""
        at = self.mapToScene(on_screen)
        return what_is_at(self.board, at.x(), at.y(), self.scale_now(), self.selected_ids())

    def begin(self, gesture: Gesture) -> None:
        """Let a gesture have the pointer."""
        self.cancel_gesture()
        self.gesture = gesture
        if gesture.cursor is not None:
            self.viewport().setCursor(gesture.cursor)
        QToolTip.hideText()
        self.viewport().update()

    def end_gesture(self) -> Gesture | None:
        """Take the pointer back from the gesture that has it, and return that."""
        gesture, self.gesture = self.gesture, None
        self.viewport().unsetCursor()
        self.viewport().update()
        return gesture

    # --- press, move, release -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        on_screen, button = event.position().toPoint(), event.button()
        at = self.mapToScene(on_screen)
        if self.gesture is not None:
            gesture = self.end_gesture()
            if gesture is not None:
                gesture.cancel()
            return
        if button == MIDDLE or (button == LEFT and self._space):
            self._space_used = True
            self.begin(Pan(self._self, on_screen))
            return
        hit = self.look(on_screen)
        self._pressed, self._reselect = (on_screen, at, hit, button), ""
        if button == RIGHT and not event.modifiers() & CONTROL:
            self._choose(hit, Qt.KeyboardModifier.NoModifier)
        elif button == LEFT:
            self._choose(hit, event.modifiers())
        event.accept()

    def _choose(self, hit: Hit, modifiers: Qt.KeyboardModifier) -> None:
        """Select what was pressed, unless that has to wait for the release."""
        ids, more = self.selected_ids(), bool(modifiers & (CONTROL | SHIFT))
        if hit.kind in ("card", "badge") and hit.card is not None:
            id = hit.card.id
            if id in ids:
                self._reselect = id
            elif more:
                self.select_ids([*ids, id], self.selected_notes)
            else:
                self.select_ids([id])
            if hit.kind == "badge":
                self.problem_clicked.emit(hit.card.path)
        elif hit.kind == "note":
            if hit.note not in self.selected_notes:
                self.select_ids(ids if more else [], {*self.selected_notes, hit.note} if more else {hit.note})
        elif hit.kind == "wire":
            self.select_ids([])
            self.selected_wire = hit.target
        elif hit.kind == "empty" and not more and (ids or self.selected_notes or self.selected_wire):
            self.select_ids([])
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        on_screen = event.position().toPoint()
        at = self.mapToScene(on_screen)
        if self.gesture is not None:
            self.gesture.move(at, on_screen, event.modifiers())
            self._held = event.modifiers()
            if not isinstance(self.gesture, Pan) and not self._edge_pull(on_screen).isNull():
                self._puller.start()
            return
        if self._pressed is None:
            self._hover(on_screen)
            return
        start, began, hit, button = self._pressed
        if (on_screen - start).manhattanLength() < QApplication.startDragDistance():
            return
        self._pressed = None
        gesture = self._gesture_for(hit, began, button, event.modifiers())
        if gesture is not None:
            self.begin(gesture)
            gesture.move(at, on_screen, event.modifiers())

    def _edge_pull(self, on_screen: QPoint) -> QPoint:
        """Return how the view moves on while something is dragged at its edge, in screen pixels."""
        area = self.viewport().rect().adjusted(EDGE, EDGE, -EDGE, -EDGE)
        x = min(on_screen.x() - area.left(), 0) + max(on_screen.x() - area.right(), 0)
        y = min(on_screen.y() - area.top(), 0) + max(on_screen.y() - area.bottom(), 0)
        return QPoint(max(-EDGE, min(x, EDGE)), max(-EDGE, min(y, EDGE))) / 2

    def _pull(self) -> None:
        on_screen = self.viewport().mapFromGlobal(self.cursor().pos())
        pull = self._edge_pull(on_screen)
        if self.gesture is None or pull.isNull():
            self._puller.stop()
            return
        self.pan(pull.x(), pull.y())
        self.gesture.move(self.mapToScene(on_screen), on_screen, self._held)

    def _gesture_for(
        self, hit: Hit, began: QPointF, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier,
    ) -> Gesture | None:
        view, board = self._self, self.board
        if button == RIGHT:
            return Knife(view, began) if modifiers & CONTROL and self.editable else None
        if hit.kind == "empty":
            return Rubber(view, began, keep=bool(modifiers & (CONTROL | SHIFT)))
        if not self.editable:
            return Rubber(view, began, keep=False) if hit.kind != "card" else None
        if hit.kind == "port" and hit.card is not None and hit.spot is not None:
            if hit.spot.side == "out":
                return DrawWire(view, Source(hit.card.id, hit.spot.name), began)
            target = Target(hit.card.id, hit.spot.name)
            source = board.graph.wires.get(target)
            return DrawWire(view, target, began) if source is None else DrawWire(view, source, began, old=target)
        if hit.kind == "wire" and hit.target is not None and hit.free_end:
            fixed = board.graph.wires[hit.target] if hit.free_end == "target" else hit.target
            return DrawWire(view, fixed, began, old=hit.target)
        if hit.kind == "note" and corner(board.notes[hit.note]).contains(began):
            return Resize(view, hit.note)
        if hit.kind == "note":
            note = board.notes[hit.note]
            return Move(view, began, QPointF(note.x, note.y), modifiers)
        if hit.card is not None:
            return Move(view, began, hit.card.rect.topLeft(), modifiers)
        return None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        on_screen, button = event.position().toPoint(), event.button()
        at = self.mapToScene(on_screen)
        gesture = self.end_gesture()
        if gesture is not None:
            gesture.release(at, on_screen, event.modifiers())
            self._hover(on_screen)
            return
        pressed, self._pressed = self._pressed, None
        if pressed is None or pressed[3] != button:
            return
        hit = pressed[2]
        if button == RIGHT:
            if hit.kind == "empty" and self.editable:
                self._self.open_search(at)
            else:
                menu_for(self._self, hit, at).popup(event.globalPosition().toPoint())
        elif self._reselect:
            ids = self.selected_ids()
            if event.modifiers() & (CONTROL | SHIFT):
                self.select_ids([i for i in ids if i != self._reselect], self.selected_notes)
            else:
                self.select_ids([self._reselect])
        self._reselect = ""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != LEFT:
            return
        on_screen = event.position().toPoint()
        hit = self.look(on_screen)
        self._pressed = None
        if hit.kind in ("card", "badge") and hit.card is not None:
            self.open_card(hit.card)
        elif hit.kind == "note":
            self.select_ids([], {hit.note})
            self.edit_note(hit.note)
        elif hit.kind == "wire" and hit.target is not None:
            self._self.open_search(self.mapToScene(on_screen), insert=hit.target)
        elif hit.kind == "empty":
            self._self.open_search(self.mapToScene(on_screen))

    # --- the pointer alone --------------------------------------------------------------------------------------

    def _hover(self, on_screen: QPoint) -> None:
        hit = self.look(on_screen)
        if hit == self.hit:
            return
        self.hit = hit
        shapes = {"port": Qt.CursorShape.CrossCursor, "badge": Qt.CursorShape.PointingHandCursor}
        if self._space:
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        elif hit.kind == "note" and corner(self.board.notes[hit.note]).contains(self.mapToScene(on_screen)):
            self.viewport().setCursor(Qt.CursorShape.SizeFDiagCursor)
        elif hit.kind in shapes:
            self.viewport().setCursor(shapes[hit.kind])
        elif hit.free_end and self.editable:
            self.viewport().setCursor(Qt.CursorShape.CrossCursor)
        else:
            self.viewport().unsetCursor()
        self.viewport().update()

    def leaveEvent(self, event: QEvent) -> None:
        if self.gesture is None:
            self.hit = NOTHING
            self.viewport().update()
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels, angle = event.pixelDelta(), event.angleDelta()
        touchpad = event.device().type() == QInputDevice.DeviceType.TouchPad
        control = bool(event.modifiers() & CONTROL)
        zooms = control if touchpad else self.wheel_zooms != control
        if zooms and angle.y():
            self.zoom_at(event.position(), 1.0015 ** angle.y())
        elif event.modifiers() & SHIFT and not pixels.x():
            self.pan(-angle.y() / 2, 0)
        elif not pixels.isNull():
            self.pan(-pixels.x(), -pixels.y())
        else:
            self.pan(-angle.x() / 2, -angle.y() / 2)
        self.viewport().update()
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_at(event.position(), 1 + event.value())
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            told = tip_for(self._self, self.look(event.pos())) if self.gesture is None else ""
            QToolTip.showText(event.globalPos(), told, self.viewport())
            return True
        return super().viewportEvent(event)
