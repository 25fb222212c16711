"""Units that `bench.cost.measure` measures beside the project's own: multipliers alone, sums without accumulator."""

from itertools import product

import numpy as np
from amaranth.hdl import Const, Instance, Module, Mux, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.numbers.formats import Bipolar, Format, Ternary
from fewbit.hw.codes import value_of
from fewbit.hw.wires import Lanes

__all__ = ["LutProducts", "Products", "SumOfProducts", "product_bits"]


def product_bits(x_format: Format, w_format: Format) -> int:
    """Return the bits of a product.

    A product of bipolar codes is a code again, of one bit; others have the bits of their range in two's complement.
    """
    if x_format == w_format == Bipolar():
        return 1
    ends = [x * w for x in (x_format.lo, x_format.hi) for w in (w_format.lo, w_format.hi)]
    low, high = min(ends), max(ends)
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + (low < 0)


def _lanes(x_format, w_format, lanes):
    """Return the members of a unit of products that are not added."""
    bits = product_bits(x_format, w_format)
    shapes = {"x": x_format.bits, "w": w_format.bits, "o": bits}
    return {name: (Out if name == "o" else In)(Lanes(unsigned(n), lanes)) for name, n in shapes.items()}


class Products(wiring.Component):
    """``o[s] = x[s] * w[s]`` in operators, combinational; synthesis may do with them what it likes."""

    def __init__(self, *, x_format, w_format, lanes):
        self._formats, self._lanes = (x_format, w_format), lanes
        super().__init__(_lanes(x_format, w_format, lanes))

    def elaborate(self, platform):
        m = Module()
        for s in range(self._lanes):
            m.d.comb += self.o[s].eq(self._product(self.x[s], self.w[s]))
        return m

    def _product(self, x, w):
        x_format, w_format = self._formats
        if x_format == w_format == Bipolar():
            return ~(x ^ w)
        if (x_format, w_format) == (Bipolar(), Ternary()):
            return Mux(w[0], Mux(x ^ w[1], 1, -1), 0)
        value = value_of(x, x_format)
        if w_format == Bipolar():
            return Mux(w, value, -value)
        if w_format == Ternary():
            return Mux(w[0], Mux(w[1], -value, value), 0)
        return value * value_of(w, w_format)


class LutProducts(wiring.Component):
    """`Products` of at most five bits of operands, two output bits a LUT6_2; a bit that is an operand's takes none."""

    def __init__(self, *, x_format, w_format, lanes):
        if x_format.bits + w_format.bits > 5:
            raise ValueError(f"Codes of a product must have 5 bits together, not {x_format.bits + w_format.bits}")
        self._formats, self._lanes = (x_format, w_format), lanes
        super().__init__(_lanes(x_format, w_format, lanes))

    def elaborate(self, platform):
        m = Module()
        tables = self._tables()
        inputs = self._formats[0].bits + self._formats[1].bits
        wires = [(table, inputs) for table in tables]
        pending = []
        for s in range(self._lanes):
            codes = [*self.x[s], *self.w[s]]
            for k, (table, _) in enumerate(wires):
                same = [n for n in range(inputs) if (table == [v >> n & 1 for v in range(1 << inputs)])]
                if same:
                    m.d.comb += self.o[s][k].eq(codes[same[0]])
                else:
                    pending.append((codes, table, self.o[s][k]))
        while pending:
            first, second = pending.pop(0), None
            if pending and (pending[0][0] is first[0] or 2 * inputs <= 5):
                second = pending.pop(0)
            m.submodules += _lut6_2(m, first, second)
        return m

    def _tables(self):
        """Return the truth table of each output bit, the first bit of ``x`` counting fastest.

        A code of a weight that has no value counts as 0.
        """
        x_format, w_format = self._formats
        bits = product_bits(x_format, w_format)
        found = []
        for w, x in product(range(1 << w_format.bits), range(1 << x_format.bits)):
            weight = 0 if w_format == Ternary() and w == 2 else int(w_format.decode(np.int64(w)))
            value = int(x_format.decode(np.int64(x))) * weight
            found.append((value + 1) // 2 if bits == 1 and w_format == Bipolar() else value)
        return [[value >> k & 1 for value in found] for k in range(bits)]


def _lut6_2(m, first, second):
    """Return a LUT6_2 that gives one bit, or two.

    One bit comes from O6. Of two, the first comes from O6 too, by the upper half of the table, as I5 is 1.
    """
    codes, table, output = first
    inputs = list(codes)
    init = sum(table[n % len(table)] << n for n in range(64))
    ports = {"o_O6": output}
    if second:
        shift = 0 if second[0] is codes else len(codes)
        inputs += [] if second[0] is codes else second[0]
        lower = sum(second[1][(n >> shift) % len(second[1])] << n for n in range(32))
        init = (init & 0xFFFFFFFF) << 32 | lower
        ports["o_O5"] = second[2]
    inputs += [Const(0, 1)] * (5 - len(inputs)) + [Const(1, 1)]
    return Instance("LUT6_2", p_INIT=Const(init, 64), **{f"i_I{k}": bit for k, bit in enumerate(inputs)}, **ports)


class SumOfProducts(wiring.Component):
    """A PE without feedback and with nothing to begin with: the sum of its products alone, in a register."""

    def __init__(self, kind, *, acc_shape, **options):
        self._pe = kind(acc_shape=acc_shape, feedback=False, **options).make()
        shapes = {"x": In(self._pe.x.shape()), "w": In(self._pe.w.shape()), "o": Out(acc_shape.width)}
        super().__init__(shapes)

    def elaborate(self, platform):
        m = Module()
        m.submodules.pe = pe = self._pe
        m.d.comb += [pe.x.eq(self.x), pe.w.eq(self.w), pe.init.eq(0), self.o.eq(pe.o)]
        return m
