"""``.glab`` files: a zip of versioned JSON and, on request, weights. Opening one cannot run anything.

Entries: ``document.json``, ``weights.npz``, ``optimiser.npz`` and whatever a later version adds, which is kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import graphlab
from graphlab.document.arrays import ZIP_ERRORS, check_ratio, member, read_arrays, write_arrays
from graphlab.document.codec import (
    FormatError,
    Plain,
    Reader,
    read_notes,
    read_places,
    write_graph,
    write_note,
    write_places,
)
from graphlab.document.migrations import NEEDS, VERSION, migrate
from graphlab.document.model import Document
from graphlab.document.setup_form import read_setup, write_setup
from graphlab.engine.op import Array
from graphlab.engine.train import Setup

SUFFIX = ".glab"
MAX_JSON = 64 * 2**20
MAX_MEMBERS = 64
MAX_KEPT = 16 * 2**20
MAX_TEXT = 2**20
_JSON, _WEIGHTS, _STATE = "document.json", "weights.npz", "optimiser.npz"
_KEYS = {"format", "version", "needs", "written_by", "title", "text", "graph", "layout", "notes", "setup"}


class FileError(Exception):
    """A file cannot be read or written: one sentence for the user."""


@dataclass(frozen=True)
class Loaded:
    """What a file gave: the document, its weights and optimiser state by key, and what the user should know."""

    document: Document
    weights: Mapping[str, Array] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    state: Mapping[str, Array] = field(default_factory=dict)


def load(path: Path | str) -> Loaded:
    """Read a ``.glab`` file. Raises `FileError`."""
    path = Path(path)
    try:
        with path.open("rb") as f, zipfile.ZipFile(f) as z:
            return _read(z)
    except FormatError as e:
        raise FileError(f"‘{path.name}’ cannot be opened: {e}.") from None
    except FileNotFoundError:
        raise FileError(f"There is no file ‘{path}’.") from None
    except zipfile.BadZipFile:
        raise FileError(f"‘{path.name}’ is no GraphLab file, or it is damaged: it is not a zip archive.") from None
    except OSError as e:
        raise FileError(f"‘{path}’ cannot be read: {e.strerror or e}.") from None
    except MemoryError:
        raise FileError(f"‘{path.name}’ cannot be opened: there is not enough memory for it.") from None
    except ZIP_ERRORS as e:
        raise FileError(f"‘{path.name}’ is damaged: {e}.") from None


def _read(z: zipfile.ZipFile) -> Loaded:
    infos = z.infolist()
    names = [i.filename for i in infos]
    if len(names) > MAX_MEMBERS or len(set(names)) != len(names):
        raise FormatError(f"it has {len(names)} entries, or one twice; a GraphLab file has up to {MAX_MEMBERS}")
    if _JSON not in names:
        raise FormatError(f"it is a zip archive without {_JSON}, so it is no GraphLab file")
    check_ratio([z.getinfo(_JSON)], "its document", MAX_JSON)
    notices: list[str] = []
    document = document_from_json(z.read(_JSON), notices)
    arrays: dict[str, dict[str, Array]] = {_WEIGHTS: {}, _STATE: {}}
    for name in arrays:
        if name in names:
            check_ratio([z.getinfo(name)], f"its {name}")
            arrays[name] = read_arrays(z.read(name), "its weights" if name == _WEIGHTS else "its optimiser state")
    rest = [i for i in infos if i.filename not in (_JSON, _WEIGHTS, _STATE)]
    if (size := sum(i.file_size for i in rest)) > MAX_KEPT:
        notices.append(f"The file has entries of {size / 2**20:,.0f} MiB that this version of "
                       "GraphLab does not know; they are lost when you save.")
    elif rest:
        members = {i.filename: z.read(i) for i in rest}
        document = _with_extra(document, "members", members)
    bad = [k for k, a in arrays[_WEIGHTS].items() if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if bad:
        notices.append(f"The weight {bad[0]} has numbers that are not finite; training it further needs a restart.")
    return Loaded(document, arrays[_WEIGHTS], tuple(notices), arrays[_STATE])


def _with_extra(document: Document, key: str, value: Any) -> Document:
    return Document(document.graph, document.layout, document.setup, document.notes, document.title, document.text,
                    {**document.extra, key: value})


def document_from_json(data: bytes, notices: list[str]) -> Document:
    """Read a document from JSON. Raises `FormatError`; adds to ``notices`` what was kept without being known."""
    try:
        plain = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise FormatError(f"its document is not JSON: {e}") from None
    except RecursionError:
        raise FormatError("its document is nested too deeply") from None
    if not isinstance(plain, dict):
        raise FormatError("its document is not a JSON object")
    plain = migrate(plain)
    extra: Plain = {}
    if strange := {k: v for k, v in plain.items() if k not in _KEYS}:
        extra["document"] = strange
    for key in ("title", "text"):
        if not isinstance(plain.get(key, ""), str) or len(plain.get(key, "")) > MAX_TEXT:
            raise FormatError(f"its {key} has to be a text of at most {MAX_TEXT:,} characters")
    reader = Reader(extra)
    graph = reader.graph(plain.get("graph", {"nodes": [], "wires": []}))
    notices += reader.notices
    setup = read_setup(plain["setup"], extra, notices) if "setup" in plain else Setup()
    return Document(graph, read_places(plain.get("layout", {})), setup, read_notes(plain.get("notes", [])),
                    plain.get("title", ""), plain.get("text", ""), extra)


def document_to_json(document: Document) -> bytes:
    """Write a document as JSON, with everything that other versions left in it."""
    plain = {
        "format": "graphlab", "version": VERSION, "needs": NEEDS, "written_by": graphlab.__version__,
        "title": document.title, "text": document.text,
        "graph": write_graph(document.graph, document.extra),
        "layout": write_places(document.layout),
        "notes": [write_note(n) for n in document.notes.values()],
        "setup": write_setup(document.setup, document.extra),
        **document.extra.get("document", {}),
    }
    return msgspec.json.encode(plain)


def save(
    path: Path | str, document: Document, weights: Mapping[str, Array] | None = None,
    state: Mapping[str, Array] | None = None,
) -> None:
    """Write a ``.glab`` file, or leave the old one untouched and raise `FileError`.

    The new file is written beside the old one, brought to the disk and put in its place in one step.
    """
    # Through a symbolic link to the file it names, so that the link stays.
    path = Path(path).resolve()
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as f:
            with zipfile.ZipFile(f, "w") as z:
                z.writestr(member(_JSON, True), document_to_json(document))
                if weights:
                    z.writestr(member(_WEIGHTS, False), write_arrays(weights))
                if state:
                    z.writestr(member(_STATE, False), write_arrays(state))
                for name, data in document.extra.get("members", {}).items():
                    z.writestr(member(name, True), data)
            f.flush()
            os.fsync(f.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as e:
        why = "the disk is full" if e.errno in (errno.ENOSPC, errno.EDQUOT) else e.strerror or str(e)
        raise FileError(f"‘{path}’ could not be saved: {why}. What was there before is untouched.") from None
    except (TypeError, ValueError, RecursionError) as e:
        raise FileError(f"‘{path}’ could not be saved: {e}. What was there before is untouched.") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the renaming itself to the disk, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
