"""The numbers of an accelerator: a folded network as stages, its streams, memories and bound."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from fewbit.golden.network.graph import Network
from fewbit.host.packing import pack_beats
from fewbit.hw.folding import Folding
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.memory.mapped import MappedMemory
from fewbit.hw.memory.placement import Contents
from fewbit.hw.ports import numbered
from fewbit.hw.stages.routing_plan import QueuePlan
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .assembly import Assembly, with_loadable
from .flows import with_depths

__all__ = ["AcceleratorPlan"]


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
    link : int or None
        Lanes of the stream of frames where another device gives it, whose results they are; it has a mark of damaged
        frames (TUSER) besides. None for frames from a host.

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
    memories : dict of str to hw.memory.placement.Contents
        Loadable memories of all stages, by the stage's name, a point, and their own, in the order in which they are
        loaded.
    bound : int
        Cycles between frames in steady state: those of the slowest layer, or the beats of the busiest stream, or those
        of external weights.
    weight_port : hw.memory.external_plan.WeightPortPlan or None
        The port to memory through which external weights come, if layers have such.
    results : dict of str to hw.pipeline.flows.Flow
        The streams in which stages give their nodes' results, by the stages' names; of each source only the number of
        its stream counts.

    Raises
    ------
    ValueError
        If the folding does not fit the network, or the network cannot be made; the message names the node.
    """

    def __init__(
        self,
        network: Network,
        folding: Folding,
        *,
        depths: Mapping[str, int] | None = None,
        target: Target = DEFAULT,
        link: int | None = None,
    ):
        self.network, self.target, self.link = with_loadable(network, folding), target, link
        assembly = Assembly(self.network, folding, target=target, link=link)
        self.edges, self.layers, self.bound = assembly.edges, assembly.layers, assembly.bound
        self.weight_port, self.results = assembly.weight_port, assembly.streams.results
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

    def of_memory(self, latency: int) -> "AcceleratorPlan":
        """Return the same plan for the cycle model, with another latency of the memory that external weights are in."""
        plan = copy(self)
        assert self.weight_port is not None
        plan.weight_port = port = self.weight_port.of_latency(latency)
        plan.stages = [replace(stage, plan=port) if stage.plan is self.weight_port else stage for stage in self.stages]
        return plan

    @property
    def weight_image(self) -> bytes:
        """What memory outside must hold: the regions of all layers with external weights, where the port reads them."""
        image, port = b"", self.weight_port
        outside = [plan for plan in self.layers.values() if isinstance(plan, ExternalPlan)]
        for plan, offset in zip(outside, () if port is None else port.offsets, strict=True):
            image = image.ljust(offset, b"\0") + plan.region
        return image if port is None else image.ljust(port.size, b"\0")

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return {f"{p.name}.{name}": contents for p in self.loadable for name, contents in p.memories.items()}

    @property
    def loadable(self) -> list[Any]:
        """The plans of the stages that have loadable memories."""
        return [stage.plan for stage in self.stages if getattr(stage.plan, "memories", None)]

    @property
    def ports(self) -> tuple[str, ...]:
        """The accelerator's members for ``entries``."""
        return tuple(numbered("i", len(self.entries)))

    def frames_of(self, values: np.ndarray) -> list[np.ndarray]:
        """Return the beats of a batch of samples at each input, ``uint8 (F, beats, bytes)``, the lowest byte first."""
        inputs = zip(self.network.inputs, self.entries, self.network.apart(values), strict=True)
        return [pack_beats(e.format.encode(i.arranged(x)), e.format.bits, e.lanes) for i, e, x in inputs]

    @property
    def models(self) -> str:
        """Simulators' models of the primitives that it is made of, with which its emitted text ends."""
        return self.target.models(sums=any(layer.sums for layer in self.layers.values()))

    @property
    def dsps(self) -> int:
        """DSPs that it takes: products, accumulators, and multipliers of activations and of sums of branches."""
        return sum(getattr(stage.plan, "dsps", 0) for stage in self.stages)

    def mapped(self) -> dict[str, list[MappedMemory]]:
        """Return every memory of its stages, by the stage's name, as synthesis finds them (`hw.memory.mapped`)."""
        return {
            stage.name: list(stage.plan.mapped()) for stage in self.stages if hasattr(stage.plan, "mapped")
        }  # fmt: skip

    @property
    def frames_inside(self) -> int:
        """Frames, at most, that have entered in full and not left in full."""
        return 2 + sum(stage.frames for stage in self.stages)
