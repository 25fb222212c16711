"""Packets of the serial link, in and out: header, payload, CRC-32. `host.protocol` defines them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from fewbit.host.protocol import CHECK, HEADER, OVERHEAD

from .cobs import BYTE_OF_PACKET, CobsDecoder

__all__ = ["HEADER_LAYOUT", "PacketReceiver", "PacketSender", "PacketStore"]

HEADER_LAYOUT = StructLayout({"kind": 8, "sequence": 16, "length": 16})
assert HEADER_LAYOUT.size == 8 * HEADER.size


class PacketReceiver(wiring.Component):
    """A receiver that makes packets of the bytes of the line. Whether a packet is good is known at its end: who keeps
    its payload meanwhile must be able to forget it.

    Members
    -------
    i : ``In(stream.Signature(8, always_ready=True))``
    header : ``Out(HEADER_LAYOUT)``
        Complete before the first byte of payload.
    data, valid : ``Out(8)``, ``Out(1)``
        A byte of payload, or of the checksum.
    good, damaged : ``Out(1)``
        High for one cycle at the end of a packet, or of a piece that was none.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)), "header": Out(HEADER_LAYOUT),
            "data": Out(8), "valid": Out(1), "good": Out(1), "damaged": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.cobs = cobs = CobsDecoder()
        wiring.connect(m, wiring.flipped(self.i), cobs.i)
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        m.d.comb += [crc.data.eq(cobs.data), crc.valid.eq(cobs.valid), crc.start.eq(cobs.end)]

        count = Signal(range((1 << 16) + OVERHEAD + 1))  # bytes so far; longer pieces stay at its end
        header = self.header.as_value()
        in_header = count < HEADER.size
        m.d.comb += [self.data.eq(cobs.data), self.valid.eq(cobs.valid & ~in_header)]
        with m.If(cobs.valid):
            m.d.sync += count.eq(Mux(count == (1 << 16) + OVERHEAD, count, count + 1))
            with m.If(in_header):
                m.d.sync += header.eq(Cat(header[8:], cobs.data))
        with m.If(cobs.end):
            m.d.sync += count.eq(0)

        good = Signal()
        m.d.comb += [
            good.eq(cobs.whole & crc.match_detected & (count == self.header.length + OVERHEAD)),
            self.good.eq(cobs.end & good), self.damaged.eq(cobs.end & ~good),
        ]  # fmt: skip
        return m


class PacketStore(wiring.Component):
    """A store of packets of ``length`` bytes on their way in: kept when their end was good, forgotten when it was not.

    Parameters
    ----------
    length : int
        Bytes of a packet.
    slots : int
        Packets that it has room for.

    Raises
    ------
    ValueError
        If length or slots are below 1.

    Members
    -------
    data, write : ``In(8)``, ``In(1)``
        A byte of the packet that is coming in. What is beyond ``length`` is left out.
    keep, forget : ``In(1)``
        The end of that packet; a packet that is kept must have been complete, with ``room`` high.
    room : ``Out(1)``
        There is a slot for the packet that is coming in.
    o : ``Out(stream.Signature(8))``
        Bytes of kept packets, one in two cycles.
    """

    def __init__(self, *, length: int, slots: int):
        for name, value in ("Length", length), ("Slots", slots):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self.length, self.slots = length, slots
        super().__init__({
            "data": In(8), "write": In(1), "keep": In(1), "forget": In(1), "room": Out(1),
            "o": Out(stream.Signature(8)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        depth = self.length * self.slots
        m.submodules.memory = memory = Memory(shape=8, depth=depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        base, count = Signal(range(depth)), Signal(range(self.length + 1))
        kept = Signal(range(self.slots + 1))
        m.d.comb += [
            self.room.eq(kept != self.slots), write.data.eq(self.data),
            write.en.eq(self.write & self.room & (count != self.length)),
        ]  # fmt: skip
        with m.If(write.en):
            m.d.sync += [count.eq(count + 1), write.addr.eq(_after(write.addr, depth))]
        with m.If(self.keep):
            m.d.sync += [base.eq(write.addr), count.eq(0)]
        with m.If(self.forget):
            m.d.sync += [write.addr.eq(base), count.eq(0)]

        left, gone = Signal(range(self.length), init=self.length - 1), Signal()
        with m.FSM():
            with m.State("FETCH"):
                with m.If(kept != 0):
                    m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += [self.o.valid.eq(1), self.o.p.eq(read.data)]
                with m.If(self.o.ready):
                    m.d.sync += [read.addr.eq(_after(read.addr, depth)), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.d.comb += gone.eq(1)
                        m.d.sync += left.eq(self.length - 1)
                    m.next = "FETCH"
        m.d.sync += kept.eq(kept + self.keep - gone)
        return m


def _after(address, depth):
    return Mux(address == depth - 1, 0, address + 1)


class PacketSender(wiring.Component):
    """A sender that makes the bytes of a packet of header and payload, checksum included.

    Members
    -------
    header : ``In(stream.Signature(HEADER_LAYOUT))``
        Held until the packet is complete, and taken then.
    payload : ``In(stream.Signature(8))``
    o : ``Out(stream.Signature(BYTE_OF_PACKET))``
    """

    def __init__(self):
        super().__init__({
            "header": In(stream.Signature(HEADER_LAYOUT)), "payload": In(stream.Signature(8)),
            "o": Out(stream.Signature(BYTE_OF_PACKET)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        header, out = self.header.p.as_value(), self.o.p
        count, took = Signal(16), Signal()
        m.d.comb += [took.eq(self.o.valid & self.o.ready), crc.data.eq(out.data)]
        with m.If(took):
            m.d.sync += count.eq(count + 1)
        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += [
                    self.o.valid.eq(self.header.valid), crc.valid.eq(took),
                    out.data.eq(header.word_select(count[:3], 8)),
                ]  # fmt: skip
                with m.If(took & (count == HEADER.size - 1)):
                    m.d.sync += count.eq(0)
                    m.next = "PAYLOAD"
                    with m.If(self.header.p.length == 0):
                        m.next = "CHECK"
            with m.State("PAYLOAD"):
                m.d.comb += [
                    self.o.valid.eq(self.payload.valid), self.payload.ready.eq(self.o.ready),
                    out.data.eq(self.payload.p), crc.valid.eq(took),
                ]  # fmt: skip
                with m.If(took & (count == self.header.p.length - 1)):
                    m.d.sync += count.eq(0)
                    m.next = "CHECK"
            with m.State("CHECK"):
                at_last = count == CHECK.size - 1
                m.d.comb += [
                    self.o.valid.eq(1), out.data.eq(crc.crc.word_select(count[:2], 8)), out.last.eq(at_last),
                ]  # fmt: skip
                with m.If(took & at_last):
                    m.d.sync += count.eq(0)
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += [crc.start.eq(1), self.header.ready.eq(1)]
                m.next = "HEADER"
        return m
