# amaranth: UnusedElaboratable=no
"""The AXI4-Stream shell: damaged frames at the guard, and room for the marks of all frames inside."""

import numpy as np
import pytest
from amaranth.lib.wiring import Out

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.axi import AxiAccelerator, FrameGuard
from fewbit.hw.shell.block_ports import bytes_of
from fewbit.sim.cycles.pipeline import Pipeline
from fewbit.sim.cycles.queues import size_queues
from tests.support.image_networks import legal_folding, random_image_network
from tests.support.networks import random_folding, random_network
from tests.support.stream_bench import STALLS, simulate


@pytest.mark.parametrize("bits, count", [(1, 1), (8, 1), (9, 2), (64, 8), (65, 9)])
def test_bytes(bits, count):
    assert bytes_of(bits) == count


def guarded(frames, beats):
    """What must come out of the guard: beats with whether one ends a frame that was bad."""
    out = []
    for frame in frames:
        kept = (frame + [0] * beats)[:beats]
        out += [(p, k == beats - 1, k == beats - 1 and len(frame) != beats) for k, p in enumerate(kept)]
    return out


def run_guard(frames, beats, stalls, seed=0):
    dut = FrameGuard(bits=4, lanes=2, beats=beats)
    idle, refuse = stalls
    sent = [(p, k == len(f) - 1) for f in frames for k, p in enumerate(f)]
    want = guarded(frames, beats)

    async def testbench(ctx):
        rng = np.random.default_rng(seed)
        got, at, offering = [], 0, False
        for _ in range(200 + 12 * (len(sent) + len(want))):
            offering = at < len(sent) and (offering or rng.random() >= idle)
            payload, last = sent[at] if offering else (int(rng.integers(256)), int(rng.integers(2)))
            ready = rng.random() >= refuse
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.i.p.as_value(), payload)
            ctx.set(dut.i_last, last)
            ctx.set(dut.o.ready, ready)
            signals = dut.i.ready, dut.o.valid, dut.o.p.as_value(), dut.done, dut.bad
            _, _, accepted, valid, out, done, bad = await ctx.tick().sample(*signals)
            if offering and accepted:
                at, offering = at + 1, False
            assert not done or (valid and ready)
            if valid and ready:
                got.append((out, bool(done), bool(done and bad)))
        assert at == len(sent)
        assert got == want

    simulate(dut, testbench)


@pytest.mark.sampled(6)
@pytest.mark.long
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("beats", [1, 2, 5])
def test_guard(beats, stalls):
    rng = np.random.default_rng(beats)
    lengths = [beats, beats + 1, beats, *rng.integers(1, 2 * beats + 3, 30), beats, beats]
    frames = [rng.integers(1, 256, n).tolist() for n in lengths]
    bad = sum(len(f) != beats for f in frames)
    assert 3 < bad < len(frames) - 3
    run_guard(frames, beats, stalls)


def test_good_frames_pass_without_a_gap():
    dut = FrameGuard(bits=8, lanes=1, beats=3)

    async def testbench(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for k in range(12):
            ctx.set(dut.i.p.as_value(), k)
            ctx.set(dut.i_last, k % 3 == 2)
            sampled = await ctx.tick().sample(dut.i.ready, dut.o.valid, dut.o.p.as_value(), dut.done)
            assert sampled[2:] == (1, 1, k, k % 3 == 2)

    simulate(dut, testbench)


def test_guard_refuses_no_beats():
    with pytest.raises(ValueError, match="Beats must be at least 1, not 0"):
        FrameGuard(bits=4, lanes=2, beats=0)


def test_ports_are_axi_streams():
    rng = np.random.default_rng(5)
    network = random_network(rng)
    plan = AcceleratorPlan(network, random_folding(rng, network))
    shell = AxiAccelerator(plan)
    ports = {name: (member.flow, member.shape) for name, member in shell.signature.members.items()}
    assert ports["m_axis_tdata"] == (Out, 8 * bytes_of(plan.format.bits * plan.lanes_out))
    assert all(shape % 8 == 0 for name, (_, shape) in ports.items() if name.endswith("tdata"))


def test_there_is_a_mark_for_every_frame_inside():
    """With the output blocked, no more frames enter than the queue of marks can hold."""
    for seed in range(20):
        rng = np.random.default_rng([9, seed])
        if seed % 2:
            network = random_network(rng)
            plan = AcceleratorPlan(network, random_folding(rng, network))
        else:
            network, _ = random_image_network(rng)
            folding = legal_folding(rng, network)
            plan = AcceleratorPlan(network, folding)
            plan = plan.with_depths(size_queues(plan))
        pipeline, beats, quiet = Pipeline(plan), 0, 0
        while quiet < 200 + 2 * plan.bound:
            (entered,), left = pipeline.step([True], False)
            assert not left
            beats, quiet = beats + entered, 0 if entered else quiet + 1
            assert beats // plan.entries[0].beats <= plan.frames_inside, seed
        assert beats
