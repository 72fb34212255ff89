"""A lens's animation as a file: its frames are drawn by the window, and written by a thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from PySide6.QtGui import QImage

from graphlab.ui.export.write import ExportError, whole

#: Endings that an animation can have, and what the file is.
ANIMATIONS = {".gif": "GIF, which everything plays", ".png": "APNG, with all colours", ".webp": "WebP, the smallest"}
#: Pixels of one frame, and frames of one animation.
MOST_PIXELS, MOST_FRAMES = 16_000_000, 2000


def to_pillow(image: QImage) -> Image.Image:
    """Copy a frame out of Qt."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    data = bytes(plain.constBits())
    return Image.frombuffer("RGB", (plain.width(), plain.height()), data, "raw", "RGB", plain.bytesPerLine(), 1).copy()


def check_animation(out: Path, frames: int) -> str:
    """Return the ending of an animation to be written. Raises `ExportError` in words where it cannot be."""
    ending = out.suffix.lower()
    if ending not in ANIMATIONS:
        raise ExportError(f"An animation can be written as {', '.join(ANIMATIONS)}; ‘{out.name}’ has another ending.")
    if not out.parent.is_dir():
        raise ExportError(f"The folder {out.parent} does not exist; choose another one, or make it first.")
    if not 0 < frames <= MOST_FRAMES:
        raise ExportError(f"An animation can have 1 to {MOST_FRAMES} frames; this one has {frames}.")
    return ending


def write_animation(frames: list[QImage], out: Path, per_second: float) -> Iterator[float]:
    """Write frames to a file, yielding how much is done, 0…1; close it to cancel.

    The file appears whole or not at all, and the same frames give the same file. Raises `ExportError` in words.
    """
    ending = check_animation(out, len(frames))
    size = frames[0].size()
    if size.width() * size.height() > MOST_PIXELS:
        raise ExportError(f"A frame can have {MOST_PIXELS:,} pixels; these have {size.width() * size.height():,}. "
                          "Make the panel smaller.")
    with whole(out) as temporary:
        pictures = []
        for i, frame in enumerate(frames):
            pictures.append(to_pillow(frame))
            yield 0.5 * (i + 1) / len(frames)
        if ending == ".gif":
            # One palette for all frames, taken from the first, middle and last: no flicker, and four times faster.
            sample = Image.new("RGB", (size.width(), size.height() * 3))
            for i, at in enumerate((0, len(pictures) // 2, -1)):
                sample.paste(pictures[at], (0, i * size.height()))
            palette = sample.quantize(128, dither=Image.Dither.NONE)
            for i, picture in enumerate(pictures):
                pictures[i] = picture.quantize(palette=palette, dither=Image.Dither.NONE)
                yield 0.5 + 0.4 * (i + 1) / len(pictures)
        duration = max(20, round(1000 / per_second))
        more: dict[str, Any] = {"lossless": True} if ending == ".webp" else {}
        pictures[0].save(temporary, save_all=True, append_images=pictures[1:], duration=duration, loop=0, **more)
    yield 1.0
