# amaranth: UnusedElaboratable=no
"""Streams while a pipeline is assembled: regrouped codes stay themselves, in whatever beats, and copies are counted."""

import numpy as np
import pytest
from amaranth.hdl import Fragment, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.numbers.formats import Unsigned
from fewbit.hw.gearbox_plan import GearboxPlan
from fewbit.hw.pipeline.flows import UNSIZED, Flow, Streams, through, with_depths
from fewbit.hw.stages.routing import Queue
from fewbit.hw.stages.routing_plan import ForkPlan, QueuePlan
from fewbit.hw.streams import code_stream
from tests.support.networks import Builder
from tests.support.stream_bench import STALLS, Bench, assert_varied, stream

FORMAT, FRAMES = Unsigned(3), 4
INPUT = (-1, 0)
# length, then lanes and unit on either side: alike, divided, padded on one side or both, by way of smaller units.
REGROUPED = [
    (24, (4, 24), (4, 24)), (24, (4, 8), (2, 8)), (24, (2, 8), (8, 8)), (24, (3, 8), (3, 8)), (24, (3, 8), (2, 8)),
    (24, (4, 8), (4, 4)), (24, (8, 24), (3, 6)), (24, (3, 6), (8, 24)), (30, (4, 10), (3, 15)), (30, (3, 15), (4, 10)),
    (24, (5, 12), (7, 8)), (12, (1, 1), (12, 12)), (12, (12, 12), (1, 1)), (36, (4, 12), (9, 18)), (36, (6, 6), (4, 4)),
]  # fmt: skip


def in_beats(codes, lanes, unit):
    """Payloads of ``codes`` (frames, length): each group of ``unit`` is padded to whole beats."""
    groups = codes.reshape(-1, unit)
    groups = np.pad(groups, ((0, 0), (0, -unit % lanes)))
    weights = np.array([1 << FORMAT.bits * k for k in range(lanes)], dtype=object)
    return (groups.reshape(-1, lanes).astype(object) * weights).sum(axis=1).tolist()


class Chain(wiring.Component):
    """Stages of one stream in and out, one behind the other."""

    def __init__(self, stages, lanes_in, lanes_out):
        self._stages = stages
        super().__init__({
            "i": In(code_stream(FORMAT.bits, lanes_in)), "o": Out(code_stream(FORMAT.bits, lanes_out))
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        source = wiring.flipped(self.i)
        for stage in self._stages:
            m.submodules[stage.name] = unit = stage.plan.make()
            wiring.connect(m, source, unit.i)
            source = unit.o
        wiring.connect(m, source, wiring.flipped(self.o))
        return m


@pytest.mark.parametrize("length, before, after", REGROUPED, ids=str)
def test_regrouped_codes_are_the_same(length, before, after):
    streams, flow = Streams(None), Flow(INPUT, FORMAT, *before, length)
    found = streams.regrouped(flow, *after)
    assert (found.lanes, found.unit, found.length) == (*after, length)
    assert streams.busiest <= max(flow.beats, found.beats, length)
    assert [stage.inputs for stage in streams.stages] == [
        (INPUT if n == 0 else (n - 1, 0),) for n in range(len(streams.stages))
    ]
    assert found.source == ((len(streams.stages) - 1, 0) if streams.stages else INPUT)
    codes = np.random.default_rng([length, *after]).integers(0, FORMAT.hi + 1, (FRAMES, length))
    assert_varied(codes)
    sent, want = (in_beats(codes, *side) for side in (before, after))
    assert (len(sent), len(want)) == (FRAMES * flow.beats, FRAMES * found.beats)
    if not streams.stages:
        assert sent == want
        return
    bench = Bench(Chain(streams.stages, before[0], after[0]))
    for name in "full rate", "both":
        assert stream(bench, sent, len(want), stalls=STALLS[name]).payloads == want, name


@pytest.mark.parametrize("length, before, after", REGROUPED, ids=str)
def test_gearboxes_are_few(length, before, after):
    """None where beats are the same, one where groups of either side can be those of a gearbox, at most two else."""
    streams = Streams(None)
    streams.regrouped(Flow(INPUT, FORMAT, *before, length), *after)
    assert all(isinstance(stage.plan, GearboxPlan) for stage in streams.stages)
    seamless = before[1] % before[0] == 0 == after[1] % after[0]
    assert len(streams.stages) <= 2
    assert not streams.stages or before != after
    assert bool(streams.stages) == (before[0] != after[0] or (before[1] != after[1] and not seamless))


def test_padding_can_be_asked_for():
    """A gearbox of as many lanes on both sides, which zeros what is behind each group."""
    streams, flow = Streams(None), Flow(INPUT, FORMAT, 4, 6, 12)
    assert streams.regrouped(flow, 4, 6) == flow
    streams.regrouped(flow, 4, 6, pad=True)
    (stage,) = streams.stages
    assert stage.plan.wires and stage.plan.length == 6


@pytest.mark.parametrize("lanes, unit, wanted, found", [
    (3, 8, 8, (3, 8)), (4, 8, 16, (4, 16)), (4, 8, 4, (4, 4)), (4, 8, 6, (3, 6)), (3, 8, 4, (2, 4)), (5, 7, 3, (3, 3)),
    (6, 9, 8, (4, 8)),
])  # fmt: skip
def test_a_stream_goes_on_as_far_as_it_can(lanes, unit, wanted, found):
    assert through(Flow(INPUT, FORMAT, lanes, unit, 48), wanted) == found


def test_beats_of_a_frame():
    assert Flow(INPUT, FORMAT, 3, 8, 24).beats == 9 and not Flow(INPUT, FORMAT, 3, 8, 24).seamless
    assert Flow(INPUT, FORMAT, 4, 8, 24).beats == 6 and Flow(INPUT, FORMAT, 4, 8, 24).seamless


def test_an_edge_has_a_copy_for_every_reader():
    network = Builder(FORMAT, 6).dense(4, FORMAT).done()
    streams, flow = Streams(network), Flow(INPUT, FORMAT, 2, 6, 6)
    streams.publish("input", flow)
    assert streams.take("input") == flow and not streams.stages and streams.busiest == 3
    network.nodes.append(network.nodes[0].reading("input", "input"))
    streams.publish("input", flow)
    (fork,) = streams.stages
    assert isinstance(fork.plan, ForkPlan) and fork.plan.count == 2 and fork.name == "fork_input"
    assert [streams.take("input").source for _ in range(2)] == [(0, 0), (0, 1)]


@pytest.mark.parametrize("depths, depth", [(None, UNSIZED), ({"queue_sum_1": 9}, 9), ({"queue_sum_1": 0}, None)])
def test_queues_are_as_deep_as_they_are_planned(depths, depth):
    node = type("Node", (), {"name": "sum"})
    streams, flow = Streams(None), Flow(INPUT, FORMAT, 2, 6, 6)
    found = streams.regrouped(streams.queued(node, 1, streams.queued(node, 0, flow)), 3, 6)
    assert found.source == (2, 0)
    stages = streams.stages if depths is None else with_depths(streams.stages, depths | {"queue_sum_0": 5})
    assert [stage.inputs for stage in stages] == [((-1, 0),), ((0, 0),), ((1, 0),)][: len(stages)]
    assert stages[-1].name == "gearbox0" and stages[0].plan.depth == (UNSIZED if depths is None else 5)
    if depth is None:
        assert len(stages) == 2
        return
    queue = stages[1]
    assert isinstance(queue.plan, QueuePlan) and queue.plan.depth == depth and queue.name == "queue_sum_1"
    assert queue.frames == 3 + depth // flow.beats
    unit = queue.plan.make()
    assert isinstance(unit, Queue) and unit.plan is queue.plan
    Fragment.get(unit, None)  # what is never made into a design is warned of
