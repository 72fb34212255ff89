"""What the NMS theatre draws in a frame: which boxes, in which style, with which words."""

from __future__ import annotations

from collections.abc import Iterator

from graphlab.engine.detection import Suppression
from graphlab.ui.lenses.box_picture import Mark, Style
from graphlab.ui.lenses.nms_frames import FAINT, Frame, class_name
from graphlab.ui.lenses.nms_source import Scene

#: So few boxes all have their number, even those that will be discarded first.
FEW = 12


def truth_marks(scene: Scene) -> Iterator[Mark]:
    """List the true boxes."""
    for box in scene.truth or ():
        yield Mark(box, "truth", "", f"truth: {class_name(scene.classes, box.kind)}")


def style_of(frame: Frame, box: int, chosen: int) -> Style:
    """Return how a box is drawn."""
    here = box == frame.box
    if frame.states[box] in ("weak", "overlaps"):
        return "leaving" if here else "gone"
    if box == frame.pivot:
        return "pivot"
    if here:
        return "compared"
    return "chosen" if box == chosen else "kept" if frame.states[box] == "kept" else "waiting"


def box_marks(
    scene: Scene, frame: Frame, how: Suppression, corners: list[int], *, final: bool, chosen: int = -1,
) -> Iterator[Mark]:
    """List the boxes of a frame, the best one last, so that it lies on top.

    Faint boxes are left out. Weak ones stay, crossed out, until the last of them is found; the last frame shows
    what is kept alone. ``corners`` are the places of the labels, ``chosen`` is the box that is being edited.
    """
    weak_stage = frame.decision is not None and frame.decision.kind == "weak"
    for i in reversed(frame.order):
        style, score = style_of(frame, i, chosen), frame.scores[i]
        over = style == "gone" and (final or (frame.states[i] == "weak" and not weak_stage))
        if style != "leaving" and (over or scene.boxes[i].score < min(FAINT, how.score)):
            continue
        label = "" if style == "gone" else f"#{i} {score:.2f}"
        if style == "waiting":
            label = f"#{i}" if score >= how.score or len(scene.boxes) <= FEW else ""
        reason = f", {frame.reasons[i]}" if frame.reasons[i] else ""
        name = class_name(scene.classes, scene.boxes[i].kind)
        yield Mark(scene.boxes[i], style, label, f"#{i}: {name}, p_c = {score:.4g}{reason}", corners[i])
