"""The node that draws: a probability, a whole number, against a random one."""

from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.methods import drawn
from fewbit.golden.numbers.formats import Bipolar, Format, SignedChance, Ternary, UnsignedChance
from fewbit.golden.numbers.random import LinearGenerator

from .graph import Edge, Node
from .registry import execution_of

__all__ = ["Draw", "SignedChance", "UnsignedChance", "chance_format"]


def chance_format(kind: str, bits: int) -> UnsignedChance | SignedChance:
    """Return the format of the probabilities that draws of ``bits`` bits are compared with, bipolar or ternary ones."""
    return UnsignedChance(bits + 1) if kind == "bipolar" else SignedChance(bits + 2)


@dataclass(frozen=True, eq=False)
class Draw(Node):
    """``y = +1 if draw < x else -1`` (bipolar), or ``sign(x) if draw < abs(x) else 0`` (ternary).

    ``kind`` is the one of these two words. Value n, counted since reset over all frames, pixel by pixel with channels
    innermost, takes draw n of the stream of ``seed``; the first frame of a batch has the number ``frame``.
    """

    kind: str
    generator: LinearGenerator
    seed: int
    frame: int = 0

    @property
    def format(self) -> Format:
        """The format of what is drawn."""
        return Bipolar() if self.kind == "bipolar" else Ternary()

    def out(self, x: Edge) -> Edge:
        least = -1 if self.kind == "bipolar" else np.sign(x.lo)
        most = 1 if self.kind == "bipolar" else np.sign(x.hi)
        full = np.ones(x.channels, dtype=np.int64)
        return Edge(self.format, full * least, full * most, x.size)

    def from_frame(self, number: int) -> Node:
        return replace(self, frame=number)


@execution_of(Draw)
def _(node: Draw, x: np.ndarray) -> np.ndarray:
    draws = node.generator.draws(node.seed, x.size, node.frame * (x.size // max(1, len(x))))
    return drawn(x, draws.reshape(x.shape), kind=node.kind).astype(np.int64)
