# amaranth: UnusedElaboratable=no
"""Memories, counters and packing."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.streams import Rom, beats, code_stream, counter, pack
from tests.hw.bench import simulate


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


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("width, depth", [(1, 2), (7, 5), (32, 8), (100, 3), (4, 1), (64, 32)])
def test_rom(width, depth, latency):
    rng = np.random.default_rng(width)
    words = [int.from_bytes(rng.bytes(13), "little") % 2**width for _ in range(depth)]
    words[:2] = [0, 2**width - 1][:depth]
    dut = Rom(width=width, words=words, latency=latency)
    assert latency == dut.LATENCY

    async def testbench(ctx):
        for address in rng.integers(0, depth, 40):
            ctx.set(dut.address, int(address))
            for _ in range(latency):
                await ctx.tick()
            assert ctx.get(dut.data) == words[address]

    simulate(dut, testbench)


def test_rom_of_equal_words():
    dut = Rom(width=6, words=[37] * 9)

    async def testbench(ctx):
        for address in range(9):
            ctx.set(dut.address, address)
            assert ctx.get(dut.data) == 37
            await ctx.tick()

    simulate(dut, testbench)


@pytest.mark.parametrize("width, words", [(3, [1, 8]), (3, [-1]), (1, [0, 1, 2])])
def test_rom_words_must_fit(width, words):
    with pytest.raises(ValueError, match=f"Words must fit {width} bits"):
        Rom(width=width, words=words)


def test_rom_must_have_words():
    with pytest.raises(ValueError, match="must not be empty"):
        Rom(width=3, words=[])
    with pytest.raises(ValueError, match="Latency must be 1 or 2, not 3"):
        Rom(width=3, words=[1], latency=3)


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
