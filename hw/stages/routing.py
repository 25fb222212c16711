"""Where streams part and meet: forks, queues, and two branches side by side."""

import math
from collections.abc import Iterator, Mapping

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from fewbit.golden.network import joins
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers.format import Format
from fewbit.hw.memory.buffers import RAM_WORDS, queue_luts, ram_attributes, ultra_style
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.streams import StreamUnit, code_stream, counter, give_from

from .registry import stage_of

__all__ = ["Concat", "ConcatPlan", "Fork", "ForkPlan", "Queue", "QueuePlan"]


class ForkPlan:
    """The numbers of a `Fork`: ``count`` copies of a stream of ``lanes`` codes of ``bits`` bits.

    Raises
    ------
    ValueError
        If there are fewer than two copies.
    """

    def __init__(self, *, bits: int, lanes: int, count: int):
        if count < 2:
            raise ValueError(f"Count must be at least 2, not {count!r}")
        self.bits, self.lanes, self.count = bits, lanes, count


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


class QueuePlan:
    """The numbers of a `Queue` of ``depth`` beats of ``lanes`` codes of ``bits`` bits.

    With ``ultra`` its memory is in UltraRAM where it takes less there; ``ram`` is its ``ram_style``, None where
    synthesis chooses.

    Raises
    ------
    ValueError
        If the depth is below 2.
    """

    def __init__(self, *, bits: int, lanes: int, depth: int, ultra: bool = False):
        if depth < 2:
            raise ValueError(f"Depth must be at least 2, not {depth!r}")
        self.bits, self.lanes, self.depth, self.ultra = bits, lanes, depth, ultra
        self.ram: str | None = ultra_style(self.width, depth - 1) if ultra else None

    def of_depth(self, depth: int) -> "QueuePlan":
        """Return the plan of the same queue with another depth."""
        found = QueuePlan(bits=self.bits, lanes=self.lanes, depth=depth, ultra=self.ultra)
        if not self.ultra:
            found.ram = self.ram
        return found

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.bits * self.lanes

    def mapped(self) -> Iterator[Buffer]:
        """Yield its memory as synthesis finds it; an entry is in a register."""
        yield Buffer(self.width, self.depth - 1, self.ram)

    def cheaper_than(self, depth: int) -> Iterator[int]:
        """Yield the depths below ``depth`` from which on the memory takes less, the greatest first."""
        cost = queue_luts(self.width, depth - 1)  # an entry is in a register
        for words in range((depth - 2) // RAM_WORDS * RAM_WORDS, 0, -RAM_WORDS):
            if (less := queue_luts(self.width, words)) < cost:
                yield words + 1
                cost = less


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


class ConcatPlan:
    """The numbers of a `Concat`, which joins the channels of several streams.

    Parameters
    ----------
    node : golden.network.joins.Concat
    edges : dict of golden edges
    lanes : int or None
        Lanes of every beat, which are those of each input's beats in turn; they divide all channels. ``None``: a pixel
        is one beat, and so is each input's.

    Attributes
    ----------
    lanes_in : list of int
        Lanes of each input's beats.
    turns : list of int
        Beats that each input gives of a pixel; one of each at a time where a pixel is one beat.

    Raises
    ------
    ValueError
        If lanes do not divide the channels of every input.
    """

    def __init__(self, node: joins.Concat, edges: Mapping[str, Edge], *, lanes: int | None = None):
        self.name, self.format = node.name, node.format
        self.formats = [edges[x].format for x in node.inputs]
        channels = [edges[x].channels for x in node.inputs]
        if lanes is not None and any(c % lanes for c in channels):
            raise ValueError(f"{self.name}: lanes must divide {channels}, not {lanes}")
        self.whole = lanes is None
        self.lanes = sum(channels) if lanes is None else lanes
        self.lanes_in = channels if lanes is None else [lanes] * len(channels)
        self.turns = [1] if lanes is None else [c // lanes for c in channels]
        self.channels, self.pixels = sum(channels), edges[node.y].pixels


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


@stage_of(joins.Concat)
def _(assembly, node):
    """Make a `Concat` of the fewest channels at a time that divide those of every input and keep to the bound, or of
    whole pixels if none do.
    """
    y = assembly.edges[node.y]
    common = math.gcd(*(assembly.edges[x].channels for x in node.inputs))
    lanes = [n for n in range(1, common + 1) if common % n == 0 and y.length // n <= assembly.bound]
    plan = ConcatPlan(node, assembly.edges, lanes=lanes[0] if lanes else None)
    flows = assembly.gathered(node, plan.lanes_in)
    assembly.make(node.y, plan, Concat, *flows, lanes=plan.lanes, unit=y.channels)
