# amaranth: UnusedElaboratable=no
"""Frames at several inputs: which begin first, and who is behind, against a count of them."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from fewbit.hw.shell.alignment import Alignment

FRAMES = 5


@pytest.mark.parametrize("inputs", [2, 3])
def test_counts(inputs):
    dut, rng = Alignment(inputs=inputs, frames=FRAMES), np.random.default_rng(inputs)
    seen = {"new": 0, "several at once": 0, "behind": 0}

    async def testbench(ctx):
        counts = np.zeros(inputs, dtype=int)
        for _ in range(600):
            wanted = rng.random(inputs) < 0.5
            begin = wanted & (counts + 1 - counts.min() <= FRAMES)  # one that is so far ahead waits
            forget = rng.random() < 0.02
            ctx.set(dut.begin, int(sum(int(b) << k for k, b in enumerate(begin))))
            ctx.set(dut.forget, int(forget))
            new = (counts + begin).max() > counts.max()
            assert ctx.get(dut.new) == new
            assert [ctx.get(dut.behind) >> k & 1 for k in range(inputs)] == (counts < counts.max()).tolist()
            seen["new"] += int(new)
            seen["several at once"] += int(begin.sum() > 1)
            seen["behind"] += int((counts.max() - counts).max() == FRAMES)
            counts = np.zeros(inputs, dtype=int) if forget else counts + begin
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    assert min(seen.values()) > 10


@pytest.mark.parametrize(("sizes", "message"), [((0, 1), "Inputs must be at least 1"), ((2, 0), "Frames must be")])
def test_parameters(sizes, message):
    with pytest.raises(ValueError, match=message):
        Alignment(inputs=sizes[0], frames=sizes[1])
