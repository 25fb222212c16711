# amaranth: UnusedElaboratable=no
"""The serial port bit by bit: clocks that differ, glitches, lost stop bits, bytes without a gap."""

import numpy as np
import pytest

from fewbit.hw.serial.uart import UartReceiver, UartTransmitter, bit_cycles
from tests.support.stream_bench import STALLS, simulate

BYTES = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7E, 0x00, *np.random.default_rng(1).integers(0, 256, 12).tolist()]


def waveform(data, cycles, gap=0, stop=1):
    """The line, cycle by cycle, of a sender whose bits take ``cycles`` (not always whole) of ours."""
    levels, edge = [], 0.0
    for byte in data:
        for bit in [0, *((byte >> k) & 1 for k in range(8)), stop]:
            edge += cycles
            levels += [bit] * (round(edge) - len(levels))
        levels += [1] * gap
        edge += gap
    return levels


def receive(levels, cycles):
    """``(bytes, broken)`` that a receiver makes of the line."""
    dut = UartReceiver(cycles=cycles)
    got, broken = [], 0

    async def testbench(ctx):
        nonlocal broken
        got.clear()
        broken = 0
        for level in [1] * 5 + levels + [1] * (12 * cycles):
            ctx.set(dut.rx, int(level))
            _, _, valid, byte, error = await ctx.tick().sample(dut.o.valid, dut.o.p, dut.broken)
            if valid:
                got.append(byte)
            broken += error

    simulate(dut, testbench)
    return got, broken


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("cycles", [8, 9, 16])
@pytest.mark.parametrize("drift", [0.98, 1.0, 1.02])
def test_bytes_from_clocks_that_differ(cycles, drift):
    for gap in (0, 3):
        assert receive(waveform(BYTES, cycles * drift, gap), cycles) == (BYTES, 0)


def test_a_glitch_in_every_bit_costs_nothing():
    """One cycle of the wrong level somewhere in the middle half of every bit: the majority is right."""
    cycles, rng = 16, np.random.default_rng(3)
    levels = waveform(BYTES, cycles)
    for begin in range(0, len(levels), cycles):
        levels[begin + int(rng.integers(cycles // 4, 3 * cycles // 4))] ^= 1
    assert receive(levels, cycles) == (BYTES, 0)


def test_glitches_of_an_idle_line_are_no_bytes():
    levels = [1] * 400
    for at in range(20, 380, 40):
        levels[at : at + 3] = [0] * 3
    assert receive(levels, 16) == ([], 0)


def test_a_byte_without_a_stop_bit_is_dropped_and_told():
    levels = waveform(BYTES[:3], 16) + waveform([0x31], 16, stop=0) + [0] * 50 + [1] * 20 + waveform(BYTES[3:], 16)
    assert receive(levels, 16) == (BYTES, 1)


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
def test_transmitter(stalls):
    """What is sent is what a receiver of our own waveform reads; without idling, bytes follow without a gap."""
    cycles = 9
    dut = UartTransmitter(cycles=cycles)
    levels = []

    async def testbench(ctx):
        rng, at, offering = np.random.default_rng(4), 0, False
        levels.clear()
        while at < len(BYTES) or len(levels) < 11 * cycles or not all(levels[-11 * cycles :]):
            offering = at < len(BYTES) and (offering or rng.random() >= stalls[0])
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.i.p, BYTES[at] if offering else 0x5A)
            _, _, ready, level = await ctx.tick().sample(dut.i.ready, dut.tx)
            levels.append(level)
            if ready and offering:
                at, offering = at + 1, False
            assert len(levels) < 30 * cycles * len(BYTES)

    simulate(dut, testbench)
    assert receive(levels, cycles) == (BYTES, 0)
    if not stalls[0]:
        first = levels.index(0)
        sent = waveform(BYTES, cycles)
        assert levels[first : first + len(sent)] == sent


def test_bit_cycles():
    assert (bit_cycles(25e6, 1_000_000), bit_cycles(100e6, 115200), bit_cycles(48e6, 3_000_000)) == (25, 868, 16)
    for clock, baud in (25e6, 4_000_000), (25e6, 2_900_000), (0, 9600), (1e6, 0):
        with pytest.raises(ValueError, match="[Bb]aud rate must be"):
            bit_cycles(clock, baud)
    with pytest.raises(ValueError, match="at least 8, not 7"):
        UartReceiver(cycles=7)
    with pytest.raises(ValueError, match="at least 2, not 1"):
        UartTransmitter(cycles=1)
