"""Joins of two branches: a function of a code of each, channel by channel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.network.graph import Edge
from fewbit.golden.registry import ByClass
from fewbit.hw.memory.rom import Rom
from fewbit.hw.packing import beats, check_lanes, pack
from fewbit.hw.streams import OutputFifo, code_stream

__all__ = ["Join", "JoinPlan", "function_of_join", "make_join", "numbers_of_beat"]

# A class with a constructor ``(plan)``, the attributes ``latency`` and ``dsps``, and a method ``results(m, a, b,
# accept)``: it yields, lane by lane, the codes of what a node makes of the beats ``a`` and ``b``, ``latency`` cycles
# after those are taken, which ``accept`` says.
function_of_join = ByClass("function of a join")


class JoinPlan:
    """The numbers of a `Join`: a golden join of two streams of ``lanes`` codes a beat.

    Parameters
    ----------
    node : golden.network.joins
        A node for which a `function_of_join` is registered.
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
    function : object
        The `function_of_join`.

    Raises
    ------
    ValueError
        If lanes do not divide the channels.
    """

    def __init__(self, node: Any, edges: Mapping[str, Edge], *, lanes: int):
        self.name, self.node, self.lanes = node.name, node, lanes
        self.edges = [edges[x] for x in node.inputs]
        self.formats = [edge.format for edge in self.edges]
        self.format, self.channels = edges[node.y].format, edges[node.y].channels
        self.pixels = edges[node.y].pixels
        check_lanes(self.name, self.channels, lanes)
        self.beats_out = beats(self.channels, lanes)
        self.function = function_of_join.of(node)(self)
        self.latency, self.dsps = self.function.latency, self.function.dsps
        self.depth = self.latency + 3


class Join(wiring.Component):
    """A join: ``o`` is a function of ``i0`` and ``i1``, channel by channel.

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
        results = p.function.results(m, self.i0.p, self.i1.p, accept)
        m.d.comb += [fifo.data[k * p.format.bits : (k + 1) * p.format.bits].eq(y) for k, y in enumerate(results)]
        return m


def numbers_of_beat(m: Module, name: str, beat: Signal, numbers: np.ndarray, lanes: int) -> Sequence:
    """Return the numbers of a beat's channels, by lane, one cycle after the number of the ``beat``.

    ``numbers`` are one a channel; equal ones are a constant.
    """
    if (numbers == numbers[0]).all():
        return [Const(int(numbers[0]))] * lanes
    bits = max(int(abs(n)).bit_length() for n in numbers) + 1
    words = [pack(numbers[b : b + lanes], bits) for b in range(0, len(numbers), lanes)]
    m.submodules[name] = rom = Rom(width=bits * lanes, words=words)
    m.d.comb += rom.address.eq(beat)
    return [rom.data[k * bits : (k + 1) * bits].as_signed() for k in range(lanes)]


def make_join(assembly, node):
    """Make a `Join` of the fewest channels at a time whose beats are not the bottleneck."""
    y = assembly.edges[node.y]
    lanes = assembly.channels_at_once(y.channels, lambda n: y.length // n)
    plan = JoinPlan(node, assembly.edges, lanes=lanes)
    assembly.make(node.y, plan, Join, *assembly.gathered(node, [lanes] * 2), lanes=lanes, unit=y.channels)
