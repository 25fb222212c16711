# amaranth: UnusedElaboratable=no
"""Random networks on images: bits against golden and cycles against the model, in Verilator and in Amaranth."""

import numpy as np
import pytest

from fewbit.golden.network.execute import run
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import emit
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.cycles.queues import size_queues
from fewbit.sim.simulators.kinds.verilator import Verilator
from fewbit.sim.simulators.run import simulate
from tests.support.image_networks import legal_folding, random_gated_network, random_image_network
from tests.support.stream_bench import STALLS, entry_beats, from_beats, stream

FEW = (1, 2, 5)  # in `make test`, small ones
MANY = 100


def planned(seed, draw=random_image_network):
    rng = np.random.default_rng([9, seed])
    network, samples = draw(rng)
    folding = legal_folding(rng, network)
    plan = AcceleratorPlan(network, folding)
    return network, samples, plan.with_depths(size_queues(plan))


def expected(network, samples):
    return run(network, samples).edges[network.outputs[0].edge]


def seeds(count, quick, large):
    """Those up to ``quick`` that are not ``large`` are for `make test`, the others slow."""
    return [pytest.param(s, marks=[pytest.mark.slow] * (s >= quick or s in large)) for s in range(count)]


@pytest.mark.long
@pytest.mark.parametrize("seed", seeds(MANY, quick=50, large=(25, 27)))
def test_no_bubbles(seed):
    """In steady state the interval is that of the slowest stage, whatever else there is."""
    _, _, plan = planned(seed)
    left = predict(plan, 24).left
    assert left[23] - left[15] == 8 * plan.bound


@pytest.mark.long
@pytest.mark.parametrize("seed", seeds(24, quick=8, large=()))
def test_gates_make_no_bubbles(seed):
    """Nor where one branch waits for what the other one makes of a whole frame."""
    _, _, plan = planned(seed, random_gated_network)
    left = predict(plan, 24).left
    assert left[23] - left[15] == 8 * plan.bound


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("seed", seeds(12, quick=12, large=(3, 9)))
def test_in_amaranth_with_stalls(seed):
    network, samples, plan = planned(1000 + seed)
    samples = samples[:3]
    beats = entry_beats(plan, samples)
    trace = stream(
        Accelerator(plan), beats, len(samples) * plan.beats_out, stalls=STALLS["both"], quiet=plan.bound + 40
    )
    got = from_beats(trace.payloads, plan.lanes_out, plan.format.bits, len(samples))[:, : plan.length_out]
    assert plan.format.decode(got).tolist() == expected(network, samples).tolist()


def check(seed, folder, draw=random_image_network):
    network, samples, plan = planned(seed, draw)
    samples = np.concatenate([samples] * 4)
    (folder / "accelerator.v").write_text(emit(plan))
    Verilator().build(folder / "accelerator.v", folder / "sim", quick=True)
    found = simulate(folder / "sim", plan, samples, expected(network, samples))
    assert (found.frames, found.mismatches, found.problems) == (len(samples), 0, [])
    assert found.left == predict(plan, len(samples)).left
    assert steady_interval(found.left) == plan.bound


@pytest.mark.sampled(3)
@pytest.mark.tools
@pytest.mark.parametrize("seed", FEW)
def test_in_verilator(seed, scratch):
    check(seed, scratch)


@pytest.mark.slow
@pytest.mark.tools
@pytest.mark.parametrize("seed", seeds(12, quick=1, large=()))
def test_gates_in_verilator(seed, scratch):
    check(seed, scratch, random_gated_network)


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("seed", sorted({*range(MANY)} - {*FEW}))
def test_in_verilator_many(seed, scratch):
    check(seed, scratch)
