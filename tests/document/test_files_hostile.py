"""Files made to harm: each is refused in one sentence, quickly, and without taking memory."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from graphlab.document.files import FileError, load
from graphlab.engine.plan import compile

Plain = dict[str, Any]


def document(**changes: Any) -> Plain:
    return {"format": "graphlab", "version": 1, "graph": {"nodes": [], "wires": []}} | changes


def node(id: Any = "a", op: Any = "ReLU", **more: Any) -> Plain:
    return {"id": id, "op": op, "attributes": {}} | more


def graph(*nodes: Any, wires: Any = ()) -> Plain:
    return document(graph={"nodes": list(nodes), "wires": list(wires)})


def nested(depth: int) -> Plain:
    inner: Plain = {"nodes": [], "wires": []}
    for i in range(depth):
        inner = {"nodes": [node(f"b{i}", "Block", attributes={"graph": inner})], "wires": []}
    return document(graph=inner)


JSONS: Mapping[str, object] = {
    "empty": b"", "no json": b"hello", "cut off": b'{"format": "graphlab", "ver', "a list": [], "a number": 3,
    "not utf-8": b'{"format": "\xff\xfe"}', "NaN": b'{"format": "graphlab", "version": NaN}',
    "infinite": b'{"format": "graphlab", "version": 1e999}', "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "another format": {"format": "blender", "version": 1}, "no version": {"format": "graphlab"},
    "version as text": {"format": "graphlab", "version": "1"}, "version true": {"format": "graphlab", "version": True},
    "version 0": {"format": "graphlab", "version": 0}, "version −3": {"format": "graphlab", "version": -3},
    "version 2⁶⁰": {"format": "graphlab", "version": 2**60},
    "graph as list": document(graph=[]), "graph as text": document(graph="x"),
    "no wires": document(graph={"nodes": []}), "nodes as object": document(graph={"nodes": {}, "wires": []}),
    "node as text": graph("ReLU"), "no id": graph({"op": "ReLU"}), "no op": graph({"id": "a"}),
    "id as number": graph(node(3)), "empty id": graph(node("")), "path as id": graph(node("../../etc")),
    "id with a dot": graph(node("a.W")), "long id": graph(node("a" * 100)),
    "id of control characters": graph(node("a\n")),
    "two of one id": graph(node(), node()), "op as list": graph(node(op=["ReLU"])),
    "attributes as list": graph(node(attributes=[])), "attribute of a wrong type": graph(
        node(op="Linear", attributes={"features": "many"})),
    "attribute true": graph(node(op="Linear", attributes={"features": True})),
    "half a unit": graph(node(op="Linear", attributes={"features": 2.5})),
    "huge number": graph(node(op="Linear", attributes={"features": 10**30})),
    "list for a number": graph(node(op="Linear", attributes={"features": [1]})),
    "number for a list": graph(node(op="Input", attributes={"size": 3})),
    "text in a shape": graph(node(op="Input", attributes={"size": [1, "2"]})),
    "null": graph(node(op="Linear", attributes={"features": None})),
    "frozen 1": graph(node(frozen=1)), "label as object": graph(node(label={})),
    "wire of three": graph(node(), wires=[["a", "y", "a"]]), "wire as text": graph(node(), wires=["a→b"]),
    "two wires into one port": graph(node(), node("b"), wires=[["a", "y", "b", "x"], ["b", "y", "b", "x"]]),
    "blocks in blocks": nested(60), "graph in a block as number": graph(
        node(op="Block", attributes={"graph": 3})),
    "layout as list": document(layout=[]), "place of one number": document(layout={"a": [1]}),
    "place out of the world": document(layout={"a": [1e300, 0]}), "place of texts": document(layout={"a": ["x", "y"]}),
    "place pinned by a number": document(layout={"a": [1, 2, 3]}), "notes as object": document(notes={}),
    "note of a strange kind": document(notes=[{"id": "n", "kind": "video", "x": 0, "y": 0, "width": 1, "height": 1}]),
    "two notes of one id": document(notes=[{"id": "n", "kind": "note", "x": 0, "y": 0, "width": 1, "height": 1}] * 2),
    "note out of the world": document(notes=[
        {"id": "n", "kind": "note", "x": 1e200, "y": 0, "width": 1, "height": 1}]),
    "title as number": document(title=3), "text of megabytes": document(text="x" * (2**20 + 1)),
    "setup as list": document(setup=[]), "setup with a wrong type": document(setup={"batch": "all"}),
    "phases as object": document(setup={"phases": {}}), "feed of three": document(setup={"feed": [["a", "b", "c"]]}),
    "optimiser as text": document(setup={"phases": [{"optimiser": "Adam"}]}),
    "losses of texts": document(setup={"phases": [{"losses": [["a", "b"]]}]}),
    "100,001 nodes": graph(*(node(f"n{i}") for i in range(100_001))),
}


def archive(members: Mapping[str, bytes], compress: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return out.getvalue()


def npy(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\x01\x00" else "<I", len(text)) + text + body


GOOD = json.dumps(document()).encode()


def with_weights(data: bytes) -> bytes:
    return archive({"document.json": GOOD, "weights.npz": data})


def with_array(data: bytes) -> bytes:
    return with_weights(archive({"fc.W.npy": data}))


def pickled() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return out.getvalue()


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("document.json", GOOD)
        with pytest.warns(UserWarning, match="Duplicate name"):
            z.writestr("document.json", GOOD)
    return out.getvalue()


def flipped() -> bytes:
    data = bytearray(archive({"document.json": GOOD}))
    data[data.index(b"graphlab")] ^= 1
    return bytes(data)


def header(descr: str = "<f4", shape: str = "(2,)", order: str = "False") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}}}"


FILES: Mapping[str, Callable[[], bytes]] = {
    "no bytes": lambda: b"", "text": lambda: b"hello", "half a zip": lambda: archive({"document.json": GOOD})[:-30],
    "zip without a document": lambda: archive({"other.txt": b"x"}), "the document twice": twice,
    "a flipped bit": flipped, "many entries": lambda: archive({f"f{i}": b"" for i in range(1000)}),
    "a bomb of JSON": lambda: archive({"document.json": b" " * (65 * 2**20)}, compress=True),
    "weights that are no zip": lambda: with_weights(b"hello"),
    "weights that are text": lambda: with_weights(archive({"a.txt": b"x"})),
    "an array that is no array": lambda: with_array(b"hello"), "a pickle": lambda: with_array(pickled()),
    "objects": lambda: with_array(npy(header("|O"), b"\0" * 16)),
    "texts": lambda: with_array(npy(header("<U4"), b"\0" * 32)),
    "complex numbers": lambda: with_array(npy(header("<c8"), b"\0" * 16)),
    "records": lambda: with_array(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", b"\0" * 8)),
    "a huge shape": lambda: with_array(npy(header(shape="(1000000, 1000000, 1000)"), b"\0" * 8)),
    "an overflowing shape": lambda: with_array(npy(header(shape=f"({2**62}, 4)"), b"\0" * 8)),
    "a negative shape": lambda: with_array(npy(header(shape="(-1, -2)"), b"\0" * 8)),
    "too few numbers": lambda: with_array(npy(header(shape="(3,)"), b"\0" * 8)),
    "too many numbers": lambda: with_array(npy(header(shape="(1,)"), b"\0" * 8)),
    "code as header": lambda: with_array(npy("__import__('os').system('true')")),
    "a deep header": lambda: with_array(npy("(" * 5000)),
    "a format of the future": lambda: with_array(npy(header(), b"\0" * 8, b"\x07\x00")),
    "a bomb of weights": lambda: with_weights(archive(
        {"fc.W.npy": npy(header(shape=f"({2**25},)"), b"\0" * 2**27)}, compress=True)),
}


def refused(path: Path) -> str:
    tracemalloc.start()
    begun = perf_counter()
    try:
        with pytest.raises(FileError) as caught:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert perf_counter() - begun < 20
    assert peak < 400 * 2**20
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 500
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("name", JSONS)
def test_a_hostile_document_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    content = JSONS[name]
    path = tmp_path / "bad.glab"
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(archive({"document.json": data}))
    refused(path)


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.glab"
    path.write_bytes(FILES[name]())
    refused(path)


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(archive({"document.json": GOOD}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    path = tmp_path / "bad.glab"
    path.write_bytes(bytes(data))
    refused(path)


def test_a_size_that_lies_is_found_out(tmp_path: Path) -> None:
    data = bytearray(archive({"document.json": GOOD}))
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 10)
    path = tmp_path / "bad.glab"
    path.write_bytes(bytes(data))
    refused(path)


@pytest.mark.parametrize(("content", "said"), [
    (graph(node(), node("b"), wires=[["a", "y", "b", "x"], ["b", "y", "a", "x"]]), "form a cycle"),
    (graph(node(), wires=[["ghost", "y", "a", "x"]]), "‘ghost’, which does not exist"),
    (graph(node(), node("b"), wires=[["a", "zzz", "b", "x"]]), "no output called"),
    (graph(node(op="Linear", attributes={"features": -5})), "at least 1"),
    (graph(node(op="Input", attributes={"size": [10**9, 10**6]}), node("b", "Linear", attributes={"features": 9}),
           wires=[["a", "y", "b", "x"]]), "")])
def test_what_can_be_mended_opens_and_is_reported(content: Plain, said: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.glab"
    path.write_bytes(archive({"document.json": json.dumps(content).encode()}))
    problems = " ".join(p.message for p in compile(load(path).document.graph).problems)
    assert said in problems
