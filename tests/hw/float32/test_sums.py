# amaranth: UnusedElaboratable=no
"""Sums of several float32 values: the tree, and the adder that takes four in a row."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.numbers import float32
from fewbit.hw.float32.sums import FloatSumOfFour, float_sum
from fewbit.hw.float32.timing import float_sum_time
from fewbit.hw.float32.units import FloatAdd
from tests.support.stream_bench import assert_varied, simulate


def codes(values):
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


@pytest.mark.parametrize("pause", [0, FloatSumOfFour.BIAS - 3, FloatSumOfFour.BIAS + 2])
def test_four_in_a_row(pause):
    """Groups of four one behind the other, or with a pause behind every third of them."""
    rng = np.random.default_rng(pause)
    groups = 15
    words, bias = (rng.normal(size=size).astype(np.float32) for size in ((groups, 4), (groups,)))
    a, b, c, d = words.T
    want = codes(float32.add(float32.add(float32.add(a, b), float32.add(c, d)), bias))
    assert_varied(want)
    starts = [4 * g + g // 3 * pause for g in range(groups)]
    dut, found = FloatSumOfFour(), []

    async def testbench(ctx):
        found.clear()
        start = 0
        for cycle in range(starts[-1] + dut.LATENCY + 1):
            start = max(s for s in starts if s <= cycle)
            group, place = starts.index(start), cycle - start
            ctx.set(dut.count, place % 4)
            ctx.set(dut.word, int(codes(words[group])[place]) if place < 4 else int(rng.integers(1 << 32)))
            due = cycle - dut.BIAS
            ctx.set(dut.bias, int(codes(bias)[starts.index(due)]) if due in starts else int(rng.integers(1 << 32)))
            if cycle - dut.LATENCY in starts:
                found.append(ctx.get(dut.o))
            await ctx.tick()

    simulate(dut, testbench)
    assert found == want.tolist()


class Tree(wiring.Component):
    """`float_sum` of inputs of which input k is ``times[k]`` cycles late."""

    def __init__(self, times):
        self._times = times
        super().__init__({f"i{k}": In(32) for k in range(len(times))} | {"o": Out(32)})

    def elaborate(self, platform):
        m = Module()
        late = []
        for k, cycles in enumerate(self._times):
            value = getattr(self, f"i{k}")
            for n in range(cycles):
                after = Signal(32, name=f"late{k}_{n}")
                m.d.sync += after.eq(value)
                value = after
            late.append(value)
        m.d.comb += self.o.eq(float_sum(m, late, self._times))
        return m


@pytest.mark.parametrize("times", [[0], [3, 3], [0, 2, 1], [1, 0, 0, 4, 2]], ids=str)
def test_the_tree_waits_for_the_latest(times):
    rng, count = np.random.default_rng(len(times)), 30
    values = rng.normal(size=(len(times), count)).astype(np.float32)
    sums = list(values)
    while len(sums) > 1:
        pairs = [float32.add(*sums[k : k + 2]) for k in range(0, len(sums) - 1, 2)]
        sums = pairs + sums[2 * len(pairs) :]
    latency, dut, found = float_sum_time(times), Tree(times), []
    if len(times) == 2:
        assert latency == times[0] + FloatAdd.LATENCY

    async def testbench(ctx):
        found.clear()
        for cycle in range(count + latency):
            for k in range(len(times)):
                ctx.set(getattr(dut, f"i{k}"), int(codes(values[k])[min(cycle, count - 1)]))
            if cycle >= latency:
                found.append(ctx.get(dut.o))
            await ctx.tick()

    simulate(dut, testbench)
    assert found == codes(sums[0]).tolist()
