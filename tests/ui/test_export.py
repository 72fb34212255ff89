"""Pictures of networks and steps: real text, vector formulas, nothing clipped, whole files or none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from pytestqt.qtbot import QtBot

from graphlab.document.examples import open_example
from graphlab.document.model import Document, Note
from graphlab.engine.graph import Net, Node
from graphlab.engine.ops.activations import Tanh
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.losses import MSE
from graphlab.ui import theme
from graphlab.ui.export import ExportError, export_file, export_step, export_view, step_latex
from graphlab.ui.export.step import step_drawing
from graphlab.ui.export.write import Drawing, write
from graphlab.ui.panels.inspector_derivation import Spot
from graphlab.ui.session import Session

LONG = "a layer whose name is rather longer than anybody would call it, “quoted” & <escaped> Größe σ²"


def network() -> Document:
    net = Net()
    x, t = net.input("x", 2), net.input("t", 1)
    h = net.node(Node("fc1", Linear(features=3), LONG), x)
    y = net.add("flatfile", Linear(features=1), net.add("act", Tanh(), h))
    net.add("loss", MSE(), y, t)
    return Document(graph=net.graph(), title="A small network")


def svg_texts(path: Path) -> list[tuple[str, float, float]]:
    """Read every text of an SVG with its own x and y; the file has to be well-formed."""
    return [("".join(e.itertext()), float(e.get("x", "0")), float(e.get("y", "0")))
            for e in ET.parse(path).iter() if e.tag.endswith("}text")]


def pdf_text(path: Path) -> str:
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def edges_are(image: QImage, colour: QColor) -> bool:
    """Whether nothing is drawn up to the edges: what touches them may be cut off."""
    w, h = image.width(), image.height()
    return all(image.pixelColor(x, y) == colour for x in range(w) for y in (0, h - 1)) and all(
        image.pixelColor(x, y) == colour for y in range(h) for x in (0, w - 1))


def test_an_svg_has_every_name_as_text(qtbot: QtBot, tmp_path: Path) -> None:
    out = tmp_path / "net.svg"
    export_file(network(), None, out)
    texts = [t for t, _, _ in svg_texts(out)]
    for name in ("flatfile", "act", "loss", "Tanh", "3 units", "(B, 3)", "(B, 2)"):
        assert name in texts, texts
    assert LONG in "".join(texts), "a name in several scripts is several texts, one after the other"
    root = ET.parse(out).getroot()
    _, _, wide, high = map(float, root.get("viewBox", "").split())
    assert wide > 600
    assert high > 100
    families = {e.get("font-family", "") for e in root.iter() if e.tag.endswith("}text")}
    assert families
    assert all(f.endswith("sans-serif") for f in families)
    assert all(float(e.get("textLength", "0")) > 0 for e in root.iter() if e.tag.endswith("}text"))
    assert QSvgRenderer(QByteArray(out.read_bytes())).isValid()
    assert root.find("{http://www.w3.org/2000/svg}title").text == "A small network"  # type: ignore[union-attr]


def test_a_pdf_has_every_name_as_text_and_its_fonts_in_it(qtbot: QtBot, tmp_path: Path) -> None:
    out = tmp_path / "net.pdf"
    export_file(network(), None, out)
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    assert b"/FontFile2" in data or b"/FontFile3" in data
    assert data.count(b"/Type /Page\n") == 1 or len(re.findall(rb"/Type\s*/Page\b", data)) == 1
    if shutil.which("pdftotext"):
        text = pdf_text(out)
        for name in (LONG, "flatfile", "loss", "3 units", "(B, 3)"):
            assert name in text, text


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_png_has_the_size_that_was_asked_for_and_nothing_is_cut_off(
        qtbot: QtBot, tmp_path: Path, mode: Any) -> None:
    small, large = tmp_path / "1.png", tmp_path / "3.png"
    export_file(network(), None, small, theme=mode, scale=1.0)
    export_file(network(), None, large, theme=mode, scale=3.0)
    a, b = QImage(str(small)), QImage(str(large))
    assert abs(b.width() - 3 * a.width()) <= 3
    assert abs(b.height() - 3 * a.height()) <= 3
    assert b.dotsPerMeterX() == pytest.approx(3 * 96 / 0.0254, rel=1e-3)
    ground = theme.DARK.canvas if mode == "dark" else theme.LIGHT.canvas
    assert edges_are(a, ground)
    assert len({a.pixel(x, y) for x in range(0, a.width(), 3) for y in range(0, a.height(), 3)}) > 10


def test_a_selection_is_drawn_alone(qtbot: QtBot, tmp_path: Path) -> None:
    out = tmp_path / "part.svg"
    export_file(network(), None, out, selection=["act", "flatfile"])
    texts = [t for t, _, _ in svg_texts(out)]
    assert "flatfile" in texts
    assert LONG not in texts
    assert "(B, 3)" in texts, "shapes are still those of the whole network"
    with pytest.raises(ExportError, match="no node of this network is selected"):
        export_file(network(), None, tmp_path / "none.svg", selection=["nobody"])


def test_values_are_drawn_where_they_are_asked_for(qtbot: QtBot, tmp_path: Path) -> None:
    export_file(network(), {"fc1.W": np.ones((2, 3))}, tmp_path / "with.svg", values=True)
    export_file(network(), None, tmp_path / "without.svg")
    number = re.compile(r"−?\d+\.\d+")
    assert any(number.fullmatch(t) for t, _, _ in svg_texts(tmp_path / "with.svg"))
    assert not any(number.fullmatch(t) for t, _, _ in svg_texts(tmp_path / "without.svg"))


def test_what_a_window_shows_is_exported_even_inside_of_an_op(qtbot: QtBot, tmp_path: Path) -> None:
    session = Session()
    session.open_document(open_example("lstm-rows").document)
    session.player.run_all()
    lstm = next(s.path for s in session.plan.steps if s.op.name() == "LSTM")
    assert session.player.enter(lstm)
    export_view(session, tmp_path / "inside.svg", theme="light")
    graph, editable = session.graph_at(lstm)
    assert not editable
    texts = " ".join(t for t, _, _ in svg_texts(tmp_path / "inside.svg"))
    assert all(id in texts for id in graph.nodes)


def test_notes_and_frames_belong_to_the_picture(qtbot: QtBot, tmp_path: Path) -> None:
    document = Document(notes={"n": Note("n", "note", 0, 0, 220, 60, "What the reader should see")})
    export_file(document, None, tmp_path / "note.svg")
    assert "What the reader should see" in " ".join(t for t, _, _ in svg_texts(tmp_path / "note.svg"))


@pytest.mark.parametrize(("name", "words"), [
    ("net.gif", r"as \.svg, \.pdf, \.png; ‘net\.gif’ ends in \.gif"), ("net", "‘net’ has no ending"),
    ("missing/net.svg", "missing does not exist")])
def test_what_cannot_be_written_is_said_in_words(qtbot: QtBot, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        export_file(network(), None, tmp_path / name)


def test_a_folder_that_cannot_be_written_to_is_named(
        qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr("graphlab.ui.export.write.tempfile.mkstemp", refuse)
    with pytest.raises(ExportError, match=r"cannot be written to: Permission denied\. Choose another folder"):
        export_file(network(), None, tmp_path / "net.svg")


def test_an_old_file_survives_a_failure_and_nothing_is_left_behind(qtbot: QtBot, tmp_path: Path) -> None:
    out = tmp_path / "net.png"
    out.write_bytes(b"old")
    with pytest.raises(ExportError, match="pixels is too large; choose a smaller scale than 500"):
        export_file(network(), None, out, scale=500.0)
    assert out.read_bytes() == b"old"

    def fail(painter: QPainter) -> None:
        raise OSError(28, "No space left on device")
    with pytest.raises(ExportError, match="No space left"):
        write(Drawing(10, 10, fail, QColor("white")), out)
    assert [p.name for p in tmp_path.iterdir()] == ["net.png"]
    assert out.read_bytes() == b"old"
    export_file(network(), None, out)
    assert out.read_bytes() != b"old"


def test_an_empty_network_is_said_to_be_empty(qtbot: QtBot, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has no nodes yet"):
        export_file(Document(), None, tmp_path / "net.svg")


# --- the step as a figure --------------------------------------------------------------------------------------


def stepped(document: Document, path: str, run: Callable[[Session], object]) -> Session:
    session = Session()
    session.open_document(document)
    run(session)
    session.select([path])
    return session


def test_a_step_is_a_figure_with_card_formula_and_numbers(qtbot: QtBot, tmp_path: Path) -> None:
    session = stepped(network(), "fc1", lambda s: s.player.run_all())
    record = session.player.record("fc1")
    assert record is not None
    for ending in ("svg", "pdf", "png"):
        export_step(session, tmp_path / f"step.{ending}", Spot("fc1", "W", (0, 1), True), theme="light", scale=1.0)
    texts = [t for t, _, _ in svg_texts(tmp_path / "step.svg")]
    assert {"x (4, 2)", "W (2, 3)", "b (3,)", "y (4, 3)", "∂L/∂W (2, 3)", "∂L/∂x (4, 2)"} <= set(texts)
    assert f"{record['y'][0, 0]:.4f}".replace("-", "−")[:6] in " ".join(texts)
    svg = (tmp_path / "step.svg").read_text(encoding="utf-8")
    assert svg.count("<path") > 60, "formulas are outlines"
    assert edges_are(QImage(str(tmp_path / "step.png")), theme.LIGHT.base)
    assert (tmp_path / "step.pdf").read_bytes().startswith(b"%PDF-")


def test_a_figure_shows_no_gradient_before_it_was_reached(qtbot: QtBot, tmp_path: Path) -> None:
    session = stepped(network(), "fc1", lambda s: s.player.run_to("fc1"))
    export_step(session, tmp_path / "step.svg", Spot("fc1", "y", (0, 0)))
    assert not any("∂L" in t for t, _, _ in svg_texts(tmp_path / "step.svg"))
    assert "partial L" not in step_latex(session)
    session.player.run_all()
    assert r"\frac{\partial L}{\partial W_{0,0}}" in step_latex(session)


@pytest.mark.parametrize("name", ["digits-conv", "lstm-rows", "attention-retrieval"])
def test_figures_of_large_steps_stay_within_their_page(qtbot: QtBot, name: str) -> None:
    session = Session()
    session.open_document(open_example(name).document)
    session.player.run_all()
    for step in session.plan.steps[:8]:
        session.select([step.path])
        drawing = step_drawing(session, None, "light")
        image = QImage(int(drawing.width) + 1, int(drawing.height) + 1, QImage.Format.Format_RGB32)
        image.fill(drawing.ground)
        painter = QPainter(image)
        drawing.paint(painter)
        painter.end()
        assert edges_are(image, drawing.ground), step.path
        assert drawing.width < 1200
        assert drawing.height < 2400


def test_without_a_run_there_is_no_step(qtbot: QtBot, tmp_path: Path) -> None:
    session = stepped(network(), "fc1", lambda s: None)
    with pytest.raises(ExportError, match="There is no step to draw"):
        export_step(session, tmp_path / "step.svg")
    with pytest.raises(ExportError, match="There is no step to draw"):
        step_latex(session)


def test_the_command_line_needs_no_display(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    out = tmp_path / "iris.svg"
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from graphlab.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), "export", "iris", str(out)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert any("Linear" in t for t, _, _ in svg_texts(out))
