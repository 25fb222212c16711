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

from fewbit.golden.numbers.format import Format
from fewbit.hw.heap.partial_products import product_terms

from .counters import plan_stages
from .netlist import Netlist, NetlistUnit, weighed
from .pe_counts import PECount, count_pe, count_rows, most_of
from .product_chains import LEVELS, Item, add_chains, items_of
from .sums import compress

__all__ = ["LutPE", "LutRows", "best_pe", "best_rows", "build_pe", "build_sum", "count_best_pe", "count_best_rows",
           "smallest_pe"]  # fmt: skip

CHAINS = (4, 8)  # LUTs of a chain: what is tried
_ENDLESS = 10_000


@dataclass(frozen=True)
class LutPE(NetlistUnit):
    """A processing element as a netlist.

    Attributes
    ----------
    netlist : hw.xilinx.netlist.Netlist
    x, w : lists of lists of bits
        Activations and weights, by bit plane and lane.
    init, load : bits
    sum : list of bits
        What the accumulator's flip-flops take.
    held : list of bits
        What they hold: inputs of the netlist.
    latency : int
        Cycles from codes to ``sum``; ``init``, ``load`` and ``held`` are of that cycle.
    """

    w: list[list[int]]
    init: list[int]
    load: int | None
    held: list[int]
    sum: list[int]
    latency: int

    @property
    def flip_flops(self) -> int:
        """Flip-flops, those of the accumulator included."""
        return self.netlist.flip_flops + len(self.sum)

    @property
    def own_flip_flops(self) -> int:
        """Flip-flops without those that only delay activations, which PEs share."""
        shared, count = {bit for plane in self.x for bit in plane}, 0
        for cell in self.netlist.cells:
            late = {q for q, d in cell.waits() if d in shared}
            shared |= late
            count += len(late)
        return self.flip_flops - count


@dataclass(frozen=True)
class LutRows(NetlistUnit):
    """The heap of a processing element, compressed to two rows of bits that something else adds and accumulates.

    Attributes
    ----------
    netlist, x, w, latency : as of `LutPE`
    rows : two lists of bits
        Bits of each row from exponent 0 on: registers, or constants.
    """

    w: list[list[int]]
    rows: tuple[list[int], list[int]]
    latency: int


@lru_cache(maxsize=256)
def best_pe(x_format: Format, w_format: Format, lanes: int, acc_bits: int, feedback: bool) -> LutPE:
    """Return the `LutPE` for activations and weights of these formats that takes the fewest LUTs, flip-flops weighed.

    Raises
    ------
    ValueError
        If a format has no partial products, or they do not fit the LUTs of a chain.
    """
    chain, _ = _best(x_format, w_format, lanes, acc_bits, feedback)
    return build_pe(*_parts(x_format, w_format), lanes, acc_bits, feedback=feedback, chain=chain)


def count_best_pe(x_format: Format, w_format: Format, lanes: int, acc_bits: int, feedback: bool) -> PECount:
    """Return what `best_pe` takes, without making it."""
    return _best(x_format, w_format, lanes, acc_bits, feedback)[1]


@lru_cache(maxsize=1 << 12)
def _best(x_format, w_format, lanes, acc_bits, feedback):
    """Return the length of the best chains, and what a PE of them takes.

    Longer chains take fewer LUTs, but what they add late is kept in flip-flops until then.
    """
    shape = *_parts(x_format, w_format), lanes, acc_bits
    counts = {chain: count_pe(*shape, feedback=feedback, chain=chain) for chain in CHAINS}
    return min(counts.items(), key=lambda found: weighed(found[1].luts, found[1].own_flip_flops))


@lru_cache(maxsize=256)
def _parts(x_format: Format, w_format: Format) -> tuple[tuple[Item, ...], int, int]:
    """Return what a lane adds, and the bits of both codes."""
    return items_of(product_terms(x_format, w_format)), x_format.bits, w_format.bits


@lru_cache(maxsize=256)
def smallest_pe(x_format: Format, w_format: Format, lanes: int, acc_bits: int, feedback: bool) -> LutPE:
    """Return the `LutPE` with one chain for all products, without registers in it: the fewest LUTs, at a slow clock."""
    shape = *_parts(x_format, w_format), lanes, acc_bits
    return build_pe(*shape, feedback=feedback, chain=_ENDLESS, levels=_ENDLESS)


@lru_cache(maxsize=256)
def best_rows(x_format: Format, w_format: Format, lanes: int, acc_bits: int) -> LutRows:
    """Return the `LutRows` of the fewest LUTs, of ``acc_bits`` columns; parameters as for `best_pe`."""
    chain, _ = _best_rows(x_format, w_format, lanes, acc_bits)
    return _build_rows(*_parts(x_format, w_format), lanes, acc_bits, chain)


def count_best_rows(x_format: Format, w_format: Format, lanes: int, acc_bits: int) -> PECount:
    """Return what `best_rows` takes, without making it."""
    return _best_rows(x_format, w_format, lanes, acc_bits)[1]


@lru_cache(maxsize=1 << 12)
def _best_rows(x_format, w_format, lanes, acc_bits):
    """Return the length of the best chains, and what rows of them take."""
    shape = *_parts(x_format, w_format), lanes, acc_bits
    counts = {chain: count_rows(*shape, chain=chain) for chain in CHAINS}
    return min(counts.items(), key=lambda found: weighed(found[1].luts, found[1].flip_flops))


def _build_rows(items, x_bits, w_bits, lanes, acc_bits, chain):
    net = Netlist()
    x, w = ([net.input(lanes) for _ in range(bits)] for bits in (x_bits, w_bits))
    columns, latency = add_chains(net, items, x, w, lanes, chain, LEVELS)
    columns, more = _compressed(net, columns, most_of(items, lanes), acc_bits)
    rows = tuple([(*columns.get(e, ()), 0, 0)[k] for e in range(acc_bits)] for k in range(2))
    net.check("rows of a heap", [(b, 0) for b in (*x, *w)], [*rows[0], *rows[1]], latency + more)
    return LutRows(net, x, w, rows, latency + more)


def build_pe(
    items: tuple[Item, ...],
    x_bits: int,
    w_bits: int,
    lanes: int,
    acc_bits: int,
    *,
    feedback: bool = True,
    chain: int = CHAINS[0],
    levels: int = LEVELS,
) -> LutPE:
    """Return the `LutPE` of ``sum = (init if load else held) + sum of all items of all lanes``, modulo ``2**acc_bits``.

    Parameters
    ----------
    items : tuple of `Item`
        What a lane adds.
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
    columns, latency = add_chains(net, items, x, w, lanes, chain, levels)
    return _finished(net, columns, most_of(items, lanes), latency, (x, w), (init, load, held))


@lru_cache(maxsize=256)
def build_sum(heights: tuple[tuple[int, int], ...], acc_bits: int, feedback: bool) -> LutPE:
    """Return a `LutPE` whose products are made elsewhere: ``x`` is the heap, by column.

    Parameters
    ----------
    heights : tuple of (int, int)
        Pairs of an exponent and the bits of that weight.
    acc_bits : int
        Bits of the accumulator.
    feedback : bool
        Whether it accumulates.
    """
    net = Netlist()
    columns = {exponent: net.input(count) for exponent, count in heights}
    init = net.input(acc_bits)
    load, held = (net.input(1)[0], net.input(acc_bits)) if feedback else (None, [])
    total = sum(count << exponent for exponent, count in heights)
    return _finished(net, columns, total, 0, (list(columns.values()), []), (init, load, held))


def _finished(net, columns, total, latency, operands, accumulator):
    """Return the `LutPE` of these columns, of which the sum is at most ``total``."""
    init, load, held = accumulator
    columns, more = _compressed(net, columns, total, len(init))
    rows = [columns.get(e, []) for e in range(len(init))]
    pe = LutPE(net, *operands, init, load, held, _accumulate(net, rows, init, load, held), latency + more)
    late = [*init, *held] if load is None else [load, *init, *held]
    inputs = [*((bits, 0) for planes in operands for bits in planes), (late, pe.latency)]
    net.check("a processing element", inputs, pe.sum, pe.latency)
    return pe


def _compressed(net, columns, total, acc_bits):
    """Return columns of at most two bits, and the cycles that compressing takes."""
    width = min(acc_bits, total.bit_length())
    heights = tuple(len(columns.get(e, ())) for e in range(min(max(columns) + 1, width)))
    _, stages = plan_stages(heights, width)
    for _, counters in stages:
        columns = compress(net, columns, counters, width)
    return columns, len(stages)


# The accumulator


def _accumulate(net, rows, init, load, held):
    """Return the sum of rows of at most two bits a column and of the accumulator, made in one carry chain.

    ``rows`` has the column of each bit of the sum.
    """
    saves, below = [], False  # whether a column has three bits, of which one goes on to the next
    for bits in rows:
        below = len(bits) + below > 1
        saves.append(below)
    old = [[load, first, last] for first, last in zip(init, held, strict=True)] if held else [[bit] for bit in init]
    if held:  # columns whose LUT has no room for the choice; a LUT makes two of them
        full = [i for i, bits in enumerate(rows) if len(bits) == 2 and i > 0 and saves[i - 1]]
        for i, *other in (full[n : n + 2] for n in range(0, len(full), 2)):
            inputs = [load, init[i], held[i]] + [bit for k in other for bit in (init[k], held[k])]
            found = net.lut(inputs, _first_of, *[_second_of] * len(other))
            for k, bit in zip((i, *other), found, strict=True):
                old[k] = [bit]
    s, di, saved = [], [], None
    for bits, was, save in zip(rows, old, saves, strict=True):
        below = [] if saved is None else [saved]
        inputs = [*bits, *was, *below]
        outputs = net.lut(inputs, *_position_functions(len(bits), len(was))[: 1 + save])
        s.append(outputs[0])
        di.append(below[0] if below else bits[0] if bits and not save else 0)
        saved = outputs[1] if save else None
    return net.carry(0, s, di)[:-1]


def _first_of(choose, a, b, *_):
    return a if choose else b


def _second_of(choose, _, __, a, b):
    return a if choose else b


@lru_cache
def _position_functions(count, choice):
    """Return the functions of a position of the accumulator: of ``count`` bits of the rows, of what it held, one bit or
    a choice of three, and of what goes on from below, the bit of the sum and whether one goes on to the next."""
    both = count + choice

    def value(b):
        c = b[count:both]
        return sum(b[:count]) + (c[0] if choice == 1 else c[1] if c[0] else c[2])

    return (lambda *b: (value(b) + sum(b[both:])) & 1), (lambda *b: value(b) > 1)
