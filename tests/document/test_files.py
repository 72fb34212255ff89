"""`.glab` files: what goes in comes out, what is not understood stays, and a failed save leaves the old file."""

from __future__ import annotations

import errno
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphlab.document import files
from graphlab.document.blocks import group
from graphlab.document.edits import add_node, add_note, remove, rename, set_pinned
from graphlab.document.examples import open_example
from graphlab.document.files import FileError, load, save
from graphlab.document.migrations import VERSION, migrate
from graphlab.document.model import Document
from graphlab.engine.graph import Source, Target, Unknown
from graphlab.engine.op import Array
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.regularise import Dropout
from graphlab.engine.optim import SGD
from graphlab.engine.plan import compile
from graphlab.engine.train import Setup

GOLDEN = Path(__file__).parent / "golden"


def plain_of(document: Document) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(files.document_to_json(document))
    return out


def write(path: Path, plain: object, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("document.json", plain if isinstance(plain, bytes) else json.dumps(plain).encode())
        for name, data in members.items():
            z.writestr(name.replace("__", "."), data)
    return path


def test_everything_comes_back(tmp_path: Path) -> None:
    document, id = add_node(Document(title="A title", text="Σ ∂L/∂w"), Linear(features=3), 10.5, -2, label="fc ‘1’")
    document = set_pinned(document, [id], True)
    document, _ = add_note(document, "frame", 1, 2, 3, 4, "words")
    document = rename(document, id, "first")
    document = Document(document.graph, document.layout, Setup(epochs=7, feed=(("x", "noise:normal"),)), document.notes,
                        document.title, document.text)
    weights: dict[str, Array] = {"linear1.W": np.arange(6, dtype=np.float32).reshape(2, 3), "a/b.W": np.array(2.5)}
    state = {"phase0/v": np.arange(4.0)}
    save(tmp_path / "a.glab", document, weights, state)
    loaded = load(tmp_path / "a.glab")
    assert loaded.document == document
    assert loaded.notices == ()
    assert {k: (v.dtype, v.tolist()) for k, v in loaded.weights.items()} == {
        k: (v.dtype, v.tolist()) for k, v in weights.items()}
    assert loaded.state["phase0/v"].tolist() == [0, 1, 2, 3]
    with zipfile.ZipFile(tmp_path / "a.glab") as z:
        data = z.read("weights.npz")
    with np.load(io.BytesIO(data), allow_pickle=False) as npz:
        assert npz["linear1.W"].tolist() == weights["linear1.W"].tolist(), "NumPy reads it as well"


def test_numbers_that_json_lacks_survive_and_are_reported(tmp_path: Path) -> None:
    document, drop = add_node(Document(setup=Setup(clip=float("inf"))), Dropout(p=float("nan")), 0, 0)
    save(tmp_path / "a.glab", document)
    again = load(tmp_path / "a.glab").document
    assert str(again.graph.nodes[drop].op) == str(document.graph.nodes[drop].op)
    assert again.setup.clip == float("inf")
    assert any("finite" in p.message for p in compile(again.graph).problems)


def test_a_file_keeps_what_it_does_not_understand(tmp_path: Path) -> None:
    plain = plain_of(open_example("gan-2d").document)
    plain["weather"] = {"sunny": True}
    nodes = plain["graph"]["nodes"]
    nodes.append({"id": "wow", "op": "QuantumLinear", "attributes": {"qubits": [1, {"deep": None}]}, "future": 3})
    plain["graph"]["wires"].append(["z", "y", "wow", "q"])
    plain["graph"]["wires"].append(["wow", "w", "G", "g_in2"])
    block = next(n for n in nodes if n["id"] == "D")
    inner = next(n for n in block["attributes"]["graph"]["nodes"] if n["id"] == "d_fc1")
    inner["attributes"]["sparsity"] = 0.5
    inner["colour"] = "teal"
    plain["setup"]["phases"][1]["optimiser"] = {"name": "Lion", "rate": 0.1, "beta": 0.9}
    plain["setup"]["phases"][0]["warmup"] = 10
    plain["setup"]["mixed_precision"] = "bf16"
    path = write(tmp_path / "future.glab", plain, thumbnail__png=b"picture")
    loaded = load(path)
    said = " ".join(loaded.notices)
    for word in ("QuantumLinear", "sparsity", "Lion", "warmup", "mixed_precision"):
        assert word in said
    unknown = loaded.document.graph.nodes["wow"].op
    assert isinstance(unknown, Unknown)
    assert (unknown.inputs, unknown.given) == (("q",), ("w",))
    assert loaded.document.graph.wires[Target("wow", "q")] == Source("z", "y")
    assert loaded.document.setup.phases[1].optimiser == SGD()
    assert any("QuantumLinear" in p.message for p in compile(loaded.document.graph).problems)
    save(tmp_path / "again.glab", loaded.document)
    with zipfile.ZipFile(tmp_path / "again.glab") as z:
        assert json.loads(z.read("document.json")) == plain
        assert z.read("thumbnail.png") == b"picture"


def test_what_is_kept_follows_its_node(tmp_path: Path) -> None:
    plain = plain_of(open_example("digits").document)
    next(n for n in plain["graph"]["nodes"] if n["id"] == "fc1")["attributes"]["sparsity"] = 0.5
    document = load(write(tmp_path / "a.glab", plain)).document
    grouped, block = group(document, ["fc1", "relu1"])
    inner = next(n for n in plain_of(grouped)["graph"]["nodes"] if n["id"] == block)["attributes"]["graph"]["nodes"]
    assert next(n for n in inner if n["id"] == "fc1")["attributes"]["sparsity"] == 0.5
    assert remove(document, ["fc1"]).extra.get("nodes") == {}


def test_changing_what_stands_in_replaces_it(tmp_path: Path) -> None:
    plain = plain_of(open_example("digits").document)
    plain["setup"]["data"] = {"name": "Faces", "size": 25}
    document = load(write(tmp_path / "a.glab", plain)).document
    assert plain_of(document)["setup"]["data"] == {"name": "Faces", "size": 25}
    assert plain_of(Document(document.graph, document.layout, document.setup.replace(data=open_example(
        "iris").document.setup.data), extra=document.extra))["setup"]["data"] == {"name": "Iris"}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.glab")), ids=lambda p: p.stem)
def test_files_of_every_version_open(path: Path) -> None:
    loaded = load(path)
    assert loaded.document.title == "Golden"
    assert compile(loaded.document.graph).problems == ()
    assert loaded.weights["linear1.W"].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert loaded.document.layout["linear1"].pinned
    assert loaded.document.notes["note1"].text == "kept"


def test_there_is_a_golden_file_of_every_version() -> None:
    assert {p.stem for p in GOLDEN.glob("*.glab")} == {f"v{i + 1}" for i in range(VERSION)}


def test_migrations_are_made_one_after_the_other() -> None:
    steps: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
        1: lambda d: {**d, "title": d["title"] + "!"}, 2: lambda d: {**d, "text": d["title"]}}
    old = {"format": "graphlab", "version": 1, "title": "Hello"}
    assert migrate(old, steps, 3) == {"format": "graphlab", "version": 3, "title": "Hello!", "text": "Hello!"}
    assert old["title"] == "Hello"


def test_a_newer_file_says_which_version_it_needs(tmp_path: Path) -> None:
    path = write(tmp_path / "new.glab", {"format": "graphlab", "version": 99, "needs": "2.5"})
    with pytest.raises(FileError, match=r"needs GraphLab 2\.5 or newer; this version reads formats up to 1"):
        load(path)


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.glab"
    save(path, Document(title="old"))

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("graphlab.document.files.os.fsync", full)
    with pytest.raises(FileError, match=r"the disk is full\. What was there before is untouched"):
        save(path, Document(title="new"))
    assert load(path).document.title == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.glab"], "no temporary file is left"


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="could not be saved"):
        save(tmp_path / "missing" / "a.glab", Document())
    (tmp_path / "folder.glab").mkdir()
    with pytest.raises(FileError, match="could not be saved"):
        save(tmp_path / "folder.glab", Document())
    with pytest.raises(FileError, match="cannot be read"):
        load(tmp_path / "folder.glab")
    with pytest.raises(FileError, match="There is no file"):
        load(tmp_path / "nothing.glab")


def test_saving_goes_through_a_link_and_keeps_the_mode(tmp_path: Path) -> None:
    real = tmp_path / "real.glab"
    save(real, Document(title="one"))
    real.chmod(0o640)
    link = tmp_path / "link.glab"
    link.symlink_to(real)
    save(link, Document(title="two"))
    assert link.is_symlink()
    assert load(real).document.title == "two"
    assert real.stat().st_mode & 0o777 == 0o640


def test_weights_that_are_not_finite_are_told(tmp_path: Path) -> None:
    save(tmp_path / "a.glab", Document(), {"fc.W": np.array([1.0, np.nan])})
    assert "fc.W has numbers that are not finite" in load(tmp_path / "a.glab").notices[0]
