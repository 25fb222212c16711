# amaranth: UnusedElaboratable=no
"""The timer of frames against latencies and intervals counted in Python."""

import pytest

from fewbit.hw.shell.frame_timer import FrameTimer
from tests.support.stream_bench import simulate

LEAST = (1 << 32) - 1


def timed(pairs, clears=(), forgets=()):
    """What a timer shows after each end: ``pairs`` are (begin, end) cycles, clears and forgets are cycles."""
    shown, latency, interval, since = [], [], [], None
    marks = sorted([(end, "end", begin) for begin, end in pairs] + [(c, "clear", 0) for c in clears]
                   + [(c, "forget", 0) for c in forgets])  # fmt: skip
    for cycle, kind, begin in marks:
        if kind == "end":
            latency.append(cycle - begin)
            interval.append(0 if since is None else cycle - since)
            some = [i for i in interval if i]
            shown.append((latency[-1], min(latency), max(latency), interval[-1], min(some, default=LEAST),
                          max(some, default=0)))  # fmt: skip
            since = cycle
        else:
            since = None
            if kind == "clear":
                latency, interval = [], []
    return shown


def test_frame_timer():
    pairs = [(3, 20), (9, 30), (12, 31), (13, 45), (46, 47), (60, 74), (61, 88), (62, 93), (100, 180), (101, 190)]
    lost, clears, forgets = [110, 111], [50, 130], [200]
    pairs_after = [(210, 215), (213, 230)]
    dut = FrameTimer(depth=4)
    want = timed(pairs + pairs_after, clears, forgets)

    async def testbench(ctx):
        begins = {b for b, _ in pairs + pairs_after} | set(lost)
        ends, got = [e for _, e in pairs + pairs_after], []
        for cycle in range(240):
            ctx.set(dut.begin, cycle in begins)
            ctx.set(dut.end, cycle in ends)
            ctx.set(dut.clear, cycle in clears)
            ctx.set(dut.forget, cycle in forgets)
            figures = (dut.latency, dut.latency_min, dut.latency_max, dut.interval, dut.interval_min, dut.interval_max)
            _, _, inside, cycles, *values = await ctx.tick().sample(dut.inside, dut.cycles, *figures)
            assert cycles == cycle
            if cycle - 2 in ends and cycle - 1 not in ends:
                got.append(tuple(values))
            elif cycle - 1 in clears:
                assert values == [0, LEAST, 0, 0, LEAST, 0]
            assert inside == (
                3 < cycle <= 45 or cycle == 47 or 60 < cycle <= 93 or 100 < cycle <= 200 or 210 < cycle <= 230
            )
        assert (
            got == [w for w, end in zip(want, ends, strict=True) if end + 1 not in ends]
            and len({w[0] for w in want}) > 6
        )

    simulate(dut, testbench)


def test_parameters():
    with pytest.raises(ValueError, match="Depth must be at least 1, not 0"):
        FrameTimer(depth=0)
