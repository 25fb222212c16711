"""Functions of single values: thresholds, and multiplications that stand in for them."""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.numbers.formats import Format

from .graph import Edge, Network, Node, accumulator_format
from .registry import execution_of

__all__ = ["Rescale", "Score", "SecondRounding", "Threshold", "activation_behind"]

_FAR = 1 << 62  # beyond it int64 does not hold a sum
_LONGEST = 61  # bits of a part of a product, where the product is longer


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
    `golden.rewrite.rescale` proves. ``multiplier`` and ``addend`` have one number a channel, int64; where addends are
    longer, they are Python's integers. ``clip`` are ``(lo, hi)`` where these are narrower than the format. A ``kink``,
    int64 with one number a channel, is taken off in front of the shift where y would else be ``level`` or less: what a
    `SecondRounding` does.

    With ``ties``, 0 or 1, y is taken down by one where all bits that are shifted out are zero and the lowest bit of y
    is not ``ties``: where y comes of a half that was added, halves go to even, or to odd.

    ``exceptions``, int64 ``(E, 3)``, are rows of a channel, an x, and what is added to the y of that x; sorted.
    """

    multiplier: np.ndarray
    addend: np.ndarray
    shift: int
    format: Format
    clip: tuple[int, int] | None = None
    kink: np.ndarray | None = None
    level: int = 0
    ties: int | None = None
    exceptions: np.ndarray | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """The smallest and the largest value."""
        return self.clip or (self.format.lo, self.format.hi)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return the values for integers whose last axis are the channels."""
        y, low = self._parts(x)
        if self.ties is not None:
            y = y - ((low == 0) & (y & 1 != self.ties))
        y = np.clip(y, *self.ends)
        return y if self.exceptions is None else y + self._corrections(self.exceptions, x)

    def is_identity(self, x: Edge) -> bool:
        """Say whether y is x, for every x of an edge."""
        if (
            self.format != x.format
            or self.kink is not None
            or self.exceptions is not None
            or (self.multiplier != 1 << self.shift).any()
        ):
            return False
        ends = np.stack([x.lo, x.hi])
        return bool((self.values(ends) == ends).all())

    def _corrections(self, exceptions: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return what exceptions add, for integers whose last axis are the channels."""
        channel, place, by = exceptions.T
        least = int(min(x.min(initial=0), place.min()))
        span = int(max(x.max(initial=0), place.max())) - least + 1
        keys = channel * span + (place - least)
        wanted = np.arange(x.shape[-1]) * span + (x - least)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, by[at], 0)

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what is left of the shift, and what is shifted out."""
        far = int(np.abs(x).max(initial=0)) * int(np.abs(self.multiplier).max()) + int(np.abs(self.addend).max())
        if far < _FAR:
            y = x * self.multiplier + self.addend
            if self.kink is not None:
                y = np.where(y >> self.shift <= self.level, y - self.kink, y)
            return y >> self.shift, y & ((1 << self.shift) - 1)
        # In two parts, as int64 does not hold the product: x == (high << first) + low.
        first = min(self.shift, _LONGEST - int(np.abs(self.multiplier).max()).bit_length())
        mask = (1 << first) - 1
        low = (x & mask) * self.multiplier + (self.addend & mask).astype(np.int64)
        high = (x >> first) * self.multiplier + (low >> first) + (self.addend >> first).astype(np.int64)
        rest = self.shift - first
        if self.kink is not None:
            low = (low & mask) - np.where(high >> rest <= self.level, self.kink, 0)
            high = high + (low >> first)
        return high >> rest, (high & ((1 << rest) - 1)) << first | low & mask

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


def activation_behind(network: Network, layer: Node) -> Threshold | Rescale | Score | None:
    """Return the activation that is part of a layer's hardware: the only node that reads what the layer gives."""
    readers = network.readers(layer.y)
    act = readers[0] if len(readers) == 1 else None
    return act if isinstance(act, Threshold | Rescale | Score) else None
