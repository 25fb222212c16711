"""The values of a frame in another order."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from fewbit.hw.plan import component_of
from fewbit.hw.streams import StreamUnit, counter, keep_flag

from .line_buffer import looked_up
from .reorder_plan import Loop, ReorderPlan, WiredPlan

__all__ = ["Reorder", "Wired"]


def _recoded(plan: ReorderPlan | WiredPlan, code: Value) -> Value:
    """Return the code in the format that leaves of a code in the one that enters."""
    return code if plan.recode is None else Array(Const(c, plan.format.bits) for c in plan.recode)[code]


@component_of(WiredPlan)
class Wired(StreamUnit):
    """A unit whose beats hold all that is put into order: ``o[j] = i[order[j]]``. Latency one cycle, a beat a cycle.

    Members
    -------
    i : ``In(code_stream(x bits, lanes_in))``
    o : ``Out(code_stream(y bits, lanes))``
    """

    def __init__(self, plan: WiredPlan):
        super().__init__(plan, i=(plan.x_format.bits, plan.lanes_in), o=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p, full = self.plan, Signal()
        m.d.comb += [self.i.ready.eq(~full | self.o.ready), self.o.valid.eq(full)]
        with m.If(self.i.ready):
            m.d.sync += full.eq(self.i.valid)
            for k, place in enumerate(p.order.tolist()):
                m.d.sync += self.o.p[k].eq(p.fill if place < 0 else _recoded(p, self.i.p[place]))
        return m


@component_of(ReorderPlan)
class Reorder(StreamUnit):
    """A unit that writes one part of a frame into a memory while it reads the one before in another order.

    Latency 2 from the last beat of a part to the first that leaves, throughput one beat a cycle either way.

    Members
    -------
    i : ``In(code_stream(x bits, lanes_in))``
    o : ``Out(code_stream(y bits, lanes))``
    """

    def __init__(self, plan: ReorderPlan):
        super().__init__(plan, i=(plan.x_format.bits, plan.lanes_in), o=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        accept, issue, there = Signal(), Signal(), Signal()
        halves = Signal(range(3))  # parts that are written and not read
        place, _ = counter(m, "place", p.depth, accept)
        _, written = counter(m, "word", p.words, accept)
        loops, read = self._loops(m, issue)
        upper = Signal()
        with m.If(issue & read):
            m.d.sync += upper.eq(~upper)
        m.d.sync += halves.eq(halves + (accept & written) - (issue & read))
        m.d.comb += [
            self.i.ready.eq(halves != 2), accept.eq(self.i.valid & self.i.ready),
            there.eq(halves != 0), issue.eq(there & (~self.o.valid | self.o.ready)),
        ]  # fmt: skip
        full = Signal()
        m.d.comb += self.o.valid.eq(full)
        keep_flag(m, full, comes=issue, goes=self.o.ready)
        codes = []
        for reader in range(p.readers):
            memory = m.submodules[f"memory{reader}"] = Memory(
                shape=p.x_format.bits * p.lanes_in, depth=p.depth, init=[], attrs=p.attrs
            )
            write, port = memory.write_port(), memory.read_port()
            block, outside = self._place(m, reader, loops)
            word = Signal(range(max(2, p.depth)), name=f"word{reader}")
            shift = p.spread.bit_length() - 1
            m.d.comb += [
                word.eq((block >> shift) + Mux(upper, p.words, 0)),
                write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
                port.addr.eq(word), port.en.eq(issue),
            ]  # fmt: skip
            codes += self._codes(m, reader, port.data, block[:shift], outside, issue)
        m.d.comb += Value.cast(self.o.p).eq(Cat(codes))
        return m

    def _loops(self, m, issue):
        """Return a counter for each loop with what enables it, and whether all are at their last."""
        found, enable, last = [], issue, Const(1)
        for number, loop in enumerate(self.plan.loops):
            count, at_end = counter(m, f"loop{number}", loop.count, enable)
            found.append((count, enable, at_end))
            enable, last = enable & at_end, last & at_end
        return found, last

    def _place(self, m, reader, loops):
        """Return the block that a reader reads, and whether it lies outside of what entered."""
        p = self.plan
        place, outside = Const(max(0, int(p.base[reader]))), Const(int(p.base[reader] < 0))
        for number, (loop, counted) in enumerate(zip(p.loops, loops, strict=True)):
            name = f"place{reader}_{number}"
            place = place + self._offset(m, name, loop, reader, counted)
            if loop.outside[:, reader].any():
                outside = outside | looked_up(
                    m, f"outside_{name}", counted[0], loop.outside[:, reader].astype(int).tolist()
                )
        block = Signal(range(max(2, p.blocks)), name=f"block{reader}")
        m.d.comb += block.eq(Mux(outside, 0, place))
        return block, outside

    def _offset(self, m, name, loop: Loop, reader, counted):
        """Return what a loop adds: a register that grows where it grows evenly, else a table."""
        count, enable, at_end = counted
        offsets, step = loop.offsets[:, reader].tolist(), loop.step(reader)
        if step is None or step == 0:
            return looked_up(m, name, count, offsets)
        offset = Signal(range(min(offsets), max(offsets) + 1), name=name)
        with m.If(enable):
            m.d.sync += offset.eq(Mux(at_end, 0, offset + step))
        return offset

    def _codes(self, m, reader, data, lane, outside, issue):
        """Return the codes of a reader's block, once its word has been read."""
        p = self.plan
        bits, width = p.x_format.bits, p.x_format.bits * p.block
        if len(lane):
            chosen = Signal(len(lane), name=f"lane{reader}")
            with m.If(issue):
                m.d.sync += chosen.eq(lane)
            data = data.word_select(chosen, width)
        codes = [_recoded(p, data[k * bits : (k + 1) * bits]) for k in range(p.block)]
        if isinstance(outside, Const) and not outside.value:
            return codes
        filled = Signal(name=f"filled{reader}")
        with m.If(issue):
            m.d.sync += filled.eq(outside)
        return [Mux(filled, Const(p.fill, p.format.bits), code) for code in codes]
