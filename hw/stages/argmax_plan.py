"""The numbers of a unit that gives the index of the largest value, and its place in a pipeline."""

from collections.abc import Mapping

from fewbit.golden.network import argmax
from fewbit.golden.network.graph import Edge
from fewbit.hw.packing import beats
from fewbit.hw.plan import Plan

from .registry import stage_of

__all__ = ["ArgMaxPlan"]


class ArgMaxPlan(Plan):
    """The numbers of an `ArgMax` unit.

    Parameters
    ----------
    node : golden.network.argmax.ArgMax
    edges : dict of golden edges
    lanes : int
        Values that come in a beat.

    Attributes
    ----------
    length, beats_in : int
        Values of a vector, and the beats in which they come.
    """

    lanes = 1
    beats_out = 1

    def __init__(self, node: argmax.ArgMax, edges: Mapping[str, Edge], *, lanes: int):
        self.name, self.x, self.y = node.name, node.x, node.y
        self.x_format, self.format = edges[node.x].format, edges[node.y].format
        self.lanes_in, self.length = lanes, edges[node.x].channels
        self.beats_in = beats(self.length, lanes)


@stage_of(argmax.ArgMax)
def _(assembly, node):
    """Make an `ArgMax` of as many values at a time as come."""
    flow = assembly.by_pixel(node.x)
    assembly.make(node.y, ArgMaxPlan(node, assembly.edges, lanes=flow.lanes), flow, lanes=1, unit=1)
