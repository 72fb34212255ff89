"""The helper that finds GraphLab's own files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphlab.resources import resource

ROOT = Path(__file__).parent.parent


def test_a_file_and_a_folder_are_found() -> None:
    assert resource("data/iris.csv").is_file()
    assert resource("icons").is_dir()


def test_a_missing_file_is_a_sentence_with_its_place() -> None:
    with pytest.raises(FileNotFoundError, match=r"'data/none\.csv' is missing: it was expected at .*\.csv"):
        resource("data/none.csv")


@pytest.mark.parametrize("name", ["../pyproject.toml", "data/../../LICENSE", "/etc/hostname"])
def test_a_name_cannot_leave_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="leads out of it"):
        resource(name)


def test_packed_resources_are_found_as_a_wheel_has_them(tmp_path: Path) -> None:
    package = tmp_path / "graphlab"
    (package / "resources" / "data").mkdir(parents=True)
    (package / "resources" / "data" / "iris.csv").write_text("packed", encoding="utf-8")
    for name in ("__init__.py", "resources.py"):
        (package / name).write_bytes((ROOT / "graphlab" / name).read_bytes())
    code = "from graphlab.resources import resource; print(resource('data/iris.csv').read_text())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "packed"
