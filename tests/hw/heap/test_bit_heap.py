# amaranth: UnusedElaboratable=no
import random

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from fewbit.hw.heap.bit_heap import BitHeap, Compressor
from fewbit.hw.heap.compression import plan_compression

HEIGHTS = {
    "one bit": {0: 1},
    "one bit, high": {5: 1},
    "two bits": {0: 2},
    "carry in": {0: 3, 1: 2},
    "six bits": {0: 6},
    "one column": {0: 64},
    "one tall column": {2: 137},
    "holes": {0: 7, 3: 1, 4: 9, 9: 2},
    "one row": {e: 1 for e in range(8)},
    "number": {0: 3, 1: 1, 2: 1, 3: 2, 4: 1, 5: 1},
    "4 x 4 bits": {e: 9 * min(e + 1, 7 - e) for e in range(7)},
    "growing": {e: 1 + 5 * e for e in range(6)},
}
SHAPES = [(fan_in, levels) for fan_in in (1, 2, 3, 4) for levels in (1, 2, 5)]


def split(bits, heights):
    """The number of ones in each column of the flat integer ``bits``."""
    ones = {}
    for exponent, height in heights.items():
        ones[exponent] = (bits & ((1 << height) - 1)).bit_count()
        bits >>= height
    return ones


def total(bits, heights):
    return sum(ones << exponent for exponent, ones in split(bits, heights).items())


def run(dut, stimulus, latency):
    """What ``dut.o`` shows ``latency`` cycles after each of ``stimulus`` on ``dut.i``, one a cycle."""
    seen = []

    async def bench(ctx):
        for value in stimulus + [0] * latency:
            ctx.set(dut.i, value)
            await ctx.tick()
            seen.append(ctx.get(dut.o))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return seen[latency - 1 :][: len(stimulus)]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", HEIGHTS)
@pytest.mark.parametrize("fan_in, levels", [(1, 1), (2, 1), (3, 2), (1, 5)])
def test_sum(name, fan_in, levels):
    heights = HEIGHTS[name]
    size = sum(heights.values())
    rng = random.Random(name)
    if size <= 6:
        stimulus = list(range(2**size))
    else:
        stimulus = [0, 2**size - 1] + [1 << b for b in range(size)] + [rng.getrandbits(size) for _ in range(60)]
        stimulus += [rng.getrandbits(size) | rng.getrandbits(size) | rng.getrandbits(size) for _ in range(30)]
    plan = plan_compression(heights, fan_in=fan_in, levels=levels)
    dut = Compressor(plan=plan)
    expected = [total(value, plan.heights) for value in stimulus]
    assert len(set(expected)) > 1
    assert len(dut.o) == max(expected).bit_length()  # exact width
    assert plan.latency == dut.LATENCY
    assert run(dut, stimulus, plan.latency) == expected


@pytest.mark.parametrize("fan_in, levels", SHAPES)
def test_plan_is_consistent(fan_in, levels):
    """Each stage leaves the heights that its counters and adders make; bits beyond the width alone are dropped."""
    for heights in HEIGHTS.values():
        plan = plan_compression(heights, fan_in=fan_in, levels=levels)
        current = dict(plan.heights)
        for stage in plan.stages:
            for group in stage.counters:
                current[group.exponent] -= group.inputs * group.count
                for exponent in range(group.exponent, group.exponent + group.outputs):
                    current[exponent] = current.get(exponent, 0) + group.count
            for adder in stage.adders:
                for index, rows in enumerate(adder.rows):
                    assert rows in ((1, 2, 3) if index == 0 else (1, 2))
                    current[adder.exponent + index] -= rows - 1
                top = adder.exponent + len(adder.rows)
                current[top] = current.get(top, 0) + 1
            assert min(current.values()) >= 0
            current = {e: h for e, h in sorted(current.items()) if h and e < plan.width}
            assert current == stage.heights
        assert set(current.values()) == {1}
        assert plan.latency == -(-len(plan.stages) // levels)
        assert plan.stages[-1].registered


def test_plan_of_xnor_products():
    """The shape that the cost figures rest on: full adders over products, 6:3 counters, short carry chains."""
    plan = plan_compression({0: 256}, fan_in=2)
    first = plan.stages[0]
    assert [(c.exponent, c.inputs, c.count) for c in first.counters] == [(0, 3, 85)] and not first.adders
    assert {c.inputs for stage in plan.stages[1:] for c in stage.counters} == {6}
    assert plan.luts <= 345
    assert plan.latency <= 9
    assert max(len(adder.rows) for stage in plan.stages for adder in stage.adders) <= 9


class Mixed(wiring.Component):
    """3 * a - 8 * b - c + 2 * s, for unsigned a, a signed b, a bit c and the sum s of four bits."""

    def __init__(self):
        super().__init__({"i": In(15), "o": Out(11)})
        self.a, self.b, self.c, self.s = Signal(6), Signal(4), Signal(1), Signal(4)
        heap = BitHeap()
        for exponent, bit in enumerate(self.a):
            heap.add_bits(bit, exponent)
            heap.add_bits(bit, exponent + 1)
        heap.add_bits(~self.c, 0)  # a bit of negative weight goes in inverted
        heap.add_bits(self.s, 1)
        for k, bit in enumerate(Cat(~self.b[:3], self.b[3])):  # -b == ~b + 1, whose sign is inverted once more
            heap.add_bits(bit, 3 + k)
        self.constant = -1 - (1 << 6) + 8  # of the two inverted bits, and the + 1 of -b, times 8
        self.heap, self.plan = heap, plan_compression(heap.heights)

    def elaborate(self, platform):
        m = Module()
        m.submodules.compressor = compressor = Compressor(plan=self.plan)
        m.d.comb += [
            Cat(self.a, self.b, self.c, self.s).eq(self.i),
            compressor.i.eq(self.heap.bits()),
            self.o.eq(compressor.o),
        ]
        return m


def test_heap():
    dut = Mixed()
    assert dut.heap.heights == {0: 2, 1: 6, 2: 2, 3: 3, 4: 3, 5: 3, 6: 2}
    assert dut.heap.height() == 6
    stimulus = random.Random(1).sample(range(2**15), 1000)
    expected = []
    for value in stimulus:
        a, b, c, s = value & 63, value >> 6 & 15, value >> 10 & 1, value >> 11
        b -= (b & 8) << 1
        expected.append(3 * a - 8 * b - c + 2 * s.bit_count())
    assert [value + dut.constant for value in run(dut, stimulus, dut.plan.latency)] == expected


def test_empty_heap():
    heap = BitHeap()
    heap.add_bits(Signal(0), 3)
    assert heap.height() == 0 and heap.heights == {} and len(heap.bits()) == 0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: plan_compression({}), "at least one bit"),
        (lambda: plan_compression({0: 0}), "at least one bit"),
        (lambda: plan_compression({-1: 2}), "no negative exponent"),
        (lambda: plan_compression({0: 2}, fan_in=0), "Fan-in must be at least 1, not 0"),
        (lambda: plan_compression({0: 2}, levels=0), "Levels must be at least 1, not 0"),
        (lambda: BitHeap().add_bits(Signal(), -1), "must not be negative, not -1"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
