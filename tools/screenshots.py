"""Take the README's pictures from the real app: open an example, do what a user does, and keep the window as it is.

Run ``python -m tools.screenshots [NAME …]``: it opens windows offscreen, or on the display there is with ``--window``,
writes ``docs/images/NAME-THEME.png`` and the gallery between the README's markers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlab.ui.main_window import MainWindow

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- gallery:begin -->", "<!-- gallery:end -->"


@dataclass(frozen=True)
class Shot:
    """One picture: the example it opens, what is done there, and what it shows."""

    name: str
    example: str | None
    words: str
    act: Callable[[MainWindow], None]


def wait(seconds: float, until: Callable[[], bool] | None = None) -> None:
    """Let the window work for a while, or until something holds."""
    from PySide6.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while time.monotonic() < end and not (until is not None and until()):
        QApplication.processEvents()
        time.sleep(0.01)


def start(window: MainWindow) -> None:
    """Stay on the start page."""


def select(window: MainWindow, path: str) -> None:
    """Select a node, as a click does."""
    window.session.select([path])
    wait(0.3)


def step_backward(window: MainWindow) -> None:
    """Run to the middle of the backward pass and look at a layer."""
    player = window.session.player
    player.run_all()
    player.scrub(player.forward_count + 2)
    select(window, "fc2")
    inspector_page(window, "Numbers")


def inspector_page(window: MainWindow, title: str) -> None:
    """Turn to a page of the inspector."""
    from PySide6.QtWidgets import QTabWidget

    for tabs in window.findChildren(QTabWidget):
        for i in range(tabs.count()):
            if tabs.tabText(i) == title:
                tabs.setCurrentIndex(i)
    wait(0.5)


def derivation(window: MainWindow) -> None:
    """Click one gradient of the network that is computed by hand."""
    window.session.player.run_all()
    select(window, next(p for p in window.session.plan.where if p.startswith(("hidden", "fc"))))
    inspector_page(window, "Numbers")
    from graphlab.ui.tensor_view import TensorView

    for view in window.findChildren(TensorView):
        if view.isVisible() and "W" in view.accessibleName():
            view.picked.emit((0, 0))
            break
    wait(0.8)


def train(window: MainWindow) -> None:
    """Train to the end, with the plots in front."""
    window.show_dock("Training")
    window.training.start()
    wait(30, lambda: not window.training.active)
    wait(0.5)


def lens_of(path: str, frame: float = 1.0, trained: bool = False, title: str = "") -> Callable[[MainWindow], None]:
    """Look at a node through a lens, where the network may first have been trained."""
    def act(window: MainWindow) -> None:
        window.show_dock("Lens")
        wait(0.2)
        if trained:
            window.training.start()
            wait(60, lambda: not window.training.active)
        window.session.player.run_all()
        if path:
            select(window, path)
        else:
            window.session.select([])
        wait(0.4)
        lens = window.lens.load()
        if title:
            names = [lens.choice.itemText(i) for i in range(lens.choice.count())]
            if title in names:
                lens.choice.setCurrentIndex(names.index(title))
                lens.choice.activated.emit(names.index(title))
        lens.slider.setValue(round(frame * lens.slider.maximum()))
        wait(0.8)
    return act


SHOTS = (
    Shot("start", None, "The start page: examples by lecture topic", start),
    Shot("step", "digits", "Stepping: gradients run back along the wires as they are computed", step_backward),
    Shot("derivation", "hand-2-2-1", "Click any number: the arithmetic behind it, with its operands lit", derivation),
    Shot("train", "spirals", "Training: loss, accuracy, gradients and the decision boundary, live", train),
    Shot("flow", "deep-activations", "Gradient flow: where it vanishes, and a doctor that says why", lens_of("")),
    Shot("batchnorm", "digits-batchnorm", "BatchNorm: before, normalised, after; γ and β can be dragged",
         lens_of("bn1", trained=True)),
    Shot("attention", "seq2seq-attention", "Attention: the alignment appears while the network learns to reverse",
         lens_of("weights", trained=True)),
    Shot("nms", "detector", "Non-maximum suppression on the boxes of a detector trained in the app, step by step",
         lens_of("", 0.5, trained=True, title="Non-maximum suppression")),
    Shot("latent", "vae-digits", "The latent plane of a VAE: drag a point and the decoder follows",
         lens_of("", trained=True)),
    Shot("gan", "gan-ring", "A GAN on 2-D data: points, the discriminator's surface, and the curves of both players",
         lens_of("", trained=True)),
    Shot("convolution", "digits-conv", "Convolution: the window slides, one output pixel at a time",
         lens_of("conv1", 0.4)),
    Shot("channels", "digits-conv", "Feature maps and the statistics of every channel",
         lens_of("conv1", title="Channels")),
    Shot("quadratic", "xor", "A quadratic bowl: Hessian, condition, and optimisers on their way down",
         lens_of("", title="Quadratic bowl")),
    Shot("surface", "moons", "A slice through the network's own loss", lens_of("", title="Loss surface")),
)


def take(shot: Shot, theme_name: str, size: tuple[int, int]) -> None:
    """Open a window of its own, act, and save what it shows."""
    from PySide6.QtWidgets import QApplication

    from graphlab.ui import theme
    from graphlab.ui.app import Application, make_application

    app = QApplication.instance() or make_application(["graphlab"])
    application = Application()
    application.settings.set("theme", theme_name)
    application.settings.apply()
    theme.set("dark" if theme_name == "dark" else "light")
    window = application.open_window(shot.example)
    window.resize(*size)
    wait(0.3)
    if shot.example is not None:
        window.reset_panels()
    wait(0.8)
    shot.act(window)
    wait(0.5)
    IMAGES.mkdir(parents=True, exist_ok=True)
    window.grab().save(str(IMAGES / f"{shot.name}-{theme_name}.png"))
    window.training.finish()
    window.session.undo_stack.setClean()
    window.close()
    application.forget(window)
    app.processEvents()


def gallery() -> str:
    """Return the README's gallery, from the pictures that there are."""
    rows = []
    for shot in SHOTS:
        light, dark = (f"docs/images/{shot.name}-{t}.png" for t in ("light", "dark"))
        rows.append(f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
                    f'<img src="{light}" alt="{shot.words}" width="800"></picture>\n\n*{shot.words}*\n')
    return "\n".join(rows)


def main() -> None:
    """Take the pictures that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which pictures; all where none is named")
    parser.add_argument("--window", action="store_true", help="use the display there is instead of none")
    parser.add_argument("--size", default="1280x800", help="size of the window")
    arguments = parser.parse_args()
    if not arguments.window:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    width, height = (int(v) for v in arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_STATE_HOME=home)
        for shot in SHOTS:
            if not arguments.names or shot.name in arguments.names:
                for name in ("light", "dark"):
                    take(shot, name, (width, height))
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n\n{gallery()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
