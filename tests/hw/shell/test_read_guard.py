# amaranth: UnusedElaboratable=no
"""Bursts outlive a reset of who asked for them, and none of their beats reaches who asks anew."""

import numpy as np
import pytest

from fewbit.hw.shell.read_guard import ReadGuard
from tests.support.outside import Memory
from tests.support.stream_bench import simulate

IMAGE = np.random.default_rng(1).bytes(8192)
BUS, BEATS = 64, 4


@pytest.mark.sampled(4)
@pytest.mark.parametrize("stall", [0, 0.5], ids=["full rate", "stalls"])
@pytest.mark.parametrize("latency", [1, 20])
def test_resets(latency, stall):
    """A core that is reset at random gets what it asked for since, in order, and nothing else."""
    dut, seen = ReadGuard(bus=BUS, outstanding=4), []

    async def testbench(ctx):
        rng = np.random.default_rng(4)
        memory = Memory(IMAGE, bus=BUS, latency=latency, stall=stall, seed=2)
        seen.clear()
        number, asking, owed, offered, resets, address = 0, False, [], None, 0, 0
        for cycle in range(6000):
            reset = bool(rng.random() < 0.004)
            ctx.set(dut.reset, reset)
            asking = asking or (len(owed) < 2 * BEATS and rng.random() < 0.3)
            ctx.set(dut.core.arvalid, asking)
            ctx.set(dut.core.araddr, address)
            ctx.set(dut.core.arlen, BEATS - 1)
            ctx.set(dut.core.arsize, 3)
            ctx.set(dut.core.arburst, 1)
            memory.drive(ctx, dut.axi)
            now = (ctx.get(dut.axi.araddr), ctx.get(dut.axi.arlen)) if ctx.get(dut.axi.arvalid) else None
            assert offered is None or now == offered, f"cycle {cycle}: a burst on offer did not stay"
            offered = now if now and not memory.ready else None
            if ctx.get(dut.core.rvalid) and not reset:
                assert owed, f"cycle {cycle}: a beat that was not asked for"
                assert ctx.get(dut.core.rdata) == owed.pop(0), f"cycle {cycle}: another burst's beat"
                number += 1
            if asking and ctx.get(dut.core.arready):
                data = IMAGE[address : address + BEATS * 8]
                owed += [int.from_bytes(data[k : k + 8], "little") for k in range(0, len(data), 8)]
                asking, address = False, int(rng.integers(0, 200)) * BEATS * 8
            memory.observe(ctx, dut.axi)
            await ctx.tick()
            if reset:
                asking, owed, resets = False, [], resets + 1
        seen.append((number, resets))

    simulate(dut, testbench)
    ((number, resets),) = seen
    assert number > 400 and resets > 10


def test_busy():
    dut, shown = ReadGuard(bus=BUS, outstanding=2), []

    async def testbench(ctx):
        memory = Memory(IMAGE, bus=BUS, latency=3)
        shown.clear()
        for cycle in range(20):
            ctx.set(dut.core.arvalid, cycle == 4)
            ctx.set(dut.core.arsize, 3)
            ctx.set(dut.core.arburst, 1)
            memory.drive(ctx, dut.axi)
            shown.append(ctx.get(dut.busy))
            memory.observe(ctx, dut.axi)
            await ctx.tick()

    simulate(dut, testbench)
    assert shown == [0] * 5 + [1] * 3 + [0] * 12


def test_wrong_outstanding():
    with pytest.raises(ValueError, match="Outstanding must be at least 1, not 0"):
        ReadGuard(bus=BUS, outstanding=0)
