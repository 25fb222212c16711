"""What the bench of an IP block stands on: its registers, and a record of its streams."""

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
        """Idle cycles and back-pressure on every channel of AXI4-Lite."""
        write, read = self.bus.write_if, self.bus.read_if
        for channel in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel):
            channel.clear_pause_generator()
            channel.pause = False
            if probability:
                channel.set_pause_generator(self._pauses(probability))

    def expect(self, what, got, want):
        if got != want:
            self.problems.append(f"{what}: {got}, expected {want}")

    async def read(self, name, word=0):
        return await self.bus.read_dword(self.control[name]["offset"] + 4 * word)

    async def write(self, name, value):
        await self.bus.write_dword(self.control[name]["offset"], value)

    def bit(self, register, *fields):
        return sum(1 << self.control[register]["fields"][field] for field in fields)

    def send(self, frames):
        for frame in frames:
            self.source.send_nowait(AxiStreamFrame(list(frame)))

    def since(self, start):
        """The record from cycle ``start`` on, a row a port."""
        return np.array(self.trace[start:], dtype=np.uint8).reshape(-1, len(self.PORTS)).T

    async def settle(self):
        """Until counters of single cycles show everything."""
        await ClockCycles(self.dut.aclk, self.control["STALL"]["words"] + 10)


def marked(frame):
    users = frame.tuser if isinstance(frame.tuser, list) else [frame.tuser]
    return bool(users[-1])
