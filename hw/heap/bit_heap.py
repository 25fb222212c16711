"""The bit heap: a sum of weighted bits (de Dinechin and others 2013), and its pipelined compressor.

Every low-bit dot product is such a heap. What its compressor does is planned in ``hw.heap.compression``.
"""

from collections import Counter

from amaranth.hdl import Cat, Const, Module, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .compression import CompressionPlan

__all__ = ["BitHeap", "Compressor"]


class BitHeap:
    """Bits, each with a weight ``2**exponent``, whose sum is wanted.

    All bits count positively: a bit of negative weight goes in inverted, for ``-b == ~b - 1``, and the parent accounts
    for the ``-1``.
    """

    def __init__(self) -> None:
        self._columns: dict[int, list[Value]] = {}

    def add_bits(self, bits: ValueLike, exponent: int) -> None:
        """Add every bit of the value ``bits`` with the same weight ``2**exponent``.

        Raises
        ------
        ValueError
            If the exponent is negative.
        """
        if exponent < 0:
            raise ValueError(f"Exponent must not be negative, not {exponent!r}")
        bits = Value.cast(bits)
        if len(bits):
            self._columns.setdefault(exponent, []).append(bits)

    @property
    def heights(self) -> dict[int, int]:
        """Number of bits by exponent, which ascends; exponents without a bit are left out."""
        return {e: sum(map(len, self._columns[e])) for e in sorted(self._columns)}

    def height(self) -> int:
        """Return the number of bits in the tallest column."""
        return max(self.heights.values(), default=0)

    def bits(self) -> Value:
        """Return all bits as one value, column by column from the least weight: what ``Compressor.i`` takes."""
        return Cat(Cat(*self._columns[e]) for e in sorted(self._columns))


class Compressor(wiring.Component):
    """Sum of a heap: ``o = sum(bit * 2**exponent)``, unsigned and exact, ``LATENCY`` cycles later. One heap per cycle.

    Built from plain operators, each used on all counters of a column at once. It runs freely, without enable.

    Parameters
    ----------
    plan : hw.heap.compression.CompressionPlan
        What `plan_compression` gives for the heap's ``heights``.

    Members
    -------
    i : ``In(bits)``
        All bits, column by column from the least weight (``BitHeap.bits()``).
    o : ``Out(plan.width)``
    """

    def __init__(self, *, plan: CompressionPlan):
        self._plan = plan
        super().__init__({"i": In(sum(self._plan.heights.values())), "o": Out(self._plan.width)})

    @property
    def LATENCY(self) -> int:
        """Cycles from the heap's bits to their sum."""
        return self._plan.latency

    def elaborate(self, platform):
        m = Module()
        columns, start = {}, 0
        for exponent, height in self._plan.heights.items():
            columns[exponent] = self.i[start : start + height]
            start += height
        for number, stage in enumerate(self._plan.stages):
            domain = m.d.sync if stage.registered else m.d.comb
            outputs = _emit(m, stage, columns)
            columns = {}
            for exponent, height in stage.heights.items():
                columns[exponent] = Signal(height, name=f"stage{number}_2e{exponent}", reset_less=True)
                domain += columns[exponent].eq(Cat(*outputs[exponent]))
        m.d.comb += self.o.eq(Cat(columns.get(e, Const(0, 1)) for e in range(self._plan.width)))
        return m


def _emit(m, stage, columns):
    """Return the columns after ``stage``, as lists of values."""
    used, outputs = Counter(), {}

    def take(exponent, count):
        used[exponent] += count
        return columns[exponent][used[exponent] - count : used[exponent]]

    def put(exponent, values):
        for index, value in enumerate(values):
            outputs.setdefault(exponent + index, []).append(value)

    for group in stage.counters:
        operands = [take(group.exponent, group.count) for _ in range(group.inputs)]
        put(group.exponent, (_full_adders if group.inputs == 3 else _six_counters)(m, *operands))
    for adder in stage.adders:
        put(adder.exponent, _ripple(m, adder, take))
    for exponent, column in columns.items():  # first in, first out: no bit waits for long
        outputs.setdefault(exponent, []).insert(0, column[used[exponent] :])
    return outputs


def _named(m, value):
    """Return a signal for ``value``: an expression that is used twice would be emitted twice."""
    signal = Signal(len(value))
    m.d.comb += signal.eq(value)
    return signal


def _full_adders(m, a, b, c):
    half = _named(m, a ^ b)
    return half ^ c, (a & b) | (half & c)


def _six_counters(m, a, b, c, d, e, f):
    low, low_carry = (_named(m, value) for value in _full_adders(m, a, b, c))
    high, high_carry = (_named(m, value) for value in _full_adders(m, d, e, f))
    carry = _named(m, low & high)
    return low ^ high, *_full_adders(m, low_carry, high_carry, carry)


def _ripple(m, adder, take):
    first = [take(adder.exponent + index, 1) for index in range(len(adder.rows))]
    second = [take(adder.exponent + index, 1) if taken > 1 else Const(0, 1) for index, taken in enumerate(adder.rows)]
    if adder.rows[0] < 3:
        return _named(m, Cat(*first) + Cat(*second))
    carry = take(adder.exponent, 1)
    return _named(m, Cat(carry, *first) + Cat(carry, *second))[1:]  # the lowest position only makes the carry: no LUT
