"""Tiles of vectors: each is given once for every row of neurons, and what a layer makes of them comes back in order."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from fewbit.hw.plan import component_of
from fewbit.hw.streams import StreamUnit, at_least, counter, keep_flag

from .tile_plan import TileRepeatPlan

__all__ = ["TileRepeat"]


@component_of(TileRepeatPlan)
class TileRepeat(StreamUnit):
    """A unit that gives every tile of ``beats`` beats ``rows`` times, while it takes the next one.

    Latency of three cycles from a beat to its first way out; one beat a cycle either way.

    Parameters
    ----------
    plan : TileRepeatPlan

    Members
    -------
    i, o : ``code_stream(plan.bits, plan.lanes)``
    """

    def __init__(self, plan: TileRepeatPlan):
        super().__init__(plan, i=(plan.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        accept, issue, moves, release = Signal(), Signal(), Signal(), Signal()
        place, _ = counter(m, "place", p.depth, accept)
        beat, beat_last = counter(m, "beat", p.beats, issue)
        _, row_last = counter(m, "row", p.rows, issue & beat_last)
        half, first_row = Signal(), Signal(init=1)
        with m.If(issue & beat_last):
            m.d.sync += first_row.eq(row_last)
            with m.If(row_last):
                m.d.sync += half.eq(~half)
        full, held = Signal(), Signal()
        ahead = at_least(m, "ahead", 1, most=p.depth, init=0, change=accept - (issue & first_row))
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), release.eq(issue & row_last),
            self.i.ready.eq(at_least(m, "free", 1, most=p.depth, init=p.depth, change=release - accept)),
            moves.eq(held & (self.o.ready | ~full)), issue.eq((~first_row | ahead) & (moves | ~held)),
            self.o.valid.eq(full),
        ]  # fmt: skip
        keep_flag(m, held, comes=issue, goes=moves)
        keep_flag(m, full, comes=moves, goes=self.o.ready)

        m.submodules.memory = memory = Memory(shape=p.bits * p.lanes, depth=p.depth, init=[], attrs=p.attrs)
        write, read = memory.write_port(), memory.read_port()
        out = Signal(p.bits * p.lanes, reset_less=True)
        m.d.comb += [
            write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
            read.addr.eq(beat + Mux(half, p.beats, 0)), read.en.eq(issue),
            Value.cast(self.o.p).eq(out),
        ]  # fmt: skip
        with m.If(moves):
            m.d.sync += out.eq(read.data)
        return m
