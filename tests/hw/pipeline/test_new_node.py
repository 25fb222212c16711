# amaranth: UnusedElaboratable=no
"""A node that nobody has heard of: it registers execution, stage, component and machine, and no other file changes."""

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.network.execute import execute, run
from fewbit.golden.network.graph import Edge, Node, accumulator_format
from fewbit.golden.network.registry import execution_of
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.codes import value_of
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.plan import Plan, component_of
from fewbit.hw.stages.registry import stage_of
from fewbit.hw.streams import code_stream
from fewbit.sim.cycles.machines.machine import Machine, machine_for
from fewbit.sim.cycles.model import predict
from tests.support.networks import Builder
from tests.support.stream_bench import STALLS, assert_varied, entry_beats, from_beats, stream


@dataclass(frozen=True, eq=False)
class Absolute(Node):
    """``y = abs(x)``."""

    def out(self, x):
        ends = np.abs(x.lo), np.abs(x.hi)
        lo, hi = np.where((x.lo <= 0) & (x.hi >= 0), 0, np.minimum(*ends)), np.maximum(*ends)
        return Edge(accumulator_format(lo, hi), lo, hi, x.size)


@execution_of(Absolute)
def _(node, x):
    return np.abs(x)


class AbsolutePlan(Plan):
    """The numbers of an `AbsoluteUnit`."""

    def __init__(self, node, edges, *, lanes):
        self.name, self.lanes = node.name, lanes
        self.x_format, self.format = edges[node.x].format, edges[node.y].format


@component_of(AbsolutePlan)
class AbsoluteUnit(wiring.Component):
    """``o = abs(i)``, in a register; a beat a cycle."""

    def __init__(self, plan):
        self.plan = plan
        super().__init__({"i": In(code_stream(plan.x_format.bits, plan.lanes)),
                          "o": Out(code_stream(plan.format.bits, plan.lanes))})  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        full = Signal()
        m.d.comb += [self.i.ready.eq(~full | self.o.ready), self.o.valid.eq(full)]
        with m.If(self.i.ready):
            m.d.sync += full.eq(self.i.valid)
            for k in range(self.plan.lanes):
                x = value_of(self.i.p[k], self.plan.x_format)
                m.d.sync += self.o.p[k].eq(Mux(x < 0, -x, x))
        return m


@stage_of(Absolute)
def _(assembly, node):
    flow = assembly.by_pixel(node.x)
    plan = AbsolutePlan(node, assembly.edges, lanes=flow.lanes)
    assembly.make(node.y, plan, flow, lanes=flow.lanes, unit=assembly.edges[node.y].channels)


@machine_for(AbsolutePlan)
class AbsoluteMachine(Machine):
    changing = ("full",)
    full = False

    def valid(self):
        return self.full

    def ready(self, gives):
        return not self.full or gives

    def move(self, takes, gives):
        self.full = takes or (self.full and not gives)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
def test_it_runs_and_is_timed(stalls):
    b = Builder(Signed(5), 9, seed=3, samples=10)
    b._then(Absolute)
    b.dense(6, Signed(3)).threshold(Unsigned(3))
    b.dense(5, Signed(3))._then(Absolute)
    network = b.done()
    names = [node.name for node in network.nodes if hasattr(node, "weights")]
    pairs = (LayerFolding(2, 3), LayerFolding(5, 2))
    plan = AcceleratorPlan(network, Folding(dict(zip(names, pairs, strict=True))))
    beats = entry_beats(plan, b.samples)
    trace = stream(Accelerator(plan), beats, len(b.samples) * plan.beats_out, stalls=stalls, quiet=plan.bound + 40)
    got = from_beats(trace.payloads, plan.lanes_out, plan.format.bits, len(b.samples))[:, : plan.length_out]
    want = run(network, b.samples).edges[network.outputs[0].edge]
    assert (plan.format.decode(got) == want).all()
    assert_varied(want)
    if stalls == (0, 0):
        assert trace.given[plan.beats_out - 1 :: plan.beats_out] == predict(plan, len(b.samples)).left


def test_what_is_not_registered_is_named():
    with pytest.raises(TypeError, match="int has no golden execution"):
        execute(3, np.zeros((1, 1, 1)))
    with pytest.raises(TypeError, match="int has no hardware stage"):
        stage_of.of(3)
    with pytest.raises(TypeError, match="Plan has no component"):
        Plan().make()
