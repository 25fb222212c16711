"""Sums of planes become one accumulator: multiplied by the neuron's coefficients, once a row, in one bit heap."""

from collections import Counter

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out  # noqa: F401  (members of the base class)

from fewbit.hw.arrays.cost import rom_luts
from fewbit.hw.heap.bit_heap import BitHeap, Compressor
from fewbit.hw.heap.compression import plan_compression

from .units import Activation

__all__ = ["Combine", "combined_luts"]


class _Coefficients:
    """How the coefficients of a plane are held: constants where all neurons have the same, else two's complement."""

    def __init__(self, values):
        values = [int(v) for v in values]
        self.values = values
        self.constant = len(set(values)) == 1
        self.signed = min(values) < 0
        self.width = max(abs(v).bit_length() if v >= 0 else (-v - 1).bit_length() for v in values)
        self.width = max(1, self.width + (self.signed and not self.constant))

    def places(self):
        """``(bit, negative)`` of every bit that may be set, by exponent."""
        if self.constant:
            size = abs(self.values[0])
            return [(k, self.signed) for k in range(size.bit_length()) if size >> k & 1]
        return [(k, self.signed and k == self.width - 1) for k in range(self.width)]


def _heights(coefficients, width, acc_bits):
    """Bits of the heap by column, what inverted ones add to it included as a row."""
    heights = Counter(range(acc_bits))  # the addend
    for c in coefficients:
        for k, _ in c.places():
            heights.update(e for e in range(k, k + width) if e < acc_bits)
    return dict(heights)


class Combine(Activation):
    """``o = addend + sum_p coefficient[p] * i[p]`` modulo ``2**acc_bits`` for each of ``lanes`` neurons a beat.

    Latency: one cycle to read coefficients, and those of the heap's compressor. One beat a cycle.

    Parameters
    ----------
    width : int
        Of a plane's sum, unsigned. Lane l of ``i`` holds the sums of its planes, the first in the lowest bits.
    coefficients : list of lists
        By neuron, one for each plane.
    addends : list of int
        By neuron.
    acc_bits : int
        Of ``o``.
    lanes, beats, luts : as `hw.activation.units.Activation`
    """

    def __init__(self, *, width, coefficients, addends, acc_bits, lanes, beats, luts):
        self._planes = len(coefficients[0])
        super().__init__(acc_shape=self._planes * width, bits=acc_bits, lanes=lanes, beats=beats, luts=luts)
        self._width, self._acc_bits = width, acc_bits
        self._rows = self.per_neuron("Coefficient rows", coefficients)
        self._held = [_Coefficients([row[p] for row in coefficients]) for p in range(self._planes)]
        self._addends = self.per_neuron("Addends", addends)
        self._plan = plan_compression(_heights(self._held, width, acc_bits), fan_in=2)
        self.LATENCY = 1 + self._plan.latency

    def elaborate(self, platform):
        m = Module()
        beat = self.counted(m)
        held = [self.delayed(m, self.i[k], 1, f"sums{k}_") for k in range(self._lanes)]
        factors = [self._factors(m, beat, p) for p in range(self._planes)]
        inverted = sum(
            ((1 << self._width) - 1) << k for c in self._held for k, negative in c.places() if negative
        )  # of every bit that enters inverted, -b == ~b - 1
        mask = (1 << self._acc_bits) - 1
        words = [(a - inverted) & mask for a in self._addends]
        addends = self.rom(m, "addends", beat, words, self._acc_bits)
        for lane in range(self._lanes):
            heap = BitHeap()
            for e, bit in enumerate(addends[lane]):
                heap.add_bits(bit, e)
            for p, c in enumerate(self._held):
                self._add(heap, c, held[lane][p * self._width : (p + 1) * self._width], factors[p], lane)
            m.submodules[f"heap{lane}"] = sum_ = Compressor(plan=self._plan)
            m.d.comb += [sum_.i.eq(heap.bits()), self.o[lane].eq(sum_.o)]
        self.finish(m)
        return m

    def _factors(self, m, beat, p):
        c = self._held[p]
        if c.constant:
            return None
        words = [v & ((1 << c.width) - 1) for v in c.values]
        return self.rom(m, f"coefficients{p}", beat, words, c.width)

    def _add(self, heap, c, value, factors, lane):
        for k, negative in c.places():
            for e, bit in enumerate(value):
                if k + e < self._acc_bits:
                    product = bit if factors is None else bit & factors[lane][k]
                    heap.add_bits(~product if negative else product, k + e)


def combined_luts(coefficients, width, acc_bits, rows):
    """About the LUTs of a lane: its heap, and memories of ``rows`` entries."""
    held = [_Coefficients(column) for column in coefficients.T]
    heap = plan_compression(_heights(held, width, acc_bits), fan_in=2).luts
    return heap + rom_luts(acc_bits + sum(c.width for c in held if not c.constant), rows)
