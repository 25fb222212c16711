"""The ring that holds a layer's weights while they are used: beats of memory come in, words for the array leave."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from fewbit.hw.streams import at_least, code_stream, counter, keep_flag

from .external_plan import ChannelPlan

__all__ = ["WeightBuffer"]


class WeightBuffer(wiring.Component):
    """The weights of one layer between the port to memory and its array.

    Words leave in the order in which an array takes them: row by row, and the words of a row once for each vector of a
    tile. What was read for a tile's last vector makes room. A burst is asked for when there is room for all of it.
    Latency of three cycles from a line's last beat to its word at ``o``; throughput one beat and one word a cycle.

    Parameters
    ----------
    plan : hw.memory.external_plan.ChannelPlan

    Members
    -------
    asks : ``Out(1)``
        There is room for a burst: the ``index``-th one of the region, of ``length + 1`` beats.
    index : ``Out(range(plan.bursts))``, length : ``Out(8)``
    granted : ``In(1)``
        That burst will come; it is high only while ``asks`` is.
    data : ``In(plan.bus)``, write : ``In(1)``
        A beat that comes. Beats come in order, and never more than were granted.
    o : ``Out(code_stream(plan.width, 1))``
    """

    def __init__(self, plan: ChannelPlan):
        self.plan = plan
        super().__init__({
            "asks": Out(1), "index": Out(range(max(2, plan.bursts))), "length": Out(8), "granted": In(1),
            "data": In(plan.bus), "write": In(1), "o": Out(code_stream(plan.width, 1)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        issue, moves, freed, used = Signal(), Signal(), Signal(), Signal()
        index, at_last = counter(m, "burst", p.bursts, self.granted)
        taken = Mux(at_last, p.last_burst, p.burst)
        depth = p.depth * p.beats
        change = Mux(freed, p.beats, 0) - Mux(self.granted, taken, 0)
        m.d.comb += [
            self.asks.eq(at_least(m, "room", p.burst, most=depth, init=depth, change=change)),
            self.index.eq(index), self.length.eq(taken - 1),
        ]  # fmt: skip

        # Beats that are there and have not been read for a tile's first vector; the others find theirs.
        change = self.write - Mux(used, p.beats, 0)
        ahead = at_least(m, "ahead", p.beats, most=depth, init=0, change=change)
        step, step_last = counter(m, "step", p.steps, issue)
        _, vector_last = counter(m, "vector", p.tile, issue & step_last)
        first = Signal(init=1)  # the tile's first vector
        with m.If(issue & step_last):
            m.d.sync += first.eq(vector_last)
        bits = (p.words - 1).bit_length()
        line_last = step_last | step[:bits].all() if bits else Const(1)
        full, held = Signal(), Signal()
        m.d.comb += [
            moves.eq(held & (self.o.ready | ~full)), issue.eq((~first | ahead) & (moves | ~held)),
            used.eq(issue & line_last & first), freed.eq(issue & line_last & vector_last),
            self.o.valid.eq(full),
        ]  # fmt: skip
        keep_flag(m, held, comes=issue, goes=moves)
        keep_flag(m, full, comes=moves, goes=self.o.ready)

        word = self._memory(m, self._line(m, issue & line_last, step_last, vector_last), issue)
        if bits:
            place = Signal(bits)
            with m.If(issue):
                m.d.sync += place.eq(step[:bits])
            word = word.word_select(place, p.word_bits)[: p.width]
        out = Signal(p.width, reset_less=True)
        with m.If(moves):
            m.d.sync += out.eq(word)
        m.d.comb += Value.cast(self.o.p).eq(out)
        return m

    def _line(self, m, ends, step_last, vector_last):
        """Return the line that is read: that of the row's beginning again for every vector of a tile."""
        p = self.plan
        line, start = (Signal(range(max(2, p.depth)), name=name) for name in ("read_line", "row_line"))
        after = Signal.like(line, name="next_line")
        m.d.comb += after.eq(Mux(line == p.depth - 1, 0, line + 1))
        with m.If(ends):
            m.d.sync += line.eq(Mux(step_last & ~vector_last, start, after))
            with m.If(step_last & vector_last):
                m.d.sync += start.eq(after)
        return line

    def _memory(self, m, line, enable):
        """Return the line that was read; a memory for each beat of it takes the beats one by one."""
        p, parts = self.plan, []
        bank, bank_last = counter(m, "bank", p.beats, self.write)
        at, _ = counter(m, "line", p.depth, self.write & bank_last)
        kept = p.bus if p.words > 1 else p.width
        for k in range(p.beats):
            width = min(p.bus, kept - k * p.bus)
            m.submodules[f"bank{k}"] = memory = Memory(shape=width, depth=p.depth, init=[], attrs=p.memory.attrs)
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(at), write.data.eq(self.data[:width]), write.en.eq(self.write & (bank == k)),
                read.addr.eq(line), read.en.eq(enable),
            ]  # fmt: skip
            parts.append(read.data)
        return Cat(*parts)
