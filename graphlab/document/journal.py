"""The autosave journal: what a window has not saved, kept beside a lock, so that it comes back after a crash.

Each window has one journal. The system frees its lock when the process ends, in whatever way; a journal whose lock is
free therefore belongs to a window that never said goodbye.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from graphlab.document.files import SUFFIX, FileError, Loaded, load, save
from graphlab.document.model import Document
from graphlab.engine.op import Array

_INFO, _LOCK = ".json", ".lock"


class Info(msgspec.Struct):
    """What a journal says about itself: the file that was being edited ('' for a new one), its title, and when."""

    original: str
    title: str
    when: str


@dataclass(frozen=True)
class Leftover:
    """Unsaved work of a window that is gone."""

    path: Path
    original: Path | None
    title: str
    when: datetime

    def restore(self) -> Loaded:
        """Read the work back; the journal stays until `discard`. Raises `FileError`."""
        return load(self.path)

    def discard(self) -> None:
        """Forget the work."""
        for suffix in (SUFFIX, _INFO, _LOCK):
            with contextlib.suppress(OSError):
                self.path.with_suffix(suffix).unlink(missing_ok=True)


class Journal:
    """The journal of one window. `write` it from time to time, `clear` it after saving, `close` it at the end."""

    def __init__(self, folder: Path) -> None:
        """Make a journal in a folder and lock it. Raises `FileError`."""
        stem = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        self.path = folder / f"{stem}{SUFFIX}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock: IO[Any] = self.path.with_suffix(_LOCK).open("wb")
        except OSError as e:
            raise FileError(f"Unsaved work cannot be kept in ‘{folder}’: {e.strerror or e}.") from None
        take(self._lock)

    def write(
        self, document: Document, weights: Mapping[str, Array] | None = None, original: Path | None = None,
    ) -> None:
        """Keep the work as it is now. Raises `FileError`."""
        save(self.path, document, weights)
        info = Info(str(original or ""), document.title, datetime.now(UTC).isoformat())
        try:
            self.path.with_suffix(_INFO).write_bytes(msgspec.json.encode(info))
        except OSError as e:
            raise FileError(f"Unsaved work cannot be kept in ‘{self.path.parent}’: {e.strerror or e}.") from None

    def clear(self) -> None:
        """Forget the work: it is saved elsewhere, or was thrown away on purpose."""
        for suffix in (SUFFIX, _INFO):
            with contextlib.suppress(OSError):
                self.path.with_suffix(suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Forget the work and free the lock."""
        self.clear()
        self._lock.close()
        with contextlib.suppress(OSError):
            self.path.with_suffix(_LOCK).unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Leftover]:
    """Return unsaved work of windows that are gone, the newest first. Empty journals are swept away."""
    found = []
    for lock in sorted(folder.glob(f"*{_LOCK}")) if folder.is_dir() else []:
        path = lock.with_suffix(SUFFIX)
        try:
            with lock.open("r+b") as handle:
                if not take(handle):
                    continue
        except OSError:
            continue
        if path.exists():
            found.append(_leftover(path))
        else:
            Leftover(path, None, "", datetime.now(UTC)).discard()
    return sorted(found, key=lambda left: left.when, reverse=True)


def _leftover(path: Path) -> Leftover:
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        info = msgspec.json.decode(path.with_suffix(_INFO).read_bytes(), type=Info)
    except (OSError, msgspec.MsgspecError):
        return Leftover(path, None, "", when)
    with contextlib.suppress(ValueError):
        when = datetime.fromisoformat(info.when)
    return Leftover(path, Path(info.original) if info.original else None, info.title, when)


def take(handle: IO[Any]) -> bool:
    """Lock an open file for this process until it is closed; False where another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def default_folder() -> Path:
    """Return where journals go: the user's state folder of this system."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "graphlab" / "journal"
