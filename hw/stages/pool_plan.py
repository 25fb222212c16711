"""The numbers of units that give the largest value of each window, and which of them a pool is."""

from collections.abc import Mapping
from dataclasses import replace

from fewbit.golden.network import spatial
from fewbit.golden.network.graph import Edge
from fewbit.hw.packing import check_lanes
from fewbit.hw.plan import Plan

from .register_plan import RegisterPlan
from .registry import stage_of
from .window_columns_plan import ColumnsPlan
from .window_plan import SlidingPlan, abreast_of
from .windows_plan import window_plan, windowed

__all__ = ["LargestOfAllPlan", "LargestPlan"]


class LargestPlan(Plan):
    """The numbers of a `Largest` unit: ``taps`` beats of ``lanes`` channels give one.

    Parameters
    ----------
    node : golden.network.spatial.Largest
    edges : dict of golden edges
    lanes : int
        Channels at a time; it divides all of them.

    Raises
    ------
    ValueError
        If lanes do not divide the channels.
    """

    def __init__(self, node: spatial.Largest, edges: Mapping[str, Edge], *, lanes: int):
        self.name, self.taps, self.lanes, self.format = node.name, node.taps, lanes, edges[node.x].format
        self.channels, self.pixels = edges[node.y].channels, edges[node.y].pixels
        check_lanes(self.name, self.channels, lanes)


class LargestOfAllPlan(RegisterPlan):
    """The numbers of a `LargestOfAll` unit: a beat has all ``taps`` of all channels of ``abreast`` pixels.

    Parameters
    ----------
    node : golden.network.spatial.Largest
    edges : dict of golden edges
    abreast : int
        Pixels at a time.
    """

    def __init__(self, node: spatial.Largest, edges: Mapping[str, Edge], *, abreast: int):
        self.name, self.taps, self.abreast, self.format = node.name, node.taps, abreast, edges[node.x].format
        self.channels = edges[node.y].channels
        self.lanes = abreast * self.channels


@stage_of(spatial.Largest)
def _(assembly, node):
    """Make a `Largest` of the fewest channels whose beats are not the bottleneck, a tap a beat.

    Where even the beats of all channels are, whole windows come in a beat, to a `LargestOfAll`.
    """
    if node.x not in assembly.windows:
        _of_rows(assembly, node)
        return
    window, channels = assembly.windows[node.x], assembly.edges[node.y].channels

    def sliding(n):
        return window_plan(assembly.edges, window, SlidingPlan, lanes=n, blocks=channels // n, chunks=1)

    lanes = assembly.channels_at_once(channels, lambda n: max(sliding(n).beats_in, sliding(n).beats_out))
    if max(sliding(lanes).beats_in, sliding(lanes).beats_out) > assembly.bound:
        _of_whole_windows(assembly, node, window, channels)
        return
    flow = windowed(assembly, window, sliding(lanes), node.x)
    plan = LargestPlan(node, assembly.edges, lanes=lanes)
    assembly.make(node.y, plan, flow, lanes=lanes, unit=channels)


def _of_rows(assembly, node):
    """Make a `Largest` of pixels whose channels are one window, a value a beat, or a `LargestOfAll`, a pixel a beat."""
    x, y = assembly.edges[node.x], assembly.edges[node.y]
    if y.channels != 1:
        raise ValueError(f"{node.name}: without windows its pixels must be one window each")
    if x.length <= assembly.bound:
        flow = assembly.streams.regrouped(assembly.streams.take(node.x), 1, node.taps)
        assembly.make(node.y, LargestPlan(node, assembly.edges, lanes=1), flow, lanes=1, unit=1)
        return
    flow = assembly.streams.regrouped(assembly.streams.take(node.x), node.taps, node.taps)
    plan = LargestOfAllPlan(node, assembly.edges, abreast=1)
    assembly.make(node.y, plan, flow, lanes=1, unit=1)


def _of_whole_windows(assembly, node, window, channels):
    """Make a `LargestOfAll` of as few pixels at a time as keep up."""

    def columns(n):
        return window_plan(assembly.edges, replace(window, groups=1), ColumnsPlan, whole=True, abreast=n)

    counts = abreast_of(window.window)
    fits = (n for n in counts if max(columns(n).beats_in, columns(n).cycles) <= assembly.bound)
    count = next(fits, counts[-1])
    assembly.bound = max(assembly.bound, columns(count).cycles)
    lanes = count * channels
    plan = LargestOfAllPlan(node, assembly.edges, abreast=count)
    flow = windowed(assembly, window, columns(count), node.x)
    assembly.make(node.y, plan, flow, lanes=lanes, unit=lanes)
