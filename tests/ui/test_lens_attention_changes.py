"""The attention lens follows training, changes what is asked for and takes it back, and can be pointed at."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.engine.run import RunError
from graphlab.ui import theme
from graphlab.ui.lenses.attention import AttentionLens
from graphlab.ui.lenses.view import View
from graphlab.ui.session import Session
from tests.ui.attention_kit import lens_of, masked_document, opened, press, settle, softmax, value

# --- following ---------------------------------------------------------------------------------------------


def test_it_follows_live_weights_and_remembers_them(qtbot: QtBot) -> None:
    panel = opened(qtbot, "seq2seq-attention", "alignment", training=True)
    lens, training = lens_of(panel), panel.training
    assert training is not None
    before = lens.shown()["weights"]
    lens.switches["Training"].setChecked(True)
    assert training.start()
    qtbot.waitUntil(lambda: len(panel.view.history(lens._key(lens.sites[0])).updates) >= 4, timeout=20_000)
    training.stop()
    qtbot.waitUntil(lambda: not panel._later.isActive(), timeout=5000)
    after = lens.shown()["weights"]
    assert (after != before).any()
    np.testing.assert_array_equal(after[0], value(panel, "weights")[0])
    history = panel.view.history(lens._key(lens.sites[0]))
    assert history.updates == sorted(set(history.updates))
    lens.show_frame(1.0)
    film = lens.film.tiles
    assert 2 <= len(film) <= 8
    for tile in film:
        at = history.updates.index(int(tile.title.removeprefix("update ").replace(",", "")))
        np.testing.assert_allclose(tile.weights, history.values[at][0], rtol=1e-6)
    assert np.abs(film[0].weights - film[-1].weights).max() > 1e-4


def test_another_sample_is_another_picture(qtbot: QtBot) -> None:
    panel = opened(qtbot, "seq2seq-attention", "alignment")
    first = lens_of(panel).shown()["weights"]
    panel.session.set_sample(7)
    qtbot.waitUntil(lambda: not panel._later.isActive(), timeout=5000)
    seen, table = lens_of(panel).seen, panel.session.table
    assert seen is not None
    assert table is not None
    assert seen.columns == tuple(table.columns["tokens"].classes[i] for i in table.columns["tokens"].values[7])
    assert (seen.weights != first).any()


# --- changing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path"), [("seq2seq-attention", "alignment"), ("attention-retrieval", "attention"),
                                            ("next-word", "block")])
def test_every_try_changes_what_is_shown_and_is_undone(qtbot: QtBot, name: str, path: str) -> None:
    panel = opened(qtbot, name, path)
    labels = [t.label for t in lens_of(panel).tries()]
    assert "Hide the heaviest key" in labels
    before = lens_of(panel).shown()["weights"]
    for label in labels:
        press(panel, label)
        lens = settle(qtbot, panel)
        changed = lens.shown()["weights"]
        assert changed.shape != before.shape or np.abs(changed - before).max() > 1e-9, label
        if panel.session.undo_stack.canUndo():
            panel.session.undo_stack.undo()
        else:
            press(panel, "Back to the data")
        lens = settle(qtbot, panel)
        np.testing.assert_array_equal(lens.shown()["weights"], before, err_msg=label)
        assert "Back to the data" not in [t.label for t in lens.tries()]


def test_a_word_can_be_exchanged(qtbot: QtBot) -> None:
    panel = opened(qtbot, "seq2seq-attention", "alignment")
    lens = lens_of(panel)
    assert lens.seen is not None
    assert lens.seen.looked is not None
    lens.changes.put(lens.seen.looked.path, 2, 11)
    lens = settle(qtbot, panel)
    assert lens.seen is not None
    assert lens.seen.columns[2] == "l"
    assert panel.session.typed["tokens"][0, 2] == 11
    np.testing.assert_array_equal(lens.seen.weights[0], value(panel, "weights")[0])


def test_hidden_keys_get_nothing_and_the_others_share(qtbot: QtBot) -> None:
    panel = opened(qtbot, "transformer", "decoder/cross_attention")
    lens = lens_of(panel)
    assert lens.seen is not None
    scaled = lens.seen.stages["scaled"].copy()
    lens.hide_cells([(1, 2), (1, 3), (4, 0)])
    for i, j in [(1, 2), (1, 3), (4, 0)]:
        scaled[:, i, j] = -np.inf
    np.testing.assert_allclose(lens.shown()["weights"], softmax(scaled), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(lens.shown()["context"], softmax(scaled) @ lens.shown()["v"], rtol=1e-9)
    assert lens.seen is not None
    assert lens.seen.what_if
    assert "What if" in lens.caption()
    lens.hide_cells([(1, 2), (1, 3), (4, 0)], hide=False)
    assert not lens.seen.what_if


def test_hiding_works_for_scores_with_a_softmax_behind_them(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    scores = lens.shown()["scores"].copy()
    lens.hide_cells([(0, 0)])
    scores[0, 0, 0] = -np.inf
    np.testing.assert_allclose(lens.shown()["weights"], softmax(scores), rtol=1e-9, atol=1e-300)
    assert lens.shown()["context"].shape == lens.shown()["q"].shape


def test_a_mask_that_is_an_input_is_typed_over(qtbot: QtBot) -> None:
    panel = opened(qtbot, masked_document(), "attn")
    lens = lens_of(panel)
    lens.hide_cells([(0, 1)])
    lens = settle(qtbot, panel)
    assert not panel.session.typed["mask"][0, 0, 1]
    assert panel.session.typed["mask"].sum() == panel.session.typed["mask"].size - 1
    assert lens.shown()["weights"][0, 0, 1] == 0
    assert value(panel, "attn/weights")[0, 0, 1] == 0
    press(panel, "Back to the data")
    assert not panel.session.typed


def test_ways_of_scoring_are_compared_on_the_same_queries(qtbot: QtBot) -> None:
    panel = opened(qtbot, "seq2seq-attention", "alignment")
    lens = lens_of(panel)
    lens.switches["Ways of scoring"].setChecked(True)
    shown = lens.shown()
    q, k = shown["q"][0], shown["k"][0]
    np.testing.assert_allclose(shown["way dot"], softmax(q @ k.T), rtol=1e-9)
    np.testing.assert_allclose(shown["way scaled dot"], softmax(q @ k.T / np.sqrt(32)), rtol=1e-9)
    np.testing.assert_allclose(shown["way additive"], shown["weights"][0], rtol=1e-9)
    titles = [t.title for t in lens.ways.tiles]
    assert titles == ["dot", "scaled dot", "bilinear, untrained", "additive"]
    assert [t.title for t in lens.ways.tiles if t.chosen] == ["additive"]
    other = lens_of(opened(qtbot, "next-word", "block"))
    other.switches["Ways of scoring"].setChecked(True)
    other.show_head(1)
    shown = other.shown()
    may = np.tri(7) > 0
    for way, scores in (("dot", shown["scores"][1]), ("scaled dot", shown["scores"][1] / 4)):
        np.testing.assert_allclose(shown[f"way {way}"], softmax(np.where(may, scores, -np.inf)), rtol=1e-9, atol=1e-300)
    columns = softmax(np.where(may, shown["scores"][1] / 4, -np.inf), axis=0)
    np.testing.assert_allclose(shown["way softmax over queries"], columns, rtol=1e-9, atol=1e-300)
    assert "row Σ" in next(t.line for t in other.ways.tiles if t.title == "softmax over queries")


# --- pointing --------------------------------------------------------------------------------------------------


def test_one_head_alone(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "transformer", "encoder"))
    lens.switches["Heads"].setChecked(True)
    assert lens.seen is not None
    np.testing.assert_allclose(lens.shown()["shown weights"], lens.seen.weights.mean(axis=0))
    lens.heads.grab()
    area = lens.heads.spots[1].area
    assert isinstance(area, QRectF)
    QTest.mouseClick(lens.heads, Qt.MouseButton.LeftButton, pos=area.center().toPoint())
    assert lens.head == 1
    assert lens.solo.currentText() == "head 2"
    np.testing.assert_array_equal(lens.shown()["shown weights"], lens.seen.weights[1])
    assert "head 2" in lens.caption()


def test_a_click_stays_with_a_query_and_another_lets_go(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    assert lens.seen is not None
    panel = next(p for p in lens.matrices.panels(lens.seen) if p.name == "weights")
    high, wide = panel.box.height() / 10, panel.box.width() / 10
    at = QPoint(round(panel.box.x() + 6.5 * wide), round(panel.box.y() + 2.5 * high))
    lens.matrices.grab()
    QTest.mouseClick(lens.matrices, Qt.MouseButton.LeftButton, pos=at)
    assert (lens.row, lens.key) == (2, 6)
    assert lens.caption().startswith("Query 2 ")
    assert f"‘{lens.seen.columns[6]}’" in lens.caption()
    QTest.mouseClick(lens.matrices, Qt.MouseButton.LeftButton, pos=at)
    assert (lens.row, lens.key) == (-1, -1)


@pytest.mark.parametrize(("keys", "expected"), [
    ([Qt.Key.Key_Down], (0, -1)), ([Qt.Key.Key_Down] * 2, (1, -1)), ([Qt.Key.Key_Down, Qt.Key.Key_Up], (9, -1)),
    ([Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right], (0, 1))])
def test_arrow_keys_move_over_queries_and_keys(qtbot: QtBot, keys: list[Qt.Key], expected: tuple[int, int]) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    for key in keys:
        QTest.keyClick(lens.lines, key)
    assert (lens.row, lens.key) == expected


def test_enter_and_delete_ask_for_a_change(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    asked: list[tuple[object, ...]] = []
    for signal in (lens.matrices.token_asked, lens.matrices.cell_asked):
        signal.disconnect()
        signal.connect(lambda *args: asked.append(args[:2]))
    lens.look_at(3, -1)
    QTest.keyClick(lens.matrices, Qt.Key.Key_Return)
    lens.look_at(3, 5)
    QTest.keyClick(lens.matrices, Qt.Key.Key_Return)
    QTest.keyClick(lens.matrices, Qt.Key.Key_Delete)
    assert asked == [("rows", 3), ("columns", 5), (3, 5)]


def test_boards_stand_in_two_columns_where_there_is_room(qtbot: QtBot) -> None:
    panel = opened(qtbot, "seq2seq-attention", "alignment")
    lens = lens_of(panel)
    qtbot.waitExposed(panel)
    assert lens.lines.y() >= lens.matrices.y() + lens.matrices.height()
    panel.resize(1600, 500)
    qtbot.waitUntil(lambda: lens.lines.x() >= lens.matrices.x() + lens.matrices.width(), timeout=2000)
    assert lens.lines.y() == lens.matrices.y()


def test_the_dictionary_answers_the_query_that_is_asked(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    lens.switches["Dictionary"].setChecked(True)
    lens.look_at(5, -1)
    assert lens.seen is not None
    lens.dictionary.grab()
    told = {s.key: float(s.tip.rpartition("= ")[2]) for s in lens.dictionary.spots if s.tip.startswith("weight of")}
    assert told == dict(enumerate(lens.seen.weights[0, 5]))
    context = [float(s.tip.rpartition("= ")[2]) for s in lens.dictionary.spots if s.tip.startswith("context[")]
    np.testing.assert_array_equal(context, lens.seen.stages["context"][0, 5])


def test_colours_follow_the_theme(qtbot: QtBot) -> None:
    lens = lens_of(opened(qtbot, "seq2seq-attention", "alignment"))
    pictures: list[QImage] = []
    try:
        modes: tuple[theme.Mode, ...] = ("light", "dark", "light")
        for mode in modes:
            theme.set(mode)
            pictures.append(lens.matrices.grab().toImage())
    finally:
        theme.set("system")
    assert pictures[0] == pictures[2] != pictures[1]


def test_where_nothing_attends_it_says_so(qtbot: QtBot) -> None:
    session = Session()
    session.open_document(open_example("digits").document)
    lens = AttentionLens(View(session))
    session.setParent(lens)
    qtbot.addWidget(lens)
    with pytest.raises(RunError, match="There is no attention here that runs"):
        lens.refresh()
    lens.show_frame(0.5)
    assert (lens.frames, lens.caption(), dict(lens.shown()), list(lens.tries())) == (1, "", {}, [])
