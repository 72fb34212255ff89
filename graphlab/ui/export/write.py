"""Pictures to files: whatever can be painted becomes an SVG, a PDF or a PNG, whole or not at all."""

from __future__ import annotations

import html
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMarginsF, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontInfo,
    QFontMetricsF,
    QImage,
    QPageLayout,
    QPageSize,
    QPaintDevice,
    QPainter,
    QPdfWriter,
)
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication

#: Endings that a picture can have, and what the file is.
ENDINGS = {".svg": "SVG with real text, for editing and the web", ".pdf": "PDF with real text, for papers",
           ".png": "PNG, in pixels"}
_TEXT = re.compile(r"<text([^>]*)>([^<]*)</text>", re.DOTALL)
#: Pixels of a PNG, and of one of its sides.
MOST_PIXELS, LONGEST = 120_000_000, 30_000
_DPI = 96
# A PDF places glyphs on the writer's grid: a fine one keeps the spacing of text even.
_FINE = 20


class ExportError(Exception):
    """A picture could not be written: a sentence that says why, and what would help."""


@dataclass(frozen=True)
class Drawing:
    """Something that can be painted: its size in pixels at 96 dpi, and how. ``ground`` is what it stands on."""

    width: float
    height: float
    paint: Callable[[QPainter], object]
    ground: QColor
    title: str = ""


def application() -> QApplication:
    """Return the running application, or start one that needs no display: fonts have to come from somewhere."""
    have = QApplication.instance()
    if isinstance(have, QApplication):
        return have
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    _kept.append(QApplication(sys.argv[:1] or ["graphlab"]))
    return _kept[0]


#: The application that was started here lives as long as the program.
_kept: list[QApplication] = []


def check_target(out: Path) -> str:
    """Return the ending of a file to be written. Raises `ExportError` in words where it cannot be."""
    ending = out.suffix.lower()
    if ending not in ENDINGS:
        known = ", ".join(ENDINGS)
        came = f"‘{out.name}’ ends in {ending}" if ending else f"‘{out.name}’ has no ending"
        raise ExportError(f"A picture can be written as {known}; {came}.")
    if not out.parent.is_dir():
        raise ExportError(f"The folder {out.parent} does not exist; choose another one, or make it first.")
    if out.is_dir():
        raise ExportError(f"{out} is a folder; a picture needs the name of a file.")
    return ending


def write(drawing: Drawing, out: Path, scale: float = 2.0) -> None:
    """Write a drawing as the ending of ``out`` says; ``scale`` are the pixels of a PNG for one of the drawing.

    The file appears whole or not at all. Raises `ExportError` in words.
    """
    ending = check_target(out)
    writers = {".svg": _svg, ".pdf": _pdf, ".png": _png}
    with whole(out) as temporary:
        writers[ending](drawing, temporary, scale)


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Give a temporary file beside ``out`` that takes its place when all went well, and is gone when it did not.

    Raises `ExportError` in words where the disk or the folder stands in the way.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=out.suffix.lower(), dir=out.parent)
    except OSError as e:
        raise ExportError(f"The folder {out.parent} cannot be written to: {e.strerror}. Choose another folder.") from e
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # Temporary files are private; what is exported is as readable as other files are.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        with temporary.open("rb") as f:
            os.fsync(f.fileno())
        temporary.replace(out)
    except OSError as e:
        raise ExportError(f"{out} could not be written: {e.strerror or e}.") from e
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _draw(drawing: Drawing, device: QPaintDevice, scale: float, kind: str) -> None:
    """Paint on a device. The painter ends before the device goes away, whatever happens in between."""
    painter = QPainter()
    if not painter.begin(device):
        raise ExportError(f"The {kind} could not be begun; is the disk full?")
    try:
        painter.scale(scale, scale)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing
                               | QPainter.RenderHint.SmoothPixmapTransform)
        if drawing.ground.alpha():
            painter.fillRect(QRect(0, 0, _up(drawing.width), _up(drawing.height)), drawing.ground)
        drawing.paint(painter)
    finally:
        ended = painter.end()
    if not ended:
        raise ExportError(f"The {kind} could not be finished; is the disk full?")


def _up(length: float) -> int:
    return max(1, -int(-length // 1))


def _svg(drawing: Drawing, out: Path, scale: float) -> None:
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setFileName(str(out))
    generator.setResolution(_DPI)
    generator.setSize(QSize(_up(drawing.width), _up(drawing.height)))
    generator.setViewBox(QRect(0, 0, _up(drawing.width), _up(drawing.height)))
    generator.setTitle(drawing.title or "GraphLab")
    generator.setDescription("Drawn by GraphLab")
    _draw(drawing, generator, 1.0, "SVG")
    out.write_text(_TEXT.sub(_portable, out.read_text(encoding="utf-8")), encoding="utf-8")


def _portable(found: re.Match[str]) -> str:
    """Let a text keep its width in any font: name fallbacks, and say how long it is."""
    attributes, text = found[1], found[2]
    family, size, weight = (re.search(p, attributes) for p in (
        'font-family="([^"]*)"', 'font-size="([^"]*)"', 'font-weight="([^"]*)"'))
    if family is None or size is None or not text.strip():
        return found[0]
    font = QFont(family[1])
    font.setPixelSize(max(1, round(float(size[1]))))
    font.setWeight(QFont.Weight(int(weight[1])) if weight is not None and weight[1].isdigit() else QFont.Weight.Normal)
    info = QFontInfo(font)
    generic = "monospace" if info.fixedPitch() or "mono" in family[1].lower() else "sans-serif"
    names = ", ".join(dict.fromkeys([f"'{info.family()}'", f"'{family[1]}'", generic]))
    length = QFontMetricsF(font).horizontalAdvance(html.unescape(text))
    fitted = attributes.replace(family[0], f'font-family="{names}"')
    return f'<text{fitted} textLength="{length:.2f}" lengthAdjust="spacingAndGlyphs">{text}</text>'


def _pdf(drawing: Drawing, out: Path, scale: float) -> None:
    writer = QPdfWriter(str(out))
    writer.setTitle(drawing.title or "GraphLab")
    writer.setCreator("GraphLab")
    writer.setResolution(_DPI * _FINE)
    points = QSizeF(_up(drawing.width) * 72 / _DPI, _up(drawing.height) * 72 / _DPI)
    page = QPageSize(points, QPageSize.Unit.Point, "picture", QPageSize.SizeMatchPolicy.ExactMatch)
    writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0)))
    _draw(drawing, writer, _FINE, "PDF")


def _png(drawing: Drawing, out: Path, scale: float) -> None:
    wide, high = _up(drawing.width * scale), _up(drawing.height * scale)
    if wide * high > MOST_PIXELS or max(wide, high) > LONGEST:
        raise ExportError(f"A PNG of {wide:,} × {high:,} pixels is too large; choose a smaller scale than {scale:g}, "
                          "or SVG or PDF, which have no pixels.")
    image = QImage(wide, high, QImage.Format.Format_ARGB32_Premultiplied)
    if image.isNull():
        raise ExportError(f"There is no memory for a picture of {wide:,} × {high:,} pixels; choose a smaller scale.")
    image.setDotsPerMeterX(round(_DPI * scale / 0.0254))
    image.setDotsPerMeterY(round(_DPI * scale / 0.0254))
    image.setText("Title", drawing.title or "GraphLab")
    image.fill(Qt.GlobalColor.transparent)
    _draw(drawing, image, scale, "PNG")
    if not image.save(str(out)):
        raise ExportError("The PNG could not be written; is the disk full?")
