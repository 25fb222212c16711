"""The port with its rings against the machine of the cycle model, and with a memory that stalls."""

import numpy as np
import pytest

from fewbit.hw.memory.external_plan import ChannelPlan, WeightPortPlan
from fewbit.hw.memory.weight_port import WeightPort, weight_port_signature
from fewbit.sim.cycles.machines import machine_of
from tests.support.outside import LATENCY, Memory, in_order, random_words, region_of
from tests.support.stream_bench import simulate

CYCLES = 900
CASES = {  # (width, steps, rows, tile) of each channel
    "one": [(64, 6, 5, 2)],
    "one, too slow": [(200, 5, 3, 1)],
    "several": [(64, 6, 5, 2), (20, 7, 4, 1), (130, 3, 5, 3)],
    "several, too slow": [(64, 6, 50, 1), (150, 7, 4, 1), (64, 30, 5, 1)],
}


def planned(case):
    return WeightPortPlan(
        [ChannelPlan(name=f"dense{k}", bus=64, width=w, steps=s, rows=r, tile=t)
         for k, (w, s, r, t) in enumerate(CASES[case])], latency=LATENCY,
    )  # fmt: skip


def run(plan, ready, *, stall=0.0):
    """Return the words of each stream and the cycles in which they left, from when all rings were full."""
    words = [random_words(channel, k) for k, channel in enumerate(plan.channels)]
    image = b""
    for channel, offset, own in zip(plan.channels, plan.offsets, words, strict=True):
        image = image.ljust(offset, b"\0") + region_of(own, channel)
    dut, got = WeightPort(plan), [[] for _ in plan.channels]
    streams = [getattr(dut, name) for name in dut._names]

    async def testbench(ctx):
        memory = Memory(image.ljust(plan.size, b"\0"), bus=64, base=1 << 33, latency=plan.latency, stall=stall)
        for own in got:
            own.clear()
        ctx.set(dut.memory.base, 1 << 33)
        ctx.set(dut.memory.start, 1)
        quiet = 0
        while quiet < 40 + plan.latency:  # rings fill
            memory.drive(ctx, dut.memory.axi)
            quiet = 0 if ctx.get(dut.memory.axi.arvalid) or memory.bursts else quiet + 1
            memory.observe(ctx, dut.memory.axi)
            await ctx.tick()
        for cycle in range(CYCLES):
            memory.drive(ctx, dut.memory.axi)
            for k, stream in enumerate(streams):
                ctx.set(stream.ready, bool(ready[k, cycle]))
                if ctx.get(stream.valid) and ready[k, cycle]:
                    got[k].append((cycle, ctx.get(stream.p.as_value())))
            memory.observe(ctx, dut.memory.axi)
            await ctx.tick()

    simulate(dut, testbench)
    for channel, own, left in zip(plan.channels, words, got, strict=True):
        each = in_order(own, channel, 1)
        assert [word for _, word in left] == (each * (1 + len(left) // len(each)))[: len(left)]
    return [[cycle for cycle, _ in left] for left in got]


def predicted(plan, ready):
    """Return when words leave, by the machine of the cycle model."""
    machine, left = machine_of(plan), [[] for _ in plan.channels]
    machine.connect((), tuple(range(len(plan.channels))))
    valid = [False] * len(plan.channels)
    for cycle in range(CYCLES):
        machine.forward(valid)
        now = ready[:, cycle].tolist()
        for k, own in enumerate(left):
            if valid[k] and now[k]:
                own.append(cycle)
        machine.step(valid, now)
    return left


@pytest.mark.sampled(6)
@pytest.mark.parametrize("chance", [1, 0.6, 0.2])
@pytest.mark.parametrize("case", CASES)
def test_cycles(case, chance):
    plan = planned(case)
    ready = np.random.default_rng(2).random((len(plan.channels), CYCLES)) < chance
    got = run(plan, ready)
    assert got == predicted(plan, ready)
    assert all(len(left) > 50 for left in got)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", CASES)
def test_stalls(case):
    """With a memory that stalls nothing is lost, and nothing comes earlier; of one reader nothing is later than the
    stalls account for."""
    plan = planned(case)
    ready = np.ones((len(plan.channels), CYCLES), dtype=bool)
    got, want = run(plan, ready, stall=0.4), predicted(plan, ready)
    assert all(len(left) > 50 for left in got)
    if len(plan.channels) == 1:
        assert all(a >= b for a, b in zip(got[0], want[0], strict=False))


def test_signature():
    assert set(weight_port_signature(planned("one")).members) == {"start", "base", "failed", "axi"}
