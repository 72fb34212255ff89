"""Data of tokens: what is to be written follows from what is read, whatever the seed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphlab.engine.data import Column, DataError, Table
from graphlab.engine.sequences import MASK, START, Characters, Letters, Sentences, Translation, rhyme


def words(table: Table, column: str, row: int) -> list[str]:
    c: Column = table.columns[column]
    return [c.classes[i] for i in c.values[row]]


@pytest.mark.parametrize(("task", "expected"), [
    ("reverse", lambda t: t[::-1]), ("copy", list), ("sort", sorted)])
def test_letters_are_written_as_the_task_says(task: str, expected: object) -> None:
    table = Letters(task=task, n=50, length=7, letters=5).table()
    for row in range(50):
        read = words(table, "tokens", row)
        assert set(read) <= set("abcde")
        assert words(table, "target", row) == expected(read)  # type: ignore[operator]
        assert words(table, "written", row) == [START, *words(table, "target", row)[:-1]]


def test_translations_agree_and_change_places() -> None:
    table = Translation(n=200).table()
    feminine = {"voiture", "maison", "table", "vache"}
    nouns = {"car": "voiture", "house": "maison", "table": "table", "cow": "vache", "dog": "chien", "cat": "chat",
             "book": "livre", "horse": "cheval"}
    for row in range(200):
        english, french = words(table, "tokens", row), words(table, "target", row)
        for at in (0, 4):
            article, adjective, noun = english[at:at + 3]
            a, n, adj = french[at:at + 3]
            assert n == nouns[noun]
            female = n in feminine
            assert a == {"the": "le la", "a": "un une", "my": "mon ma"}[article].split()[female]
            assert adj == {"green": "vert verte", "white": "blanc blanche", "black": "noir noire",
                           "red": "rouge rouge"}[adjective].split()[female]
        assert french[3] == {"sees": "voit", "likes": "aime", "wants": "veut", "has": "a"}[english[3]]
        assert words(table, "written", row) == [START, *french[:-1]]


def test_the_hidden_word_follows_from_the_rest() -> None:
    table = Sentences(n=300).table()
    does = {"cat": "purr", "dog": "bark", "bird": "sing", "cow": "moo", "duck": "quack", "horse": "neigh"}
    hidden = set()
    for row in range(300):
        sentence = words(table, "words", row)
        animal, verb = sentence[2], sentence[6]
        assert verb == (does[animal[:-1]] if animal.endswith("s") else does[animal] + "s")
        assert sentence[5].rstrip("s") != animal.rstrip("s")
        place = int(table.columns["place"].values[row])
        hidden.add(place)
        assert words(table, "masked", row) == [*sentence[:place], MASK, *sentence[place + 1:]]
        assert table.columns["missing"].classes[int(table.columns["missing"].values[row])] == sentence[place]
        assert words(table, "begun", row) == [START, *sentence[:-1]]
    assert hidden == {2, 6}


def test_characters_come_with_the_next_one() -> None:
    table = Characters(text="hello world\nagain and again", length=5, step=2).table()
    for row, start in enumerate(range(0, 27 - 5, 2)):
        text = "".join({"␣": " ", "↵": "\n"}.get(c, c) for c in words(table, "characters", row))
        after = "".join({"␣": " ", "↵": "\n"}.get(c, c) for c in words(table, "next", row))
        assert text == "hello world\nagain and again"[start:start + 5]
        assert after == "hello world\nagain and again"[start + 1:start + 6]


def test_the_rhyme_grows() -> None:
    verses = rhyme().splitlines()
    assert verses[0] == "this is the house that jack built."
    assert verses[2] == "this is the rat that ate the malt that lay in the house that jack built."
    assert all(a[len("this is "):] in b for a, b in itertools.pairwise(verses))


@pytest.mark.parametrize("source", [Letters, Translation, Sentences])
def test_a_seed_gives_the_same_data_and_another_seed_others(source: type[Letters]) -> None:
    first, again, other = (source(n=20, seed=s).table() for s in (1, 1, 2))
    for name, column in first.columns.items():
        assert (column.values == again.columns[name].values).all()
    assert any((c.values != other.columns[n].values).any() for n, c in first.columns.items())
    assert all(c.values.min() >= 0 and (not c.classes or c.values.max() < len(c.classes))
               for c in first.columns.values())


def test_what_cannot_be_cut_is_said() -> None:
    with pytest.raises(DataError, match=r"Pieces of 24 characters need a text of 25 or more; this one has 5"):
        Characters(text="short").table()
    assert "takes texts of 1,000,000 characters at most" in Characters(text="a" * 1_000_001).problems()[0]
    assert Letters(letters=27).problems() == ["letters must be at most 26; it is 27"]
    assert isinstance(Letters(n=1).table().columns["tokens"].values, np.ndarray)
