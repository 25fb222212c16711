"""The cocotb bench of a generated accelerator.

It runs inside the simulator; `sim.simulators.run` writes its job and reads what it found. It only drives the top-level
ports, so it serves every accelerator.
"""

import json
import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, SimTimeoutError, with_timeout
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from fewbit.sim.design import is_of_job

from .damaged_frames import order_of
from .read_memory import ReadMemory

PERIOD = 10  # ns of a clock cycle; what is found is in cycles


class TB:
    """Clock, reset, sources and sink of an accelerator; ``inputs`` are the names of the streams of frames."""

    def __init__(self, dut, seed, inputs):
        self.dut, self.random = dut, np.random.default_rng(seed)
        self.sources = [
            AxiStreamSource(AxiStreamBus.from_prefix(dut, name), dut.aclk, dut.aresetn, False, byte_lanes=1)
            for name in inputs
        ]
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, dut.aresetn, False, byte_lanes=1)
        self.ends = [*self.sources, self.sink]
        if hasattr(dut, "s_axis_weights_tvalid"):  # nothing is loaded
            for port in ("tdata", "tvalid", "tlast"):
                getattr(dut, f"s_axis_weights_{port}").value = 0
        for end in self.ends:
            end.log.setLevel("WARNING")
        cocotb.start_soon(Clock(dut.aclk, PERIOD, unit="ns").start(start_high=False))

    async def reset(self):
        """Hold the reset for 8 cycles."""
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 8)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    def stall(self, probability):
        """Begin idle cycles and back-pressure, each cycle with this probability; 0 ends them."""
        for end in self.ends:
            end.clear_pause_generator()
            end.pause = False
            if probability:
                end.set_pause_generator(self._pauses(probability))

    def _pauses(self, probability):
        while True:
            yield from (self.random.random(256) < probability).tolist()

    def send(self, frames, begun=None):
        """Send frames, a list of beats for each input, as soon as the accelerator takes them.

        ``begun`` is given the time at which each part of a frame begins, in ns.
        """
        note = None if begun is None else (lambda sent: begun(sent.sim_time_start / 1000))
        for frame in frames:
            for source, part in zip(self.sources, frame, strict=True):
                source.send_nowait(AxiStreamFrame(list(part), tx_complete=note))

    async def receive(self, cycles):
        """Return the next frame, which must come within so many cycles.

        Raises
        ------
        AssertionError
            If it does not come.
        """
        try:
            return await with_timeout(self.sink.recv(compact=False), cycles * PERIOD, "ns")
        except SimTimeoutError:
            raise AssertionError(f"no result within {cycles} cycles: the accelerator stands still") from None


@cocotb.test()
async def frames(dut):
    """Stream the job's frames through the accelerator, and record what came out, and when."""
    job = json.loads(Path(os.environ["FEWBIT_JOB"]).read_text())
    if not await is_of_job(dut, job):
        return
    folder = Path(job["folder"])
    data = np.load(folder / "beats.npz")
    tb = TB(dut, job["seed"], job["inputs"])
    record = Recorder(folder, data["expected"])
    if job.get("memory"):
        dut.weights_image_base.value, dut.weights_image_valid.value = job["memory"]["base"], 1
        record.memory = memory_of(dut, folder, job)
    await tb.reset()
    if record.memory:
        await record.memory.settled()
    sent = frames_in(data, job["inputs"])
    await _stream(tb, sent, record, job)
    record.damage = await _damaged(tb, sent, data["again"], job)
    await ClockCycles(dut.aclk, job["patience"] // 16)  # some four intervals, in which nothing more may come
    record.left_over = tb.sink.count() + sum(not source.empty() for source in tb.sources)
    record.counters = [int(dut.frames.value), int(dut.bad_frames.value)]
    record.save()


def memory_of(dut, folder, job):
    """Return the memory that a job's weights are read from."""
    image, random = (folder / "weights.bin").read_bytes(), np.random.default_rng([job["seed"], 1])
    return ReadMemory(dut, "m_axi_weights", image=image, random=random, **job["memory"])


def words(frame):
    """Return the beats of a frame as integers."""
    return [int.from_bytes(beat.tobytes(), "little") for beat in frame]


def frames_in(data, inputs):
    """Return the frames of a job: of each the beats of every input, as integers."""
    return [[words(part) for part in parts] for parts in zip(*(data[name] for name in inputs), strict=True)]


class Recorder:
    """A recorder of what the run finds: it writes JSON at the end, and the number of frames done in the meantime."""

    MOST_EXAMPLES = 5

    def __init__(self, folder, expected):
        self.folder, self.expected = folder, expected
        self.mismatches, self.examples, self.marked, self.left, self.entered = 0, [], 0, [], None
        self.damage, self.left_over, self.counters = {}, 0, []
        self.memory, self.stalled = None, []

    def result(self, number, frame):
        """Compare the result of a frame with what is expected, and record it."""
        want = words(self.expected[number])
        if list(frame.tdata) != want:
            self.mismatches += 1
            if len(self.examples) < self.MOST_EXAMPLES:
                got, want = ([hex(w) for w in words] for words in (frame.tdata, want))
                self.examples.append({"frame": number, "got": got, "want": want})
        self.marked += any(frame.tuser) if isinstance(frame.tuser, list) else bool(frame.tuser)
        self.left.append(round(frame.sim_time_end / 1000))
        if self.memory:
            self.stalled.append(self.memory.stalled)
        if number % 4 == 0:
            (self.folder / "progress").write_text(str(number + 1))

    def save(self):
        """Write what was found; times are in cycles from the first beat of the first frame in."""
        first = self.entered
        out = {
            "mismatches": self.mismatches, "examples": self.examples, "marked": self.marked,
            "left": [(t - first) // PERIOD for t in self.left], "damage": self.damage, "left_over": self.left_over,
            "counters": self.counters, "frames": len(self.left),
        }  # fmt: skip
        if self.memory:
            out |= {"stalled": [n - self.before for n in self.stalled], "memory_problems": self.memory.problems}
        (self.folder / "found.json").write_text(json.dumps(out))


async def _stream(tb, sent, record, job):
    """Send all frames, in order, while results are taken."""
    tb.stall(job["stall"])
    begun = []
    record.before = record.memory.stalled if record.memory else 0
    tb.send(sent, begun.append)
    for number in range(len(sent)):
        record.result(number, await tb.receive(job["patience"]))
    # A source drives from the clock edge on that it takes a frame at, so its first beat passes at the next one.
    record.entered = round(min(begun)) + PERIOD
    tb.stall(0)


async def _damaged(tb, sent, again, job):
    """Send short and long frames among good ones: each has one result, which is marked, and no other frame is touched.

    ``again`` are the results of all that are sent, were they good.
    """
    tb.stall(max(0.25, job["stall"]))
    order, beats = [], [len(part) for part in sent[0]]
    for kind, number, at in order_of(len(sent), beats):
        frame = list(sent[number])
        if kind == "short":
            frame[at] = frame[at][: 1 + int(tb.random.integers(beats[at] - 1))]
        elif kind == "long":
            frame[at] = frame[at] + sent[0][at][: 1 + int(tb.random.integers(beats[at]))]
        order.append((kind, len(order), frame))
    tb.send([frame for _, _, frame in order])
    wrong = 0
    for kind, number, _ in order:
        frame = await tb.receive(job["patience"])
        users = frame.tuser if isinstance(frame.tuser, list) else [frame.tuser]
        right = list(frame.tdata) == words(again[number])
        length = len(frame.tdata) == len(again[number])
        marked = bool(users[-1]) and not any(users[:-1])
        good = right and not any(users) if kind == "good" else length and marked
        wrong += not good
    tb.stall(0)
    return {"frames": len(order), "damaged": sum(kind != "good" for kind, _, _ in order), "wrong": wrong,
            "end": get_sim_time("ns")}  # fmt: skip
