"""The cocotb bench of an IP block into which weights are loaded: before, in the middle of traffic, and after.

It runs inside the simulator; `sim.simulators.run_load` writes its job and judges what it found. It only drives the
top-level ports.
"""

import json
import os
import zlib
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from fewbit.sim.design import is_of_job

from .accelerator import frames_in, words
from .ip import frames
from .ip_testbench import IpTB, marked


@cocotb.test()
async def loads(dut):
    """Load the other weights in every way that can go right or wrong; what is random follows from the job's seed."""
    job = json.loads(Path(os.environ["FEWBIT_JOB"]).read_text())
    if not await is_of_job(dut, job):
        return
    folder = Path(job["folder"])
    data = np.load(folder / "beats.npz")
    tb = IpTB(dut, job)
    sent = frames_in(data, job["inputs"])
    own, other = ([words(frame) for frame in data[name]] for name in ("expected", "again"))
    await tb.reset()
    found = {"before": await frames(tb, sent, own, stall=0)}
    found["refused"] = await refused(tb, job["other"])
    found["traffic"] = await in_traffic(tb, sent, own, other, job)
    found["after"] = await frames(tb, sent, other, stall=0)
    await reset_between(tb, sent, other, own, job)
    found["back"] = await frames(tb, sent, own, stall=0)
    await ClockCycles(dut.aclk, job["quiet"])
    tb.expect("results left over", tb.sink.count(), 0)
    np.savez(folder / "traces.npz", **{name: found[name].pop("trace") for name in ("before", "after", "back")})
    (folder / "found.json").write_text(json.dumps(found | {"problems": tb.problems}))


def checksum_of(image):
    """Return the checksum of words."""
    return zlib.crc32(np.array(image, dtype="<u4").tobytes())


async def status_of(tb):
    """Return the names of the bits of LOAD_STATUS that are high."""
    value = await tb.read("LOAD_STATUS")
    return {name for name, bit in tb.control["LOAD_STATUS"]["fields"].items() if value >> bit & 1}


async def until(tb, what, cycles):
    """Wait until a bit of LOAD_STATUS is high, or with "OPEN" until none is."""
    for _ in range(cycles // 4 + 1):
        status = await status_of(tb)
        if (not status) if what == "OPEN" else what in status:
            return True
    tb.expect(f"LOAD_STATUS within {cycles} cycles", status, {what})
    return False


async def write_words(tb, image):
    """Write words, and compare the block's account of them."""
    for word in image:
        await tb.write("LOAD_DATA", word)
    tb.expect("LOAD_TAKEN", await tb.read("LOAD_TAKEN"), len(image))
    tb.expect("LOAD_CHECKSUM", await tb.read("LOAD_CHECKSUM"), checksum_of(image))


async def load(tb, image, check=None):
    """Load an image as a driver does, with its checksum or another one."""
    await tb.write("LOAD_CONTROL", tb.bit("LOAD_CONTROL", "BEGIN"))
    if await until(tb, "WAITING", tb.job["patience"]):
        await write_words(tb, image)
        await tb.write("LOAD_CHECK", checksum_of(image) if check is None else check)


async def refused(tb, image):
    """Load what must be refused: a wrong checksum, a word too few, one too many; then nothing at all, which is not.

    Return how many were refused. The memories hold the other weights in part then, so that the block must stay closed.
    """
    await tb.write("LOAD_CONTROL", tb.bit("LOAD_CONTROL", "BEGIN"))
    await until(tb, "WAITING", tb.job["patience"])
    await tb.write("LOAD_CHECK", 0)  # no word, and the checksum of none: the block goes on as it was
    await until(tb, "OPEN", 200)
    count = 0
    for part, check in ((image, checksum_of(image) ^ 1), (image[:-1], None), ([*image, 0], None), ([], 0)):
        await load(tb, part, check)
        count += await until(tb, "FAILED", 200)
        tb.expect("LOAD_STATUS of a load that failed", await status_of(tb), {"CLOSED", "FAILED"})
        tb.expect("LOADED after a load that failed", await tb.read("LOADED"), 0)
    return count


async def closed(tb, sent):
    """Offer a frame to a block that is closed: nothing of it may be taken."""
    start = len(tb.trace)
    tb.send(sent[:1])
    await ClockCycles(tb.dut.aclk, 200)
    offered, taken = tb.inputs_since(start)
    tb.expect("whether a closed block was offered a beat", bool(offered.any()), True)
    tb.expect("beats that a closed block took", int((offered & taken).sum()), 0)


async def in_traffic(tb, sent, own, other, job):
    """Load while frames come at random times: each of them is as one of the two networks has it, none is lost.

    The block is closed when this begins, as a load has failed. Return how many results were of either.
    """
    await closed(tb, sent)  # its frame waits for the weights
    await load(tb, job["own"])
    await until(tb, "OPEN", 200)
    tb.expect("LOADED", await tb.read("LOADED"), checksum_of(job["own"]))
    tb.expect("result of the frame that waited", list((await tb.receive(job["patience"])).tdata), own[0])
    tb.stall(job["stall"])
    tb.pause_bus(0.3)
    await tb.write("CONTROL", tb.bit("CONTROL", "CLEAR"))
    tb.send(sent * 3)
    results = []
    taking = cocotb.start_soon(take_all(tb, 3 * len(sent), results))
    while len(results) < len(sent) // 2:
        await ClockCycles(tb.dut.aclk, 1 + int(tb.random.integers(job["bound"])))
    await tb.write("LOAD_CONTROL", tb.bit("LOAD_CONTROL", "BEGIN"))
    await until(tb, "WAITING", job["patience"])
    before = await tb.read("FRAMES")
    tb.expect("OCCUPIED while words are taken", await tb.read("STATUS") & tb.bit("STATUS", "OCCUPIED", "RECEIVING"), 0)
    await write_words(tb, job["other"])
    tb.expect("FRAMES while words are taken", await tb.read("FRAMES"), before)
    await tb.write("LOAD_CHECK", checksum_of(job["other"]))
    await taking
    tb.stall(0)
    tb.pause_bus(0)
    await ClockCycles(tb.dut.aclk, 200)
    tb.expect("LOADED", await tb.read("LOADED"), checksum_of(job["other"]))
    want = [*(own * 3)[:before], *(other * 3)[before:]]
    wrong = [number for number, (got, of) in enumerate(zip(results, want, strict=True)) if got != of]
    tb.expect("wrong results around a load", wrong, [])
    return {"frames": len(results), "mismatches": len(wrong), "before": before}


async def take_all(tb, count, results):
    """Take so many results, of which none may be marked."""
    for _ in range(count):
        frame = await tb.receive(2 * tb.job["patience"] + 40 * len(tb.job["other"]))
        tb.expect("whether a result around a load is marked", marked(frame), False)
        results.append(list(frame.tdata))


async def reset_between(tb, sent, other, own, job):
    """Reset the data path, and then the whole block, in the middle of the words of a load."""
    half = len(job["own"]) // 2
    await tb.write("LOAD_CONTROL", tb.bit("LOAD_CONTROL", "BEGIN"))
    await until(tb, "WAITING", job["patience"])
    await write_words(tb, job["own"][:half])
    await tb.reset()
    tb.expect("LOAD_STATUS after a reset in mid-load", await status_of(tb), {"CLOSED", "FAILED"})
    tb.expect("LOADED after a reset", await tb.read("LOADED"), checksum_of(job["other"]))
    await closed(tb, sent)
    await tb.write("LOAD_CONTROL", tb.bit("LOAD_CONTROL", "BEGIN"))
    await until(tb, "WAITING", job["patience"])
    for number, word in enumerate(job["own"]):
        if number == half:
            await tb.write("CONTROL", tb.bit("CONTROL", "SOFT_RESET"))
        await tb.write("LOAD_DATA", word)
    await tb.write("LOAD_CHECK", checksum_of(job["own"]))
    await until(tb, "OPEN", 200)
    tb.expect("result of the frame that waited", list((await tb.receive(job["patience"])).tdata), own[0])
