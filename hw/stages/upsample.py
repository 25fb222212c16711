"""Enlargement by whole factors, nearest neighbour."""

from collections.abc import Iterator, Mapping

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from fewbit.golden.network import spatial
from fewbit.golden.network.graph import Edge
from fewbit.hw.cost import Cost
from fewbit.hw.memory.buffers import buffer_cost, choice_luts
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.packing import channels_at_once, check_lanes
from fewbit.hw.streams import StreamUnit, counter, keep_flag

from .registry import cost_of, stage_of

__all__ = ["Upsample", "UpsamplePlan"]


class UpsamplePlan:
    """The numbers of an `Upsample` unit.

    Parameters
    ----------
    node : golden.network.spatial.Upsample
    edges : dict of golden edges
    lanes : int
        Channels at a time; it divides all of them.

    Attributes
    ----------
    width, chunks : int
        Pixels of a row that enters; beats of a pixel.
    rows, columns : int
        Times that a row, and a pixel, is repeated.
    row_beats, depth : int
        Beats of a row that enters; beats of the memory, which holds two rows.

    Raises
    ------
    ValueError
        If lanes do not divide the channels.
    """

    def __init__(self, node: spatial.Upsample, edges: Mapping[str, Edge], *, lanes: int):
        x = edges[node.x]
        self.name, self.format, self.lanes = node.name, x.format, lanes
        check_lanes(self.name, x.channels, lanes)
        self.rows, self.columns = node.factors
        self.width, self.chunks = x.size[1], x.channels // lanes
        self.row_beats = self.width * self.chunks
        self.depth = 2 * self.row_beats

    def mapped(self) -> Iterator[Buffer]:
        """Yield its memory."""
        yield Buffer(self.format.bits * self.lanes, self.depth)

    @property
    def cost(self) -> Cost:
        """What it takes: the memory, the choice among its parts where it is of LUTs, and counters and places, all of
        about as many bits as an address."""
        bits = self.format.bits * self.lanes
        places = 8.2 * (self.depth - 1).bit_length() + (11 if self.rows > 1 else -2)
        return buffer_cost(bits, self.depth) + Cost(choice_luts(bits, self.depth) + places)


class Upsample(StreamUnit):
    """A unit that repeats every pixel ``columns`` times and every row ``rows`` times; the next row is written while one
    is repeated.

    Latency 2 from a beat to the first of its copies, throughput one beat a cycle.

    Members
    -------
    i, o : ``In``, ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: UpsamplePlan):
        super().__init__(plan, i=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.memory = memory = Memory(shape=p.format.bits * p.lanes, depth=p.depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        accept, issue, there, full = Signal(), Signal(), Signal(), Signal()
        used = Signal(range(p.depth + 1))  # beats written and not yet read for the last time
        place, _ = counter(m, "place", p.depth, accept)
        chunk, chunk_last = counter(m, "chunk", p.chunks, issue)
        copy, copy_last = counter(m, "copy", p.columns, issue & chunk_last)
        pixel, pixel_last = counter(m, "pixel", p.width, issue & chunk_last & copy_last)
        row, row_last = counter(m, "row", p.rows, issue & chunk_last & copy_last & pixel_last)
        base = Signal(range(p.depth))  # place of the pixel in the memory
        at = Signal(range(p.row_beats))  # place of the pixel in its row
        release = Signal()
        with m.If(issue & chunk_last & copy_last):
            m.d.sync += [at.eq(Mux(pixel_last, 0, at + p.chunks)), base.eq(base + p.chunks)]
            with m.If(pixel_last & ~row_last):
                m.d.sync += base.eq(base - (p.row_beats - p.chunks))
            with m.Elif(base == p.depth - p.chunks):
                m.d.sync += base.eq(0)
        # A row that is read for the last time is released as it is read.
        need = chunk + at if p.rows > 1 else Mux(copy_last, 0, chunk)
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), self.i.ready.eq(used != p.depth),
            write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
            there.eq((row != 0) | (used > need)), issue.eq(there & (~full | self.o.ready)),
            release.eq(issue & row_last & copy_last),
            read.addr.eq(base + chunk), read.en.eq(issue),
            Value.cast(self.o.p).eq(read.data), self.o.valid.eq(full),
        ]  # fmt: skip
        m.d.sync += used.eq(used + accept - release)
        keep_flag(m, full, comes=issue, goes=self.o.ready)
        return m


@stage_of(spatial.Upsample)
def _(assembly, node):
    """Make an `Upsample` of the fewest channels at a time whose beats out are not the bottleneck."""
    channels, plan = assembly.edges[node.y].channels, _plan(node, assembly.edges, assembly.bound)
    flow = assembly.streams.regrouped(assembly.streams.take(node.x), plan.lanes, channels)
    assembly.make(node.y, plan, Upsample, flow, lanes=plan.lanes, unit=channels)


@cost_of(spatial.Upsample)
def _(node, edges, cycles):
    return _plan(node, edges, cycles).cost


def _plan(node, edges, bound):
    y = edges[node.y]
    return UpsamplePlan(node, edges, lanes=channels_at_once(y.channels, lambda n: y.length // n, bound))
