"""The layers and habits that docs/architecture.md promises, as checks that fail."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST = 400
STRICT = ("-W", "error", "-W", "ignore::DeprecationWarning:ziamath.zmath")

IMPORT_ALL_OF = """
import importlib, pkgutil, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"PySide6", "shiboken6", "pyqtgraph"}:
            raise ImportError(f"{name} is blocked here")
sys.meta_path.insert(0, Blocked())
package = importlib.import_module(sys.argv[1])
count = 1
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
    count += 1
for name in sys.argv[2].split(","):
    assert not name or name not in sys.modules, f"importing {package.__name__} loads {name}"
print(count)
"""


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    ("package", "never_loaded"),
    [
        ("graphlab.engine", "networkx,msgspec,PIL,ziamath,scipy,torch"),
        ("graphlab.document", "networkx,fast_sugiyama,scipy,torch"),
    ],
)
def test_a_layer_below_the_ui_imports_without_qt(package: str, never_loaded: str) -> None:
    done = subprocess.run(
        [sys.executable, *STRICT, "-c", IMPORT_ALL_OF, package, never_loaded],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    modules = len(list(python_files(package.replace(".", "/"))))
    assert int(done.stdout) == modules, "some module is in a folder without __init__.py"


def test_import_contracts_hold() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"3 kept, 0 broken", done.stdout), done.stdout


def test_no_file_has_more_than_400_lines() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files("graphlab", "tests", "benchmarks")
    }
    assert lengths
    too_long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert not too_long, f"a file has one subject and at most {LONGEST} lines: {too_long}"


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in python_files("graphlab")}
    missing = [str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "__init__.py").is_file()]
    assert not missing, f"these folders have modules but no __init__.py: {missing}"


def project_texts() -> Iterator[Path]:
    kinds = {".py", ".md", ".toml", ".svg", ".json", ".csv", ".sh", ""}
    for folder in ("graphlab", "docs", "resources", "benchmarks", ".ci"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in kinds and "__pycache__" not in path.parts:
                yield path
    yield from (ROOT / name for name in ("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"))


def test_the_project_speaks_only_of_itself() -> None:
    """Paths of one machine and notes to oneself help no reader."""
    strange = re.compile(r"\.\./shared|(?<![\w.])/(work|home|root|opt|Users)/\w|\bTODO\b|\bFIXME\b|\bXXX\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in project_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if strange.search(line)
    ]
    assert not found, "\n".join(found)


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            place = target.partition("#")[0]
            if place and "://" not in place and not (page.parent / place).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert not broken, broken
