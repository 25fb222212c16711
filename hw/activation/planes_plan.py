"""The numbers of what adds up planes, before there is any hardware."""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from fewbit.hw.arrays.cost import rom_luts
from fewbit.hw.heap.compression import plan_compression
from fewbit.hw.memory.placement import Contents
from fewbit.hw.shapes import IntShape

from .plans import ActivationPlan

__all__ = ["Coefficients", "CombinePlan", "combined_luts"]


class Coefficients:
    """How the coefficients of a plane are held: constants where all neurons have the same, else two's complement."""

    def __init__(self, values: Iterable[int]):
        values = [int(v) for v in values]
        self.values = values
        self.constant = len(set(values)) == 1
        self.signed = min(values) < 0
        self.width = max(abs(v).bit_length() if v >= 0 else (-v - 1).bit_length() for v in values)
        self.width = max(1, self.width + (self.signed and not self.constant))

    def places(self) -> list[tuple[int, bool]]:
        """Return ``(bit, negative)`` of every bit that may be set, by exponent."""
        if self.constant:
            size = abs(self.values[0])
            return [(k, self.signed) for k in range(size.bit_length()) if size >> k & 1]
        return [(k, self.signed and k == self.width - 1) for k in range(self.width)]


def _heights(coefficients, width, acc_bits):
    """Return the bits of the heap by column, in which a row is the addend and what inverted bits add to it."""
    heights = Counter(range(acc_bits))  # the addend
    for c in coefficients:
        for k, _ in c.places():
            heights.update(e for e in range(k, k + width) if e < acc_bits)
    return dict(heights)


class CombinePlan(ActivationPlan):
    """``o = addend + sum_p coefficient[p] * i[p]`` modulo ``2**acc_bits`` for each of ``lanes`` neurons a beat.

    Parameters
    ----------
    width : int
        Bits of a plane's sum, unsigned. A lane of the input holds the sums of its planes, the first in the lowest bits.
    coefficients : list of lists of int
        Coefficients of each neuron, one for each plane.
    addends : list of int
        Addend of each neuron.
    acc_bits : int
        Bits of a result.
    lanes, beats, target : as of `hw.activation.plans.ActivationPlan`

    Attributes
    ----------
    held : list of Coefficients
        Coefficients of each plane.
    compression : hw.heap.compression.CompressionPlan
        How a lane's heap is compressed.
    """

    def __init__(self, *, width: int, coefficients: list[list[int]], addends: list[int], acc_bits: int, **common: Any):
        planes = len(coefficients[0])
        super().__init__(acc_shape=IntShape(planes * width), bits=acc_bits, **common)
        self.planes, self.width, self.acc_bits = planes, width, acc_bits
        self.per_neuron("Coefficient rows", coefficients)
        self.held = [Coefficients([row[p] for row in coefficients]) for p in range(planes)]
        self.addends = self.per_neuron("Addends", addends)
        self.compression = plan_compression(_heights(self.held, width, acc_bits), fan_in=2)
        self.latency = 1 + self.compression.latency  # coefficients are read, then the heap is summed

    @cached_property
    def memories(self) -> dict[str, Contents]:
        inverted = sum(
            ((1 << self.width) - 1) << k for c in self.held for k, negative in c.places() if negative
        )  # what the bits that enter inverted add too much: -b == ~b - 1
        mask = (1 << self.acc_bits) - 1
        found = {
            f"coefficients{p}": self.by_beat([v & ((1 << c.width) - 1) for v in c.values], c.width)
            for p, c in enumerate(self.held)
            if not c.constant
        }
        return found | {"addends": self.by_beat([(a - inverted) & mask for a in self.addends], self.acc_bits)}


def combined_luts(coefficients: np.ndarray, width: int, acc_bits: int, rows: int) -> int:
    """Return about the LUTs of a lane: its heap, and memories of ``rows`` entries.

    Parameters
    ----------
    coefficients : int64 (neurons, planes)
    width, acc_bits : int
        Bits of a plane's sum, and of a result.
    rows : int
        Entries of the memories of coefficients and addends.
    """
    held = [Coefficients(column) for column in coefficients.T]
    heap = plan_compression(_heights(held, width, acc_bits), fan_in=2).luts
    return heap + rom_luts(acc_bits + sum(c.width for c in held if not c.constant), rows)
