"""Numbers as people read them: 4 significant digits, a real minus, powers of ten written as such."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from graphlab.engine.op import Array

_UP = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FRACTION = re.compile(r"([^/]+)/([^/]+)")


def number_text(value: Any, digits: int = 4) -> str:
    """Write a number with 4 significant digits: ``−0.3120``, ``1.250×10⁻⁶``, ``12``, ``NaN`` or in words."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    v = float(value)
    if not math.isfinite(v):
        return "NaN" if math.isnan(v) else ("∞" if v > 0 else "−∞")
    if v == int(v) and abs(v) < 10**digits:
        return str(int(v)).replace("-", "−")
    if 1e-3 <= abs(v) < 10 ** (digits + 1):
        return f"{v:.{max(digits - 1 - math.floor(math.log10(abs(v))), 0)}f}".replace("-", "−")
    mantissa, power = f"{v:.{digits - 1}e}".split("e")
    return f"{mantissa}×10{str(int(power)).translate(_UP)}".replace("-", "−")


def exact_text(value: Any) -> str:
    """Write a number with every digit it has, so that typing it in gives it back."""
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    return repr(int(value)) if isinstance(value, int | np.integer) else repr(float(value))


def read_number(text: str, like: Array, name: str) -> float | int | bool:
    """Read what somebody typed for an element of an array: ``0.5``, ``-1e-3``, ``0,5``, ``1/3``.

    Raises ValueError with a sentence where it is no number of the array's kind.
    """
    clean = text.strip().replace("−", "-").replace(",", ".").replace("×10^", "e").lower()
    if like.dtype.kind == "b":
        if clean in ("0", "1", "true", "false"):
            return clean in ("1", "true")
        raise ValueError(f"{name} holds true or false (1 or 0); ‘{text}’ is neither.")
    try:
        ratio = _FRACTION.fullmatch(clean)
        value = float(ratio[1]) / float(ratio[2]) if ratio else float(clean)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{name} needs a number such as 0.25, −3e-2 or 1/3; ‘{text}’ is none.") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} needs a finite number; ‘{text}’ is none.")
    if like.dtype.kind in "iu":
        if value != int(value):
            raise ValueError(f"{name} holds whole numbers; ‘{text}’ is none.")
        return int(value)
    return value


def place_text(name: str, index: tuple[int, ...]) -> str:
    """Write one element of an array: ``W[0, 2]``; a single number is its name alone."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name
