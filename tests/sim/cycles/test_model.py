"""The cycle model against Amaranth's simulator, cycle by cycle, and no bubble in any folding."""

import numpy as np
import pytest

from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
from fewbit.hw.gearbox_plan import GearboxPlan
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.cycles.timing import Timing
from tests.support.networks import Builder, float_network, folded, random_folding, random_network
from tests.support.stream_bench import entry_beats, stream

LARGE = 7  # this random network takes as long as the others together


def wide_to_narrow(samples=24):
    """13 raw bytes, 11, 9 and 5 neurons: sizes that hardly anything divides."""
    b = Builder(Unsigned(8), 13, seed=1, samples=samples).threshold(Unsigned(2), shared=True)
    b.dense(11, Signed(3)).threshold(Unsigned(3)).dense(9, Signed(2, True)).threshold(Bipolar(), irregular=True)
    return b.dense(5, Bipolar())


FOLDINGS = {
    "unfolded": [(11, 13), (9, 11), (5, 9)],
    "one by one": [(1, 1), (1, 1), (1, 1)],
    "nothing divides": [(4, 5), (5, 4), (2, 7)],
    "first bounds": [(3, 4), (9, 11), (5, 9)],
    "middle bounds": [(11, 13), (2, 3), (5, 9)],
    "last bounds": [(11, 13), (9, 11), (1, 2)],
    "one row": [(11, 3), (9, 2), (5, 4)],
    "one step": [(2, 13), (4, 11), (3, 9)],
    "all take as long": [(11, 1), (4, 3), (2, 3)],
}


def times(plan, samples):
    """When each frame's first beat entered and its last one left, in the simulated hardware."""
    beats = entry_beats(plan, samples)
    trace = stream(Accelerator(plan), beats, len(samples) * plan.beats_out, quiet=plan.bound + 20)
    return trace.taken[:: plan.entries[0].beats], trace.given[plan.beats_out - 1 :: plan.beats_out]


@pytest.mark.sampled(18)
@pytest.mark.long
@pytest.mark.parametrize("end", ["accumulators", "label"])
@pytest.mark.parametrize("name", FOLDINGS)
def test_every_result_when_predicted(name, end):
    b = wide_to_narrow()
    network = (b if end == "accumulators" else b.argmax()).done()
    plan = AcceleratorPlan(network, folded(network, FOLDINGS[name]))
    entered, left = times(plan, b.samples)
    timing = predict(plan, len(b.samples))
    assert (entered, left) == (timing.entered, timing.left)
    assert steady_interval(left) == plan.bound


@pytest.mark.sampled(6)
@pytest.mark.long
@pytest.mark.parametrize("seed", [pytest.param(s, marks=[pytest.mark.slow] * (s == LARGE)) for s in range(12)])
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, most=12)
    plan = AcceleratorPlan(network, random_folding(rng, network))
    samples = rng.choice(network.inputs[0].format.values, (16, network.input_shape[0]))
    timing = predict(plan, len(samples))
    assert times(plan, samples) == (timing.entered, timing.left)


@pytest.mark.parametrize("pairs", [
    [(2, 3), (1, 4)], pytest.param([(5, 7), (3, 5)], marks=pytest.mark.slow),
], ids=str)  # fmt: skip
def test_float(pairs):
    rng = np.random.default_rng(3)
    network = float_network(rng, (7, 5, 3))
    random_folding(rng, network)
    plan = AcceleratorPlan(network, folded(network, pairs))
    timing = predict(plan, 8)
    assert times(plan, rng.normal(size=(8, 7)).astype(np.float32)) == (timing.entered, timing.left)


def without_bubbles(plan):
    frames = 16 + plan.frames_inside
    left = predict(plan, 2 * frames).left
    return set(np.diff(left[frames:])) == {plan.bound}


def test_no_bubbles_whatever_the_folding():
    """Hundreds of networks and foldings in the model alone; what bounds them must be of every kind."""
    bounds = {"layer": 0, "input": 0, "output": 0, "gearbox": 0, "one cycle": 0}
    for seed in range(300):
        rng = np.random.default_rng([7, seed])
        network = random_network(rng, most=24)
        plan = AcceleratorPlan(network, random_folding(rng, network))
        assert without_bubbles(plan), f"network {seed}: bubbles with {plan.bound} cycles a frame"
        layers = [layer.cycles for layer in plan.layers.values()]
        assert plan.bound == max(*layers, plan.entries[0].beats, plan.beats_out)
        tight = [max(s.plan.beats_in, s.plan.beats_out) for s in plan.stages if isinstance(s.plan, GearboxPlan)]
        bounds["layer"] += max(layers) == plan.bound > max(plan.entries[0].beats, plan.beats_out)
        bounds["input"] += plan.entries[0].beats == plan.bound
        bounds["output"] += plan.beats_out == plan.bound
        bounds["gearbox"] += plan.bound in tight
        bounds["one cycle"] += plan.bound == 1
    assert min(bounds.values()) >= 3, bounds


def test_the_widest_input_bounds():
    """No beat is wider than AXI4-Stream's 512 bytes, so a large input may take longer than unfolded layers."""
    b = Builder(Unsigned(8), 1500, samples=4).threshold(Bipolar(), shared=True).dense(2, Bipolar())
    network = b.done()
    plan = AcceleratorPlan(network, folded(network, [(2, 1500)]))
    assert (plan.entries[0].lanes, plan.entries[0].beats, plan.bound) == (512, 3, 3)
    assert without_bubbles(plan)


def test_no_bubbles_in_float():
    for seed in range(40):
        rng = np.random.default_rng([8, seed])
        network = float_network(rng, rng.integers(1, 20, size=rng.integers(2, 5)).tolist())
        assert without_bubbles(AcceleratorPlan(network, random_folding(rng, network)))


@pytest.mark.parametrize("kind, attribute", [(LayerPlan, "depth"), (GearboxPlan, "capacity")])
def test_sizes_are_what_keeps_bubbles_out(kind, attribute):
    """The search above means something: with less room in the queues, it finds bubbles."""
    found = 0
    for seed in range(60):
        rng = np.random.default_rng([7, seed])
        network = random_network(rng, most=24)
        plan = AcceleratorPlan(network, random_folding(rng, network))
        for stage in plan.stages:
            if isinstance(stage.plan, kind):
                least = stage.plan.row_beats if kind is LayerPlan else stage.plan.most
                size = max(least, getattr(stage.plan, attribute) * 2 // 3)
                setattr(stage.plan, attribute, size)
        try:
            found += not without_bubbles(plan)
        except RuntimeError:  # it stands still
            found += 1
    assert found >= 3


def test_timing_figures():
    timing = Timing(entered=[0, 4, 8, 12, 16], left=[9, 20, 24, 29, 33])
    assert timing.latency == 9
    assert timing.interval == 4.5
    assert steady_interval([5]) is None and steady_interval([]) is None
    assert steady_interval([5, 9]) == 4
    assert isinstance(steady_interval([0, 3, 6, 9]), int)


def test_a_pipeline_that_stands_still_is_reported():
    network = wide_to_narrow().done()
    plan = AcceleratorPlan(network, folded(network, FOLDINGS["nothing divides"]))
    plan.stages[-1].plan.depth = 0
    with pytest.raises(RuntimeError, match="stands still"):
        predict(plan, 4)
