"""The numbers of an enlargement by whole factors, and its place in a pipeline."""

from collections.abc import Iterator, Mapping

from fewbit.golden.network import spatial
from fewbit.golden.network.graph import Edge
from fewbit.hw.cost import Cost
from fewbit.hw.memory.buffers import buffer_cost, choice_luts
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.packing import channels_at_once, check_lanes
from fewbit.hw.plan import Plan

from .registry import cost_of, stage_of

__all__ = ["UpsamplePlan"]


class UpsamplePlan(Plan):
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


@stage_of(spatial.Upsample)
def _(assembly, node):
    """Make an `Upsample` of the fewest channels at a time whose beats out are not the bottleneck."""
    channels, plan = assembly.edges[node.y].channels, _plan(node, assembly.edges, assembly.bound)
    flow = assembly.streams.regrouped(assembly.streams.take(node.x), plan.lanes, channels)
    assembly.make(node.y, plan, flow, lanes=plan.lanes, unit=channels)


@cost_of(spatial.Upsample)
def _(node, edges, cycles):
    return _plan(node, edges, cycles).cost


def _plan(node, edges, bound):
    y = edges[node.y]
    return UpsamplePlan(node, edges, lanes=channels_at_once(y.channels, lambda n: y.length // n, bound))
