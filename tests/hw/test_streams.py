# amaranth: UnusedElaboratable=no
"""Memories, counters and packing."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.packing import beats, pack
from fewbit.hw.streams import code_stream, counter, credit
from tests.support.stream_bench import simulate


class Counting(wiring.Component):
    """A bare `counter`."""

    def __init__(self, *, size):
        self._size = size
        super().__init__({"enable": In(1), "count": Out(range(max(2, size))), "last": Out(1)})

    def elaborate(self, platform):
        m = Module()
        count, last = counter(m, "n", self._size, self.enable)
        m.d.comb += [self.count.eq(count), self.last.eq(last)]
        m.d.sync += Signal(name="clocked").eq(1)
        return m


class Crediting(wiring.Component):
    """A bare `credit`."""

    def __init__(self, *, needed, depth):
        self._needed, self._depth = needed, depth
        super().__init__({"taken": In(range(depth + 1)), "given": In(1), "may": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.may.eq(credit(m, self._needed, depth=self._depth, taken=self.taken, given=self.given))
        return m


def test_code_stream():
    signature = code_stream(3, 5)
    shape = signature.members["payload"].shape
    assert shape.as_shape().width == 15
    assert shape.from_bits(pack([1, 2, 3, 4, 5], 3))[4] == 5


@pytest.mark.parametrize("length, lanes, want", [(1, 1, 1), (8, 4, 2), (9, 4, 3), (3, 4, 1)])
def test_beats(length, lanes, want):
    assert beats(length, lanes) == want


def test_pack():
    assert pack([1, 2, 3], 4) == 0x321
    assert pack([-1, 0, -2], 4) == 0xE0F
    assert pack(np.array([255, 1]), 8) == 0x1FF
    assert pack([1] * 100, 1) == 2**100 - 1
    assert pack([], 4) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 10])
def test_counter(size):
    dut = Counting(size=size)
    enables = np.random.default_rng(size).integers(0, 2, 5 * size + 8).tolist()

    async def testbench(ctx):
        expected = 0
        for enable in enables:
            ctx.set(dut.enable, enable)
            assert (ctx.get(dut.count), ctx.get(dut.last)) == (expected, expected == size - 1)
            await ctx.tick()
            expected = (expected + enable) % size

    simulate(dut, testbench)


@pytest.mark.parametrize("needed, depth", [(1, 1), (1, 4), (3, 3), (3, 8), (4, 11)])
def test_credit(needed, depth):
    """Places are free again in the cycle after the next; all and none of them occur."""
    dut, seen = Crediting(needed=needed, depth=depth), set()

    async def testbench(ctx):
        rng, free, back, used = np.random.default_rng(depth), depth, False, 0
        for _ in range(40 * depth):
            assert ctx.get(dut.may) == (free >= needed)
            seen.add(free)
            taken = needed if free >= needed and rng.random() < 0.6 else 0
            given = bool(used and rng.random() < 0.6)
            ctx.set(dut.taken, taken)
            ctx.set(dut.given, given)
            await ctx.tick()
            free, back, used = free - taken + back, given, used + taken - given

    simulate(dut, testbench)
    assert {depth, depth % needed} <= seen
