"""The testbench of an IP block: access to its registers, and a record of its streams."""

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamFrame

from .accelerator import TB

__all__ = ["IpTB", "marked"]


class IpTB(TB):
    """`TB` with the registers, and a record of what happens at the streams, cycle by cycle."""

    PORTS = ("s_axis_tvalid", "s_axis_tready", "m_axis_tvalid", "m_axis_tready", "m_axis_tlast", "m_axis_tuser")

    def __init__(self, dut, job):
        super().__init__(dut, job["seed"])
        self.job, self.control, self.problems, self.trace = job, job["control"]["registers"], [], []
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), dut.aclk, dut.aresetn, False)
        for end in (self.bus.write_if, self.bus.read_if):
            end.log.setLevel("WARNING")
        self._watched = [getattr(dut, name) for name in self.PORTS]
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

    def send(self, frames):
        """Send frames, lists of beats, as soon as the block takes them."""
        for frame in frames:
            self.source.send_nowait(AxiStreamFrame(list(frame)))

    def since(self, start):
        """Return the record from cycle ``start`` on, ``uint8`` ``(ports, cycles)``, in the order of `PORTS`."""
        return np.array(self.trace[start:], dtype=np.uint8).reshape(-1, len(self.PORTS)).T

    async def settle(self):
        """Wait until the registers show everything that has happened."""
        await ClockCycles(self.dut.aclk, self.control["STALL"]["words"] + 10)


def marked(frame):
    """Say whether a result is marked as that of a damaged frame."""
    users = frame.tuser if isinstance(frame.tuser, list) else [frame.tuser]
    return bool(users[-1])
