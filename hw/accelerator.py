"""The accelerator: a folded network as one pipeline of stages, joined by streams."""

from dataclasses import dataclass

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden import network as net

from .argmax import ArgMax, ArgMaxPlan
from .gearbox import Gearbox, GearboxPlan
from .layerplan import LayerPlan
from .mvu import MatrixVectorUnit
from .pointwise import Pointwise, PointwisePlan
from .streams import beats, code_stream

__all__ = ["Accelerator", "AcceleratorPlan", "Stage"]

MOST_INPUT_BITS = 4096  # of one beat: 512 bytes, the widest AXI4-Stream of the Xilinx infrastructure


@dataclass(frozen=True)
class Stage:
    """One component of the pipeline: its name, its plan (the numbers), and how it is made."""

    name: str
    plan: object
    make: object


class AcceleratorPlan:
    """A network and its folding as a list of stages.

    Parameters
    ----------
    network : golden.network.Network
    folding : dict
        ``(pe, simd)`` by dense node.
    dsp : bool
        Whether float32 products may use DSP blocks.

    Attributes
    ----------
    stages : list of `Stage`
    lanes_in, beats_in, lanes_out, beats_out : int
        Codes a beat and beats a frame at either end.
    bound : int
        Cycles between frames in steady state: the largest of the layers' cycles and the beats of input and output.
    """

    def __init__(self, network, folding, *, dsp=True):
        self.network, self.dsp = network, dsp
        self.edges = edges = network.edges()
        self.x_format, self.length = network.input_format, edges["input"].length
        _check_chain(network)
        self.layers = self._layers(folding)
        self.bound = max(layer.cycles for layer in self.layers.values()) if self.layers else self.length
        self.lanes_in = self._lanes_in()
        self.beats_in = beats(self.length, self.lanes_in)
        self.stages = []
        self._assemble()
        last = self.stages[-1].plan
        self.format, self.lanes_out, self.beats_out = last.format, last.lanes, last.beats_out
        self.length_out = edges[network.nodes[-1].y].length
        if self.length_out % self.lanes_out:
            self._gearbox(self.format, self.lanes_out, self.lanes_out, self.length_out)
        self.bound = max(self.bound, self.beats_in, self.beats_out)

    def _layers(self, folding):
        nodes, layers = self.network.nodes, {}
        for i, node in enumerate(nodes):
            if not isinstance(node, net.Dense | net.FloatDense):
                continue
            if node.name not in folding:
                raise ValueError(f"Folding must name layer {node.name!r}")
            after = nodes[i + 1] if i + 1 < len(nodes) else None
            act = after if isinstance(after, net.Threshold | net.Rescale | net.Score) else None
            pe, simd = folding[node.name]
            layers[node.name] = LayerPlan(node, act, self.edges, pe=pe, simd=simd, dsp=self.dsp)
        return layers

    def _lanes_in(self):
        """The fewest lanes whose beats are not the bottleneck, preferably those that the first layer takes."""
        widest = max(1, MOST_INPUT_BITS // self.x_format.bits)
        fits = [n for n in range(1, min(self.length, widest) + 1) if beats(self.length, n) <= self.bound]
        if not fits:
            return min(self.length, widest)
        simd = next((layer.simd for layer in self.layers.values()), 1)
        easy = [n for n in fits if (n % simd == 0 or simd % n == 0) and n <= 2 * fits[0]]
        return min(easy or fits)

    def _assemble(self):
        fmt, lanes = self.x_format, self.lanes_in
        absorbed = {layer.act.name for layer in self.layers.values() if layer.act is not None}
        for node in self.network.nodes:
            if node.name in absorbed:
                continue
            if isinstance(node, net.Dense | net.FloatDense):
                plan = self.layers[node.name]
                self._gearbox(fmt, lanes, plan.simd, plan.inputs)
                self._stage(plan, MatrixVectorUnit)
            elif isinstance(node, net.ArgMax):
                self._stage(ArgMaxPlan(node, self.edges, lanes=lanes), ArgMax)
            else:
                self._stage(PointwisePlan(node, self.edges, lanes=lanes), Pointwise)
            last = self.stages[-1].plan
            fmt, lanes = last.format, last.lanes

    def _stage(self, plan, kind):
        self.stages.append(Stage(plan.name, plan, lambda: kind(plan)))

    def _gearbox(self, fmt, a, b, length):
        if a == b and length % a == 0:
            return
        plan = GearboxPlan(a=a, b=b, length=length)
        name = f"gearbox{sum(isinstance(s.plan, GearboxPlan) for s in self.stages)}"
        self.stages.append(Stage(name, plan, lambda: Gearbox(bits=fmt.bits, a=a, b=b, length=length)))

    @property
    def frames_inside(self):
        """At most so many frames have entered in full and not left in full."""
        count = 2
        for stage in self.stages:
            plan = stage.plan
            if isinstance(plan, GearboxPlan):
                count += 1 + plan.capacity // plan.b // plan.beats_out
            elif isinstance(plan, ArgMaxPlan):
                count += 1
            else:
                count += 3 + plan.depth // plan.beats_out
        return count


class Accelerator(wiring.Component):
    """Codes of frames in, codes of results out.

    Members
    -------
    i : ``In(code_stream(input bits, plan.lanes_in))``
    o : ``Out(code_stream(output bits, plan.lanes_out))``
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "i": In(code_stream(plan.x_format.bits, plan.lanes_in)),
            "o": Out(code_stream(plan.format.bits, plan.lanes_out)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        before = wiring.flipped(self.i)
        for stage in self.plan.stages:
            m.submodules[stage.name] = unit = stage.make()
            wiring.connect(m, before, unit.i)
            before = unit.o
        wiring.connect(m, before, wiring.flipped(self.o))
        return m


def _check_chain(network):
    ends = {output.edge for output in network.outputs}  # several outputs may be made of one tensor, as TopK's are
    if len(ends) != 1:
        raise ValueError(f"The hardware gives one output tensor, this model has {len(ends)}")
    at = "input"
    for node in network.nodes:
        if node.x != at:
            raise ValueError(f"{node.name}: layers must form one chain, but {node.x!r} is not what the last one gives")
        at = node.y
    if network.outputs[0].edge != at or not network.nodes:
        raise ValueError("The model's output must be what its last layer gives")
