"""The largest value of each window of a pool."""

from amaranth.hdl import Module, Mux, Signal

from fewbit.hw.codes import code_shape
from fewbit.hw.plan import component_of
from fewbit.hw.streams import StreamUnit, counter

from .comparison import greater
from .pool_plan import LargestOfAllPlan, LargestPlan

__all__ = ["Largest", "LargestOfAll"]


@component_of(LargestPlan)
class Largest(StreamUnit):
    """A max pool that takes windows tap by tap: ``o[k] = max over taps beats of i[k]``, by value.

    Latency one cycle from the last tap of a window, throughput one beat a cycle in.

    Members
    -------
    i, o : ``In``, ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: LargestPlan):
        super().__init__(plan, i=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        accept, full = Signal(), Signal()
        tap, last = counter(m, "tap", p.taps, accept)
        # Only what completes a result must wait until the one before it has left.
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready | ~last), accept.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(full),
        ]  # fmt: skip
        shape = code_shape(p.format)
        with m.If(full & self.o.ready):
            m.d.sync += full.eq(0)
        for k in range(p.lanes):
            best, new, value = (Signal(shape, name=f"{name}{k}") for name in ("best", "value", "larger"))
            m.d.comb += new.eq(self.i.p[k])
            m.d.comb += value.eq(Mux((tap == 0) | greater(p.format, new, best), new, best))
            with m.If(accept):
                m.d.sync += best.eq(value)
                with m.If(last):
                    m.d.sync += self.o.p[k].eq(value)
        with m.If(accept & last):
            m.d.sync += full.eq(1)
        return m


@component_of(LargestOfAllPlan)
class LargestOfAll(StreamUnit):
    """A max pool that takes whole windows: ``o[m, c] = max over taps of i[m, tap, c]``, by value.

    Latency one cycle, throughput one beat a cycle.

    Members
    -------
    i : ``In(code_stream(bits, lanes*taps))``
    o : ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: LargestOfAllPlan):
        super().__init__(plan, i=(plan.format.bits, plan.lanes * plan.taps), o=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        full = Signal()
        m.d.comb += [self.i.ready.eq(~full | self.o.ready), self.o.valid.eq(full)]
        with m.If(self.i.ready):
            m.d.sync += full.eq(self.i.valid)
        for k in range(p.lanes):
            pixel, channel = divmod(k, p.channels)
            values = []
            for tap in range(p.taps):
                values.append(Signal(code_shape(p.format), name=f"value{k}_{tap}"))
                m.d.comb += values[-1].eq(self.i.p[(pixel * p.taps + tap) * p.channels + channel])
            while len(values) > 1:
                pairs = [values[n : n + 2] for n in range(0, len(values), 2)]
                values = [self._larger(m, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += self.o.p[k].eq(values[0])
        return m

    def _larger(self, m, a, b):
        larger = Signal.like(a, name="larger")
        m.d.comb += larger.eq(Mux(greater(self.plan.format, a, b), a, b))
        return larger
