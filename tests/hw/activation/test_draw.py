# amaranth: UnusedElaboratable=no
"""Stochastic quantizers: the hardware draws what golden draws, whatever the stalls and the lanes."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from fewbit.golden.network.draws import Draw, chance_format
from fewbit.golden.numbers.random import Lfsr, Xorshift
from fewbit.hw.activation.draw import Generator
from tests.hw.stages.test_pointwise import LENGTH, check
from tests.support.stream_bench import STALLS


def draws_of(generator, seed, lanes, length, beats):
    """What a `Generator` gives, lane by lane, for so many beats; every other cycle it stands still."""
    dut, found = Generator(generator=generator, seed=seed, lanes=lanes, length=length), []
    sim = Simulator(dut)
    sim.add_clock(1e-6)

    async def testbench(ctx):
        for _ in range(beats):
            ctx.set(dut.next, 0)
            await ctx.tick().repeat(1 + len(found) % 3)
            word = ctx.get(dut.o)
            found.append([word >> k * generator.bits & ((1 << generator.bits) - 1) for k in range(lanes)])
            ctx.set(dut.next, 1)
            await ctx.tick()

    sim.add_testbench(testbench)
    sim.run()
    return np.array(found)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("generator", [Lfsr(8), Lfsr(5, 7), Lfsr(12, 15), Lfsr(1, 23), Xorshift(8), Xorshift(16)],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("lanes, length", [(1, 4), (4, 12), (4, 11), (9, 5)])
def test_the_stream_is_golden_s(generator, lanes, length):
    pixels, beats = 6, -(-length // lanes)
    found = draws_of(generator, 77, lanes, length, pixels * beats)
    used = found.reshape(pixels, beats * lanes)[:, :length]
    assert (used.reshape(-1) == generator.draws(77, pixels * length)).all()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("kind", ["bipolar", "ternary"])
@pytest.mark.parametrize("generator, lanes", [(Lfsr(8), 3), (Xorshift(6), 4), (Lfsr(4, 9), LENGTH)], ids=str)
def test_the_unit_is_golden_s(kind, generator, lanes, stalls):
    node = Draw("f", "x", "y", kind, generator, 5)
    check(node, chance_format(kind, generator.bits), lanes=lanes, stalls=STALLS[stalls])
