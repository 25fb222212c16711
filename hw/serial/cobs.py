"""Consistent overhead byte stuffing (Cheshire and Baker, 1999): packets without a zero, and zeros between them.

`host.protocol` has the same in Python.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["BYTE_OF_PACKET", "CobsDecoder", "CobsEncoder"]

BLOCK = 254  # bytes of a block at most, so that its code is a byte

BYTE_OF_PACKET = StructLayout({"data": 8, "last": 1})


class CobsDecoder(wiring.Component):
    """A decoder from bytes of the line to bytes of packets. Latency one cycle; every byte is taken at once.

    Members
    -------
    i : ``In(stream.Signature(8, always_ready=True))``
    data, valid : ``Out(8)``, ``Out(1)``
        A byte of the packet that is coming in.
    end, whole : ``Out(1)``
        A delimiter came that was not the first of several, and whether the last block in front of it is complete.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)),
            "data": Out(8), "valid": Out(1), "end": Out(1), "whole": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        left, zero_due, begun = Signal(8), Signal(), Signal()
        at_code = left == 0
        m.d.sync += [self.valid.eq(0), self.end.eq(0), self.whole.eq(at_code), self.data.eq(Mux(at_code, 0, self.i.p))]
        with m.If(self.i.valid):
            with m.If(self.i.p == 0):
                m.d.sync += [self.end.eq(begun), left.eq(0), zero_due.eq(0), begun.eq(0)]
            with m.Elif(at_code):
                m.d.sync += [
                    self.valid.eq(zero_due), left.eq(self.i.p - 1), zero_due.eq(self.i.p != BLOCK + 1), begun.eq(1),
                ]  # fmt: skip
            with m.Else():
                m.d.sync += [self.valid.eq(1), left.eq(left - 1)]
        return m


class CobsEncoder(wiring.Component):
    """An encoder from bytes of packets to bytes of the line, with a delimiter at either end.

    A block is written into a memory of 254 bytes and sent behind its code once it is complete: two to three cycles a
    byte. The first byte of a packet is taken only when all of the one before it have left.

    Members
    -------
    i : ``In(stream.Signature(BYTE_OF_PACKET))``
    o : ``Out(stream.Signature(8))``
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(BYTE_OF_PACKET)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=256, init=[])
        write, read = memory.write_port(), memory.read_port()
        count, sent = Signal(8), Signal(8)
        more, last, inside = Signal(), Signal(), Signal()
        m.d.comb += [write.addr.eq(count), write.data.eq(self.i.p.data), read.addr.eq(sent)]
        took = self.o.valid & self.o.ready
        with m.FSM():
            with m.State("FILL"):
                m.d.sync += sent.eq(0)
                with m.If(self.i.valid & ~inside):
                    m.d.comb += self.o.valid.eq(1)
                    m.d.sync += inside.eq(self.o.ready)
                with m.Elif(self.i.valid):
                    m.d.comb += self.i.ready.eq(1)
                    m.d.sync += last.eq(self.i.p.last)
                    with m.If(self.i.p.data == 0):
                        # The zero that ends a block is not sent; at the end of a packet an empty block stands for it.
                        m.d.sync += more.eq(self.i.p.last)
                        m.next = "CODE"
                    with m.Else():
                        m.d.comb += write.en.eq(1)
                        m.d.sync += [count.eq(count + 1), more.eq(0)]
                        with m.If(self.i.p.last | (count == BLOCK - 1)):
                            m.next = "CODE"
            with m.State("CODE"):
                m.d.comb += [self.o.valid.eq(1), self.o.p.eq(count + 1)]
                with m.If(took):
                    m.next = "FETCH"
            with m.State("FETCH"):
                with m.If(sent != count):
                    m.next = "SEND"
                with m.Else():
                    m.d.sync += [count.eq(0), sent.eq(0), more.eq(0)]
                    m.next = "FILL"
                    with m.If(more):
                        m.next = "CODE"
                    with m.Elif(last):
                        m.next = "END"
            with m.State("SEND"):
                m.d.comb += [self.o.valid.eq(1), self.o.p.eq(read.data)]
                with m.If(took):
                    m.d.sync += sent.eq(sent + 1)
                    m.next = "FETCH"
            with m.State("END"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(took):
                    m.d.sync += [inside.eq(0), last.eq(0)]
                    m.next = "FILL"
        return m
