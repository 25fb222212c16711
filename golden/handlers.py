"""Every ONNX operation that can be imported: `HANDLERS` by name."""

from . import arithmetic, convolutions, endings, joining, pools, products, shapes, stochastic  # noqa: F401  (they register)
from .registry import HANDLERS

__all__ = ["HANDLERS"]
