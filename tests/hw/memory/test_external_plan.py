"""How external weights lie in memory, and what rings hold, in plain Python."""

import pytest

from fewbit.hw.memory.external_plan import ALIGNED, BUS_BITS, ChannelPlan, WeightPortPlan, check_bus


def channel(bus=64, width=48, steps=5, rows=3, tile=2):
    return ChannelPlan(name="dense0", bus=bus, width=width, steps=steps, rows=rows, tile=tile)


@pytest.mark.parametrize("bus, width, words, beats, bits", [
    (64, 48, 1, 1, 64), (64, 64, 1, 1, 64), (64, 65, 1, 2, 128), (64, 32, 2, 1, 32), (64, 20, 2, 1, 32),
    (512, 1, 512, 1, 1), (512, 33, 8, 1, 64), (128, 1000, 1, 8, 1024),
])  # fmt: skip
def test_lines(bus, width, words, beats, bits):
    """A line is a beat of several words, or a word of several beats, never a share of either."""
    plan = channel(bus, width)
    assert (plan.words, plan.beats, plan.word_bits) == (words, beats, bits)
    assert plan.word_bits >= width and words * bits == beats * bus


def test_bursts():
    plan = channel(bus=128, width=512, steps=9, rows=7)  # 36 beats a row
    assert (plan.row_beats, plan.pass_beats, plan.burst, plan.bursts, plan.last_burst) == (36, 252, 64, 4, 60)
    assert plan.size == 252 * 16
    small = channel(bus=128, width=128, steps=3, rows=2)
    assert (small.burst, small.bursts, small.last_burst) == (6, 1, 6)


@pytest.mark.parametrize("bus", BUS_BITS)
@pytest.mark.parametrize("width, steps, rows, tile", [
    (4, 1, 40, 1), (64, 3, 2, 1), (513, 20, 9, 7), (2048, 72, 64, 14),
])  # fmt: skip
def test_rings_hold_what_they_need(bus, width, steps, rows, tile):
    plan = channel(bus, width, steps, rows, tile)
    assert plan.depth == plan.held_rows * plan.row_lines and plan.held_rows >= 2
    assert plan.depth * plan.beats >= plan.burst + plan.row_beats


def test_regions_begin_where_no_burst_crosses():
    port = WeightPortPlan([channel(rows=n) for n in (3, 200, 1)])
    assert port.offsets == (0, ALIGNED, 3 * ALIGNED) and port.size == 4 * ALIGNED
    assert port.of_latency(9).latency == 9 and port.of_latency(9).channels == port.channels


@pytest.mark.parametrize("bits", [0, 32, 96, 1024, True, "64"])
def test_bus_is_a_power_of_two(bits):
    with pytest.raises(ValueError, match="bus: must be 64, 128, 256 or 512 bits"):
        check_bus(bits)


@pytest.mark.parametrize("wrong", [dict(width=0), dict(steps=0), dict(rows=0), dict(tile=0)])
def test_wrong_channels(wrong):
    with pytest.raises(ValueError, match="dense0: .* must be at least 1, not 0"):
        channel(**wrong)


def test_wrong_ports():
    with pytest.raises(ValueError, match="at least one"):
        WeightPortPlan([])
    with pytest.raises(ValueError, match="of the same bus"):
        WeightPortPlan([channel(64), channel(128)])
    with pytest.raises(ValueError, match="Latency must be at least 1"):
        WeightPortPlan([channel()], latency=0)
