"""Soft reset of an IP block in its cocotb bench: at random times, and with a source and a sink that were reset too."""

import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout

from .accelerator import PERIOD
from .ip_testbench import marked

__all__ = ["abandoned", "soft_reset"]

PATIENCE = 4000  # readings of the register until a soft reset must have ended


async def wait_for_reset(tb):
    """Wait until a soft reset has ended.

    Raises
    ------
    AssertionError
        If it does not end.
    """
    for _ in range(PATIENCE):
        if not await tb.read("CONTROL"):
            return
    raise AssertionError("soft reset does not end")


async def soft_reset(tb, sent, want):
    """Reset the block at any time and return how many results were cut off, at most one.

    What comes before and after must be right.
    """
    count = int(tb.random.integers(3, 9))
    first = int(tb.random.integers(len(sent)))
    chosen = [(first + k) % len(sent) for k in range(count)]
    start = len(tb.trace)
    tb.stall(float(tb.random.choice([0, 0.3, 0.6])))
    tb.send([sent[n] for n in chosen])
    await ClockCycles(tb.dut.aclk, int(tb.random.integers(1, tb.job["bound"] * count + tb.job["latency"])))
    await tb.write("CONTROL", tb.bit("CONTROL", "SOFT_RESET"))
    await wait_for_reset(tb)
    offered, taken = tb.inputs_since(start)
    moved = (offered & taken).sum(axis=1).tolist()
    # At least these are through, or lost.
    begun = max(-(-count // beats) for count, beats in zip(moved, tb.job["beats_in"], strict=True))
    for source in tb.sources:
        await with_timeout(source.wait(), tb.job["patience"] * PERIOD, "ns")
    await ClockCycles(tb.dut.aclk, tb.job["quiet"])
    tb.stall(0)
    got = [tb.sink.recv_nowait(compact=False) for _ in range(tb.sink.count())]
    cut = [k for k, frame in enumerate(got) if marked(frame)]
    results = [list(frame.tdata) for frame in got]
    tb.expect("results cut off", len(cut) <= 1, True)
    tb.expect("lengths of results", {len(r) for r in results} - {len(want[0])}, set())
    splits = cut or range(len(results) + 1)

    def right(before):
        """Say whether so many results came before the reset and the others after it, none of these missing."""
        late = results[before + len(cut) :]
        return (results[:before] == [want[n] for n in chosen[:before]] and count - begun <= len(late) <= count
                and late == [want[n] for n in chosen[count - len(late) :]])  # fmt: skip

    tb.expect("results around a soft reset are right", any(right(k) for k in splits), True)
    tb.expect("STATUS after a soft reset", await tb.read("STATUS"), 0)
    return len(cut)


async def abandoned(tb, sent):
    """Reset a source, and then a sink, in the middle of a frame: no rest of a frame or of a result may stay behind."""
    cleaning, stopping = tb.bit("STATUS", "CLEANING"), tb.bit("STATUS", "STOPPING")
    long = [k for k, part in enumerate(sent[0]) if len(part) > 1]
    if long:
        start = len(tb.trace)
        tb.send(sent[:1])
        while not np.logical_and(*tb.inputs_since(start))[long].any():
            await RisingEdge(tb.dut.aclk)
        for source in tb.sources:
            _reset(source)
        await tb.write("CONTROL", tb.bit("CONTROL", "SOFT_RESET"))
        await ClockCycles(tb.dut.aclk, 50)
        tb.expect("soft reset waits for the source", await tb.read("STATUS") & cleaning, cleaning)
        await tb.write("CONTROL", tb.bit("CONTROL", "SOFT_RESET", "SOURCE_RESET"))
        await wait_for_reset(tb)
    tb.sink.pause = True
    tb.send(sent[:1])
    await ClockCycles(tb.dut.aclk, tb.job["quiet"])
    tb.expect("a result is on offer", int(tb.dut.m_axis_tvalid.value), 1)
    await tb.write("CONTROL", tb.bit("CONTROL", "SOFT_RESET"))
    await ClockCycles(tb.dut.aclk, 50)
    tb.expect("soft reset waits for the sink", await tb.read("STATUS") & stopping, stopping)
    _reset(tb.sink)
    await tb.write("CONTROL", tb.bit("CONTROL", "SOFT_RESET", "SINK_RESET"))
    await wait_for_reset(tb)
    tb.expect("m_axis_tvalid after the sink's reset", int(tb.dut.m_axis_tvalid.value), 0)
    tb.sink.pause = False


def _reset(end):
    """Reset one end of a stream alone, which forgets what it was doing."""
    end.assert_reset(True)
    end.clear()
    end.assert_reset(False)
