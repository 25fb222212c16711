"""The formulas that folding goes by: close to synthesis, and in the order that they must have."""

import pytest

from bench.sections.estimate import LAYER, TOTAL, measured, off
from fewbit.flow.folding.cost import cost_of_layer, cost_of_unit
from fewbit.flow.folding.folding import layers_of
from fewbit.flow.folding.search import estimate_all, with_dsps
from fewbit.golden.importing.importer import import_model


@pytest.mark.tools
@pytest.mark.parametrize("name", ["digits/w1a1", pytest.param("digits-cnn/w2a2", marks=pytest.mark.slow)])
def test_close_to_synthesis(name):
    found = measured(name)
    assert abs(off(found["total"])) <= TOTAL
    assert {n: pair for n, pair in found["layers"].items() if abs(off(pair)) > LAYER} == {}


def test_more_parallel_costs_more():
    (layer, *_) = layers_of(import_model("examples/digits/w1a1.onnx")).values()
    costs = [cost_of_unit(layer, pe, 32).lut for pe in (1, 2, 4, 8, 16, 32)]
    assert costs == sorted(costs) and costs[-1] > 10 * costs[0]
    wide = [cost_of_layer(layer, 4, simd).lut for simd in (1, 2, 4, 8, 16, 32)]
    assert wide == sorted(wide)


def test_dsps_go_where_they_save_the_most():
    network = import_model("examples/digits/w4a4.onnx")
    layers = layers_of(network)
    folding = {name: (8, 8) if name != "dense2" else (2, 8) for name in layers}
    whole = estimate_all(network, layers, folding).lut
    sums = with_dsps(network, folding, 4)  # two accumulators share one: 64 products would not even fit
    assert [f[2:] for f in sums.values()] == [("sums",), (), ()]
    few = with_dsps(network, folding, 20)
    assert sorted(f[2:] for f in few.values()) == [(), ("dsp",), ("sums",)] and layers["dense0"].dsps(8, 8) == 16
    all_of_them = with_dsps(network, folding, 90)
    assert all(folded[2:] == ("dsp",) for folded in all_of_them.values())
    saved = [whole - estimate_all(network, layers, f).lut for f in (sums, few, all_of_them)]
    assert 0 < saved[0] < saved[1] < saved[2] and saved[2] > 0.15 * whole
    assert with_dsps(network, folding, 0) == folding
