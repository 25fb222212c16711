"""The examples that can be trained, by the name of their folder."""

from . import digits, digits_cnn, fashion

__all__ = ["EXAMPLES"]

EXAMPLES = {module.EXAMPLE.name: module.EXAMPLE for module in (digits, digits_cnn, fashion)}
