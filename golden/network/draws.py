"""The node that draws: a probability, a whole number, against a random one."""

from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.methods import drawn
from fewbit.golden.numbers.formats import Bipolar, SignedChance, Ternary, UnsignedChance

from .execution import execution_of
from .graph import Edge, Node

__all__ = ["Draw", "SignedChance", "UnsignedChance", "chance_format"]


def chance_format(kind, bits):
    """The format of probabilities that a draw of ``bits`` bits is compared with."""
    return UnsignedChance(bits + 1) if kind == "bipolar" else SignedChance(bits + 2)


@dataclass(frozen=True, eq=False)
class Draw(Node):
    """``y = +1 if draw < x else -1`` (bipolar), or ``sign(x) if draw < abs(x) else 0`` (ternary).

    Value n, counted over frames from number ``frame`` on, pixel by pixel with channels innermost, takes draw n of the
    stream of ``seed``.
    """

    kind: str
    generator: object
    seed: int
    frame: int = 0

    @property
    def format(self):
        return Bipolar() if self.kind == "bipolar" else Ternary()

    def out(self, x):
        least = -1 if self.kind == "bipolar" else np.sign(x.lo)
        most = 1 if self.kind == "bipolar" else np.sign(x.hi)
        full = np.ones(x.channels, dtype=np.int64)
        return Edge(self.format, full * least, full * most, x.size)

    def from_frame(self, number: int) -> Node:
        return replace(self, frame=number)


@execution_of(Draw)
def _(node, x):
    draws = node.generator.draws(node.seed, x.size, node.frame * (x.size // max(1, len(x))))
    return drawn(x, draws.reshape(x.shape), kind=node.kind).astype(np.int64)
