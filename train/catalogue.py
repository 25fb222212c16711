"""The examples that can be trained, by the name of their folder."""

from . import digits, digits_cnn, fashion
from .examples import Example

__all__ = ["EXAMPLES"]

EXAMPLES: dict[str, Example] = {module.EXAMPLE.name: module.EXAMPLE for module in (digits, digits_cnn, fashion)}
