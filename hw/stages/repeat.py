"""Repetition of channels."""

from collections.abc import Mapping

from amaranth.hdl import Module

from fewbit.golden.network import spatial
from fewbit.golden.network.graph import Edge
from fewbit.hw.cost import Cost, counter_luts
from fewbit.hw.packing import channels_at_once, check_lanes
from fewbit.hw.streams import StreamUnit, counter

from .registry import cost_of, stage_of

__all__ = ["Repeat", "RepeatPlan"]


class RepeatPlan:
    """The numbers of a `Repeat` unit.

    Parameters
    ----------
    node : golden.network.spatial.Repeat
    edges : dict of golden edges
    lanes : int
        Copies of a channel at a time; it divides all of them.

    Attributes
    ----------
    beats : int
        Beats of a channel's copies.

    Raises
    ------
    ValueError
        If lanes do not divide the copies.
    """

    def __init__(self, node: spatial.Repeat, edges: Mapping[str, Edge], *, lanes: int):
        self.name, self.format, self.lanes = node.name, edges[node.x].format, lanes
        check_lanes(self.name, node.count, lanes)
        self.beats = node.count // lanes

    @property
    def cost(self) -> Cost:
        """What it takes: the counter of copies, and who may move on."""
        return Cost(counter_luts(self.beats))


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


@stage_of(spatial.Repeat)
def _(assembly, node):
    """Make a `Repeat` of the fewest copies at a time whose beats are not the bottleneck."""
    x, y = assembly.edges[node.x], assembly.edges[node.y]
    flow = assembly.streams.regrouped(assembly.streams.take(node.x), 1, x.channels)
    plan = _plan(node, assembly.edges, assembly.bound)
    assembly.make(node.y, plan, Repeat, flow, lanes=plan.lanes, unit=y.channels)


@cost_of(spatial.Repeat)
def _(node, edges, cycles):
    return _plan(node, edges, cycles).cost


def _plan(node, edges, bound):
    lanes = channels_at_once(node.count, lambda n: edges[node.y].length // n, bound)
    return RepeatPlan(node, edges, lanes=lanes)
