"""Soft reset of what stands between two AXI4-Streams, without a broken frame on either."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

__all__ = ["StreamGate", "axi_stream"]


def axi_stream(bits: int) -> stream.Signature:
    """Return the signature of an AXI4-Stream of ``bits`` data bits, TLAST and TUSER."""
    return stream.Signature(StructLayout({"data": unsigned(bits), "last": unsigned(1), "user": unsigned(1)}))


class StreamGate(wiring.Component):
    """A gate around a core with a stream in and one out, which can empty the core in mid-frame.

    Otherwise beats pass without latency. After ``request``:

    1. No beat enters any more. A beat that the core has offered at ``o`` stays until it is taken.
    2. The core is held in reset. A result that has begun at ``o`` is filled up with zeros, marked by ``user`` on its
       last beat; one that has not begun never comes. A frame that has begun at ``i`` is taken and dropped to its end.
    3. When both are done, the next beat at ``i`` is the first of a frame.

    If the source was reset too, there is no rest to drop, and if the sink was, none to send: ``source_reset`` and
    ``sink_reset`` say so, with a request, also with a second one while the first is under way.

    Parameters
    ----------
    bits_in, bits_out : int
        Bits of TDATA in and out.
    beats_out : int
        Beats of a result.

    Raises
    ------
    ValueError
        If a result has no beat.

    Members
    -------
    i : ``In(axi_stream(bits_in))``, core_i : ``Out(axi_stream(bits_in))``
    core_o : ``In(axi_stream(bits_out))``, o : ``Out(axi_stream(bits_out))``
    core_reset : ``Out(1)``
        A register; high for a cycle after a reset too. While it is high, what the core offers and takes is ignored.
    request, source_reset, sink_reset : ``In(1)``
    receiving, sending : ``Out(1)``
        A frame has begun at ``i`` and not ended; a result has begun at ``o`` and not ended.
    stopping, cleaning : ``Out(1)``
        The gate is in step 1; it is in step 2.
    """

    def __init__(self, *, bits_in: int, bits_out: int, beats_out: int):
        if beats_out < 1:
            raise ValueError(f"Beats out must be at least 1, not {beats_out!r}")
        self._beats_out = beats_out
        super().__init__({
            "i": In(axi_stream(bits_in)), "core_i": Out(axi_stream(bits_in)),
            "core_o": In(axi_stream(bits_out)), "o": Out(axi_stream(bits_out)),
            "core_reset": Out(1, init=1), "request": In(1), "source_reset": In(1), "sink_reset": In(1),
            "receiving": Out(1), "sending": Out(1), "stopping": Out(1), "cleaning": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        no_sink, next_reset = Signal(), Signal()
        # Registers, so that little stands in the streams' paths: beats may enter, beats of the core may leave.
        entering, leaving = Signal(), Signal()
        self._progress(m, no_sink)
        m.d.comb += [
            self.core_i.p.eq(self.i.p), self.core_i.valid.eq(self.i.valid & entering),
            self.i.ready.eq((self.core_i.ready & entering) | (self.cleaning & self.receiving)),
            self.o.valid.eq((self.core_o.valid & leaving) | (self.cleaning & self.sending)),
            self.core_o.ready.eq(self.o.ready & leaving),
        ]  # fmt: skip
        with m.If(leaving):
            m.d.comb += self.o.p.eq(self.core_o.p)
        with m.Else():
            m.d.comb += [self.o.p.last.eq(self._at_end), self.o.p.user.eq(self._at_end)]
        m.d.sync += self.core_reset.eq(next_reset)
        with m.If(self.request & self.sink_reset):
            m.d.sync += no_sink.eq(1)
        with m.FSM():
            with m.State("START"):  # the last cycle of the core's reset
                m.d.sync += [entering.eq(1), leaving.eq(1)]
                m.next = "RUN"
            with m.State("RUN"):
                with m.If(self.request):
                    m.d.sync += entering.eq(0)
                    m.next = "STOP"
            with m.State("STOP"):
                m.d.comb += self.stopping.eq(1)
                with m.If(~self.core_o.valid | self.o.ready | no_sink):
                    m.d.sync += leaving.eq(0)
                    m.next = "CLEAN"
            with m.State("CLEAN"):
                m.d.comb += [self.cleaning.eq(1), next_reset.eq(1)]
                with m.If(~self.receiving & ~self.sending & ~self.request):
                    m.d.sync += no_sink.eq(0)
                    m.next = "START"
        return m

    def _progress(self, m, no_sink):
        """Keep account of where the frame at ``i`` and the result at ``o`` stand."""
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += self.receiving.eq(~self.i.p.last)
        with m.If(self.request & self.source_reset):
            m.d.sync += self.receiving.eq(0)
        beat = Signal(range(max(2, self._beats_out)))
        self._at_end = at_end = Signal(init=self._beats_out == 1)
        m.d.comb += self.sending.eq(beat != 0)
        if self._beats_out > 1:
            with m.If(self.o.valid & self.o.ready):
                m.d.sync += [beat.eq(beat + 1), at_end.eq(beat == self._beats_out - 2)]
                with m.If(at_end):
                    m.d.sync += beat.eq(0)
            with m.If(no_sink):
                m.d.sync += [beat.eq(0), at_end.eq(0)]
