"""The testbench of an IP block: access to its registers, and a record of its streams."""

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from .accelerator import TB
from .traces import parts_of

__all__ = ["IpTB", "marked"]


class IpTB(TB):
    """`TB` with the registers, and a record of what happens at the streams, cycle by cycle."""

    RESULTS = ("m_axis_tvalid", "m_axis_tready", "m_axis_tlast", "m_axis_tuser")

    def __init__(self, dut, job):
        super().__init__(dut, job["seed"], job["inputs"])
        self.job, self.control, self.problems, self.trace = job, job["control"]["registers"], [], []
        self.memory = None  # that external weights are read from
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), dut.aclk, dut.aresetn, False)
        for end in (self.bus.write_if, self.bus.read_if):
            end.log.setLevel("WARNING")
        frames = [f"{name}_t{port}" for name in job["inputs"] for port in ("valid", "ready")]
        self._watched = [getattr(dut, name) for name in (*frames, *self.RESULTS)]
        cocotb.start_soon(self._watch())

    async def _watch(self):
        while True:
            await RisingEdge(self.dut.aclk)
            self.trace.append([int(signal.value) for signal in self._watched])

    def pause_bus(self, probability):
        """Begin idle cycles and back-pressure on every channel of AXI4-Lite; probability 0 ends them."""
        write, read = self.bus.write_if, self.bus.read_if
        for channel in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel):
            channel.clear_pause_generator()
            channel.pause = False
            if probability:
                channel.set_pause_generator(self._pauses(probability))

    def expect(self, what, got, want):
        """Add a line to the problems unless ``got`` is ``want``."""
        if got != want:
            self.problems.append(f"{what}: {got}, expected {want}")

    async def read(self, name, word=0):
        """Return a word of a register, 32 bits."""
        return await self.bus.read_dword(self.control[name]["offset"] + 4 * word)

    async def write(self, name, value):
        """Write the first word of a register."""
        await self.bus.write_dword(self.control[name]["offset"], value)

    def bit(self, register, *fields):
        """Return the value of a register in which these fields, of one bit each, are 1."""
        return sum(1 << self.control[register]["fields"][field] for field in fields)

    def since(self, start):
        """Return the record from cycle ``start`` on, ``uint8`` ``(ports, cycles)``: TVALID and TREADY of every stream
        of frames, and then `RESULTS`.
        """
        return np.array(self.trace[start:], dtype=np.uint8).reshape(-1, len(self._watched)).T

    def inputs_since(self, start):
        """Return TVALID and TREADY of the streams of frames from cycle ``start`` on, each bool ``(inputs, cycles)``."""
        offered, taken, *_ = parts_of(self.since(start))
        return offered, taken

    def counters(self, what):
        """Return the names of the registers ``INPUT_<what>`` of all streams of frames."""
        return [f"INPUT_{what}{name.removeprefix('s_axis').upper()}" for name in self.job["inputs"]]

    async def settle(self):
        """Wait until the registers show everything that has happened."""
        await ClockCycles(self.dut.aclk, self.control["STALL"]["words"] + 2 * len(self.sources) + 8)
        if self.memory:
            await self.memory.settled()


def marked(frame):
    """Say whether a result is marked as that of a damaged frame."""
    users = frame.tuser if isinstance(frame.tuser, list) else [frame.tuser]
    return bool(users[-1])
