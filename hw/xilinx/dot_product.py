"""A dot product of low-bit codes in Xilinx LUTs: chains of products, counters, and an accumulator, as a netlist.

1. **Chains.** A LUT6_2 adds as many products as fit into four inputs, and at most two, to a running bit: the sum's bit
   goes on to the next LUT, its carry into the next column. So a product needs no LUT of its own, and a product of two
   bits costs half a LUT, its first full adder included. Of products of three inputs one is made beside the chain.
2. **Counters**, as `hw.xilinx.counters` places them, until no column has more than two bits.
3. **Accumulator.** Both rows, and what it held or its initial value, in one carry chain, a LUT a bit.

Between registers are at most ``LEVELS`` LUTs and one carry chain.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from fewbit.hw.heap.partial_products import product_terms

from .counters import plan_stages
from .netlist import Netlist, Register
from .sums import compress, registered

__all__ = ["Item", "LutPE", "LutRows", "best_pe", "best_rows", "build_pe", "build_sum", "items_of", "smallest_pe"]

LEVELS = 4  # LUTs of a chain between registers
CHAINS = (4, 8)  # LUTs of a chain: what is tried
_ENDLESS = 10_000


@dataclass(frozen=True)
class Item:
    """What a lane adds to a column: a number from 0 to 2 that depends on some bits of its codes.

    Attributes
    ----------
    exponent : int
    x, w : tuples of int
        Which bits of the activation and of the weight.
    table : tuple of int
        The number for every value of these bits, the first of ``x`` counting fastest.
    """

    exponent: int
    x: tuple
    w: tuple
    table: tuple

    @property
    def fan_in(self):
        return len(self.x) + len(self.w)


def items_of(terms):
    """The `Item` of each partial product of `hw.heap.partial_products.ProductTerms`; two that make 0 to 2 together
    become one."""
    x_bits, w_bits = terms.x_format.bits, terms.w_format.bits
    given = [_Function.bit(k) for k in range(x_bits + w_bits)]
    found = [(bit.numbers(), exponent) for bit, exponent in terms.terms(given[:x_bits], given[x_bits:])]
    items = []
    while found:
        value, exponent = found.pop(0)
        if found and found[0][1] == exponent + 1 and x_bits + w_bits <= 4:
            both = value.with_(found[0][0], lambda low, high: low + 2 * high)
            if both.table.max() <= 2:
                found.pop(0)
                value = both
        value = value.reduced()
        x, w = (tuple(k for k in value.needs if (k < x_bits) == of_x) for of_x in (True, False))
        table = tuple(int(v) for v in value.table.reshape(-1))
        items.append(Item(exponent, x, tuple(k - x_bits for k in w), table))
    return tuple(items)


@dataclass(frozen=True, eq=False)
class _Function:
    """A function of some bits, by its values: a term reads few bits, however many its codes have.

    Attributes
    ----------
    needs : tuple of int
        The bits, rising.
    table : array of shape ``(2,) * len(needs)``
        The value for each case, the last of ``needs`` along the first axis.
    """

    needs: tuple
    table: np.ndarray

    @classmethod
    def bit(cls, k):
        """Bit ``k`` itself."""
        return cls((k,), np.array([False, True]))

    def with_(self, other, function):
        """``function`` of this value and another one's."""
        needs = tuple(sorted({*self.needs, *other.needs}))
        return _Function(needs, function(self._over(needs), other._over(needs)))

    def _over(self, needs):
        shape = tuple(2 if k in self.needs else 1 for k in reversed(needs))
        return np.broadcast_to(self.table.reshape(shape), (2,) * len(needs))

    def __and__(self, other):
        return self.with_(other, np.logical_and)

    def __or__(self, other):
        return self.with_(other, np.logical_or)

    def __xor__(self, other):
        return self.with_(other, np.logical_xor)

    def __invert__(self):
        return _Function(self.needs, ~self.table)

    def numbers(self):
        """The same with 0 and 1 for false and true."""
        return _Function(self.needs, self.table.astype(np.int8))

    def reduced(self):
        """The same without bits that it does not depend on."""
        needs, table = list(self.needs), self.table
        for k in self.needs:
            axis = len(needs) - 1 - needs.index(k)
            low, high = np.take(table, 0, axis), np.take(table, 1, axis)
            if (low == high).all():
                needs.remove(k)
                table = low
        return _Function(tuple(needs), table)


@dataclass(frozen=True)
class LutPE:
    """A processing element as a netlist.

    Attributes
    ----------
    netlist : hw.xilinx.netlist.Netlist
    x, w : lists of lists of bits
        By bit plane and lane.
    init, load : bits
    sum : list of bits
        What the accumulator's flip-flops take.
    held : list of bits
        What they hold: inputs of the netlist.
    latency : int
        Cycles from codes to ``sum``; ``init``, ``load`` and ``held`` are of that cycle.
    """

    netlist: Netlist
    x: list
    w: list
    init: list
    load: int | None
    held: list
    sum: list
    latency: int

    @property
    def luts(self):
        return self.netlist.luts

    @property
    def flip_flops(self):
        """Those of the accumulator included."""
        return self.netlist.flip_flops + len(self.sum)

    @property
    def own_flip_flops(self):
        """Without those that only delay activations, which PEs share."""
        shared, count = {bit for plane in self.x for bit in plane}, 0
        for cell in self.netlist.cells:
            if isinstance(cell, Register):
                late = {q for d, q in zip(cell.d, cell.q, strict=True) if d in shared}
                shared |= late
                count += len(late)
        return self.flip_flops - count


@dataclass(frozen=True)
class LutRows:
    """The heap of a processing element, compressed to two rows of bits that something else adds and accumulates.

    Attributes
    ----------
    netlist, x, w, latency : as of `LutPE`
    rows : two lists of bits
        From exponent 0; registers, or constants.
    """

    netlist: Netlist
    x: list
    w: list
    rows: tuple
    latency: int

    @property
    def luts(self):
        return self.netlist.luts


@lru_cache(maxsize=256)
def best_pe(x_format, w_format, lanes, acc_bits, feedback):
    """The `LutPE` for activations and weights of these formats that takes the fewest LUTs.

    Flip-flops count beyond two for each LUT: longer chains take fewer LUTs, but what they add late is kept until then.
    """
    shape = items_of(product_terms(x_format, w_format)), x_format.bits, w_format.bits, lanes, acc_bits
    found = (build_pe(*shape, feedback=feedback, chain=chain) for chain in CHAINS)
    return min(found, key=lambda pe: pe.luts + max(0, pe.own_flip_flops - 2 * pe.luts) / 4)


@lru_cache(maxsize=256)
def smallest_pe(x_format, w_format, lanes, acc_bits, feedback):
    """Likewise with one chain for all products, without registers in it: the fewest LUTs, at a slow clock."""
    shape = items_of(product_terms(x_format, w_format)), x_format.bits, w_format.bits, lanes, acc_bits
    return build_pe(*shape, feedback=feedback, chain=_ENDLESS, levels=_ENDLESS)


@lru_cache(maxsize=256)
def best_rows(x_format, w_format, lanes, acc_bits):
    """The `LutRows` of the fewest LUTs, of ``acc_bits`` columns; parameters as for `best_pe`."""
    items = items_of(product_terms(x_format, w_format))
    found = (_build_rows(items, x_format.bits, w_format.bits, lanes, acc_bits, chain) for chain in CHAINS)
    return min(found, key=lambda unit: unit.luts + max(0, unit.netlist.flip_flops - 2 * unit.luts) / 4)


def _build_rows(items, x_bits, w_bits, lanes, acc_bits, chain):
    net = Netlist()
    x, w = ([net.input(lanes) for _ in range(bits)] for bits in (x_bits, w_bits))
    columns, latency = _chains(net, items, x, w, lanes, chain, LEVELS)
    columns, more = _compressed(net, columns, _most(items, lanes), acc_bits)
    rows = tuple([(*columns.get(e, ()), 0, 0)[k] for e in range(acc_bits)] for k in range(2))
    net.check("rows of a heap", [(b, 0) for b in (*x, *w)], [*rows[0], *rows[1]], latency + more)
    return LutRows(net, x, w, rows, latency + more)


def build_pe(items, x_bits, w_bits, lanes, acc_bits, *, feedback=True, chain=CHAINS[0], levels=LEVELS):
    """``sum = (init if load else held) + sum of all items of all lanes``, modulo ``2**acc_bits``.

    Parameters
    ----------
    items : tuple of `Item`
        Of a lane.
    x_bits, w_bits, lanes, acc_bits : int
    feedback : bool
        Whether it accumulates; if not, there is neither ``load`` nor ``held``.
    chain, levels : int
        LUTs of a chain in all, and between registers.
    """
    net = Netlist()
    x, w = ([net.input(lanes) for _ in range(bits)] for bits in (x_bits, w_bits))
    init = net.input(acc_bits)
    load, held = (net.input(1)[0], net.input(acc_bits)) if feedback else (None, [])
    columns, latency = _chains(net, items, x, w, lanes, chain, levels)
    return _finished(net, columns, _most(items, lanes), latency, (x, w), (init, load, held))


def _most(items, lanes):
    """The largest sum."""
    return sum(max(item.table) << item.exponent for item in items) * lanes


@lru_cache(maxsize=256)
def build_sum(heights, acc_bits, feedback):
    """A `LutPE` whose products are made elsewhere: ``x`` is the heap, by column.

    Parameters
    ----------
    heights : tuple of (exponent, bits)
    """
    net = Netlist()
    columns = {exponent: net.input(count) for exponent, count in heights}
    init = net.input(acc_bits)
    load, held = (net.input(1)[0], net.input(acc_bits)) if feedback else (None, [])
    total = sum(count << exponent for exponent, count in heights)
    return _finished(net, columns, total, 0, (list(columns.values()), []), (init, load, held))


def _finished(net, columns, total, latency, operands, accumulator):
    """The `LutPE` of these columns, of which the sum is at most ``total``."""
    init, load, held = accumulator
    columns, more = _compressed(net, columns, total, len(init))
    rows = [columns.get(e, []) for e in range(len(init))]
    pe = LutPE(net, *operands, init, load, held, _accumulate(net, rows, init, load, held), latency + more)
    late = [*init, *held] if load is None else [load, *init, *held]
    inputs = [*((bits, 0) for planes in operands for bits in planes), (late, pe.latency)]
    net.check("a processing element", inputs, pe.sum, pe.latency)
    return pe


def _compressed(net, columns, total, acc_bits):
    """Columns of at most two bits, and the cycles taken."""
    width = min(acc_bits, total.bit_length())
    heights = tuple(len(columns.get(e, ())) for e in range(min(max(columns) + 1, width)))
    _, stages = plan_stages(heights, width)
    for _, counters in stages:
        columns = compress(net, columns, counters, width)
    return columns, len(stages)


# Chains


def _chains(net, items, x, w, lanes, chain, levels):
    """Columns of bits after all chains, as lists by exponent, and their latency."""
    segments = -(-chain // levels)
    by_kind = {}
    for item in items:
        operands = [[*(x[k][lane] for k in item.x), *(w[k][lane] for k in item.w)] for lane in range(lanes)]
        by_kind.setdefault((item.exponent, item.table), []).extend(operands)
    columns = {}
    pending = [
        (exponent, None, steps)
        for (exponent, table), operands in sorted(by_kind.items())
        for steps in _chains_of(net, operands, table, chain)
    ]
    for segment in range(segments):
        later = []
        for exponent, run, steps in pending:
            for step in steps[:levels]:
                run, *carry = _step(net, run, *step)
                for bit in carry:
                    columns.setdefault(exponent + 1, []).append(bit)
            later.append((exponent, run, steps[levels:]))
        if segment == segments - 1 or not any(steps for *_, steps in later):
            for exponent, run, _ in later:
                columns.setdefault(exponent, []).append(run)
            return registered(net, columns), segment + 1
        live = [bit for _, run, steps in later for bit in (run, *(b for inputs, _ in steps for b in inputs))]
        moved = dict(zip(live, net.register(live), strict=True))
        columns = registered(net, columns)
        pending = [
            (exponent, moved[run], [([moved[b] for b in inputs], function) for inputs, function in steps])
            for exponent, run, steps in later
        ]
    raise AssertionError("a chain has a last segment")


def _chains_of(net, operands, table, chain):
    """For each chain what each of its LUTs adds: inputs, and a number as a function of them."""
    fan_in = len(operands[0])

    def value(*bits):
        return table[sum(bit << k for k, bit in enumerate(bits))]

    if max(table) == 1 and fan_in == 3:  # beside every product that a chain takes, one that has a LUT of its own
        chains, left = [], list(operands)
        while left:
            steps = [([*left.pop(0)], value)]
            while left and len(steps) < chain:
                taken, more, left = left[0], left[1:2], left[2:]
                extra = [net.lut(one, value)[0] for one in more]
                steps.append(([*taken, *extra], lambda *bits: value(*bits[:3]) + sum(bits[3:])))
            chains.append(steps)
        return chains
    together = 2 if max(table) == 1 and fan_in <= 2 else 1
    if fan_in > 4:
        raise ValueError(f"A product of {fan_in} bits does not fit a LUT of a chain")
    groups = [operands[n : n + together] for n in range(0, len(operands), together)]
    steps = [([bit for one in group for bit in one], _sum_of(value, fan_in)) for group in groups]
    return [steps[n : n + chain] for n in range(0, len(steps), chain)]


def _sum_of(value, fan_in):
    def total(*bits):
        return sum(value(*bits[n : n + fan_in]) for n in range(0, len(bits), fan_in))

    return total


def _step(net, run, inputs, function):
    """The running bit and the carry behind one LUT."""
    if run is None:
        most = max(function(*bits) for bits in product((0, 1), repeat=len(inputs)))
        functions = (lambda *b: function(*b) & 1, lambda *b: function(*b) >> 1)
        return net.lut(inputs, *functions[: most.bit_length()])
    return net.lut([run, *inputs], lambda r, *b: (r + function(*b)) & 1, lambda r, *b: (r + function(*b)) >> 1)


# The accumulator


def _accumulate(net, rows, init, load, held):
    """Rows of at most two bits a column, and the accumulator, in one carry chain; ``rows`` has one for each bit."""
    saves, below = [], False  # whether a column has three bits, of which one goes on to the next
    for bits in rows:
        below = len(bits) + below > 1
        saves.append(below)
    old = [[load, first, last] for first, last in zip(init, held, strict=True)] if held else [[bit] for bit in init]
    if held:  # columns whose LUT has no room for the choice; a LUT makes two of them
        full = [i for i, bits in enumerate(rows) if len(bits) == 2 and i > 0 and saves[i - 1]]
        for i, *other in (full[n : n + 2] for n in range(0, len(full), 2)):
            inputs = [load, init[i], held[i]] + [bit for k in other for bit in (init[k], held[k])]
            first, second = (lambda to, a, b, *_: a if to else b), (lambda to, _, __, a, b: a if to else b)
            found = net.lut(inputs, first, *[second] * len(other))
            for k, bit in zip((i, *other), found, strict=True):
                old[k] = [bit]
    s, di, saved = [], [], None
    for bits, was, save in zip(rows, old, saves, strict=True):
        count, both, below = len(bits), len(bits) + len(was), [] if saved is None else [saved]

        def value(b, count=count, both=both):
            c = b[count:both]
            return sum(b[:count]) + (c[0] if len(c) == 1 else c[1] if c[0] else c[2])

        def parity(*b, value=value, both=both):
            return (value(b) + sum(b[both:])) & 1

        inputs = [*bits, *was, *below]
        outputs = net.lut(inputs, parity, *[lambda *b, value=value: value(b) > 1] * save)
        s.append(outputs[0])
        di.append(below[0] if below else bits[0] if bits and not save else 0)
        saved = outputs[1] if save else None
    return net.carry(0, s, di)[:-1]
