"""The largest value of each window of a pool."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Float32, Signed

from .float32 import float_greater
from .streams import code_stream, counter

__all__ = ["Largest", "LargestPlan"]


class LargestPlan:
    """The numbers of a `Largest` unit: ``taps`` beats of ``lanes`` channels give one.

    Parameters
    ----------
    node : golden.spatial.Largest
    edges : dict of golden edges
    lanes : int
        Channels at a time; it divides all of them.
    """

    def __init__(self, node, edges, *, lanes):
        self.name, self.taps, self.lanes, self.format = node.name, node.taps, lanes, edges[node.x].format
        self.channels, self.pixels = edges[node.y].channels, edges[node.y].pixels
        if self.channels % lanes:
            raise ValueError(f"{self.name}: lanes must divide its {self.channels} channels, not {lanes}")
        self.beats_frame = self.pixels * self.channels // lanes * self.taps


class Largest(wiring.Component):
    """``o[k] = max over taps beats of i[k]``, by value. Latency one cycle from the last of them, throughput a beat a
    cycle.

    Members
    -------
    i, o : ``In``, ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan):
        self.plan = plan
        shape = code_stream(plan.format.bits, plan.lanes)
        super().__init__({"i": In(shape), "o": Out(shape)})

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
        shape = signed(p.format.bits) if isinstance(p.format, Signed) else unsigned(p.format.bits)
        with m.If(full & self.o.ready):
            m.d.sync += full.eq(0)
        for k in range(p.lanes):
            best, new, value = (Signal(shape, name=f"{name}{k}") for name in ("best", "value", "larger"))
            m.d.comb += new.eq(self.i.p[k])
            greater = float_greater(new, best) if isinstance(p.format, Float32) else new > best
            m.d.comb += value.eq(Mux((tap == 0) | greater, new, best))
            with m.If(accept):
                m.d.sync += best.eq(value)
                with m.If(last):
                    m.d.sync += self.o.p[k].eq(value)
        with m.If(accept & last):
            m.d.sync += full.eq(1)
        return m
