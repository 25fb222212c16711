"""Windows that no layer or pool reads: padding by itself has a stage, and every frame leaves."""

import numpy as np
import pytest

from fewbit.flow.folding.folding import default_folding
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.spatial import Windows
from fewbit.hw.pipeline.accelerator import AcceleratorPlan
from fewbit.hw.stages.sliding_window import SlidingPlan
from fewbit.sim.cycles.frames import run_frames
from fewbit.sim.cycles.queues import size_queues
from tests.support.graphs import Graph

RNG = np.random.default_rng(2)


def convolved(g, t, channels, kernel=3):
    w = g.quant(g.const(RNG.normal(0, 1, (4, channels, kernel, kernel))), 0.25)
    return g.quant(g.op("Conv", t, w), 2.0)


def padded(g, t, value=0.0):
    return g.op("Pad", t, g.const([0, 0, 1, 2, 0, 0, 2, 1], np.int64), float(value))


def flattened(g, t):
    return g.op("MatMul", g.op("Flatten", t), g.quant(g.const(RNG.normal(0, 1, (4 * 49, 3))), 0.5))


READ_BY = {
    "a quantizer": lambda g, t: convolved(g, g.quant(padded(g, t), 3.0, 1.0, 2), 4),
    "two layers": lambda g, t: g.op("Add", *(convolved(g, p, 4, 1) for p in [padded(g, t)] * 2)),
    "a sum": lambda g, t: g.op("Add", *[padded(g, t)] * 2),
    "zeros of another value": lambda g, t: convolved(g, padded(g, padded(g, t, 2.0), -2.0), 4),
    "a vector": lambda g, t: flattened(g, padded(g, t)),
    "an output": padded,
}


@pytest.mark.parametrize("what", READ_BY)
def test_all_frames_leave(what, scratch):
    g = Graph(["N", 2, 6, 6])
    network = import_model(g.end(READ_BY[what](g, convolved(g, g.quant("input", 0.25), 2))).save(scratch / "m.onnx"))
    plan = AcceleratorPlan(network, default_folding(network))
    alone = [n for n in network.nodes if isinstance(n, Windows) and n.window.kernel == (1, 1)]
    assert alone and all(isinstance(s.plan, SlidingPlan) for s in plan.stages if s.name in {n.name for n in alone})
    found = run_frames(plan.with_depths(size_queues(plan)), 40)
    assert len(found.timing.left) == 40 and found.repetition
