# amaranth: UnusedElaboratable=no
"""The hold: frames that have begun come in whole, none begins, and what is inside is known."""

import numpy as np
import pytest

from fewbit.hw.shell.frame_hold import FrameHold
from tests.support.stream_bench import simulate

BEATS = 3  # of a frame


@pytest.mark.sampled(2)
@pytest.mark.parametrize("inputs", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_whole_frames_alone(inputs, seed):
    dut = FrameHold(inputs=inputs, frames=8)
    held = [0]

    async def testbench(ctx):
        rng = np.random.default_rng(seed)
        sent, left, offering, drained, held[0] = [0] * inputs, 0, [False] * inputs, 0, 0
        for cycle in range(1500):
            hold = (cycle // 150) % 2
            full = [s // BEATS - left >= 6 for s in sent]
            offering = [o or rng.random() < 0.6 for o in offering]
            ctx.set(dut.hold, hold)
            ctx.set(dut.offered, sum(o << k for k, o in enumerate(offering)))
            ctx.set(dut.last, sum((s % BEATS == BEATS - 1) << k for k, s in enumerate(sent)))
            ctx.set(dut.ended, 0)
            open_ = ctx.get(dut.open)
            taken = [o and bool(open_ >> k & 1) and not full[k] and rng.random() < 0.7 for k, o in enumerate(offering)]
            complete = min(s // BEATS for s in sent)
            ended = complete > left and rng.random() < 0.3
            ctx.set(dut.taken, sum(t << k for k, t in enumerate(taken)))
            ctx.set(dut.ended, ended)
            if ctx.get(dut.drained):
                assert hold and not any(taken) and complete == left and all(s == BEATS * left for s in sent)
                drained += 1
            for k in range(inputs):
                sent[k] += taken[k]
                offering[k] = offering[k] and not taken[k]
            left += ended
            if cycle % 300 == 299:  # 150 cycles of hold are enough
                assert drained > 10, "the hold does not drain"
                held[0], drained = held[0] + 1, 0
            await ctx.tick()
        assert left > 60

    simulate(dut, testbench)
    assert held[0] == 5


def test_a_beat_on_offer_is_taken():
    dut = FrameHold(inputs=1, frames=3)

    async def testbench(ctx):
        ctx.set(dut.offered, 1)
        await ctx.tick()
        ctx.set(dut.hold, 1)
        assert ctx.get(dut.open) == 1 and not ctx.get(dut.drained)
        await ctx.tick()
        assert ctx.get(dut.open) == 1
        ctx.set(dut.taken, 1)
        ctx.set(dut.last, 1)
        await ctx.tick()
        ctx.set(dut.taken, 0)
        assert ctx.get(dut.open) == 0 and not ctx.get(dut.drained)  # a frame is inside
        ctx.set(dut.ended, 1)
        await ctx.tick()
        ctx.set(dut.ended, 0)
        assert ctx.get(dut.drained) and ctx.get(dut.open) == 0

    simulate(dut, testbench)


def test_what_is_refused():
    with pytest.raises(ValueError, match="^Inputs and frames must be at least 1, not 0 and 3$"):
        FrameHold(inputs=0, frames=3)
