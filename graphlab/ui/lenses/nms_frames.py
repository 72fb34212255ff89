"""Suppression as a line of frames, and the arithmetic of each: what the NMS theatre shows, without any drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from graphlab.engine.detection import Box, Decision, Suppression, overlap, suppress
from graphlab.engine.expr import show_number

#: Boxes with a smaller p_c are discarded in one frame together: a grid has many of them.
FAINT = 0.05
State = Literal["waiting", "kept", "weak", "overlaps"]


@dataclass(frozen=True)
class Frame:
    """What is known after one decision.

    ``states`` and ``scores`` go by box; ``order`` is the sorted list. ``box`` was decided about, against ``pivot``;
    −1: none. ``before`` is the score that the box had until now, ``reasons`` say of each box what became of it, and
    ``measured`` whether the overlap of the two counted.
    """

    sentence: str
    states: tuple[State, ...]
    scores: tuple[float, ...]
    order: tuple[int, ...]
    pivot: int = -1
    box: int = -1
    decision: Decision | None = None
    before: float = 0.0
    reasons: tuple[str, ...] = ()
    measured: bool = False

    @property
    def kept(self) -> list[int]:
        """The boxes that are kept so far."""
        return [i for i, s in enumerate(self.states) if s == "kept"]

    @property
    def word(self) -> str:
        """What happens to the box in this frame, in a few words; nothing where it is discarded or kept."""
        if self.decision is None or self.decision.kind not in ("stays", "lowered"):
            return ""
        what = "stays" if self.decision.kind == "stays" else "lowered"
        return f"IoU {self.decision.iou:.2f}, {what}" if self.measured else "other class"


def count(n: int, what: str = "box", many: str = "boxes") -> str:
    """Write ``1 box``, ``3 boxes``."""
    return f"{n} {what if n == 1 else many}"


def class_name(classes: Sequence[str], kind: int) -> str:
    """Return the name of a class, or its number where it has none."""
    return classes[kind] if kind < len(classes) else str(kind)


def frames_of(boxes: Sequence[Box], how: Suppression) -> list[Frame]:
    """Return the frame before the first decision, one for each, and the result. Raises `DetectionError` in words."""
    order = tuple(sorted(range(len(boxes)), key=lambda i: (-boxes[i].score, i)))
    begin = (f"{count(len(boxes))}, sorted by p_c; those below {how.score:.2f} go first" if boxes else
             "There are no boxes: type, paste or draw some, or train the network until it finds something")
    if fainter := sum(b.score < min(FAINT, how.score) for b in boxes):
        begin += f", and {fainter} with p_c < {min(FAINT, how.score):.2f} {'is' if fainter == 1 else 'are'} not drawn"
    waiting: tuple[State, ...] = tuple("waiting" for _ in boxes)
    out = [Frame(begin, waiting, tuple(b.score for b in boxes), order,
                 reasons=("",) * len(boxes))]
    if not boxes:
        return out
    faint = 0
    for d in suppress(boxes, how):
        last = out[-1]
        states, scores, reasons = list(last.states), list(last.scores), list(last.reasons)
        reasons[d.box] = {
            "weak": f"p_c < {how.score:.2f}", "overlaps": f"IoU {d.iou:.2f} with #{d.pivot}", "pivot": "kept",
            "lowered": f"lowered by #{d.pivot}", "stays": reasons[d.box]}[d.kind]
        scores[d.box] = d.score
        if d.kind in ("weak", "overlaps"):
            states[d.box] = "weak" if d.kind == "weak" else "overlaps"
        elif d.kind == "pivot":
            states[d.box] = "kept"
        gone = tuple(i for i in last.order if states[i] in ("weak", "overlaps"))
        row = order if how.soft == "no" else (*d.kept, *d.queue, *gone)
        frame = Frame(d.sentence, tuple(states), tuple(scores), row, d.pivot, d.box, d, last.scores[d.box],
                      tuple(reasons), d.kind in ("overlaps", "lowered", "stays") and not (
                          how.per_class and boxes[d.box].kind != boxes[d.pivot].kind))
        if d.kind == "weak" and d.score < FAINT:
            faint += 1
            if faint > 1:
                frame = replace(frame, sentence=f"{faint} boxes with p_c < {FAINT:.2f} are discarded at once: p_c ≥ "
                                f"{how.score:.2f} is asked for")
                out.pop()
        out.append(frame)
    last = out[-1]
    names = ", ".join(f"#{i}" for i in last.order if last.states[i] == "kept")
    out.append(replace(last, sentence=f"{len(last.kept)} of {count(len(boxes))} kept" + (f": {names}" if names else ""),
                       pivot=-1, box=-1, decision=None, measured=False))
    return out


def _side(name: str, low: str, high: str, i: int, j: int, ends: tuple[float, float, float, float]) -> str:
    """Write one side of what two boxes share: w = min(r_i, r_j) − max(l_i, l_j)."""
    a_low, b_low, a_high, b_high = (show_number(v) for v in ends)
    length = min(ends[2:]) - max(ends[:2])
    return (rf"{name} = \min({high}_{{{i}}},{high}_{{{j}}})-\max({low}_{{{i}}},{low}_{{{j}}}) = "
            rf"\min({a_high},{b_high})-\max({a_low},{b_low}) = {show_number(length)}")


def working(
    frame: Frame, boxes: Sequence[Box], how: Suppression, parts: Sequence[tuple[float, float]] = (),
    classes: Sequence[str] = (),
) -> list[str]:
    """Return the arithmetic of a frame's decision as lines of LaTeX; ``parts`` are p_c and max c of a network's boxes.

    ``classes`` are the names of the classes.
    """
    d = frame.decision
    if d is None:
        return []
    if d.kind in ("weak", "pivot"):
        name, score = "p_c", show_number(d.score)
        if parts and how.soft == "no":
            p, c = (show_number(v) for v in parts[d.box])
            name, score = r"\mathrm{score}", rf"p_c\cdot\max_k c_k = {p}\cdot{c} = {score}"
        sign, bound = ("<", f"{how.score:.2f}") if d.kind == "weak" else (r"\geq", f"{how.score:.2f}")
        return [rf"{name} = {score} {sign} {bound}"]
    i, j = d.pivot, d.box
    a, b = boxes[i], boxes[j]
    if not frame.measured:
        mine, other = (class_name(classes, k.kind).replace("_", r"\_").replace(" ", r"\ ") for k in (a, b))
        return [rf"\mathrm{{class}}_{{{i}}} = \mathrm{{{mine}}} \neq \mathrm{{class}}_{{{j}}} = \mathrm{{{other}}}"]
    o = overlap(a, b)
    lines = [_side("w", "l", "r", i, j, (a.left, b.left, a.right, b.right)),
             _side("h", "t", "b", i, j, (a.top, b.top, a.bottom, b.bottom))]
    width, height = o.right - o.left, o.bottom - o.top
    shared = show_number(o.shared)
    lines.append(rf"|A\cap B| = w\cdot h = {show_number(width)}\cdot{show_number(height)} = {shared}"
                 if width > 0 and height > 0 else r"|A\cap B| = 0\ (\mathrm{apart})")
    lines.append(rf"|A\cup B| = |A|+|B|-|A\cap B| = {show_number(a.area)}+{show_number(b.area)}-{shared} = "
                 rf"{show_number(o.union)}")
    sign = ">" if o.iou > how.overlap else r"\leq"
    bound = "" if how.soft == "gaussian" else rf" {sign} {how.overlap:.2f}"
    lines.append(rf"\mathrm{{IoU}} = \frac{{|A\cap B|}}{{|A\cup B|}} = \frac{{{shared}}}{{{show_number(o.union)}}} = "
                 rf"{show_number(o.iou)}{bound}")
    if how.soft != "no" and d.kind != "stays":
        factor = (rf"(1-{show_number(o.iou)})" if how.soft == "linear" else
                  rf"e^{{-{show_number(o.iou)}^2/{how.sigma:g}}}")
        end = rf" < {how.score:.2f}" if d.kind == "overlaps" else ""
        lines.append(rf"p_c \leftarrow {show_number(frame.before)}\cdot {factor} = {show_number(d.score)}{end}")
    return lines


def strictness(boxes: Sequence[Box], how: Suppression, kept: int) -> tuple[str, str]:
    """Say of each threshold which way is stricter, and what it does now."""
    pass_score = sum(b.score >= how.score for b in boxes)
    gaussian = how.soft == "gaussian"
    of_overlap = "not used: every overlap counts" if gaussian else f"lower is stricter: {count(kept)} kept"
    return f"higher is stricter: {pass_score} of {len(boxes)} pass", of_overlap
