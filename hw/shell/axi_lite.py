"""AXI4-Lite: from the five channels to one access at a time."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.wires import members_of

from .block_ports import axilite_ports

__all__ = ["OKAY", "SLVERR", "AxiLiteSlave"]

OKAY, SLVERR = 0, 2


class AxiLiteSlave(wiring.Component):
    """An AXI4-Lite slave of 32-bit words in front of registers.

    Every output is a register or its inverse: no path leads from an input to an output. Address and data of a write may
    come in any order and far apart; one write and one read are inside at a time, and neither waits for the other.
    A write is answered 2 cycles after the last of its parts was taken, a read 3. Protection bits are ignored, so are
    the lowest two address bits.

    Parameters
    ----------
    address_bits : int
        Bits of a byte address, 3 at least.

    Raises
    ------
    ValueError
        If the address has fewer than 3 bits.

    Members
    -------
    awaddr, awprot, awvalid, …, rready : see `hw.shell.block_ports.axilite_ports`
    write : ``Out(1)``
        In this cycle ``write_data`` goes to word ``write_address``, in the bytes that ``write_strobe`` names.
    write_address : ``Out(address_bits - 2)``, write_data : ``Out(32)``, write_strobe : ``Out(4)``
    write_error : ``In(1)``
        Belongs to ``write_address``; answered as SLVERR.
    read_address : ``Out(address_bits - 2)``
        The word that is read; it stays for `READ_CYCLES` cycles at least before ``read`` is high.
    read : ``Out(1)``
        ``read_data`` is taken in this cycle.
    read_data : ``In(32)``, read_error : ``In(1)``
    """

    READ_CYCLES = 2  # from an address to its data: one register may stand between

    def __init__(self, *, address_bits: int):
        if address_bits < 3:
            raise ValueError(f"Address bits must be at least 3, not {address_bits!r}")
        word = address_bits - 2
        super().__init__(members_of(axilite_ports(address_bits)) | {
            "write": Out(1), "write_address": Out(word), "write_data": Out(32), "write_strobe": Out(4),
            "write_error": In(1), "read_address": Out(word), "read": Out(1), "read_data": In(32), "read_error": In(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        self._writes(m)
        self._reads(m)
        return m

    def _writes(self, m):
        addressed, filled = Signal(), Signal()  # an address, and data, are held
        m.d.comb += [
            self.awready.eq(~addressed), self.wready.eq(~filled), self.write.eq(addressed & filled & ~self.bvalid),
        ]  # fmt: skip
        with m.If(self.awvalid & self.awready):
            m.d.sync += [addressed.eq(1), self.write_address.eq(self.awaddr[2:])]
        with m.If(self.wvalid & self.wready):
            m.d.sync += [filled.eq(1), self.write_data.eq(self.wdata), self.write_strobe.eq(self.wstrb)]
        with m.If(self.bvalid & self.bready):
            m.d.sync += self.bvalid.eq(0)
        with m.If(self.write):
            m.d.sync += [addressed.eq(0), filled.eq(0), self.bvalid.eq(1), self.bresp[1].eq(self.write_error)]

    def _reads(self, m):
        addressed, settled = Signal(), Signal(self.READ_CYCLES - 1)
        m.d.comb += [self.arready.eq(~addressed), self.read.eq(addressed & settled[-1] & ~self.rvalid)]
        with m.If(self.arvalid & self.arready):
            m.d.sync += [addressed.eq(1), self.read_address.eq(self.araddr[2:])]
        with m.If(self.rvalid & self.rready):
            m.d.sync += self.rvalid.eq(0)
        m.d.sync += settled.eq((settled << 1) | (addressed & ~self.read))
        with m.If(self.read):
            m.d.sync += [
                addressed.eq(0), settled.eq(0), self.rvalid.eq(1), self.rdata.eq(self.read_data),
                self.rresp[1].eq(self.read_error),
            ]  # fmt: skip
