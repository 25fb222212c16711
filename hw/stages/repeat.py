"""Repetition of channels."""

from amaranth.hdl import Module

from fewbit.hw.plan import component_of
from fewbit.hw.streams import StreamUnit, counter

from .repeat_plan import RepeatPlan

__all__ = ["Repeat"]


@component_of(RepeatPlan)
class Repeat(StreamUnit):
    """A unit that gives every code ``lanes * beats`` times, on all lanes at a time.

    Latency 0, throughput one beat a cycle.

    Members
    -------
    i : ``In(code_stream(bits, 1))``
    o : ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: RepeatPlan):
        super().__init__(plan, i=(plan.format.bits, 1), o=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        _, last = counter(m, "copy", self.plan.beats, self.o.valid & self.o.ready)
        m.d.comb += [self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready & last)]
        m.d.comb += [self.o.p[k].eq(self.i.p[0]) for k in range(self.plan.lanes)]
        return m
