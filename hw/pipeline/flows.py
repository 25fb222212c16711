"""Streams while a pipeline is assembled: how codes stand in beats, and the stages that regroup them."""

import math
from dataclasses import dataclass, replace
from functools import partial

from fewbit.golden.network.graph import Node, Output
from fewbit.hw.gearbox import Gearbox, GearboxPlan
from fewbit.hw.packing import beats
from fewbit.hw.stages.routing import Fork, ForkPlan, Queue, QueuePlan

__all__ = ["Flow", "Stage", "Streams", "through"]

UNSIZED = 1 << 16  # beats of a queue whose depth is yet to be found


@dataclass(frozen=True)
class Stage:
    """One component of the pipeline: its name, its plan (the numbers), how it is made, and where its inputs come from.

    ``inputs`` holds, for each stream in, the number of a stage (-1 for the accelerator's input) and which of its
    streams out. At most ``frames`` frames are inside: entered in full and not left in full.
    """

    name: str
    plan: object
    make: object
    inputs: tuple
    frames: int


@dataclass(frozen=True)
class Flow:
    """A stream: who makes it, and how a frame of ``length`` codes stands in beats of ``lanes``.

    Codes come in groups of ``unit``; the last beat of each is padded where ``lanes`` does not divide it.
    """

    source: tuple
    format: object
    lanes: int
    unit: int
    length: int

    @property
    def beats(self):
        return self.length // self.unit * beats(self.unit, self.lanes)

    @property
    def seamless(self):
        return self.unit % self.lanes == 0


class Streams:
    """Stages made so far, and the streams that are there to be taken.

    Attributes
    ----------
    stages : list of `Stage`, each behind those that it reads
    busiest : int
        Beats a frame of the busiest stream.
    """

    def __init__(self, network, depths):
        self.network, self.depths, self.stages, self.busiest, self._flows = network, depths, [], 0, {}

    def publish(self, edge, flow):
        """Make ``flow`` known as the stream of ``edge``, in as many copies as it has readers."""
        self.busiest = max(self.busiest, flow.beats)
        readers = self.network.readers(edge)
        count = sum(node.inputs.count(edge) for node in readers if isinstance(node, Node))
        count += any(isinstance(r, Output) for r in readers)  # outputs that are made of one tensor share a stream
        if count > 1:
            plan = ForkPlan(bits=flow.format.bits, lanes=flow.lanes, count=count)
            number = self.add(f"fork_{edge}", plan, Fork, flow)
            self._flows[edge] = [replace(flow, source=(number, k)) for k in range(count)]
        else:
            self._flows[edge] = [flow]

    def take(self, edge):
        """The next copy of the edge's stream."""
        return self._flows[edge].pop(0)

    def rename(self, edge, other):
        """A copy of the edge's stream is the one of ``other``."""
        self._flows[other] = [self.take(edge)]

    def add(self, name, plan, kind, *flows, beats_out=None):
        """Append a stage; returns its number. ``beats_out`` is of a frame, where that is not as many as enter."""
        # What a stage holds of frames is what its memory holds, at either end, and less than three besides.
        fewest = max(1, min(flows[0].beats, beats_out or flows[0].beats))
        held = min(getattr(plan, "depth", 0), UNSIZED) // fewest
        self.stages.append(Stage(name, plan, lambda: kind(plan), tuple(f.source for f in flows), 3 + held))
        return len(self.stages) - 1

    def stage(self, name, plan, kind, *flows, edge, lanes, unit):
        """Append a stage; returns its stream, which has the values of ``edge``."""
        flow = Flow((), edge.format, lanes, unit, edge.length)
        flow = replace(flow, source=(self.add(name, plan, kind, *flows, beats_out=flow.beats), 0))
        self.busiest = max(self.busiest, flow.beats)
        return flow

    def regrouped(self, flow, lanes, unit, *, pad=False):
        """The stream in beats of ``lanes``, each ``unit`` codes padded by themselves."""
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
            return self._gearbox(flow, lanes, unit, common)  # of several units at a time
        return self.regrouped(self.regrouped(flow, middle, flow.unit), lanes, unit, pad=pad)

    def _gearbox(self, flow, lanes, unit, length):
        plan = GearboxPlan(a=flow.lanes, b=lanes, length=length)
        name = f"gearbox{sum(isinstance(s.plan, GearboxPlan) for s in self.stages)}"
        number = self.add(name, plan, partial(_gearbox, flow.format.bits), flow)
        flow = replace(flow, source=(number, 0), lanes=lanes, unit=unit)
        self.busiest = max(self.busiest, flow.beats)
        return flow

    def queued(self, node, k, flow):
        """The stream behind the queue in front of input ``k`` of a join."""
        name = f"queue_{node.name}_{k}"
        depth = UNSIZED if self.depths is None else self.depths.get(name, 0)
        if depth == 0:
            return flow
        plan = QueuePlan(bits=flow.format.bits, lanes=flow.lanes, depth=depth)
        return replace(flow, source=(self.add(name, plan, Queue, flow), 0))


def _gearbox(bits, plan):
    return Gearbox(bits=bits, a=plan.a, b=plan.b, length=plan.length)


def through(flow, unit):
    """Lanes and unit of a stream that goes on as it is, as far as it can, in units of ``unit`` codes."""
    if flow.unit == unit or (flow.seamless and unit % flow.lanes == 0):
        return flow.lanes, unit
    most = max(n for n in range(1, unit + 1) if unit % n == 0 and (n <= flow.lanes or n == 1))
    return most, unit
