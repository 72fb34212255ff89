"""The attention lens: what it draws is what the engine computed, and what it says is right."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.ui import lenses
from graphlab.ui.lenses.attention import AttentionLens
from graphlab.ui.lenses.attention_boards import Board
from graphlab.ui.lenses.base import lenses_for
from graphlab.ui.lenses.view import View
from graphlab.ui.numbers import number_text
from graphlab.ui.session import Session
from graphlab.ui.tensor_view_heat import heat_image
from tests.ui.attention_kit import lens_of, opened, softmax, value

# --- what it finds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path"), [
    ("attention-retrieval", "attention"), ("transformer", "encoder"), ("transformer", "decoder/cross_attention"),
    ("transformer", "decoder/cross_attention/attention"), ("seq2seq-attention", "alignment"),
    ("seq2seq-attention", "weights"), ("seq2seq-attention", "context"), ("next-word", "block"), ("next-word", "")])
def test_it_is_offered_where_something_attends(qtbot: QtBot, name: str, path: str) -> None:
    lenses.load()
    session = Session()
    session.open_document(open_example(name).document)
    assert AttentionLens in lenses_for(View(session, path))
    panel = opened(qtbot, name, path)
    assert lens_of(panel).seen is not None


def test_it_is_not_offered_elsewhere() -> None:
    lenses.load()
    session = Session()
    session.open_document(open_example("digits").document)
    assert AttentionLens not in lenses_for(View(session, ""))
    session.open_document(open_example("seq2seq").document)
    assert AttentionLens not in lenses_for(View(session, "decoder"))


def test_all_attentions_of_a_block_can_be_chosen(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "transformer", ""))
    names = [lens.place.itemText(i) for i in range(lens.place.count())]
    assert names == ["encoder/attention/attention", "decoder/self_attention/attention",
                     "decoder/cross_attention/attention"]
    lens.place.setCurrentIndex(2)
    lens.place.activated.emit(2)
    assert lens.seen is not None
    assert lens.seen.site.path == names[2]


# --- what it draws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path"), [
    ("transformer", "encoder"), ("transformer", "decoder/self_attention"), ("transformer", "decoder/cross_attention"),
    ("next-word", "block"), ("masked-words", "encoder"), ("attention-retrieval", "attention")])
def test_the_stages_are_the_engines_and_those_of_the_formula(qtbot: QtBot, name: str, path: str) -> None:
    panel = opened(qtbot, name, path)
    lens = lens_of(panel)
    shown, seen = lens.shown(), lens.seen
    assert seen is not None
    record = panel.view.record(seen.site.path)
    q, k, v = (np.atleast_3d(record[n][0]) if record[n].ndim == 4 else record[n][0][None] for n in "qkv")
    for name_, x in (("q", q), ("k", k), ("v", v)):
        np.testing.assert_array_equal(shown[name_], x)
    scores = np.einsum("hid,hjd->hij", q, k)
    np.testing.assert_allclose(shown["scores"], scores, rtol=1e-12)
    scaled = scores / np.sqrt(q.shape[-1])
    np.testing.assert_allclose(shown["scaled"], scaled, rtol=1e-12)
    if getattr(seen.site.op, "causal", False):
        scaled = np.where(np.tri(*scores.shape[1:]) > 0, scaled, -1e9)
        np.testing.assert_allclose(shown["masked"], scaled, rtol=1e-12)
    weights = softmax(scaled)
    np.testing.assert_allclose(shown["weights"], weights, rtol=1e-10)
    np.testing.assert_allclose(shown["weights"], np.atleast_3d(record["weights"][0]).reshape(weights.shape), rtol=1e-10)
    np.testing.assert_allclose(shown["context"], weights @ v, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(shown["sums"], 1, rtol=1e-12)


@pytest.mark.parametrize(("name", "form"), [("seq2seq-attention", "additive"), ("translation", "bilinear")])
def test_scores_of_other_forms_are_those_of_their_formula(qtbot: QtBot, name: str, form: str) -> None:
    panel = opened(qtbot, name, "alignment")
    shown, w = lens_of(panel).shown(), panel.view.weights
    q, k = shown["q"][0], shown["k"][0]
    np.testing.assert_array_equal(q, panel.view.record("decoder")["seq"][0])
    np.testing.assert_array_equal(k, panel.view.record("encoder")["seq"][0])
    if form == "additive":
        pairs = (q @ w["alignment/W.W"])[:, None] + (k @ w["alignment/U.W"])[None]
        scores = np.tanh(pairs) @ w["alignment/w.value"][:, 0]
    else:
        scores = q @ w["alignment/W.W"] @ k.T
    np.testing.assert_allclose(shown["scores"][0], scores, rtol=1e-9)
    np.testing.assert_allclose(shown["weights"][0], softmax(scores), rtol=1e-9)
    np.testing.assert_array_equal(shown["weights"][0], value(panel, "weights")[0])
    np.testing.assert_array_equal(shown["context"][0], value(panel, "context")[0])


def test_rows_are_called_by_the_words_of_the_data(qtbot: QtBot) -> None:
    panel = opened(qtbot, "transformer", "decoder/cross_attention")
    seen, table = lens_of(panel).seen, panel.session.table
    assert seen is not None
    assert table is not None
    for words, column in ((seen.rows, "written"), (seen.columns, "tokens")):
        c = table.columns[column]
        assert words == tuple(c.classes[i] for i in c.values[0])
    scores = value(panel, "scores")[0]
    assert seen.said == tuple(table.columns["target"].classes[i] for i in scores.argmax(axis=-1))
    np.testing.assert_allclose(seen.sure, softmax(scores).max(axis=-1))
    plain = lens_of(opened(qtbot, "attention-retrieval", "attention")).seen
    assert plain is not None
    assert (plain.rows, plain.columns[:2], plain.said) == (("q₀",), ("k₀", "k₁"), ())


def exact(board: Board) -> list[tuple[int, int, float]]:
    """Read the numbers out of what a board says of its cells and lines."""
    out = []
    for spot in board.spots:
        found = re.search(r"(?:softmax\[\d+, \d+\] = |looks at ‘.*’: )([-\de.]+)", spot.tip)
        if found:
            out.append((spot.row, spot.key, float(found[1])))
    return out


@pytest.mark.parametrize("which", ["Matrices", "Lines"])
def test_every_cell_and_line_tells_its_weight_in_full(qtbot: QtBot, which: str) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    assert lens.seen is not None
    board = lens.boards[which]
    board.grab()
    told = exact(board)
    weights = lens.seen.weights[0]
    assert len(told) == (weights.size if which == "Matrices" else int((weights >= 0.01).sum()))
    assert all(w == weights[i, j] for i, j, w in told)


def test_cells_have_the_colours_of_their_numbers(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    assert lens.seen is not None
    board, weights = lens.matrices, lens.seen.weights[0]
    picture = board.grab().toImage()
    panel = next(p for p in board.panels(lens.seen) if p.name == "weights")
    table = heat_image(weights, 1.0, False)
    ratio = picture.devicePixelRatio()
    high, wide = panel.box.height() / len(weights), panel.box.width() / weights.shape[1]
    for i, j in [(0, 0), (3, 6), (9, 2)]:
        x, y = panel.box.x() + (j + 0.2) * wide, panel.box.y() + (i + 0.2) * high
        assert picture.pixelColor(round(x * ratio), round(y * ratio)).rgb() == table.pixelColor(j, i).rgb()


# --- the animation ---------------------------------------------------------------------------------------


def picture_of(lens: AttentionLens) -> QImage:
    return lens.grab().toImage()


def test_frames_walk_over_queries_and_stages(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "next-word", "block"))
    assert lens.seen is not None
    assert lens.seen.order == ("scores", "scaled", "masked", "weights", "context")
    assert lens.frames == 7 * 5 + 1
    seen = []
    for frame in range(lens.frames):
        lens.show_frame(frame / (lens.frames - 1))
        focus = lens.focus_
        seen.append((focus.done, focus.row, focus.stage))
        if frame < 35:
            assert lens.caption().startswith(f"Query {frame // 5} ‘{lens.seen.rows[frame // 5]}’, head 1: ")
    assert seen[:6] == [(0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 0, 4), (0, 0, 5), (1, 1, 1)]
    assert seen[-1] == (7, -1, 5)


def test_frames_are_deterministic_and_differ(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    pictures = []
    for progress in (0.0, 0.4, 1.0, 0.4):
        lens.show_frame(progress)
        pictures.append(picture_of(lens))
    assert pictures[1] == pictures[3]
    assert pictures[0] != pictures[1] != pictures[2]


def test_captions_are_true(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "next-word", "block"))
    seen = lens.seen
    assert seen is not None
    i, count = 4, len(seen.order)
    said = []
    for stage in range(count):
        lens.show_frame((i * count + stage) / (lens.frames - 1))
        said.append(lens.caption())
    j = int(seen.weights[0, i].argmax())
    score, scaled = float(seen.q[0, i] @ seen.k[0, j]), float(seen.q[0, i] @ seen.k[0, j]) / 4
    assert f"= {number_text(score)}; 7 keys are scored." in said[0]
    largest = int(np.abs(seen.q[0, i] * seen.k[0, j]).argmax())
    factors = [number_text(x[largest]) for x in (seen.q[0, i], seen.k[0, j])]
    assert all(f in said[0] for f in factors)
    assert f"√16, {number_text(score)} / 4 = {number_text(scaled)}" in said[1]
    assert "2 of 7 keys must not be seen" in said[2]
    assert f"= {number_text(seen.weights[0, i, j])}; the row sums to 1." in said[3]
    v = lens.shown()["v"]
    assert number_text(float(seen.weights[0, i] @ v[0, :, 0])) in said[4]
    assert f"The network says ‘{seen.said[i]}’ ({number_text(seen.sure[i])})." in said[4]
    lens.show_frame(1.0)
    assert "Every row of weights sums to 1 (all 14;" in lens.caption()


def test_additive_arithmetic_adds_up(qtbot: QtBot) -> None:
    panel = opened(qtbot, "seq2seq-attention", "alignment")
    lens = lens_of(panel)
    assert lens.seen is not None
    lens.show_frame(0.0)
    j = int(lens.seen.weights[0, 0].argmax())
    units = value(panel, "alignment/hidden")[0, 0, j] * value(panel, "alignment/w")[:, 0]
    assert f"(16 units) = {number_text(units.sum())};" in lens.caption()
