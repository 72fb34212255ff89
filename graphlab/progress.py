"""A progress bar on a text stream: one line that is written over, or a line now and then where it cannot be."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from graphlab.engine.train import Progress

_PARTS = 10


class Bar:
    """Shows how far training is. Where the stream is no terminal it writes about ten lines in all."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.live = stream is not None and stream.isatty()
        self.part = -1

    def show(self, progress: Progress) -> None:
        """Bring the bar up to date."""
        if self.stream is None:
            return
        share = progress.update / progress.updates if progress.updates else 1.0
        words = line(progress)
        if self.live:
            width = shutil.get_terminal_size().columns
            room = min(24, max(0, width - len(words) - 4))
            full = round(share * room)
            bar = f"▕{'█' * full}{'·' * (room - full)}▏ " if room >= 6 else ""
            self.stream.write(f"\r{bar}{words}"[:width].ljust(width - 1))
            self.stream.flush()
        elif (part := int(share * _PARTS)) > self.part:
            self.part = part
            self.stream.write(f"{words}\n")
            self.stream.flush()

    def close(self) -> None:
        """End the line."""
        if self.live and self.stream is not None:
            self.stream.write("\n")
            self.stream.flush()


def line(progress: Progress) -> str:
    """Write where training stands in a few words."""
    loss = progress.train.loss if progress.train else progress.loss
    words = [f"{100 * progress.update // max(1, progress.updates):3d} %", f"epoch {progress.epoch}/{progress.epochs}",
             f"loss {loss:.4g}"]
    if progress.validation is not None:
        words.append(f"validation {progress.validation.loss:.4g}")
        if progress.validation.accuracy is not None:
            words.append(f"accuracy {100 * progress.validation.accuracy:.1f} %")
    words.append(f"{clock(progress.eta)} left")
    return "  ".join(words)


def clock(seconds: float) -> str:
    """Write a time as ``1:02:03`` or ``2:03``."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
