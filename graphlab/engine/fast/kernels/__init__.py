"""Kernels of the ops in `graphlab.engine.ops`: importing this package attaches them all."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
