"""Functions that NumPy lacks or computes unstably, element-wise and stable for any argument."""

from __future__ import annotations

import numpy as np

from graphlab.engine.op import Array

# W. J. Cody, Rational Chebyshev approximations for the error function, 1969: numerators and denominators,
# highest power first, for |x| ≤ 0.46875, |x| ≤ 4 and beyond.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)
_ONE_OVER_SQRT_PI = 0.564189583547756287


def _ratio(parts: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    top, bottom = (np.polyval(np.asarray(p, x.dtype), x) for p in parts)
    return np.asarray(top / bottom)


def erf(x: Array) -> Array:
    """Return the error function (2/√π)∫₀ˣ e^{−t²}dt, to the precision of the array."""
    z = np.abs(x)
    near = x * _ratio(_NEAR, np.minimum(z, 0.5) ** 2)
    m = np.clip(z, 0.46875, 4.0)
    middle = 1.0 - np.exp(-m * m) * _ratio(_MIDDLE, m)
    w = np.clip(z, 4.0, 7.0)  # beyond 6 the result is 1 in every precision
    inverse = 1.0 / (w * w)
    far = 1.0 - np.exp(-w * w) / w * (_ONE_OVER_SQRT_PI - inverse * _ratio(_FAR, inverse))
    return np.where(z <= 0.46875, near, np.copysign(np.where(z <= 4.0, middle, far), x))


def sigmoid(x: Array) -> Array:
    """Return 1/(1+e⁻ˣ) without overflow: e^{−|x|} never exceeds 1."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def softplus(x: Array) -> Array:
    """Return ln(1+eˣ) as max(x, 0) + ln(1+e^{−|x|})."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def logsumexp(x: Array, axis: int | tuple[int, ...]) -> Array:
    """Return ln Σ eˣ along axes, which stay with size 1; the largest value is subtracted first."""
    top = x.max(axis=axis, keepdims=True)
    return np.asarray(top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True)))
