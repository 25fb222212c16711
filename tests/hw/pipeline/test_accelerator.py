# amaranth: UnusedElaboratable=no
"""Whole pipelines in Amaranth's simulator against golden, and what a plan refuses."""

import numpy as np
import pytest
from amaranth.hdl import Signal
from amaranth.lib import wiring

from fewbit.golden.network.execute import run
from fewbit.golden.network.graph import Output
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.folding import Folding
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.pipeline.assembly import MOST_INPUT_BITS
from fewbit.hw.targets.named import all_targets
from tests.support.networks import Builder, float_network, folded, random_folding, random_network
from tests.support.stream_bench import STALLS, Bench, assert_varied, entry_beats, from_beats, stream

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed


def check(network, folding, samples, *, stalls=("full rate",), varied=True):
    """Stream ``samples`` through, under each of these `STALLS`; the plan."""
    plan = AcceleratorPlan(network, folding)
    beats = entry_beats(plan, samples)
    want, bench = run(network, samples).edges[network.outputs[0].edge], Bench(Accelerator(plan))
    if varied:
        assert_varied(want)
    for name in stalls:
        count = len(samples) * plan.beats_out
        trace = stream(bench, beats, count, stalls=STALLS[name], quiet=plan.bound + 40)
        got = from_beats(trace.payloads, plan.lanes_out, plan.format.bits, len(samples))[:, : plan.length_out]
        assert (got == plan.format.encode(want)).all(), name
    return plan


def deep():
    """Every activation in one chain."""
    b = Builder(U(8), 14, seed=4, samples=12).threshold(U(3), shared=True)
    b.dense(12, S(3)).threshold(U(2), irregular=True).dense(10, T).threshold(B).dense(11, B)
    return b.rescale(U(6)).dense(9, S(2)).threshold(S(3, True)).dense(7, S(4, True)).score()


FOLDINGS = [
    [(5, 4), (3, 5), (4, 3), (2, 7), (3, 4)], [(12, 14), (10, 12), (11, 10), (9, 11), (7, 9)],
    [(1, 1)] * 5, [(12, 1), (1, 12), (11, 1), (1, 11), (7, 1)],
]  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.long
@pytest.mark.parametrize("pairs", FOLDINGS, ids=["uneven", "unfolded", "one by one", "mixed"])
def test_foldings(pairs):
    b = deep()
    network = b.done()
    check(network, folded(network, pairs), b.samples, stalls=("full rate", "both"))


@pytest.mark.slow
@pytest.mark.long
def test_labels():
    b = deep().argmax()
    network = b.done()
    rng = np.random.default_rng(2)
    plan = check(network, random_folding(rng, network), b.samples, stalls=STALLS)
    assert (plan.length_out, plan.beats_out) == (1, 1)


@pytest.mark.sampled(6)
@pytest.mark.long
@pytest.mark.parametrize("seed", [pytest.param(s, marks=[pytest.mark.slow] * (s >= 10)) for s in range(20)])
def test_random_networks(seed):
    rng = np.random.default_rng([2, seed])
    network = random_network(rng, most=10)
    samples = rng.choice(network.inputs[0].format.values, (12, network.input_shape[0]))
    check(network, random_folding(rng, network), samples, stalls=("both",), varied=False)


def test_float():
    rng = np.random.default_rng(1)
    network = float_network(rng, (6, 5, 4))
    check(network, random_folding(rng, network), rng.normal(size=(8, 6)).astype(np.float32), stalls=("both",))


def test_no_dense_layer():
    b = Builder(U(8), 9).threshold(S(3), shared=True)
    plan = check(b.done(), Folding(), b.samples)
    assert plan.bound == plan.entries[0].beats == plan.beats_out == 9


def test_codes_out_of_a_folding_that_does_not_divide():
    """Padded neurons are cut off at the output too."""
    b = Builder(B, 9).dense(7, B).threshold(U(2))
    plan = check(b.done(), Folding.of(dense0=(4, 3)), b.samples)
    assert plan.length_out == 7 and plan.beats_out * plan.lanes_out >= 7


def test_lanes_of_the_input_follow_the_folding():
    network = Builder(B, 784).dense(16, B).done()
    for pe, simd in [(16, 784), (16, 392), (8, 784), (1, 1), (2, 49), (16, 500)]:
        plan = AcceleratorPlan(network, Folding.of(dense0=(pe, simd)))
        assert plan.entries[0].beats <= plan.bound == plan.layers["dense0"].cycles
        assert plan.entries[0].lanes <= simd
    wide = AcceleratorPlan(Builder(U(8), 784, samples=2).dense(2, B).done(), Folding.of(dense0=(2, 784)))
    assert wide.entries[0].lanes * 8 <= MOST_INPUT_BITS


@pytest.mark.parametrize("target", all_targets(), ids=lambda target: target.name)
def test_planning_makes_no_hardware(monkeypatch, target):
    """A plan is numbers: components, and signals, are made by whoever builds."""

    def made(*_, **__):
        raise AssertionError("hardware was made")

    for kind in (wiring.Component, Signal):
        monkeypatch.setattr(kind, "__init__", made)
    network, rng = deep().done(), np.random.default_rng(5)
    for pairs in FOLDINGS:
        plan = AcceleratorPlan(network, folded(network, pairs), target=target)
    floats = float_network(rng, (6, 5, 4))
    AcceleratorPlan(floats, random_folding(rng, floats), target=target)
    with pytest.raises(AssertionError, match="hardware was made"):
        Accelerator(plan)


def refused(network, folding, text):
    with pytest.raises(ValueError, match=text):
        AcceleratorPlan(network, folding)


def test_refused():
    def network():
        return Builder(B, 6).dense(4, B).threshold(B).dense(3, B).done()

    refused(network(), Folding.of(dense0=(1, 1)), "Folding must name layer 'dense2'")
    refused(network(), Folding.of(dense0=(5, 1), dense2=(1, 1)), "dense0: PE must be in 1 to 4, not 5")
    refused(network(), Folding.of(dense0=(4, 0), dense2=(1, 1)), "dense0: SIMD must be in 1 to 6, not 0")
    two = network()
    two.outputs.append(Output("inner", "e1", np.arange(4)[None]))
    refused(two, Folding.of(dense0=(1, 1), dense2=(1, 1)), "one output tensor, this model has 2")
    unread = network()
    unread.outputs[0] = Output("y", "e1", np.arange(4)[None])
    refused(unread, Folding.of(dense0=(1, 1), dense2=(1, 1)), "dense2: nothing reads what it gives")
    both_ways = network()
    codes = np.tile([-1, 1, -1], (4, 1))
    both_ways.nodes[1] = Threshold("bump", "e0", "e1", np.array([[0, 2]] * 4), codes, B)
    refused(both_ways, Folding.of(dense0=(1, 1), dense2=(1, 1)), "bump: a one-bit code that changes more than once")
