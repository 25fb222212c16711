"""A ring of weights: every word in order, whatever comes when, and never more than there is room for."""

import numpy as np
import pytest

from fewbit.hw.memory.external_plan import ChannelPlan
from fewbit.hw.memory.weight_buffer import WeightBuffer
from tests.support.outside import in_order, random_words, region_of
from tests.support.stream_bench import STALLS, simulate

PASSES = 3
CASES = {  # bus, width, steps, rows, tile
    "a word a beat": (64, 64, 5, 3, 2),
    "several words a beat": (64, 20, 5, 3, 2),
    "many words a beat, one step": (64, 4, 1, 20, 3),
    "several beats a word": (64, 150, 4, 3, 2),
    "one vector a tile": (64, 64, 7, 5, 1),
    "one vector, several beats": (64, 130, 3, 4, 1),
    "one row": (64, 30, 9, 1, 4),
    "several bursts": (64, 64, 50, 7, 2),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("case", CASES)
def test_words(case, stalls):
    bus, width, steps, rows, tile = CASES[case]
    plan = ChannelPlan(name="dense0", bus=bus, width=width, steps=steps, rows=rows, tile=tile)
    words = random_words(plan)
    region, want = region_of(words, plan), in_order(words, plan, PASSES)
    beats = [int.from_bytes(region[k : k + bus // 8], "little") for k in range(0, len(region), bus // 8)]
    dut, got, most = WeightBuffer(plan), [], []

    async def testbench(ctx):
        rng, coming, asked, held, taken = np.random.default_rng(3), [], 0, 0, 0
        got.clear()
        before = None
        for cycle in range(60 * len(want) + 2000):
            if len(got) == len(want):
                break
            grant = ctx.get(dut.asks) and rng.random() >= stalls[0]
            ctx.set(dut.granted, grant)
            if grant:
                index, count = ctx.get(dut.index), ctx.get(dut.length) + 1
                assert index == asked % plan.bursts
                assert count == (plan.last_burst if index == plan.bursts - 1 else plan.burst)
                coming += beats[index * plan.burst : index * plan.burst + count]
                asked += 1
            comes = bool(coming) and rng.random() >= stalls[0]
            ctx.set(dut.write, comes)
            ctx.set(dut.data, coming.pop(0) if comes else int(rng.integers(1 << 60)))
            held += comes
            takes = rng.random() >= stalls[1]
            ctx.set(dut.o.ready, takes)
            valid, word = ctx.get(dut.o.valid), ctx.get(dut.o.p.as_value())
            assert before is None or (valid and word == before), f"cycle {cycle}: an offered word did not stay"
            before = word if valid and not takes else None
            if valid and takes:
                got.append(word)
            taken = (len(got) // (plan.steps * plan.tile)) * plan.row_beats
            most.append(held + len(coming) - taken)
            await ctx.tick()

    simulate(dut, testbench)
    assert got == want
    assert max(most) <= plan.depth * plan.beats + plan.row_beats  # a row is let go while it is read for the last time


def test_full_rate_once_words_are_there():
    """No gap between rows, vectors and tiles, as long as beats come as fast as they are used."""
    plan = ChannelPlan(name="dense0", bus=64, width=64, steps=6, rows=4, tile=2)
    dut, given = WeightBuffer(plan), []

    async def testbench(ctx):
        given.clear()
        owed = 0
        for cycle in range(400):
            grant = ctx.get(dut.asks)
            ctx.set(dut.granted, grant)
            ctx.set(dut.write, owed > 0)
            owed += (ctx.get(dut.length) + 1 if grant else 0) - (owed > 0)
            ctx.set(dut.o.ready, cycle > 200)
            if ctx.get(dut.o.valid) and cycle > 200:
                given.append(cycle)
            await ctx.tick()

    simulate(dut, testbench)
    assert len(given) == 199 and given[-1] - given[0] == 198
