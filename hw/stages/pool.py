"""The largest value of each window of a pool."""

from collections.abc import Mapping
from dataclasses import replace

from amaranth.hdl import Module, Mux, Signal

from fewbit.golden.network import spatial
from fewbit.golden.network.graph import Edge
from fewbit.hw.codes import code_shape
from fewbit.hw.packing import check_lanes
from fewbit.hw.streams import StreamUnit, counter

from .comparison import greater
from .registry import stage_of
from .sliding_window import SlidingPlan
from .window_columns import ColumnsPlan
from .window_plan import abreast_of
from .windows import window_plan, windowed

__all__ = ["Largest", "LargestOfAll", "LargestOfAllPlan", "LargestPlan"]


class LargestPlan:
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


class Largest(StreamUnit):
    """A max pool that takes windows tap by tap: ``o[k] = max over taps beats of i[k]``, by value.

    Latency one cycle from the last tap of a window, throughput one beat a cycle in.

    Members
    -------
    i, o : ``In``, ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: LargestPlan):
        super().__init__(plan, i=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        accept, full = Signal(), Signal()
        tap, last = counter(m, "tap", p.taps, accept)
        # Only what completes a result must wait until the one before it has left.
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready | ~last), accept.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(full),
        ]  # fmt: skip
        shape = code_shape(p.format)
        with m.If(full & self.o.ready):
            m.d.sync += full.eq(0)
        for k in range(p.lanes):
            best, new, value = (Signal(shape, name=f"{name}{k}") for name in ("best", "value", "larger"))
            m.d.comb += new.eq(self.i.p[k])
            m.d.comb += value.eq(Mux((tap == 0) | greater(p.format, new, best), new, best))
            with m.If(accept):
                m.d.sync += best.eq(value)
                with m.If(last):
                    m.d.sync += self.o.p[k].eq(value)
        with m.If(accept & last):
            m.d.sync += full.eq(1)
        return m


class LargestOfAllPlan:
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


class LargestOfAll(StreamUnit):
    """A max pool that takes whole windows: ``o[m, c] = max over taps of i[m, tap, c]``, by value.

    Latency one cycle, throughput one beat a cycle.

    Members
    -------
    i : ``In(code_stream(bits, lanes*taps))``
    o : ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: LargestOfAllPlan):
        super().__init__(plan, i=(plan.format.bits, plan.lanes * plan.taps), o=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        full = Signal()
        m.d.comb += [self.i.ready.eq(~full | self.o.ready), self.o.valid.eq(full)]
        with m.If(self.i.ready):
            m.d.sync += full.eq(self.i.valid)
        for k in range(p.lanes):
            pixel, channel = divmod(k, p.channels)
            values = []
            for tap in range(p.taps):
                values.append(Signal(code_shape(p.format), name=f"value{k}_{tap}"))
                m.d.comb += values[-1].eq(self.i.p[(pixel * p.taps + tap) * p.channels + channel])
            while len(values) > 1:
                pairs = [values[n : n + 2] for n in range(0, len(values), 2)]
                values = [self._larger(m, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += self.o.p[k].eq(values[0])
        return m

    def _larger(self, m, a, b):
        larger = Signal.like(a, name="larger")
        m.d.comb += larger.eq(Mux(greater(self.plan.format, a, b), a, b))
        return larger


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
    assembly.make(node.y, plan, Largest, flow, lanes=lanes, unit=channels)


def _of_rows(assembly, node):
    """Make a `Largest` of pixels whose channels are one window, a value a beat, or a `LargestOfAll`, a pixel a beat."""
    x, y = assembly.edges[node.x], assembly.edges[node.y]
    if y.channels != 1:
        raise ValueError(f"{node.name}: without windows its pixels must be one window each")
    if x.length <= assembly.bound:
        flow = assembly.streams.regrouped(assembly.streams.take(node.x), 1, node.taps)
        assembly.make(node.y, LargestPlan(node, assembly.edges, lanes=1), Largest, flow, lanes=1, unit=1)
        return
    flow = assembly.streams.regrouped(assembly.streams.take(node.x), node.taps, node.taps)
    plan = LargestOfAllPlan(node, assembly.edges, abreast=1)
    assembly.make(node.y, plan, LargestOfAll, flow, lanes=1, unit=1)


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
    assembly.make(node.y, plan, LargestOfAll, flow, lanes=lanes, unit=lanes)
