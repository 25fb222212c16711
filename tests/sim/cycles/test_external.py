"""External weights in the cycle model: the compiled engine as the Python one, and bounds of queues."""

from functools import partial

import numpy as np
import pytest

from bench.networks.integer import IntegerNetwork
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles import queues
from fewbit.sim.cycles.engine.description import describe
from fewbit.sim.cycles.engine.library import library
from fewbit.sim.cycles.frames import run_frames
from fewbit.sim.cycles.queue_bounds import bounding_depths, steps_of_frame
from fewbit.sim.cycles.queues import size_queues
from fewbit.sim.cycles.run import Run
from fewbit.sim.cycles.timing import Standstill
from tests.support.outside import small_folding, small_network

FOLDINGS = {
    "slow layers": {}, "narrow port": dict(conv=(4, 12, 1), middle=(3, 5, 2)), "wide port": dict(bus=512),
    "whole frames": dict(conv=(3, 36, 36), middle=(10, 6, 36)),
}  # fmt: skip


@pytest.mark.parametrize("latency", [1, 64, 300])
@pytest.mark.parametrize("options", FOLDINGS.values(), ids=FOLDINGS)
def test_engines_agree(options, latency):
    network, names = small_network()
    plan = AcceleratorPlan(network, small_folding(names, **options), depths={}).of_memory(latency)
    assert library().knows(describe(plan))
    got, want = run_frames(plan, 9), Run(plan, 9).outcome()
    assert got.timing == want.timing and got.repetition == want.repetition


def drawn(rng, pixels, neurons, inputs):
    """A random PE, SIMD and tile of a layer whose weights are outside."""
    pe, simd = int(rng.integers(1, neurons)), int(rng.choice([n for n in range(1, inputs + 1) if inputs % n == 0]))
    return pe, simd, int(rng.choice([n for n in range(1, pixels + 1) if pixels % n == 0]))


def test_the_engine_rests_where_nothing_happens():
    """It leaves layers alone between events that the Python model steps through; whatever the tiles, the sources, the
    memory and the queues, times and repetitions are the same."""
    network, names = small_network()
    few = many = 0
    for seed in range(2):
        rng = np.random.default_rng([3, seed])
        sizes = dict(conv=drawn(rng, 36, 12, 4), middle=drawn(rng, 36, 10, 12), last=drawn(rng, 1, 10, 10))
        folding = small_folding(names, bus=int(rng.choice([64, 128, 256])), **sizes)
        plan = AcceleratorPlan(network, folding, depths={}).of_memory(int(rng.integers(1, 200)))
        for period in (0, plan.bound + int(rng.integers(100))):
            got, want = run_frames(plan, 7, period=period), Run(plan, 7, period=period).outcome()
            assert got.timing == want.timing and got.repetition == want.repetition, (seed, period)
            few, many = few + got.steps, many + want.steps
    assert 3 * few < 2 * many


def test_branches_with_queues_of_any_depth():
    plan = residual()
    for seed in range(2):
        rng = np.random.default_rng([4, seed])
        given = plan.of_memory(int(rng.integers(1, 100)))
        given = given.with_depths({name: int(rng.choice([2, 9, 60, 400])) for name in given.queues})
        for period in (0, plan.bound):
            got = outcome(partial(run_frames, given, 5, period=period))
            assert got == outcome(Run(given, 5, period=period).outcome)


def outcome(run):
    """Times, repetition and needs of a run, or the message with which it stands still."""
    try:
        found = run()
    except Standstill as error:
        return str(error)
    return found.timing, found.repetition, found.needs


def test_interval_is_that_of_compute_or_of_the_port():
    network, names = small_network()
    slow = AcceleratorPlan(network, small_folding(names), depths={})
    assert slow.bound == max(plan.cycles for plan in slow.layers.values())
    assert run_frames(slow, 12).timing.interval == slow.bound
    port = AcceleratorPlan(network, small_folding(names, conv=(4, 36, 1), middle=(10, 6, 1)), depths={})
    beats = sum(p.beats_frame for p in port.layers.values() if p.name in port.weight_port.of_channels("name"))
    assert port.bound == beats > max(plan.cycles for plan in port.layers.values())
    assert beats <= run_frames(port, 12).timing.interval <= 1.1 * beats


def residual():
    """Return a plan with a branch of three external layers beside one without any."""
    net = IntegerNetwork("residual", (8, 8, 8), Unsigned(4))
    net.conv(8, 3, Signed(4, True))
    net.quantize(Unsigned(4))
    shortcut = net.x
    for neurons, kernel in ((6, 1), (6, 3), (8, 1)):
        net.conv(neurons, kernel, Signed(4, True))
        net.quantize(Unsigned(4))
    net.add(shortcut)
    net.quantize(Unsigned(4))
    network = net.done()
    names = [node.name for node in network.nodes if hasattr(node, "weights")]
    foldings = [LayerFolding(2, 8)] + [
        LayerFolding(pe, simd, weights="external", tile=tile) for pe, simd, tile in ((1, 2, 8), (3, 2, 16), (2, 1, 4))
    ]
    return AcceleratorPlan(network, Folding(dict(zip(names, foldings, strict=True)), bus=64))


def test_bounds_of_queues_are_as_good_as_endless_ones():
    plan = residual()
    bounds = bounding_depths(plan)
    assert bounds.keys() == plan.queues.keys() and all(depth >= 2 for depth in bounds.values())
    endless = run_frames(plan.with_depths(dict.fromkeys(bounds, 1 << 40)), 12)
    found = run_frames(plan.with_depths(bounds), 12)
    assert found.timing == endless.timing
    sized = size_queues(plan)
    assert all(sized[name] <= depth for name, depth in bounds.items())
    assert sum(sized.values()) < sum(bounds.values())
    # Without enough room branches would wait for each other for ever, or longer.
    assert np.sum(list(sized.values())) > 0


def test_large_plans_have_bounds(monkeypatch):
    plan = residual()
    steps = run_frames(plan.with_depths(bounding_depths(plan)), 1).steps
    assert 0.5 * steps < steps_of_frame(plan) < 2 * steps
    monkeypatch.setattr(queues, "_MOST_FRAME", steps_of_frame(plan) - 1)
    assert size_queues(plan) == bounding_depths(plan)
