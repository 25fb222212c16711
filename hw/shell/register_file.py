"""The registers of the IP block behind AXI4-Lite, as a `hw.shell.registers.RegisterMap` describes them."""

from functools import partial

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from fewbit.hw.wires import members_of

from .axi_lite import AxiLiteSlave
from .block_ports import axilite_ports
from .ports import passed
from .registers import EVENTS, Access, RegisterMap

__all__ = ["RegisterFile"]


class RegisterFile(wiring.Component):
    """Every register of ``registers``; addresses that have none and writes to read-only ones are answered by SLVERR.

    Members
    -------
    bus : AXI4-Lite, with the members of `hw.shell.block_ports.axilite_ports`
    event : ``Out``, event_count : ``In(32)``
        Number of the counter of single cycles that is read, and what it holds in the same cycle.

    A register has members named after it, in lower case. Read-only: what it reads, ``In``. Read-write: what it
    holds, ``Out``. Write 1 to clear: what it holds, ``Out``, and ``…_set``, bits to be set in this cycle, ``In``.
    Write 1 to start: ``Out``, bits written as 1, for one cycle, and ``…_reads``, ``In``. Write-only: the word that was
    written last, ``Out``, and ``…_written``, ``Out``, high for the cycle after it was. Constants have none.
    """

    def __init__(self, registers: RegisterMap):
        self.registers = registers
        self._slots = len(registers.events)
        members = {
            "bus": In(wiring.Signature(members_of(axilite_ports(registers.address_bits)))),
            "event": Out(bits_for(self._slots - 1)), "event_count": In(32),
        }  # fmt: skip
        for r in registers.registers:
            if r.is_event or r.value:
                continue
            members[r.name.lower()] = (In if r.access == Access.RO else Out)(r.bits)
            if r.access == Access.W1C:
                members[f"{r.name.lower()}_set"] = In(r.bits)
            if r.access == Access.W1S:
                members[f"{r.name.lower()}_reads"] = In(r.bits)
            if r.access == Access.WO:
                members[f"{r.name.lower()}_written"] = Out(1)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = AxiLiteSlave(address_bits=self.registers.address_bits)
        ports = members_of(axilite_ports(self.registers.address_bits))
        m.d.comb += passed(ports, partial(getattr, self.bus), partial(getattr, slave))
        self._reads(m, slave)
        self._writes(m, slave)
        return m

    def _reads(self, m, slave):
        """Connect what is read, with one register between an address and its word, as `AxiLiteSlave.READ_CYCLES` has
        it.
        """
        word, known = Signal(32), Signal()
        with m.Switch(slave.read_address):
            for r in self.registers.registers:
                if not r.is_event:
                    for k, (_, offset) in enumerate(r.words):
                        with m.Case(offset // 4):
                            m.d.comb += [word.eq(self._readable(r, k)), known.eq(1)]
        first = EVENTS // 4
        m.d.comb += self.event.eq(slave.read_address)
        with m.If((slave.read_address >= first) & (slave.read_address < first + self._slots)):
            m.d.comb += [word.eq(self.event_count), known.eq(1)]
        m.d.sync += [slave.read_data.eq(word), slave.read_error.eq(~known)]

    def _readable(self, r, k):
        if r.value:
            return r.value[k]
        if r.access == Access.WO:
            return 0
        return getattr(self, f"{r.name.lower()}_reads" if r.access == Access.W1S else r.name.lower())

    def _writes(self, m, slave):
        strobed = Cat(bit.replicate(8) for bit in slave.write_strobe)
        m.d.comb += slave.write_error.eq(1)
        for r in self.registers.registers:
            if r.access == Access.RO:
                continue
            held, written = getattr(self, r.name.lower()), Signal(r.bits, name=f"written_{r.name.lower()}")
            at = slave.write_address == r.offset // 4
            with m.If(at):
                m.d.comb += slave.write_error.eq(0)
            with m.If(at & slave.write):
                m.d.comb += written.eq(strobed)
            if r.access == Access.WO:
                m.d.sync += getattr(self, f"{r.name.lower()}_written").eq(at & slave.write)
            if r.access in (Access.RW, Access.WO):
                m.d.sync += held.eq((held & ~written) | (slave.write_data & written))
            elif r.access == Access.W1C:
                m.d.sync += held.eq(held & ~(slave.write_data & written) | getattr(self, f"{r.name.lower()}_set"))
            else:
                m.d.sync += held.eq(slave.write_data & written)
