# amaranth: UnusedElaboratable=no
"""Counters of single cycles: none is lost, and a reading is as new as is promised."""

import numpy as np
import pytest

from fewbit.hw.shell.event_counters import EventCounters
from tests.support.stream_bench import simulate


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_event_counters(count):
    """Every event is counted, whenever CLEAR comes, and a reading is at most so many cycles old as is promised."""
    dut = EventCounters(count=count)

    async def testbench(ctx):
        rng = np.random.default_rng(count)
        density = rng.random(count)
        history = [np.zeros(count, dtype=int)]
        for cycle in range(700):
            events, clear = rng.random(count) < density, cycle in (150, 151, 400)
            number = int(rng.integers(count))
            ctx.set(dut.events, sum(int(e) << k for k, e in enumerate(events)))
            ctx.set(dut.clear, clear)
            ctx.set(dut.number, number)
            _, _, value = await ctx.tick().sample(dut.value)
            assert value in {int(h[number]) for h in history[-(count + 3) :]}, f"cycle {cycle}"
            if clear:
                history = [np.zeros(count, dtype=int)]
            history.append(history[-1] + events)
        ctx.set(dut.events, 0)
        await ctx.tick().repeat(count + 2)
        for number in range(count):
            ctx.set(dut.number, number)
            _, _, value = await ctx.tick().sample(dut.value)
            assert value == history[-1][number] > 0

    simulate(dut, testbench)


def test_parameters():
    with pytest.raises(ValueError, match="Count must be at least 1, not 0"):
        EventCounters(count=0)
