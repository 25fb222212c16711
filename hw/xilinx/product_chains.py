"""Chains of LUTs that add products of low-bit codes, in a netlist: the first part of `hw.xilinx.dot_product`."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from fewbit.hw.heap.partial_products import ProductTerms

from .sums import registered

__all__ = ["LEVELS", "Item", "add_chains", "items_of"]

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
    cases = np.array(list(product((False, True), repeat=x_bits + w_bits)))[:, ::-1].T
    found = [(np.asarray(bit), exponent) for bit, exponent in terms.terms(cases[:x_bits], cases[x_bits:])]
    items = []
    while found:
        value, exponent = found.pop(0)
        value = value.astype(np.int8)
        if found and found[0][1] == exponent + 1 and (value + 2 * found[0][0]).max() <= 2 and x_bits + w_bits <= 4:
            value = value + 2 * found.pop(0)[0]
        needed = [k for k in range(len(cases)) if _matters(value, k)]
        # Of the cases, in which bit 0 counts fastest, those in which all other bits are 0.
        table = value.reshape((2,) * len(cases))[tuple(slice(None) if k in needed else 0 for k in _falling(len(cases)))]
        items.append(
            Item(exponent, tuple(k for k in needed if k < x_bits), tuple(k - x_bits for k in needed if k >= x_bits),
                 tuple(int(v) for v in table.reshape(-1)))
        )  # fmt: skip
    return tuple(items)


def _matters(value, k):
    """Return whether values for all cases of some bits depend on bit k."""
    pairs = value.reshape(-1, 2, 1 << k)
    return bool((pairs[:, 0] != pairs[:, 1]).any())


def _falling(count):
    return range(count - 1, -1, -1)


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


def _chains_of(net, operands, table, chain):
    """Return, for each chain, what each of its LUTs adds: inputs, and a number as a function of them."""
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
    """Return the running bit behind one LUT, and the carry if there can be one."""
    if run is None:
        most = max(function(*bits) for bits in product((0, 1), repeat=len(inputs)))
        functions = (lambda *b: function(*b) & 1, lambda *b: function(*b) >> 1)
        return net.lut(inputs, *functions[: most.bit_length()])
    return net.lut([run, *inputs], lambda r, *b: (r + function(*b)) & 1, lambda r, *b: (r + function(*b)) >> 1)
