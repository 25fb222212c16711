"""The float32 baseline's PE x SIMD processing array: what ``hw.arrays.integer.IntegerArray`` is for integers."""

from typing import Protocol

from amaranth.hdl import Array, Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.float32.sums import FloatSumOfFour, float_sum
from fewbit.hw.float32.units import FloatAdd, FloatMul, pipe
from fewbit.hw.plan import component_of
from fewbit.hw.shared import SharedComponent
from fewbit.hw.wires import Lanes

from .float32_plan import FloatArrayPlan
from .interface import array_members

__all__ = ["FloatArray", "FloatPE", "FloatProducts"]


def _select(m, values, index):
    """Return ``values[index]``, one cycle later."""
    return pipe(m, Array(values)[index] if len(values) > 1 else values[0])


class FloatProducts(Protocol):
    """What a `FloatPE` reads of its plan, a `hw.arrays.float32_plan.FloatArrayPlan`."""

    simd: int
    dsp: bool
    accumulates: bool


class FloatPE(SharedComponent):
    """One processing element: multipliers, adder tree and, with more steps than its latency, an accumulating adder.

    A new step every cycle in spite of that latency ``L``: step ``s`` is added to what left the adder when step
    ``s - L`` had been added, so that ``L`` partial sums are interleaved.

    Parameters
    ----------
    plan : hw.arrays.float32_plan.FloatArrayPlan

    Members
    -------
    x, w : ``In(Lanes(unsigned(32), simd))``
    fresh : ``In(1)``
        One of the first ``L`` steps of a row, ``plan.sum_latency`` cycles after ``x`` and ``w``.
    o : ``Out(32)``
        Partial sum that includes the step ``plan.partial_latency`` cycles ago.
    """

    def __init__(self, plan: FloatProducts):
        self.plan = plan
        lanes = Lanes(unsigned(32), plan.simd)
        super().__init__({"x": In(lanes), "w": In(lanes), "fresh": In(1), "o": Out(32)})

    @property
    def definition(self) -> ModuleDefinition:
        p = self.plan
        return ModuleDefinition.of("float_pe", str(p.simd), simd=p.simd, dsp=p.dsp, accumulates=p.accumulates)

    def circuit(self) -> Module:
        m = Module()
        products, simd = [], self.plan.simd
        for s in range(simd):
            m.submodules[f"mul{s}"] = mul = FloatMul(dsp=self.plan.dsp)
            m.d.comb += [mul.a.eq(self.x[s]), mul.b.eq(self.w[s])]
            products.append(mul.o)
        total = float_sum(m, products, [FloatMul.LATENCY] * simd)
        if not self.plan.accumulates:
            m.d.comb += self.o.eq(total)
            return m
        m.submodules.accumulate = accumulate = FloatAdd()
        # Sign and a zero exponent make any fraction -0, which leaves every sum as it is.
        partial = Cat(self.o[:23], self.o[23:31] & ~self.fresh.replicate(8), self.o[31] | self.fresh)
        m.d.comb += [accumulate.a.eq(total), accumulate.b.eq(partial), self.o.eq(accumulate.o)]
        return m


@component_of(FloatArrayPlan)
class FloatArray(wiring.Component):
    """``pe`` dot products at a time, ``simd`` products each per cycle, over ``steps`` cycles: a row.

    Results equal ``golden.numbers.float32.dot(..., partials=FloatAdd.LATENCY)``, which states the order of summation.
    The array runs freely: one step per cycle, the steps of a row in consecutive cycles, rows back to back or with gaps.
    Results leave as ``pe / lanes`` beats in consecutive cycles, results ``j * lanes ..`` in beat ``j``, the first one
    ``plan.latency`` cycles after ``last`` was presented.

    The partial sums of a PE are captured at the end of a row. Then one adder, or ``plan.reducers`` adder trees, sum
    them and the bias (`hw.arrays.float32_plan.FloatArrayPlan`).

    Parameters
    ----------
    plan : hw.arrays.float32_plan.FloatArrayPlan

    Members
    -------
    x : ``In(Lanes(unsigned(32), groups * simd))``
    w : ``In(Lanes(unsigned(32), pe * simd))``
        Lane ``s`` of dot product ``p`` is element ``p * simd + s``.
    init : ``In(Lanes(unsigned(32), pe))``
        Bias, sampled with the first step of a row.
    valid, first, last : ``In(1)``
        A step is presented; it is the first, the last of its row.
    o : ``Out(Lanes(unsigned(32), lanes))``, o_valid : ``Out(1)``
    """

    def __init__(self, plan):
        self.plan = plan
        word = unsigned(32)
        super().__init__(array_members(plan, x=word, w=word, acc=word))

    def elaborate(self, platform):
        m = Module()
        first, last = self.valid & self.first, self.valid & self.last
        end = pipe(m, last, self.plan.end)
        partials = self._capture(m, self._partial_sums(m, first), end)
        reduce = self._reduce_serial if self.plan.serial else self._reduce
        results = reduce(m, partials, self._hold(m, first), end)
        if self.plan.reorders:
            results = self._reorder(m, results, pipe(m, last, self.plan.result))
        m.d.comb += [self.o[i].eq(value) for i, value in enumerate(results)]
        valid = pipe(m, last, self.plan.latency, reset_less=False)  # no result of before a reset is left in it
        m.d.comb += self.o_valid.eq(self._during(m, valid, self.plan.pe // self.plan.lanes))
        return m

    def _reduce(self, m, partials, biases, end):
        index = self._counter(m, end, self.plan.pe // self.plan.reducers)
        bias_index = pipe(m, index, self.plan.biased - 2 - self.plan.end)
        results = []
        for r in range(self.plan.reducers):
            mine = range(r, self.plan.pe, self.plan.reducers)
            words = [_select(m, [partials[p][i] for p in mine], pipe(m, index, i)) for i in range(self.plan.partials)]
            total = float_sum(m, words, self.plan.selected)
            results.append(float_sum(m, [total, _select(m, [biases[p] for p in mine], bias_index)], [0, 0]))
        return results

    def _reduce_serial(self, m, partials, biases, end):
        m.submodules.reducer = reducer = FloatSumOfFour()
        index = self._counter(m, end, 4 * self.plan.pe)
        m.d.comb += [
            reducer.word.eq(_select(m, [word for words in partials for word in words], index)),
            reducer.count.eq(pipe(m, index[:2])),
            reducer.bias.eq(_select(m, biases, pipe(m, index, FloatSumOfFour.BIAS)[2:])),
        ]
        return [reducer.o]

    def _partial_sums(self, m, first):
        pes = []
        for p in range(self.plan.pe):
            m.submodules[f"pe{p}"] = pe = FloatPE(self.plan)
            group = p * self.plan.groups // self.plan.pe
            m.d.comb += [pe.x[s].eq(self.x[group * self.plan.simd + s]) for s in range(self.plan.simd)]
            m.d.comb += [pe.w[s].eq(self.w[p * self.plan.simd + s]) for s in range(self.plan.simd)]
            pes.append(pe)
        fresh = self._during(m, pipe(m, first, self.plan.sum_latency), FloatAdd.LATENCY)
        m.d.comb += [pe.fresh.eq(fresh) for pe in pes]
        return [pe.o for pe in pes]

    def _during(self, m, start, cycles):
        """Return what is high from ``start`` on for ``cycles`` cycles; ``start`` must not come again earlier."""
        left = Signal(range(cycles))
        with m.If(start):
            m.d.sync += left.eq(cycles - 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        return start | (left != 0)

    def _counter(self, m, start, count):
        """Return a counter that is 0 to ``count - 1`` from the cycle after ``start`` on; it runs on."""
        index = Signal(range(count), reset_less=True)
        m.d.sync += index.eq(index + 1)
        with m.If(start):
            m.d.sync += index.eq(0)
        return index

    def _capture(self, m, values, end):
        """Return the partial sums of each PE, held; they leave it in consecutive cycles, the first one at ``end``."""
        captured = [
            [Signal(32, name=f"partial{p}_{i}", reset_less=True) for i in range(self.plan.partials)]
            for p in range(self.plan.pe)
        ]
        for i in range(self.plan.partials):
            with m.If(pipe(m, end, i)):
                m.d.sync += [captured[p][i].eq(value) for p, value in enumerate(values)]
        return captured

    def _hold(self, m, first):
        """Return the biases, held for ``steps`` cycles from the one in which `_select` reads the first.

        A register holds for that long, so that a few of them in a row bridge the latency; for very short rows, which
        overlap many times, a shift register does.
        """
        biases = list(self.init)
        total = self.plan.steps - 1 + self.plan.biased - 2
        times = [*range(0, total, self.plan.steps), total]
        if len(times) > 4:
            biases, times = [pipe(m, bias, total) for bias in biases], [total]
        for time in times:
            held = [Signal(32, name=f"bias{p}", reset_less=True) for p in range(self.plan.pe)]
            with m.If(pipe(m, first, time)):
                m.d.sync += [after.eq(before) for after, before in zip(held, biases, strict=True)]
            biases = held
        return biases

    def _reorder(self, m, results, start):
        """Return ``lanes`` results a cycle, without a gap, of ``reducers`` results every ``interval`` cycles."""
        kept = [Signal(32, name=f"result{p}", reset_less=True) for p in range(self.plan.pe)]
        for group in range(self.plan.pe // self.plan.reducers):
            with m.If(pipe(m, start, group * self.plan.interval)):
                m.d.sync += [kept[group * self.plan.reducers + r].eq(result) for r, result in enumerate(results)]
        beat = self._counter(m, pipe(m, start, self.plan.read - 1 - self.plan.result), self.plan.pe // self.plan.lanes)
        return [_select(m, kept[lane :: self.plan.lanes], beat) for lane in range(self.plan.lanes)]
