"""IEEE-754 single precision units: pipelines that run freely, one operation per cycle, no valid and no enable.

The arithmetic is that of ``golden.numbers.float32``: round to nearest even, subnormals flushed to zero, infinities, one
NaN.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.shared import SharedComponent

from .multiplier import FloatMul, increment, pipe
from .timing import ADD

__all__ = ["FloatAdd", "FloatMul", "float_greater", "float_relu", "pipe"]


class FloatAdd(SharedComponent):
    """``o = a + b``, four cycles later.

    One path: compare, swap and align; add; find the leading one; normalize and round. What falls below the two guard
    bits of the smaller operand is one sticky bit. Subnormal sums are exact, so they are flushed without rounding.

    Members
    -------
    a, b : ``In(32)``
    o : ``Out(32)``
    """

    LATENCY = ADD

    def __init__(self) -> None:
        super().__init__({"a": In(32), "b": In(32), "o": Out(32)})

    @property
    def definition(self) -> ModuleDefinition:
        return ModuleDefinition.of("float_add", "", latency=self.LATENCY)

    def circuit(self) -> Module:
        m = Module()
        aligned = self._align(m)
        total = self._add(m, **aligned)
        leading = self._leading(m, **total)
        m.d.comb += self.o.eq(self._round(m, **leading))
        return m

    def _align(self, m):
        """Make the first cycle. The larger magnitude is ``big``; the smaller significand is shifted by at most one
        place.
        """
        a, b = self.a, self.b
        swap = Signal()
        m.d.comb += swap.eq(a[:31] < b[:31])
        big, small = Mux(swap, b[:31], a[:31]), Mux(swap, a[:31], b[:31])
        distance = (big[23:] - small[23:])[:8]
        significand = Cat(small[:23], Const(1, 1))
        shifted = Signal(25, reset_less=True)
        m.d.sync += shifted.eq(Mux(a[23] ^ b[23], significand, significand << 1))
        with m.If((a[23:31] == 0) | (b[23:31] == 0)):
            m.d.sync += shifted.eq(0)
        return {
            "big": pipe(m, big[:23]),
            "exponent": pipe(m, big[23:]),
            "shifted": shifted,
            "distance": pipe(m, distance),
            "sign": pipe(m, Mux(swap, b[31], a[31])),
            "sub": pipe(m, a[31] ^ b[31]),
        }

    def _add(self, m, *, big, exponent, shifted, distance, sign, sub):
        """Make the second cycle: the sum of 24 bits and two guard bits, a carry in front of them and a sticky bit
        behind them.

        A distance of 26 or more leaves ``big`` as it is, sticky or not.
        """
        far = distance[5:].any()
        fine, coarse = distance[1:3], Signal(2)
        m.d.comb += coarse.eq(distance[3:5] | far.replicate(2))
        shifts = [Signal(26, name=f"shift{i}") for i in range(2)]
        x = Cat(Const(0, 1), shifted)
        for shift, amount, unit in zip(shifts, (fine, coarse), (2, 8), strict=True):
            with m.Switch(amount):
                for i in range(4):
                    with m.Case(i):
                        m.d.comb += shift.eq(x >> (i * unit))
            x = shift
        small = Cat(x[:2] & ~far.replicate(2), x[2:])
        # Bit i of `shifted` is below the guard bits once `fine` and `coarse` shift it by i + 2 or more.
        sticky = Cat(shifted[i] & (distance[1:5] >= (i + 3) // 2) for i in range(25)).any()
        borrow = sub & ~sticky
        total = Cat(borrow, Const(0, 2), big, Const(1, 1)) + Cat(borrow, small ^ sub.replicate(26))
        total = Cat(total[1:27], total[27] & ~sub)
        infinite = exponent.all()
        return {
            "total": pipe(m, total),
            "sticky": pipe(m, sticky),
            "exponent": pipe(m, exponent),
            "sign": pipe(m, sign & ~(sub & (exponent == 0))),
            "infinite": pipe(m, infinite),
            "nan": pipe(m, infinite & (big.any() | (sub & (distance == 0)))),
        }

    def _leading(self, m, *, total, sticky, exponent, sign, infinite, nan):
        """Make the third cycle: shift the leading one into the top eight bits and find the pair of bits that it
        is in.
        """
        empty = [~total[-8 * i - 8 : 27 - 8 * i].any() for i in range(3)]
        bytes_ = Signal(2)
        m.d.comb += bytes_.eq(Cat(empty[0] & (~empty[1] | empty[2]), empty[0] & empty[1]))
        shifted = Signal(27)
        with m.Switch(bytes_):
            for i in range(4):
                with m.Case(i):
                    m.d.comb += shifted.eq(total << (8 * i))
        pairs = [shifted[25 - 2 * i : 27 - 2 * i].any() for i in range(3)]
        pair = Cat(~pairs[0] & (pairs[1] | ~pairs[2]), ~pairs[0] & ~pairs[1])
        # exponent + 2 - 8 * bytes_, modulo 2**10
        low, high = bytes_[0], bytes_[1]
        base = (exponent + Cat(Const(2, 3), low, low ^ high, (low | high).replicate(5)))[:10]

        out = {
            "total": Signal(27, reset_less=True),
            "pair": Signal(2, reset_less=True),
            "base": Signal(10, reset_less=True),
            "sticky": Signal(reset_less=True),
        }
        m.d.sync += [out["total"].eq(shifted), out["pair"].eq(pair), out["base"].eq(base), out["sticky"].eq(sticky)]
        # What the last cycle makes into exponent 255 and fraction 0.
        with m.If(infinite):
            m.d.sync += [out["total"].eq(0), out["pair"].eq(0), out["base"].eq(257)]
        return out | {"sign": pipe(m, sign), "infinite": pipe(m, infinite), "nan": pipe(m, nan)}

    def _round(self, m, *, total, pair, base, sticky, sign, infinite, nan):
        """Make the fourth cycle. The exponent is ``base - 2 - 2 * pair``, and one more if the leading one is at the
        top.
        """
        x = Signal(27)
        with m.Switch(pair):
            for i in range(4):
                with m.Case(i):
                    m.d.comb += x.eq(total << (2 * i))
        top = x[26]
        up = Mux(top, x[2] & (x[3] | x[1] | x[0] | sticky), x[1] & (x[2] | x[0] | sticky))
        frac, exponent = increment(
            m, up, frac=Mux(top, x[3:26], x[2:25]), exponent=base, step=Cat(top, ~pair, Const(127, 7))
        )
        zero = ~(x[26] | x[25]) & ~infinite
        under = base[9] | ((base[4:9] == 0) & (base[:4] + top <= Cat(Const(0, 1), pair) + 2))
        out_frac, out_exponent = Signal(23, reset_less=True), Signal(8, reset_less=True)
        m.d.sync += [out_frac.eq(frac), out_exponent.eq(exponent)]
        with m.If(zero | under):
            m.d.sync += [out_frac.eq(0), out_exponent.eq(0)]
        with m.Elif(nan):
            m.d.sync += out_frac.eq(1 << 22)
        with m.Elif(base[8] & ~pair.any() & top):
            m.d.sync += out_frac.eq(0)
        return Cat(out_frac, out_exponent, pipe(m, sign & ~zero & ~nan))


def float_relu(x: Value) -> Value:
    """Return ``golden.numbers.float32.relu`` of the 32-bit code ``x``, combinational."""
    nan = x[23:31].all() & x[:23].any()
    return Mux(x[31] & ~nan, 0, x)


def float_greater(a: Value, b: Value) -> Value:
    """Return ``a > b`` for 32-bit codes that are neither NaN nor subnormal, combinational. -0 equals +0."""
    magnitude_a, magnitude_b = a[:31], b[:31]
    above, below = magnitude_a > magnitude_b, magnitude_a < magnitude_b
    some = a[23:31].any() | b[23:31].any()
    return Mux(a[31] == b[31], Mux(a[31], below, above), b[31] & some)
