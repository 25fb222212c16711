"""From a folded network to stages joined by streams: which units there are, and how wide the streams between them."""

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.registry import import_all
from fewbit.hw import stages
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.packing import beats
from fewbit.hw.stages.layer import cycles_of_layer
from fewbit.hw.stages.registry import stage_of
from fewbit.hw.stages.window_plan import columns_first
from fewbit.hw.stages.windows import windows_of
from fewbit.hw.targets.named import DEFAULT

from .abreast import set_abreast
from .flows import Flow, Streams, through

__all__ = ["MOST_INPUT_BITS", "Assembly"]

MOST_INPUT_BITS = 4096  # of one beat: 512 bytes, the widest AXI4-Stream of the Xilinx infrastructure

import_all(stages)  # where every node has its hardware


class Assembly:
    """Stages of a network; parameters as `hw.pipeline.accelerator.AcceleratorPlan`.

    Layers have the width that their folding says; everything else gets the least that does not slow them.

    Attributes
    ----------
    stages : list of `hw.pipeline.flows.Stage`
    edges : dict of `golden.network.graph.Edge`
    windows : dict of `golden.network.spatial.Windows`, by the edge that holds windows
    streams : `hw.pipeline.flows.Streams`
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
        self.windows = windows_of(network)
        self._plan_layers(folding)
        cycles = [cycles_of_layer(self.edges, self.windows, plan) for plan in self.layers.values()]
        self.bound = max(cycles, default=self.edges["input"].length)
        self.streams = Streams(network, depths)
        self.stages = self.streams.stages
        self.entry = self._entry()
        self.streams.publish("input", self.entry)
        for node in network.nodes:
            if node.name not in self._absorbed:
                stage_of.of(node)(self, node)
        self.exit = self._exit()
        self.bound = max(self.bound, self.streams.busiest)

    # Layers

    def _plan_layers(self, folding):
        for node in self.network.nodes:
            if not self.network.readers(node.y):
                raise ValueError(f"{node.name}: nothing reads what it gives")
        for node in self.network.nodes:
            if not isinstance(node, Dense | FloatDense):
                continue
            if node.name not in folding:
                raise ValueError(f"Folding must name layer {node.name!r}")
            readers = self.network.readers(node.y)
            act = readers[0] if len(readers) == 1 else None
            act = act if isinstance(act, Threshold | Rescale | Score) else None
            folded, window = folding[node.name], self.windows.get(node.x)
            order = None if window is None else columns_first(window, self.edges[window.x], folded.simd)
            self.layers[node.name] = LayerPlan(node, act, self.edges, folded, order=order, target=self.target)
            if act is not None:
                self._absorbed.add(act.name)

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

    # What stages ask for (`hw.stages.registry`)

    def channels_at_once(self, channels, beats_of):
        """The fewest channels, a divisor of them all, of which no beats are the bottleneck."""
        divisors = [n for n in range(1, channels + 1) if channels % n == 0]
        return next((n for n in divisors if beats_of(n) <= self.bound), channels)

    def by_pixel(self, edge):
        """The edge's stream in whole pixels."""
        flow = self.streams.take(edge)
        return self.streams.regrouped(flow, *through(flow, self.edges[edge].channels))

    def make(self, edge, plan, kind, *flows, lanes, unit):
        """Append the stage of a plan, whose component is ``kind``, and publish its stream out as that of ``edge``."""
        flow = self.streams.stage(plan.name, plan, kind, *flows, edge=self.edges[edge], lanes=lanes, unit=unit)
        self.streams.publish(edge, flow)

    def gathered(self, node, lanes):
        """The streams of a join's inputs, each behind its queue, by pixel in beats of ``lanes`` (one number each)."""
        for k, (edge, n) in enumerate(zip(node.inputs, lanes, strict=True)):
            flow = self.streams.regrouped(self.streams.take(edge), n, self.edges[edge].channels)
            yield self.streams.queued(node, k, flow)
