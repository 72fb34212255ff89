"""Data sets of tokens with a vocabulary: small languages and tasks on sequences, drawn from a seed."""

from __future__ import annotations

import numpy as np

from graphlab.engine.data import Column, DataError, DataSource, Table
from graphlab.engine.declared import attr
from graphlab.engine.record import Array, Mode, stream

#: What a writer has written before its first word, and what stands for a hidden word.
START, MASK = "<start>", "<mask>"
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")


def started(target: Array, start: int) -> Array:
    """Return what a writer has written before each word of its target: the start, then all but the last word."""
    return np.concatenate([np.full((len(target), 1), start, np.int64), target[:, :-1]], axis=1)


def transduction(tokens: Array, vocabulary: tuple[str, ...], target: Array, written: tuple[str, ...]) -> Table:
    """Make the table of a task from sequence to sequence: what is read, what was written so far, what comes next."""
    return Table({
        "tokens": Column(tokens, "index", vocabulary),
        "written": Column(started(target, len(written)), "index", (*written, START)),
        "target": Column(target, "index", written, target=True)})


class _Sequences(DataSource, register=False):
    """What the generators share: how many samples, from which seed."""

    n: int = attr("number of samples", default=1000, min=1, max=1_000_000)
    seed: int = attr("what the random numbers start from", default=0, min=0)

    def rng(self) -> np.random.Generator:
        """Return the generator of this data set."""
        return stream(f"data/{self.name()}", Mode(seed=self.seed))


class Letters(_Sequences):
    """Rows of letters to be written backwards, again or in order: the smallest tasks from sequence to sequence.

    Columns: the ``tokens`` that are read, what is ``written`` before each step, and the ``target`` of each step.
    """

    also = ("reversal", "copy", "sort", "seq2seq", "translation", "tokens")
    task: str = attr("what is written: the letters from last to first, as they came, or by the alphabet",
                     default="reverse", choices=("reverse", "copy", "sort"))
    length: int = attr("letters of a row", default=6, min=1, max=1000)
    letters: int = attr("how many different letters there are", default=8, min=1, max=26)

    def line(self) -> str:
        return f"{self.n} rows of {self.length} letters, {self.task}"

    def table(self) -> Table:
        tokens = self.rng().integers(0, self.letters, (self.n, self.length))
        target = {"reverse": tokens[:, ::-1], "copy": tokens, "sort": np.sort(tokens, axis=1)}[self.task].copy()
        return transduction(tokens, _LETTERS[:self.letters], target, _LETTERS[:self.letters])


#: English nouns with their French, which are masculine or feminine; the words that agree with them have two forms.
_NOUNS = {"car": ("voiture", 1), "house": ("maison", 1), "table": ("table", 1), "cow": ("vache", 1),
          "dog": ("chien", 0), "cat": ("chat", 0), "book": ("livre", 0), "horse": ("cheval", 0)}
_ARTICLES = {"the": ("le", "la"), "a": ("un", "une"), "my": ("mon", "ma")}
_ADJECTIVES = {"green": ("vert", "verte"), "white": ("blanc", "blanche"), "black": ("noir", "noire"),
               "red": ("rouge", "rouge")}
_VERBS = {"sees": "voit", "likes": "aime", "wants": "veut", "has": "a"}


class Translation(_Sequences):
    """English sentences of seven words and their French: the adjective moves behind its noun, and agrees with it.

    Columns: the English ``tokens``, what is ``written`` before each step, and the French ``target``.
    """

    also = ("seq2seq", "English", "French", "tokens", "words")

    def line(self) -> str:
        return f"{self.n} sentences, English to French"

    def table(self) -> Table:
        rng = self.rng()
        english, french = [], []
        parts = (_ARTICLES, _ADJECTIVES, _NOUNS, _VERBS, _ARTICLES, _ADJECTIVES, _NOUNS)
        choices = [list(p) for p in parts]
        draws = np.stack([rng.integers(0, len(c), self.n) for c in choices], axis=1)
        for row in draws:
            words = [c[i] for c, i in zip(choices, row, strict=True)]
            english.append(words)
            french.append([*self.phrase(*words[:3]), _VERBS[words[3]], *self.phrase(*words[4:])])
        read = tuple(dict.fromkeys(w for c in choices for w in c))
        pairs = (*_ARTICLES.values(), *_ADJECTIVES.values())
        said = (*(w for pair in pairs for w in dict.fromkeys(pair)), *(n for n, _ in _NOUNS.values()), *_VERBS.values())
        return transduction(numbered(english, read), read, numbered(french, said), said)

    @staticmethod
    def phrase(article: str, adjective: str, noun: str) -> list[str]:
        """Translate an article, an adjective and a noun: the noun comes second and the others agree with it."""
        name, gender = _NOUNS[noun]
        return [_ARTICLES[article][gender], name, _ADJECTIVES[adjective][gender]]


def numbered(sentences: list[list[str]], vocabulary: tuple[str, ...]) -> Array:
    """Return words as their places in a vocabulary."""
    place = {word: i for i, word in enumerate(vocabulary)}
    return np.array([[place[w] for w in s] for s in sentences], np.int64)


#: Animals in the singular and plural with what each of them does, which agrees in number.
_ANIMALS = {"cat": "purr", "dog": "bark", "bird": "sing", "cow": "moo", "duck": "quack", "horse": "neigh"}
_QUALITIES = ("old", "small", "happy", "wild")


class Sentences(_Sequences):
    """Sentences such as “the old cats near a dog purr”: the verb belongs to the first animal, whatever stands between.

    Columns: the ``words`` (what a causal model learns to say), what was ``begun`` before each of them; the sentence
    ``masked`` at one ``place``, the first animal or its verb, and the word that is ``missing`` there.
    """

    also = ("language model", "BERT", "GPT", "masked", "agreement", "tokens")

    def line(self) -> str:
        return f"{self.n} sentences of 7 words"

    def table(self) -> Table:
        rng = self.rng()
        sentences = []
        for _ in range(self.n):
            first, other = (list(_ANIMALS)[i] for i in rng.choice(len(_ANIMALS), 2, replace=False))
            many, others = rng.integers(0, 2, 2)
            verb = _ANIMALS[first] + ("" if many else "s")
            article = ("the", "my")[rng.integers(2)]
            sentences.append([article, _QUALITIES[rng.integers(len(_QUALITIES))], first + "s" * many, "near",
                              ("the", "my")[rng.integers(2)], other + "s" * others, verb])
        forms = [w + end for w in _ANIMALS for end in ("", "s")] + [w + end for w in _ANIMALS.values()
                                                                    for end in ("s", "")]
        vocabulary = ("the", "my", "near", *_QUALITIES, *forms)
        words = numbered(sentences, vocabulary)
        place = np.where(rng.random(self.n) < 0.5, 2, 6)
        missing = np.take_along_axis(words, place[:, None], axis=1)[:, 0]
        masked = words.copy()
        np.put_along_axis(masked, place[:, None], len(vocabulary), axis=1)
        return Table({
            "masked": Column(masked, "index", (*vocabulary, MASK)), "place": Column(place, "index"),
            "begun": Column(started(words, len(vocabulary)), "index", (*vocabulary, START)),
            "missing": Column(missing, "index", vocabulary, target=True),
            "words": Column(words, "index", vocabulary, target=True)})


#: A rhyme that was old when it was printed in 1755; it says everything again and again, so that little text is enough.
_RHYME = (
    "the house that jack built", "the malt that lay in", "the rat that ate", "the cat that killed",
    "the dog that worried", "the cow that tossed", "the maid that milked")


def rhyme() -> str:
    """Return “This is the house that Jack built”, each verse longer than the one before."""
    verses = ["this is " + " ".join(_RHYME[i::-1]) + "." for i in range(len(_RHYME))]
    return "\n".join(verses) + "\n"


#: How characters without a shape are called.
_NAMES = {" ": "␣", "\n": "↵", "\t": "⇥"}
_LONGEST_TEXT = 1_000_000


class Characters(DataSource):
    """Pieces of a text, character by character: from what stands there, say what comes next.

    Columns: the ``characters`` of a piece, and the ``next`` one at every place.
    """

    also = ("text", "language model", "chargen", "tokens")
    text: str = attr("the text; empty: a nursery rhyme", default="")
    length: int = attr("characters of a piece", default=24, min=1, max=1000)
    step: int = attr("how many characters the next piece begins later", default=1, min=1, max=1000)

    def line(self) -> str:
        return f"pieces of {self.length} characters"

    def problems(self) -> list[str]:
        if len(self.text) > _LONGEST_TEXT:
            message = f"takes texts of {_LONGEST_TEXT:,} characters at most; this one has {len(self.text):,}"
            return [*super().problems(), message]
        return super().problems()

    def table(self) -> Table:
        text = self.text or rhyme()
        if len(text) <= self.length:
            raise DataError(f"Pieces of {self.length} characters need a text of {self.length + 1} or more; "
                            f"this one has {len(text)}. Choose shorter pieces or a longer text.")
        vocabulary = tuple(sorted(set(text)))
        numbers = numbered([list(text)], vocabulary)[0]
        pieces = np.lib.stride_tricks.sliding_window_view(numbers, self.length + 1)[::self.step].copy()
        names = tuple(_NAMES.get(c, c) for c in vocabulary)
        return Table({"characters": Column(pieces[:, :-1].copy(), "index", names),
                      "next": Column(pieces[:, 1:].copy(), "index", names, target=True)})
