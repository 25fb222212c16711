"""Chains of LUTs that add products of low-bit codes, in a netlist: the first part of `hw.xilinx.dot_product`."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from fewbit.hw.heap.partial_products import ProductTerms

from .sums import registered

__all__ = ["LEVELS", "Item", "add_chains", "items_of", "pairs_up", "together_of"]

LEVELS = 4  # LUTs of a chain between registers


@dataclass(frozen=True)
class Item:
    """What a lane adds to a column: a number from 0 to 2 that depends on some bits of its codes.

    Attributes
    ----------
    exponent : int
    x, w : tuples of int
        Bits of the activation, and of the weight, that it depends on.
    table : tuple of int
        The number for every value of these bits, the first of ``x`` counting fastest.
    """

    exponent: int
    x: tuple[int, ...]
    w: tuple[int, ...]
    table: tuple[int, ...]

    @property
    def fan_in(self) -> int:
        """Bits that the number depends on."""
        return len(self.x) + len(self.w)


def items_of(terms: ProductTerms) -> tuple[Item, ...]:
    """Return the `Item` of each partial product of `hw.heap.partial_products.ProductTerms`; two partial products that
    make 0 to 2 together become one."""
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


def add_chains(net, items, x, w, lanes, chain, levels):
    """Add the products of all lanes in chains.

    Parameters
    ----------
    net : hw.xilinx.netlist.Netlist
    items : tuple of `Item`
        What a lane adds.
    x, w : lists of lists of bits
        Activations and weights by bit plane and lane.
    lanes : int
    chain, levels : int
        LUTs of a chain in all, and between registers.

    Returns
    -------
    dict of int to list of bits, int
        The columns behind all chains, by exponent, and their latency in cycles.

    Raises
    ------
    ValueError
        If a product has more than four inputs.
    """
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


def pairs_up(table, fan_in):
    """Return whether a LUT of a chain takes a product and another one that a LUT of its own has made."""
    return max(table) == 1 and fan_in == 3


def together_of(table, fan_in):
    """Return how many products a LUT of a chain takes where none has a LUT of its own."""
    return 2 if max(table) == 1 and fan_in <= 2 else 1


def _chains_of(net, operands, table, chain):
    """Return, for each chain, what each of its LUTs adds: inputs, and a number as a function of them."""
    fan_in = len(operands[0])
    value = _number(table, fan_in, 1)
    if pairs_up(table, fan_in):
        chains, place = [], 0
        while place < len(operands):
            steps, place = [([*operands[place]], value)], place + 1
            while place < len(operands) and len(steps) < chain:
                taken, more, place = operands[place], operands[place + 1 : place + 2], place + 2
                extra = [net.lut(one, value)[0] for one in more]
                steps.append(([*taken, *extra], _with_bit(table) if extra else value))
            chains.append(steps)
        return chains
    if fan_in > 4:
        raise ValueError(f"A product of {fan_in} bits does not fit a LUT of a chain")
    together = together_of(table, fan_in)
    groups = [operands[n : n + together] for n in range(0, len(operands), together)]
    steps = [([bit for one in group for bit in one], _number(table, fan_in, len(group))) for group in groups]
    return [steps[n : n + chain] for n in range(0, len(steps), chain)]


# Functions of a LUT are made once, and so are their tables (`hw.xilinx.netlist.Netlist.lut`).


@lru_cache(maxsize=4096)
def _number(table, fan_in, count):
    """Return the sum of ``count`` products as a function of all their bits."""

    def total(*bits):
        parts = (bits[n : n + fan_in] for n in range(0, count * fan_in, fan_in))
        return sum(table[sum(bit << k for k, bit in enumerate(part))] for part in parts)

    return total


@lru_cache(maxsize=4096)
def _with_bit(table):
    """Return the sum of a product of three bits and a fourth bit."""
    value = _number(table, 3, 1)
    return lambda *bits: value(*bits[:3]) + bits[3]


@lru_cache(maxsize=4096)
def _functions(number, fan_in, running):
    """Return the functions of a LUT that adds a number of ``fan_in`` bits to a running bit, if there is one: the bit of
    the sum, and its carry if there can be one."""
    if running:
        return (lambda r, *b: (r + number(*b)) & 1), (lambda r, *b: (r + number(*b)) >> 1)
    most = max(number(*bits) for bits in product((0, 1), repeat=fan_in))
    functions = (lambda *b: number(*b) & 1), (lambda *b: number(*b) >> 1)
    return functions[: most.bit_length()]


def _step(net, run, inputs, number):
    """Return the running bit behind one LUT, and the carry if there can be one."""
    before = [] if run is None else [run]
    return net.lut([*before, *inputs], *_functions(number, len(inputs), bool(before)))
