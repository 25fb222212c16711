"""The numbers of a repetition of channels, and its place in a pipeline."""

from collections.abc import Mapping

from fewbit.golden.network import spatial
from fewbit.golden.network.graph import Edge
from fewbit.hw.cost import Cost, counter_luts
from fewbit.hw.packing import channels_at_once, check_lanes
from fewbit.hw.plan import Plan

from .registry import cost_of, stage_of

__all__ = ["RepeatPlan"]


class RepeatPlan(Plan):
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


@stage_of(spatial.Repeat)
def _(assembly, node):
    """Make a `Repeat` of the fewest copies at a time whose beats are not the bottleneck."""
    x, y = assembly.edges[node.x], assembly.edges[node.y]
    flow = assembly.streams.regrouped(assembly.streams.take(node.x), 1, x.channels)
    plan = _plan(node, assembly.edges, assembly.bound)
    assembly.make(node.y, plan, flow, lanes=plan.lanes, unit=y.channels)


@cost_of(spatial.Repeat)
def _(node, edges, cycles):
    return _plan(node, edges, cycles).cost


def _plan(node, edges, bound):
    lanes = channels_at_once(node.count, lambda n: edges[node.y].length // n, bound)
    return RepeatPlan(node, edges, lanes=lanes)
