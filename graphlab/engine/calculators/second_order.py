"""Curvature by hand: the Hessian of a quadratic, its condition, and inverting it block by block."""

from __future__ import annotations

import math

import numpy as np

from graphlab.engine.calculators.base import CalcError, Calculator, Line, matrix, parse_matrix, show, signed
from graphlab.engine.declared import attr


class QuadraticHessian(Calculator):
    """Finds the Hessian of ax² + bxy + cy², its inverse, its kind and one Newton step."""

    topic = "Second order"
    title = "Hessian of a quadratic"
    also = ("hess.2d", "newton", "saddle", "hess.condition")
    a: float = attr("factor of x²", default=2.0)
    b: float = attr("factor of xy", default=1.0)
    c: float = attr("factor of y²", default=1.0)
    x: float = attr("x where the Newton step begins", default=1.0)
    y: float = attr("y where the Newton step begins", default=1.0)

    def formula(self) -> str:
        return (
            r"H=\begin{pmatrix} 2a & b \\ b & 2c \end{pmatrix},\quad "
            r"H^{-1}=\frac{1}{4ac-b^2}\begin{pmatrix} 2c & -b \\ -b & 2a \end{pmatrix}"
        )

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        a, b, c = self.a, self.b, self.c
        h = np.array([[2 * a, b], [b, 2 * c]])
        det = 4 * a * c - b * b
        lines.append(Line("Hessian", f"H={matrix(h)}"))
        lines.append(Line("determinant", rf"4\cdot {signed(a)}\cdot {signed(c)}-{signed(b)}^2={show(det)}"))
        low, high = np.linalg.eigvalsh(h)
        lines.append(Line("eigenvalues", rf"\lambda={show(low)},\ {show(high)}"))
        results = {"determinant": det, "low": float(low), "high": float(high)}
        scale = float(np.abs(h).max(initial=0.0)) ** 2
        if abs(det) <= 1e-12 * scale or scale == 0:
            lines.append(Line("inverse", r"\mathrm{none:\ the\ determinant\ is\ 0,\ one\ direction\ is\ flat}"))
            return results
        inverse = np.array([[2 * c, -b], [-b, 2 * a]]) / det
        lines.append(Line("inverse", rf"H^{{-1}}=\frac{{1}}{{{show(det)}}}{matrix(inverse * det)}={matrix(inverse)}"))
        kind = "minimum" if low > 0 else "maximum" if high < 0 else "saddle"
        lines.append(Line("kind", rf"\mathrm{{the\ stationary\ point\ is\ a\ {kind}}}"))
        if low > 0 or high < 0:
            condition = max(abs(low), abs(high)) / min(abs(low), abs(high))
            results["condition"] = float(condition)
            lines.append(Line("condition", rf"\kappa=\frac{{\lambda_{{\max}}}}{{\lambda_{{\min}}}}={show(condition)}"))
        point = np.array([self.x, self.y])
        g = h @ point
        new = point - inverse @ g
        word = "" if kind == "minimum" else rf"\quad(\mathrm{{a\ {kind},\ not\ a\ minimum}})"
        lines.append(Line("gradient", rf"\nabla f={matrix(g[:, None])}"))
        lines.append(Line("Newton step", rf"w-H^{{-1}}\nabla f={matrix(new[:, None])}{word}"))
        return results | {"x": float(new[0]), "y": float(new[1])}


class ConditionNumber(Calculator):
    """Finds the eigenvalues and the condition number of a symmetric matrix."""

    topic = "Second order"
    title = "Condition number"
    also = ("hess.condition", "eigenvalues")
    entries: str = attr("the matrix: numbers apart by blanks, rows by semicolons", default="10 0; 0 1")

    def formula(self) -> str:
        return r"H=U\Lambda U^{T},\quad \kappa=\frac{|\lambda|_{\max}}{|\lambda|_{\min}}"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        h = parse_matrix(self.entries, "The matrix")
        if h.shape[0] != h.shape[1]:
            raise CalcError(
                f"The matrix needs as many rows as columns; it has {h.shape[0]} rows and {h.shape[1]} columns."
            )
        if not np.allclose(h, h.T):
            i, j = np.argwhere(~np.isclose(h, h.T))[0]
            raise CalcError(
                f"A Hessian is symmetric; row {i + 1}, column {j + 1} is {h[i, j]:g}, but row {j + 1}, "
                f"column {i + 1} is {h[j, i]:g}."
            )
        values, u = np.linalg.eigh(h)
        lines.append(Line("eigenvalues", rf"\Lambda=\mathrm{{diag}}\left({', '.join(map(show, values))}\right)"))
        lines.append(Line("directions", f"U={matrix(u)}"))
        sizes = np.abs(values)
        if sizes.min() <= 1e-12 * sizes.max(initial=0.0) or sizes.max() == 0:
            raise CalcError("The matrix has an eigenvalue of 0: it has no inverse and no finite condition number.")
        kappa = float(sizes.max() / sizes.min())
        lines.append(Line("condition", rf"\kappa=\frac{{{show(sizes.max())}}}{{{show(sizes.min())}}}={show(kappa)}"))
        return {"condition": kappa, "low": float(values[0]), "high": float(values[-1])}


class BlockInverse(Calculator):
    """Inverts a block-diagonal matrix of 2×2 blocks, one block at a time."""

    topic = "Second order"
    title = "Block-diagonal inverse"
    also = ("hess.block",)
    entries: str = attr(
        "the matrix: numbers apart by blanks, rows by semicolons", default="2 1 0 0; 1 3 0 0; 0 0 4 0; 0 0 0 5"
    )

    def formula(self) -> str:
        return r"\frac{n}{2}\ \mathrm{blocks}\cdot 4=2n\ \mathrm{multiplications\ instead\ of}\ n^2"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        h = parse_matrix(self.entries, "The matrix")
        n = len(h)
        if h.shape != (n, n) or n % 2:
            raise CalcError(
                f"Blocks of 2×2 need an even number of rows and as many columns; the matrix is "
                f"{h.shape[0]}×{h.shape[1]}."
            )
        inverse = np.zeros_like(h)
        for i in range(0, n, 2):
            block = h[i : i + 2, i : i + 2]
            outside = h[i : i + 2].copy()
            outside[:, i : i + 2] = 0
            if outside.any():
                r, c = np.argwhere(outside)[0]
                raise CalcError(
                    f"Between blocks every entry is 0; row {i + r + 1}, column {c + 1} is {outside[r, c]:g}."
                )
            (a, b), (c2, d) = block
            det = a * d - b * c2
            if abs(det) <= 1e-12 * max(1.0, float(np.abs(block).max()) ** 2):
                raise CalcError(f"Block {i // 2 + 1} has the determinant {det:g}: it has no inverse.")
            inverse[i : i + 2, i : i + 2] = np.array([[d, -b], [-c2, a]]) / det
            lines.append(
                Line(
                    f"block {i // 2 + 1}",
                    rf"{{{matrix(block)}}}^{{-1}}=\frac{{1}}{{{show(det)}}}"
                    rf"{matrix(np.array([[d, -b], [-c2, a]]))}={matrix(inverse[i : i + 2, i : i + 2])}",
                )
            )
        lines.append(
            Line("multiplications to apply it", rf"2n=2\cdot {n}={2 * n}\quad\mathrm{{instead\ of}}\quad n^2={n * n}")
        )
        return {f"h{i}{j}": float(inverse[i, j]) for i in range(n) for j in range(n)} | {
            "multiplications": 2.0 * n,
            "dense": float(n * n),
        }


class JensenGap(Calculator):
    """Compares f(E[X]) with E[f(X)] for the logarithm, which is concave."""

    topic = "Generative"
    title = "Jensen's inequality"
    also = ("gen.jensen", "elbo")
    outcomes: tuple[float, ...] = attr("the values of X, all positive", default=(1.0, 4.0))
    weights: tuple[float, ...] = attr("their probabilities; one number each", default=(0.5, 0.5), min=0.0)

    def formula(self) -> str:
        return r"\ln E[X]\geq E[\ln X]"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        if len(self.outcomes) != len(self.weights) or not self.outcomes:
            raise CalcError(
                f"Values and probabilities need the same number of entries; they have {len(self.outcomes)} and "
                f"{len(self.weights)}."
            )
        total = math.fsum(self.weights)
        if abs(total - 1) > 1e-9:
            raise CalcError(f"The probabilities need to add up to 1; they add up to {total:g}.")
        if min(self.outcomes) <= 0:
            raise CalcError(f"The logarithm needs positive values; {min(self.outcomes):g} is among them.")
        mean = math.fsum(v * w for v, w in zip(self.outcomes, self.weights, strict=True))
        inside, outside = (
            math.log(mean),
            math.fsum(w * math.log(v) for v, w in zip(self.outcomes, self.weights, strict=True)),
        )
        pairs = "+".join(rf"{show(w)}\cdot {show(v)}" for v, w in zip(self.outcomes, self.weights, strict=True))
        logs = "+".join(rf"{show(w)}\cdot\ln {show(v)}" for v, w in zip(self.outcomes, self.weights, strict=True))
        lines.append(Line("ln of the mean", rf"\ln({pairs})=\ln {show(mean)}={show(inside)}"))
        lines.append(Line("mean of the ln", rf"{logs}={show(outside)}"))
        lines.append(Line("gap", rf"{show(inside)}-{signed(outside)}={show(inside - outside)}\geq 0"))
        return {"inside": inside, "outside": outside, "gap": inside - outside}
