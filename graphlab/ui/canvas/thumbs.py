"""Small pictures of arrays: bars, heat strips, images or a number, as fits their rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from graphlab.engine.op import Array
from graphlab.ui import theme
from graphlab.ui.canvas.style import Style
from graphlab.ui.numbers import number_text
from graphlab.ui.theme import Theme

#: Up to this many numbers stand as bars; more become a strip.
BARS = 40
_SIDE = 160
#: Gradients of this size and below are shown as nothing; from there to 1 on a log scale.
FAINTEST = 1e-6


@dataclass(frozen=True)
class Thumb:
    """A small picture: an ``image`` (``square`` pixels, or stretched), ``bars`` from −1 to 1, or a ``text``."""

    kind: Literal["image", "bars", "text"]
    image: QImage | None = None
    square: bool = False
    bars: tuple[float, ...] = ()
    text: str = ""
    wrong: bool = False


def sample_of(value: Array, batched: bool) -> Array:
    """Return what belongs to the first sample shown."""
    return value[0] if batched and value.ndim and len(value) else value


def coloured(values: Array, table: Array, low: float, high: float) -> QImage:
    """Turn a matrix into an image by a table of RGBA rows; NaN becomes transparent. The image owns its pixels."""
    gaps = np.isnan(values)
    share = np.where(gaps, 0.0, (np.nan_to_num(values) - low) / (high - low if high > low else 1.0))
    pixels = table[np.rint(np.clip(share, 0, 1) * (len(table) - 1)).astype(int)].copy()
    pixels[gaps] = 0
    height, width = values.shape
    buffer = np.ascontiguousarray(pixels, dtype=np.uint8)
    return QImage(buffer.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def thin(values: Array, most: int = _SIDE) -> Array:
    """Leave out rows and columns of a matrix so that no side is longer than ``most``."""
    rows, columns = (max(1, -(-n // most)) for n in values.shape)
    return values[::rows, ::columns]


def mosaic(maps: Array, ratio: float) -> Array:
    """Put feature maps (C, H, W) side by side, as many as fit a rectangle of that width to height, with gaps."""
    c, h, w = maps.shape
    n = int(np.clip(ratio * h / max(w, 1), 1, c))
    out = np.full((h, n * (w + 1) - 1), np.nan)
    for i in range(n):
        out[:, i * (w + 1):i * (w + 1) + w] = maps[i]
    return out


def thumb(value: Array, batched: bool, colours: Theme, picture: bool = False, ratio: float = 4.0) -> Thumb:
    """Return the picture of an array's first sample. ``picture`` shows what is nowhere negative in greys."""
    one = sample_of(value, batched)
    if one.size == 0:
        return Thumb("text", text="empty")
    real = one.astype(float)
    bad = int(np.count_nonzero(~np.isfinite(real)))
    if bad:
        return Thumb("text", text=f"{bad} not finite" if one.size > 1 else number_text(one.item()), wrong=True)
    if one.size == 1:
        return Thumb("text", text=number_text(one.item()))
    top = float(np.abs(real).max())
    if max(one.shape) == one.size:
        row = real.ravel()
        if one.size <= BARS:
            return Thumb("bars", bars=tuple((row / top if top else row).tolist()))
        return Thumb("image", coloured(pooled(row, 256)[None], theme.sign_table(colours), -top, top))
    grey = picture and float(real.min()) >= 0
    if one.ndim >= 3:
        maps = real.reshape(-1, *one.shape[-2:])
        maps = maps[:, ::max(1, -(-maps.shape[1] // _SIDE)), ::max(1, -(-maps.shape[2] // _SIDE))]
        if grey and len(maps) == 3:
            return Thumb("image", _rgb(maps, top), square=True)
        flat, square = mosaic(maps, ratio), True
    else:
        flat, square = thin(real), picture
    if grey:
        return Thumb("image", coloured(flat, theme.grey_table(colours), 0.0, top), square)
    return Thumb("image", coloured(flat, theme.sign_table(colours), -top, top), square)


def _rgb(maps: Array, top: float) -> QImage:
    pixels = np.rint(np.moveaxis(maps, 0, 2) / (top or 1.0) * 255).astype(np.uint8)
    buffer = np.ascontiguousarray(pixels)
    return QImage(buffer.data, maps.shape[2], maps.shape[1], 3 * maps.shape[2], QImage.Format.Format_RGB888).copy()


def pooled(values: Array, most: int) -> Array:
    """Shorten a row to at most ``most`` numbers; each keeps the one of largest size among those it stands for."""
    if len(values) <= most:
        return values
    step = -(-len(values) // most)
    rows = np.pad(values, (0, -len(values) % step)).reshape(-1, step)
    return np.asarray(rows[np.arange(len(rows)), np.abs(rows).argmax(1)])


def level(gradient: Array) -> float:
    """Return a gradient's root mean square from 0 to 1 on a log scale, where 1 stands for 1 and more."""
    rms = float(np.sqrt(np.mean(np.square(gradient, dtype=float)))) if gradient.size else 0.0
    return _log_share(np.array(rms)).item() if np.isfinite(rms) else 1.0


def _log_share(size: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(1 - np.log10(size) / np.log10(FAINTEST), 0, 1))


def gradient_strip(gradient: Array, batched: bool, colours: Theme) -> QImage:
    """Return one row of the first sample's gradient: the sign as colour, the size on a log scale."""
    row = pooled(np.nan_to_num(sample_of(gradient, batched).astype(float)).ravel(), 256)
    return coloured((np.sign(row) * _log_share(np.abs(row)))[None], theme.sign_table(colours), -1.0, 1.0)


def paint_thumb(painter: QPainter, picture: Thumb, rect: QRectF, style: Style, letters: int = 13) -> None:
    """Draw a small picture into a rectangle; ``letters`` is the largest size of a text, in pixels."""
    now = style.theme
    if picture.kind == "text":
        painter.setFont(style.body if letters == 13 else style.fitting(picture.text, rect.width(), letters))
        painter.setPen(now.problem if picture.wrong else now.text)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, picture.text)
    elif picture.kind == "bars":
        low, high = min(0.0, *picture.bars), max(0.0, *picture.bars)
        zero = rect.bottom() - rect.height() * (-low / (high - low) if high > low else 0.0)
        pitch = rect.width() / len(picture.bars)
        bar = min(pitch * 0.8, 12.0)
        painter.setPen(Qt.PenStyle.NoPen)
        for sign, colour in ((1, now.positive), (-1, now.negative)):
            painter.setBrush(colour)
            for i, v in enumerate(picture.bars):
                if v * sign > 0:
                    tall = v / (high - low) * rect.height()
                    x = rect.x() + pitch * i + (pitch - bar) / 2
                    painter.drawRect(QRectF(x, zero - tall, bar, tall).normalized())
        painter.setPen(style.pen(now.border, 0.75))
        painter.drawLine(QLineF(rect.left(), zero, rect.right(), zero))
    elif picture.image is not None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(_fitted(picture, rect), picture.image)
        painter.restore()


def _fitted(picture: Thumb, rect: QRectF) -> QRectF:
    if not picture.square or picture.image is None:
        return rect
    w, h = picture.image.width(), picture.image.height()
    scale = min(rect.width() / w, rect.height() / h)
    return QRectF(rect.center().x() - w * scale / 2, rect.center().y() - h * scale / 2, w * scale, h * scale)
