"""Shapes of sequences and overlaps of boxes."""

from __future__ import annotations

from fractions import Fraction

from graphlab.engine.calculators.base import CalcError, Calculator, Line, show, whole
from graphlab.engine.declared import attr

Box = tuple[float, float, float, float]


class IntersectionOverUnion(Calculator):
    """Measures how well two boxes agree: the area they share over the area they cover together."""

    topic = "Detection"
    title = "Intersection over union"
    also = ("det.iou", "jaccard", "overlap")
    first: Box = attr("left, top, right, bottom of the first box", default=(0.0, 0.0, 2.0, 2.0))
    second: Box = attr("left, top, right, bottom of the second box", default=(1.0, 1.0, 3.0, 3.0))

    def formula(self) -> str:
        return r"\mathrm{IoU}=\frac{|A\cap B|}{|A\cup B|}"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        areas = []
        for name, (left, top, right, bottom) in (("first", self.first), ("second", self.second)):
            if right <= left or bottom <= top:
                raise CalcError(
                    f"The {name} box needs right > left and bottom > top; it has left {left:g}, right "
                    f"{right:g}, top {top:g}, bottom {bottom:g}."
                )
            areas.append((Fraction(right) - Fraction(left)) * (Fraction(bottom) - Fraction(top)))
            lines.append(
                Line(
                    f"area of the {name}",
                    rf"({show(right)}-{show(left)})\cdot({show(bottom)}-{show(top)})"
                    rf"={show(float(areas[-1]))}",
                )
            )
        (l1, t1, r1, b1), (l2, t2, r2, b2) = self.first, self.second
        width = max(Fraction(0), min(Fraction(r1), Fraction(r2)) - max(Fraction(l1), Fraction(l2)))
        height = max(Fraction(0), min(Fraction(b1), Fraction(b2)) - max(Fraction(t1), Fraction(t2)))
        shared = width * height
        lines.append(Line("intersection", rf"{show(float(width))}\cdot {show(float(height))}={show(float(shared))}"))
        union = areas[0] + areas[1] - shared
        lines.append(
            Line(
                "union", rf"{show(float(areas[0]))}+{show(float(areas[1]))}-{show(float(shared))}={show(float(union))}"
            )
        )
        iou = float(shared / union)
        lines.append(Line("IoU", rf"\frac{{{show(float(shared))}}}{{{show(float(union))}}}={show(iou)}"))
        verdict = "strict" if iou >= 0.75 else "usual" if iou >= 0.5 else "none"
        words = {
            "strict": r"\geq 0.75:\ \mathrm{a\ hit,\ also\ by\ the\ strict\ rule}",
            "usual": r"\geq 0.5:\ \mathrm{a\ hit\ by\ the\ usual\ rule}",
            "none": r"<0.5:\ \mathrm{no\ hit}",
        }
        lines.append(Line("verdict", rf"{show(iou)}{words[verdict]}"))
        return {"iou": iou, "intersection": float(shared), "union": float(union)}


class RecurrentShapes(Calculator):
    """Lists the shapes that a recurrent layer takes and gives, and counts its weights."""

    topic = "Sequences"
    title = "Shapes of a recurrent layer"
    also = ("rnn.shapes", "lstm", "gru", "return sequences")
    kind: str = attr("which layer", default="lstm", choices=("simple", "gru", "lstm"))
    steps: int = attr("T: time steps", default=10, min=1, max=10_000_000)
    features: int = attr("F: numbers at each step", default=8, min=1, max=10_000_000)
    hidden: int = attr("h: size of the state", default=16, min=1, max=10_000_000)
    bidirectional: bool = attr("one layer forward and one backward, joined", default=False)
    biases: int = attr("biases for each gate", default=1, min=0, max=2)

    def formula(self) -> str:
        return r"\mathrm{parameters}=\mathrm{gates}\cdot(F\cdot h+h\cdot h+\mathrm{biases}\cdot h)"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        t, f, h, ways = self.steps, self.features, self.hidden, 1 + self.bidirectional
        gates = {"simple": 1, "gru": 3, "lstm": 4}[self.kind]
        lines.append(Line("input", rf"x:\ (B, {t}, {f})"))
        lines.append(Line("last output", rf"(B, {ways * h})"))
        lines.append(Line("all outputs", rf"(B, {t}, {ways * h})"))
        state = rf"h:\ (B, {h}),\ c:\ (B, {h})" if self.kind == "lstm" else rf"h:\ (B, {h})"
        lines.append(Line("state" + (", each way" if ways > 1 else ""), state))
        lines.append(
            Line(
                "weights",
                rf"U:\ ({h}, {f}),\ W:\ ({h}, {h})\ \mathrm{{for\ each\ of\ {gates}\ gate{'s' * (gates > 1)}}}",
            )
        )
        one = gates * (f * h + h * h + self.biases * h)
        lines.append(
            Line(
                "parameters",
                rf"{ways}\cdot {gates}\cdot({f}\cdot {h}+{h}\cdot {h}+{self.biases}\cdot {h})"
                rf"={whole(ways * one)}",
            )
        )
        return {"parameters": float(ways * one), "output": float(ways * h)}


class AttentionShapes(Calculator):
    """Lists the shapes of scores, weights and context between a decoder and an encoder."""

    topic = "Sequences"
    title = "Shapes of attention"
    also = ("att.shapes", "context")
    encoder_steps: int = attr("T_E: steps of the encoder", default=7, min=1, max=10_000_000)
    decoder_steps: int = attr("T_D: steps of the decoder", default=5, min=1, max=10_000_000)
    features: int = attr("F: size of a state", default=16, min=1, max=10_000_000)

    def formula(self) -> str:
        return r"e=s\,h^{T},\quad \alpha=\mathrm{softmax}(e),\quad \hat z=\alpha\,h"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        te, td, f = self.encoder_steps, self.decoder_steps, self.features
        lines.append(Line("encoder states", rf"h:\ (B, {te}, {f})"))
        lines.append(Line("decoder states", rf"s:\ (B, {td}, {f})"))
        lines.append(Line("scores", rf"e=s\,h^{{T}}:\ (B, {td}, {f})\cdot(B, {f}, {te})\to(B, {td}, {te})"))
        lines.append(
            Line("weights", rf"\alpha=\mathrm{{softmax}}(e)\ \mathrm{{along\ the\ last\ axis}}:\ (B, {td}, {te})")
        )
        lines.append(Line("context", rf"\alpha\,h:\ (B, {td}, {te})\cdot(B, {te}, {f})\to(B, {td}, {f})"))
        lines.append(Line("multiply-adds a sample", rf"2\cdot {td}\cdot {te}\cdot {f}={whole(2 * td * te * f)}"))
        return {"macs": float(2 * td * te * f), "weights": float(td * te)}
