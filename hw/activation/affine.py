"""Multiply, add and shift behind an accumulator: codes of so many levels that thresholds would cost more."""

from amaranth.hdl import Const, Module, Mux, Shape, Signal

from fewbit.hw.latency import register

from .units import Activation

__all__ = ["Affine"]

_DSP_BITS = 9  # of a product, from which on it is a DSP's


class Affine(Activation):
    """``y = (acc*multiplier + addend) >> shift``, clipped to ``lo .. hi``; they are ``None`` where y always fits.

    Latency: read and add, two cycles; clip, one more; with ``multipliers`` that are not all one, read again, multiply
    in parts that a DSP block takes, one more each, and one for each level of the tree that adds up the parts.
    """

    PART_BITS = 17  # of an unsigned operand: the narrowest DSP blocks multiply 18 by 18 bits with sign

    def __init__(self, *, multipliers, addends, shift=0, lo=None, hi=None, **common):
        super().__init__(**common)
        if shift < 0:
            raise ValueError(f"Shift must not be negative, not {shift!r}")
        self._multipliers = self.per_neuron("Multipliers", multipliers)
        self._addends = self.per_neuron("Addends", addends)
        self._shift, self._lo, self._hi = shift, lo, hi
        self._scales = any(m != 1 for m in multipliers)
        self._signed = min(self._multipliers) < 0
        self._factor_bits = max(1, *(int(abs(w)).bit_length() for w in self._multipliers)) + self._signed
        count = len(self._parts(Const(0, self._acc))) * len(self._parts(Const(0, self._factor_shape)))
        self._sum_levels = (count - 1).bit_length()
        self._product_latency = 2 + self._sum_levels if self._scales else 0
        self.LATENCY = 2 + self._product_latency + (lo is not None)

    @property
    def dsps(self):
        """DSP blocks of its multipliers, at most: synthesis makes what gives less than `_DSP_BITS` bits of LUTs."""
        if not self._scales:
            return 0
        sizes = [[len(part) for part, _ in self._parts(Const(0, shape))] for shape in (self._acc, self._factor_shape)]
        return self._lanes * sum(min(a, f) > 1 and a + f >= _DSP_BITS for a in sizes[0] for f in sizes[1])

    @property
    def _factor_shape(self):
        return Shape(self._factor_bits, self._signed)

    def _parts(self, value):
        """``(bits, shift)`` of the parts of an operand, each for one side of a DSP block."""
        size, signed_ = len(value), value.shape().signed
        if size <= self.PART_BITS + signed_:
            return [(value, 0)]
        high = value[self.PART_BITS :]
        rest = [(part, shift + self.PART_BITS) for part, shift in self._parts(high.as_signed() if signed_ else high)]
        return [(value[: self.PART_BITS], 0), *rest]

    def elaborate(self, platform):
        m = Module()
        beat = self.counted(m)
        held = [self.delayed(m, self.i[k], 1, f"acc{k}_") for k in range(self._lanes)]
        if self._scales:
            held = self._scaled(m, beat, held)
            beat = self.delayed(m, beat, self._product_latency, "add_beat")
        width = max(max(abs(a), 1).bit_length() for a in self._addends) + 1
        words = [a & ((1 << width) - 1) for a in self._addends]
        addends = self.rom(m, "addends", beat, words, width)
        for k in range(self._lanes):
            total = (held[k] + addends[k].as_signed()) >> self._shift
            y = Signal(total.shape(), name=f"sum{k}", reset_less=True)
            m.d.sync += y.eq(total)
            if self._lo is None:
                m.d.comb += self.o[k].eq(y)
            else:
                m.d.sync += self.o[k].eq(Mux(y < self._lo, self._lo, Mux(y > self._hi, self._hi, y)))
        self.finish(m)
        return m

    def _scaled(self, m, beat, held):
        words = [int(w) & ((1 << self._factor_bits) - 1) for w in self._multipliers]
        factors = self.rom(m, "multipliers", beat, words, self._factor_bits, latency=2)
        products = []
        for k in range(self._lanes):
            factor = factors[k].as_signed() if self._signed else factors[k]
            acc = self.delayed(m, held[k], 1, f"factor_acc{k}_")
            terms = [(a * f, shift + more) for a, shift in self._parts(acc) for f, more in self._parts(factor)]
            terms.sort(key=lambda term: term[1])
            terms = [(register(m, product, f"product{k}_{n}"), shift) for n, (product, shift) in enumerate(terms)]
            products.append(self._sum(m, terms, f"product{k}_sum"))
        return products

    def _sum(self, m, terms, name):
        """Sum of ``value << shift``, the least shift first, by a tree of adders with a register behind each."""
        for level in range(self._sum_levels):
            pairs, terms = [terms[n : n + 2] for n in range(0, len(terms), 2)], []
            for n, ((value, shift), *other) in enumerate(pairs):
                for more, higher in other:
                    value = value + (more << (higher - shift))
                terms.append((register(m, value, f"{name}{level}_{n}"), shift))
        return terms[0][0]
