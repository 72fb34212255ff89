"""The command line, as another program sees it: without a display and without Qt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graphlab import cli, progress
from graphlab.document.edits import remove, set_attributes
from graphlab.document.examples import EXAMPLES
from graphlab.document.files import load, save
from graphlab.engine.plan import compile
from graphlab.engine.progress import Progress, Scores
from graphlab.ui.display import library_message, missing_display

NO_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
#: Runs the command line with the window's library out of reach.
WITHOUT_QT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"PySide6", "shiboken6", "pyqtgraph"}:
            raise ImportError(f"{name} is blocked here")
sys.meta_path.insert(0, Blocked())
from graphlab.cli import main
sys.exit(main())
"""


def graphlab(*args: str, qt: bool = False, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parent.parent)
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning:ziamath.zmath",
               *(["-m", "graphlab"] if qt else ["-c", WITHOUT_QT]), *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, cwd=cwd,
                          env=NO_DISPLAY | {"PYTHONPATH": root})


def answer(*args: str) -> Any:
    done = graphlab(*args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1] if args[0] == "train" else done.stdout)


def test_version() -> None:
    done = graphlab("--version")
    assert (done.returncode, done.stdout) == (0, "graphlab 0.1.0\n")


def test_examples_as_json_and_as_a_list() -> None:
    listed = answer("examples", "--json")
    assert [e["name"] for e in listed] == [e.name for e in EXAMPLES]
    assert all(Path(e["file"]).is_file() for e in listed)
    text = graphlab("examples").stdout
    assert "First steps\n  hand-2-2-1 " in text


def test_run_counts_with_arithmetic() -> None:
    ran = answer("run", "count-400-300-100-10", "--json")
    assert ran["parameters"] == 151_410
    assert ran["macs"] == 151_000
    assert {"id": "fc1", "op": "Linear", "shape": ["B", 300], "parameters": 120_300, "macs": 120_000} in ran["nodes"]
    text = graphlab("run", "count-400-300-100-10").stdout
    assert "parameters: 120,300 + 30,100 + 1,010 = 151,410" in text
    assert "loss: " in text


def test_run_uses_the_weights_of_the_file() -> None:
    assert graphlab("run", "hand-2-2-1").stdout.splitlines()[-1] == "loss: 0.5"


def test_train_reaches_its_goal_and_saves(tmp_path: Path) -> None:
    out = tmp_path / "trained.glab"
    done = graphlab("train", "digits", "--epochs", "20", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["validation_accuracy"] >= 0.96
    assert result["loss"] < 0.1
    assert result["validation_loss"] < 0.3
    assert result["seconds"] > 0
    assert len(done.stderr.splitlines()) <= 14, "about ten lines of progress where nobody watches"
    assert "epoch 20/20" in done.stderr
    assert set(load(out).weights) == set(compile(load(out).document.graph).weights)
    again = json.loads(graphlab("train", str(out), "--epochs", "1", "--json").stdout)
    assert again["validation_accuracy"] >= 0.95, "training goes on from the saved weights"


def test_train_without_json_prints_words() -> None:
    done = graphlab("train", "moons", "--epochs", "2")
    assert done.stdout.startswith("loss 0.")
    assert "validation accuracy 0." in done.stdout or "validation accuracy 1" in done.stdout


def test_train_of_a_network_without_classes_says_null() -> None:
    assert answer("train", "linear-regression", "--epochs", "1", "--json")["validation_accuracy"] is None


@pytest.mark.parametrize("name", ["digits-conv", "lstm-rows", "gan-2d", "attention-retrieval", "digits-batchnorm"])
def test_check_finds_every_gradient_right(name: str) -> None:
    checked = answer("check", name, "--json")
    assert 0 < checked["worst_relative_error"] < 1e-6
    errors = [n["relative_error"] for n in checked["nodes"]]
    assert max(errors) == checked["worst_relative_error"]
    assert {"id", "op", "relative_error", "input", "skipped"} == set(checked["nodes"][0])


def test_check_in_words() -> None:
    done = graphlab("check", "xor")
    assert done.stdout.splitlines()[-1].startswith("worst relative error: ")


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """A user's error is one sentence and the exit code 2."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.endswith(".\n")
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(("args", "said"), [
    (("run", "nothing.glab"), "There is no file ‘nothing.glab’ and no example of that name"),
    (("nothing",), "There is no file and no example ‘nothing’; run, train, export, check, examples are commands"),
    (("train", "digits", "--epochs", "0"), "--epochs needs at least 1; it is 0"),
    (("train", "digits", "--epochs", "many"), "invalid int value: 'many'; `graphlab train --help`"),
    (("train", "digits", "--out", "/no/such/folder/a.glab"), "There is no folder ‘/no/such/folder’"),
    (("export", "digits", "a.gif"), "‘a.gif’ has to end in .svg, .pdf, .png"),
    (("run",), "The following arguments are required: file"),
    (("run", "digits", "--wow"), "Unrecognized arguments: --wow"),
    (("--wow",), "--wow")])
def test_a_users_error_is_one_sentence(args: tuple[str, ...], said: str) -> None:
    assert said in failed(graphlab(*args))


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.glab").write_bytes(b"hello")
    assert "it is not a zip archive" in failed(graphlab("run", str(tmp_path / "bad.glab")))


def test_a_network_without_a_loss_cannot_be_trained(tmp_path: Path) -> None:
    loaded = load(EXAMPLES[3].path)
    save(tmp_path / "a.glab", remove(loaded.document, ["loss"]))
    assert "needs a loss to lower" in failed(graphlab("train", str(tmp_path / "a.glab")))


def test_problems_are_told_and_the_rest_runs(tmp_path: Path) -> None:
    document = load(EXAMPLES[1].path).document
    save(tmp_path / "a.glab", set_attributes(document, "fc2", {"features": 0}))
    done = graphlab("run", str(tmp_path / "a.glab"), "--json")
    assert done.returncode == 1
    assert "features must be at least 1" in done.stderr
    ran = json.loads(done.stdout)
    assert ran["parameters"] == 120_300
    assert len(ran["problems"]) >= 1


def test_without_a_display_it_says_what_to_do() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems always have a display")
    said = failed(graphlab(qt=True))
    assert "neither DISPLAY nor WAYLAND_DISPLAY is set" in said
    assert "xvfb-run" in said


def test_a_display_that_nobody_answers_at_is_told() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems always have a display")
    assert "The display ‘:6543’, which DISPLAY names, cannot be reached" in missing_display({"DISPLAY": ":6543"})
    assert missing_display({"QT_QPA_PLATFORM": "offscreen"}) == ""


def test_missing_libraries_are_named_with_their_packages() -> None:
    said = library_message("libxcb-cursor.so.0: cannot open shared object file: No such file or directory")
    assert "`apt-get install libxcb-cursor0` brings it" in said
    assert "libxcb-keysyms1" in said
    assert "libfoo.so.1: cannot" in library_message("libfoo.so.1: cannot open shared object file")


def test_output_that_nobody_reads_to_the_end_is_no_error() -> None:
    command = f"{sys.executable} -m graphlab examples --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60,
                          env=NO_DISPLAY | {"PYTHONPATH": str(Path(__file__).parent.parent)})
    assert done.stderr == ""


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_export_draws_without_a_display(ending: str, begins: bytes, tmp_path: Path) -> None:
    out = tmp_path / f"xor.{ending}"
    done = graphlab("export", "xor", str(out), qt=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_bytes().startswith(begins)


def test_an_export_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.svg").mkdir()
    failed(graphlab("export", "xor", str(tmp_path / "a.svg"), qt=True))


def test_main_in_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "xor"]) == 0
    assert cli.main(["examples"]) == 0
    assert cli.main(["check", "hand-2-2-1", "--json"]) == 0
    assert cli.main(["nothing"]) == 2
    assert "commands" in capsys.readouterr().err


class Terminal:
    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_the_bar_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    bar = progress.Bar(terminal)  # type: ignore[arg-type]
    for done in (10, 50, 100):
        bar.show(Progress(done, 100, done // 10, 10, {"train": 0.5}, Scores(0.5), Scores(0.25, 0.9), done, {}, 0.1, 1.0,
                          3725.0, {}, done))
    bar.close()
    lines = terminal.text.split("\r")
    assert len(lines) == 4
    assert "100 %  epoch 10/10  loss 0.5  validation 0.25  accuracy 90.0 %  1:02:05 left" in lines[-1]
    assert "█" in lines[2]
    assert max(map(len, lines)) <= 100
