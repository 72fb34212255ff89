"""One update by hand, how weights should start, and how results are judged."""

from __future__ import annotations

import math

import numpy as np

from graphlab.engine.calculators.base import CalcError, Calculator, Line, plus, same_length, show, signed, whole
from graphlab.engine.declared import attr


class Softmax(Calculator):
    """Turns scores into probabilities: exponentiate, add, divide, choose."""

    topic = "Training"
    title = "Softmax by hand"
    also = ("calc.softmax", "probabilities")
    scores: tuple[float, ...] = attr("the scores, one for each class", default=(2.0, 1.0, 0.1))

    def formula(self) -> str:
        return r"p_k=\frac{e^{z_k}}{\sum_j e^{z_j}}"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        if not self.scores:
            raise CalcError("Softmax needs at least one score; none is given.")
        z = np.array(self.scores)
        shifted = z - z.max()
        e = np.exp(shifted)
        lines.append(
            Line(
                "subtract the largest",
                r",\ ".join(rf"{show(v)}-{signed(z.max())}={show(s)}" for v, s in zip(z, shifted, strict=True)),
            )
        )
        lines.append(
            Line("exponentiate", r",\ ".join(rf"e^{{{show(s)}}}={show(v)}" for s, v in zip(shifted, e, strict=True)))
        )
        lines.append(Line("add", rf"{plus(show(v) for v in e)}={show(e.sum())}"))
        p = e / e.sum()
        lines.append(
            Line(
                "divide",
                r",\ ".join(
                    rf"p_{{{i}}}=\frac{{{show(v)}}}{{{show(e.sum())}}}={show(q)}"
                    for i, (v, q) in enumerate(zip(e, p, strict=True))
                ),
            )
        )
        lines.append(Line("choose", rf"\arg\max_k p_k={int(p.argmax())}"))
        return {f"p{i}": float(v) for i, v in enumerate(p)} | {"class": float(p.argmax())}


class OptimiserStep(Calculator):
    """Does one update of one weight by hand: gradient, velocity or moments, new weight."""

    topic = "Training"
    title = "One update by hand"
    also = ("calc.optimiser", "momentum", "adam", "rmsprop", "adagrad")
    method: str = attr(
        "which rule",
        default="adam",
        choices=("sgd", "momentum: v ← αv − ηg", "momentum: v ← βv + g", "adagrad", "rmsprop", "adam"),
    )
    weight: float = attr("the weight before the update", default=1.0)
    gradient: float = attr("the loss's gradient by it", default=0.5)
    rate: float = attr("learning rate η", default=0.1, min=0.0)
    velocity: float = attr("velocity or first moment before the update", default=0.0)
    square: float = attr("accumulated or averaged squared gradient before the update", default=0.0, min=0.0)
    alpha: float = attr("α, β or β₁: how much of the velocity is kept", default=0.9, min=0.0, max=1.0)
    beta: float = attr("β or β₂: how much of the squares is kept", default=0.999, min=0.0, max=1.0)
    stabiliser: float = attr("ε, also written ν: keeps the divisor from being 0", default=1e-8, min=0.0)
    update: int = attr("t: number of this update, from 1", default=1, min=1, max=1_000_000_000)

    def formula(self) -> str:
        return {
            "sgd": r"w\leftarrow w-\eta g",
            "momentum: v ← αv − ηg": r"v\leftarrow\alpha v-\eta g,\quad w\leftarrow w+v",
            "momentum: v ← βv + g": r"v\leftarrow\beta v+g,\quad w\leftarrow w-\eta v",
            "adagrad": r"a\leftarrow a+g^2,\quad w\leftarrow w-\frac{\eta}{\sqrt{a}+\varepsilon}\,g",
            "rmsprop": r"a\leftarrow\beta a+(1-\beta)g^2,\quad w\leftarrow w-\frac{\eta}{\sqrt{a}+\varepsilon}\,g",
            "adam": (
                r"v\leftarrow\beta_1 v+(1-\beta_1)g,\ a\leftarrow\beta_2 a+(1-\beta_2)g^2,\ "
                r"w\leftarrow w-\eta\frac{v/(1-\beta_1^t)}{\sqrt{a/(1-\beta_2^t)}+\varepsilon}"
            ),
        }[self.method]

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        w, g, eta, v, a = self.weight, self.gradient, self.rate, self.velocity, self.square
        keep, keep2, eps = self.alpha, self.beta, self.stabiliser
        match self.method:
            case "sgd":
                new = w - eta * g
                lines.append(Line("new weight", rf"w={show(w)}-{show(eta)}\cdot {signed(g)}={show(new)}"))
            case "momentum: v ← αv − ηg":
                v = keep * v - eta * g
                new = w + v
                lines.append(
                    Line(
                        "velocity",
                        rf"v={show(keep)}\cdot {signed(self.velocity)}-{show(eta)}\cdot {signed(g)}"
                        rf"={show(v)}",
                    )
                )
                lines.append(Line("new weight", rf"w={show(w)}+{signed(v)}={show(new)}"))
            case "momentum: v ← βv + g":
                v = keep * v + g
                new = w - eta * v
                lines.append(Line("velocity", rf"v={show(keep)}\cdot {signed(self.velocity)}+{signed(g)}={show(v)}"))
                lines.append(Line("new weight", rf"w={show(w)}-{show(eta)}\cdot {signed(v)}={show(new)}"))
            case "adagrad" | "rmsprop":
                old = a
                if self.method == "adagrad":
                    a = a + g * g
                    lines.append(Line("squares", rf"a={show(old)}+{signed(g)}^2={show(a)}"))
                else:
                    a = keep2 * a + (1 - keep2) * g * g
                    lines.append(
                        Line(
                            "squares",
                            rf"a={show(keep2)}\cdot {show(old)}+(1-{show(keep2)})\cdot {signed(g)}^2"
                            rf"={show(a)}",
                        )
                    )
                new = w - self._ratio(eta, math.sqrt(a) + eps) * g
                lines.append(
                    Line(
                        "new weight",
                        rf"w={show(w)}-\frac{{{show(eta)}}}{{\sqrt{{{show(a)}}}+{show(eps)}}}"
                        rf"\cdot {signed(g)}={show(new)}",
                    )
                )
            case _:
                v = keep * v + (1 - keep) * g
                a = keep2 * a + (1 - keep2) * g * g
                lines.append(
                    Line(
                        "first moment",
                        rf"v={show(keep)}\cdot {signed(self.velocity)}+(1-{show(keep)})\cdot "
                        rf"{signed(g)}={show(v)}",
                    )
                )
                lines.append(
                    Line(
                        "second moment",
                        rf"a={show(keep2)}\cdot {show(self.square)}+(1-{show(keep2)})\cdot "
                        rf"{signed(g)}^2={show(a)}",
                    )
                )
                v_hat, a_hat = self._ratio(v, 1 - keep**self.update), self._ratio(a, 1 - keep2**self.update)
                lines.append(
                    Line(
                        "corrected",
                        rf"\hat v=\frac{{{show(v)}}}{{1-{show(keep)}^{{{self.update}}}}}={show(v_hat)},"
                        rf"\quad \hat a=\frac{{{show(a)}}}{{1-{show(keep2)}^{{{self.update}}}}}="
                        rf"{show(a_hat)}",
                    )
                )
                new = w - eta * self._ratio(v_hat, math.sqrt(a_hat) + eps)
                lines.append(
                    Line(
                        "new weight",
                        rf"w={show(w)}-{show(eta)}\cdot\frac{{{show(v_hat)}}}"
                        rf"{{\sqrt{{{show(a_hat)}}}+{show(eps)}}}={show(new)}",
                    )
                )
        return {"weight": new, "velocity": v, "square": a}

    def _ratio(self, a: float, b: float) -> float:
        if b == 0:
            raise CalcError(
                "The divisor is 0: give a gradient other than 0, a stabiliser ε above 0, or a decay below 1."
            )
        return a / b


class InitialVariance(Calculator):
    """Finds the variance and standard deviation that initial weights should have."""

    topic = "Training"
    title = "Variance of initial weights"
    also = ("init.variance", "xavier", "he", "glorot", "kaiming")
    source = "Glorot & Bengio 2010; He et al. 2015"
    inputs: int = attr("n_in: connections into a unit", default=400, min=1, max=1_000_000_000)
    outputs: int = attr("n_out: connections out of a unit", default=300, min=1, max=1_000_000_000)

    def formula(self) -> str:
        return (
            r"\mathrm{Var}(w)=\frac{1}{n_{\mathrm{in}}},\ \frac{1}{n_{\mathrm{out}}},\ "
            r"\frac{2}{n_{\mathrm{in}}+n_{\mathrm{out}}}\ (\mathrm{Xavier}),\ "
            r"\frac{2}{n_{\mathrm{in}}}\ (\mathrm{He})"
        )

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        n, m = self.inputs, self.outputs
        results = {"forward": 1 / n, "backward": 1 / m, "xavier": 2 / (n + m), "he": 2 / n}
        words = {
            "forward": ("forward signals keep their size", rf"\frac{{1}}{{{whole(n)}}}"),
            "backward": ("gradients keep their size", rf"\frac{{1}}{{{whole(m)}}}"),
            "xavier": ("Xavier, for tanh and sigmoid", rf"\frac{{2}}{{{whole(n)}+{whole(m)}}}"),
            "he": ("He, for ReLU, which halves the active units", rf"\frac{{2}}{{{whole(n)}}}"),
        }
        for key, (what, text) in words.items():
            v = results[key]
            lines.append(
                Line(what, rf"\mathrm{{Var}}(w)={text}={show(v)},\quad \sigma=\sqrt{{{show(v)}}}={show(math.sqrt(v))}")
            )
        limit = math.sqrt(6 / (n + m))
        lines.append(
            Line("Xavier, drawn evenly", rf"w\in\pm\sqrt{{\frac{{6}}{{{whole(n)}+{whole(m)}}}}}=\pm {show(limit)}")
        )
        return results | {"limit": limit}


class ClassificationMetrics(Calculator):
    """Judges a classifier by its hits and misses: accuracy, precision, recall and F1."""

    topic = "Training"
    title = "Accuracy, precision, recall"
    also = ("train.metrics", "confusion matrix", "f1")
    tp: int = attr("TP: positives that were found", default=8, min=0, max=1_000_000_000)
    fp: int = attr("FP: false alarms", default=2, min=0, max=1_000_000_000)
    fn: int = attr("FN: positives that were missed (a missed cancer)", default=4, min=0, max=1_000_000_000)
    tn: int = attr("TN: negatives that were left alone", default=86, min=0, max=1_000_000_000)

    def formula(self) -> str:
        return (
            r"\mathrm{accuracy}=\frac{TP+TN}{TP+TN+FP+FN},\ \mathrm{precision}=\frac{TP}{TP+FP},\ "
            r"\mathrm{recall}=\frac{TP}{TP+FN}"
        )

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        results = {}
        for name, top, bottom, text in (
            ("accuracy", tp + tn, tp + tn + fp + fn, rf"\frac{{{tp}+{tn}}}{{{tp}+{tn}+{fp}+{fn}}}"),
            ("precision", tp, tp + fp, rf"\frac{{{tp}}}{{{tp}+{fp}}}"),
            ("recall", tp, tp + fn, rf"\frac{{{tp}}}{{{tp}+{fn}}}"),
        ):
            if bottom == 0:
                lines.append(Line(name, rf"{text}:\ \mathrm{{undefined,\ nothing\ to\ divide\ by}}"))
                continue
            results[name] = top / bottom
            lines.append(Line(name, rf"{text}={show(top / bottom)}"))
        p, r = results.get("precision", 0.0), results.get("recall", 0.0)
        if p + r > 0:
            results["f1"] = 2 * p * r / (p + r)
            lines.append(
                Line("F1", rf"\frac{{2\cdot {show(p)}\cdot {show(r)}}}{{{show(p)}+{show(r)}}}={show(results['f1'])}")
            )
        return results


class CrossValidation(Calculator):
    """Plans k-fold cross validation and sums up the folds' scores."""

    topic = "Training"
    title = "k-fold cross validation"
    also = ("train.kfold",)
    samples: int = attr("number of samples N", default=100, min=2, max=1_000_000_000)
    scores: tuple[float, ...] = attr("the score of each fold; their number is k", default=(0.9, 0.88, 0.93, 0.91, 0.89))

    def formula(self) -> str:
        return r"\bar s=\frac{1}{k}\sum_i s_i,\quad \sigma=\sqrt{\frac{1}{k-1}\sum_i(s_i-\bar s)^2}"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        k = len(self.scores)
        if not 2 <= k <= self.samples:
            raise CalcError(
                f"Cross validation needs 2 to {self.samples} folds for {self.samples} samples; {k} are given."
            )
        sizes = [self.samples // k + (i < self.samples % k) for i in range(k)]
        lines.append(Line("samples in each fold", r",\ ".join(map(str, sizes[:12])) + (r",\ \ldots" if k > 12 else "")))
        mean = math.fsum(self.scores) / k
        lines.append(Line("mean", rf"\frac{{{plus(show(s) for s in self.scores)}}}{{{k}}}={show(mean)}"))
        spread = math.sqrt(math.fsum((s - mean) ** 2 for s in self.scores) / (k - 1))
        lines.append(Line("standard deviation", rf"\sigma={show(spread)}"))
        return {"mean": mean, "deviation": spread, "largest_fold": float(max(sizes))}


class LeastSquares(Calculator):
    """Fits a line through points by the normal equations."""

    topic = "Training"
    title = "Linear regression by hand"
    also = ("lin.regression", "normal equation")
    x: tuple[float, ...] = attr("the inputs", default=(1.0, 2.0, 3.0))
    y: tuple[float, ...] = attr("the targets", default=(2.0, 3.0, 5.0))

    def formula(self) -> str:
        return r"\theta=(X^{T}X)^{-1}X^{T}Y"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        same_length(self.x, self.y, "x and y")
        x, y, n = np.array(self.x), np.array(self.y), len(self.x)
        sx, sy, sxx, sxy = x.sum(), y.sum(), (x * x).sum(), (x * y).sum()
        det = n * sxx - sx * sx
        if abs(det) <= 1e-12 * max(1.0, n * sxx):
            raise CalcError("The inputs need at least two different values; with one value XᵀX has no inverse.")
        lines.append(
            Line(
                "XᵀX",
                rf"\begin{{pmatrix}} {n} & {show(sx)} \\ {show(sx)} & {show(sxx)} \end{{pmatrix}},\quad "
                rf"\det={show(det)}",
            )
        )
        lines.append(Line("XᵀY", rf"\begin{{pmatrix}} {show(sy)} \\ {show(sxy)} \end{{pmatrix}}"))
        slope, start = (n * sxy - sx * sy) / det, (sxx * sy - sx * sxy) / det
        lines.append(
            Line(
                "slope", rf"\frac{{{n}\cdot {signed(sxy)}-{signed(sx)}\cdot {signed(sy)}}}{{{show(det)}}}={show(slope)}"
            )
        )
        lines.append(
            Line(
                "intercept",
                rf"\frac{{{show(sxx)}\cdot {signed(sy)}-{signed(sx)}\cdot {signed(sxy)}}}{{{show(det)}}}"
                rf"={show(start)}",
            )
        )
        return {"slope": float(slope), "intercept": float(start)}
