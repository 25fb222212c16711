"""Memory outside the device, as a cocotb bench sees it: an AXI4 slave that is read in bursts, with latency and stalls.

Its times are exact, so that the cycle model can say them: a burst is taken in every cycle, its first beat comes
``latency`` cycles later, or behind the burst before, and then one a cycle. cocotbext-axi's memory has no such times; it
checks the master in tests of its own.
"""

from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

__all__ = ["ReadMemory"]

_PAGE = 4096  # bytes that no burst may cross a multiple of


class ReadMemory:
    """An AXI4 memory behind the ports ``<prefix>_ar…`` and ``<prefix>_r…`` of a design.

    Attributes
    ----------
    taken : int
        Bursts that it has taken.
    stalled : int
        Cycles in which it kept a burst waiting, or gave no beat that was due.
    problems : list of str
        What the master did that it must not.
    """

    def __init__(self, dut, prefix, *, image, base, latency, stall, random):
        self.dut, self.image, self.base, self.latency, self.stall = dut, image, base, latency, stall
        self.random, self.stalled, self.taken, self.problems, self.idle = random, 0, 0, [], 0
        self._ports = {name: getattr(dut, f"{prefix}_{name}") for name in
                       ("araddr", "arlen", "arsize", "arburst", "arvalid", "arready",
                        "rdata", "rresp", "rlast", "rvalid", "rready")}  # fmt: skip
        self.bytes = len(self._ports["rdata"]) // 8
        for name in ("arready", "rvalid", "rlast", "rdata", "rresp"):
            self._ports[name].value = 0
        cocotb.start_soon(self._run())

    async def settled(self):
        """Wait until the master has asked for nothing for a while: what it prefetches is there."""
        self.idle = 0
        while self.idle < self.latency + 64:
            await RisingEdge(self.dut.aclk)

    async def _run(self):
        port, bursts, cycle = self._ports, deque(), 0
        ready = offered = late = False
        while True:
            await RisingEdge(self.dut.aclk)
            asked = bool(port["arvalid"].value)
            if not self.dut.aresetn.value:
                bursts.clear()
                asked = offered = False
            self.stalled += late or (asked and not ready)
            if asked and ready:
                self.taken += 1
                bursts.append([cycle + self.latency, self._burst()])
            if offered and port["rready"].value:
                bursts[0][1].popleft()
                if not bursts[0][1]:
                    bursts.popleft()
                offered = False
            cycle += 1
            due = bool(bursts) and bursts[0][0] <= cycle
            late = due and not offered and self._stalls()
            offered = offered or (due and not late)
            ready = not self._stalls()
            self.idle = 0 if asked or bursts else self.idle + 1
            port["arready"].value = int(ready)
            port["rvalid"].value = int(offered)
            if offered:
                beats = bursts[0][1]
                port["rdata"].value, port["rlast"].value = beats[0], int(len(beats) == 1)

    def _stalls(self):
        return self.stall > 0 and self.random.random() < self.stall

    def _burst(self):
        """Return the beats of the burst that is asked for."""
        port = self._ports
        address, count = int(port["araddr"].value), int(port["arlen"].value) + 1
        begin, size = address - self.base, count * self.bytes
        if begin < 0 or begin + size > len(self.image) or address % self.bytes:
            self.problems.append(f"a burst of {size} bytes at {address:#x} lies outside of the image of weights")
        if address // _PAGE != (address + size - 1) // _PAGE:
            self.problems.append(f"a burst of {size} bytes at {address:#x} crosses 4 KiB")
        if 1 << int(port["arsize"].value) != self.bytes or int(port["arburst"].value) != 1:
            self.problems.append(f"the burst at {address:#x} is not of whole beats of rising addresses")
        data = self.image[max(0, begin) : max(0, begin) + size].ljust(size, b"\0")
        return deque(
            int.from_bytes(data[k : k + self.bytes], "little") for k in range(0, size, self.bytes)
        )  # fmt: skip
