"""From a folded network to stages joined by streams: which units there are, and how wide the streams between them."""

import math
from dataclasses import replace
from functools import singledispatchmethod

import numpy as np

from fewbit.golden.network import graph as net
from fewbit.golden.network import joins, spatial
from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.packing import beats
from fewbit.hw.stages.add import Join, JoinPlan
from fewbit.hw.stages.argmax import ArgMax, ArgMaxPlan
from fewbit.hw.stages.pointwise import Pointwise, PointwisePlan
from fewbit.hw.stages.pool import Largest, LargestOfAll, LargestOfAllPlan, LargestPlan
from fewbit.hw.stages.routing import Concat, ConcatPlan
from fewbit.hw.stages.sliding_window import SlidingPlan, SlidingWindow
from fewbit.hw.stages.upsample import Upsample, UpsamplePlan
from fewbit.hw.stages.window_columns import ColumnsPlan, WindowColumns
from fewbit.hw.stages.window_plan import abreast_of, columns_first, simd_of_window
from fewbit.hw.targets.named import DEFAULT

from .abreast import set_abreast
from .flows import Flow, Streams, through

__all__ = ["MOST_INPUT_BITS", "Assembly"]

MOST_INPUT_BITS = 4096  # of one beat: 512 bytes, the widest AXI4-Stream of the Xilinx infrastructure


class Assembly:
    """Stages of a network; parameters as `hw.pipeline.accelerator.AcceleratorPlan`.

    Layers have the width that their folding says; everything else gets the least that does not slow them.

    Attributes
    ----------
    stages : list of `hw.pipeline.flows.Stage`
    layers : dict of `LayerPlan`
    bound : int
        Cycles between frames in steady state.
    entry, exit : `hw.pipeline.flows.Flow`
        Streams of the accelerator itself.
    """

    def __init__(self, network, folding, *, depths=None, target=DEFAULT):
        self.network = network = set_abreast(network, folding)
        self.edges, self.target = network.edges(), target
        self.layers, self._absorbed = {}, set()
        self._windows = {}
        for node in network.nodes:
            if isinstance(node, spatial.Windows):
                self._windows[node.y] = node
            elif isinstance(node, spatial.View) and node.x in self._windows:
                self._windows[node.y] = self._windows[node.x]  # several of them at a time
        self._plan_layers(folding)
        self.bound = max((self._cycles(p) for p in self.layers.values()), default=self.edges["input"].length)
        self.streams = Streams(network, depths)
        self.stages = self.streams.stages
        self.entry = self._entry()
        self.streams.publish("input", self.entry)
        for node in network.nodes:
            if node.name not in self._absorbed:
                self._node(node)
        self.exit = self._exit()
        self.bound = max(self.bound, self.streams.busiest)

    # Layers

    def _plan_layers(self, folding):
        for node in self.network.nodes:
            if not self.network.readers(node.y):
                raise ValueError(f"{node.name}: nothing reads what it gives")
        for node in self.network.nodes:
            if not isinstance(node, net.Dense | net.FloatDense):
                continue
            if node.name not in folding:
                raise ValueError(f"Folding must name layer {node.name!r}")
            readers = self.network.readers(node.y)
            act = readers[0] if len(readers) == 1 else None
            act = act if isinstance(act, net.Threshold | net.Rescale | net.Score) else None
            folded, window = folding[node.name], self._windows.get(node.x)
            order = None if window is None else columns_first(window, self.edges[window.x], folded.simd)
            self.layers[node.name] = LayerPlan(node, act, self.edges, folded, order=order, target=self.target)
            if act is not None:
                self._absorbed.add(act.name)

    def _cycles(self, plan):
        """Cycles of a layer, or of its window if they are more."""
        if plan.x not in self._windows:
            if plan.parallel > 1 and plan.simd != plan.inputs:
                raise ValueError(
                    f"{plan.name}: SIMD must be {plan.inputs} with several groups at a time, not {plan.simd}"
                )
            return plan.cycles
        sliding = self._sliding_of(plan, self._windows[plan.x])
        return max(plan.cycles, sliding.beats_in, sliding.cycles)

    def _sliding_of(self, plan, node):
        """The window of a layer: a tap a beat, or with a SIMD beyond its channels several."""
        edge = self.edges[node.x]
        group = edge.channels // node.groups
        abreast = plan.parallel if node.groups == 1 else 1
        legal = simd_of_window(node, edge, parallel=plan.parallel > 1)
        if plan.simd not in legal:
            raise ValueError(f"{plan.name}: SIMD must be one of {', '.join(map(str, legal))}, not {plan.simd}")
        common = dict(pace=plan.cycles // plan.pixels)
        if plan.simd > group or abreast > 1:
            whole = columns_first(node, edge, plan.simd) is None
            return self._window_plan(node, ColumnsPlan, whole=whole, abreast=abreast, **common)
        if plan.parallel > 1:
            shape = dict(lanes=plan.lanes_in, blocks=plan.vectors, chunks=1)
        else:
            shape = dict(lanes=plan.simd, blocks=node.groups, chunks=group // plan.simd)
        return self._window_plan(node, SlidingPlan, **shape, **common)

    def _window_plan(self, node, kind, **options):
        x, y = self.edges[node.x], self.edges[node.y]
        pad = int(y.format.encode(np.array([node.pad]))[0]) if any(node.window.pads) else 0
        recode = None
        if x.format != y.format:
            recode = y.format.encode(x.format.decode(np.arange(2**x.format.bits))).tolist()
        return kind(
            window=node.window, channels=x.channels, bits=x.format.bits, out_bits=y.format.bits, pad_code=pad,
            recode=recode, **options,
        )  # fmt: skip

    # Both ends

    def _entry(self):
        """The fewest lanes whose beats are not the bottleneck, preferably those that the first unit takes."""
        fmt, edge = self.network.input_format, self.edges["input"]
        widest = max(1, MOST_INPUT_BITS // fmt.bits)
        fits = [n for n in range(1, min(edge.length, widest) + 1) if beats(edge.length, n) <= self.bound]
        if not fits:
            return Flow((-1, 0), fmt, min(edge.length, widest), edge.length, edge.length)
        simd = next((min(p.lanes_in, edge.channels) for p in self.layers.values()), 1)
        easy = [n for n in fits if (n % simd == 0 or simd % n == 0) and n <= 2 * fits[0]]
        return Flow((-1, 0), fmt, min(easy or fits), edge.length, edge.length)

    def _exit(self):
        ends = {output.edge for output in self.network.outputs}
        if len(ends) != 1:
            raise ValueError(f"The hardware gives one output tensor, this model has {len(ends)}")
        if not self.stages:
            raise ValueError("The model must have at least one layer")
        flow = self.streams.take(ends.pop())
        return flow if flow.seamless else self.streams.regrouped(flow, flow.lanes, flow.length, pad=True)

    # Nodes

    def _channels_at_once(self, channels, beats_of):
        """The fewest channels, a divisor of them all, of which no beats are the bottleneck."""
        divisors = [n for n in range(1, channels + 1) if channels % n == 0]
        return next((n for n in divisors if beats_of(n) <= self.bound), channels)

    def _by_pixel(self, edge):
        """The edge's stream in whole pixels."""
        flow = self.streams.take(edge)
        return self.streams.regrouped(flow, *through(flow, self.edges[edge].channels))

    def _made(self, edge, plan, kind, *flows, lanes, unit):
        flow = self.streams.stage(plan.name, plan, kind, *flows, edge=self.edges[edge], lanes=lanes, unit=unit)
        self.streams.publish(edge, flow)

    @singledispatchmethod
    def _node(self, node):
        flow = self._by_pixel(node.x)
        plan = PointwisePlan(node, self.edges, lanes=flow.lanes)
        self._made(node.y, plan, Pointwise, flow, lanes=flow.lanes, unit=plan.length)

    @_node.register
    def _(self, node: spatial.View):
        if node.x in self._windows:
            self.streams.rename(node.x, node.y)
        else:
            self.streams.publish(node.y, self.streams.take(node.x))

    @_node.register
    def _(self, node: spatial.Windows):
        self.streams.rename(node.x, node.y)  # its reader makes the windows, as wide as it needs them

    def _windowed(self, node, plan, edge):
        """The stream of windows, which is known as ``edge``."""
        flow = self.streams.regrouped(self.streams.take(edge), plan.lanes_in, plan.channels)
        lanes = plan.lanes_out
        kind = WindowColumns if isinstance(plan, ColumnsPlan) else SlidingWindow
        return self.streams.stage(
            node.name, plan, kind, flow, edge=self.edges[node.y], lanes=lanes, unit=lanes
        )  # fmt: skip

    @_node.register(net.Dense)
    @_node.register(net.FloatDense)
    def _(self, node):
        plan = self.layers[node.name]
        if plan.x in self._windows:
            window = self._windows[plan.x]
            flow = self._windowed(window, self._sliding_of(plan, window), plan.x)
        else:
            flow = self.streams.regrouped(self.streams.take(plan.x), plan.lanes_in, plan.inputs * plan.parallel)
        self._made(plan.y, plan, MatrixVectorUnit, flow, lanes=plan.lanes, unit=plan.neurons)

    @_node.register
    def _(self, node: net.ArgMax):
        flow = self._by_pixel(node.x)
        self._made(node.y, ArgMaxPlan(node, self.edges, lanes=flow.lanes), ArgMax, flow, lanes=1, unit=1)

    @_node.register
    def _(self, node: spatial.Largest):
        window, channels = self._windows[node.x], self.edges[node.y].channels

        def sliding(n):
            return self._window_plan(window, SlidingPlan, lanes=n, blocks=channels // n, chunks=1)

        lanes = self._channels_at_once(channels, lambda n: max(sliding(n).beats_in, sliding(n).beats_out))
        if max(sliding(lanes).beats_in, sliding(lanes).beats_out) <= self.bound:
            flow = self._windowed(window, sliding(lanes), node.x)
            self._made(node.y, LargestPlan(node, self.edges, lanes=lanes), Largest, flow, lanes=lanes, unit=channels)
        else:
            self._largest_of_whole_windows(node, window, channels)

    def _largest_of_whole_windows(self, node, window, channels):
        """All taps in a beat, and as few pixels at a time as keep up."""

        def columns(n):
            return self._window_plan(replace(window, groups=1), ColumnsPlan, whole=True, abreast=n)

        counts = abreast_of(window.window)
        fits = (n for n in counts if max(columns(n).beats_in, columns(n).cycles) <= self.bound)
        count = next(fits, counts[-1])
        self.bound = max(self.bound, columns(count).cycles)
        lanes = count * channels
        plan = LargestOfAllPlan(node, self.edges, abreast=count)
        flow = self._windowed(window, columns(count), node.x)
        self._made(node.y, plan, LargestOfAll, flow, lanes=lanes, unit=lanes)

    @_node.register
    def _(self, node: spatial.Upsample):
        y = self.edges[node.y]
        lanes = self._channels_at_once(y.channels, lambda n: y.length // n)
        flow = self.streams.regrouped(self.streams.take(node.x), lanes, y.channels)
        self._made(node.y, UpsamplePlan(node, self.edges, lanes=lanes), Upsample, flow, lanes=lanes, unit=y.channels)

    def _gathered(self, node, lanes):
        """The streams of a join's inputs, each behind its queue, by pixel in beats of ``lanes`` (one number each)."""
        for k, (edge, n) in enumerate(zip(node.inputs, lanes, strict=True)):
            flow = self.streams.regrouped(self.streams.take(edge), n, self.edges[edge].channels)
            yield self.streams.queued(node, k, flow)

    @_node.register(joins.Add)
    @_node.register(joins.FloatAdd)
    def _(self, node):
        y = self.edges[node.y]
        lanes = self._channels_at_once(y.channels, lambda n: y.length // n)
        plan = JoinPlan(node, self.edges, lanes=lanes)
        self._made(node.y, plan, Join, *self._gathered(node, [lanes] * 2), lanes=lanes, unit=y.channels)

    @_node.register
    def _(self, node: joins.Concat):
        y = self.edges[node.y]
        common = math.gcd(*(self.edges[x].channels for x in node.inputs))
        lanes = [n for n in range(1, common + 1) if common % n == 0 and y.length // n <= self.bound]
        plan = ConcatPlan(node, self.edges, lanes=lanes[0] if lanes else None)
        self._made(node.y, plan, Concat, *self._gathered(node, plan.lanes_in), lanes=plan.lanes, unit=y.channels)
