"""Every ONNX operation that can be imported: `HANDLERS` by name."""

import importlib
import pkgutil

from . import ops
from .registry import HANDLERS

__all__ = ["HANDLERS"]

# Each file of the folder registers its operations when it is imported, so that a new one is only put there.
for _found in sorted(module.name for module in pkgutil.iter_modules(ops.__path__)):
    importlib.import_module(f"{ops.__name__}.{_found}")
