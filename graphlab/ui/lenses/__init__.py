"""The explorers: drawings of the real computation, one module each, found by `load`."""

import importlib
import pkgutil


def load() -> None:
    """Import every lens; they bring pyqtgraph with them, so this waits until the first lens is asked for."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
