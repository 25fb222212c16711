"""Sums of two branches."""

from collections.abc import Mapping

import numpy as np
from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.network import joins
from fewbit.golden.network.graph import Edge
from fewbit.golden.registry import ByClass
from fewbit.hw.codes import value_of
from fewbit.hw.float32.units import FloatAdd, float_relu
from fewbit.hw.memory.rom import Rom
from fewbit.hw.packing import beats, check_lanes, pack
from fewbit.hw.streams import OutputFifo, code_stream, counter
from fewbit.hw.wires import register

from .registry import stage_of

__all__ = ["Join", "JoinPlan"]

adders_of = ByClass("adders")  # what makes the sums of a node's beats


class JoinPlan:
    """The numbers of a `Join`: a golden Add or FloatAdd on two streams of ``lanes`` codes a beat.

    Parameters
    ----------
    node : golden.network.joins.Add or FloatAdd
    edges : dict of golden edges
    lanes : int
        Channels at a time; it divides all of them.

    Attributes
    ----------
    beats_out : int
        Beats of a pixel.
    latency, depth : int
        Cycles from a pair of beats to its write into the output FIFO; entries of that.
    dsps : int
        DSPs that its multipliers take, at most.
    adders : `Adders` or `FloatAdders`
        What makes the sums of a beat.

    Raises
    ------
    ValueError
        If lanes do not divide the channels.
    """

    def __init__(self, node: joins.Add | joins.FloatAdd, edges: Mapping[str, Edge], *, lanes: int):
        self.name, self.node, self.lanes = node.name, node, lanes
        self.formats = [edges[x].format for x in node.inputs]
        self.format, self.channels = edges[node.y].format, edges[node.y].channels
        self.pixels = edges[node.y].pixels
        check_lanes(self.name, self.channels, lanes)
        self.beats_out = beats(self.channels, lanes)
        self.adders: Adders | FloatAdders = adders_of.of(node)(self)
        self.latency, self.dsps = self.adders.LATENCY, self.adders.dsps
        self.depth = self.latency + 3


class Join(wiring.Component):
    """A join: ``o = m0*i0 + m1*i1`` channel by channel, or in float32 ``i0 + i1`` and its ReLU.

    Its pipeline runs freely and is entered by credit.

    Latency ``plan.latency + 1``, throughput one beat a cycle.

    Members
    -------
    i0, i1 : ``In(code_stream(bits of the input, lanes))``
    o : ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: JoinPlan):
        self.plan = plan
        super().__init__(
            {f"i{k}": In(code_stream(f.bits, plan.lanes)) for k, f in enumerate(plan.formats)}
            | {"o": Out(code_stream(plan.format.bits, plan.lanes))}
        )

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        fifo = OutputFifo(m, self.o, depth=p.depth)
        accept, valid = Signal(), Signal(p.latency)
        m.d.comb += [
            accept.eq(self.i0.valid & self.i1.valid & fifo.room(1, taken=accept)),
            self.i0.ready.eq(accept), self.i1.ready.eq(accept),
            *fifo.write(valid[-1]),
        ]  # fmt: skip
        m.d.sync += valid.eq((valid << 1) | accept)
        sums = p.adders.sums(m, self.i0.p, self.i1.p, accept)
        m.d.comb += [fifo.data[k * p.format.bits : (k + 1) * p.format.bits].eq(s) for k, s in enumerate(sums)]
        return m


@adders_of(joins.FloatAdd)
class FloatAdders:
    """Sums of float32 codes, an adder a lane, and their ReLU where the node has one."""

    LATENCY = FloatAdd.LATENCY
    dsps = 0

    def __init__(self, plan: JoinPlan):
        self.plan = plan

    def sums(self, m, a, b, accept):
        """Yield the sum of every lane of the beats ``a`` and ``b``."""
        for k in range(self.plan.lanes):
            m.submodules[f"add{k}"] = add = FloatAdd()
            m.d.comb += [add.a.eq(a[k]), add.b.eq(b[k])]
            yield float_relu(add.o) if self.plan.node.relu else add.o


@adders_of(joins.Add)
class Adders:
    """Sums of integers times whole numbers: three registers, of values and multipliers, products, and sums."""

    LATENCY = 3

    def __init__(self, plan: JoinPlan):
        self.plan = plan

    @property
    def dsps(self) -> int:
        """DSPs of the products of all lanes, at most."""
        return self.plan.lanes * sum(map(self._in_dsp, range(2)))

    def _in_dsp(self, n):
        """Return whether synthesis takes a DSP for the products of input ``n``: no shift, and of 9 bits or more."""
        p = self.plan
        factors = np.abs(np.broadcast_to(p.node.multipliers[n], p.channels))
        bits = int(factors.max()).bit_length()
        alone = (factors == factors[0]).all() and int(factors[0]).bit_count() < 2
        return bool(not alone and bits > 1 and p.formats[n].bits > 1 and bits + p.formats[n].bits >= 9)

    def sums(self, m, a, b, accept):
        """Yield the sum of every lane of the beats ``a`` and ``b``, which are taken where ``accept`` says so."""
        p = self.plan
        beat, _ = counter(m, "beat", p.beats_out, accept)
        factors = [self._factors(m, beat, n) for n in range(2)]
        for k in range(p.lanes):
            products = []
            for n, codes in enumerate((a, b)):
                held = register(m, value_of(codes[k], p.formats[n]), f"value{n}_{k}")
                products.append(register(m, held * factors[n][k], f"product{n}_{k}"))
            total = Signal(p.format.bits, name=f"sum{k}", reset_less=True)
            m.d.sync += total.eq(products[0] + products[1])
            yield total

    def _factors(self, m, beat, n):
        """Return the multipliers of a beat, by lane, one cycle after its number."""
        p = self.plan
        factors = np.broadcast_to(p.node.multipliers[n], p.channels)
        if (factors == factors[0]).all():
            return [Const(int(factors[0]))] * p.lanes
        bits = max(int(abs(f)).bit_length() for f in factors) + 1
        words = [pack(factors[b : b + p.lanes], bits) for b in range(0, p.channels, p.lanes)]
        m.submodules[f"factors{n}"] = rom = Rom(width=bits * p.lanes, words=words)
        m.d.comb += rom.address.eq(beat)
        return [rom.data[k * bits : (k + 1) * bits].as_signed() for k in range(p.lanes)]


@stage_of(joins.Add, joins.FloatAdd)
def _(assembly, node):
    """Make a `Join` of the fewest channels at a time whose beats are not the bottleneck."""
    y = assembly.edges[node.y]
    lanes = assembly.channels_at_once(y.channels, lambda n: y.length // n)
    plan = JoinPlan(node, assembly.edges, lanes=lanes)
    assembly.make(node.y, plan, Join, *assembly.gathered(node, [lanes] * 2), lanes=lanes, unit=y.channels)
