"""The node that puts the values of a frame into another order."""

import math
from dataclasses import dataclass

import numpy as np

from fewbit.golden.numbers.formats import Format

from .graph import Edge, Node
from .registry import execution_of

__all__ = ["Reorder"]


@dataclass(frozen=True, eq=False)
class Reorder(Node):
    """``y[j] = x[order[j]]`` over all values of a frame, or ``fill`` where ``order[j]`` is -1.

    ``order`` is int64 ``(values of y,)``: positions of x, of which any may be left out or come several times. y is an
    image of ``size``, or one vector. Where the format of x has no value ``fill``, that of y does (`Format.widened`).
    """

    order: np.ndarray
    size: tuple[int, ...] = ()
    fill: float = 0

    def format_of(self, x: Format) -> Format:
        """Return the format of y for the format of x.

        Raises
        ------
        ValueError
            If no format holds ``fill`` beside the values of x.
        """
        found = x.widened(self.fill) if (self.order < 0).any() else x
        if found is None:
            raise ValueError(f"{self.name}: {self.fill} is not a value of {x}")
        return found

    def out(self, x: Edge) -> Edge:
        pixels = math.prod(self.size)
        if self.order.size % pixels or self.order.min() < -1 or self.order.max() >= x.length:
            raise ValueError(f"{self.name}: its order does not fit {x.length} values and an image of {self.size}")
        lo, hi = (self._picked(np.tile(end, x.pixels)).reshape(pixels, -1) for end in (x.lo, x.hi))
        return Edge(self.format_of(x.format), lo.min(axis=0), hi.max(axis=0), self.size)

    def _picked(self, values: np.ndarray) -> np.ndarray:
        """Return the values that stand in y, for ``values`` of x along the last axis."""
        return np.where(self.order < 0, np.asarray(self.fill, dtype=values.dtype), values[..., self.order])

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return y, ``(B, pixels, channels)``, of x ``(B, pixels of x, channels of x)``."""
        picked = self._picked(x.reshape(len(x), x.shape[1] * x.shape[2]))
        return picked.reshape(len(x), math.prod(self.size), -1)


@execution_of(Reorder)
def _(node: Reorder, x: np.ndarray) -> np.ndarray:
    return node.values(x)
