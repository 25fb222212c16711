"""The numbers of sums of two branches: which products they are of, and what they take."""

from functools import cached_property

import numpy as np

from fewbit.golden.network import joins
from fewbit.golden.network.loadable import LoadableAdd
from fewbit.hw.cost import Cost, product_luts
from fewbit.hw.float32.timing import ADD
from fewbit.hw.memory.buffers import writable_placement
from fewbit.hw.memory.placement import Contents
from fewbit.hw.packing import pack
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape

from .join_plan import JoinPlan, cost_of_join, cost_of_numbers, function_of_join, is_one_number, make_join
from .registry import cost_of, stage_of

__all__ = ["AddersPlan", "FloatAddersPlan", "LoadableAddersPlan"]

stage_of(joins.Add, joins.FloatAdd)(make_join)
cost_of(joins.Add)(cost_of_join)


@function_of_join(joins.FloatAdd)
class FloatAddersPlan(Plan):
    """Sums of float32 codes, an adder a lane, and their ReLU where the node has one."""

    latency, dsps = ADD, 0

    def __init__(self, join: JoinPlan):
        self.join = join

    def numbers(self) -> list[np.ndarray]:
        return []


@function_of_join(joins.Add)
class AddersPlan(Plan):
    """Sums of integers times whole numbers: three registers, of values and multipliers, products, and sums."""

    latency = 3

    def __init__(self, join: JoinPlan):
        self.join = join

    @property
    def dsps(self) -> int:
        """DSPs of the products of all lanes, at most."""
        return self.join.lanes * sum(map(self._in_dsp, range(2)))

    def numbers(self) -> list[np.ndarray]:
        return [np.broadcast_to(self.join.node.multipliers[n], self.join.channels) for n in range(2)]

    @property
    def counts(self) -> bool:
        """Whether some channels have other multipliers than others."""
        return not all(is_one_number(self._factors(n)) for n in range(2))

    @property
    def cost(self) -> Cost:
        """A sum takes a LUT for each bit that both terms have, and so do those that make a product with a constant."""
        p = self.join
        narrow, wide = sorted(map(self._term, range(2)), key=lambda shape: shape.width)
        found = Cost(p.lanes * (wide.width if narrow.signed else narrow.width), dsp=self.dsps)
        for n, fmt in enumerate(p.formats):
            factors = self._factors(n)
            found += cost_of_numbers(factors, p.lanes, p.beats_out)
            if is_one_number(factors):
                found += Cost(p.lanes * max(0, int(factors[0]).bit_count() - 1) * (fmt.bits + 2))
            elif not self._in_dsp(n):
                found += Cost(p.lanes * product_luts(fmt.bits, int(factors.max()).bit_length()))
        return found

    def _term(self, n):
        """Return the shape of the products of input ``n``."""
        edge, factors = self.join.edges[n], np.broadcast_to(self.join.node.multipliers[n], self.join.channels)
        ends = np.stack([edge.lo * factors, edge.hi * factors])
        return IntShape.holding(ends.min(), ends.max())

    def _factors(self, n):
        """Return the sizes of the multipliers of input ``n``, one a channel."""
        return np.abs(np.broadcast_to(self.join.node.multipliers[n], self.join.channels))

    def _in_dsp(self, n):
        """Return whether synthesis takes a DSP for the products of input ``n``: no shift, and of 9 bits or more."""
        p, factors = self.join, self._factors(n)
        bits = int(factors.max()).bit_length()
        alone = (factors == factors[0]).all() and int(factors[0]).bit_count() < 2
        return bool(not alone and bits > 1 and p.formats[n].bits > 1 and bits + p.formats[n].bits >= 9)


@function_of_join(LoadableAdd)
class LoadableAddersPlan(AddersPlan):
    """`AddersPlan` whose multipliers are loaded: a word has those of a beat, of the first input's lanes and then of the
    second's."""

    counts = True

    @property
    def bits(self) -> int:
        """Bits of a multiplier, its sign included."""
        return self.join.node.factor_bits + 1

    def numbers(self) -> list[np.ndarray]:
        return []

    @cached_property
    def memories(self) -> dict[str, Contents]:
        p, mask = self.join, (1 << self.bits) - 1
        rows = np.broadcast_to(p.node.multipliers, (2, p.channels)).reshape(2, p.beats_out, p.lanes).swapaxes(0, 1)
        words = [pack([int(n) & mask for n in row], self.bits) for row in rows.reshape(p.beats_out, -1)]
        return {"factors": Contents(2 * p.lanes * self.bits, words)}

    @property
    def cost(self) -> Cost:
        p = self.join
        memory = writable_placement(2 * p.lanes * self.bits, p.beats_out)
        products = sum(0 if self._in_dsp(n) else product_luts(f.bits, self.bits) for n, f in enumerate(p.formats))
        return Cost(memory.luts + p.lanes * (products + p.format.bits), memory.bram18, self.dsps)

    def _in_dsp(self, n):
        bits = self.join.formats[n].bits
        return bits > 1 and bits + self.bits >= 9
