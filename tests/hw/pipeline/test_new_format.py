# amaranth: UnusedElaboratable=no
"""A format that nobody has heard of goes through every kind of stage: what it says of itself is enough."""

from dataclasses import dataclass

import numpy as np
import pytest

from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.execute import run
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.network.spatial import Upsample, View
from fewbit.golden.numbers.format import IntegerFormat, kinds_of_format
from fewbit.golden.numbers.formats import Signed, Ternary, parse_format
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles.model import predict
from fewbit.sim.cycles.queues import size_queues
from tests.support.image_networks import ImageBuilder, legal_folding
from tests.support.stream_bench import STALLS, entry_beats, from_beats, stream


@dataclass(frozen=True)
class Excess(IntegerFormat):
    """Offset binary: a code is the value plus ``bias``, as exponents of floats are written."""

    bits: int
    bias: int

    TEXT = "excess([0-9]+) of ([0-9]+)"

    @property
    def origin(self):
        return -self.bias

    @property
    def lo(self):
        return -self.bias

    @property
    def hi(self):
        return (1 << self.bits) - 1 - self.bias

    def __str__(self):
        return f"excess{self.bits} of {self.bias}"

    @classmethod
    def examples(cls):
        return [cls(4, 5), cls(3, 7)]


def test_it_has_a_text():
    assert Excess in kinds_of_format() and parse_format("excess4 of 5") == Excess(4, 5)
    assert Excess(4, 5).describe() == "unsigned, 4 bits"


@pytest.mark.parametrize("w_format", [Ternary(), Signed(3)], ids=str)
def test_its_products(w_format):
    x_format = Excess(4, 5)
    terms = product_terms(x_format, w_format)
    x, w = (a.reshape(-1) for a in np.meshgrid(x_format.values, w_format.values))
    planes = [[code >> k & 1 == 1 for k in range(f.bits)] for f, code in ((x_format, x_format.encode(x)),
                                                                       (w_format, w_format.encode(w)))]  # fmt: skip
    heap = sum(np.asarray(bit).astype(np.int64) << e for bit, e in terms.terms(*planes))
    assert (terms.scale * heap + terms.offset(w) == x * w).all()


def convolutional(seed):
    """Windows with padding, layers, a pool, a sum and a concatenation of branches, enlargement, single codes."""
    b = ImageBuilder(Excess(4, 5), (4, 6), 2, seed=seed, samples=3)
    same = dict(kernel=(3, 3), pads=(1, 1, 1, 1))
    x = b.threshold("input", Excess(3, 4))
    left = b.conv(x, 2, Signed(3), Excess(3, 2), **same)
    right = b.conv(x, 2, Ternary(), Excess(4, 2), kernel=(1, 1))
    x = b.concat(left, b.threshold(b.add(left, right), Excess(3, 2)))
    x = b.then(Upsample, b.pool(x, kernel=(2, 2), stride=(2, 2)), (2, 3), (1, 2))
    factors = np.full(4, 5), np.arange(4)
    x = b.then(Rescale, x, *factors, 2, Excess(4, 6))
    x = b.then(Rescale, b.dense(x, 4, Signed(4, True)), *factors, 5, Excess(4, 6))
    return b.done(b.then(ArgMax, b.then(View, x))), b.samples


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_it_goes_through_every_stage(seed):
    network, samples = convolutional(seed)
    folding = legal_folding(np.random.default_rng(seed), network)
    plan = AcceleratorPlan(network, folding)
    plan = plan.with_depths(size_queues(plan))
    assert isinstance(plan.entries[0].format, Excess)
    beats = entry_beats(plan, samples)
    stalls = STALLS["both"] if seed else STALLS["full rate"]
    trace = stream(Accelerator(plan), beats, len(samples) * plan.beats_out, stalls=stalls, quiet=plan.bound + 40)
    got = from_beats(trace.payloads, plan.lanes_out, plan.format.bits, len(samples))[:, : plan.length_out]
    want = run(network, samples)
    assert plan.format.decode(got).tolist() == want.edges[network.outputs[0].edge].tolist()
    for node in network.nodes[:-2]:  # not vacuous: no value of any edge is nearly all of them
        assert np.unique(want.edges[node.y], return_counts=True)[1].max() < 0.9 * want.edges[node.y].size, node
    if not seed:
        assert trace.given[plan.beats_out - 1 :: plan.beats_out] == predict(plan, len(samples)).left
