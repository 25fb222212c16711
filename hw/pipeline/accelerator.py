"""The accelerator: a folded network as a pipeline of stages, joined by streams."""

import re
from collections.abc import Mapping
from copy import copy

import numpy as np
from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.network.graph import Network
from fewbit.host.packing import pack_beats
from fewbit.hw.folding import Folding
from fewbit.hw.memory.mapped import MappedMemory
from fewbit.hw.stages.routing import QueuePlan
from fewbit.hw.streams import code_stream, numbered
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .assembly import Assembly
from .flows import with_depths

__all__ = ["Accelerator", "AcceleratorPlan"]


class AcceleratorPlan:
    """A network and its folding as stages.

    Parameters
    ----------
    network : golden.network.graph.Network
    folding : hw.folding.Folding
        The folding of every layer.
    depths : dict of str to int, or None
        Depths of the queues in front of joins, by name (`sim.cycles.queues` finds them). Without, they are far too deep
        to be built: only good for finding them.
    target : hw.targets.target.Target

    Attributes
    ----------
    stages : list of hw.pipeline.flows.Stage
        Stages, each behind those that it reads.
    layers : dict of str to hw.layer.plan.LayerPlan
        Plans of the layers by name.
    entries : tuple of hw.pipeline.flows.Flow
        The streams of frames, one for each of the network's inputs: format, lanes, beats.
    format, length_out, lanes_out, beats_out
        The format of results, their codes a frame, codes a beat and beats a frame.
    bound : int
        Cycles between frames in steady state: those of the slowest layer, or the beats of the busiest stream.

    Raises
    ------
    ValueError
        If the folding does not fit the network, or the network cannot be made; the message names the node.
    """

    def __init__(
        self, network: Network, folding: Folding, *, depths: Mapping[str, int] | None = None, target: Target = DEFAULT
    ):
        self.network, self.target = network, target
        assembly = Assembly(network, folding, target=target)
        self.edges, self.layers, self.bound = assembly.edges, assembly.layers, assembly.bound
        self.stages = assembly.stages if depths is None else with_depths(assembly.stages, depths)
        self.entries, end = assembly.entries, assembly.exit
        self.format, self.length_out, self.lanes_out, self.beats_out = end.format, end.length, end.lanes, end.beats

    def with_depths(self, depths: Mapping[str, int]) -> "AcceleratorPlan":
        """Return the same plan with queues of other depths, by name; without those whose depth is 0 or not given.

        Queues that this plan does not have cannot come back.
        """
        plan = copy(self)
        plan.stages = with_depths(self.stages, depths)
        return plan

    @property
    def queues(self) -> dict[str, QueuePlan]:
        """The plans of the queues in front of joins, by name."""
        return {stage.name: stage.plan for stage in self.stages if isinstance(stage.plan, QueuePlan)}

    @property
    def ports(self) -> tuple[str, ...]:
        """The accelerator's members for ``entries``."""
        return tuple(numbered("i", len(self.entries)))

    def frames_of(self, values: np.ndarray) -> list[np.ndarray]:
        """Return the beats of a batch of samples at each input, ``uint8 (F, beats, bytes)``, the lowest byte first."""
        inputs = zip(self.network.inputs, self.entries, self.network.apart(values), strict=True)
        return [pack_beats(e.format.encode(i.arranged(x)), e.format.bits, e.lanes) for i, e, x in inputs]

    @property
    def dsps(self) -> int:
        """DSPs that it takes: products, accumulators, and multipliers of activations and of sums of branches."""
        return sum(getattr(stage.plan, "dsps", 0) for stage in self.stages)

    def memories(self) -> dict[str, list[MappedMemory]]:
        """Return every memory of its stages, by the stage's name, as synthesis finds them (`hw.memory.mapped`)."""
        return {
            stage.name: list(stage.plan.memories()) for stage in self.stages if hasattr(stage.plan, "memories")
        }  # fmt: skip

    @property
    def frames_inside(self) -> int:
        """Frames, at most, that have entered in full and not left in full."""
        return 2 + sum(stage.frames for stage in self.stages)


class Accelerator(wiring.Component):
    """The accelerator: codes of frames come in, codes of results leave.

    Members
    -------
    i : ``In(code_stream(entry.format.bits, entry.lanes))``
        The stream of ``plan.entries``; of several, ``i0``, ``i1``, …
    o : ``Out(code_stream(output bits, plan.lanes_out))``
    stalls : ``Out(number of stages)``
        With ``probes``: which stages offer a beat that is not taken in this cycle; at any of its outputs, if a stage
        has several.
    """

    def __init__(self, plan: AcceleratorPlan, *, probes: bool = False):
        self.plan, self._probes = plan, probes
        streams = [In(code_stream(entry.format.bits, entry.lanes)) for entry in plan.entries]
        super().__init__({
            **dict(zip(plan.ports, streams, strict=True)),
            "o": Out(code_stream(plan.format.bits, plan.lanes_out)),
        } | ({"stalls": Out(len(plan.stages))} if probes else {}))  # fmt: skip

    @property
    def inputs(self) -> tuple[wiring.PureInterface, ...]:
        """The streams of frames."""
        return tuple(getattr(self, name) for name in self.plan.ports)

    def elaborate(self, platform):
        m = Module()
        units = []
        for stage in self.plan.stages:
            m.submodules[stage.name] = unit = stage.make()
            for k, (number, port) in enumerate(stage.inputs):
                source = wiring.flipped(self.inputs[port]) if number < 0 else _port(units[number], "o", port)
                wiring.connect(m, source, _port(unit, "i", k))
            units.append(unit)
        wiring.connect(m, units[-1].o, wiring.flipped(self.o))
        if self._probes:
            m.d.comb += self.stalls.eq(Cat(_stalls(unit) for unit in units))
        return m


def _stalls(unit):
    """Return whether a unit offers a beat that is not taken, at any of its streams out."""
    outputs = [getattr(unit, name) for name in unit.signature.members if re.fullmatch(r"o\d*", name)]
    return Cat(o.valid & ~o.ready for o in outputs).any()


def _port(unit, side, k):
    """Return stream ``k`` of a side: units with one have it as ``i`` or ``o``, others as ``i0``, ``i1``, …"""
    return getattr(unit, side if hasattr(unit, side) else f"{side}{k}")
