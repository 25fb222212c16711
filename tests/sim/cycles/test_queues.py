"""Depths of queues: with them the interval is the bound's and no first result comes later, whatever the network."""

import numpy as np
import pytest

from fewbit.flow.folding.folding import fold, least_cycles
from fewbit.golden.numbers.formats import Signed, Ternary, Unsigned
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles import frames
from fewbit.sim.cycles.frames import run_frames
from fewbit.sim.cycles.queues import size_queues
from fewbit.sim.cycles.run import Run
from fewbit.sim.cycles.timing import Standstill
from tests.support.image_networks import ImageBuilder, legal_folding, random_gated_network, random_image_network

ENDLESS = 1 << 40


def residual_network(size=12, width=4):
    """Nine convolutions in three stages with shortcuts, as a small ResNet of CIFAR-10 has them."""
    same = dict(kernel=(3, 3), pads=(1, 1, 1, 1))
    b = ImageBuilder(Unsigned(8), (size, size), 3, seed=5, samples=2)
    x = b.conv("input", width, Signed(3), Unsigned(2), **same)
    for stage in range(3):
        neurons, stride = width << stage, (1 + (stage > 0),) * 2
        y = b.conv(x, neurons, Ternary(), Unsigned(2), stride=stride, **same)
        y = b.conv(y, neurons, Ternary(), Signed(4), **same)
        if stage:
            x = b.conv(x, neurons, Ternary(), Signed(4), kernel=(1, 1), stride=stride)
        x = b.threshold(b.add(y, x), Unsigned(2))
    return b.done(b.dense(b.average(x, Unsigned(4)), 10, Signed(3)))


def endless(plan):
    return plan.with_depths(dict.fromkeys(plan.queues, ENDLESS))


def interval_of(plan):
    found = run_frames(plan, 4000).repetition
    return found.cycles / found.frames


def check(plan):
    """Assert that sized queues cost no time, and return their depths."""
    depths = size_queues(plan)
    assert depths.keys() == plan.queues.keys()
    sized = plan.with_depths(depths)
    assert interval_of(sized) == plan.bound
    assert run_frames(sized, 1).timing.left <= run_frames(endless(plan), 1).timing.left
    return depths


@pytest.mark.parametrize("draw", [random_image_network, random_gated_network])
def test_random_networks_reach_the_bound(draw):
    found = set()
    for seed in range(40):
        rng = np.random.default_rng([14, seed])
        network, _ = draw(rng)
        plan = AcceleratorPlan(network, legal_folding(rng, network))
        if plan.queues:
            found |= {min(depth, 5) for depth in check(plan).values()}
    assert {0, 5} <= found


@pytest.mark.parametrize("factor", [1, 6])
def test_a_residual_network(factor):
    network = residual_network()
    plan = AcceleratorPlan(network, fold(network, factor * least_cycles(network)))
    depths = check(plan)
    sized, deepest = plan.with_depths(depths), max(depths, key=depths.__getitem__)
    short = plan.with_depths(depths | {deepest: depths[deepest] // 2})  # not vacuous: half as much costs cycles
    assert interval_of(short) > plan.bound or run_frames(short, 1).timing.left > run_frames(sized, 1).timing.left
    assert Run(sized, 12).outcome().timing == run_frames(sized, 12).timing


def test_python_finds_the_same(monkeypatch):
    rng = np.random.default_rng([14, 3])
    network, _ = random_gated_network(rng)
    plan = AcceleratorPlan(network, legal_folding(rng, network))
    want = size_queues(plan)
    assert any(want.values())
    monkeypatch.setattr(frames, "library", lambda: None)
    assert size_queues(plan) == want


def shrunk(plan):
    """Give layers so little room behind them that the bound cannot be reached."""
    for layer in plan.layers.values():
        layer.depth = layer.row_beats
    return plan


def test_where_the_bound_cannot_be_reached_queues_cost_nothing_more():
    slower = 0
    for seed in range(30):
        rng = np.random.default_rng([14, seed])
        network, _ = random_image_network(rng)
        plan = shrunk(AcceleratorPlan(network, legal_folding(rng, network)))
        if not plan.queues:
            continue
        try:
            depths = size_queues(plan)
        except Standstill:
            continue
        least = run_frames(endless(plan), 400).timing.left
        sized = run_frames(plan.with_depths(depths), 400).timing.left
        assert sized[399] - sized[199] <= -(-(least[399] - least[199]) // 200) * 200
        slower += sized[399] - sized[199] > 200 * plan.bound
    assert slower > 2


def test_a_pipeline_that_stands_still_is_reported():
    network = residual_network(size=8, width=2)
    plan = AcceleratorPlan(network, fold(network, least_cycles(network)))
    next(iter(plan.layers.values())).depth = 0
    with pytest.raises(Standstill, match="stands still"):
        size_queues(plan)


def test_a_network_without_joins_has_no_queues():
    b = ImageBuilder(Unsigned(2), (4, 4), 2, seed=1)
    network = b.done(b.conv("input", 3, Ternary(), Unsigned(2), kernel=(3, 3)))
    assert size_queues(AcceleratorPlan(network, fold(network, least_cycles(network)))) == {}
