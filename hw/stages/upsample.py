"""Enlargement by whole factors, nearest neighbour."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from fewbit.hw.plan import component_of
from fewbit.hw.streams import StreamUnit, counter, keep_flag

from .upsample_plan import UpsamplePlan

__all__ = ["Upsample"]


@component_of(UpsamplePlan)
class Upsample(StreamUnit):
    """A unit that repeats every pixel ``columns`` times and every row ``rows`` times; the next row is written while one
    is repeated.

    Latency 2 from a beat to the first of its copies, throughput one beat a cycle.

    Members
    -------
    i, o : ``In``, ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: UpsamplePlan):
        super().__init__(plan, i=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.memory = memory = Memory(shape=p.format.bits * p.lanes, depth=p.depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        accept, issue, there, full = Signal(), Signal(), Signal(), Signal()
        used = Signal(range(p.depth + 1))  # beats written and not yet read for the last time
        place, _ = counter(m, "place", p.depth, accept)
        chunk, chunk_last = counter(m, "chunk", p.chunks, issue)
        copy, copy_last = counter(m, "copy", p.columns, issue & chunk_last)
        pixel, pixel_last = counter(m, "pixel", p.width, issue & chunk_last & copy_last)
        row, row_last = counter(m, "row", p.rows, issue & chunk_last & copy_last & pixel_last)
        base = Signal(range(p.depth))  # place of the pixel in the memory
        at = Signal(range(p.row_beats))  # place of the pixel in its row
        release = Signal()
        with m.If(issue & chunk_last & copy_last):
            m.d.sync += [at.eq(Mux(pixel_last, 0, at + p.chunks)), base.eq(base + p.chunks)]
            with m.If(pixel_last & ~row_last):
                m.d.sync += base.eq(base - (p.row_beats - p.chunks))
            with m.Elif(base == p.depth - p.chunks):
                m.d.sync += base.eq(0)
        # A row that is read for the last time is released as it is read.
        need = chunk + at if p.rows > 1 else Mux(copy_last, 0, chunk)
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), self.i.ready.eq(used != p.depth),
            write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
            there.eq((row != 0) | (used > need)), issue.eq(there & (~full | self.o.ready)),
            release.eq(issue & row_last & copy_last),
            read.addr.eq(base + chunk), read.en.eq(issue),
            Value.cast(self.o.p).eq(read.data), self.o.valid.eq(full),
        ]  # fmt: skip
        m.d.sync += used.eq(used + accept - release)
        keep_flag(m, full, comes=issue, goes=self.o.ready)
        return m
