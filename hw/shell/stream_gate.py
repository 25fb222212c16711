"""Soft reset of what stands between AXI4-Streams, without a broken frame on any of them."""

from collections.abc import Sequence
from functools import reduce
from operator import and_

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.ports import numbered

from .alignment import Alignment

__all__ = ["StreamGate", "axi_stream"]


def axi_stream(bits: int) -> stream.Signature:
    """Return the signature of an AXI4-Stream of ``bits`` data bits, TLAST and TUSER."""
    return stream.Signature(StructLayout({"data": unsigned(bits), "last": unsigned(1), "user": unsigned(1)}))


class StreamGate(wiring.Component):
    """A gate around a core with streams in and one out, which can empty the core in mid-frame.

    Otherwise beats pass without latency. After ``request``:

    1. No beat enters any more. A beat that the core has offered at ``o`` stays until it is taken.
    2. The core is held in reset. A result that has begun at ``o`` is filled up with zeros, marked by ``user`` on its
       last beat; one that has not begun never comes. A frame that has begun at ``i`` is taken and dropped to its end;
       of several inputs, each takes and drops all frames that have begun at any of them.
    3. When both are done, the next beat at ``i`` is the first of a frame, of the same one at all inputs.

    If the sources were reset too, there is no rest to drop, and if the sink was, none to send: ``source_reset`` and
    ``sink_reset`` say so, with a request, also with a second one while the first is under way.

    Parameters
    ----------
    bits_in : sequence of int
        Bits of TDATA of each stream in.
    bits_out : int
        Bits of TDATA out.
    beats_out : int
        Beats of a result.
    frames : int
        Frames, at most, that an input may be behind another one.

    Raises
    ------
    ValueError
        If a result has no beat.

    Members
    -------
    i : ``In(axi_stream(bits_in))``, core_i : ``Out(axi_stream(bits_in))``
        Of several inputs ``i0``, ``core_i0``, ``i1``, …
    core_o : ``In(axi_stream(bits_out))``, o : ``Out(axi_stream(bits_out))``
    core_reset : ``Out(1)``
        A register; high for a cycle after a reset too. While it is high, what the core offers and takes is ignored.
    request, source_reset, sink_reset : ``In(1)``
    receiving, sending : ``Out(1)``
        A frame has begun at ``i``, or some of them, and not ended; a result has begun at ``o`` and not ended.
    stopping, cleaning : ``Out(1)``
        The gate is in step 1; it is in step 2.
    new : ``Out(1)``
        Of several inputs: see `begins`.
    """

    def __init__(self, *, bits_in: Sequence[int], bits_out: int, beats_out: int, frames: int = 1):
        if beats_out < 1:
            raise ValueError(f"Beats out must be at least 1, not {beats_out!r}")
        self._beats_out, self._frames = beats_out, frames
        self._names = numbered("i", len(bits_in))
        streams = dict(zip(self._names, map(axi_stream, bits_in), strict=True))
        super().__init__({
            **{name: In(stream) for name, stream in streams.items()},
            **{f"core_{name}": Out(stream) for name, stream in streams.items()},
            "core_o": In(axi_stream(bits_out)), "o": Out(axi_stream(bits_out)),
            "core_reset": Out(1, init=1), "request": In(1), "source_reset": In(1), "sink_reset": In(1),
            "receiving": Out(1), "sending": Out(1), "stopping": Out(1), "cleaning": Out(1),
        } | ({"new": Out(1)} if len(self._names) > 1 else {}))  # fmt: skip

    @property
    def inputs(self) -> list[tuple[wiring.PureInterface, wiring.PureInterface]]:
        """The streams in, each with the core's."""
        return [(getattr(self, name), getattr(self, f"core_{name}")) for name in self._names]

    @property
    def begins(self) -> Value:
        """Whether the first beat of a frame passes, at the first input at which it does."""
        if len(self._names) > 1:
            return self.new
        return self.core_i.valid & self.core_i.ready & ~self.receiving

    def elaborate(self, platform):
        m = Module()
        no_sink, next_reset = Signal(), Signal()
        # Registers, so that little stands in the streams' paths: beats may enter, beats of the core may leave.
        entering, leaving = Signal(), Signal()
        owed = self._progress(m, no_sink)
        for (i, core_i), owes in zip(self.inputs, owed, strict=True):
            m.d.comb += [
                core_i.p.eq(i.p), core_i.valid.eq(i.valid & entering),
                i.ready.eq((core_i.ready & entering) | (self.cleaning & owes)),
            ]  # fmt: skip
        m.d.comb += [
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
                with m.If(reduce(and_, [~owes for owes in owed]) & ~self.sending & ~self.request):
                    m.d.sync += no_sink.eq(0)
                    m.next = "START"
        return m

    def _progress(self, m, no_sink):
        """Keep account of where the frames at the inputs and the result at ``o`` stand.

        Return for each input whether some of a frame is to come that has begun.
        """
        receiving = self._receiving(m)
        for (i, _), flag in zip(self.inputs, receiving, strict=True):
            with m.If(i.valid & i.ready):
                m.d.sync += flag.eq(~i.p.last)
            with m.If(self.request & self.source_reset):
                m.d.sync += flag.eq(0)
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
        return self._owed(m, receiving)

    def _receiving(self, m):
        """Return for each input the register that says whether a frame has begun at it and not ended."""
        if len(self._names) == 1:
            return [self.receiving]
        flags = [Signal(name=f"receiving_{name}") for name in self._names]
        m.d.comb += self.receiving.eq(Cat(flags).any())
        return flags

    def _owed(self, m, receiving):
        """Return for each input whether beats of a frame must come that has begun, at it or at another one."""
        if len(receiving) == 1:
            return receiving
        begun = [i.valid & i.ready & ~flag for (i, _), flag in zip(self.inputs, receiving, strict=True)]
        m.submodules.alignment = alignment = Alignment(inputs=len(begun), frames=self._frames)
        m.d.comb += [
            alignment.begin.eq(Cat(begun)), alignment.forget.eq(self.request & self.source_reset),
            self.new.eq(alignment.new),
        ]  # fmt: skip
        return [flag | late for flag, late in zip(receiving, alignment.behind, strict=True)]
