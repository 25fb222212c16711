"""What the importer knows of a quantizer of any dialect."""

from typing import Protocol

import numpy as np

from fewbit.golden.numbers.formats import Format

__all__ = ["CodeQuantizer"]


class CodeQuantizer(Protocol):
    """A function from floats to integers, ``scale * (integer - zero)`` being the floats that a model goes on with.

    Attributes
    ----------
    scale, zero : float arrays that broadcast against the tensor
    format : Format
        The format of the integers.
    """

    @property
    def scale(self) -> np.ndarray: ...

    @property
    def zero(self) -> np.ndarray: ...

    @property
    def format(self) -> Format: ...

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the integers (int64) of float32 ``x``.

        ``scale`` and ``zero`` replace the quantizer's own where ``x`` has been laid out anew.
        """
