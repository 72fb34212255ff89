"""The NMS theatre: what it draws against the engine, against brute force and against exact fractions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.detection import Box, Suppression, survivors
from graphlab.engine.record import Array
from graphlab.ui import lenses, theme
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.box_picture import STYLES, BoxPicture
from graphlab.ui.lenses.nms import NMSTheatre
from graphlab.ui.lenses.nms_frames import FAINT, frames_of, strictness, working
from graphlab.ui.lenses.nms_source import START, OwnBoxes
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.lenses import LensPanel
from graphlab.ui.session import Session
from tests.engine.test_detection import brute_force, exact, random_boxes

NUMBER = re.compile(r"= (-?[\d.]+)(?: (?:>|\\leq|<).*)?$")


def opened(name: str) -> Session:
    session = Session()
    loaded = open_example(name)
    session.open_document(loaded.document, loaded.weights)
    return session


@pytest.fixture
def theatre(qtbot: QtBot) -> Iterator[NMSTheatre]:
    """The lens on the detector before training, with thresholds that let boxes of so little certainty through."""
    session = opened("detector")
    lens = NMSTheatre(View(session))
    qtbot.addWidget(lens)
    lens.resize(1000, 400)
    lens.show()
    lens.try_how(score=0.15, overlap=0.1, per_class=False)
    lens.show_frame(0.0)
    yield lens
    session.deleteLater()


def decoded(cells: Array) -> Array:
    """Read the boxes of a grid of 6×6 cells of 4 pixels, written down anew."""
    out = []
    for r in range(6):
        for c in range(6):
            _p, x, y, w, h = cells[r, c, :5]
            out.append([4 * (c + x) - 2 * w, 4 * (r + y) - 2 * h, 4 * (c + x) + 2 * w, 4 * (r + y) + 2 * h])
    return np.array(out)


def drawn_rects(picture: BoxPicture) -> Array:
    """Return the corners of every box that is visible on the picture, in the order they are drawn."""
    rects = [i.line.path().boundingRect() for i in picture._items if i.line.isVisible()]
    return np.array([[r.left(), r.top(), r.right(), r.bottom()] for r in rects]).reshape(-1, 4)


# --- frames ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_class", [False, True])
def test_the_last_frame_keeps_what_brute_force_keeps(per_class: bool) -> None:
    rng = np.random.default_rng(8)
    for _ in range(300):
        boxes = random_boxes(rng, int(rng.integers(1, 14)))
        how = Suppression(float(rng.choice([0.0, 0.3, 0.6])), float(rng.choice([0.1, 0.25, 0.5])), per_class)
        play = frames_of(boxes, how)
        assert sorted(play[-1].kept) == sorted(brute_force(boxes, how))
        for before, after in itertools.pairwise(play):
            changed = [i for i in range(len(boxes)) if before.states[i] != after.states[i]]
            faint = all(boxes[i].score < FAINT for i in changed)
            assert len(changed) <= 1 or faint, "one decision a frame"
            assert sorted(after.order) == list(range(len(boxes)))


def test_the_arithmetic_ends_in_exact_numbers() -> None:
    rng = np.random.default_rng(9)
    measured = 0
    for _ in range(60):
        boxes = random_boxes(rng, 8)
        how = Suppression(0.0, 0.2)
        for frame in frames_of(boxes, how):
            if not frame.measured:
                continue
            a, b = boxes[frame.pivot], boxes[frame.box]
            lines = working(frame, boxes, how)
            f = Fraction
            sides = (min(f(a.right), f(b.right)) - max(f(a.left), f(b.left)),
                     min(f(a.bottom), f(b.bottom)) - max(f(a.top), f(b.top)))
            shared = sides[0] * sides[1] if min(sides) > 0 else f(0)
            union = f(a.area) + f(b.area) - shared
            assert exact(a, b) == shared / union
            for line, value in zip(lines, (*sides, shared, union, shared / union), strict=True):
                if "apart" in line:
                    assert value == 0
                    continue
                found = NUMBER.search(line)
                assert found, line
                assert float(found[1]) == pytest.approx(float(value), rel=1e-3, abs=1e-3), line
            assert (">" in lines[-1]) == (shared / union > f(how.overlap))
            measured += shared > 0
    assert measured > 50


def test_soft_suppression_shows_the_product(qtbot: QtBot) -> None:
    boxes = [Box(0, 0, 4, 4, 0.9), Box(0, 0, 4, 3, 0.8)]
    how = Suppression(0.1, 0.5, soft="gaussian", sigma=0.5)
    frame = frames_of(boxes, how)[2]
    assert frame.scores[1] == pytest.approx(0.8 * np.exp(-0.75**2 / 0.5))
    assert working(frame, boxes, how)[-1].startswith(r"p_c \leftarrow 0.8000\cdot e^{-0.7500^2/0.5} = 0.2597")
    linear = frames_of(boxes, Suppression(0.3, 0.5, soft="linear"))
    assert linear[2].states[1] == "overlaps"
    assert r"(1-0.7500) = 0.2000 < 0.30" in working(linear[2], boxes, Suppression(0.3, 0.5, soft="linear"))[-1]


def test_the_words_on_strictness_are_true() -> None:
    rng = np.random.default_rng(10)
    for _ in range(50):
        boxes = random_boxes(rng, 12)
        for low, high in ((0.2, 0.4), (0.4, 0.7)):
            loose, strict = (sum(b.score >= t for b in boxes) for t in (low, high))
            assert strict <= loose, "higher is stricter"
            said = strictness(boxes, Suppression(high, 0.5), 3)
            assert said[0] == f"higher is stricter: {strict} of 12 pass"
        gone = [sum(f.decision.kind == "overlaps" for f in frames_of(boxes, Suppression(0.0, t))
                    if f.decision and f.pivot == f.order[0]) for t in (0.1, 0.3, 0.6)]
        assert gone == sorted(gone, reverse=True), "lower is stricter: the first pivot discards more"


# --- the lens on a network ------------------------------------------------------------------------------------


def test_it_is_offered_first_for_a_detector_and_last_where_there_is_none() -> None:
    lenses.load()
    detector = opened("detector")
    assert lenses_for(View(detector))[0] is NMSTheatre
    for path in ("nms", "boxes", "cells", "loss"):
        assert NMSTheatre in lenses_for(View(detector, path))[:2], path
    others = lenses_for(View(opened("moons")))
    assert others[-1] is NMSTheatre
    assert others.count(NMSTheatre) == 1
    assert lenses_for(View(detector)).count(NMSTheatre) == 1


def test_the_boxes_are_those_of_the_cells(theatre: NMSTheatre) -> None:
    record = theatre.view.run().records["cells"]
    want = decoded(record["y"][0])
    np.testing.assert_allclose(theatre.shown()["boxes"], want, atol=1e-12)
    np.testing.assert_allclose(
        theatre.shown()["scores"], (record["y"][0, ..., 0] * record["y"][0, ..., 5:].max(axis=-1)).ravel(), atol=1e-12)
    np.testing.assert_array_equal(theatre.shown()["picture"], theatre.view.feeds()["picture"][0, 0])
    np.testing.assert_array_equal(theatre.picture.image.image, theatre.view.feeds()["picture"][0, 0])
    rects = drawn_rects(theatre.picture)
    truth = len(theatre.scene.truth or ())
    np.testing.assert_allclose(rects[truth:], want[theatre.shown()["order"][::-1]], atol=1e-9)
    np.testing.assert_allclose(theatre.view.record("boxes")["boxes"][0], want, atol=1e-12)


def test_each_frame_draws_its_decision(theatre: NMSTheatre) -> None:
    boxes = list(theatre.scene.boxes)
    styles = set()
    for k in range(theatre.frames):
        theatre.show_frame(k / (theatre.frames - 1))
        frame = theatre.frame
        assert frame is theatre.play[k]
        assert theatre.caption().startswith(frame.sentence)
        by_box = {m.label.split(" ")[0]: m for m in theatre.picture.marks if m.label}
        if frame.measured:
            a, b = boxes[frame.pivot], boxes[frame.box]
            assert by_box[f"#{frame.pivot}"].style == "pivot"
            assert by_box[f"#{frame.box}"].style == ("leaving" if frame.states[frame.box] == "overlaps" else "compared")
            shared = float(exact(a, b))
            assert (theatre.picture.shade is not None) == (shared > 0)
            if shared:
                left, top, right, bottom = theatre.shown()["shared"]
                area = theatre.picture.overlap.path().boundingRect()
                assert (area.left(), area.top(), area.right(), area.bottom()) == pytest.approx(
                    (left, top, right, bottom))
                size = (right - left) * (bottom - top)
                assert size / (a.area + b.area - size) == pytest.approx(shared)
        rows = theatre.list.rows()
        assert [int(re.sub(r"\D", "", row[0])) for row in rows] == list(frame.order)
        assert [row[1] for row in rows] == [f"{frame.scores[i]:.2f}" for i in frame.order]
        styles |= {m.style for m in theatre.picture.marks}
    assert {"pivot", "waiting", "kept", "leaving"} <= styles
    assert sorted(theatre.frame.kept) == sorted(survivors(boxes, theatre.controls.how))


def test_going_back_shows_the_same_frame(theatre: NMSTheatre) -> None:
    def look(k: int) -> tuple[object, ...]:
        theatre.show_frame(k / (theatre.frames - 1))
        return theatre.picture.marks, theatre.picture.shade, theatre.caption(), theatre.list.rows()

    first = [look(k) for k in range(theatre.frames)]
    assert [look(k) for k in reversed(range(theatre.frames))] == first[::-1]


def test_it_follows_live_weights_and_the_sample(theatre: NMSTheatre) -> None:
    session = theatre.view.session
    before = theatre.shown()["boxes"]
    session.show_live({k: v * 1.5 if k.startswith("head") else v for k, v in session.weights.items()})
    theatre.view.invalidate()
    theatre.refresh()
    live = decoded(theatre.view.run().records["cells"]["y"][0])
    assert np.abs(live - before).max() > 0.01
    np.testing.assert_allclose(theatre.shown()["boxes"], live, atol=1e-12)
    session.show_live(None)
    session.set_sample(5)
    theatre.view.invalidate()
    theatre.refresh()
    np.testing.assert_array_equal(theatre.shown()["picture"], session.feeds()["picture"][0, 0])


def test_the_op_lends_its_boxes_and_its_thresholds(qtbot: QtBot) -> None:
    session = opened("boxes-climb")
    lens = NMSTheatre(View(session, "nms"))
    qtbot.addWidget(lens)
    lens.refresh()
    record = lens.view.record("nms")
    np.testing.assert_allclose(lens.shown()["boxes"], record["boxes"][0])
    lens.show_frame(1.0)
    assert sorted(lens.frame.kept) == sorted(record["index"][0][record["valid"][0]].tolist())
    assert [m.box for m in lens.picture.marks if m.style == "truth"] == [Box(8, 7, 17, 16)]
    assert "objects found" in lens.caption()
    assert lens.controls.how == Suppression(0.5, 0.5)
    op = session.document.graph.nodes["nms"].op
    lens.try_how(overlap=0.1)
    {t.label: t for t in lens.tries()}["Write into ‘nms’"].run()
    assert session.document.graph.nodes["nms"].op == op.replace(overlap=0.1)
    lens.refresh()
    assert "Write into ‘nms’" not in [t.label for t in lens.tries()]
    session.undo_stack.undo()
    assert session.document.graph.nodes["nms"].op == op
    lens.refresh()
    assert lens.controls.overlap.value() == 0.5


def test_every_try_changes_something_and_has_a_way_back(theatre: NMSTheatre) -> None:
    for label, back in (("Stricter: IoU ≤ 0.20", "Back to IoU ≤ 0.40"), ("Soft-NMS", "Discard again"),
                        ("Per class", "All classes together")):
        how = theatre.controls.how
        every = {t.label: t for t in theatre.tries()}
        every[label].run()
        changed = theatre.controls.how
        assert changed != how
        {t.label: t for t in theatre.tries()}[back].run()
        assert theatre.controls.how == (how if "IoU" not in label else Suppression(0.15, 0.4))
    theatre.own.put(START[:2])
    {t.label: t for t in theatre.tries()}["Take as my own"].run()
    assert theatre.is_own
    assert len(theatre.own.boxes) == 36
    assert theatre.scene.classes == ("square", "circle", "triangle")
    {t.label: t for t in theatre.tries()}["Example boxes"].run()
    assert theatre.scene.boxes == START
    theatre.own.undo()
    theatre.own.undo()
    assert theatre.own.boxes == START[:2]


def test_sliders_run_it_again(theatre: NMSTheatre) -> None:
    theatre.controls.score_slider.setValue(18)
    assert theatre.controls.how.score == 0.18
    boxes = theatre.scene.boxes
    assert theatre.controls.score_says.text() == f"higher is stricter: {sum(b.score >= 0.18 for b in boxes)} of 36 pass"
    kept = len(survivors(list(boxes), theatre.controls.how))
    assert theatre.controls.overlap_says.text().startswith(f"lower is stricter: {kept} box")
    assert theatre.play[-1].sentence.startswith(f"{kept} of 36")


def test_colours_follow_the_theme_and_labels_stay_apart(theatre: NMSTheatre) -> None:
    mode = theme.mode()
    try:
        for which in ("dark", "light"):
            theme.set(which)
            mark = theatre.picture.marks[-1]
            colour = theatre.picture._items[len(theatre.picture.marks) - 1].line.pen().color()
            assert colour == QColor(getattr(theme.current(), STYLES[mark.style][0]))
    finally:
        theme.set(mode)
    assert len({STYLES[s][1:] for s in STYLES}) >= 7, "no style is told by its colour alone"


def test_the_panel_shows_it_with_transport_captions_and_tries(qtbot: QtBot) -> None:
    session = opened("detector")
    panel = LensPanel(session)
    qtbot.addWidget(panel)
    panel.resize(920, 330)
    panel.show()
    panel.look_at("", NMSTheatre)
    lens = panel.lens
    assert isinstance(lens, NMSTheatre)
    lens.use_own(True)
    panel.slider.setValue(3)
    assert panel.caption.text() == lens.caption()
    panel.advance(-1)
    assert lens.frame is lens.play[2]
    lens.list.chosen.emit(1)
    assert lens.frame.box == 1
    assert panel.slider.value() == lens.frame_index()
    assert panel.slider.maximum() == lens.frames - 1
    lens.own.put(())
    assert lens.frames == 1
    assert "type, paste or draw" in panel.caption.text()
    assert OwnBoxes.of(session).can_undo
