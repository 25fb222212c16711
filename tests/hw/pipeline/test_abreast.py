# amaranth: UnusedElaboratable=no
"""Several pixels at a time: the same network in golden, the same bits in Amaranth, the promised cycles."""

import numpy as np
import pytest

from fewbit.flow.folding.files import read_folding
from fewbit.flow.folding.folding import default_folding, fold
from fewbit.flow.folding.layers import layers_of
from fewbit.golden.network.execute import run
from fewbit.golden.network.spatial import View
from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
from fewbit.hw.folding import Folding, FoldingError, LayerFolding
from fewbit.hw.pipeline.abreast import set_abreast
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles.model import predict
from tests.support.image_networks import ImageBuilder, legal_folding, random_image_network
from tests.support.stream_bench import STALLS, entry_beats, from_beats, stream

SAME = dict(kernel=(3, 3), pads=(1, 1, 1, 1))


def pooled(pool, activation):
    """Padded convolution of 8x8 raw pixels, pool, strided convolution, a 1x1 one, and a dense layer."""
    b = ImageBuilder(Unsigned(3), (8, 8), 2, seed=5)
    x = b.conv("input", 4, Bipolar(), activation, **SAME)
    x = b.pool(x, **pool)
    x = b.conv(x, 6, Bipolar(), activation, kernel=(2, 2), stride=(2, 2))
    x = b.conv(x, 4, Bipolar(), activation, kernel=(1, 1))
    x = b.dense(b.then(View, x), 5, Signed(3))
    return b.done(x), b.samples


POOLS = {
    "2x2": dict(kernel=(2, 2), stride=(2, 2)),
    "3x3 overlapping": dict(kernel=(3, 3), pads=(1, 1, 1, 1)),
    "3x3 strided": dict(kernel=(3, 3), stride=(2, 2), pads=(1, 1, 0, 0)),
}


@pytest.mark.parametrize("seed", range(30))
def test_golden_gives_the_same(seed):
    rng = np.random.default_rng([3, seed])
    network, samples = random_image_network(rng)
    widest = {n: LayerFolding(pe := layer.pes()[-1], layer.simds(pe)[0]) for n, layer in layers_of(network).items()}
    folding = Folding(widest) if seed % 2 else legal_folding(rng, network)
    edge = network.outputs[0].edge
    got = run(set_abreast(network, folding, network.edges()), samples).edges[edge]
    assert got.tolist() == run(network, samples).edges[edge].tolist()


@pytest.mark.sampled(9)
@pytest.mark.long
@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
@pytest.mark.parametrize("activation, cycles", [
    (Bipolar(), 64), (Bipolar(), 40), (Signed(3), 64),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in ((Signed(3), 40), (Bipolar(), 24), (Signed(3), 24))),
], ids=str)  # fmt: skip
def test_bits_and_cycles(pool, cycles, activation):
    network, samples = pooled(pool, activation)
    folding = fold(network, cycles)
    plan = AcceleratorPlan(network, folding)
    left = predict(plan, 16).left
    assert left[15] - left[7] == 8 * plan.bound
    assert plan.bound <= cycles
    samples = samples[:3]
    beats = entry_beats(plan, samples)
    trace = stream(
        Accelerator(plan), beats, len(samples) * plan.beats_out, stalls=STALLS["both"], quiet=plan.bound + 40
    )
    got = from_beats(trace.payloads, plan.lanes_out, plan.format.bits, len(samples))[:, : plan.length_out]
    want = run(network, samples).edges[network.outputs[0].edge]
    assert plan.format.decode(got).tolist() == want.tolist()


def test_the_first_layer_is_fast_only_when_it_must_be():
    network, _ = pooled(POOLS["2x2"], Bipolar())
    assert fold(network, 80)["dense1"].pe <= 4
    assert fold(network, 48)["dense1"] == LayerFolding(8, 18)


def test_an_illegal_pe_is_refused_with_the_legal_ones(tmp_path):
    network, _ = pooled(POOLS["2x2"], Bipolar())
    folding = Folding({**default_folding(network), "dense1": LayerFolding(12, 18)})
    file = tmp_path / "fold.json"
    file.write_text(folding.to_json())
    with pytest.raises(FoldingError, match=r"dense1: pe must be a whole number from 1 to 4, 8, 16 or 32, not 12"):
        read_folding(file, network)
    with pytest.raises(ValueError, match=r"dense1: PE must be in 1 to 4, or one of 8, 16, 32, not 12"):
        AcceleratorPlan(network, folding)
