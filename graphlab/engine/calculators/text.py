"""Counting words: TF-IDF, cosine similarity and positive pointwise mutual information."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from graphlab.engine.calculators.base import CalcError, Calculator, Line, parse_matrix, plus, same_length, show, signed
from graphlab.engine.declared import attr


def documents(text: str) -> list[list[str]]:
    """Split ``the cat | the dog`` into documents of lower-case words. Raises `CalcError` for empty ones."""
    out = [part.lower().split() for part in text.split("|")]
    for i, words in enumerate(out, 1):
        if not words:
            raise CalcError(f"Document {i} of {len(out)} is empty; write at least one word between the bars ‘|’.")
    return out


class TfIdf(Calculator):
    """Weighs a word by how often it stands in a document and how few documents have it."""

    topic = "Text"
    title = "TF-IDF"
    also = ("text.tfidf", "term frequency")
    texts: str = attr("the documents, apart by ‘|’", default="the cat sat | the dog sat | the cat ran | the bird sang")
    word: str = attr("the word to weigh", default="cat")
    document: int = attr("which document, from 1", default=1, min=1, max=100_000)

    def formula(self) -> str:
        return r"\mathrm{tfidf}=\frac{\mathrm{count}}{|d|}\cdot\ln\frac{N}{\mathrm{df}}"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        every = documents(self.texts)
        if self.document > len(every):
            raise CalcError(f"There are {len(every)} documents; document {self.document} is not among them.")
        word = self.word.strip().lower()
        chosen = every[self.document - 1]
        count, having = Counter(chosen)[word], sum(word in d for d in every)
        if not having:
            raise CalcError(f"No document has the word ‘{word}’; its inverse document frequency would divide by 0.")
        tf, idf = count / len(chosen), math.log(len(every) / having)
        lines.append(Line("term frequency", rf"\frac{{{count}}}{{{len(chosen)}}}={show(tf)}"))
        lines.append(Line("inverse document frequency", rf"\ln\frac{{{len(every)}}}{{{having}}}={show(idf)}"))
        lines.append(Line("TF-IDF", rf"{show(tf)}\cdot {show(idf)}={show(tf * idf)}"))
        return {"tf": tf, "idf": idf, "tfidf": tf * idf}


class CosineSimilarity(Calculator):
    """Compares the directions of two vectors: 1 the same, 0 at right angles, −1 opposite."""

    topic = "Text"
    title = "Cosine similarity"
    also = ("text.cosine",)
    v: tuple[float, ...] = attr("the first vector", default=(1.0, 2.0, 0.0))
    w: tuple[float, ...] = attr("the second vector", default=(2.0, 1.0, 1.0))

    def formula(self) -> str:
        return r"\cos=\frac{v\cdot w}{\|v\|\,\|w\|}"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        same_length(self.v, self.w, "The two vectors")
        for name, vector in (("first", self.v), ("second", self.w)):
            if not any(vector):
                raise CalcError(f"The {name} vector is all zero; it has no direction to compare.")
        dot = math.fsum(a * b for a, b in zip(self.v, self.w, strict=True))
        products = plus(signed(a) + r"\cdot " + signed(b) for a, b in zip(self.v, self.w, strict=True))
        lines.append(Line("dot product", f"{products}={show(dot)}"))
        norms = [math.sqrt(math.fsum(a * a for a in x)) for x in (self.v, self.w)]
        for name, x, n in zip("vw", (self.v, self.w), norms, strict=True):
            squares = plus(f"{signed(a)}^2" for a in x)
            lines.append(Line(f"length of {name}", rf"\sqrt{{{squares}}}={show(n)}"))
        cosine = dot / (norms[0] * norms[1])
        lines.append(
            Line("cosine, in −1…1", rf"\frac{{{show(dot)}}}{{{show(norms[0])}\cdot {show(norms[1])}}}={show(cosine)}")
        )
        return {"cosine": cosine}


class PositivePMI(Calculator):
    """Tells how much more often a word and a context meet than chance would have it."""

    topic = "Text"
    title = "Positive pointwise mutual information"
    also = ("text.ppmi", "pmi")
    counts: str = attr(
        "how often each word (row) meets each context (column): rows apart by semicolons", default="2 0 1; 1 3 0; 0 1 4"
    )
    word: int = attr("row of the word, from 1", default=1, min=1, max=100_000)
    context: int = attr("column of the context, from 1", default=1, min=1, max=100_000)

    def formula(self) -> str:
        return r"\max\left(0,\ \ln\frac{p(w,c)}{p(w)\,p(c)}\right)"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        n = parse_matrix(self.counts, "The table of counts")
        if (n < 0).any():
            raise CalcError(f"Counts are 0 or more; {n.min():g} is among them.")
        total = n.sum()
        if total == 0:
            raise CalcError("The table of counts is all zero; at least one word has to meet a context.")
        if self.word > n.shape[0] or self.context > n.shape[1]:
            raise CalcError(
                f"The table has {n.shape[0]} rows and {n.shape[1]} columns; row {self.word}, column "
                f"{self.context} is not in it."
            )
        i, j = self.word - 1, self.context - 1
        pair, row, column = n[i, j] / total, n[i].sum() / total, n[:, j].sum() / total
        lines.append(Line("together", rf"p(w,c)=\frac{{{show(n[i, j])}}}{{{show(total)}}}={show(pair)}"))
        lines.append(Line("the word", rf"p(w)=\frac{{{show(n[i].sum())}}}{{{show(total)}}}={show(row)}"))
        lines.append(Line("the context", rf"p(c)=\frac{{{show(n[:, j].sum())}}}{{{show(total)}}}={show(column)}"))
        if pair == 0:
            lines.append(Line("PPMI", r"\mathrm{they\ never\ meet:}\ \ln 0=-\infty,\ \max(0,-\infty)=0"))
            return {"ppmi": 0.0}
        pmi = float(np.log(pair / (row * column)))
        lines.append(Line("PMI", rf"\ln\frac{{{show(pair)}}}{{{show(row)}\cdot {show(column)}}}={show(pmi)}"))
        lines.append(Line("PPMI", rf"\max(0,\ {show(pmi)})={show(max(0.0, pmi))}"))
        return {"ppmi": max(0.0, pmi), "pmi": pmi}
