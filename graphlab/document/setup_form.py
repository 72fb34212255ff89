"""A training setup as plain data that keeps what this version does not know."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import graphlab.document.datasets  # noqa: F401 - registers the data sets that read files
from graphlab.document.codec import NOT_FINITE, FormatError, Plain, write_value
from graphlab.engine.data import DataError
from graphlab.engine.declared import Declared
from graphlab.engine.train import Phase, Setup


def write_setup(setup: Setup, extra: Mapping[str, Any]) -> Plain:
    """Turn a setup into JSON's types, with what ``extra`` keeps where it is still in place."""
    out: Plain = write_value(setup.plain())
    for pointer, kept in extra.get("setup", {}).items():
        *way, last = pointer.split("/")
        at: Any = out
        for key in way:
            if isinstance(at, list):
                at = at[int(key)] if int(key) < len(at) else None
            else:
                at = at.get(key) if isinstance(at, dict) else None
        if isinstance(at, dict) and ("instead" not in kept or at.get(last) == kept["instead"]):
            at[last] = kept["raw"]
    return out


def read_setup(value: Any, extra: Plain, notices: list[str]) -> Setup:
    """Read a setup; unknown attributes, optimisers and data sources are kept aside and named in ``notices``."""
    try:
        known = _known(Setup, value, "", extra, notices)
        setup = Setup.from_plain(known)
    except (DataError, TypeError, ValueError) as e:
        raise FormatError(str(e).rstrip(".")) from None
    for pointer, kept in extra.get("setup", {}).items():
        if "instead" in kept:
            kept["instead"] = _at(write_value(setup.plain()), pointer)
    return setup


def _at(value: Any, pointer: str) -> Any:
    for key in pointer.split("/"):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _known(kind: Any, value: Any, pointer: str, extra: Plain, notices: list[str]) -> Any:
    """Return the value without what this version does not know, which goes to ``extra``."""
    if typing.get_origin(kind) is tuple and isinstance(value, list):
        kinds = typing.get_args(kind)
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * len(value)
        if len(kinds) != len(value):
            return value
        pairs = enumerate(zip(kinds, value, strict=True))
        return [_known(k, v, f"{pointer}{i}/", extra, notices) for i, (k, v) in pairs]
    if kind is float and isinstance(value, str) and value in NOT_FINITE:
        return float(value)
    if not isinstance(value, dict) or not (isinstance(kind, type) and issubclass(kind, Declared | Phase)):
        return value
    out = dict(value)
    family: Mapping[str, Any] = getattr(kind, "family", {})
    if family:
        kind = family.get(str(out.get("name", "")))
        if kind is None:
            return _Missing
    hints = typing.get_type_hints(kind)
    fields = set(kind.__dataclass_fields__)
    for name in value:
        if family and name == "name":
            continue
        here = f"{pointer}{name}"
        if name not in fields:
            extra.setdefault("setup", {})[here] = {"raw": out.pop(name)}
            notices.append(f"The training setup has {here!r}, which this version of GraphLab does not know; kept, but "
                           "without effect.")
            continue
        out[name] = _known(hints[name], value[name], f"{here}/", extra, notices)
        if out[name] is _Missing:
            extra.setdefault("setup", {})[here] = {"raw": out.pop(name), "instead": None}
            extra["setup"][here]["raw"] = value[name]
            notices.append(f"The training setup has {value[name].get('name')!r} as its {here}, which this version of "
                           "GraphLab does not know; the default stands in for it, and it is kept in the file.")
    return out


class _Missing:
    """Stands for a member of a family that this version does not have."""
