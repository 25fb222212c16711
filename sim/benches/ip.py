"""The cocotb bench of an IP block: registers, interrupt, counters, soft reset, and traffic as a DMA makes it.

It runs inside the simulator; `sim.simulators.run_ip` writes its job and judges what it found. It only drives the
top-level ports.
"""

import json
import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from fewbit.sim.design import is_of_job

from .accelerator import frames_in, memory_of, words
from .ip_resets import abandoned, soft_reset
from .ip_testbench import IpTB, marked
from .traces import begins_of, parts_of

SLVERR = 2  # AXI4-Lite's answer to an access that is refused


@cocotb.test()
async def block(dut):
    """Try everything, one after the other; what is random follows from the job's seed."""
    job = json.loads(Path(os.environ["FEWBIT_JOB"]).read_text())
    if not await is_of_job(dut, job):
        return
    folder = Path(job["folder"])
    data = np.load(folder / "beats.npz")
    tb = IpTB(dut, job)
    sent, want = frames_in(data, job["inputs"]), [words(frame) for frame in data["expected"]]
    await tb.reset()
    await identification(tb)
    await weights(tb, folder)
    found = {"full": await frames(tb, sent, want, stall=0)}
    await interrupts(tb, sent, want)
    found["busy"] = await frames(tb, sent, want, stall=job["stall"], traffic=True)
    await starved(tb, sent, want)
    await damaged(tb, sent, want)
    found["cut"] = sum([await soft_reset(tb, sent, want) for _ in range(job["resets"])])
    await abandoned(tb, sent)
    found["again"] = await frames(tb, sent[: job["again"]], want, stall=0)
    await ClockCycles(dut.aclk, job["quiet"])
    tb.expect("results left over", tb.sink.count(), 0)
    np.savez(folder / "traces.npz", **{name: found[name].pop("trace") for name in ("full", "busy", "again")})
    problems = tb.problems + (tb.memory.problems if tb.memory else [])
    (folder / "found.json").write_text(json.dumps(found | {"problems": problems}))


async def identification(tb):
    """Try the constants, the scratch register, and addresses that have no register."""
    for name, register in tb.control.items():
        for word, value in enumerate(register.get("value", ())):
            tb.expect(f"{name} word {word}", await tb.read(name, word), value)
        if register["access"] == "read-only":
            answer = await tb.bus.write(register["offset"], b"\xff" * 4)
            tb.expect(f"answer to a write to {name}", int(answer.resp), SLVERR)
    taken = {r["offset"] + 4 * k for r in tb.control.values() for k in range(r["words"])}
    for offset in set(tb.random.integers(0, tb.job["control"]["size"] // 4, 24).tolist()) - {t // 4 for t in taken}:
        answer = await tb.bus.read(4 * offset, 4)
        tb.expect(f"answer at {4 * offset:#x}", (int(answer.resp), answer.data), (SLVERR, bytes(4)))
    for value in (0x12345678, 0xEDCBA987):
        await tb.write("SCRATCH", value)
        tb.expect("SCRATCH", await tb.read("SCRATCH"), value)
    await tb.bus.write(tb.control["SCRATCH"]["offset"] + 1, b"\x55")
    tb.expect("SCRATCH after one byte", await tb.read("SCRATCH"), 0xEDCB5587)


async def weights(tb, folder):
    """Give the block its external weights, if it has such: nothing is read before it is told where they are."""
    if not tb.job.get("memory"):
        return
    tb.memory = memory_of(tb.dut, folder, tb.job)
    await ClockCycles(tb.dut.aclk, 100)
    tb.expect("bursts before the image is valid", tb.memory.taken, 0)
    base = tb.job["memory"]["base"]
    await tb.write("WEIGHTS_BASE", base & 0xFFFFFFFF)
    await tb.write("WEIGHTS_BASE_HIGH", base >> 32)
    await tb.write("WEIGHTS_CONTROL", tb.bit("WEIGHTS_CONTROL", "VALID"))
    await tb.memory.settled()
    tb.expect("WEIGHTS_STATUS when all is read ahead", await tb.read("WEIGHTS_STATUS"), 0)


async def take(tb, want, what):
    """Take the next results, which must be ``want``, and return how many are not."""
    wrong = []
    for number, result in enumerate(want):
        frame = await tb.receive(tb.job["patience"])
        if list(frame.tdata) != result or marked(frame):
            wrong.append(number)
    tb.expect(f"wrong results {what}", wrong, [])
    return len(wrong)


async def frames(tb, sent, want, *, stall, traffic=False):
    """Stream all frames, and compare every counter with the record of the ports.

    Return the number of frames, the mismatches, the stalls by stage, the record, and the number of interrupts.
    """
    await tb.settle()
    await tb.write("CONTROL", tb.bit("CONTROL", "CLEAR"))
    await tb.settle()
    start, served = len(tb.trace), [0]
    tasks = [cocotb.start_soon(task) for task in ((read_registers(tb), serve(tb, served)) if traffic else ())]
    tb.stall(stall)
    tb.send(sent)
    wrong = await take(tb, want[: len(sent)], "under traffic" if traffic else "at full rate")
    tb.stall(0)
    await tb.settle()
    for task in tasks:
        task.cancel()
    tb.pause_bus(0)
    if traffic:
        await ClockCycles(tb.dut.aclk, 200)  # accesses that are under way end
        tb.expect("whether interrupts came", served[0] > 0, True)
        await tb.write("INTERRUPT_ENABLE", 0)
        await tb.write("INTERRUPT_STATUS", tb.bit("INTERRUPT_STATUS", "RESULT", "BAD"))
    trace = tb.since(start)
    await compare_counters(tb, trace, len(sent))
    stalls = [await tb.read("STALL", word) for word in range(tb.control["STALL"]["words"])]
    return {"frames": len(sent), "mismatches": wrong, "stalls": stalls, "trace": trace,
            "interrupts": served[0]}  # fmt: skip


async def compare_counters(tb, trace, count):
    """Compare the registers with what the ports showed while ``count`` frames passed."""
    offered, taken, valid, ready, last, _ = parts_of(trace)
    begins = begins_of(offered, taken, tb.job["beats_in"])
    ends = np.flatnonzero(valid & ready & last)
    latency, interval = ends - begins, np.diff(ends)
    tb.expect("frames at the ports", (len(begins), len(ends)), (count, count))
    figures = {
        "FRAMES": count, "BAD_FRAMES": 0, "LATENCY": latency[-1], "LATENCY_MIN": latency.min(),
        "LATENCY_MAX": latency.max(), "INTERVAL": interval[-1], "INTERVAL_MIN": interval.min(),
        "INTERVAL_MAX": interval.max(), "OUTPUT_STALLS": (valid & ~ready).sum(),
    }  # fmt: skip
    figures |= dict(zip(tb.counters("STALLS"), (offered & ~taken).sum(axis=1), strict=True))
    for name, value in figures.items():
        tb.expect(name, await tb.read(name), int(value))
    status = await tb.read("STATUS")
    tb.expect("STATUS when all is done", status, 0)


async def read_registers(tb):
    """Read and write as an application does meanwhile: no access may get the answer to another one."""
    tb.pause_bus(0.3)
    before = await tb.read("CYCLES")
    while True:
        value = int(tb.random.integers(1 << 32))
        await tb.write("SCRATCH", value)
        now = await tb.read("CYCLES")
        tb.expect("whether CYCLES rises", before < now < before + 2000, True)
        before = now
        tb.expect("SCRATCH", await tb.read("SCRATCH"), value)
        name = str(tb.random.choice(list(tb.control)))
        await tb.read(name)


async def serve(tb, served):
    """Handle interrupts as a driver does, which clears what it has seen, and count them in ``served``."""
    both = tb.bit("INTERRUPT_ENABLE", "RESULT", "BAD")
    await tb.write("INTERRUPT_ENABLE", both)
    while True:
        while not int(tb.dut.interrupt.value):
            await RisingEdge(tb.dut.aclk)
        status = await tb.read("INTERRUPT_STATUS")
        tb.expect("INTERRUPT_STATUS", status, tb.bit("INTERRUPT_STATUS", "RESULT"))
        await tb.write("INTERRUPT_STATUS", status)
        await ClockCycles(tb.dut.aclk, 3)
        served[0] += 1


async def interrupts(tb, sent, want):
    """Try one frame, step by step: a result sets the bit, enabled or not; the line follows both; a 1 clears it."""
    result = tb.bit("INTERRUPT_STATUS", "RESULT")
    await tb.write("INTERRUPT_STATUS", 3)
    tb.send(sent[:1])
    await take(tb, want[:1], "of the frame before an interrupt")
    await ClockCycles(tb.dut.aclk, 4)
    tb.expect("interrupt that is not enabled", int(tb.dut.interrupt.value), 0)
    tb.expect("INTERRUPT_STATUS after a result", await tb.read("INTERRUPT_STATUS"), result)
    await tb.write("INTERRUPT_ENABLE", result)
    await ClockCycles(tb.dut.aclk, 3)
    tb.expect("interrupt once enabled", int(tb.dut.interrupt.value), 1)
    await tb.write("INTERRUPT_STATUS", tb.bit("INTERRUPT_STATUS", "BAD"))
    await ClockCycles(tb.dut.aclk, 3)
    tb.expect("interrupt after another bit was cleared", int(tb.dut.interrupt.value), 1)
    await tb.write("INTERRUPT_STATUS", result)
    await ClockCycles(tb.dut.aclk, 3)
    tb.expect("interrupt once cleared", int(tb.dut.interrupt.value), 0)
    await tb.write("INTERRUPT_ENABLE", 0)


async def starved(tb, sent, want):
    """Compare INPUT_STARVED, and STATUS, while the block is full: then the counter stands still."""

    async def fill(count):
        """Take ``count`` results, stop the sink, and send frames until none enters any more."""
        tb.send(sent[:1] * (count + tb.job["inside"] + 2))
        for _ in range(count):
            await tb.receive(tb.job["patience"])
        tb.sink.pause = True
        await ClockCycles(tb.dut.aclk, tb.job["full"])
        before = await tb.read("INPUT_STALLS")
        await tb.settle()
        tb.expect("INPUT_STALLS grows", await tb.read("INPUT_STALLS") > before, True)
        occupied = tb.bit("STATUS", "OCCUPIED")
        tb.expect("STATUS of a full block", await tb.read("STATUS") & occupied, occupied)

    await fill(0)
    await tb.write("CONTROL", tb.bit("CONTROL", "CLEAR"))
    start = len(tb.trace)
    tb.sink.pause = False
    for source in tb.sources:
        source.set_pause_generator(tb._pauses(0.5))
    for _ in range(tb.job["inside"] + 2):
        await tb.receive(tb.job["patience"])
    for source in tb.sources:
        source.clear_pause_generator()
        source.pause = False
    await fill(2)
    await tb.settle()
    offered, taken = tb.inputs_since(start)
    for name, starved in zip(tb.counters("STARVED"), (~offered & taken).sum(axis=1), strict=True):
        tb.expect(name, await tb.read(name), int(starved))
    tb.sink.pause = False
    await take(tb, want[:1] * (tb.job["inside"] + 2), "of a block that was full")


async def damaged(tb, sent, want):
    """Send a short frame and a long one among good ones: they are marked, counted, and told by an interrupt.

    They are so at the last input whose frames can be short.
    """
    inputs = [k for k, part in enumerate(sent[0]) if len(part) > 1]
    if not inputs:
        return
    at = inputs[-1]

    def changed(frame, beats):
        """Return the frame with other beats at that input."""
        return [*frame[:at], beats, *frame[at + 1 :]]

    short, long = changed(sent[1], sent[1][at][:1]), changed(sent[2], sent[2][at] + sent[0][at][:1])
    await tb.write("CONTROL", tb.bit("CONTROL", "CLEAR"))
    await tb.write("INTERRUPT_STATUS", 3)
    tb.send([sent[0], short, sent[1], long, sent[2]])
    for number in (0, None, 1, None, 2):
        frame = await tb.receive(tb.job["patience"])
        if number is None:
            tb.expect("whether a damaged frame is marked", marked(frame), True)
        else:
            tb.expect(f"frame {number} beside damaged ones", (list(frame.tdata), marked(frame)), (want[number], False))
    await ClockCycles(tb.dut.aclk, 4)
    got = [await tb.read(name) for name in ("FRAMES", "BAD_FRAMES", "INTERRUPT_STATUS")]
    tb.expect("FRAMES, BAD_FRAMES, INTERRUPT_STATUS", got, [5, 2, 3])
