"""The float32 baseline's PE x SIMD processing array: what ``hw.arrays.integer.IntegerArray`` is for integers."""

from amaranth.hdl import Array, Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.float32.sums import FloatSumOfFour, float_sum, float_sum_time
from fewbit.hw.float32.units import FloatAdd, FloatMul, pipe

from .interface import array_members, check_array

__all__ = ["FloatArray", "FloatPE"]


def _select(m, values, index):
    """``values[index]``, one cycle later."""
    return pipe(m, Array(values)[index] if len(values) > 1 else values[0])


def _pe_latencies(simd, steps):
    """Cycles from operands to the sum of their products, and to the partial sum that includes it."""
    total = float_sum_time([FloatMul.LATENCY] * simd)
    return total, total + FloatAdd.LATENCY * (steps > FloatAdd.LATENCY)


class FloatPE(wiring.Component):
    """One processing element: multipliers, adder tree and, with more steps than its latency, an accumulating adder.

    A new step every cycle in spite of that latency ``L``: step ``s`` is added to what left the adder when step
    ``s - L`` had been added, so that ``L`` partial sums are interleaved.

    Parameters
    ----------
    simd, steps : int
        Products per step; steps of a dot product.
    dsp : bool
        Whether multipliers take DSPs.

    Members
    -------
    x, w : ``In(ArrayLayout(unsigned(32), simd))``
    fresh : ``In(1)``
        One of the first ``L`` steps of a row, ``SUM_LATENCY`` cycles after ``x`` and ``w``.
    o : ``Out(32)``
        Partial sum that includes the step ``LATENCY`` cycles ago.
    """

    def __init__(self, *, simd, steps, dsp=True):
        self._simd, self._dsp = simd, dsp
        self._accumulates = steps > FloatAdd.LATENCY
        self.SUM_LATENCY, self.LATENCY = _pe_latencies(simd, steps)
        lanes = ArrayLayout(unsigned(32), simd)
        super().__init__({"x": In(lanes), "w": In(lanes), "fresh": In(1), "o": Out(32)})

    def elaborate(self, platform):
        m = Module()
        products = []
        for s in range(self._simd):
            m.submodules[f"mul{s}"] = mul = FloatMul(dsp=self._dsp)
            m.d.comb += [mul.a.eq(self.x[s]), mul.b.eq(self.w[s])]
            products.append(mul.o)
        total = float_sum(m, products, [FloatMul.LATENCY] * self._simd)
        if not self._accumulates:
            m.d.comb += self.o.eq(total)
            return m
        m.submodules.accumulate = accumulate = FloatAdd()
        # Sign and a zero exponent make any fraction -0, which leaves every sum as it is.
        partial = Cat(self.o[:23], self.o[23:31] & ~self.fresh.replicate(8), self.o[31] | self.fresh)
        m.d.comb += [accumulate.a.eq(total), accumulate.b.eq(partial), self.o.eq(accumulate.o)]
        return m


class FloatArray(wiring.Component):
    """``pe`` dot products at a time, ``simd`` products each per cycle, over ``steps`` cycles: a row.

    Results equal ``golden.numbers.float32.dot(..., partials=FloatAdd.LATENCY)``, which states the order of summation.
    The array runs freely: one step per cycle, the steps of a row in consecutive cycles, rows back to back or with gaps.
    Results leave as ``pe / lanes`` beats in consecutive cycles, results ``j * lanes ..`` in beat ``j``, the first one
    ``LATENCY`` cycles after ``last`` was presented.

    The ``min(steps, FloatAdd.LATENCY)`` partial sums of a PE are captured at the end of a row. Where rows are long
    enough (``4 * pe + 11`` steps), one adder then sums them and the bias, in four cycles a PE. Otherwise ``reducers``
    adder trees, the fewest that keep up, take one PE each per cycle.

    Parameters
    ----------
    pe, simd : int
        Dot products at a time; products of each per cycle.
    steps : int
        Steps of a row.
    lanes : int
        Results per beat. It must divide ``pe``, and ``pe / lanes`` must not exceed ``steps``.
    dsp : bool
        Whether multipliers take DSPs.
    groups : int
        Dot product ``p`` reads the lanes of group ``p // (pe / groups)``.

    Members
    -------
    x : ``In(ArrayLayout(unsigned(32), groups * simd))``
    w : ``In(ArrayLayout(unsigned(32), pe * simd))``
        Lane ``s`` of dot product ``p`` is element ``p * simd + s``.
    init : ``In(ArrayLayout(unsigned(32), pe))``
        Bias, sampled with the first step of a row.
    valid, first, last : ``In(1)``
        A step is presented; it is the first, the last of its row.
    o : ``Out(ArrayLayout(unsigned(32), lanes))``, o_valid : ``Out(1)``
    """

    def __init__(self, *, pe, simd, steps, lanes, dsp=True, groups=1):
        check_array(pe=pe, simd=simd, steps=steps, lanes=lanes, groups=groups)
        self._pe, self._simd, self._steps, self._lanes, self._dsp, self._groups = pe, simd, steps, lanes, dsp, groups
        self.reducers = next(n for n in range(1, pe + 1) if pe % n == 0 and pe // n <= steps)
        self._schedule()
        word = unsigned(32)
        super().__init__(array_members(x=word, w=word, acc=word, pe=pe, simd=simd, lanes=lanes, groups=groups))

    @property
    def dsps(self):
        """DSPs that it takes: two for a multiplier."""
        return 2 * self._pe * self._simd if self._dsp else 0

    def _schedule(self):
        """Times in cycles after ``last`` was presented; each is that of the first PE of a reducer."""
        self._partials = min(self._steps, FloatAdd.LATENCY)
        self._end = _pe_latencies(self._simd, self._steps)[1] - self._partials + 1
        self._selected = [self._end + 2 + i for i in range(self._partials)]
        # The last addition of a row, of the bias of the last PE, must precede the first word of the next row.
        self.serial = 4 * (self._pe - 1) + FloatSumOfFour.BIAS < self._steps
        self._interval = 4 if self.serial else 1
        self._biased = self._selected[0] + FloatSumOfFour.BIAS if self.serial else float_sum_time(self._selected)
        self._result = self._biased + FloatAdd.LATENCY
        # Reducers fill, and lanes empty, a register per PE: the last one filled must not be read too early.
        wait = max(p // self.reducers * self._interval - p // self._lanes for p in range(self._pe))
        self._read = self._result + 1 + wait
        self._reorders = self.reducers != self._lanes or (self.serial and self._pe > 1)
        self.LATENCY = self._read + 1 if self._reorders else self._result

    def elaborate(self, platform):
        m = Module()
        first, last = self.valid & self.first, self.valid & self.last
        end = pipe(m, last, self._end)
        partials = self._capture(m, self._partial_sums(m, first), end)
        reduce = self._reduce_serial if self.serial else self._reduce
        results = reduce(m, partials, self._hold(m, first), end)
        if self._reorders:
            results = self._reorder(m, results, pipe(m, last, self._result))
        m.d.comb += [self.o[i].eq(value) for i, value in enumerate(results)]
        valid = pipe(m, last, self.LATENCY, reset_less=False)  # no result of before a reset is left in it
        m.d.comb += self.o_valid.eq(self._during(m, valid, self._pe // self._lanes))
        return m

    def _reduce(self, m, partials, biases, end):
        index = self._counter(m, end, self._pe // self.reducers)
        bias_index = pipe(m, index, self._biased - 2 - self._end)
        results = []
        for r in range(self.reducers):
            mine = range(r, self._pe, self.reducers)
            words = [_select(m, [partials[p][i] for p in mine], pipe(m, index, i)) for i in range(self._partials)]
            total = float_sum(m, words, self._selected)
            results.append(float_sum(m, [total, _select(m, [biases[p] for p in mine], bias_index)], [0, 0]))
        return results

    def _reduce_serial(self, m, partials, biases, end):
        m.submodules.reducer = reducer = FloatSumOfFour()
        index = self._counter(m, end, 4 * self._pe)
        m.d.comb += [
            reducer.word.eq(_select(m, [word for words in partials for word in words], index)),
            reducer.count.eq(pipe(m, index[:2])),
            reducer.bias.eq(_select(m, biases, pipe(m, index, FloatSumOfFour.BIAS)[2:])),
        ]
        return [reducer.o]

    def _partial_sums(self, m, first):
        pes = []
        for p in range(self._pe):
            m.submodules[f"pe{p}"] = pe = FloatPE(simd=self._simd, steps=self._steps, dsp=self._dsp)
            group = p * self._groups // self._pe
            m.d.comb += [pe.x[s].eq(self.x[group * self._simd + s]) for s in range(self._simd)]
            m.d.comb += [pe.w[s].eq(self.w[p * self._simd + s]) for s in range(self._simd)]
            pes.append(pe)
        fresh = self._during(m, pipe(m, first, pes[0].SUM_LATENCY), FloatAdd.LATENCY)
        m.d.comb += [pe.fresh.eq(fresh) for pe in pes]
        return [pe.o for pe in pes]

    def _during(self, m, start, cycles):
        """High from ``start`` for ``cycles`` cycles; ``start`` may come again after these at the earliest."""
        left = Signal(range(cycles))
        with m.If(start):
            m.d.sync += left.eq(cycles - 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        return start | (left != 0)

    def _counter(self, m, start, count):
        """0 to ``count - 1`` from the cycle after ``start``; it runs on."""
        index = Signal(range(count), reset_less=True)
        m.d.sync += index.eq(index + 1)
        with m.If(start):
            m.d.sync += index.eq(0)
        return index

    def _capture(self, m, values, end):
        """Partials of each PE; they leave it in consecutive cycles, the first one at ``end``."""
        captured = [
            [Signal(32, name=f"partial{p}_{i}", reset_less=True) for i in range(self._partials)]
            for p in range(self._pe)
        ]
        for i in range(self._partials):
            with m.If(pipe(m, end, i)):
                m.d.sync += [captured[p][i].eq(value) for p, value in enumerate(values)]
        return captured

    def _hold(self, m, first):
        """Biases, from the cycle in which ``_select`` reads the first one, for ``steps`` cycles.

        A register holds for that long, so that a few of them in a row bridge the latency; for very short rows, which
        overlap many times, a shift register does.
        """
        biases = list(self.init)
        total = self._steps - 1 + self._biased - 2
        times = [*range(0, total, self._steps), total]
        if len(times) > 4:
            biases, times = [pipe(m, bias, total) for bias in biases], [total]
        for time in times:
            held = [Signal(32, name=f"bias{p}", reset_less=True) for p in range(self._pe)]
            with m.If(pipe(m, first, time)):
                m.d.sync += [after.eq(before) for after, before in zip(held, biases, strict=True)]
            biases = held
        return biases

    def _reorder(self, m, results, start):
        """``lanes`` results per cycle, in consecutive cycles, from ``reducers`` results every ``_interval`` cycles."""
        kept = [Signal(32, name=f"result{p}", reset_less=True) for p in range(self._pe)]
        for group in range(self._pe // self.reducers):
            with m.If(pipe(m, start, group * self._interval)):
                m.d.sync += [kept[group * self.reducers + r].eq(result) for r, result in enumerate(results)]
        beat = self._counter(m, pipe(m, start, self._read - 1 - self._result), self._pe // self._lanes)
        return [_select(m, kept[lane :: self._lanes], beat) for lane in range(self._lanes)]
