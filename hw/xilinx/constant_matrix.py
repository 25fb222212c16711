"""A product with a constant matrix in Xilinx LUTs, in which rows share sums, as a netlist.

Where a layer is unfolded so far that every weight is a constant, a product by +-1 costs nothing, and what is left is
sums of bits, which rows have in common. Two ways to find them are tried, in several sizes, and the smallest is taken:

- **Classes.** Take k rows together. Inputs whose k weights are equal up to a sign and a power of two are one class;
  each class is summed once, and each row is a signed sum of classes. Rows of +-1 by two: what both add, and what one
  adds and the other subtracts. A row of k-bit weights alone: the inputs by the odd part of their weight.
- **Patterns.** Take g inputs together. LUTs give their sum for every pattern of weights that some row has (up to a sign
  and a power of two), and each row adds one of them: distributed arithmetic, with the table's lookup turned round.

What is summed is held in registers, so the netlist is a pipeline of one result a cycle.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .netlist import Netlist, NetlistUnit, weighed
from .sums import Heap, Number, TableSum, add_heaps, digits_of

__all__ = ["LutMatrix", "best_matrix", "build_matrix"]

CLASSES = (1, 2, 3, 4)  # rows together that are tried
PATTERNS = (2, 3, 5, 6)  # inputs together


@dataclass(frozen=True)
class LutMatrix(NetlistUnit):
    """``sum = constants + weights @ x`` as a netlist.

    Attributes
    ----------
    netlist : hw.xilinx.netlist.Netlist
    x : list of lists of bits
        Activations, by bit plane and lane.
    sum : list of lists of bits
        The sum of each row; bits may be inverted ones.
    latency : int
        Cycles from ``x`` to ``sum``.
    """

    sum: list[list[int]]
    latency: int

    @property
    def flip_flops(self) -> int:
        """Flip-flops, those that take the sums included."""
        return self.netlist.flip_flops + sum(len(row) for row in self.sum)


@lru_cache(maxsize=64)
def best_matrix(
    weights: tuple[tuple[int, ...], ...], planes: tuple[int, ...], constants: tuple[int, ...], width: int
) -> LutMatrix:
    """Return the smallest `LutMatrix`; parameters as for `build_matrix`, all of them tuples."""
    tried = [_by_classes(weights, k) for k in CLASSES if k <= len(weights)]
    tried += [_by_patterns(weights, g) for g in PATTERNS if g * len(planes) <= TableSum.MOST]
    found = (build_matrix(weights, planes, constants, width, shared) for shared in tried)
    return min(found, key=lambda m: m.netlist.shift_registers + weighed(m.luts, m.flip_flops))


def build_matrix(weights, planes, constants, width, shared):
    """Return the `LutMatrix` of ``constants + weights @ x`` modulo ``2**width``.

    A lane of ``x`` is ``sum(planes[k] * bit k)``.

    Parameters
    ----------
    weights : rows of integers
    planes : tuple of int
        Plus or minus powers of two.
    constants : integers, one a row
    width : int
    shared : list of (lanes, uses)
        Sums that rows share: ``lanes`` is a dict from lane to factor, ``uses`` one from row to factor. Together they
        are the matrix.
    """
    net = Netlist()
    x = [net.input(len(weights[0])) for _ in planes]
    lo, hi = sum(min(p, 0) for p in planes), sum(max(p, 0) for p in planes)
    lanes = [
        Number(tuple((plane[n], p) for plane, p in zip(x, planes, strict=True)), 0, lo, hi)
        for n in range(len(weights[0]))
    ]
    first, adders, direct = [], [], []
    for factors, uses in shared:
        if _worth_a_sum(factors, uses, len(planes)):
            first.append(uses)
            adders.append(_shared_sum([(f, lanes[n]) for n, f in factors.items()], len(factors) * len(planes)))
        else:
            direct.append((factors, uses))
    sums, lanes, latency = add_heaps(net, [heap for heap, _ in adders], lanes) if adders else ([], lanes, 0)
    rows = [Heap(constant, width) for constant in constants]
    for uses, bits, (_, offset) in zip(first, sums, adders, strict=True):
        number = Number(tuple((bit, 1 << k) for k, bit in enumerate(bits)), offset, 0, 0)
        for row, factor in uses.items():
            rows[row].add(factor, number)
    for factors, uses in direct:
        for row, factor in uses.items():
            for n, f in factors.items():
                rows[row].add(factor * f, lanes[n])
    found, _, more = add_heaps(net, rows, last=False)
    net.check("a matrix", [(bits, 0) for bits in x], [bit for row in found for bit in row], latency + more)
    return LutMatrix(net, x, found, latency + more)


def _worth_a_sum(factors, uses, bits):
    """Return whether a sum is made once for all rows: it has several terms, and is used more than once or is so small
    that LUTs make it at once."""
    if len(factors) < 2:
        return False
    return len(factors) * bits <= TableSum.MOST or sum(len(digits_of(f)) for f in uses.values()) > 1


def _shared_sum(terms, bits):
    """Return a heap of these multiples of numbers that is never negative, and what to add to it."""
    lo = sum(min(f * n.lo, f * n.hi) for f, n in terms)
    hi = sum(max(f * n.lo, f * n.hi) for f, n in terms)
    kind = TableSum if bits <= TableSum.MOST else Heap
    return kind(-lo, (hi - lo).bit_length(), terms), lo


# What rows share


def _by_classes(weights, k):
    found = []
    for together in np.array_split(np.arange(len(weights)), max(1, round(len(weights) / k))):
        classes = defaultdict(dict)
        for lane, column in enumerate(np.array(weights)[together].T):
            if column.any():
                direction, factor = _direction(column)
                classes[direction][lane] = factor
        for direction, lanes in classes.items():
            found.append((lanes, {int(row): f for row, f in zip(together, direction, strict=True) if f}))
    return found


def _by_patterns(weights, g):
    found = []
    for start in range(0, len(weights[0]), g):
        patterns = defaultdict(dict)
        for row, weight in enumerate(weights):
            part = np.array(weight[start : start + g])
            if part.any():
                direction, factor = _direction(part)
                patterns[direction][row] = factor
        for direction, rows in patterns.items():
            found.append(({start + n: f for n, f in enumerate(direction) if f}, rows))
    return found


def _direction(vector):
    """Return the vector without its power of two and the sign of its first number, and these as a factor."""
    power = int(np.bitwise_or.reduce(np.abs(vector)))
    factor = (power & -power) * (1 if vector[vector != 0][0] > 0 else -1)
    return tuple(int(v) // factor for v in vector), factor
