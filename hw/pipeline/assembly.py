"""From a folded network to stages joined by streams: which units there are, and how wide the streams between them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Network, NetworkInput, Node
from fewbit.golden.network.pointwise import activation_behind
from fewbit.golden.registry import import_all
from fewbit.golden.rewrite.loadable import loadable
from fewbit.hw import stages
from fewbit.hw.folding import Folding
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.memory.external_plan import DEFAULT_BUS, WeightPortPlan
from fewbit.hw.packing import beats, channels_at_once
from fewbit.hw.stages.layer_plan import cycles_of_layer
from fewbit.hw.stages.registry import stage_of
from fewbit.hw.stages.window_plan import columns_first
from fewbit.hw.stages.windows_plan import windows_of
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .abreast import set_abreast
from .flows import Flow, Streams, through

__all__ = ["MOST_INPUT_BITS", "Assembly", "with_loadable"]

MOST_INPUT_BITS = 4096  # bits of one beat: 512 bytes, the widest AXI4-Stream of the Xilinx infrastructure

import_all(stages, "_plan")  # where every node has its stage


def with_loadable(network: Network, folding: Folding) -> Network:
    """Return the network with the numbers of those layers loadable of which a folding says so."""
    names = [name for name, layer in folding.items() if layer.weights == "loadable"]
    return loadable(network, names) if names else network


class Assembly:
    """The stages of a network, put together; parameters are those of `hw.pipeline.accelerator_plan.AcceleratorPlan`.

    Queues are too deep to be built.
    Layers have the width that their folding says; everything else gets the least that does not slow them.

    Attributes
    ----------
    stages : list of hw.pipeline.flows.Stage
    edges : dict of str to golden.network.graph.Edge
        Edges by name.
    windows : dict of str to golden.network.spatial.Windows
        Nodes by the edge that holds their windows.
    streams : hw.pipeline.flows.Streams
    layers : dict of str to hw.layer.plan.LayerPlan
        Plans of the layers by name.
    bound : int
        Cycles between frames in steady state.
    weight_port : hw.memory.external_plan.WeightPortPlan or None
        The port through which external weights come, and ``weights`` the stream of those of each such layer, by name.
    entries : tuple of hw.pipeline.flows.Flow
        Streams of frames, one for each of the network's inputs.
    exit : hw.pipeline.flows.Flow
        Stream of results.
    ultra_ram : bool
        Whether large buffers may be in UltraRAM.

    Raises
    ------
    ValueError
        If the folding does not fit the network, a result is not read, or the outputs are not of one tensor.
    """

    def __init__(self, network: Network, folding: Folding, *, target: Target = DEFAULT, link: int | None = None):
        network = with_loadable(network, folding)
        before, edges = network, network.edges()
        self.network = network = set_abreast(before, folding, edges)
        self.edges, self.target = edges if network is before else network.edges(), target
        self.layers: dict[str, LayerPlan] = {}
        self._absorbed: set[str] = set()
        self.windows = windows_of(network)
        self._plan_layers(folding)
        cycles = [cycles_of_layer(self.edges, self.windows, plan) for plan in self.layers.values()]
        self.bound = max(cycles, default=max(given.length for given in network.inputs))
        self.ultra_ram = folding.ultra_ram
        self.streams = Streams(network, folding.ultra, ultra_ram=self.ultra_ram)
        self.stages = self.streams.stages
        self._link = link
        self.weight_port, self.weights = self._weights_outside()
        self.entries = tuple(self._entry(number, given) for number, given in enumerate(network.inputs))
        for given, entry in zip(network.inputs, self.entries, strict=True):
            self.streams.publish(given.edge, entry)
        for node in network.nodes:
            if node.name not in self._absorbed:
                stage_of.of(node)(self, node)
        self.exit = self._exit()
        self.bound = max(self.bound, self.streams.busiest)
        self.streams.check_ultra()

    # Layers

    def _plan_layers(self, folding: Folding) -> None:
        """Plan every layer, with the activation behind it where that is its only reader."""
        for node in self.network.nodes:
            if not self.network.readers(node.y):
                raise ValueError(f"{node.name}: nothing reads what it gives")
        for node in self.network.nodes:
            if not isinstance(node, Dense | FloatDense):
                continue
            if node.name not in folding:
                raise ValueError(f"Folding must name layer {node.name!r}")
            act = activation_behind(self.network, node)
            folded, window = folding[node.name], self.windows.get(node.x)
            order = None if window is None else columns_first(window, self.edges[window.x], folded.simd)
            kind: Callable[..., LayerPlan] = LayerPlan
            if folded.weights == "external":
                kind = partial(
                    ExternalPlan, bus=DEFAULT_BUS if folding.bus is None else folding.bus, ultra=folding.ultra_ram
                )
            self.layers[node.name] = kind(node, act, self.edges, folded, order=order, target=self.target)
            if act is not None:
                self._absorbed.add(act.name)

    def _weights_outside(self) -> tuple[WeightPortPlan | None, dict[str, Flow]]:
        """Make the source of weights from memory outside, if layers need it; return its plan, and by layer the stream
        of its weights."""
        outside = [plan for plan in self.layers.values() if isinstance(plan, ExternalPlan)]
        if not outside:
            return None, {}
        port = WeightPortPlan([plan.channel for plan in outside])
        self.bound = max(self.bound, sum(plan.beats_frame for plan in outside))
        number = self.streams.add(port.name, port)
        flows = {}
        for k, plan in enumerate(outside):
            lanes = plan.pe * plan.simd
            flows[plan.name] = Flow((number, k), plan.dense.weight_format, lanes, lanes, lanes * plan.cycles)
        return port, flows

    # Both ends

    def _entry(self, number: int, given: NetworkInput) -> Flow:
        """Return the stream of an input's frames, of the fewest lanes whose beats are not the bottleneck.

        Where up to twice as many lanes suit the first layer behind it better, it has those. A link has the lanes of
        the device in front of it.
        """
        source, fmt, edge = (-1, number), given.format, self.edges[given.edge]
        if self._link is not None:
            return Flow(source, fmt, self._link, edge.length, edge.length)
        widest = max(1, MOST_INPUT_BITS // fmt.bits)
        fits = [n for n in range(1, min(edge.length, widest) + 1) if beats(edge.length, n) <= self.bound]
        if not fits:
            return Flow(source, fmt, min(edge.length, widest), edge.length, edge.length)
        simd = next((min(p.lanes_in, edge.channels) for p in self._layers_behind(given.edge)), 1)
        easy = [n for n in fits if (n % simd == 0 or simd % n == 0) and n <= 2 * fits[0]]
        return Flow(source, fmt, min(easy or fits), edge.length, edge.length)

    def _layers_behind(self, edge: str) -> Iterator[LayerPlan]:
        """Yield the plans of the layers that depend on an edge, in order of execution."""
        reached = {edge}
        for node in self.network.nodes:
            if not reached.isdisjoint(node.inputs):
                reached.add(node.y)
                if node.name in self.layers:
                    yield self.layers[node.name]

    def _exit(self) -> Flow:
        """Return the stream of results, in which only the last beat of a frame is padded."""
        ends = {output.edge for output in self.network.outputs}
        if len(ends) != 1:
            raise ValueError(f"The hardware gives one output tensor, this model has {len(ends)}")
        if not self.stages:
            raise ValueError("The model must have at least one layer")
        flow = self.streams.take(ends.pop())
        return flow if flow.seamless else self.streams.regrouped(flow, flow.lanes, flow.length, pad=True)

    # What stages ask for (`hw.stages.registry`)

    def channels_at_once(self, channels: int, beats_of: Callable[[int], int]) -> int:
        """Return the fewest channels at a time, a divisor of all, whose beats a frame, ``beats_of(n)``, are not the
        bottleneck; all channels if there are none.
        """
        return channels_at_once(channels, beats_of, self.bound)

    def by_pixel(self, edge: str) -> Flow:
        """Return the stream of ``edge`` in whole pixels."""
        flow = self.streams.take(edge)
        return self.streams.regrouped(flow, *through(flow, self.edges[edge].channels))

    def make(self, edge: str, plan: Any, *flows: Flow, lanes: int, unit: int) -> None:
        """Append the stage of a `hw.plan.Plan` that has a name, and publish its stream out as that of ``edge``."""
        flow = self.streams.stage(plan.name, plan, *flows, edge=self.edges[edge], lanes=lanes, unit=unit)
        self.streams.publish(edge, flow)

    def gathered(self, node: Node, lanes: Sequence[int]) -> Iterator[Flow]:
        """Yield the streams of a join's inputs, each behind its queue, input k by pixel in beats of ``lanes[k]``."""
        for k, (edge, n) in enumerate(zip(node.inputs, lanes, strict=True)):
            flow = self.streams.regrouped(self.streams.take(edge), n, self.edges[edge].channels)
            yield self.streams.queued(node, k, flow)
