"""Sums in Xilinx LUTs: the counters of a stage, and signed sums of bits and a constant, as netlists.

A `Number` is bits with a coefficient each. A `Heap` collects multiples of numbers; what is subtracted enters inverted,
and the ones that make up for it are a constant, which costs nothing: the last carry chain's LUTs take it up.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from .counters import plan_stages
from .netlist import plain

__all__ = ["Heap", "Number", "TableSum", "add_heaps", "compress", "digits_of", "registered"]

_ROWS = 3  # bits of a column that a carry chain adds
_FLIP_FLOP = 0.2  # LUTs that one is worth: many bits wait here


def registered(net, columns):
    """Return columns of bits one cycle later."""
    flat = [bit for e in sorted(columns) for bit in columns[e]]
    moved = dict(zip(flat, net.register(flat), strict=True))
    return {e: [moved[bit] for bit in bits] for e, bits in columns.items()}


# Counters


def compress(net, columns, counters, width):
    """Return the columns behind a stage of counters and its register; of ``width`` columns."""
    after, taken_of = {}, dict.fromkeys(columns, 0)
    for counter in counters:
        taken = []
        for k, count in enumerate(counter.inputs):
            first = taken_of.get(counter.exponent + k, 0)
            taken.append(columns[counter.exponent + k][first : first + count] if count else [])
            taken_of[counter.exponent + k] = first + count
        given = _block_chain(net, counter.blocks, taken) if counter.blocks else _full_adder(net, taken[0])
        for k, bit in enumerate(given):
            after.setdefault(counter.exponent + k, []).append(bit)
    for e, bits in columns.items():
        after[e] = [*bits[taken_of[e] :], *after.get(e, [])]
    return registered(net, {e: bits for e, bits in after.items() if bits and e < width})


# Functions of a LUT are made once, and so are their tables (`hw.xilinx.netlist.Netlist.lut`).


def _parity(*bits):
    return sum(bits) & 1


def _majority(a, b, c):
    return a + b + c > 1


def _full_adder(net, bits):
    return net.lut(bits, _parity, _majority)


@lru_cache
def _block_functions(count):
    """Return the functions of a block's LUTs of whose bits ``count`` are in its own column, the others in the next: the
    lower position with and without the bit that enters beside it, and both of the upper one."""

    def number(*b):
        return sum(b[:count]) + 2 * sum(b[count:])

    return (
        lambda *b: number(*b) & 1,
        lambda *b: (number(*b[:-1]) ^ b[-1]) & 1,
        lambda *b: number(*b) >> 1 & 1,
        lambda *b: number(*b) > 3,
    )


def _block_chain(net, blocks, taken):
    """Return the sums and the last carry: a block's number is 0 to 5, one bit more enters beside it."""
    s, di, cin = [], [], None
    for k, _ in enumerate(blocks):
        own, above = taken[2 * k], taken[2 * k + 1] if 2 * k + 1 < len(taken) else []
        own = sorted(own, key=lambda bit: bit < 0)  # the bit that goes around the LUT cannot be inverted
        extra, own = net.upright(own[0]), own[1:]
        bits = [*own, *above]
        first, lower, *upper = _block_functions(len(own))
        if k == 0:  # the carry in of the whole chain
            cin = extra
            s += net.lut(bits, first)
            di.append(0)
        else:
            s += net.lut([*bits, extra], lower)
            di.append(extra)
        # The upper position is 1 for 2 and 3; for 4 and 5 it generates, and what comes from below stays in its sum.
        given = net.lut(bits, *upper)
        s.append(given[0])
        di.append(given[1])
    return net.carry(cin, s, di)


# Numbers and heaps


@dataclass(frozen=True)
class Number:
    """``sum(coefficient * bit) + offset``, in ``lo .. hi``; coefficients are plus or minus powers of two."""

    bits: tuple[tuple[int, int], ...]
    offset: int
    lo: int
    hi: int

    def with_bits(self, moved):
        """Return the same number in other bits, by a dict from the old to the new ones."""
        return Number(tuple((moved[bit], c) for bit, c in self.bits), self.offset, self.lo, self.hi)


def digits_of(value):
    """Return the canonic signed digits: powers of two, positive and negative, of which no two are neighbours."""
    value, power, digits = int(value), 1, []
    while value:
        if value & 1:
            digit = 2 - (value & 3)
            digits.append(digit * power)
            value -= digit
        value, power = value >> 1, power << 1
    return digits


class Heap:
    """A sum of multiples of numbers and a constant, modulo ``2**width``.

    Attributes
    ----------
    columns : dict of lists
        Bits by exponent.
    constant, width : int
    """

    def __init__(self, constant, width, terms=()):
        self.columns, self.constant, self.width = defaultdict(list), int(constant), width
        for factor, number in terms:
            self.add(factor, number)

    def add(self, factor, number):
        """Add ``factor * number``."""
        self.constant += int(factor) * number.offset
        for digit in digits_of(factor):
            for bit, coefficient in number.bits:
                weight = digit * coefficient
                self.constant += min(weight, 0)
                exponent = abs(weight).bit_length() - 1
                if exponent < self.width:
                    self.columns[exponent].append(bit if weight > 0 else ~bit)

    @property
    def key(self):
        """What is equal for heaps of the same sum."""
        columns = tuple((e, tuple(sorted(bits))) for e, bits in sorted(self.columns.items()) if bits)
        return columns, self.constant % (1 << self.width), self.width

    def stages(self, **limits):
        """Return the counters of each stage; ``limits`` as of `hw.xilinx.counters.plan_stages`."""
        heights = tuple(len(self.columns.get(e, ())) for e in range(max(self.columns, default=-1) + 1))
        rows = tuple(_ROWS - (self.constant >> e & 1) for e in range(self.width))
        return [
            counters
            for _, counters in plan_stages(heights, self.width, rows, **({"flip_flop": _FLIP_FLOP} | limits))[1]
        ]

    def finish(self, net, columns):
        """Return the sum's bits, of columns of at most two bits."""
        return _finish(net, columns, self.constant, self.width)


class TableSum(Heap):
    """A sum of so few bits that LUTs give it at once: at most `TableSum.MOST`."""

    MOST = 6

    def stages(self, **limits):
        return []

    def finish(self, net, columns):
        weights = [(bit, 1 << e) for e, bits in columns.items() for bit in bits]
        inputs = list(dict.fromkeys(plain(bit) for bit, _ in weights))

        def output(k):
            def function(*values):
                known = dict(zip(inputs, values, strict=True))
                total = self.constant + sum(weight * (known[plain(b)] ^ (b < 0)) for b, weight in weights)
                return total >> k & 1

            return function

        together = 2 if len(inputs) < TableSum.MOST else 1
        functions = [output(k) for k in range(self.width)]
        parts = [functions[k : k + together] for k in range(0, self.width, together)]
        return [bit for part in parts for bit in net.lut(inputs, *part)]


def add_heaps(net, heaps, waiting=(), *, last=True):
    """Compress all ``heaps`` together; returns the bits of each sum, ``waiting`` numbers as late, and the cycles taken.

    A heap of fewer stages begins later, so that all are done at once. With ``last`` the sums are registered.
    """
    distinct = {heap.key: heap for heap in heaps}
    plans = _planned(distinct)
    columns = {key: dict(heap.columns) for key, heap in distinct.items()}
    depth = max((len(plan) for plan in plans.values()), default=0)
    waiting = list(waiting)
    for step in range(depth):
        idle = [key for key, plan in plans.items() if step < depth - len(plan)]
        for key in plans.keys() - set(idle):
            columns[key] = compress(net, columns[key], plans[key][step - depth], distinct[key].width)
        bits = [bit for key in idle for column in columns[key].values() for bit in column]
        moved, waiting = _moved(net, bits, waiting)
        for key in idle:
            columns[key] = {e: [moved[bit] for bit in column] for e, column in columns[key].items()}
    sums = {key: heap.finish(net, columns[key]) for key, heap in distinct.items()}
    if last:
        flat = [bit for bits in sums.values() for bit in bits]
        moved, waiting = _moved(net, flat, waiting)
        sums = {key: [moved[bit] for bit in bits] for key, bits in sums.items()}
    return [sums[heap.key] for heap in heaps], waiting, depth + last


def _planned(heaps):
    """Return the stages of each of a dict of heaps; a few that take longer than all others are planned anew, as all
    would wait.
    """
    plans = {key: heap.stages() for key, heap in heaps.items()}
    while True:
        longest = max(map(len, plans.values()), default=0)
        late = [key for key, plan in plans.items() if len(plan) == longest]
        if len(late) > len(plans) / 4 or not longest:
            return plans
        try:
            plans |= {key: heaps[key].stages(flip_flop=1, most=longest - 1) for key in late}
        except ValueError:
            return plans


def _moved(net, bits, numbers):
    """Return a dict from the ``bits`` to the same ones a cycle later, and the numbers so late."""
    flat = [*bits, *(bit for number in numbers for bit, _ in number.bits)]
    moved = dict(zip(flat, net.register(flat), strict=True))
    return moved, [number.with_bits(moved) for number in numbers]


def _finish(net, columns, constant, width):
    """Return the sum's bits: at most `_ROWS` bits a column, those of a constant included, in one carry chain."""
    rows = [list(columns.get(e, ())) for e in range(width)]
    ones = [constant >> e & 1 for e in range(width)]
    low = []
    for bits, one in zip(rows, ones, strict=True):  # nothing is carried out of these
        if len(bits) + one > 1:
            break
        low.append(bits[0] if bits else one)
    s, di, saved = [], [], None
    for bits, one in zip(rows[len(low) :], ones[len(low) :], strict=True):
        out, generate, saved = _position(net, bits, one, saved)
        s.append(out)
        di.append(generate)
    return low + (net.carry(0, s, di)[:-1] if s else [])


def _position(net, bits, one, entering):
    """Return, for a chain's position, its select and generate inputs, and a bit of the next column if there are three
    here.
    """
    inputs = [*bits, entering] if entering is not None else [*bits]
    count = len(inputs) + one
    if count > 2:  # the carry of all but the entering bit goes around the chain, which has room for one only
        out, saved = net.lut(
            inputs,
            lambda *b: (sum(b) + one) & 1,
            lambda *b: sum(b[: len(bits)]) + one > 1,
        )
        return out, 0 if entering is None else entering, saved
    select = net.lut(inputs, lambda *b: (sum(b) + one) & 1)[0] if inputs else one
    if count < 2:
        return select, 0, None
    return select, 1 if one else net.upright(max(inputs)), None
