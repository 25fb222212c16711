"""Width conversion between layers: streams of other lanes, vector by vector."""

from math import gcd

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cost import Cost
from .packing import beats
from .streams import code_stream, counter

__all__ = ["Gearbox", "GearboxPlan"]

# LUTs of a bit of the queue for each source, three at most, and for each where it moves too; of a bit of the fill, less
# some; of a bit that is padded.
_SOURCE, _MOVED, _COUNTED, _LESS, _PADDING = 0.79, 0.193, 12, 18, 0.5


class GearboxPlan:
    """The numbers of a `Gearbox`, for it and for the cycle model.

    A vector of ``length`` codes comes in ``beats_in`` beats of ``a`` lanes and leaves in ``beats_out`` beats of ``b``.
    Each beat but the vector's last adds ``a`` codes to a queue; the last adds ``last``, which makes the vector's total
    a multiple of ``b``: padding with zeros or dropping what is padding already. So vectors never mix in one beat.

    Parameters
    ----------
    a, b : int
        Lanes in and out.
    length : int
        Codes of a vector.
    bits : int
        Bits of a code, which only its cost depends on.

    Attributes
    ----------
    beats_in, beats_out : int
        Beats of a vector in and out.
    last : int
        Codes that a vector's last beat adds to the queue.
    wires : bool
        Whether there is no queue, as beats in and out are of the same lanes.
    unit : int
        Codes of a chunk: the queue moves and fills in multiples of it.
    capacity : int
        Codes of the queue, enough that the side with more beats never waits. What is left when an output beat is
        taken is at most ``b - unit``, and one more input beat, ``most`` at most, must fit behind it. Where ``a``
        divides ``b``, or a vector is one beat of ``b``, beats complete the queue exactly, and ``b`` codes will do.

    Raises
    ------
    ValueError
        If lanes or length are below 1.
    """

    def __init__(self, *, a: int, b: int, length: int, bits: int = 1):
        for name, value in ("Input lanes", a), ("Output lanes", b), ("Length", length):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self.a, self.b, self.length, self.bits = a, b, length, bits
        self.beats_in, self.beats_out = beats(length, a), beats(length, b)
        self.last = self.beats_out * b - (self.beats_in - 1) * a
        self.wires = a == b
        self.unit = gcd(a, b) if self.beats_in > 1 else b
        self.most = max(a, self.last) if self.beats_in > 1 else self.last
        exact = b % a == 0 or self.beats_out == 1
        self.capacity = b if exact else self.most + b - self.unit

    @property
    def cost(self) -> Cost:
        """About what it takes: the choice of what each bit of the queue becomes, and counters.

        A chunk of the queue takes a chunk of what enters for every fill at which that falls on it, or what a beat that
        leaves moves there. Fitted to Yosys, within an eighth on the average.
        """
        if self.wires:
            return Cost(_PADDING * self.a * self.bits if self.length % self.a else 0)
        size, fresh, take = self.capacity // self.unit, self.most // self.unit, self.b // self.unit
        least = min(self.a, self.last) if self.beats_in > 1 else self.last
        fills = size - least // self.unit + 1
        sources = [min(chunk, fills - 1) - max(0, chunk - fresh + 1) + 1 for chunk in range(size)]
        few, moved = sum(min(n, 3) for n in sources), sum(sources[: max(0, size - take)])
        luts = self.unit * self.bits * (_SOURCE * few + _MOVED * moved) + _COUNTED * size.bit_length() - _LESS
        return Cost(max(4, luts), ff=self.capacity * self.bits + 2 * size.bit_length() + 1)


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
