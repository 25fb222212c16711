"""What a processing element that is a netlist takes, counted without making one.

A netlist of thousands of lanes takes seconds and hundreds of megabytes, of which planning needs four numbers. They
follow from how `hw.xilinx.product_chains` puts products into chains, from the heights of columns, and from how
`hw.xilinx.dot_product` adds the last two rows; they are those of the netlist, exactly.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .counters import plan_stages
from .product_chains import LEVELS, Item, pairs_up, together_of

__all__ = ["PECount", "count_pe", "count_rows", "count_sum", "most_of"]


@dataclass(frozen=True)
class PECount:
    """What a netlist takes, and when its sum is there.

    Attributes
    ----------
    luts : int
        LUT6_2.
    flip_flops : int
        Flip-flops, those of an accumulator included.
    shared : int
        Of these, the ones that only delay activations, which PEs share.
    latency : int
        Cycles from codes to the sum.
    """

    luts: int
    flip_flops: int
    shared: int
    latency: int

    @property
    def own_flip_flops(self) -> int:
        """Flip-flops without those that PEs share."""
        return self.flip_flops - self.shared


def count_pe(
    items: Sequence[Item], x_bits: int, w_bits: int, lanes: int, acc_bits: int, *,
    feedback: bool, chain: int, levels: int = LEVELS,
) -> PECount:  # fmt: skip
    """Return what `hw.xilinx.dot_product.build_pe` takes with these parameters."""
    found = _Count(_Chains(items, x_bits, w_bits, lanes, chain, levels))
    found.compress(most_of(items, lanes), acc_bits)
    found.accumulate(acc_bits, feedback)
    return found.done()


def count_rows(
    items: Sequence[Item], x_bits: int, w_bits: int, lanes: int, acc_bits: int, *, chain: int
) -> PECount:  # fmt: skip
    """Return what the two rows take that a `hw.xilinx.dot_product.LutRows` with these parameters gives."""
    found = _Count(_Chains(items, x_bits, w_bits, lanes, chain, LEVELS))
    found.compress(most_of(items, lanes), acc_bits)
    return found.done()


@lru_cache(maxsize=1 << 12)
def count_sum(heights: tuple[tuple[int, int], ...], acc_bits: int, feedback: bool) -> PECount:
    """Return what `hw.xilinx.dot_product.build_sum` takes with these parameters; no bit counts as shared."""
    found = _Count(None)
    found.columns.update(heights)
    found.compress(sum(count << exponent for exponent, count in heights), acc_bits)
    found.accumulate(acc_bits, feedback)
    return found.done()


def most_of(items: Sequence[Item], lanes: int) -> int:
    """Return the largest sum of all lanes."""
    return sum(max(item.table) << item.exponent for item in items) * lanes


class _Chains:
    """Chains of products (`hw.xilinx.product_chains.add_chains`): LUTs, flip-flops, latency, heights of columns."""

    def __init__(self, items, x_bits, w_bits, lanes, chain, levels):
        self.lanes, self.chain, self.levels = lanes, chain, levels
        self.luts = self.flip_flops = self.shared = 0
        self.columns: dict[int, int] = defaultdict(int)
        kinds = defaultdict(list)
        for item in items:
            kinds[item.exponent, item.table].append(item)
        made = [_Kind(exponent, table, found, lanes, chain) for (exponent, table), found in kinds.items()]
        segments = -(-max(kind.longest for kind in made) // levels)
        for segment in range(segments - 1):
            self._register(made, (segment + 1) * levels, x_bits, w_bits)
        self.latency = segments
        for kind in made:
            self.luts += kind.luts
            self.columns[kind.exponent] += kind.chains
            carries = kind.carries(kind.longest)
            if carries:
                self.columns[kind.exponent + 1] += carries
        self.flip_flops += sum(self.columns.values())

    def _register(self, kinds, done, x_bits, w_bits):
        """Count the flip-flops behind the first ``done`` steps of all chains: what is there, and what comes later."""
        x, w = (np.zeros((bits, self.lanes), dtype=bool) for bits in (x_bits, w_bits))
        for kind in kinds:
            self.flip_flops += kind.chains + kind.carries(done) + kind.mark(done, x, w)
        late = int(x.sum())
        self.shared += late
        self.flip_flops += late + int(w.sum())


class _Kind:
    """The chains of all products of one table in one column."""

    def __init__(self, exponent, table, items, lanes, chain):
        self.exponent, self.items, self.lanes, self.chain = exponent, items, lanes, chain
        count, place = len(items) * lanes, np.arange(len(items) * lanes)
        self.extra = np.zeros(count, dtype=bool)  # products with a LUT of their own beside the chain
        if pairs_up(table, items[0].fan_in):
            within = place % (2 * chain - 1)
            self.extra = (within > 0) & (within % 2 == 0)
            number, self.step = place // (2 * chain - 1), (within + 1) // 2
            self.luts, first = count, np.ones(1, dtype=np.int64)
        else:
            together = together_of(table, items[0].fan_in)
            number, self.step = np.divmod(place // together, chain)
            self.luts = -(-count // together)
            first = np.bincount(number[self.step == 0])  # products of the first LUT of each chain
        self.chains = int(number[-1]) + 1
        self.lengths = np.full(self.chains, chain)
        self.lengths[-1] = self.step[-1] + 1
        self.longest = int(self.lengths.max())
        self._first = int((first * max(table) > 1).sum()) if not pairs_up(table, items[0].fan_in) else 0

    def carries(self, done):
        """Return the carries of the first ``done`` steps: one a step, of the first only if it can be two or more."""
        return int((np.minimum(self.lengths, done) - 1).sum()) + self._first

    def mark(self, done, x, w):
        """Mark the bits of x and w that are read by later steps; return how many products beside chains wait."""
        late = self.step >= done
        for number, item in enumerate(self.items):
            part = slice(number * self.lanes, (number + 1) * self.lanes)
            read = late[part] & ~self.extra[part]
            for k in item.x:
                x[k] |= read
            for k in item.w:
                w[k] |= read
        return int((late & self.extra).sum())


class _Count:
    """A processing element that is counted, part by part."""

    def __init__(self, chains):
        self.columns: dict[int, int] = defaultdict(int)
        self.luts = self.flip_flops = self.shared = self.latency = 0
        if chains is not None:
            self.columns, self.luts, self.latency = chains.columns, chains.luts, chains.latency
            self.flip_flops, self.shared = chains.flip_flops, chains.shared

    def compress(self, total, acc_bits):
        """Count the counters and their registers."""
        width = min(acc_bits, total.bit_length())
        heights = tuple(self.columns.get(e, 0) for e in range(min(max(self.columns) + 1, width)))
        _, stages = plan_stages(heights, width)
        self.latency += len(stages)
        for _, counters in stages:
            after = defaultdict(int, {e: h for e, h in self.columns.items() if e < width})
            for counter in counters:
                self.luts += counter.luts
                for k, taken in enumerate(counter.inputs):
                    after[counter.exponent + k] -= taken
                for k in range(counter.outputs):
                    after[counter.exponent + k] += 1
            self.columns = {e: h for e, h in after.items() if h and e < width}
            self.flip_flops += sum(self.columns.values())

    def accumulate(self, acc_bits, feedback):
        """Count the last carry chain and the accumulator: a LUT a bit, and the choices that have no room in it."""
        full, below = 0, False
        for e in range(acc_bits):
            bits = self.columns.get(e, 0)
            full += bits == 2 and below
            below = bits + below > 1
        self.luts += acc_bits + (-(-full // 2) if feedback else 0)
        self.flip_flops += acc_bits

    def done(self):
        return PECount(self.luts, self.flip_flops, self.shared, self.latency)
