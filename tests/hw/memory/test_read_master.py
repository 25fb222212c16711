"""Bursts in turn, their addresses, and beats for whom they are."""

import numpy as np
import pytest

from fewbit.hw.memory.external_plan import ChannelPlan, WeightPortPlan
from fewbit.hw.memory.read_master import ReadMaster
from fewbit.hw.memory.read_ports import ADDRESS_BITS, axi_read_ports
from tests.support.outside import Memory
from tests.support.stream_bench import simulate

BASE = 0x7_0123_4000
CHANNELS = [ChannelPlan(name=f"dense{k}", bus=64, width=64, steps=s, rows=r, tile=1)
            for k, (s, r) in enumerate([(3, 5), (100, 3), (40, 8)])]  # fmt: skip
PLAN = WeightPortPlan(CHANNELS)
IMAGE = np.random.default_rng(1).bytes(PLAN.size)


def run(cycles, wants, *, stall=0.0, latency=5, response=0, start=lambda cycle: True):
    """Let readers ask as ``wants(cycle, reader)`` says; return the memory, the beats of each, and the grants."""
    dut, beats, grants, failed = ReadMaster(PLAN), [[] for _ in CHANNELS], [], []
    made = []

    async def testbench(ctx):
        memory = Memory(IMAGE, bus=64, base=BASE, latency=latency, stall=stall)
        memory.response = response
        made[:] = [memory]
        burst = [0] * len(CHANNELS)
        grants.clear()
        for own in beats:
            own.clear()
        ctx.set(dut.base, BASE)
        for cycle in range(cycles):
            ctx.set(dut.start, start(cycle))
            ctx.set(dut.asks, sum(bool(wants(cycle, k)) << k for k in range(len(CHANNELS))))
            for k, channel in enumerate(CHANNELS):
                last = burst[k] == channel.bursts - 1
                ctx.set(getattr(dut, f"index{k}"), burst[k])
                ctx.set(getattr(dut, f"length{k}"), (channel.last_burst if last else channel.burst) - 1)
            memory.drive(ctx, dut.axi)
            granted, write = ctx.get(dut.granted), ctx.get(dut.write)
            assert granted & (granted - 1) == 0 and write & (write - 1) == 0
            for k, channel in enumerate(CHANNELS):
                if write >> k & 1:
                    beats[k].append(ctx.get(dut.data))
                if granted >> k & 1:
                    assert wants(cycle, k)
                    grants.append((cycle, k))
                    burst[k] = (burst[k] + 1) % channel.bursts
            memory.observe(ctx, dut.axi)
            await ctx.tick()
        failed[:] = [ctx.get(dut.failed)]

    simulate(dut, testbench)
    return made[0], beats, grants, failed[0]


@pytest.mark.parametrize("stall", [0, 0.4], ids=["full rate", "stalls"])
def test_every_reader_gets_its_region(stall):
    _, beats, grants, failed = run(3000, lambda cycle, k: cycle < 2000, stall=stall)
    assert not failed and len(grants) > 20
    for channel, offset, own in zip(CHANNELS, PLAN.offsets, beats, strict=True):
        region = IMAGE[offset : offset + channel.size]
        words = [int.from_bytes(region[k : k + 8], "little") for k in range(0, len(region), 8)]
        assert len(own) > len(words)  # more than one pass
        assert own == (words * (1 + len(own) // len(words)))[: len(own)]


def test_readers_are_served_in_turn():
    """Who does not ask is passed over; nobody who asks waits for more than the others' turns."""
    _, _, grants, _ = run(2500, lambda cycle, k: k != 1 or cycle % 7 == 0)
    order = [k for _, k in grants]
    assert all(order[n : n + 2] != [0, 0] and order[n : n + 2] != [2, 2] for n in range(len(order)))
    assert order.count(1) > 0


def test_full_rate_and_outstanding():
    """With a latency that bursts under way cover, beats come without a gap."""
    memory, beats, grants, _ = run(1500, lambda cycle, k: k == 1, latency=100)
    assert sum(map(len, beats)) > 1200
    under_way = [sum(c <= cycle for c, _ in grants) - sum(len(b) for b in beats) // 128 for cycle in range(1500)]
    assert memory.asked and max(under_way[:100]) <= PLAN.outstanding
    assert len([c for c, _ in grants if c < 100]) == PLAN.outstanding  # no more before the first comes


def test_nothing_before_start():
    memory, _, grants, _ = run(200, lambda cycle, k: True, start=lambda cycle: cycle >= 50)
    assert grants[0][0] == 50 and memory.asked[0][0] == 52


def test_errors_of_memory_are_kept():
    assert run(200, lambda cycle, k: True, response=2)[3] == 1
    assert run(200, lambda cycle, k: True, response=0)[3] == 0


def test_ports():
    ports = axi_read_ports(256)
    assert ports["rdata"].bits == 256 and ports["araddr"].bits == ADDRESS_BITS
