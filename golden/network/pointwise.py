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

    thresholds int64 ``(C, L)`` with rising rows, codes int64 ``(C, L+1)``; C is the edge's channels, or 1 for a row
    that all of them share. ``codes`` is ``None`` where it is simply ``format.values`` (``L = format.levels - 1``).
    ``second`` is known of functions that round twice; it changes no value.
    """

    thresholds: np.ndarray
    codes: np.ndarray | None
    format: Format
    second: "SecondRounding | None" = None

    def table(self):
        """``codes``, also where it is implied."""
        values = self.format.values
        return np.broadcast_to(values, (len(self.thresholds), len(values))) if self.codes is None else self.codes

    def out(self, x):
        codes = self.table()
        first, last = _bounds_of(self.thresholds, x)
        reached = (np.arange(codes.shape[1]) >= first) & (np.arange(codes.shape[1]) <= last)
        wide = np.broadcast_to(codes, reached.shape)
        lo = np.where(reached, wide, np.iinfo(np.int64).max).min(axis=1)
        hi = np.where(reached, wide, np.iinfo(np.int64).min).max(axis=1)
        return Edge(self.format, lo, hi, x.size)


def _bounds_of(thresholds, x):
    first = (thresholds <= x.lo[:, None]).sum(axis=1, keepdims=True)
    last = (thresholds <= x.hi[:, None]).sum(axis=1, keepdims=True)
    return first, last


@execution_of(Threshold)
def _(node, x):
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

    Stands in for a `Threshold` of many levels where it gives the same code for every reachable x (that is proved, see
    `golden.rewrite.rescale`). ``clip`` are ``(lo, hi)`` where they are narrower than the format. A ``kink`` (int64, one
    a channel) is taken off in front of the shift where y would else be ``level`` or less: what a `SecondRounding` does.
    """

    multiplier: np.ndarray
    addend: np.ndarray
    shift: int
    format: Format
    clip: tuple | None = None
    kink: np.ndarray | None = None
    level: int = 0

    @property
    def bounds(self):
        """The smallest and the largest value."""
        return self.clip or (self.format.lo, self.format.hi)

    def values(self, x):
        """The values for integers whose last axis are the channels."""
        y = x * self.multiplier + self.addend
        if self.kink is not None:
            y = np.where(y >> self.shift <= self.level, y - self.kink, y)
        return np.clip(y >> self.shift, *self.bounds)

    def out(self, x):
        ends = [self.values(end) for end in (x.lo, x.hi)]
        return Edge(self.format, np.minimum(*ends), np.maximum(*ends), x.size)


@execution_of(Rescale)
def _(node, x):
    return node.values(x)


@dataclass(frozen=True, eq=False)
class Score(Node):
    """``y[k] = x[k]*multiplier[k] + addend[k]``: makes per-channel logits comparable, in the order of the model's own
    floats, for the ArgMax behind it."""

    multiplier: np.ndarray
    addend: np.ndarray

    def out(self, x):
        ends = [end * self.multiplier + self.addend for end in (x.lo, x.hi)]
        lo, hi = np.minimum(*ends), np.maximum(*ends)
        return Edge(accumulator_format(lo, hi), lo, hi, x.size)


@execution_of(Score)
def _(node, x):
    return x * node.multiplier + node.addend
