"""Nodes whose trained numbers may be replaced later, in hardware that is made once: their ranges hold for any numbers.

Each is the node that it inherits from, with the same execution. What is fixed beside the number formats is a field of
it: hardware is made of these fields and of formats alone, never of weights or thresholds.
"""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.numbers.format import Format

from .dense import Dense
from .graph import Edge, accumulator_format
from .joins import Add
from .pointwise import Rescale, Score, Threshold

__all__ = ["LoadableAdd", "LoadableDense", "LoadableRescale", "LoadableScore", "LoadableThreshold"]


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadableDense(Dense):
    """A `Dense` that may be given any weights of ``held``.

    Attributes
    ----------
    held : Format
        Format of the weights.
    """

    held: Format

    @property
    def weight_format(self) -> Format:
        """The format that holds any weights that the layer may be given."""
        return self.held

    @property
    def weight_range(self) -> tuple[int, int]:
        return int(self.held.lo), int(self.held.hi)

    def out(self, x: Edge) -> Edge:
        products = np.stack([w * end for w in self.weight_range for end in (x.lo, x.hi)])
        inputs = self.weights.shape[1]
        lo, hi = (
            np.repeat(ends.reshape(self.groups, inputs).sum(axis=1), len(self.weights) // self.groups)
            for ends in (products.min(axis=0), products.max(axis=0))
        )
        return Edge(accumulator_format(lo, hi), lo, hi, x.size)


def _whole(fmt: Format, x: Edge) -> Edge:
    """Return the edge on which every channel has every value of a format."""
    lo, hi = (np.full(x.channels, end, dtype=np.int64) for end in (fmt.lo, fmt.hi))
    return Edge(fmt, lo, hi, x.size)


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadableThreshold(Threshold):
    """A `Threshold` that may be given any thresholds.

    Attributes
    ----------
    most : int or None
        Thresholds of a channel, at most, with any codes between them; None where the codes rise, or fall, over those of
        the format, which take as many thresholds as levels.
    alike : bool
        Whether all channels have the same thresholds and codes, where the node stands on its own.
    """

    most: int | None = None
    alike: bool = False

    @property
    def columns(self) -> int:
        """Thresholds of a channel that there must be room for."""
        return self.format.levels - 1 if self.most is None else self.most

    def out(self, x: Edge) -> Edge:
        return _whole(self.format, x)


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadableRescale(Rescale):
    """A `Rescale` that may be given any addends and bounds, and multipliers of ``factor_bits`` bits beside their
    sign."""

    factor_bits: int

    def out(self, x: Edge) -> Edge:
        return _whole(self.format, x)


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadableScore(Score):
    """A `Score` that may be given any addends, and multipliers of ``factor_bits`` bits beside their sign, whose results
    are of ``held``."""

    factor_bits: int
    held: Format

    def out(self, x: Edge) -> Edge:
        return _whole(self.held, x)


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadableAdd(Add):
    """An `Add` that may be given any multipliers of ``factor_bits`` bits beside their sign."""

    factor_bits: int

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        largest = (1 << self.factor_bits) - 1
        hi = sum(largest * np.maximum(np.abs(e.lo), np.abs(e.hi)) for e in edges)
        return Edge(accumulator_format(-hi, hi), -hi, hi, edges[0].size)
