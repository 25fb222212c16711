"""The float32 multiplier; import it from ``hw.float32.units``, which says what the units have in common."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.shared import SharedComponent

from .timing import MULTIPLY

__all__ = ["FloatMul", "increment", "pipe"]


def pipe(m: Module, value: Value, cycles: int = 1, *, reset_less: bool = True) -> Value:
    """Return ``value``, ``cycles`` cycles later. Registers have no reset, so that they fit into DSPs and shift
    registers; what says that something is valid needs one.
    """
    for _ in range(cycles):
        stage = Signal.like(value, name="stage", reset_less=reset_less)
        m.d.sync += stage.eq(value)
        value = stage
    return value


def increment(m: Module, up: Value, *, frac: Value, exponent: Value, step: Value) -> tuple[Value, Value]:
    """Return fraction and exponent after ``exponent + step`` and rounding ``up``, all in one carry chain.

    A rounded-up fraction of ones carries into the exponent, as it must. The lowest position makes the carry.
    """
    total = Signal(24 + len(exponent))
    m.d.comb += total.eq(Cat(Const(1, 1), frac, exponent) + Cat(up, Const(0, 23), step))
    return total[1:24], total[24:32]


class FloatMul(SharedComponent):
    """``o = a * b``, four cycles later.

    The product of the significands takes two DSP48E1 in cascade with their own registers, or LUTs. A flushed operand
    needs no zeros in the significand: the result is forced to zero at the output register instead.

    Parameters
    ----------
    dsp : bool
        Whether to write the product for DSPs.

    Members
    -------
    a, b : ``In(32)``
    o : ``Out(32)``
    """

    LATENCY = MULTIPLY

    def __init__(self, *, dsp: bool = True):
        self._dsp = bool(dsp)
        super().__init__({"a": In(32), "b": In(32), "o": Out(32)})

    @property
    def definition(self) -> ModuleDefinition:
        return ModuleDefinition.of("float_mul", "dsp" if self._dsp else "luts", dsp=self._dsp, latency=self.LATENCY)

    def circuit(self) -> Module:
        m = Module()
        product, sticky = self._dsp_product(m) if self._dsp else self._lut_product(m)
        exponent, forced, nan, infinite, zero, top, bottom = self._exponent(m)

        # The product is in [1, 4). Two cases of the exponent depend on which half: `top` (254) overflows in the upper
        # one, `bottom` (0) underflows in the lower one, except that all ones round up to the smallest normal number.
        high = product[30]
        frac = Mux(high, product[7:30], product[6:29])
        tail = Signal()
        up = Signal()
        m.d.comb += [
            tail.eq(product[:5].any() | sticky),
            up.eq(
                ~infinite
                & Mux(high, product[6] & (product[7] | product[5] | tail), (product[5] & (product[6] | tail)) | bottom)
            ),
        ]
        frac, exponent = increment(m, up, frac=frac, exponent=exponent, step=high & ~infinite)
        out_frac, out_exponent = Signal(23, reset_less=True), Signal(8, reset_less=True)
        m.d.sync += [out_frac.eq(frac), out_exponent.eq(exponent)]
        with m.If(Mux(high, top, bottom) | forced):
            m.d.sync += out_frac.eq(nan << 22)
        with m.If(zero):
            m.d.sync += out_exponent.eq(0)
        sign = pipe(m, (self.a[31] ^ self.b[31]), 3)
        m.d.comb += self.o.eq(Cat(out_frac, out_exponent, pipe(m, sign & ~nan)))
        return m

    # Both give bits 17 to 47 of the product of the significands, and whether a lower bit is set, in the third cycle.

    def _dsp_product(self, m):
        a, b = (pipe(m, Cat(x[:23], Const(1, 1))) for x in (self.a, self.b))
        low = pipe(m, a * b[:17])
        product = pipe(m, (pipe(m, a) * pipe(m, b[17:]) + low[17:])[:31])
        return product, pipe(m, low[:17].any())

    def _lut_product(self, m):
        """Return the product in radix 4: a sum and the multiple 0, 1, 2 or 3 that is added to it take one LUT6 a
        bit.
        """

        def add_above(low, high, distance, width):
            total = Signal(width)
            m.d.comb += total.eq(Cat(low[:distance], low[distance:] + high))
            return total

        a, b = (Cat(x[:23], Const(1, 1)) for x in (self.a, self.b))
        triple = pipe(m, (a + (a << 1))[:26])
        a, b = pipe(m, a), pipe(m, b)
        rows = [Mux(b[i + 1], Mux(b[i], triple, a << 1), Mux(b[i], a, 0)) for i in range(0, 24, 2)]
        sums = []
        for i in range(0, 12, 3):
            total = add_above(rows[i], rows[i + 1], 2, 28)
            sums.append(pipe(m, add_above(total, rows[i + 2], 4, 30)))
        halves = [add_above(*sums[i : i + 2], 6, 36) for i in (0, 2)]
        product = add_above(*halves, 12, 48)
        return pipe(m, product[17:]), pipe(m, product[:17].any())

    def _exponent(self, m):
        """Return the exponent for the lower half and what is special, in the third cycle.

        ``biased`` is 128 above the exponent so that its comparisons are those of single bits.
        """

        def flags(x):
            return x[23:31] == 0, x[23:31].all(), x[:23].any()

        zero_a, top_a, some_a = flags(self.a)
        zero_b, top_b, some_b = flags(self.b)
        nan = pipe(m, (top_a & (some_a | zero_b)) | (top_b & (some_b | zero_a)))
        infinite, zero = pipe(m, top_a | top_b), pipe(m, zero_a | zero_b)
        total = Cat(Const(1, 1), self.a[23:31]) + Cat(Const(1, 1), self.b[23:31])
        biased = pipe(m, total[1:10])

        infinite = infinite | (~zero & (biased >= 128 + 255))
        zero = ~infinite & (zero | (biased < 128))
        exponent = Signal(8, reset_less=True)
        m.d.sync += exponent.eq(Cat(biased[:7], biased[8]))
        with m.If(infinite):
            m.d.sync += exponent.eq(255)
        top, bottom = biased == 128 + 254, biased == 128
        return pipe(m, exponent), *(pipe(m, flag, 2) for flag in (infinite | zero, nan, infinite, zero, top, bottom))
