"""Streams while a pipeline is assembled: how codes stand in beats, and the stages that regroup them."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fewbit.golden.network.graph import Edge, Network, Node, Output
from fewbit.golden.numbers.format import Format
from fewbit.hw.gearbox_plan import GearboxPlan
from fewbit.hw.packing import beats
from fewbit.hw.plan import Plan
from fewbit.hw.stages.routing_plan import ForkPlan, QueuePlan

__all__ = ["Flow", "Stage", "Streams", "through", "with_depths"]

_NOWHERE = (-1, -1)  # the source of a stream whose stage is yet to be appended
UNSIZED = 1 << 16  # beats, at least, of a queue whose depth is yet to be found


@dataclass(frozen=True)
class Stage:
    """One component of the pipeline, before it is made.

    Attributes
    ----------
    name : str
    plan : hw.plan.Plan
        The stage's numbers, which make the component; of a class for which the cycle model has a machine.
    inputs : tuple of (int, int)
        For each stream in, the number of a stage (-1 for the accelerator's inputs) and which of its streams out it is.
    beats : int
        Beats of a frame that enter or leave, whichever are fewer.
    """

    name: str
    plan: Any
    inputs: tuple[tuple[int, int], ...]
    beats: int

    @property
    def frames(self) -> int:
        """Frames, at most, that are inside: entered in full and not left in full.

        They are what its memory holds, at either end, and less than three besides.
        """
        return 3 + min(getattr(self.plan, "depth", 0), UNSIZED) // self.beats


@dataclass(frozen=True)
class Flow:
    """A stream: who makes it, and how a frame of ``length`` codes stands in beats of ``lanes``.

    Attributes
    ----------
    source : (int, int)
        Number of the stage that makes it, and which of that stage's streams out it is.
    format : golden format of the codes
    lanes : int
        Codes of a beat.
    unit : int
        Codes that come together: the last beat of them is padded where ``lanes`` does not divide them.
    length : int
        Codes of a frame.
    """

    source: tuple[int, int]
    format: Format
    lanes: int
    unit: int
    length: int

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.length // self.unit * beats(self.unit, self.lanes)

    @property
    def seamless(self) -> bool:
        """Whether no beat is padded."""
        return self.unit % self.lanes == 0


class Streams:
    """Stages made so far, and the streams that are there to be taken.

    Parameters
    ----------
    network : golden.network.graph.Network
    ultra : collection of str
        Names of the stages whose buffers are UltraRAM.

    Attributes
    ----------
    stages : list of Stage
        Stages, each behind those that it reads.
    busiest : int
        Beats a frame of the busiest stream.
    ultra_ram : bool
        Whether queues may be in UltraRAM.
    results : dict of str to Flow
        The streams of edges, by the names of the stages that make them.
    """

    def __init__(self, network: Network, ultra: Collection[str] = (), *, ultra_ram: bool = False):
        self.network, self.busiest, self._ultra, self.ultra_ram = network, 0, ultra, ultra_ram
        self.stages: list[Stage] = []
        self._flows: dict[str, list[Flow]] = {}
        self.results: dict[str, Flow] = {}

    def publish(self, edge: str, flow: Flow) -> None:
        """Make ``flow`` known as the stream of ``edge``, in as many copies as it has readers."""
        self.busiest = max(self.busiest, flow.beats)
        if flow.source[0] >= 0:
            self.results[self.stages[flow.source[0]].name] = flow
        readers = self.network.readers(edge)
        count = sum(node.inputs.count(edge) for node in readers if isinstance(node, Node))
        count += any(isinstance(r, Output) for r in readers)  # outputs that are made of one tensor share a stream
        if count > 1:
            plan = ForkPlan(bits=flow.format.bits, lanes=flow.lanes, count=count)
            number = self.add(f"fork_{edge}", plan, flow)
            self._flows[edge] = [replace(flow, source=(number, k)) for k in range(count)]
        else:
            self._flows[edge] = [flow]

    def take(self, edge: str) -> Flow:
        """Return the next copy of the edge's stream, which nobody else gets."""
        return self._flows[edge].pop(0)

    def rename(self, edge: str, other: str) -> None:
        """Let the stream of the edge ``other`` be the next copy of that of ``edge``."""
        self._flows[other] = [self.take(edge)]

    def add(self, name: str, plan: Plan, *flows: Flow, beats_out: int | None = None) -> int:
        """Append a stage, and return its number.

        Parameters
        ----------
        name : str
        plan : hw.plan.Plan
            The stage's numbers.
        flows : Flow
            The stage's streams in; a source has none.
        beats_out : int or None
            Beats of a frame that leave, where these are not as many as enter.
        """
        if name in self._ultra and hasattr(plan, "ram"):
            plan.ram = "ultra"
        beats_in = flows[0].beats if flows else 1
        fewest = max(1, min(beats_in, beats_out or beats_in))
        self.stages.append(Stage(name, plan, tuple(f.source for f in flows), fewest))
        return len(self.stages) - 1

    def check_ultra(self) -> None:
        """Refuse names that are to have their buffers in UltraRAM and are no stage with buffers.

        Raises
        ------
        ValueError
            If there is one; the message says which stages have some.
        """
        known = [stage.name for stage in self.stages if hasattr(stage.plan, "ram")]
        for name in sorted(set(self._ultra) - set(known)):
            raise ValueError(f"ultra: {name!r} is no stage whose buffers can be UltraRAM; those are {', '.join(known)}")

    def stage(
        self,
        name: str,
        plan: Plan,
        *flows: Flow,
        edge: Edge,
        lanes: int,
        unit: int,
    ) -> Flow:
        """Append a stage as `add` does, and return its stream: values of ``edge`` in beats of ``lanes``."""
        flow = Flow(_NOWHERE, edge.format, lanes, unit, edge.length)
        flow = replace(flow, source=(self.add(name, plan, *flows, beats_out=flow.beats), 0))
        self.busiest = max(self.busiest, flow.beats)
        return flow

    def regrouped(self, flow: Flow, lanes: int, unit: int, *, pad: bool = False) -> Flow:
        """Return the stream in beats of ``lanes``, each ``unit`` codes padded by themselves."""
        seamless = unit % lanes == 0
        if not pad and flow.lanes == lanes and (flow.unit == unit or (flow.seamless and seamless)):
            return replace(flow, unit=unit)
        if flow.unit == unit or (seamless and flow.unit % lanes == 0):
            return self._gearbox(flow, lanes, unit, flow.unit)
        if flow.seamless and unit % flow.lanes == 0:
            return self._gearbox(flow, lanes, unit, unit)
        both = math.gcd(flow.unit, unit)
        middle = next(n for n in range(1, both + 1) if both % n == 0 and (n >= flow.lanes or n == both))
        common = math.lcm(flow.lanes, lanes)
        if middle < min(flow.lanes, lanes) and flow.seamless and seamless and flow.length % common == 0:
            return self._gearbox(flow, lanes, unit, common)  # a vector is several units
        return self.regrouped(self.regrouped(flow, middle, flow.unit), lanes, unit, pad=pad)

    def _gearbox(self, flow: Flow, lanes: int, unit: int, length: int) -> Flow:
        plan = GearboxPlan(a=flow.lanes, b=lanes, length=length, bits=flow.format.bits)
        name = f"gearbox{sum(isinstance(s.plan, GearboxPlan) for s in self.stages)}"
        number = self.add(name, plan, flow)
        flow = replace(flow, source=(number, 0), lanes=lanes, unit=unit)
        self.busiest = max(self.busiest, flow.beats)
        return flow

    def queued(self, node: Node, k: int, flow: Flow) -> Flow:
        """Return the stream behind the queue in front of input ``k`` of a join; `with_depths` gives that its depth."""
        # A branch may wait until the other one has seen a frame and computed for another one or two.
        depth = max(UNSIZED, 4 * flow.beats)
        plan = QueuePlan(bits=flow.format.bits, lanes=flow.lanes, depth=depth, ultra=self.ultra_ram)
        return replace(flow, source=(self.add(f"queue_{node.name}_{k}", plan, flow), 0))


def with_depths(stages: Sequence[Stage], depths: Mapping[str, int]) -> list[Stage]:
    """Return the stages with queues of these depths, by name; without those whose depth is 0 or not given.

    Raises
    ------
    ValueError
        If a depth is below 2 and not 0.
    """
    made: list[Stage] = []
    number = {-1: -1}  # of each stage among those that are made
    instead: dict[tuple[int, int], tuple[int, int]] = {}  # of the stream of a queue that is not
    for k, stage in enumerate(stages):
        inputs = tuple(instead.get((n, port)) or (number[n], port) for n, port in stage.inputs)
        if isinstance(stage.plan, QueuePlan):
            depth = depths.get(stage.name, 0)
            if depth == 0:
                instead[k, 0] = inputs[0]
                continue
            plan = stage.plan.of_depth(depth)
            stage = replace(stage, plan=plan)
        number[k] = len(made)
        made.append(replace(stage, inputs=inputs))
    return made


def through(flow: Flow, unit: int) -> tuple[int, int]:
    """Return lanes and unit of a stream that goes on as it is, as far as it can, in units of ``unit`` codes."""
    if flow.unit == unit or (flow.seamless and unit % flow.lanes == 0):
        return flow.lanes, unit
    most = max(n for n in range(1, unit + 1) if unit % n == 0 and (n <= flow.lanes or n == 1))
    return most, unit
