"""The autosave journal: work of a window that died comes back, work of a living one is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphlab.document.files import FileError
from graphlab.document.journal import Journal, default_folder, leftovers
from graphlab.document.model import Document

CRASH = """
import os, sys
from pathlib import Path
import numpy as np
from graphlab.document.journal import Journal
from graphlab.document.model import Document
journal = Journal(Path(sys.argv[1]))
journal.write(Document(title="Unsaved"), {"fc.W": np.ones(2)}, Path("/somewhere/mine.glab"))
print("written", flush=True)
if sys.argv[2] == "crash":
    os._exit(1)
sys.stdin.read()
"""


def test_work_comes_back_after_a_crash(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), "crash"], check=False, timeout=60,
                   stdout=subprocess.DEVNULL)
    (left,) = leftovers(tmp_path)
    assert left.title == "Unsaved"
    assert left.original == Path("/somewhere/mine.glab")
    loaded = left.restore()
    assert loaded.document.title == "Unsaved"
    assert loaded.weights["fc.W"].tolist() == [1, 1]
    left.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_is_open_keeps_its_journal(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CRASH, str(tmp_path), "stay"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as window:
        assert window.stdout is not None
        assert window.stdout.readline() == "written\n"
        assert leftovers(tmp_path) == []
        window.communicate("")
    assert len(leftovers(tmp_path)) == 1, "it ended without a goodbye"


def test_a_window_that_closes_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new" / "folder")
    journal.write(Document(title="a"))
    journal.clear()
    assert [p.suffix for p in journal.path.parent.iterdir()] == [".lock"]
    journal.write(Document(title="b"))
    journal.close()
    assert list(journal.path.parent.iterdir()) == []


def test_two_windows_have_two_journals(tmp_path: Path) -> None:
    one, two = Journal(tmp_path), Journal(tmp_path)
    assert one.path != two.path
    one.close()
    two.close()


def test_journals_without_work_are_swept_away(tmp_path: Path) -> None:
    (tmp_path / "old.lock").write_bytes(b"")
    assert leftovers(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert leftovers(tmp_path / "missing") == []


def test_a_damaged_journal_is_still_offered_and_says_so(tmp_path: Path) -> None:
    for suffix in (".lock", ".json", ".glab"):
        (tmp_path / f"x{suffix}").write_bytes(b"damaged")
    (left,) = leftovers(tmp_path)
    assert (left.title, left.original) == ("", None)
    with pytest.raises(FileError, match="damaged"):
        left.restore()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="Unsaved work cannot be kept in"):
        Journal(tmp_path / "file" / "folder")


def test_journals_go_to_the_users_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_folder() == Path("/state/graphlab/journal")
