"""Sums of planes become one accumulator: multiplied by the neuron's coefficients, once a row, in one bit heap."""

from amaranth.hdl import Module

from fewbit.hw.heap.bit_heap import BitHeap, Compressor
from fewbit.hw.plan import component_of

from .planes_plan import CombinePlan
from .units import Activation

__all__ = ["Combine"]


@component_of(CombinePlan)
class Combine(Activation):
    """``o = addend + sum_p coefficient[p] * i[p]`` modulo ``2**acc_bits`` for each of ``lanes`` neurons a beat.

    Latency: one cycle to read coefficients, and those of the heap's compressor. One beat a cycle.

    Parameters
    ----------
    plan : hw.activation.planes_plan.CombinePlan
    """

    def elaborate(self, platform):
        m = Module()
        beat = self.counted(m)
        held = [self.delayed(m, self.i[k], 1, f"sums{k}_") for k in range(self.plan.lanes)]
        factors = [self._factors(m, beat, p) for p in range(self.plan.planes)]
        addends = self.numbers(m, "addends", beat)
        for lane in range(self.plan.lanes):
            heap = BitHeap()
            for e, bit in enumerate(addends[lane]):
                heap.add_bits(bit, e)
            for p, c in enumerate(self.plan.held):
                self._add(heap, c, held[lane][p * self.plan.width : (p + 1) * self.plan.width], factors[p], lane)
            m.submodules[f"heap{lane}"] = sum_ = Compressor(plan=self.plan.compression)
            m.d.comb += [sum_.i.eq(heap.bits()), self.o[lane].eq(sum_.o)]
        self.finish(m)
        return m

    def _factors(self, m, beat, p):
        return None if self.plan.held[p].constant else self.numbers(m, f"coefficients{p}", beat)

    def _add(self, heap, c, value, factors, lane):
        for k, negative in c.places():
            for e, bit in enumerate(value):
                if k + e < self.plan.acc_bits:
                    product = bit if factors is None else bit & factors[lane][k]
                    heap.add_bits(~product if negative else product, k + e)
