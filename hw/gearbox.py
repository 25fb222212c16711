"""Width conversion between layers: streams of other lanes, vector by vector."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of

from .gearbox_plan import GearboxPlan
from .streams import code_stream, counter

__all__ = ["Gearbox"]


class Gearbox(wiring.Component):
    """A unit that takes ``a`` codes a beat and gives ``b`` codes a beat.

    Vectors have ``length`` codes, and each is padded with zeros at its end.

    Latency one cycle from the beat that completes an output beat; throughput one beat a cycle on the side that has more
    of them: ``max(beats_in, beats_out)`` cycles a vector. With ``a == b`` it is wires and the padding, latency zero.

    Parameters
    ----------
    bits : int
        Bits of a code.
    a, b : int
        Lanes in and out.
    length : int
        Codes of a vector.

    Members
    -------
    i : ``In(code_stream(bits, a))``
    o : ``Out(code_stream(bits, b))``
    """

    def __init__(self, *, bits: int, a: int, b: int, length: int):
        self.plan = GearboxPlan(a=a, b=b, length=length)
        self._bits = bits
        super().__init__({"i": In(code_stream(bits, a)), "o": Out(code_stream(bits, b))})

    def elaborate(self, platform):
        m = Module()
        p, bits = self.plan, self._bits
        accept = self.i.valid & self.i.ready
        _, at_last = counter(m, "beat", p.beats_in, accept)
        valid_lanes = p.length - (p.beats_in - 1) * p.a
        lanes = [self.i.p[k] if k < valid_lanes else Mux(at_last, 0, self.i.p[k]) for k in range(p.a)]
        if p.wires:
            m.d.comb += [
                self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready), Value.cast(self.o.p).eq(Cat(*lanes)),
            ]  # fmt: skip
            return m

        chunk = p.unit * bits  # the queue moves in chunks of gcd(a, b) codes
        size, take = p.capacity // p.unit, p.b // p.unit
        queue = Signal(size * chunk, reset_less=True)
        fill = Signal(range(size + 1))  # chunks in the queue
        gives, after_out, kept = Signal(), Signal(range(size + 1)), Signal(len(queue))
        add = Signal(range(p.most // p.unit + 1))

        def fits(free):
            return Mux(at_last, fill <= size - p.last // p.unit + free, fill <= size - p.a // p.unit + free)

        # Whether the reader takes a beat is known late, so it only chooses between what is known for both.
        m.d.comb += [
            self.o.valid.eq(fill >= take), gives.eq(self.o.valid & self.o.ready),
            Value.cast(self.o.p).eq(queue),
            after_out.eq(Mux(gives, fill - take, fill)), kept.eq(Mux(gives, queue[p.b * bits :], queue)),
            add.eq(Mux(at_last, p.last // p.unit, p.a // p.unit)),
            self.i.ready.eq(Mux(gives, fits(take), fits(0))),
        ]  # fmt: skip
        m.d.sync += [fill.eq(after_out), queue.eq(kept)]
        # Every chunk of the queue takes what stays in it, or the chunk of the new beat that falls on it.
        fresh = Cat(*lanes, Const(0, max(0, p.last - p.a) * bits))[: p.most * bits]
        least = min(p.a, p.last) if p.beats_in > 1 else p.last
        with m.If(accept):
            m.d.sync += fill.eq(Mux(gives, fill + add - take, fill + add))
            with m.Switch(after_out):
                for at in range(size - least // p.unit + 1):
                    width = min(len(fresh), (size - at) * chunk)
                    with m.Case(at):
                        m.d.sync += queue[at * chunk : at * chunk + width].eq(fresh[:width])
        return m


@component_of(GearboxPlan)
def _(plan):
    """Make a `Gearbox` of the plan's codes."""
    return Gearbox(bits=plan.bits, a=plan.a, b=plan.b, length=plan.length)
