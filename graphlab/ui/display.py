"""Whether a window can be opened here; asked before Qt is, since Qt ends the whole process where it cannot."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

#: Libraries that Qt needs on Linux, and the Debian packages they come in.
PACKAGES: Mapping[str, str] = {
    "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3", "libglib-2.0.so.0": "libglib2.0-0", "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0", "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4", "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0", "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0", "libxcb.so.1": "libxcb1",
    "libxcb-xinerama.so.0": "libxcb-xinerama0", "libxcb-xkb.so.1": "libxcb-xkb1", "libX11-xcb.so.1": "libx11-xcb1",
}
#: Packages that come along with the others.
_WITH_OTHERS = ("libglib", "libxkbcommon0", "libxcb1", "libxcb-xinerama", "libxcb-xkb", "libx11", "libxcb-image",
                "libxcb-render")
#: Platforms of Qt that draw without a display.
_WITHOUT = ("offscreen", "minimal", "vnc", "linuxfb", "eglfs")


def missing_display(environ: Mapping[str, str] | None = None) -> str:
    """Say in words what keeps a window from opening and what to do; '' where nothing does."""
    environ = os.environ if environ is None else environ
    if find_spec("PySide6") is None:
        return ("The window needs PySide6-Essentials, which is not installed; `pip install graphlab` brings it. "
                "The commands run, train, check and examples work without it.")
    if not sys.platform.startswith("linux"):
        return ""
    platform = environ.get("QT_QPA_PLATFORM", "").partition(":")[0].partition(";")[0]
    without = platform in _WITHOUT
    if not without and not environ.get("DISPLAY") and not environ.get("WAYLAND_DISPLAY"):
        return ("There is no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. Start GraphLab "
                "from a desktop, or over SSH with `ssh -X`, or try `xvfb-run graphlab`; the commands run, train, "
                "check, export and examples work without a display.")
    return _missing_library(without or not environ.get("DISPLAY")) or (
        "" if without or environ.get("WAYLAND_DISPLAY") else _unreachable(environ["DISPLAY"]))


def _missing_library(without: bool) -> str:
    """Load what Qt would load: the first library that is not there is named by the loader."""
    spec = find_spec("PySide6")
    folder = Path(next(iter(spec.submodule_search_locations or ()), "")) if spec else Path()
    names = ["Qt/lib/libQt6Gui.so.6", *([] if without else ["Qt/plugins/platforms/libqxcb.so"])]
    for name in names:
        if (folder / name).is_file():
            try:
                ctypes.CDLL(str(folder / name))
            except OSError as e:
                return library_message(str(e))
    return ""


def library_message(error: str) -> str:
    """Turn the loader's message into a sentence that says which packages help."""
    library = error.partition(":")[0].strip()
    package = PACKAGES.get(library)
    if package is None:
        return f"The window needs a library that cannot be loaded: {error}."
    every = " ".join(p for p in PACKAGES.values() if not p.startswith(_WITH_OTHERS))
    return (f"The window needs the library {library}, which is not installed. On Debian and Ubuntu `apt-get install "
            f"{package}` brings it; everything that Qt needs is in `apt-get install {every}`.")


def _unreachable(display: str) -> str:
    """Say that nobody answers at DISPLAY."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as e:
        return library_message(str(e))
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(display.encode(), None)
    error = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if not error:
        return ""
    return (f"The display ‘{display}’, which DISPLAY names, cannot be reached. Start GraphLab from a desktop, or try "
            "`xvfb-run graphlab`; the commands run, train, check, export and examples work without a display.")
