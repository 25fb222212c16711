"""The class of a sample, by its largest value."""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.numbers.formats import Unsigned

from .graph import Edge, Node
from .registry import execution_of

__all__ = ["ArgMax"]


@dataclass(frozen=True, eq=False)
class ArgMax(Node):
    """``y`` is the index of the largest value of every pixel, the first of equals."""

    def out(self, x: Edge) -> Edge:
        top = np.array([x.channels - 1])
        return Edge(Unsigned(max(1, int(top[0]).bit_length())), 0 * top, top, x.size)


@execution_of(ArgMax)
def _(node: ArgMax, x: np.ndarray) -> np.ndarray:
    return x.argmax(axis=-1)[..., None]
