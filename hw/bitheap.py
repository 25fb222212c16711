"""The bit heap: a sum of weighted bits, and its pipelined compressor.

Every low-bit dot product is a heap (de Dinechin and others 2013). What the compressor does is planned first, in plain
Python (``plan_compression``): which counters, in which stage, where the registers are. So a parent knows latency and
widths before anything is elaborated, and another back end can build the same plan from other primitives.
"""

from collections import Counter
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Adder", "BitHeap", "Compressor", "Counters", "Plan", "Stage", "plan_compression"]


class BitHeap:
    """Bits, each with a weight ``2**exponent``, whose sum is wanted.

    What was added equals ``sum(bit * 2**exponent) + constant``. All bits count positively: a bit of negative weight
    goes in inverted, for ``-b == ~b - 1``, and the ``-1`` is collected in ``constant``, for the parent to account for.

    Attributes
    ----------
    constant : int
        What must be added to the sum of the bits.
    """

    def __init__(self):
        self._columns = {}
        self.constant = 0

    def add_bits(self, bits, exponent):
        """Add every bit of the value ``bits`` with the same weight ``2**exponent``."""
        if exponent < 0:
            raise ValueError(f"Exponent must not be negative, not {exponent!r}")
        bits = Value.cast(bits)
        if len(bits):
            self._columns.setdefault(exponent, []).append(bits)

    def add_bit(self, bit, exponent, *, negative=False):
        """Add one bit of weight ``2**exponent``, or of weight ``-2**exponent`` if ``negative``."""
        if len(Value.cast(bit)) != 1:
            raise ValueError(f"Bit must be one bit wide, not {len(Value.cast(bit))}")
        self.add_bits(~Value.cast(bit) if negative else bit, exponent)
        self.constant -= negative << exponent

    def add_unsigned(self, value, shift=0):
        """Add ``value * 2**shift``, the bits of ``value`` read as an unsigned number."""
        for index, bit in enumerate(Value.cast(value)):
            self.add_bit(bit, shift + index)

    def add_signed(self, value, shift=0):
        """Add ``value * 2**shift``, the bits of ``value`` read as two's complement."""
        bits = list(Value.cast(value))
        for index, bit in enumerate(bits):
            self.add_bit(bit, shift + index, negative=index == len(bits) - 1)

    @property
    def heights(self):
        """How many bits each exponent has, ascending; exponents without a bit are left out."""
        return {e: sum(map(len, self._columns[e])) for e in sorted(self._columns)}

    def height(self):
        """Bits in the tallest column."""
        return max(self.heights.values(), default=0)

    def bits(self):
        """All bits as one value, column by column from the least weight: what ``Compressor.i`` takes."""
        return Cat(Cat(*self._columns[e]) for e in sorted(self._columns))


@dataclass(frozen=True)
class Counters:
    """``count`` parallel counters, each of which adds up ``inputs`` (3 or 6) bits of one column."""

    exponent: int
    inputs: int
    count: int

    @property
    def outputs(self):
        return self.inputs.bit_length()


@dataclass(frozen=True)
class Adder:
    """A carry-propagate adder that takes ``rows[i]`` bits (1 or 2; 3 in the lowest) of column ``exponent + i``."""

    exponent: int
    rows: tuple


@dataclass(frozen=True)
class Stage:
    """One LUT level: counters, adders; all other bits pass. ``registered`` if a register follows.

    ``luts`` estimates its six-input LUTs, ``heights`` are the columns that it leaves.
    """

    counters: tuple
    adders: tuple
    luts: int
    heights: dict
    registered: bool


@dataclass(frozen=True)
class Plan:
    """How a heap is compressed: ``stages`` from the column ``heights`` to a sum of ``width`` bits."""

    heights: dict
    width: int
    stages: tuple

    @property
    def latency(self):
        return sum(stage.registered for stage in self.stages)

    @property
    def luts(self):
        return sum(stage.luts for stage in self.stages)

    @property
    def flip_flops(self):
        return sum(sum(stage.heights.values()) for stage in self.stages if stage.registered)


def plan_compression(heights, *, fan_in=1, levels=1):
    """The cheapest plan that sums a heap with the given column heights.

    A 6:3 counter takes three six-input LUTs to remove three bits, a full adder two to remove one, a carry chain one
    a bit. So full adders are for the first stage alone, where three products of two signals fill the six inputs, then
    come 6:3 counters, and short carry chains finish. Where to change over is tried out.

    Parameters
    ----------
    heights : dict of int to int
        How many bits each exponent has.
    fan_in : int
        Signals that one bit of the heap depends on: its logic shares the LUTs of the first stage.
    levels : int
        LUT levels between registers. The last level is always registered, so the latency is ``ceil(stages / levels)``.
    """
    heights = {e: heights[e] for e in sorted(heights) if heights[e]}
    if not heights or min(heights) < 0:
        raise ValueError(f"Heights must have at least one bit and no negative exponent, not {heights!r}")
    for name, value in ("Fan-in", fan_in), ("Levels", levels):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value!r}")
    plans = [_plan(heights, fan_in, levels, limit) for limit in (2, 5, 8, 12)]
    return min(plans, key=lambda plan: 2 * plan.luts + plan.flip_flops)  # a slice has two flip-flops a LUT


def _plan(heights, fan_in, levels, limit):
    width = sum(h << e for e, h in heights.items()).bit_length()
    current, stages = heights, []
    while not stages or max(current.values()) > 1:
        inputs = fan_in if not stages else 1
        counters, adders = _stage(current, inputs, limit)
        after, luts = _outcome(current, counters, adders, inputs, width)
        stages.append((counters, adders, luts, after))
        current = after
    count = len(stages)
    return Plan(heights, width, tuple(
        Stage(*stage, registered=(n + 1) % levels == 0 or n + 1 == count) for n, stage in enumerate(stages)))


def _stage(heights, fan_in, limit):
    """Counters and adders of the next stage."""
    tallest = max(heights.values())
    if tallest <= (limit if fan_in == 1 else 2):
        return (), _adders(heights)
    size = {1: 6, 2: 3}.get(fan_in)
    if size is None:  # the products fill their LUTs
        return (), ()
    counters = tuple(Counters(e, size, h // size) for e, h in heights.items() if h >= size)
    return counters, () if counters or fan_in > 1 else _adders(heights)


def _adders(heights):
    """Adders over pairs of rows, until no column has two bits left."""
    left, adders = Counter(heights), []
    while any(h > 1 for h in left.values()):
        exponent = min(e for e in left if left[e] > 1)
        rows = [min(left[exponent], 3)]  # the third is the carry in
        while left[exponent + len(rows)]:
            rows.append(min(left[exponent + len(rows)], 2))
        for index, taken in enumerate(rows):
            left[exponent + index] -= taken
        adders.append(Adder(exponent, tuple(rows)))
    return tuple(adders)


def _outcome(heights, counters, adders, fan_in, width):
    """Column heights after a stage, and its LUTs. A column beyond ``width`` would always be zero."""
    after, luts = Counter(heights), 0
    for group in counters:
        after[group.exponent] -= group.inputs * group.count
    for adder in adders:
        after.subtract({adder.exponent + index: taken for index, taken in enumerate(adder.rows)})
        luts += len(adder.rows)
    luts += sum(after.values()) if fan_in > 1 else 0  # bits that only pass still need their product
    for group in counters:
        after.update({e: group.count for e in range(group.exponent, group.exponent + group.outputs)})
        luts += group.outputs * group.count
    for adder in adders:
        after.update(range(adder.exponent, adder.exponent + len(adder.rows) + 1))
    return {e: after[e] for e in sorted(after) if after[e] and e < width}, luts


class Compressor(wiring.Component):
    """Sum of a heap: ``o = sum(bit * 2**exponent)``, unsigned and exact, ``LATENCY`` cycles later. One heap per cycle.

    Built from plain operators, each used on all counters of a column at once. It runs freely, without enable.

    Parameters
    ----------
    plan : Plan
        From ``plan_compression``, with the heap's ``heights``.

    Members
    -------
    i : ``In(bits)``
        All bits, column by column from the least weight (``BitHeap.bits()``).
    o : ``Out(plan.width)``
    """

    def __init__(self, *, plan):
        self._plan = plan
        super().__init__({"i": In(sum(self._plan.heights.values())), "o": Out(self._plan.width)})

    @property
    def LATENCY(self):
        return self._plan.latency

    def elaborate(self, platform):
        m = Module()
        columns, start = {}, 0
        for exponent, height in self._plan.heights.items():
            columns[exponent] = self.i[start:start + height]
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
    """The columns after ``stage``, as lists of values."""
    used, outputs = Counter(), {}

    def take(exponent, count):
        used[exponent] += count
        return columns[exponent][used[exponent] - count:used[exponent]]

    def put(exponent, values):
        for index, value in enumerate(values):
            outputs.setdefault(exponent + index, []).append(value)

    for group in stage.counters:
        operands = [take(group.exponent, group.count) for _ in range(group.inputs)]
        put(group.exponent, (_full_adders if group.inputs == 3 else _six_counters)(m, *operands))
    for adder in stage.adders:
        put(adder.exponent, _ripple(m, adder, take))
    for exponent, column in columns.items():  # first in, first out: no bit waits for long
        outputs.setdefault(exponent, []).insert(0, column[used[exponent]:])
    return outputs


def _named(m, value):
    """A signal for ``value``: an expression that is used twice would be emitted twice."""
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
