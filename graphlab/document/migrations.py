"""Steps from older file formats to this one, on plain dictionaries; each old version has a golden file in the tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphlab.document.codec import FormatError

#: The format that this version writes, and the program version that first read it.
VERSION = 1
NEEDS = "0.1"

Migration = Callable[[dict[str, Any]], dict[str, Any]]

#: Format version → the step to the next one.
MIGRATIONS: Mapping[int, Migration] = {}


def migrate(plain: dict[str, Any], steps: Mapping[int, Migration] = MIGRATIONS, to: int = VERSION) -> dict[str, Any]:
    """Bring a document of any older format up to date. Raises `FormatError` for newer ones and for none."""
    version = plain.get("version")
    if plain.get("format") != "graphlab" or not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError("it does not say that it is a GraphLab document")
    if version > to:
        needs = plain.get("needs")
        which = f" {needs[:20]}" if isinstance(needs, str) and needs else ""
        raise FormatError(f"it has the file format {version} and needs GraphLab{which} or newer; this version reads "
                          f"formats up to {to}")
    while version < to:
        if version not in steps:
            raise FormatError(f"it has the file format {version}, which this version no longer reads")
        plain = steps[version](dict(plain))
        version += 1
        plain["version"] = version
    return plain
