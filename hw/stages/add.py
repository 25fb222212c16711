"""Sums of two branches."""

from functools import cached_property

import numpy as np
from amaranth.hdl import Signal

from fewbit.golden.network import joins
from fewbit.golden.network.loadable import LoadableAdd
from fewbit.hw.codes import value_of
from fewbit.hw.cost import Cost, product_luts
from fewbit.hw.float32.units import FloatAdd, float_relu
from fewbit.hw.memory.buffers import writable_placement
from fewbit.hw.memory.placement import Contents
from fewbit.hw.packing import pack
from fewbit.hw.shapes import IntShape
from fewbit.hw.streams import counter
from fewbit.hw.wires import register

from .join import JoinPlan, cost_of_join, cost_of_numbers, function_of_join, is_one_number, make_join, numbers_of_beat
from .registry import cost_of, stage_of

__all__ = ["Adders", "FloatAdders", "LoadableAdders"]

stage_of(joins.Add, joins.FloatAdd)(make_join)
cost_of(joins.Add)(cost_of_join)


@function_of_join(joins.FloatAdd)
class FloatAdders:
    """Sums of float32 codes, an adder a lane, and their ReLU where the node has one."""

    latency, dsps = FloatAdd.LATENCY, 0

    def __init__(self, plan: JoinPlan):
        self.plan = plan

    def numbers(self) -> list[np.ndarray]:
        return []

    def results(self, m, a, b, accept):
        """Yield the sum of every lane of the beats ``a`` and ``b``."""
        for k in range(self.plan.lanes):
            m.submodules[f"add{k}"] = add = FloatAdd()
            m.d.comb += [add.a.eq(a[k]), add.b.eq(b[k])]
            yield float_relu(add.o) if self.plan.node.relu else add.o


@function_of_join(joins.Add)
class Adders:
    """Sums of integers times whole numbers: three registers, of values and multipliers, products, and sums."""

    latency = 3

    def __init__(self, plan: JoinPlan):
        self.plan = plan

    @property
    def dsps(self) -> int:
        """DSPs of the products of all lanes, at most."""
        return self.plan.lanes * sum(map(self._in_dsp, range(2)))

    def numbers(self) -> list[np.ndarray]:
        return [np.broadcast_to(self.plan.node.multipliers[n], self.plan.channels) for n in range(2)]

    @property
    def counts(self) -> bool:
        """Whether some channels have other multipliers than others."""
        return not all(is_one_number(self._factors(n)) for n in range(2))

    @property
    def cost(self) -> Cost:
        """A sum takes a LUT for each bit that both terms have, and so do those that make a product with a constant."""
        p = self.plan
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
        edge, factors = self.plan.edges[n], np.broadcast_to(self.plan.node.multipliers[n], self.plan.channels)
        ends = np.stack([edge.lo * factors, edge.hi * factors])
        return IntShape.holding(ends.min(), ends.max())

    def _factors(self, n):
        """Return the sizes of the multipliers of input ``n``, one a channel."""
        return np.abs(np.broadcast_to(self.plan.node.multipliers[n], self.plan.channels))

    def _in_dsp(self, n):
        """Return whether synthesis takes a DSP for the products of input ``n``: no shift, and of 9 bits or more."""
        p, factors = self.plan, self._factors(n)
        bits = int(factors.max()).bit_length()
        alone = (factors == factors[0]).all() and int(factors[0]).bit_count() < 2
        return bool(not alone and bits > 1 and p.formats[n].bits > 1 and bits + p.formats[n].bits >= 9)

    def results(self, m, a, b, accept):
        """Return the sum of every lane of the beats ``a`` and ``b``, which are taken where ``accept`` says so."""
        p = self.plan
        beat, _ = counter(m, "beat", p.beats_out, accept)
        factors = [
            numbers_of_beat(m, f"factors{n}", beat, np.broadcast_to(p.node.multipliers[n], p.channels), p.lanes)
            for n in range(2)
        ]
        return self._sums(m, a, b, factors)

    def _sums(self, m, a, b, factors):
        """Yield the sum of every lane, of values times ``factors``, by input and lane, that are there a cycle later."""
        p = self.plan
        for k in range(p.lanes):
            products = []
            for n, codes in enumerate((a, b)):
                held = register(m, value_of(codes[k], p.formats[n]), f"value{n}_{k}")
                products.append(register(m, held * factors[n][k], f"product{n}_{k}"))
            total = Signal(p.format.bits, name=f"sum{k}", reset_less=True)
            m.d.sync += total.eq(products[0] + products[1])
            yield total


@function_of_join(LoadableAdd)
class LoadableAdders(Adders):
    """`Adders` whose multipliers are loaded: a word has those of a beat, of the first input's lanes and then of the
    second's."""

    counts = True

    @property
    def bits(self) -> int:
        """Bits of a multiplier, its sign included."""
        return self.plan.node.factor_bits + 1

    def numbers(self) -> list[np.ndarray]:
        return []

    @cached_property
    def memories(self) -> dict[str, Contents]:
        p, mask = self.plan, (1 << self.bits) - 1
        rows = np.broadcast_to(p.node.multipliers, (2, p.channels)).reshape(2, p.beats_out, p.lanes).swapaxes(0, 1)
        words = [pack([int(n) & mask for n in row], self.bits) for row in rows.reshape(p.beats_out, -1)]
        return {"factors": Contents(2 * p.lanes * self.bits, words)}

    @property
    def cost(self) -> Cost:
        p = self.plan
        memory = writable_placement(2 * p.lanes * self.bits, p.beats_out)
        products = sum(0 if self._in_dsp(n) else product_luts(f.bits, self.bits) for n, f in enumerate(p.formats))
        return Cost(memory.luts + p.lanes * (products + p.format.bits), memory.bram18, self.dsps)

    def _in_dsp(self, n):
        bits = self.plan.formats[n].bits
        return bits > 1 and bits + self.bits >= 9

    def loaded(self, m, a, b, accept, memory):
        """Return the sum of every lane of the beats ``a`` and ``b``; ``memory(name)`` makes a memory."""
        p = self.plan
        beat, _ = counter(m, "beat", p.beats_out, accept)
        m.submodules.factors = factors = memory("factors")
        m.d.comb += factors.address.eq(beat)
        each = [factors.data[n * self.bits : (n + 1) * self.bits].as_signed() for n in range(2 * p.lanes)]
        return self._sums(m, a, b, [each[: p.lanes], each[p.lanes :]])
