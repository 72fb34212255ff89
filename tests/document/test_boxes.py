"""Boxes pasted as text: every dialect, and a sentence for every line that holds none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphlab.document.boxes import MOST_BOXES, read_boxes, write_boxes
from graphlab.engine.detection import Box

KNOWN = ("square", "circle")
WANT = (Box(1.5, 2.0, 6.0, 7.25, 0.9, 1), Box(0.0, 0.0, 3.0, 3.0, 0.4, 0))


@pytest.mark.parametrize("text", [
    "1.5,2,6,7.25,0.9,circle\n0,0,3,3,0.4,square\n", "1,5;2;6;7,25;0,9;Circle\n\n0;0;3;3;0,4;square",
    "1.5\t2\t6\t7.25\t0.9\t1\r\n0\t0\t3\t3\t0.4\t0", "1.5 2  6 7.25 0.9 circle\n0 0 3 3 .4 square",
    "class,score,xmin,ymin,xmax,ymax\ncircle,0.9,1.5,2,6,7.25\nsquare,0.4,0,0,3,3",
    "x;y;w;h;p;label\n1,5;2;4,5;5,25;0,9;circle\n0;0;3;3;0,4;square"])
def test_every_dialect_gives_the_same_boxes(text: str) -> None:
    read = read_boxes(text, KNOWN)
    assert read.problems == ()
    assert read.boxes == WANT
    assert read.classes == KNOWN


@pytest.mark.parametrize(("line", "said"), [
    ("1,2,3", "Line 2 has 3 values: a line needs left, top, right, bottom, and may add p_c and class."),
    ("1,2,x,4", "Line 2: right is ‘x’, which is no number."),
    ("1,2,nan,4", "Line 2: right is ‘nan’, which is no number."),
    ("5,2,3,4", "Line 2: a box needs right > left and bottom > top; it has left 5, right 3, top 2, bottom 4."),
    ("1,2,3,4,1.5", "Line 2: a box needs a score between 0 and 1; it has 1.5."),
    ("1,2,3,4,1,-1", "Line 2: the class is -1; it needs to be a name or a whole number from 0."),
    ("1,,3,4", "Line 2 has no top: a line needs left, top, right, bottom, and may add p_c and class.")])
def test_a_bad_line_is_said_and_the_others_are_taken(line: str, said: str) -> None:
    read = read_boxes(f"0,0,1,1\n{line}\n2,2,3,3")
    assert read.problems == (said,)
    assert [b.left for b in read.boxes] == [0, 2]


def test_what_is_missing_altogether_is_said() -> None:
    assert "right and bottom are missing" in read_boxes("left,top\n1,2").problems[0]
    assert "no box in the text" in read_boxes(" \n").problems[0]
    assert "no table" in read_boxes("1" * 200_000).problems[0]
    many = read_boxes("0 0 1 1\n" * (MOST_BOXES + 1))
    assert len(many.boxes) == MOST_BOXES
    assert f"{MOST_BOXES + 1} lines" in many.problems[0]


def test_new_names_become_classes() -> None:
    read = read_boxes("0,0,1,1,1,dog\n0,0,1,1,1,square\n0,0,1,1,1,Dog", KNOWN)
    assert [b.kind for b in read.boxes] == [2, 0, 2]
    assert read.classes == (*KNOWN, "dog")


places = st.floats(-1e6, 1e6)


@given(st.lists(st.builds(lambda x, y, w, h, p, k: Box(x, y, x + w, y + h, p, k), places, places, st.floats(1, 1e3),
                          st.floats(1, 1e3), st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=8))
def test_what_is_written_is_read_back(boxes: list[Box]) -> None:
    read = read_boxes(write_boxes(boxes, KNOWN), KNOWN)
    assert read.problems == ()
    assert list(read.boxes) == boxes
