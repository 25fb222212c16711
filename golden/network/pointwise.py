"""Functions of single values: thresholds, and multiplications that stand in for them."""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.numbers.formats import Format

from .execution import execution_of
from .graph import Edge, Node, accumulator_format

__all__ = ["Rescale", "Score", "SecondRounding", "Threshold"]


@dataclass(frozen=True, eq=False)
class Threshold(Node):
    """``y[k] = codes[k, (thresholds[k] <= x[k]).sum()]``, values of ``format``.

    ``thresholds`` are int64 ``(C, L)`` with rising rows, ``codes`` int64 ``(C, L+1)``; C is the edge's channels, or 1
    for a row that all of them share. ``codes`` is None where it is ``format.values`` (``L = format.levels - 1``).
    ``second`` is what is known of a function that rounds twice; it changes no value.
    """

    thresholds: np.ndarray
    codes: np.ndarray | None
    format: Format
    second: "SecondRounding | None" = None

    def table(self) -> np.ndarray:
        """Return ``codes``, int64 ``(C, L+1)``, also where they are those of the format."""
        values = self.format.values
        return np.broadcast_to(values, (len(self.thresholds), len(values))) if self.codes is None else self.codes

    def out(self, x: Edge) -> Edge:
        codes = self.table()
        first, last = _bounds_of(self.thresholds, x)
        reached = (np.arange(codes.shape[1]) >= first) & (np.arange(codes.shape[1]) <= last)
        wide = np.broadcast_to(codes, reached.shape)
        lo = np.where(reached, wide, np.iinfo(np.int64).max).min(axis=1)
        hi = np.where(reached, wide, np.iinfo(np.int64).min).max(axis=1)
        return Edge(self.format, lo, hi, x.size)


def _bounds_of(thresholds: np.ndarray, x: Edge) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last column of codes that each channel reaches, ``(channels, 1)`` each."""
    first = (thresholds <= x.lo[:, None]).sum(axis=1, keepdims=True)
    last = (thresholds <= x.hi[:, None]).sum(axis=1, keepdims=True)
    return first, last


@execution_of(Threshold)
def _(node: Threshold, x: np.ndarray) -> np.ndarray:
    table = node.table()
    if len(table) == 1:
        return table[0][np.searchsorted(node.thresholds[0], x, side="right")]
    y = np.empty_like(x)
    for c, (row, codes) in enumerate(zip(node.thresholds, table, strict=True)):
        y[..., c] = codes[np.searchsorted(row, x[..., c], side="right")]
    return y


@dataclass(frozen=True, eq=False)
class SecondRounding:
    """What a fixed-point multiplier that rounds twice does to its line: it steps aside at zero.

    The product is rounded half up, then shifted right and rounded half away from zero (Jacob and others 2018). So in
    units of a code, what is below zero lies ``2**-bits[k]`` lower than the line of what is above; with 0 bits it does
    not.

    Attributes
    ----------
    level : int
        The code of zero.
    bits : int64 array ``(C,)``
        By how much channel k is shifted the second time; C is the channels, or 1.
    """

    level: int
    bits: np.ndarray


@dataclass(frozen=True, eq=False)
class Rescale(Node):
    """``y[k] = clip((x[k]*multiplier[k] + addend[k]) >> shift, lo, hi)``.

    The node stands in for a `Threshold` of many levels where it gives the same code for every reachable x, which
    `golden.rewrite.rescale` proves. ``multiplier`` and ``addend`` are int64, with one number a channel. ``clip`` are
    ``(lo, hi)`` where these are narrower than the format. A ``kink``, int64 with one number a channel, is taken off in
    front of the shift where y would else be ``level`` or less, which is what a `SecondRounding` does.
    """

    multiplier: np.ndarray
    addend: np.ndarray
    shift: int
    format: Format
    clip: tuple[int, int] | None = None
    kink: np.ndarray | None = None
    level: int = 0

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest value."""
        return self.clip or (self.format.lo, self.format.hi)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return the values for integers whose last axis are the channels."""
        y = x * self.multiplier + self.addend
        if self.kink is not None:
            y = np.where(y >> self.shift <= self.level, y - self.kink, y)
        return np.clip(y >> self.shift, *self.bounds)

    def out(self, x: Edge) -> Edge:
        ends = [self.values(end) for end in (x.lo, x.hi)]
        return Edge(self.format, np.minimum(*ends), np.maximum(*ends), x.size)


@execution_of(Rescale)
def _(node: Rescale, x: np.ndarray) -> np.ndarray:
    return node.values(x)


@dataclass(frozen=True, eq=False)
class Score(Node):
    """``y[k] = x[k]*multiplier[k] + addend[k]``.

    The node makes logits whose scales differ comparable, in the order of the model's own floats, for the `ArgMax`
    behind it. ``multiplier`` and ``addend`` are int64, with one number a channel.
    """

    multiplier: np.ndarray
    addend: np.ndarray

    def out(self, x: Edge) -> Edge:
        ends = [end * self.multiplier + self.addend for end in (x.lo, x.hi)]
        lo, hi = np.minimum(*ends), np.maximum(*ends)
        return Edge(accumulator_format(lo, hi), lo, hi, x.size)


@execution_of(Score)
def _(node: Score, x: np.ndarray) -> np.ndarray:
    return x * node.multiplier + node.addend
