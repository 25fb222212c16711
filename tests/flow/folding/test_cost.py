"""The formulas that folding goes by: close to synthesis, and in the order that they must have."""

import numpy as np
import pytest

from bench.sections.estimate import LAYER, TOTAL, measured, off
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.folding import cost
from fewbit.flow.folding.cost import Cost, cost_of_layer, cost_of_pool, cost_of_unit, total
from fewbit.flow.folding.folding import default_folding
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import estimate, estimate_all, with_dsps
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.window import Window
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.arrays.cost import rom_placement
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.memory.buffers import writable_placement
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import emit
from fewbit.hw.targets.named import USUAL
from fewbit.places import HOME
from tests.support.networks import Builder, float_network, folded


@pytest.mark.slow
@pytest.mark.tools
@pytest.mark.parametrize("name", ["digits/w1a1", pytest.param("digits-cnn/w2a2", marks=pytest.mark.slow)])
def test_close_to_synthesis(name):
    found = measured(name)
    assert abs(off(found["total"])) <= TOTAL
    assert {n: pair for n, pair in found["layers"].items() if abs(off(pair)) > LAYER} == {}


def test_more_parallel_costs_more():
    (layer, *_) = layers_of(import_model("examples/digits/w1a1.onnx")).values()
    costs = [cost_of_unit(layer, LayerFolding(pe, 32)).lut for pe in (1, 2, 4, 8, 16, 32)]
    assert costs == sorted(costs) and costs[-1] > 10 * costs[0]
    wide = [cost_of_layer(layer, LayerFolding(4, simd)).lut for simd in (1, 2, 4, 8, 16, 32)]
    assert wide == sorted(wide)


def test_dsps_go_where_they_save_the_most():
    network = import_model("examples/digits/w4a4.onnx")
    layers = layers_of(network)
    folding = Folding.of(fc1=(8, 8), fc2=(8, 8), logits=(2, 8))
    whole = estimate_all(layers, folding).lut
    sums = with_dsps(network, folding, 4)  # two accumulators share one: 64 products would not even fit
    assert [f.products for f in sums.values()] == ["sums", None, None]
    few = with_dsps(network, folding, 20)
    assert {f.products for f in few.values()} == {None, "dsp", "sums"}
    assert layers["fc1"].dsps(layers["fc1"].shape(folding["fc1"])) == 16
    all_of_them = with_dsps(network, folding, 90)
    assert all(folded.products == "dsp" for folded in all_of_them.values())
    saved = [whole - estimate_all(layers, f).lut for f in (sums, few, all_of_them)]
    assert 0 < saved[0] < saved[1] < saved[2] and saved[2] > 0.15 * whole
    assert with_dsps(network, folding, 0) == folding


# By construction


def only_layer(network, *arguments):
    """The `FoldableLayer` of a network of one, its `LayerPlan` in a `LayerFolding` of the arguments, and that."""
    folding = folded(network, [arguments])
    ((name, layer),) = layers_of(network).items()
    return layer, AcceleratorPlan(network, folding, target=USUAL).layers[name], folding[name]


@pytest.mark.long
@pytest.mark.parametrize("pe, simd", [(1, 1), (3, 5), (4, 8), (8, 24), (7, 24)])
@pytest.mark.parametrize("products", ["dsp", "sums"])
@pytest.mark.parametrize("x, w", [(Unsigned(4), Signed(4, True)), (Unsigned(2), Signed(3)), (Unsigned(8), Signed(8))],
                         ids=str)  # fmt: skip
def test_dsps_are_those_of_the_plan(x, w, products, pe, simd):
    layer, plan, folding = only_layer(Builder(x, 24, seed=5).dense(8, w).threshold(Unsigned(2)).done(),
                                      pe, simd, products)  # fmt: skip
    assert plan.dsps == plan.array.dsps
    # What synthesis makes of LUTs, a product of few bits alone, is no DSP.
    assert plan.dsps or (products == "dsp" and pe == simd == 1 and x.bits + w.bits <= 9)
    if products == "sums":  # the estimate's accumulator is as wide as the formats need, the plan's as the weights do
        assert plan.dsps <= cost_of_unit(layer, folding).dsp <= pe
    else:
        assert cost_of_unit(layer, folding).dsp == plan.dsps


@pytest.mark.parametrize("pe, simd", [(1, 1), (2, 3), (5, 7)])
def test_dsps_of_float32_are_those_of_the_plan(pe, simd):
    layer, plan, folding = only_layer(float_network(np.random.default_rng(1), (7, 5)), pe, simd)
    assert cost_of_unit(layer, folding).dsp == plan.dsps == 2 * pe * simd


@pytest.mark.sampled(2)
@pytest.mark.parametrize("pe, simd", [(1, 1), (1, 8), (2, 12), (4, 24), (8, 16), (16, 8), (32, 24), (64, 24)])
@pytest.mark.parametrize("w", [Bipolar(), Ternary(), Signed(4)], ids=str)
def test_weights_are_where_the_plan_has_them(w, pe, simd):
    """Columns of random weights of a few words and more are all unlike, so the formula knows their number."""
    network = Builder(Unsigned(2), 192, seed=3).dense(256, w).threshold(Unsigned(2)).done()
    _, plan, _ = only_layer(network, pe, simd, "plain")
    found = plan.weights.placement
    assert plan.shape.words >= 32
    assert rom_placement(w.bits * pe * simd, plan.shape.words) == found and found.luts + found.bram18 > 0


# Computed by hand


def test_a_float32_layer():
    """Steps and rows of 2 and 3: a replay memory of 64 bits by 4 (44 LUTs) and its counters (6.2 + 2*2.6 + 18), 6
    words of weights, of whose 64 columns 40 are unlike (20 LUTs), two multipliers and a PE. Flip-flops are those of
    two steps' codes, counters, unlike columns, multipliers and PE; the replay memory is in LUTs.
    """
    layer, _, folding = only_layer(float_network(np.random.default_rng(1), (4, 3)), 1, 2)
    found = cost_of_unit(layer, folding)
    assert (found.lut, found.bram18, found.dsp) == (pytest.approx(44 + 29.4 + 20 + 2 * 560 + 450), 0, 4)
    assert found.lutram == 44
    assert found.ff == pytest.approx(128 + 11.4 + 20 + 40 + 2 * 620 + 500 + 64)
    assert cost_of_layer(layer, folding).lut == pytest.approx(1663.4 + 1.4 * 2 * 32 + 15)


def test_a_layer_of_constants():
    """4 PEs of 8 one-bit inputs, each ``0.27*8 + 10`` LUTs; 21, and a FIFO of 4 bits, a RAM32M, behind them."""
    network = Builder(Bipolar(), 8, seed=2).dense(4, Bipolar()).threshold(Bipolar()).done()
    layer, plan, folding = only_layer(network, 4, 8)
    assert plan.numbers.constant
    unit, whole = cost_of_unit(layer, folding), cost_of_layer(layer, folding)
    assert unit.lut == pytest.approx(4 * (0.27 * 8 + 10) + 21 + 4) and unit.lutram == 4
    assert unit.ff == pytest.approx(16 + 20 + 1.1 * 48.64 + 16)  # two steps' codes, counters, constants, the FIFO's
    assert whole.lut == pytest.approx(48.64 + 25 + 1.4 * 8 + 15) and whole.ff == pytest.approx(unit.ff + 1.5 * 8 + 8)
    assert (whole.bram18, whole.uram, whole.dsp) == (0, 0, 0)


def test_a_pool():
    """2 x 2 of 4 bits in 8 channels: a ring of 3 rows of 8 pixels, in one lane or in two.

    192 words of 4 bits are 6 RAM64M of 4 LUTs, with addresses of 8 bits; 96 words of 8 bits as many, of 7 bits.
    """
    window = Window(size=(8, 8), kernel=(2, 2), stride=(2, 2))
    edge = Edge(Unsigned(4), np.zeros(8, int), np.full(8, 15), (8, 8))
    slow, fast = (cost_of_pool(window, edge, cycles) for cycles in (64 * 8, 64 * 8 - 1))
    assert slow == Cost(24 + 20 * 8 - 15 + 4 + 26, ff=2 * 4 + 8 * 8 + 40, lutram=24)
    assert fast == Cost(24 + 20 * 7 - 15 + 8 + 26, ff=2 * 8 + 8 * 7 + 40, lutram=24)


def test_costs_add_up():
    assert Cost(1.5, 2, 3) + Cost(2.25, 1, 0) == Cost(3.75, 3, 3)
    assert Cost(1, ff=2, lutram=3, uram=4) + Cost(1, ff=1, lutram=1, uram=1) == Cost(2, ff=3, lutram=4, uram=5)
    assert total([Cost(100, 1, 2, ff=7), Cost(50, 0, 1, uram=1)]) == Cost(
        cost.FLATTENED * 150 + cost.OVERHEAD, 1, 3, ff=7 + cost.OVERHEAD_FF, uram=1
    )
    assert Cost(3.75, 3, 3).row == {"lut": 4, "bram18": 3, "dsp": 3}
    assert Cost(3.75, 3, 3, 1.2).by_resource == {"lut": 4, "ff": 1, "lutram": 0, "bram18": 3, "uram": 0, "dsp": 3}


# In order


@pytest.mark.parametrize("products", [None, "dsp", "sums"])
@pytest.mark.parametrize("levels", [2, 4, 16])
def test_a_larger_pe_or_simd_never_takes_less(products, levels):
    """Of those that divide the layer: arrays grow by more than memories become less, and DSPs with them."""
    network = Builder(Unsigned(4), 64, seed=1).dense(32, Signed(4, True)).threshold(Unsigned((levels - 1).bit_length()))
    (layer,) = layers_of(network.done()).values()
    sizes = [1, 2, 4, 8, 16]
    by_size = {(pe, simd): cost_of_layer(layer, LayerFolding(pe, simd, products)) for pe in sizes for simd in sizes}
    for (pe, simd), found in by_size.items():
        for wider in (2 * pe, simd), (pe, 2 * simd):
            if wider in by_size:
                assert found.lut < by_size[wider].lut and found.dsp <= by_size[wider].dsp


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("x, w, y, pe, simd", [
    (Bipolar(), Bipolar(), Bipolar(), 4, 16), (Unsigned(2), Ternary(), Unsigned(2), 4, 8),
    (Unsigned(4), Signed(4, True), Unsigned(4), 2, 8),
], ids=str)  # fmt: skip
def test_small_layers_are_close_to_synthesis(x, w, y, pe, simd, scratch):
    network = Builder(x, 64, seed=4).dense(32, w).threshold(y).done()
    folding = folded(network, [(pe, simd)])
    layers = layers_of(network)
    (scratch / "accelerator.v").write_text(emit(AcceleratorPlan(network, folding, target=USUAL)))
    found = synthesize(scratch / "accelerator.v", "accelerator", directory=scratch)
    assert abs(estimate_all(layers, folding).lut / found.lut - 1) <= 0.2, found.lut


@pytest.mark.parametrize("model", ["digits/w1a1", "digits/w4a4", "digits/w8a8", "digits-cnn/w2a2"])
def test_loadable_memories_are_counted_as_they_are_placed(model):
    """Block RAM by the formulas is that of the plan; nothing is smaller than with fixed weights but for block RAM."""
    network = import_model(HOME / "examples" / f"{model}.onnx")
    layers, fixed = layers_of(network), default_folding(network)
    folding = fixed.with_weights("loadable")
    plan = AcceleratorPlan(network, folding, depths={}, target=USUAL)
    for name, layer in layers.items():
        placed = [writable_placement(c.width, len(c.words)) for c in plan.layers[name].memories.values()]
        cost, before = cost_of_unit(layer, folding[name]), cost_of_unit(layer, fixed[name])
        assert cost.bram18 == sum(found.bram18 for found in placed)
        assert cost.lut > sum(found.luts for found in placed)
        assert cost.lut + 200 * cost.bram18 > before.lut + 200 * before.bram18
    assert estimate_all(layers, folding).lut > sum(cost.lut for cost in estimate(layers, folding).values())
