"""Where streams part and meet: forks, queues, and two branches side by side."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from fewbit.golden.numbers.format import Format
from fewbit.hw.memory.buffers import ram_attributes
from fewbit.hw.plan import component_of
from fewbit.hw.streams import StreamUnit, code_stream, counter, give_from

from .routing_plan import ConcatPlan, ForkPlan, QueuePlan

__all__ = ["Concat", "Fork", "Queue"]


@component_of(ForkPlan)
class Fork(wiring.Component):
    """A fork of a stream: every beat goes to each output, as soon as that takes it; the next beat comes when all have.
    Latency 0.

    Members
    -------
    i : ``In(code_stream(bits, lanes))``
    o0, o1, … : ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: ForkPlan):
        self.plan = plan
        shape = code_stream(plan.bits, plan.lanes)
        super().__init__({"i": In(shape)} | {f"o{k}": Out(shape) for k in range(plan.count)})

    def elaborate(self, platform):
        m = Module()
        done, taken = Signal(self.plan.count), Signal(self.plan.count)
        for k in range(self.plan.count):
            o = getattr(self, f"o{k}")
            m.d.comb += [o.p.eq(self.i.p), o.valid.eq(self.i.valid & ~done[k]), taken[k].eq(done[k] | o.ready)]
        m.d.comb += self.i.ready.eq(taken.all())
        with m.If(self.i.valid):
            for k in range(self.plan.count):
                m.d.sync += done[k].eq(taken[k] & ~self.i.ready)
        return m


class _PlacedFifo(SyncFIFOBuffered):
    """A FIFO whose memory has attributes."""

    def __init__(self, *, width, depth, attrs):
        super().__init__(width=width, depth=depth)
        self._attrs = attrs

    def elaborate(self, platform):
        m = super().elaborate(platform)
        if self._attrs:
            m.submodules.storage.attrs.update(self._attrs)
        return m


@component_of(QueuePlan)
class Queue(StreamUnit):
    """A queue of ``depth`` beats in front of a join, so that the shorter branch can wait for the longer one.

    Memory is read synchronously, so that a deep one is block RAM. Latency 2, throughput one beat a cycle.

    Members
    -------
    i, o : ``In``, ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: QueuePlan):
        super().__init__(plan, i=(plan.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.fifo = fifo = _PlacedFifo(width=p.width, depth=p.depth, attrs=ram_attributes(p.ram))
        m.d.comb += [
            fifo.w_data.eq(self.i.p), fifo.w_en.eq(self.i.valid), self.i.ready.eq(fifo.w_rdy),
            *give_from(fifo, self.o),
        ]  # fmt: skip
        return m


@component_of(ConcatPlan)
class Concat(wiring.Component):
    """A unit that joins the channels of several streams, those of the first input first, in the codes of a format that
    holds them all.

    Latency 0, throughput one beat a cycle.

    Members
    -------
    i0, i1, … : ``In(code_stream(bits of the input, its lanes))``
    o : ``Out(code_stream(format bits, lanes))``
    """

    def __init__(self, plan: ConcatPlan):
        self.plan = plan
        ins = enumerate(zip(plan.formats, plan.lanes_in, strict=True))
        super().__init__(
            {f"i{k}": In(code_stream(f.bits, n)) for k, (f, n) in ins}
            | {"o": Out(code_stream(plan.format.bits, plan.lanes))}
        )

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        ins = [getattr(self, f"i{k}") for k in range(len(p.formats))]
        codes = [
            Cat(recoded(i.p[n], f, p.format) for n in range(len(i.p))) for i, f in zip(ins, p.formats, strict=True)
        ]
        if p.whole:
            m.d.comb += [self.o.valid.eq(Cat(i.valid for i in ins).all()), Value.cast(self.o.p).eq(Cat(*codes))]
            m.d.comb += [i.ready.eq(self.o.valid & self.o.ready) for i in ins]
            return m
        beat, _ = counter(m, "beat", sum(p.turns), self.o.valid & self.o.ready)
        start = 0
        for i, code, count in zip(ins, codes, p.turns, strict=True):
            with m.If((beat >= start) & (beat < start + count)):
                m.d.comb += [self.o.valid.eq(i.valid), i.ready.eq(self.o.ready), Value.cast(self.o.p).eq(code)]
            start += count
        return m


def recoded(code: Value, x_format: Format, y_format: Format) -> Value:
    """Return the code in ``y_format`` of the value that ``code`` has in ``x_format``; a format that holds it."""
    if x_format == y_format or x_format.bits >= y_format.bits:
        return code[: y_format.bits]
    sign = code[-1] & (1 if x_format.signed else 0)
    return Cat(code, sign.replicate(y_format.bits - x_format.bits))
