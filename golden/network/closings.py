"""Functions along one axis that the host computes at an output: Softmax, ArgMax and the like."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["AlongAxis"]


@dataclass(frozen=True, eq=False)
class AlongAxis:
    """A closing function ``function(y, axis)`` of arrays ``(B, ...)``, each row of the axis by itself.

    Attributes
    ----------
    function : callable
    axis : int
        The axis, not negative; the samples' axis is 0.
    """

    function: Callable[[np.ndarray, int], np.ndarray]
    axis: int

    def __call__(self, y: np.ndarray) -> np.ndarray:
        return self.function(y, self.axis)
