"""The NMS theatre: boxes on a picture, and suppression one decision at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from graphlab.document import edits
from graphlab.engine.detection import Box, Suppression, agree, overlap
from graphlab.engine.op import Array
from graphlab.engine.ops.detection import NMS
from graphlab.engine.ops.yolo import Cells
from graphlab.engine.run import RunError
from graphlab.ui.formula_label import FormulaLabel
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.box_picture import BoxPicture, corners
from graphlab.ui.lenses.nms_controls import Controls, SortedList
from graphlab.ui.lenses.nms_editor import BoxEditor
from graphlab.ui.lenses.nms_frames import FAINT, Frame, frames_of, strictness, working
from graphlab.ui.lenses.nms_marks import box_marks, truth_marks
from graphlab.ui.lenses.nms_source import (
    START,
    START_CLASSES,
    OwnBoxes,
    Scene,
    extent,
    find_boxes,
    find_none,
    find_picture,
    read_scene,
    thresholds,
)
from graphlab.ui.lenses.view import View

#: Lines of arithmetic at most, and what a box found has to share with a true one.
_LINES, FOUND = 6, 0.5


@lens(match=find_none, last=True)
@lens(NMS, Cells, match=find_boxes)
class NMSTheatre(Lens):
    """Plays suppression on the boxes of the sample looked at, or on boxes of one's own."""

    title = "NMS theatre"
    about = "Non-maximum suppression, one decision a frame, on the network's boxes or on your own."
    look_for = ("Weak boxes go first. Then the best box left is the pivot: it is kept, and every box that overlaps it "
                "by more than the threshold goes, because it probably shows the same object. Two objects that stand "
                "close together are what this gets wrong; per class and Soft-NMS save some of them. Where a network "
                "has classes, p_c stands for p_c · max c, how sure it is of the object and its class.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.own = OwnBoxes.of(view.session)
        self._op_how = thresholds(view)
        self.scene = Scene((), (24.0, 24.0))
        self.play: list[Frame] = frames_of((), self._op_how)
        self.corners: list[int] = []
        self.picture = BoxPicture("Picture with boxes")
        self.controls = Controls(self._op_how)
        self.list = SortedList()
        self.editor = BoxEditor(self.own)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.list, "Sorted")
        self.tabs.addTab(self.editor, "My boxes")
        self.lines = [FormulaLabel("", 14) for _ in range(_LINES)]
        right = QVBoxLayout()
        right.setSpacing(1)
        right.addWidget(self.controls)
        for line in self.lines:
            right.addWidget(line)
        right.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.picture, 4)
        row.addWidget(self.tabs, 3)
        row.addLayout(right, 8)
        self.tabs.setMinimumWidth(262)
        self.setMinimumHeight(230)
        self.use_own(not find_boxes(view))
        self.controls.changed.connect(self._again)
        self.controls.shown_changed.connect(self._again)
        self.controls.source_changed.connect(self.use_own)
        self.own.changed.connect(self._own_changed)
        self.list.chosen.connect(self.go_to)
        self.picture.drawn.connect(self._drawn)
        self.picture.clicked.connect(self._clicked)
        self.picture.moved.connect(self._nudged)
        self.editor.chosen.connect(lambda _row: self.show_frame(self.progress))

    # --- what is shown ------------------------------------------------------------------------------------

    @property
    def is_own(self) -> bool:
        """Whether one's own boxes are shown."""
        return self.controls.source.currentIndex() == 1

    def use_own(self, own: bool) -> None:
        """Show one's own boxes, or those of the network where it has any."""
        networks = bool(find_boxes(self.view))
        own = own or not networks
        self.controls.source.setCurrentIndex(int(own))
        self.controls.source.setEnabled(networks)
        self.controls.sheet.setVisible(own and networks)
        self.tabs.setTabVisible(1, own)
        self.picture.drawing = own
        self.picture.setToolTip("Drag to draw a box; click one to choose it; arrow keys move it" if own else "")
        self._again()

    def _own_changed(self) -> None:
        if self.is_own:
            self._again()

    def _again(self) -> None:
        """Run suppression anew and keep the place on the way."""
        try:
            self.refresh()
        except RunError as e:
            self.caption_changed.emit(str(e))
            return
        self.show_frame(self.progress)
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    def refresh(self) -> None:
        how = thresholds(self.view)
        if how != self._op_how:
            self._op_how = how
            self.controls.set(how)
        scene = None if self.is_own else read_scene(self.view)
        if scene is None:
            picture = find_picture(self.view) if self.controls.sheet.isChecked() else None
            size = extent(self.own.boxes)
            if picture is not None:
                size = extent(self.own.boxes, (float(picture.shape[-2]), float(picture.shape[-1])))
                picture = picture if size == picture.shape[-2:] else None
            scene = Scene(self.own.boxes, size, picture, None, self.own.classes)
        self.scene = scene
        self.controls.truth.setVisible(scene.truth is not None)
        self.corners = corners(scene.boxes)
        self.play = frames_of(scene.boxes, self.controls.how)
        says = strictness(scene.boxes, self.controls.how, len(self.play[-1].kept))
        self.controls.score_says.setText(says[0])
        self.controls.overlap_says.setText(says[1])
        self.picture.set_picture(scene.picture, scene.size)

    @property
    def frames(self) -> int:
        return len(self.play)

    @property
    def frame(self) -> Frame:
        """The frame that is shown."""
        return self.play[min(self.frame_index(), len(self.play) - 1)]

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        frame, boxes = self.frame, self.scene.boxes
        self.list.show_frame(frame, boxes, self.scene.classes)
        shade = None
        if frame.measured:
            o = overlap(boxes[frame.pivot], boxes[frame.box])
            if o.shared > 0:
                shade = Box(o.left, o.top, o.right, o.bottom)
        truth = truth_marks(self.scene) if self.controls.truth.isChecked() else ()
        self.picture.set_marks([*truth, *box_marks(
            self.scene, frame, self.controls.how, self.corners, final=len(self.play) > 1 and frame is self.play[-1],
            chosen=self.editor.row() if self.is_own else -1)], shade)
        lines = working(frame, boxes, self.controls.how, self.scene.parts, self.scene.classes)
        for i, label in enumerate(self.lines):
            label.set_latex(lines[i] if i < len(lines) else "")

    def caption(self) -> str:
        text = self.frame.sentence
        if self.frame is self.play[-1] and self.scene.truth is not None and not self.is_own:
            kept = [self.scene.boxes[i] for i in self.frame.kept]
            a = agree(self.scene.truth, kept, FOUND)
            text += (f"; {len(a.pairs)} of {a.truths} objects found (same class, IoU ≥ {FOUND:g})"
                     + (f", their mean IoU is {a.mean_iou:.2f}" if a.pairs else ""))
        return f"{text}."

    def shown(self) -> Mapping[str, Array]:
        frame = self.frame
        boxes = np.array([[b.left, b.top, b.right, b.bottom] for b in self.scene.boxes]).reshape(-1, 4)
        shade = self.picture.shade
        out = {"boxes": boxes, "scores": np.array(frame.scores), "order": np.array(frame.order, np.int64),
               "kept": np.array(frame.kept, np.int64), "kinds": np.array([b.kind for b in self.scene.boxes], np.int64)}
        if shade is not None:
            out["shared"] = np.array([shade.left, shade.top, shade.right, shade.bottom])
        if self.scene.picture is not None:
            out["picture"] = self.scene.picture
        return out

    # --- what is done -------------------------------------------------------------------------------------

    def go_to(self, box: int) -> None:
        """Show the frame that decided about a box last."""
        at = [k for k, f in enumerate(self.play) if f.box == box]
        if at:
            self.show_frame(at[-1] / max(1, len(self.play) - 1))
            self.frames_changed.emit()
            self.caption_changed.emit(self.caption())

    def _drawn(self, left: float, top: float, right: float, bottom: float) -> None:
        row = self.editor.row()
        kind = self.own.boxes[row].kind if 0 <= row < len(self.own.boxes) else 0
        corners = (round(v, 2) for v in (left, top, right, bottom))
        made = dict(zip(("left", "top", "right", "bottom"), corners, strict=True))
        self.editor.add(Box(**made, score=0.9, kind=kind))

    def _at(self, x: float, y: float) -> int:
        """Return the smallest box at a place; −1: none."""
        hit = [(b.area, i) for i, b in enumerate(self.scene.boxes) if b.left <= x <= b.right and b.top <= y <= b.bottom]
        return min(hit)[1] if hit else -1

    def _clicked(self, x: float, y: float) -> None:
        at = self._at(x, y)
        if self.is_own:
            self.editor.choose(at)
        elif at >= 0:
            self.go_to(at)

    def _nudged(self, dx: int, dy: int) -> None:
        row = self.editor.row()
        if self.is_own and row >= 0:
            b = self.own.boxes[row]
            moved = replace(b, left=b.left + dx, right=b.right + dx, top=b.top + dy, bottom=b.bottom + dy)
            self.own.put([*self.own.boxes[:row], moved, *self.own.boxes[row + 1:]])
            with QSignalBlocker(self.editor):
                self.editor.choose(row)

    def try_how(self, **values: object) -> None:
        """Change a threshold or switch."""
        self.controls.set(replace(self.controls.how, **values))  # type: ignore[arg-type]
        self._again()

    def tries(self) -> Iterable[Try]:
        how = self.controls.how
        low = min(0.2, self._op_how.overlap)
        if how.overlap == low:
            yield Try(f"Back to IoU ≤ {self._op_how.overlap:.2f}", partial(self.try_how, overlap=self._op_how.overlap))
        else:
            yield Try(f"Stricter: IoU ≤ {low:.2f}", partial(self.try_how, overlap=low),
                      "Boxes may overlap less: fewer are kept, and of two objects side by side one may be lost")
        if how.soft == "no":
            yield Try("Soft-NMS", partial(self.try_how, soft="gaussian"),
                      "Lower p_c of what overlaps instead of discarding it")
        else:
            yield Try("Discard again", partial(self.try_how, soft="no"))
        yield Try("All classes together" if how.per_class else "Per class",
                  partial(self.try_how, per_class=not how.per_class), "Whether boxes of two classes are compared")
        if self.is_own and self.own.boxes != START:
            yield Try("Example boxes", partial(self.own.put, START, START_CLASSES),
                      "Two heaps; Undo brings your own back")
        if not self.is_own and self.scene.boxes:
            yield Try("Take as my own", self.take_over, "Copy these boxes, to move, add and remove some")
        op, node = self.view.op, self.view.node
        if isinstance(op, NMS) and node is not None and how != self._op_how:
            yield Try(f"Write into ‘{node.name}’", partial(self.write, how), "Give the op these thresholds, undoably")

    def take_over(self) -> None:
        """Copy the network's boxes that are not faint to one's own."""
        self.own.put([replace(b, left=round(b.left, 2), top=round(b.top, 2), right=round(b.right, 2),
                              bottom=round(b.bottom, 2), score=round(b.score, 3))
                      for b in self.scene.boxes if b.score >= FAINT], self.scene.classes)
        with QSignalBlocker(self.controls):
            self.controls.sheet.setChecked(True)
        self.use_own(True)

    def write(self, how: Suppression) -> None:
        """Give the bound op the thresholds that are shown, undoably."""
        scope, _, id = self.view.path.rpartition("/")
        values = {"score": how.score, "overlap": how.overlap, "per_class": how.per_class, "soft": how.soft,
                  "sigma": how.sigma}
        self.view.edit("Set thresholds", edits.set_attributes(self.view.document, id, values, scope))
