# amaranth: UnusedElaboratable=no
"""Memories that software writes: first contents, words on their way, and what they hold then."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.buffers import writable_placement
from fewbit.hw.memory.load_layout import LoadLayout
from fewbit.hw.memory.loadable import LoadableMemory, LoadableUnit, LoadPort, connect_writes, load_bus
from fewbit.hw.memory.placement import BRAM18_LUTS, Contents, blocks_of
from tests.support.stream_bench import simulate

SHAPES = [(1, 5), (32, 4), (33, 3), (7, 1), (70, 9), (64, 1), (40, 2), (5, 130)]  # bits and words


def contents(width, depth, *, latency=1, seed=0):
    rng = np.random.default_rng([width, depth, seed])
    return Contents(width, [int.from_bytes(rng.bytes(16), "little") % 2**width for _ in range(depth)], latency)


class _One(wiring.Component):
    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self.loadable_memory(m, "only")
        m.d.comb += [memory.address.eq(self.address), self.data.eq(memory.data)]
        return m


class OneMemory(LoadableUnit, _One):
    """A unit of one memory."""

    def __init__(self, found):
        self.plan = type("Plan", (), {"memories": {"only": found}})
        members = {"address": In(range(max(2, len(found.words)))), "data": Out(found.width)}
        super().__init__(members | self.LOADING)


class Chain(wiring.Component):
    """Units of one memory each, one behind the other."""

    def __init__(self, memories):
        self.units = [OneMemory(found) for found in memories]
        super().__init__({"load": In(load_bus()), "load_on": Out(load_bus())})

    def elaborate(self, platform):
        m = Module()
        before = wiring.flipped(self.load)
        for k, unit in enumerate(self.units):
            m.submodules[f"unit{k}"] = unit
            wiring.connect(m, before, unit.load)
            before = unit.load_on
        wiring.connect(m, before, wiring.flipped(self.load_on))
        return m


async def read(ctx, unit, found):
    """Compare every word of a unit with ``found``."""
    for address in np.random.default_rng(1).permutation(len(found.words)):
        ctx.set(unit.address, int(address))
        for _ in range(found.latency):
            await ctx.tick()
        assert ctx.get(unit.data) == found.words[address]


@pytest.mark.parametrize("latency", [1, 2])
def test_words_take_their_way_to_every_memory(latency):
    first = [contents(w, d, latency=latency) for w, d in SHAPES]
    then = [contents(w, d, latency=latency, seed=1) for w, d in SHAPES]
    dut, passed = Chain(first), []
    words = np.concatenate([LoadLayout({"only": found}).words() for found in then]).tolist()
    assert len(words) == sum(-(-w // 32) * d for w, d in SHAPES)

    async def testbench(ctx):
        rng = np.random.default_rng(2)
        passed.clear()
        for unit, found in zip(dut.units, first, strict=True):
            await read(ctx, unit, found)

        async def cycle(start=0, word=None):
            ctx.set(dut.load.start, start)
            ctx.set(dut.load.valid, word is not None)
            ctx.set(dut.load.data, int(rng.integers(1 << 32)) if word is None else word)
            _, _, valid, data = await ctx.tick().sample(dut.load_on.valid, dut.load_on.data)
            passed.extend([data] * valid)

        for image in (words[: len(words) // 3], [*words, 5, 6]):  # the first one is broken off
            await cycle(start=1)
            for word in image:
                for _ in range(1 + int(rng.integers(2))):
                    await cycle()
                await cycle(word=word)
        for _ in range(len(SHAPES) + 2):
            await cycle()
        assert passed == [5, 6]  # those that nothing takes
        for unit, found in zip(dut.units, then, strict=True):
            await read(ctx, unit, found)

    simulate(dut, testbench)


def test_nothing_is_written_before_a_start():
    found = contents(40, 3)
    dut = Chain([found])

    async def testbench(ctx):
        for cycle in range(20):
            ctx.set(dut.load.valid, cycle % 2)
            ctx.set(dut.load.data, 0xFFFF)
            await ctx.tick()
        ctx.set(dut.load.valid, 0)
        await read(ctx, dut.units[0], found)

    simulate(dut, testbench)


def test_a_layout():
    layout = LoadLayout({"a": Contents(40, [1, 2 << 32, 3]), "b": Contents(8, [7, 9])})
    assert layout.depths == [3, 3, 2] and layout.places == {"a": slice(0, 2), "b": slice(2, 3)}
    assert (layout.rows, layout.count) == (3, 8)
    assert layout.words().tolist() == [1, 0, 3, 0, 2, 0, 7, 9] and layout.words().dtype == np.uint32
    assert LoadLayout({}).words().tolist() == [] and LoadLayout({}).count == 0


def test_what_is_refused():
    with pytest.raises(ValueError, match="^Latency must be 1 or 2, not 3$"):
        LoadableMemory(Contents(3, [1, 2], 3))
    with pytest.raises(ValueError, match="^Layout must have a memory$"):
        LoadPort(LoadLayout({}))
    assert callable(connect_writes)


@pytest.mark.parametrize(("width", "depth"), [(1, 64), (36, 512), (64, 4096), (8, 16), (256, 2048)])
def test_where_a_memory_goes(width, depth):
    found = writable_placement(width, depth)
    if found.where == "block":
        assert found.bram18 == sum(blocks_of(min(32, width - at), depth) for at in range(0, width, 32))
    else:
        assert 0 < found.luts <= BRAM18_LUTS * sum(blocks_of(min(32, width - at), depth) for at in range(0, width, 32))
    assert (found.where == "block") == (width * depth > 12_000)
    assert writable_placement(width, 1).luts == 0
